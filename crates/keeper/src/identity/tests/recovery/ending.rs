//! What a recovery opens, and how it ends: by time, by objection, by another.

use super::*;
use crate::facts::NotificationAddress;
use crate::identity::accounts::Account;
use candour_keeper_wire::words::ProxyAction;

#[tokio::test]
async fn two_of_a_practice_let_somebody_in_and_that_opens_its_deposits_and_nothing_else() {
    let mut scene = scene().await;
    let new = scene.recovered().await;
    let session = by_new_password(&scene.inside, "aroha", &new[0])
        .await
        .unwrap();
    let token = &session.token;
    assert_eq!(scene.opened(token, &scene.here).await, Ok(1));
    let closed = Err(Reason::CredentialIsNew);
    assert_eq!(scene.opened(token, &scene.elsewhere).await, closed);
    assert_eq!(scene.medicines(token).await, Ok(1));
    // The older ways work as before, and open everything.
    let old = scene.old(0).await.unwrap();
    assert_eq!(scene.opened(&old.token, &scene.elsewhere).await, Ok(1));
    assert_eq!(scene.medicines(&old.token).await, Ok(2));
    // Both are told, each what it is to them.
    let (mine, theirs) = (recovery(&session).unwrap(), recovery(&old).unwrap());
    assert!(mine.is_own && !theirs.is_own);
    assert_eq!(theirs.practice, scene.office.practice.as_bytes());
    let until = scene.inside.now().as_microsecond() + 72 * 3_600_000_000;
    assert_eq!((theirs.opens_from, mine.opens_from), (until, until));
    let view = old.session.unwrap();
    assert!(!view.ways_changed && view.opens_from == 0);
}

#[tokio::test]
async fn after_three_days_without_objection_everything_opens_and_the_older_ways_end() {
    let mut scene = scene().await;
    let new = scene.recovered().await;
    scene.inside.clock.advance(SignedDuration::from_hours(71));
    let early = by_new_password(&scene.inside, "aroha", &new[0])
        .await
        .unwrap();
    let old = scene.old(0).await.unwrap();
    scene.inside.clock.advance(SignedDuration::from_mins(10));
    scene.opened(&old.token, &scene.here).await.unwrap();
    scene.opened(&early.token, &scene.here).await.unwrap();
    for minutes in [10, 10, 10, 10] {
        scene
            .inside
            .clock
            .advance(SignedDuration::from_mins(minutes));
        scene.opened(&old.token, &scene.here).await.unwrap();
        scene.opened(&early.token, &scene.here).await.unwrap();
    }
    // 71:59:59, and a second later.
    scene
        .inside
        .clock
        .advance(SignedDuration::from_secs(9 * 60 + 59));
    let elsewhere = scene.elsewhere.clone();
    let closed = Err(Reason::CredentialIsNew);
    assert_eq!(scene.opened(&early.token, &elsewhere).await, closed);
    assert_eq!(scene.opened(&old.token, &elsewhere).await, Ok(1));
    scene.inside.clock.advance(SignedDuration::from_secs(1));
    let ended = Err(Reason::SessionEnded);
    assert_eq!(scene.opened(&old.token, &elsewhere).await, ended);
    assert_eq!(scene.opened(&early.token, &elsewhere).await, Ok(1));
    assert_eq!(scene.medicines(&early.token).await, Ok(2));
    assert_eq!(scene.old(1).await.unwrap_err(), Reason::WrongCredentials);
    let later = by_new_password(&scene.inside, "aroha", &new[1])
        .await
        .unwrap();
    assert_eq!(recovery(&later), None);
    let ways = super::super::ways::listed(&scene.inside, &later.token).await;
    assert_eq!((ways.codes_left, ways.passkeys.len()), (38, 0));
    // It is ordinary now: an act is answered.
    let sheet = ChangeKind::NewSheet(wire::NewSheet {});
    let begun = act_by_code_and(&scene.inside, &later.token, [&new[2], NEW_PASSWORD], sheet).await;
    assert!(begun.unwrap().waits_until > 0);
    // What was done meanwhile is not said to have been the viewer: it may have been somebody else.
    let steps = scene.steps(&later.token).await;
    assert_eq!(
        steps[..2],
        [(RecoveryStep::Allowed, false), (RecoveryStep::Made, false)]
    );
    assert!(steps.contains(&(RecoveryStep::Used, false)));
    assert!(steps.contains(&(RecoveryStep::Over, false)));
}

#[tokio::test]
async fn the_three_days_are_over_whoever_comes_first_and_a_restart_between_changes_nothing() {
    let mut scene = scene().await;
    let new = scene.recovered().await;
    scene.inside.clock.advance(SignedDuration::from_hours(36));
    scene.inside = scene.inside.restart().await;
    let half = by_new_password(&scene.inside, "aroha", &new[0])
        .await
        .unwrap();
    let elsewhere = scene.elsewhere.clone();
    let closed = Err(Reason::CredentialIsNew);
    assert_eq!(scene.opened(&half.token, &elsewhere).await, closed);
    scene.inside.clock.advance(SignedDuration::from_hours(36));
    scene.inside = scene.inside.restart().await;
    // An older way comes first, and finds itself ended.
    assert_eq!(scene.old(0).await.unwrap_err(), Reason::WrongCredentials);
    let later = by_new_password(&scene.inside, "aroha", &new[1])
        .await
        .unwrap();
    assert_eq!(scene.opened(&later.token, &elsewhere).await, Ok(1));
}

#[tokio::test]
async fn whoever_has_an_older_way_stops_it_with_one_press_and_somebody_is_called() {
    let mut scene = scene().await;
    let new = scene.recovered().await;
    let thief = by_new_password(&scene.inside, "aroha", &new[0])
        .await
        .unwrap();
    scene.opened(&thief.token, &scene.here).await.unwrap();
    let old = scene.old(0).await.unwrap();
    // Not by what it made.
    let refused = change(&scene.inside, &thief.token, STOP).await;
    assert_eq!(refused.unwrap_err().reason, Reason::CredentialIsNew);
    change(&scene.inside, &old.token, STOP).await.unwrap();
    let here = scene.here.clone();
    let ended = Err(Reason::SessionEnded);
    assert_eq!(scene.opened(&thief.token, &here).await, ended);
    let again = by_new_password(&scene.inside, "aroha", &new[1]).await;
    assert_eq!(again.unwrap_err(), Reason::WrongCredentials);
    // The older ways stay, whatever the hour.
    scene.inside.clock.advance(SignedDuration::from_hours(73));
    let later = scene.old(1).await.unwrap();
    assert_eq!(recovery(&later), None);
    let twice = change(&scene.inside, &later.token, STOP).await;
    assert_eq!(twice.unwrap_err().reason, Reason::NotFound);
    let steps = scene.steps(&later.token).await;
    assert!(steps.contains(&(RecoveryStep::Used, false)));
    assert_eq!(steps.last(), Some(&(RecoveryStep::Stopped, true)));
    let client = scene.inside.core.pool.get().await.unwrap();
    let question = "select practice from entry where kind = 10 and decision = 104";
    let rows = client.query(question, &[]).await.unwrap();
    assert_eq!(rows.len(), 1);
    let practice: Vec<u8> = rows[0].get(0);
    assert_eq!(practice, scene.office.practice.as_bytes());
}

#[tokio::test]
async fn a_code_that_was_not_used_can_be_stopped_too() {
    let mut scene = scene().await;
    let code = scene.code().await.unwrap();
    let old = scene.old(0).await.unwrap();
    assert_eq!(recovery(&old).unwrap().opens_from, 0);
    change(&scene.inside, &old.token, STOP).await.unwrap();
    let late = with_password(&scene.inside, &code, "1980-01-31").await;
    assert_eq!(late.unwrap_err(), Reason::WrongCredentials);
}

#[tokio::test]
async fn a_newer_code_is_the_only_one_and_ends_what_the_one_before_made() {
    let mut scene = scene().await;
    let new = scene.recovered().await;
    let first = by_new_password(&scene.inside, "aroha", &new[0])
        .await
        .unwrap();
    let code = scene.code().await.unwrap();
    let here = scene.here.clone();
    let ended = Err(Reason::SessionEnded);
    assert_eq!(scene.opened(&first.token, &here).await, ended);
    let again = by_new_password(&scene.inside, "aroha", &new[1]).await;
    assert_eq!(again.unwrap_err(), Reason::WrongCredentials);
    let unused = scene.code().await.unwrap();
    let replaced = with_password(&scene.inside, &code, "1980-01-31").await;
    assert_eq!(replaced.unwrap_err(), Reason::WrongCredentials);
    with_password(&scene.inside, &unused, "1980-01-31")
        .await
        .unwrap();
    scene.old(0).await.unwrap();
}

#[tokio::test]
async fn whoever_acts_for_the_patient_does_not_learn_of_it() {
    let mut scene = scene().await;
    let kind = ChangeKind::Invite(wire::Invite {
        practice: scene.office.practice.as_bytes().to_vec(),
        role: Role::Proxy.into(),
        patient: scene.patient.as_bytes().to_vec(),
        reason: "the husband".to_owned(),
        may: vec![ProxyAction::History.into()],
        ..wire::Invite::default()
    });
    let invited = scene.manager.signs(&scene.inside, kind).await.unwrap();
    let (mut device, _) = register(&scene.inside, &invited.code, "rangi", "1980-01-31")
        .await
        .unwrap();
    let session = sign_in(&scene.inside, &mut device, "rangi", false)
        .await
        .unwrap();
    let before = history_of(&scene.inside, &session.token, scene.patient)
        .await
        .unwrap();
    let new = scene.recovered().await;
    let recovered = by_new_password(&scene.inside, "aroha", &new[0])
        .await
        .unwrap();
    scene.medicines(&recovered.token).await.unwrap();
    let after = history_of(&scene.inside, &session.token, scene.patient)
        .await
        .unwrap();
    assert!(after.events.iter().all(|event| event.recovery == 0));
    // The look before, and what was opened.
    assert_eq!(after.events.len(), before.events.len() + 2);
}

/// An address of the account, as its holder, or whoever has an older way, gave it.
async fn address(scene: &Scene, id: u8) {
    let account = Account::by_login(&scene.inside.core, "aroha").await;
    let mut draft = Draft::of_keeper(EntryKind::Change);
    draft.effects = vec![Effect::fact(
        account.unwrap().unwrap().subject,
        Fact::NotificationAddress(NotificationAddress {
            id: vec![id; 16],
            is_confirmed: true,
            ..NotificationAddress::default()
        }),
    )];
    commit(&scene.inside.core, draft).await.unwrap();
}

#[tokio::test]
async fn addresses_from_before_a_recovery_and_from_its_three_days_end_with_the_older_ways() {
    let mut scene = scene().await;
    address(&scene, 7).await;
    let new = scene.recovered().await;
    address(&scene, 8).await;
    let old = scene.old(0).await.unwrap();
    let ways = super::super::ways::listed(&scene.inside, &old.token).await;
    assert_eq!(ways.addresses.len(), 2);
    scene.inside.clock.advance(SignedDuration::from_hours(72));
    let later = by_new_password(&scene.inside, "aroha", &new[0]).await;
    let ways = super::super::ways::listed(&scene.inside, &later.unwrap().token).await;
    assert!(ways.addresses.is_empty());
}
