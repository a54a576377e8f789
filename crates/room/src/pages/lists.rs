//! Register, practice lists, texts and notices.

use super::cases::moment;
use super::session::{CameBack, Officer};
use super::{Problem, acts, page, words};
use crate::database::DatabaseError;
use crate::incidents::Incident;
use crate::portal;
use crate::register::{self, Member, Seen, Version};
use crate::room::Room;
use crate::status::{Part, parts};
use crate::texts::{self, Draft, TextKind};
use crate::{clock, notices, publish, steward};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Html;
use candour_seal::{IncidentId, PatientId, PracticeId};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// A text as it is read and approved.
pub(super) struct ShownText {
    pub(super) kind: &'static str,
    pub(super) title: &'static str,
    pub(super) version: i32,
    pub(super) scope_version: i32,
    /// Whether and since when it is approved.
    pub(super) state: String,
    /// Somebody may have an earlier version.
    pub(super) is_replacing: bool,
    pub(super) subject: String,
    pub(super) parts: Vec<Part>,
    pub(super) hash: String,
    pub(super) findings: Vec<String>,
}

/// The newest texts of a case.
pub(super) async fn shown_texts(
    room: &Room,
    incident: IncidentId,
) -> Result<Vec<ShownText>, DatabaseError> {
    let texts = texts::newest(&room.pool, incident).await?;
    let shown = texts
        .into_iter()
        .map(|saved| shown_text(room, saved.draft, saved.published_at));
    Ok(shown.collect())
}

/// A text with what is wrong with it, and since when it is approved.
pub(super) fn shown_text(room: &Room, draft: Draft, published_at: Option<Timestamp>) -> ShownText {
    let sender = &room.config.sender;
    let check = format!("{}/check", sender.status_site);
    let allowed = [
        check.as_str(),
        sender.status_site.as_str(),
        sender.operator.as_str(),
    ];
    let approved = published_at.map(|at| moment(room, at));
    ShownText {
        kind: draft.kind.word(),
        title: draft.kind.title(),
        version: draft.version,
        state: approved.map_or_else(
            || "A draft: two officers have not approved it, and it went to nobody.".to_owned(),
            |at| format!("Two officers had approved it on {at}."),
        ),
        is_replacing: draft.version > 1 && draft.kind.is_message(),
        scope_version: draft.scope_version,
        hash: draft.hash().to_string(),
        findings: draft
            .findings(&allowed)
            .iter()
            .map(words::finding)
            .collect(),
        parts: parts(&draft.words),
        subject: draft.subject,
    }
}

#[derive(Template)]
#[template(path = "room/text.html")]
struct TextPage {
    officer: Option<Officer>,
    id: String,
    text: ShownText,
    /// Every version, the newest first.
    versions: Vec<ShownText>,
}

/// The newest version of a text.
pub(super) async fn text(
    State(room): State<Arc<Room>>,
    officer: Officer,
    Path((id, kind)): Path<(String, String)>,
) -> Result<Html<String>, Problem> {
    text_page(&room, officer, (id, kind), None).await
}

/// One version of a text: what was sent stays to be read when a newer one is drafted.
pub(super) async fn text_version(
    State(room): State<Arc<Room>>,
    officer: Officer,
    Path((id, kind, version)): Path<(String, String, String)>,
) -> Result<Html<String>, Problem> {
    let version = version.parse().map_err(|_| Problem::not_found())?;
    text_page(&room, officer, (id, kind), Some(version)).await
}

async fn text_page(
    room: &Room,
    officer: Officer,
    (id, kind): (String, String),
    version: Option<i32>,
) -> Result<Html<String>, Problem> {
    let incident = acts::incident(room, &id).await?;
    let kind = TextKind::from_word(&kind).ok_or_else(Problem::not_found)?;
    let saved = texts::versions(&room.pool, incident.id, kind).await?;
    let text = saved
        .iter()
        .find(|saved| version.is_none_or(|version| saved.draft.version == version))
        .ok_or_else(Problem::not_found)?;
    Ok(page(&TextPage {
        officer: Some(officer),
        id,
        text: shown_text(room, text.draft.clone(), text.published_at),
        versions: saved
            .into_iter()
            .map(|saved| shown_text(room, saved.draft, saved.published_at))
            .collect(),
    }))
}

#[derive(Template)]
#[template(path = "room/register.html")]
struct RegisterPage {
    officer: Option<Officer>,
    id: String,
    routes: Vec<(&'static str, i64, i64)>,
    practices: Vec<ShownPractice>,
    hash: String,
    is_ready: bool,
}

struct ShownPractice {
    id: String,
    name: String,
    people: usize,
    to_ring: usize,
    told: usize,
    /// Not on the list that was approved last.
    waiting: usize,
    /// No mail reaches the practice itself, and nobody told it.
    must_be_rung: bool,
}

pub(super) async fn register(
    State(room): State<Arc<Room>>,
    officer: Officer,
    Path(id): Path<String>,
) -> Result<Html<String>, Problem> {
    let incident = acts::incident(&room, &id).await?;
    let members = register::members(&room.pool, incident.id).await?;
    let approved = register::approved_members(&room.pool, incident.id).await?;
    let ids = register::practices(&room.pool, incident.id).await?;
    let names: BTreeMap<PracticeId, String> = portal::practices(&room.portal, &ids)
        .await?
        .into_iter()
        .map(|practice| (practice.id, practice.name))
        .collect();
    let rung = rung(&room, incident.id).await?;
    let states = notices::states(&room.pool, incident.id).await?;
    let reached = register::practices_told(&room.pool, incident.id).await?;
    let told = register::told(&room.pool, incident.id).await?;
    let is_told = |member: &Member| told.contains_key(&member.patient);
    let practices = ids
        .iter()
        .map(|practice| {
            let approved = patients_of(&approved, *practice);
            let (listed, waiting): (Vec<_>, Vec<_>) = of_practice(&members, *practice)
                .partition(|member| approved.contains(&member.patient));
            ShownPractice {
                id: practice.to_string(),
                name: names
                    .get(practice)
                    .cloned()
                    .unwrap_or_else(|| "A practice that the portal does not list".to_owned()),
                people: listed.len() + waiting.len(),
                to_ring: listed
                    .iter()
                    .filter(|member| is_to_ring(member, &rung) && !is_told(member))
                    .count(),
                told: listed.iter().filter(|member| is_told(member)).count(),
                waiting: waiting.len(),
                must_be_rung: !reached.contains_key(practice)
                    && matches!(
                        message_to(&states, *practice),
                        Some(("call", _) | (_, "failed" | "stuck"))
                    ),
            }
        })
        .collect();
    Ok(page(&RegisterPage {
        officer: Some(officer),
        id,
        routes: super::cases::routes(&room, incident.id).await?,
        practices,
        hash: register::register_hash(&room.pool, incident.id)
            .await?
            .to_string(),
        is_ready: steward::list(&room, incident.id).await?.is_some(),
    }))
}

/// Channel and state of the newest message to a practice itself.
fn message_to(states: &[notices::State], practice: PracticeId) -> Option<(&str, &str)> {
    let own = states
        .iter()
        .rfind(|(recipient, ..)| recipient.as_slice() == practice.as_bytes());
    own.map(|(_, channel, state, _)| (channel.as_str(), state.as_str()))
}

pub(super) fn of_practice(
    members: &[Member],
    practice: PracticeId,
) -> impl Iterator<Item = &Member> {
    members
        .iter()
        .filter(move |member| member.route != "canary" && member.practices.contains(&practice))
}

fn patients_of(members: &[Member], practice: PracticeId) -> BTreeSet<PatientId> {
    let own = of_practice(members, practice);
    own.map(|member| member.patient).collect()
}

type Rung = HashMap<Vec<u8>, String>;

/// Who stands on a call list by now, with the reason.
async fn rung(room: &Room, incident: IncidentId) -> Result<Rung, DatabaseError> {
    let states = notices::states(&room.pool, incident).await?;
    Ok(states
        .into_iter()
        .filter(|(_, _, state, _)| state == "on_call_list")
        .map(|(recipient, _, _, reason)| (recipient, reason.unwrap_or_default()))
        .collect())
}

fn is_to_ring(member: &Member, rung: &Rung) -> bool {
    member.route != "mail" || rung.contains_key(member.patient.as_bytes().as_slice())
}

#[derive(Template)]
#[template(path = "room/practice.html")]
struct PracticePage {
    officer: Option<Officer>,
    id: String,
    practice: String,
    practice_id: String,
    /// Where our message to the practice stands, and its number.
    mail: &'static str,
    phone: String,
    /// How and when the practice itself was told by a person; empty where nobody wrote it down.
    told: String,
    is_unlocked: bool,
    came_back: bool,
    /// Two officers approved a list that names patients of it.
    is_approved: bool,
    list: ShownList,
}

/// Somebody on a practice's list.
pub(super) struct ShownPerson {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) birth_date: String,
    pub(super) phone: String,
    pub(super) why: &'static str,
    /// A letter is none of the ways to tell them.
    pub(super) is_unsafe_to_write: bool,
    pub(super) seen: String,
    /// How, when and by whom they were told by a person; empty where nobody wrote it down.
    pub(super) told: String,
}

/// The people of a practice's list, by what is to be done.
pub(super) struct ShownList {
    /// Where the form goes that says that somebody was told.
    pub(super) to: String,
    /// The first and last day that it takes.
    pub(super) first: String,
    pub(super) today: String,
    pub(super) script: Vec<Part>,
    pub(super) call: Vec<ShownPerson>,
    pub(super) others: Vec<ShownPerson>,
    pub(super) told: Vec<ShownPerson>,
    /// Not on the list that was approved last: nobody is told yet.
    pub(super) waiting: Vec<ShownPerson>,
}

/// One practice's own patients in the case, with names while the room is unlocked.
pub(super) async fn practice(
    State(room): State<Arc<Room>>,
    officer: Officer,
    CameBack(came_back): CameBack,
    Path((id, practice)): Path<(String, String)>,
) -> Result<Html<String>, Problem> {
    let incident = acts::incident(&room, &id).await?;
    let practice: PracticeId = practice.parse().map_err(|_| Problem::not_found())?;
    let to = format!("/incidents/{id}/practices/{practice}/told");
    let shown = of_one_practice(&room, &incident, practice, Version::Newest, to).await?;
    let states = notices::states(&room.pool, incident.id).await?;
    let told = register::practices_told(&room.pool, incident.id).await?;
    let known = portal::practices(&room.portal, &[practice]).await?.pop();
    Ok(page(&PracticePage {
        officer: Some(officer),
        id,
        practice: shown.practice,
        practice_id: practice.to_string(),
        mail: words::practice_mail(message_to(&states, practice)),
        phone: known.map_or_else(String::new, |known| known.phone),
        told: told
            .get(&practice)
            .map_or_else(String::new, words::practice_told),
        is_unlocked: shown.is_unlocked,
        came_back,
        is_approved: register::has_approved_list(&room.pool, incident.id, practice).await?,
        list: shown.list,
    }))
}

/// A practice's list.
pub(super) struct PracticeList {
    pub(super) practice: String,
    pub(super) is_unlocked: bool,
    pub(super) list: ShownList,
}

/// The name that the portal's directory has.
pub(super) async fn practice_name(
    room: &Room,
    practice: PracticeId,
) -> Result<String, DatabaseError> {
    let name = portal::practices(&room.portal, &[practice]).await?.pop();
    Ok(name.map_or_else(|| practice.to_string(), |practice| practice.name))
}

/// The list of one practice; not found where none of its patients is concerned by the newest version.
pub(super) async fn of_one_practice(
    room: &Room,
    incident: &Incident,
    practice: PracticeId,
    version: Version,
    to: String,
) -> Result<PracticeList, Problem> {
    let approved = register::approved_members(&room.pool, incident.id).await?;
    let is_approved = patients_of(&approved, practice);
    let members = match version {
        Version::Newest => register::members(&room.pool, incident.id).await?,
        Version::Approved => approved,
    };
    let own: Vec<&Member> = of_practice(&members, practice).collect();
    if own.is_empty() && version == Version::Newest {
        return Err(Problem::not_found());
    }
    let ids: Vec<PatientId> = own.iter().map(|member| member.patient).collect();
    let people = match room.unlocked(incident.id) {
        Some(unlocked) => {
            let installation = room.installation().await?;
            let depositors =
                register::depositors(&room.pool, &unlocked, incident.id, practice).await?;
            let reader = portal::Reader {
                practice,
                depositors: &depositors,
            };
            portal::people(&room.portal, &unlocked, installation, &ids, &reader).await?
        }
        None => BTreeMap::new(),
    };
    let rung = rung(room, incident.id).await?;
    let seen = register::seen(&room.pool, incident.id, practice, Version::Approved).await?;
    let newest = match version {
        Version::Newest => {
            register::seen(&room.pool, incident.id, practice, Version::Newest).await?
        }
        Version::Approved => BTreeMap::new(),
    };
    let told = register::told(&room.pool, incident.id).await?;
    let (mut call, mut others) = (Vec::new(), Vec::new());
    let (mut done, mut waiting) = (Vec::new(), Vec::new());
    for member in own {
        let person = people.get(&member.patient).cloned().unwrap_or_default();
        let is_to_ring = is_to_ring(member, &rung);
        let is_waiting = !is_approved.contains(&member.patient);
        let seen = if is_waiting { &newest } else { &seen };
        let seen = seen.get(&member.patient).copied().unwrap_or_default();
        let rung = rung.get(member.patient.as_bytes().as_slice());
        let mut shown = shown_person(member, practice, person, seen, rung);
        if is_waiting {
            waiting.push(shown);
        } else if let Some(told) = told.get(&member.patient) {
            shown.told = words::told(told, practice);
            done.push(shown);
        } else if is_to_ring {
            call.push(shown);
        } else {
            others.push(shown);
        }
    }
    let zone = &room.config.zone;
    let mut scripts = texts::versions(&room.pool, incident.id, TextKind::CallScript).await?;
    // Nobody reads out what waits to be approved.
    scripts.retain(|text| text.published_at.is_some());
    let script = scripts.iter().max_by_key(|text| text.draft.version);
    Ok(PracticeList {
        practice: practice_name(room, practice).await?,
        is_unlocked: room.unlocked(incident.id).is_some(),
        list: ShownList {
            to,
            first: incident.opened_at.to_zoned(zone.clone()).date().to_string(),
            today: clock::now().to_zoned(zone.clone()).date().to_string(),
            script: script.map_or_else(Vec::new, |text| parts(&text.draft.words)),
            call,
            others,
            told: done,
            waiting,
        },
    })
}

fn shown_person(
    member: &Member,
    practice: PracticeId,
    person: portal::Person,
    seen: Seen,
    rung: Option<&String>,
) -> ShownPerson {
    let reason = match rung {
        Some(reason) if !reason.is_empty() => reason.as_str(),
        _ => member.reason.as_str(),
    };
    let phone = person
        .contact
        .and_then(|contact| contact.mobile.or(contact.phone));
    let is_locked = person.identity.is_none();
    ShownPerson {
        id: member.patient.to_string(),
        told: String::new(),
        name: person
            .identity
            .as_ref()
            .map_or_else(|| "Name locked".to_owned(), |identity| identity.name.full()),
        birth_date: person.identity.map_or_else(String::new, |identity| {
            let born = identity.birth_date.date();
            born.strftime("%-d %B %Y").to_string()
        }),
        phone: match phone {
            _ if !member.enrolled.contains(&practice) => "Not your patient now: ask us".to_owned(),
            Some(phone) => phone.to_string(),
            None if is_locked => String::new(),
            None => "Look in your own records".to_owned(),
        },
        why: why(reason, member.is_unsafe_to_write),
        is_unsafe_to_write: member.is_unsafe_to_write,
        seen: words::seen(member, seen),
    }
}

fn why(reason: &str, is_unsafe_to_write: bool) -> &'static str {
    match reason {
        "deceased" if is_unsafe_to_write => {
            "Has died, and nobody may write there: find a representative and ring."
        }
        "deceased" => "Has died: find a representative.",
        "unsafe_to_write" => "Must not be written to: ring, leave no message.",
        "under_16" => "Under 16: speak with the guardian.",
        "not_arrived" => "Our mail could not be delivered: ring.",
        "no_email" => "Has no mailbox with us: ring.",
        "mail" => "Is told by mail and in the portal.",
        _ => "Ring.",
    }
}

#[derive(Template)]
#[template(path = "room/notices.html")]
struct NoticesPage {
    officer: Option<Officer>,
    id: String,
    counts: Vec<(String, i64)>,
    runs: Vec<(String, bool)>,
    sent: Vec<ShownSent>,
}

/// A version of a text that is out.
struct ShownSent {
    kind: &'static str,
    version: i32,
    name: String,
    what: String,
}

/// The statements and messages that are out.
async fn sent(room: &Room, incident: IncidentId) -> Result<Vec<ShownSent>, DatabaseError> {
    let statements = publish::statements(&room.pool).await?.into_iter();
    let statements = statements.filter(|statement| statement.incident == incident);
    let statements = statements.map(|statement| ShownSent {
        kind: statement.kind.word(),
        version: statement.text_version,
        name: format!("Statement {}", statement.number),
        what: format!("published on {}", moment(room, statement.published_at)),
    });
    let messages = notices::sent(&room.pool, incident).await?.into_iter();
    let messages = messages.map(|sent| ShownSent {
        kind: sent.kind.word(),
        version: sent.version,
        name: format!("{}, version {}", sent.kind.title(), sent.version),
        what: format!(
            "by mail {}, in the portal {}, the first on {}",
            sent.mails,
            sent.in_portal,
            moment(room, sent.first_at)
        ),
    });
    Ok(statements.chain(messages).collect())
}

pub(super) async fn notices(
    State(room): State<Arc<Room>>,
    officer: Officer,
    Path(id): Path<String>,
) -> Result<Html<String>, Problem> {
    let incident = acts::incident(&room, &id).await?;
    let runs = crate::acts::runs(&room.pool, incident.id).await?;
    Ok(page(&NoticesPage {
        officer: Some(officer),
        id,
        counts: super::cases::messages(&room, incident.id).await?,
        sent: sent(&room, incident.id).await?,
        runs: runs
            .iter()
            .map(|run| (moment(&room, run.begun_at), run.finished_at.is_some()))
            .collect(),
    }))
}
