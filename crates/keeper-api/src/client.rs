//! The client: one connection, many calls at once, connected again when it breaks.

use crate::notifications::Owed;
use crate::permit::{DepositPermit, Erased, Opened, Permit, Target};
use candour_keeper_wire::Token;
use candour_keeper_wire::frame::{self, Frames};
use candour_keeper_wire::wire::{self, Call, Reply, Request, Response};
use candour_keeper_wire::words::{Purpose, Reason, Telling};
use candour_seal::{InstallationId, InstanceId, ItemId};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use zeroize::Zeroizing;

/// The keeper refused; both facts are safe to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the keeper refused: {}", reason.word())]
pub struct Denied {
    /// Why.
    pub reason: Reason,
    /// Seconds until it may succeed; 0 when unknown.
    pub retry_after_seconds: u32,
}

impl Denied {
    /// Reads a refusal off the wire; an unknown reason counts as invalid.
    pub fn from_wire(refused: &wire::Refused) -> Self {
        Self {
            reason: Reason::try_from(refused.reason).unwrap_or(Reason::Invalid),
            retry_after_seconds: refused.retry_after_seconds,
        }
    }
}

/// Why a call to the keeper gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The keeper answered, and refused.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The keeper cannot be reached, died during the call, or did not answer in time. Nothing was released to us.
    #[error("the keeper cannot be reached")]
    Unreachable,
    /// The keeper's answer does not fit the question.
    #[error("the keeper's answer does not fit the question")]
    Unexpected,
}

/// Where the keeper is and who calls it.
#[derive(Clone)]
pub struct KeeperAddress {
    /// The keeper's Unix socket.
    pub socket: PathBuf,
    /// This process's own credential (32 bytes), issued by the supervisor.
    pub credential: Zeroizing<Vec<u8>>,
}

/// What goes with every reading call of one person's request.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// The session's token.
    pub token: Token,
    /// Why they read; chosen once for each visit.
    pub purpose: Purpose,
    /// The browser's network address as text; ours is the only word for it.
    pub network: String,
}

/// What a deposit gave.
pub enum DepositOutcome {
    /// Seal and store this, then say `Sealed`.
    New(DepositPermit),
    /// The same deposit was finished before; nothing is to be done.
    AlreadySealed(ItemId),
}

/// Who waits for which reply; `None` once the connection has ended and no reply can come.
type Waiting = Arc<Mutex<Option<HashMap<u64, oneshot::Sender<Reply>>>>>;

struct Connection {
    last_id: AtomicU64,
    requests: mpsc::Sender<Vec<u8>>,
    waiting: Waiting,
    _ends_with_us: DropGuard,
}

/// A connection and what the keeper said when it began.
#[derive(Clone)]
struct Greeted {
    connection: Arc<Connection>,
    installation: InstallationId,
    instance: InstanceId,
    is_demonstration: bool,
}

/// A connection to the keeper that may be shared by all requests of a process.
pub struct Keeper {
    address: KeeperAddress,
    /// Read by every call; changed only by whoever holds `connecting`.
    current: RwLock<Option<Greeted>>,
    connecting: tokio::sync::Mutex<()>,
    tasks: TaskTracker,
}

/// How long a call may take before it counts as unreachable.
const PATIENCE: Duration = Duration::from_secs(20);

impl Keeper {
    /// A client that connects at its first call.
    pub fn new(address: KeeperAddress) -> Self {
        Self {
            address,
            current: RwLock::default(),
            connecting: tokio::sync::Mutex::new(()),
            tasks: TaskTracker::new(),
        }
    }

    /// The installation and this process's instance, from the keeper's welcome.
    pub async fn introduce(&self) -> Result<(InstallationId, InstanceId, bool), CallError> {
        let greeted = self.connected().await?;
        Ok((
            greeted.installation,
            greeted.instance,
            greeted.is_demonstration,
        ))
    }

    /// One call and its reply. A refusal of the whole call comes back as [`CallError::Denied`].
    pub async fn call(&self, call: Call) -> Result<Reply, CallError> {
        let greeted = self.connected().await?;
        greeted.connection.call(call).await
    }

    /// Opens one target. What is granted is on the ledger before this returns.
    pub async fn open<T: Target>(
        &self,
        viewer: &Viewer,
        target: T,
    ) -> Result<Permit<T>, CallError> {
        let mut answers = self.open_batch(viewer, vec![target], "").await?;
        answers
            .pop()
            .ok_or(CallError::Unexpected)?
            .map_err(CallError::Denied)
    }

    /// Opens several targets in one round trip and one commit; one answer for each, in order.
    ///
    /// `reason` stands in the entry.
    pub async fn open_batch<T: Target>(
        &self,
        viewer: &Viewer,
        targets: Vec<T>,
        reason: &str,
    ) -> Result<Vec<Result<Permit<T>, Denied>>, CallError> {
        let call = wire::Open {
            reason: reason.to_owned(),
            ..wire::Open::default()
        };
        self.open_by(viewer, targets, call).await
    }

    /// Opens what a clinician's passkey signed in the ceremony of an `EmergencyStart`, once.
    pub async fn open_in_emergency<T: Target>(
        &self,
        viewer: &Viewer,
        targets: Vec<T>,
        ceremony: &[u8; 16],
        answer_json: String,
    ) -> Result<Vec<Result<Permit<T>, Denied>>, CallError> {
        let call = wire::Open {
            ceremony: ceremony.to_vec(),
            answer_json,
            ..wire::Open::default()
        };
        self.open_by(viewer, targets, call).await
    }

    async fn open_by<T: Target>(
        &self,
        viewer: &Viewer,
        targets: Vec<T>,
        call: wire::Open,
    ) -> Result<Vec<Result<Permit<T>, Denied>>, CallError> {
        let greeted = self.connected().await?;
        let installation = greeted.installation;
        let call = Call::Open(wire::Open {
            token: viewer.token.expose().to_vec(),
            purpose: viewer.purpose.into(),
            targets: targets.iter().map(Target::to_wire).collect(),
            network: viewer.network.clone(),
            ..call
        });
        let Reply::Opened(opened) = greeted.connection.call(call).await? else {
            return Err(CallError::Unexpected);
        };
        if opened.answers.len() != targets.len() {
            return Err(CallError::Unexpected);
        }
        targets
            .into_iter()
            .zip(opened.answers)
            .map(|(target, answer)| match answer.outcome {
                Some(wire::Outcome::Granted(granted)) => {
                    Permit::granted(target, granted, installation)
                        .map(Ok)
                        .ok_or(CallError::Unexpected)
                }
                Some(wire::Outcome::Denied(refused)) => Ok(Err(Denied::from_wire(&refused))),
                None => Err(CallError::Unexpected),
            })
            .collect()
    }

    /// Who opened a patient's record; looking is itself an entry.
    pub async fn history(
        &self,
        viewer: &Viewer,
        question: wire::History,
    ) -> Result<Opened<wire::HistoryPage>, CallError> {
        let question = wire::History {
            token: viewer.token.expose().to_vec(),
            network: viewer.network.clone(),
            ..question
        };
        match self.call(Call::History(question)).await? {
            Reply::History(page) => Ok(Opened::new(page)),
            _ => Err(CallError::Unexpected),
        }
    }

    /// What was erased by entries after an index; for the worker.
    pub async fn erased_after(&self, after: u64) -> Result<Erased, CallError> {
        let question = Call::Erased(wire::ErasedQuestion { after });
        match self.call(question).await? {
            Reply::Erased(answer) => Erased::new(&answer).ok_or(CallError::Unexpected),
            _ => Err(CallError::Unexpected),
        }
    }

    /// Of what people are to be told now; for the worker.
    pub async fn notifications_owed(&self) -> Result<Owed, CallError> {
        let question = Call::NotificationsOwed(wire::NotificationsQuestion {});
        match self.call(question).await? {
            Reply::NotificationsOwed(answer) => Ok(Owed::new(&answer)),
            _ => Err(CallError::Unexpected),
        }
    }

    /// Somebody was told of the entry at this index, or could not be; for the worker. Twice is once.
    pub async fn notification_done(&self, index: u64, outcome: Telling) -> Result<(), CallError> {
        let outcome = outcome.into();
        let done = Call::NotificationDone(wire::NotificationDone { index, outcome });
        self.call(done).await.map(drop)
    }

    /// Asks for keys of new items; for each a permit, or `None` when it is sealed already, or a refusal.
    pub async fn deposit(
        &self,
        token: &Token,
        items: Vec<wire::NewItem>,
    ) -> Result<Vec<Result<DepositOutcome, Denied>>, CallError> {
        let greeted = self.connected().await?;
        let installation = greeted.installation;
        let asked = items.len();
        let call = Call::Deposit(wire::Deposit {
            token: token.expose().to_vec(),
            items,
        });
        let Reply::Deposited(deposited) = greeted.connection.call(call).await? else {
            return Err(CallError::Unexpected);
        };
        if deposited.items.len() != asked {
            return Err(CallError::Unexpected);
        }
        deposited
            .items
            .into_iter()
            .map(|grant| match Reason::try_from(grant.refused) {
                Ok(reason) => Ok(Err(Denied {
                    reason,
                    retry_after_seconds: 0,
                })),
                Err(_) if grant.key.is_empty() => ItemId::try_from(grant.item.as_slice())
                    .map(|item| Ok(DepositOutcome::AlreadySealed(item)))
                    .map_err(|_| CallError::Unexpected),
                Err(_) => DepositPermit::granted(grant, installation)
                    .map(|permit| Ok(DepositOutcome::New(permit)))
                    .ok_or(CallError::Unexpected),
            })
            .collect()
    }

    /// The connection in use, or a new one where that has ended.
    async fn connected(&self) -> Result<Greeted, CallError> {
        if let Some(greeted) = self.in_use() {
            return Ok(greeted);
        }
        let _one_at_a_time = self.connecting.lock().await;
        if let Some(greeted) = self.in_use() {
            return Ok(greeted);
        }
        let greeted = self.connect().await?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(greeted.clone());
        Ok(greeted)
    }

    fn in_use(&self) -> Option<Greeted> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let greeted = current.as_ref()?;
        (!greeted.connection.requests.is_closed()).then(|| greeted.clone())
    }

    async fn connect(&self) -> Result<Greeted, CallError> {
        let stream = UnixStream::connect(&self.address.socket)
            .await
            .map_err(|_| CallError::Unreachable)?;
        let (from, mut into) = stream.into_split();
        let waiting: Waiting = Arc::new(Mutex::new(Some(HashMap::new())));
        let (requests, mut outgoing) = mpsc::channel::<Vec<u8>>(1024);
        let ends = CancellationToken::new();

        let writer_ends = ends.clone();
        self.tasks.spawn(async move {
            loop {
                let first = tokio::select! {
                    () = writer_ends.cancelled() => return,
                    first = outgoing.recv() => first,
                };
                let Some(mut bytes) = first else { return };
                while let Ok(more) = outgoing.try_recv() {
                    bytes.extend_from_slice(&more);
                }
                if into.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        });

        let (reader_ends, reader_waiting) = (ends.clone(), Arc::clone(&waiting));
        self.tasks.spawn(async move {
            let mut frames = Frames::new(from);
            loop {
                let response = tokio::select! {
                    () = reader_ends.cancelled() => break,
                    response = frames.next::<Response>() => response,
                };
                let Ok(Some(Response {
                    id,
                    reply: Some(reply),
                })) = response
                else {
                    break;
                };
                let asker = lock(&reader_waiting)
                    .as_mut()
                    .and_then(|waiting| waiting.remove(&id));
                if let Some(asker) = asker {
                    // The asker may have stopped waiting; then nobody wants the reply.
                    let _ = asker.send(reply);
                }
            }
            // Whoever still waits, or asks later, learns at once that the keeper is gone, not after the timeout.
            *lock(&reader_waiting) = None;
            reader_ends.cancel();
        });

        let connection = Connection {
            last_id: AtomicU64::new(0),
            requests,
            waiting,
            _ends_with_us: ends.drop_guard(),
        };
        let hello = Call::Hello(wire::Hello {
            credential: self.address.credential.to_vec(),
        });
        let Reply::Welcome(welcome) = connection.call(hello).await? else {
            return Err(CallError::Unexpected);
        };
        let read = |_| CallError::Unexpected;
        Ok(Greeted {
            connection: Arc::new(connection),
            installation: welcome.installation.as_slice().try_into().map_err(read)?,
            instance: welcome.instance.as_slice().try_into().map_err(read)?,
            is_demonstration: welcome.demonstration,
        })
    }
}

impl Connection {
    async fn call(&self, call: Call) -> Result<Reply, CallError> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let mut bytes = Vec::new();
        let request = Request {
            id,
            call: Some(call),
        };
        frame::append(&request, &mut bytes).map_err(|_| {
            CallError::Denied(Denied {
                reason: Reason::Invalid,
                retry_after_seconds: 0,
            })
        })?;
        let (reply, answer) = oneshot::channel();
        match lock(&self.waiting).as_mut() {
            Some(waiting) => drop(waiting.insert(id, reply)),
            None => return Err(CallError::Unreachable),
        }
        if self.requests.send(bytes).await.is_err() {
            return Err(CallError::Unreachable);
        }
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(Reply::Refused(refused))) => Err(Denied::from_wire(&refused).into()),
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(_)) | Err(_) => Err(CallError::Unreachable),
        }
    }
}

fn lock(
    waiting: &Waiting,
) -> std::sync::MutexGuard<'_, Option<HashMap<u64, oneshot::Sender<Reply>>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}
