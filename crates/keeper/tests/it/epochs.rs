//! Keys are replaced while everybody reads on; what was erased is gone from every copy once its epoch key is.

use crate::arrange::{Scene, Stored, eventually, new_item, person, scene};
use candour_keeper::instances::{InstanceKind, Instances};
use candour_keeper::keys::KeyedToken;
use candour_keeper::ledger::FOREIGN_ROW;
use candour_keeper::practice::{self, Answer, Order};
use candour_keeper::subject_keys::PEOPLE;
use candour_keeper::{epochs, reading_keys};
use candour_keeper_api::words::{EntryKind, ItemKind, Purpose, Reason, Role, Section};
use candour_keeper_api::{DepositOutcome, Item};
use candour_seal::{ItemId, PatientId};
use candour_testkit::{Held, TestCluster, TestKeeper};
use jiff::SignedDuration;
use std::sync::Arc;
use tokio_postgres::IsolationLevel;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Days.
fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

impl Scene {
    fn subject(&self, patient: PatientId) -> KeyedToken {
        self.keeper.core.keys.patient(patient)
    }

    async fn reads(&self, item: ItemId) -> Result<(), Reason> {
        let token = &self.clinician.token;
        let opened = self.open_document(token, Purpose::DirectCare, item).await;
        opened.map(drop)
    }

    async fn number(&self, question: &str) -> i64 {
        number(&self.keeper, question).await
    }

    /// Until everybody hangs on the newest key; in so many steps.
    async fn move_all(&self) -> usize {
        move_all(&self.keeper).await
    }

    /// The clinician's sitting ends within a day, and these tests last for months.
    fn sign_in_again(&mut self) {
        let person = self.clinician.person;
        self.clinician = self
            .keeper
            .sign_in_staff(person, self.practice, Role::Clinician);
    }
}

async fn number(keeper: &TestKeeper, question: &str) -> i64 {
    let client = keeper.core.pool.get().await.unwrap();
    client.query_one(question, &[]).await.unwrap().get(0)
}

async fn move_all(keeper: &TestKeeper) -> usize {
    let mut steps = 0;
    while epochs::step(&keeper.core).await.unwrap() {
        steps += 1;
    }
    steps
}

const ON_THE_FIRST: &str = "select count(*) from subject_key where epoch = 1";
const SECRETS: &str = "select count(*) from epoch_secret";

async fn two() -> (Scene, PatientId, Stored, Stored) {
    let scene = scene().await;
    let (one, other) = (scene.patient(1).await, scene.patient(2).await);
    let letter = scene.document(1, one).await;
    let others = scene.document(2, other).await;
    (scene, one, letter, others)
}

#[tokio::test]
async fn everybody_moves_to_a_new_epoch_key_some_at_a_time_and_a_keeper_that_ends_in_between_goes_on()
 {
    let (mut scene, _, letter, others) = two().await;
    let many = (100..400).map(person).collect();
    scene.enrol_as(&scene.program, many).await;
    let opened = scene.count(EntryKind::Open, 0).await;
    let made = epochs::make(&scene.keeper.core, "a test").await.unwrap();
    assert_eq!(made[0].0, 2);
    let before = scene.number(ON_THE_FIRST).await;
    epochs::step(&scene.keeper.core).await.unwrap();
    // The keeper takes a step of its own each second.
    let left = scene.number(ON_THE_FIRST).await;
    assert!(left < before && left > 0, "{left} of {before}");

    let (keeper, practice, person) = (scene.keeper, scene.practice, scene.clinician.person);
    let keeper = keeper.restart().await;
    scene = Scene {
        portal: keeper.client(InstanceKind::Portal),
        import: keeper.client(InstanceKind::Import),
        clinician: keeper.sign_in_staff(person, practice, Role::Clinician),
        keeper,
        ..scene
    };
    scene.move_all().await;
    assert_eq!(scene.number(ON_THE_FIRST).await, 0);
    let most = "select count(*) from epoch_key where left_at is not null";
    assert_eq!(scene.number(most).await, 1);
    // Nothing was released by it, and everything opens as before.
    assert_eq!(scene.count(EntryKind::Open, 0).await, opened);
    for stored in [&letter, &others] {
        assert_eq!(scene.reads(stored.item).await, Ok(()));
    }
}

#[tokio::test]
async fn an_epoch_key_is_destroyed_once_no_backup_needs_it_and_not_a_day_before() {
    let (mut scene, _, letter, _) = two().await;
    epochs::make(&scene.keeper.core, "a test").await.unwrap();
    let first = "select wrapped from epoch_secret where epoch = 1";
    let client = scene.keeper.core.pool.get().await.unwrap();
    let first: Vec<u8> = client.query_one(first, &[]).await.unwrap().get(0);
    drop(client);
    // While somebody hangs on the first it stays, however old.
    scene.keeper.clock.advance(days(1));
    scene.move_all().await;
    scene.keeper.clock.advance(days(35));
    epochs::destroy_due(&scene.keeper.core).await.unwrap();
    assert_eq!(scene.number(SECRETS).await, 2);
    assert_eq!(scene.count(EntryKind::Shred, 0).await, 0);
    scene.keeper.clock.advance(days(1));
    // Somebody reads on, with a snapshot from when it was there.
    let mut reads_on = candour_embedded::cluster::connect(&scene.superuser)
        .await
        .unwrap();
    let reads_on = reads_on.build_transaction();
    let reads_on = reads_on.isolation_level(IsolationLevel::RepeatableRead);
    let reads_on = reads_on.start().await.unwrap();
    reads_on.query_one("select 1", &[]).await.unwrap();
    epochs::destroy_due(&scene.keeper.core).await.unwrap();
    drop(reads_on);
    assert_eq!(scene.number(SECRETS).await, 1);
    assert_eq!(scene.count(EntryKind::Shred, 0).await, 1);
    epochs::destroy_due(&scene.keeper.core).await.unwrap();
    assert_eq!(scene.count(EntryKind::Shred, 0).await, 1);
    scene.sign_in_again();
    assert_eq!(scene.reads(letter.item).await, Ok(()));
    // Nor does its page keep it.
    let superuser = candour_embedded::cluster::connect(&scene.superuser)
        .await
        .unwrap();
    superuser.batch_execute("checkpoint").await.unwrap();
    let question =
        "select position($1 in pg_read_binary_file(pg_relation_filepath('epoch_secret')))";
    let found: i32 = superuser
        .query_one(question, &[&first])
        .await
        .unwrap()
        .get(0);
    assert_eq!(found, 0);
}

#[tokio::test]
async fn a_new_epoch_key_is_made_when_the_last_has_served_its_days() {
    let (scene, ..) = two().await;
    scene.keeper.clock.advance(days(29));
    epochs::make_due(&scene.keeper.core).await.unwrap();
    assert_eq!(scene.number(SECRETS).await, 1);
    scene.keeper.clock.advance(days(1));
    epochs::make_due(&scene.keeper.core).await.unwrap();
    epochs::make_due(&scene.keeper.core).await.unwrap();
    assert_eq!(scene.number(SECRETS).await, 2);
}

#[tokio::test]
async fn old_rows_put_back_open_nothing_once_their_epoch_key_is_destroyed_and_the_living_open() {
    let (mut scene, one, letter, others) = two().await;
    scene
        .past_the_keeper("create table kept as select * from subject_key")
        .await;
    let subject = scene.subject(one);
    let token = subject
        .0
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let put_back = &format!(
        "update subject_key s set epoch = k.epoch, reading = k.reading, audit = k.audit \
         from kept k where k.subject = s.subject and s.subject = '\\x{token}'"
    );
    epochs::make(&scene.keeper.core, "a test").await.unwrap();
    scene.move_all().await;
    // Before it is destroyed a copy from that time still unwraps: a restored backup must.
    scene.past_the_keeper(put_back).await;
    scene.keeper.core.subject_keys.forget(subject);
    assert!(scene.keeper.core.subject_keys.load(subject).await.is_ok());
    // It was put back, so it is moved again, and the wait begins anew.
    scene.keeper.clock.advance(days(40));
    epochs::destroy_due(&scene.keeper.core).await.unwrap();
    assert_eq!(scene.number(SECRETS).await, 2);
    scene.move_all().await;
    scene.keeper.clock.advance(days(36));
    epochs::destroy_due(&scene.keeper.core).await.unwrap();
    assert_eq!(scene.number(SECRETS).await, 1);

    scene.past_the_keeper(put_back).await;
    scene.keeper.core.subject_keys.forget(subject);
    scene.sign_in_again();
    assert!(scene.keeper.core.subject_keys.load(subject).await.is_err());
    assert!(scene.reads(letter.item).await.is_err());
    assert_eq!(scene.reads(others.item).await, Ok(()));
}

#[tokio::test]
async fn a_backup_from_before_the_new_key_is_restored_beside_the_keys_of_today_and_goes_on() {
    let (mut scene, _, letter, _) = two().await;
    let database = scene.database.take().unwrap();
    let (practice, person) = (scene.practice, scene.clinician.person);
    scene.keeper.stop().await;
    let yesterday = TestCluster::shared().copy(&database).await;
    let folder = scene.keeper.folder().join("checkpoints");
    let names = || -> Vec<_> {
        let entries = std::fs::read_dir(&folder).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let of_yesterday = names();
    let keeper = scene.keeper.restart().await;
    epochs::make(&keeper.core, "a test").await.unwrap();
    move_all(&keeper).await;
    let client = keeper.core.pool.get().await.unwrap();
    let newest = "select s.wrapped, k.made_at from epoch_secret s join epoch_key k using (scope, epoch) where epoch = 2";
    let newest = client.query_one(newest, &[]).await.unwrap();
    let (wrapped, made_at): (Vec<u8>, i64) = (newest.get(0), newest.get(1));
    drop(client);
    keeper.stop().await;
    for path in names() {
        if !of_yesterday.contains(&path) {
            std::fs::remove_file(path).unwrap();
        }
    }
    // What a restore puts beside the backup.
    let client = candour_embedded::cluster::connect(&yesterday.config())
        .await
        .unwrap();
    let insert = candour_keeper::sql::ledger::INSERT_EPOCH_KEY;
    let scope = PEOPLE.as_slice();
    client
        .execute(insert, &[&scope, &2_i32, &made_at, &wrapped])
        .await
        .unwrap();
    drop(client);
    let keeper = keeper.restart_on(yesterday.config()).await;
    let staff = keeper.sign_in_staff(person, practice, Role::Clinician);
    let portal = keeper.client(InstanceKind::Portal);
    let viewer = crate::arrange::viewer(&staff.token, Purpose::DirectCare);
    assert!(portal.open(&viewer, Item(letter.item)).await.is_ok());
    move_all(&keeper).await;
    assert_eq!(number(&keeper, ON_THE_FIRST).await, 0);
    assert!(portal.open(&viewer, Item(letter.item)).await.is_ok());
    let made = epochs::make(&keeper.core, "a test").await.unwrap();
    assert_eq!(made[0].0, 3);
}

#[tokio::test]
async fn a_row_that_does_not_unwrap_keeps_its_epoch_key_and_moves_nobody() {
    let (scene, ..) = two().await;
    epochs::make(&scene.keeper.core, "a test").await.unwrap();
    scene
        .past_the_keeper("update subject_key set reading = audit where epoch = 1")
        .await;
    assert!(epochs::step(&scene.keeper.core).await.is_err());
    scene.keeper.clock.advance(days(100));
    epochs::destroy_due(&scene.keeper.core).await.unwrap();
    assert!(scene.number(ON_THE_FIRST).await > 0);
    assert_eq!(scene.number(SECRETS).await, 2);
    eventually(|| async { scene.count(EntryKind::Alarm, FOREIGN_ROW).await > 0 }).await;
}

#[tokio::test]
async fn under_a_new_reading_key_everything_opens_and_no_older_copy_of_an_item_does() {
    let (scene, one, letter, others) = two().await;
    scene.segment(7, one, Section::Medicines).await;
    scene
        .past_the_keeper("create table kept as select * from item")
        .await;
    let subject = scene.subject(one);
    let before = scene.keeper.core.subject_keys.load(subject).await.unwrap();
    let opened = scene.count(EntryKind::Open, 0).await;
    let (count, _) = reading_keys::replace(&scene.keeper.core, one, "a test")
        .await
        .unwrap();
    assert_eq!(count, 2);
    let after = scene.keeper.core.subject_keys.load(subject).await.unwrap();
    assert!(before.reading != after.reading && before.audit == after.audit);
    assert_eq!(scene.count(EntryKind::Open, 0).await, opened);
    for stored in [&letter, &others] {
        assert_eq!(scene.reads(stored.item).await, Ok(()));
    }
    // What is put in later hangs on it too.
    let fresh = scene.document(8, one).await;
    assert_eq!(scene.reads(fresh.item).await, Ok(()));
    scene
        .past_the_keeper("update item i set wrapped = k.wrapped from kept k where k.item = i.item")
        .await;
    let row = (
        scene.keeper.core.keys.item(letter.item),
        subject,
        Section::None,
    );
    scene.keeper.core.items.forget(&[row]);
    assert_eq!(scene.reads(letter.item).await, Err(Reason::SubjectClosed));
    assert_eq!(scene.reads(others.item).await, Ok(()));
}

#[tokio::test]
async fn an_opening_that_has_the_item_from_before_and_the_key_from_after_works() {
    let (scene, one, letter, _) = two().await;
    let subject = scene.subject(one);
    let keep = |name: &str| {
        format!(
            "create table item_{name} as select * from item; create table key_{name} as select * from subject_key"
        )
    };
    let put = |name: &str| {
        format!(
            "update item i set wrapped = k.wrapped from item_{name} k where k.item = i.item; \
             update subject_key s set reading = k.reading, audit = k.audit from key_{name} k where k.subject = s.subject"
        )
    };
    scene.past_the_keeper(&keep("before")).await;
    reading_keys::replace(&scene.keeper.core, one, "a test")
        .await
        .unwrap();
    scene.past_the_keeper(&keep("after")).await;
    scene.past_the_keeper(&put("before")).await;
    assert_eq!(scene.reads(letter.item).await, Ok(()));
    // The item's row is remembered; its patient's key is read anew.
    scene.past_the_keeper(&put("after")).await;
    scene.keeper.core.subject_keys.forget(subject);
    assert_eq!(scene.reads(letter.item).await, Ok(()));
}

/// The second begins while the first waits within its commit, and has read what stood before it.
async fn one_upon_the_other<A, B>(
    scene: &Scene,
    first: impl Future<Output = A>,
    second: impl Future<Output = B>,
) -> (A, B) {
    let head = Held::head(&scene.superuser).await;
    let later = async {
        head.somebody_waits("ledger_head").await;
        let releasing = async {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            head.let_go().await;
        };
        tokio::join!(second, releasing).0
    };
    tokio::join!(first, later)
}

impl Scene {
    async fn put_in(&self, number: u64, patient: PatientId) -> ItemId {
        let item = new_item(number, patient, ItemKind::Document, Section::None);
        let granted = self.import.deposit(&self.program, vec![item]).await;
        let Ok(DepositOutcome::New(permit)) = granted.unwrap().pop().unwrap() else {
            panic!("not granted")
        };
        let plain = b"content".to_vec();
        let stored = Stored {
            item: permit.item(),
            sealed: permit.seal(&plain, &mut candour_seal::SystemRandom),
            plain,
        };
        self.say_sealed(std::slice::from_ref(&stored))
            .await
            .unwrap();
        stored.item
    }
}

#[tokio::test]
async fn what_is_put_in_while_the_reading_key_is_replaced_hangs_on_the_new_one() {
    let (scene, one, letter, _) = two().await;
    let core = &scene.keeper.core;
    let replacing = || reading_keys::replace(core, one, "a test");
    let put_in = Box::pin(scene.put_in(9, one));
    let (replaced, fresh) =
        Box::pin(one_upon_the_other(&scene, Box::pin(replacing()), put_in)).await;
    replaced.unwrap();
    assert_eq!(scene.reads(fresh).await, Ok(()));
    let put_in = Box::pin(scene.put_in(10, one));
    let (other, replaced) =
        Box::pin(one_upon_the_other(&scene, put_in, Box::pin(replacing()))).await;
    assert_eq!(replaced.unwrap().0, 3);
    for item in [letter.item, fresh, other] {
        assert_eq!(scene.reads(item).await, Ok(()));
    }
}

#[tokio::test]
async fn a_move_to_another_epoch_key_brings_no_reading_key_back() {
    let (scene, one, letter, _) = two().await;
    let core = &scene.keeper.core;
    epochs::make(core, "a test").await.unwrap();
    let replacing = Box::pin(reading_keys::replace(core, one, "a test"));
    let step = Box::pin(epochs::step(core));
    let (replaced, moved) = Box::pin(one_upon_the_other(&scene, replacing, step)).await;
    replaced.unwrap();
    moved.unwrap();
    scene.move_all().await;
    let subject = scene.subject(one);
    core.subject_keys.forget(subject);
    assert_eq!(scene.reads(letter.item).await, Ok(()));
    assert_eq!(scene.number(ON_THE_FIRST).await, 0);
}

#[tokio::test]
async fn somebody_at_the_machine_orders_new_keys_and_is_told_the_entry() {
    let (scene, one, letter, _) = two().await;
    let path = scene.keeper.folder().join("command.sock");
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let (core, socket, told) = (Arc::clone(&scene.keeper.core), path.clone(), stop.clone());
    let instances = Instances::at(&scene.keeper.folder().join("instances.json"));
    tasks.spawn(async move { practice::serve(core, instances, &socket, told).await });
    eventually(|| async { path.exists() }).await;
    let order = async |patient: Option<String>| {
        let rotation = serde_json::json!({ "rotate": { "patient": patient } });
        let order: Order = serde_json::from_value(rotation).unwrap();
        match practice::ask(&path, &order).await.unwrap() {
            Answer::Said(lines) => lines.concat(),
            Answer::Refused(why) => why,
            Answer::Made(_) => panic!("nothing is made"),
        }
    };
    let said = order(None).await;
    assert!(said.starts_with("Epoch key 2 was made: entry "), "{said}");
    let said = order(Some(one.to_string())).await;
    assert!(said.contains("new reading key with 1 items"), "{said}");
    assert_eq!(scene.reads(letter.item).await, Ok(()));
    let nobody = order(Some("00".repeat(16))).await;
    assert!(nobody.contains("Nothing was changed"), "{nobody}");
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}
