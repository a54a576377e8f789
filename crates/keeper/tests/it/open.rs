//! Opening: whose it is, what is written, what is released.

use crate::arrange::{Scene, denied, new_item, person, scene, viewer};
use candour_keeper::draft::Effect;
use candour_keeper::facts::{self, Fact, Proxy, ProxyMay};
use candour_keeper::instances::InstanceKind;
use candour_keeper_api::wire::{self, Call, Reply};
use candour_keeper_api::words::{
    Action, EntryKind, ItemKind, ProxyAction, Purpose, Reason, Role, Section,
};
use candour_keeper_api::{CallError, Item};
use candour_seal::ItemId;
use candour_testkit::keeper::acts::in_an_emergency;
use jiff::SignedDuration;

#[tokio::test]
async fn what_was_deposited_opens_for_its_patient_and_its_practice_and_is_written() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let stored = scene.document(1, patient).await;
    let own = scene.keeper.as_patient(patient).await;
    for (token, purpose) in [
        (&own.token, Purpose::OwnRecord),
        (&scene.clinician.token, Purpose::DirectCare),
    ] {
        let permit = scene
            .open_document(token, purpose, stored.item)
            .await
            .unwrap();
        let index = permit.index();
        let opened = permit.into_item().unwrap().open(&stored.sealed).unwrap();
        assert_eq!(opened.get().as_slice(), stored.plain);
        assert!(index < scene.keeper.core.ledger.size());
    }
    assert_eq!(scene.count(EntryKind::Open, 0).await, 2);
}

#[tokio::test]
async fn another_patient_and_another_practice_get_the_same_answer_as_for_what_is_not_there() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let stored = scene.document(1, patient).await;
    let other = scene.patient(2).await;
    let other = scene.keeper.as_patient(other).await;
    let elsewhere = scene.keeper.practice().await;
    let elsewhere = scene.keeper.staff(elsewhere, Role::Clinician).await;
    let absent = ItemId::from_bytes([9; 16]);
    let unsealed = new_item(7, patient, ItemKind::Document, Section::None);
    let unsealed = scene
        .import
        .deposit(&scene.program, vec![unsealed])
        .await
        .unwrap()
        .pop()
        .unwrap()
        .unwrap();
    let candour_keeper_api::DepositOutcome::New(unsealed) = unsealed else {
        panic!("sealed already");
    };
    let mut refusals = 0;
    for (token, purpose) in [
        (&other.token, Purpose::OwnRecord),
        (&elsewhere.token, Purpose::DirectCare),
    ] {
        for item in [stored.item, absent, unsealed.item()] {
            let refused = scene.open_document(token, purpose, item).await;
            assert_eq!(refused.map(drop), Err(Reason::NotFound));
            refusals += 1;
        }
    }
    let not_found = Reason::NotFound.number();
    assert_eq!(scene.count(EntryKind::Open, not_found).await, refusals);
    assert_eq!(scene.count(EntryKind::Open, 0).await, 0);
}

#[tokio::test]
async fn staff_of_a_practice_that_the_patient_left_read_no_more() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let stored = scene.document(1, patient).await;
    let token = scene.keeper.core.keys.patient(patient);
    let end = Fact::End(facts::End { version: 2 });
    scene
        .keeper
        .arrange(vec![Effect::InsertFact {
            subject: token,
            fact: end,
        }])
        .await;
    let refused = scene
        .open_document(&scene.clinician.token, Purpose::DirectCare, stored.item)
        .await;
    assert_eq!(refused.map(drop), Err(Reason::NotFound));
}

#[tokio::test]
async fn a_section_gives_the_keys_of_what_the_viewer_may_see_in_one_entry() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    scene.segment(1, patient, Section::Medicines).await;
    scene.segment(2, patient, Section::Medicines).await;
    scene.segment(3, patient, Section::Results).await;
    let own = scene.keeper.as_patient(patient).await;
    let permit = scene
        .open_section(&own.token, Purpose::OwnRecord, patient, Section::Medicines)
        .await
        .unwrap();
    assert_eq!(permit.items().len(), 2);
    assert_eq!(scene.count(EntryKind::Open, 0).await, 1);
    let empty = scene
        .open_section(&own.token, Purpose::OwnRecord, patient, Section::Allergies)
        .await
        .unwrap();
    assert!(empty.items().is_empty());
}

#[tokio::test]
async fn a_practice_sees_of_a_shared_patient_only_what_it_deposited() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    scene.segment(1, patient, Section::Medicines).await;
    let elsewhere = scene.keeper.practice().await;
    let program = scene.keeper.program(elsewhere, InstanceKind::Import).await;
    let mut known = scene
        .enrol_as(&program, vec![crate::arrange::person(1)])
        .await;
    assert_eq!(known.pop().unwrap(), Ok(patient));
    let clinician = scene.keeper.staff(elsewhere, Role::Clinician).await;
    let permit = scene
        .open_section(
            &clinician.token,
            Purpose::DirectCare,
            patient,
            Section::Medicines,
        )
        .await
        .unwrap();
    assert!(permit.items().is_empty());
    let own = scene.keeper.as_patient(patient).await;
    let permit = scene
        .open_section(&own.token, Purpose::OwnRecord, patient, Section::Medicines)
        .await
        .unwrap();
    assert_eq!(permit.items().len(), 1);
}

#[tokio::test]
async fn a_shelf_segment_appears_together_with_its_document() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let own = scene.keeper.as_patient(patient).await;
    let document = new_item(1, patient, ItemKind::Document, Section::None);
    let document = scene
        .import
        .deposit(&scene.program, vec![document])
        .await
        .unwrap();
    let Some(Ok(candour_keeper_api::DepositOutcome::New(document))) = document.into_iter().next()
    else {
        panic!("no permit");
    };
    let named = wire::NewItem {
        of_document: document.item().as_bytes().to_vec(),
        ..new_item(2, patient, ItemKind::Segment, Section::Shelf)
    };
    scene.store(vec![named]).await;
    let shelf = |scene: &Scene| {
        let token = own.token.clone();
        let call = viewer(&token, Purpose::OwnRecord);
        let target = candour_keeper_api::Section {
            patient,
            section: Section::Shelf,
        };
        let portal = scene.keeper.client(InstanceKind::Portal);
        async move { portal.open(&call, target).await.unwrap().items().len() }
    };
    assert_eq!(shelf(&scene).await, 0);
    let sealed = document.seal(b"a letter", &mut candour_seal::SystemRandom);
    scene
        .say_sealed(&[crate::arrange::Stored {
            item: document.item(),
            sealed,
            plain: b"a letter".to_vec(),
        }])
        .await
        .unwrap();
    assert_eq!(shelf(&scene).await, 1);
}

#[tokio::test]
async fn a_batch_is_answered_in_order_one_by_one() {
    let scene = scene().await;
    let (one, two) = (scene.patient(1).await, scene.patient(2).await);
    let (mine, theirs) = (scene.document(1, one).await, scene.document(2, two).await);
    let own = scene.keeper.as_patient(one).await;
    let targets = vec![Item(theirs.item), Item(mine.item)];
    let answers = scene
        .portal
        .open_batch(&viewer(&own.token, Purpose::OwnRecord), targets, "")
        .await
        .unwrap();
    assert!(answers[0].is_err());
    assert!(answers[1].is_ok());
}

#[tokio::test]
async fn a_proxy_reaches_the_sections_of_its_scope_until_it_ends() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    scene.segment(1, patient, Section::Medicines).await;
    let until = scene.keeper.core.clock.now() + SignedDuration::from_mins(10);
    let proxy = scene
        .keeper
        .as_proxy(patient, &[Section::Medicines], until.as_microsecond())
        .await;
    let open = |section| scene.open_section(&proxy.token, Purpose::ProxyAccess, patient, section);
    assert_eq!(open(Section::Medicines).await.unwrap().items().len(), 1);
    assert_eq!(
        open(Section::Results).await.map(drop),
        Err(Reason::NotFound)
    );
    scene.keeper.clock.advance(SignedDuration::from_mins(11));
    assert_eq!(
        open(Section::Medicines).await.map(drop),
        Err(Reason::NotFound)
    );
}

#[tokio::test]
async fn a_proxy_does_beside_reading_what_their_scope_says_and_one_of_before_does_all() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let token = scene.keeper.core.keys.patient(patient).0.to_vec();
    let booking = Proxy {
        patient: token,
        may: Some(ProxyMay {
            actions: vec![ProxyAction::Book.into()],
        }),
        ..Proxy::default()
    };
    let narrow = scene.keeper.as_proxy_by(booking).await;
    let of_before = scene.keeper.as_proxy(patient, &[], 0).await;
    for (proxy, is_narrow) in [(narrow, true), (of_before, false)] {
        let (portal, token) = (&scene.portal, proxy.token.expose().to_vec());
        let asked = |action: Action| {
            let call = Call::Authorize(wire::Authorize {
                token: token.clone(),
                purpose: Purpose::ProxyAccess.into(),
                action: action.into(),
                patient: patient.as_bytes().to_vec(),
                ..wire::Authorize::default()
            });
            async move {
                portal
                    .call(call)
                    .await
                    .map(drop)
                    .map_err(|error| denied(&error))
            }
        };
        let refused = if is_narrow {
            Err(Reason::NotFound)
        } else {
            Ok(())
        };
        assert_eq!(asked(Action::Book).await, Ok(()));
        assert_eq!(asked(Action::Send).await, refused);
        let history = Call::History(wire::History {
            token: token.clone(),
            patient: patient.as_bytes().to_vec(),
            limit: 10,
            ..wire::History::default()
        });
        let seen = portal.call(history).await.map(drop);
        assert_eq!(seen.map_err(|error| denied(&error)), refused);
        // It reads all the same.
        let opened = scene.open_section(
            &proxy.token,
            Purpose::ProxyAccess,
            patient,
            Section::Medicines,
        );
        assert!(opened.await.is_ok());
    }
}

#[tokio::test]
async fn a_token_works_through_its_own_instance_only_and_ends_idle_after_a_quarter_of_an_hour() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let own = scene.keeper.as_patient(patient).await;
    let call = Call::Open(wire::Open {
        token: own.token.expose().to_vec(),
        purpose: Purpose::OwnRecord.into(),
        targets: vec![wire::Target {
            kind: Some(wire::TargetKind::Section(wire::SectionOf {
                patient: patient.as_bytes().to_vec(),
                section: Section::Medicines.into(),
            })),
        }],
        ..wire::Open::default()
    });
    let elsewhere = scene.import.call(call.clone()).await.unwrap_err();
    assert_eq!(crate::arrange::denied(&elsewhere), Reason::SessionEnded);
    assert!(matches!(
        scene.portal.call(call.clone()).await,
        Ok(Reply::Opened(_))
    ));
    scene.keeper.clock.advance(SignedDuration::from_mins(16));
    let late = scene.portal.call(call).await.unwrap_err();
    assert_eq!(crate::arrange::denied(&late), Reason::SessionEnded);
}

#[tokio::test]
async fn staff_rights_never_apply_to_ones_own_record() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let stored = scene.document(1, patient).await;
    let person = scene.clinician.person;
    let instance = candour_testkit::keeper::instance(InstanceKind::Portal);
    let (token, _) = scene
        .keeper
        .core
        .sessions
        .begin(
            &scene.keeper.core.keys,
            candour_keeper::session::NewSession {
                principal: candour_keeper::session::Principal::Person(person),
                role: Role::Clinician,
                practice: Some(scene.practice),
                instance,
                by_passkey: true,
                own_patient: Some(patient),
                signed_by: candour_keeper::session::SignedBy::default(),
            },
            scene.keeper.core.clock.now(),
            &mut candour_seal::SystemRandom,
        )
        .unwrap();
    let refused = scene
        .open_document(&token, Purpose::DirectCare, stored.item)
        .await;
    assert_eq!(refused.map(drop), Err(Reason::NotFound));
}

#[tokio::test]
async fn the_sixty_first_patient_of_an_hour_is_over_budget_and_that_survives_a_restart() {
    let scene = scene().await;
    let people = (1..=62).map(crate::arrange::person).collect();
    let patients = scene.enrol_as(&scene.program, people).await;
    let open = async |scene: &Scene, token: &candour_keeper_api::Token, number: usize| {
        let patient = patients[number].unwrap();
        scene
            .open_section(token, Purpose::DirectCare, patient, Section::Medicines)
            .await
            .map(drop)
    };
    // A fresh passkey is needed from four fifths on: the session's is fresh all the while.
    // Slowly enough that the rule against breadth has nothing to say.
    let mut token = scene.clinician.token.clone();
    for number in 0..60 {
        scene
            .keeper
            .clock
            .advance(jiff::SignedDuration::from_secs(10));
        token = scene.keeper.proved(&token);
        assert_eq!(open(&scene, &token, number).await, Ok(()));
    }
    let over = Err(Reason::OverBudget);
    assert_eq!(open(&scene, &token, 60).await, over);
    assert_eq!(open(&scene, &token, 3).await, Ok(()));
    let (person, practice) = (scene.clinician.person, scene.practice);
    let keeper = scene.keeper.restart().await;
    let again = keeper.sign_in_staff(person, practice, Role::Clinician);
    let portal = keeper.client(InstanceKind::Portal);
    let target = candour_keeper_api::Section {
        patient: patients[61].unwrap(),
        section: Section::Medicines,
    };
    let refused = portal
        .open(&viewer(&again.token, Purpose::DirectCare), target)
        .await;
    match refused {
        Err(CallError::Denied(denied)) => {
            assert_eq!(denied.reason, Reason::OverBudget);
            assert!(denied.retry_after_seconds > 0);
        }
        _ => panic!("a budget was forgotten"),
    }
}

#[tokio::test]
async fn emergency_access_needs_a_passkey_answer_of_its_own_each_time() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let clinician = &scene.clinician;
    let mut device = scene.keeper.give_passkey(clinician.person).await;
    let target = candour_keeper_api::Section {
        patient,
        section: Section::Medicines,
    };
    let viewer = viewer(&clinician.token, Purpose::Emergency);
    let words = "collapsed in the waiting room";
    let answers = scene.portal.open_batch(&viewer, vec![target], words);
    let answer = answers.await.unwrap().pop().unwrap();
    assert_eq!(answer.err().unwrap().reason, Reason::StepUpNeeded);
    for _ in 0..2 {
        let asked = wire::EmergencyStart {
            patient: patient.as_bytes().to_vec(),
            words: words.to_owned(),
            ..wire::EmergencyStart::default()
        };
        let (portal, token) = (&scene.portal, &clinician.token);
        let opened = in_an_emergency(portal, token, &mut device, asked, vec![target]).await;
        assert!(opened.unwrap().pop().unwrap().is_ok());
    }
}

#[tokio::test]
async fn a_message_to_somebody_whom_nobody_may_write_to_is_read_by_them_alone_as_if_there_were_none()
 {
    for is_unsafe_to_write in [false, true] {
        let scene = scene().await;
        let person = wire::NewEnrolment {
            is_unsafe_to_write,
            ..person(1)
        };
        let mut enrolled = scene.enrol_as(&scene.program, vec![person]).await;
        let patient = enrolled.pop().unwrap().unwrap();
        let notice = new_item(1, patient, ItemKind::Notice, Section::Notices);
        let stored = scene.store(vec![notice]).await.pop().unwrap();
        let own = scene.keeper.as_patient(patient).await;
        let proxy = scene.keeper.as_proxy(patient, &[], 0).await;
        let open = |token, purpose| scene.open_section(token, purpose, patient, Section::Notices);
        let read = open(&own.token, Purpose::OwnRecord).await.unwrap();
        assert_eq!(read.items().len(), 1);

        let seen = usize::from(!is_unsafe_to_write);
        let permit = open(&proxy.token, Purpose::ProxyAccess).await.unwrap();
        assert_eq!(permit.items().len(), seen);
        // What the incident room counts later is what was shown.
        let question = Call::SectionAt(wire::SectionAt {
            index: permit.index(),
            patient: patient.as_bytes().to_vec(),
        });
        let room = scene.keeper.client(InstanceKind::Room);
        let Reply::SectionAt(covered) = room.call(question).await.unwrap() else {
            panic!("not an answer to the section");
        };
        assert_eq!(covered.items.len(), seen);
        let alone = scene.open_document(&proxy.token, Purpose::ProxyAccess, stored.item);
        let refused = alone.await.map(drop).err();
        assert_eq!(refused, is_unsafe_to_write.then_some(Reason::NotFound));
        // Nor does the proxy read that the patient read it; what they asked for themselves stands there as ever.
        let call = Call::History(wire::History {
            token: proxy.token.expose().to_vec(),
            patient: patient.as_bytes().to_vec(),
            limit: 50,
            ..wire::History::default()
        });
        let Reply::History(page) = scene.portal.call(call).await.unwrap() else {
            panic!("not an answer to history");
        };
        let messages = |is_viewer| {
            let of = |event: &&wire::HistoryEvent| {
                event.section == i32::from(Section::Notices) && event.is_viewer == is_viewer
            };
            page.events.iter().filter(of).count()
        };
        assert_eq!((messages(false), messages(true)), (seen, 1));
    }
}
