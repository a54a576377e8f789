//! Who lets whom in, and what nobody does by it.

use super::*;

#[tokio::test]
async fn a_code_works_once_for_a_day_with_the_right_birth_date_and_for_nothing_else() {
    let mut scene = scene().await;
    let code = scene.code().await.unwrap();
    let wrong = with_password(&scene.inside, &code, "1981-01-31").await;
    assert_eq!(wrong.unwrap_err(), Reason::WrongCredentials);
    // It is no invitation, and an invitation is none.
    let look = |code: &str| wire::InvitationOpen {
        code: code.to_owned(),
        ..wire::InvitationOpen::default()
    };
    let invited = invitations::open(&scene.inside.core, PORTAL, &look(&code)).await;
    assert_eq!(invited.unwrap_err().reason, Reason::WrongCredentials);
    let nobody = scene.inside.patient(scene.office.practice, 41).await;
    let kind = invite(
        scene.office.practice,
        Role::Patient,
        nobody.as_bytes().to_vec(),
    );
    let invitation = scene.manager.signs(&scene.inside, kind).await.unwrap();
    let not_one = with_password(&scene.inside, &invitation.code, "1980-01-31").await;
    assert_eq!(not_one.unwrap_err(), Reason::WrongCredentials);

    with_password(&scene.inside, &code, "1980-01-31")
        .await
        .unwrap();
    let twice = with_password(&scene.inside, &code, "1980-01-31").await;
    assert_eq!(twice.unwrap_err(), Reason::WrongCredentials);
    let late = scene.code().await.unwrap();
    scene.inside.clock.advance(SignedDuration::from_hours(24));
    let late = with_password(&scene.inside, &late, "1980-01-31").await;
    assert_eq!(late.unwrap_err(), Reason::WrongCredentials);
}

#[tokio::test]
async fn a_code_ends_after_five_wrong_birth_dates() {
    let mut scene = scene().await;
    let code = scene.code().await.unwrap();
    for _ in 0..5 {
        scene.inside.clock.advance(SignedDuration::from_mins(61));
        let wrong = with_password(&scene.inside, &code, "1981-01-31").await;
        assert_eq!(wrong.unwrap_err(), Reason::WrongCredentials);
    }
    scene.inside.clock.advance(SignedDuration::from_mins(61));
    let ended = with_password(&scene.inside, &code, "1980-01-31").await;
    assert_eq!(ended.unwrap_err(), Reason::WrongCredentials);
}

#[tokio::test]
async fn it_takes_a_second_person_of_the_same_practice_in_another_session() {
    let mut scene = scene().await;
    let inside = &scene.inside;
    let plainly = change(inside, &scene.manager.token, scene.kind()).await;
    assert_eq!(plainly.unwrap_err().reason, Reason::StepUpNeeded);
    let kind = scene.kind();
    let begun = scene.manager.signs(inside, kind).await.unwrap();
    let approve = ChangeKind::Approve(begun.pending);
    let again = sign_in(inside, &mut scene.manager.device, "mere", true).await;
    let again = again.unwrap().token;
    let own = act(inside, &again, &mut scene.manager.device, approve.clone()).await;
    assert_eq!(own.unwrap_err().reason, Reason::NotAllowed);
    let other = another_practice(inside, &scene.office).await;
    enrol(inside, scene.patient, other.practice.parse().unwrap()).await;
    let mut stranger = person(inside, &other.invitation, "ana").await;
    let refused = stranger.signs(inside, approve.clone()).await;
    assert_eq!(refused.unwrap_err().reason, Reason::NotAllowed);
    let done = scene.clinician.signs(inside, approve).await.unwrap();
    assert_eq!(done.code.len(), 19);
}

#[tokio::test]
async fn an_account_that_was_made_for_it_this_morning_is_no_second_person() {
    let mut scene = scene_in(real().await).await;
    assert_eq!(scene.code().await.unwrap_err(), Reason::NotAllowed);
    scene.inside.clock.advance(SignedDuration::from_hours(24));
    let manager = sign_in(&scene.inside, &mut scene.manager.device, "mere", true).await;
    scene.manager.token = manager.unwrap().token;
    let clinician = sign_in(&scene.inside, &mut scene.clinician.device, "hemi", true).await;
    scene.clinician.token = clinician.unwrap().token;
    scene.code().await.unwrap();
}

#[tokio::test]
async fn a_practice_recovers_three_accounts_a_day_and_a_restart_forgets_none() {
    let mut scene = scene().await;
    for _ in 0..2 {
        scene.code().await.unwrap();
    }
    scene.inside = scene.inside.restart().await;
    let manager = sign_in(&scene.inside, &mut scene.manager.device, "mere", true).await;
    scene.manager.token = manager.unwrap().token;
    let clinician = sign_in(&scene.inside, &mut scene.clinician.device, "hemi", true).await;
    scene.clinician.token = clinician.unwrap().token;
    scene.code().await.unwrap();
    assert_eq!(scene.code().await.unwrap_err(), Reason::OverBudget);
}

#[tokio::test]
async fn a_new_sign_in_name_leads_to_the_account_and_nobody_elses_can_be_taken() {
    let mut scene = scene().await;
    let code = scene.code().await.unwrap();
    let taken = named(&scene.inside, &code, "1980-01-31", "mere").await;
    assert_eq!(taken.unwrap_err(), Reason::Invalid);
    let new = named(&scene.inside, &code, "1980-01-31", "nan.aroha")
        .await
        .unwrap();
    by_new_password(&scene.inside, "nan.aroha", &new[0])
        .await
        .unwrap();
    scene.old(0).await.unwrap();
}

#[tokio::test]
async fn the_name_of_a_stopped_recovery_leads_nowhere_and_stays_the_holders() {
    let mut scene = scene().await;
    let code = scene.code().await.unwrap();
    named(&scene.inside, &code, "1980-01-31", "nan.aroha")
        .await
        .unwrap();
    let old = scene.old(0).await.unwrap();
    change(&scene.inside, &old.token, STOP).await.unwrap();
    // By the old password, which stands, too.
    let by_name = async |login: &str, code: &str| {
        let call = wire::PasswordSignIn {
            login: login.to_owned(),
            password: PASSWORD.to_owned(),
            code: code.to_owned(),
            network: "192.0.2.9".to_owned(),
            client: None,
        };
        let signed_in = calls::password(&scene.inside.core, PORTAL, &call).await;
        signed_in.map(drop).map_err(|refusal| refusal.reason)
    };
    let wrong = Err(Reason::WrongCredentials);
    assert_eq!(by_name("nan.aroha", &scene.sheet[1]).await, wrong);
    assert_eq!(by_name("aroha", &scene.sheet[1]).await, Ok(()));
    // Nobody else gets it; the holder may again.
    let nobody = scene.inside.patient(scene.office.practice, 41).await;
    let kind = invite(
        scene.office.practice,
        Role::Patient,
        nobody.as_bytes().to_vec(),
    );
    let invited = scene.manager.signs(&scene.inside, kind).await.unwrap();
    let taken = register(&scene.inside, &invited.code, "nan.aroha", "1980-01-31").await;
    assert_eq!(taken.err().unwrap().reason, Reason::Invalid);
    let code = scene.code().await.unwrap();
    let new = named(&scene.inside, &code, "1980-01-31", "nan.aroha")
        .await
        .unwrap();
    by_new_password(&scene.inside, "nan.aroha", &new[0])
        .await
        .unwrap();
}

#[tokio::test]
async fn a_recovered_session_pushes_none_of_the_holders_out() {
    let mut scene = scene().await;
    let old = scene.old(0).await.unwrap();
    let new = scene.recovered().await;
    for code in new.iter().take(crate::session::MOST + 1) {
        by_new_password(&scene.inside, "aroha", code).await.unwrap();
    }
    assert_eq!(scene.opened(&old.token, &scene.here).await, Ok(1));
    let person = crate::session::Principal::Person(
        old.session
            .unwrap()
            .principal
            .as_slice()
            .try_into()
            .unwrap(),
    );
    let running = scene.inside.core.sessions.of(person, scene.inside.now());
    assert_eq!(running.len(), crate::session::MOST + 1);
}

#[tokio::test]
async fn a_code_that_nobody_used_in_its_day_keeps_nobody_from_working() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let kind = invite(office.practice, Role::Clinician, Vec::new());
    let code = manager.signs(&inside, kind).await.unwrap().code;
    let mut clinician = person(&inside, &code, "hemi").await;
    // A patient with a passkey, for whom a code was given out.
    let patient = inside.patient(office.practice, 40).await;
    let kind = invite(office.practice, Role::Patient, patient.as_bytes().to_vec());
    let code = manager.signs(&inside, kind).await.unwrap().code;
    let (mut device, _) = register(&inside, &code, "aroha", "1980-01-31")
        .await
        .unwrap();
    let begun = manager
        .signs(&inside, recover(office.practice, patient))
        .await;
    let approve = ChangeKind::Approve(begun.unwrap().pending);
    clinician.signs(&inside, approve).await.unwrap();
    let kind = invite(office.practice, Role::Reception, Vec::new());
    let job = manager.signs(&inside, kind).await.unwrap().code;
    let link = async |device: &mut SoftwarePasskey| {
        let session = sign_in(&inside, device, "aroha", false).await.unwrap();
        let link = wire::InvitationLink {
            token: session.token,
            code: job.clone(),
            ..wire::InvitationLink::default()
        };
        let linked = invitations::link(&inside.core, PORTAL, &link).await;
        linked.map_err(|refusal| refusal.reason)
    };
    assert_eq!(link(&mut device).await, Err(Reason::NotAllowed));
    inside.clock.advance(SignedDuration::from_hours(24));
    assert_eq!(link(&mut device).await, Ok(()));
}

#[tokio::test]
async fn until_it_is_over_a_recovered_session_changes_nothing_and_sees_nobody_else() {
    let mut scene = scene().await;
    // The patient acts for a child, whose record the same practice keeps.
    let child = scene.inside.patient(scene.office.practice, 41).await;
    let kind = ChangeKind::Invite(wire::Invite {
        practice: scene.office.practice.as_bytes().to_vec(),
        role: Role::Proxy.into(),
        patient: child.as_bytes().to_vec(),
        reason: "a parent".to_owned(),
        ..wire::Invite::default()
    });
    let invited = scene.manager.signs(&scene.inside, kind).await.unwrap();
    let old = scene.old(0).await.unwrap();
    let link = |token: &[u8], code: &str| wire::InvitationLink {
        token: token.to_vec(),
        code: code.to_owned(),
        birth_date: "1980-01-31".to_owned(),
    };
    let core = &scene.inside.core;
    invitations::link(core, PORTAL, &link(&old.token, &invited.code))
        .await
        .unwrap();
    let section = |of: PatientId| {
        TargetKind::Section(wire::SectionOf {
            patient: of.as_bytes().to_vec(),
            section: Section::Medicines.into(),
        })
    };
    let proxied = opened(
        &scene.inside,
        &old.token,
        section(child),
        Purpose::ProxyAccess,
    )
    .await;
    assert_eq!(proxied, Ok(0));

    let code = scene.code().await.unwrap();
    let mut device = with_passkey(&scene.inside, &code).await;
    let session = sign_in(&scene.inside, &mut device, "", false)
        .await
        .unwrap();
    let view = session.session.clone().unwrap();
    assert!(view.patients.iter().all(|reachable| !reachable.is_proxied));
    let (inside, token) = (&scene.inside, &session.token);
    let proxied = opened(inside, token, section(child), Purpose::ProxyAccess).await;
    assert_eq!(proxied, Err(Reason::CredentialIsNew));

    let new = Reason::CredentialIsNew;
    let share = ChangeKind::Invite(wire::Invite {
        role: Role::Proxy.into(),
        patient: scene.patient.as_bytes().to_vec(),
        ..wire::Invite::default()
    });
    let add = ChangeKind::AddPasskey(wire::AddPasskey {
        name: "mine".to_owned(),
    });
    for kind in [share, add, ChangeKind::NewSheet(wire::NewSheet {})] {
        assert_eq!(asked(inside, token, kind).await.unwrap_err().reason, new);
    }
    let refused = history_of(inside, token, scene.patient).await;
    assert_eq!(refused.unwrap_err(), new);
    let send = wire::Authorize {
        token: token.clone(),
        action: Action::Send.into(),
        purpose: Purpose::OwnRecord.into(),
        patient: scene.patient.as_bytes().to_vec(),
        ..wire::Authorize::default()
    };
    let refused = authorize::authorize(&inside.core, &PORTAL_INSTANCE, send).await;
    assert_eq!(refused.unwrap_err().reason, new);
    let others = wire::EndSessions {
        token: token.clone(),
        ..wire::EndSessions::default()
    };
    let refused = sessions::end(&inside.core, PORTAL, &others).await;
    assert_eq!(refused.unwrap_err().reason, new);
    let kind = invite(scene.office.practice, Role::Clinician, Vec::new());
    let job = scene.manager.signs(inside, kind).await.unwrap().code;
    let refused = invitations::link(&inside.core, PORTAL, &link(token, &job)).await;
    assert_eq!(refused.unwrap_err().reason, new);
    // Nor is the account made staff's by its older way meanwhile.
    let refused = invitations::link(&inside.core, PORTAL, &link(&old.token, &job)).await;
    assert_eq!(refused.unwrap_err().reason, Reason::NotAllowed);
}

#[tokio::test]
async fn a_recovered_passkey_never_lets_anybody_act_as_staff() {
    let mut scene = scene().await;
    let code = scene.code().await.unwrap();
    let mut device = with_passkey(&scene.inside, &code).await;
    scene.inside.clock.advance(SignedDuration::from_hours(72));
    let session = sign_in(&scene.inside, &mut device, "", false)
        .await
        .unwrap();
    let person = session
        .session
        .unwrap()
        .principal
        .as_slice()
        .try_into()
        .unwrap();
    let subject = scene.inside.core.keys.person(person);
    let mut draft = Draft::of_keeper(EntryKind::Change);
    let role = StaffRole {
        practice: scene.office.practice.as_bytes().to_vec(),
        role: Role::Clinician.into(),
        ..StaffRole::default()
    };
    draft.effects = vec![Effect::fact(subject, Fact::StaffRole(role))];
    commit(&scene.inside.core, draft).await.unwrap();
    let refused = sign_in(&scene.inside, &mut device, "", true).await;
    assert_eq!(refused.unwrap_err().reason, Reason::NotAllowed);
    // And whoever works somewhere is not let in at a counter.
    let again = scene.manager_again().await;
    assert_eq!(again, Reason::NotAllowed);
}

#[tokio::test]
async fn without_an_account_there_is_nothing_to_recover_and_the_dead_sign_in_nowhere() {
    let mut scene = scene().await;
    let nobody = scene.inside.patient(scene.office.practice, 42).await;
    let kind = recover(scene.office.practice, nobody);
    // A session without its passkey is told nothing, of who has an account and who has none.
    for patient in [nobody, scene.patient] {
        let kind = recover(scene.office.practice, patient);
        asked(&scene.inside, &scene.manager.token, kind)
            .await
            .unwrap();
    }
    assert_eq!(scene.code_for(kind).await.unwrap_err(), Reason::NoAccount);
    let about = scene.inside.core.keys.patient(nobody).surrogate();
    let text = "select 1 from entry where patient = $1 and decision = $2";
    let reason = i16::from(Reason::NoAccount.number());
    let rows = crate::reader::rows(&scene.inside.core.pool, text, &[&about, &reason]).await;
    assert_eq!(rows.unwrap().len(), 1);
    let elsewhere = scene
        .inside
        .patient(PracticeId::from_bytes([77; 16]), 43)
        .await;
    let kind = recover(scene.office.practice, elsewhere);
    assert_eq!(scene.code_for(kind).await.unwrap_err(), Reason::NotFound);
    let marks = PatientMarks {
        is_deceased: true,
        is_unsafe_to_write: false,
    };
    note(&scene.inside, scene.patient, Fact::PatientMarks(marks)).await;
    assert_eq!(scene.code().await.unwrap_err(), Reason::NotAllowed);
}

#[tokio::test]
async fn a_canary_is_touched_by_trying_and_looks_like_somebody_who_is_not_there() {
    let mut scene = scene().await;
    let canary = scene.inside.patient(scene.office.practice, 44).await;
    note(&scene.inside, canary, Fact::Canary(Canary {})).await;
    let kind = recover(scene.office.practice, canary);
    assert_eq!(scene.code_for(kind).await.unwrap_err(), Reason::NotFound);
    let kind = scene.kind();
    let frozen = scene.manager.signs(&scene.inside, kind).await;
    assert_eq!(frozen.unwrap_err().reason, Reason::Frozen);
}
