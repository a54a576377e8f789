//! A keeper whose root key is sealed: it answers nobody until a person types the passphrase.

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
use tokio::net::unix::UCred;
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Longest passphrase in bytes.
const LONGEST: u64 = 1024;
/// How long a passphrase may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a wrong one is thought about.
const AFTER_WRONG: Duration = Duration::from_secs(2);
const OPENED: &str = "open\n";
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
        Reply::Refused(crate::ledger::Refusal::from(Reason::LedgerUnavailable).into())
    }
}

/// Waits for the passphrase, and answers on `calls` meanwhile that nothing opens. `None` when `stop` came first. With
/// the key comes how many wrong passphrases there were: they are written once the ledger can be.
///
/// # Errors
/// When the socket for the passphrase cannot be made.
pub async fn wait(
    sealed: &SealedRoot,
    calls: UnixListener,
    path: &Path,
    stop: &CancellationToken,
) -> Result<Option<(RootKey, u32)>, CommandError> {
    let listener = owned(path).map_err(CommandError::Socket)?;
    let (answered, tasks) = (stop.child_token(), TaskTracker::new());
    tasks.spawn(service::serve(calls, Arc::new(Sealed), answered.clone()));
    let mut wrong = 0;
    let found = loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break None,
            accepted = listener.accept() => accepted,
        };
        // One at a time: whoever guesses waits for the one before.
        let Ok((stream, _)) = accepted else { continue };
        let (from, mut into) = stream.into_split();
        let mut line = Zeroizing::new(String::new());
        let mut from = BufReader::new(from.take(LONGEST));
        let read = tokio::time::timeout(PATIENCE, from.read_line(&mut line));
        if !matches!(read.await, Ok(Ok(_))) {
            continue;
        }
        match tried(sealed, line).await {
            Some(root) => {
                // Whether or not the one who typed still listens.
                let _ = into.write_all(OPENED.as_bytes()).await;
                break Some((root, wrong));
            }
            None => {
                wrong += 1;
                tracing::warn!(wrong, "a wrong passphrase was given to the sealed keeper");
                tokio::time::sleep(AFTER_WRONG).await;
                let _ = into.write_all(WRONG.as_bytes()).await;
            }
        }
    };
    answered.cancel();
    tasks.close();
    tasks.wait().await;
    let _ = fs::remove_file(path);
    Ok(found)
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

async fn tried(sealed: &SealedRoot, line: Zeroizing<String>) -> Option<RootKey> {
    let sealed = sealed.clone();
    let opened = tokio::task::spawn_blocking(move || sealed.open(&line));
    opened.await.ok().flatten()
}

/// Gives a passphrase to the sealed keeper of a data directory; whether it fits.
///
/// # Errors
/// When no sealed keeper waits there.
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
        _ => Err(CommandError::Unreadable),
    }
}
