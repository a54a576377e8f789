//! A ledger restored as it was yesterday: it opens nothing, names what is missing, and two operators may accept it.

use crate::arrange::{Scene, Stored, denied, eventually, scene, scene_of, viewer};
use crate::disk::checkpoints;
use candour_keeper::checkpoint::Loss;
use candour_keeper::keys::Keys;
use candour_keeper::ledger::{Health, LEDGER_LOSS, Refusal};
use candour_keeper::practice::{Command, Made, Ordered, carry_out, name_operators};
use candour_keeper_api::words::{EntryKind, Purpose, Reason, Role, Section};
use candour_keeper_api::{CallError, Item, Section as SectionOf};
use candour_ledger::Frontier;
use candour_seal::{PatientId, PersonId, PracticeId};
use candour_testkit::keeper::{InstanceKind, KEEPER, Settings};
use candour_testkit::{TestCluster, TestDatabase, TestKeeper};
use candour_verify::verify;

/// A keeper on yesterday's database, whose checkpoints are today's.
struct Restored {
    keeper: TestKeeper,
    yesterday: TestDatabase,
    codes: [String; 2],
    practice: PracticeId,
    person: PersonId,
    patient: PatientId,
    stored: Stored,
    had: u64,
    _today: Option<TestDatabase>,
}

async fn restored() -> Restored {
    restored_from(scene().await).await
}

async fn restored_from(scene: Scene) -> Restored {
    let codes = name_operators(&scene.keeper.core).await.unwrap();
    let patient = scene.patient(1).await;
    let stored = scene.document(1, patient).await;
    scene.keeper.stop().await;
    let had = scene.keeper.core.ledger.size();
    let database = scene.database.unwrap();
    let yesterday = TestCluster::shared().copy(&database).await;
    let (practice, person) = (scene.practice, scene.clinician.person);
    let keeper = Box::pin(scene.keeper.restart()).await;
    let own = keeper.as_patient(patient).await;
    let portal = keeper.client(InstanceKind::Portal);
    for _ in 0..3 {
        portal
            .open(&viewer(&own.token, Purpose::OwnRecord), Item(stored.item))
            .await
            .unwrap();
    }
    let keeper = Box::pin(keeper.restart_on(yesterday.config())).await;
    Restored {
        keeper,
        yesterday,
        codes,
        practice,
        person,
        patient,
        stored,
        had,
        _today: Some(database),
    }
}

impl Restored {
    async fn open(&self) -> Result<u64, CallError> {
        let staff = self
            .keeper
            .sign_in_staff(self.person, self.practice, Role::Clinician);
        let viewer = viewer(&staff.token, Purpose::DirectCare);
        let portal = self.keeper.client(InstanceKind::Portal);
        let section = SectionOf {
            patient: self.patient,
            section: Section::Medicines,
        };
        portal.open(&viewer, section).await?;
        let permit = portal.open(&viewer, Item(self.stored.item)).await?;
        Ok(permit.index())
    }

    async fn order(&self, codes: [&String; 2], from: u64, to: u64) -> Result<Made, Refusal> {
        let ordered = Ordered {
            codes: codes.map(String::clone),
            command: Command::AcceptLoss { from, to },
        };
        carry_out(&self.keeper.core, &ordered).await
    }

    fn loss(&self) -> &Loss {
        self.keeper.core.ledger.loss().unwrap()
    }

    async fn count(&self, kind: EntryKind, decision: u8) -> u64 {
        let of = (i16::from(kind.number()), i16::from(decision));
        let entries = self.keeper.entries().await;
        u64::try_from(entries.get(&of).copied().unwrap_or_default()).unwrap()
    }
}

#[tokio::test]
async fn a_database_restored_as_it_was_yesterday_opens_nothing_and_names_what_is_missing() {
    let restored = restored().await;
    assert_eq!(restored.keeper.core.ledger.health(), Health::RolledBack);
    let loss = restored.loss();
    assert_eq!(loss.from, restored.had);
    let (signed, _, _) = restored.keeper.core.checkpoints.last().unwrap().unwrap();
    assert_eq!(loss.to, signed);
    assert!(loss.to >= loss.from + 3 && loss.is_whole);
    for _ in 0..2 {
        let refused = restored.open().await.unwrap_err();
        assert_eq!(denied(&refused), Reason::LedgerUnavailable);
    }
}

/// A keeper that knows a patient, started again after these statements with the checkpoints of these sizes left.
async fn tampered(statements: &str, left: fn(u64) -> bool) -> (Health, u64, Option<Loss>) {
    let scene = scene().await;
    scene.patient(1).await;
    scene.keeper.stop().await;
    let had = scene.keeper.core.ledger.size();
    scene.past_the_keeper(statements).await;
    let folder = scene.keeper.folder().join("checkpoints");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let size = path.file_stem().and_then(|stem| stem.to_str());
        if !left(size.unwrap().parse().unwrap()) {
            std::fs::remove_file(path).unwrap();
        }
    }
    let keeper = scene.keeper.restart().await;
    let ledger = &keeper.core.ledger;
    (ledger.health(), had, ledger.loss().cloned())
}

#[tokio::test]
async fn the_checkpoint_over_the_empty_ledger_alone_vouches_for_no_entries() {
    let (health, had, loss) = tampered("select 1", |size| size == 0).await;
    assert_eq!(health, Health::RolledBack);
    let loss = loss.unwrap();
    assert_eq!((loss.from, loss.to), (had, had));
}

#[tokio::test]
async fn a_ledger_that_was_emptied_is_not_a_new_one_while_the_keeper_knows_somebody() {
    let hex = |text: String, byte: &u8| format!("{text}{byte:02x}");
    let empty = Frontier::new().to_bytes().iter().fold(String::new(), hex);
    let emptied =
        format!("truncate entry cascade; update ledger_head set size = 0, frontier = '\\x{empty}'");
    let cases: [fn(u64) -> bool; 2] = [|_| false, |size| size == 0];
    for left in cases {
        let (health, _, loss) = tampered(&emptied, left).await;
        assert_eq!(health, Health::RolledBack);
        let loss = loss.unwrap();
        assert_eq!((loss.from, loss.to, loss.is_whole), (0, 0, true));
    }
}

#[tokio::test]
async fn a_loss_is_accepted_by_two_people_naming_exactly_it_and_by_nobody_else() {
    let restored = restored().await;
    let [one, two] = &restored.codes;
    let (from, to) = (restored.loss().from, restored.loss().to);
    for (codes, from, to, reason) in [
        ([one, one], from, to, Reason::WrongCredentials),
        ([one, two], from, to - 1, Reason::Invalid),
        ([one, two], from + 1, to, Reason::Invalid),
    ] {
        let refused = restored.order(codes, from, to).await.unwrap_err();
        assert_eq!(refused.reason, reason);
    }
    assert!(!restored.keeper.core.restart.is_cancelled());
    restored.order([two, one], from, to).await.unwrap();
    assert!(restored.keeper.core.restart.is_cancelled());
    // Until it starts again, it opens nothing.
    let refused = restored.open().await.unwrap_err();
    assert_eq!(denied(&refused), Reason::LedgerUnavailable);
}

#[tokio::test]
async fn an_accepted_loss_is_an_entry_for_each_lost_index_and_an_incident_and_the_ledger_goes_on() {
    let mut restored = restored().await;
    let (from, to) = (restored.loss().from, restored.loss().to);
    let [one, two] = restored.codes.clone();
    restored.order([&one, &two], from, to).await.unwrap();
    restored.keeper = restored.keeper.restart().await;
    assert_eq!(restored.keeper.core.ledger.health(), Health::Well);
    // No index that a receipt or the room has seen is given to anything else.
    assert_eq!(restored.count(EntryKind::LossAccepted, 0).await, to - from);
    assert_eq!(restored.count(EntryKind::Alarm, LEDGER_LOSS).await, 1);
    assert!(restored.open().await.unwrap() > to);
    restored.keeper = restored.keeper.restart().await;
    assert_eq!(restored.count(EntryKind::LossAccepted, 0).await, to - from);
    assert!(restored.open().await.is_ok());

    restored.keeper.stop().await;
    let keys = Keys::new(restored.keeper.root_key()).unwrap();
    let mut ledger = Vec::new();
    candour_keeper::export::export(&restored.yesterday.config(), &keys, &mut ledger)
        .await
        .unwrap();
    let report = verify(ledger.as_slice(), checkpoints(&restored.keeper));
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!(report.lost, to - from);
    // Outsiders see the ledger as it is now.
    let size = restored.keeper.core.ledger.size();
    assert_eq!(crate::tiles::whole(&restored.keeper), size);
    // What was signed over the lost entries stays as evidence.
    let lost = restored.keeper.folder().join("checkpoints/lost");
    assert!(std::fs::read_dir(lost).unwrap().count() > 1);
}

#[tokio::test]
async fn a_loss_of_a_long_ledger_is_accepted_too_and_no_tree_from_before_it_is_gone_on_from() {
    let database = TestCluster::shared().database(&KEEPER).await;
    let settings = Settings {
        read_at_start: 2,
        ..Settings::default()
    };
    let keeper = TestKeeper::start_with(&database, settings).await;
    let mut restored = restored_from(scene_of(database, keeper).await).await;
    assert!(restored.keeper.folder().join("ledger-tree").exists());
    let (from, to) = (restored.loss().from, restored.loss().to);
    assert_eq!(from, restored.had);
    let [one, two] = restored.codes.clone();
    restored.order([&one, &two], from, to).await.unwrap();
    for _ in 0..2 {
        restored.keeper = restored.keeper.restart().await;
        let ledger = &restored.keeper.core.ledger;
        assert_eq!(ledger.health(), Health::Well);
        eventually(|| async { ledger.is_looked_through() }).await;
        assert!(!restored.keeper.core.restart.is_cancelled());
        assert!(restored.open().await.unwrap() > to);
        assert_eq!(restored.count(EntryKind::LossAccepted, 0).await, to - from);
    }
}
