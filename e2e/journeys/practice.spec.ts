import { account, addDocument, become, expect, find, look, signOut, test, workAs } from "../candour";

test("staff say once why they are here, find a patient, read, add a document, and the patient sees all of it", async ({ page }) => {
  const wiremu = await account(page, "patients", "wiremu");
  const aroha = await account(page, "staff", "aroha");
  await become(page, aroha);
  await expect(page).toHaveURL(/\/practice\/purpose$/);
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByRole("alert")).toContainText("Choose why you are opening records");
  await look(page, "purpose-missing");
  await workAs(page, aroha);
  await look(page, "practice");

  await page.getByRole("link", { name: "Find a patient" }).first().click();
  await page.getByRole("button", { name: "Find" }).click();
  await expect(page.getByRole("alert")).toContainText("Enter a surname");
  await look(page, "find-empty");
  await page.goto("/practice/find");
  await look(page, "find");
  await find(page, wiremu.name);
  await look(page, "found");
  await page.getByRole("link", { name: wiremu.name }).first().click();
  const banner = page.getByRole("region", { name: "Patient" });
  await expect(banner).toContainText(wiremu.name);
  await look(page, "patient");
  const patient = page.url();

  await page.getByRole("link", { name: "Medicines" }).click();
  await expect(banner).toContainText(wiremu.name);
  await look(page, "staff-medicines");
  await page.getByRole("link", { name: "Back" }).click();
  await look(page, "staff-record");

  await page.goto(patient);
  await page.getByRole("link", { name: /^Add a document/ }).click();
  await look(page, "deposit");
  await page.getByRole("button", { name: "Add this document" }).click();
  await expect(page.getByRole("alert")).toContainText("Choose a file");
  await look(page, "deposit-empty");
  const title = `Note about the visit, ${Date.now()}`;
  await addDocument(page, title, "Kia ora. All is well.\n");
  await expect(page.getByText("The document is stored.")).toBeVisible();
  await look(page, "staff-documents");
  await page.getByRole("link", { name: title, exact: true }).click();
  await expect(page.getByText("Kia ora. All is well.")).toBeVisible();
  await page.goto(`${patient}/history`);
  await look(page, "staff-history");
  await page.goto(patient);
  await page.getByRole("link", { name: "One person, two records" }).click();
  await expect(page.getByText("ask your manager to write it down here")).toBeVisible();
  await look(page, "staff-merge");
  await page.goto(patient);
  await page.getByRole("link", { name: /^Who acts for this patient/ }).click();
  await look(page, "staff-acting");
  await page.getByRole("link", { name: "Let somebody act for this patient" }).click();
  await look(page, "staff-proxy");
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByRole("alert")).toContainText("Say who it is or why");

  await page.goto(patient);
  await page.getByRole("link", { name: "This is an emergency" }).click();
  await expect(banner).toContainText(wiremu.name);
  await look(page, "emergency");
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(page.getByRole("alert")).toContainText("Say what has happened");
  await page.getByLabel("What has happened?").fill("collapsed in the waiting room");
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(page.getByText(`the record of ${wiremu.name}`)).toContainText("collapsed in the waiting room");
  await look(page, "emergency-sign");
  await page.getByRole("button", { name: "Open the record with my passkey" }).click();
  await expect(page.getByText("This page is open once.")).toBeVisible();
  await expect(banner).toContainText(wiremu.name);
  await look(page, "emergency-opened");
  // It opens in a tab of its own, so that this page stays.
  const question = await page.getByRole("link", { name: title, exact: true }).getAttribute("href");
  await page.goto(question!);
  await page.getByLabel("What has happened?").fill("collapsed in the waiting room");
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByRole("button", { name: "Open the document with my passkey" }).click();
  await expect(page.getByText("Kia ora. All is well.")).toBeVisible();
  await page.goto("/practice");
  await signOut(page);

  await become(page, wiremu);
  await page
    .getByRole("link", { name: /^Documents/ })
    .first()
    .click();
  await expect(page.getByRole("link", { name: title, exact: true })).toBeVisible();
  await page.goto("/home");
  await page.getByRole("link", { name: /^Who opened my record/ }).click();
  // What the patient does meanwhile, in another journey, stands between and parts a visit in two.
  const visit = (deed: string, reason: string) =>
    page
      .getByRole("listitem")
      .filter({ hasText: /doctor or nurse at/i })
      .filter({ hasText: deed })
      .filter({ hasText: `Reason given: ${reason}.` })
      .first();
  await expect(visit(`Opened your document “${title}”`, "to care for you")).toBeVisible();
  await expect(visit(`Opened your document “${title}”`, "an emergency")).toBeVisible();
  await expect(visit("Opened your medicines", "to care for you")).toBeVisible();
  await expect(visit("Opened your allergies", "an emergency")).toBeVisible();
  await look(page, "history-with-staff");
  await visit(`Opened your document “${title}”`, "to care for you").getByRole("link", { name: "Keep this person from my record" }).click();
  await look(page, "sharing-keep-person");

  // The patient keeps it from the practice, sees that, and lets it be seen again.
  await page.goto("/home");
  await page.getByRole("link", { name: /^Who sees my record/ }).click();
  await look(page, "sharing");
  await page.getByRole("link", { name: "Keep something from somebody" }).click();
  await page.getByRole("radio").first().check();
  await page.getByLabel("What is it about?").selectOption({ label: await page.locator("option", { hasText: title }).innerText() });
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(page.getByText(/^Keep from .*: one document of 2026-11\.$/)).toBeVisible();
  await look(page, "sharing-act");
  await page.getByRole("button", { name: "Confirm with a passkey" }).click();
  await expect(page.getByText("That is done.")).toBeVisible();
  await look(page, "sharing-kept");
  await page.goto("/sharing/share");
  await look(page, "sharing-share");
  await page.goto("/sharing/proxy");
  await look(page, "sharing-proxy");
  await page.getByLabel("Who is it?").fill("my daughter");
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(page.getByText(/^Invite somebody to act for the patient: see medicines, allergies; until /)).toBeVisible();
  await signOut(page);

  await workAs(page, aroha);
  await page.goto(`${patient}/documents`);
  await expect(page.getByRole("link", { name: title, exact: true })).toHaveCount(0);
});

test("reception is not asked why, and does not read what is for doctors and nurses", async ({ page }) => {
  const wiremu = await account(page, "patients", "wiremu");
  await become(page, await account(page, "staff", "sam"));
  await expect(page.getByText("You open records to arrange care.")).toBeVisible();
  await find(page, wiremu.name);
  await page.getByRole("link", { name: wiremu.name }).first().click();
  const results = `${page.url()}/record/results`;
  const answer = await page.goto(results);
  expect(answer!.status()).toBe(403);
  await expect(page.getByRole("heading", { name: "You may not do this" })).toBeVisible();
  await look(page, "problem-not-allowed");
});

test("the manager sees who went on past the limit, and nobody else does", async ({ page }) => {
  const sam = await account(page, "staff", "sam");
  await become(page, await account(page, "staff", "moana"));
  await page.goto("/practice");
  await look(page, "practice-manager");
  await page.getByRole("link", { name: "Who went on past the limit" }).click();
  await expect(page.getByText("Nobody of your practice has gone on past the limit.")).toBeVisible();
  await look(page, "reopenings");
  await page.goto("/practice");
  await signOut(page);
  await become(page, sam);
  await expect(page.getByRole("link", { name: "Who went on past the limit" })).toHaveCount(0);
  expect((await page.goto("/practice/reopenings"))!.status()).toBe(403);
});

test("nobody is found by staff of another practice", async ({ page }) => {
  const wiremu = await account(page, "patients", "wiremu");
  await workAs(page, await account(page, "staff", "aroha-2"));
  await find(page, wiremu.name);
  await expect(page.getByText("No patient of your practice was found.")).toBeVisible();
  await look(page, "found-nobody");
});

test("the manager takes back what a colleague put in, sees whom it concerns, and puts it back", async ({ page }) => {
  const wiremu = await account(page, "patients", "wiremu");
  const sam = await account(page, "staff", "sam");
  const moana = await account(page, "staff", "moana");
  await become(page, sam);
  await find(page, wiremu.name);
  await page.getByRole("link", { name: wiremu.name }).first().click();
  const patient = new URL(page.url()).pathname;
  await page.getByRole("link", { name: /^Add a document/ }).click();
  const title = `Filed by mistake, ${Date.now()}`;
  await addDocument(page, title, "Not yours.\n");
  const document = await page.getByRole("link", { name: title, exact: true }).getAttribute("href");
  await page.goto("/practice");
  await signOut(page);

  await become(page, moana);
  await page.goto("/practice");
  await page.getByRole("link", { name: "Take back what was put in" }).click();
  await look(page, "recalls");
  const now = await page.getByLabel("Until").inputValue();
  const earlier = new Date(Date.parse(`${now}Z`) - 5 * 60_000).toISOString().slice(0, 16);
  await page.getByLabel("Put in from").fill(earlier);
  await page.getByRole("button", { name: "See what was put in" }).click();
  await page.getByLabel(sam.name).check();
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByRole("alert")).toContainText("Say why");
  await look(page, "recalls-mend");
  await page.getByLabel("Why?").fill("filed under the wrong person");
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByText("Reason: filed under the wrong person")).toBeVisible();
  await page.getByRole("button", { name: "Sign with my passkey" }).click();
  await expect(page.getByText("Done. It stands in the list that cannot be changed.")).toBeVisible();
  await page
    .getByRole("link", { name: /^See whom it concerns/ })
    .first()
    .click();
  await expect(page.getByRole("link", { name: wiremu.name })).toBeVisible();
  await look(page, "recalls-people");
  const people = page.url();
  await page.goto("/practice");
  await signOut(page);

  await become(page, sam);
  expect((await page.goto(document!))!.status()).toBe(404);
  await page.goto(`${patient}/documents`);
  await expect(page.getByRole("link", { name: title, exact: true })).toHaveCount(0);
  await signOut(page);

  await become(page, moana);
  await page.goto(people);
  await page.getByLabel("Why?").fill("it was the right person");
  await page.getByRole("button", { name: "Put it back" }).click();
  await page.getByRole("button", { name: "Sign with my passkey" }).click();
  await expect(page.getByText("Done. It stands in the list that cannot be changed.")).toBeVisible();
  await signOut(page);
  await become(page, sam);
  expect((await page.goto(document!))!.status()).toBe(200);
});

test("the manager sees the practice's programs and begins to let one read", async ({ page }) => {
  await become(page, await account(page, "staff", "moana"));
  await page.goto("/practice");
  await page.getByRole("link", { name: "Programs of this practice" }).click();
  await expect(page.getByText("It reads nothing.").first()).toBeVisible();
  await look(page, "programs");
  await page
    .getByRole("link", { name: /^Let it read/ })
    .first()
    .click();
  await look(page, "programs-reading");
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByRole("alert")).toContainText("Choose what it may read");
  await look(page, "programs-reading-mend");
  await page.getByLabel("Documents").check();
  await page.getByLabel("What does it need this for?").fill("letters are printed at the counter");
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByText("documents. Nothing that is marked sensitive")).toBeVisible();
  await page.getByRole("button", { name: "Sign with my passkey" }).click();
  await expect(page.getByText("Nothing has happened yet: a colleague must agree.")).toBeVisible();
  await page.goto("/practice/programs");
  await expect(page.getByText("It reads nothing.").first()).toBeVisible();
});
