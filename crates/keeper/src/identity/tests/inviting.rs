//! Inviting a patient, or somebody who acts for one: what a session alone, or a portal, does not do.

use super::*;
use crate::facts::{Canary, Fact, Restriction};
use crate::harness::inside;
use candour_keeper_wire::wire::{self, ChangeKind};
use candour_keeper_wire::words::{EntryKind, Reason, Role};
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
