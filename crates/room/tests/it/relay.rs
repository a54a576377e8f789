//! A mail relay that keeps what it takes, and stops where a test wants it to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// A mail as it was handed over.
#[derive(Clone, Debug)]
pub struct Mail {
    pub to: String,
    pub text: String,
}

impl Mail {
    pub fn message_id(&self) -> &str {
        let line = |line: &&str| line.starts_with("Message-ID:");
        self.text.lines().find(line).unwrap()
    }
}

/// Answers the mail that comes next only after the test said so.
struct Hold {
    came: oneshot::Sender<()>,
    go_on: oneshot::Receiver<()>,
}

#[derive(Default)]
struct Kept {
    mails: Mutex<Vec<Mail>>,
    holds: Mutex<VecDeque<Option<Hold>>>,
}

/// The relay; it ends with its value.
pub struct Relay {
    pub port: u16,
    kept: Arc<Kept>,
    _stop: DropGuard,
}

impl Relay {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (kept, stop) = (Arc::new(Kept::default()), CancellationToken::new());
        let (for_all, ends) = (Arc::clone(&kept), stop.clone());
        let tasks = TaskTracker::new();
        let conversations = tasks.clone();
        tasks.spawn(ends.clone().run_until_cancelled_owned(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let kept = Arc::clone(&for_all);
                conversations.spawn(
                    ends.clone()
                        .run_until_cancelled_owned(async move { converse(stream, &kept).await }),
                );
            }
        }));
        Self {
            port,
            kept,
            _stop: stop.drop_guard(),
        }
    }

    pub fn mails(&self) -> Vec<Mail> {
        self.kept.mails.lock().unwrap().clone()
    }

    /// Takes so many mails, then keeps the next one waiting for its answer. The first end says when that mail has
    /// come, the second lets it go.
    pub fn hold_after(&self, taken: usize) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        let (came, has_come) = oneshot::channel();
        let (let_go, go_on) = oneshot::channel();
        let mut holds = self.kept.holds.lock().unwrap();
        holds.extend((0..taken).map(|_| None));
        holds.push_back(Some(Hold { came, go_on }));
        (has_come, let_go)
    }
}

async fn converse(stream: TcpStream, kept: &Kept) -> Option<()> {
    let (from, mut into) = stream.into_split();
    let mut lines = BufReader::new(from).lines();
    into.write_all(b"220 relay\r\n").await.ok()?;
    let mut to = String::new();
    while let Some(line) = lines.next_line().await.ok()? {
        let answer = if line.starts_with("EHLO") {
            "250 relay"
        } else if let Some(rest) = line.strip_prefix("RCPT TO:<") {
            rest.split('>').next()?.clone_into(&mut to);
            "250 ok"
        } else if line == "DATA" {
            into.write_all(b"354 go on\r\n").await.ok()?;
            let mut text = String::new();
            loop {
                let line = lines.next_line().await.ok()??;
                if line == "." {
                    break;
                }
                text.push_str(&line);
                text.push_str("\r\n");
            }
            let hold = kept.holds.lock().unwrap().pop_front().flatten();
            if let Some(hold) = hold {
                hold.came.send(()).ok()?;
                hold.go_on.await.ok()?;
            }
            let mail = Mail {
                to: to.clone(),
                text,
            };
            kept.mails.lock().unwrap().push(mail);
            "250 kept"
        } else if line == "QUIT" {
            into.write_all(b"221 bye\r\n").await.ok()?;
            return None;
        } else {
            "250 ok"
        };
        into.write_all(format!("{answer}\r\n").as_bytes())
            .await
            .ok()?;
    }
    None
}
