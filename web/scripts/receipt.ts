// Checks receipts on WebCrypto: written from docs/formats/receipt.md and entries.md alone, sharing nothing with the
// program that makes them. It sends nothing anywhere.

export interface Said {
  index: bigint;
  at: bigint; // microseconds since 1970
  kind: number;
  decision: number;
  purpose: number;
  role: number;
  itemKind: number;
  practice: string | null;
  patient: bigint; // surrogate; 0 is none
  number: bigint | null; // null where the receipt shows none
  leaf: string;
  size: bigint;
  root: string;
}

export type Refusal =
  | "Lines" | "Extra" | "Index" | "Leaf" | "ProofLength" | "Proof" | "Early" | "Key" | "Signature" | "Log" | "Checkpoint";

export type Verdict = { said: Said } | { refused: Refusal };

export interface LogKey {
  name: string;
  id: string; // base64 of the four bytes
  verify(text: Uint8Array, signature: Uint8Array): Promise<boolean>;
}

type Bytes = Uint8Array<ArrayBuffer>;

const FIRST = "c2sp.org/tlog-proof@v1";
const utf8 = new TextEncoder();

class Refused extends Error {
  constructor(readonly why: Refusal) {
    super(why);
  }
}

function join(...parts: Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const toBase64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));
const equal = (one: Uint8Array, other: Uint8Array) => toBase64(one) === toBase64(other);

// Base 64 with padding and in its one spelling; null for anything else.
function fromBase64(text: string): Bytes | null {
  try {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return toBase64(bytes) === text ? bytes : null;
  } catch {
    return null;
  }
}

async function sha256(...parts: Uint8Array[]): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", join(...parts)));
}

async function hmac(secret: Bytes, ...parts: Uint8Array[]): Promise<Bytes> {
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, join(...parts)));
}

// A whole number as a line of its own: decimal, without leading zeros, of 64 bits.
function decimal(text: string): bigint | null {
  if (!/^(0|[1-9][0-9]{0,19})$/.test(text)) return null;
  const number = BigInt(text);
  return number < 1n << 64n ? number : null;
}

// U+FEFF is no white space, whatever \s says.
const isName = (name: string) => name !== "" && !/[\p{White_Space}+\p{Cc}]/u.test(name);

// The log's verifier key: name+id+key. Null when it is none; an error when this browser has no Ed25519.
export async function readKey(text: string): Promise<LogKey | null> {
  const parts = /^([^+]*)\+([^+]*)\+(.*)$/s.exec(text.replace(/^\p{White_Space}+|\p{White_Space}+$/gu, ""));
  const typed = parts && fromBase64(parts[3]);
  if (!parts || !typed || typed.length !== 33 || typed[0] !== 1 || !isName(parts[1])) return null;
  const id = (await sha256(utf8.encode(`${parts[1]}\n`), typed)).slice(0, 4);
  if ([...id].map((byte) => byte.toString(16).padStart(2, "0")).join("") !== parts[2]) return null;
  const key = await crypto.subtle.importKey("raw", typed.slice(1), "Ed25519", false, ["verify"]);
  return {
    name: parts[1],
    id: toBase64(id),
    verify: (signed, signature) => crypto.subtle.verify("Ed25519", key, signature as Bytes, signed as Bytes),
  };
}

interface Checkpoint {
  size: bigint;
  root: Bytes;
}

async function openCheckpoint(note: string, key: LogKey): Promise<Checkpoint> {
  const end = note.lastIndexOf("\n\n");
  if (end < 0 || !note.endsWith("\n") || utf8.encode(note).length > 65536 || /[\0-\x09\x0b-\x1f]/.test(note)) {
    throw new Refused("Checkpoint");
  }
  const text = note.slice(0, end + 1);
  let isSigned = false;
  for (const line of note.slice(end + 2, -1).split("\n")) {
    const parts = /^— ([^ ]*) (.*)$/.exec(line);
    const bytes = parts && fromBase64(parts[2]);
    if (!parts || !bytes || bytes.length < 4 || !isName(parts[1])) throw new Refused("Checkpoint");
    if (parts[1] !== key.name || toBase64(bytes.slice(0, 4)) !== key.id) continue;
    if (!(await key.verify(utf8.encode(text), bytes.slice(4)))) throw new Refused("Signature");
    isSigned = true;
  }
  if (!isSigned) throw new Refused("Key");
  const lines = text.slice(0, -1).split("\n");
  const size = lines.length === 3 ? decimal(lines[1]) : null;
  const root = lines.length === 3 ? fromBase64(lines[2]) : null;
  if (lines[0] === "" || size === null || root === null || root.length !== 32) throw new Refused("Checkpoint");
  if (lines[0] !== key.name) throw new Refused("Log");
  return { size, root };
}

// RFC 9162 2.1.3.2.
async function proves(leaf: Bytes, index: bigint, checkpoint: Checkpoint, proof: Bytes[]): Promise<void> {
  if (index >= checkpoint.size) throw new Refused("Early");
  let fn = index;
  let sn = checkpoint.size - 1n;
  let node = leaf;
  for (const hash of proof) {
    if (sn === 0n) throw new Refused("ProofLength");
    if ((fn & 1n) === 1n || fn === sn) {
      node = await sha256(Uint8Array.of(1), hash, node);
      while ((fn & 1n) === 0n && fn !== 0n) {
        fn >>= 1n;
        sn >>= 1n;
      }
    } else {
      node = await sha256(Uint8Array.of(1), node, hash);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  if (sn !== 0n) throw new Refused("ProofLength");
  if (!equal(node, checkpoint.root)) throw new Refused("Proof");
}

interface Parts {
  index: bigint;
  form: number;
  secret: Bytes;
  number: Bytes;
  entry: Bytes;
  leaf: Bytes;
  proof: Bytes[];
  checkpoint: string;
}

function read(text: string): Parts {
  const end = text.indexOf("\n\n");
  const [first, extraLine, indexLine, ...hashes] = text.slice(0, Math.max(end, 0)).split("\n");
  const extra = extraLine?.startsWith("extra ") ? fromBase64(extraLine.slice(6)) : null;
  const index = indexLine?.startsWith("index ") ? decimal(indexLine.slice(6)) : null;
  const proof = hashes.map(fromBase64).filter((hash) => hash !== null && hash.length === 32) as Bytes[];
  if (end < 0 || first !== FIRST || !extra || index === null || proof.length !== hashes.length) throw new Refused("Lines");
  if (extra.length !== 176) throw new Refused("Extra");
  const parts = {
    index,
    form: extra[0],
    secret: extra.slice(1, 33),
    number: extra.slice(33, 41),
    entry: extra.slice(41, 144),
    leaf: extra.slice(144),
    proof,
    checkpoint: text.slice(end + 2),
  };
  const isPlain = parts.form === 0 && parts.number.every((byte) => byte === 0);
  const practice = parts.entry.slice(22, 38);
  const hasPractice = parts.entry[21] === 1 || (parts.entry[21] === 0 && practice.every((byte) => byte === 0));
  if (!(isPlain || parts.form === 1) || parts.entry[0] !== 1 || !hasPractice) throw new Refused("Extra");
  return parts;
}

async function judge(text: string, key: LogKey): Promise<Said> {
  const { index, form, secret, number, entry, leaf, proof, checkpoint } = read(text);
  const fields = new DataView(entry.buffer);
  if (fields.getBigUint64(1) !== index) throw new Refused("Index");
  const salt = form === 1 ? await hmac(secret, utf8.encode("candour/v1/entry number"), number) : secret;
  if (!equal(await sha256(Uint8Array.of(0), await hmac(salt, entry)), leaf)) throw new Refused("Leaf");
  const signed = await openCheckpoint(checkpoint, key);
  await proves(leaf, index, signed, proof);
  const practice = [...entry.slice(22, 38)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return {
    index,
    at: fields.getBigInt64(9),
    kind: entry[17],
    decision: entry[18],
    purpose: entry[19],
    role: entry[20],
    itemKind: entry[38],
    practice: entry[21] === 1 ? practice : null,
    patient: fields.getBigInt64(55),
    number: form === 1 ? new DataView(number.buffer).getBigUint64(0) : null,
    leaf: toBase64(leaf),
    size: signed.size,
    root: toBase64(signed.root),
  };
}

// One receipt.
export async function check(text: string, key: LogKey): Promise<Verdict> {
  try {
    return { said: await judge(text, key) };
  } catch (error) {
    if (error instanceof Refused) return { refused: error.why };
    throw error;
  }
}

// The receipts of a file; what comes before the first is one of its own, so that it is refused.
export function split(file: string): string[] {
  return file.split(new RegExp(`(?<=^|\\n)(?=${FIRST.replaceAll(".", "\\.")}\n)`));
}

export interface Gap {
  patient: bigint;
  from: bigint;
  to: bigint;
}

// Remembers what was said first under a name; whether this is something else.
function differs<Name>(known: Map<Name, string>, name: Name, said: string): boolean {
  const first = known.get(name) ?? said;
  known.set(name, first);
  return first !== said;
}

// Numbers that no receipt has, patient by patient, and whether numbers, entries or checkpoints contradict each other.
export function together(all: Said[]): { gaps: Gap[]; isFalse: boolean } {
  const roots = new Map<bigint, string>();
  const leaves = new Map<bigint, string>();
  const patients = new Map<bigint, Said[]>();
  let isNumbered = false;
  let isFalse = false;
  // By index; of one entry the receipt with a number first.
  const order = (one: Said, other: Said) =>
    one.index < other.index ? -1 : one.index > other.index ? 1 : Number(one.number === null) - Number(other.number === null);
  for (const said of [...all].sort(order)) {
    if (differs(roots, said.size, said.root)) isFalse = true;
    if (differs(leaves, said.index, said.leaf)) isFalse = true;
    if (said.number === null) {
      // Where entries have numbers, all have one: this one's was taken off, or was never there.
      if (isNumbered) isFalse = true;
      continue;
    }
    isNumbered = true;
    if ((said.number === 0n) !== (said.patient === 0n)) isFalse = true;
    else if (said.patient !== 0n) patients.set(said.patient, [...(patients.get(said.patient) ?? []), said]);
  }
  const gaps: Gap[] = [];
  for (const [patient, numbered] of patients) {
    let before: Said | null = null;
    for (const said of numbered) {
      if (before?.index === said.index) continue;
      const expected: bigint = (before?.number ?? 0n) + 1n;
      if (said.number! < expected) {
        isFalse = true;
        continue;
      }
      if (said.number! > expected) gaps.push({ patient, from: expected, to: said.number! - 1n });
      before = said;
    }
  }
  return { gaps, isFalse };
}
