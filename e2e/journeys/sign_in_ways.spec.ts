import { expect, expectNothingOutside, look, mailbox, test, withPasskey } from "../candour";
import { accept, fillBirth, invite, phone, unique } from "../invited";

test("a patient adds a second passkey, takes it away again, and keeps the last", async ({ page, browser }) => {
  const invited = await invite(page, 3);
  const theirs = await phone(browser);
  await withPasskey(theirs);
  await accept(theirs, invited, unique());
  const form = theirs.locator('form[data-passkey="create"]');
  await fillBirth(form, invited.born);
  await form.getByRole("button", { name: "Make a passkey" }).click();
  await expect(theirs.getByText("Your account is ready.")).toBeVisible();
  const way = theirs.getByRole("region", { name: "With a passkey" });
  await way.getByRole("button", { name: "Sign in with a passkey" }).click();
  await expect(theirs).toHaveURL(/\/home$/);

  await theirs.getByRole("link", { name: "How you sign in" }).click();
  const passkeys = theirs.getByRole("region", { name: "Passkeys" });
  await expect(passkeys.getByRole("listitem")).toHaveCount(1);
  await expect(passkeys).toContainText("There since your account was made");
  await expect(passkeys).toContainText("It cannot be removed now");
  await look(theirs, "sign-in-ways");

  await theirs.getByRole("button", { name: "Add a passkey" }).click();
  await expect(theirs.getByRole("alert")).toContainText("Enter a name");
  await theirs.getByLabel("What is it for?").fill("Security key in the drawer");
  await theirs.getByRole("button", { name: "Add a passkey" }).click();
  await expect(theirs.getByText("Add the passkey “Security key in the drawer” to my account.")).toBeVisible();
  await look(theirs, "sign-in-ways-act");
  await theirs.getByRole("button", { name: "Confirm with a passkey" }).click();
  await expect(theirs.getByText("Thank you. Now make the new passkey")).toBeVisible();
  // The authenticator that has the first passkey declines to make another; this is the security key.
  const intoTheDrawer = await withPasskey(theirs, undefined, "usb");
  await theirs.getByRole("button", { name: "Make the new passkey" }).click();
  await expect(theirs.getByText("That is done.")).toBeVisible();
  await expect(passkeys.getByRole("listitem")).toHaveCount(2);
  await intoTheDrawer();
  await expect(passkeys).toContainText("It is new: it opens no records until");
  await look(theirs, "sign-in-ways-two");

  // The one that is new is no way to keep, so the older one stays; the new one can go.
  await expect(passkeys.getByRole("button", { name: /^Remove/ })).toHaveCount(1);
  await theirs.goto("/home");
  await expect(theirs.getByText("Something was changed lately")).toBeVisible();
  await theirs.getByRole("link", { name: "See what changed" }).click();
  await passkeys.getByRole("button", { name: "Remove “Security key in the drawer”" }).click();
  await expect(theirs.getByText("Remove the passkey “Security key in the drawer” from my account.")).toBeVisible();
  await theirs.getByRole("button", { name: "Confirm with a passkey" }).click();
  await expect(theirs.getByText("That is done.")).toBeVisible();
  await expect(passkeys.getByRole("listitem")).toHaveCount(1);

  await expect(passkeys).toContainText("It cannot be removed now");

  // An address of their own: the code that is sent there comes back.
  const told = theirs.getByRole("region", { name: "Where you are told of changes" });
  await told.getByRole("button", { name: "Add this address" }).click();
  await expect(theirs.getByRole("alert")).toContainText("Enter an email address");
  const address = `${unique()}@example.nz`;
  await told.getByLabel("Email address").fill(address);
  await told.getByRole("button", { name: "Add this address" }).click();
  await expect(theirs.getByText(`Write to ${address} too when something changes about my account.`)).toBeVisible();
  await look(theirs, "sign-in-ways-address");
  await theirs.getByRole("button", { name: "Confirm with a passkey" }).click();
  await expect(told).toContainText("We send a code there");
  let code = "";
  await expect(async () => {
    await page.goto(mailbox());
    await page.getByRole("row").filter({ hasText: address }).getByRole("link").first().click({ timeout: 1_000 });
    code = /\b[0-9a-z]{4}-[0-9a-z]{4}\b/.exec(await page.locator("pre").first().innerText())![0];
  }).toPass({ timeout: 30_000 });
  await told.getByLabel(`Code from the mail to ${address}`).fill("0000-0000");
  await told.getByRole("button", { name: "This address is mine" }).click();
  await expect(theirs.getByRole("alert")).toContainText("That is not the code from the mail");
  await look(theirs, "sign-in-ways-code-wrong");
  await told.getByLabel(`Code from the mail to ${address}`).fill(code);
  await told.getByRole("button", { name: "This address is mine" }).click();
  await expect(theirs.getByText("That is done. We write there from now on.")).toBeVisible();
  await look(theirs, "sign-in-ways-told");
  expectNothingOutside(theirs.context());
  await theirs.context().close();
});
