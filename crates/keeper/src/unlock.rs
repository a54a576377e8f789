//! A keeper whose root key is sealed: it answers nobody until a person types the passphrase, or its token is there.

use crate::practice::CommandError;
use crate::root::SealedRoot;
use candour_keeper_wire::service::{self, Answer};
use candour_keeper_wire::wire::{Call, Reply};
use candour_keeper_wire::words::Reason;
use candour_seal::{RootKey, Zeroizing};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedWriteHalf, UCred};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Longest passphrase in bytes.
const LONGEST: usize = 1024;
/// How long a passphrase may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a wrong one is thought about.
const AFTER_WRONG: Duration = Duration::from_secs(2);
pub(crate) const OPENED: &str = "open\n";
const WRONG: &str = "wrong\n";

/// Where a sealed keeper takes its passphrase.
pub fn unlock_socket(data: &Path) -> PathBuf {
    data.join("keeper").join("unlock.sock")
}

/// To everybody: nothing opens now.
struct Sealed;

impl Answer for Sealed {
    type Peer = ();

    fn connected(&self, _: Option<UCred>) -> Option<()> {
        Some(())
    }

    async fn answer(self: Arc<Self>, _: Arc<()>, _: Call) -> Reply {
        Reply::Refused(crate::ledger::Refusal::from(Reason::Sealed).into())
    }
}

/// Answers on `calls` that nothing opens while something is waited for. `None` when `stop` came first.
pub async fn while_sealed<T>(
    calls: UnixListener,
    stop: &CancellationToken,
    waiting: impl Future<Output = T>,
) -> Option<T> {
    let (answered, tasks) = (stop.child_token(), TaskTracker::new());
    tasks.spawn(service::serve(calls, Arc::new(Sealed), answered.clone()));
    let found = tokio::select! {
        () = stop.cancelled() => None,
        found = waiting => Some(found),
    };
    answered.cancel();
    tasks.close();
    tasks.wait().await;
    found
}

/// Waits for the passphrase. With the key comes how many wrong passphrases there were: they are written once the
/// ledger can be.
///
/// # Errors
/// When the socket for the passphrase cannot be made.
pub async fn until_typed(sealed: &SealedRoot, path: &Path) -> Result<(RootKey, u32), CommandError> {
    let door = Door::open(path).map_err(CommandError::Socket)?;
    let mut wrong = 0;
    loop {
        let typed = door.typed().await;
        let (line, sealed) = (typed.line.clone(), sealed.clone());
        let opened = tokio::task::spawn_blocking(move || sealed.open(&line));
        if let Ok(Some(root)) = opened.await {
            typed.answer(OPENED).await;
            return Ok((root, wrong));
        }
        wrong += 1;
        tracing::warn!(wrong, "a wrong passphrase was given to the sealed keeper");
        tokio::time::sleep(AFTER_WRONG).await;
        typed.answer(WRONG).await;
    }
}

/// Where somebody types what opens the root key: a socket that the keeper's user alone reaches, for as long as it is
/// waited for.
pub(crate) struct Door {
    listener: UnixListener,
    path: PathBuf,
}

/// A line that somebody typed, and who waits for what it did.
pub(crate) struct Typed {
    /// What was typed, with what ends it.
    pub line: Zeroizing<String>,
    into: OwnedWriteHalf,
}

impl Door {
    /// Opens it.
    pub fn open(path: &Path) -> io::Result<Self> {
        let listener = owned(path)?;
        Ok(Self {
            listener,
            path: path.to_owned(),
        })
    }

    /// The next line. One at a time: whoever guesses waits for the one before.
    pub async fn typed(&self) -> Typed {
        loop {
            let Ok((stream, _)) = self.listener.accept().await else {
                tokio::time::sleep(AFTER_WRONG).await;
                continue;
            };
            let (from, into) = stream.into_split();
            let mut line = Zeroizing::new(String::with_capacity(LONGEST));
            let mut from = BufReader::new(from.take(LONGEST as u64));
            let read = tokio::time::timeout(PATIENCE, from.read_line(&mut line));
            if matches!(read.await, Ok(Ok(_))) {
                return Typed { line, into };
            }
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Typed {
    /// Says what it did, whether or not the one who typed still listens.
    pub async fn answer(mut self, said: &str) {
        let _ = self.into.write_all(said.as_bytes()).await;
    }
}

fn owned(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Gives a passphrase or PIN to the sealed keeper of a data directory; whether it fits.
///
/// # Errors
/// When no sealed keeper waits there, or it says what else is wrong.
pub async fn unlock(data: &Path, passphrase: &str) -> Result<bool, CommandError> {
    let stream = UnixStream::connect(unlock_socket(data))
        .await
        .map_err(CommandError::Socket)?;
    let (from, mut into) = stream.into_split();
    let line = Zeroizing::new(format!("{}\n", passphrase.trim()));
    into.write_all(line.as_bytes())
        .await
        .map_err(CommandError::Socket)?;
    let mut said = String::new();
    BufReader::new(from)
        .read_line(&mut said)
        .await
        .map_err(CommandError::Socket)?;
    match said.as_str() {
        OPENED => Ok(true),
        WRONG => Ok(false),
        "" => Err(CommandError::Unreadable),
        trouble => Err(CommandError::Trouble(trouble.trim_end().to_owned())),
    }
}
