//! How a session stands to a patient, from facts alone.

use super::Caller;
use crate::changes::assurance;
use crate::core::Core;
use crate::decision::{Action, Decision, DecisionFacts, Relation};
use crate::draft::Draft;
use crate::facts::{Fact, Proxy, SubjectFacts, is_before};
use crate::keys::{KeyedToken, practice_number};
use crate::ledger::Refusal;
use crate::session::{Principal, Session};
use crate::sharing;
use candour_keeper_wire::words::{Age, ProxyAction, ProxyKind, Purpose, Reason, Role, Section};
use candour_rules::budget::Context;
use candour_rules::decision::{self, Lane, Touch};
use candour_rules::detect::Observation;
use candour_rules::keys::{self, Practice};
use candour_rules::time::Micros;
use candour_seal::{PatientId, PracticeId};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// What the keeper knows in clear about a patient.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one column of the keeper, told as it stands"
)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PatientView {
    /// There is such a patient.
    pub is_known: bool,
    /// Nobody has a reason to open it.
    pub is_canary: bool,
    /// The patient has died.
    pub is_deceased: bool,
    /// Nothing may be sent to the patient.
    pub is_unsafe_to_write: bool,
    /// Enrolled at the session's practice now.
    pub is_enrolled: bool,
    /// Enrolled at the session's practice now or before.
    pub was_enrolled: bool,
    /// The patient keeps the whole record from who looks: for them there is no such patient.
    pub is_kept: bool,
    /// How old the patient is, where that was asked ([`crate::ages::view`]).
    pub age: Age,
    /// The year in which the patient is grown, or became so.
    pub grown_year: Option<i16>,
}

impl PatientView {
    /// Reads the facts as one session does.
    pub fn of(facts: &SubjectFacts, viewer: Option<&Session>) -> Self {
        if viewer.is_some_and(|viewer| sharing::keeps_out(facts, viewer)) {
            return Self {
                is_kept: true,
                ..Self::default()
            };
        }
        let mut view = Self::marked(facts, viewer);
        // Whoever must not learn an address must not be led to it by a letter.
        view.is_unsafe_to_write |= facts.address_protection() == Some(true);
        view
    }

    /// The same for a mail about what happened. What the account itself said of its address since `lately` silences nothing:
    /// else whoever got in would begin by silencing the mails about them.
    pub fn told(facts: &SubjectFacts, lately: Timestamp) -> Self {
        let mut view = Self::marked(facts, None);
        let is_own_word = facts.own_protection().is_some_and(|since| since >= lately);
        view.is_unsafe_to_write |= facts.address_protection() == Some(true) && !is_own_word;
        view
    }

    /// As a practice marked the patient, whoever looks.
    pub fn marks(facts: &SubjectFacts) -> Self {
        Self::marked(facts, None)
    }

    fn marked(facts: &SubjectFacts, viewer: Option<&Session>) -> Self {
        let practice = viewer.and_then(|viewer| viewer.practice);
        let mut view = Self::default();
        let is_own = |id: &[u8]| practice.is_some_and(|own| own.as_bytes().as_slice() == id);
        for row in facts.live() {
            match &row.fact {
                Fact::Patient(patient) => {
                    view.is_known = true;
                    view.is_deceased |= patient.is_deceased;
                    view.is_unsafe_to_write |= patient.is_unsafe_to_write;
                }
                Fact::PatientMarks(marks) => {
                    view.is_deceased = marks.is_deceased;
                    view.is_unsafe_to_write = marks.is_unsafe_to_write;
                }
                Fact::Enrolment(enrolment) => view.is_enrolled |= is_own(&enrolment.practice),
                Fact::Canary(_) => view.is_canary = true,
                _ => {}
            }
        }
        view.was_enrolled = facts.rows().iter().any(|row| match &row.fact {
            Fact::Enrolment(enrolment) => is_own(&enrolment.practice),
            _ => false,
        });
        view
    }
}

impl PatientView {
    /// Whether somebody who was let act for the patient, as what and when, does so now. A right derives from the living:
    /// who speaks for the dead was let by a practice for just that.
    pub fn lets_act(&self, kind: i32, since: Timestamp) -> bool {
        let is_grown = self.age == Age::Grown;
        match ProxyKind::try_from(kind) {
            Ok(ProxyKind::Representative) => self.is_deceased,
            _ if self.is_deceased => false,
            Ok(ProxyKind::Wish | ProxyKind::Helper) => true,
            Ok(ProxyKind::Guardian) => !is_grown,
            // From before that was written down. Who was let in or before the year in which the patient was grown was a
            // child's guardian.
            Err(_) => {
                let year = since.to_zoned(TimeZone::UTC).year();
                !is_grown || self.grown_year.is_none_or(|grown| year > grown)
            }
        }
    }
}

/// What exactly of a patient is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The section; [`Section::None`] for a document.
    pub section: Section,
    /// The practice that deposited it; `None` for what the session's own practice deposited in a section.
    pub source: Option<PracticeId>,
    /// What is to be done beside reading.
    pub action: Option<ProxyAction>,
    /// Only who may read all of the record may do it.
    pub is_whole: bool,
}

impl Part {
    /// To read a section.
    pub const fn of(section: Section) -> Self {
        Self {
            section,
            source: None,
            action: None,
            is_whole: false,
        }
    }

    /// To do something that is about the patient and no section.
    pub const fn to(action: ProxyAction) -> Self {
        Self {
            action: Some(action),
            ..Self::of(Section::Identity)
        }
    }

    /// What only who may read all of the record does.
    pub const fn whole() -> Self {
        Self::of(Section::Identity).as_whole()
    }

    /// The same by a right to all of the record.
    #[must_use]
    pub const fn as_whole(self) -> Self {
        Self {
            is_whole: true,
            ..self
        }
    }

    /// Whether it is within what a proxy was let read and do.
    pub fn is_within(&self, proxy: &Proxy) -> bool {
        let reads = proxy.covers(self.section) && (!self.is_whole || proxy.sections.is_empty());
        reads && self.action.is_none_or(|action| proxy.allows(action))
    }
}

/// How a session stands to a part of a patient.
pub fn relation(
    session: &Session,
    own: &SubjectFacts,
    token: KeyedToken,
    patient: PatientId,
    view: PatientView,
    part: Part,
    now: Timestamp,
) -> Relation {
    if !view.is_known {
        return Relation::Stranger;
    }
    match (session.principal, session.role) {
        (Principal::Person(_), Role::Patient | Role::Proxy) => {
            as_person(own, token, view, part, now)
        }
        // Staff rights never apply to one's own record.
        _ if session.own_patient == Some(patient) => Relation::Stranger,
        (Principal::Person(_) | Principal::Client(_), _) => as_practice(session, view, part),
        (Principal::Run(_), _) => Relation::Stranger,
    }
}

fn as_person(
    own: &SubjectFacts,
    token: KeyedToken,
    view: PatientView,
    part: Part,
    now: Timestamp,
) -> Relation {
    let mut relation = Relation::Stranger;
    for row in own.live() {
        match &row.fact {
            Fact::SelfPatient(patient) if patient.patient == token.0 => return Relation::Own,
            Fact::Proxy(proxy)
                if proxy.acts_for(token, now) && view.lets_act(proxy.kind, row.at) =>
            {
                if part.is_within(proxy) {
                    relation = Relation::Proxy;
                } else if relation == Relation::Stranger {
                    relation = Relation::ProxyOutOfScope;
                }
            }
            _ => {}
        }
    }
    relation
}

fn as_practice(session: &Session, view: PatientView, part: Part) -> Relation {
    let Some(practice) = session.practice else {
        return Relation::Stranger;
    };
    let is_source = part.source.is_none_or(|source| source == practice);
    match (is_source, view.is_enrolled, view.was_enrolled) {
        (true, true, _) => Relation::EnrolledSource,
        (false, true, _) => Relation::Enrolled,
        (true, false, true) => Relation::FormerSource,
        _ => Relation::Stranger,
    }
}

/// Somebody reads of a patient only what one practice put in, for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Which practice: it let them in.
    pub practice: PracticeId,
    /// When they read everything.
    pub until: i64,
}

impl Limit {
    /// Of a person, to a part of one patient of whom this is known: by a recovery that is not over, or by an invitation of
    /// staff not long ago.
    pub fn of(
        session: &Session,
        own: &SubjectFacts,
        patient: KeyedToken,
        view: PatientView,
        part: Part,
        now: Timestamp,
    ) -> Option<Self> {
        let recovering = Self::by_recovery(session, now);
        if recovering.is_some() || session.practice.is_some() {
            return recovering;
        }
        let themself = own.live().find_map(|row| match &row.fact {
            Fact::SelfPatient(held) if held.patient == patient.0 => Some(held),
            _ => None,
        });
        if let Some(held) = themself {
            // Who acts for somebody is not them: whatever that lets, this waits.
            return Self::by_invitation(&held.invited_at, held.opens_from, now);
        }
        let mut limit = None;
        for row in own.live() {
            let right = match &row.fact {
                // A right that ended with the patient's age or life, or that is to something else, lessens no wait.
                Fact::Proxy(held)
                    if held.acts_for(patient, now)
                        && view.lets_act(held.kind, row.at)
                        && part.is_within(held) =>
                {
                    Self::by_invitation(&held.invited_at, held.opens_from, now)
                }
                _ => continue,
            };
            // An older right is not lessened by a newer one.
            limit = Some(right?);
        }
        limit
    }

    /// By one right alone, as whoever holds it is told.
    pub fn of_right(
        session: &Session,
        invited_at: &[u8],
        opens_from: i64,
        now: Timestamp,
    ) -> Option<Self> {
        Self::by_recovery(session, now).or_else(|| Self::by_invitation(invited_at, opens_from, now))
    }

    fn by_recovery(session: &Session, now: Timestamp) -> Option<Self> {
        let practice = session.signed_by.recovering_at(now)?;
        let until = session.signed_by.opens_from;
        Some(Self { practice, until })
    }

    fn by_invitation(invited_at: &[u8], opens_from: i64, now: Timestamp) -> Option<Self> {
        let practice = PracticeId::try_from(invited_at).ok()?;
        (opens_from > now.as_microsecond()).then_some(Self {
            practice,
            until: opens_from,
        })
    }

    /// Refuses whatever is more than reading what that practice put in.
    pub fn refuse(limit: Option<Self>, now: Timestamp) -> Result<(), Refusal> {
        let refused = |limit: Self| Refusal::until(Reason::CredentialIsNew, limit.until, now);
        limit.map_or(Ok(()), |limit| Err(refused(limit)))
    }
}

/// Until when a way of signing in, or a right to a record, is too new for this. What its practice put in opens from the
/// first moment; by a recovery only about the person themself.
pub fn too_new_until(
    caller: &Caller,
    limit: Option<Limit>,
    relation: Relation,
    source: Option<PracticeId>,
) -> Option<i64> {
    let new_until = caller.session.signed_by.is_new_until(caller.now);
    match limit {
        Some(limit) => {
            let is_open = source == Some(limit.practice)
                && (relation == Relation::Own || new_until.is_none());
            (!is_open).then_some(limit.until)
        }
        None => new_until,
    }
}

/// Whether the asker may learn that it exists: then a refusal says why; else it is the one "not found".
pub const fn is_established(relation: Relation) -> bool {
    matches!(
        relation,
        Relation::Own
            | Relation::Proxy
            | Relation::EnrolledSource
            | Relation::LetRead
            | Relation::Shared
            | Relation::OwnPractice
            | Relation::RunMember
            | Relation::Installation
    )
}

/// What a refusal by policy says: that it may not be, or the one "not found".
pub const fn refusal(relation: Relation) -> Reason {
    if is_established(relation) {
        Reason::NotAllowed
    } else {
        Reason::NotFound
    }
}

/// Writes in a draft which policy decided.
pub fn decided(draft: &mut Draft, decision: &Decision) {
    draft.body.policy = decision.policy.to_string();
    draft.body.policy_hash = decision.set.to_vec();
}

/// Writes a refusal; the answer names its entry.
pub async fn refused(core: &Core, draft: Draft, reason: Reason) -> Refusal {
    match core.ledger.append_one(draft.refused(reason)).await {
        Ok(appended) => Refusal {
            index: Some(appended.index),
            ..reason.into()
        },
        Err(error) => error.into(),
    }
}

/// The facts a decision depends on.
pub fn decision_facts(
    session: &Session,
    purpose: Purpose,
    action: Action,
    relation: Relation,
    now: Timestamp,
) -> DecisionFacts {
    DecisionFacts {
        role: session.role,
        purpose,
        action,
        relation,
        tags: 0,
        assurance: assurance(session, now),
        age: Age::Grown,
        is_deceased: false,
        is_unsafe_to_write: false,
        has_reason: false,
    }
}

/// What budgets depend on.
pub fn budget_context(
    session: &Session,
    own: &SubjectFacts,
    lane: Lane,
    now: Timestamp,
) -> Context {
    let reachable = own.live().filter(|row| match &row.fact {
        Fact::SelfPatient(_) => true,
        Fact::Proxy(proxy) => is_before(proxy.until, now),
        _ => false,
    });
    Context {
        role: role(session),
        acts_for: u32::try_from(reachable.count()).unwrap_or(u32::MAX),
        practice: session.practice_surrogate.map(Practice),
        passkey_at: session
            .by_passkey
            .then(|| Micros(session.proved_at.as_microsecond())),
        lane,
    }
}

/// What a budget of a practice depends on.
pub fn context_of(session: &Session, practice: PracticeId) -> Context {
    Context {
        role: role(session),
        acts_for: 0,
        practice: Some(Practice(practice_number(practice))),
        passkey_at: None,
        lane: Lane::Ordinary,
    }
}

/// What detection is shown of a session's request, before it is known what the request is about.
pub fn seen(caller: &Caller, request: u64, network: i64, lane: Lane) -> Observation {
    let session = &caller.session;
    Observation {
        at: Micros(caller.now.as_microsecond()),
        request,
        session: keys::Session(session.surrogate),
        principal: keys::Principal(session.subject.surrogate()),
        role: role(session),
        instance: keys::Instance(session.instance_surrogate),
        network: (network != 0).then_some(keys::Network(network)),
        patient: None,
        item: None,
        touch: Touch::Other,
        decision: decision::Decision::Granted,
        item_age: None,
        item_ordinal: None,
        is_canary: false,
        was_granted_before: false,
        is_dormant: false,
        is_human: matches!(session.principal, Principal::Person(_)),
        proved_at: Micros(session.proved_at.as_microsecond()),
        lane,
    }
}

/// The session's role as the rules know it.
pub fn role(session: &Session) -> decision::Role {
    crate::decision_words::role_of(session.role)
}

/// Names the network in a draft's body.
pub fn from_network(mut draft: Draft, network: &str) -> Draft {
    network.clone_into(&mut draft.body.network);
    draft
}
