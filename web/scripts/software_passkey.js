// A passkey made in software, which only a demonstration's page holds.
import { bytesOf, textOf } from "./base64url.js";

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

// What `navigator.credentials.get` would answer, as JSON.
export async function passkeyAnswer(keys, options) {
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
