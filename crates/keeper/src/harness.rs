//! For tests of this crate: a core over a database of its own, with a set clock.

use crate::clock::{Clock, SetClock};
use crate::core::{Core, CoreParts};
use crate::draft::{Draft, Effect};
use crate::facts::{Enrolment, Fact, Patient};
use crate::identity::commit;
use crate::ledger::READ_AT_START;
use crate::limits::KeyLife;
use crate::making;
use crate::volume::VolumeTable;
use crate::witness::WitnessTable;
use candour_keeper_wire::words::EntryKind;
use candour_rules::ages::AgeTable;
use candour_rules::budget::BudgetTable;
use candour_rules::detect::DetectionTable;
use candour_seal::{InstanceId, PatientId, PracticeId, RootKey};
use candour_testkit::{TestCluster, TestDatabase};
use jiff::Timestamp;
use std::sync::Arc;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// The origin of every passkey answer in these tests.
pub(crate) const ORIGIN: &str = "http://localhost:8080";
/// The portal that asks.
pub(crate) const PORTAL: InstanceId = InstanceId::from_bytes([1; 16]);
/// Another portal.
pub(crate) const OTHER_PORTAL: InstanceId = InstanceId::from_bytes([2; 16]);

/// A core and what it lives on.
pub(crate) struct Inside {
    pub core: Arc<Core>,
    pub clock: Arc<SetClock>,
    stop: DropGuard,
    tasks: TaskTracker,
    folder: tempfile::TempDir,
    pub database: TestDatabase,
}

/// A new installation at noon of an ordinary day.
pub(crate) async fn inside() -> Inside {
    made(true).await
}

/// The same, not for a demonstration.
pub(crate) async fn real() -> Inside {
    made(false).await
}

async fn made(is_demonstration: bool) -> Inside {
    let database = TestCluster::shared()
        .empty_database("candour_keeper", &[])
        .await;
    let root = RootKey::from_bytes(&[7; 32]);
    let clock = Arc::new(SetClock::new("2026-03-02T00:00:00Z".parse().unwrap()));
    making::make(&database.config(), &root, is_demonstration, clock.now())
        .await
        .unwrap();
    started(database, clock, tempfile::tempdir().unwrap()).await
}

async fn started(
    database: TestDatabase,
    clock: Arc<SetClock>,
    folder: tempfile::TempDir,
) -> Inside {
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let parts = CoreParts {
        database: database.config(),
        root: RootKey::from_bytes(&[7; 32]),
        root_kind: "key file",
        wrong_tries: 0,
        token: None,
        folder: folder.path().to_owned(),
        public: folder.path().join("ledger"),
        relying_party: "localhost".to_owned(),
        origins: vec![ORIGIN.parse().unwrap()],
        shares_user: true,
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        budgets: BudgetTable::default(),
        detection: DetectionTable::default(),
        life: KeyLife::default(),
        ages: AgeTable::default(),
        volume: VolumeTable {
            folder: None,
            ballast_mib: 0,
            low_mib: 0,
        },
        witnesses: WitnessTable::default(),
        read_at_start: READ_AT_START,
    };
    let core = Core::start(parts, stop.clone(), &tasks).await.unwrap();
    Inside {
        core,
        clock,
        stop: stop.drop_guard(),
        tasks,
        folder,
        database,
    }
}

impl Inside {
    /// The keeper ends and starts again; sessions are gone.
    pub(crate) async fn restart(self) -> Self {
        drop(self.stop);
        self.tasks.close();
        self.tasks.wait().await;
        drop(self.core);
        started(self.database, self.clock, self.folder).await
    }

    /// A patient born on 1980-01-31, enrolled at a practice, as an import would leave them.
    pub(crate) async fn patient(&self, practice: PracticeId, byte: u8) -> PatientId {
        let id = PatientId::from_bytes([byte; 16]);
        let subject = self.core.keys.patient(id);
        let (keys, _) = self.core.subject_keys.make(subject).unwrap();
        let mut draft = Draft::of_keeper(EntryKind::Change);
        draft.effects = vec![
            Effect::InsertSubjectKeys(Box::new(keys)),
            Effect::fact(
                subject,
                Fact::Patient(Patient {
                    birth_year: 1980,
                    birth: self.core.keys.birth(subject, "1980-01-31").to_vec(),
                    ..Patient::default()
                }),
            ),
            Effect::fact(
                subject,
                Fact::Enrolment(Enrolment {
                    practice: practice.as_bytes().to_vec(),
                    since: 0,
                }),
            ),
        ];
        commit(&self.core, draft.about(id, subject)).await.unwrap();
        id
    }

    /// Now.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
