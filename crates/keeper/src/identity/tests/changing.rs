use super::*;
use crate::acts;
use crate::draft::{Draft, Effect};
use crate::facts::{Canary, Fact};
use crate::harness::{ORIGIN, PORTAL, inside};
use crate::identity::{invitations, sign_in as calls};
use candour_keeper_wire::wire::{self, Change, ChangeKind};
use candour_keeper_wire::words::{EntryKind, Level, Purpose, Reason, Role, Section};
use jiff::SignedDuration;

#[tokio::test]
async fn staff_are_invited_by_an_act_and_a_role_that_ends_ends_the_session() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let kind = invite(office.practice, Role::Clinician, Vec::new());
    let plainly = change(&inside, &manager.token, kind.clone()).await;
    assert_eq!(plainly.unwrap_err().reason, Reason::StepUpNeeded);
    let code = manager.signs(&inside, kind).await.unwrap().code;
    let clinician = person(&inside, &code, "hemi").await;
    let view = calls::session(&inside.core, PORTAL, &with(&clinician.token))
        .await
        .unwrap();
    assert_eq!(
        (Role::try_from(view.role), view.staff_name.as_str()),
        (Ok(Role::Clinician), "Hēmi Pere")
    );

    let ended = ChangeKind::EndRole(wire::RoleChange {
        person: clinician.id.clone(),
        practice: office.practice.as_bytes().to_vec(),
        role: Role::Clinician.into(),
        until: 0,
    });
    manager.signs(&inside, ended).await.unwrap();
    let over = calls::session(&inside.core, PORTAL, &with(&clinician.token)).await;
    assert_eq!(over.unwrap_err().reason, Reason::SessionEnded);
}

#[tokio::test]
async fn an_answer_fits_its_own_act_in_its_own_session_only() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let other = sign_in(&inside, &mut manager.device, "mere", true)
        .await
        .unwrap()
        .token;
    let asked = |token: &[u8], role: Role| wire::ActStart {
        token: token.to_vec(),
        change: Some(Change {
            kind: Some(invite(office.practice, role, Vec::new())),
        }),
    };
    let finish = |token: &[u8], ceremony: &[u8], answer_json: &str| wire::ActFinish {
        token: token.to_vec(),
        ceremony: ceremony.to_vec(),
        answer_json: answer_json.to_owned(),
        ..wire::ActFinish::default()
    };
    let one = acts::start(
        &inside.core,
        PORTAL,
        &asked(&manager.token, Role::Clinician),
    )
    .await
    .unwrap();
    let two = acts::start(
        &inside.core,
        PORTAL,
        &asked(&manager.token, Role::Reception),
    )
    .await
    .unwrap();
    let answer = manager.device.get(&one.options_json, ORIGIN).unwrap();
    let swapped = finish(&manager.token, &two.ceremony, &answer);
    assert_eq!(
        acts::finish(&inside.core, PORTAL, false, &swapped)
            .await
            .unwrap_err()
            .reason,
        Reason::WrongCredentials
    );
    let elsewhere = finish(&other, &one.ceremony, &answer);
    assert_eq!(
        acts::finish(&inside.core, PORTAL, false, &elsewhere)
            .await
            .unwrap_err()
            .reason,
        Reason::WrongCredentials
    );
    // The wrong tries used the ceremonies up; a right answer needs a new one.
    let late = finish(&manager.token, &one.ceremony, &answer);
    assert_eq!(
        acts::finish(&inside.core, PORTAL, false, &late)
            .await
            .unwrap_err()
            .reason,
        Reason::WrongCredentials
    );
}

#[tokio::test]
async fn a_client_needs_a_second_person_in_another_session() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let mut security = officer(&inside, &office, "security_officer", "sione").await;
    let kind = ChangeKind::AddClient(wire::AddClient {
        practice: office.practice.as_bytes().to_vec(),
        name: "second system".to_owned(),
    });
    let begun = manager.signs(&inside, kind).await.unwrap();
    assert!(begun.code.is_empty() && begun.pending.len() == 16);
    let approve = ChangeKind::Approve(begun.pending);
    let other_session = sign_in(&inside, &mut manager.device, "mere", true)
        .await
        .unwrap()
        .token;
    let own = act(
        &inside,
        &other_session,
        &mut manager.device,
        approve.clone(),
    )
    .await;
    assert_eq!(own.unwrap_err().reason, Reason::NotAllowed);
    let done = security.signs(&inside, approve.clone()).await.unwrap();
    assert_eq!(done.code.len(), 32 + 1 + 64);
    let twice = security.signs(&inside, approve).await;
    assert_eq!(twice.unwrap_err().reason, Reason::NotFound);
}

#[tokio::test]
async fn a_freeze_takes_one_person_and_letting_go_takes_two() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let mut one = officer(&inside, &office, "security_officer", "sione").await;
    let mut two = officer(&inside, &office, "privacy_officer", "talia").await;
    let view = calls::session(&inside.core, PORTAL, &with(&manager.token))
        .await
        .unwrap();
    let rung = wire::FreezeChange {
        level: Level::Session.into(),
        surrogate: view.session,
        reason: "a lost laptop".to_owned(),
    };
    change(&inside, &one.token, ChangeKind::Freeze(rung.clone()))
        .await
        .unwrap();
    let patient = inside.patient(office.practice, 40).await;
    let kind = invite(office.practice, Role::Patient, patient.as_bytes().to_vec());
    let invited = manager.signs(&inside, kind).await;
    assert_eq!(invited.unwrap_err().reason, Reason::Frozen);

    let begun = one
        .signs(&inside, ChangeKind::Unfreeze(rung))
        .await
        .unwrap();
    let approve = ChangeKind::Approve(begun.pending);
    two.signs(&inside, approve).await.unwrap();
    let patient = wire::MarkPatient {
        patient: patient.as_bytes().to_vec(),
        is_deceased: false,
        is_unsafe_to_write: true,
    };
    let kind = ChangeKind::MarkPatient(patient);
    let plainly = change(&inside, &manager.token, kind.clone()).await;
    assert_eq!(plainly.unwrap_err().reason, Reason::StepUpNeeded);
    manager.signs(&inside, kind).await.unwrap();
}

#[tokio::test]
async fn a_run_opens_after_two_people_and_its_token_is_the_run_s() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut one = officer(&inside, &office, "privacy_officer", "talia").await;
    let mut two = officer(&inside, &office, "communications_officer", "wiremu").await;
    let member = inside.patient(office.practice, 40).await;
    let until = inside.now().as_microsecond() + 3_600_000_000;
    let kind = ChangeKind::StartRun(wire::StartRun {
        purpose: Purpose::IncidentNotice.into(),
        members: vec![member.as_bytes().to_vec()],
        sections: vec![Section::Contact.into()],
        until,
        incident: vec![9; 16],
        scope_hash: vec![9; 32],
    });
    let begun = one.signs(&inside, kind).await.unwrap();
    let runs = crate::changes::runs(&inside.core, PORTAL, &wire::RunsQuestion::default())
        .await
        .unwrap();
    assert!(runs.runs.is_empty());
    let done = two
        .signs(&inside, ChangeKind::Approve(begun.pending))
        .await
        .unwrap();
    let runs = crate::changes::runs(&inside.core, PORTAL, &wire::RunsQuestion::default())
        .await
        .unwrap();
    assert_eq!(runs.runs.len(), 1);
    assert_eq!(
        (&runs.runs[0].run, runs.runs[0].token.len()),
        (&done.id, 32)
    );
    inside.clock.advance(SignedDuration::from_hours(2));
    let over = crate::changes::runs(&inside.core, PORTAL, &wire::RunsQuestion::default())
        .await
        .unwrap();
    assert!(over.runs.is_empty());
}

#[tokio::test]
async fn a_run_that_names_a_canary_or_nobody_does_not_open_and_only_the_canary_wakes_somebody() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut one = officer(&inside, &office, "privacy_officer", "talia").await;
    let member = inside.patient(office.practice, 40).await;
    let canary = inside.patient(office.practice, 41).await;
    let fact = Fact::Canary(Canary {});
    let subject = inside.core.keys.patient(canary);
    let mut marked = Draft::of_keeper(EntryKind::Change);
    marked.effects = vec![Effect::fact(subject, fact)];
    inside.core.ledger.append_one(marked).await.unwrap();
    let mut refused = Vec::new();
    for other in [*canary.as_bytes(), [0xee; 16]] {
        let kind = ChangeKind::StartRun(wire::StartRun {
            purpose: Purpose::IncidentNotice.into(),
            members: vec![member.as_bytes().to_vec(), other.to_vec()],
            sections: vec![Section::Contact.into()],
            until: inside.now().as_microsecond() + 3_600_000_000,
            incident: vec![9; 16],
            scope_hash: vec![9; 32],
        });
        refused.push(one.signs(&inside, kind).await.unwrap_err());
    }
    assert_eq!(
        refused[0], refused[1],
        "nothing tells the one from the other"
    );
    assert_eq!(refused[0].reason, Reason::Invalid);
    let runs = crate::changes::runs(&inside.core, PORTAL, &wire::RunsQuestion::default())
        .await
        .unwrap();
    assert!(runs.runs.is_empty());
    let client = inside.core.pool.get().await.unwrap();
    let question =
        "select count(*) from entry where kind = $1 and decision = $2 and principal <> 0";
    let kind = i16::from(EntryKind::Alarm.number());
    let rule = i16::from(crate::ledger::CANARY);
    let row = client.query_one(question, &[&kind, &rule]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 1);
}

#[tokio::test]
async fn the_room_s_key_goes_to_the_room_only() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut one = officer(&inside, &office, "privacy_officer", "talia").await;
    let mut two = officer(&inside, &office, "security_officer", "sione").await;
    let kind = ChangeKind::UnlockRoom(wire::UnlockRoom {
        incident: vec![9; 16],
    });
    let begun = one.signs(&inside, kind).await.unwrap();
    assert!(begun.room_key.is_empty());
    let approve = ChangeKind::Approve(begun.pending);
    let elsewhere = two.signs(&inside, approve.clone()).await;
    assert_eq!(elsewhere.unwrap_err().reason, Reason::NotAllowed);
    let asked = acts::start(
        &inside.core,
        PORTAL,
        &wire::ActStart {
            token: two.token.clone(),
            change: Some(Change {
                kind: Some(approve),
            }),
        },
    )
    .await
    .unwrap();
    let done = acts::finish(
        &inside.core,
        PORTAL,
        true,
        &wire::ActFinish {
            token: two.token.clone(),
            ceremony: asked.ceremony,
            answer_json: two.device.get(&asked.options_json, ORIGIN).unwrap(),
            ..wire::ActFinish::default()
        },
    )
    .await
    .unwrap();
    assert_eq!(done.room_key.len(), 32);
}

#[tokio::test]
async fn without_a_passkey_an_act_waits_a_day_unless_it_ends_that_somebody_reads() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let patient = inside.patient(office.practice, 40).await;
    let sheet = with_sheet(&inside, &office, &mut manager, patient).await;
    let token = by_password(&inside, &sheet[0]).await.unwrap().token;
    let kind = ChangeKind::Invite(wire::Invite {
        role: Role::Proxy.into(),
        patient: patient.as_bytes().to_vec(),
        sections: vec![Section::Medicines.into()],
        reason: "my daughter".to_owned(),
        ..wire::Invite::default()
    });
    let begun = act_by_code(&inside, &token, &sheet[1], kind).await.unwrap();
    assert_eq!(
        begun.waits_until,
        inside.now().as_microsecond() + 24 * 3_600_000_000
    );
    let approve = ChangeKind::Approve(begun.pending);
    let early = change(&inside, &token, approve.clone()).await;
    assert_eq!(early.unwrap_err().reason, Reason::TooMany);
    inside.clock.advance(SignedDuration::from_hours(24));
    let token = by_password(&inside, &sheet[2]).await.unwrap().token;
    let code = change(&inside, &token, approve).await.unwrap().code;
    let (mut daughter, _) = register(&inside, &code, "ngaire", "1980-01-31")
        .await
        .unwrap();
    let daughter = super::sign_in(&inside, &mut daughter, "ngaire", false)
        .await
        .unwrap();
    let view = daughter.session.unwrap();
    assert!(
        view.patients[0].is_proxied && view.patients[0].sections == [i32::from(Section::Medicines)]
    );
    // To end it a session is not enough. A fresh code is, and nobody reads for one more day.
    let end = ChangeKind::EndProxy(wire::ProxyChange {
        person: view.principal,
        patient: patient.as_bytes().to_vec(),
        ..wire::ProxyChange::default()
    });
    let plainly = change(&inside, &token, end.clone()).await;
    assert_eq!(plainly.unwrap_err().reason, Reason::StepUpNeeded);
    let ended = act_by_code(&inside, &token, &sheet[3], end).await.unwrap();
    assert!(ended.waits_until == 0 && ended.pending.is_empty());
    let view = calls::session(&inside.core, PORTAL, &with(&daughter.token)).await;
    assert!(view.unwrap().patients.is_empty());
}

#[tokio::test]
async fn that_a_patient_left_is_noted_by_a_program_or_with_a_passkey() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let patient = inside.patient(office.practice, 40).await;
    let left = ChangeKind::EndEnrolment(wire::EnrolmentChange {
        patient: patient.as_bytes().to_vec(),
        practice: office.practice.as_bytes().to_vec(),
    });
    let plainly = change(&inside, &manager.token, left.clone()).await;
    assert_eq!(plainly.unwrap_err().reason, Reason::StepUpNeeded);
    manager.signs(&inside, left).await.unwrap();
}

#[tokio::test]
async fn staff_rights_never_apply_to_ones_own_record_nor_to_another_practice() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let stranger = inside
        .patient(candour_seal::PracticeId::from_bytes([77; 16]), 41)
        .await;
    let kind = invite(office.practice, Role::Patient, stranger.as_bytes().to_vec());
    let refused = manager.signs(&inside, kind).await;
    assert_eq!(refused.unwrap_err().reason, Reason::NotFound);
    // The manager is a patient of the practice as well: linked, they can no longer manage that record.
    let own = inside.patient(office.practice, 42).await;
    let kind = invite(office.practice, Role::Patient, own.as_bytes().to_vec());
    let code = manager.signs(&inside, kind.clone()).await.unwrap().code;
    let link = wire::InvitationLink {
        token: manager.token.clone(),
        code,
        birth_date: "1980-01-31".to_owned(),
    };
    invitations::link(&inside.core, PORTAL, &link)
        .await
        .unwrap();
    let mut device = manager.device;
    let again = sign_in(&inside, &mut device, "mere", true).await.unwrap();
    assert!(again.session.unwrap().patients.is_empty());
    let refused = act(&inside, &again.token, &mut device, kind).await;
    assert_eq!(refused.unwrap_err().reason, Reason::NotFound);
}

#[tokio::test]
async fn one_operator_alone_makes_no_practice() {
    let inside = inside().await;
    let office = office(&inside).await;
    let twice = [office.codes[0].clone(), office.codes[0].clone()];
    let command = crate::practice::Command::AddPractice {
        name: "Rātā".to_owned(),
        region: "Waikato".to_owned(),
        manager: "M".to_owned(),
    };
    let alone = ordered(&inside, &twice, command).await;
    assert_eq!(alone.unwrap_err().reason, Reason::WrongCredentials);
}
