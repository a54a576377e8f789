// One-click sign-in on the page of demonstration accounts: it gives the ordinary answers with
// keys that only a demonstration's page holds. Staff answer with a passkey made in software. Whoever signed in so
// answers what is asked later with the same keys.
import { begin } from "./ceremony.js";
import { credentials } from "./credentials.js";
import "./passkey.js";
import { passkeyAnswer } from "./software_passkey.js";

const HELD = "candour-demonstration";
const STEP_MS = 30000;

// RFC 4648 base32 without padding, as authenticator apps take it.
function base32(text) {
  const bytes = [];
  let bits = 0;
  let value = 0;
  for (const letter of text.toUpperCase().replace(/=+$/, "")) {
    value = (value << 5) | "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter);
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((value >> bits) & 0xff);
      value &= (1 << bits) - 1;
    }
  }
  return Uint8Array.from(bytes);
}

// RFC 6238: six digits, SHA-1, steps of 30 seconds.
async function code(secret, step) {
  const counter = new DataView(new ArrayBuffer(8));
  counter.setUint32(4, step);
  const key = await crypto.subtle.importKey("raw", base32(secret), { name: "HMAC", hash: "SHA-1" }, false, ["sign"]);
  const mac = new DataView(await crypto.subtle.sign("HMAC", key, counter.buffer));
  const offset = mac.getUint8(19) & 0x0f;
  return String((mac.getUint32(offset) & 0x7fffffff) % 1000000).padStart(6, "0");
}

// A code is taken once: the step after the last one used, where that is not over. It is taken before its time too.
async function nextCode(secret) {
  const key = `${HELD}-step`;
  const step = Math.max(Math.floor(Date.now() / STEP_MS), Number(localStorage.getItem(key)) + 1);
  localStorage.setItem(key, String(step));
  return code(secret, step);
}

async function answer(form) {
  const keys = JSON.parse(form.dataset.demonstration);
  localStorage.setItem(HELD, form.dataset.demonstration);
  localStorage.removeItem(`${HELD}-step`);
  const field = (name) => form.elements.namedItem(name);
  if (keys.pkcs8) {
    const { ceremony, options } = await begin(form);
    field("ceremony").value = ceremony;
    field("answer").value = await passkeyAnswer(keys, options.publicKey || options);
  } else {
    field("password").value = keys.password;
    field("code").value = await nextCode(keys.totpSecret);
  }
}

for (const form of document.querySelectorAll("form[data-demonstration]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    answer(form).then(
      () => form.submit(),
      () => {
        document.getElementById("failed").hidden = false;
      },
    );
  });
}

const held = JSON.parse(localStorage.getItem(HELD) || "{}");

// Whoever is signed in is answered for by the account's own software; at the sign-in itself, the browser is asked.
const browsers = credentials.get;
const isSigningIn = document.querySelector("form[data-start]") !== null;
credentials.get = (options) => {
  const named = options.allowCredentials || [];
  const isHeld = named.length === 0 ? held.pkcs8 && !isSigningIn : named.some(({ id }) => id === held.credentialId);
  return isHeld ? passkeyAnswer(held, options) : browsers(options);
};

// A code that is left empty is filled in.
for (const button of document.querySelectorAll("button[data-demonstration-code]")) {
  const field = button.form.elements.namedItem("code");
  button.addEventListener("click", (event) => {
    if (!held.totpSecret || field.value.trim() !== "") return;
    event.preventDefault();
    nextCode(held.totpSecret).then((six) => {
      field.value = six;
      button.form.requestSubmit(button);
    });
  });
}
