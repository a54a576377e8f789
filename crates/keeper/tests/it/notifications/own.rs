//! Addresses that accounts have of their own: for staff, who have no record here, and for everybody beside their practices'.

use super::{contact, refused, viewer, worker};
use crate::arrange::{Scene, denied, new_item, scene};
use candour_keeper::draft::Effect;
use candour_keeper::facts::{Fact, PatientMarks};
use candour_keeper_api::wire::{self, Call, ChangeKind, Reply};
use candour_keeper_api::words::{
    EntryKind, ItemKind, Notification, Reason, Role, Section, Tag, Telling,
};
use candour_keeper_api::{CallError, Notification as Addresses, OwnAddress, Token};
use candour_seal::{PatientId, PersonId};
use candour_testkit::keeper::acts::act;
use candour_testkit::passkey::SoftwarePasskey;
use jiff::SignedDuration;

const OWN: &str = "mere@example.nz";

/// Somebody with an account, and their passkey.
struct Somebody {
    person: PersonId,
    token: Token,
    device: SoftwarePasskey,
}

async fn reception(scene: &Scene) -> Somebody {
    let staff = scene.keeper.staff(scene.practice, Role::Reception).await;
    Somebody {
        person: staff.person,
        token: staff.token,
        device: scene.keeper.give_passkey(staff.person).await,
    }
}

/// A patient with an account, signed in.
async fn account_of(scene: &Scene, patient: PatientId) -> Somebody {
    let own = scene.keeper.as_patient(patient).await;
    Somebody {
        person: own.person,
        token: own.token,
        device: scene.keeper.give_passkey(own.person).await,
    }
}

impl Somebody {
    async fn does(&mut self, scene: &Scene, kind: ChangeKind) -> Result<u64, CallError> {
        let done = act(&scene.portal, &self.token, &mut self.device, kind).await;
        done.map(|done| done.index)
    }

    async fn adds(&mut self, scene: &Scene, address: &str) -> u64 {
        scene.keeper.clock.advance(SignedDuration::from_secs(1));
        self.does(scene, adding(address)).await.unwrap()
    }

    async fn takes_away(&mut self, scene: &Scene, id: Vec<u8>) -> u64 {
        let gone = wire::RemoveNotificationAddress {
            id,
            ..wire::RemoveNotificationAddress::default()
        };
        let gone = ChangeKind::RemoveNotificationAddress(gone);
        self.does(scene, gone).await.unwrap()
    }

    async fn confirms(&self, scene: &Scene, id: &[u8], code: &str) -> Result<Reply, CallError> {
        let sent = wire::ConfirmNotificationAddress {
            id: id.to_vec(),
            code: code.to_owned(),
        };
        let kind = Some(ChangeKind::ConfirmNotificationAddress(sent));
        let call = Call::Change(wire::ChangeCall {
            token: self.token.expose().to_vec(),
            change: Some(wire::Change { kind }),
        });
        scene.portal.call(call).await
    }

    /// An address that is known to arrive.
    async fn has(&mut self, scene: &Scene, address: &str) -> Vec<u8> {
        let index = self.adds(scene, address).await;
        let sent = told(scene, index).await.pop().unwrap();
        let (id, code) = (sent.id.as_bytes().to_vec(), sent.code.unwrap());
        self.confirms(scene, &id, &code).await.unwrap();
        scene.keeper.clock.advance(SignedDuration::from_secs(1));
        id
    }
}

fn adding(address: &str) -> ChangeKind {
    let address = address.to_owned();
    ChangeKind::AddNotificationAddress(wire::AddNotificationAddress { address })
}

/// The account's own addresses on which somebody is told of an entry, as the worker opens them.
async fn told(scene: &Scene, index: u64) -> Vec<OwnAddress> {
    let worker = worker(scene);
    let permit = worker.open(&viewer(&worker).await, Addresses(index)).await;
    permit.unwrap().addresses().to_vec()
}

fn only(told: &[OwnAddress]) -> Vec<&str> {
    told.iter().map(|own| own.address.as_str()).collect()
}

#[tokio::test]
async fn whoever_has_no_record_here_is_told_at_an_address_that_answered() {
    let scene = scene().await;
    let mut reception = reception(&scene).await;
    let added = reception.adds(&scene, OWN).await;
    let worker = worker(&scene);
    let owed = worker.notifications_owed().await.unwrap();
    let [one] = owed.all() else {
        panic!("{:?}", owed.all())
    };
    assert_eq!((one.index, one.what), (added, Notification::AddressChanged));
    let [sent] = told(&scene, added).await.try_into().ok().unwrap();
    assert_eq!((&sent.address[..], one.items[0]), (OWN, sent.id));
    let code = sent.code.unwrap();
    // Before it answered nothing else is written there.
    let second = reception.adds(&scene, "second@example.nz").await;
    assert_eq!(only(&told(&scene, second).await), ["second@example.nz"]);
    let id = sent.id.as_bytes();
    for wrong in ["0000-0000", ""] {
        let refused = reception.confirms(&scene, id, wrong).await;
        assert_eq!(denied(&refused.unwrap_err()), Reason::WrongCredentials);
        // A slip of the hand costs a moment.
        scene.keeper.clock.advance(SignedDuration::from_mins(5));
    }
    let typed = code.to_uppercase().replace('-', " ");
    reception.confirms(&scene, id, &typed).await.unwrap();
    scene.keeper.clock.advance(SignedDuration::from_secs(1));
    let third = reception.adds(&scene, "third@example.nz").await;
    let told = told(&scene, third).await;
    assert_eq!(only(&told), [OWN, "third@example.nz"]);
    assert!(told[0].code.is_none() && told[1].code.is_some());
    worker
        .notification_done(third, Telling::Sent)
        .await
        .unwrap();
    assert_eq!(scene.count(EntryKind::Told, 0).await, 1);
}

#[tokio::test]
async fn a_code_is_good_for_its_own_account_and_address_and_for_a_day() {
    let scene = scene().await;
    let mut reception = self::reception(&scene).await;
    let added = reception.adds(&scene, OWN).await;
    let sent = told(&scene, added).await.pop().unwrap();
    let (id, code) = (sent.id.as_bytes(), sent.code.unwrap());
    let other = self::reception(&scene).await;
    let foreign = other.confirms(&scene, id, &code).await;
    assert_eq!(denied(&foreign.unwrap_err()), Reason::NotFound);
    // Asked for again, the first code is worth nothing.
    let again = reception.adds(&scene, "MERE@example.nz").await;
    let older = reception.confirms(&scene, id, &code).await;
    assert_eq!(denied(&older.unwrap_err()), Reason::NotFound);
    let sent = told(&scene, again).await.pop().unwrap();
    let (id, code) = (sent.id.as_bytes(), sent.code.unwrap());
    // Sessions do not last a day: another one of the same person.
    scene.keeper.clock.advance(SignedDuration::from_hours(24));
    let (person, practice) = (reception.person, scene.practice);
    let later = scene
        .keeper
        .sign_in_staff(person, practice, Role::Reception);
    reception.token = later.token;
    let late = reception.confirms(&scene, id, &code).await;
    assert_eq!(denied(&late.unwrap_err()), Reason::WrongCredentials);
}

#[tokio::test]
async fn whoever_got_in_and_takes_the_address_away_is_told_of_there_all_the_same() {
    let scene = scene().await;
    let mut reception = reception(&scene).await;
    let id = reception.has(&scene, OWN).await;
    let gone = reception.takes_away(&scene, id).await;
    assert_eq!(only(&told(&scene, gone).await), [OWN]);
    scene.keeper.clock.advance(SignedDuration::from_mins(10));
    let soon = reception.adds(&scene, "thief@example.nz").await;
    assert_eq!(only(&told(&scene, soon).await), [OWN, "thief@example.nz"]);
}

#[tokio::test]
async fn an_address_is_one_of_at_most_three_and_looks_like_one() {
    let scene = scene().await;
    let mut reception = reception(&scene).await;
    let long = format!("{}@example.nz", "a".repeat(250));
    for wrong in [
        "",
        "mere",
        "@example.nz",
        "mere@example",
        "mere @example.nz",
        "mere@example.nz, other@example.nz",
        "<mere@example.nz>",
        "mere@example.nz\nBcc: x@example.nz",
        &long,
    ] {
        let refused = reception.does(&scene, adding(wrong)).await;
        assert_eq!(denied(&refused.unwrap_err()), Reason::Invalid, "{wrong}");
    }
    reception.has(&scene, OWN).await;
    let refused = reception.does(&scene, adding(OWN)).await;
    assert_eq!(denied(&refused.unwrap_err()), Reason::Invalid);
    reception.adds(&scene, "two@example.nz").await;
    reception.adds(&scene, "three@example.nz").await;
    let four = reception.does(&scene, adding("four@example.nz")).await;
    assert_eq!(denied(&four.unwrap_err()), Reason::NotAllowed);
}

#[tokio::test]
async fn nobody_sends_codes_to_strangers_more_than_five_times_a_day() {
    let scene = scene().await;
    let mut reception = reception(&scene).await;
    for _ in 0..5 {
        reception.adds(&scene, "stranger@example.nz").await;
    }
    let sixth = reception.does(&scene, adding("stranger@example.nz")).await;
    assert_eq!(denied(&sixth.unwrap_err()), Reason::TooMany);
}

#[tokio::test]
async fn the_addresses_of_an_account_without_a_record_are_opened_twenty_times_an_hour() {
    let scene = scene().await;
    let mut reception = reception(&scene).await;
    let first = reception.adds(&scene, "one@example.nz").await;
    let second = reception.adds(&scene, "two@example.nz").await;
    let worker = worker(&scene);
    let viewer = viewer(&worker).await;
    for index in [first, second] {
        for _ in 0..10 {
            worker.open(&viewer, Addresses(index)).await.unwrap();
        }
    }
    // Each of the two alone would open twelve times.
    for index in [first, second] {
        let spent = refused(&worker, &viewer, Addresses(index)).await;
        assert_eq!(spent, Reason::OverBudget);
    }
    // Nobody else has less for it.
    let mut other = self::reception(&scene).await;
    let index = other.adds(&scene, "other@example.nz").await;
    worker.open(&viewer, Addresses(index)).await.unwrap();
}

#[tokio::test]
async fn a_tag_of_the_practice_and_a_closed_record_silence_the_account_s_own_addresses_too() {
    for is_closed in [false, true] {
        let scene = scene().await;
        let patient = scene.patient(1).await;
        let mut somebody = account_of(&scene, patient).await;
        somebody.has(&scene, OWN).await;
        let sheet = ChangeKind::NewSheet(wire::NewSheet {});
        let made = somebody.does(&scene, sheet).await.unwrap();
        let owed = worker(&scene).notifications_owed().await.unwrap();
        let one = owed.all().iter().find(|one| one.index == made).unwrap();
        assert_eq!(one.items.len(), 1);
        if is_closed {
            let subject = scene.keeper.core.keys.patient(patient);
            let closed = format!(
                "update fact set mac = sha256(mac) where subject = '\\x{}'",
                subject.0.map(|byte| format!("{byte:02x}")).concat()
            );
            scene.past_the_keeper(&closed).await;
            scene.keeper.core.facts.forget(&[subject]);
        } else {
            let mut block = new_item(101, patient, ItemKind::Contact, Section::Contact);
            block.tags = vec![Tag::ProtectedAddress.into()];
            scene.store(vec![block]).await;
        }
        let owed = worker(&scene).notifications_owed().await.unwrap();
        let one = owed.all().iter().find(|one| one.index == made).unwrap();
        assert!(one.items.is_empty(), "{is_closed}");
    }
}

#[tokio::test]
async fn a_patient_is_told_at_their_own_address_beside_the_practice_s_and_a_mark_silences_both() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let block = contact(&scene, 1, patient).await;
    let mut somebody = account_of(&scene, patient).await;
    somebody.has(&scene, OWN).await;
    let sheet = || ChangeKind::NewSheet(wire::NewSheet {});
    let made = somebody.does(&scene, sheet()).await.unwrap();
    let worker = worker(&scene);
    let viewer = viewer(&worker).await;
    let permit = worker.open(&viewer, Addresses(made)).await.unwrap();
    assert_eq!(only(permit.addresses()), [OWN]);
    let [item] = permit.into_items().try_into().ok().unwrap();
    assert_eq!(item.item(), block.item);
    // What is about the record goes to both too.
    let shown = ChangeKind::ProtectAddress(wire::ProtectAddress {
        patient: patient.as_bytes().to_vec(),
        practice: Vec::new(),
        is_protected: false,
    });
    let shown = somebody.does(&scene, shown).await.unwrap();
    assert_eq!(only(&told(&scene, shown).await), [OWN]);
    let marks = Effect::InsertFact {
        subject: scene.keeper.core.keys.patient(patient),
        fact: Fact::PatientMarks(PatientMarks {
            is_unsafe_to_write: true,
            ..PatientMarks::default()
        }),
    };
    scene.keeper.arrange(vec![marks]).await;
    let silent = somebody.does(&scene, sheet()).await.unwrap();
    let owed = worker.notifications_owed().await.unwrap();
    let one = owed.all().iter().find(|one| one.index == silent).unwrap();
    assert!(one.items.is_empty());
    assert_eq!(
        refused(&worker, &viewer, Addresses(silent)).await,
        Reason::NotAllowed
    );
}
