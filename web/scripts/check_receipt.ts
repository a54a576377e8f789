// The page that checks receipts: files are read and judged here, and nothing leaves the browser.
import { check, readKey, split, together, type LogKey, type Said } from "./receipt";

const form = document.querySelector<HTMLFormElement>("form[data-receipts]")!;
const files = form.querySelector<HTMLInputElement>("input[type=file]")!;
const keyField = form.querySelector<HTMLInputElement>("#key")!;
const result = form.querySelector<HTMLElement>("[data-result]")!;
const spoken = new Map<string, string>();
for (const word of document.querySelector<HTMLTemplateElement>("#words")!.content.querySelectorAll<HTMLElement>("[data-word]")) {
  spoken.set(word.dataset.word!, word.textContent!);
}

function say(name: string, values: Record<string, string> = {}): string {
  const sentence = spoken.get(name) ?? spoken.get("unknown")!;
  return sentence.replace(/\{(\w+)\}/g, (_, place: string) => values[place] ?? "");
}

function add(parent: HTMLElement, element: string, text: string, style = ""): HTMLElement {
  const made = document.createElement(element);
  made.textContent = text;
  if (style) made.className = style;
  parent.append(made);
  return made;
}

function moment(at: bigint): string {
  return new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "long", timeStyle: "medium" }).format(
    new Date(Number(at / 1000n)),
  );
}

function show(said: Said): void {
  const entry = add(result, "section", "");
  add(entry, "h2", say("entry", { index: String(said.index) }), "c-heading-s");
  add(entry, "p", say("proved"));
  const facts = add(entry, "ul", "", "c-list c-list--bullet");
  const lines = [
    say("at", { time: moment(said.at) }),
    say(`kind_${said.kind}`),
    say(`decision_${said.decision}`),
    say("role", { role: say(`role_${said.role}`) }),
  ];
  if (said.purpose !== 0) lines.push(say("purpose", { purpose: say(`purpose_${said.purpose}`) }));
  if (said.itemKind !== 0) lines.push(say("item", { item: say(`item_${said.itemKind}`) }));
  if (said.number !== null && said.number !== 0n) lines.push(say("number", { number: String(said.number) }));
  for (const line of lines) add(facts, "li", line);
}

async function judge(key: LogKey): Promise<void> {
  const proved: Said[] = [];
  for (const file of files.files ?? []) {
    for (const text of split(await file.text())) {
      const verdict = await check(text, key);
      if ("said" in verdict) {
        proved.push(verdict.said);
        show(verdict.said);
      } else {
        add(result, "p", say(`refused_${verdict.refused.toLowerCase()}`), "c-error-message");
      }
    }
  }
  const { gaps, isFalse } = together(proved);
  if (isFalse) add(result, "p", say("false"), "c-error-message");
  for (const { from, to } of gaps) {
    add(result, "p", say(from === to ? "gap_one" : "gap_many", { from: String(from), to: String(to) }));
  }
}

async function run(): Promise<void> {
  result.replaceChildren();
  if (!files.files?.length) {
    add(result, "p", say("no_file"), "c-error-message");
    return;
  }
  try {
    const key = await readKey(keyField.value);
    if (key) await judge(key);
    else add(result, "p", say("no_key"), "c-error-message");
  } catch {
    // No Ed25519 in this browser, or a file that cannot be read.
    add(result, "p", say("no_browser"), "c-error-message");
  }
}

form.hidden = false;
form.addEventListener("submit", (event) => {
  event.preventDefault();
  void run();
});
