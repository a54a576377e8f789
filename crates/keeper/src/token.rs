//! The root key in a PKCS#11 token: a key that never leaves the token opens the root key's file.
//!
//! Modules block, and may hang. One thread speaks to the module, one question at a time, and everybody else waits for a
//! bounded time: until a question is answered no other is asked, and what is answered too late opens nothing.

pub mod module;
pub mod watch;

use crate::root::TokenRoot;
use candour_keeper_wire::wire;
use candour_seal::{RootKey, Zeroizing};
use cryptoki::context::Pkcs11;
use module::Opened;
use rustix::process::geteuid;
use serde::Deserialize;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex as Lock, PoisonError, mpsc};
use std::thread;
use std::time::Duration;
use tokio::sync::{Mutex, oneshot};
use tokio::time::timeout;

/// How long a question to the token is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest PIN in bytes.
const LONGEST_PIN: u64 = 256;

/// Which token; in `candour.json`. What its module wants in its environment is the supervisor's.
#[derive(Debug, Clone, Deserialize)]
pub struct TokenTable {
    /// The module's file.
    pub module: PathBuf,
    /// The token's label.
    pub label: String,
    /// Its serial number, where several have that label. The file that a token sealed names its own.
    pub serial: Option<String>,
    /// The label that a new key in it gets.
    #[serde(default = "usual_key")]
    pub key: String,
    /// Where the PIN lies; a person types it when absent.
    pub pin_file: Option<PathBuf>,
}

fn usual_key() -> String {
    "candour-root".to_owned()
}

/// Why a token does not open the root key. Each is a sentence with the next step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// `candour.json` names none.
    #[error(
        "the root key is sealed by a token, and candour.json does not say which. Name module and label in root_token"
    )]
    Unnamed,
    /// The module does not load.
    #[error(
        "the module {0} of the token is not loaded: {1}. Install it, or correct root_token.module"
    )]
    Module(PathBuf, String),
    /// No token has that label.
    #[error("no token called {0} is there. Plug it in")]
    NoToken(String),
    /// One has, and is another.
    #[error(
        "the token called {0} is not the one that sealed the root key: its serial number is another. Plug in that one, or \
         seal the root key by this one, from the recovery sheet"
    )]
    OtherToken(String),
    /// More than one.
    #[error("several tokens are called {0}. Name the serial number of one in root_token.serial")]
    Several(String),
    /// It has no PIN.
    #[error("the token has no PIN for a user yet. Set one with its maker's tool")]
    NoPin,
    /// It refused the PIN.
    #[error(
        "the token refused the PIN. It was given once and is not given again. Type the right one: candour-keeper unlock"
    )]
    WrongPin,
    /// One more wrong one, and it locks itself.
    #[error(
        "the token locks itself after one more wrong PIN, so it is given none. Log in to it once with its maker's tool"
    )]
    FinalTry,
    /// It locked itself.
    #[error(
        "the token locked itself after too many wrong PINs. Its security officer unlocks it with its maker's tool"
    )]
    Locked,
    /// Somebody has to type the PIN.
    #[error("the token waits for its PIN. Type it: candour-keeper unlock")]
    PinNeeded,
    /// The PIN's file does not serve.
    #[error("the file {0} gives no PIN: {1}. Type the PIN: candour-keeper unlock")]
    PinFile(PathBuf, String),
    /// It holds no such key.
    #[error(
        "the token does not hold the key that sealed the root key. If that was deleted, seal the root key anew, from the \
         recovery sheet"
    )]
    NoKey,
    /// The key could leave it.
    #[error(
        "the key could be taken out of the token, so it guards nothing. Seal the root key anew: candour-keeper root-to-token"
    )]
    Loose,
    /// It cannot do what is asked of it.
    #[error("the token cannot make a key for HMAC-SHA-256, or use it. Take another token")]
    Unsuited,
    /// Its answer does not open the file.
    #[error(
        "the token's key does not open the root key's file: one of them was changed. Seal the root key anew, from the \
         recovery sheet"
    )]
    Foreign,
    /// It does not answer.
    #[error("the token did not answer within {} seconds. Look at it, and at its module's log", PATIENCE.as_secs())]
    Hangs,
    /// Anything else that a module says.
    #[error("the token does not do what it is asked ({0}). Look at it, and at its module's log")]
    Failed(String),
}

/// What the thread is asked.
enum Question {
    /// Whether the token is still there.
    Look,
    /// The root key, by the session that is open.
    Again,
    /// The root key, by a new session; with a PIN that somebody typed, else with the file's.
    Open(Option<Zeroizing<String>>),
}

type Answered = Result<Option<RootKey>, Fault>;
type Asked = (Question, oneshot::Sender<Answered>);

/// The token that sealed the root key, and how it is.
pub struct RootToken {
    asks: mpsc::Sender<Asked>,
    /// The answer that was not waited for to its end.
    late: Mutex<Option<oneshot::Receiver<Answered>>>,
    door: PathBuf,
    trouble: Lock<String>,
    is_away: AtomicBool,
    counts: Arc<Counts>,
}

/// What the token did since this process began, also when nobody waited for the answer.
#[derive(Default)]
struct Counts {
    uses: AtomicU64,
    wrong_pins: AtomicU32,
    model: Lock<String>,
}

impl RootToken {
    /// Begins to speak to a token, which is away until it gave the root key once. Who types its PIN does so at `door`.
    ///
    /// # Errors
    /// When there is no thread for it.
    pub fn start(table: TokenTable, sealed: TokenRoot, door: PathBuf) -> io::Result<Self> {
        let (asks, asked) = mpsc::channel::<Asked>();
        let counts = Arc::new(Counts::default());
        let mut hands = Hands {
            table,
            sealed,
            module: None,
            opened: None,
            refused: None,
            counts: Arc::clone(&counts),
        };
        // Never joined: a module that hangs must not keep the keeper from ending.
        thread::Builder::new()
            .name("token".to_owned())
            .spawn(move || {
                for (question, answer) in asked {
                    // Whoever stopped waiting gets nothing, and what was answered is wiped.
                    let _ = answer.send(hands.answer(question));
                }
            })?;
        Ok(Self {
            asks,
            late: Mutex::new(None),
            door,
            trouble: Lock::default(),
            is_away: AtomicBool::new(true),
            counts,
        })
    }

    /// Whether the root key cannot be had now.
    pub fn is_away(&self) -> bool {
        self.is_away.load(Ordering::Acquire)
    }

    /// How often it gave the root key since this process began.
    pub fn uses(&self) -> u64 {
        self.counts.uses.load(Ordering::Relaxed)
    }

    /// How many PINs it refused since this process began.
    pub fn wrong_pins(&self) -> u32 {
        self.counts.wrong_pins.load(Ordering::Relaxed)
    }

    /// What the trust page says.
    pub(crate) fn status(&self) -> wire::KeyToken {
        wire::KeyToken {
            model: text(&self.counts.model),
            uses: self.uses(),
            trouble: text(&self.trouble),
        }
    }

    /// Notes that nothing opens, and why; says so once.
    fn note_trouble(&self, fault: &Fault) {
        self.is_away.store(true, Ordering::Release);
        let said = fault.to_string();
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if *trouble != said {
            tracing::error!("nothing opens: {said}");
            *trouble = said;
        }
    }

    /// Notes that the root key is at hand.
    pub(crate) fn note_back(&self) {
        self.is_away.store(false, Ordering::Release);
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.clear();
    }

    async fn ask(&self, question: Question) -> Answered {
        let mut late = self.late.lock().await;
        if let Some(mut earlier) = late.take()
            && timeout(PATIENCE, &mut earlier).await.is_err()
        {
            *late = Some(earlier);
            return Err(Fault::Hangs);
        }
        let (reply, mut answer) = oneshot::channel();
        let gone = || Fault::Failed("its module ended the thread that speaks to it".to_owned());
        self.asks.send((question, reply)).map_err(|_| gone())?;
        let Ok(answered) = timeout(PATIENCE, &mut answer).await else {
            *late = Some(answer);
            return Err(Fault::Hangs);
        };
        answered.map_err(|_| gone())?
    }

    async fn look(&self) -> Result<(), Fault> {
        self.ask(Question::Look).await.map(drop)
    }

    async fn root(&self, question: Question) -> Result<RootKey, Fault> {
        self.ask(question).await?.ok_or(Fault::PinNeeded)
    }
}

fn text(lock: &Lock<String>) -> String {
    lock.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// What the thread holds.
struct Hands {
    table: TokenTable,
    sealed: TokenRoot,
    /// Loaded once and never unloaded: some modules do not survive that.
    module: Option<Pkcs11>,
    opened: Option<Opened>,
    /// The PIN that the token refused last: out of a file it is not given twice.
    refused: Option<Zeroizing<String>>,
    counts: Arc<Counts>,
}

impl Hands {
    fn answer(&mut self, question: Question) -> Answered {
        let answered = match question {
            Question::Look => self.held().and_then(|held| held.look().map(|()| None)),
            Question::Again => self.give().map(Some),
            Question::Open(typed) => self.open(typed).and_then(|()| self.give().map(Some)),
        };
        if answered.is_err() {
            self.opened = None;
        }
        answered
    }

    fn held(&self) -> Result<&Opened, Fault> {
        self.opened.as_ref().ok_or(Fault::PinNeeded)
    }

    /// One use of the token's key.
    fn give(&self) -> Result<RootKey, Fault> {
        let held = self.held()?;
        self.counts.uses.fetch_add(1, Ordering::Relaxed);
        held.root(&self.sealed)
    }

    fn open(&mut self, typed: Option<Zeroizing<String>>) -> Result<(), Fault> {
        self.opened = None;
        let module = match self.module.take() {
            Some(module) => module,
            None => module::load(&self.table)?,
        };
        let (mut of_file, is_typed) = (None, typed.is_some());
        let opened = Opened::open(&module, &self.table, &self.sealed, || match typed {
            Some(typed) => Ok(typed),
            None => self
                .pin_of_file()
                .inspect(|pin| of_file = Some(pin.clone())),
        });
        self.module = Some(module);
        if let Err(Fault::WrongPin) = &opened
            && (is_typed || of_file.is_some())
        {
            self.counts.wrong_pins.fetch_add(1, Ordering::Relaxed);
            self.refused = of_file.or_else(|| self.refused.take());
        }
        let opened = opened?;
        opened.model.clone_into(
            &mut self
                .counts
                .model
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        self.opened = Some(opened);
        Ok(())
    }

    fn pin_of_file(&self) -> Result<Zeroizing<String>, Fault> {
        let path = self.table.pin_file.as_ref().ok_or(Fault::PinNeeded)?;
        let pin = read_pin(path)?;
        if self.refused.as_ref() == Some(&pin) {
            return Err(Fault::WrongPin);
        }
        Ok(pin)
    }
}

/// Reads a PIN out of a file that only its owner, this process's user, can read.
///
/// # Errors
/// [`Fault::PinFile`].
pub(crate) fn read_pin(path: &Path) -> Result<Zeroizing<String>, Fault> {
    let cannot = |why: &str| Fault::PinFile(path.to_owned(), why.to_owned());
    let failed = |error: io::Error| Fault::PinFile(path.to_owned(), error.to_string());
    let file = File::open(path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    if !found.is_file() || found.mode() & 0o077 != 0 || found.uid() != geteuid().as_raw() {
        return Err(cannot(
            "others can read it. Give it to the keeper's user, with mode 600",
        ));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(LONGEST_PIN)
        .read_to_string(&mut text)
        .map_err(failed)?;
    let pin = Zeroizing::new(text.trim().to_owned());
    if pin.is_empty() {
        return Err(cannot("it is empty"));
    }
    Ok(pin)
}
