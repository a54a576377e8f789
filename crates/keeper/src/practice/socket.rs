//! The command socket of a running keeper: one line of JSON in, one line out.

use super::{Made, Ordered, carry_out};
use crate::core::Core;
use candour_keeper_wire::words::Reason;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

/// Longest command in bytes.
const LONGEST: u64 = 16 * 1024;
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
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Made(Made),
    Refused(String),
}

/// Takes commands until `stop`. The socket belongs to the keeper's user alone.
pub async fn serve(
    core: Arc<Core>,
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
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        // One at a time: commands are rare, and each is two people's.
        if let Ok((stream, _)) = accepted {
            let _ = tokio::time::timeout(PATIENCE, answer(&core, stream)).await;
        }
    }
    let _ = std::fs::remove_file(path);
    Ok(())
}

async fn answer(core: &Core, stream: UnixStream) -> std::io::Result<()> {
    let (from, mut into) = stream.into_split();
    let mut line = String::new();
    BufReader::new(from.take(LONGEST))
        .read_line(&mut line)
        .await?;
    let answer = match serde_json::from_str::<Ordered>(&line) {
        Ok(ordered) => match carry_out(core, &ordered).await {
            Ok(made) => Answer::Made(made),
            Err(refusal) => Answer::Refused(refusal.reason.word().to_owned()),
        },
        Err(_) => Answer::Refused(Reason::Invalid.word().to_owned()),
    };
    let mut text = serde_json::to_string(&answer)?;
    text.push('\n');
    into.write_all(text.as_bytes()).await
}

/// Gives a command to the running keeper.
pub async fn ask(path: &Path, ordered: &Ordered) -> Result<Made, CommandError> {
    let stream = UnixStream::connect(path)
        .await
        .map_err(CommandError::Socket)?;
    let (from, mut into) = stream.into_split();
    let mut text = serde_json::to_string(ordered).map_err(|_| CommandError::Unreadable)?;
    text.push('\n');
    into.write_all(text.as_bytes())
        .await
        .map_err(CommandError::Socket)?;
    let mut line = String::new();
    BufReader::new(from)
        .read_line(&mut line)
        .await
        .map_err(CommandError::Socket)?;
    match serde_json::from_str(&line).map_err(|_| CommandError::Unreadable)? {
        Answer::Made(made) => Ok(made),
        Answer::Refused(reason) => Err(CommandError::Refused(reason)),
    }
}
