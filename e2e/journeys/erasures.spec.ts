import { account, addDocument, become, expect, find, look, signOut, test, workAs } from "../candour";

test("two people of a practice erase a letter, and nobody opens it any more", async ({ page }) => {
  const wiremu = await account(page, "patients", "wiremu");
  const aroha = await account(page, "staff", "aroha");
  const moana = await account(page, "staff", "moana");
  await workAs(page, aroha);
  await find(page, wiremu.name);
  await page.getByRole("link", { name: wiremu.name }).first().click();
  const patient = new URL(page.url()).pathname;
  await page.getByRole("link", { name: /^Add a document/ }).click();
  const title = `Letter of somebody else, ${Date.now()}`;
  await addDocument(page, title, "Not yours.\n");
  const letter = await page.getByRole("link", { name: title, exact: true }).getAttribute("href");

  await page.goto(patient);
  await page.getByRole("link", { name: "Erase, or keep from being erased" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByRole("alert")).toContainText("Say why");
  await look(page, "erase-empty");
  await page.getByLabel(title).check();
  await page.getByLabel("Why?").fill("filed under the wrong person");
  await look(page, "erase");
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByText("Erase one document, for good. Reason: filed under the wrong person")).toBeVisible();
  await look(page, "erase-act");
  await page.getByRole("button", { name: "Sign with my passkey" }).click();
  await expect(page.getByText("Nothing has happened yet: a colleague must agree.")).toBeVisible();
  await expect(page.getByRole("button", { name: /^Agree/ })).toHaveCount(0);
  await look(page, "waiting-own");
  expect((await page.goto(letter!))!.status()).toBe(200);
  await page.goto("/practice");
  await signOut(page);

  await become(page, moana);
  await page.goto("/practice/waiting");
  await look(page, "waiting");
  await page
    .getByRole("button", { name: /^Agree\s*: Erase one document/ })
    .first()
    .click();
  await page.getByRole("button", { name: "Sign with my passkey" }).click();
  await expect(page.getByText("Done. It stands in the list that cannot be changed.")).toBeVisible();
  await page.goto("/practice");
  await page.getByRole("link", { name: "What we erased" }).click();
  await expect(page.getByRole("listitem").filter({ hasText: "filed under the wrong person" })).toContainText(
    "backups that hold the keys are deleted by",
  );
  await look(page, "certificates");
  await page.goto("/practice");
  await signOut(page);

  await workAs(page, aroha);
  expect((await page.goto(letter!))!.status()).toBe(404);
  await page.goto(`${patient}/documents`);
  await expect(page.getByRole("link", { name: title, exact: true })).toHaveCount(0);
  await page.goto(`${patient}/history`);
  await expect(page.getByRole("listitem").filter({ hasText: "Erased something for good" }).first()).toBeVisible();
});
