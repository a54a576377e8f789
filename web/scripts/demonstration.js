// One-click sign-in on the page of demonstration accounts: it gives the ordinary answers with
// keys that only a demonstration's page holds. Staff answer with a passkey made in software.
import { begin } from "./ceremony.js";
import { passkeyAnswer } from "./software_passkey.js";

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
async function codeNow(secret) {
  const counter = new DataView(new ArrayBuffer(8));
  counter.setUint32(4, Math.floor(Date.now() / 30000));
  const key = await crypto.subtle.importKey("raw", base32(secret), { name: "HMAC", hash: "SHA-1" }, false, ["sign"]);
  const mac = new DataView(await crypto.subtle.sign("HMAC", key, counter.buffer));
  const offset = mac.getUint8(19) & 0x0f;
  return String((mac.getUint32(offset) & 0x7fffffff) % 1000000).padStart(6, "0");
}

async function answer(form) {
  const keys = JSON.parse(form.dataset.demonstration);
  const field = (name) => form.elements.namedItem(name);
  if (keys.pkcs8) {
    let options = form.dataset.options ? JSON.parse(form.dataset.options) : null;
    if (!options) {
      const ceremony = await begin(form);
      field("ceremony").value = ceremony.ceremony;
      options = ceremony.options;
    }
    field("answer").value = await passkeyAnswer(keys, options.publicKey || options);
  } else {
    field("password").value = keys.password;
    field("code").value = await codeNow(keys.totpSecret);
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
