//! Inviting a patient, or somebody who acts for one: what a session alone, or a portal, does not do.

use super::*;
use crate::facts::{Canary, Fact, RecordPart, Restriction};
use crate::harness::{PORTAL, inside, real};
use crate::identity::invitations;
use crate::sharing;
use candour_keeper_wire::wire::{self, ChangeKind, SectionOf, TargetKind};
use candour_keeper_wire::words::{EntryKind, Purpose, Reason, Role, Section};
use candour_seal::PatientId;
use jiff::SignedDuration;

#[tokio::test]
async fn nobody_is_invited_by_a_session_alone() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let patient = inside.patient(office.practice, 40).await;
    for role in [Role::Patient, Role::Proxy] {
        let kind = invite(office.practice, role, patient.as_bytes().to_vec());
        let plainly = change(&inside, &manager.token, kind.clone()).await;
        assert_eq!(plainly.unwrap_err().reason, Reason::StepUpNeeded);
        assert_eq!(manager.signs(&inside, kind).await.unwrap().code.len(), 19);
    }
}

#[tokio::test]
async fn the_sentence_names_the_patient_as_the_page_does_and_is_what_is_signed() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let patient = inside.patient(office.practice, 40).await;
    let named = |who: &str| {
        ChangeKind::Invite(wire::Invite {
            practice: office.practice.as_bytes().to_vec(),
            role: Role::Patient.into(),
            patient: patient.as_bytes().to_vec(),
            who: who.to_owned(),
            ..wire::Invite::default()
        })
    };
    let asked = asked(&inside, &manager.token, named("Mia (born 1980)")).await;
    let text = asked.unwrap().text;
    assert_eq!(text, "Invite Mia (born 1980) to their own record.");
    let long = manager.signs(&inside, named(&"m".repeat(301))).await;
    assert_eq!(long.unwrap_err().reason, Reason::Invalid);
}

#[tokio::test]
async fn who_has_an_account_is_not_invited_and_only_who_signed_is_told() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let patient = inside.patient(office.practice, 40).await;
    with_sheet(&inside, &office, &mut manager, patient).await;
    let kind = invite(office.practice, Role::Patient, patient.as_bytes().to_vec());
    asked(&inside, &manager.token, kind.clone()).await.unwrap();
    let refused = manager.signs(&inside, kind.clone()).await.unwrap_err();
    assert_eq!(refused.reason, Reason::HasAccount);
    // It stands in the ledger as a refusal about this patient.
    let (index, surrogate) = (
        i64::try_from(refused.index.unwrap()).unwrap(),
        inside.core.keys.patient(patient).surrogate(),
    );
    let text = "select kind, decision, patient from entry where index = $1";
    let rows = crate::reader::rows(&inside.core.pool, text, &[&index]).await;
    let row = rows.unwrap().pop().unwrap();
    assert_eq!(
        (
            row.get::<_, i16>(0),
            row.get::<_, i16>(1),
            row.get::<_, i64>(2)
        ),
        (
            i16::from(EntryKind::Change.number()),
            i16::from(Reason::HasAccount.number()),
            surrogate
        )
    );
    // Who tries it with one after another is slowed; a colleague is not.
    let code = invite(office.practice, Role::Reception, Vec::new());
    let code = manager.signs(&inside, code).await.unwrap().code;
    let mut colleague = person(&inside, &code, "hemi").await;
    for _ in 0..4 {
        let again = manager.signs(&inside, kind.clone()).await;
        assert_eq!(again.unwrap_err().reason, Reason::HasAccount);
    }
    let slowed = manager.signs(&inside, kind.clone()).await.unwrap_err();
    assert_eq!(slowed.reason, Reason::TooMany);
    assert!(slowed.retry_after_seconds > 0);
    let theirs = colleague.signs(&inside, kind.clone()).await;
    assert_eq!(theirs.unwrap_err().reason, Reason::HasAccount);
    inside.clock.advance(SignedDuration::from_secs(2));
    let later = manager.signs(&inside, kind).await;
    assert_eq!(later.unwrap_err().reason, Reason::HasAccount);
}

#[tokio::test]
async fn from_whom_a_patient_keeps_something_lets_nobody_in_for_them() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let patient = inside.patient(office.practice, 40).await;
    let kind = invite(office.practice, Role::Proxy, patient.as_bytes().to_vec());
    manager.signs(&inside, kind.clone()).await.unwrap();
    let everything = Restriction {
        practice: office.practice.as_bytes().to_vec(),
        ..Restriction::default()
    };
    recovery::note(&inside, patient, Fact::Restriction(everything)).await;
    let refused = manager.signs(&inside, kind).await;
    assert_eq!(refused.unwrap_err().reason, Reason::NotAllowed);
}

#[tokio::test]
async fn a_canary_is_touched_by_inviting_it_and_looks_like_somebody_who_is_not_there() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let canary = inside.patient(office.practice, 44).await;
    recovery::note(&inside, canary, Fact::Canary(Canary {})).await;
    let patient = inside.patient(office.practice, 40).await;
    let kind =
        |patient: PatientId| invite(office.practice, Role::Patient, patient.as_bytes().to_vec());
    let touched = manager.signs(&inside, kind(canary)).await;
    assert_eq!(touched.unwrap_err().reason, Reason::NotFound);
    let frozen = manager.signs(&inside, kind(patient)).await;
    assert_eq!(frozen.unwrap_err().reason, Reason::Frozen);
}

fn acting_for(scene: &recovery::Scene, patient: PatientId) -> ChangeKind {
    ChangeKind::Invite(wire::Invite {
        practice: scene.office.practice.as_bytes().to_vec(),
        role: Role::Proxy.into(),
        patient: patient.as_bytes().to_vec(),
        reason: "a parent".to_owned(),
        ..wire::Invite::default()
    })
}

async fn medicines_of(
    scene: &recovery::Scene,
    token: &[u8],
    patient: PatientId,
) -> Result<usize, Reason> {
    let section = TargetKind::Section(SectionOf {
        patient: patient.as_bytes().to_vec(),
        section: Section::Medicines.into(),
    });
    recovery::opened(&scene.inside, token, section, Purpose::ProxyAccess).await
}

async fn listed(scene: &recovery::Scene, token: &[u8]) -> Result<wire::Sharing, Reason> {
    let asked = wire::SharingQuestion {
        token: token.to_vec(),
        ..wire::SharingQuestion::default()
    };
    let list = sharing::sharing(&scene.inside.core, PORTAL, &asked).await;
    list.map_err(|refusal| refusal.reason)
}

impl recovery::Scene {
    /// Three days after the account was made; its patient and the manager are signed in again.
    async fn settled(&mut self, code: usize) -> Vec<u8> {
        self.inside.clock.advance(SignedDuration::from_hours(72));
        let manager = sign_in(&self.inside, &mut self.manager.device, "mere", true).await;
        self.manager.token = manager.unwrap().token;
        self.old(code).await.unwrap().token
    }
}

#[tokio::test]
async fn whom_staff_invited_reads_for_three_days_only_what_their_practice_put_in() {
    let mut scene = recovery::scene_in(real().await).await;
    let session = scene.old(0).await.unwrap();
    let (token, new) = (&session.token, Err(Reason::CredentialIsNew));
    let view = session.session.unwrap();
    let opens_from = scene.inside.now().as_microsecond() + 72 * 3_600_000_000;
    assert_eq!(view.patients[0].only_from, scene.office.practice.as_bytes());
    assert_eq!(view.patients[0].opens_from, opens_from);
    assert_eq!(scene.opened(token, &scene.here).await, Ok(1));
    assert_eq!(scene.medicines(token).await, Ok(1));
    assert_eq!(scene.opened(token, &scene.elsewhere).await, new);
    // Nor who else reads, or what else they keep.
    let history = recovery::history_of(&scene.inside, token, scene.patient).await;
    assert_eq!(history.unwrap_err(), Reason::CredentialIsNew);
    let list = listed(&scene, token).await;
    assert_eq!(list.unwrap_err(), Reason::CredentialIsNew);
    let keep = ChangeKind::Restrict(wire::SharingRule {
        patient: scene.patient.as_bytes().to_vec(),
        practice: scene.office.practice.as_bytes().to_vec(),
        ..wire::SharingRule::default()
    });
    for kind in [keep, acting_for(&scene, scene.patient)] {
        let refused = asked(&scene.inside, token, kind).await.unwrap_err();
        assert_eq!(refused.reason, Reason::CredentialIsNew);
        assert_eq!(refused.retry_after_seconds, 72 * 3_600 + 1);
    }
    // Nor what the patient keeps from that practice.
    let kept = Restriction {
        practice: scene.office.practice.as_bytes().to_vec(),
        what: Some(RecordPart {
            section: Section::Medicines.into(),
            ..RecordPart::default()
        }),
        ..Restriction::default()
    };
    recovery::note(&scene.inside, scene.patient, Fact::Restriction(kept)).await;
    assert_eq!(scene.medicines(token).await, Ok(0));

    let token = &scene.settled(1).await;
    assert_eq!(scene.opened(token, &scene.elsewhere).await, Ok(1));
    assert_eq!(scene.medicines(token).await, Ok(2));
    let history = recovery::history_of(&scene.inside, token, scene.patient).await;
    assert!(!history.unwrap().events.is_empty());
    assert!(listed(&scene, token).await.is_ok());
}

#[tokio::test]
async fn what_is_sensitive_waits_for_whom_staff_invited() {
    let mut scene = recovery::scene_in(real().await).await;
    let token = scene.old(0).await.unwrap().token;
    let sensitive =
        recovery::deposited_tagged(&scene.inside, &scene.office.made, scene.patient, 5).await;
    let hidden = scene.opened(&token, &sensitive).await;
    assert_eq!(hidden, Err(Reason::NotFound));
    let token = scene.settled(1).await;
    assert_eq!(scene.opened(&token, &sensitive).await, Ok(1));
}

#[tokio::test]
async fn whoever_is_invited_to_act_reads_no_more_either_and_their_own_record_as_before() {
    let mut scene = recovery::scene_in(real().await).await;
    let parent = scene.settled(0).await;
    let child = scene.inside.patient(scene.office.practice, 41).await;
    let other = recovery::another_practice(&scene.inside, &scene.office).await;
    recovery::enrol(&scene.inside, child, other.practice.parse().unwrap()).await;
    recovery::deposited(&scene.inside, &scene.office.made, child, 3).await;
    recovery::deposited(&scene.inside, &other, child, 4).await;
    for (time, seen) in [(1, 1), (2, 2)] {
        let kind = acting_for(&scene, child);
        let invited = scene.manager.signs(&scene.inside, kind).await.unwrap();
        let link = wire::InvitationLink {
            token: if time == 1 {
                parent.clone()
            } else {
                scene.old(5).await.unwrap().token
            },
            code: invited.code,
            birth_date: "1980-01-31".to_owned(),
        };
        invitations::link(&scene.inside.core, PORTAL, &link)
            .await
            .unwrap();
        assert_eq!(medicines_of(&scene, &link.token, child).await, Ok(seen));
        assert_eq!(scene.medicines(&link.token).await, Ok(2));
        // What a second invitation gives takes nothing from the first.
        let later = scene.settled(time + 1).await;
        assert_eq!(medicines_of(&scene, &later, child).await, Ok(2));
    }
}

#[tokio::test]
async fn the_patient_sees_that_somebody_was_invited_to_act_and_stops_it() {
    let mut scene = recovery::scene_in(real().await).await;
    let own = scene.settled(0).await;
    let kind = acting_for(&scene, scene.patient);
    let code = scene.manager.signs(&scene.inside, kind.clone()).await;
    let code = code.unwrap().code;
    let list = listed(&scene, &own).await.unwrap();
    let invited = &list.invited[0];
    assert_eq!(invited.practice, scene.office.practice.as_bytes());
    assert_eq!(invited.reason, "a parent");
    let stop = ChangeKind::StopInvitation(wire::StopInvitation {
        patient: scene.patient.as_bytes().to_vec(),
        invitation: invited.invitation.clone(),
    });
    change(&scene.inside, &own, stop.clone()).await.unwrap();
    let twice = change(&scene.inside, &own, stop.clone()).await;
    assert_eq!(twice.unwrap_err().reason, Reason::NotFound);
    assert!(listed(&scene, &own).await.unwrap().invited.is_empty());
    let refused = register(&scene.inside, &code, "rangi", "1980-01-31").await;
    assert_eq!(refused.err().unwrap().reason, Reason::WrongCredentials);

    // Accepted, it is listed as what it is, and no more as what may come.
    let code = scene.manager.signs(&scene.inside, kind).await.unwrap().code;
    let (mut device, _) = register(&scene.inside, &code, "rangi", "1980-01-31")
        .await
        .unwrap();
    let list = listed(&scene, &own).await.unwrap();
    assert!(list.invited.is_empty());
    assert_eq!(list.proxies[0].only_from, scene.office.practice.as_bytes());
    let rangi = sign_in(&scene.inside, &mut device, "rangi", false).await;
    let theirs = change(&scene.inside, &rangi.unwrap().token, stop).await;
    assert_eq!(theirs.unwrap_err().reason, Reason::NotFound);
}

#[tokio::test]
async fn whom_the_patient_invites_does_not_wait() {
    let mut scene = recovery::scene_in(real().await).await;
    let own = scene.settled(0).await;
    let kind = ChangeKind::Invite(wire::Invite {
        role: Role::Proxy.into(),
        patient: scene.patient.as_bytes().to_vec(),
        ..wire::Invite::default()
    });
    let begun = act_by_code(&scene.inside, &own, &scene.sheet[1], kind).await;
    let approve = ChangeKind::Approve(begun.unwrap().pending);
    scene.inside.clock.advance(SignedDuration::from_hours(24));
    let own = scene.old(2).await.unwrap().token;
    let code = change(&scene.inside, &own, approve).await.unwrap().code;
    let (mut device, _) = register(&scene.inside, &code, "ngaire", "1980-01-31")
        .await
        .unwrap();
    let session = sign_in(&scene.inside, &mut device, "ngaire", false).await;
    let session = session.unwrap();
    assert_eq!(session.session.unwrap().patients[0].opens_from, 0);
    let seen = medicines_of(&scene, &session.token, scene.patient).await;
    assert_eq!(seen, Ok(2));
}

#[tokio::test]
async fn a_code_ends_with_the_role_of_whoever_gave_it_out() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let kind = invite(office.practice, Role::Clinician, Vec::new());
    let code = manager.signs(&inside, kind).await.unwrap().code;
    let mut hemi = person(&inside, &code, "hemi").await;
    let mut codes = Vec::new();
    for byte in [40, 41] {
        let patient = inside.patient(office.practice, byte).await;
        let kind = invite(office.practice, Role::Patient, patient.as_bytes().to_vec());
        let by = if byte == 40 { &mut hemi } else { &mut manager };
        codes.push(by.signs(&inside, kind).await.unwrap().code);
    }
    let ended = ChangeKind::EndRole(wire::RoleChange {
        person: hemi.id.clone(),
        practice: office.practice.as_bytes().to_vec(),
        role: Role::Clinician.into(),
        ..wire::RoleChange::default()
    });
    manager.signs(&inside, ended).await.unwrap();
    let theirs = register(&inside, &codes[0], "aroha", "1980-01-31").await;
    assert_eq!(
        theirs.map(drop).unwrap_err().reason,
        Reason::WrongCredentials
    );
    register(&inside, &codes[1], "mia", "1980-01-31")
        .await
        .unwrap();
}
