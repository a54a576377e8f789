//! Where a patient starts.

use crate::dates;
use crate::error::Problem;
use crate::frame::Frame;
use crate::pages::ToRing;
use crate::pages::merges::MergeNote;
use crate::pages::record;
use crate::pages::recoveries::{self, RecoveryNote};
use crate::pages::sharing::ProxyNote;
use crate::portal::Portal;
use crate::reading::{nhi, together};
use crate::respond;
use crate::session::{Visit, Visitor};
use crate::texts::Texts;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use candour_app::sign_in::Reachable;
use candour_app::{FirstByte, Refusal, notices, patients, practices};
use candour_keeper_api::words::{ProxyAction, Purpose, Section};
use candour_seal::{PersonId, PracticeId};
use serde::Deserialize;

/// The records within reach.
#[derive(Template)]
#[template(path = "home/home.html")]
pub struct HomePage {
    /// Around it.
    pub frame: Frame,
    /// One's own first.
    pub records: Vec<RecordTile>,
    /// The practices of these records.
    pub practices: Vec<ToRing>,
    /// How one signs in was changed, or is about to be.
    pub ways_changed: bool,
    /// That nothing opens yet by what the session was signed in by.
    pub is_new: Option<String>,
    /// The account is being recovered.
    pub recovery: Option<RecoveryNote>,
    /// That was just stopped.
    pub is_stopped: bool,
    /// Who was invited by a practice to act for the patient.
    pub proxies: Vec<ProxyNote>,
    /// That another record is read as one's own too.
    pub merges: Vec<MergeNote>,
    /// That was just ended.
    pub is_apart: bool,
}

/// What was just done.
#[derive(Deserialize)]
pub struct Said {
    said: Option<String>,
}

/// One record within reach.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent thing within reach or not"
)]
pub struct RecordTile {
    /// The patient's id as text.
    pub patient: String,
    /// "Your record", or whose.
    pub heading: String,
    /// It is one's own.
    pub is_own: bool,
    /// It is one's own under another number.
    pub is_other: bool,
    /// Until when one may act for the patient.
    pub until: Option<String>,
    /// That messages wait which one has not read.
    pub waiting: Option<String>,
    /// Parts of the record beside documents are within reach.
    pub has_record: bool,
    /// Documents are.
    pub has_documents: bool,
    /// Who opened it is.
    pub has_history: bool,
    /// Whom it is kept from and shared with is one's own to say.
    pub has_sharing: bool,
    /// Messages are.
    pub has_messages: bool,
    /// That a part of it is seen for now, and when the rest comes.
    pub part: Option<String>,
    /// It is all of a child's, and can be kept from others.
    pub is_charge: bool,
    /// Key of what is said where a part alone is within reach.
    pub only: Option<&'static str>,
}

/// `GET /`: to where the visitor starts.
pub async fn start(visitor: Visitor) -> Response {
    respond::to(visitor.visit.map_or("/sign-in", Visit::home))
}

/// `GET /home`: the records within reach, one's own first, with what waits to be read.
pub async fn show(
    State(portal): State<Portal>,
    visitor: Visitor,
    Query(Said { said }): Query<Said>,
) -> Result<Response, Problem> {
    let session = visitor.session(&portal).await?;
    let mut frame = portal.frame(visitor.visit, "home.title").await.at("/home");
    let texts = frame.texts();
    let mut records = Vec::with_capacity(session.patients.len());
    let mut known_at = Vec::new();
    let mut delivered: Option<FirstByte> = None;
    let is_new = session.opens_from.map(|from| {
        let when = dates::moment(texts, from, &portal.settings().zone);
        texts.fill("sign_in_ways.session_new", &[("when", &when)])
    });
    // By what is new nothing opens, not even a name.
    let within_reach = session.patients.iter().filter(|_| is_new.is_none());
    for reachable in within_reach {
        let reader = session.principal;
        let (line, first_byte) = match tile(&portal, &visitor, (reader, reachable), texts).await {
            // The patient keeps all of their record from this person, who is not told.
            Err(Problem::Refused(Refusal::NotFound)) if reachable.is_proxied => continue,
            found => found?,
        };
        if let Some(name) = line.called {
            frame.title = texts.fill("home.hello", &[("name", &name)]);
        }
        records.push(line.tile);
        known_at.extend(
            line.practice
                .filter(|practice| !known_at.contains(practice)),
        );
        delivered = Some(together(first_byte, delivered));
    }
    let recovery = match &session.recovery {
        Some(recovery) => Some(RecoveryNote::of(&portal, recovery).await),
        None => None,
    };
    let directory = practices::all(portal.app()).await?;
    // Whoever sees a part of it is not told who else sees it.
    let has_own = session
        .patients
        .iter()
        .any(|reachable| !reachable.is_proxied && reachable.part.is_none());
    let proxies = if has_own && is_new.is_none() {
        ProxyNote::all(&portal, &visitor, &directory).await?
    } else {
        Vec::new()
    };
    let is_apart = said.as_deref() == Some("apart");
    let page = HomePage {
        frame,
        records,
        practices: known_at
            .iter()
            .filter_map(|practice| ToRing::of(directory.get(practice)?))
            .collect(),
        ways_changed: session.ways_changed,
        is_new,
        recovery,
        is_stopped: said.as_deref() == Some("stopped"),
        proxies,
        merges: if is_apart {
            Vec::new()
        } else {
            MergeNote::all(&portal, &session.patients).await
        },
        is_apart,
    };
    match delivered {
        Some(first_byte) => respond::opened(&page, first_byte),
        None => respond::page(&page),
    }
}

/// A record's tile, with what the page takes from it.
struct Line {
    tile: RecordTile,
    /// How one is called; for one's own record.
    called: Option<String>,
    /// Who knows the patient.
    practice: Option<PracticeId>,
}

async fn tile(
    portal: &Portal,
    visitor: &Visitor,
    (reader, reachable): (PersonId, &Reachable),
    texts: &Texts,
) -> Result<(Line, FirstByte), Problem> {
    let purpose = if reachable.is_proxied {
        Purpose::ProxyAccess
    } else {
        Purpose::OwnRecord
    };
    let viewer = visitor.viewer(purpose)?;
    let (line, mut first_byte) = patients::name(portal.app(), &viewer, reachable.patient).await?;
    let line = line.into_inner();
    let identity = line.identity;
    let mut waiting = None;
    let has_messages = reachable.covers(Section::Notices) && !reachable.is_young;
    if has_messages {
        let (opened, notices_byte) =
            notices::open(portal.app(), &viewer, reachable.patient).await?;
        first_byte = first_byte.and(notices_byte);
        let unread = notices::unread(portal.app(), opened.get(), reader).await?;
        waiting = waiting_words(texts, unread);
    }
    let full = identity
        .as_ref()
        .map(|identity| identity.name.full())
        .unwrap_or_default();
    let number = match identity.as_ref() {
        Some(identity) => nhi(texts, identity),
        None => texts.say("frame.no_nhi").to_owned(),
    };
    let called = identity
        .as_ref()
        .map(|identity| identity.name.called().to_owned());
    // Whoever sees a part of a record is told neither who else sees it nor who did.
    let is_whole = reachable.part.is_none();
    let may_see_who = !reachable.is_proxied
        || (reachable.may.contains(&ProxyAction::History) && !reachable.is_young);
    let tile = RecordTile {
        patient: reachable.patient.to_string(),
        heading: match (reachable.is_proxied, reachable.merged.is_some()) {
            (true, false) => texts.fill("home.proxied", &[("name", &full)]),
            (true, true) => {
                let filled = [("name", full.as_str()), ("nhi", number.as_str())];
                texts.fill("merge.proxied", &filled)
            }
            (false, true) => texts.fill("merge.own", &[("nhi", &number)]),
            (false, false) => texts.say("home.own").to_owned(),
        },
        is_own: !reachable.is_proxied && reachable.merged.is_none(),
        is_other: !reachable.is_proxied && reachable.merged.is_some(),
        until: reachable.until.map(|until| {
            let date = dates::day(texts, until.to_zoned(portal.settings().zone.clone()).date());
            texts.fill("home.proxied_until", &[("date", &date)])
        }),
        waiting,
        has_record: record::is_within(reachable),
        has_documents: reachable.covers(Section::Shelf),
        has_history: is_whole && may_see_who,
        has_sharing: is_whole && !reachable.is_proxied && reachable.merged.is_none(),
        has_messages,
        part: match reachable.part {
            Some(part) => Some(recoveries::seen_in_part(portal, part).await),
            None => None,
        },
        is_charge: is_whole
            && reachable.is_child
            && reachable.sections.is_empty()
            && reachable.merged.is_none(),
        only: match (reachable.is_young, reachable.sections.is_empty()) {
            (true, _) => Some("young.home"),
            (false, false) => Some("home.only_part"),
            (false, true) => None,
        },
    };
    let line = Line {
        tile,
        called: called.filter(|_| !reachable.is_proxied && reachable.merged.is_none()),
        practice: line.practice,
    };
    Ok((line, first_byte))
}

fn waiting_words(texts: &Texts, count: usize) -> Option<String> {
    match count {
        0 => None,
        1 => Some(texts.say("home.messages_waiting").to_owned()),
        _ => Some(texts.fill(
            "home.messages_waiting_many",
            &[("count", &count.to_string())],
        )),
    }
}
