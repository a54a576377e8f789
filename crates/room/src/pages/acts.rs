//! The things that need people: unlock, approve, run, and a session that an officer takes into the scope. Each is a
//! sentence, a passkey's answer, and for two of them a second officer in the keeper.

use super::session::Officer;
use super::sign_in::{Answer, in_page};
use super::{Problem, page};
use crate::acts::{self, Pending, TwoPersonAct};
use crate::ceremonies::Shown;
use crate::codes::hexadecimal;
use crate::database::DatabaseError;
use crate::incidents::{self, Event, Incident, note};
use crate::room::Room;
use crate::texts::{self, Approval, List};
use crate::unlock::Unlocked;
use crate::{clock, clocks, publish, register, scope, steward};
use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use candour_keeper_api::CallError;
use candour_keeper_api::wire::{self, Call, Change, ChangeKind, Reply};
use candour_keeper_api::words::{Purpose, Reason, Role, Section};
use candour_seal::{Digest, IncidentId, RoomPrivateKey, Zeroizing};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

/// How long a run may last.
const RUN_TIME: SignedDuration = SignedDuration::from_hours(72);

/// How the word of [`Act::TakeIn`] begins; the session's surrogate follows.
const TAKE_IN: &str = "take-in-";

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
}

impl Act {
    /// The steps that every case takes, in their order.
    pub(super) const ALL: [Self; 3] = [Self::Unlock, Self::Approve, Self::Run];

    pub(super) fn word(self) -> String {
        match self {
            Self::Unlock => "unlock".to_owned(),
            Self::Approve => "approve".to_owned(),
            Self::Run => "run".to_owned(),
            Self::TakeIn(session) => format!("{TAKE_IN}{session}"),
        }
    }

    pub(super) const fn button(self) -> &'static str {
        match self {
            Self::Unlock => "Unlock the names",
            Self::Approve => "Approve the texts and the list",
            Self::Run => "Send to the people concerned",
            Self::TakeIn(_) => "Take this session in",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        match word.strip_prefix(TAKE_IN) {
            Some(session) => Some(Self::TakeIn(session.parse().ok()?)),
            None => Self::ALL.into_iter().find(|act| act.word() == word),
        }
    }

    const fn by_two(self) -> Option<TwoPersonAct> {
        match self {
            Self::Unlock => Some(TwoPersonAct::Unlock),
            Self::Run => Some(TwoPersonAct::Run),
            Self::Approve | Self::TakeIn(_) => None,
        }
    }
}

/// Where an act stands, for one officer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is done.
    Done,
    /// Something else must be done first.
    NotYet,
    /// This officer can do it now, as the first or the second.
    Yours {
        /// The second of two.
        is_second: bool,
    },
    /// This officer has done their part; another must answer.
    WaitsForAnother,
}

/// Where an act stands.
pub(super) async fn standing(
    room: &Room,
    incident: &Incident,
    officer: &Officer,
    act: Act,
) -> Result<Standing, DatabaseError> {
    let id = incident.id;
    if incident.names_nobody() && act != Act::Unlock {
        return Ok(Standing::NotYet);
    }
    let list = steward::list(room, id).await?;
    let approved = match &list {
        Some(list) => publish::is_approved(&room.pool, id, list).await?,
        None => false,
    };
    match act {
        Act::Unlock if room.unlocked(id).is_some() => return Ok(Standing::Done),
        Act::Unlock => {}
        Act::Approve => {
            let Some(list) = &list else {
                return Ok(Standing::NotYet);
            };
            let approvals = texts::approvals(&room.pool, id, list.hash()).await?;
            let is_mine = |approval: &Approval| approval.officer == officer.person;
            return Ok(if approved {
                Standing::Done
            } else if approvals.iter().any(is_mine) {
                Standing::WaitsForAnother
            } else {
                Standing::Yours {
                    is_second: !approvals.is_empty(),
                }
            });
        }
        Act::Run => {
            let Some(list) = &list else {
                return Ok(Standing::NotYet);
            };
            let runs = acts::runs(&room.pool, id).await?;
            if runs.iter().any(|run| run.finished_at.is_none()) {
                return Ok(Standing::Done);
            }
            let is_told = !runs.is_empty() && untold(room, id).await? == 0;
            if is_told {
                return Ok(Standing::Done);
            }
            let approvals = texts::approvals(&room.pool, id, list.hash()).await?;
            let has_approved = approvals
                .iter()
                .any(|approval| approval.officer == officer.person);
            if !approved && !has_approved {
                return Ok(Standing::NotYet);
            }
        }
        Act::TakeIn(session) => {
            let left_out = left_out(room, incident, session).await?;
            return Ok(if left_out.is_some() {
                Standing::Yours { is_second: false }
            } else {
                Standing::Done
            });
        }
    }
    let Some(two) = act.by_two() else {
        return Ok(Standing::NotYet);
    };
    Ok(match acts::pending(&room.pool, id, two).await? {
        None => Standing::Yours { is_second: false },
        Some(pending) if pending.officer == officer.person => Standing::WaitsForAnother,
        // The second officer's answer makes mail leave: both approvals come first.
        Some(_) if act == Act::Run && !approved => Standing::NotYet,
        // By the keeper's policy a communications officer begins such acts and does not approve them.
        Some(_) if officer.role == Role::CommunicationsOfficer => Standing::WaitsForAnother,
        Some(_) => Standing::Yours { is_second: true },
    })
}

/// The session, if it is one of the account's that the scope leaves out.
async fn left_out(
    room: &Room,
    incident: &Incident,
    session: i64,
) -> Result<Option<scope::AccountSession>, DatabaseError> {
    let sessions = scope::sessions(&room.pool, incident).await?;
    let mut left_out = sessions.into_iter().filter(|one| !one.why.is_in());
    Ok(left_out.find(|one| one.session == session))
}

async fn untold(room: &Room, incident: IncidentId) -> Result<i64, DatabaseError> {
    let counts = crate::notices::counts(&room.pool, incident).await?;
    Ok(counts
        .iter()
        .filter(|count| {
            count.recipient == "patient"
                && matches!(count.state.as_str(), "waiting" | "sending" | "failed")
        })
        .map(|count| count.number)
        .sum())
}

#[derive(Template)]
#[template(path = "room/act.html")]
struct ActPage {
    officer: Option<Officer>,
    incident: String,
    title: &'static str,
    word: String,
    /// When texts are approved: how many sessions of the account the scope leaves out.
    left_out: usize,
    sentence: String,
    ceremony: String,
    options: String,
    /// In a demonstration: what this officer's passkey answers with.
    keys: Option<String>,
    texts: Vec<super::lists::ShownText>,
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
    let mut shown = None;
    if act == Act::Approve {
        let hash = current(&room, incident.id).await?.hash();
        let texts = super::lists::shown_texts(&room, incident.id).await?;
        if texts.iter().any(|text| !text.findings.is_empty()) {
            return Err(Problem::refused(
                "A text does not pass the gate. Look at the texts: each says what is wrong.",
            ));
        }
        shown = Some((hash, texts));
    }
    let change = change(&room, &incident, act, now).await?;
    let is_other_list = |(hash, _): &(Digest, _)| match &change.kind {
        Some(ChangeKind::Attest(attest)) => attest.hash != hash.as_bytes(),
        _ => true,
    };
    if shown.as_ref().is_some_and(is_other_list) {
        return Err(Problem::refused(
            "The texts changed just now. Look at them again.",
        ));
    }
    let call = Call::ActStart(wire::ActStart {
        token: officer.token.expose().to_vec(),
        change: Some(change),
    });
    let ceremony = match room.keeper.call(call).await {
        Ok(Reply::Ceremony(ceremony)) => ceremony,
        Ok(_) => return Err(CallError::Unexpected.into()),
        Err(error) => return Err(forget_if_gone(&room, &incident, act, error).await?),
    };
    let (list, texts) =
        shown.map_or_else(|| (None, Vec::new()), |(hash, texts)| (Some(hash), texts));
    let shown = Shown {
        incident: incident.id,
        act: act.word(),
        list,
    };
    room.ceremonies.begin(ceremony.ceremony.clone(), shown);
    let left_out = match act {
        Act::Approve => super::cases::left_out(&room, &incident).await?,
        Act::Unlock | Act::Run | Act::TakeIn(_) => 0,
    };
    let demonstration = room.config.demonstration.as_ref();
    let keys = demonstration.and_then(|officers| officers.keys_of(&officer.name));
    Ok(page(&ActPage {
        keys,
        officer: Some(officer),
        incident: id,
        title: act.button(),
        word: act.word(),
        left_out,
        sentence: ceremony.text,
        ceremony: hexadecimal(&ceremony.ceremony),
        options: in_page(&ceremony.options_json),
        texts,
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

async fn change(
    room: &Room,
    incident: &Incident,
    act: Act,
    now: Timestamp,
) -> Result<Change, Problem> {
    let id = incident.id.as_bytes().to_vec();
    if let Some(two) = act.by_two()
        && let Some(pending) = acts::pending(&room.pool, incident.id, two).await?
    {
        return Ok(Change {
            kind: Some(ChangeKind::Approve(pending.id.to_vec())),
        });
    }
    let kind = match act {
        Act::Unlock => ChangeKind::UnlockRoom(wire::UnlockRoom { incident: id }),
        Act::Approve => {
            let list = current(room, incident.id).await?;
            let people = register::members(&room.pool, incident.id).await?.len();
            ChangeKind::Attest(wire::Attest {
                incident: id,
                text: list.sentence(i32::try_from(people).unwrap_or(i32::MAX)),
                hash: list.hash().as_bytes().to_vec(),
            })
        }
        Act::Run => {
            let scope = scope::latest(&room.pool, incident.id)
                .await?
                .ok_or_else(Problem::not_found)?;
            let members = register::members(&room.pool, incident.id).await?;
            ChangeKind::StartRun(wire::StartRun {
                purpose: Purpose::IncidentNotice.into(),
                members: members
                    .iter()
                    .filter(|member| member.route != "canary")
                    .map(|member| member.patient.as_bytes().to_vec())
                    .collect(),
                sections: vec![Section::Identity.into(), Section::Contact.into()],
                until: (now + RUN_TIME).as_microsecond(),
                incident: id,
                scope_hash: scope.hash.as_bytes().to_vec(),
            })
        }
        Act::TakeIn(session) => {
            let session = left_out(room, incident, session)
                .await?
                .ok_or_else(Problem::not_found)?;
            let at = super::cases::moment(room, session.at);
            let place = [
                incident.id.as_bytes().as_slice(),
                &session.session.to_be_bytes(),
            ];
            ChangeKind::Attest(wire::Attest {
                incident: id,
                text: format!(
                    "I take the session that began on {at} (entry {}) into the scope of this incident. \
                     Everything that it opened then counts as lost.",
                    session.index
                ),
                hash: Digest::of(&place.concat()).as_bytes().to_vec(),
            })
        }
    };
    Ok(Change { kind: Some(kind) })
}

async fn current(room: &Room, incident: IncidentId) -> Result<List, Problem> {
    steward::list(room, incident)
        .await?
        .ok_or_else(|| Problem::refused("The texts changed just now. Look at them again."))
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
        .end(&ceremony, incident.id, &act.word())
        .ok_or_else(|| {
            Problem::refused(
                "This answer is not for this step, or its page is too old. Nothing was done. Begin the step again.",
            )
        })?;
    let call = Call::ActFinish(wire::ActFinish {
        token: officer.token.expose().to_vec(),
        ceremony,
        answer_json: answer.answer,
        code: String::new(),
        new_credential_json: String::new(),
    });
    let changed = match room.keeper.call(call).await {
        Ok(Reply::Changed(changed)) => changed,
        Ok(_) => return Err(CallError::Unexpected.into()),
        // Whether what waited for a second officer is gone is asked when the step is begun again.
        Err(error) => return Err(error.into()),
    };
    done(&room, &incident, &officer, act, shown.list, changed).await?;
    room.wake.notify_waiters();
    let back = match act {
        Act::TakeIn(_) => format!("/incidents/{id}/scope"),
        Act::Unlock | Act::Approve | Act::Run => format!("/incidents/{id}"),
    };
    Ok(Redirect::to(&back).into_response())
}

async fn done(
    room: &Room,
    incident: &Incident,
    officer: &Officer,
    act: Act,
    attested: Option<Digest>,
    changed: wire::Changed,
) -> Result<(), Problem> {
    let now = clock::now();
    if let Some(hash) = attested {
        let approval = Approval {
            officer: officer.person,
            role: i16::from(officer.role.number()),
            at: now,
            entry_index: i64::try_from(changed.index).map_err(|_| DatabaseError::Row)?,
        };
        texts::approve(&room.pool, incident.id, hash, &approval).await?;
        let detail = format!("The texts and the list were approved: {hash}.");
        note(
            &room.pool,
            incident.id,
            now,
            Event::Approved,
            officer.title(),
            &detail,
        )
        .await?;
        return Ok(());
    }
    if let Act::TakeIn(session) = act {
        return take_in(room, incident, officer, session, &changed, now).await;
    }
    let Some(two) = act.by_two() else {
        return Ok(());
    };
    if let Ok(pending) = <[u8; 16]>::try_from(changed.pending.as_slice()) {
        let pending = Pending {
            id: pending,
            officer: officer.person,
            begun_at: now,
        };
        acts::begun(&room.pool, incident.id, two, &pending).await?;
        return Ok(());
    }
    match act {
        Act::Unlock => unlock(room, incident, officer, changed, now).await?,
        // The sender asks the keeper for live runs and keeps this one.
        Act::Run | Act::Approve | Act::TakeIn(_) => {}
    }
    acts::ended(&room.pool, incident.id, two).await?;
    Ok(())
}

async fn take_in(
    room: &Room,
    incident: &Incident,
    officer: &Officer,
    session: i64,
    changed: &wire::Changed,
    now: Timestamp,
) -> Result<(), Problem> {
    let Some(left_out) = left_out(room, incident, session).await? else {
        return Ok(());
    };
    let by = scope::TakenIn {
        officer: officer.person,
        role: officer.role,
        entry_index: i64::try_from(changed.index).map_err(|_| DatabaseError::Row)?,
        at: now,
    };
    if scope::take_in(&room.pool, incident.id, session, &by).await? {
        let at = super::cases::moment(room, left_out.at);
        let detail = format!("The session that began on {at} was taken into the scope.");
        let event = Event::Scope;
        note(
            &room.pool,
            incident.id,
            now,
            event,
            officer.title(),
            &detail,
        )
        .await?;
    }
    Ok(())
}

async fn unlock(
    room: &Room,
    incident: &Incident,
    officer: &Officer,
    changed: wire::Changed,
    now: Timestamp,
) -> Result<(), Problem> {
    let key = Zeroizing::new(changed.room_key);
    let key: &[u8; 32] = key
        .as_slice()
        .try_into()
        .map_err(|_| CallError::Unexpected)?;
    room.unlock(incident.id, Unlocked::new(RoomPrivateKey::from_bytes(key)));
    incidents::unlocked(&room.pool, incident.id, now).await?;
    let detail = "Two officers unlocked the names for this case.";
    note(
        &room.pool,
        incident.id,
        now,
        Event::Unlock,
        officer.title(),
        detail,
    )
    .await?;
    Ok(())
}

/// An officer says that the regulator was told; the clock stops.
pub(super) async fn regulator_told(
    State(room): State<Arc<Room>>,
    officer: Officer,
    Path(id): Path<String>,
) -> Result<Redirect, Problem> {
    let incident = incident(&room, &id).await?;
    let now = clock::now();
    if clocks::done(&room.pool, incident.id, "regulator", now).await? {
        let detail = "The regulator was told.";
        note(
            &room.pool,
            incident.id,
            now,
            Event::Approved,
            officer.title(),
            detail,
        )
        .await?;
    }
    Ok(Redirect::to(&format!("/incidents/{id}")))
}
