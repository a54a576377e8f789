//! Beginning to write: is the ledger still what it was, what was counted, what is frozen.

use super::asking;
use super::assign::{Counting, Hook};
use super::chain::Chain;
use super::driver::{Driver, Start, connect, head_of};
use super::hours::Hours;
use super::reservations::Reservations;
use super::{Durable, Health, LedgerHandle, Shared, whole};
use crate::checkpoint::{Accepted, AtStart, CheckpointError, Checkpoints, Roots};
use crate::clock::Clock;
use crate::decision_words::{charge_number, charge_of};
use crate::facts::{Fact, FactStore, FactsError};
use crate::freeze::{Freezes, rung};
use crate::items::Items;
use crate::keys::{Keys, OwnSubject};
use crate::lookups::Lookups;
use crate::network;
use crate::sql::ledger as sql;
use crate::subject_keys::SubjectKeys;
use candour_keeper_wire::words::{Level, Role};
use candour_ledger::{Frontier, Hash};
use candour_rules::budget::{BudgetTable, Ceilings, Charge, Counters, Past, PastPeak};
use candour_rules::detect::{DetectionTable, Detector};
use candour_rules::freeze::FreezeSet;
use candour_rules::keys::{Network, Patient, Practice, Principal};
use candour_rules::sequencer::{Limits, Sequencer};
use candour_rules::time::Micros;
use candour_seal::{PracticeId, RoomPublicKey};
use deadpool_postgres::Pool;
use futures_util::TryStreamExt;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8};
use tokio::sync::{mpsc, watch};
use tokio_postgres::{Client, Config};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What the ledger needs.
pub struct LedgerParts {
    /// How the writer reaches the database.
    pub config: Config,
    /// How everything else does.
    pub pool: Pool,
    /// What the root key gives.
    pub keys: Arc<Keys>,
    /// Verified facts.
    pub facts: Arc<FactStore>,
    /// Verified items.
    pub items: Arc<Items>,
    /// Texts that find a subject.
    pub lookups: Arc<Lookups>,
    /// Unwrapped subject keys.
    pub subject_keys: Arc<SubjectKeys>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The room's public key.
    pub room: RoomPublicKey,
    /// The checkpoints outside the database.
    pub checkpoints: Arc<Checkpoints>,
    /// How much may be read.
    pub budgets: BudgetTable,
    /// When a rule speaks.
    pub detection: DetectionTable,
    /// Ends the writer.
    pub stop: CancellationToken,
    /// Where it runs.
    pub tasks: TaskTracker,
    /// Cancelled when the keeper must end and be started again.
    pub restart: CancellationToken,
    /// Entries to look through before it works, as [`READ_AT_START`].
    pub read_at_start: u64,
}

/// Entries that a start looks through before it works: half a second's reading. Where there are more, those below the last
/// tree that was kept are looked through beside the work.
pub const READ_AT_START: u64 = 250_000;

/// Why the ledger cannot be begun with.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database does not answer.
    #[error("the keeper's database cannot be reached")]
    Unreachable,
    /// It answers, and refuses.
    #[error("the keeper's database refuses: {0}")]
    Refused(String),
    /// The head's row is missing or damaged.
    #[error("the ledger has no readable head; was this database made by `candour-keeper init`?")]
    NoHead,
    /// What is frozen cannot be verified, so nothing may open.
    #[error("the facts about what is frozen were changed past the keeper")]
    Foreign,
    /// A known network that is no address would stand for every visitor whose network is not known.
    #[error(
        "candour.json sets detection.known_networks to hold {0:?}, which is no address. Write each network as one \
         address, such as 203.0.113.7 or 2001:db8:1:2::, and a range as each of its addresses"
    )]
    Network(String),
    /// The checkpoints cannot be read.
    #[error(transparent)]
    Checkpoints(#[from] CheckpointError),
}

impl From<tokio_postgres::Error> for StartError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Refused(super::describe(&error))
    }
}

/// Begins to write. A ledger that holds less or something else than its last checkpoint is only looked at.
pub async fn start(parts: LedgerParts) -> Result<(LedgerHandle, Arc<Freezes>), StartError> {
    let known = known_networks(&parts)?;
    let writer = connect(&parts.config)
        .await
        .ok_or(StartError::Unreachable)?;
    let row = writer.client.query_one(sql::PEEK_HEAD, &[]).await?;
    let found = Frontier::from_bytes(row.get(2)).map_err(|_| StartError::NoHead)?;
    let kept = Kept::of(&parts, &found)?;
    let held = at_start(&writer.client, &found, &parts.checkpoints, &kept);
    let loss = match held.await? {
        AtStart::Continues => None,
        AtStart::RolledBack(loss) => {
            tracing::error!(
                from = loss.from,
                to = loss.to,
                "the ledger is not what the last checkpoint was signed over, or no checkpoint is left: entries from \
                 `from` to before `to` are missing, or were replaced; where both are the same, nobody can know how \
                 many are. Nothing opens. Restore what is missing; or, if it is lost, two operators accept that: \
                 candour-keeper accept-loss"
            );
            Some(loss)
        }
    };
    let set = frozen(&parts).await?;
    let freezes = Arc::new(Freezes::new(set.clone()));
    let at: i64 = row.get(3);
    let (durable_sender, durable) = watch::channel(Durable {
        frontier: found,
        at: Timestamp::from_microsecond(at).unwrap_or_default(),
    });
    let chain = Arc::new(Chain::default());
    let shared = Arc::new(Shared {
        pool: parts.pool,
        keys: Arc::clone(&parts.keys),
        facts: parts.facts,
        items: parts.items,
        lookups: parts.lookups,
        subject_keys: parts.subject_keys,
        freezes: Arc::clone(&freezes),
        clock: Arc::clone(&parts.clock),
        chain: Arc::clone(&chain),
        reservations: Arc::new(Reservations::default()),
        hours: Hours::new(parts.room),
        health: AtomicU8::new(Health::RolledBack as u8),
        is_looked_through: AtomicBool::new(kept.tree.is_none() && loss.is_none()),
        loss,
    });
    let (sender, messages) = mpsc::unbounded_channel();
    let handle = LedgerHandle {
        shared: Arc::clone(&shared),
        sender,
        durable,
    };
    if handle.loss().is_some() {
        return Ok((handle, freezes));
    }
    let row = writer.client.query_one(sql::TAKE_EPOCH, &[]).await?;
    let head = head_of(&row).ok_or(StartError::NoHead)?;
    let frontier = Frontier::from_bytes(row.get(2)).map_err(|_| StartError::NoHead)?;
    let now = parts.clock.now().as_microsecond();
    let counted = counted(&writer.client, parts.budgets, head.size, now);
    let (counters, ceilings) = counted.await?;
    let mut detector = Detector::new(parts.detection);
    for network in known {
        detector.exempt_network(network);
    }
    let counting = Counting {
        counters,
        ceilings,
        detector,
    };
    shared.begin();
    let driver = Driver::new(Start {
        hook: Hook::new(&parts.keys, chain, frontier, row.get(3), counting),
        sequencer: Sequencer::new(head, set, Limits::default()),
        shared,
        handle: handle.clone(),
        config: parts.config,
        durable: durable_sender,
        writer,
        tasks: parts.tasks.clone(),
    });
    if let Some(tree) = kept.tree {
        let (shared, checkpoints) = (Arc::clone(&handle.shared), parts.checkpoints);
        let stop = parts.stop.clone();
        let looked = whole::look_through(shared, tree, checkpoints, parts.restart, stop);
        parts.tasks.spawn(looked);
    }
    parts.tasks.spawn(driver.run(messages, parts.stop));
    Ok((handle, freezes))
}

fn known_networks(parts: &LedgerParts) -> Result<Vec<Network>, StartError> {
    let known = parts.detection.known_networks.iter();
    let known = known.map(|text| match network::of(text) {
        none if none.is_empty() => Err(StartError::Network(text.clone())),
        network => Ok(Network(parts.keys.network(&network))),
    });
    known.collect()
}

/// What of the ledger lies beside the checkpoints.
struct Kept {
    /// A loss that two operators accepted.
    accepted: Option<Accepted>,
    /// What a start goes on from, where the ledger is a long one.
    tree: Option<Frontier>,
}

impl Kept {
    fn of(parts: &LedgerParts, found: &Frontier) -> Result<Self, CheckpointError> {
        let accepted = parts.checkpoints.accepted()?;
        let long = parts.read_at_start + 1..=found.size();
        let tree = parts.checkpoints.tree();
        // What two operators accepted is another ledger than the tree's.
        let tree = tree.filter(|tree| accepted.is_none() && long.contains(&tree.size()));
        Ok(Self { accepted, tree })
    }
}

/// Holds the ledger against the last checkpoint, and its head against its leaves. Where two operators accepted
/// that entries are lost, what contradicts that is set aside first, and what is left is signed.
async fn at_start(
    client: &Client,
    found: &Frontier,
    checkpoints: &Checkpoints,
    kept: &Kept,
) -> Result<AtStart, StartError> {
    let Kept { accepted, tree } = kept;
    let roots = async |sizes: BTreeSet<u64>| {
        let is_within = |tree: &&Frontier| sizes.iter().all(|size| *size >= tree.size());
        if let Some(tree) = tree.as_ref().filter(is_within) {
            let roots = roots_at(client, found, tree.clone(), &sizes).await?;
            if roots.is_some() {
                return Ok(roots);
            }
        }
        roots_at(client, found, Frontier::new(), &sizes).await
    };
    if let Some(accepted) = accepted {
        let roots = roots(BTreeSet::from([accepted.loss.from])).await?;
        accepted.is_of(found.size(), roots.as_ref())?;
        checkpoints.set_aside(&accepted.loss)?;
    }
    // Facts come after the first entry, so where there are some an empty ledger is not a new one.
    let is_new = found.size() == 0
        && !client
            .query_one(sql::HAS_FACTS, &[])
            .await?
            .get::<_, bool>(0);
    let goes_on = is_new || accepted.is_some();
    let held = checkpoints.check(found.size(), goes_on, roots).await?;
    // Also over nothing at all: from its first entry on, a ledger without a checkpoint is one that lost them.
    if held == AtStart::Continues && (accepted.is_some() || found.size() == 0) {
        checkpoints.write(found)?;
    }
    Ok(held)
}

/// The roots of the ledger's leaves, from a tree over the first of them on.
async fn roots_at(
    client: &Client,
    found: &Frontier,
    mut tree: Frontier,
    sizes: &BTreeSet<u64>,
) -> Result<Roots, StartError> {
    let mut roots = BTreeMap::from([(tree.size(), tree.root())]);
    let first = i64::try_from(tree.size()).unwrap_or(i64::MAX);
    let rows = client
        .query_raw(sql::LEAVES, [first, i64::MAX].iter())
        .await?;
    tokio::pin!(rows);
    while let Some(row) = rows.try_next().await? {
        let leaf: &[u8] = row.get(1);
        let leaf = leaf.try_into().map_err(|_| StartError::NoHead)?;
        tree.append(Hash::from_bytes(leaf));
        if sizes.contains(&tree.size()) {
            roots.insert(tree.size(), tree.root());
        }
    }
    Ok((tree == *found).then_some(roots))
}

/// What was counted in the last day on persons and practices, and in the last hour on all the rest, from the ledger itself.
/// A day may hold millions of entries, so none is kept once it is counted.
async fn counted(
    client: &Client,
    budgets: BudgetTable,
    size: u64,
    now: i64,
) -> Result<(Counters, Ceilings), StartError> {
    let mut ceilings = Ceilings::new(budgets.clone());
    let mut counters = Counters::with_peaks(budgets, peaks(client, size, now).await?);
    let first = first_since(client, size, now - Counters::HORIZON.as_micros()).await?;
    let recent = now - Ceilings::HORIZON.as_micros();
    let rows = client.query_raw(sql::CHARGES_SINCE, [first].iter()).await?;
    tokio::pin!(rows);
    while let Some(row) = rows.try_next().await? {
        let (at, practice): (i64, Option<&[u8]>) = (row.get(0), row.get(3));
        let Some(charge) = charge_of(row.get(4), row.get(2)) else {
            continue;
        };
        counters.count_again(Past {
            at: Micros(at),
            principal: Principal(row.get(1)),
            practice: practice.and_then(practice_of),
            charge,
        });
        if at >= recent
            && let Some(asking) = asking::past(&row)
        {
            ceilings.count(&asking, charge, Micros(at));
            ceilings.commit();
        }
    }
    Ok((counters, ceilings))
}

/// The busiest hour of each day of each practice's program. Hours of the clock are counted, so that a start gives a
/// program at most what it had before.
async fn peaks(client: &Client, size: u64, now: i64) -> Result<Vec<PastPeak>, StartError> {
    let first = first_since(client, size, now - Counters::PEAK_HORIZON.as_micros()).await?;
    let program = i16::from(Role::PracticeClient.number());
    let deposited = charge_number(Charge::Deposited(Patient(0)));
    let rows = client
        .query(sql::DEPOSIT_PEAKS, &[&first, &program, &deposited])
        .await?;
    let peaks = rows.iter().map(|row| PastPeak {
        principal: Principal(row.get(0)),
        at: Micros(row.get(1)),
        patients: u32::try_from(row.get::<_, i64>(2)).unwrap_or(u32::MAX),
    });
    Ok(peaks.collect())
}

/// The first entry at or after a time, found by halves: times never run backwards.
async fn first_since(client: &Client, size: u64, since: i64) -> Result<i64, StartError> {
    let statement = client.prepare(sql::AT_OF).await?;
    let (mut low, mut high) = (0, i64::try_from(size).unwrap_or(i64::MAX));
    while low < high {
        let middle = low + (high - low) / 2;
        let row = client.query_opt(&statement, &[&middle]).await?;
        match row {
            Some(row) if row.get::<_, i64>(0) >= since => high = middle,
            _ => low = middle + 1,
        }
    }
    Ok(low)
}

/// Budgets of a practice are counted by the first 8 bytes of its id: practices stand in clear.
fn practice_of(id: &[u8]) -> Option<Practice> {
    PracticeId::try_from(id)
        .ok()
        .map(|id| Practice(crate::keys::practice_number(id)))
}

async fn frozen(parts: &LedgerParts) -> Result<FreezeSet, StartError> {
    let subject = parts.keys.own(OwnSubject::Freezes);
    let facts = parts
        .facts
        .load(subject)
        .await
        .map_err(|error| match error {
            FactsError::Closed(_) => StartError::Foreign,
            FactsError::Unavailable => StartError::Unreachable,
        })?;
    let frozen = facts.live().filter_map(|row| match &row.fact {
        Fact::Frozen(frozen) => Level::try_from(frozen.level)
            .ok()
            .map(|level| rung(level, frozen.surrogate)),
        _ => None,
    });
    Ok(frozen.collect())
}
