//! Who opened my record.

use crate::arrange::scene;
use candour_keeper::instances::InstanceKind;
use candour_keeper_api::wire::{self, Call, HistoryPage, Reply};
use candour_keeper_api::words::{EntryKind, Purpose, Reason, Role, Section};
use candour_keeper_api::{CallError, Keeper, Token};
use candour_seal::PatientId;

async fn history(
    portal: &Keeper,
    token: &Token,
    patient: PatientId,
    before: u64,
    limit: u32,
) -> Result<HistoryPage, CallError> {
    let call = Call::History(wire::History {
        token: token.expose().to_vec(),
        patient: patient.as_bytes().to_vec(),
        before,
        limit,
        ..wire::History::default()
    });
    match portal.call(call).await? {
        Reply::History(page) => Ok(page),
        _ => panic!("not an answer to history"),
    }
}

#[tokio::test]
async fn a_patient_sees_who_opened_what_and_what_was_delivered() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let stored = scene.document(1, patient).await;
    let own = scene.keeper.as_patient(patient).await;
    let permit = scene
        .open_document(&scene.clinician.token, Purpose::DirectCare, stored.item)
        .await
        .unwrap();
    let delivered = Call::Delivered(wire::Delivered {
        grants: vec![permit.index(), permit.index(), 4_000_000],
    });
    scene.portal.call(delivered.clone()).await.unwrap();
    scene.portal.call(delivered).await.unwrap();
    assert_eq!(scene.count(EntryKind::Delivered, 0).await, 1);
    let page = history(&scene.portal, &own.token, patient, 0, 50)
        .await
        .unwrap();
    let event = page
        .events
        .iter()
        .find(|event| event.index == permit.index())
        .unwrap();
    assert!(event.is_granted && event.is_delivered && !event.is_viewer);
    assert_eq!(event.role, i32::from(Role::Clinician));
    assert_eq!(event.practice, scene.practice.as_bytes());
    assert_eq!(event.item, stored.item.as_bytes());
    assert_eq!(event.purpose, i32::from(Purpose::DirectCare));
    // Looking is an entry, and is seen the next time.
    let again = history(&scene.portal, &own.token, patient, 0, 1)
        .await
        .unwrap();
    assert_eq!(again.events[0].kind, i32::from(EntryKind::History));
    assert!(again.events[0].is_viewer && again.has_more);
}

#[tokio::test]
async fn another_instance_s_word_on_delivery_counts_for_nothing() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let stored = scene.document(1, patient).await;
    let permit = scene
        .open_document(&scene.clinician.token, Purpose::DirectCare, stored.item)
        .await
        .unwrap();
    let delivered = Call::Delivered(wire::Delivered {
        grants: vec![permit.index()],
    });
    let drill = scene.keeper.client(InstanceKind::Drill);
    drill.call(delivered.clone()).await.unwrap();
    assert_eq!(scene.count(EntryKind::Delivered, 0).await, 0);
    scene.portal.call(delivered).await.unwrap();
    assert_eq!(scene.count(EntryKind::Delivered, 0).await, 1);
}

#[tokio::test]
async fn a_delivery_reported_after_a_restart_counts_once_and_only_from_its_own_instance() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let stored = scene.document(1, patient).await;
    let one = scene
        .open_document(&scene.clinician.token, Purpose::DirectCare, stored.item)
        .await
        .unwrap();
    let section = scene
        .open_section(
            &scene.clinician.token,
            Purpose::DirectCare,
            patient,
            Section::Medicines,
        )
        .await
        .unwrap();
    let keeper = scene.keeper.restart().await;
    let report = Call::Delivered(wire::Delivered {
        grants: vec![one.index(), section.index(), one.index(), 0, 4_000_000],
    });
    let delivered = async || {
        let entries = keeper.entries().await;
        let of = (i16::from(EntryKind::Delivered.number()), 0);
        entries.get(&of).copied().unwrap_or_default()
    };
    let drill = keeper.client(InstanceKind::Drill);
    drill.call(report.clone()).await.unwrap();
    assert_eq!(delivered().await, 0);
    let portal = keeper.client(InstanceKind::Portal);
    let both = tokio::join!(portal.call(report.clone()), portal.call(report.clone()));
    both.0.and(both.1).unwrap();
    portal.call(report).await.unwrap();
    assert_eq!(delivered().await, 2);
    let own = keeper.as_patient(patient).await;
    let page = history(&portal, &own.token, patient, 0, 50).await.unwrap();
    for grant in [one.index(), section.index()] {
        let event = page.events.iter().find(|event| event.index == grant);
        assert!(event.unwrap().is_delivered);
    }
}

#[tokio::test]
async fn an_old_grant_is_looked_up_by_its_own_index_and_nothing_later_is_read() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let stored = scene.document(1, patient).await;
    let mut grants = Vec::new();
    for _ in 0..3 {
        let permit = scene
            .open_document(&scene.clinician.token, Purpose::DirectCare, stored.item)
            .await
            .unwrap();
        grants.push(permit.index());
    }
    let report = |grants: &[u64]| {
        Call::Delivered(wire::Delivered {
            grants: grants.to_vec(),
        })
    };
    scene.portal.call(report(&grants[2..])).await.unwrap();
    // What says so of the third cannot be read any more; the first two are not looked for in it.
    scene
        .past_the_keeper("update entry set body = '\\x00' where kind = 2")
        .await;
    let keeper = scene.keeper.restart().await;
    let portal = keeper.client(InstanceKind::Portal);
    for _ in 0..2 {
        portal.call(report(&grants[..2])).await.unwrap();
    }
    let of = (i16::from(EntryKind::Delivered.number()), 0);
    assert_eq!(keeper.entries().await.get(&of), Some(&3));
    let refused = portal.call(report(&grants[2..])).await.unwrap_err();
    assert_eq!(crate::arrange::denied(&refused), Reason::SubjectClosed);
}

#[tokio::test]
async fn what_lies_days_back_is_not_called_delivered_after_a_restart() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let stored = scene.document(1, patient).await;
    let permit = scene
        .open_document(&scene.clinician.token, Purpose::DirectCare, stored.item)
        .await
        .unwrap();
    let keeper = scene.keeper.restart().await;
    keeper.clock.advance(jiff::SignedDuration::from_hours(49));
    let report = Call::Delivered(wire::Delivered {
        grants: vec![permit.index()],
    });
    let portal = keeper.client(InstanceKind::Portal);
    portal.call(report).await.unwrap();
    let of = (i16::from(EntryKind::Delivered.number()), 0);
    assert_eq!(keeper.entries().await.get(&of), None);
}

#[tokio::test]
async fn a_practice_sees_only_what_concerns_its_own_deposits_and_people() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let stored = scene.document(1, patient).await;
    let own = scene.keeper.as_patient(patient).await;
    scene
        .open_document(&own.token, Purpose::OwnRecord, stored.item)
        .await
        .unwrap();
    scene
        .open_section(&own.token, Purpose::OwnRecord, patient, Section::Medicines)
        .await
        .unwrap();
    let clinician = &scene.clinician.token;
    let page = history(&scene.portal, clinician, patient, 0, 50)
        .await
        .unwrap();
    let opened = page
        .events
        .iter()
        .filter(|event| event.kind == i32::from(EntryKind::Open));
    assert_eq!(opened.count(), 1);
    let stranger = scene.keeper.practice().await;
    let stranger = scene.keeper.staff(stranger, Role::Clinician).await;
    let refused = history(&scene.portal, &stranger.token, patient, 0, 50).await;
    let refused = crate::arrange::denied(&refused.unwrap_err());
    assert_eq!(refused, Reason::NotFound);
}
