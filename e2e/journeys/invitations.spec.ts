import { codeAt, expect, expectNothingOutside, look, signOut, test, withPasskey } from "../candour";
import { accept, fillBirth, invite, phone, unique } from "../invited";

test("a new patient makes a passkey and signs in with it, today and tomorrow", async ({ page, browser }) => {
  const invited = await invite(page, 0, true);
  const theirs = await phone(browser);
  await withPasskey(theirs);
  const login = unique();
  await accept(theirs, invited, login, true);
  await look(theirs, "account");
  const form = theirs.locator('form[data-passkey="create"]');
  await form.getByRole("button", { name: "Make a passkey" }).click();
  await expect(theirs.getByRole("alert")).toContainText("Enter your birth date");
  await look(theirs, "account-birth-missing");
  await fillBirth(form, invited.born);
  await form.getByRole("button", { name: "Make a passkey" }).click();
  await expect(theirs.getByText("Your account is ready.")).toBeVisible();
  for (const name of ["", login]) {
    const way = theirs.getByRole("region", { name: "With a passkey" });
    await way.getByLabel("Your sign-in name").fill(name);
    await way.getByRole("button", { name: "Sign in with a passkey" }).click();
    await expect(theirs).toHaveURL(/\/home$/);
    await expect(theirs.getByRole("heading", { name: "Your record" })).toBeVisible();
    await signOut(theirs);
  }
  expectNothingOutside(theirs.context());
  await theirs.context().close();
});

test("a new patient takes password and authenticator app, and no code works twice", async ({ page, browser }) => {
  const invited = await invite(page, 1);
  const theirs = await phone(browser);
  const login = unique();
  await accept(theirs, invited, login);
  const way = theirs.locator("details").filter({ hasText: "Password and authenticator app" });
  await way.locator("summary").click();
  const secret = (await way.locator(".candour-secret").innerText()).trim();
  await fillBirth(way, invited.born);
  await way.getByLabel("Choose a password").fill("kererū over the harbour");
  // The code of the half minute before this one, so that this one's is left for signing in.
  await way.getByLabel("Six numbers from your app").fill(codeAt(secret, Date.now() - 30_000));
  await way.getByRole("button", { name: "Make an account with the app" }).click();
  await expect(theirs.getByText("Your account is ready.")).toBeVisible();
  const form = theirs.getByRole("region", { name: "With a password and a code" });
  const code = codeAt(secret);
  const enter = async () => {
    await form.getByLabel("Your sign-in name").fill(login);
    await form.getByLabel("Your password").fill("kererū over the harbour");
    await form.getByLabel("Your code").fill(code);
    await form.getByRole("button").click();
  };
  await enter();
  await expect(theirs).toHaveURL(/\/home$/);
  await signOut(theirs);
  await enter();
  await expect(theirs.getByRole("alert")).toContainText("These details do not fit together");
  expectNothingOutside(theirs.context());
  await theirs.context().close();
});

test("without JavaScript a new patient takes a printed sheet, signs in and reads everything", async ({ page, browser }) => {
  const invited = await invite(page, 2);
  const theirs = await phone(browser, false);
  const login = unique();
  await accept(theirs, invited, login);
  // Chromium's switch for scripts leaves `noscript` unshown; what was sent is what counts.
  expect(await (await theirs.request.get(theirs.url())).text()).toContain("Passkeys need JavaScript.");
  const way = theirs.locator("details").filter({ hasText: "Password and printed sheet" });
  await way.locator("summary").click();
  await fillBirth(way, invited.born);
  await way.getByLabel("Choose a password").fill("short");
  await way.getByRole("button", { name: "Make an account with a sheet" }).click();
  await expect(theirs.getByRole("alert")).toContainText("at least 12 characters");
  await expect(theirs.getByRole("alert")).toBeFocused();
  await way.getByLabel("Choose a password").fill("kererū over the harbour");
  await way.getByRole("button", { name: "Make an account with a sheet" }).click();
  await expect(theirs.getByRole("heading", { name: "Your sheet of codes" })).toBeVisible();
  const codes = await theirs.locator(".candour-sheet li").allInnerTexts();
  expect(codes).toHaveLength(40);
  // The same page in a browser that can be asked about it.
  const sheet = await theirs.content();
  await page.route("**/invitation/account", (route) => route.fulfill({ contentType: "text/html; charset=utf-8", body: sheet }));
  await page.goto("/invitation/account");
  await look(page, "sheet");
  await theirs.getByRole("link", { name: "I have my sheet: sign in" }).click();

  const form = theirs.getByRole("region", { name: "With a password and a code" });
  const enter = async (code: string) => {
    await form.getByLabel("Your sign-in name").fill(login);
    await form.getByLabel("Your password").fill("kererū over the harbour");
    await form.getByLabel("Your code").fill(code);
    await form.getByRole("button").click();
  };
  await enter(codes[0]);
  await expect(theirs).toHaveURL(/\/home$/);
  for (const [link, heading] of [
    [/^Record/, "Health record"],
    [/^Documents/, "Documents"],
    [/^Who opened my record/, "Who opened my record"],
  ] as const) {
    await theirs.getByRole("link", { name: link }).first().click();
    await expect(theirs.getByRole("heading", { level: 1, name: heading })).toBeVisible();
    await theirs.goto("/home");
  }
  await theirs.getByRole("link", { name: /^Record/ }).click();
  await theirs
    .getByRole("link", { name: /^Results/ })
    .first()
    .click();
  await expect(theirs.getByRole("heading", { level: 1, name: "Results" })).toBeVisible();
  await signOut(theirs);
  await enter(codes[0]);
  await expect(theirs.getByRole("alert")).toContainText("These details do not fit together");
  await enter(codes[1]);
  await expect(theirs).toHaveURL(/\/home$/);
  expectNothingOutside(theirs.context());
  await theirs.context().close();
});
