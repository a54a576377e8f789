//! Disk full, read-only, gone: nothing is shown, nothing opens, it mends itself, and nothing acknowledged is lost.

use crate::arrange::{Scene, Stored, denied, new_item, scene, scene_on, viewer};
use crate::tiles::whole;
use candour_embedded::cluster::connect;
use candour_keeper::draft::Draft;
use candour_keeper::keys::Keys;
use candour_keeper::ledger::{Health, LEDGER_VOLUME};
use candour_keeper::volume::VolumeTable;
use candour_keeper_api::wire::{Call, Reply, StatusQuestion};
use candour_keeper_api::words::{EntryKind, ItemKind, Purpose, Reason, Section};
use candour_keeper_api::{CallError, Item};
use candour_testkit::TestKeeper;
use candour_testkit::cluster::SmallServer;
use candour_testkit::keeper::{Settings, Staff};
use candour_testkit::skipped::skipped;
use candour_verify::{Checkpoints, verify};
use std::time::{Duration, Instant};

/// The keeper tries four times a second whether it can write again.
const PROBED: Duration = Duration::from_millis(1_500);

/// A patient who reads a document, and everything that was granted so far.
pub struct Reading {
    scene: Scene,
    own: Staff,
    stored: Stored,
    granted: Vec<u64>,
}

impl Reading {
    pub async fn of(scene: Scene) -> Self {
        let patient = scene.patient(1).await;
        let stored = scene.document(1, patient).await;
        let own = scene.keeper.as_patient(patient).await;
        let mut reading = Self {
            scene,
            own,
            stored,
            granted: Vec::new(),
        };
        reading.opens().await;
        reading
    }

    pub async fn open(&mut self) -> Result<(), CallError> {
        let viewer = viewer(&self.own.token, Purpose::OwnRecord);
        let opened = self
            .scene
            .portal
            .open(&viewer, Item(self.stored.item))
            .await;
        self.granted.push(opened?.index());
        Ok(())
    }

    pub async fn opens(&mut self) {
        self.open().await.unwrap();
    }

    /// No key is given out, neither for reading nor for writing, nobody is found; and the keeper says why.
    pub async fn nothing_works(&mut self) {
        let unavailable = Reason::LedgerUnavailable;
        let refused = self.open().await.unwrap_err();
        assert_eq!(denied(&refused), unavailable);
        let scene = &self.scene;
        let patient = candour_seal::PatientId::from_bytes([9; 16]);
        let item = new_item(99, patient, ItemKind::Document, Section::None);
        let refused = scene.import.deposit(&scene.program, vec![item]).await;
        assert_eq!(denied(&refused.map(drop).unwrap_err()), unavailable);
        let status = scene.portal.call(Call::Status(StatusQuestion {}));
        assert!(matches!(status.await.unwrap(), Reply::Status(status) if !status.ledger_writable));
    }

    /// Small entries until not one more has room, not even after the keeper looked again; or until `is_over`.
    async fn until_full(&self, is_over: impl Fn() -> bool) {
        let ledger = &self.scene.keeper.core.ledger;
        let mut together = 64;
        let mut refused_since = None;
        while !is_over() && refused_since.is_none_or(|since: Instant| since.elapsed() < PROBED) {
            let some = (0..together).map(|_| Draft::of_keeper(EntryKind::KeyUse));
            if ledger.append(some.collect()).await.is_ok() {
                refused_since = None;
                continue;
            }
            together = 1;
            refused_since.get_or_insert_with(Instant::now);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn is_well(&self) {
        let ledger = &self.scene.keeper.core.ledger;
        within_seconds(20, || async { ledger.health() == Health::Well }).await;
    }

    /// The ledger index of what was granted last.
    pub fn last(&self) -> u64 {
        self.granted.iter().max().copied().unwrap_or_default()
    }

    /// Waits until outsiders see everything that was granted so far, and sees that it is whole.
    pub async fn is_shown(&self) {
        within_seconds(20, || async { self.shown() > self.last() }).await;
    }

    /// How many entries outsiders see, all of them proved by what lies there.
    pub fn shown(&self) -> u64 {
        let keeper = &self.scene.keeper;
        if keeper.public().join("checkpoint").exists() {
            whole(keeper)
        } else {
            0
        }
    }

    /// Everything that was granted is in the ledger, and the ledger is whole and as it was signed.
    pub async fn nothing_is_lost(&self) {
        let (keeper, config) = (&self.scene.keeper, &self.scene.config);
        keeper.stop().await;
        let keys = Keys::new(keeper.root_key()).unwrap();
        let mut ledger = Vec::new();
        let count = candour_keeper::export::export(config, &keys, &mut ledger)
            .await
            .unwrap();
        let report = verify(ledger.as_slice(), checkpoints(keeper));
        assert!(report.is_clean(), "{:?}", report.findings);
        assert_eq!(report.covered, count);
        let client = connect(config).await.unwrap();
        for index in &self.granted {
            let index = i64::try_from(*index).unwrap();
            let question = "select kind, decision from entry where index = $1";
            let row = client.query_one(question, &[&index]).await.unwrap();
            assert_eq!((row.get::<_, i16>(0), row.get::<_, i16>(1)), (1, 0));
        }
    }
}

/// The checkpoints that lie outside the keeper's database.
pub fn checkpoints(keeper: &TestKeeper) -> Checkpoints {
    let mut all = Checkpoints::new(keeper.core.checkpoints.verifier());
    for file in std::fs::read_dir(keeper.folder().join("checkpoints")).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            all.add(&name, &std::fs::read(&path).unwrap());
        }
    }
    all
}

async fn within_seconds<F: Future<Output = bool>>(seconds: u32, mut holds: impl FnMut() -> F) {
    for _ in 0..seconds * 20 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it did not come to hold");
}

/// A keeper whose tables lie on a file system of some MiB; none where this machine cannot make one.
async fn small(mib: u32, ballast_mib: u64) -> Option<(SmallServer, Reading)> {
    let server = match SmallServer::start(mib).await {
        Ok(server) => server,
        Err(reason) => {
            skipped(reason);
            return None;
        }
    };
    let settings = Settings {
        volume: VolumeTable {
            folder: Some(server.volume()),
            ballast_mib,
            low_mib: 0,
        },
        ..Settings::default()
    };
    let now = "2026-03-02T21:00:00Z".parse().unwrap();
    let keeper = TestKeeper::start_on(server.keeper(), now, settings).await;
    let scene = scene_on(server.keeper(), server.superuser(), keeper).await;
    Some((server, Reading::of(scene).await))
}

#[tokio::test]
async fn a_full_disk_opens_nothing_loses_nothing_and_mends_when_there_is_room() {
    let Some((server, mut reading)) = small(48, 0).await else {
        return;
    };
    let filler = server.fill().unwrap();
    reading.until_full(|| false).await;
    for _ in 0..3 {
        reading.nothing_works().await;
    }
    std::fs::remove_file(filler).unwrap();
    reading.is_well().await;
    reading.opens().await;
    reading.nothing_is_lost().await;
}

#[tokio::test]
async fn the_ballast_gives_a_full_ledger_room_again_once_and_an_alarm_says_so() {
    let Some((server, mut reading)) = small(48, 4).await else {
        return;
    };
    let ballast = server.volume().join("ledger.ballast");
    let held = || std::fs::metadata(&ballast).map_or(0, |found| found.len());
    within_seconds(10, || async { held() == 4 << 20 }).await;
    let filler = server.fill().unwrap();
    reading.until_full(|| held() == 0).await;
    assert_eq!(held(), 0);
    reading.is_well().await;
    reading.opens().await;
    let alarms =
        async |reading: &Reading| reading.scene.count(EntryKind::Alarm, LEDGER_VOLUME).await;
    within_seconds(10, || async { alarms(&reading).await == 1 }).await;

    reading.until_full(|| false).await;
    reading.nothing_works().await;
    std::fs::remove_file(filler).unwrap();
    reading.is_well().await;
    within_seconds(10, || async {
        held() == 4 << 20 && alarms(&reading).await == 2
    })
    .await;
    reading.opens().await;
    reading.nothing_is_lost().await;
}

#[tokio::test]
async fn a_database_that_is_gone_opens_nothing_until_it_is_back() {
    let Some((mut server, mut reading)) = small(48, 0).await else {
        return;
    };
    server.stop().await.unwrap();
    for _ in 0..2 {
        reading.nothing_works().await;
    }
    server.start_again().await.unwrap();
    reading.is_well().await;
    reading.opens().await;
    reading.nothing_is_lost().await;
}

/// What is done to the database past the keeper, and undone; nobody stays connected through either.
async fn trouble(done: &str, undone: &str) {
    let mut reading = Reading::of(scene().await).await;
    let cut = "select pg_terminate_backend(pid, 5000) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()";
    let name = reading.scene.config.get_dbname().unwrap().to_owned();
    let past = async |reading: &Reading, statement: &str| {
        let statement = statement.replace("DATABASE", &name);
        reading.scene.past_the_keeper(&statement).await;
        reading.scene.past_the_keeper(cut).await;
    };
    past(&reading, done).await;
    for _ in 0..2 {
        reading.nothing_works().await;
    }
    past(&reading, undone).await;
    reading.is_well().await;
    reading.opens().await;
    reading.nothing_is_lost().await;
}

#[tokio::test]
async fn a_database_that_became_read_only_opens_nothing_until_it_may_be_written_again() {
    trouble(
        "alter database DATABASE set default_transaction_read_only = on",
        "begin read write; alter database DATABASE reset default_transaction_read_only; commit",
    )
    .await;
}

#[tokio::test]
async fn a_ledger_whose_rights_were_taken_away_opens_nothing_until_they_are_back() {
    trouble(
        "revoke insert on entry from candour_keeper",
        "grant insert on entry to candour_keeper",
    )
    .await;
}

#[tokio::test]
async fn a_database_that_takes_no_connection_opens_nothing_until_it_does() {
    trouble(
        "revoke connect on database DATABASE from candour_keeper",
        "grant connect on database DATABASE to candour_keeper",
    )
    .await;
}
