//! Recovering an account at the counter of a practice: two of its people, the patient's new ways, and an objection.

use crate::acts;
use crate::invitations::{Credential, Invitation, Registered, asked, filled};
use crate::sign_in::Ceremony;
use crate::words::time;
use crate::{App, Refusal};
use candour_keeper_api::Token;
use candour_keeper_api::wire::{self, Call, ChangeKind};
use candour_keeper_api::words::Identified;
use candour_seal::{PatientId, PracticeId};
use jiff::Timestamp;

/// A recovery of the account that is signed in, which can still be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// At whose counter.
    pub practice: PracticeId,
    /// When the code was given out.
    pub allowed_at: Timestamp,
    /// When the older ways end; `None` while the code was not used.
    pub opens_from: Option<Timestamp>,
    /// The session was signed in by what it made.
    pub is_own: bool,
}

impl Recovery {
    pub(crate) fn read(view: &wire::RecoveryView) -> Option<Self> {
        Some(Self {
            practice: PracticeId::try_from(view.practice.as_slice()).ok()?,
            allowed_at: time(view.allowed_at)?,
            opens_from: time(view.opens_from),
            is_own: view.is_own,
        })
    }
}

/// Begins it for a patient who stands at the counter: what the person's passkey is asked. A second one must agree.
pub async fn start(
    app: &App,
    token: &Token,
    practice: PracticeId,
    patient: PatientId,
    identified: Identified,
) -> Result<Ceremony, Refusal> {
    let change = ChangeKind::Recover(wire::Recover {
        practice: practice.as_bytes().to_vec(),
        patient: patient.as_bytes().to_vec(),
        identified: identified.into(),
    });
    acts::start(app, token, change).await
}

/// Looks at a code; `login` is the sign-in name wanted, so that a passkey can be made for it.
pub async fn look(
    app: &App,
    code: &str,
    login: &str,
    network: &str,
) -> Result<Invitation, Refusal> {
    let call = Call::RecoveryOpen(asked(code, login, network));
    Invitation::read(app.keeper.call(call).await?)
}

/// Makes new ways to sign in. `birth_date` is `YYYY-MM-DD`: what the code's paper does not say.
pub async fn make(
    app: &App,
    code: &str,
    birth_date: &str,
    login: &str,
    credential: Credential,
    network: &str,
) -> Result<Registered, Refusal> {
    let call = Call::Recover(filled(code, birth_date, login, credential, network));
    Registered::read(app.keeper.call(call).await?)
}

/// Says that it was not oneself: what the recovery made ends at once.
pub async fn stop(app: &App, token: &Token) -> Result<(), Refusal> {
    let change = ChangeKind::StopRecovery(wire::StopRecovery {});
    acts::now(app, token, change).await.map(drop)
}
