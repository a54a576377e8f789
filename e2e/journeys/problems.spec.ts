import { writeFileSync } from "node:fs";
import { account, become, expect, find, look, portal, test, watch, workAs } from "../candour";

test("what does not exist, what is somebody else's, and a code that is wrong, say so plainly", async ({ page }) => {
  await become(page, await account(page, "patients", "wiremu"));
  const texts = [];
  for (const path of [
    "/documents/00000000000000000000000000000000",
    "/there/is/no/such/page",
    "/patients/30313233343536373839616263646566/record",
  ]) {
    const answer = await page.goto(path);
    expect(answer!.status()).toBe(404);
    texts.push(await page.content());
  }
  expect(new Set(texts).size).toBe(1);
  await expect(page.getByRole("heading", { name: "There is nothing here for you" })).toBeVisible();
  await look(page, "problem-not-found");
  // A code that is wrong links no record to an account.
  await page.goto("/home");
  await page.getByRole("link", { name: "Use an invitation code" }).click();
  await look(page, "link");
  await page.getByLabel("Invitation code").fill("AAAA-BBBB-CCCC");
  await page.getByLabel("Day").fill("27");
  await page.getByLabel("Month").fill("3");
  await page.getByLabel("Year").fill("1946");
  await page.getByRole("button", { name: "Link this record" }).click();
  await expect(page.getByRole("alert")).toContainText("This code does not work.");
  await look(page, "link-wrong");
  // A fresh answer is asked for on one page, with the way back.
  await page.goto("/step-up?back=/home");
  await look(page, "step-up");
  await page.getByLabel("A fresh code").fill("000000");
  await page.getByRole("button", { name: "Continue with the code" }).click();
  await expect(page.getByRole("alert")).toContainText("That did not work.");
  await look(page, "step-up-wrong");
});

test("a file that is too large is a page of its own, and nothing is stored", async ({ page }, testInfo) => {
  const wiremu = await account(page, "patients", "wiremu");
  await workAs(page, await account(page, "staff", "aroha"));
  await find(page, wiremu.name);
  await page.getByRole("link", { name: wiremu.name }).first().click();
  await page.getByRole("link", { name: /^Add a document/ }).click();
  const large = testInfo.outputPath("large.txt");
  writeFileSync(large, Buffer.alloc(21 * 1024 * 1024, "a"));
  await page.getByLabel("The file").setInputFiles(large);
  await page.getByRole("button", { name: "Add this document" }).click();
  await expect(page.getByRole("heading", { name: "That is too large" })).toBeVisible();
  await look(page, "problem-too-large");
});

test("a form that another site sends is refused and says so", async ({ page, browser }) => {
  const context = await browser.newContext({ baseURL: portal() });
  watch(context);
  const victim = await context.newPage();
  await become(victim, await account(page, "patients", "wiremu"));
  const form = `<form method="post" action="${portal()}/sign-out"><button>Win a prize</button></form>`;
  await victim.route("http://elsewhere.test/", (route) => route.fulfill({ contentType: "text/html", body: form }));
  await victim.goto("http://elsewhere.test/");
  await victim.getByRole("button", { name: "Win a prize" }).click();
  await expect(victim.getByRole("heading", { name: "This came from another website" })).toBeVisible();
  await look(victim, "problem-cross-site");
  await victim.goto("/home");
  await expect(victim.getByRole("heading", { name: "Your record" })).toBeVisible();
  await context.close();
});
