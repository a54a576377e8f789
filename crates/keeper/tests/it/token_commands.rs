//! The commands about a token, at a terminal, against the real program.

use crate::token::{MODULE, PIN, Tokens, tokens};
use candour_keeper::checkpoint::{self, Checkpoints};
use candour_keeper::instances::{InstanceKind, InstanceLine, Instances};
use candour_keeper::keys::Keys;
use candour_keeper::root::{RootFile, read, sheet};
use candour_keeper_api::wire::{Call, KeyToken, Reply, StatusQuestion};
use candour_keeper_api::words::Reason;
use candour_keeper_api::{CallError, Keeper, KeeperAddress};
use candour_ledger::{Frontier, LogSigner};
use candour_seal::{InstanceId, RootKey, Zeroizing};
use candour_testkit::cluster::TestCluster;
use candour_testkit::keeper::KEEPER;
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_candour-keeper");

/// A command at a terminal.
struct Terminal {
    child: Child,
    screen: File,
    said: String,
}

impl Terminal {
    fn run(data: &Path, words: &[&str]) -> Self {
        let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&screen).unwrap();
        unlockpt(&screen).unwrap();
        let name = ptsname(&screen, Vec::new()).unwrap();
        let side = || {
            let mut how = File::options();
            let file = how
                .read(true)
                .write(true)
                .custom_flags(OFlags::NOCTTY.bits().cast_signed());
            Stdio::from(file.open(name.to_str().unwrap()).unwrap())
        };
        // A prompt that never comes must not be waited for longer than that.
        let child = Command::new("timeout")
            .args(["--foreground", "120", PROGRAM])
            .args(words)
            .arg("--data")
            .arg(data)
            .stdin(side())
            .stdout(side())
            .stderr(side())
            .spawn()
            .unwrap();
        Self {
            child,
            screen: File::from(screen),
            said: String::new(),
        }
    }

    /// Reads until it is asked that, and answers.
    fn answer(&mut self, asked: &str, typed: &str) {
        let before = self.said.len();
        while !self.said[before..].contains(asked) {
            assert!(self.read(), "{asked}: {}", self.said);
        }
        writeln!(self.screen, "{typed}").unwrap();
    }

    /// Reads what it says next; false when it ended.
    fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        // A terminal that nobody writes to any more fails to be read.
        let Ok(count @ 1..) = self.screen.read(&mut bytes) else {
            return false;
        };
        self.said
            .push_str(&String::from_utf8_lossy(&bytes[..count]));
        true
    }

    /// Everything that it said, and how it ended.
    fn end(mut self) -> (String, ExitStatus) {
        while self.read() {}
        (self.said, self.child.wait().unwrap())
    }

    /// Copies the sheet, as somebody at the terminal does.
    fn copy_sheet(&mut self, root: &RootKey) {
        let groups = sheet(root);
        for asked in [3, 8, 14] {
            self.answer(
                &format!("Group {asked} of what you wrote"),
                &groups[asked - 1],
            );
        }
    }
}

/// A data directory with a key in clear.
fn data(tokens: &Tokens, pin_file: Option<&Path>) -> PathBuf {
    let data = tokens.0.join("data");
    for folder in ["keeper", "run", "secrets"] {
        fs::create_dir_all(data.join(folder)).unwrap();
    }
    let said = serde_json::json!({
        "origin": "http://localhost:8080",
        "room_origin": "http://localhost:8081",
        "root_token": {
            "module": MODULE,
            "label": "candour",
            "pin_file": pin_file,
            "environment": { "SOFTHSM2_CONF": tokens.configuration() },
        },
    });
    fs::write(data.join("candour.json"), said.to_string()).unwrap();
    data
}

fn key_file(data: &Path) -> PathBuf {
    data.join("keeper").join("root.key")
}

fn serial(data: &Path) -> String {
    let Ok(RootFile::Token(sealed)) = read(&key_file(data)) else {
        panic!("no token seals it");
    };
    sealed.serial
}

#[test]
fn a_token_seals_the_root_key_and_the_sheet_brings_it_into_another_one() {
    let Some(tokens) = tokens(
        "token_commands::a_token_seals_the_root_key_and_the_sheet_brings_it_into_another_one",
    ) else {
        return;
    };
    let data = data(&tokens, None);
    let root = RootKey::from_bytes(&[7; 32]);
    let keys = Keys::new(root.clone()).unwrap();
    fs::write(key_file(&data), sheet(&root).concat()).unwrap();
    let seed = keys.checkpoint_seed().expose();
    let signer = LogSigner::from_seed("00.candour.invalid/ledger", seed).unwrap();
    let folder = checkpoint::folder(&data.join("keeper"));
    let checkpoints = Checkpoints::new(folder, signer, keys.acceptance().clone()).unwrap();
    checkpoints.write(&Frontier::new()).unwrap();

    // A wrong PIN changes nothing, and is not shown.
    tokens.make("candour");
    let mut command = Terminal::run(&data, &["root-to-token"]);
    command.copy_sheet(&root);
    command.answer("PIN of the token", "0000");
    let (said, ended) = command.end();
    assert!(
        said.contains("the token refused the PIN") && !said.contains("0000"),
        "{said}"
    );
    assert!(!ended.success());
    assert!(matches!(read(&key_file(&data)), Ok(RootFile::Open(_))));

    let mut command = Terminal::run(&data, &["root-to-token"]);
    command.copy_sheet(&root);
    command.answer("PIN of the token", PIN);
    let (said, ended) = command.end();
    assert!(ended.success() && !said.contains(PIN), "{said}");
    let first = serial(&data);
    assert!(said.contains(&first), "{said}");
    let (said, ended) = Terminal::run(&data, &["root-to-token"]).end();
    assert!(!ended.success() && said.contains("--from-sheet"), "{said}");

    // The token is lost, and a new one takes its place.
    fs::remove_dir_all(tokens.only()).unwrap();
    tokens.make("candour");
    let mut typed = sheet(&root).to_vec();
    typed.swap(0, 1);
    typed[2] = "0000".to_owned();
    let mut command = Terminal::run(&data, &["root-to-token", "--from-sheet"]);
    command.answer("The 16 groups", &typed.join(" "));
    let (said, ended) = command.end();
    assert!(
        !ended.success() && said.contains("not the recovery sheet"),
        "{said}"
    );
    assert_eq!(serial(&data), first);
    let mut command = Terminal::run(&data, &["root-to-token", "--from-sheet"]);
    command.answer("The 16 groups", &sheet(&root).join(" "));
    command.answer("PIN of the token", PIN);
    let (said, ended) = command.end();
    assert!(ended.success(), "{said}");
    assert!(!said.contains("0707"), "the sheet is not shown: {said}");
    assert_ne!(serial(&data), first);
    let Ok(RootFile::Token(sealed)) = read(&key_file(&data)) else {
        panic!("no token seals it");
    };
    let pin = Zeroizing::new(PIN.to_owned());
    let opened = candour_keeper::token::module::open(&tokens.table(), &sealed, pin);
    assert_eq!(opened, Ok(root));
}

/// A keeper that serves, in a process of its own.
struct Running {
    child: Child,
    data: PathBuf,
    keeper: Keeper,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

impl Running {
    fn begin(data: &Path) -> Self {
        let instances = Instances::at(&data.join("secrets").join("keeper.instances.json"));
        let (id, credential) = (InstanceId::from_bytes([1; 16]), [2; 32]);
        let line = InstanceLine::of("portal", InstanceKind::Portal, id, &credential, None);
        instances.write(&[line]).unwrap();
        let mut command = Command::new(PROGRAM);
        Self {
            child: command.args(["run", "--data"]).arg(data).spawn().unwrap(),
            data: data.to_owned(),
            keeper: Keeper::new(KeeperAddress {
                socket: data.join("run").join("keeper.sock"),
                credential: Zeroizing::new(credential.to_vec()),
            }),
        }
    }

    async fn asked(&self) -> Result<KeyToken, Option<Reason>> {
        match self.keeper.call(Call::Status(StatusQuestion {})).await {
            Ok(Reply::Status(status)) => status.token.ok_or(None),
            Err(CallError::Denied(denied)) => Err(Some(denied.reason)),
            _ => Err(None),
        }
    }

    async fn until(&self, what: impl Fn(&Result<KeyToken, Option<Reason>>) -> bool) {
        for _ in 0..600 {
            if what(&self.asked().await) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("it did not come to that: {:?}", self.asked().await);
    }

    /// Types a PIN; what is said.
    fn unlock(&self, pin: &str) -> (String, ExitStatus) {
        let mut command = Terminal::run(&self.data, &["unlock"]);
        command.answer("PIN of the token", pin);
        command.end()
    }
}

#[tokio::test]
async fn a_keeper_waits_for_the_pin_that_a_person_types_at_its_start_and_when_the_token_is_back() {
    let Some(tokens) = tokens(
        "token_commands::a_keeper_waits_for_the_pin_that_a_person_types_at_its_start_and_when_the_token_is_back",
    ) else {
        return;
    };
    let data = data(&tokens, None);
    let database = TestCluster::shared().database(&KEEPER).await;
    let config = database.config();
    let Some(tokio_postgres::config::Host::Unix(host)) = config.get_hosts().first() else {
        panic!("no socket");
    };
    let named = format!(
        "host='{}' user='{}' dbname='{}'",
        host.display(),
        config.get_user().unwrap(),
        config.get_dbname().unwrap()
    );
    fs::write(data.join("secrets").join("keeper.database"), named).unwrap();
    let instances = Instances::at(&data.join("secrets").join("keeper.instances.json"));
    instances.write(&[]).unwrap();
    let mut made = Command::new(PROGRAM);
    let made = made.args(["init", "--demonstration", "--data"]).arg(&data);
    assert!(made.status().unwrap().success());
    let Ok(RootFile::Open(root)) = read(&key_file(&data)) else {
        panic!("a demonstration's key is in clear");
    };
    tokens.make("candour");
    let mut command = Terminal::run(&data, &["root-to-token"]);
    command.copy_sheet(&root);
    command.answer("PIN of the token", PIN);
    let (said, ended) = command.end();
    assert!(ended.success(), "{said}");

    let mut running = Running::begin(&data);
    running
        .until(|asked| *asked == Err(Some(Reason::Sealed)))
        .await;
    let (said, ended) = running.unlock("0000");
    assert!(
        !ended.success() && said.contains("the token refused the PIN"),
        "{said}"
    );
    assert_eq!(running.asked().await, Err(Some(Reason::Sealed)));
    let (said, ended) = running.unlock(PIN);
    assert!(
        ended.success() && said.contains("The keeper is open."),
        "{said}"
    );
    running
        .until(|asked| asked.as_ref().is_ok_and(|token| token.trouble.is_empty()))
        .await;

    tokens.take_away();
    let is_said = |said: &'static str| {
        move |asked: &Result<KeyToken, Option<Reason>>| {
            asked
                .as_ref()
                .is_ok_and(|token| token.trouble.contains(said))
        }
    };
    running
        .until(is_said("no token called candour is there"))
        .await;
    tokens.bring_back();
    running.until(is_said("the token waits for its PIN")).await;
    let (said, ended) = running.unlock(PIN);
    assert!(ended.success(), "{said}");
    running
        .until(|asked| {
            asked
                .as_ref()
                .is_ok_and(|token| token.trouble.is_empty() && token.uses == 2)
        })
        .await;
    let id = Pid::from_child(&running.child);
    kill_process(id, Signal::TERM).unwrap();
    assert!(running.child.wait().unwrap().success());
}
