//! `candour witness`: a small witness. It remembers the newest checkpoint of each log that it watches, and cosigns the
//! next one only when it is shown that the log only grew ([C2SP tlog-witness](https://c2sp.org/tlog-witness)).

pub mod key;
pub mod log;

use std::convert::Infallible;
use std::fs::{self, File, TryLockError};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use candour_ledger::checkpoint::LARGEST_NOTE;
use candour_ledger::{LogVerifier, WitnessSigner};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Problem;
use log::{Answer, Log, Request};

/// Largest request: a note and a proof.
const LARGEST_BODY: usize = LARGEST_NOTE + 4 * 1024;
/// How long a request's head may take, and its body again.
const PATIENCE: Duration = Duration::from_secs(10);
/// Connections at once; further ones wait in the system's queue.
const MOST_CONNECTIONS: usize = 64;

/// What a witness is told on its command line.
#[derive(Debug, Clone, clap::Args)]
pub struct Wishes {
    /// Where it listens, such as 127.0.0.1:8095; in front of it stands whatever encrypts.
    #[arg(long)]
    pub listen: SocketAddr,
    /// The directory of its key and of what it has seen; made when it is missing. Keep it: a witness that forgets is none.
    #[arg(long)]
    pub data: PathBuf,
    /// The name of the log: the first line of its checkpoints. Repeat it with --key for each log.
    #[arg(long, required = true)]
    pub origin: Vec<String>,
    /// The verifier key of the log (name+id+key), as its trust page prints it.
    #[arg(long, required = true)]
    pub key: Vec<String>,
    /// The witness's own name, such as witness.example.org/w1; used once, when its key is made.
    #[arg(long)]
    pub name: Option<String>,
}

/// A witness that can be asked.
pub struct Witness {
    signer: WitnessSigner,
    logs: Vec<Log>,
    clock: fn() -> Timestamp,
    _lock: File,
}

impl Witness {
    /// Opens the folder of a witness, making it and its key when they are missing.
    ///
    /// # Errors
    /// When a key is not valid, or the folder is in use, damaged, or cannot be written.
    pub fn open(wishes: &Wishes, clock: fn() -> Timestamp) -> Result<Self, Problem> {
        let folder = &wishes.data;
        fs::create_dir_all(folder).map_err(Problem::file("could not make", folder))?;
        let lock = lock(folder)?;
        let signer = key::read_or_make(folder, wishes.name.as_deref())?;
        if wishes.origin.len() != wishes.key.len() {
            return Err(Problem::Machine(
                "each log has one --origin and one --key. Name both for every log".to_owned(),
            ));
        }
        let pairs = wishes.origin.iter().zip(&wishes.key);
        let logs = pairs.map(|(origin, key)| Log::open(folder, verifier(origin, key)?));
        Ok(Self {
            signer,
            logs: logs.collect::<Result<_, _>>()?,
            clock,
            _lock: lock,
        })
    }

    /// The key to check its cosignatures with.
    pub fn verifier(&self) -> String {
        self.signer.verifier().to_string()
    }

    /// The answer to the body of an `add-checkpoint`. Waits for the disk.
    pub fn answer(&self, body: &[u8]) -> Answer {
        let Some(request) = Request::parse(body) else {
            return Answer::Malformed("The body is not: old size, proof, blank line, checkpoint.");
        };
        let at = u64::try_from((self.clock)().as_second()).unwrap_or_default();
        let log = self.logs.iter().find(|log| log.origin() == request.origin);
        log.map_or(Answer::UnknownLog, |log| {
            log.add(&request, &self.signer, at)
        })
    }
}

fn verifier(origin: &str, key: &str) -> Result<LogVerifier, Problem> {
    let verifier = LogVerifier::parse(key).map_err(|error| {
        Problem::Machine(format!(
            "--key {key}: {error}. Take the log's verifier key from its trust page"
        ))
    })?;
    if verifier.name() == origin {
        return Ok(verifier);
    }
    Err(Problem::Machine(format!(
        "--key is of the log {}, and --origin names {origin}. Take both from the log's trust page",
        verifier.name()
    )))
}

/// Two witnesses on one folder would cosign two pasts.
fn lock(folder: &Path) -> Result<File, Problem> {
    let file = folder.join("lock");
    let held = File::create(&file).map_err(Problem::file("could not create", &file))?;
    match held.try_lock() {
        Ok(()) => Ok(held),
        Err(TryLockError::WouldBlock) => Err(Problem::Machine(format!(
            "another witness runs on {}. End it first, or name another directory with --data",
            folder.display()
        ))),
        Err(TryLockError::Error(error)) => Err(Problem::file("could not lock", &file)(error)),
    }
}

/// Runs a witness until `stop`; `announce` gets the line with its verifier key once it listens.
///
/// # Errors
/// As [`Witness::open`]; also when the address is taken.
pub async fn run(
    wishes: &Wishes,
    clock: fn() -> Timestamp,
    stop: CancellationToken,
    announce: impl FnOnce(&str, SocketAddr),
) -> Result<(), Problem> {
    let witness = Arc::new(Witness::open(wishes, clock)?);
    let listen = |error| {
        Problem::Machine(format!(
            "the witness cannot listen at {}: {error}. Name another address with --listen",
            wishes.listen
        ))
    };
    let listener = TcpListener::bind(wishes.listen).await.map_err(listen)?;
    announce(&witness.verifier(), listener.local_addr().map_err(listen)?);
    for log in &witness.logs {
        tracing::info!(
            origin = log.origin(),
            entries = log.size(),
            "a log is watched"
        );
    }
    serve(listener, witness, stop).await;
    Ok(())
}

async fn serve(listener: TcpListener, witness: Arc<Witness>, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (witness, stop) = (Arc::clone(&witness), stop.clone());
        connections.spawn(async move {
            connection(stream, witness, stop).await;
            drop(place);
        });
    }
    connections.close();
    let _ = tokio::time::timeout(PATIENCE, connections.wait()).await;
}

async fn connection(stream: TcpStream, witness: Arc<Witness>, stop: CancellationToken) {
    let service = service_fn(move |request| {
        let witness = Arc::clone(&witness);
        async move { Ok::<_, Infallible>(respond(witness, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        // Whoever went away is no news.
        _ = connection.as_mut() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

async fn respond(witness: Arc<Witness>, request: http::Request<Incoming>) -> Response<Full<Bytes>> {
    if request.uri().path() != "/add-checkpoint" {
        return text(
            StatusCode::NOT_FOUND,
            "There is nothing here but POST /add-checkpoint.\n",
        );
    }
    if request.method() != Method::POST {
        return text(StatusCode::METHOD_NOT_ALLOWED, "Ask with POST.\n");
    }
    let body = Limited::new(request.into_body(), LARGEST_BODY).collect();
    let body = match tokio::time::timeout(PATIENCE, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => {
            return text(
                StatusCode::BAD_REQUEST,
                "The body is too large, or broke off.\n",
            );
        }
        Err(_) => {
            return text(
                StatusCode::REQUEST_TIMEOUT,
                "The body did not arrive in time.\n",
            );
        }
    };
    let answer = tokio::task::spawn_blocking(move || witness.answer(&body)).await;
    said(answer.unwrap_or(Answer::NotKept))
}

fn said(answer: Answer) -> Response<Full<Bytes>> {
    match answer {
        Answer::Cosigned(line) => text(StatusCode::OK, line),
        Answer::Malformed(why) => text(StatusCode::BAD_REQUEST, format!("{why}\n")),
        Answer::UnknownLog => text(StatusCode::NOT_FOUND, "This log is not watched here.\n"),
        Answer::Unsigned => text(
            StatusCode::FORBIDDEN,
            "The checkpoint is not signed by the log's key.\n",
        ),
        Answer::Stale(size) => {
            let mut response = text(StatusCode::CONFLICT, format!("{size}\n"));
            let kind = HeaderValue::from_static("text/x.tlog.size");
            response.headers_mut().insert(CONTENT_TYPE, kind);
            response
        }
        Answer::OtherRoot => text(
            StatusCode::CONFLICT,
            "A checkpoint of this size with another root was cosigned.\n",
        ),
        Answer::Unproved => text(
            StatusCode::UNPROCESSABLE_ENTITY,
            "The proof does not show that the log only grew.\n",
        ),
        Answer::NotKept => text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The checkpoint could not be kept, so it is not cosigned. Try again.\n",
        ),
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
