//! Keys that are wrapped anew, and the epoch keys that they hang on.

use super::{Step, Writer};
use crate::draft::Effect;
use crate::keys::KeyedToken;
use crate::subject_keys::{Epoch, NewEpochKey, NewSubjectKeys};
use candour_seal::Wrapped;
use futures_util::future::FutureExt;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Statement};

/// What becomes of an epoch key.
enum EpochStep<'a> {
    Made(&'a NewEpochKey),
    Left(&'a Epoch, bool),
    Destroyed(&'a Epoch),
}

#[derive(Default)]
pub(super) struct Rewraps<'a> {
    subjects: Vec<&'a NewSubjectKeys>,
    items: Vec<(KeyedToken, &'a Wrapped)>,
    epochs: Vec<(EpochStep<'a>, i64)>,
}

impl<'a> Rewraps<'a> {
    pub(super) fn take(&mut self, effect: &'a Effect, at: i64) {
        match effect {
            Effect::NewReadingKey(new) => {
                self.subjects.push(&new.keys);
                let items = new.items.iter();
                self.items
                    .extend(items.map(|(row, wrapped)| (row.new.item, wrapped)));
            }
            Effect::RewrapSubjects(all) => self.subjects.extend(all.iter().map(|one| &one.new)),
            Effect::InsertEpochKey(new) => self.epochs.push((EpochStep::Made(new), at)),
            Effect::LeaveEpochKey { epoch, is_left } => {
                self.epochs.push((EpochStep::Left(epoch, *is_left), at));
            }
            Effect::DestroyEpochKey(epoch) => self.epochs.push((EpochStep::Destroyed(epoch), at)),
            _ => {}
        }
    }

    /// New epoch keys first: what is wrapped anew may hang on them.
    pub(super) fn steps<'b>(&'b self, writer: &'b Writer, steps: &mut Vec<Step<'b>>) {
        for (step, at) in &self.epochs {
            steps.push(write_epoch(writer, step, *at).boxed());
        }
        if !self.subjects.is_empty() {
            let replace = &writer.statements().replace_subject_keys;
            steps.push(write_subject_keys(writer, replace, &self.subjects).boxed());
        }
        if !self.items.is_empty() {
            steps.push(self.rewrap_items(writer).boxed());
        }
    }

    async fn rewrap_items(&self, writer: &Writer) -> Result<(), Error> {
        let items: Vec<&[u8]> = self
            .items
            .iter()
            .map(|(item, _)| item.0.as_slice())
            .collect();
        let wrapped: Vec<&[u8]> = self.items.iter().map(|(_, one)| one.as_slice()).collect();
        let statement = &writer.statements().rewrap_items;
        writer.execute(statement, &[&items, &wrapped]).await
    }
}

async fn write_epoch(writer: &Writer, step: &EpochStep<'_>, at: i64) -> Result<(), Error> {
    let statements = writer.statements();
    match step {
        EpochStep::Made(new) => {
            let (scope, wrapped) = (new.scope.as_slice(), new.wrapped.as_slice());
            let params: [&(dyn ToSql + Sync); 4] = [&scope, &new.epoch, &at, &wrapped];
            writer.execute(&statements.insert_epoch_key, &params).await
        }
        EpochStep::Left(epoch, is_left) => {
            let at = is_left.then_some(at);
            let scope = epoch.scope.as_slice();
            let statement = &statements.leave_epoch_key;
            writer
                .execute(statement, &[&scope, &epoch.epoch, &at])
                .await
        }
        EpochStep::Destroyed(epoch) => {
            let scope = epoch.scope.as_slice();
            let statement = &statements.destroy_epoch_key;
            writer
                .execute(statement, &[&scope, &epoch.epoch, &at])
                .await
        }
    }
}

/// Inserts or replaces the wrapped keys of subjects; the statement says which.
pub(super) async fn write_subject_keys(
    writer: &Writer,
    statement: &Statement,
    new: &[&NewSubjectKeys],
) -> Result<(), Error> {
    let subjects: Vec<&[u8]> = new.iter().map(|new| new.subject.0.as_slice()).collect();
    let scopes: Vec<&[u8]> = new.iter().map(|new| new.scope.as_slice()).collect();
    let epochs: Vec<i32> = new.iter().map(|new| new.epoch).collect();
    let reading: Vec<&[u8]> = new.iter().map(|new| new.reading.as_slice()).collect();
    let audit: Vec<&[u8]> = new.iter().map(|new| new.audit.as_slice()).collect();
    writer
        .execute(statement, &[&subjects, &scopes, &epochs, &reading, &audit])
        .await
}
