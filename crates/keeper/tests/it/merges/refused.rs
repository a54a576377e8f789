//! What two people may not say of two records: one link to two different people is the worst that can happen.

use super::*;
use candour_keeper::facts::{Canary, PatientMarks, RecordPart, Restriction};
use candour_keeper_api::words::EntryKind;

async fn note(all: &Merging, patient: PatientId, fact: Fact) {
    let subject = all.scene.keeper.core.keys.patient(patient);
    all.scene
        .keeper
        .arrange(vec![Effect::fact(subject, fact)])
        .await;
}

async fn another(all: &Merging, number: u64, birth_date: &str) -> PatientId {
    let somebody = wire::NewEnrolment {
        birth_date: birth_date.to_owned(),
        ..person(number)
    };
    let mut enrolled = all.scene.enrol_as(&all.scene.program, vec![somebody]).await;
    enrolled.pop().unwrap().unwrap()
}

#[tokio::test]
async fn who_were_not_born_on_the_same_day_are_not_one_person() {
    let mut all = merging().await;
    for (number, birth_date) in [(3, "1980-03-01"), (4, "1981-02-28")] {
        let other = another(&all, number, birth_date).await;
        let refused = all.by_manager(all.merge_of(all.live, other)).await;
        assert_eq!(refused.unwrap_err(), Reason::RecordsDiffer, "{birth_date}");
    }
}

#[tokio::test]
async fn the_living_are_not_the_dead() {
    let mut all = merging().await;
    let marks = PatientMarks {
        is_deceased: true,
        is_unsafe_to_write: false,
    };
    note(&all, all.dormant, Fact::PatientMarks(marks)).await;
    let refused = all.by_manager(all.merge()).await;
    assert_eq!(refused.unwrap_err(), Reason::RecordsDiffer);
}

#[tokio::test]
async fn two_accounts_are_not_made_one_and_the_try_stands_in_the_ledger() {
    let mut all = merging().await;
    all.scene.keeper.as_patient(all.dormant).await;
    let before = all
        .scene
        .count(EntryKind::Change, Reason::TwoAccounts.number());
    assert_eq!(before.await, 0);
    let refused = all.by_manager(all.merge()).await;
    assert_eq!(refused.unwrap_err(), Reason::TwoAccounts);
    let after = all
        .scene
        .count(EntryKind::Change, Reason::TwoAccounts.number());
    assert_eq!(after.await, 1);
}

#[tokio::test]
async fn a_second_account_that_comes_later_ends_that_the_first_reads_the_other_record() {
    let mut all = merging().await;
    all.merged().await;
    let invite = ChangeKind::Invite(wire::Invite {
        practice: all.scene.practice.as_bytes().to_vec(),
        role: Role::Patient.into(),
        patient: all.dormant.as_bytes().to_vec(),
        ..wire::Invite::default()
    });
    let refused = all.by_clinician(invite).await;
    assert_eq!(refused.unwrap_err(), Reason::HasAccount);
    // By a code that was handed out before.
    let second = all.scene.keeper.as_patient(all.dormant).await;
    assert_eq!(all.own_reads(all.old.item).await, Err(Reason::NotFound));
    assert_eq!(all.own_reads(all.letter.item).await, Ok(()));
    let own = Purpose::OwnRecord;
    assert_eq!(all.reads(&second.token, own, all.old.item).await, Ok(()));
    let refused = all.reads(&second.token, own, all.letter.item).await;
    assert_eq!(refused, Err(Reason::NotFound));
    assert_eq!(all.patients(&all.own.token).await.len(), 1);
}

#[tokio::test]
async fn a_record_is_one_person_s_with_one_other_at_most() {
    let mut all = merging().await;
    let third = all.scene.patient(3).await;
    // Begun before the link, agreed to after it.
    let begun = all.by_manager(all.merge_of(third, all.dormant)).await;
    all.merged().await;
    let late = ChangeKind::Approve(begun.unwrap().pending);
    let refused = all.by_clinician(late).await;
    assert_eq!(refused.unwrap_err(), Reason::AlreadyMerged);
    for (one, other) in [(third, all.dormant), (all.live, third)] {
        let refused = all.by_manager(all.merge_of(one, other)).await;
        assert_eq!(refused.unwrap_err(), Reason::AlreadyMerged);
    }
    let itself = all.by_manager(all.merge_of(third, third)).await;
    assert_eq!(itself.unwrap_err(), Reason::Invalid);
}

#[tokio::test]
async fn who_keeps_something_from_the_other_is_not_the_other() {
    let mut all = merging().await;
    let rule = Restriction {
        person: all.scene.keeper.core.keys.person(all.own.person).0.to_vec(),
        ..Restriction::default()
    };
    note(&all, all.dormant, Fact::Restriction(rule)).await;
    let refused = all.by_manager(all.merge()).await;
    assert_eq!(refused.unwrap_err(), Reason::RecordsDiffer);
}

#[tokio::test]
async fn from_whom_either_keeps_something_decides_nothing() {
    let mut all = merging().await;
    let begun = all.by_manager(all.merge()).await.unwrap();
    let clinician = all.clinician.0.person;
    let rule = Restriction {
        person: all.scene.keeper.core.keys.person(clinician).0.to_vec(),
        what: Some(RecordPart {
            section: Section::Medicines.into(),
            item: Vec::new(),
        }),
        ..Restriction::default()
    };
    note(&all, all.dormant, Fact::Restriction(rule)).await;
    let refused = all.by_clinician(ChangeKind::Approve(begun.pending)).await;
    assert_eq!(refused.unwrap_err(), Reason::NotAllowed);
}

#[tokio::test]
async fn a_canary_looks_like_nobody_in_either_place_and_is_an_incident() {
    for is_second in [false, true] {
        let mut all = merging().await;
        let canary = all.scene.patient(3).await;
        note(&all, canary, Fact::Canary(Canary {})).await;
        let kind = if is_second {
            all.merge_of(all.live, canary)
        } else {
            all.merge_of(canary, all.live)
        };
        let refused = all.by_manager(kind).await;
        assert_eq!(refused.unwrap_err(), Reason::NotFound);
        // Rule 1 of detection.
        let core = &all.scene;
        crate::arrange::eventually(|| async { core.count(EntryKind::Alarm, 1).await == 1 }).await;
    }
}

#[tokio::test]
async fn both_must_be_enrolled_at_the_practice_and_a_manager_begins() {
    let mut all = merging().await;
    let refused = all.by_clinician(all.merge()).await;
    assert_eq!(refused.unwrap_err(), Reason::NotAllowed);
    // Elsewhere one of the two is a stranger.
    let (there, mut device) = signer(&all.scene, all.elsewhere, Role::Manager).await;
    for (one, other) in [(all.live, all.dormant), (all.dormant, all.live)] {
        let ChangeKind::Merge(mut merge) = all.merge_of(one, other) else {
            panic!("a merge")
        };
        merge.practice = all.elsewhere.as_bytes().to_vec();
        let kind = ChangeKind::Merge(merge);
        let refused = act(&all.scene.portal, &there.token, &mut device, kind).await;
        assert_eq!(denied(&refused.unwrap_err()), Reason::NotFound);
    }
    // Nor in the name of another practice.
    let kind = all.merge();
    let refused = act(&all.scene.portal, &there.token, &mut device, kind).await;
    assert_eq!(denied(&refused.unwrap_err()), Reason::NotFound);
    let reception = signer(&all.scene, all.scene.practice, Role::Reception).await;
    let begun = all.by_manager(all.merge()).await.unwrap();
    let (reception, mut device) = reception;
    let approve = ChangeKind::Approve(begun.pending);
    let refused = act(&all.scene.portal, &reception.token, &mut device, approve).await;
    assert_eq!(denied(&refused.unwrap_err()), Reason::NotAllowed);
}

#[tokio::test]
async fn a_link_on_one_side_alone_opens_nothing() {
    let all = merging().await;
    let core = &all.scene.keeper.core;
    let half = Merged {
        other: core.keys.patient(all.live).0.to_vec(),
        practice: all.scene.practice.as_bytes().to_vec(),
        ..Merged::default()
    };
    note(&all, all.dormant, Fact::Merged(half)).await;
    assert_eq!(all.own_reads(all.old.item).await, Err(Reason::NotFound));
}
