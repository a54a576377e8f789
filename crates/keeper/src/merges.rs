//! Two records of one person, who once got two numbers. It is a link and never a move: no item changes its subject, no key
//! is wrapped anew, and when the link is ended everything is as before. Through it the one record is reached as the other is,
//! by the patient and by whoever acts for all of the other; and what is kept from somebody on either is kept on both.

mod changes;
mod list;
mod opened;

pub(crate) use changes::{end, merge, step_of, theirs};
pub use list::list;

use crate::ages;
use crate::calls::reach::{self, Limit, Part, PatientView};
use crate::core::Core;
use crate::decision::Relation;
use crate::facts::{Fact, FactRow, FactsError, Merged, SubjectFacts, is_before};
use crate::keys::KeyedToken;
use crate::session::Session;
use crate::sharing;
use candour_keeper_wire::wire;
use candour_keeper_wire::words::{Role, Section};
use candour_seal::PracticeId;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// A record's facts, and those of the other that is one person's with it.
pub(crate) struct Records {
    /// Of the record itself.
    pub facts: Arc<SubjectFacts>,
    /// Of the other.
    pub other: Option<Arc<SubjectFacts>>,
}

/// Who looks.
#[derive(Clone, Copy)]
pub(crate) struct Who<'a> {
    /// Their session.
    pub session: &'a Session,
    /// Their own facts.
    pub own: &'a SubjectFacts,
    /// When.
    pub now: Timestamp,
}

/// How somebody stands to a part of a record.
pub(crate) struct Standing {
    /// What they may know of the patient.
    pub view: PatientView,
    /// How they stand to it.
    pub relation: Relation,
    /// What they read of it for now, where that is not everything within reach.
    pub limit: Option<Limit>,
    /// They reach it because they reach this one, and by no right of their own.
    pub through: Option<KeyedToken>,
}

/// What says that a record is one person's with another, with what it says.
pub(crate) fn link_of(facts: &SubjectFacts) -> Option<(&FactRow, &Merged)> {
    facts.live().find_map(|row| match &row.fact {
        Fact::Merged(link) => Some((row, link)),
        _ => None,
    })
}

fn other_of(facts: &SubjectFacts) -> Option<KeyedToken> {
    let (_, link) = link_of(facts)?;
    KeyedToken::try_from(link.other.as_slice()).ok()
}

/// The facts of a record, and of the other.
pub(crate) async fn load(core: &Core, token: KeyedToken) -> Result<Records, FactsError> {
    let facts = core.facts.load(token).await?;
    let other = match other_of(&facts) {
        Some(other) => Some(core.facts.load(other).await?),
        None => None,
    };
    Ok(Records::of(facts, other))
}

/// The facts of several, and of what is one person's with them, for [`Records::among`].
pub(crate) async fn load_all(
    core: &Core,
    tokens: &[KeyedToken],
) -> Result<HashMap<KeyedToken, Option<Arc<SubjectFacts>>>, FactsError> {
    let mut all = core.facts.load_all(tokens).await?;
    let others = all.values().flatten().filter_map(|facts| other_of(facts));
    let missing: Vec<KeyedToken> = others.filter(|other| !all.contains_key(other)).collect();
    if !missing.is_empty() {
        all.extend(core.facts.load_all(&missing).await?);
    }
    Ok(all)
}

impl Records {
    /// The link stands where both say so, and one account at most reads either: of two each would read the other's.
    fn of(facts: Arc<SubjectFacts>, other: Option<Arc<SubjectFacts>>) -> Self {
        let other = other.filter(|other| {
            let holders = (facts.account_holder(), other.account_holder());
            let are_two = matches!(holders, (Some(one), Some(another)) if one != another);
            other_of(other) == Some(facts.subject()) && !are_two
        });
        Self { facts, other }
    }

    /// Those of one among several; `None` where it, or the other, is closed or not there.
    pub fn among(
        all: &HashMap<KeyedToken, Option<Arc<SubjectFacts>>>,
        token: KeyedToken,
    ) -> Option<Self> {
        let find = |token: KeyedToken| all.get(&token).and_then(Option::as_ref).map(Arc::clone);
        let facts = find(token)?;
        let other = match other_of(&facts) {
            Some(other) => Some(find(other)?),
            None => None,
        };
        Some(Self::of(facts, other))
    }

    /// The same, seen from the other.
    fn swapped(&self) -> Option<Self> {
        let other = self.other.as_ref()?;
        Some(Self {
            facts: Arc::clone(other),
            other: Some(Arc::clone(&self.facts)),
        })
    }

    /// Both, its own first.
    pub fn all(&self) -> impl Iterator<Item = &SubjectFacts> {
        let other = self.other.iter().map(|facts| &**facts);
        std::iter::once(&*self.facts).chain(other)
    }

    /// It is still reached by way of the other.
    pub fn is_through(&self, other: KeyedToken) -> bool {
        self.other.as_ref().map(|facts| facts.subject()) == Some(other)
    }

    /// Either of them is the record of whoever has this session: staff rights apply to neither.
    pub fn are_own(&self, core: &Core, session: &Session) -> bool {
        let own = session.own_patient.map(|own| core.keys.patient(own));
        self.all().any(|facts| own == Some(facts.subject()))
    }

    /// Whoever has this session keeps rules about others, and is kept from nothing of their own by those on the other record.
    pub fn rules_of_other(&self, session: &Session) -> Option<&SubjectFacts> {
        let holder = self.facts.account_holder();
        let other = self.other.as_deref();
        other.filter(|_| holder != Some(session.subject))
    }

    /// Either record as a whole is kept from the person of a session.
    pub fn keep_out(&self, session: &Session) -> bool {
        let other = self.rules_of_other(session);
        std::iter::once(&*self.facts)
            .chain(other)
            .any(|facts| sharing::keeps_out(facts, session))
    }

    /// On either record anything is kept from these people, or everything from this practice.
    pub fn are_kept_from(&self, people: &[KeyedToken], practice: &[u8]) -> bool {
        self.all()
            .any(|facts| sharing::are_kept_from(facts, people, practice))
    }

    /// What a session may know of the patient.
    pub fn view(&self, core: &Core, session: &Session, now: Timestamp) -> PatientView {
        if self.keep_out(session) {
            return PatientView {
                is_kept: true,
                ..PatientView::default()
            };
        }
        let mut view = ages::view(core, &self.facts, session, now);
        let is_person = matches!(session.role, Role::Patient | Role::Proxy);
        if let Some(other) = self.rules_of_other(session).filter(|_| is_person) {
            view.is_unsafe_to_write |= PatientView::of(other, None).is_unsafe_to_write;
        }
        view
    }
}

/// How somebody stands to a part of a record: by a right of their own, else by way of the other. To be read, and to see who
/// read it: nobody acts, and no right is given, by way of a link.
pub(crate) fn standing(core: &Core, who: Who<'_>, records: &Records, part: Part) -> Standing {
    let Who { session, own, now } = who;
    let token = records.facts.subject();
    let view = records.view(core, session, now);
    let patient = core.keys.patient_id(token);
    let mut direct = Standing {
        view,
        relation: reach::relation(session, own, token, patient, view, part, now),
        limit: Limit::of(session, own, token, view, part, now),
        through: None,
    };
    if session.practice.is_some() && records.are_own(core, session) {
        direct.relation = Relation::Stranger;
    }
    let may = matches!(session.role, Role::Patient | Role::Proxy);
    if !may || !view.is_known || direct.relation != Relation::Stranger {
        return direct;
    }
    through(core, who, records, part, view).unwrap_or(direct)
}

fn through(
    core: &Core,
    who: Who<'_>,
    records: &Records,
    part: Part,
    mut view: PatientView,
) -> Option<Standing> {
    let other = records.other.as_ref()?;
    let (_, link) = link_of(&records.facts)?;
    let theirs = ages::view(core, other, who.session, who.now);
    if theirs.is_canary || theirs.is_kept {
        return None;
    }
    // As of one person: who died in either has died.
    view.is_deceased |= theirs.is_deceased;
    let theirs = PatientView {
        is_deceased: view.is_deceased,
        ..theirs
    };
    let part = part.as_whole();
    let relation = relation(who, other.subject(), theirs, part)?;
    if relation == Relation::Own {
        view.age = theirs.age;
    }
    let theirs = Limit::of(who.session, who.own, other.subject(), theirs, part, who.now);
    Some(Standing {
        limit: both(theirs, wait(link, who.now)).ok()?,
        relation,
        view,
        through: Some(other.subject()),
    })
}

/// As the patient, or acting for all of the other record.
fn relation(who: Who<'_>, other: KeyedToken, view: PatientView, part: Part) -> Option<Relation> {
    let mut relation = None;
    for row in who.own.live() {
        match &row.fact {
            Fact::SelfPatient(own) if own.patient == other.0 => return Some(Relation::Own),
            Fact::Proxy(proxy)
                if proxy.acts_for(other, who.now)
                    && view.lets_act(proxy.kind, row.at)
                    && part.is_within(proxy) =>
            {
                relation = Some(Relation::Proxy);
            }
            _ => {}
        }
    }
    relation
}

/// Until three days after, what the practice that noted it put in is read, and nothing sensitive: as of whom staff invite.
fn wait(link: &Merged, now: Timestamp) -> Option<Limit> {
    let practice = PracticeId::try_from(link.practice.as_slice()).ok()?;
    (link.opens_from > now.as_microsecond()).then_some(Limit {
        practice,
        until: link.opens_from,
    })
}

/// What is left where both limits hold.
///
/// # Errors
/// Where they are two practices': nothing is.
fn both(one: Option<Limit>, other: Option<Limit>) -> Result<Option<Limit>, NothingLeft> {
    match (one, other) {
        (Some(one), Some(other)) if one.practice == other.practice => Ok(Some(Limit {
            until: one.until.max(other.until),
            ..one
        })),
        (Some(_), Some(_)) => Err(NothingLeft),
        (one, other) => Ok(one.or(other)),
    }
}

struct NothingLeft;

/// The other record of one that is within reach, as a session shows it.
pub(crate) async fn reachable(
    core: &Core,
    who: Who<'_>,
    token: KeyedToken,
) -> Result<Option<wire::Reachable>, FactsError> {
    let records = match load(core, token).await {
        // What is closed opens nothing, and keeps nobody from the rest.
        Err(FactsError::Closed(_)) => return Ok(None),
        records => records?,
    };
    let Some(other) = records.swapped() else {
        return Ok(None);
    };
    let stands = standing(core, who, &other, Part::of(Section::Identity));
    let found = link_of(&other.facts).filter(|_| stands.through.is_some());
    Ok(found.map(|(row, link)| wire::Reachable {
        patient: id(core, other.facts.subject()),
        is_proxied: stands.relation == Relation::Proxy,
        only_from: stands
            .limit
            .map_or_else(Vec::new, |limit| limit.practice.as_bytes().to_vec()),
        opens_from: stands.limit.map_or(0, |limit| limit.until),
        age: stands.view.age.into(),
        grown_from: core.config.ages.grown.into(),
        merged_with: id(core, token),
        merged_at: row.at.as_microsecond(),
        merged_by: link.practice.clone(),
        stays: link.stays,
        ..wire::Reachable::default()
    }))
}

/// How long what was opened counts in a budget of a day.
const COUNTED: SignedDuration = SignedDuration::from_hours(24);

/// How many records somebody reaches because others are within their reach, or did within a day: a budget never lets them
/// have more, and what was read while a link stood must not be read in the place of their own.
pub(crate) async fn count(core: &Core, who: Who<'_>) -> Result<u32, FactsError> {
    if !matches!(who.session.role, Role::Patient | Role::Proxy) {
        return Ok(0);
    }
    let reached = who.own.live().filter_map(|row| match &row.fact {
        Fact::SelfPatient(own) => Some(&own.patient),
        Fact::Proxy(proxy) if is_before(proxy.until, who.now) => Some(&proxy.patient),
        _ => None,
    });
    let reached: BTreeSet<KeyedToken> = reached
        .filter_map(|patient| KeyedToken::try_from(patient.as_slice()).ok())
        .collect();
    let tokens: Vec<KeyedToken> = reached.iter().copied().collect();
    let all = core.facts.load_all(&tokens).await?;
    let rows = all.values().flatten().flat_map(|facts| facts.live());
    let links = rows.filter_map(|row| match &row.fact {
        Fact::Merged(link) => Some(link),
        Fact::MergeEnded(ended) if who.now.duration_since(row.at) < COUNTED => {
            ended.merged.as_ref()
        }
        _ => None,
    });
    let others: BTreeSet<KeyedToken> = links
        .filter_map(|link| KeyedToken::try_from(link.other.as_slice()).ok())
        .filter(|other| !reached.contains(other))
        .collect();
    Ok(u32::try_from(others.len()).unwrap_or(u32::MAX))
}

/// A patient's id as it is sent.
fn id(core: &Core, token: KeyedToken) -> Vec<u8> {
    core.keys.patient_id(token).as_bytes().to_vec()
}
