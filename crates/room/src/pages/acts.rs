//! The things that need people: unlock, approve, run, update, close, and a session that an officer stops or takes into
//! the scope. Each is a sentence, a passkey's answer, and for all but the last two a second officer: in the keeper where
//! keys are given out, else here, over exactly the same hash.

mod done;
mod propose;
mod standing;

pub(super) use done::regulator_told;
pub(super) use propose::Warning;
pub(super) use standing::{Standing, may_stop, standing};

use super::session::Officer;
use super::sign_in::{Answer, in_page};
use super::{Problem, page};
use crate::acts::{self, TwoPersonAct};
use crate::ceremonies::Shown;
use crate::clock;
use crate::closing::{self, Closing};
use crate::codes::hexadecimal;
use crate::incidents::{self, Incident};
use crate::room::Room;
use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use candour_keeper_api::CallError;
use candour_keeper_api::wire::{self, Call, Reply};
use candour_keeper_api::words::Reason;
use candour_seal::{Digest, IncidentId};
use done::Done;
use propose::propose;
use std::sync::Arc;

/// How the word of [`Act::TakeIn`] begins; the session's surrogate follows.
const TAKE_IN: &str = "take-in-";

/// How the word of [`Act::Stop`] begins; the session's surrogate follows.
const STOP: &str = "stop-";

/// An act that an officer may do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Unlock the room's key.
    Unlock,
    /// Approve texts and list.
    Approve,
    /// Open the run.
    Run,
    /// Take a session of the account into the scope.
    TakeIn(i64),
    /// Stop a session of the account.
    Stop(i64),
    /// Approve that there is nothing new to say.
    Update,
    /// Close the case.
    Close,
}

impl Act {
    /// The steps of a case, in their order.
    pub(super) const ALL: [Self; 5] = [
        Self::Unlock,
        Self::Approve,
        Self::Run,
        Self::Update,
        Self::Close,
    ];

    pub(super) fn word(self) -> String {
        match self {
            Self::Unlock => "unlock".to_owned(),
            Self::Approve => "approve".to_owned(),
            Self::Run => "run".to_owned(),
            Self::TakeIn(session) => format!("{TAKE_IN}{session}"),
            Self::Stop(session) => format!("{STOP}{session}"),
            Self::Update => "update".to_owned(),
            Self::Close => "close".to_owned(),
        }
    }

    pub(super) const fn button(self) -> &'static str {
        match self {
            Self::Unlock => "Unlock the names",
            Self::Approve => "Approve the texts and the list",
            Self::Run => "Send to the people concerned",
            Self::TakeIn(_) => "Take this session in",
            Self::Stop(_) => "Stop this session now",
            Self::Update => "Approve the update",
            Self::Close => "Close the incident",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        if let Some(session) = word.strip_prefix(TAKE_IN) {
            Some(Self::TakeIn(session.parse().ok()?))
        } else if let Some(session) = word.strip_prefix(STOP) {
            Some(Self::Stop(session.parse().ok()?))
        } else {
            Self::ALL.into_iter().find(|act| act.word() == word)
        }
    }

    const fn by_two(self) -> Option<TwoPersonAct> {
        match self {
            Self::Unlock => Some(TwoPersonAct::Unlock),
            Self::Run => Some(TwoPersonAct::Run),
            Self::Approve | Self::TakeIn(_) | Self::Stop(_) | Self::Update | Self::Close => None,
        }
    }
}

#[derive(Template)]
#[template(path = "room/act.html")]
pub(super) struct ActPage {
    officer: Option<Officer>,
    /// The page that one comes back to, under which the act stands.
    back: String,
    title: &'static str,
    word: String,
    /// Whether the list is approved with the texts.
    has_list: bool,
    /// What to look at before.
    warnings: Vec<Warning>,
    /// The session that may still be open, where it is taken in.
    open_session: Option<i64>,
    sentence: String,
    ceremony: String,
    options: String,
    /// In a demonstration: what this officer's passkey answers with.
    keys: Option<String>,
    texts: Vec<super::lists::ShownText>,
}

impl ActPage {
    pub(super) fn of(
        room: &Room,
        officer: Officer,
        back: String,
        (title, word): (&'static str, String),
        ceremony: &wire::Ceremony,
    ) -> Self {
        let demonstration = room.config.demonstration.as_ref();
        Self {
            keys: demonstration.and_then(|officers| officers.keys_of(&officer.name)),
            officer: Some(officer),
            back,
            title,
            word,
            has_list: false,
            warnings: Vec::new(),
            open_session: None,
            sentence: ceremony.text.clone(),
            ceremony: hexadecimal(&ceremony.ceremony),
            options: in_page(&ceremony.options_json),
            texts: Vec::new(),
        }
    }
}

/// What the officer's passkey is asked for exactly this change.
pub(super) async fn asked(
    room: &Room,
    officer: &Officer,
    change: wire::Change,
) -> Result<wire::Ceremony, CallError> {
    let call = Call::ActStart(wire::ActStart {
        token: officer.token.expose().to_vec(),
        change: Some(change),
    });
    match room.keeper.call(call).await? {
        Reply::Ceremony(ceremony) => Ok(ceremony),
        _ => Err(CallError::Unexpected),
    }
}

/// The passkey's answer goes to the keeper.
pub(super) async fn answered(
    room: &Room,
    officer: &Officer,
    ceremony: Vec<u8>,
    answer_json: String,
) -> Result<wire::Changed, CallError> {
    let call = Call::ActFinish(wire::ActFinish {
        token: officer.token.expose().to_vec(),
        ceremony,
        answer_json,
        ..wire::ActFinish::default()
    });
    match room.keeper.call(call).await? {
        Reply::Changed(changed) => Ok(changed),
        _ => Err(CallError::Unexpected),
    }
}

/// An answer that is not for the page it was sent from, or comes too late.
pub(super) fn foreign_answer() -> Problem {
    Problem::refused(
        "This answer is not for this step, or its page is too old. Nothing was done. Begin the step again.",
    )
}

/// Shows what is to be answered; the challenge is bound to exactly this.
pub(super) async fn begin(
    State(room): State<Arc<Room>>,
    officer: Officer,
    Path((id, act)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (incident, act) = found(&room, &id, &act).await?;
    let now = clock::now();
    let Standing::Yours { .. } = standing(&room, &incident, &officer, act).await? else {
        return Ok(Redirect::to(&format!("/incidents/{id}")).into_response());
    };
    let proposed = propose(&room, &incident, act, now).await?;
    let ceremony = match asked(&room, &officer, proposed.change).await {
        Ok(ceremony) => ceremony,
        Err(error) => return Err(forget_if_gone(&room, &incident, act, error).await?),
    };
    let shown = Shown {
        incident: Some(incident.id),
        act: act.word(),
        attested: proposed.attested,
    };
    room.ceremonies.begin(ceremony.ceremony.clone(), shown);
    let back = format!("/incidents/{id}");
    let name = (act.button(), act.word());
    Ok(page(&ActPage {
        has_list: act == Act::Approve,
        warnings: proposed.warnings,
        open_session: proposed.open_session,
        texts: proposed.texts,
        ..ActPage::of(&room, officer, back, name, &ceremony)
    })
    .into_response())
}

/// A pending change that the keeper no longer knows is forgotten here too, so that it can be begun anew.
async fn forget_if_gone(
    room: &Room,
    incident: &Incident,
    act: Act,
    error: CallError,
) -> Result<Problem, Problem> {
    if let (CallError::Denied(denied), Some(two)) = (&error, act.by_two())
        && matches!(denied.reason, Reason::NotFound | Reason::Invalid)
    {
        acts::ended(&room.pool, incident.id, two).await?;
    }
    Ok(error.into())
}

async fn found(room: &Room, id: &str, act: &str) -> Result<(Incident, Act), Problem> {
    let act = Act::from_word(act).ok_or_else(Problem::not_found)?;
    Ok((incident(room, id).await?, act))
}

/// The case of an address.
pub(super) async fn incident(room: &Room, id: &str) -> Result<Incident, Problem> {
    let id: IncidentId = id.parse().map_err(|_| Problem::not_found())?;
    incidents::find(&room.pool, id)
        .await?
        .ok_or_else(Problem::not_found)
}

/// Takes the passkey's answer.
pub(super) async fn answer(
    State(room): State<Arc<Room>>,
    officer: Officer,
    Path((id, act)): Path<(String, String)>,
    Form(answer): Form<Answer>,
) -> Result<Response, Problem> {
    let (incident, act) = found(&room, &id, &act).await?;
    let ceremony = answer.ceremony().ok_or_else(Problem::not_found)?;
    // What was shown is what is done, whatever the address says, and whatever the list has become since.
    let shown = room
        .ceremonies
        .end(&ceremony, Some(incident.id), &act.word())
        .ok_or_else(foreign_answer)?;
    let closing = match act {
        Act::Close => Some(still_closing(&room, &incident, shown.attested).await?),
        _ => None,
    };
    // Whether what waited for a second officer is gone is asked when the step is begun again.
    let changed = answered(&room, &officer, ceremony, answer.answer).await?;
    let done = Done {
        room: &room,
        incident: &incident,
        officer: &officer,
        now: clock::now(),
    };
    match (act, closing, shown.attested) {
        (Act::TakeIn(session), ..) => done.take_in(session, &changed).await?,
        (Act::Stop(session), ..) => done.stop(session, &changed).await?,
        (_, Some(closing), _) => done.close(&closing, &changed).await?,
        (_, None, Some(hash)) => done.approve(act, hash, &changed).await?,
        (_, None, None) => done.two_person(act, changed).await?,
    }
    room.wake.notify_waiters();
    let back = match act {
        Act::TakeIn(_) | Act::Stop(_) => format!("/incidents/{id}/scope"),
        _ => format!("/incidents/{id}"),
    };
    Ok(Redirect::to(&back).into_response())
}

/// A case that is closed must be the one that was shown: asked before the answer goes to the keeper, whose ledger would
/// say that it was closed.
async fn still_closing(
    room: &Room,
    incident: &Incident,
    shown: Option<Digest>,
) -> Result<Closing, Problem> {
    match closing::look(room, incident, clock::now()).await? {
        Ok(closing) if Some(closing.hash()) == shown && incident.closed_at.is_none() => Ok(closing),
        _ => Err(Problem::refused(
            "Something changed since this page was made. Nothing was closed. Look at the incident again.",
        )),
    }
}
