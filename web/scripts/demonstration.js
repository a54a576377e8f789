// One-click sign-in on the page of demonstration accounts: it gives the ordinary answers with
// keys that only a demonstration's page holds. Staff answer with a passkey made in software.
import { bytesOf, textOf } from "./base64url.js";
import { begin } from "./ceremony.js";

const utf8 = new TextEncoder();

async function digest(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

// WebCrypto writes an ECDSA signature as r ‖ s; WebAuthn wants it in DER.
function der(signature) {
  const integer = (bytes) => {
    let start = 0;
    while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
    const short = [...bytes.slice(start)];
    if (short[0] & 0x80) short.unshift(0);
    return [0x02, short.length, ...short];
  };
  const raw = new Uint8Array(signature);
  const body = [...integer(raw.slice(0, 32)), ...integer(raw.slice(32))];
  return Uint8Array.from([0x30, body.length, ...body]);
}

async function passkeyAnswer(keys, options) {
  const clientData = utf8.encode(
    JSON.stringify({ type: "webauthn.get", challenge: options.challenge, origin: location.origin, crossOrigin: false }),
  );
  const flags = 0x01 | 0x04; // present, verified
  const authenticatorData = Uint8Array.from([
    ...(await digest(utf8.encode(options.rpId || location.hostname))), flags, 0, 0, 0, 0,
  ]);
  const key = await crypto.subtle.importKey("pkcs8", bytesOf(keys.pkcs8), { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
  const signed = Uint8Array.from([...authenticatorData, ...(await digest(clientData))]);
  const signature = der(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, signed));
  return JSON.stringify({
    id: keys.credentialId,
    rawId: keys.credentialId,
    type: "public-key",
    response: {
      clientDataJSON: textOf(clientData),
      authenticatorData: textOf(authenticatorData),
      signature: textOf(signature),
      userHandle: keys.userHandle || null,
    },
    clientExtensionResults: {},
  });
}

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
    const ceremony = await begin(form);
    field("ceremony").value = ceremony.ceremony;
    field("answer").value = await passkeyAnswer(keys, ceremony.options.publicKey || ceremony.options);
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
