import { account, become, codeAt, expect, look, portal, signOut, test } from "../candour";

test("a stranger is led to the front door, and can read what the portal promises", async ({ page }) => {
  await page.goto("/");
  await expect(page).toHaveURL(/\/sign-in$/);
  await look(page, "sign-in");
  await page.getByRole("link", { name: "What this portal promises, and what it does not" }).click();
  await expect(page.getByRole("heading", { name: "What does not hold" })).toBeVisible();
  await look(page, "trust");
  await page.goto("/home");
  await expect(page).toHaveURL(/\/sign-in$/);
});

test("a patient signs in with password and authenticator app, and out", async ({ page, context }) => {
  const ana = await account(page, "patients", "ana");
  await page.goto("/sign-in");
  const form = page.getByRole("region", { name: "With a password and a code" });
  await form.getByLabel("Your sign-in name").fill(ana.login);
  await form.getByLabel("Your password").fill(ana.password!);
  await form.getByLabel("Your code").fill(codeAt(ana.totpSecret!));
  await form.getByRole("button").click();
  await expect(page).toHaveURL(/\/home$/);
  await expect(page.getByRole("heading", { name: "Your record" })).toBeVisible();
  const token = (await context.cookies()).find((cookie) => cookie.name === "__Host-candour");
  expect(token).toMatchObject({ httpOnly: true, secure: true, sameSite: "Strict", path: "/" });
  await signOut(page);
  await look(page, "signed-out");
  await page.goto("/home");
  await expect(page).toHaveURL(/\/sign-in$/);
});

test("what is missing or wrong is said on top, focused, linked to its field, and says nothing of which part was wrong", async ({
  page,
}) => {
  await page.goto("/sign-in");
  const form = page.getByRole("region", { name: "With a password and a code" });
  await form.getByRole("button").click();
  const problems = page.getByRole("alert");
  await expect(problems).toBeFocused();
  await expect(problems).toContainText("Enter your password");
  await expect(page).toHaveTitle(/^Problem: /);
  await look(page, "sign-in-empty");
  await problems.getByRole("link", { name: "Enter your password" }).click();
  await expect(form.getByLabel("Your password")).toBeFocused();
  await form.getByLabel("Your sign-in name").fill("nobody.of.that.name");
  await form.getByLabel("Your password").fill("not this one, surely");
  await form.getByLabel("Your code").fill("000000");
  await form.getByRole("button").click();
  await expect(problems).toContainText("These details do not fit together");
  await expect(form.getByLabel("Your sign-in name")).toHaveValue("nobody.of.that.name");
});

test("a page of somebody who is signed out elsewhere says so and leads back in", async ({ page, context }) => {
  await become(page, await account(page, "patients", "wiremu"));
  const other = await context.newPage();
  await other.goto(`${portal()}/home`);
  const cookies = await context.cookies();
  await signOut(page);
  await context.addCookies(cookies);
  await other.reload();
  await expect(other.getByRole("heading", { name: "You are signed out" })).toBeVisible();
  await look(other, "problem-signed-out");
  await other.getByRole("main").getByRole("link", { name: "Sign in" }).click();
  await expect(other).toHaveURL(/\/sign-in$/);
});
