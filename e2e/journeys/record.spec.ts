import { readFileSync } from "node:fs";
import type { Page } from "@playwright/test";
import { account, become, expect, look, portal, test } from "../candour";

const sections = ["Conditions", "Medicines", "Allergies", "Immunisations", "Results"];

// Not more sign-ins than needed: after twenty from one network within ten minutes everybody is asked once more.

/** From "who opened my record": the receipts of the page are taken away and checked, and nothing is sent. */
async function checkReceipts(page: Page): Promise<void> {
  const saved = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download the receipts of this page" }).click();
  const download = await saved;
  expect(download.suggestedFilename()).toBe("candour-receipts.tlog-proof");
  const text = readFileSync(await download.path(), "utf8");
  const header = "c2sp.org/tlog-proof@v1\n";
  const [, first, ...others] = text.split(header);
  const count = others.length + 1;

  await page.getByRole("link", { name: "Check a receipt" }).click();
  await look(page, "check-receipt");
  const sent: string[] = [];
  page.on("request", (request) => sent.push(request.url()));
  const choose = (content: string) =>
    page.getByLabel("Receipts").setInputFiles({ name: "a.tlog-proof", mimeType: "text/plain", buffer: Buffer.from(content) });
  await choose(text);
  await page.getByRole("button", { name: "Check" }).click();
  await expect(page.getByText("It is in the list, as it was signed.")).toHaveCount(count);
  await expect(page.getByText(/^Patient, as the list names them: [0-9a-f]{16}$/)).toHaveCount(count);
  await choose(header + first);
  await page.getByRole("button", { name: "Check" }).click();
  await expect(page.getByText("It is in the list, as it was signed.")).toHaveCount(1);
  await look(page, "check-receipt-proved");

  // A file is read as it is, its first character too.
  await choose(`\ufeff${text}`);
  await page.getByRole("button", { name: "Check" }).click();
  await expect(page.getByText("It is in the list, as it was signed.")).toHaveCount(count - 1);

  await choose(text.replace(/^extra (.{60})./m, (_, kept) => `extra ${kept}!`));
  await page.getByRole("button", { name: "Check" }).click();
  await expect(page.getByText("This file is not a receipt, or its lines were changed.")).toBeVisible();
  await page.getByLabel("Key of the list").fill("nothing");
  await page.getByRole("button", { name: "Check" }).click();
  await expect(page.getByText("This is not the key of a list.")).toBeVisible();
  expect(sent).toEqual([]);
}

test("a patient reads every section of the record, that nobody wrote, a document, and who opened it, and takes receipts away", async ({
  page,
}) => {
  // Nobody else's journey reads her record meanwhile, so that her visit is one.
  await become(page, await account(page, "patients", "mere"));
  await look(page, "home");
  await page
    .getByRole("link", { name: /^Record/ })
    .first()
    .click();
  await look(page, "record");
  for (const section of sections) {
    await page
      .getByRole("main")
      .getByRole("link", { name: new RegExp(`^${section}`) })
      .first()
      .click();
    await expect(page.getByRole("heading", { level: 1, name: section })).toBeVisible();
    await look(page, `section-${section.toLowerCase()}`);
    await page.getByRole("link", { name: "Back" }).click();
  }
  await page.waitForURL(/\/record$/);
  await page.goto(page.url().replace(/record$/, "notices"));
  await expect(page.getByText("There are no messages for you.")).toBeVisible();
  await look(page, "notices-none");

  // A document is opened and downloaded, which stands in who opened the record; its receipts are taken away.
  await page.goto("/home");
  await page
    .getByRole("link", { name: /^Documents/ })
    .first()
    .click();
  await look(page, "documents");
  const document = page.getByRole("listitem").filter({ hasText: "PDF" }).locator("a.candour-entry__title").first();
  const title = (await document.textContent())!;
  const opened = await page.request.get((await document.getAttribute("href"))!);
  expect(opened.status()).toBe(200);
  expect(opened.headers()).toMatchObject({ "x-content-type-options": "nosniff", "cache-control": "no-store" });
  expect((await opened.body()).subarray(0, 5).toString()).toBe("%PDF-");
  const saved = page.waitForEvent("download");
  await page
    .getByRole("link", { name: `Download ${title}` })
    .first()
    .click();
  expect((await saved).suggestedFilename()).toMatch(/\.pdf$/);

  await page.goto("/home");
  await page.getByRole("link", { name: /^Who opened my record/ }).click();
  const mine = page.getByRole("listitem").filter({ hasText: "You, or somebody with your sign-in" }).first();
  await mine.locator("summary").click();
  await expect(mine.getByText(`Opened your document “${title}”, 2 times`)).toBeVisible();
  await look(page, "history");
  await checkReceipts(page);
});

test("a parent reads the record of a child, always told whose it is, and signs out elsewhere", async ({ page, browser }) => {
  const mere = await account(page, "patients", "mere");
  await become(page, mere);
  const child = page.getByRole("region", { name: /^The record of/ });
  const name = /^The record of (.*), for whom you act$/.exec(await child.getByRole("heading").first().innerText())![1];
  await look(page, "home-parent");
  await child.getByRole("link", { name: /^Record/ }).click();
  await page.getByRole("link", { name: /^Allergies/ }).click();
  await expect(page.getByRole("region", { name: "Patient" })).toContainText(name);
  await look(page, "child-allergies");
  await page.goto("/home");
  await child.getByRole("link", { name: /^Documents/ }).click();
  await expect(page.getByRole("region", { name: "Patient" })).toContainText(name);
  await page.goto("/home");
  await child.getByRole("link", { name: /^Who opened this record/ }).click();
  await look(page, "child-history");
  await page.goto("/home");
  await child.getByRole("link", { name: /^What is kept from others/ }).click();
  await look(page, "child-sharing");
  await page.getByRole("link", { name: "Keep something from somebody" }).click();
  await look(page, "child-sharing-keep");
  await page.goto("/home");

  // Nobody else is signed in as her meanwhile: she stands in this test alone.
  const elsewhere = await (await browser.newContext({ baseURL: portal() })).newPage();
  await become(elsewhere, mere);
  await page.getByRole("link", { name: "Where you are signed in" }).click();
  await expect(page.getByRole("heading", { name: "Here", exact: true })).toBeVisible();
  await look(page, "sessions");
  await page.getByRole("button", { name: "Sign out everywhere but here" }).click();
  await expect(page.getByRole("button", { name: "Sign out there" })).toHaveCount(0);
  await elsewhere.goto("/home");
  await expect(elsewhere.getByRole("heading", { name: "You are signed out" })).toBeVisible();
  await elsewhere.context().close();
});
