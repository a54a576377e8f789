import { readFileSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import { expect, mailbox, portal, room, status, test } from "../candour";

// Pages that cannot be looked at as a page, each with the reason.
const without_look = new Map([
  ["portal GET /", "leads on"],
  ["portal GET /assets/{name}", "no page"],
  ["portal GET /trust.json", "no page"],
  ["portal GET /documents/{document}", "the document itself"],
  ["portal GET /documents/{document}/download", "the document itself"],
  ["portal GET /patients/{patient}/history/receipts", "a file"],
  ["room GET /", "leads on"],
  ["room GET /room.css", "no page"],
  ["room GET /room.js", "no page"],
  ["room GET /demonstration.js", "no page"],
]);

/** The addresses that a source registers for GET, with their places in braces. */
function registered(file: string, pattern: RegExp): string[] {
  const source = readFileSync(resolve("..", file), "utf8");
  return [...source.matchAll(pattern)].map((found) => found[1]);
}

test("every page of every part was looked at", () => {
  const axum = /\.route\(\s*"([^"]+)",\s*(?:axum::routing::)?get\(/g;
  const parts: [string, string, string[]][] = [
    ["portal", portal(), registered("crates/server/src/routes.rs", /^ {4}GET "([^"]+)"/gm)],
    ["room", room(), registered("crates/room/src/pages.rs", axum)],
    ["status", status(), ["/", "/check", "/incident-{number}.html"]],
    ["mailbox", mailbox(), registered("crates/candour/src/mailbox_page.rs", axum)],
  ];
  const folder = "test-results/looked-at";
  const seen = readdirSync(folder).map((name) => readFileSync(`${folder}/${name}`, "utf8"));
  const missed: string[] = [];
  for (const [name, address, paths] of parts) {
    expect(paths.length, `routes of ${name}`).toBeGreaterThan(1);
    const here = seen.filter((url) => url.startsWith(`${address}/`)).map((url) => new URL(url).pathname);
    for (const path of paths) {
      const form = new RegExp(`^${path.replaceAll(/[.]/g, "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`);
      const route = `${name} GET ${path}`;
      if (!without_look.has(route) && !here.some((one) => form.test(one))) missed.push(route);
    }
  }
  expect(missed).toEqual([]);
});
