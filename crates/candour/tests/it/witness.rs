//! The real keeper, the real client and real witnesses, over the loopback interface.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use candour::configuration::{Configuration, Witness};
use candour::witness::log::Answer;
use candour::witness::{self, Wishes, key};
use candour::witness_client;
use candour_keeper_api::wire::{Call, Reply, StatusQuestion, Witnessing};
use candour_keeper_api::words::{Purpose, Reason, Role, Section};
use candour_keeper_api::{CallError, Section as SectionOf, Viewer};
use candour_ledger::{LogSigner, Note, WitnessVerifier, leaf_hash, prove_consistency};
use candour_seal::PatientId;
use candour_testkit::keeper::{InstanceKind, KEEPER, Named, Settings, Staff, WitnessTable};
use candour_testkit::{TestCluster, TestDatabase, TestKeeper};
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const MOST: u64 = 50;

fn clock() -> Timestamp {
    "2026-03-02T21:00:00Z".parse().unwrap()
}

/// A witness that can be ended and started again where it was.
struct Running {
    folder: TempDir,
    name: String,
    address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Running {
    /// A witness that has its key already and does not run yet.
    fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        key::read_or_make(folder.path(), Some(name)).unwrap();
        Self {
            folder,
            name: name.to_owned(),
            address: "127.0.0.1:0".parse().unwrap(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    fn key(&self) -> String {
        let signer = key::read_or_make(self.folder.path(), None).unwrap();
        signer.verifier().to_string()
    }

    fn wishes(&self, log: &str) -> Wishes {
        Wishes {
            listen: self.address,
            data: self.folder.path().to_owned(),
            origin: vec![log.split('+').next().unwrap().to_owned()],
            key: vec![log.to_owned()],
            name: Some(self.name.clone()),
        }
    }

    async fn start(&mut self, log: &str) {
        self.stop = CancellationToken::new();
        self.tasks = TaskTracker::new();
        let (wishes, stop) = (self.wishes(log), self.stop.clone());
        let (tell, told) = tokio::sync::oneshot::channel();
        self.tasks.spawn(async move {
            let announce = |_: &str, address| {
                let _ = tell.send(address);
            };
            witness::run(&wishes, clock, stop, announce).await.unwrap();
        });
        self.address = told.await.unwrap();
    }

    async fn end(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn post(&self, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = format!(
            "POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer)
    }
}

/// A keeper with witnesses that are configured, and the one who asks them.
struct Installation {
    keeper: TestKeeper,
    witnesses: Vec<Running>,
    log: String,
    stop: CancellationToken,
    tasks: TaskTracker,
    staff: Staff,
    _database: TestDatabase,
}

impl Installation {
    async fn with(names: &[&str], quorum: usize) -> Self {
        let witnesses: Vec<Running> = names.iter().map(|name| Running::new(name)).collect();
        let named = witnesses.iter().map(|witness| Named {
            name: witness.name.clone(),
            key: witness.key(),
        });
        let settings = Settings {
            witnesses: WitnessTable {
                witnesses: named.collect(),
                witness_quorum: Some(quorum),
                most_unwitnessed_entries: MOST,
            },
            ..Settings::default()
        };
        let database = TestCluster::shared().database(&KEEPER).await;
        let keeper = TestKeeper::start_with(&database, settings).await;
        let practice = keeper.practice().await;
        let staff = keeper.staff(practice, Role::Clinician).await;
        let log = keeper.core.checkpoints.verifier().to_string();
        fs::create_dir_all(keeper.brought()).unwrap();
        Self {
            keeper,
            witnesses,
            log,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            staff,
            _database: database,
        }
    }

    fn data(&self) -> PathBuf {
        self.keeper.public().parent().unwrap().to_owned()
    }

    async fn start_witnesses(&mut self) {
        for witness in &mut self.witnesses {
            witness.start(&self.log).await;
        }
    }

    fn start_client(&self) {
        let mut configuration = Configuration::demonstration(9000).unwrap();
        let witnesses = self.witnesses.iter().map(|witness| Witness {
            name: witness.name.clone(),
            url: format!("http://{}/", witness.address),
            key: witness.key(),
        });
        configuration.witnesses = witnesses.collect();
        let (data, stop) = (self.data(), self.stop.clone());
        self.tasks.spawn(async move {
            witness_client::run(&data, &configuration, stop)
                .await
                .unwrap();
        });
    }

    async fn seen(&self) -> Witnessing {
        let portal = self.keeper.client(InstanceKind::Portal);
        let reply = portal.call(Call::Status(StatusQuestion {})).await.unwrap();
        let Reply::Status(status) = reply else {
            panic!("no status");
        };
        status.witnessing.unwrap()
    }

    async fn until(&self, what: &str, holds: impl Fn(&Witnessing) -> bool) -> Witnessing {
        for _ in 0..1_500 {
            let seen = self.seen().await;
            if holds(&seen) {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("it did not come to this: {what}: {:?}", self.seen().await);
    }

    async fn grow(&self, entries: u64) -> u64 {
        for _ in 0..entries {
            self.keeper.arrange(Vec::new()).await;
        }
        self.keeper.core.ledger.size()
    }

    /// The reason why a made-up record does not open: `NotFound` is an opening that was decided and written.
    async fn asked(&self) -> Reason {
        let viewer = Viewer {
            token: self.staff.token.clone(),
            purpose: Purpose::DirectCare,
            network: "192.0.2.7".to_owned(),
        };
        let section = SectionOf {
            patient: PatientId::from_bytes([9; 16]),
            section: Section::Medicines,
        };
        let portal = self.keeper.client(InstanceKind::Portal);
        match portal.open(&viewer, section).await {
            Err(CallError::Denied(denied)) => denied.reason,
            other => panic!("no refusal: {:?}", other.map(|_| ())),
        }
    }

    async fn end(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        for witness in &self.witnesses {
            witness.end().await;
        }
        self.keeper.stop().await;
    }
}

#[tokio::test]
async fn witnesses_that_are_asked_cosign_and_outsiders_see_it() {
    let mut installation = Installation::with(&["one.example", "two.example"], 2).await;
    installation.start_witnesses().await;
    installation.start_client();
    // Across a full tile, so that proofs are of both kinds.
    let mut size = installation.grow(10).await;
    for more in [1, 300, 7] {
        installation
            .until("cosigned", |seen| seen.cosigned >= size)
            .await;
        size = installation.grow(more).await;
    }
    let seen = installation
        .until("cosigned", |seen| seen.cosigned >= size)
        .await;
    assert!(
        seen.witnesses
            .iter()
            .all(|one| one.size >= size && one.conflict == 0)
    );
    let public = fs::read_to_string(installation.keeper.public().join("cosigned")).unwrap();
    let note = Note::parse(&public).unwrap();
    for witness in &installation.witnesses {
        let key = WitnessVerifier::parse(&witness.key()).unwrap();
        let at = u64::try_from(clock().as_second()).unwrap();
        assert_eq!(key.cosigned(&note), Ok(Some(at)));
    }
    installation.end().await;
}

#[tokio::test]
async fn without_its_witness_nothing_opens_past_the_limit_and_with_it_everything_does_again() {
    let mut installation = Installation::with(&["one.example"], 1).await;
    installation.start_witnesses().await;
    installation.start_client();
    let size = installation.keeper.core.ledger.size();
    installation
        .until("cosigned", |seen| seen.cosigned >= size)
        .await;
    assert_eq!(installation.asked().await, Reason::NotFound);

    installation.witnesses[0].end().await;
    // What was on its way may have been cosigned still.
    installation.grow(MOST + 20).await;
    installation.until("it stops", |seen| seen.stops).await;
    let had = installation.keeper.core.ledger.size();
    assert_eq!(installation.asked().await, Reason::LedgerUnavailable);
    assert_eq!(installation.keeper.core.ledger.size(), had);

    let log = installation.log.clone();
    installation.witnesses[0].start(&log).await;
    installation.until("it goes on", |seen| !seen.stops).await;
    assert_eq!(installation.asked().await, Reason::NotFound);
    installation.end().await;
}

#[tokio::test]
async fn a_witness_that_saw_more_than_there_is_raises_an_alarm() {
    let mut installation = Installation::with(&["one.example"], 1).await;
    installation.start_witnesses().await;
    // Somebody with the log's key showed it a past that is no more.
    let verifier = installation.keeper.core.checkpoints.verifier();
    let seed = installation.keeper.core.keys.checkpoint_seed();
    let signer = LogSigner::from_seed(verifier.name(), seed.expose()).unwrap();
    let other = signer.sign(500, leaf_hash(b"another past"));
    let (status, _) = installation.witnesses[0]
        .post(&format!("old 0\n\n{other}"))
        .await;
    assert_eq!(status, 200);
    installation.start_client();
    let seen = installation
        .until("a conflict", |seen| seen.witnesses[0].conflict > 0)
        .await;
    assert_eq!((seen.witnesses[0].conflict, seen.cosigned), (500, 0));
    // Beyond that size there is still no proof from the one to the other.
    let size = installation.keeper.core.ledger.size();
    installation.grow(520 - size).await;
    installation
        .until("a conflict", |seen| {
            seen.witnesses[0].conflict > 0 && seen.stops
        })
        .await;
    assert_eq!(installation.seen().await.cosigned, 0);
    installation.end().await;
}

/// A witness of a made-up log, asked in process.
struct Desk {
    witness: Option<witness::Witness>,
    running: Running,
    signer: LogSigner,
}

impl Desk {
    fn new() -> Self {
        let signer = LogSigner::from_seed("log.example", &[7; 32]).unwrap();
        let running = Running::new("one.example");
        let mut desk = Self {
            witness: None,
            running,
            signer,
        };
        desk.restart();
        desk
    }

    fn restart(&mut self) {
        self.witness = None;
        let wishes = self.running.wishes(&self.signer.verifier().to_string());
        self.witness = Some(witness::Witness::open(&wishes, clock).unwrap());
    }

    fn answer(&self, body: &str) -> Answer {
        self.witness.as_ref().unwrap().answer(body.as_bytes())
    }

    fn ask(&self, old: u64, new: u64, salt: &str) -> Answer {
        self.answer(&self.body(old, new, salt))
    }

    fn body(&self, old: u64, new: u64, salt: &str) -> String {
        use base64::Engine;
        let levels = levels(new, salt);
        let proof = match old {
            0 => Vec::new(),
            old if old > new => Vec::new(),
            old => prove_consistency(old, new, &levels).unwrap(),
        };
        let mut body = format!("old {old}\n");
        for hash in proof {
            body += &base64::engine::general_purpose::STANDARD.encode(hash.as_bytes());
            body.push('\n');
        }
        format!(
            "{body}\n{}",
            self.signer.sign(new, levels.root(new).unwrap())
        )
    }
}

fn levels(size: u64, salt: &str) -> candour_ledger::Levels {
    let leaf = |at: u64| leaf_hash(format!("{salt} {at}").as_bytes());
    let leaves: Vec<_> = (0..size).map(leaf).collect();
    candour_ledger::Levels::of(&leaves)
}

fn is_cosigned(answer: &Answer) -> bool {
    matches!(answer, Answer::Cosigned(line) if line.starts_with("— one.example "))
}

#[test]
fn a_witness_answers_as_the_specification_says() {
    let desk = Desk::new();
    assert!(is_cosigned(&desk.ask(0, 5, "a")));
    assert_eq!(desk.ask(0, 9, "a"), Answer::Stale(5));
    assert_eq!(desk.ask(3, 9, "a"), Answer::Stale(5));
    assert_eq!(desk.ask(9, 9, "a"), Answer::Stale(5));
    assert!(matches!(desk.ask(6, 5, "a"), Answer::Malformed(_)));
    assert_eq!(desk.ask(5, 5, "b"), Answer::OtherRoot);
    assert_eq!(desk.ask(5, 9, "b"), Answer::Unproved);
    assert!(is_cosigned(&desk.ask(5, 9, "a")));
    assert!(is_cosigned(&desk.ask(9, 9, "a")));
    let note = |body: &str| body.split_once("\n\n").unwrap().1.to_owned();
    let good = note(&desk.body(9, 20, "a"));
    let unknown = LogSigner::from_seed("unknown.example", &[7; 32]).unwrap();
    let unknown = unknown.sign(20, leaf_hash(b"x"));
    assert_eq!(
        desk.answer(&format!("old 9\n\n{unknown}")),
        Answer::UnknownLog
    );
    let other = LogSigner::from_seed("log.example", &[8; 32]).unwrap();
    let other = other.sign(20, leaf_hash(b"x"));
    assert_eq!(desk.answer(&format!("old 9\n\n{other}")), Answer::Unsigned);
    let forged = good.replacen("\n20\n", "\n21\n", 1);
    assert_eq!(desk.answer(&format!("old 9\n\n{forged}")), Answer::Unsigned);
    let many = format!("{}\n", "A".repeat(43) + "=").repeat(64);
    for malformed in [
        String::new(),
        good.clone(),
        format!("old 09\n\n{good}"),
        format!("old +9\n\n{good}"),
        format!("old -1\n\n{good}"),
        format!("old 9\nAAAA\n\n{good}"),
        format!("old 9\n{many}\n{good}"),
        format!("new 9\n\n{good}"),
        "old 9\n\nrubbish\n".to_owned(),
    ] {
        assert!(
            matches!(desk.answer(&malformed), Answer::Malformed(_)),
            "{malformed}"
        );
    }
    // Nothing of this moved it.
    assert!(is_cosigned(&desk.ask(9, 20, "a")));
}

#[test]
fn a_proof_where_none_belongs_is_refused() {
    let desk = Desk::new();
    let with_proof = desk.body(3, 5, "a").replacen("old 3", "old 0", 1);
    assert_eq!(desk.answer(&with_proof), Answer::Unproved);
    assert!(is_cosigned(&desk.ask(0, 5, "a")));
}

#[test]
fn a_witness_that_was_killed_after_it_wrote_and_before_it_answered_is_asked_again() {
    let mut desk = Desk::new();
    assert!(is_cosigned(&desk.ask(0, 5, "a")));
    // Written, and the answer was lost.
    assert!(is_cosigned(&desk.ask(5, 9, "a")));
    desk.restart();
    assert_eq!(desk.ask(5, 9, "a"), Answer::Stale(9));
    assert!(is_cosigned(&desk.ask(9, 9, "a")));
    // What was half written is not looked at.
    let folder = desk.running.folder.path().to_owned();
    let file = checkpoint_file(&folder);
    fs::write(file.with_extension("incoming"), "half").unwrap();
    desk.restart();
    assert!(is_cosigned(&desk.ask(9, 12, "a")));
    assert_eq!(desk.ask(9, 12, "b"), Answer::Stale(12));
}

fn checkpoint_file(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files = files.filter(|path| path.extension().is_some_and(|end| end == "checkpoint"));
    files.next().unwrap()
}

#[test]
fn a_checkpoint_that_cannot_be_kept_is_not_cosigned() {
    let desk = Desk::new();
    assert!(is_cosigned(&desk.ask(0, 5, "a")));
    let file = checkpoint_file(desk.running.folder.path());
    // Nothing can be renamed onto a folder.
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert_eq!(desk.ask(5, 9, "a"), Answer::NotKept);
    assert_eq!(desk.ask(5, 9, "a"), Answer::NotKept);
    fs::remove_dir(&file).unwrap();
    // Nothing was cosigned, so another checkpoint of that size still may be.
    assert!(is_cosigned(&desk.ask(5, 9, "a")));
}

#[test]
fn a_witness_does_not_start_without_its_memory_or_with_a_key_that_others_read() {
    use std::os::unix::fs::PermissionsExt;
    let mut desk = Desk::new();
    assert!(is_cosigned(&desk.ask(0, 5, "a")));
    let log = desk.signer.verifier().to_string();
    let wishes = desk.running.wishes(&log);
    let refused = |wishes: &Wishes| match witness::Witness::open(wishes, clock) {
        Ok(_) => String::new(),
        Err(problem) => candour::problem::sentence(&problem),
    };
    assert!(
        refused(&wishes).contains("another witness runs on"),
        "{}",
        refused(&wishes)
    );
    desk.witness = None;
    let folder = desk.running.folder.path();
    let file = checkpoint_file(folder);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("\n5\n", "\n4\n", 1)).unwrap();
    assert!(refused(&wishes).contains("memory that is damaged"));
    fs::write(&file, text).unwrap();
    let key = folder.join("witness.key");
    assert_eq!(
        fs::metadata(&key).unwrap().permissions().mode() & 0o777,
        0o600
    );
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(refused(&wishes).contains("chmod 600"));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let mut other = wishes.clone();
    other.origin = vec!["other.example".to_owned()];
    assert!(refused(&other).contains("--origin names other.example"));
    assert_eq!(refused(&wishes), "");
}
