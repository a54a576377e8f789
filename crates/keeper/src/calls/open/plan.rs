//! What becomes of each target: facts, policy, the deny-only kernel, and the draft of its entry.

mod notification;
mod section;

pub(super) use self::section::{is_visible, rules_of};
use self::section::{kind_of, touch_of};

use super::Ask;
use crate::calls::reach::{self, Limit, Part, PatientView};
use crate::calls::{Caller, id};
use crate::changes::guard;
use crate::clients;
use crate::decision::{Action, Decision, DecisionFacts, Relation};
use crate::draft::{Draft, Effect, Guard};
use crate::erasure::Erasures;
use crate::facts::{Fact, SubjectFacts, is_before};
use crate::items::{ItemRow, SectionItem};
use crate::keys::{KeyedToken, practice_number};
use crate::ledger::Refusal;
use crate::merges::{self, Records};
use crate::recall::Recalls;
use crate::runs::{self, RunMemberRow};
use crate::session::Principal;
use candour_keeper_wire::wire::{self, TargetKind};
use candour_keeper_wire::words::{EntryKind, ItemKind, Purpose, Reason, Role, Section};
use candour_rules::budget::Charge;
use candour_rules::decision::{self as rules, Lane, Touch};
use candour_rules::detect::Observation;
use candour_rules::freeze::Guards;
use candour_rules::keys::{Item, Patient, Practice};
use candour_rules::time::Span;
use candour_seal::{ItemId, PatientId, PracticeId};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::sync::Arc;

/// After so long without a sign of a patient somebody who opens their record is looked at: a year.
const DORMANT_AFTER: SignedDuration = SignedDuration::from_hours(365 * 24);

/// What is released once the entry is durable.
pub(super) enum Release {
    /// One item.
    Item(Arc<ItemRow>),
    /// The items of a section.
    Section(Vec<Arc<ItemRow>>),
    /// A permit without keys.
    Nothing,
}

impl Release {
    pub fn items(&self) -> &[Arc<ItemRow>] {
        match self {
            Self::Item(item) => std::slice::from_ref(item),
            Self::Section(items) => items,
            Self::Nothing => &[],
        }
    }
}

/// One target with its draft.
pub(crate) struct Planned {
    pub(super) draft: Option<Draft>,
    pub(super) release: Option<Release>,
    /// Why not, where nothing is released.
    pub(super) reason: Reason,
    /// Until when, where it is too new.
    pub(super) new_until: Option<i64>,
    pub(crate) patient: Option<PatientId>,
    pub(crate) token: Option<KeyedToken>,
    pub(crate) item: Option<KeyedToken>,
    pub(crate) item_kind: Option<ItemKind>,
    pub(crate) section: Section,
    pub(super) guards: Guards,
    /// The policy set that it was decided by.
    pub(super) set: [u8; 32],
    /// The practice whose deposits alone the session sees.
    pub(super) only: Option<PracticeId>,
    /// The other record of the same person by way of which it is reached.
    pub(super) through: Option<KeyedToken>,
    /// For a notification: the addresses of the account.
    pub(super) addresses: Vec<wire::ToldAddress>,
}

impl Planned {
    pub(crate) fn is_granted(&self) -> bool {
        self.release.is_some()
    }

    /// Why nothing is released, where nothing is.
    pub(crate) fn reason(&self) -> Reason {
        self.reason
    }

    /// Commits this together with its entry, if it still is as when it was read.
    pub(crate) fn with(&mut self, effects: Vec<Effect>, guard: Guard) {
        if let Some(draft) = &mut self.draft {
            draft.effects.extend(effects);
            draft.guards.push(guard);
        }
    }

    /// Makes a refusal of it.
    pub(crate) fn deny(&mut self, reason: Reason) {
        self.release = None;
        self.reason = reason;
        if let Some(draft) = self.draft.take() {
            let mut draft = draft.refused(reason);
            if let Some(seen) = &mut draft.observation {
                seen.decision = rules::Decision::Denied(rules::Reason::StepUp(None));
            }
            self.draft = Some(draft);
        }
    }
}

/// What was found about one target before it is decided.
struct Found {
    patient: Option<PatientId>,
    token: Option<KeyedToken>,
    item: Option<KeyedToken>,
    asked_item: Option<ItemId>,
    item_kind: Option<ItemKind>,
    section: Section,
    source: Option<PracticeId>,
    touch: Touch,
    view: PatientView,
    relation: Relation,
    action: Action,
    tags: u8,
    row: Option<Arc<ItemRow>>,
    visible: Vec<SectionItem>,
    effect: Option<Effect>,
    is_spent: bool,
    /// The patient's own rules decided what is visible, or a practice took something of it back.
    is_by_rules: bool,
    /// What the session reads of the patient for now, where that is not everything within reach.
    limit: Option<Limit>,
    /// The other record of the same person by way of which it is reached.
    through: Option<KeyedToken>,
    /// The entry that somebody is told of by it, or 0.
    told_of: u64,
    /// Where they are told, beside the contact blocks.
    addresses: Vec<wire::ToldAddress>,
}

/// By which way the call comes.
pub(super) fn lane(caller: &Caller) -> Lane {
    match (caller.session.principal, caller.purpose) {
        (Principal::Run(_), _) => Lane::Run,
        (_, Purpose::Emergency) => Lane::Emergency,
        _ => Lane::Ordinary,
    }
}

/// Plans every target, in order.
pub(super) async fn plan_all(
    ask: &Ask<'_>,
    targets: &[wire::Target],
) -> Result<Vec<Planned>, Refusal> {
    let mut members: HashMap<(KeyedToken, KeyedToken), RunMemberRow> = HashMap::new();
    let mut planned = Vec::with_capacity(targets.len());
    for target in targets {
        let found = match target.kind.as_ref().ok_or(Reason::Invalid)? {
            TargetKind::Item(item) => item_of(ask, ItemId::from_bytes(id(item)?)).await?,
            TargetKind::Section(of) => {
                let section = Section::try_from(of.section).map_err(|_| Reason::Invalid)?;
                section_of(ask, PatientId::from_bytes(id(&of.patient)?), section).await?
            }
            TargetKind::Worklist(practice) => {
                worklist_of(ask, PracticeId::from_bytes(id(practice)?))
            }
            TargetKind::RunMember(of) => member_of(ask, of, &mut members).await?,
            TargetKind::Notification(index) => notification::of(ask, *index).await?,
        };
        planned.push(decide(ask, found).await?);
    }
    Ok(planned)
}

impl Found {
    fn nothing(section: Section, action: Action) -> Self {
        Self {
            patient: None,
            token: None,
            item: None,
            asked_item: None,
            item_kind: None,
            section,
            source: None,
            touch: Touch::Other,
            view: PatientView::default(),
            relation: Relation::Stranger,
            action,
            tags: 0,
            row: None,
            visible: Vec::new(),
            effect: None,
            is_spent: false,
            is_by_rules: false,
            limit: None,
            through: None,
            told_of: 0,
            addresses: Vec::new(),
        }
    }

    /// Notes how the session stands to it.
    fn stands(&mut self, ask: &Ask<'_>, records: &Records, part: Part) {
        let stands = merges::standing(ask.core, ask.caller.who(), records, part);
        self.view = stands.view;
        let own = &ask.caller.own;
        self.relation = match stands.relation {
            Relation::EnrolledSource
                if ask.is_import
                    && ask.caller.session.role == Role::PracticeClient
                    && clients::reads(own, part.section, ask.caller.now) =>
            {
                Relation::LetRead
            }
            other => other,
        };
        self.limit = stands.limit;
        self.through = stands.through;
    }
}

async fn facts_of(ask: &Ask<'_>, token: KeyedToken) -> Result<Arc<SubjectFacts>, Refusal> {
    Ok(ask.core.facts.load(token).await?)
}

async fn item_of(ask: &Ask<'_>, item: ItemId) -> Result<Found, Refusal> {
    let core = ask.core;
    let token = core.keys.item(item);
    let mut found = Found::nothing(Section::None, Action::OpenItem(ItemKind::Document));
    found.item = Some(token);
    found.asked_item = Some(item);
    found.item_kind = Some(ItemKind::Document);
    found.touch = Touch::Document;
    let row = core.items.load(token).await?;
    let is_visible = |row: &Arc<ItemRow>| row.sealed.is_some_and(|sealed| sealed.index < ask.as_of);
    let Some(row) = row.filter(is_visible) else {
        return Ok(found);
    };
    let (patient_token, new) = (row.new.patient, &row.new);
    let patient = core.keys.patient_id(patient_token);
    let records = merges::load(core, patient_token).await?;
    let is_erased = Erasures::of(&records.facts).cover(&row);
    if is_erased || Recalls::of(core, [&*row]).await?.cover(&row) {
        return Ok(found);
    }
    let part = Part {
        source: Some(new.practice),
        ..Part::of(new.section)
    };
    found.stands(ask, &records, part);
    found.view.is_canary |= new.is_canary;
    found.patient = Some(patient);
    found.token = Some(patient_token);
    found.item_kind = Some(new.kind);
    found.action = Action::OpenItem(new.kind);
    found.section = new.section;
    found.source = Some(new.practice);
    found.tags = new.tags;
    found.touch = match new.kind {
        ItemKind::Document => Touch::Document,
        ItemKind::Identity | ItemKind::Contact => Touch::Listed,
        ItemKind::Segment if new.section == Section::Shelf => Touch::Listed,
        ItemKind::Segment | ItemKind::Notice => Touch::Opened,
    };
    found.relation = section::by_rules(ask, &found, &records, &row);
    found.row = Some(row);
    Ok(found)
}

async fn section_of(ask: &Ask<'_>, patient: PatientId, section: Section) -> Result<Found, Refusal> {
    let core = ask.core;
    let token = core.keys.patient(patient);
    let mut found = Found::nothing(section, Action::OpenSection(section));
    if section == Section::None {
        return Err(Reason::Invalid.into());
    }
    found.item_kind = Some(kind_of(section));
    found.touch = touch_of(section);
    let records = merges::load(core, token).await?;
    found.stands(ask, &records, Part::of(section));
    if !found.view.is_known && !found.view.is_kept {
        found.asked_item = Some(ItemId::from_bytes(*patient.as_bytes()));
        found.item = Some(core.keys.item(ItemId::from_bytes(*patient.as_bytes())));
        return Ok(found);
    }
    found.patient = Some(patient);
    found.token = Some(token);
    if reach::is_established(found.relation) {
        section::show(ask, &mut found, &records).await?;
        found.source = ask.caller.sees_only(found.limit);
    }
    Ok(found)
}

fn worklist_of(ask: &Ask<'_>, practice: PracticeId) -> Found {
    let mut found = Found::nothing(Section::None, Action::OpenWorklist);
    if ask.caller.session.practice == Some(practice) {
        found.relation = Relation::OwnPractice;
    }
    found
}

async fn member_of(
    ask: &Ask<'_>,
    of: &wire::RunMember,
    members: &mut HashMap<(KeyedToken, KeyedToken), RunMemberRow>,
) -> Result<Found, Refusal> {
    let (core, caller) = (ask.core, ask.caller);
    let section = Section::try_from(of.section).map_err(|_| Reason::Invalid)?;
    let patient = PatientId::from_bytes(id(&of.patient)?);
    let token = core.keys.patient(patient);
    let mut found = Found::nothing(section, Action::OpenRunMember(section));
    found.item_kind = Some(kind_of(section));
    found.touch = touch_of(section);
    let is_own_run = match caller.session.principal {
        Principal::Run(run) => run.as_bytes().as_slice() == of.run,
        _ => false,
    };
    let facts = facts_of(ask, token).await?;
    found.view = PatientView::of(&facts, None);
    if !found.view.is_known {
        return Ok(found);
    }
    found.patient = Some(patient);
    found.token = Some(token);
    let run = caller.session.subject;
    if !is_own_run || !run_allows(&caller.own, section, ask) {
        return Ok(found);
    }
    let row = match members.get(&(run, token)) {
        Some(row) => Some(*row),
        None => runs::member(core, run, token).await?,
    };
    let Some(row) = row else {
        return Ok(found);
    };
    found.relation = Relation::RunMember;
    match row.opened(section) {
        Some(next) => {
            members.insert((run, token), next);
            found.effect = Some(Effect::CountRunMember(Box::new(next)));
        }
        None => found.is_spent = true,
    }
    let items = core.items.section(token, section).await?;
    let erased = Erasures::of(&facts);
    let recalled = Recalls::of(core, items.iter().map(|item| &*item.row)).await?;
    let items = items
        .iter()
        .filter(|item| item.visible_from < ask.as_of)
        .filter(|item| !erased.cover(&item.row) && !recalled.cover(&item.row));
    found.visible = items.cloned().collect();
    Ok(found)
}

fn run_allows(run: &SubjectFacts, section: Section, ask: &Ask<'_>) -> bool {
    run.live().any(|row| match &row.fact {
        Fact::Run(run) => {
            is_before(run.until, ask.caller.now)
                && run.purpose == i32::from(ask.caller.purpose)
                && run.sections.contains(&i32::from(section))
        }
        _ => false,
    })
}

fn question(ask: &Ask<'_>, found: &Found, tags: u8) -> DecisionFacts {
    let caller = ask.caller;
    let mut facts = reach::decision_facts(
        &caller.session,
        caller.purpose,
        found.action,
        found.relation,
        caller.now,
    );
    facts.tags = tags;
    facts.age = found.view.age;
    facts.is_deceased = found.view.is_deceased;
    facts.is_unsafe_to_write = found.view.is_unsafe_to_write;
    facts.has_reason = !ask.reason.trim().is_empty();
    facts
}

async fn decide(ask: &Ask<'_>, mut found: Found) -> Result<Planned, Refusal> {
    let decision = ask.core.policy.decide(&question(ask, &found, found.tags));
    let hidden = section::hide(ask, &mut found);
    let new_until = reach::too_new_until(ask.caller, found.limit, found.relation, found.source);
    let refused = kernel(ask, &found, &decision, new_until.is_some());
    let draft = draft_of(ask, &mut found, &decision, &hidden);
    let mut guards = ask.caller.session.freeze_guards(Some(ask.caller.purpose));
    if found.row.is_some() {
        guards
            .practices
            .extend(found.source.map(|source| Practice(practice_number(source))));
    }
    guards.is_emergency = ask.lane == Lane::Emergency;
    let mut draft = with_charge(ask, &found, draft);
    draft.stops = Some(guards.clone());
    let seen = observation(ask, &found, refused).await?;
    let draft = match refused {
        Some(reason) => draft.refused(reason),
        None => draft,
    };
    Ok(Planned {
        draft: Some(Draft {
            observation: seen.map(Box::new),
            ..draft
        }),
        patient: found.patient,
        token: found.token,
        item: found.item,
        item_kind: found.item_kind,
        section: found.section,
        reason: refused.unwrap_or(Reason::NotFound),
        new_until,
        release: refused.is_none().then(|| match found.row {
            Some(row) => Release::Item(row),
            None if found.token.is_some() => {
                Release::Section(found.visible.into_iter().map(|item| item.row).collect())
            }
            None => Release::Nothing,
        }),
        guards,
        set: decision.set,
        only: ask.caller.sees_only(found.limit),
        through: found.through,
        addresses: found.addresses,
    })
}

/// The deny-only kernel: it turns a yes into a no, never a no into a yes.
fn kernel(ask: &Ask<'_>, found: &Found, decision: &Decision, is_new: bool) -> Option<Reason> {
    if found.view.is_canary || !reach::is_established(found.relation) {
        return Some(Reason::NotFound);
    }
    if !decision.is_allowed {
        // That something is kept from somebody is not theirs to know.
        return Some(match (found.action, found.relation) {
            (Action::OpenItem(ItemKind::Notice), _) | (Action::OpenItem(_), Relation::Proxy) => {
                Reason::NotFound
            }
            _ => Reason::NotAllowed,
        });
    }
    if found.is_spent {
        return Some(Reason::OverBudget);
    }
    // What was added to an account lately opens no patient's content. An emergency does not wait for it.
    if is_new && found.token.is_some() && ask.lane == Lane::Ordinary {
        return Some(Reason::CredentialIsNew);
    }
    // Subject binding: what is released belongs to whom the entry names.
    let is_bound = found
        .row
        .iter()
        .map(|row| row.new.patient)
        .chain(found.visible.iter().map(|item| item.row.new.patient))
        .all(|of| Some(of) == found.token);
    if !is_bound {
        return Some(Reason::SubjectClosed);
    }
    (ask.must_prove && ask.lane != Lane::Run).then_some(Reason::StepUpNeeded)
}

fn draft_of(ask: &Ask<'_>, found: &mut Found, decision: &Decision, hidden: &[u32]) -> Draft {
    let caller = ask.caller;
    let mut draft = Draft::of_session(EntryKind::Open, &caller.session, Some(caller.purpose));
    draft.row.item_kind = found.item_kind;
    draft.row.item = found.item.map_or(0, KeyedToken::surrogate);
    draft.body.section = found.section.into();
    draft.body.told_of = found.told_of;
    reach::decided(&mut draft, decision);
    ask.reason.clone_into(&mut draft.body.text);
    if let Some(item) = found.asked_item {
        draft.body.item = item.as_bytes().to_vec();
    }
    if let Some(source) = found.row.as_ref().map(|row| row.new.practice) {
        draft.body.source_practice = source.as_bytes().to_vec();
        draft.body.count = 1;
    }
    if found.row.is_none() && found.token.is_some() {
        section::describe(ask, found, hidden, &mut draft);
    }
    draft.effects.extend(found.effect.take());
    if found.relation == Relation::LetRead {
        // Once it was ended, nothing more is released by it.
        draft.guards.push(guard(&caller.own));
    }
    if let Some(other) = found.through {
        let other = ask.core.keys.patient_id(other);
        draft.body.merged_with = other.as_bytes().to_vec();
    }
    if let Some((patient, token)) = found.patient.zip(found.token) {
        draft = draft.about(patient, token);
    }
    reach::from_network(draft, &caller.network)
}

fn with_charge(ask: &Ask<'_>, found: &Found, mut draft: Draft) -> Draft {
    let Some(token) = found.token else {
        return draft;
    };
    let patient = Patient(token.surrogate());
    let charge = match found.touch {
        Touch::Listed => Charge::Listed(patient),
        Touch::Opened => Charge::Opened(patient),
        Touch::Document => Charge::Document(patient),
        Touch::Other => return draft,
    };
    let caller = ask.caller;
    let mut context = reach::budget_context(&caller.session, &caller.own, ask.lane, caller.now);
    context.acts_for = context.acts_for.saturating_add(ask.linked);
    draft.charge = Some((charge, context));
    draft
}

async fn observation(
    ask: &Ask<'_>,
    found: &Found,
    refused: Option<Reason>,
) -> Result<Option<Observation>, Refusal> {
    let session = &ask.caller.session;
    let decision = match refused {
        None => rules::Decision::Granted,
        Some(Reason::NotFound) if found.token.is_none() => {
            rules::Decision::Denied(rules::Reason::Unknown)
        }
        Some(Reason::NotFound) => rules::Decision::Denied(rules::Reason::NotPermitted),
        Some(Reason::StepUpNeeded) => rules::Decision::Denied(rules::Reason::StepUp(None)),
        // Somebody of one's own asked for with the wrong purpose: no theft.
        Some(_) => return Ok(None),
    };
    let patient = found.token.map(|token| Patient(token.surrogate()));
    let was_granted_before = match (refused, found.token) {
        (Some(Reason::NotFound), Some(token)) => ask
            .core
            .was_granted(token.surrogate(), session.subject.surrogate())
            .await
            .ok_or(Reason::LedgerUnavailable)?,
        _ => refused.is_none(),
    };
    let document = found
        .row
        .as_ref()
        .filter(|row| row.new.kind == ItemKind::Document);
    let age = document.map(|row| {
        let micros = ask.caller.now.as_microsecond() - row.new.at.as_microsecond();
        Span::micros(micros.max(0))
    });
    Ok(Some(Observation {
        patient,
        item: found.item.map(|token| Item(token.surrogate())),
        touch: found.touch,
        decision,
        item_age: age,
        item_ordinal: document
            .and_then(|row| row.sealed)
            .map(|sealed| sealed.index),
        is_canary: found.view.is_canary,
        was_granted_before,
        is_dormant: is_dormant(ask, found, refused).await,
        ..reach::seen(ask.caller, ask.request, ask.network, ask.lane)
    }))
}

/// Whether a practice opens the record of somebody who has been away for a year: who did not open it themselves,
/// and about whom nobody else deposited or changed anything: whoever opens it does not wake it first. Whoever was
/// enrolled lately is not away. What cannot be read counts as away; where the ledger is gone, the entry finds out.
async fn is_dormant(ask: &Ask<'_>, found: &Found, refused: Option<Reason>) -> bool {
    let token = found.token.filter(|_| refused.is_none());
    let Some(token) = token.filter(|_| ask.caller.session.practice.is_some()) else {
        return false;
    };
    let since = ask.caller.now.saturating_sub(DORMANT_AFTER);
    let since = since.map_or(0, Timestamp::as_microsecond);
    let opener = ask.caller.session.subject.surrogate();
    let slept = ask.core.has_slept(token.surrogate(), since, opener);
    slept.await.unwrap_or(true)
}
