import { account, become, dateParts, expect, expectNothingOutside, find, look, signOut, test, workAs } from "../candour";
import { fillBirth, phone, unique } from "../invited";

test("two of a practice let somebody in at the counter, and its holder stops it with one press", async ({ page, browser }) => {
  const wiremu = await account(page, "patients", "wiremu");
  const aroha = await account(page, "staff", "aroha");
  const moana = await account(page, "staff", "moana");
  await workAs(page, aroha);
  await find(page, wiremu.name);
  await page.getByRole("link", { name: wiremu.name }).first().click();
  const patient = new URL(page.url()).pathname;
  const born = dateParts((await page.getByRole("region", { name: "Patient" }).locator("dd").nth(1).textContent())!);
  await page.getByRole("link", { name: "This person cannot get in any more" }).click();
  await look(page, "recover");
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByRole("alert")).toContainText("Say how you know who this is");
  await expect(page.getByRole("alert")).toContainText("tick the box");
  await look(page, "recover-empty");
  await page.getByLabel("One of us has long known this person").check();
  await page.getByLabel("The patient is here in person, and nobody decides for them").check();
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByText("Who they are: somebody here has long known them in person.")).toBeVisible();
  await page.getByRole("button", { name: "Sign with my passkey" }).click();
  await expect(page.getByText("Nothing has happened yet: a colleague must agree.")).toBeVisible();
  await page.goto("/practice");
  await signOut(page);

  await become(page, moana);
  await page.goto("/practice/waiting");
  await page
    .getByRole("button", { name: /^Agree\s*: Give the patient/ })
    .first()
    .click();
  await page.getByRole("button", { name: "Sign with my passkey" }).click();
  await expect(page.getByRole("heading", { name: "The code to hand over" })).toBeVisible();
  const code = (await page.locator("#recovery-code").textContent())!;
  await look(page, "recover-code");
  await page.goto("/practice");
  await signOut(page);

  // Whoever has the code makes new ways.
  const theirs = await phone(browser);
  const login = unique();
  await theirs.goto("/sign-in");
  await theirs.getByRole("link", { name: "I have a code from my practice's counter" }).click();
  await look(theirs, "recover-use");
  await theirs.getByLabel("Code from the counter").fill("AAAA-AAAA-AAAA-AAAA");
  await theirs.getByLabel("Choose a sign-in name").fill(login);
  await theirs.getByRole("button", { name: "Continue" }).click();
  await expect(theirs.getByRole("alert")).toContainText("This code does not work");
  await theirs.getByLabel("Code from the counter").fill(code.toLowerCase());
  await theirs.getByRole("button", { name: "Continue" }).click();
  await expect(theirs.getByRole("heading", { name: "Choose how you sign in from now on" })).toBeVisible();
  await look(theirs, "recover-account");
  const way = theirs.locator("details").filter({ hasText: "Password and printed sheet" });
  await way.locator("summary").click();
  await fillBirth(way, born);
  await way.getByLabel("Choose a password").fill("kererū over the harbour");
  await way.getByRole("button", { name: "Sign in with a sheet from now on" }).click();
  await expect(theirs.getByText("Your new ways to sign in are ready.")).toBeVisible();
  const codes = await theirs.locator(".candour-sheet li").allInnerTexts();
  expect(codes).toHaveLength(40);

  await look(theirs, "recover-sheet");

  await become(page, wiremu);
  await expect(page.getByRole("heading", { name: "New ways to sign in to your account were made" })).toBeVisible();
  await look(page, "home-recovery");
  await page.getByRole("button", { name: "This was not me" }).click();
  await expect(page.getByText("It is stopped.")).toBeVisible();
  await look(page, "home-recovery-stopped");
  await page.goto(`${patient}/history`);
  await expect(page.getByText("Gave out a code for your account").first()).toBeVisible();
  await expect(page.getByText("Made new ways to sign in to your account, with the code").first()).toBeVisible();
  await expect(page.getByText("Stopped the recovery of your account").first()).toBeAttached();
  await signOut(page);

  const form = theirs.getByRole("region", { name: "With a password and a code" });
  await theirs.goto("/sign-in");
  await form.getByLabel("Your sign-in name").fill(login);
  await form.getByLabel("Your password").fill("kererū over the harbour");
  await form.getByLabel("Your code").fill(codes[0]);
  await form.getByRole("button").click();
  await expect(theirs.getByRole("alert")).toContainText("These details do not fit together");
  expectNothingOutside(theirs.context());
  await theirs.context().close();
});
