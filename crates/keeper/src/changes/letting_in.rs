//! Letting somebody into a patient's account at a counter. Nothing is told before a passkey has signed; who signs in vain
//! stands in the patient's list, and is slowed.

use super::plan::patient_of;
use crate::calls::reach;
use crate::core::Core;
use crate::draft::Draft;
use crate::identity::failures::{OF_PERSON, Tried};
use crate::identity::sign_in;
use crate::ledger::Refusal;
use crate::session::Session;
use candour_keeper_wire::wire::ChangeKind;
use candour_keeper_wire::words::{EntryKind, Purpose, Reason};
use candour_seal::PatientId;
use jiff::Timestamp;

/// The patient into whose account somebody of a practice lets a person.
fn patient(session: &Session, kind: &ChangeKind) -> Option<PatientId> {
    let lets_in = matches!(
        kind,
        ChangeKind::Invite(_) | ChangeKind::Recover(_) | ChangeKind::Merge(_)
    );
    patient_of(kind).filter(|_| lets_in && session.practice.is_some())
}

/// Tries are counted by person: nobody slows a colleague.
fn tried(session: &Session) -> Tried {
    Tried {
        network: format!("{OF_PERSON}{}", session.subject.surrogate()),
        what: session.subject.0,
    }
}

/// Refuses whoever has tried too often in vain.
pub(crate) fn may_try(
    core: &Core,
    session: &Session,
    kind: &ChangeKind,
    now: Timestamp,
) -> Result<(), Refusal> {
    match patient(session, kind) {
        Some(_) => sign_in::may_try(core, &tried(session), now),
        None => Ok(()),
    }
}

/// Writes that somebody tried, where the answer says something of the account, and counts it.
pub(crate) async fn refused(
    core: &Core,
    session: &Session,
    kind: &ChangeKind,
    refusal: Refusal,
    now: Timestamp,
) -> Refusal {
    let tells = matches!(
        refusal.reason,
        Reason::NoAccount | Reason::HasAccount | Reason::TwoAccounts | Reason::NotAllowed
    );
    let Some(patient) = patient(session, kind).filter(|_| tells) else {
        return refusal;
    };
    core.identity.failures.failed(tried(session), now);
    let draft = Draft::of_session(EntryKind::Change, session, Some(Purpose::AccountCare));
    let draft = draft.about(patient, core.keys.patient(patient));
    reach::refused(core, draft, refusal.reason).await
}
