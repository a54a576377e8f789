//! What the worker may open to tell somebody of a change: the address of exactly those to whom something happened.

mod own;

use crate::arrange::{Scene, Stored, denied, new_item, scene};
use candour_keeper::draft::Effect;
use candour_keeper::facts::{Canary, Fact};
use candour_keeper::instances::InstanceKind;
use candour_keeper_api::wire::{self, Call, ChangeKind};
use candour_keeper_api::words::{
    EntryKind, ItemKind, Notification, Purpose, Reason, Section, Tag, Telling,
};
use candour_keeper_api::{
    CallError, Item, Keeper, Notification as Addresses, RunMember, Section as SectionOf, Target,
    Viewer,
};
use candour_rules::freeze::Frozen;
use candour_rules::keys;
use candour_seal::{PatientId, RunId};
use candour_testkit::keeper::acts::act;
use jiff::SignedDuration;

/// A patient with an address, to whom something happened: the address, and the entry.
async fn somebody(scene: &Scene) -> (PatientId, Stored, u64) {
    let patient = scene.patient(1).await;
    let address = contact(scene, 1, patient).await;
    let index = happens(scene, patient).await;
    (patient, address, index)
}

async fn contact(scene: &Scene, number: u64, patient: PatientId) -> Stored {
    let block = new_item(100 + number, patient, ItemKind::Contact, Section::Contact);
    scene.store(vec![block]).await.pop().unwrap()
}

/// The patient makes a new sheet of codes.
async fn happens(scene: &Scene, patient: PatientId) -> u64 {
    let own = scene.keeper.as_patient(patient).await;
    let mut device = scene.keeper.give_passkey(own.person).await;
    let change = ChangeKind::NewSheet(wire::NewSheet {});
    let done = act(&scene.portal, &own.token, &mut device, change).await;
    done.unwrap().index
}

fn worker(scene: &Scene) -> Keeper {
    scene.keeper.client(InstanceKind::Worker)
}

async fn viewer(worker: &Keeper) -> Viewer {
    let owed = worker.notifications_owed().await.unwrap();
    owed.viewer().unwrap().clone()
}

async fn indexes(worker: &Keeper) -> Vec<u64> {
    let owed = worker.notifications_owed().await.unwrap();
    owed.all().iter().map(|one| one.index).collect()
}

async fn refused<T: Target>(worker: &Keeper, viewer: &Viewer, target: T) -> Reason {
    match worker.open(viewer, target).await {
        Ok(_) => panic!("it was opened"),
        Err(error) => denied(&error),
    }
}

#[tokio::test]
async fn the_worker_opens_the_address_of_whom_it_is_for_and_the_entry_says_so() {
    let scene = scene().await;
    let (_, address, index) = somebody(&scene).await;
    let worker = worker(&scene);
    let owed = worker.notifications_owed().await.unwrap();
    let [one] = owed.all() else {
        panic!("{:?}", owed.all())
    };
    assert_eq!((one.index, one.what), (index, Notification::WayAdded));
    assert_eq!(one.items, [address.item]);
    let permit = worker.open(owed.viewer().unwrap(), Addresses(index)).await;
    let items = permit.unwrap().into_items();
    let [item] = items.try_into().ok().unwrap();
    assert_eq!(
        *item.open(&address.sealed).unwrap().into_inner(),
        address.plain
    );
    worker
        .notification_done(index, Telling::Sent)
        .await
        .unwrap();
    worker
        .notification_done(index, Telling::Stuck)
        .await
        .unwrap();
    assert_eq!(scene.count(EntryKind::Told, 0).await, 1);
    assert_eq!(
        scene.count(EntryKind::Told, Reason::TooMany.number()).await,
        0
    );
    // It was told: nobody opens the address for it again.
    assert!(indexes(&worker).await.is_empty());
    assert_eq!(
        refused(&worker, owed.viewer().unwrap(), Addresses(index)).await,
        Reason::NotFound
    );
}

#[tokio::test]
async fn nobody_but_the_worker_asks_what_is_owed_or_says_that_it_was_done() {
    let scene = scene().await;
    let (_, _, index) = somebody(&scene).await;
    for kind in [
        InstanceKind::Portal,
        InstanceKind::Room,
        InstanceKind::Import,
        InstanceKind::Drill,
    ] {
        let other = scene.keeper.client(kind);
        for asked in [
            other.notifications_owed().await.map(drop),
            other.notification_done(index, Telling::Sent).await,
        ] {
            assert_eq!(denied(&asked.unwrap_err()), Reason::NotAllowed, "{kind:?}");
        }
    }
    // Nor does the worker's token work anywhere else.
    let worker = worker(&scene);
    let viewer = viewer(&worker).await;
    let stolen = scene.portal.open(&viewer, Addresses(index)).await;
    assert_eq!(denied(&stolen.err().unwrap()), Reason::SessionEnded);
    assert_eq!(indexes(&worker).await, [index]);
}

#[tokio::test]
async fn a_portal_with_somebody_s_session_opens_no_address_so() {
    let scene = scene().await;
    let (patient, _, index) = somebody(&scene).await;
    let own = scene.keeper.as_patient(patient).await;
    for purpose in [
        Purpose::OwnRecord,
        Purpose::Notification,
        Purpose::AccountCare,
    ] {
        let viewer = crate::arrange::viewer(&own.token, purpose);
        let opened = scene.portal.open(&viewer, Addresses(index)).await;
        assert_eq!(
            denied(&opened.err().unwrap()),
            Reason::NotFound,
            "{purpose:?}"
        );
    }
}

#[tokio::test]
async fn the_worker_opens_nothing_of_anybody_to_whom_nothing_happened() {
    let scene = scene().await;
    let (patient, address, index) = somebody(&scene).await;
    let other = scene.patient(2).await;
    let other_address = contact(&scene, 2, other).await;
    let document = scene.document(9, patient).await;
    let worker = worker(&scene);
    let viewer = viewer(&worker).await;
    // Every other entry, also of the same patient and the address's own deposit.
    for before in (0..index)
        .rev()
        .take(5)
        .chain([index + 1, index + 2, u64::MAX])
    {
        assert_eq!(
            refused(&worker, &viewer, Addresses(before)).await,
            Reason::NotFound
        );
    }
    let of = |patient, section| SectionOf { patient, section };
    for section in [Section::Contact, Section::Identity, Section::Shelf] {
        for patient in [patient, other] {
            assert_eq!(
                refused(&worker, &viewer, of(patient, section)).await,
                Reason::NotFound
            );
            let run = RunId::from_bytes(*b"notifications\0\0\0");
            let member = RunMember {
                run,
                patient,
                section,
            };
            assert_eq!(refused(&worker, &viewer, member).await, Reason::NotFound);
        }
    }
    for item in [address.item, other_address.item, document.item] {
        assert_eq!(
            refused(&worker, &viewer, Item(item)).await,
            Reason::NotFound
        );
    }
}

#[tokio::test]
async fn the_lane_of_mails_puts_nothing_in_and_looks_nobody_up() {
    let scene = scene().await;
    let (patient, _, _) = somebody(&scene).await;
    let worker = worker(&scene);
    let viewer = viewer(&worker).await;
    let notice = new_item(300, patient, ItemKind::Notice, Section::Notices);
    let put = worker.deposit(&viewer.token, vec![notice]).await;
    let put = put.map(|mut each| each.pop().unwrap());
    match put {
        Err(CallError::Denied(_)) | Ok(Err(_)) => {}
        Err(other) => panic!("no answer: {other}"),
        Ok(Ok(_)) => panic!("it was taken"),
    }
    let history = worker
        .history(
            &viewer,
            wire::History {
                patient: patient.as_bytes().to_vec(),
                limit: 10,
                ..wire::History::default()
            },
        )
        .await;
    assert!(matches!(history, Err(CallError::Denied(_))));
    let find = worker.call(Call::Find(wire::Find {
        token: viewer.token.expose().to_vec(),
        practice: scene.practice.as_bytes().to_vec(),
        ..wire::Find::default()
    }));
    assert!(matches!(find.await, Err(CallError::Denied(_))));
}

#[tokio::test]
async fn after_a_day_the_address_is_opened_for_nothing() {
    let scene = scene().await;
    let (_, _, index) = somebody(&scene).await;
    let worker = worker(&scene);
    let almost = SignedDuration::from_hours(24) - SignedDuration::from_secs(1);
    scene.keeper.clock.advance(almost);
    let viewer = viewer(&worker).await;
    assert!(worker.open(&viewer, Addresses(index)).await.is_ok());
    scene.keeper.clock.advance(SignedDuration::from_secs(1));
    assert!(indexes(&worker).await.is_empty());
    assert_eq!(
        refused(&worker, &viewer, Addresses(index)).await,
        Reason::NotFound
    );
}

#[tokio::test]
async fn an_address_is_opened_twelve_times_for_one_entry_and_no_more() {
    let scene = scene().await;
    let (_, _, index) = somebody(&scene).await;
    let worker = worker(&scene);
    let viewer = viewer(&worker).await;
    let openings = (0..20).map(|_| worker.open(&viewer, Addresses(index)));
    let opened = futures_util::future::join_all(openings).await;
    let refused = opened.iter().filter_map(|one| one.as_ref().err());
    let refused: Vec<Reason> = refused.map(denied).collect();
    assert_eq!(refused, [Reason::OverBudget; 8]);
}

#[tokio::test]
async fn what_is_owed_is_owed_after_the_keeper_was_killed_too() {
    let scene = scene().await;
    let (_, _, index) = somebody(&scene).await;
    let keeper = scene.keeper.restart().await;
    let worker = keeper.client(InstanceKind::Worker);
    assert_eq!(indexes(&worker).await, [index]);
    worker
        .notification_done(index, Telling::Sent)
        .await
        .unwrap();
    let keeper = keeper.restart().await;
    let worker = keeper.client(InstanceKind::Worker);
    assert!(indexes(&worker).await.is_empty());
}

#[tokio::test]
async fn the_address_in_force_before_the_change_counts_and_not_one_that_came_after() {
    let scene = scene().await;
    let (patient, before, index) = somebody(&scene).await;
    let after = contact(&scene, 2, patient).await;
    let worker = worker(&scene);
    let owed = worker.notifications_owed().await.unwrap();
    let of = |index| owed.all().iter().find(|one| one.index == index).unwrap();
    assert_eq!(of(index).items, [before.item]);
    let changed = owed.all().last().unwrap();
    assert_eq!(changed.what, Notification::ContactChanged);
    assert_eq!(changed.items, [before.item]);
    let viewer = owed.viewer().unwrap();
    for index in [index, changed.index] {
        let permit = worker.open(viewer, Addresses(index)).await.unwrap();
        let items: Vec<_> = permit
            .items()
            .iter()
            .map(candour_keeper_api::ItemPermit::item)
            .collect();
        assert_eq!(items, [before.item]);
        assert!(!items.contains(&after.item));
    }
}

#[tokio::test]
async fn whoever_writes_many_new_addresses_pushes_the_old_one_out_of_no_mail() {
    let scene = scene().await;
    let (patient, before, _) = somebody(&scene).await;
    for number in 2..20 {
        contact(&scene, number, patient).await;
    }
    let worker = worker(&scene);
    let owed = worker.notifications_owed().await.unwrap();
    let changes = owed.all().iter();
    let changes: Vec<_> = changes
        .filter(|one| one.what == Notification::ContactChanged)
        .collect();
    assert_eq!(changes.len(), 18);
    for one in changes {
        assert_eq!(one.items[0], before.item);
        assert!(one.items.len() <= 8);
    }
}

#[tokio::test]
async fn of_a_canary_nothing_is_opened() {
    let scene = scene().await;
    let (patient, _, index) = somebody(&scene).await;
    let subject = scene.keeper.core.keys.patient(patient);
    let canary = Effect::fact(subject, Fact::Canary(Canary {}));
    scene.keeper.arrange(vec![canary]).await;
    let worker = worker(&scene);
    let owed = worker.notifications_owed().await.unwrap();
    assert!(owed.all().iter().all(|one| one.items.is_empty()));
    let viewer = owed.viewer().unwrap();
    assert_eq!(
        refused(&worker, viewer, Addresses(index)).await,
        Reason::NotFound
    );
}

#[tokio::test]
async fn a_freeze_of_the_purpose_stops_every_address() {
    let scene = scene().await;
    let (_, _, index) = somebody(&scene).await;
    let worker = worker(&scene);
    let viewer = viewer(&worker).await;
    let purpose = keys::Purpose(i64::from(Purpose::Notification.number()));
    scene.keeper.freeze(Frozen::Purpose(purpose)).await;
    assert_eq!(
        refused(&worker, &viewer, Addresses(index)).await,
        Reason::Frozen
    );
    let owed = worker.notifications_owed().await.unwrap();
    assert!(owed.viewer().is_none() && owed.all().is_empty());
}

#[tokio::test]
async fn a_row_that_says_of_itself_that_somebody_is_owed_opens_nothing() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    contact(&scene, 1, patient).await;
    let before = scene.document(9, patient).await;
    assert!(!before.sealed.is_empty());
    let worker = worker(&scene);
    let viewer = viewer(&worker).await;
    scene
        .past_the_keeper("update entry set owes = 1 where kind in (4, 6)")
        .await;
    assert!(indexes(&worker).await.is_empty());
    let last = scene.keeper.core.ledger.size() - 1;
    for index in 0..=last {
        assert_eq!(
            refused(&worker, &viewer, Addresses(index)).await,
            Reason::NotFound
        );
    }
}

#[tokio::test]
async fn nothing_is_written_to_a_protected_address_until_its_holder_ends_that() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let mut block = new_item(101, patient, ItemKind::Contact, Section::Contact);
    block.tags = vec![Tag::ProtectedAddress.into()];
    let address = scene.store(vec![block]).await.pop().unwrap();
    let own = scene.keeper.as_patient(patient).await;
    let mut device = scene.keeper.give_passkey(own.person).await;
    let sheet = ChangeKind::NewSheet(wire::NewSheet {});
    let silent = act(&scene.portal, &own.token, &mut device, sheet.clone()).await;
    let worker = worker(&scene);
    let owed = worker.notifications_owed().await.unwrap();
    let [one] = owed.all() else {
        panic!("{:?}", owed.all())
    };
    assert_eq!((one.index, one.items.len()), (silent.unwrap().index, 0));
    let gone = refused(&worker, owed.viewer().unwrap(), Addresses(one.index)).await;
    assert_eq!(gone, Reason::NotAllowed);
    let told = worker.notification_done(one.index, Telling::NoAddress);
    told.await.unwrap();

    let shown = ChangeKind::ProtectAddress(wire::ProtectAddress {
        patient: patient.as_bytes().to_vec(),
        practice: Vec::new(),
        is_protected: false,
    });
    let ended = act(&scene.portal, &own.token, &mut device, shown).await;
    let owed = worker.notifications_owed().await.unwrap();
    let [one] = owed.all() else {
        panic!("{:?}", owed.all())
    };
    assert_eq!(
        (one.index, one.what),
        (ended.unwrap().index, Notification::Shared)
    );
    assert_eq!(one.items, [address.item]);
}

#[tokio::test]
async fn whoever_got_in_does_not_silence_what_tells_of_them_by_protecting_the_address() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let address = contact(&scene, 1, patient).await;
    let own = scene.keeper.as_patient(patient).await;
    let mut device = scene.keeper.give_passkey(own.person).await;
    let protect = ChangeKind::ProtectAddress(wire::ProtectAddress {
        patient: patient.as_bytes().to_vec(),
        practice: Vec::new(),
        is_protected: true,
    });
    let protected = act(&scene.portal, &own.token, &mut device, protect).await;
    protected.unwrap();
    let sheet = || ChangeKind::NewSheet(wire::NewSheet {});
    let soon = act(&scene.portal, &own.token, &mut device, sheet()).await;
    let soon = soon.unwrap().index;
    let worker = worker(&scene);
    let owed = worker.notifications_owed().await.unwrap();
    let [one] = owed.all() else {
        panic!("{:?}", owed.all())
    };
    assert_eq!((one.index, &one.items), (soon, &vec![address.item]));
    let opened = worker.open(owed.viewer().unwrap(), Addresses(soon)).await;
    assert_eq!(opened.unwrap().items().len(), 1);
    // Three days later nobody but its holder can have meant it.
    scene.keeper.clock.advance(SignedDuration::from_hours(73));
    let again = scene.keeper.sign_in_patient(own.person, Some(patient));
    let later = act(&scene.portal, &again.token, &mut device, sheet()).await;
    let later = later.unwrap().index;
    let owed = worker.notifications_owed().await.unwrap();
    let one = owed.all().iter().find(|one| one.index == later).unwrap();
    assert!(one.items.is_empty());
}

#[tokio::test]
async fn the_worker_asks_for_one_entry_at_a_time_and_for_one_person_twenty_times_an_hour() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    contact(&scene, 1, patient).await;
    let own = scene.keeper.as_patient(patient).await;
    let mut device = scene.keeper.give_passkey(own.person).await;
    let mut entries = Vec::new();
    for _ in 0..2 {
        let sheet = ChangeKind::NewSheet(wire::NewSheet {});
        let done = act(&scene.portal, &own.token, &mut device, sheet).await;
        entries.push(done.unwrap().index);
    }
    let worker = worker(&scene);
    let viewer = viewer(&worker).await;
    let both: Vec<_> = entries.iter().map(|index| Addresses(*index)).collect();
    let together = worker.open_batch(&viewer, both, "").await;
    assert_eq!(denied(&together.err().unwrap()), Reason::Invalid);
    for index in &entries {
        for _ in 0..10 {
            worker.open(&viewer, Addresses(*index)).await.unwrap();
        }
    }
    // Each of the two alone would open twelve times.
    let spent = refused(&worker, &viewer, Addresses(entries[0])).await;
    assert_eq!(spent, Reason::OverBudget);
}

#[tokio::test]
async fn everybodys_first_mail_comes_before_anybodys_second() {
    let scene = scene().await;
    let (busy, other) = (scene.patient(1).await, scene.patient(2).await);
    contact(&scene, 1, busy).await;
    contact(&scene, 2, other).await;
    let own = scene.keeper.as_patient(busy).await;
    let mut device = scene.keeper.give_passkey(own.person).await;
    let mut many = Vec::new();
    for _ in 0..3 {
        let sheet = ChangeKind::NewSheet(wire::NewSheet {});
        let done = act(&scene.portal, &own.token, &mut device, sheet).await;
        many.push(done.unwrap().index);
    }
    let one = happens(&scene, other).await;
    let turns = indexes(&worker(&scene)).await;
    assert_eq!(turns, [many[0], one, many[1], many[2]]);
}
