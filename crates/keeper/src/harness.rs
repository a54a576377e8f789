//! For tests of this crate: a core over a database of its own, with a set clock.

use crate::checkpoint::Checkpoints;
use crate::clock::{Clock, SetClock};
use crate::core::{Core, KeeperConfig};
use crate::draft::{Draft, Effect};
use crate::facts::{Enrolment, Fact, FactStore, Patient};
use crate::identity::{Identity, commit};
use crate::items::Items;
use crate::keys::{Keys, OwnSubject};
use crate::ledger::{LedgerParts, start};
use crate::lookups::Lookups;
use crate::policy::PolicySet;
use crate::session::Sessions;
use crate::subject_keys::{PEOPLE, SubjectKeys, epoch_context, make_under};
use candour_keeper_api::words::EntryKind;
use candour_ledger::{Frontier, LogSigner};
use candour_rules::budget::BudgetTable;
use candour_rules::detect::DetectionTable;
use candour_seal::{
    EpochKey, InstallationId, InstanceId, PatientId, PracticeId, RoomPrivateKey, RootKey,
    SystemRandom, wrap,
};
use candour_testkit::{Template, TestCluster, TestDatabase};
use deadpool_postgres::{Manager, Pool};
use jiff::Timestamp;
use std::sync::Arc;
use tokio_postgres::NoTls;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// The origin of every passkey answer in these tests.
pub(crate) const ORIGIN: &str = "http://localhost:8080";
/// The portal that asks.
pub(crate) const PORTAL: InstanceId = InstanceId::from_bytes([1; 16]);
/// Another portal.
pub(crate) const OTHER_PORTAL: InstanceId = InstanceId::from_bytes([2; 16]);

const TEMPLATE: Template = Template {
    name: "keeper_inside",
    owner: "candour_keeper",
    guests: &[],
    migrate: |config| {
        Box::pin(async move {
            let (client, connection) = config.connect(NoTls).await?;
            let driven = TaskTracker::new();
            driven.spawn(connection);
            client
                .batch_execute(include_str!("../migrations/V1__keeper.sql"))
                .await?;
            Ok(())
        })
    },
};

/// A core and what it lives on.
pub(crate) struct Inside {
    pub core: Arc<Core>,
    pub clock: Arc<SetClock>,
    subject_keys: Arc<SubjectKeys>,
    _stop: DropGuard,
    _folder: tempfile::TempDir,
    _database: TestDatabase,
}

/// A new installation at noon of an ordinary day.
pub(crate) async fn inside() -> Inside {
    let database = TestCluster::shared().database(&TEMPLATE).await;
    let config = database.config();
    let pool = Pool::builder(Manager::new(config.clone(), NoTls))
        .max_size(4)
        .build()
        .unwrap();
    let keys = Arc::new(Keys::new(RootKey::from_bytes(&[7; 32])).unwrap());
    make(&pool, &keys).await;
    let clock = Arc::new(SetClock::new("2026-03-02T00:00:00Z".parse().unwrap()));
    let facts = Arc::new(FactStore::new(pool.clone(), Arc::clone(&keys)));
    let lookups = Arc::new(Lookups::new(pool.clone(), Arc::clone(&keys)));
    let subject_keys = Arc::new(SubjectKeys::new(pool.clone(), Arc::clone(&keys)));
    subject_keys.read_epochs().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let installation = InstallationId::from_bytes([5; 16]);
    let room = RoomPrivateKey::generate(&mut SystemRandom);
    let stop = CancellationToken::new();
    let (ledger, freezes) = start(LedgerParts {
        config,
        pool: pool.clone(),
        keys: Arc::clone(&keys),
        facts: Arc::clone(&facts),
        items: Arc::new(Items::new(pool.clone(), Arc::clone(&keys))),
        lookups: Arc::clone(&lookups),
        subject_keys: Arc::clone(&subject_keys),
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        room: room.public(),
        checkpoints: Arc::new(
            Checkpoints::new(
                folder.path().to_owned(),
                LogSigner::from_seed("candour.invalid/test", keys.checkpoint_seed().expose())
                    .unwrap(),
            )
            .unwrap(),
        ),
        budgets: BudgetTable::default(),
        detection: DetectionTable::default(),
        stop: stop.clone(),
        tasks: TaskTracker::new(),
    })
    .await
    .unwrap();
    let config = KeeperConfig {
        installation,
        is_demonstration: true,
        relying_party: "localhost".to_owned(),
        origins: vec![ORIGIN.parse().unwrap()],
        room: room.public(),
    };
    let core = Core {
        identity: Identity::new(&config, &keys),
        config,
        pool,
        keys,
        facts,
        freezes,
        sessions: Sessions::default(),
        policy: PolicySet::built_in().unwrap(),
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        ledger,
        lookups,
        room_private: Some(room.to_bytes()),
    };
    Inside {
        core: Arc::new(core),
        clock,
        subject_keys,
        _stop: stop.drop_guard(),
        _folder: folder,
        _database: database,
    }
}

async fn make(pool: &Pool, keys: &Keys) {
    let client = pool.get().await.unwrap();
    let epoch = EpochKey::generate(&mut SystemRandom);
    let wrapped = wrap(
        keys.root(),
        &epoch_context(PEOPLE, 1),
        &epoch,
        &mut SystemRandom,
    );
    let own = keys.own(OwnSubject::Installation);
    let (new, _) = make_under(&epoch, own, PEOPLE, 1);
    let (scope, frontier) = (PEOPLE.as_slice(), Frontier::new().to_bytes());
    client
        .execute(
            crate::sql::making::INSERT_EPOCH_KEY,
            &[&scope, &1_i32, &wrapped.as_slice(), &0_i64],
        )
        .await
        .unwrap();
    client
        .execute(
            crate::sql::making::INSERT_SUBJECT_KEY,
            &[
                &new.subject.0.as_slice(),
                &scope,
                &1_i32,
                &new.reading.as_slice(),
                &new.audit.as_slice(),
            ],
        )
        .await
        .unwrap();
    client
        .execute(crate::sql::making::INSERT_HEAD, &[&frontier.as_slice()])
        .await
        .unwrap();
}

impl Inside {
    /// A patient born on 1980-01-31, enrolled at a practice, as an import would leave them.
    pub(crate) async fn patient(&self, practice: PracticeId, byte: u8) -> PatientId {
        let id = PatientId::from_bytes([byte; 16]);
        let subject = self.core.keys.patient(id);
        let (keys, _) = self.subject_keys.make(subject).unwrap();
        let mut draft = Draft::of_keeper(EntryKind::Change);
        draft.effects = vec![
            Effect::InsertSubjectKeys(Box::new(keys)),
            Effect::InsertFact {
                subject,
                fact: Fact::Patient(Patient {
                    birth_year: 1980,
                    birth: self.core.keys.birth(subject, "1980-01-31").to_vec(),
                    ..Patient::default()
                }),
            },
            Effect::InsertFact {
                subject,
                fact: Fact::Enrolment(Enrolment {
                    practice: practice.as_bytes().to_vec(),
                    since: 0,
                }),
            },
        ];
        commit(&self.core, draft).await.unwrap();
        id
    }

    /// Now.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
