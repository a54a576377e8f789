import { accounts, become, expect, look, test } from "../candour";

test("a patient reads the record, opens a document, and sees who opened it", async ({ page }) => {
  const [patient] = await accounts(page, "patients");
  await become(page, patient);
  await look(page, "home");

  await page.getByRole("link", { name: /^Record/ }).first().click();
  await look(page, "record");
  for (const section of ["Conditions", "Medicines", "Allergies", "Immunisations", "Results"]) {
    await page.getByRole("link", { name: new RegExp(`^${section}`) }).first().click();
    await expect(page.getByRole("heading", { level: 1, name: section })).toBeVisible();
    await look(page, `section-${section.toLowerCase()}`);
    await page.getByRole("link", { name: "Back" }).click();
  }

  await page.goto("/home");
  await page.getByRole("link", { name: /^Documents/ }).first().click();
  await look(page, "documents");
  const document = page.locator(".candour-entries a.candour-entry__title").first();
  const title = (await document.textContent())!;
  const address = (await document.getAttribute("href"))!;
  const opened = await page.request.get(address);
  expect(opened.status()).toBe(200);
  expect(opened.headers()["x-content-type-options"]).toBe("nosniff");
  expect(opened.headers()["cache-control"]).toBe("no-store");
  expect((await opened.body()).length).toBeGreaterThan(0);
  const saved = page.waitForEvent("download");
  await page.getByRole("link", { name: `Download ${title}` }).first().click();
  expect((await saved).suggestedFilename()).toMatch(/\.(pdf|txt|png|jpg)$/);

  await page.goto("/home");
  await page.getByRole("link", { name: /^Who opened my record/ }).click();
  await expect(page.getByText(`You opened your document “${title}” on`).first()).toBeVisible();
  await look(page, "history");
});
