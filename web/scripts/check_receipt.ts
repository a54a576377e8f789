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

// Beyond what the browser's calendar knows, as it stands in the entry.
function moment(at: bigint): string {
  const isKnown = Math.abs(Number(at / 1000n)) <= 8.64e15;
  if (!isKnown) return say("microseconds", { at: String(at) });
  return new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "long", timeStyle: "medium" }).format(
    new Date(Number(at / 1000n)),
  );
}

const hexadecimal = (patient: bigint) => BigInt.asUintN(64, patient).toString(16).padStart(16, "0");

// The file's text as it is, its first character too; null where it is none.
async function read(file: File): Promise<string | null> {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await file.arrayBuffer());
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
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
  if (said.patient !== 0n) lines.push(say("patient", { patient: hexadecimal(said.patient) }));
  if (said.number === null) lines.push(say("number_none"));
  else if (said.number !== 0n) lines.push(say("number", { number: String(said.number) }));
  for (const line of lines) add(facts, "li", line);
}

async function judge(key: LogKey): Promise<void> {
  const proved: Said[] = [];
  for (const file of files.files ?? []) {
    const content = await read(file);
    for (const text of content === null ? [""] : split(content)) {
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
  for (const { patient, from, to } of gaps) {
    const values = { patient: hexadecimal(patient), from: String(from), to: String(to) };
    add(result, "p", say(from === to ? "gap_one" : "gap_many", values));
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
