import { accounts, become, dateParts, expect, look, signOut, test, withPasskey, workAs } from "../candour";

/** Surname and first name as people of the practice would type them. */
function typed(name: string): { surname: string; given: string } {
  const words = name.split(" ");
  return { surname: words[words.length - 1], given: words[0] };
}

test("staff choose a purpose, find a patient, read, add a document, and the patient sees all of it", async ({ page }) => {
  const [patient] = await accounts(page, "patients");
  const [clinician] = await accounts(page, "staff");
  await become(page, clinician);
  await page.goto("/practice/purpose");
  await look(page, "purpose");
  await workAs(page, clinician);
  await look(page, "practice");

  await page.getByRole("link", { name: "Find a patient" }).first().click();
  await look(page, "find");
  const { surname, given } = typed(patient.name);
  await page.getByLabel("Surname, or its first three letters").fill(surname);
  await page.getByLabel("First name or initial").fill(given);
  await page.getByRole("button", { name: "Find" }).click();
  await look(page, "found");
  await page.getByRole("link", { name: patient.name }).first().click();
  const banner = page.getByRole("region", { name: "Patient" });
  await expect(banner).toContainText(patient.name);
  await look(page, "patient");

  await page.getByRole("link", { name: /^Record/ }).click();
  await page.getByRole("link", { name: /^Medicines/ }).click();
  await expect(banner).toContainText(patient.name);
  await look(page, "staff-medicines");

  await page.goBack();
  await page.goBack();
  await page.getByRole("link", { name: /^Add a document/ }).click();
  await page.getByRole("button", { name: "Add this document" }).click();
  await expect(page.getByRole("alert")).toContainText("Choose a file");
  await look(page, "deposit");
  const title = `Note about the visit ${Date.now()}`;
  await page.getByLabel("The file").setInputFiles({ name: "note.txt", mimeType: "text/plain", buffer: Buffer.from("Kia ora. All is well.\n") });
  await page.getByLabel("What the patient will see as its title").fill(title);
  await page.getByLabel("What kind of document it is").selectOption({ label: "Visit note" });
  await page.getByLabel("Day").fill("3");
  await page.getByLabel("Month").fill("11");
  await page.getByLabel("Year").fill("2026");
  await page.getByRole("button", { name: "Add this document" }).click();
  await expect(page.getByText("The document is stored.")).toBeVisible();
  await look(page, "staff-documents");
  await page.getByRole("link", { name: title, exact: true }).click();
  await expect(page.getByText("Kia ora. All is well.")).toBeVisible();
  await page.goto("/practice");
  await signOut(page);

  await become(page, patient);
  await page.getByRole("link", { name: /^Documents/ }).first().click();
  await expect(page.getByRole("link", { name: title, exact: true })).toBeVisible();
  await page.goto("/home");
  await page.getByRole("link", { name: /^Who opened my record/ }).click();
  await expect(page.getByText(`opened your document “${title}” on`).first()).toBeVisible();
  await expect(page.getByText("Reason given: to care for you.").first()).toBeVisible();
});

test("a new patient accepts an invitation with a passkey", async ({ page, browser, baseURL }) => {
  const [patient] = await accounts(page, "patients");
  const [clinician] = await accounts(page, "staff");
  await workAs(page, clinician);
  await page.goto("/practice/find");
  const { surname, given } = typed(patient.name);
  await page.getByLabel("Surname, or its first three letters").fill(surname.slice(0, 3));
  await page.getByLabel("First name or initial").fill(given.slice(0, 1));
  await page.getByRole("button", { name: "Find" }).click();
  await page.locator(".candour-entries a").last().click();
  const banner = page.getByRole("region", { name: "Patient" });
  const [day, month, year] = dateParts((await banner.locator("dd").nth(1).textContent())!);
  await page.getByRole("link", { name: /^Invite to this portal/ }).click();
  await look(page, "invite");
  await page.getByLabel("I have checked that this is the person named above").check();
  await page.getByRole("button", { name: "Make the code" }).click();
  const code = (await page.locator("#invitation-code").textContent())!;
  await look(page, "invite-made");

  // The new patient's own phone.
  const phone = await browser.newContext({ baseURL, viewport: { width: 360, height: 740 } });
  const theirs = await phone.newPage();
  await withPasskey(theirs);
  await theirs.goto("/sign-in");
  await theirs.getByRole("link", { name: "I have an invitation code" }).click();
  await look(theirs, "invitation");
  await theirs.getByLabel("Invitation code").fill(code.toLowerCase());
  await theirs.getByLabel("Choose a sign-in name").fill(`new.patient.${Date.now()}`);
  await theirs.getByRole("button", { name: "Continue" }).click();
  await look(theirs, "account");
  const form = theirs.locator('form[data-passkey="create"]');
  await form.getByLabel("Day").fill(day);
  await form.getByLabel("Month").fill(month);
  await form.getByLabel("Year").fill(year);
  await form.getByRole("button", { name: "Make a passkey" }).click();
  await expect(theirs.getByText("Your account is ready.")).toBeVisible();
  await theirs.getByRole("button", { name: "Sign in with a passkey" }).click();
  await expect(theirs).toHaveURL(/\/home$/);
  await expect(theirs.getByRole("heading", { name: "Your record" })).toBeVisible();
  await phone.close();
});
