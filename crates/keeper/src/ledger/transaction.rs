//! One transaction for each batch: entries, what is committed with them, and the head by compare-and-swap.

mod columns;
mod erasures;
mod facts;
mod members;
mod rewraps;

use self::columns::EntryColumns;
use self::erasures::Erasures;
use self::facts::FactColumns;
use self::members::write_members;
use self::rewraps::{Rewraps, write_subject_keys};
use super::prepared::Prepared;
use crate::draft::Effect;
use crate::facts::{Fact, head_mac_data};
use crate::items::{ItemRow, NewItemRow, SealedPart, SealedRow, item_mac_data};
use crate::keys::{KeyedToken, Keys, LookupKind};
use crate::lookups::lookup_mac_data;
use crate::runs::{RunMemberRow, member_mac_data};
use crate::sql::ledger as sql;
use crate::subject_keys::NewSubjectKeys;
use candour_rules::sequencer::{Numbered, Outcome};
use futures_util::future::{BoxFuture, FutureExt, try_join_all};
use std::collections::HashMap;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Statement};

/// What the head is moved to.
pub(super) struct NewHead {
    pub epoch: i64,
    pub expected_size: i64,
    pub size: i64,
    pub frontier: Vec<u8>,
    pub at: i64,
}

/// A connection with every statement of the writer prepared.
pub(super) struct Writer {
    pub client: Client,
    pub process: i32,
    pub began: f64,
    statements: Statements,
}

macro_rules! prepared {
    ($($name:ident = $text:ident),+ $(,)?) => {
        struct Statements { $($name: Statement),+ }

        impl Statements {
            async fn prepare(client: &Client) -> Result<Self, Error> {
                Ok(Self { $($name: client.prepare(sql::$text).await?),+ })
            }
        }
    };
}

prepared! {
    advance = ADVANCE,
    insert_entries = INSERT_ENTRIES,
    fact_heads = FACT_HEADS,
    insert_facts = INSERT_FACTS,
    move_fact_heads = MOVE_FACT_HEADS,
    insert_lookups = INSERT_LOOKUPS,
    insert_names = INSERT_NAMES,
    insert_subject_keys = INSERT_SUBJECT_KEYS,
    insert_items = INSERT_ITEMS,
    seal_items = SEAL_ITEMS,
    drop_items = DROP_ITEMS,
    erase_items = ERASE_ITEMS,
    rewrap_items = REWRAP_ITEMS,
    replace_subject_keys = REPLACE_SUBJECT_KEYS,
    insert_epoch_key = INSERT_EPOCH_KEY,
    leave_epoch_key = LEAVE_EPOCH_KEY,
    destroy_epoch_key = DESTROY_EPOCH_KEY,
    forget_names = FORGET_NAMES,
    forget_numbers = FORGET_NUMBERS,
    insert_run_members = INSERT_RUN_MEMBERS,
    count_run_members = COUNT_RUN_MEMBERS,
}

/// One statement on its way.
type Step<'a> = BoxFuture<'a, Result<(), Error>>;

impl Writer {
    /// Prepares everything on a new connection.
    pub async fn new(client: Client) -> Result<Self, Error> {
        let statements = Statements::prepare(&client).await?;
        let row = client.query_one(sql::WHO_AM_I, &[]).await?;
        Ok(Self {
            process: row.get(0),
            began: row.get(1),
            client,
            statements,
        })
    }

    /// Sends a prepared statement as soon as it is polled: the steps of a batch reach the server in order.
    async fn execute(
        &self,
        statement: &Statement,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<(), Error> {
        self.client.execute(statement, params).await.map(drop)
    }

    fn statements(&self) -> &Statements {
        &self.statements
    }

    /// Writes a batch; everything goes to the server at once, unless facts need their numbers first.
    pub async fn write(
        &self,
        keys: &Keys,
        entries: &[Numbered<Prepared>],
        head: &NewHead,
    ) -> Outcome {
        match self.try_write(keys, entries, head).await {
            Ok(()) => Outcome::Committed,
            Err(WriteError::Database(error)) => self.outcome_of(&error).await,
            Err(WriteError::Foreign) => {
                tracing::error!(
                    "a subject's facts were changed past the keeper; nothing of the batch was written"
                );
                self.roll_back().await
            }
        }
    }

    async fn outcome_of(&self, error: &Error) -> Outcome {
        tracing::error!(error = %describe(error), "a batch was not written");
        match error.code() {
            Some(&SqlState::DIVISION_BY_ZERO) => Outcome::NoRow,
            // The server said no, so the transaction is over or can only be rolled back.
            Some(_) if !self.client.is_closed() => self.roll_back().await,
            _ => Outcome::Unknown,
        }
    }

    async fn roll_back(&self) -> Outcome {
        match self.client.batch_execute("rollback").await {
            Ok(()) => Outcome::Failed,
            Err(_) => Outcome::Unknown,
        }
    }

    async fn try_write(
        &self,
        keys: &Keys,
        entries: &[Numbered<Prepared>],
        head: &NewHead,
    ) -> Result<(), WriteError> {
        let columns = EntryColumns::of(entries);
        let mut work = Work::of(keys, entries);
        if work.facts.is_empty() {
            let mut steps: Vec<Step<'_>> = vec![self.client.batch_execute("begin").boxed()];
            steps.push(columns.insert(self).boxed());
            work.steps(self, &mut steps);
            steps.push(self.advance(head).boxed());
            steps.push(self.client.batch_execute("commit").boxed());
            try_join_all(steps).await?;
            return Ok(());
        }
        self.client.batch_execute("begin").await?;
        let facts = work.number_facts(self, keys).await?;
        let mut steps: Vec<Step<'_>> = vec![columns.insert(self).boxed()];
        steps.push(facts.insert(self).boxed());
        steps.push(facts.move_heads(self).boxed());
        work.steps(self, &mut steps);
        steps.push(self.advance(head).boxed());
        steps.push(self.client.batch_execute("commit").boxed());
        try_join_all(steps).await?;
        Ok(())
    }

    async fn advance(&self, head: &NewHead) -> Result<(), Error> {
        let params: [&(dyn ToSql + Sync); 5] = [
            &head.epoch,
            &head.expected_size,
            &head.size,
            &head.frontier,
            &head.at,
        ];
        self.execute(&self.statements.advance, &params).await
    }
}

/// The server's words without any value of a row.
pub(crate) fn describe(error: &Error) -> String {
    error.as_db_error().map_or_else(
        || "the connection failed".to_owned(),
        |server| format!("{}: {}", server.code().code(), server.message()),
    )
}

enum WriteError {
    Database(Error),
    Foreign,
}

impl From<Error> for WriteError {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

/// A batch's effects, gathered by kind; those of one kind keep their order.
#[derive(Default)]
struct Work<'a> {
    facts: Vec<(KeyedToken, i64, &'a Fact)>,
    lookups: Vec<(LookupKind, [u8; 16], KeyedToken, [u8; 32])>,
    names: (Vec<Vec<u8>>, Vec<Vec<u8>>),
    subject_keys: Vec<&'a NewSubjectKeys>,
    items: Vec<(&'a NewItemRow, [u8; 32])>,
    sealed: Vec<(&'a SealedRow, i64, [u8; 32])>,
    dropped: Vec<&'a [u8]>,
    erasures: Erasures,
    rewraps: Rewraps<'a>,
    members: Vec<(RunMemberRow, [u8; 32])>,
    counted: Vec<(RunMemberRow, [u8; 32])>,
}

impl<'a> Work<'a> {
    fn of(keys: &Keys, entries: &'a [Numbered<Prepared>]) -> Self {
        let mut work = Self::default();
        for entry in entries {
            let at = entry
                .draft
                .assigned
                .as_ref()
                .map_or(0, |assigned| assigned.at);
            for effect in &entry.draft.effects {
                work.take(keys, entry.index, at, effect);
            }
        }
        work
    }

    fn take(&mut self, keys: &Keys, index: u64, at: i64, effect: &'a Effect) {
        match effect {
            Effect::InsertFact { subject, fact } => self.facts.push((*subject, at, fact)),
            Effect::InsertLookup {
                kind,
                token,
                subject,
            } => {
                let mac = keys.mac("lookup", &lookup_mac_data(*kind, *token, *subject));
                self.lookups.push((*kind, *token, *subject, mac));
            }
            Effect::InsertNames { patient, terms } => {
                for term in terms {
                    self.names.0.push(term.to_vec());
                    self.names.1.push(patient.0.to_vec());
                }
            }
            Effect::InsertSubjectKeys(new) => self.subject_keys.push(new),
            Effect::InsertItem(new) => {
                let mac = keys.mac("item", &item_mac_data(new, None, None));
                self.items.push((new, mac));
            }
            Effect::SealItem(row) => {
                let part = SealedPart {
                    index,
                    size: row.size,
                    digest: row.digest,
                };
                let ItemRow { new, .. } = &*row.item;
                let mac = keys.mac("item", &item_mac_data(new, Some(&part), None));
                self.sealed
                    .push((row, i64::try_from(index).unwrap_or(i64::MAX), mac));
            }
            Effect::DropItem { item } => self.dropped.push(&item.new.item.0),
            Effect::EraseItems(items) => self.erasures.take_items(keys, index, items),
            Effect::EraseSubject(subject) => self.erasures.take_subject(*subject),
            Effect::InsertRunMembers { run, patients } => {
                for patient in patients {
                    let member = RunMemberRow {
                        run: *run,
                        patient: *patient,
                        identity: 0,
                        contact: 0,
                    };
                    let mac = keys.mac("run_member", &member_mac_data(&member));
                    self.members.push((member, mac));
                }
            }
            Effect::CountRunMember(member) => {
                let mac = keys.mac("run_member", &member_mac_data(member));
                self.counted.push((**member, mac));
            }
            Effect::NewReadingKey(_)
            | Effect::RewrapSubjects(_)
            | Effect::InsertEpochKey(_)
            | Effect::LeaveEpochKey { .. }
            | Effect::DestroyEpochKey(_) => self.rewraps.take(effect, at),
            Effect::Freeze(_) | Effect::Unfreeze(_) => {}
        }
    }

    async fn number_facts(
        &mut self,
        writer: &Writer,
        keys: &Keys,
    ) -> Result<FactColumns, WriteError> {
        let mut subjects: Vec<&[u8]> = self
            .facts
            .iter()
            .map(|(subject, _, _)| subject.0.as_slice())
            .collect();
        subjects.sort_unstable();
        subjects.dedup();
        let statement = &writer.statements.fact_heads;
        let mut heads: HashMap<KeyedToken, i64> = HashMap::new();
        for row in writer.client.query(statement, &[&subjects]).await? {
            let subject =
                KeyedToken::try_from(row.get::<_, &[u8]>(0)).map_err(|_| WriteError::Foreign)?;
            let version: i64 = row.get(1);
            if !keys.mac_fits(
                "subject_head",
                &head_mac_data(subject, version),
                row.get::<_, &[u8]>(2),
            ) {
                return Err(WriteError::Foreign);
            }
            heads.insert(subject, version);
        }
        let mut columns = FactColumns::default();
        for (subject, at, fact) in self.facts.drain(..) {
            let version = heads.entry(subject).or_default();
            *version += 1;
            columns.push(keys, subject, *version, at, fact);
        }
        for (subject, version) in heads {
            let mac = keys.mac("subject_head", &head_mac_data(subject, version));
            columns.heads.0.push(subject.0.to_vec());
            columns.heads.1.push(version);
            columns.heads.2.push(mac.to_vec());
        }
        Ok(columns)
    }

    fn steps<'b>(&'b self, writer: &'b Writer, steps: &mut Vec<Step<'b>>) {
        if !self.subject_keys.is_empty() {
            let insert = &writer.statements().insert_subject_keys;
            steps.push(write_subject_keys(writer, insert, &self.subject_keys).boxed());
        }
        if !self.lookups.is_empty() {
            steps.push(self.insert_lookups(writer).boxed());
        }
        if !self.names.0.is_empty() {
            let step = async move {
                writer
                    .execute(
                        &writer.statements().insert_names,
                        &[&self.names.0, &self.names.1],
                    )
                    .await
            };
            steps.push(step.boxed());
        }
        if !self.items.is_empty() {
            steps.push(self.insert_items(writer).boxed());
        }
        if !self.sealed.is_empty() {
            steps.push(self.seal_items(writer).boxed());
        }
        if !self.dropped.is_empty() {
            let step = async move {
                writer
                    .execute(&writer.statements().drop_items, &[&self.dropped])
                    .await
            };
            steps.push(step.boxed());
        }
        self.erasures.steps(writer, steps);
        self.rewraps.steps(writer, steps);
        let statements = writer.statements();
        for (text, members) in [
            (&statements.insert_run_members, &self.members),
            (&statements.count_run_members, &self.counted),
        ] {
            if !members.is_empty() {
                steps.push(write_members(writer, text, members).boxed());
            }
        }
    }

    async fn insert_lookups(&self, writer: &Writer) -> Result<(), Error> {
        let kinds: Vec<i16> = self.lookups.iter().map(|row| row.0 as i16).collect();
        let tokens: Vec<&[u8]> = self.lookups.iter().map(|row| row.1.as_slice()).collect();
        let subjects: Vec<&[u8]> = self.lookups.iter().map(|row| row.2.0.as_slice()).collect();
        let macs: Vec<&[u8]> = self.lookups.iter().map(|row| row.3.as_slice()).collect();
        writer
            .execute(
                &writer.statements().insert_lookups,
                &[&kinds, &tokens, &subjects, &macs],
            )
            .await
    }

    async fn insert_items(&self, writer: &Writer) -> Result<(), Error> {
        let rows = &self.items;
        let item: Vec<&[u8]> = rows.iter().map(|(new, _)| new.item.0.as_slice()).collect();
        let patient: Vec<&[u8]> = rows
            .iter()
            .map(|(new, _)| new.patient.0.as_slice())
            .collect();
        let kind: Vec<i16> = rows
            .iter()
            .map(|(new, _)| new.kind.number().into())
            .collect();
        let section: Vec<i16> = rows
            .iter()
            .map(|(new, _)| new.section.number().into())
            .collect();
        let tags: Vec<i16> = rows.iter().map(|(new, _)| new.tags.into()).collect();
        let month: Vec<i32> = rows.iter().map(|(new, _)| new.month).collect();
        let practice: Vec<&[u8]> = rows
            .iter()
            .map(|(new, _)| new.practice.as_bytes().as_slice())
            .collect();
        let deposit: Vec<&[u8]> = rows.iter().map(|(new, _)| new.deposit.as_slice()).collect();
        let of_document: Vec<Option<&[u8]>> = rows
            .iter()
            .map(|(new, _)| new.of_document.as_ref().map(|token| token.0.as_slice()))
            .collect();
        let wrapped: Vec<&[u8]> = rows.iter().map(|(new, _)| new.wrapped.as_slice()).collect();
        let at: Vec<i64> = rows
            .iter()
            .map(|(new, _)| new.at.as_microsecond())
            .collect();
        let canary: Vec<bool> = rows.iter().map(|(new, _)| new.is_canary).collect();
        let mac: Vec<&[u8]> = rows.iter().map(|(_, mac)| mac.as_slice()).collect();
        let params: [&(dyn ToSql + Sync); 13] = [
            &item,
            &patient,
            &kind,
            &section,
            &tags,
            &month,
            &practice,
            &deposit,
            &of_document,
            &wrapped,
            &at,
            &canary,
            &mac,
        ];
        writer
            .execute(&writer.statements().insert_items, &params)
            .await
    }

    async fn seal_items(&self, writer: &Writer) -> Result<(), Error> {
        let rows = &self.sealed;
        let item: Vec<&[u8]> = rows
            .iter()
            .map(|(row, _, _)| row.item.new.item.0.as_slice())
            .collect();
        let index: Vec<i64> = rows.iter().map(|(_, index, _)| *index).collect();
        let size: Vec<i64> = rows.iter().map(|(row, _, _)| row.size).collect();
        let digest: Vec<&[u8]> = rows
            .iter()
            .map(|(row, _, _)| row.digest.as_slice())
            .collect();
        let mac: Vec<&[u8]> = rows.iter().map(|(_, _, mac)| mac.as_slice()).collect();
        writer
            .execute(
                &writer.statements().seal_items,
                &[&item, &index, &size, &digest, &mac],
            )
            .await
    }
}
