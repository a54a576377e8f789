// What a passkey answers: options and answers as JSON, as the portal sends and takes them.
import { bytesOf, textOf } from "./base64url.js";

function decoded(options) {
  const publicKey = { ...options, challenge: bytesOf(options.challenge) };
  const ids = (list) => list.map((entry) => ({ ...entry, id: bytesOf(entry.id) }));
  if (options.user) publicKey.user = { ...options.user, id: bytesOf(options.user.id) };
  if (options.allowCredentials) publicKey.allowCredentials = ids(options.allowCredentials);
  if (options.excludeCredentials) publicKey.excludeCredentials = ids(options.excludeCredentials);
  return publicKey;
}

function encoded(credential) {
  const { response } = credential;
  const answer = { clientDataJSON: textOf(response.clientDataJSON) };
  if (response.attestationObject) {
    answer.attestationObject = textOf(response.attestationObject);
    if (response.getTransports) answer.transports = response.getTransports();
  } else {
    answer.authenticatorData = textOf(response.authenticatorData);
    answer.signature = textOf(response.signature);
    answer.userHandle = response.userHandle ? textOf(response.userHandle) : null;
  }
  return JSON.stringify({
    id: credential.id,
    rawId: textOf(credential.rawId),
    type: credential.type,
    response: answer,
    clientExtensionResults: credential.getClientExtensionResults(),
  });
}

export const credentials = {
  get: async (options) => encoded(await navigator.credentials.get({ publicKey: decoded(options) })),
  create: async (options) => encoded(await navigator.credentials.create({ publicKey: decoded(options) })),
};
