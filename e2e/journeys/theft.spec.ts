import type { Browser, Locator, Page } from "@playwright/test";
import {
  account,
  become,
  codeAt,
  expect,
  expectNothingOutside,
  known,
  look,
  mailbox,
  people,
  portal,
  room,
  status,
  test,
  watch,
  withPasskey,
  type Passkey,
} from "../candour";

/** Somebody with a browser of their own. */
async function visitor(browser: Browser, baseURL: string): Promise<Page> {
  const context = await browser.newContext({ baseURL, locale: "en-NZ", timezoneId: "Pacific/Auckland" });
  watch(context);
  return context.newPage();
}

/** An officer at a desk of their own, with their passkey in the browser. */
async function officer(browser: Browser, login: string): Promise<Page> {
  const { keys } = known().find((one) => one.login === login)!;
  const passkey: Passkey = { pkcs8: keys.pkcs8, credentialId: keys.credential_id, userHandle: keys.user_handle };
  const page = await visitor(browser, room());
  await withPasskey(page, passkey);
  await page.goto("/");
  await expect(page).toHaveURL(/\/sign-in$/);
  await page.getByRole("button", { name: "Sign in with passkey" }).click();
  await expect(page.getByRole("heading", { name: "Incidents" })).toBeVisible();
  return page;
}

/** Another one, with the one click that only a demonstration has. */
async function withOneClick(browser: Browser, login: string): Promise<Page> {
  const { name, about } = known().find((one) => one.login === login)!;
  const page = await visitor(browser, room());
  await page.goto("/sign-in");
  await page.getByRole("button", { name: `Sign in as ${name}. ${about}` }).click();
  await expect(page.getByRole("button", { name: "Sign out" })).toBeVisible();
  return page;
}

/** The room's own tasks prepare what comes next within seconds; its pages have no script that would show it. */
async function appears(page: Page, locator: Locator): Promise<void> {
  await expect(async () => {
    await page.reload();
    await expect(locator).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 45_000 });
}

/** The officer's part of an act: read the sentence, answer with the passkey. */
async function answer(page: Page, act: string, name?: string, button = act): Promise<void> {
  const link = page.getByRole("link", { name: act, exact: true });
  await appears(page, link);
  await link.click();
  await expect(page.locator("#sentence")).not.toBeEmpty();
  if (name) await look(page, name);
  await page.getByRole("button", { name: button, exact: true }).click();
  await expect(page).toHaveURL(/\/incidents\/[0-9a-f]+$/);
}

async function answerWithOneClick(page: Page, act: string): Promise<void> {
  await answer(page, act, undefined, `${act} with the demonstration’s passkey`);
}

test("a theft is stopped, told by two officers, and everybody finds the same truth", async ({ page, browser }) => {
  test.setTimeout(300_000);
  const thief = await account(page, "patients", "thief");
  await become(page, thief);
  const documents = page.getByRole("link", { name: /^Documents/ }).first();
  const shelf = (await documents.getAttribute("href"))!;
  await documents.click();
  const own = page.locator(".candour-entries a.candour-entry__title");
  const titles = await own.allInnerTexts();
  for (const link of await own.all()) expect((await page.request.get((await link.getAttribute("href"))!)).status()).toBe(200);
  // A listing of every document has leaked, and this portal is asked for them one by one.
  let stopped = false;
  for (const foreign of people(0).flatMap((one) => one.documents)) {
    const status = (await page.request.get(`/documents/${foreign}`)).status();
    expect([403, 404]).toContain(status);
    stopped = status === 403;
    if (stopped) break;
  }
  expect(stopped, "the session was frozen").toBe(true);
  await page.goto(shelf);
  await expect(page.getByRole("heading", { name: "Your access is stopped for now" })).toBeVisible();
  await expect(page.getByRole("link", { name: "0800 555 0100" })).toHaveAttribute("href", "tel:08005550100");
  await look(page, "problem-frozen");

  const [ngaire, tomasi] = [await officer(browser, "ngaire"), await withOneClick(browser, "tomasi")];
  const stranger = await visitor(browser, status());
  await stranger.goto(`${room()}/sign-in`);
  await look(stranger, "room-sign-in");
  await look(ngaire, "room-incidents");
  for (const desk of [ngaire, tomasi]) {
    const opened = desk.getByRole("link", { name: /^Opened/ }).first();
    await appears(desk, opened);
    await opened.click();
    await expect(desk.getByRole("heading", { name: /^Incident opened/ })).toBeVisible();
  }
  await look(ngaire, "room-incident-locked");
  const incident = ngaire.url();
  await answer(ngaire, "Unlock the names", "room-unlock");
  const unlocking = ngaire.getByRole("listitem").filter({ hasText: "Unlock the names" });
  await expect(unlocking.getByText("It waits for another officer.")).toBeVisible();
  await answerWithOneClick(tomasi, "Unlock the names");
  await expect(tomasi.getByText("Names are unlocked for this incident.")).toBeVisible();
  await answer(ngaire, "Approve the texts and the list", "room-approve");
  await answerWithOneClick(tomasi, "Approve the texts and the list");
  await answer(ngaire, "Send to the people concerned", "room-run");
  await answerWithOneClick(tomasi, "Send to the people concerned");

  for (const [path, name] of [
    ["", "incident"],
    ["/scope", "scope"],
    ["/register", "register"],
    ["/notices", "notices"],
    ["/texts/statement", "statement"],
    ["/texts/practice_notice", "text-practice"],
    ["/texts/patient_notice", "text-patient"],
    ["/texts/holder_notice", "text-holder"],
    ["/texts/call_script", "text-call"],
  ]) {
    await ngaire.goto(incident + path);
    await look(ngaire, `room-${name}`);
  }
  await ngaire.goto(`${incident}/notices`);
  await appears(ngaire, ngaire.getByRole("link", { name: "Message to practices, version 1" }));
  await ngaire.getByRole("link", { name: "Message to practices, version 1" }).click();
  await look(ngaire, "room-text-sent");
  await ngaire.goto(`${incident}/register`);
  await ngaire.getByRole("main").getByRole("listitem").getByRole("link").first().click();
  await look(ngaire, "room-practice");
  await ngaire.goto(`${room()}/incidents/00000000000000000000000000000000`);
  await expect(ngaire.getByRole("heading", { name: "Not found" })).toBeVisible();
  await look(ngaire, "room-not-found");

  // An officer freezes a process that nobody here needs, and two let it go.
  await ngaire.goto(`${room()}/incidents`);
  await ngaire.getByRole("link", { name: "Freeze", exact: true }).click();
  await look(ngaire, "room-freezes");
  await ngaire.getByLabel("What").selectOption({ label: "The process “import”" });
  await ngaire.getByRole("button", { name: "Look at what it stops" }).click();
  await expect(ngaire.getByText(/^Stopped: everything that comes through this process/)).toBeVisible();
  await look(ngaire, "room-freeze");
  await ngaire.getByLabel("Why; it stands in the ledger").fill("A password was typed into the wrong window.");
  await ngaire.getByRole("button", { name: "Freeze it now" }).click();
  await expect(ngaire.getByText("Why: A password was typed into the wrong window.")).toBeVisible();
  await look(ngaire, "room-frozen");
  await ngaire.getByRole("link", { name: "Let it go: The process “import”" }).click();
  await look(ngaire, "room-let-go");
  await ngaire.getByLabel("Why it is safe now; it stands in the ledger").fill("The password is another now.");
  await ngaire.getByRole("button", { name: "Go on to the passkey" }).click();
  await expect(ngaire.locator("#sentence")).toContainText("Unfreeze an instance. The process “import”.");
  await ngaire.getByRole("button", { name: "Let it go", exact: true }).click();
  await expect(ngaire.getByText(/^You began it; it waits for another officer/)).toBeVisible();
  await tomasi.goto(`${room()}/freezes`);
  await tomasi.getByRole("link", { name: "Look and answer" }).click();
  await look(tomasi, "room-freezes-second");
  await tomasi.getByRole("button", { name: "Let it go with the demonstration’s passkey", exact: true }).click();
  await expect(tomasi.getByRole("heading", { name: "What is frozen" })).toBeVisible();
  await expect(tomasi.getByRole("listitem").filter({ hasText: "The process “import”" })).toHaveCount(0);

  // The mail, as the practice and the person got it.
  await expect(async () => {
    await stranger.goto(mailbox());
    expect(await stranger.getByRole("row").count()).toBeGreaterThan(1);
  }).toPass({ timeout: 30_000 });
  await look(stranger, "mailbox");
  await stranger.getByRole("main").getByRole("table").getByRole("link").first().click();
  const mail = await stranger.locator("pre").first().innerText();
  expect(mail).not.toMatch(/https?:/);
  const code = /\b[0-9A-Z]{4}[- ][0-9A-Z]{4}[- ][0-9A-Z]{4}\b/.exec(mail)![0];
  await look(stranger, "mailbox-message");

  // The status site confirms the code, and no other.
  await stranger.goto(status());
  await look(stranger, "status");
  await stranger.getByRole("main").getByRole("listitem").getByRole("link").first().click();
  await expect(stranger.getByRole("heading", { name: "Numbers" })).toBeVisible();
  await look(stranger, "status-incident");
  await stranger.goto(`${status()}/no-such-page`);
  await expect(stranger.getByRole("heading", { name: "There is no such page" })).toBeVisible();
  await look(stranger, "status-missing");
  await stranger.goto(`${status()}/check`);
  await stranger.getByLabel("The twelve letters and digits on the message").fill(code);
  await stranger.getByRole("button", { name: "Check" }).click();
  await expect(stranger.getByText(/^We sent this message on/)).toBeVisible();
  await look(stranger, "check-known");
  await stranger.getByLabel("The twelve letters and digits on the message").fill("7KQD");
  await stranger.getByRole("button", { name: "Check" }).click();
  await look(stranger, "check-wrong");

  // The practice finds its own list, and can tell a patient whether a message is ours.
  const manager = await withOneClick(browser, "moana");
  await expect(manager).toHaveURL(/\/desk$/);
  await look(manager, "desk");
  await manager.getByLabel("The twelve letters and digits on the patient’s message").fill(code);
  await manager.getByRole("button", { name: "Check" }).click();
  await expect(manager.getByText(/^We sent this message on/)).toBeVisible();
  await manager.getByRole("link", { name: /^Your list/ }).click();
  await expect(manager.getByRole("main")).toContainText(thief.name);
  await look(manager, "desk-list");
  const line = manager.getByRole("row").filter({ hasText: thief.name });
  // Fifteen minutes without a step: what is sent then is not taken, and that is said.
  await manager.context().clearCookies();
  await line.getByRole("button", { name: /^Write down that/ }).click();
  await expect(manager.getByText(/Nothing was written down yet/)).toBeVisible();
  await look(manager, "room-sign-in-again");
  const { name, about } = known().find((one) => one.login === "moana")!;
  await manager.getByRole("button", { name: `Sign in as ${name}. ${about}` }).click();
  await expect(manager.getByText(/Nothing was written down yet/)).toBeVisible();
  await look(manager, "desk-list-again");
  // The patient comes to the counter: the practice writes it down, and corrects a slip.
  await line.getByRole("button", { name: /^Write down that/ }).click();
  await expect(line.getByText(/The practice wrote it down\.$/)).toBeVisible();
  await look(manager, "desk-list-told");
  await line.getByRole("button", { name: /has not been told$/ }).click();
  await expect(line.getByRole("button", { name: /^Write down that/ })).toBeVisible();
  const refused = await manager.goto(incident);
  expect(manager.url(), "a practice sees its own list and no more").toMatch(/\/desk$/);
  expect(refused!.ok()).toBe(true);
  const elsewhere = await withOneClick(browser, "moana-2");
  await expect(elsewhere.getByText("There is none.")).toBeVisible();

  // The person finds the same words in the portal, and exactly what was opened.
  const victim = await visitor(browser, portal());
  await victim.goto("/sign-in");
  const form = victim.getByRole("region", { name: "With a password and a code" });
  await form.getByLabel("Your sign-in name").fill(thief.login);
  await form.getByLabel("Your password").fill(thief.password!);
  // Each code works once, and the one of this half minute may be the thief's: the next one counts already.
  await form.getByLabel("Your code").fill(codeAt(thief.totpSecret!, Date.now() + 30_000));
  await form.getByRole("button").click();
  await expect(victim.getByRole("heading", { name: "A message is waiting for you" })).toBeVisible();
  await look(victim, "home-with-message");
  await victim.getByRole("link", { name: "Read it" }).click();
  for (const title of titles) await expect(victim.getByRole("main")).toContainText(title);
  await look(victim, "notices");
  // Read is read: it waits no longer, and can be read again.
  await victim.goto("/home");
  await expect(victim.getByRole("heading", { name: "A message is waiting for you" })).toHaveCount(0);
  await victim
    .getByRole("link", { name: /^Messages/ })
    .first()
    .click();
  for (const title of titles) await expect(victim.getByRole("main")).toContainText(title);
  for (const one of [ngaire, tomasi, stranger, manager, elsewhere, victim]) expectNothingOutside(one.context());
});
