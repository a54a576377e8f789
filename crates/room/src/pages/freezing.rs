//! Freezing and letting go: what is stopped now, one officer who stops something, two who let it go.
//!
//! Only the keeper and the room's database are asked, so it works with the portal down.

mod choices;

use super::acts::{self, ActPage, may_stop};
use super::cases::moment;
use super::session::Officer;
use super::sign_in::Answer;
use super::{Problem, page};
use crate::ceremonies::Shown;
use crate::codes::{from_hexadecimal, hexadecimal};
use crate::incidents::{Event, note, rule};
use crate::room::Room;
use crate::{clock, scope};
use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use candour_keeper_api::CallError;
use candour_keeper_api::wire::{self, Call, Change, ChangeKind, Reply};
use candour_keeper_api::words::Level;
use choices::{Choice, What, choices};
use jiff::Timestamp;
use serde::Deserialize;
use std::sync::Arc;

/// Longest reason in characters.
const LONGEST_REASON: usize = 500;

#[derive(Template)]
#[template(path = "room/freezes.html")]
struct AllPage {
    officer: Option<Officer>,
    waiting: Vec<Waiting>,
    frozen: Vec<ShownFrozen>,
    /// Whether this officer freezes and lets go, by the keeper's policy.
    may_act: bool,
    groups: Vec<(&'static str, Vec<Choice>)>,
}

/// What is to be let go and waits for a second officer.
struct Waiting {
    id: String,
    text: String,
    author: String,
    until: String,
    is_own: bool,
}

struct ShownFrozen {
    word: String,
    name: String,
    since: String,
    why: String,
    by: String,
    is_proof: bool,
    /// It stops the room too, so that nobody lets it go here.
    is_for_machine: bool,
}

#[derive(Template)]
#[template(path = "room/freeze.html")]
struct FreezePage {
    officer: Option<Officer>,
    title: &'static str,
    button: &'static str,
    word: String,
    name: String,
    stops: &'static str,
    goes_on: &'static str,
    is_for_machine: bool,
}

#[derive(Template)]
#[template(path = "room/let_go.html")]
struct LetGoPage {
    officer: Option<Officer>,
    frozen: ShownFrozen,
}

/// What is frozen, and what can be, by the keeper's word and the open cases.
struct Seen {
    freezes: wire::Freezes,
    choices: Vec<Choice>,
}

impl Seen {
    async fn by(room: &Room, officer: &Officer) -> Result<Self, Problem> {
        let call = Call::Freezes(wire::WithToken {
            token: officer.token.expose().to_vec(),
            network: String::new(),
        });
        let Reply::Freezes(freezes) = room.keeper.call(call).await? else {
            return Err(CallError::Unexpected.into());
        };
        let choices = choices(room, &freezes, clock::now()).await?;
        Ok(Self { freezes, choices })
    }

    fn choice(&self, word: &str) -> Option<&Choice> {
        let what = What::parse(word)?;
        self.choices.iter().find(|choice| choice.what == what)
    }

    fn is_frozen(&self, what: What) -> bool {
        let mut frozen = self.freezes.frozen.iter();
        frozen.any(|one| What::of(one) == Some(what))
    }

    fn name(&self, what: What, name: &str) -> String {
        let known = self.choices.iter().find(|choice| choice.what == what);
        known.map_or_else(|| what.named(name), |choice| choice.name.clone())
    }

    fn shown(&self, room: &Room, one: &wire::FrozenRung) -> Option<ShownFrozen> {
        let what = What::of(one)?;
        let name = one.what.as_ref().map_or("", |what| what.name.as_str());
        let since = Timestamp::from_microsecond(one.since).unwrap_or_default();
        // Before it stands what was frozen, which the page says anyway.
        let why = one.reason.split_once("Reason: ");
        Some(ShownFrozen {
            word: what.word(),
            name: self.name(what, name),
            since: moment(room, since),
            why: why.map_or(one.reason.as_str(), |(_, why)| why).to_owned(),
            by: by(one),
            is_proof: what.level == Level::Proof,
            is_for_machine: what.stops_room(name),
        })
    }
}

fn by(one: &wire::FrozenRung) -> String {
    let number = i16::try_from(one.rule).unwrap_or_default();
    match (number, one.is_by_session) {
        (0, true) if one.by_name.is_empty() => "Somebody at the practice.".to_owned(),
        (0, true) => format!("{}.", one.by_name),
        (0, false) if one.reason.is_empty() => "Not written down.".to_owned(),
        (0, false) => "Somebody at the keeper’s machine.".to_owned(),
        (number, _) => format!("Candour itself. {}", rule::words(number)),
    }
}

/// `GET /freezes`.
pub(super) async fn all(
    State(room): State<Arc<Room>>,
    officer: Officer,
) -> Result<Html<String>, Problem> {
    let seen = Seen::by(&room, &officer).await?;
    let waiting = seen.freezes.waiting.iter().map(|one| Waiting {
        id: hexadecimal(&one.id),
        text: one.text.clone(),
        author: one.author_name.clone(),
        until: moment(
            &room,
            Timestamp::from_microsecond(one.until).unwrap_or_default(),
        ),
        is_own: one.is_own,
    });
    let waiting = waiting.collect();
    let frozen = seen.freezes.frozen.iter();
    let frozen = frozen.filter_map(|one| seen.shown(&room, one)).collect();
    let mut groups: Vec<(&'static str, Vec<Choice>)> = Vec::new();
    for choice in &seen.choices {
        if seen.is_frozen(choice.what) {
            continue;
        }
        match groups.last_mut() {
            Some((group, choices)) if *group == choice.group => choices.push(choice.clone()),
            _ => groups.push((choice.group, vec![choice.clone()])),
        }
    }
    Ok(page(&AllPage {
        waiting,
        frozen,
        may_act: may_stop(officer.role),
        groups,
        officer: Some(officer),
    }))
}

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    what: String,
}

/// `GET /freezes/freeze`: what it stops, and what goes on.
pub(super) async fn ask(
    State(room): State<Arc<Room>>,
    officer: Officer,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let seen = Seen::by(&room, &officer).await?;
    let choice = seen.choice(&asked.what).ok_or_else(Problem::not_found)?;
    if seen.is_frozen(choice.what) {
        return Ok(Redirect::to("/freezes").into_response());
    }
    let (stops, goes_on) = choice.what.level.effect();
    let is_proof = choice.what.level == Level::Proof;
    Ok(page(&FreezePage {
        officer: Some(officer),
        title: if is_proof {
            "Begin proof mode?"
        } else {
            "Freeze this?"
        },
        button: if is_proof {
            "Begin proof mode now"
        } else {
            "Freeze it now"
        },
        word: choice.what.word(),
        name: choice.name.clone(),
        stops,
        goes_on,
        is_for_machine: choice.stops_room,
    })
    .into_response())
}

#[derive(Deserialize)]
pub(super) struct Ordered {
    what: String,
    #[serde(default)]
    reason: String,
}

/// `POST /freezes/freeze`: one officer, at once.
pub(super) async fn freeze(
    State(room): State<Arc<Room>>,
    officer: Officer,
    Form(ordered): Form<Ordered>,
) -> Result<Redirect, Problem> {
    let seen = Seen::by(&room, &officer).await?;
    let choice = seen.choice(&ordered.what).ok_or_else(Problem::not_found)?;
    if seen.is_frozen(choice.what) {
        return Err(Problem::refused(
            "Somebody froze it before you. Nothing was changed.",
        ));
    }
    let change = choice.what.change(&choice.name, &ordered.reason)?;
    let call = Call::Change(wire::ChangeCall {
        token: officer.token.expose().to_vec(),
        change: Some(Change {
            kind: Some(ChangeKind::Freeze(change)),
        }),
    });
    let Reply::Changed(changed) = room.keeper.call(call).await? else {
        return Err(CallError::Unexpected.into());
    };
    in_its_case(&room, &officer, choice, &changed).await?;
    room.wake.notify_waiters();
    Ok(Redirect::to("/freezes"))
}

/// The keeper has stopped it, whatever happens here.
async fn in_its_case(
    room: &Room,
    officer: &Officer,
    choice: &Choice,
    changed: &wire::Changed,
) -> Result<(), Problem> {
    let Some(incident) = choice.incident else {
        return Ok(());
    };
    let now = clock::now();
    if choice.what.level == Level::Session {
        let by = scope::By {
            officer: officer.person,
            role: officer.role,
            entry_index: i64::try_from(changed.index).unwrap_or(i64::MAX),
            at: now,
        };
        scope::stop(&room.pool, incident, choice.what.surrogate, &by).await?;
    }
    let detail = format!(
        "{} was frozen. Nothing more is released to it.",
        choice.name
    );
    let (pool, author) = (&room.pool, officer.title());
    Ok(note(pool, incident, now, Event::Freeze, author, &detail).await?)
}

/// `GET /freezes/let-go/{what}`: the first officer says why.
pub(super) async fn why(
    State(room): State<Arc<Room>>,
    officer: Officer,
    Path(word): Path<String>,
) -> Result<Html<String>, Problem> {
    let frozen = found(&room, &officer, &word).await?;
    Ok(page(&LetGoPage {
        officer: Some(officer),
        frozen,
    }))
}

async fn found(room: &Room, officer: &Officer, word: &str) -> Result<ShownFrozen, Problem> {
    let what = What::parse(word).ok_or_else(Problem::not_found)?;
    let seen = Seen::by(room, officer).await?;
    let mut frozen = seen.freezes.frozen.iter();
    let one = frozen.find(|one| What::of(one) == Some(what));
    let shown = one.and_then(|one| seen.shown(room, one));
    shown.ok_or_else(Problem::not_found)
}

/// The first officer's two steps at one address.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum LetGo {
    Answered(Answer),
    Reason { reason: String },
}

/// `POST /freezes/let-go/{what}`: first the reason, which is part of what is signed, then the passkey's answer.
pub(super) async fn let_go(
    State(room): State<Arc<Room>>,
    officer: Officer,
    Path(word): Path<String>,
    Form(sent): Form<LetGo>,
) -> Result<Response, Problem> {
    let act = format!("let-go-{word}");
    let reason = match sent {
        LetGo::Answered(answer) => return take(&room, &officer, &act, answer).await,
        LetGo::Reason { reason } => reason,
    };
    let what = What::parse(&word).ok_or_else(Problem::not_found)?;
    let frozen = found(&room, &officer, &word).await?;
    let change = what.change(&frozen.name, &reason)?;
    let change = ChangeKind::Unfreeze(change);
    sign(&room, officer, ("Let it go", act), change).await
}

/// `GET /freezes/waiting/{id}`: the second officer.
pub(super) async fn second(
    State(room): State<Arc<Room>>,
    officer: Officer,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let pending = from_hexadecimal(&id).ok_or_else(Problem::not_found)?;
    let act = format!("waiting-{id}");
    sign(
        &room,
        officer,
        ("Let it go", act),
        ChangeKind::Approve(pending),
    )
    .await
}

/// `POST /freezes/waiting/{id}`: it is let go.
pub(super) async fn approve(
    State(room): State<Arc<Room>>,
    officer: Officer,
    Path(id): Path<String>,
    Form(answer): Form<Answer>,
) -> Result<Response, Problem> {
    take(&room, &officer, &format!("waiting-{id}"), answer).await
}

/// Shows what the passkey answers.
async fn sign(
    room: &Room,
    officer: Officer,
    name: (&'static str, String),
    kind: ChangeKind,
) -> Result<Response, Problem> {
    let ceremony = acts::asked(room, &officer, Change { kind: Some(kind) }).await?;
    let shown = Shown {
        incident: None,
        act: name.1.clone(),
        attested: None,
    };
    room.ceremonies.begin(ceremony.ceremony.clone(), shown);
    let back = "/freezes".to_owned();
    Ok(page(&ActPage::of(room, officer, back, name, &ceremony)).into_response())
}

async fn take(
    room: &Room,
    officer: &Officer,
    act: &str,
    answer: Answer,
) -> Result<Response, Problem> {
    let ceremony = answer.ceremony().ok_or_else(Problem::not_found)?;
    room.ceremonies
        .end(&ceremony, None, act)
        .ok_or_else(acts::foreign_answer)?;
    acts::answered(room, officer, ceremony, answer.answer).await?;
    room.wake.notify_waiters();
    Ok(Redirect::to("/freezes").into_response())
}
