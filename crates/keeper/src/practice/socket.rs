//! The command socket of a running keeper: one line of JSON in, one line out.

use super::rotate::{Rotation, not_rotated, rotate};
use super::{Made, Ordered, carry_out};
use crate::core::Core;
use crate::freezing::{self, Rung};
use crate::instances::Instances;
use crate::policy;
use candour_keeper_wire::words::Reason;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::UCred;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Longest command in bytes.
const LONGEST: u64 = 512 * 1024;
/// How long a command may take to arrive.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// Why a command came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The socket cannot be made or reached.
    #[error(
        "the keeper's command socket cannot be used; is the keeper running, and is this its user?"
    )]
    Socket(#[source] std::io::Error),
    /// The keeper refused.
    #[error("the keeper refused: {0}")]
    Refused(String),
    /// The keeper says what is wrong.
    #[error("{0}")]
    Trouble(String),
    /// The answer is not one.
    #[error("the keeper's answer does not parse")]
    Unreadable,
    /// The operators' codes cannot be read.
    #[error("the operators' codes cannot be read")]
    Codes(#[source] std::io::Error),
    /// What is to be read before it is ordered cannot be.
    #[error("the folder of policies cannot be read: {0}")]
    Policies(#[source] std::io::Error),
}

/// What the socket takes.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// By two operators.
    ByTwo(Ordered),
    /// By whoever reaches the socket.
    Freeze(Rung),
    /// By two operators, with their codes.
    Unfreeze([String; 2], Rung),
    /// By one operator after the other.
    Policies(policy::Order),
    /// By whoever reaches the socket: it takes nothing from anybody.
    Rotate(Rotation),
}

/// What it answers.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// What two operators made.
    Made(Made),
    /// Lines for a person.
    Said(Vec<String>),
    /// Why nothing was done.
    Refused(String),
}

/// Takes commands until `stop`. The socket belongs to the keeper's user alone.
pub async fn serve(
    core: Arc<Core>,
    instances: Instances,
    path: &Path,
    stop: CancellationToken,
) -> Result<(), CommandError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(CommandError::Socket(error));
        }
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(CommandError::Socket)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .map_err(CommandError::Socket)?;
    let socket = Arc::new(Socket {
        core,
        instances,
        turn: Mutex::default(),
    });
    let mut under_way = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = under_way.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        if let Ok((stream, _)) = accepted {
            let socket = Arc::clone(&socket);
            under_way.spawn(async move {
                let _ = socket.answer(stream).await;
            });
        }
    }
    let _ = std::fs::remove_file(path);
    Ok(())
}

struct Socket {
    core: Arc<Core>,
    instances: Instances,
    /// Two people's commands, one at a time; a freeze waits for nobody.
    turn: Mutex<()>,
}

impl Socket {
    async fn answer(&self, stream: UnixStream) -> std::io::Result<()> {
        let by = user_of(&stream.peer_cred()?);
        let (from, mut into) = stream.into_split();
        let mut line = String::new();
        let mut from = BufReader::new(from.take(LONGEST));
        // Whoever has typed waits as long as it takes: comparing policies takes more than that.
        let read = tokio::time::timeout(PATIENCE, from.read_line(&mut line)).await;
        read.map_err(|_| std::io::ErrorKind::TimedOut)??;
        let answer = match serde_json::from_str::<Order>(&line) {
            Ok(order) => self.carry_out(order, &by).await,
            Err(_) => Answer::Refused(Reason::Invalid.word().to_owned()),
        };
        let mut text = serde_json::to_string(&answer)?;
        text.push('\n');
        into.write_all(text.as_bytes()).await
    }

    async fn carry_out(&self, order: Order, by: &str) -> Answer {
        let (core, instances) = (&self.core, &self.instances);
        let said = match order {
            Order::Policies(order) => {
                let _turn = self.turn.lock().await;
                let said = policy::carry_out(core, &order).await;
                return said.map_or_else(|unfit| Answer::Refused(unfit.to_string()), Answer::Said);
            }
            Order::ByTwo(ordered) => {
                let _turn = self.turn.lock().await;
                return match carry_out(core, &ordered).await {
                    Ok(made) => Answer::Made(made),
                    Err(refusal) => Answer::Refused(refusal.reason.word().to_owned()),
                };
            }
            Order::Rotate(rotation) => {
                return match rotate(core, &rotation, by).await {
                    Ok(line) => Answer::Said(vec![line]),
                    Err(refusal) => Answer::Refused(not_rotated(refusal.reason).to_owned()),
                };
            }
            Order::Freeze(rung) => freezing::freeze(core, instances, &rung, by).await,
            Order::Unfreeze(codes, rung) => {
                let _turn = self.turn.lock().await;
                freezing::unfreeze(core, instances, &codes, &rung, by).await
            }
        };
        said.map_or_else(|unfit| Answer::Refused(unfit.to_string()), Answer::Said)
    }
}

/// Who is at the other end, by the system's word: the user that the process runs as, and the one who logged in, where
/// the system keeps that (it stays through `sudo`).
fn user_of(peer: &UCred) -> String {
    let user = named(peer.uid());
    let login = peer.pid().and_then(|process| {
        let text = std::fs::read_to_string(format!("/proc/{process}/loginuid")).ok()?;
        text.trim().parse().ok()
    });
    match login {
        // The system's word for nobody.
        None | Some(u32::MAX) => user,
        Some(login) => format!("{user}, who logged in as {}", named(login)),
    }
}

/// The name and number of a user of this machine.
fn named(uid: u32) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut parts = line.split(':');
        let (name, number) = (parts.next()?, parts.nth(1)?);
        (number.parse() == Ok(uid)).then_some(name)
    });
    format!("user {} ({uid})", name.unwrap_or("without a name"))
}

/// Gives a command to the running keeper.
pub async fn ask(path: &Path, order: &Order) -> Result<Answer, CommandError> {
    let stream = UnixStream::connect(path)
        .await
        .map_err(CommandError::Socket)?;
    let (from, mut into) = stream.into_split();
    let mut text = serde_json::to_string(order).map_err(|_| CommandError::Unreadable)?;
    text.push('\n');
    into.write_all(text.as_bytes())
        .await
        .map_err(CommandError::Socket)?;
    let mut line = String::new();
    BufReader::new(from)
        .read_line(&mut line)
        .await
        .map_err(CommandError::Socket)?;
    serde_json::from_str(&line).map_err(|_| CommandError::Unreadable)
}
