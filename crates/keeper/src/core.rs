//! Everything a call needs, in one place.

mod housekeeping;

use crate::calls::delivered::Grants;
use crate::checkpoint::{self, CheckpointError, Checkpoints};
use crate::clock::Clock;
use crate::erasure::ReconcileError;
use crate::facts::FactStore;
use crate::foreign::{self, ForeignRows};
use crate::freeze::Freezes;
use crate::identity::Identity;
use crate::identity::failures::Failures;
use crate::items::Items;
use crate::keys::{KeyedToken, Keys, UnusableRoot};
use crate::ledger::{self, LedgerError, LedgerHandle, LedgerParts};
use crate::limits::{BeyondBounds, KeyLife, Limits};
use crate::lookups::Lookups;
use crate::making::{self, Durability, MakeError};
use crate::policy::{self, ActivePolicies, PolicyError};
use crate::reader;
use crate::recall;
use crate::session::Sessions;
use crate::sql::calls as sql;
use crate::subject_keys::{SubjectKeyError, SubjectKeys};
use crate::tiles::PublicTiles;
use crate::token::RootToken;
use crate::volume::{Volume, VolumeTable};
use crate::witness::{WitnessError, WitnessTable, Witnesses};
use candour_keeper_wire::bodies::open_body;
use candour_keeper_wire::wire::EntryBody;
use candour_keeper_wire::words::Reason;
use candour_ledger::LogSigner;
use candour_rules::ages::AgeTable;
use candour_rules::budget::BudgetTable;
use candour_rules::detect::DetectionTable;
use candour_seal::{InstallationId, RoomPublicKey, RootKey, Zeroizing};
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_postgres::{Config, NoTls};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections for everything but writing.
const CONNECTIONS: usize = 8;

/// What is fixed for the life of the process.
#[derive(Debug, Clone)]
pub struct KeeperConfig {
    /// The installation.
    pub installation: InstallationId,
    /// Fixed when the keeper's database was made.
    pub is_demonstration: bool,
    /// The `WebAuthn` relying party id: the host name people see.
    pub relying_party: String,
    /// The origins a passkey answer may come from.
    pub origins: Vec<url::Url>,
    /// The room's public key.
    pub room: RoomPublicKey,
    /// The keeper runs as the same OS user as a process that calls it.
    pub shares_user: bool,
    /// The keeper's database shares its cluster, and so its owner, with other databases.
    pub shares_cluster: bool,
    /// What a commit waits for.
    pub durability: Durability,
    /// Budgets and thresholds, as far as they differ from the design.
    pub limits: Limits,
    /// How long keys serve.
    pub life: KeyLife,
    /// From which ages a person decides for themself.
    pub ages: AgeTable,
    /// How the root key was had: `key file`, `passphrase` or `token`.
    pub root_kind: &'static str,
    /// Wrong passphrases before the one that opened it.
    pub wrong_tries: u32,
}

/// What a keeper is started with.
pub struct CoreParts {
    /// Its database.
    pub database: Config,
    /// The root key.
    pub root: RootKey,
    /// How it was had: `key file`, `passphrase` or `token`.
    pub root_kind: &'static str,
    /// Wrong passphrases before the one that opened it.
    pub wrong_tries: u32,
    /// The token that opened it.
    pub token: Option<Arc<RootToken>>,
    /// Its own folder, for checkpoints.
    pub folder: PathBuf,
    /// Where outsiders find the ledger's tiles.
    pub public: PathBuf,
    /// The `WebAuthn` relying party id.
    pub relying_party: String,
    /// The origins a passkey answer may come from.
    pub origins: Vec<url::Url>,
    /// It runs as the same OS user as a process that calls it.
    pub shares_user: bool,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// How much may be read.
    pub budgets: BudgetTable,
    /// When a rule speaks.
    pub detection: DetectionTable,
    /// How long keys serve.
    pub life: KeyLife,
    /// From which ages a person decides for themself.
    pub ages: AgeTable,
    /// Ballast and alarms of the ledger's volume.
    pub volume: VolumeTable,
    /// Who must have seen the ledger; their cosignatures are brought to `witnesses` beside the public folder.
    pub witnesses: WitnessTable,
    /// Entries to look through before it works ([`ledger::READ_AT_START`]).
    pub read_at_start: u64,
}

/// Why a keeper does not start.
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    /// The database was not made, or with another root key.
    #[error(transparent)]
    Made(#[from] MakeError),
    /// The root key does not serve.
    #[error(transparent)]
    Root(#[from] UnusableRoot),
    /// A budget or threshold is set weaker than a real installation may have it.
    #[error(transparent)]
    Limits(#[from] BeyondBounds),
    /// The policies do not serve.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The checkpoints do not serve.
    #[error(transparent)]
    Checkpoints(#[from] CheckpointError),
    /// The witnesses do not serve.
    #[error(transparent)]
    Witnesses(#[from] WitnessError),
    /// The checkpoint key does not serve.
    #[error("the checkpoint key cannot be used")]
    CheckpointKey,
    /// The ledger cannot be begun with.
    #[error(transparent)]
    Ledger(#[from] ledger::StartError),
    /// Its first entries cannot be written.
    #[error("the ledger cannot be written")]
    Unwritable(#[from] LedgerError),
    /// Epoch keys do not unwrap.
    #[error(transparent)]
    Keys(#[from] SubjectKeyError),
    /// What was erased cannot be held against the tombstones.
    #[error(transparent)]
    Erasure(#[from] ReconcileError),
    /// No connections can be kept.
    #[error("connections to the keeper's database cannot be kept")]
    Pool,
}

/// Most networks of strangers that a minute has a row for; the rest have one together.
const STRANGERS_IN_A_MINUTE: usize = 512;

/// Everything a call needs.
pub struct Core {
    /// What is fixed.
    pub config: KeeperConfig,
    /// The database.
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
    /// What is frozen.
    pub freezes: Arc<Freezes>,
    /// Running sessions.
    pub sessions: Sessions,
    /// Policies.
    pub policy: ActivePolicies,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The ledger.
    pub ledger: LedgerHandle,
    /// Signing in.
    pub identity: Identity,
    /// The room's private key, sealed under the root.
    room_sealed: Vec<u8>,
    /// Signed checkpoints.
    pub checkpoints: Arc<Checkpoints>,
    /// The ledger for outsiders.
    pub tiles: Arc<PublicTiles>,
    /// Where the root key lies.
    pub(crate) root_file: PathBuf,
    /// Where what was erased is named, outside the database.
    pub(crate) tombstones: PathBuf,
    /// Something erased has no tombstone yet.
    pub(crate) is_unburied: AtomicBool,
    /// Who else has seen it.
    pub witnesses: Arc<Witnesses>,
    /// The token without which nothing opens, where there is one.
    pub token: Option<Arc<RootToken>>,
    /// Cancelled when the keeper must end and be started again.
    pub restart: CancellationToken,
    /// Where rows that do not verify are told of.
    pub(crate) foreign: ForeignRows,
    pub(crate) grants: Grants,
    /// Refusals to what is frozen already, summed up by the minute.
    pub(crate) refused_frozen: Failures,
    /// Refusals to whoever is not signed in, summed up by the minute.
    pub(crate) refused_strangers: Failures,
    /// What becomes of epoch keys, one step at a time.
    pub(crate) epoch_turn: tokio::sync::Mutex<()>,
    /// A destroyed epoch key may still lie in its table's file.
    pub(crate) is_unswept: AtomicBool,
    /// Counting what may be taken back, and telling of what was.
    pub(crate) recalls: recall::Turns,
    /// Of how many changes nobody could be told by mail lately.
    pub(crate) notifications_missed: AtomicU32,
    /// Members of runs are read and written back, so one batch at a time.
    pub(crate) run_batches: tokio::sync::Mutex<()>,
    requests: AtomicU64,
    checkpoint: Mutex<String>,
}

impl Core {
    /// Starts a keeper on a database that was made for it. Its tasks end with `stop`.
    ///
    /// A ledger that was rolled back starts too, and opens nothing.
    pub async fn start(
        parts: CoreParts,
        stop: CancellationToken,
        tasks: &TaskTracker,
    ) -> Result<Arc<Self>, CoreError> {
        let keys = Arc::new(Keys::new(parts.root)?);
        let pool = pool(parts.database.clone())?;
        let made = making::read(&parts.database, &keys).await?;
        let limits = Limits::of(&parts.budgets, &parts.detection, parts.life, &parts.ages);
        if !made.is_demonstration {
            limits.are_within_bounds()?;
        }
        let (foreign, found) = ForeignRows::new();
        let (facts, lookups, items) = verified(&pool, &keys, &foreign);
        let (policy, trouble) = policy::begin(&facts, &keys).await?;
        let subject_keys = SubjectKeys::new(pool.clone(), Arc::clone(&keys), foreign.clone());
        let subject_keys = Arc::new(subject_keys);
        let epochs = subject_keys.read_epochs().await?;
        let checkpoints = Arc::new(open_checkpoints(&parts.folder, &keys, made.id)?);
        let last = checkpoints.last()?.map(|(_, _, text)| text);
        let brought = parts.public.with_file_name("witnesses");
        let tiles = public_tiles(parts.public, &checkpoints, &pool, &keys);
        let witnesses = Witnesses::new(&parts.witnesses, brought, Arc::clone(&tiles))?;
        let restart = CancellationToken::new();
        // Ends after `stop`, when what happens at the end is written.
        let last_of_all = CancellationToken::new();
        let (ledger, freezes) = ledger::start(LedgerParts {
            config: parts.database,
            pool: pool.clone(),
            keys: Arc::clone(&keys),
            facts: Arc::clone(&facts),
            items: Arc::clone(&items),
            lookups: Arc::clone(&lookups),
            subject_keys: Arc::clone(&subject_keys),
            clock: Arc::clone(&parts.clock),
            room: made.room_public,
            checkpoints: Arc::clone(&checkpoints),
            budgets: parts.budgets,
            detection: parts.detection,
            stop: last_of_all.clone(),
            tasks: tasks.clone(),
            restart: restart.clone(),
            read_at_start: parts.read_at_start,
        })
        .await?;
        let config = KeeperConfig {
            installation: made.id,
            is_demonstration: made.is_demonstration,
            relying_party: parts.relying_party,
            origins: parts.origins,
            room: made.room_public,
            shares_user: parts.shares_user,
            shares_cluster: made.shares_cluster,
            durability: made.durability,
            limits,
            life: parts.life,
            ages: parts.ages,
            root_kind: parts.root_kind,
            wrong_tries: parts.wrong_tries,
        };
        let core = Arc::new(Self {
            identity: Identity::new(&config, &keys),
            room_sealed: made.room_sealed,
            config,
            pool,
            keys,
            facts,
            items,
            lookups,
            subject_keys,
            freezes,
            sessions: Sessions::default(),
            policy,
            clock: parts.clock,
            grants: Grants::from(ledger.size()),
            ledger,
            checkpoints,
            tiles,
            root_file: parts.folder.join("root.key"),
            tombstones: crate::erasure::tombstones(&parts.folder),
            is_unburied: AtomicBool::new(false),
            witnesses: Arc::new(witnesses),
            token: parts.token,
            restart,
            foreign,
            refused_frozen: Failures::default(),
            refused_strangers: Failures::with_rows(STRANGERS_IN_A_MINUTE),
            epoch_turn: tokio::sync::Mutex::new(()),
            is_unswept: AtomicBool::new(true),
            recalls: recall::Turns::default(),
            notifications_missed: AtomicU32::new(0),
            run_batches: tokio::sync::Mutex::new(()),
            requests: AtomicU64::new(0),
            checkpoint: Mutex::new(last.unwrap_or_default()),
        });
        tasks.spawn(foreign::record(core.ledger.clone(), found, stop.clone()));
        let volume = Volume::new(parts.folder, parts.volume);
        housekeeping::begin(&core, epochs, volume, (stop, last_of_all), tasks).await?;
        policy::tell(&core, trouble).await?;
        Ok(core)
    }

    /// The room's private key, for the one change that gives it out.
    ///
    /// # Errors
    /// While the root key is not at hand.
    pub fn room_key(&self) -> Result<Zeroizing<[u8; 32]>, Reason> {
        let root = self.keys.root().ok_or(Reason::Sealed)?;
        making::room_private(&root, self.config.installation, &self.room_sealed)
            .ok_or(Reason::SubjectClosed)
    }

    /// Whether the root key is not at hand, so that nothing opens.
    pub(crate) fn is_sealed(&self) -> bool {
        self.token.as_ref().is_some_and(|token| token.is_away())
    }

    /// Drops deposits that were never sealed within a day; the keeper does this by itself.
    pub async fn drop_stale_deposits(&self) {
        housekeeping::drop_stale(self, self.clock.now()).await;
    }

    /// A number for one request, for detection.
    pub(crate) fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// The text of the last checkpoint; empty before the first.
    pub(crate) fn last_checkpoint(&self) -> String {
        let held = self.checkpoint.lock();
        held.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether this principal was ever granted something of this patient; `None` when it cannot be read.
    pub(crate) async fn was_granted(&self, patient: i64, principal: i64) -> Option<bool> {
        let asked = reader::rows(&self.pool, sql::GRANTED_BEFORE, &[&patient, &principal]).await;
        asked.ok()?.first().map(|row| row.get(0))
    }

    /// Whether nobody but this principal deposited or changed anything about this patient since a time, and the
    /// patient opened nothing; `None` when it cannot be read.
    pub(crate) async fn has_slept(&self, patient: i64, since: i64, principal: i64) -> Option<bool> {
        let asked = reader::rows(&self.pool, sql::HAS_SLEPT, &[&patient, &since, &principal]).await;
        asked.ok()?.first().map(|row| row.get(0))
    }

    /// Opens the body of an entry about a subject.
    pub(crate) async fn open_body(
        &self,
        subject: KeyedToken,
        index: u64,
        body: &[u8],
        audit_wrap: &[u8],
    ) -> Result<EntryBody, Reason> {
        let keys = self
            .subject_keys
            .load(subject)
            .await
            .map_err(|_| Reason::NotFound)?;
        open_body(body, audit_wrap, index, &keys.audit).map_err(|_| Reason::SubjectClosed)
    }
}

/// What is read from the database row by row, each with its MAC checked.
fn verified(
    pool: &Pool,
    keys: &Arc<Keys>,
    foreign: &ForeignRows,
) -> (Arc<FactStore>, Arc<Lookups>, Arc<Items>) {
    let facts = FactStore::new(pool.clone(), Arc::clone(keys), foreign.clone());
    let lookups = Lookups::new(pool.clone(), Arc::clone(keys), foreign.clone());
    let items = Items::new(pool.clone(), Arc::clone(keys), foreign.clone());
    (Arc::new(facts), Arc::new(lookups), Arc::new(items))
}

fn pool(config: Config) -> Result<Pool, CoreError> {
    let recycling = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    let patience = Some(Duration::from_secs(4));
    Pool::builder(Manager::from_config(config, NoTls, recycling))
        .max_size(CONNECTIONS)
        .runtime(Runtime::Tokio1)
        .wait_timeout(patience)
        .create_timeout(patience)
        .build()
        .map_err(|_| CoreError::Pool)
}

fn public_tiles(
    folder: PathBuf,
    checkpoints: &Checkpoints,
    pool: &Pool,
    keys: &Keys,
) -> Arc<PublicTiles> {
    Arc::new(PublicTiles {
        folder,
        verifier: checkpoints.verifier(),
        pool: pool.clone(),
        salts: keys.salts().clone(),
    })
}

fn open_checkpoints(
    folder: &std::path::Path,
    keys: &Keys,
    installation: InstallationId,
) -> Result<Checkpoints, CoreError> {
    // A name under the reserved top-level domain: nobody can own it, and it says whose ledger it is.
    let name = format!("{installation}.candour.invalid/ledger");
    let signer = LogSigner::from_seed(&name, keys.checkpoint_seed().expose())
        .map_err(|_| CoreError::CheckpointKey)?;
    let folder = checkpoint::folder(folder);
    Ok(Checkpoints::new(folder, signer, keys.acceptance().clone())?)
}
