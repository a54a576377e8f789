import { accounts, codeNow, expect, look, signOut, test } from "../candour";

test("a stranger sees how to sign in, and what the portal promises", async ({ page }) => {
  await page.goto("/");
  await expect(page).toHaveURL(/\/sign-in$/);
  await look(page, "sign-in");
  await page.getByRole("link", { name: "What this portal promises, and what it does not" }).click();
  await expect(page.getByRole("heading", { name: "What does not hold" })).toBeVisible();
  await look(page, "trust");
});

test("a patient signs in with password and code, and out", async ({ page }) => {
  const [patient] = await accounts(page, "patients");
  await page.goto("/sign-in");
  const form = page.getByRole("region", { name: "With a password and a code" });
  await form.getByLabel("Your sign-in name").fill(patient.login);
  await form.getByLabel("Your password").fill(patient.password!);
  await form.getByLabel("Your code").fill(codeNow(patient.totpSecret!));
  await form.getByRole("button").click();
  await expect(page).toHaveURL(/\/home$/);
  await expect(page.getByRole("heading", { name: "Your record" })).toBeVisible();
  const cookies = await page.context().cookies();
  const token = cookies.find((cookie) => cookie.name === "__Host-candour");
  expect(token).toMatchObject({ httpOnly: true, secure: true, sameSite: "Strict", path: "/" });
  await signOut(page);
  await page.goto("/home");
  await expect(page).toHaveURL(/\/sign-in$/);
});

test("a wrong password is said on top, linked to its field, and shows nothing of what was wrong", async ({ page }) => {
  const [patient] = await accounts(page, "patients");
  await page.goto("/sign-in");
  const form = page.getByRole("region", { name: "With a password and a code" });
  await form.getByRole("button").click();
  await expect(page.getByRole("alert")).toContainText("Enter your password");
  await look(page, "sign-in-empty");
  await form.getByLabel("Your sign-in name").fill(patient.login);
  await form.getByLabel("Your password").fill("not this one, surely");
  await form.getByLabel("Your code").fill("000000");
  await form.getByRole("button").click();
  await expect(page.getByRole("alert")).toContainText("These details do not fit together");
  await expect(page).toHaveTitle(/^Problem: /);
});

test("the demonstration's accounts stand under a banner", async ({ page }) => {
  await page.goto("/demonstration");
  await expect(page.getByText("These accounts exist only in this demonstration.")).toBeVisible();
  await look(page, "demonstration");
});

test("what does not exist is one plain page", async ({ page }) => {
  const answer = await page.goto("/documents/00000000000000000000000000000000");
  expect(answer!.status()).toBe(404);
  await expect(page.getByRole("heading", { name: "There is nothing here for you" })).toBeVisible();
  await look(page, "not-found");
});
