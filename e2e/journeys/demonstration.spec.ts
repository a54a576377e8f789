import { accounts, become, expect, look, signOut, test } from "../candour";

test("every page of a demonstration says that it is one", async ({ page }) => {
  for (const path of ["/sign-in", "/trust", "/invitation", "/demonstration"]) {
    await page.goto(path);
    await expect(page.getByText("This is a demonstration. Every person in it is made up.")).toBeVisible();
  }
  await expect(page.getByText("These accounts exist only in this demonstration.")).toBeVisible();
  await look(page, "demonstration");
});

test("no two accounts of the list are called the same", async ({ page }) => {
  await page.goto("/demonstration");
  const names = await page.getByRole("main").getByRole("button").allInnerTexts();
  expect(names.length).toBeGreaterThan(8);
  expect(new Set(names).size).toBe(names.length);
});

test("one click signs in as a patient with a passkey and as each kind of staff", async ({ page }) => {
  const wiremu = (await accounts(page, "patients")).find((one) => one.login === "wiremu")!;
  await become(page, wiremu);
  await expect(page).toHaveURL(/\/home$/);
  await signOut(page);
  const staff = await accounts(page, "staff");
  for (const login of ["moana", "aroha", "sam", "aroha-2"]) {
    const one = staff.find((known) => known.login === login)!;
    await become(page, one);
    await expect(page.getByRole("button", { name: "Sign out" })).toBeVisible();
    await signOut(page);
  }
});
