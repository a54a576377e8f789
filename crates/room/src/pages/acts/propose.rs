//! What an officer is asked to answer: the change for the keeper, and what is shown with it.

use super::Act;
use super::standing::{account_session, left_out};
use crate::acts;
use crate::closing::{self, Closing};
use crate::incidents::Incident;
use crate::pages::lists::{ShownText, shown_text, shown_texts};
use crate::pages::{Problem, cases};
use crate::room::Room;
use crate::texts::List;
use crate::{register, scope, steward, updates};
use candour_keeper_api::wire::{self, Change, ChangeKind};
use candour_keeper_api::words::{Level, Purpose, Section};
use candour_seal::{Digest, IncidentId};
use jiff::{SignedDuration, Timestamp};

/// How long a run may last.
const RUN_TIME: SignedDuration = SignedDuration::from_hours(72);

/// Something to look at before one answers.
pub(in crate::pages) struct Warning {
    /// What.
    pub(in crate::pages) words: String,
    /// Whether the scope's page shows it.
    pub(in crate::pages) is_of_scope: bool,
}

/// What is asked.
pub(super) struct Proposed {
    pub(super) change: Change,
    /// What this officer and another must both approve.
    pub(super) attested: Option<Digest>,
    pub(super) texts: Vec<ShownText>,
    pub(super) warnings: Vec<Warning>,
    /// The session that may still be open, where it is taken in.
    pub(super) open_session: Option<i64>,
}

impl Proposed {
    fn new(kind: ChangeKind) -> Self {
        Self {
            change: Change { kind: Some(kind) },
            attested: None,
            texts: Vec::new(),
            warnings: Vec::new(),
            open_session: None,
        }
    }

    /// What two officers put their names to, each by an entry of the keeper and nothing else.
    fn attest(incident: IncidentId, text: String, hash: Digest) -> Self {
        let attest = wire::Attest {
            incident: incident.as_bytes().to_vec(),
            text,
            hash: hash.as_bytes().to_vec(),
        };
        Self {
            attested: Some(hash),
            ..Self::new(ChangeKind::Attest(attest))
        }
    }
}

pub(super) async fn propose(
    room: &Room,
    incident: &Incident,
    act: Act,
    now: Timestamp,
) -> Result<Proposed, Problem> {
    if let Some(two) = act.by_two()
        && let Some(pending) = acts::pending(&room.pool, incident.id, two).await?
    {
        return Ok(Proposed::new(ChangeKind::Approve(pending.id.to_vec())));
    }
    match act {
        Act::Unlock => Ok(Proposed::new(ChangeKind::UnlockRoom(wire::UnlockRoom {
            incident: incident.id.as_bytes().to_vec(),
        }))),
        Act::Approve => list(room, incident).await,
        Act::Run => run(room, incident, now).await,
        Act::TakeIn(session) => take_in(room, incident, session, now).await,
        Act::Stop(session) => stop(room, incident, session).await,
        Act::Update => update(room, incident, now).await,
        Act::Close => match closing::look(room, incident, now).await? {
            Ok(closing) => Ok(close(incident, &closing)),
            Err(obstacle) => Err(Problem::refused(obstacle.words())),
        },
    }
}

fn changed() -> Problem {
    Problem::refused("The texts changed just now. Look at them again.")
}

/// A text with something wrong in it is not approved by anybody.
fn ungated(texts: &[ShownText]) -> Option<Problem> {
    let is_wrong = |text: &ShownText| !text.findings.is_empty();
    texts.iter().any(is_wrong).then(|| {
        Problem::refused(
            "A text does not pass the gate. Look at the texts: each says what is wrong.",
        )
    })
}

async fn current(room: &Room, incident: IncidentId) -> Result<List, Problem> {
    let list = steward::list(room, incident).await?;
    list.ok_or_else(changed)
}

async fn list(room: &Room, incident: &Incident) -> Result<Proposed, Problem> {
    let before = current(room, incident.id).await?.hash();
    let texts = shown_texts(room, incident.id).await?;
    if let Some(problem) = ungated(&texts) {
        return Err(problem);
    }
    let list = current(room, incident.id).await?;
    if list.hash() != before {
        return Err(changed());
    }
    let people = register::members(&room.pool, incident.id).await?.len();
    let text = list.sentence(i32::try_from(people).unwrap_or(i32::MAX));
    let left_out = cases::left_out(room, incident).await?;
    let warning = Warning {
        words: format!(
            "Sessions of the same account that opened something and are not counted: {left_out}."
        ),
        is_of_scope: true,
    };
    Ok(Proposed {
        texts,
        warnings: (left_out > 0).then_some(warning).into_iter().collect(),
        ..Proposed::attest(incident.id, text, before)
    })
}

async fn run(room: &Room, incident: &Incident, now: Timestamp) -> Result<Proposed, Problem> {
    let scope = scope::latest(&room.pool, incident.id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let members = register::members(&room.pool, incident.id).await?;
    Ok(Proposed::new(ChangeKind::StartRun(wire::StartRun {
        purpose: Purpose::IncidentNotice.into(),
        members: members
            .iter()
            .filter(|member| member.route != "canary")
            .map(|member| member.patient.as_bytes().to_vec())
            .collect(),
        sections: vec![Section::Identity.into(), Section::Contact.into()],
        until: (now + RUN_TIME).as_microsecond(),
        incident: incident.id.as_bytes().to_vec(),
        scope_hash: scope.hash.as_bytes().to_vec(),
    })))
}

async fn stop(room: &Room, incident: &Incident, session: i64) -> Result<Proposed, Problem> {
    let session = account_session(room, incident, session)
        .await?
        .ok_or_else(Problem::not_found)?;
    let at = cases::moment(room, session.at);
    Ok(Proposed::new(ChangeKind::Freeze(wire::FreezeChange {
        level: Level::Session.into(),
        surrogate: session.session,
        reason: format!("It began on {at} (entry {}).", session.index),
    })))
}

async fn take_in(
    room: &Room,
    incident: &Incident,
    session: i64,
    now: Timestamp,
) -> Result<Proposed, Problem> {
    let session = left_out(room, incident, session)
        .await?
        .ok_or_else(Problem::not_found)?;
    let at = cases::moment(room, session.at);
    let place = [
        incident.id.as_bytes().as_slice(),
        &session.session.to_be_bytes(),
    ];
    let text = format!(
        "I take the session that began on {at} (entry {}) into the scope of this incident. \
         Everything that it opened then counts as lost.",
        session.index
    );
    Ok(Proposed {
        attested: None,
        open_session: session.may_be_open(now).then_some(session.session),
        ..Proposed::attest(incident.id, text, Digest::of(&place.concat()))
    })
}

async fn update(room: &Room, incident: &Incident, now: Timestamp) -> Result<Proposed, Problem> {
    let offered = updates::offered_now(&room.pool, incident, now).await?;
    let draft = offered.ok_or_else(changed)?.draft;
    let hash = draft.hash();
    let texts = vec![shown_text(room, draft, None)];
    if let Some(problem) = ungated(&texts) {
        return Err(problem);
    }
    let text = format!("I approve this update of the public statement, exactly as shown: {hash}");
    Ok(Proposed {
        texts,
        ..Proposed::attest(incident.id, text, hash)
    })
}

fn close(incident: &Incident, closing: &Closing) -> Proposed {
    let left = [
        (
            closing.to_ring,
            "People on call lists whom nobody has told yet",
        ),
        (closing.stuck, "Messages that could not be sent"),
        (
            i64::try_from(closing.duties).unwrap_or(i64::MAX),
            "Duties that are not done",
        ),
    ];
    let warnings = left.into_iter().filter(|(number, _)| *number > 0);
    Proposed {
        warnings: warnings
            .map(|(number, what)| Warning {
                words: format!("{what}: {number}."),
                is_of_scope: false,
            })
            .collect(),
        ..Proposed::attest(incident.id, closing.sentence(), closing.hash())
    }
}
