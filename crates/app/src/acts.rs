//! Changes of rights: plain ones, and acts that need an answer bound to exactly that act.

use crate::sign_in::{Ceremony, CeremonyId, Proof};
use crate::words::time;
use crate::{App, Refusal};
use candour_keeper_api::wire::{self, Call, ChangeKind, Reply};
use candour_keeper_api::{CallError, Token};
use jiff::Timestamp;
use zeroize::Zeroizing;

/// What came of a change.
#[derive(Debug, Clone)]
pub struct Changed {
    /// Its ledger entry.
    pub index: u64,
    /// It waits for a second person's approval under this id.
    pub pending: Option<[u8; 16]>,
    /// It waits until then, and every old channel is told.
    pub waits_until: Option<Timestamp>,
    /// A code to hand over (an invitation's), or a new client's id and secret as text; shown once.
    pub code: Option<Zeroizing<String>>,
    /// The id of what was made: a run, a client.
    pub id: Option<[u8; 16]>,
    /// The 40 codes of a new printed sheet; shown once.
    pub sheet: Vec<Zeroizing<String>>,
    /// The session that asked was signed in by what is gone, and is over.
    pub signed_out: bool,
}

/// What an act brings in that its proof does not hold.
#[derive(Default)]
pub struct New {
    /// The password that the account has now, where a code answers and the keeper asked for it.
    pub password: Zeroizing<String>,
    /// A new passkey's credential as JSON.
    pub credential_json: String,
    /// Six digits of a new authenticator app.
    pub app_code: Zeroizing<String>,
}

impl Changed {
    fn read(reply: Reply) -> Result<Self, Refusal> {
        let Reply::Changed(changed) = reply else {
            return Err(CallError::Unexpected.into());
        };
        Ok(Self {
            index: changed.index,
            pending: changed.pending.as_slice().try_into().ok(),
            waits_until: time(changed.waits_until),
            code: (!changed.code.is_empty()).then(|| Zeroizing::new(changed.code)),
            id: changed.id.as_slice().try_into().ok(),
            sheet: changed.sheet.into_iter().map(Zeroizing::new).collect(),
            signed_out: changed.signed_out,
        })
    }
}

fn change(kind: ChangeKind) -> wire::Change {
    wire::Change { kind: Some(kind) }
}

/// Does a change that needs no act-bound answer.
pub async fn now(app: &App, token: &Token, kind: ChangeKind) -> Result<Changed, Refusal> {
    let call = Call::Change(wire::ChangeCall {
        token: token.expose().to_vec(),
        change: Some(change(kind)),
    });
    Changed::read(app.keeper.call(call).await?)
}

/// Begins an act: the ceremony's challenge is the hash of exactly this act, its text the sentence the person sees.
pub async fn start(app: &App, token: &Token, kind: ChangeKind) -> Result<Ceremony, Refusal> {
    let call = Call::ActStart(wire::ActStart {
        token: token.expose().to_vec(),
        change: Some(change(kind)),
    });
    match app.keeper.call(call).await? {
        Reply::Ceremony(ceremony) => Ok(Ceremony::read(ceremony)?),
        _ => Err(CallError::Unexpected.into()),
    }
}

/// Answers an act. With a code instead of a passkey it waits 24 hours (`Changed::waits_until`).
pub async fn finish(
    app: &App,
    token: &Token,
    act: CeremonyId,
    proof: Proof,
) -> Result<Changed, Refusal> {
    finish_new(app, token, act, proof, New::default()).await
}

/// Answers an act that brings something new in: a passkey, an authenticator app.
pub async fn finish_new(
    app: &App,
    token: &Token,
    act: CeremonyId,
    proof: Proof,
    new: New,
) -> Result<Changed, Refusal> {
    let mut call = wire::ActFinish {
        token: token.expose().to_vec(),
        ceremony: act.as_bytes().to_vec(),
        new_credential_json: new.credential_json,
        new_app_code: new.app_code.to_string(),
        password: new.password.to_string(),
        ..wire::ActFinish::default()
    };
    match proof {
        // The act's own ceremony is the one that is answered.
        Proof::Passkey(_, answer_json) => call.answer_json = answer_json,
        Proof::Code(code) => call.code = code.to_string(),
    }
    Changed::read(app.keeper.call(Call::ActFinish(call)).await?)
}
