//! Answers of passkeys, as browsers send them and the keeper reads them.
//!
//! Input: what is answered, then the JSON; or only the bytes of one field, in an answer that is right in all others. No
//! answer is taken that the one passkey did not give to this very question.

use super::feed::Feed;
use crate::passkey::SoftwarePasskey;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use candour_keeper::identity::passkeys::{Answer, Asked, AskedNew, Offered, Passkeys};
use candour_seal::PersonId;
use serde_json::{Value, json};
use std::sync::LazyLock;
use webauthn_rs_core::proto::Credential;

const ORIGIN: &str = "http://localhost:8080";

/// A site that asked, and a passkey that could answer.
struct Site {
    passkeys: Passkeys,
    new: AskedNew,
    /// The answer to that, once it is one.
    created: Value,
    credential: Credential,
    asked: Asked,
    got: Value,
}

static SITE: LazyLock<Option<Site>> = LazyLock::new(site);

fn site() -> Option<Site> {
    let passkeys = Passkeys::new("localhost", vec![ORIGIN.parse().ok()?]);
    let mut device = SoftwarePasskey::new().ok()?;
    let person = PersonId::from_bytes([3; 16]);
    let new = passkeys.ask_new(person, "mere", Vec::new()).ok()?;
    let created = device.create(&new.options_json, ORIGIN).ok()?;
    let credential = passkeys.accept_new(&created, &new.state).ok()?;
    let offered = Offered::Credentials(vec![credential.clone()]);
    let asked = passkeys.ask(offered, Some([6; 32])).ok()?;
    let got = device.get(&asked.options_json, ORIGIN).ok()?;
    Some(Site {
        passkeys,
        created: serde_json::from_str(&created).ok()?,
        got: serde_json::from_str(&got).ok()?,
        new,
        credential,
        asked,
    })
}

pub fn feed(bytes: &[u8]) {
    let Some(site) = &*SITE else { return };
    let mut feed = Feed(bytes);
    match feed.byte() % 6 {
        0 => {
            if let Some(text) = feed.text() {
                let taken = site.passkeys.accept_new(text, &site.new.state);
                assert!(taken.is_err(), "nobody was asked that");
            }
        }
        1 => {
            if let Some(text) = feed.text() {
                assert!(!is_taken(site, text), "nobody signed this");
            }
        }
        // Without attestation whoever knows the question may answer with a key of their own; no more is promised.
        2 => {
            let answer = with(&site.created, "attestationObject", feed.0);
            if let Ok(taken) = site.passkeys.accept_new(&answer, &site.new.state) {
                assert!(taken.user_verified, "nobody was verified");
                assert!(serde_json::to_string(&taken).is_ok());
            }
        }
        3 => field(site, "authenticatorData", feed.0),
        4 => field(site, "clientDataJSON", feed.0),
        _ => field(site, "signature", feed.0),
    }
}

fn is_taken(site: &Site, text: &str) -> bool {
    let Ok(answer) = Answer::parse(text) else {
        return false;
    };
    let _ = (answer.credential_id(), answer.person());
    let taken = site
        .passkeys
        .accept(&answer, &site.asked.state, &site.credential);
    taken.is_ok()
}

fn field(site: &Site, name: &str, bytes: &[u8]) {
    let answer = with(&site.got, name, bytes);
    let is_own = site.got["response"][name] == URL_SAFE_NO_PAD.encode(bytes);
    assert_eq!(is_taken(site, &answer), is_own);
}

/// The answer with the bytes of one field replaced.
fn with(answer: &Value, name: &str, bytes: &[u8]) -> String {
    let mut changed = answer.clone();
    changed["response"][name] = json!(URL_SAFE_NO_PAD.encode(bytes));
    changed.to_string()
}

pub fn seeds() -> Vec<Vec<u8>> {
    let Some(site) = &*SITE else {
        return Vec::new();
    };
    let of = |answer: &Value, name: &str| {
        let text = answer["response"][name].as_str().unwrap_or_default();
        URL_SAFE_NO_PAD.decode(text).unwrap_or_default()
    };
    [
        (0, site.created.to_string().into_bytes()),
        (1, site.got.to_string().into_bytes()),
        (2, of(&site.created, "attestationObject")),
        (3, of(&site.got, "authenticatorData")),
        (4, of(&site.got, "clientDataJSON")),
        (5, of(&site.got, "signature")),
    ]
    .map(|(first, bytes)| [vec![first], bytes].concat())
    .to_vec()
}
