// The way of somebody new: a doctor's invitation, and a phone on which it is taken.
import type { Browser, Page } from "@playwright/test";
import { account, dateParts, expect, look, people, portal, watch, workAs } from "./candour";

export interface Invited {
  code: string;
  born: [string, string, string];
}

/** A doctor's way to a code for somebody who has no account yet; each journey has a person of its own. */
export async function invite(page: Page, place: number, isLookedAt = false): Promise<Invited> {
  await workAs(page, await account(page, "staff", "aroha"));
  const theirs = people(0).filter((_, at) => at % 4 === place);
  let born: [string, string, string] = ["", "", ""];
  for (const { patient } of theirs) {
    // Some have left the practice: for its staff they are not there. Children have no account of their own.
    if (!(await page.goto(`/patients/${patient}`))!.ok()) continue;
    born = dateParts((await page.getByRole("region", { name: "Patient" }).locator("dd").nth(1).textContent())!);
    if (Number(born[2]) < 2005) break;
  }
  await page.getByRole("link", { name: /^Invite to this portal/ }).click();
  if (isLookedAt) {
    await look(page, "invite");
    await page.getByRole("button", { name: "Continue" }).click();
    await expect(page.getByRole("alert")).toContainText("tick the box");
    await look(page, "invite-unchecked");
  }
  await page.getByLabel("I have checked that this is the person named above").check();
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByText(/^Invite .+ \(born .+\) to their own record\.$/)).toBeVisible();
  if (isLookedAt) await look(page, "invite-act");
  await page.getByRole("button", { name: "Sign with my passkey" }).click();
  const code = (await page.locator("#invitation-code").textContent())!;
  if (isLookedAt) await look(page, "invite-made");
  return { code, born };
}

export async function phone(browser: Browser, javaScriptEnabled = true): Promise<Page> {
  const context = await browser.newContext({
    baseURL: portal(),
    viewport: { width: 390, height: 844 },
    javaScriptEnabled,
    locale: "en-NZ",
  });
  watch(context);
  return context.newPage();
}

/** From the front door to the choice of a way to sign in. */
export async function accept(theirs: Page, { code }: Invited, login: string, isLookedAt = false): Promise<void> {
  await theirs.goto("/sign-in");
  await theirs.getByRole("link", { name: "I have an invitation code" }).click();
  if (isLookedAt) {
    await look(theirs, "invitation");
    await theirs.getByRole("button", { name: "Continue" }).click();
    await look(theirs, "invitation-empty");
  }
  await theirs.getByLabel("Invitation code").fill(code.toLowerCase());
  await theirs.getByLabel("Choose a sign-in name").fill(login);
  await theirs.getByRole("button", { name: "Continue" }).click();
  await expect(theirs.getByRole("heading", { name: "Make your account" })).toBeVisible();
}

export async function fillBirth(form: ReturnType<Page["locator"]>, [day, month, year]: Invited["born"]): Promise<void> {
  await form.getByLabel("Day").fill(day);
  await form.getByLabel("Month").fill(month);
  await form.getByLabel("Year").fill(year);
}

export const unique = () => `new.patient.${Date.now()}`;
