//! What is destroyed: keys of items, and what finds patients of whom nothing is left.

use super::{Step, Writer};
use crate::items::{ItemRow, item_mac_data};
use crate::keys::{KeyedToken, Keys};
use candour_seal::Wrapped;
use futures_util::future::FutureExt;
use std::sync::Arc;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Statement};

/// What stands where a destroyed key stood.
const NOTHING: Wrapped = [0; size_of::<Wrapped>()];

#[derive(Default)]
pub(super) struct Erasures {
    items: Vec<(KeyedToken, i64, [u8; 32])>,
    subjects: Vec<KeyedToken>,
}

impl Erasures {
    pub(super) fn take_items(&mut self, keys: &Keys, index: u64, items: &[Arc<ItemRow>]) {
        let at = i64::try_from(index).unwrap_or(i64::MAX);
        self.items.extend(items.iter().map(|item| {
            let data = item_mac_data(&item.new, item.sealed.as_ref(), Some(index));
            (item.new.item, at, keys.mac("item", &data))
        }));
    }

    pub(super) fn take_subject(&mut self, subject: KeyedToken) {
        self.subjects.push(subject);
    }

    /// One step for each statement: all are on their way before the commit is.
    pub(super) fn steps<'b>(&'b self, writer: &'b Writer, steps: &mut Vec<Step<'b>>) {
        let statements = writer.statements();
        if !self.items.is_empty() {
            steps.push(self.erase_items(writer).boxed());
        }
        if !self.subjects.is_empty() {
            steps.push(self.forget(writer, &statements.forget_names).boxed());
            steps.push(self.forget(writer, &statements.forget_numbers).boxed());
        }
    }

    async fn erase_items(&self, writer: &Writer) -> Result<(), Error> {
        let items: Vec<&[u8]> = self
            .items
            .iter()
            .map(|(item, _, _)| item.0.as_slice())
            .collect();
        let indexes: Vec<i64> = self.items.iter().map(|(_, index, _)| *index).collect();
        let macs: Vec<&[u8]> = self
            .items
            .iter()
            .map(|(_, _, mac)| mac.as_slice())
            .collect();
        let params: [&(dyn ToSql + Sync); 4] = [&items, &NOTHING.as_slice(), &indexes, &macs];
        writer
            .execute(&writer.statements().erase_items, &params)
            .await
    }

    async fn forget(&self, writer: &Writer, statement: &Statement) -> Result<(), Error> {
        let subjects: Vec<&[u8]> = self.subjects.iter().map(|one| one.0.as_slice()).collect();
        writer.execute(statement, &[&subjects]).await
    }
}
