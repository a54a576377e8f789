//! A mail server for demonstrations, drills and tests: it takes real SMTP on the loopback interface and
//! keeps every message as a file, sends nothing, and shows what it has by recipient.

mod conversation;
mod letters;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use letters::{Letter, LetterName, MailFolder};

/// The largest message that is taken, in bytes.
pub const LARGEST_MESSAGE_BYTES: usize = 10 * 1_048_576;

/// Conversations at the same time; more wait in the system's queue.
const CONVERSATIONS: usize = 64;

/// The longest one conversation may last.
const PATIENCE: Duration = Duration::from_mins(5);

/// A running mail server; [`Mailbox::stop`] ends it in order.
#[derive(Debug)]
pub struct Mailbox {
    address: SocketAddr,
    folder: MailFolder,
    received: Arc<AtomicU64>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What every conversation shares.
struct Service {
    folder: MailFolder,
    received: Arc<AtomicU64>,
    clock: fn() -> Timestamp,
}

impl Mailbox {
    /// Takes mail at `listen` (a loopback address; port 0 picks a free one) into `folder`.
    ///
    /// `clock` is asked once per message for the time it arrived.
    ///
    /// # Errors
    /// When the address is not of the loopback interface or is taken, or the folder cannot be made.
    pub async fn start(
        listen: SocketAddr,
        folder: impl AsRef<Path>,
        clock: fn() -> Timestamp,
    ) -> io::Result<Self> {
        if !listen.ip().is_loopback() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the capturing mail server listens on the loopback interface only",
            ));
        }
        let folder = MailFolder::open(folder.as_ref())?;
        let listener = TcpListener::bind(listen).await?;
        let mailbox = Self {
            address: listener.local_addr()?,
            folder: folder.clone(),
            received: Arc::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let service = Arc::new(Service {
            folder,
            received: mailbox.received.clone(),
            clock,
        });
        let (stop, tasks) = (mailbox.stop.clone(), mailbox.tasks.clone());
        mailbox.tasks.spawn(async move {
            accept(listener, service, stop, tasks).await;
        });
        Ok(mailbox)
    }

    /// The address it listens at.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The messages it keeps.
    pub fn folder(&self) -> &MailFolder {
        &self.folder
    }

    /// How many messages it has taken since it was started.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Acquire)
    }

    /// Takes no more, and waits for the conversations to end.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Where the messages lie.
    pub fn path(&self) -> PathBuf {
        self.folder.path().to_path_buf()
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(
    listener: TcpListener,
    service: Arc<Service>,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    let places = Arc::new(Semaphore::new(CONVERSATIONS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        let stream: TcpStream = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else {
                    // Out of file descriptors: others will end and free some.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                stream
            }
        };
        let (service, stop) = (service.clone(), stop.clone());
        tasks.spawn(async move {
            let talk = conversation::hold(stream, &service);
            tokio::select! {
                () = stop.cancelled() => {}
                _ = tokio::time::timeout(PATIENCE, talk) => {}
            }
            drop(place);
        });
    }
}
