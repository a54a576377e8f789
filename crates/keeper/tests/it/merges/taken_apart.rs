//! A link that is ended: everything is as before, and what was opened meanwhile is told exactly.

use super::*;
use candour_keeper::facts::End;
use candour_keeper::ledger::MERGE_OF_TWO;
use candour_keeper_api::words::EntryKind;
use candour_testkit::Held;

async fn ended_by_clinician(all: &mut Merging, are_two_people: bool) -> wire::Changed {
    let end = end_of(all.dormant, are_two_people);
    all.by_clinician(end).await.unwrap()
}

async fn of_practice(all: &Merging) -> wire::MergeView {
    let token = &all.clinician.0.token;
    let list = all.list(token, all.live).await.unwrap();
    list.merges[0].clone()
}

fn mine(all: &Merging, are_two_people: bool) -> Call {
    Call::Change(wire::ChangeCall {
        token: all.own.token.expose().to_vec(),
        change: Some(wire::Change {
            kind: Some(ChangeKind::EndMerge(wire::EndMerge {
                patient: all.live.as_bytes().to_vec(),
                are_two_people,
                reason: String::new(),
            })),
        }),
    })
}

#[tokio::test]
async fn after_the_end_everything_is_exactly_as_before() {
    let mut all = merging().await;
    let before = all.patients(&all.own.token).await;
    let core = std::sync::Arc::clone(&all.scene.keeper.core);
    let token = core.keys.patient(all.dormant);
    let first = core.subject_keys.load(token).await.unwrap();
    all.merged().await;
    all.own_reads(all.old.item).await.unwrap();
    // Nothing moved, and no key was made anew.
    let row = core.items.load(core.keys.item(all.old.item)).await.unwrap();
    assert_eq!(row.unwrap().new.patient, token);
    ended_by_clinician(&mut all, false).await;
    core.subject_keys.forget(token);
    let pair = core.subject_keys.load(token).await.unwrap();
    assert!(first.reading == pair.reading && first.audit == pair.audit);
    for item in [all.old.item, all.private.item, all.foreign] {
        assert_eq!(all.own_reads(item).await, Err(Reason::NotFound));
    }
    assert_eq!(all.own_reads(all.letter.item).await, Ok(()));
    assert_eq!(all.patients(&all.own.token).await, before);
    let looked = all.history(&all.own.token, all.dormant).await;
    assert_eq!(looked.map(drop), Err(Reason::NotFound));
    // And it can be noted anew.
    all.merged().await;
    assert_eq!(all.own_reads(all.old.item).await, Ok(()));
}

#[tokio::test]
async fn the_practice_sees_which_of_its_own_items_were_opened_by_way_of_the_link_and_no_others() {
    let mut all = merging().await;
    let dormant_s = all.scene.keeper.as_proxy(all.dormant, &[], 0).await;
    all.own_reads(all.letter.item).await.unwrap();
    all.merged().await;
    // One's own record is not by way of it, nor what a practice opens.
    all.own_reads(all.letter.item).await.unwrap();
    let here = all.scene.clinician.token.clone();
    all.reads(&here, Purpose::DirectCare, all.old.item)
        .await
        .unwrap();
    all.own_reads(all.old.item).await.unwrap();
    all.own_reads(all.old.item).await.unwrap();
    all.own_reads(all.foreign).await.unwrap();
    assert_eq!(all.own_sees(all.dormant, Section::Medicines).await, Ok(1));
    all.history(&all.own.token, all.dormant).await.unwrap();
    let acting = Purpose::ProxyAccess;
    all.reads(&dormant_s.token, acting, all.letter.item)
        .await
        .unwrap();
    all.reads(&dormant_s.token, acting, all.old.item)
        .await
        .unwrap();
    let standing = of_practice(&all).await;
    assert_eq!(standing.reason, "the Ministry says so");
    assert!(standing.opened.is_empty() && standing.ended_at == 0 && standing.stays);

    ended_by_clinician(&mut all, true).await;
    let view = of_practice(&all).await;
    assert!(view.ended_at > 0 && view.are_two_people && !view.by_patient && !view.is_partial);
    assert_eq!(view.end_reason, "they met in the waiting room");
    assert_eq!(view.histories, 1);
    let seen = |item: ItemId| {
        let mut found = view.opened.iter().filter(|one| one.item == item.as_bytes());
        found.next().map(|one| (one.times, one.by_proxy))
    };
    assert_eq!(seen(all.old.item), Some((2, false)));
    assert_eq!(seen(all.letter.item), Some((1, true)));
    assert_eq!(seen(all.foreign), None);
    // The letter, the old letter and the medicines; what the other practice put in is not told here.
    assert_eq!(view.opened.len(), 3);
    let whose = |item: ItemId| {
        let one = view.opened.iter().find(|one| one.item == item.as_bytes());
        one.unwrap().patient.clone()
    };
    assert_eq!(whose(all.old.item), all.dormant.as_bytes());
    assert_eq!(whose(all.letter.item), all.live.as_bytes());
    // What is opened later, by rights of one's own or by a new link, is another matter.
    all.merged().await;
    all.own_reads(all.private.item).await.unwrap();
    let list = all.list(&all.clinician.0.token, all.live).await.unwrap();
    assert_eq!(list.merges.len(), 2);
    assert_eq!(list.merges[1].opened.len(), 3);
    assert_eq!(list.merges[1].histories, 1);
}

#[tokio::test]
async fn two_people_who_were_read_as_one_are_an_incident_and_one_person_is_none() {
    let mut all = merging().await;
    all.merged().await;
    // Nothing was opened: nobody needs to be told.
    ended_by_clinician(&mut all, true).await;
    assert_eq!(all.scene.count(EntryKind::Alarm, MERGE_OF_TWO).await, 0);
    all.merged().await;
    all.own_reads(all.old.item).await.unwrap();
    ended_by_clinician(&mut all, false).await;
    assert_eq!(all.scene.count(EntryKind::Alarm, MERGE_OF_TWO).await, 0);
    all.merged().await;
    all.own_reads(all.old.item).await.unwrap();
    ended_by_clinician(&mut all, true).await;
    assert_eq!(all.scene.count(EntryKind::Alarm, MERGE_OF_TWO).await, 1);
}

#[tokio::test]
async fn the_patient_ends_it_with_one_press_and_nobody_who_acts_for_them_does() {
    let mut all = merging().await;
    all.merged().await;
    let acting = all.scene.keeper.as_proxy(all.live, &[], 0).await;
    let mut theirs = mine(&all, true);
    if let Call::Change(call) = &mut theirs {
        call.token = acting.token.expose().to_vec();
    }
    let refused = all.scene.portal.call(theirs).await;
    assert_eq!(denied(&refused.unwrap_err()), Reason::NotFound);
    all.scene.portal.call(mine(&all, true)).await.unwrap();
    assert_eq!(all.own_reads(all.old.item).await, Err(Reason::NotFound));
    let view = of_practice(&all).await;
    assert!(view.by_patient && view.are_two_people && view.end_reason.is_empty());
    let again = all.scene.portal.call(mine(&all, true)).await;
    assert_eq!(denied(&again.unwrap_err()), Reason::NotFound);
    let events = all.history(&all.own.token, all.live).await.unwrap();
    let step = i32::from(MergeStep::EndedAsTwo);
    assert_eq!(events.iter().filter(|event| event.merge == step).count(), 1);
}

#[tokio::test]
async fn only_the_practice_that_noted_it_ends_it_and_says_why() {
    let mut all = merging().await;
    all.merged().await;
    let (there, mut device) = signer(&all.scene, all.elsewhere, Role::Manager).await;
    let end = end_of(all.dormant, true);
    let refused = act(&all.scene.portal, &there.token, &mut device, end).await;
    assert_eq!(denied(&refused.unwrap_err()), Reason::NotFound);
    let silent = ChangeKind::EndMerge(wire::EndMerge {
        patient: all.live.as_bytes().to_vec(),
        ..wire::EndMerge::default()
    });
    assert_eq!(all.by_clinician(silent).await.unwrap_err(), Reason::Invalid);
    assert_eq!(all.own_reads(all.old.item).await, Ok(()));
    let (reception, mut device) = signer(&all.scene, all.scene.practice, Role::Reception).await;
    let end = end_of(all.live, true);
    act(&all.scene.portal, &reception.token, &mut device, end)
        .await
        .unwrap();
    assert_eq!(all.own_reads(all.old.item).await, Err(Reason::NotFound));
}

#[tokio::test]
async fn what_was_on_its_way_when_it_ended_is_not_released() {
    let mut all = merging().await;
    all.merged().await;
    let (scene, own) = (&all.scene, &all.own.token);
    let core = &scene.keeper.core;
    let opening = scene.open_document(own, Purpose::OwnRecord, all.old.item);
    // The entry waits; meanwhile the patient's keys are forgotten, and the table that has them is held.
    let head = Held::head(&scene.superuser).await;
    let ending = async {
        head.somebody_waits("ledger_head").await;
        let keys = Held::table(&scene.superuser, "subject_key").await;
        core.subject_keys.forget(core.keys.patient(all.dormant));
        head.let_go().await;
        // The entry is written, and the release waits for the keys.
        keys.somebody_waits("from subject_key").await;
        let mut ends = Vec::new();
        for patient in [all.live, all.dormant] {
            let facts = core.facts.load(core.keys.patient(patient)).await.unwrap();
            let is_link = |fact: &Fact| matches!(fact, Fact::Merged(_));
            let version = facts.live().find(|row| is_link(&row.fact)).unwrap().version;
            ends.push(Effect::fact(facts.subject(), Fact::End(End { version })));
        }
        scene.keeper.arrange(ends).await;
        keys.let_go().await;
    };
    let (opened, ()) = tokio::join!(opening, ending);
    assert_eq!(opened.err(), Some(Reason::NotFound));
    let withheld = scene.count(EntryKind::Withheld, Reason::NotFound.number());
    assert_eq!(withheld.await, 1);
}
