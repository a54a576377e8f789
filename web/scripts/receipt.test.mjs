// The check in the browser against the documented receipts, which the Rust program is tested with too.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import * as esbuild from "esbuild";

const built = esbuild.buildSync({
  entryPoints: [new URL("receipt.ts", import.meta.url).pathname],
  bundle: true,
  format: "esm",
  write: false,
});
const code = Buffer.from(built.outputFiles[0].text).toString("base64");
const { check, readKey, split, together } = await import(`data:text/javascript;base64,${code}`);
const { key: keyText, receipts, together: cases } = JSON.parse(
  readFileSync(new URL("../../docs/formats/receipts.json", import.meta.url), "utf8"),
);
const key = await readKey(keyText);
globalThis.fetch = () => assert.fail("a check sends nothing");

test("every documented receipt says what it says, or is refused for the reason it has", async () => {
  for (const { text, says, refused } of receipts) {
    const verdict = await check(text, key);
    if (refused) {
      assert.deepEqual(verdict, { refused });
      continue;
    }
    const { said } = verdict;
    assert.ok(said, text);
    const number = said.number === null ? null : Number(said.number);
    assert.deepEqual(
      {
        index: Number(said.index), at: Number(said.at), kind: said.kind, decision: said.decision, purpose: said.purpose,
        role: said.role, item_kind: said.itemKind, has_practice: said.practice !== null, number, size: Number(said.size),
      },
      says,
    );
  }
  assert.ok(receipts.length > 20);
});

test("a receipt with any one byte changed is refused", async () => {
  const { text } = receipts.find(({ says }) => says && says.index === 130);
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed[at] ^= 1;
    const verdict = await check(changed.toString("latin1") === bytes.toString("latin1") ? "" : changed.toString(), key);
    assert.ok(verdict.refused, `byte ${at}`);
  }
});

test("only a verifier key is one", async () => {
  assert.equal(key.name, "candour.example/ledger");
  for (const none of ["", "candour", keyText.replace("+", "x"), keyText.slice(0, -4), keyText.replace(/\+(.)/, "+0$1")]) {
    assert.equal(await readKey(none), null, none);
  }
});

test("a file is taken apart, gaps are found, and contradictions are false", async () => {
  const good = receipts.filter(({ says }) => says).map(({ text }) => text);
  assert.deepEqual(split(good.join("")), good);
  assert.equal(split(`rubbish\n${good[0]}`).length, 2);
  const said = [];
  for (const text of good) said.push((await check(text, key)).said);
  const one = said.find(({ index }) => index === 130n);
  const at = (index, number) => ({ ...one, index, number, leaf: String(index) });
  const patient = one.patient;
  assert.deepEqual(together([at(9n, 1n), at(12n, 4n), at(10n, 2n)]), {
    gaps: [{ patient, from: 3n, to: 3n }],
    isFalse: false,
  });
  assert.deepEqual(together([at(9n, 3n)]), { gaps: [{ patient, from: 1n, to: 2n }], isFalse: false });
  const isFalse = (...all) => together(all).isFalse;
  assert.equal(isFalse(one, one), false);
  assert.equal(isFalse(at(9n, 1n), at(10n, 1n)), true);
  assert.equal(isFalse(at(9n, 1n), { ...at(10n, 2n), root: "other" }), true);
  assert.equal(isFalse(at(9n, 1n), { ...at(9n, 1n), size: 301n, leaf: "other" }), true);
  assert.equal(isFalse(at(9n, null), at(10n, 3n)), false);
  assert.equal(isFalse(at(11n, null), at(10n, 3n)), true);
  assert.equal(isFalse(at(10n, null), at(10n, 3n)), true);
  assert.equal(isFalse(at(9n, 0n)), true);
  assert.equal(isFalse({ ...at(9n, 1n), patient: 0n }), true);
});

test("receipts that hold alone are held against each other as they are documented", async () => {
  assert.ok(cases.length > 7);
  for (const { name, texts, is_false } of cases) {
    const all = [];
    for (const text of texts) all.push((await check(text, key)).said);
    assert.equal(together(all).isFalse, is_false, name);
  }
});

test("a receipt begins after a newline and nowhere else, and no character before it is passed over", async () => {
  const { text } = receipts.find(({ says }) => says);
  for (const other of ["\r", "\u2028", "\u2029", "\ufeff"]) {
    assert.deepEqual(split(`rubbish${other}${text}`), [`rubbish${other}${text}`]);
    assert.deepEqual(await check(`${other}${text}`, key), { refused: "Lines" });
  }
  assert.equal(await readKey(`\ufeff${keyText}`), null);
  assert.ok(await readKey(` ${keyText}\n`));
});
