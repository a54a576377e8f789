//! Who opened this record: entries about what the viewer may open now. Looking is itself an entry.

mod practice;

use super::reach::{self, Limit, Part, PatientView};
use super::{Caller, id};
use crate::core::Core;
use crate::decision::{Action, DecisionFacts, Relation};
use crate::draft::Draft;
use crate::export;
use crate::facts::Fact;
use crate::identity::recovery;
use crate::identity::secrets::{self, Secret};
use crate::instances::Instance;
use crate::keys::KeyedToken;
use crate::ledger::Refusal;
use crate::merges::{self, Records};
use crate::reader;
use crate::sharing::Rules;
use crate::sql::calls as sql;
use crate::subject_keys::SubjectKeyPair;
use candour_keeper_wire::bodies::open_body;
use candour_keeper_wire::wire::{self, EntryBody, HistoryEvent, HistoryPage, RecalledParts, Reply};
use candour_keeper_wire::words::{
    EntryKind, MergeStep, ProxyAction, Purpose, Reason, RecoveryStep, Role, Section, UnknownWord,
};
use candour_ledger::{Entry, Opening, body_digest};
use candour_seal::{ItemId, PatientId, PersonId, PracticeId};
use prost::Message;
use std::collections::HashSet;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// Most events of one page.
const MOST: u32 = 200;
/// Most rows looked at for one page.
const LOOKED_AT: usize = 4_000;
/// Rows read at once.
const AT_ONCE: i64 = 400;

/// Whose history it is and who looks.
struct View<'a> {
    core: &'a Core,
    caller: &'a Caller,
    patient: PatientId,
    token: KeyedToken,
    relation: Relation,
    about: PatientView,
    records: &'a Records,
    rules: Rules<'a>,
    keys: &'a SubjectKeyPair,
    with_receipts: bool,
}

/// A page of the history, newest first.
pub async fn history(
    core: &Core,
    instance: &Instance,
    call: wire::History,
) -> Result<Reply, Refusal> {
    let purpose = i32::from(candour_keeper_wire::words::Purpose::AccessHistory);
    let caller = Caller::of(core, instance, &call.token, purpose, &call.network).await?;
    caller.refuse_new()?;
    if call.patient.is_empty() {
        return Ok(Reply::History(practice::list(core, &caller, &call).await?));
    }
    let patient = PatientId::from_bytes(id(&call.patient)?);
    let token = core.keys.patient(patient);
    let records = merges::load(core, token).await?;
    let session = &caller.session;
    let part = Part::to(ProxyAction::History);
    let stands = merges::standing(core, caller.who(), &records, part);
    let view = stands.view;
    Limit::refuse(stands.limit, caller.now)?;
    let relation = if view.is_canary {
        Relation::Stranger
    } else {
        stands.relation
    };
    let action = if call.receipts {
        Action::Receipts
    } else {
        Action::History
    };
    let (purpose, now) = (caller.purpose, caller.now);
    let mut question = reach::decision_facts(session, purpose, action, relation, now);
    question.is_deceased = view.is_deceased;
    question.age = view.age;
    let about = view.is_known.then_some((patient, token));
    ask(core, &caller, &question, about, stands.through).await?;
    let keys = core.subject_keys.load(token).await.map_err(Reason::from)?;
    let of = View {
        core,
        caller: &caller,
        patient,
        token,
        relation,
        about: view,
        records: &records,
        rules: Rules::of(&records, &caller, caller.sees_only(None), false),
        keys: &keys,
        with_receipts: call.receipts,
    };
    let limit = call.limit.clamp(1, MOST) as usize;
    Ok(Reply::History(of.page(before(&call), limit).await?))
}

/// Asks the policy; the look itself is on the ledger before anything is read.
pub(crate) async fn ask(
    core: &Core,
    caller: &Caller,
    question: &DecisionFacts,
    about: Option<(PatientId, KeyedToken)>,
    through: Option<KeyedToken>,
) -> Result<(), Refusal> {
    let decision = core.policy.decide(question);
    let mut draft = Draft::of_session(EntryKind::History, &caller.session, Some(caller.purpose));
    reach::decided(&mut draft, &decision);
    if let Some((patient, token)) = about {
        draft = draft.about(patient, token);
    }
    if let Some(other) = through {
        draft.body.merged_with = core.keys.patient_id(other).as_bytes().to_vec();
    }
    let draft = reach::from_network(draft, &caller.network);
    if !decision.is_allowed {
        return Err(reach::refused(core, draft, reach::refusal(question.relation)).await);
    }
    let appended = core.ledger.append_one(draft).await?;
    appended.refused.map_or(Ok(()), Err)
}

/// What an entry has to do with the recovery of the account, and at whose counter that was.
fn recovery_step(row: &Row, body: &EntryBody) -> Option<(RecoveryStep, Vec<u8>)> {
    let is_change = row.get::<_, i16>("kind") == i16::from(EntryKind::Change.number());
    if is_change && row.get::<_, i16>("decision") == 0 {
        return recovery::step_of(&body.details);
    }
    let by_it = !body.recovered_at.is_empty();
    by_it.then(|| (RecoveryStep::Used, body.recovered_at.clone()))
}

/// What of a record an entry is about: whoever sees none of it does not see the entry.
fn parts(
    kind: Result<EntryKind, UnknownWord>,
    body: &EntryBody,
) -> impl Iterator<Item = (i32, Vec<u8>)> {
    let parts = match kind {
        Ok(EntryKind::Recall | EntryKind::RecallEnded) => {
            let parts = RecalledParts::decode(body.details.as_slice()).unwrap_or_default();
            let parts = parts.parts.into_iter();
            parts.map(|part| (part.section, part.item)).collect()
        }
        _ => vec![(body.section, body.item.clone())],
    };
    parts.into_iter()
}

/// What an entry says became of two records being one person's.
fn merge_step(row: &Row, body: &EntryBody) -> Option<MergeStep> {
    let is_change = row.get::<_, i16>("kind") == i16::from(EntryKind::Change.number());
    let is_done = is_change && row.get::<_, i16>("decision") == 0;
    is_done.then(|| merges::step_of(&body.details)).flatten()
}

/// The index before which entries are asked for.
fn before(call: &wire::History) -> i64 {
    match call.before {
        0 => i64::MAX,
        before => i64::try_from(before).unwrap_or(i64::MAX),
    }
}

/// How the practice names one of its people, or the operator (no practice) one of its officers; with
/// `is_release_needed` only where it released the name to patients.
pub(crate) async fn staff_name(
    core: &Core,
    practice: &[u8],
    subject: KeyedToken,
    is_release_needed: bool,
) -> Result<String, Refusal> {
    let facts = core.facts.load(subject).await?;
    let is_released = facts.live().any(|row| match &row.fact {
        Fact::NameReleased(released) => released.practice == practice,
        _ => false,
    });
    // The name stands even when the role has ended: it was that person then.
    let sealed = facts.rows().iter().rev().find_map(|row| match &row.fact {
        Fact::StaffRole(role) if role.practice == practice => Some(&role.sealed_name),
        Fact::OperatorRole(role) if practice.is_empty() => Some(&role.sealed_name),
        _ => None,
    });
    Ok(match sealed.filter(|_| is_released || !is_release_needed) {
        Some(sealed) => secrets::open_text(&core.keys, Secret::Name, subject, sealed),
        None => String::new(),
    })
}

/// Who made an entry of a patient's history.
pub(crate) struct Actor {
    /// The person.
    pub person: PersonId,
    /// In which role.
    pub role: Role,
    /// For staff: of which practice.
    pub practice: Option<PracticeId>,
}

/// Who made the entry at an index; `None` where there is no such entry about the patient, or no person made it.
pub(crate) async fn actor(
    core: &Core,
    patient: PatientId,
    token: KeyedToken,
    index: u64,
) -> Result<Option<Actor>, Refusal> {
    let before = i64::try_from(index).map_err(|_| Reason::Invalid)?;
    let asked: [&(dyn ToSql + Sync); 3] = [&token.surrogate(), &before.saturating_add(1), &1_i64];
    let rows = reader::rows(&core.pool, sql::HISTORY, &asked).await?;
    let Some(row) = rows
        .first()
        .filter(|row| row.get::<_, i64>("index") == before)
    else {
        return Ok(None);
    };
    let (sealed, wrap) = (row.get("body"), row.get("audit_wrap"));
    let body = core.open_body(token, index, sealed, wrap).await?;
    let role = Role::try_from(i32::from(row.get::<_, i16>("role")));
    let is_person = !matches!(
        role,
        Ok(Role::PracticeClient | Role::Keeper | Role::Anonymous)
    );
    let found = role
        .ok()
        .zip(PersonId::try_from(body.principal.as_slice()).ok());
    let found = found.filter(|_| is_person && body.patient == patient.as_bytes());
    let practice = row.get::<_, Option<&[u8]>>("practice");
    Ok(found.map(|(role, person)| Actor {
        person,
        role,
        practice: practice.and_then(|practice| PracticeId::try_from(practice).ok()),
    }))
}

impl View<'_> {
    async fn page(&self, mut before: i64, limit: usize) -> Result<HistoryPage, Refusal> {
        let mut page = HistoryPage::default();
        let mut proved = Vec::new();
        let mut looked_at = 0;
        let mut delivered: HashSet<u64> = HashSet::new();
        loop {
            let rows = self.rows(before).await?;
            let is_last = rows.len() < usize::try_from(AT_ONCE).unwrap_or(usize::MAX);
            looked_at += rows.len();
            for row in &rows {
                let index: i64 = row.get("index");
                before = index;
                let body = self.body(row)?;
                // Newest first: what says that a grant was delivered comes before the grant.
                let is_delivery =
                    row.get::<_, i16>("kind") == i16::from(EntryKind::Delivered.number());
                if is_delivery && !self.with_receipts {
                    delivered.insert(body.of_grant);
                    continue;
                }
                if page.events.len() + proved.len() == limit {
                    page.has_more = true;
                    return self.with_receipts(page, proved).await;
                }
                if self.with_receipts {
                    proved.extend(self.provable(row, &body)?);
                } else if let Some(event) = self.event(row, &body, &delivered).await? {
                    page.events.push(event);
                }
            }
            if is_last || looked_at >= LOOKED_AT {
                page.has_more = !is_last;
                return self.with_receipts(page, proved).await;
            }
        }
    }

    /// What a receipt says of an entry, where it is about the patient, who alone gets one.
    fn provable(&self, row: &Row, body: &EntryBody) -> Result<Option<(Entry, Opening)>, Reason> {
        if body.patient != self.patient.as_bytes() {
            return Ok(None);
        }
        let (digest, salts) = (body_digest(row.get("body")), &self.core.tiles.salts);
        let read = export::read(row, digest, salts).map_err(|_| Reason::SubjectClosed)?;
        Ok(Some((read.0, read.1)))
    }

    async fn with_receipts(
        &self,
        mut page: HistoryPage,
        proved: Vec<(Entry, Opening)>,
    ) -> Result<HistoryPage, Refusal> {
        if self.with_receipts {
            let receipts = self.core.tiles.receipts(proved).await.map_err(|error| {
                tracing::error!(%error, "receipts cannot be given now");
                Reason::LedgerUnavailable
            })?;
            page.events = receipts
                .iter()
                .map(|receipt| HistoryEvent {
                    index: receipt.entry.index,
                    receipt: receipt.to_string(),
                    ..HistoryEvent::default()
                })
                .collect();
        }
        Ok(page)
    }

    async fn rows(&self, before: i64) -> Result<Vec<Row>, Reason> {
        let patient = self.token.surrogate();
        let asked: [&(dyn ToSql + Sync); 3] = [&patient, &before, &AT_ONCE];
        Ok(reader::rows(&self.core.pool, sql::HISTORY, &asked).await?)
    }

    fn body(&self, row: &Row) -> Result<EntryBody, Reason> {
        let index = u64::try_from(row.get::<_, i64>("index")).unwrap_or_default();
        let (body, wrap): (&[u8], &[u8]) = (row.get("body"), row.get("audit_wrap"));
        open_body(body, wrap, index, &self.keys.audit).map_err(|_| Reason::SubjectClosed)
    }

    async fn event(
        &self,
        row: &Row,
        body: &EntryBody,
        delivered: &HashSet<u64>,
    ) -> Result<Option<HistoryEvent>, Refusal> {
        if !self.is_shown(row, body) {
            return Ok(None);
        }
        let kind = EntryKind::try_from(i32::from(row.get::<_, i16>("kind")));
        let index = u64::try_from(row.get::<_, i64>("index")).unwrap_or_default();
        let mut recovery = recovery_step(row, body);
        let by_proxy = self.relation == Relation::Proxy;
        match recovery {
            Some((RecoveryStep::Used, _)) if by_proxy => recovery = None,
            // Whoever frees themself of somebody who acts for them is not told on.
            Some(_) if by_proxy => return Ok(None),
            _ => {}
        }
        let is_one_item = body.source_practice.len() == 16 && body.items_digest.is_empty();
        Ok(Some(HistoryEvent {
            index,
            at: row.get("at"),
            kind: i32::from(row.get::<_, i16>("kind")),
            is_granted: row.get::<_, i16>("decision") == 0,
            purpose: i32::from(row.get::<_, i16>("purpose")),
            role: i32::from(row.get::<_, i16>("role")),
            practice: match &recovery {
                Some((_, practice)) => practice.clone(),
                None => row
                    .get::<_, Option<Vec<u8>>>("practice")
                    .unwrap_or_default(),
            },
            recovery: recovery.map_or(0, |(step, _)| step.into()),
            merge: merge_step(row, body).map_or(0, i32::from),
            is_by_merge: !body.merged_with.is_empty(),
            actor_name: self.name(row, body).await?,
            item: body.item.clone(),
            section: if is_one_item { 0 } else { body.section },
            count: match kind {
                // How much it was tells whoever sees a part of it how much more there is.
                Ok(EntryKind::Recall | EntryKind::RecallEnded) => 0,
                _ => body.count,
            },
            // By a recovery that was not over it may have been somebody else.
            is_viewer: body.principal == self.caller.session.principal.bytes()
                && body.recovered_at.is_empty(),
            is_delivered: delivered.contains(&index),
            ..HistoryEvent::default()
        }))
    }

    fn is_shown(&self, row: &Row, body: &EntryBody) -> bool {
        let kind = EntryKind::try_from(i32::from(row.get::<_, i16>("kind")));
        let is_shown = matches!(
            kind,
            Ok(EntryKind::Open
                | EntryKind::Change
                | EntryKind::Authorize
                | EntryKind::History
                | EntryKind::Shred
                | EntryKind::Recall
                | EntryKind::RecallEnded)
        );
        // What the keeper itself clears away (a deposit that nobody finished) was never anything to anybody.
        let is_cleared = kind == Ok(EntryKind::Shred)
            && row.get::<_, i16>("role") == i16::from(Role::Keeper.number());
        // That the patient was told of something is theirs alone.
        let is_telling = row.get::<_, i16>("purpose") == i16::from(Purpose::Notification.number());
        is_shown
            && !is_cleared
            && (!is_telling || self.relation == Relation::Own)
            && body.patient == self.patient.as_bytes()
            && parts(kind, body).any(|(section, item)| {
                self.may_see(row, body, section) && !self.is_kept(section, &item)
            })
            && !self.is_decision_of_others(row, body)
    }

    /// Whoever acts for the patient is not told what the patient decided about who reads: it may be about them.
    fn is_decision_of_others(&self, row: &Row, body: &EntryBody) -> bool {
        let by_patient = row.get::<_, i16>("role") == i16::from(Role::Patient.number());
        let is_change = row.get::<_, i16>("kind") == i16::from(EntryKind::Change.number());
        let is_own = body.principal == self.caller.session.principal.bytes();
        self.relation == Relation::Proxy && is_change && by_patient && !is_own
    }

    /// It concerns what the patient keeps from who looks.
    fn is_kept(&self, section: i32, item: &[u8]) -> bool {
        let section = Section::try_from(section).unwrap_or(Section::None);
        let item = ItemId::try_from(item).map(|item| self.core.keys.item(item));
        self.rules.hide_part(section, item.ok())
    }

    /// A practice sees what concerns its own deposits and its own people; a proxy what lies within the scope.
    fn may_see(&self, row: &Row, body: &EntryBody, section: i32) -> bool {
        match self.caller.session.practice {
            Some(practice) => {
                let (own, by) = (practice.as_bytes().as_slice(), row.get("practice"));
                // Where else the patient goes is not for this practice to learn.
                let by: Option<&[u8]> = by;
                by == Some(own) || (by.is_none() && body.source_practice == own)
            }
            None if self.relation == Relation::Own => true,
            None => {
                let section = Section::try_from(section).unwrap_or(Section::Identity);
                let part = Part::of(section);
                let who = self.caller.who();
                // That somebody read a message which is kept from this viewer would say that there is one.
                let is_kept = self.about.is_unsafe_to_write
                    && section == Section::Notices
                    && body.principal != who.session.principal.bytes();
                let reads = || {
                    let stands = merges::standing(self.core, who, self.records, part);
                    stands.relation == Relation::Proxy && stands.limit.is_none()
                };
                !is_kept && reads()
            }
        }
    }

    /// The actor's name, where the practice released it.
    async fn name(&self, row: &Row, body: &EntryBody) -> Result<String, Refusal> {
        let role = Role::try_from(i32::from(row.get::<_, i16>("role")));
        let is_staff = matches!(role, Ok(Role::Clinician | Role::Reception | Role::Manager));
        let Some(practice) = row.get::<_, Option<&[u8]>>("practice").filter(|_| is_staff) else {
            return Ok(String::new());
        };
        let Ok(person) = PersonId::try_from(body.principal.as_slice()) else {
            return Ok(String::new());
        };
        staff_name(self.core, practice, self.core.keys.person(person), true).await
    }
}
