//! Passwords, authenticator apps and sheets that are changed, and what waits.

use super::signing::decoded;
use super::ways::{is_signed_in, listed, remove};
use super::*;
use crate::harness::{Inside, ORIGIN, inside};
use candour_keeper_wire::wire::{self, ChangeKind};
use candour_keeper_wire::words::{Purpose, Reason, Role};
use jiff::SignedDuration;

/// A patient with a passkey; signed in by it.
async fn patient_with_passkey(inside: &Inside, office: &Office) -> Person {
    let mut manager = manager(inside, office).await;
    let patient = inside.patient(office.practice, 40).await;
    let kind = invite(office.practice, Role::Patient, patient.as_bytes().to_vec());
    let code = manager.signs(inside, kind).await.unwrap().code;
    let (mut device, id) = register(inside, &code, "aroha", "1980-01-31")
        .await
        .unwrap();
    let token = sign_in(inside, &mut device, "aroha", false)
        .await
        .unwrap()
        .token;
    Person { device, token, id }
}

fn set_password(password: &str) -> ChangeKind {
    ChangeKind::SetPassword(wire::SetPassword {
        password: password.to_owned(),
        hash: "a hash of the portal's own".to_owned(),
    })
}

fn new_sheet() -> ChangeKind {
    ChangeKind::NewSheet(wire::NewSheet {})
}

#[tokio::test]
async fn a_password_and_a_sheet_are_set_by_a_passkey_and_open_nothing_for_a_day() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut patient = patient_with_passkey(&inside, &office).await;
    let record = candour_seal::PatientId::from_bytes([40; 16]);
    let own = Purpose::OwnRecord;
    for password in ["aroha", "short", "aaaaaaaaaaaaaa"] {
        let refused = asked(&inside, &patient.token, set_password(password)).await;
        assert_eq!(refused.unwrap_err().reason, Reason::Invalid, "{password}");
    }
    patient
        .signs(&inside, set_password(PASSWORD))
        .await
        .unwrap();
    let sheet = patient.signs(&inside, new_sheet()).await.unwrap().sheet;
    assert_eq!(sheet.len(), 40);
    let typed = by_password(&inside, &sheet[0]).await.unwrap();
    let new = Err(Reason::CredentialIsNew);
    assert_eq!(opening(&inside, &typed.token, record, own).await, new);
    assert_eq!(opening(&inside, &patient.token, record, own).await, Ok(()));
    // Nor does a new code answer an act that would take the passkey away.
    let ways = listed(&inside, &typed.token).await;
    assert!(!ways.passkeys[0].may_go && ways.has_password);
    let refused = asked(&inside, &typed.token, remove(&ways, 0)).await;
    assert_eq!(refused.unwrap_err().reason, Reason::NotAllowed);
    assert!(typed.session.unwrap().ways_changed);

    inside.clock.advance(SignedDuration::from_hours(24));
    let typed = by_password(&inside, &sheet[1]).await.unwrap();
    assert_eq!(opening(&inside, &typed.token, record, own).await, Ok(()));
    assert!(!typed.session.unwrap().ways_changed);
}

#[tokio::test]
async fn a_new_sheet_and_password_void_the_old_and_sign_out_whoever_came_by_them() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut patient = patient_with_passkey(&inside, &office).await;
    patient
        .signs(&inside, set_password(PASSWORD))
        .await
        .unwrap();
    let sheet = patient.signs(&inside, new_sheet()).await.unwrap().sheet;
    let typed = by_password(&inside, &sheet[0]).await.unwrap().token;
    let changed = patient.signs(&inside, new_sheet()).await.unwrap();
    assert!(!changed.signed_out);
    assert!(!is_signed_in(&inside, &typed).await);
    let old = by_password(&inside, &sheet[1]).await;
    assert_eq!(old.unwrap_err().reason, Reason::WrongCredentials);

    let typed = by_password(&inside, &changed.sheet[0]).await.unwrap().token;
    let another = set_password("four kererū at noon");
    patient.signs(&inside, another).await.unwrap();
    assert!(!is_signed_in(&inside, &typed).await);
    assert!(is_signed_in(&inside, &patient.token).await);
    let old = by_password(&inside, &changed.sheet[1]).await;
    assert_eq!(old.unwrap_err().reason, Reason::WrongCredentials);
}

#[tokio::test]
async fn without_a_passkey_a_new_sheet_waits_its_day_and_then_opens_at_once() {
    let inside = inside().await;
    let (patient, sheet) = patient_with_sheet(&inside).await;
    let token = by_password(&inside, &sheet[0]).await.unwrap().token;
    let begun = act_by_code(&inside, &token, &sheet[1], new_sheet())
        .await
        .unwrap();
    assert!(begun.sheet.is_empty() && begun.waits_until > 0);
    let waiting = listed(&inside, &token).await.waiting;
    assert_eq!(waiting[0].text, "Make a new sheet of codes for my account.");
    assert_eq!((waiting.len(), waiting[0].is_due), (1, false));
    inside.clock.advance(SignedDuration::from_hours(24));
    let token = by_password(&inside, &sheet[2]).await.unwrap().token;
    assert!(listed(&inside, &token).await.waiting[0].is_due);
    let done = change(&inside, &token, ChangeKind::Approve(begun.pending))
        .await
        .unwrap();
    assert!(done.signed_out && done.sheet.len() == 40);
    let token = by_password(&inside, &done.sheet[0]).await.unwrap().token;
    let own = Purpose::OwnRecord;
    assert_eq!(opening(&inside, &token, patient, own).await, Ok(()));
    assert!(listed(&inside, &token).await.waiting.is_empty());
}

#[tokio::test]
async fn without_a_passkey_an_address_waits_its_day_and_is_then_added_and_sent_a_code() {
    let inside = inside().await;
    let (_, sheet) = patient_with_sheet(&inside).await;
    let token = by_password(&inside, &sheet[0]).await.unwrap().token;
    let address = "aroha@example.nz".to_owned();
    let add = ChangeKind::AddNotificationAddress(wire::AddNotificationAddress { address });
    let begun = act_by_code(&inside, &token, &sheet[1], add).await.unwrap();
    assert!(begun.waits_until > 0);
    assert!(listed(&inside, &token).await.addresses.is_empty());
    inside.clock.advance(SignedDuration::from_hours(24));
    let token = by_password(&inside, &sheet[2]).await.unwrap().token;
    let approve = ChangeKind::Approve(begun.pending);
    change(&inside, &token, approve).await.unwrap();
    let ways = listed(&inside, &token).await;
    assert!(ways.waiting.is_empty());
    let [held] = ways.addresses.try_into().unwrap();
    assert_eq!(
        (&held.address[..], held.is_confirmed),
        ("aroha@example.nz", false)
    );
    let until = inside.now() + SignedDuration::from_hours(24);
    assert_eq!(held.code_until, until.as_microsecond());
    // It goes the same way, and a day later too.
    let gone = wire::RemoveNotificationAddress {
        id: held.id,
        ..wire::RemoveNotificationAddress::default()
    };
    let gone = ChangeKind::RemoveNotificationAddress(gone);
    let begun = act_by_code(&inside, &token, &sheet[3], gone).await.unwrap();
    inside.clock.advance(SignedDuration::from_hours(24));
    let token = by_password(&inside, &sheet[4]).await.unwrap().token;
    let approve = ChangeKind::Approve(begun.pending);
    change(&inside, &token, approve).await.unwrap();
    assert!(listed(&inside, &token).await.addresses.is_empty());
}

#[tokio::test]
async fn a_code_changes_no_way_without_the_password_and_whichever_is_wrong_the_answer_is_one() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let patient = inside.patient(office.practice, 40).await;
    let sheet = with_sheet(&inside, &office, &mut manager, patient).await;
    let token = by_password(&inside, &sheet[0]).await.unwrap().token;
    for (code, password) in [
        (sheet[1].as_str(), ""),
        (&sheet[1], "four kererū at noon"),
        ("2222-3333", PASSWORD),
        ("2222-3333", ""),
    ] {
        let asked = asked(&inside, &token, new_sheet()).await.unwrap();
        assert!(asked.needs_password && asked.code_accepted);
        let finish = wire::ActFinish {
            code: code.to_owned(),
            password: password.to_owned(),
            ..answer_to(&token, &asked)
        };
        let refused = finished(&inside, &finish).await.unwrap_err();
        assert_eq!(
            refused,
            Reason::WrongCredentials.into(),
            "{code} {password}"
        );
        inside.clock.advance(SignedDuration::from_mins(10));
    }
    // What ends reading asks for none: no day is to be lost by a forgotten password.
    let kind = ChangeKind::Restrict(wire::SharingRule {
        patient: patient.as_bytes().to_vec(),
        practice: office.practice.as_bytes().to_vec(),
        ..wire::SharingRule::default()
    });
    let restricting = asked(&inside, &token, kind).await.unwrap();
    assert!(!restricting.needs_password && restricting.code_accepted);
    let begun = act_by_code(&inside, &token, &sheet[1], new_sheet())
        .await
        .unwrap();
    // Nor does stopping what waits.
    let stop = ChangeKind::StopWaiting(wire::StopWaiting {
        pending: begun.pending,
        ..wire::StopWaiting::default()
    });
    let stopping = asked(&inside, &token, stop).await.unwrap();
    assert!(!stopping.needs_password);
    let finish = wire::ActFinish {
        code: sheet[2].clone(),
        ..answer_to(&token, &stopping)
    };
    finished(&inside, &finish).await.unwrap();
}

#[tokio::test]
async fn what_waits_is_stopped_at_once_by_its_holder_and_by_nobody_else() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let patient = inside.patient(office.practice, 40).await;
    let sheet = with_sheet(&inside, &office, &mut manager, patient).await;
    let thief = by_password(&inside, &sheet[0]).await.unwrap().token;
    let begun = act_by_code(
        &inside,
        &thief,
        &sheet[1],
        set_password("four kererū at noon"),
    )
    .await
    .unwrap();
    let stop = ChangeKind::StopWaiting(wire::StopWaiting {
        pending: begun.pending.clone(),
        text: "something harmless".to_owned(),
    });
    let other = manager.signs(&inside, stop.clone()).await;
    assert_eq!(other.unwrap_err().reason, Reason::NotFound);
    let holder = by_password(&inside, &sheet[2]).await.unwrap();
    assert!(holder.session.unwrap().ways_changed);
    let token = holder.token;
    let text = asked(&inside, &token, stop.clone()).await.unwrap().text;
    assert_eq!(text, "Do not do this: Change the password of my account.");
    let stopped = act_by_code(&inside, &token, &sheet[3], stop.clone())
        .await
        .unwrap();
    assert_eq!(stopped.waits_until, 0);
    assert!(listed(&inside, &token).await.waiting.is_empty());
    inside.clock.advance(SignedDuration::from_hours(24));
    let token = by_password(&inside, &sheet[4]).await.unwrap().token;
    let late = change(&inside, &token, ChangeKind::Approve(begun.pending)).await;
    assert_eq!(late.unwrap_err().reason, Reason::NotFound);
    let twice = asked(&inside, &token, stop).await;
    assert_eq!(twice.unwrap_err().reason, Reason::NotFound);
}

#[tokio::test]
async fn a_new_app_is_taken_once_it_shows_the_right_numbers() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut patient = patient_with_passkey(&inside, &office).await;
    patient
        .signs(&inside, set_password(PASSWORD))
        .await
        .unwrap();
    // The keeper makes the secret, whatever was sent.
    let sent = wire::SetApp {
        secret: vec![7; 20],
    };
    let asked = asked(&inside, &patient.token, ChangeKind::SetApp(sent))
        .await
        .unwrap();
    let app = decoded(&asked.otpauth);
    assert_ne!(app.expose(), &[7; 20]);
    let answer = |code: String, answer_json: String| wire::ActFinish {
        answer_json,
        new_app_code: code,
        ..answer_to(&patient.token, &asked)
    };
    let signed = patient.device.get(&asked.options_json, ORIGIN).unwrap();
    let slip = finished(&inside, &answer("000000".to_owned(), signed.clone())).await;
    assert_eq!(slip.unwrap_err().reason, Reason::Invalid);
    let shown = app.code_at(inside.now());
    let finish = answer(shown, signed);
    finished(&inside, &finish).await.unwrap();
    inside.clock.advance(SignedDuration::from_secs(60));
    by_password(&inside, &app.code_at(inside.now()))
        .await
        .unwrap();
    let again = finished(&inside, &finish).await;
    assert_eq!(again.unwrap_err().reason, Reason::WrongCredentials);
}

#[tokio::test]
async fn whoever_has_a_role_gets_no_password_even_as_a_patient() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let as_patient = sign_in(&inside, &mut manager.device, "mere", false)
        .await
        .unwrap()
        .token;
    for kind in [
        set_password(PASSWORD),
        new_sheet(),
        ChangeKind::SetApp(wire::SetApp::default()),
    ] {
        let refused = act(&inside, &as_patient, &mut manager.device, kind).await;
        assert_eq!(refused.unwrap_err().reason, Reason::NotAllowed);
    }
}
