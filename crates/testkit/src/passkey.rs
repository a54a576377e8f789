//! A passkey in software: ES256, attestation "none", as an authenticator and its browser would answer together.
//!
//! It stands in for a person's device where no person is: in tests, in a drill's ordinary traffic and on a
//! demonstration's account page. It depends on nothing of ours, because the drill crate includes this very
//! file (a release binary may not depend on the test kit).

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// Why a software passkey does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasskeyError {
    /// The options or the exported key do not parse.
    Malformed,
    /// The options name a relying party that the origin does not belong to; a browser refuses this too.
    OtherSite,
    /// The options list credentials, and this passkey is not among them.
    NotListed,
    /// The random source or the signature failed.
    Crypto,
}

impl std::fmt::Display for PasskeyError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Malformed => "the passkey's options or export do not parse",
            Self::OtherSite => "the options belong to another site",
            Self::NotListed => "the passkey is not among those asked for",
            Self::Crypto => "the passkey could not sign",
        })
    }
}

impl std::error::Error for PasskeyError {}

/// One passkey with its private key.
pub struct SoftwarePasskey {
    key: EcdsaKeyPair,
    credential_id: Vec<u8>,
    user_handle: Vec<u8>,
    /// `None`: always says 0, as passkeys that live on several devices do.
    counter: Option<u32>,
    /// Asks for the finger or PIN of whoever holds it.
    verifies: bool,
}

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const CREDENTIAL_INCLUDED: u8 = 0x40;

impl SoftwarePasskey {
    /// A new passkey for nobody yet; [`Self::create`] gives it its account.
    ///
    /// # Errors
    /// [`PasskeyError::Crypto`] when the random source fails.
    pub fn new() -> Result<Self, PasskeyError> {
        let mut credential_id = vec![0; 32];
        aws_lc_rs::rand::fill(&mut credential_id).map_err(|_| PasskeyError::Crypto)?;
        Ok(Self {
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)
                .map_err(|_| PasskeyError::Crypto)?,
            credential_id,
            user_handle: Vec::new(),
            counter: None,
            verifies: true,
        })
    }

    /// The same passkey, but counting its signatures as a single device does.
    #[must_use]
    pub fn counting(self) -> Self {
        Self {
            counter: Some(0),
            ..self
        }
    }

    /// The same passkey, as a key that asks for a touch alone: it does not know who holds it.
    #[must_use]
    pub fn without_verification(self) -> Self {
        Self {
            verifies: false,
            ..self
        }
    }

    /// Sets the signature counter back, as a cloned device would.
    pub fn rewind(&mut self) {
        self.counter = self.counter.map(|_| 0);
    }

    /// Answers `navigator.credentials.create(options)` at an origin (`https://host[:port]`): a `PublicKeyCredential` as JSON.
    ///
    /// # Errors
    /// See [`PasskeyError`].
    pub fn create(&mut self, options_json: &str, origin: &str) -> Result<String, PasskeyError> {
        let options = public_key(options_json)?;
        let relying_party = text(&options["rp"]["id"])?;
        belongs(relying_party, origin)?;
        self.user_handle = decode(&options["user"]["id"])?;

        let mut data = self.authenticator_data(relying_party, CREDENTIAL_INCLUDED);
        // Sixteen zero bytes: a model of authenticator that says nothing about itself.
        data.extend_from_slice(&[0; 16]);
        data.extend_from_slice(&length_bytes(self.credential_id.len())?);
        data.extend_from_slice(&self.credential_id);
        data.extend_from_slice(&self.cose_key()?);

        let mut attestation = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        attestation.push(u8::try_from(data.len()).map_err(|_| PasskeyError::Malformed)?);
        attestation.extend_from_slice(&data);

        let client_data = client_data("webauthn.create", &options, origin)?;
        let id = encode(&self.credential_id);
        Ok(json!({
            "id": id, "rawId": id, "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encode(client_data.as_bytes()),
                "attestationObject": encode(&attestation),
                "transports": ["internal"],
            },
        })
        .to_string())
    }

    /// Answers `navigator.credentials.get(options)` at an origin: a `PublicKeyCredential` as JSON.
    ///
    /// # Errors
    /// See [`PasskeyError`].
    pub fn get(&mut self, options_json: &str, origin: &str) -> Result<String, PasskeyError> {
        let options = public_key(options_json)?;
        let relying_party = text(&options["rpId"])?;
        belongs(relying_party, origin)?;
        let listed = options["allowCredentials"].as_array();
        let own = encode(&self.credential_id);
        if listed
            .is_some_and(|listed| !listed.is_empty() && listed.iter().all(|one| one["id"] != own))
        {
            return Err(PasskeyError::NotListed);
        }
        self.counter = self.counter.map(|count| count + 1);

        let data = self.authenticator_data(relying_party, 0);
        let client_data = client_data("webauthn.get", &options, origin)?;
        let mut signed = data.clone();
        signed.extend_from_slice(digest(&SHA256, client_data.as_bytes()).as_ref());
        let signature = self
            .key
            .sign(&SystemRandom::new(), &signed)
            .map_err(|_| PasskeyError::Crypto)?;
        Ok(json!({
            "id": own, "rawId": own, "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encode(client_data.as_bytes()),
                "authenticatorData": encode(&data),
                "signature": encode(signature.as_ref()),
                "userHandle": encode(&self.user_handle),
            },
        })
        .to_string())
    }

    /// Everything of it as JSON: `credentialId`, `userHandle` and `pkcs8`, each base64url without padding.
    ///
    /// The page of a demonstration imports `pkcs8` with `crypto.subtle.importKey`.
    ///
    /// # Errors
    /// [`PasskeyError::Crypto`] when the key cannot be encoded.
    pub fn export(&self) -> Result<String, PasskeyError> {
        let pkcs8 = self.key.to_pkcs8v1().map_err(|_| PasskeyError::Crypto)?;
        Ok(json!({
            "credentialId": encode(&self.credential_id),
            "userHandle": encode(&self.user_handle),
            "pkcs8": encode(pkcs8.as_ref()),
        })
        .to_string())
    }

    /// The passkey that [`Self::export`] wrote; it says 0 as its counter.
    ///
    /// # Errors
    /// [`PasskeyError::Malformed`] for any other text.
    pub fn import(exported: &str) -> Result<Self, PasskeyError> {
        let fields: Value = serde_json::from_str(exported).map_err(|_| PasskeyError::Malformed)?;
        let pkcs8 = decode(&fields["pkcs8"])?;
        Ok(Self {
            key: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &pkcs8)
                .map_err(|_| PasskeyError::Malformed)?,
            credential_id: decode(&fields["credentialId"])?,
            user_handle: decode(&fields["userHandle"])?,
            counter: None,
            verifies: true,
        })
    }

    /// `WebAuthn` level 2, section 6.1: hash of the relying party, flags (those of every answer among them), counter.
    fn authenticator_data(&self, relying_party: &str, flags: u8) -> Vec<u8> {
        let mut data = digest(&SHA256, relying_party.as_bytes()).as_ref().to_vec();
        let verified = if self.verifies { USER_VERIFIED } else { 0 };
        data.push(flags | USER_PRESENT | verified);
        data.extend_from_slice(&self.counter.unwrap_or(0).to_be_bytes());
        data
    }

    /// RFC 9053, section 7.1: {1: EC2, 3: ES256, -1: P-256, -2: x, -3: y}.
    fn cose_key(&self) -> Result<Vec<u8>, PasskeyError> {
        let point = self.key.public_key().as_ref();
        let (Some(x), Some(y)) = (point.get(1..33), point.get(33..65)) else {
            return Err(PasskeyError::Crypto);
        };
        Ok([
            &b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20"[..],
            x,
            b"\x22\x58\x20",
            y,
        ]
        .concat())
    }
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(value: &Value) -> Result<Vec<u8>, PasskeyError> {
    URL_SAFE_NO_PAD
        .decode(text(value)?)
        .map_err(|_| PasskeyError::Malformed)
}

fn text(value: &Value) -> Result<&str, PasskeyError> {
    value.as_str().ok_or(PasskeyError::Malformed)
}

fn length_bytes(length: usize) -> Result<[u8; 2], PasskeyError> {
    u16::try_from(length)
        .map(u16::to_be_bytes)
        .map_err(|_| PasskeyError::Malformed)
}

/// The options with or without their `publicKey` wrapper.
fn public_key(options_json: &str) -> Result<Value, PasskeyError> {
    let mut options: Value =
        serde_json::from_str(options_json).map_err(|_| PasskeyError::Malformed)?;
    Ok(match options.get_mut("publicKey") {
        Some(inner) => inner.take(),
        None => options,
    })
}

fn belongs(relying_party: &str, origin: &str) -> Result<(), PasskeyError> {
    let host = origin
        .split_once("://")
        .map_or("", |(_, rest)| rest.split([':', '/']).next().unwrap_or(""));
    let is_ours = host == relying_party
        || host
            .strip_suffix(relying_party)
            .is_some_and(|rest| rest.ends_with('.'));
    is_ours.then_some(()).ok_or(PasskeyError::OtherSite)
}

fn client_data(kind: &str, options: &Value, origin: &str) -> Result<String, PasskeyError> {
    Ok(json!({
        "type": kind,
        "challenge": text(&options["challenge"])?,
        "origin": origin,
        "crossOrigin": false,
    })
    .to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: &str =
        r#"{"publicKey":{"challenge":"AAAA","rpId":"localhost","allowCredentials":[]}}"#;

    #[test]
    fn an_exported_passkey_signs_like_the_one_it_came_from() {
        let mut passkey = SoftwarePasskey::new().unwrap();
        let mut copy = SoftwarePasskey::import(&passkey.export().unwrap()).unwrap();
        let one: Value =
            serde_json::from_str(&passkey.get(OPTIONS, "http://localhost:8080").unwrap()).unwrap();
        let other: Value =
            serde_json::from_str(&copy.get(OPTIONS, "http://localhost:8080").unwrap()).unwrap();
        assert_eq!(one["rawId"], other["rawId"]);
        assert_eq!(
            one["response"]["authenticatorData"],
            other["response"]["authenticatorData"]
        );
    }

    #[test]
    fn a_look_alike_site_gets_no_answer() {
        let mut passkey = SoftwarePasskey::new().unwrap();
        for origin in [
            "http://evil-localhost:8080",
            "http://localhost.evil",
            "localhost",
        ] {
            assert_eq!(
                passkey.get(OPTIONS, origin),
                Err(PasskeyError::OtherSite),
                "{origin}"
            );
        }
    }

    #[test]
    fn a_passkey_that_is_not_listed_does_not_answer() {
        let options =
            r#"{"challenge":"AAAA","rpId":"localhost","allowCredentials":[{"id":"BBBB"}]}"#;
        let mut passkey = SoftwarePasskey::new().unwrap();
        assert_eq!(
            passkey.get(options, "http://localhost"),
            Err(PasskeyError::NotListed)
        );
    }
}
