//! What most tests begin with: a keeper, a practice, patients with documents.

use candour_keeper::instances::InstanceKind;
use candour_keeper_api::wire::{self, Call, Reply};
use candour_keeper_api::words::{ItemKind, Purpose, Reason, Role, Section};
use candour_keeper_api::{
    CallError, Denied, DepositOutcome, Item, Keeper, Permit, Section as SectionOf, Target, Token,
    Viewer,
};
use candour_rules::freeze::Frozen;
use candour_seal::{Digest, ItemId, PatientId, PracticeId};
use candour_testkit::cluster::TestDatabase;
use candour_testkit::keeper::Staff;
use candour_testkit::keeper::acts::in_an_emergency;
use candour_testkit::{Held, TestKeeper};
use tokio_postgres::Config;

/// One practice with its program, a clinician and a portal.
pub struct Scene {
    pub keeper: TestKeeper,
    pub portal: Keeper,
    pub import: Keeper,
    pub practice: PracticeId,
    pub program: Token,
    pub clinician: Staff,
    /// Its database, as the keeper reaches it.
    pub config: Config,
    /// The same for somebody who holds the cluster.
    pub superuser: Config,
    pub database: Option<TestDatabase>,
}

/// What was stored outside the keeper.
pub struct Stored {
    pub item: ItemId,
    pub sealed: Vec<u8>,
    pub plain: Vec<u8>,
}

pub async fn scene() -> Scene {
    let (database, keeper) = TestKeeper::fresh().await;
    scene_of(database, keeper).await
}

pub async fn scene_of(database: TestDatabase, keeper: TestKeeper) -> Scene {
    let scene = scene_on(database.config(), database.config_as_superuser(), keeper).await;
    Scene {
        database: Some(database),
        ..scene
    }
}

pub async fn scene_on(config: Config, superuser: Config, keeper: TestKeeper) -> Scene {
    let practice = keeper.practice().await;
    Scene {
        portal: keeper.client(InstanceKind::Portal),
        import: keeper.client(InstanceKind::Import),
        program: keeper.program(practice, InstanceKind::Import).await,
        clinician: keeper.staff(practice, Role::Clinician).await,
        practice,
        keeper,
        config,
        superuser,
        database: None,
    }
}

/// Somebody to enrol.
pub fn person(number: u64) -> wire::NewEnrolment {
    wire::NewEnrolment {
        enrolment_key: key(number).to_vec(),
        nhi: format!("ZZZ{number:04}"),
        birth_date: "1980-02-29".to_owned(),
        surname: "Kōrero".to_owned(),
        given: "Mia".to_owned(),
        region: "Northland".to_owned(),
        country: "NZ".to_owned(),
        ..wire::NewEnrolment::default()
    }
}

/// A key that differs with the number.
pub fn key(number: u64) -> [u8; 16] {
    let mut key = [0xaa; 16];
    key[8..].copy_from_slice(&number.to_be_bytes());
    key
}

pub fn denied(error: &CallError) -> Reason {
    match error {
        CallError::Denied(denied) => denied.reason,
        other => panic!("not a refusal: {other}"),
    }
}

impl Scene {
    pub async fn enrol_as(
        &self,
        program: &Token,
        people: Vec<wire::NewEnrolment>,
    ) -> Vec<Result<PatientId, Reason>> {
        let call = Call::Enrol(wire::Enrol {
            token: program.expose().to_vec(),
            people,
        });
        let Reply::Enrolled(enrolled) = self.import.call(call).await.unwrap() else {
            panic!("not an answer to enrolling");
        };
        let answers = enrolled.people.into_iter().map(|person| {
            match PatientId::try_from(person.patient.as_slice()) {
                Ok(patient) => Ok(patient),
                Err(_) => Err(Reason::try_from(person.refused).unwrap()),
            }
        });
        answers.collect()
    }

    pub async fn patient(&self, number: u64) -> PatientId {
        let mut enrolled = self.enrol_as(&self.program, vec![person(number)]).await;
        enrolled.pop().unwrap().unwrap()
    }

    /// Deposits, seals and says so.
    pub async fn store(&self, items: Vec<wire::NewItem>) -> Vec<Stored> {
        let granted = self.import.deposit(&self.program, items).await.unwrap();
        let mut stored = Vec::new();
        for (number, granted) in granted.into_iter().enumerate() {
            let DepositOutcome::New(permit) = granted.unwrap() else {
                panic!("sealed already");
            };
            let plain = format!("content {number}").into_bytes();
            stored.push(Stored {
                item: permit.item(),
                sealed: permit.seal(&plain, &mut candour_seal::SystemRandom),
                plain,
            });
        }
        self.say_sealed(&stored).await.unwrap();
        stored
    }

    pub async fn say_sealed(&self, stored: &[Stored]) -> Result<Reply, CallError> {
        let items = stored.iter().map(|one| wire::SealedItem {
            item: one.item.as_bytes().to_vec(),
            sealed_size: one.sealed.len() as u64,
            ciphertext_digest: Digest::of(&one.sealed).as_bytes().to_vec(),
            plaintext_digest: Digest::of(&one.plain).as_bytes().to_vec(),
        });
        let call = Call::Sealed(wire::Sealed {
            token: self.program.expose().to_vec(),
            items: items.collect(),
        });
        self.import.call(call).await
    }

    pub async fn document(&self, number: u64, patient: PatientId) -> Stored {
        let item = new_item(number, patient, ItemKind::Document, Section::None);
        self.store(vec![item]).await.pop().unwrap()
    }

    pub async fn segment(&self, number: u64, patient: PatientId, section: Section) -> Stored {
        let item = new_item(number, patient, ItemKind::Segment, section);
        self.store(vec![item]).await.pop().unwrap()
    }

    pub async fn open<T: Target>(
        &self,
        token: &Token,
        purpose: Purpose,
        target: T,
    ) -> Result<Permit<T>, Denied> {
        match self.portal.open(&viewer(token, purpose), target).await {
            Ok(permit) => Ok(permit),
            Err(CallError::Denied(denied)) => Err(denied),
            Err(other) => panic!("no answer: {other}"),
        }
    }

    pub async fn open_document(
        &self,
        token: &Token,
        purpose: Purpose,
        item: ItemId,
    ) -> Result<Permit<Item>, Reason> {
        let opened = self.open(token, purpose, Item(item)).await;
        opened.map_err(|denied| denied.reason)
    }

    pub async fn open_section(
        &self,
        token: &Token,
        purpose: Purpose,
        patient: PatientId,
        section: Section,
    ) -> Result<Permit<SectionOf>, Reason> {
        let target = SectionOf { patient, section };
        let opened = self.open(token, purpose, target).await;
        opened.map_err(|denied| denied.reason)
    }

    /// How much of a section staff open in an emergency, by a passkey answer of its own.
    pub async fn in_an_emergency(
        &self,
        staff: &Staff,
        patient: PatientId,
        section: Section,
    ) -> Result<usize, Reason> {
        let mut device = self.keeper.give_passkey(staff.person).await;
        let asked = wire::EmergencyStart {
            patient: patient.as_bytes().to_vec(),
            words: "collapsed in the waiting room".to_owned(),
            ..wire::EmergencyStart::default()
        };
        let target = vec![SectionOf { patient, section }];
        let answers = in_an_emergency(&self.portal, &staff.token, &mut device, asked, target);
        let answer = answers.await.unwrap().pop().unwrap();
        answer
            .map(|permit| permit.items().len())
            .map_err(|denied| denied.reason)
    }

    /// Statements past the keeper, as somebody who holds the database.
    pub async fn past_the_keeper(&self, statements: &str) {
        let (client, connection) = self.superuser.connect(tokio_postgres::NoTls).await.unwrap();
        let driven = tokio_util::task::TaskTracker::new();
        driven.spawn(connection);
        client.batch_execute(statements).await.unwrap();
    }

    /// How many entries of a kind with a decision there are.
    pub async fn count(&self, kind: candour_keeper_api::words::EntryKind, decision: u8) -> i64 {
        let entries = self.keeper.entries().await;
        let of = (i16::from(kind.number()), i16::from(decision));
        entries.get(&of).copied().unwrap_or_default()
    }
}

pub fn viewer(token: &Token, purpose: Purpose) -> Viewer {
    Viewer {
        token: token.clone(),
        purpose,
        network: "192.0.2.7".to_owned(),
    }
}

/// Waits for something that follows by itself, for two seconds at most.
pub async fn eventually<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) {
    for _ in 0..200 {
        if holds().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("it did not come to hold");
}

/// Freezes something while the entry of `opening` waits within its commit; what came of the opening.
pub async fn frozen_under_way<T>(
    scene: &Scene,
    opening: impl Future<Output = T>,
    what: Frozen,
) -> T {
    let head = Held::head(&scene.superuser).await;
    let freezing = async {
        head.somebody_waits("ledger_head").await;
        let released = async {
            eventually(|| async { scene.keeper.core.freezes.is_frozen(what) }).await;
            head.let_go().await;
        };
        tokio::join!(scene.keeper.freeze(what), released)
    };
    tokio::join!(opening, freezing).0
}

pub fn new_item(
    number: u64,
    patient: PatientId,
    kind: ItemKind,
    section: Section,
) -> wire::NewItem {
    wire::NewItem {
        deposit_key: key(number).to_vec(),
        patient: patient.as_bytes().to_vec(),
        kind: kind.into(),
        section: section.into(),
        ..wire::NewItem::default()
    }
}
