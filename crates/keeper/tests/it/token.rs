//! The root key in a token: `SoftHSM2`, each test with tokens of its own in a process of its own, because a module belongs
//! to a process whole and finds its tokens by the environment.

use crate::arrange::{Scene, Stored, denied, scene_of, viewer};
use candour_keeper::root::TokenRoot;
use candour_keeper::token::{Fault, RootToken, TokenTable, module, watch};
use candour_keeper_api::wire::{Call, KeyToken, Reply, StatusQuestion};
use candour_keeper_api::words::{EntryKind, Purpose, Reason};
use candour_keeper_api::{Item, Keeper};
use candour_seal::{RootKey, SystemRandom, Zeroizing};
use candour_testkit::TestKeeper;
use candour_testkit::cluster::TestCluster;
use candour_testkit::keeper::{KEEPER, Settings};
use candour_testkit::skipped::skipped;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::object::{Attribute, KeyType, ObjectClass};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// By the package, on every architecture.
pub const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
/// Names the folder of a test that runs in a process of its own.
const FOLDER: &str = "CANDOUR_TEST_TOKENS";
pub const PIN: &str = "4711";

/// Where the tokens of one test lie.
pub struct Tokens(pub PathBuf);

/// The tokens of a test; `None` in the process that only started the one which runs it.
pub fn tokens(test: &str) -> Option<Tokens> {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return Some(Tokens(folder.into()));
    }
    if !Path::new(MODULE).exists() {
        skipped("softhsm2 is not installed");
        return None;
    }
    let folder = TempDir::new().unwrap();
    let tokens = Tokens(folder.path().to_owned());
    fs::create_dir(tokens.all()).unwrap();
    let said = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
        tokens.all().display()
    );
    fs::write(tokens.configuration(), said).unwrap();
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(FOLDER, folder.path())
        .env("SOFTHSM2_CONF", tokens.configuration())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    let wrong = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}\n{wrong}");
    assert!(said.contains("1 passed"), "{said}");
    None
}

impl Tokens {
    pub fn all(&self) -> PathBuf {
        self.0.join("tokens")
    }

    pub fn configuration(&self) -> PathBuf {
        self.0.join("softhsm2.conf")
    }

    pub fn pin_file(&self) -> PathBuf {
        self.0.join("pin")
    }

    pub fn write_pin(&self, pin: &str) {
        let mut how = OpenOptions::new();
        let how = how.create(true).truncate(true).write(true).mode(0o600);
        let mut file = how.open(self.pin_file()).unwrap();
        writeln!(file, "{pin}").unwrap();
    }

    /// A new token with this label.
    pub fn make(&self, label: &str) {
        let made = Command::new("softhsm2-util")
            .env("SOFTHSM2_CONF", self.configuration())
            .args(["--init-token", "--free", "--label", label])
            .args(["--pin", PIN, "--so-pin", "87654321"])
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
    }

    pub fn table(&self) -> TokenTable {
        TokenTable {
            module: MODULE.into(),
            label: "candour".to_owned(),
            serial: None,
            key: "root of a test".to_owned(),
            pin_file: Some(self.pin_file()),
        }
    }

    /// The token's folder; there is one token.
    pub fn only(&self) -> PathBuf {
        let mut found = fs::read_dir(self.all()).unwrap();
        found.next().unwrap().unwrap().path()
    }

    /// The files of the keys in the token.
    pub fn keys(&self) -> Vec<PathBuf> {
        let found = fs::read_dir(self.only()).unwrap();
        let found = found.map(|entry| entry.unwrap().path());
        let is_key = |path: &PathBuf| {
            path.extension().is_some_and(|ending| ending == "object")
                && path.file_stem().is_some_and(|stem| stem != "token")
        };
        found.filter(is_key).collect()
    }

    pub fn take_away(&self) {
        fs::rename(self.all(), self.0.join("away")).unwrap();
        fs::create_dir(self.all()).unwrap();
    }

    pub fn bring_back(&self) {
        fs::remove_dir_all(self.all()).unwrap();
        fs::rename(self.0.join("away"), self.all()).unwrap();
    }

    /// One token, whose key seals the root key of the tests.
    pub fn sealed(&self) -> TokenRoot {
        self.make("candour");
        self.write_pin(PIN);
        module::seal(&self.table(), PIN, &root(), &mut SystemRandom).unwrap()
    }

    pub fn start(&self, table: TokenTable, sealed: TokenRoot) -> RootToken {
        RootToken::start(table, sealed, self.0.join("door")).unwrap()
    }
}

fn root() -> RootKey {
    RootKey::from_bytes(&[7; 32])
}

fn typed(pin: &str) -> Zeroizing<String> {
    Zeroizing::new(pin.to_owned())
}

/// Somebody else's program, logged in to the token.
fn log_in() -> (Pkcs11, Session) {
    let module = Pkcs11::new(MODULE).unwrap();
    let how = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
    module.initialize(how).unwrap();
    let slot = module.get_slots_with_token().unwrap()[0];
    let session = module.open_rw_session(slot).unwrap();
    session
        .login(UserType::User, Some(&AuthPin::new(PIN.into())))
        .unwrap();
    (module, session)
}

#[tokio::test]
async fn a_key_that_never_leaves_the_token_opens_the_root_key() {
    let Some(tokens) = tokens("token::a_key_that_never_leaves_the_token_opens_the_root_key") else {
        return;
    };
    let sealed = tokens.sealed();
    let token = tokens.start(tokens.table(), sealed.clone());
    assert!(token.is_away());
    assert_eq!(token.try_open(None).await, Ok(root()));
    assert_eq!(token.try_open(Some(typed(PIN))).await, Ok(root()));
    assert_eq!((token.uses(), token.wrong_pins()), (2, 0));
}

#[test]
fn a_module_that_is_not_there_or_that_others_may_change_is_not_loaded() {
    let Some(tokens) =
        tokens("token::a_module_that_is_not_there_or_that_others_may_change_is_not_loaded")
    else {
        return;
    };
    let sealed = tokens.sealed();
    let open = |path: &Path| {
        let table = TokenTable {
            module: path.to_owned(),
            ..tokens.table()
        };
        module::open(&table, &sealed, typed(PIN))
    };
    let copy = tokens.0.join("module.so");
    assert!(matches!(open(&copy), Err(Fault::Module(..))));
    fs::copy(MODULE, &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o664)).unwrap();
    let refused = open(&copy).unwrap_err().to_string();
    assert!(refused.contains("others could change it"), "{refused}");
    assert!(matches!(
        open(Path::new("libsofthsm2.so")),
        Err(Fault::Module(..))
    ));
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(open(&copy), Ok(root()));
}

#[tokio::test]
async fn a_wrong_pin_is_given_once() {
    let Some(tokens) = tokens("token::a_wrong_pin_is_given_once") else {
        return;
    };
    let sealed = tokens.sealed();
    tokens.write_pin("0000");
    let token = tokens.start(tokens.table(), sealed.clone());
    for _ in 0..3 {
        assert_eq!(token.try_open(None).await, Err(Fault::WrongPin));
        assert_eq!(token.wrong_pins(), 1);
    }
    // Whoever types one gets it tried, and the file's is not tried again because of that.
    assert_eq!(
        token.try_open(Some(typed("1111"))).await,
        Err(Fault::WrongPin)
    );
    assert_eq!(token.try_open(None).await, Err(Fault::WrongPin));
    assert_eq!(token.wrong_pins(), 2);
    assert_eq!(token.try_open(Some(typed(PIN))).await, Ok(root()));
    tokens.write_pin(PIN);
    assert_eq!(token.try_open(None).await, Ok(root()));
    assert_eq!((token.uses(), token.wrong_pins()), (2, 2));

    // A file that others can read gives none, and neither does one that is not there.
    let others = fs::Permissions::from_mode(0o640);
    fs::set_permissions(tokens.pin_file(), others).unwrap();
    let refused = token.try_open(None).await.unwrap_err().to_string();
    assert!(refused.contains("others can read it"), "{refused}");
    fs::remove_file(tokens.pin_file()).unwrap();
    let refused = token.try_open(None).await;
    assert!(matches!(refused, Err(Fault::PinFile(..))));
}

#[tokio::test]
async fn what_is_wrong_with_a_token_is_told_apart() {
    let Some(tokens) = tokens("token::what_is_wrong_with_a_token_is_told_apart") else {
        return;
    };
    let sealed = tokens.sealed();
    let label = || "candour".to_owned();
    let token = tokens.start(tokens.table(), sealed.clone());

    // Nobody typed a PIN, and no file has one.
    let by_hand = TokenTable {
        pin_file: None,
        ..tokens.table()
    };
    let other = tokens.start(by_hand, sealed.clone());
    assert_eq!(other.try_open(None).await, Err(Fault::PinNeeded));
    drop(other);

    // Another token with the same label.
    tokens.take_away();
    assert_eq!(token.try_open(None).await, Err(Fault::NoToken(label())));
    tokens.make("candour");
    let refused = token.try_open(Some(typed(PIN))).await;
    assert_eq!(refused, Err(Fault::OtherToken(label())));
    assert_eq!(token.wrong_pins(), 0);
    tokens.bring_back();
    assert_eq!(token.try_open(None).await, Ok(root()));
    assert_eq!(token.try_open(Some(typed("0"))).await, Err(Fault::WrongPin));

    // Restored from the sheet into a second one, the file says which of two with one label it is.
    tokens.make("candour");
    let restored = module::seal(&tokens.table(), PIN, &root(), &mut SystemRandom);
    assert_eq!(restored.unwrap_err(), Fault::Several(label()));
    let opened = module::open(&tokens.table(), &sealed, typed(PIN));
    assert_eq!(opened, Ok(root()));
}

#[tokio::test]
async fn a_key_that_is_gone_or_could_leave_the_token_opens_nothing() {
    let Some(tokens) = tokens("token::a_key_that_is_gone_or_could_leave_the_token_opens_nothing")
    else {
        return;
    };
    let sealed = tokens.sealed();
    let open = || module::open(&tokens.table(), &sealed, typed(PIN));
    assert_eq!(open(), Ok(root()));
    let [kept] = &tokens.keys()[..] else {
        panic!("one key");
    };
    fs::rename(kept, tokens.0.join("kept")).unwrap();
    assert_eq!(open(), Err(Fault::NoKey));

    // Somebody who can write to the token puts another in its place: of their own making, or one that can leave it.
    for (is_extractable, expected) in [(false, Fault::Foreign), (true, Fault::Loose)] {
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::GENERIC_SECRET),
            Attribute::Token(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(is_extractable),
            Attribute::Sign(true),
            Attribute::Value(vec![5; 32]),
            Attribute::Id(sealed.key.to_vec()),
        ];
        let (module, session) = log_in();
        session.create_object(&template).unwrap();
        drop(session);
        module.finalize().unwrap();
        assert_eq!(open(), Err(expected));
        fs::remove_file(&tokens.keys()[0]).unwrap();
    }
    fs::rename(tokens.0.join("kept"), kept).unwrap();
    assert_eq!(open(), Ok(root()));
}

/// A keeper whose token is there, with a document of a patient.
struct AtWork {
    scene: Scene,
    stored: Stored,
    token: Arc<RootToken>,
}

impl AtWork {
    async fn begin(tokens: &Tokens) -> Self {
        let token = Arc::new(tokens.start(tokens.table(), tokens.sealed()));
        assert_eq!(token.try_open(None).await, Ok(root()));
        let database = TestCluster::shared().database(&KEEPER).await;
        let settings = Settings {
            token: Some(Arc::clone(&token)),
            ..Settings::default()
        };
        let keeper = TestKeeper::start_with(&database, settings).await;
        let scene = scene_of(database, keeper).await;
        let patient = scene.patient(1).await;
        let stored = scene.document(1, patient).await;
        let begun = Self {
            scene,
            stored,
            token,
        };
        assert_eq!(begun.open().await, Ok(()));
        begun
    }

    async fn open(&self) -> Result<(), Reason> {
        let viewer = viewer(&self.scene.clinician.token, Purpose::DirectCare);
        let opened = self
            .scene
            .portal
            .open(&viewer, Item(self.stored.item))
            .await;
        opened.map(drop).map_err(|error| denied(&error))
    }

    async fn status(&self) -> KeyToken {
        status(&self.scene.portal).await.unwrap()
    }

    async fn uses(&self, decision: u8) -> i64 {
        self.scene.count(EntryKind::KeyUse, decision).await
    }

    /// Waits until opening comes to this.
    async fn until(&self, expected: Result<(), Reason>) {
        for _ in 0..600 {
            if self.open().await == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("it did not come to {expected:?}");
    }
}

async fn status(portal: &Keeper) -> Option<KeyToken> {
    match portal.call(Call::Status(StatusQuestion {})).await {
        Ok(Reply::Status(status)) => status.token,
        _ => None,
    }
}

#[tokio::test]
async fn a_keeper_opens_nothing_while_its_token_is_away_and_goes_on_when_it_is_back() {
    let Some(tokens) =
        tokens("token::a_keeper_opens_nothing_while_its_token_is_away_and_goes_on_when_it_is_back")
    else {
        return;
    };
    let at_work = AtWork::begin(&tokens).await;
    let (scene, sealed) = (&at_work.scene, Reason::Sealed.number());
    let said = at_work.status().await;
    assert_eq!((said.model.as_str(), said.uses), ("SoftHSM v2", 1));
    assert_eq!(said.trouble, "");
    assert_eq!((at_work.uses(0).await, at_work.uses(sealed).await), (1, 0));

    // The hour's use is one more, and an entry.
    let core = &scene.keeper.core;
    watch::use_again(core, &at_work.token).await.unwrap();
    assert_eq!(at_work.status().await.uses, 2);
    assert_eq!((at_work.uses(0).await, at_work.uses(sealed).await), (2, 0));

    tokens.take_away();
    at_work.until(Err(Reason::Sealed)).await;
    // No key is left that could open anything; what the keeper writes about nobody it still writes.
    assert!(core.keys.root().is_none());
    let patient = core
        .keys
        .token(candour_keeper::keys::IdKind::Patient, &[1; 16]);
    assert!(core.subject_keys.make(patient).is_err());
    let before = core.ledger.size();
    assert_eq!(at_work.open().await, Err(Reason::Sealed));
    assert_eq!(
        core.ledger.size(),
        before,
        "a refusal makes the ledger no longer"
    );
    let now = &scene.keeper.clock;
    candour_keeper::identity::write_failures(core, candour_keeper::clock::Clock::now(&**now), true)
        .await
        .unwrap();
    scene.keeper.arrange(Vec::new()).await;
    assert_eq!(at_work.uses(sealed).await, 1);
    let trouble = at_work.status().await.trouble;
    assert_eq!(trouble, Fault::NoToken("candour".to_owned()).to_string());

    tokens.bring_back();
    at_work.until(Ok(())).await;
    let said = at_work.status().await;
    assert_eq!((said.uses, said.trouble.as_str()), (3, ""));
    assert_eq!((at_work.uses(0).await, at_work.uses(sealed).await), (3, 1));
    assert_eq!(
        scene
            .count(EntryKind::Alarm, candour_keeper::ledger::FOREIGN_ROW)
            .await,
        0
    );
}

#[tokio::test]
async fn a_module_that_hangs_stops_neither_the_ledger_nor_the_end_and_opens_nothing() {
    let Some(tokens) =
        tokens("token::a_module_that_hangs_stops_neither_the_ledger_nor_the_end_and_opens_nothing")
    else {
        return;
    };
    let at_work = AtWork::begin(&tokens).await;
    // The module reads this file before each use; of a pipe it waits for somebody who writes.
    let file = tokens.only().join("generation");
    let kept = tokens.0.join("generation");
    fs::rename(&file, &kept).unwrap();
    mknodat(CWD, &file, FileType::Fifo, Mode::RWXU, 0).unwrap();
    at_work.until(Err(Reason::Sealed)).await;
    assert_eq!(at_work.status().await.trouble, Fault::Hangs.to_string());
    let before = at_work.scene.keeper.core.ledger.size();
    at_work.scene.keeper.arrange(Vec::new()).await;
    assert!(at_work.scene.keeper.core.ledger.size() > before);
    at_work.scene.keeper.stop().await;

    // Whoever waits in the module is let go, so that this process ends as well.
    drop(File::options().write(true).open(&file));
}
