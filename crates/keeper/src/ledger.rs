//! The ledger: drafts in, indexes out, nothing released before it is durable.

mod alarms;
mod asking;
mod assign;
mod chain;
mod driver;
mod hours;
mod keys_fit;
mod prepared;
mod reservations;
mod start;
mod transaction;
mod whole;

pub(crate) use alarms::CANARY;
pub use alarms::{
    FOREIGN_ROW, LEDGER_LOSS, LEDGER_VOLUME, MERGE_OF_TWO, POLICIES, RECOVERY_STOPPED, WITNESS,
};
pub(crate) use alarms::{incident, own_alarm};
pub(crate) use assign::opening;
pub use start::{LedgerParts, READ_AT_START, StartError, start};
pub(crate) use transaction::describe;

use crate::checkpoint::Loss;
use crate::clock::Clock;
use crate::draft::{Audit, Draft, Effect, Guard};
use crate::facts::{FactStore, FactsError};
use crate::freeze::Freezes;
use crate::items::Items;
use crate::keys::{KeyedToken, Keys};
use crate::lookups::Lookups;
use crate::subject_keys::{SubjectKeyPair, SubjectKeys};
use candour_keeper_wire::bodies::BODY_KEY;
use candour_keeper_wire::words::Reason;
use candour_ledger::{Entry, Frontier, body_digest};
use candour_rules::freeze;
use candour_seal::{AuditKey, ItemKey, SystemRandom, wrap};
use chain::Chain;
use deadpool_postgres::Pool;
use driver::{Group, Message, Pins};
use hours::Hours;
use jiff::Timestamp;
use prepared::Prepared;
use reservations::{Place, Reservations};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_postgres::Row;

/// A draft that was committed: its entry is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Its place in the ledger.
    pub index: u64,
    /// Its time.
    pub at: Timestamp,
    /// Why nothing may be released all the same: a budget was spent (the entry is the refusal), or a freeze
    /// overtook it (the entry stays; the caller adds that it was withheld).
    pub refused: Option<Refusal>,
}

/// Why a draft may not be acted upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The reason, for the caller.
    pub reason: Reason,
    /// Seconds until it may succeed; 0 when unknown.
    pub retry_after_seconds: u32,
    /// Ledger index of the refusal, where it has an entry.
    pub index: Option<u64>,
}

/// Why an append gave no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The ledger cannot be written, or holds less than it did; nothing may be released.
    #[error("the ledger cannot be written")]
    Unavailable,
    /// Something that the draft stops for is frozen; there is no entry of its own.
    #[error("frozen")]
    Frozen,
    /// A guard does not hold any more or a text is taken; read again and decide again. Nothing was done.
    #[error("the facts changed meanwhile")]
    Conflict,
    /// Facts or keys of a subject do not verify; it is closed. Nothing was done.
    #[error("a subject is closed")]
    Closed,
}

impl LedgerError {
    /// The reason on the wire.
    pub const fn reason(self) -> Reason {
        match self {
            Self::Unavailable => Reason::LedgerUnavailable,
            Self::Frozen => Reason::Frozen,
            Self::Conflict => Reason::Invalid,
            Self::Closed => Reason::SubjectClosed,
        }
    }
}

/// What one draft came to.
pub type Outcome = Result<Appended, LedgerError>;

/// What is durable now.
#[derive(Debug, Clone)]
pub struct Durable {
    /// The tree over it.
    pub frontier: Frontier,
    /// Time of the last entry.
    pub at: Timestamp,
}

/// How the ledger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Health {
    /// It can be written.
    Well = 0,
    /// The last batch was not written; it is tried again by itself.
    Failing = 1,
    /// A batch's outcome is not known yet; nothing is answered until the head was read back.
    Unresolved = 2,
    /// It holds less than, or something else than, the last checkpoint signed: nothing opens.
    RolledBack = 3,
    /// Another writer took over: this process ends.
    Ended = 4,
}

impl Health {
    const fn of(number: u8) -> Self {
        match number {
            0 => Self::Well,
            1 => Self::Failing,
            2 => Self::Unresolved,
            3 => Self::RolledBack,
            _ => Self::Ended,
        }
    }
}

/// How long an append is waited for; afterwards nothing is released, whatever becomes of it.
const PATIENCE: Duration = Duration::from_secs(8);

/// What the ledger works with; also what its driver sees.
pub(crate) struct Shared {
    pub pool: Pool,
    pub keys: Arc<Keys>,
    pub facts: Arc<FactStore>,
    pub items: Arc<Items>,
    pub lookups: Arc<Lookups>,
    pub subject_keys: Arc<SubjectKeys>,
    pub freezes: Arc<Freezes>,
    pub clock: Arc<dyn Clock>,
    chain: Arc<Chain>,
    reservations: Arc<Reservations>,
    hours: Hours,
    health: AtomicU8,
    is_looked_through: AtomicBool,
    loss: Option<Loss>,
}

impl Shared {
    fn health(&self) -> Health {
        Health::of(self.health.load(Ordering::Acquire))
    }

    /// A ledger that is not what was signed stays so, whatever is still on its way.
    fn set_health(&self, health: Health) {
        let is_lost = |now| Health::of(now) == Health::RolledBack && health != Health::Ended;
        let next = |now| (!is_lost(now)).then_some(health as u8);
        let _ = self
            .health
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
    }

    /// The ledger was looked at, and goes on.
    fn begin(&self) {
        self.health.store(Health::Well as u8, Ordering::Release);
    }
}

/// The way to the ledger; cheap to clone.
#[derive(Clone)]
pub struct LedgerHandle {
    shared: Arc<Shared>,
    sender: mpsc::UnboundedSender<Message>,
    durable: watch::Receiver<Durable>,
}

impl LedgerHandle {
    /// How the ledger is.
    pub fn health(&self) -> Health {
        self.shared.health()
    }

    /// What of the signed ledger is missing: nothing opens then.
    pub fn loss(&self) -> Option<&Loss> {
        self.shared.loss.as_ref()
    }

    /// Every entry was read since the start and gives what was signed; of a long ledger that takes a while.
    pub fn is_looked_through(&self) -> bool {
        self.shared.is_looked_through.load(Ordering::Acquire)
    }

    /// Number of durable entries.
    pub fn size(&self) -> u64 {
        self.durable.borrow().frontier.size()
    }

    /// To be told of each batch.
    pub fn durable(&self) -> watch::Receiver<Durable> {
        self.durable.clone()
    }

    /// One draft; see [`LedgerHandle::append`].
    ///
    /// # Errors
    /// As there; a refusal by budget or freeze is in [`Appended::refused`].
    pub async fn append_one(&self, draft: Draft) -> Outcome {
        self.append(vec![draft])
            .await?
            .pop()
            .unwrap_or(Err(LedgerError::Unavailable))
    }

    /// Writes entries, in this order and as far as possible in one commit, with everything that belongs to them.
    ///
    /// Answers when they are durable: one outcome for each draft. Two appends that change the same subject,
    /// text, deposit or member wait for each other.
    ///
    /// # Errors
    /// [`LedgerError`] when nothing was done at all.
    pub async fn append(&self, drafts: Vec<Draft>) -> Result<Vec<Outcome>, LedgerError> {
        if drafts.is_empty() {
            return Ok(Vec::new());
        }
        if self.health() != Health::Well {
            return Err(LedgerError::Unavailable);
        }
        let shared = &self.shared;
        let held = Reservations::take(&shared.reservations, places(&drafts)).await;
        self.check(&drafts).await?;
        let audits = self.audit_keys(&drafts).await?;
        let (hour, hour_key) = shared
            .hours
            .current(&shared.pool, shared.clock.now())
            .await
            .map_err(|_| LedgerError::Unavailable)?;
        let pins = self.pin(&drafts).await?;
        let mut requests = Vec::with_capacity(drafts.len());
        for draft in drafts {
            let subject = self.audit_subject(&draft.audit);
            let audit = audits.get(&subject).ok_or(LedgerError::Closed)?;
            requests.push(prepare(draft, audit, hour, &hour_key));
        }
        let (reply, answer) = oneshot::channel();
        let group = Group {
            requests,
            held,
            pins,
            reply,
        };
        self.sender
            .send(Message::Append(group))
            .map_err(|_| LedgerError::Unavailable)?;
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(outcomes)) => Ok(outcomes),
            Ok(Err(_)) | Err(_) => Err(LedgerError::Unavailable),
        }
    }

    /// Signing in failed: detection is told (before sign-in nobody is known, so nothing is frozen by it).
    pub fn sign_in_failed(&self, account: i64, network: &str) {
        let network = self.shared.keys.network(network);
        // Without a driver there is nobody left to be told.
        let _ = self.sender.send(Message::SignInFailed { account, network });
    }

    async fn check(&self, drafts: &[Draft]) -> Result<(), LedgerError> {
        let shared = &self.shared;
        let mut subjects = HashSet::new();
        let mut texts = Vec::new();
        let mut deposits = Vec::new();
        let mut sealed = Vec::new();
        let (mut wrapped, mut renewed, mut moved) = (Vec::new(), Vec::new(), Vec::new());
        for draft in drafts {
            subjects.extend(
                draft
                    .guards
                    .iter()
                    .map(|Guard::Facts { subject, .. }| *subject),
            );
            for effect in &draft.effects {
                match effect {
                    Effect::InsertFact { subject, .. } => drop(subjects.insert(*subject)),
                    Effect::InsertLookup { kind, token, .. } => texts.push((*kind, *token)),
                    Effect::InsertItem(new) => {
                        deposits.push(new.deposit);
                        wrapped.push(&**new);
                    }
                    Effect::NewReadingKey(new) => renewed.push(&**new),
                    Effect::RewrapSubjects(all) => moved.extend(all),
                    Effect::SealItem(row) => sealed.push(row.item.new.item),
                    _ => {}
                }
            }
        }
        let distinct = |count: usize, all: usize| count == all;
        let unique_texts: HashSet<_> = texts.iter().collect();
        let unique_deposits: HashSet<_> = deposits.iter().collect();
        if !distinct(unique_texts.len(), texts.len())
            || !distinct(unique_deposits.len(), deposits.len())
        {
            return Err(LedgerError::Conflict);
        }
        let subjects: Vec<KeyedToken> = subjects.into_iter().collect();
        let facts = shared
            .facts
            .load_all(&subjects)
            .await
            .map_err(|error| of_facts(&error))?;
        if facts.values().any(Option::is_none) {
            return Err(LedgerError::Closed);
        }
        let version = |subject| {
            let facts = facts.get(subject).and_then(Option::as_ref);
            facts.map_or(0, |facts| facts.version())
        };
        let holds = drafts.iter().flat_map(|draft| &draft.guards).all(
            |Guard::Facts {
                 subject,
                 version: expected,
             }| version(subject) == *expected,
        );
        if !holds {
            return Err(LedgerError::Conflict);
        }
        if !texts.is_empty()
            && !shared
                .lookups
                .find_all(&texts)
                .await
                .map_err(|error| of_facts(&error))?
                .is_empty()
        {
            return Err(LedgerError::Conflict);
        }
        if !deposits.is_empty() {
            let known = shared
                .items
                .of_deposits(&deposits)
                .await
                .map_err(|_| LedgerError::Unavailable)?;
            if !known.is_empty() {
                return Err(LedgerError::Conflict);
            }
        }
        if !sealed.is_empty() {
            let known = shared
                .items
                .load_all(&sealed)
                .await
                .map_err(|_| LedgerError::Unavailable)?;
            let are_unsealed = known.iter().all(|row| row.sealed.is_none());
            if known.len() != sealed.len() || !are_unsealed {
                return Err(LedgerError::Conflict);
            }
        }
        keys_fit::all(shared, &wrapped, &renewed, &moved).await
    }

    fn audit_subject(&self, audit: &Audit) -> KeyedToken {
        let keys = &self.shared.keys;
        match audit {
            Audit::Patient(patient) => keys.patient(*patient),
            Audit::Installation => keys.own(crate::keys::OwnSubject::Installation),
        }
    }

    async fn audit_keys(
        &self,
        drafts: &[Draft],
    ) -> Result<HashMap<KeyedToken, Arc<SubjectKeyPair>>, LedgerError> {
        let subjects = drafts.iter().map(|draft| self.audit_subject(&draft.audit));
        keys_fit::of(&self.shared, subjects.collect()).await
    }

    async fn pin(&self, drafts: &[Draft]) -> Result<Pins, LedgerError> {
        let mut patients: Vec<i64> = drafts.iter().map(|draft| draft.row.patient).collect();
        patients.retain(|patient| *patient != 0);
        patients.sort_unstable();
        patients.dedup();
        self.shared
            .chain
            .pin(&self.shared.pool, &patients)
            .await
            .map_err(|_| LedgerError::Unavailable)?;
        Ok(Pins::new(Arc::clone(&self.shared.chain), patients))
    }
}

fn of_facts(error: &FactsError) -> LedgerError {
    match error {
        FactsError::Closed(_) => LedgerError::Closed,
        FactsError::Unavailable => LedgerError::Unavailable,
    }
}

fn places(drafts: &[Draft]) -> Vec<Place> {
    let mut places = Vec::new();
    for draft in drafts {
        places.extend(
            draft
                .guards
                .iter()
                .map(|Guard::Facts { subject, .. }| Place::Facts(*subject)),
        );
        for effect in &draft.effects {
            match effect {
                Effect::InsertFact { subject, .. } => places.push(Place::Facts(*subject)),
                Effect::InsertLookup { kind, token, .. } => {
                    places.push(Place::Lookup(*kind, *token));
                }
                Effect::InsertItem(new) => {
                    places.extend([Place::Deposit(new.deposit), Place::Keys(new.patient)]);
                }
                Effect::NewReadingKey(new) => places.push(Place::Keys(new.keys.subject)),
                Effect::RewrapSubjects(all) => {
                    places.extend(all.iter().map(|one| Place::Keys(one.new.subject)));
                }
                Effect::SealItem(row) => places.push(Place::Item(row.item.new.item)),
                Effect::DropItem { item, .. } => places.push(Place::Item(item.new.item)),
                Effect::CountRunMember(row) => places.push(Place::Member(row.run, row.patient)),
                _ => {}
            }
        }
    }
    places
}

fn prepare(
    draft: Draft,
    audit: &SubjectKeyPair,
    hour: i32,
    hour_key: &AuditKey,
) -> (Prepared, Option<freeze::Guards>) {
    let rng = &mut SystemRandom;
    let body_key = ItemKey::generate(rng);
    let prepared = Prepared {
        row: draft.row,
        body: draft.body,
        effects: draft.effects,
        charge: draft.charge,
        observation: draft.observation,
        audit_wrap: wrap(&audit.audit, BODY_KEY, &body_key, rng),
        room_wrap: wrap(hour_key, BODY_KEY, &body_key, rng),
        body_key,
        hour,
        assigned: None,
    };
    (prepared, draft.stops)
}

/// The canonical entry of a row that has, from column 2, `index, at, kind, decision, purpose, role, practice,
/// item_kind, session, principal, item, body`.
fn entry_of_row(row: &Row, patient: i64) -> Entry {
    let small = |column: usize| u8::try_from(row.get::<_, i16>(column)).unwrap_or_default();
    Entry {
        index: u64::try_from(row.get::<_, i64>(2)).unwrap_or_default(),
        at: row.get(3),
        kind: small(4),
        decision: small(5),
        purpose: small(6),
        role: small(7),
        practice: row
            .get::<_, Option<&[u8]>>(8)
            .and_then(|practice| practice.try_into().ok()),
        item_kind: small(9),
        session: row.get(10),
        principal: row.get(11),
        patient,
        item: row.get(12),
        body: body_digest(row.get(13)),
    }
}
