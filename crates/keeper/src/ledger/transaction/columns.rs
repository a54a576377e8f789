//! The entries of a batch by column, as one statement inserts them.

use super::Writer;
use crate::decision_words::charge_number;
use crate::ledger::prepared::{Assigned, Prepared};
use candour_keeper_wire::words::EntryKind;
use candour_rules::sequencer::Numbered;
use tokio_postgres::Error;
use tokio_postgres::types::ToSql;

#[derive(Default)]
pub(super) struct EntryColumns<'a> {
    index: Vec<i64>,
    at: Vec<i64>,
    kind: Vec<i16>,
    decision: Vec<i16>,
    purpose: Vec<i16>,
    role: Vec<i16>,
    practice: Vec<Option<&'a [u8]>>,
    item_kind: Vec<i16>,
    session: Vec<i64>,
    principal: Vec<i64>,
    patient: Vec<i64>,
    item: Vec<i64>,
    charge: Vec<i16>,
    sequence: Vec<i64>,
    hour: Vec<i32>,
    leaf: Vec<&'a [u8]>,
    body: Vec<&'a [u8]>,
    audit_wrap: Vec<&'a [u8]>,
    room_wrap: Vec<&'a [u8]>,
    of_grant: Vec<Option<i64>>,
    instance: Vec<i64>,
    owes: Vec<Option<i16>>,
}

impl<'a> EntryColumns<'a> {
    pub(super) fn of(entries: &'a [Numbered<Prepared>]) -> Self {
        let mut columns = Self::default();
        for entry in entries {
            let (draft, row) = (&entry.draft, &entry.draft.row);
            let Some(Assigned {
                at,
                sequence,
                leaf,
                sealed,
            }) = &draft.assigned
            else {
                continue;
            };
            columns
                .index
                .push(i64::try_from(entry.index).unwrap_or(i64::MAX));
            columns.at.push(*at);
            columns.kind.push(i16::from(row.kind.number()));
            columns.decision.push(i16::from(row.decision));
            columns
                .purpose
                .push(row.purpose.map_or(0, |word| i16::from(word.number())));
            columns.role.push(i16::from(row.role.number()));
            columns
                .practice
                .push(row.practice.as_ref().map(|id| id.as_bytes().as_slice()));
            columns
                .item_kind
                .push(row.item_kind.map_or(0, |word| i16::from(word.number())));
            columns.session.push(row.session);
            columns.principal.push(row.principal);
            columns.patient.push(row.patient);
            columns.item.push(row.item);
            let charge = draft
                .charge
                .as_ref()
                .map_or(0, |(charge, _)| charge_number(*charge));
            columns.charge.push(charge);
            columns.sequence.push(*sequence);
            columns.hour.push(draft.hour);
            columns.leaf.push(leaf);
            columns.body.push(sealed);
            columns.audit_wrap.push(&draft.audit_wrap);
            columns.room_wrap.push(&draft.room_wrap);
            let of_entry = match row.kind {
                EntryKind::Delivered
                | EntryKind::Withheld
                | EntryKind::Recall
                | EntryKind::RecallEnded => Some(draft.body.of_grant),
                _ => Some(draft.body.told_of).filter(|index| *index != 0),
            };
            let of_entry = of_entry.and_then(|index| i64::try_from(index).ok());
            columns.of_grant.push(of_entry);
            columns.instance.push(row.instance);
            let owes = i16::try_from(draft.body.owes).ok();
            columns.owes.push(owes.filter(|what| *what != 0));
        }
        columns
    }

    pub(super) async fn insert(&self, writer: &Writer) -> Result<(), Error> {
        let params: [&(dyn ToSql + Sync); 22] = [
            &self.index,
            &self.at,
            &self.kind,
            &self.decision,
            &self.purpose,
            &self.role,
            &self.practice,
            &self.item_kind,
            &self.session,
            &self.principal,
            &self.patient,
            &self.item,
            &self.charge,
            &self.sequence,
            &self.hour,
            &self.leaf,
            &self.body,
            &self.audit_wrap,
            &self.room_wrap,
            &self.of_grant,
            &self.instance,
            &self.owes,
        ];
        writer
            .execute(&writer.statements().insert_entries, &params)
            .await
    }
}
