//! The real keeper, in process, on a temporary socket and a database of its own.

pub mod acts;
mod programs;

use crate::cluster::{Template, TestCluster, TestDatabase};
use candour_embedded::cluster::roles;
use candour_keeper::clock::{Clock, SetClock};
use candour_keeper::core::{Core, CoreParts};
use candour_keeper::draft::{Draft, Effect};
use candour_keeper::facts::{self, Fact};
pub use candour_keeper::instances::InstanceKind;
use candour_keeper::instances::{InstanceLine, Instances};
use candour_keeper::keys::OwnSubject;
use candour_keeper::ledger::READ_AT_START;
use candour_keeper::limits::KeyLife;
use candour_keeper::making;
use candour_keeper::serve::KeeperService;
use candour_keeper::session::{NewSession, Principal, SignedBy};
use candour_keeper::token::RootToken;
use candour_keeper::volume::VolumeTable;
pub use candour_keeper::witness::{Named, WitnessTable};
use candour_keeper_api::words::{EntryKind, Purpose, Role, Section};
use candour_keeper_api::{Keeper, KeeperAddress, Token, service};
use candour_rules::ages::AgeTable;
use candour_rules::budget::BudgetTable;
use candour_rules::detect::DetectionTable;
use candour_rules::freeze::Frozen;
use candour_seal::{
    Digest, InstanceId, PatientId, PersonId, PracticeId, RootKey, RunId, Zeroizing,
};
use jiff::Timestamp;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio_postgres::Config;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The keeper's schema for test databases.
pub const KEEPER: Template = Template {
    name: "keeper",
    owner: roles::KEEPER,
    guests: &[],
    migrate: |config| Box::pin(async move { Ok(making::migrate(&config).await?) }),
};

const KINDS: [(&str, InstanceKind); 5] = [
    ("portal", InstanceKind::Portal),
    ("worker", InstanceKind::Worker),
    ("room", InstanceKind::Room),
    ("import", InstanceKind::Import),
    ("drill", InstanceKind::Drill),
];

/// How a test keeper differs from an ordinary one.
#[derive(Clone)]
pub struct Settings {
    /// How much may be read.
    pub budgets: BudgetTable,
    /// When a rule speaks.
    pub detection: DetectionTable,
    /// How long keys serve.
    pub life: KeyLife,
    /// Ballast and alarms of the ledger's volume.
    pub volume: VolumeTable,
    /// Who must have seen the ledger.
    pub witnesses: WitnessTable,
    /// The token that gave its root key.
    pub token: Option<Arc<RootToken>>,
    /// Where its files lie, instead of in a folder of its own.
    pub places: Option<Arc<Places>>,
    /// Entries that it looks through before it works.
    pub read_at_start: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            budgets: BudgetTable::default(),
            detection: DetectionTable::default(),
            life: KeyLife::default(),
            volume: VolumeTable {
                folder: None,
                ballast_mib: 0,
                low_mib: 0,
            },
            witnesses: WitnessTable::default(),
            token: None,
            places: None,
            read_at_start: READ_AT_START,
        }
    }
}

impl Settings {
    fn places_or(&self, own: &TempDir) -> Places {
        let places = self.places.as_deref().cloned();
        places.unwrap_or_else(|| Places::below(own.path()))
    }
}

/// Where a keeper's files lie.
#[derive(Debug, Clone)]
pub struct Places {
    /// Its own: the checkpoints.
    pub keeper: PathBuf,
    /// What outsiders see of its ledger.
    pub ledger: PathBuf,
}

impl Places {
    /// Both in one folder.
    pub fn below(folder: &Path) -> Self {
        Self {
            keeper: folder.join("keeper"),
            ledger: folder.join("ledger"),
        }
    }
}

/// Somebody of a practice with a running session.
#[derive(Debug, Clone)]
pub struct Staff {
    /// Who.
    pub person: PersonId,
    /// The session's token, through the first portal.
    pub token: Token,
}

/// A keeper at work.
pub struct TestKeeper {
    /// Its inside, to arrange what a test begins with.
    pub core: Arc<Core>,
    /// Its clock; it stands until a test moves it.
    pub clock: Arc<SetClock>,
    socket: PathBuf,
    folder: Arc<TempDir>,
    database: Config,
    settings: Settings,
    stop: CancellationToken,
    tasks: TaskTracker,
    next_id: AtomicU64,
}

/// An id that differs with every number and name.
fn made_up(what: &str, number: u64) -> [u8; 16] {
    let digest = Digest::of(format!("{what} {number}").as_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&digest.as_bytes()[..16]);
    id
}

fn credential(name: &str) -> [u8; 32] {
    *Digest::of(format!("credential of {name}").as_bytes()).as_bytes()
}

fn name_of(kind: InstanceKind) -> &'static str {
    KINDS
        .iter()
        .find(|(_, known)| *known == kind)
        .map_or("portal", |(name, _)| name)
}

impl TestKeeper {
    /// A new database from the shared cluster, with an installation, and a keeper on it.
    ///
    /// # Panics
    /// When any of it fails: the test cannot go on.
    pub async fn fresh() -> (TestDatabase, Self) {
        let database = TestCluster::shared().database(&KEEPER).await;
        let keeper = Self::start(&database).await;
        (database, keeper)
    }

    /// Makes an installation in an empty test database and starts a keeper on it.
    ///
    /// # Panics
    /// When any of it fails: the test cannot go on.
    pub async fn start(database: &TestDatabase) -> Self {
        Self::start_with(database, Settings::default()).await
    }

    /// The same with other budgets or thresholds.
    ///
    /// # Panics
    /// When any of it fails: the test cannot go on.
    #[expect(clippy::expect_used, reason = "for tests only")]
    pub async fn start_with(database: &TestDatabase, settings: Settings) -> Self {
        let now: Timestamp = "2026-03-02T21:00:00Z".parse().expect("a time");
        Self::start_on(database.config(), now, settings).await
    }

    /// The same in any empty database with the keeper's schema.
    ///
    /// # Panics
    /// When any of it fails: the test cannot go on.
    #[expect(clippy::expect_used, reason = "for tests only")]
    pub async fn start_on(database: Config, now: Timestamp, settings: Settings) -> Self {
        making::make(&database, &root(), true, now)
            .await
            .expect("an installation is made");
        let folder = Arc::new(TempDir::new().expect("a folder"));
        let clock = Arc::new(SetClock::new(now));
        Self::run(database, clock, folder, settings)
            .await
            .expect("the keeper starts")
    }

    async fn run(
        database: Config,
        clock: Arc<SetClock>,
        folder: Arc<TempDir>,
        settings: Settings,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let places = settings.places_or(&folder);
        let parts = CoreParts {
            database: database.clone(),
            root: root(),
            root_kind: if settings.token.is_some() {
                "token"
            } else {
                "key file"
            },
            wrong_tries: 0,
            token: settings.token.clone(),
            folder: places.keeper,
            public: places.ledger,
            relying_party: "localhost".to_owned(),
            origins: vec!["http://localhost:8080".parse()?],
            shares_user: true,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            budgets: settings.budgets.clone(),
            detection: settings.detection.clone(),
            life: settings.life,
            ages: AgeTable::default(),
            volume: settings.volume.clone(),
            witnesses: settings.witnesses.clone(),
            read_at_start: settings.read_at_start,
        };
        let core = Core::start(parts, stop.clone(), &tasks).await?;
        let instances = Instances::at(&folder.path().join("instances.json"));
        let lines: Vec<InstanceLine> = KINDS
            .iter()
            .map(|(name, kind)| {
                InstanceLine::of(name, *kind, instance(*kind), &credential(name), None)
            })
            .collect();
        instances.write(&lines)?;
        let socket = folder
            .path()
            .join(format!("{}.sock", clock.now().as_microsecond()));
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket)?;
        let service = Arc::new(KeeperService {
            core: Arc::clone(&core),
            instances,
        });
        tasks.spawn(service::serve(listener, service, stop.clone()));
        Ok(Self {
            core,
            clock,
            socket,
            folder,
            database,
            settings,
            stop,
            tasks,
            next_id: AtomicU64::new(1),
        })
    }

    /// Ends the keeper in order.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Ends the keeper and starts it again on the same database and checkpoints; sessions are gone.
    ///
    /// # Panics
    /// When it does not start: the test cannot go on.
    #[expect(clippy::expect_used, reason = "for tests only")]
    pub async fn restart(self) -> Self {
        self.stop().await;
        let (database, clock, folder) = (self.database, self.clock, self.folder);
        let settings = self.settings;
        Self::run(database, clock, folder, settings)
            .await
            .expect("the keeper starts again")
    }

    /// The same on another database: one that was restored, for instance.
    ///
    /// # Panics
    /// When it does not start: the test cannot go on.
    pub async fn restart_on(self, database: Config) -> Self {
        self.stop().await;
        Self { database, ..self }.restart().await
    }

    /// Where it listens.
    pub fn socket(&self) -> &std::path::Path {
        &self.socket
    }

    /// Its own folder: checkpoints lie in it.
    pub fn folder(&self) -> PathBuf {
        self.settings.places_or(&self.folder).keeper
    }

    /// What outsiders see of its ledger.
    pub fn public(&self) -> PathBuf {
        self.settings.places_or(&self.folder).ledger
    }

    /// Where cosignatures of witnesses are brought to.
    pub fn brought(&self) -> PathBuf {
        self.folder.path().join("witnesses")
    }

    /// Its root key.
    pub fn root_key(&self) -> RootKey {
        root()
    }

    /// A client as one of the processes that may call.
    pub fn client(&self, kind: InstanceKind) -> Keeper {
        Keeper::new(self.address(kind))
    }

    /// What such a process is handed.
    pub fn address(&self, kind: InstanceKind) -> KeeperAddress {
        KeeperAddress {
            socket: self.socket.clone(),
            credential: Zeroizing::new(credential(name_of(kind)).to_vec()),
        }
    }

    /// The next made-up id.
    pub fn next_id(&self, what: &str) -> [u8; 16] {
        made_up(what, self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    /// Commits a draft of the keeper itself with these effects: how a test arranges facts.
    ///
    /// # Panics
    /// When it is not committed.
    #[expect(clippy::expect_used, reason = "for tests only")]
    pub async fn arrange(&self, effects: Vec<Effect>) -> u64 {
        let mut draft = Draft::of_keeper(EntryKind::Change);
        draft.effects = effects;
        let appended = self
            .core
            .ledger
            .append_one(draft)
            .await
            .expect("it is committed");
        appended.index
    }

    /// A practice.
    pub async fn practice(&self) -> PracticeId {
        let practice = PracticeId::from_bytes(self.next_id("practice"));
        let fact = Fact::Practice(facts::Practice {
            region: "Northland".to_owned(),
            name: "Kauri Health".to_owned(),
            practice: practice.as_bytes().to_vec(),
        });
        let subjects = [
            self.core.keys.practice(practice),
            self.core.keys.own(OwnSubject::Practices),
        ];
        let effects = subjects.map(|subject| Effect::InsertFact {
            subject,
            fact: fact.clone(),
        });
        self.arrange(effects.into()).await;
        practice
    }

    fn begin(&self, new: NewSession) -> Option<Token> {
        let now = self.core.clock.now();
        let rng = &mut candour_seal::SystemRandom;
        let begun = self.core.sessions.begin(&self.core.keys, new, now, rng);
        begun.map(|(token, _)| token)
    }

    /// Somebody who works at a practice, signed in by passkey.
    ///
    /// # Panics
    /// When it cannot be arranged.
    pub async fn staff(&self, practice: PracticeId, role: Role) -> Staff {
        let person = PersonId::from_bytes(self.next_id("person"));
        let fact = Fact::StaffRole(facts::StaffRole {
            practice: practice.as_bytes().to_vec(),
            role: role.into(),
            until: 0,
            sealed_name: Vec::new(),
        });
        self.account(person, vec![fact]).await;
        self.sign_in_staff(person, practice, role)
    }

    /// Signs somebody in again, with a passkey given just now.
    ///
    /// # Panics
    /// When it cannot be arranged.
    #[expect(clippy::expect_used, reason = "for tests only")]
    pub fn sign_in_staff(&self, person: PersonId, practice: PracticeId, role: Role) -> Staff {
        let token = self.begin(NewSession {
            principal: Principal::Person(person),
            role,
            practice: Some(practice),
            instance: instance(InstanceKind::Portal),
            by_passkey: true,
            own_patient: None,
            signed_by: SignedBy::default(),
        });
        Staff {
            person,
            token: token.expect("a session"),
        }
    }

    /// The session of a token after its holder gave a fresh passkey: its new token.
    ///
    /// # Panics
    /// When there is no such session.
    #[expect(clippy::expect_used, reason = "for tests only")]
    pub fn proved(&self, token: &Token) -> Token {
        let now = self.core.clock.now();
        let sessions = &self.core.sessions;
        let proved = sessions.prove(token.expose(), true, now, &mut candour_seal::SystemRandom);
        proved.expect("a session")
    }

    /// Makes an account with further facts.
    pub async fn account(&self, person: PersonId, further: Vec<Fact>) {
        let subject = self.core.keys.person(person);
        let account = Fact::Account(facts::Account { login: vec![0; 16] });
        let all = std::iter::once(account).chain(further);
        let effects = all.map(|fact| Effect::InsertFact { subject, fact });
        self.arrange(effects.collect()).await;
    }

    /// The patient's own session, through the first portal.
    pub async fn as_patient(&self, patient: PatientId) -> Staff {
        let person = PersonId::from_bytes(self.next_id("person"));
        let token = self.core.keys.patient(patient);
        let own = Fact::SelfPatient(facts::SelfPatient {
            patient: token.0.to_vec(),
            ..facts::SelfPatient::default()
        });
        self.account(person, vec![own]).await;
        self.arrange(vec![Effect::InsertFact {
            subject: token,
            fact: Fact::AccountHolder(facts::AccountHolder {
                person: self.core.keys.person(person).0.to_vec(),
            }),
        }])
        .await;
        self.sign_in_patient(person, Some(patient))
    }

    /// Signs a patient in, or somebody who acts for one, with a passkey given just now.
    ///
    /// # Panics
    /// When it cannot be arranged.
    #[expect(clippy::expect_used, reason = "for tests only")]
    pub fn sign_in_patient(&self, person: PersonId, own_patient: Option<PatientId>) -> Staff {
        let session = self.begin(NewSession {
            principal: Principal::Person(person),
            role: Role::Patient,
            practice: None,
            instance: instance(InstanceKind::Portal),
            by_passkey: true,
            own_patient,
            signed_by: SignedBy::default(),
        });
        Staff {
            person,
            token: session.expect("a session"),
        }
    }

    /// The session of somebody who acts for a patient.
    pub async fn as_proxy(&self, patient: PatientId, sections: &[Section], until: i64) -> Staff {
        let sections = sections.iter().map(|section| i32::from(*section)).collect();
        let patient = self.core.keys.patient(patient).0.to_vec();
        self.as_proxy_by(facts::Proxy {
            patient,
            sections,
            until,
            ..facts::Proxy::default()
        })
        .await
    }

    /// The session of somebody who acts for a patient by this fact.
    pub async fn as_proxy_by(&self, proxy: facts::Proxy) -> Staff {
        let person = PersonId::from_bytes(self.next_id("person"));
        self.account(person, vec![Fact::Proxy(proxy)]).await;
        self.sign_in_patient(person, None)
    }

    /// A run that two people approved, for an hour, to tell these members of an incident.
    pub async fn run_for(&self, incident: [u8; 16], members: &[PatientId]) -> RunId {
        let keys = &self.core.keys;
        let run = RunId::from_bytes(self.next_id("run"));
        let subject = keys.run(run);
        let until = self.core.clock.now().as_microsecond() + 3_600_000_000;
        let fact = Fact::Run(facts::Run {
            purpose: Purpose::IncidentNotice.into(),
            members: u32::try_from(members.len()).unwrap_or(u32::MAX),
            members_digest: vec![0; 32],
            sections: vec![Section::Contact.into(), Section::Identity.into()],
            until,
            incident: incident.to_vec(),
            scope_hash: vec![0; 32],
        });
        let opened = Fact::RunOpened(facts::RunOpened {
            run: subject.0.to_vec(),
            until,
        });
        self.arrange(vec![
            Effect::InsertFact { subject, fact },
            Effect::InsertFact {
                subject: keys.own(OwnSubject::Runs),
                fact: opened,
            },
            Effect::InsertRunMembers {
                run: subject,
                patients: members.iter().map(|member| keys.patient(*member)).collect(),
            },
        ])
        .await;
        run
    }

    /// Freezes something, as an officer would; comes back when the freeze is committed, with its ledger index.
    ///
    /// # Panics
    /// When it is not committed.
    #[expect(clippy::expect_used, reason = "for tests only")]
    pub async fn freeze(&self, what: Frozen) -> u64 {
        let mut draft = Draft::of_keeper(EntryKind::Freeze);
        draft.effects = vec![Effect::Freeze(what)];
        let appended = self.core.ledger.append_one(draft).await;
        appended.expect("it is committed").index
    }

    /// How many entries there are of each kind, by what the ledger's rows say.
    ///
    /// # Panics
    /// When the database does not answer.
    #[expect(clippy::expect_used, reason = "for tests only")]
    pub async fn entries(&self) -> HashMap<(i16, i16), i64> {
        let client = self.core.pool.get().await.expect("a connection");
        let rows = client
            .query(
                "select kind, decision, count(*) from entry group by kind, decision",
                &[],
            )
            .await
            .expect("the entries are read");
        rows.iter()
            .map(|row| ((row.get(0), row.get(1)), row.get(2)))
            .collect()
    }
}

/// The id of the process of this kind.
pub fn instance(kind: InstanceKind) -> InstanceId {
    InstanceId::from_bytes(made_up(name_of(kind), 0))
}

fn root() -> RootKey {
    RootKey::from_bytes(&[7; 32])
}
