// What every journey uses: the addresses, the demonstration's accounts, a look at a page, a passkey in the browser.
import AxeBuilder from "@axe-core/playwright";
import { expect, test as base, type BrowserContext, type Page, type Response } from "@playwright/test";
import { HtmlValidate } from "html-validate";
import { createHmac, randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export { expect };

/** Where each part of the demonstration answers: five ports in a row. */
export const portal = () => process.env.CANDOUR_ADDRESS!;
const beside = (step: number) => {
  const address = new URL(portal());
  return `http://localhost:${Number(address.port) + step}`;
};
export const room = () => beside(1);
export const status = () => beside(2);
export const mailbox = () => beside(3);

/** The HTML as it came, by page: what is checked is what was sent, not what the browser made of it. */
const sources = new WeakMap<Page, Response>();
const outside = new WeakMap<BrowserContext, string[]>();

/** Notes every page's source, every request to another host and every breach of the policy. */
export function watch(context: BrowserContext): void {
  const found: string[] = [];
  outside.set(context, found);
  const ours = [portal(), room(), status(), mailbox()].map((address) => `${address}/`);
  const known = ["data:", "blob:", "chrome-extension:", "about:"];
  context.on("request", (request) => {
    if (![...ours, ...known].some((start) => `${request.url()}/`.startsWith(start))) found.push(request.url());
  });
  context.on("console", (message) => {
    if (message.text().includes("Content Security Policy")) found.push(message.text());
  });
  context.on("weberror", (error) => found.push(`script failed: ${error.error().message}`));
  context.on("response", (response) => {
    const request = response.request();
    const isPage = request.isNavigationRequest() && (response.headers()["content-type"] ?? "").startsWith("text/html");
    if (isPage) sources.set(request.frame().page(), response);
  });
}

/** Fails when something left this machine's own pages. */
export function expectNothingOutside(context: BrowserContext): void {
  expect(outside.get(context) ?? [], "requests to other hosts, breaches of the policy, failed scripts").toEqual([]);
}

export const test = base.extend<{ watched: void }>({
  baseURL: async ({}, use) => {
    await use(portal());
  },
  watched: [
    async ({ context }, use) => {
      watch(context);
      await use();
      expectNothingOutside(context);
    },
    { auto: true },
  ],
});

const validator = new HtmlValidate({
  extends: ["html-validate:standard", "html-validate:a11y"],
  rules: {
    "no-trailing-whitespace": "off",
    "void-style": "off",
    "doctype-style": "off",
    "long-title": "off",
    "no-implicit-button-type": "error",
    // A table whose rows become blocks on a phone keeps its roles only where they are written down.
    "no-redundant-role": "off",
    "require-sri": "off",
    "tel-non-breaking": "off",
  },
});

const sizes = { desk: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };

/**
 * Looks at the page as it stands: valid HTML as it was sent, nothing for axe to complain about at a desk and on a
 * phone, nothing cut off at 320 px (a desk at 400 %), and, when asked for, a photograph of each.
 */
export async function look(page: Page, name: string): Promise<void> {
  await expect(page.locator("h1")).toHaveCount(1);
  await valid(page, name);
  for (const [size, viewport] of Object.entries(sizes)) {
    await page.setViewportSize(viewport);
    const axe = new AxeBuilder({ page });
    // Everything on the phone; at the desk again what depends on where things stand.
    if (size === "phone") axe.withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]);
    else axe.withRules(["target-size", "scrollable-region-focusable", "skip-link"]);
    const found = await axe.analyze();
    const violations = found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.target).join(", ")}`);
    expect(violations, `${name} (${size})`).toEqual([]);
    if (process.env.CANDOUR_SCREENSHOTS) await page.screenshot({ path: `screenshots/${name}-${size}.png`, fullPage: true });
  }
  await page.setViewportSize({ width: 320, height: 568 });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(overflow, `${name} is wider than 320 px`).toBeLessThanOrEqual(0);
  await page.setViewportSize(sizes.desk);
  mkdirSync("test-results/looked-at", { recursive: true });
  writeFileSync(`test-results/looked-at/${randomUUID()}`, page.url());
}

async function valid(page: Page, name: string): Promise<void> {
  const response = sources.get(page);
  expect(response, `${name}: where the page came from`).toBeDefined();
  const report = await validator.validateString(await response!.text());
  const messages = report.results.flatMap((result) => result.messages);
  expect(
    messages.map((message) => `${message.line}: ${message.message} (${message.ruleId})`),
    `${name}: HTML`,
  ).toEqual([]);
}

export type Kind = "patients" | "staff";
export interface Account {
  name: string;
  about: string;
  login: string;
  password?: string;
  totpSecret?: string;
}

/** The accounts of one kind on the demonstration's page. */
export async function accounts(page: Page, kind: Kind): Promise<Account[]> {
  await page.goto("/demonstration");
  return page.locator(`section[aria-labelledby="${kind}"] li`).evaluateAll((items) =>
    items.map((item) => {
      const form = item.querySelector("form")!;
      const field = (name: string) => form.querySelector<HTMLInputElement>(`[name="${name}"]`)?.value;
      return {
        name: item.querySelector(".candour-entry__title")!.textContent!,
        about: item.querySelector(".candour-entry__aside")!.textContent!,
        login: field("login") ?? field("name")!,
        ...JSON.parse(form.dataset.demonstration!),
      };
    }),
  );
}

/** The account with a sign-in name. */
export async function account(page: Page, kind: Kind, login: string): Promise<Account> {
  const found = (await accounts(page, kind)).find((one) => one.login === login);
  expect(found, `the account ${login}`).toBeDefined();
  return found!;
}

/** One click on the demonstration's page. */
export async function become(page: Page, who: Account): Promise<void> {
  await page.goto("/demonstration");
  const form = page.locator("form[data-demonstration]", { has: page.locator(`input[value="${who.login}"]`) });
  await form.getByRole("button").click();
  await page.waitForURL(/\/(home|practice)/);
}

/** Staff, with a purpose chosen. */
export async function workAs(page: Page, who: Account, purpose = "To care for a patient"): Promise<void> {
  await become(page, who);
  await page.goto("/practice/purpose");
  await page.getByLabel(purpose).check();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL("**/practice");
}

/** Staff find a patient by the name as it is written. */
export async function find(page: Page, name: string): Promise<void> {
  const words = name.split(" ");
  await page.goto("/practice/find");
  await page.getByLabel("Surname, or its first three letters").fill(words[words.length - 1]);
  await page.getByLabel("First name or initial").fill(words[0]);
  await page.getByRole("button", { name: "Find" }).click();
}

interface Known {
  login: string;
  name: string;
  about: string;
  patient: string;
  keys: { pkcs8: string; credential_id: string; user_handle: string };
}

/** The demonstration's own file of accounts, those of officers among them. */
export function known(): Known[] {
  return JSON.parse(readFileSync(join(process.env.CANDOUR_DATA!, "secrets/accounts.json"), "utf8")).accounts;
}

interface Person {
  number: number;
  patient: string;
  practice: number;
  is_canary: boolean;
  is_unsafe_to_write: boolean;
  documents: string[];
}

/** People of one practice who have no account yet and are no canary. */
export function people(practice: number): Person[] {
  const taken = new Set(known().map((one) => one.patient));
  const lines = readFileSync("test-results/people.jsonl", "utf8").trim().split("\n");
  return lines
    .map((line) => JSON.parse(line) as Person)
    .filter((one) => one.practice === practice && !one.is_canary && !taken.has(one.patient))
    .sort((one, other) => one.number - other.number);
}

/** RFC 6238: six digits of the half minute around `at`. */
export function codeAt(secret: string, at = Date.now()): string {
  const letters = [...secret.replaceAll(/[= ]/g, "")];
  const bits = letters.map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g)!.map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const mac = createHmac("sha1", key).update(counter).digest();
  const offset = mac[19] & 0x0f;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

/** A passkey that was made elsewhere, to put into a browser. */
export interface Passkey {
  pkcs8: string;
  credentialId: string;
  userHandle: string;
}

/** An authenticator of the browser itself, unlocked whenever it is asked; what comes back takes it away. */
export async function withPasskey(page: Page, passkey?: Passkey, transport: "internal" | "usb" = "internal"): Promise<() => Promise<void>> {
  const browser = await page.context().newCDPSession(page);
  await browser.send("WebAuthn.enable");
  const { authenticatorId } = await browser.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport,
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  const away = async () => {
    await browser.send("WebAuthn.removeVirtualAuthenticator", { authenticatorId });
  };
  if (!passkey) return away;
  const bytes = (text: string) => Buffer.from(text, "base64url").toString("base64");
  await browser.send("WebAuthn.addCredential", {
    authenticatorId,
    credential: {
      credentialId: bytes(passkey.credentialId),
      isResidentCredential: true,
      rpId: "localhost",
      privateKey: bytes(passkey.pkcs8),
      userHandle: bytes(passkey.userHandle),
      signCount: 0,
    },
  });
  return away;
}

export async function signOut(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByText("You are signed out.")).toBeVisible();
}

/** Day, month and year of "27 March 1946". */
export function dateParts(words: string): [string, string, string] {
  const months = "January February March April May June July August September October November December".split(" ");
  const [day, month, year] = words.trim().split(" ");
  return [day, String(months.indexOf(month) + 1), year];
}

/** Staff, on the page where a document is added: a short note with a title. */
export async function addDocument(page: Page, title: string, content: string): Promise<void> {
  await page.getByLabel("The file").setInputFiles({ name: "note.txt", mimeType: "text/plain", buffer: Buffer.from(content) });
  await page.getByLabel("What the patient will see as its title").fill(title);
  await page.getByLabel("What kind of document it is").selectOption({ label: "Visit note" });
  await page.getByLabel("Day").fill("3");
  await page.getByLabel("Month").fill("11");
  await page.getByLabel("Year").fill("2026");
  await page.getByRole("button", { name: "Add this document" }).click();
}
