//! The keeper's command line: `init`, `run`, `export-ledger`, and what two operators do.

mod passphrase;

use crate::clock::{Clock, SystemClock};
use crate::core::{Core, CoreError, CoreParts};
use crate::export::{self, ExportError};
use crate::freezing::Rung;
use crate::instances::Instances;
use crate::keys::{Keys, UnusableRoot};
use crate::ledger::{Health, READ_AT_START};
use crate::limits::KeyLife;
use crate::making::{self, MakeError};
use crate::memory;
use crate::policy;
use crate::practice::{self, CommandError, Typed, command_socket, operators_file};
use crate::root::{self, RootFile};
use crate::serve::KeeperService;
use crate::token::{Fault, RootToken, TokenTable};
use crate::unlock;
use crate::volume::VolumeTable;
use crate::witness::WitnessTable;
use candour_keeper_wire::service;
use candour_rules::ages::AgeTable;
use candour_rules::budget::BudgetTable;
use candour_rules::detect::DetectionTable;
use candour_seal::RootKey;
use futures_util::future::BoxFuture;
use passphrase::PassphraseError;
use serde::Deserialize;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_postgres::Config;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The keeper: holds the keys, checks, counts, writes the ledger, then releases.
#[derive(Debug, clap::Parser)]
#[command(version)]
pub struct Arguments {
    /// The data directory.
    #[arg(long, global = true, default_value = ".")]
    data: PathBuf,
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

/// What the keeper is asked on its command line.
#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make an installation: schema, root key, room key, an empty ledger. Once.
    Init {
        /// Make it a demonstration; this cannot be changed afterwards.
        #[arg(long)]
        demonstration: bool,
    },
    /// Serve until told to end.
    Run {
        /// Which keeper this is; `records` is the one of the portal.
        #[arg(long, default_value = "records", value_parser = ["records"])]
        lane: String,
    },
    /// Seal the root key's file with a passphrase that a person types at each start; prints the recovery sheet first.
    SealRoot {
        /// It is sealed already, and is to be sealed by another passphrase: the one before, or the token's PIN, is asked.
        #[arg(long)]
        again: bool,
    },
    /// Seal it by a new key in a token (PKCS#11) that never leaves it; prints the recovery sheet first.
    RootToToken {
        /// Take the root key from the recovery sheet, which you type: the old token is lost, or another one is to be used.
        #[arg(long)]
        from_sheet: bool,
        /// That token seals it already, and is to do so by a new key.
        #[arg(long, conflicts_with = "from_sheet")]
        again: bool,
    },
    /// Type the passphrase, or the token's PIN, for a keeper that waits for it.
    Unlock,
    /// Write the whole ledger to a file that `candour-verify` checks.
    ExportLedger {
        /// The file.
        #[arg(long)]
        out: PathBuf,
    },
    /// Stop something at once, by one person, with the portal and the room down; or list what is stopped.
    Freeze(Rung),
    /// Let it go again, by two operators.
    Unfreeze(Rung),
    /// Say which policies are in force; by one operator propose others, by the other confirm them.
    Policies(policy::Typed),
    /// Make a new epoch key, or give one patient a new reading key; nothing is released by it.
    Rotate(practice::Rotation),
    /// What two operators order.
    #[command(flatten)]
    Practice(practice::Command),
}

/// Why the keeper ends. Each is a sentence with the next step.
#[derive(Debug, thiserror::Error)]
pub enum Ending {
    /// A file of the data directory fails.
    #[error("{path} cannot be used: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Core files or debuggers cannot be kept from the keeper's memory.
    #[error("the keeper's memory cannot be guarded against core files and debuggers: {0}")]
    Memory(#[source] io::Error),
    /// A file of the data directory does not parse.
    #[error("{0} does not hold what it should")]
    Text(PathBuf),
    /// The configuration does not read.
    #[error("candour.json is not valid: {0}. Correct it and start again")]
    Setting(String),
    /// Only a demonstration keeps its root key in clear.
    #[error(
        "the root key lies in a file in clear, and this is no demonstration. Seal it: candour-keeper seal-root"
    )]
    RootInClear,
    /// The passphrase cannot be had.
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
    /// The token cannot be used.
    #[error("{0}")]
    Token(#[from] Fault),
    /// Another part runs as the keeper's OS user, and this is no demonstration.
    #[error("another part runs as the keeper's user: only a demonstration may do that")]
    SharedUser,
    /// The owner of one cluster could change the keeper's database, and this is no demonstration.
    #[error(
        "the keeper's database shares a PostgreSQL cluster with others: only a demonstration may do that. \
         Give the keeper a cluster of its own"
    )]
    SharedCluster,
    /// Making or reading the installation fails.
    #[error(transparent)]
    Made(#[from] MakeError),
    /// The keeper does not start.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// The root key does not serve.
    #[error(transparent)]
    Root(#[from] UnusableRoot),
    /// The export fails.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// An order of two operators fails.
    #[error(transparent)]
    Practice(#[from] CommandError),
    /// The operators cannot be named.
    #[error("the two operators could not be named")]
    Operators,
    /// Another keeper writes this ledger.
    #[error("another keeper took over this ledger; this one ended")]
    TakenOver,
}

/// For `map_err`: which file of the data directory fails.
fn of(path: &Path) -> impl Fn(io::Error) -> Ending + Copy + '_ {
    |source| Ending::File {
        path: path.to_path_buf(),
        source,
    }
}

/// What the keeper reads of `candour.json`; the rest is others'.
#[derive(Deserialize)]
struct Configuration {
    origin: url::Url,
    room_origin: url::Url,
    #[serde(default)]
    budgets: BudgetTable,
    #[serde(default)]
    detection: DetectionTable,
    #[serde(flatten)]
    life: KeyLife,
    #[serde(default)]
    ages: AgeTable,
    #[serde(default)]
    ledger_volume: VolumeTable,
    #[serde(flatten)]
    witnesses: WitnessTable,
    root_token: Option<TokenTable>,
}

/// Where everything of a data directory is.
struct Folder(PathBuf);

impl Folder {
    fn keeper(&self) -> PathBuf {
        self.0.join("keeper")
    }

    fn root_key(&self) -> PathBuf {
        self.keeper().join("root.key")
    }

    fn socket(&self) -> PathBuf {
        self.0.join("run").join("keeper.sock")
    }

    fn instances(&self) -> Instances {
        Instances::at(&self.0.join("secrets").join("keeper.instances.json"))
    }

    fn database(&self) -> Result<Config, Ending> {
        let path = self.0.join("secrets").join("keeper.database");
        let text = fs::read_to_string(&path).map_err(of(&path))?;
        text.trim().parse().map_err(|_| Ending::Text(path))
    }

    fn configuration(&self) -> Result<Configuration, Ending> {
        let path = self.0.join("candour.json");
        let bytes = fs::read(&path).map_err(of(&path))?;
        serde_json::from_slice(&bytes).map_err(|error| Ending::Setting(error.to_string()))
    }

    fn token(&self) -> Result<TokenTable, Ending> {
        Ok(self.configuration()?.root_token.ok_or(Fault::Unnamed)?)
    }
}

/// Does what the command line says.
pub async fn run(Arguments { data, command }: Arguments) -> Result<(), Ending> {
    memory::guard().map_err(Ending::Memory)?;
    let folder = Folder(data);
    match command {
        Command::Init { demonstration } => init(&folder, demonstration).await,
        Command::Run { lane: _ } => serve(&folder).await,
        Command::SealRoot { again } => {
            let table = || folder.configuration().ok().and_then(|all| all.root_token);
            let table = || table().ok_or(Fault::Unnamed);
            Ok(passphrase::seal_file(&folder.root_key(), again, table)?)
        }
        Command::RootToToken { from_sheet, again } => {
            let (path, table) = (folder.root_key(), folder.token()?);
            let how = (from_sheet, again);
            Ok(passphrase::to_token(&path, &table, how)?)
        }
        Command::Unlock => Ok(passphrase::unlock(&folder.0, &folder.root_key()).await?),
        Command::ExportLedger { out } => export_ledger(&folder, &out).await,
        Command::Freeze(rung) => type_in(&folder, Typed::Freeze(rung)).await,
        Command::Unfreeze(rung) => type_in(&folder, Typed::Unfreeze(rung)).await,
        Command::Policies(typed) => type_in(&folder, Typed::Policies(typed)).await,
        Command::Rotate(rotation) => type_in(&folder, Typed::Rotate(rotation)).await,
        Command::Practice(command) => type_in(&folder, Typed::ByTwo(command)).await,
    }
}

async fn type_in(folder: &Folder, typed: Typed) -> Result<(), Ending> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout());
    Ok(practice::run(typed, &folder.0, &mut input, &mut output).await?)
}

async fn init(folder: &Folder, demonstration: bool) -> Result<(), Ending> {
    let keeper = folder.keeper();
    fs::create_dir_all(&keeper).map_err(of(&keeper))?;
    let database = folder.database()?;
    let path = folder.root_key();
    let root = if demonstration {
        making::root_key(&path)?
    } else {
        passphrase::sealed_root(&path)?
    };
    match making::make(&database, &root, demonstration, SystemClock.now()).await {
        // A first try may have ended between making the installation and naming its operators.
        Ok(_) | Err(MakeError::AlreadyMade) => {}
        Err(error) => return Err(error.into()),
    }
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let opened = OpenedRoot {
        root,
        kind: if demonstration {
            IN_CLEAR
        } else {
            BY_PASSPHRASE
        },
        wrong_tries: 0,
        token: None,
    };
    let core = start(folder, database, opened, stop.clone(), &tasks).await?;
    let named = practice::name_operators(&core).await;
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    match named {
        Ok(codes) if demonstration => keep_codes(folder, &codes),
        Ok(codes) => Ok(passphrase::print_codes(&codes)?),
        Err(_) if operators_file(&folder.0).exists() => Ok(()),
        Err(_) => Err(Ending::Operators),
    }
}

/// A demonstration's two codes lie in a file of the keeper's user.
fn keep_codes(folder: &Folder, codes: &[String; 2]) -> Result<(), Ending> {
    let path = operators_file(&folder.0);
    let of = of(&path);
    let text = serde_json::to_vec(codes).map_err(|error| of(error.into()))?;
    let how = &mut OpenOptions::new();
    making::keep(&path, &text, how.create(true).truncate(true)).map_err(of)
}

/// The root key, and how it was had.
struct OpenedRoot {
    root: RootKey,
    kind: &'static str,
    /// Wrong passphrases before it.
    wrong_tries: u32,
    token: Option<Arc<RootToken>>,
}

/// As the trust page says it.
const IN_CLEAR: &str = "key file";
const BY_PASSPHRASE: &str = "passphrase";
const BY_TOKEN: &str = "token";

/// The root key; where it is sealed, once a person typed the passphrase or its token is there. `None` when told to end
/// before that.
async fn opened_root(
    folder: &Folder,
    stop: &CancellationToken,
) -> Result<Option<OpenedRoot>, Ending> {
    let file = root::read(&folder.root_key())?;
    let of_kind = |root, kind| OpenedRoot {
        root,
        kind,
        wrong_tries: 0,
        token: None,
    };
    let path = unlock::unlock_socket(&folder.0);
    let opening: BoxFuture<'_, Result<OpenedRoot, Ending>> = match file {
        RootFile::Open(root) => return Ok(Some(of_kind(root, IN_CLEAR))),
        RootFile::Sealed(sealed) => Box::pin(async move {
            tracing::warn!(
                "the keeper is sealed and opens nothing: type the passphrase with candour-keeper unlock"
            );
            let (root, wrong_tries) = unlock::until_typed(&sealed, &path).await?;
            Ok(OpenedRoot {
                wrong_tries,
                ..of_kind(root, BY_PASSPHRASE)
            })
        }),
        RootFile::Token(sealed) => {
            let token = RootToken::start(folder.token()?, sealed, path);
            let token = Arc::new(token.map_err(of(Path::new("token")))?);
            Box::pin(async move {
                Ok(OpenedRoot {
                    root: token.opened().await?,
                    kind: BY_TOKEN,
                    wrong_tries: 0,
                    token: Some(token),
                })
            })
        }
    };
    let of = of(Path::new("signals"));
    let mut terminate = signal(SignalKind::terminate()).map_err(of)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(of)?;
    let calls = listen(&folder.socket())?;
    let opened = tokio::select! {
        _ = terminate.recv() => return Ok(None),
        _ = interrupt.recv() => return Ok(None),
        opened = unlock::while_sealed(calls, stop, opening) => opened,
    };
    opened.transpose()
}

async fn start(
    folder: &Folder,
    database: Config,
    opened: OpenedRoot,
    stop: CancellationToken,
    tasks: &TaskTracker,
) -> Result<Arc<Core>, Ending> {
    let configuration = folder.configuration()?;
    let kept = folder.root_key();
    let own = fs::metadata(&kept).map_err(of(&kept))?.uid();
    let host = configuration.origin.host_str().unwrap_or_default();
    let core = Core::start(
        CoreParts {
            database,
            root: opened.root,
            root_kind: opened.kind,
            wrong_tries: opened.wrong_tries,
            token: opened.token,
            folder: folder.keeper(),
            public: folder.0.join("ledger"),
            relying_party: host.to_owned(),
            origins: vec![configuration.origin.clone(), configuration.room_origin],
            shares_user: folder.instances().users().contains(&own),
            clock: Arc::new(SystemClock),
            budgets: configuration.budgets,
            detection: configuration.detection,
            life: configuration.life,
            ages: configuration.ages,
            volume: configuration.ledger_volume,
            witnesses: configuration.witnesses,
            read_at_start: READ_AT_START,
        },
        stop,
        tasks,
    )
    .await?;
    Ok(core)
}

async fn serve(folder: &Folder) -> Result<(), Ending> {
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let Some(opened) = opened_root(folder, &stop).await? else {
        return Ok(());
    };
    let is_in_clear = opened.kind == IN_CLEAR;
    let core = start(folder, folder.database()?, opened, stop.clone(), &tasks).await?;
    match &core.config {
        config if config.is_demonstration => {}
        _ if is_in_clear => return Err(Ending::RootInClear),
        config if config.shares_user => return Err(Ending::SharedUser),
        config if config.shares_cluster => return Err(Ending::SharedCluster),
        _ => {}
    }
    let listener = listen(&folder.socket())?;
    let (held, commands) = (Arc::clone(&core), stop.clone());
    let (path, instances) = (command_socket(&folder.0), folder.instances());
    tasks.spawn(async move {
        if let Err(error) = practice::serve(held, instances, &path, commands).await {
            tracing::error!(%error, "nothing can be typed at this machine now");
        }
    });
    let service = Arc::new(KeeperService {
        core: Arc::clone(&core),
        instances: folder.instances(),
    });
    tasks.spawn(service::serve(listener, service, stop.clone()));
    tracing::info!(entries = core.ledger.size(), "the keeper serves");
    let ending = until_told(&core).await;
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    ending
}

/// Waits for a signal, or for another keeper to take over.
async fn until_told(core: &Core) -> Result<(), Ending> {
    let of = of(Path::new("signals"));
    let mut terminate = signal(SignalKind::terminate()).map_err(of)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(of)?;
    let mut look = tokio::time::interval(Duration::from_millis(200));
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            () = core.restart.cancelled() => return Ok(()),
            _ = look.tick() => {
                if core.ledger.health() == Health::Ended {
                    return Err(Ending::TakenOver);
                }
            }
        }
    }
}

/// The socket: whoever may call is known by credential and user, so anybody may reach it.
fn listen(path: &Path) -> Result<UnixListener, Ending> {
    let of = of(path);
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(of(error)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(of)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o666)).map_err(of)?;
    Ok(listener)
}

async fn export_ledger(folder: &Folder, out: &Path) -> Result<(), Ending> {
    let root = match root::read(&folder.root_key())? {
        RootFile::Open(root) => root,
        RootFile::Sealed(sealed) => passphrase::opened(&sealed)?,
        RootFile::Token(sealed) => passphrase::of_token(&folder.token()?, &sealed)?,
    };
    let keys = Keys::new(root)?;
    let file = File::create(out).map_err(of(out))?;
    let count = export::export(&folder.database()?, &keys, BufWriter::new(file)).await?;
    tracing::info!(entries = count, "the ledger was exported");
    Ok(())
}
