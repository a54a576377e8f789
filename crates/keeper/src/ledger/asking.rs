//! What the ceilings are asked about an entry: the same while it is written and when it is counted again at a start.

use crate::decision_words::role_of;
use crate::draft::NarrowRow;
use crate::keys::practice_number;
use candour_keeper_wire::words::{self, Purpose};
use candour_rules::budget::Asking;
use candour_rules::decision::Lane;
use candour_rules::keys;
use candour_rules::time::Micros;
use candour_seal::PracticeId;
use tokio_postgres::Row;

/// Of a row that is about to be written.
pub(super) fn of(row: &NarrowRow, proved_at: Option<Micros>) -> Asking {
    Asking {
        session: keys::Session(row.session),
        principal: keys::Principal(row.principal),
        role: role_of(row.role),
        lane: match (row.role, row.purpose) {
            // Nobody but a run asks in this role.
            (words::Role::Keeper, _) => Lane::Run,
            (_, Some(Purpose::Emergency)) => Lane::Emergency,
            _ => Lane::Ordinary,
        },
        practice: row.practice.map(|id| keys::Practice(practice_number(id))),
        purpose: row
            .purpose
            .map(|purpose| keys::Purpose(i64::from(purpose.number()))),
        instance: keys::Instance(row.instance),
        item: (row.item != 0).then_some(keys::Item(row.item)),
        proved_at,
    }
}

/// Of a row that has, from its first column, `at, principal, patient, practice, charge, session, purpose, role, item,
/// instance`.
pub(super) fn past(row: &Row) -> Option<Asking> {
    let practice: Option<&[u8]> = row.get(3);
    let narrow = NarrowRow {
        principal: row.get(1),
        patient: row.get(2),
        practice: practice.and_then(|id| PracticeId::try_from(id).ok()),
        session: row.get(5),
        purpose: Purpose::try_from(i32::from(row.get::<_, i16>(6))).ok(),
        role: words::Role::try_from(i32::from(row.get::<_, i16>(7))).ok()?,
        item: row.get(8),
        instance: row.get(9),
        ..NarrowRow::of_keeper(words::EntryKind::Open)
    };
    Some(of(&narrow, None))
}
