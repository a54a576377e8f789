// What every journey uses: the address, the demonstration's accounts, a look at a page, a passkey in the browser.
import AxeBuilder from "@axe-core/playwright";
import { expect, test as base, type Page } from "@playwright/test";
import { createHmac } from "node:crypto";

export { expect };

export const test = base.extend<{ outside: string[] }>({
  baseURL: async ({}, use) => {
    const address = process.env.CANDOUR_ADDRESS;
    if (!address) throw new Error("CANDOUR_ADDRESS is not set");
    await use(address);
  },
  // No page of ours may ask another host for anything.
  outside: [async ({ page, baseURL }, use) => {
    const outside: string[] = [];
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(baseURL!) && !url.startsWith("data:") && !url.startsWith("blob:") && !url.startsWith("chrome-extension:")) outside.push(url);
    });
    page.on("console", (message) => {
      if (message.text().includes("Content Security Policy")) outside.push(message.text());
    });
    await use(outside);
    expect(outside, "requests to other hosts, or against the policy").toEqual([]);
  }, { auto: true }],
});

const widths = { desk: { width: 1200, height: 900 }, phone: { width: 360, height: 740 } };

/** Axe finds nothing, nothing is cut off at 320 px (400 % zoom of a desk), and both sizes are photographed. */
export async function look(page: Page, name: string): Promise<void> {
  await expect(page.locator("h1")).toHaveCount(1);
  for (const [size, viewport] of Object.entries(widths)) {
    await page.setViewportSize(viewport);
    const found = await new AxeBuilder({ page })
      .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"])
      .analyze();
    expect(found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.target).join(", ")}`), `${name} (${size})`).toEqual([]);
    await page.screenshot({ path: `screenshots/${name}-${size}.png`, fullPage: true });
  }
  await page.setViewportSize({ width: 320, height: 568 });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(overflow, `${name} is wider than 320 px`).toBeLessThanOrEqual(0);
  await page.setViewportSize(widths.desk);
}

export type Kind = "patients" | "staff" | "operators";
export interface Account { name: string; about: string; login: string; password?: string; totpSecret?: string }

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

/** One click on the demonstration's page. */
export async function become(page: Page, account: Account): Promise<void> {
  await page.goto("/demonstration");
  await page.getByRole("button", { name: `Sign in as ${account.name}`, exact: true }).click();
  await page.waitForURL(/\/(home|practice)/);
}

/** Staff, with a purpose chosen. */
export async function workAs(page: Page, account: Account, purpose = "To care for a patient"): Promise<void> {
  await become(page, account);
  await page.goto("/practice/purpose");
  await page.getByLabel(purpose).check();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL("**/practice");
}

/** RFC 6238: six digits of this half minute. */
export function codeNow(secret: string, now = Date.now()): string {
  const bits = [...secret.replace(/=+$/, "")].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g)!.map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(now / 30_000)));
  const mac = createHmac("sha1", key).update(counter).digest();
  const offset = mac[19] & 0x0f;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

/** A passkey of the browser itself, unlocked whenever it is asked. */
export async function withPasskey(page: Page): Promise<void> {
  const browser = await page.context().newCDPSession(page);
  await browser.send("WebAuthn.enable");
  await browser.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2", transport: "internal", hasResidentKey: true,
      hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true,
    },
  });
}

export async function signOut(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByText("You are signed out.")).toBeVisible();
}

/** Day, month and year of "27 March 1946". */
export function dateParts(words: string): [string, string, string] {
  const months = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
  const [day, month, year] = words.trim().split(" ");
  return [day, String(months.indexOf(month) + 1), year];
}
