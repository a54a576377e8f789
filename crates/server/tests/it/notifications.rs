//! People are told by mail of what changes, by the worker's own code, the real keeper and a mailbox that captures.

mod own;

use crate::installation::{Answer, Installation, cookies};
use crate::recoveries::{Counter, counter};
use crate::sign_in_ways::{Somebody, with_passkey};
use candour_app::enrolment;
use candour_app::mail::{Letter, Mailer, Protection, Relay};
use candour_app::notifications::{About, Notifier, Words};
use candour_core::people::{Contact, EmailAddress};
use candour_embedded::Mailbox;
use candour_keeper::clock::Clock;
use candour_keeper::instances::InstanceKind;
use candour_keeper_api::words::{EntryKind, ItemKind, Purpose, Reason, Role, Telling};
use candour_keeper_api::{Notification as Addresses, Owed};
use candour_seal::{DepositKey, PatientId};
use candour_server::notifications::words;
use candour_server::pages::ToRing;
use candour_server::session::Visit;
use candour_store::{LEASE, LeasedNotification, MOST_ATTEMPTS, Objects, Placement, Store};
use candour_testkit::portal::walker;
use http::StatusCode;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::net::SocketAddr;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

const OLD: &str = "hemi@example.nz";
const NEW: &str = "somebody.else@example.nz";

/// The worker, and where its mail arrives.
struct Post {
    notifier: Notifier,
    mailbox: Mailbox,
    /// The ledger's size when the test had been arranged.
    began: i64,
    _folder: TempDir,
}

fn mailer(relay: SocketAddr) -> Mailer {
    Mailer::new(&Relay {
        host: relay.ip().to_string(),
        port: relay.port(),
        protection: Protection::None,
        credentials: None,
        from_name: "Kōwhai Health".to_owned(),
        from: "notices@example.nz".to_owned(),
    })
    .unwrap()
}

fn notifier(installation: &Installation, relay: SocketAddr, folder: &TempDir) -> Notifier {
    let objects = Objects::open(folder.path(), Placement::Kept).unwrap();
    let config = installation.databases[1].config_as("candour_worker");
    let operator = ToRing::new("Kōwhai Health", "0800 555 0100").unwrap();
    let zone = TimeZone::get("Pacific/Auckland").unwrap();
    Notifier {
        keeper: installation.keeper.client(InstanceKind::Worker),
        store: Store::new(config, 2, objects).unwrap(),
        mailer: mailer(relay),
        write: Box::new(move |about| words(about, &operator, &zone)),
    }
}

impl Post {
    async fn of(installation: &Installation) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listen = "127.0.0.1:0".parse().unwrap();
        let letters = folder.path().join("mail");
        let mailbox = Mailbox::start(listen, letters, || Timestamp::UNIX_EPOCH).await;
        let mailbox = mailbox.unwrap();
        Self {
            notifier: notifier(installation, mailbox.address(), &folder),
            mailbox,
            began: 0,
            _folder: folder,
        }
    }

    /// One step of the worker; how many mails a relay took.
    async fn step(&self, installation: &Installation) -> usize {
        let clock = || installation.keeper.clock.now();
        self.notifier.step(&clock).await.unwrap()
    }

    /// As far as a worker gets before it opens an address: what is owed, and the rows that it holds.
    async fn leased(&self, installation: &Installation) -> (Owed, Vec<LeasedNotification>) {
        let Notifier { keeper, store, .. } = &self.notifier;
        let now = installation.keeper.clock.now();
        let owed = keeper.notifications_owed().await.unwrap();
        store.owe(owed.all(), now).await.unwrap();
        let held = store.lease_notifications([1; 16], now).await.unwrap();
        (owed, held)
    }

    /// What an address has got so far.
    fn got(&self, address: &str) -> Vec<String> {
        let letters = self.mailbox.folder().to(address).unwrap();
        letters.into_iter().map(|letter| letter.text).collect()
    }

    /// What is about the arranging of a test, and goes nowhere.
    async fn begin(&mut self, installation: &Installation) {
        self.step(installation).await;
        self.began = i64::try_from(installation.keeper.core.ledger.size()).unwrap();
    }

    /// How often an address was opened for a mail since then.
    async fn openings(&self, installation: &Installation) -> i64 {
        let client = installation.keeper.core.pool.get().await.unwrap();
        let purpose = i16::from(Purpose::Notification.number());
        let text = "select count(*) from entry \
            where kind = 1 and decision = 0 and purpose = $1 and index >= $2";
        let asked = client.query_one(text, &[&purpose, &self.began]).await;
        asked.unwrap().get(0)
    }
}

/// Their practice writes down how to reach Hēmi Walker.
async fn reached_by(installation: &Installation, contact: Contact) -> PatientId {
    let keeper = &installation.keeper;
    let practice = installation.practice;
    let program = keeper.program(practice, InstanceKind::Portal).await;
    let person = enrolment::NewPatient {
        key: DepositKey::from_bytes([7; 16]),
        identity: walker(1),
        contact,
        left_on: None,
    };
    let now = keeper.clock.now();
    let enrolled =
        enrolment::enrol(installation.app(), &program, practice, vec![person], now).await;
    enrolled.unwrap().remove(0).unwrap()
}

fn at(address: &str) -> Contact {
    Contact {
        email: Some(EmailAddress::parse(address).unwrap()),
        ..Contact::unknown("NZ")
    }
}

/// A patient with a passkey, whose practice has their address, and the worker.
async fn somebody() -> (Somebody, Post) {
    let somebody = with_passkey().await;
    let mut post = Post::of(&somebody.installation).await;
    let patient = reached_by(&somebody.installation, at(OLD)).await;
    assert_eq!(patient, somebody.patient);
    post.begin(&somebody.installation).await;
    assert_eq!(post.mailbox.received(), 0, "they had no address before");
    (somebody, post)
}

async fn told(installation: &Installation, decision: u8) -> i64 {
    let entries = installation.keeper.entries().await;
    let kind = (i16::from(EntryKind::Told.number()), i16::from(decision));
    entries.get(&kind).copied().unwrap_or_default()
}

async fn rows_on_their_way(installation: &Installation) -> i64 {
    let config = installation.databases[1].config();
    let client = candour_embedded::cluster::connect(&config).await.unwrap();
    let count = "select count(*) from notification";
    client.query_one(count, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_recovery_begun_at_the_counter_is_told_at_the_old_address_and_one_press_ends_it() {
    let mut counter = counter().await;
    let mut post = Post::of(&counter.installation).await;
    reached_by(&counter.installation, at(OLD)).await;
    post.begin(&counter.installation).await;
    counter.code().await;
    assert_eq!(post.step(&counter.installation).await, 1);
    let [mail] = post.got(OLD).try_into().unwrap();
    for words in [
        "On 3 March 2026 two people of your practice gave out a code at their counter",
        "Sign in as you always do, and press “This was not me” on the first page.",
        "You can also ring Kōwhai Health on 0800 555 0100.",
    ] {
        assert!(mail.contains(words), "{words}: {mail}");
    }
    for never in ["Walker", "Hēmi", "Kauri", "http"] {
        assert!(!mail.contains(never), "{never}: {mail}");
    }
    // Who reads it does as it says.
    let old = sign_in(&counter).await;
    let installation = &counter.installation;
    let home = installation.get("/home", &old).await;
    assert!(home.body.contains("This was not me"), "{}", home.body);
    let stopped = installation.post("/recover/stop", &old, "").await;
    assert_eq!(stopped.header("location"), "/home?said=stopped");
    assert_eq!(post.step(installation).await, 1);
    let mails = post.got(OLD);
    let ended = "stopped a code from your practice's counter";
    assert!(mails.iter().any(|mail| mail.contains(ended)), "{mails:?}");
}

async fn sign_in(counter: &Counter) -> String {
    let old = counter.by_old_way().await;
    assert_eq!(old.header("location"), "/home", "{}", old.body);
    old.cookies()
}

#[tokio::test]
async fn a_code_that_is_used_and_older_ways_that_end_are_told_too() {
    let mut counter = counter().await;
    let mut post = Post::of(&counter.installation).await;
    reached_by(&counter.installation, at(OLD)).await;
    post.begin(&counter.installation).await;
    let new = counter.recovered().await;
    assert_eq!(post.step(&counter.installation).await, 2);
    let clock = &counter.installation.keeper.clock;
    clock.advance(SignedDuration::from_hours(72));
    let session = counter.by_new_way(&new[0]).await;
    assert_eq!(session.header("location"), "/home", "{}", session.body);
    assert_eq!(post.step(&counter.installation).await, 1);
    let mails = post.got(OLD);
    for words in [
        "gave out a code at their counter",
        "were made with a code from your practice's counter",
        "the older ways of signing in to your account",
    ] {
        assert!(
            mails.iter().any(|mail| mail.contains(words)),
            "{words}: {mails:?}"
        );
    }
}

#[tokio::test]
async fn a_new_passkey_is_told_once_however_often_the_worker_asks() {
    let (mut somebody, post) = somebody().await;
    somebody.add("New phone").await;
    let installation = &somebody.installation;
    assert_eq!(post.step(installation).await, 1);
    for _ in 0..3 {
        assert_eq!(post.step(installation).await, 0);
    }
    // Another worker that asked before the mail went, and is slow.
    let folder = tempfile::tempdir().unwrap();
    let other = notifier(installation, post.mailbox.address(), &folder);
    let clock = || installation.keeper.clock.now();
    assert_eq!(other.step(&clock).await.unwrap(), 0);
    let [mail] = post.got(OLD).try_into().unwrap();
    assert!(mail.contains("a new way of signing in was added"), "{mail}");
    assert!(!mail.contains("New phone"), "{mail}");
    assert_eq!(told(installation, 0).await, 1);
    assert_eq!(post.openings(installation).await, 1);
    assert_eq!(rows_on_their_way(installation).await, 0);
    // The patient sees that their address was opened, and what for.
    let path = format!("/patients/{}/history", somebody.patient);
    let history = installation.get(&path, &somebody.cookies).await;
    let why = "Reason given: to tell the patient of a change.";
    assert!(history.body.contains(why), "{}", history.body);
}

#[tokio::test]
async fn two_workers_that_ask_at_once_send_one_mail() {
    let (mut somebody, post) = somebody().await;
    somebody.add("New phone").await;
    let installation = &somebody.installation;
    let folder = tempfile::tempdir().unwrap();
    let other = notifier(installation, post.mailbox.address(), &folder);
    let clock = || installation.keeper.clock.now();
    let (one, two) = tokio::join!(post.notifier.step(&clock), other.step(&clock));
    assert_eq!(one.unwrap() + two.unwrap(), 1);
    assert_eq!(post.got(OLD).len(), 1);
    assert_eq!(told(installation, 0).await, 1);
}

#[tokio::test]
async fn a_relay_that_is_away_loses_nothing_and_opens_nothing() {
    let (mut somebody, post) = somebody().await;
    let installation = &somebody.installation;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let folder = tempfile::tempdir().unwrap();
    let cut_off = notifier(installation, address, &folder);
    somebody.add("New phone").await;
    let installation = &somebody.installation;
    for _ in 0..20 {
        let clock = || installation.keeper.clock.now();
        assert_eq!(cut_off.step(&clock).await.unwrap(), 0);
        installation
            .keeper
            .clock
            .advance(SignedDuration::from_hours(1));
    }
    assert_eq!(post.openings(installation).await, 0);
    assert_eq!(post.step(installation).await, 1);
    assert_eq!(post.got(OLD).len(), 1);
}

#[tokio::test]
async fn after_a_day_nobody_opens_the_address_any_more_and_it_counts_as_missed() {
    let (mut somebody, post) = somebody().await;
    somebody.add("New phone").await;
    let installation = &somebody.installation;
    let day = SignedDuration::from_hours(24) + SignedDuration::from_secs(1);
    installation.keeper.clock.advance(day);
    assert_eq!(post.step(installation).await, 0);
    assert_eq!(post.openings(installation).await, 0);
    assert!(post.got(OLD).is_empty());
    let trust = installation.get("/trust", "").await;
    let missed = "somebody could not be told by mail at one of their addresses: 1.";
    assert!(trust.body.contains(missed), "{}", trust.body);
    // With time it is forgotten.
    installation
        .keeper
        .clock
        .advance(SignedDuration::from_hours(31 * 24));
    post.step(installation).await;
    let trust = installation.get("/trust", "").await;
    assert!(!trust.body.contains("could not be told"), "{}", trust.body);
}

#[tokio::test]
async fn whoever_must_not_be_written_to_gets_nothing_at_all() {
    let (mut somebody, post) = somebody().await;
    somebody.add("New phone").await;
    let installation = &somebody.installation;
    let nowhere = Reason::NotFound.number();
    let before = told(installation, nowhere).await;
    // The practice sends the same person again, and only the block says it.
    let silent = Contact {
        unsafe_to_write: true,
        ..at(OLD)
    };
    reached_by(installation, silent).await;
    assert_eq!(post.step(installation).await, 0);
    assert_eq!(post.mailbox.received(), 0);
    assert_eq!(post.openings(installation).await, 0);
    // That nothing could be written is an entry too: of the passkey, and of the block that says so.
    assert_eq!(told(installation, nowhere).await, before + 2);
}

#[tokio::test]
async fn the_dead_get_no_mail() {
    let (mut somebody, post) = somebody().await;
    somebody.add("New phone").await;
    let installation = &somebody.installation;
    let practice = installation.practice;
    let program = installation
        .keeper
        .program(practice, InstanceKind::Portal)
        .await;
    let change =
        candour_keeper_api::wire::ChangeKind::MarkPatient(candour_keeper_api::wire::MarkPatient {
            patient: somebody.patient.as_bytes().to_vec(),
            is_deceased: true,
            ..Default::default()
        });
    let call = candour_keeper_api::wire::ChangeCall {
        token: program.expose().to_vec(),
        change: Some(candour_keeper_api::wire::Change { kind: Some(change) }),
    };
    let call = candour_keeper_api::wire::Call::Change(call);
    installation.app().keeper.call(call).await.unwrap();
    assert_eq!(post.step(installation).await, 0);
    assert_eq!(post.mailbox.received(), 0);
    assert_eq!(post.openings(installation).await, 0);
}

#[tokio::test]
async fn a_worker_that_died_after_the_mail_left_sends_it_once_more_and_no_more() {
    let (mut somebody, post) = somebody().await;
    somebody.add("New phone").await;
    let installation = &somebody.installation;
    let notifier = &post.notifier;
    let now = || installation.keeper.clock.now();
    // As far as a worker gets that dies right after the relay took the mail.
    let (owed, held) = post.leased(installation).await;
    let entry = Addresses(held[0].entry);
    notifier
        .keeper
        .open(owed.viewer().unwrap(), entry)
        .await
        .unwrap();
    let Words { subject, text } = (notifier.write)(About::of(&held[0], "en-NZ"));
    let letter = Letter {
        to: OLD,
        subject: &subject,
        text: &text,
        id: "the-same",
    };
    notifier.mailer.send(&letter, now()).await.unwrap();
    // Nobody takes the row while the lease lasts.
    assert_eq!(post.step(installation).await, 0);
    installation.keeper.clock.advance(LEASE);
    assert_eq!(post.step(installation).await, 1);
    // The first worker was not dead but slow: what it says now changes nothing.
    notifier
        .store
        .settle_notification(&held[0], Telling::Stuck)
        .await
        .unwrap();
    for _ in 0..3 {
        installation.keeper.clock.advance(LEASE);
        assert_eq!(post.step(installation).await, 0);
    }
    assert_eq!(post.got(OLD).len(), 2);
    assert_eq!(told(installation, 0).await, 1);
}

#[tokio::test]
async fn a_mail_that_went_and_was_not_reported_is_reported_and_not_sent_again() {
    let (mut somebody, post) = somebody().await;
    somebody.add("New phone").await;
    let installation = &somebody.installation;
    let notifier = &post.notifier;
    let (_, held) = post.leased(installation).await;
    for row in &held {
        let sent = notifier.store.settle_notification(row, Telling::Sent);
        sent.await.unwrap();
    }
    assert_eq!(told(installation, 0).await, 0);
    installation.keeper.clock.advance(LEASE);
    assert_eq!(post.step(installation).await, 0);
    assert_eq!(told(installation, 0).await, 1);
    assert_eq!(post.mailbox.received(), 0);
    assert_eq!(rows_on_their_way(installation).await, 0);
}

/// A relay that answers, and takes no mail to whom this stands in: the code it answers with.
async fn refusing_relay(whom: &'static str, answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    TaskTracker::new().spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (from, mut into) = stream.into_split();
            let mut lines = BufReader::new(from).lines();
            let _ = into.write_all(b"220 here\r\n").await;
            while let Ok(Some(line)) = lines.next_line().await {
                let said = if line.starts_with("RCPT") && line.contains(whom) {
                    answer
                } else {
                    "250 well"
                };
                if into
                    .write_all(format!("{said}\r\n").as_bytes())
                    .await
                    .is_err()
                {
                    break;
                }
            }
        }
    });
    address
}

#[tokio::test]
async fn a_mail_is_tried_ten_times_and_then_stands_where_somebody_sees_it() {
    let (mut somebody, post) = somebody().await;
    somebody.add("New phone").await;
    let installation = &somebody.installation;
    let folder = tempfile::tempdir().unwrap();
    let relay = refusing_relay("", "451 later").await;
    let notifier = notifier(installation, relay, &folder);
    let clock = || installation.keeper.clock.now();
    for attempt in 1..=MOST_ATTEMPTS {
        assert_eq!(post.openings(installation).await, i64::from(attempt) - 1);
        notifier.step(&clock).await.unwrap();
        // At once it is not tried again.
        notifier.step(&clock).await.unwrap();
        assert_eq!(post.openings(installation).await, i64::from(attempt));
        installation
            .keeper
            .clock
            .advance(SignedDuration::from_hours(2));
    }
    assert_eq!(told(installation, Reason::TooMany.number()).await, 1);
    notifier.step(&clock).await.unwrap();
    assert_eq!(post.openings(installation).await, i64::from(MOST_ATTEMPTS));
    let trust = installation.get("/trust.json", "").await;
    let twin: serde_json::Value = serde_json::from_str(&trust.body).unwrap();
    assert_eq!(twin["keeper"]["notifications_missed"], 1);
    assert_eq!(twin["tells_by_mail"], true);
}

#[tokio::test]
async fn an_address_that_the_relay_never_takes_is_tried_once() {
    let (mut somebody, post) = somebody().await;
    somebody.add("New phone").await;
    let installation = &somebody.installation;
    let folder = tempfile::tempdir().unwrap();
    let relay = refusing_relay("", "550 no such mailbox").await;
    let notifier = notifier(installation, relay, &folder);
    let clock = || installation.keeper.clock.now();
    for _ in 0..3 {
        notifier.step(&clock).await.unwrap();
        installation
            .keeper
            .clock
            .advance(SignedDuration::from_hours(2));
    }
    assert_eq!(post.openings(installation).await, 1);
    assert_eq!(told(installation, Reason::Invalid.number()).await, 1);
}

#[tokio::test]
async fn a_changed_address_is_told_at_the_old_one_and_so_is_what_follows_for_three_days() {
    let (mut somebody, post) = somebody().await;
    reached_by(&somebody.installation, at(NEW)).await;
    assert_eq!(post.step(&somebody.installation).await, 1);
    let [mail] = post.got(OLD).try_into().unwrap();
    assert!(mail.contains("the way we reach you was changed"), "{mail}");
    assert!(!mail.contains(NEW), "{mail}");
    assert!(
        post.got(NEW).is_empty(),
        "the change itself is not told at the new one"
    );
    // Whoever changed it is not the only one who learns of the rest.
    somebody.add("New phone").await;
    assert_eq!(post.step(&somebody.installation).await, 2);
    assert_eq!((post.got(OLD).len(), post.got(NEW).len()), (2, 1));
    let clock = &somebody.installation.keeper.clock;
    clock.advance(SignedDuration::from_hours(73));
    reached_by(&somebody.installation, at("third@example.nz")).await;
    assert_eq!(post.step(&somebody.installation).await, 1);
    assert_eq!((post.got(OLD).len(), post.got(NEW).len()), (2, 2));
}

#[tokio::test]
async fn an_emergency_is_told_once_for_each_answer_of_the_clinician() {
    let (somebody, post) = somebody().await;
    let installation = &somebody.installation;
    let practice = installation.practice;
    let keeper = &installation.keeper;
    let person = keeper.staff(practice, Role::Clinician).await;
    let mut device = keeper.give_passkey(person.person).await;
    let session = keeper.sign_in_staff(person.person, practice, Role::Clinician);
    let clinician = cookies(&session.token, Visit::Staff(Some(Purpose::DirectCare)));
    keeper.clock.advance(SignedDuration::from_secs(5));
    let path = format!("/patients/{}/emergency", somebody.patient);
    let words = crate::emergency::said("collapsed in the waiting room");
    let sentence = installation.post(&path, &clinician, &words).await;
    let form = crate::emergency::answered(&sentence, &mut device);
    let opened: Answer = installation.post(&path, &clinician, &form).await;
    assert_eq!(opened.status, StatusCode::OK, "{}", opened.body);
    assert_eq!(post.step(installation).await, 1);
    let [mail] = post.got(OLD).try_into().unwrap();
    assert!(
        mail.contains("opened your record in the patient portal as an emergency"),
        "{mail}"
    );
    assert!(!mail.contains("collapsed"), "{mail}");
}

#[tokio::test]
async fn an_invitation_to_a_first_account_is_told_where_the_practice_writes_to() {
    let installation = Installation::fresh().await;
    let post = Post::of(&installation).await;
    let patient = reached_by(&installation, at(OLD)).await;
    assert_eq!(
        post.step(&installation).await,
        0,
        "a first address is no change"
    );
    let made = crate::visits::signed_invitation(&installation, patient).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    assert_eq!(post.step(&installation).await, 1);
    let [mail] = post.got(OLD).try_into().unwrap();
    let words = "gave out a code by which an account for you can be made";
    assert!(mail.contains(words), "{mail}");
}

#[tokio::test]
async fn an_address_that_does_not_open_is_no_missing_one_and_counts_as_missed() {
    let (mut somebody, post) = somebody().await;
    somebody.add("New phone").await;
    let installation = &somebody.installation;
    let portal = installation.databases[1].config();
    let portal = candour_embedded::cluster::connect(&portal).await.unwrap();
    let kind = i16::from(ItemKind::Contact.number());
    let lost = "delete from item where kind = $1";
    let nowhere = told(installation, Reason::NotFound.number()).await;
    assert!(portal.execute(lost, &[&kind]).await.unwrap() > 0);
    for _ in 0..10 {
        assert_eq!(post.step(installation).await, 0);
        installation
            .keeper
            .clock
            .advance(SignedDuration::from_hours(2));
    }
    assert_eq!(told(installation, Reason::NotFound.number()).await, nowhere);
    assert_eq!(told(installation, Reason::TooMany.number()).await, 1);
}
