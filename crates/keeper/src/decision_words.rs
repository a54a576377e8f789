//! Between the words of the rules and those of the wire.

use candour_keeper_wire::words::{self, Reason};
use candour_rules::budget::Charge;
use candour_rules::decision;
use candour_rules::time::Micros;

/// The reason on the wire. Not yours and absent are one and the same there.
pub fn reason_of(reason: decision::Reason) -> Reason {
    match reason {
        decision::Reason::NotPermitted | decision::Reason::Unknown => Reason::NotFound,
        decision::Reason::Frozen(_) => Reason::Frozen,
        decision::Reason::StepUp(_) | decision::Reason::ProofNeeded => Reason::StepUpNeeded,
        decision::Reason::OverBudget(_) => Reason::OverBudget,
        decision::Reason::SessionSpent(_) => Reason::SessionSpent,
        decision::Reason::OverCeiling(_) => Reason::OverCeiling,
        decision::Reason::LedgerUnavailable => Reason::LedgerUnavailable,
    }
}

/// Seconds until the same may succeed; 0 when unknown.
pub fn retry_after(reason: decision::Reason, now: Micros) -> u32 {
    let frees_at = match reason {
        decision::Reason::OverBudget(over) => over.frees_at,
        decision::Reason::SessionSpent(spent) | decision::Reason::OverCeiling(spent) => {
            Some(spent.frees_at)
        }
        _ => None,
    };
    frees_at.map_or(0, |at| {
        let seconds = at.since(now).as_micros().max(0) / 1_000_000 + 1;
        u32::try_from(seconds).unwrap_or(u32::MAX)
    })
}

/// The role as budgets and detection know it.
pub fn role_of(role: words::Role) -> decision::Role {
    match role {
        words::Role::Patient | words::Role::Proxy | words::Role::Anonymous => {
            decision::Role::Patient
        }
        words::Role::Clinician => decision::Role::Clinician,
        words::Role::Reception | words::Role::Manager => decision::Role::Reception,
        words::Role::PracticeClient => decision::Role::Client,
        words::Role::PrivacyOfficer
        | words::Role::SecurityOfficer
        | words::Role::CommunicationsOfficer
        | words::Role::Keeper => decision::Role::Operator,
    }
}

/// The number of a charge in its ledger row.
pub fn charge_number(charge: Charge) -> i16 {
    match charge {
        Charge::Listed(_) => 1,
        Charge::Opened(_) => 2,
        Charge::Document(_) => 3,
        Charge::Deposited(_) => 4,
        Charge::Reopening => 5,
        Charge::Invitation => 6,
        Charge::Recovery => 7,
    }
}

/// The charge of a ledger row.
pub fn charge_of(number: i16, patient: i64) -> Option<Charge> {
    let patient = candour_rules::keys::Patient(patient);
    match number {
        1 => Some(Charge::Listed(patient)),
        2 => Some(Charge::Opened(patient)),
        3 => Some(Charge::Document(patient)),
        4 => Some(Charge::Deposited(patient)),
        5 => Some(Charge::Reopening),
        6 => Some(Charge::Invitation),
        7 => Some(Charge::Recovery),
        _ => None,
    }
}
