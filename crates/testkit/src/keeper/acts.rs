//! People with passkeys, and what they sign.

use super::TestKeeper;
use crate::passkey::SoftwarePasskey;
use candour_keeper::facts::{Fact, Passkey};
use candour_keeper_api::wire::{self, Call, ChangeKind, Reply};
use candour_keeper_api::words::Purpose;
use candour_keeper_api::{CallError, Denied, Keeper, Permit, Target, Token, Viewer};
use candour_seal::PersonId;

/// The origin of every answer; the test keeper's own.
pub const ORIGIN: &str = "http://localhost:8080";

impl TestKeeper {
    /// Gives an account a passkey.
    ///
    /// # Panics
    /// When it cannot be arranged.
    #[expect(clippy::expect_used, reason = "for tests only")]
    pub async fn give_passkey(&self, person: PersonId) -> SoftwarePasskey {
        let mut device = SoftwarePasskey::new().expect("a passkey");
        let passkeys = &self.core.identity.passkeys;
        let asked = passkeys
            .ask_new(person, "account", Vec::new())
            .expect("options");
        let answer = device.create(&asked.options_json, ORIGIN).expect("answer");
        let credential = passkeys
            .accept_new(&answer, &asked.state)
            .expect("a credential");
        let subject = self.core.keys.person(person);
        let fact = Fact::Passkey(Passkey {
            credential_json: serde_json::to_string(&credential).expect("JSON"),
            added_by: subject.0.to_vec(),
            ..Passkey::default()
        });
        self.arrange(vec![candour_keeper::draft::Effect::fact(subject, fact)])
            .await;
        device
    }
}

/// An act that somebody signs with their passkey, through a portal.
///
/// # Errors
/// The keeper's refusal, of the question or of the answer.
///
/// # Panics
/// When the keeper or the passkey answers something else.
#[expect(clippy::expect_used, clippy::panic, reason = "for tests only")]
pub async fn act(
    portal: &Keeper,
    token: &Token,
    device: &mut SoftwarePasskey,
    kind: ChangeKind,
) -> Result<wire::Changed, CallError> {
    let start = Call::ActStart(wire::ActStart {
        token: token.expose().to_vec(),
        change: Some(wire::Change { kind: Some(kind) }),
    });
    let Reply::Ceremony(asked) = portal.call(start).await? else {
        panic!("not a ceremony");
    };
    let answer_json = device.get(&asked.options_json, ORIGIN).expect("an answer");
    let finish = Call::ActFinish(wire::ActFinish {
        token: token.expose().to_vec(),
        ceremony: asked.ceremony,
        answer_json,
        ..wire::ActFinish::default()
    });
    match portal.call(finish).await? {
        Reply::Changed(changed) => Ok(changed),
        _ => panic!("not an answer to an act"),
    }
}

/// Opens in an emergency what somebody signs with their passkey, through a portal.
///
/// # Errors
/// The keeper's refusal, of the question or of the whole opening.
///
/// # Panics
/// When the keeper or the passkey answers something else.
#[expect(clippy::expect_used, clippy::panic, reason = "for tests only")]
pub async fn in_an_emergency<T: Target>(
    portal: &Keeper,
    token: &Token,
    device: &mut SoftwarePasskey,
    asked: wire::EmergencyStart,
    targets: Vec<T>,
) -> Result<Vec<Result<Permit<T>, Denied>>, CallError> {
    let start = Call::EmergencyStart(wire::EmergencyStart {
        token: token.expose().to_vec(),
        ..asked
    });
    let Reply::Ceremony(asked) = portal.call(start).await? else {
        panic!("not a ceremony");
    };
    let answer = device.get(&asked.options_json, ORIGIN).expect("an answer");
    let viewer = Viewer {
        token: token.clone(),
        purpose: Purpose::Emergency,
        network: "192.0.2.1".to_owned(),
    };
    let ceremony = asked.ceremony.as_slice().try_into().expect("16 bytes");
    portal
        .open_in_emergency(&viewer, targets, &ceremony, answer)
        .await
}
