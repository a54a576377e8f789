// The passkey step, the one thing on these pages that needs a script.
const bytesOf = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const textOf = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

function decoded(options) {
  const publicKey = { ...options, challenge: bytesOf(options.challenge) };
  if (options.allowCredentials) {
    publicKey.allowCredentials = options.allowCredentials.map((entry) => ({ ...entry, id: bytesOf(entry.id) }));
  }
  return publicKey;
}

function encoded(credential) {
  const { response } = credential;
  return JSON.stringify({
    id: credential.id,
    rawId: textOf(credential.rawId),
    type: credential.type,
    response: {
      clientDataJSON: textOf(response.clientDataJSON),
      authenticatorData: textOf(response.authenticatorData),
      signature: textOf(response.signature),
      userHandle: response.userHandle ? textOf(response.userHandle) : null,
    },
    extensions: credential.getClientExtensionResults(),
  });
}

const form = document.querySelector("form[data-passkey]");
const data = document.getElementById("options");
if (form && data) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const options = JSON.parse(data.textContent);
    navigator.credentials
      .get({ publicKey: decoded(options.publicKey || options) })
      .then((credential) => {
        form.elements.namedItem("answer").value = encoded(credential);
        form.submit();
      })
      .catch(() => {
        form.querySelector("[data-failed]").hidden = false;
      });
  });
}
