//! The one writer: feeds the sequencer, commits its batches, reads the head back when an outcome is unknown.

use super::assign::Hook;
use super::chain::Chain;
use super::prepared::Prepared;
use super::reservations::Held;
use super::transaction::{NewHead, Writer, describe};
use super::{
    Appended, Durable, Health, LedgerError, LedgerHandle, Outcome, Refusal, Shared, alarms,
};
use crate::decision_words::{reason_of, retry_after};
use crate::draft::Effect;
use crate::sql::ledger as sql;
use candour_ledger::Frontier;
use candour_rules::decision::Reason;
use candour_rules::freeze::{Frozen, Guards};
use candour_rules::keys::{Account, Network};
use candour_rules::sequencer::{
    self, Attempt, Batch, Head, Input, Output, Request, Sequencer, Ticket,
};
use candour_rules::time::Micros;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_postgres::{Client, Config, NoTls};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Most messages taken at once.
const AT_ONCE: usize = 1024;
/// How long to wait between tries to reach the database, and between probes of a failing ledger.
const PAUSE: Duration = Duration::from_millis(250);

/// Several drafts of one caller.
pub(super) struct Group {
    pub requests: Vec<(Prepared, Option<Guards>)>,
    pub held: Held,
    pub pins: Pins,
    pub reply: oneshot::Sender<Vec<Outcome>>,
}

/// Patients whose last entries stay known until this is dropped.
pub(super) struct Pins {
    chain: Arc<Chain>,
    patients: Vec<i64>,
}

impl Pins {
    pub fn new(chain: Arc<Chain>, patients: Vec<i64>) -> Self {
        Self { chain, patients }
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        self.chain.unpin(&self.patients);
    }
}

/// What the driver is told.
pub(super) enum Message {
    Append(Group),
    SignInFailed { account: i64, network: i64 },
}

struct Waiting {
    outcomes: Vec<Option<Outcome>>,
    missing: usize,
    reply: oneshot::Sender<Vec<Outcome>>,
    _held: Held,
    _pins: Pins,
}

/// What a batch's commit gives back.
struct Committed {
    writer: Writer,
    batch: Batch<Prepared>,
    outcome: sequencer::Outcome,
}

/// What reading the head back gives.
struct ReadBack {
    writer: Writer,
    attempt: Attempt,
    head: Head,
}

/// What the driver begins with.
pub(super) struct Start {
    pub shared: Arc<Shared>,
    pub handle: LedgerHandle,
    pub config: Config,
    pub hook: Hook,
    pub sequencer: Sequencer<Prepared>,
    pub durable: watch::Sender<Durable>,
    pub writer: Writer,
    pub tasks: TaskTracker,
}

/// Everything the driver holds.
pub(super) struct Driver {
    shared: Arc<Shared>,
    handle: LedgerHandle,
    config: Config,
    hook: Hook,
    sequencer: Sequencer<Prepared>,
    durable: watch::Sender<Durable>,
    tasks: TaskTracker,
    groups: HashMap<u64, Waiting>,
    tickets: HashMap<Ticket, (u64, usize)>,
    next_ticket: u64,
    next_group: u64,
    times: HashMap<Ticket, i64>,
    writer: Option<Writer>,
    lost: Option<(i32, f64)>,
    commit: Option<BoxFuture<'static, Committed>>,
    reading: Option<BoxFuture<'static, ReadBack>>,
    has_ended: bool,
}

impl Driver {
    pub fn new(start: Start) -> Self {
        Self {
            shared: start.shared,
            handle: start.handle,
            config: start.config,
            hook: start.hook,
            sequencer: start.sequencer,
            durable: start.durable,
            tasks: start.tasks,
            groups: HashMap::new(),
            tickets: HashMap::new(),
            next_ticket: 0,
            next_group: 0,
            times: HashMap::new(),
            writer: Some(start.writer),
            lost: None,
            commit: None,
            reading: None,
            has_ended: false,
        }
    }

    /// Works until it is stopped (what was committing is finished then) or another writer took over.
    pub async fn run(
        mut self,
        mut messages: mpsc::UnboundedReceiver<Message>,
        stop: CancellationToken,
    ) {
        let mut taken = Vec::with_capacity(AT_ONCE);
        let mut probe = tokio::time::interval(PAUSE);
        probe.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !self.has_ended {
            tokio::select! {
                biased;
                done = pending(&mut self.commit) => {
                    self.commit = None;
                    self.committed(done);
                }
                read = pending(&mut self.reading) => {
                    self.reading = None;
                    self.writer = Some(read.writer);
                    self.shared.set_health(Health::Well);
                    self.handle(Input::HeadRead(read.attempt, read.head));
                }
                count = messages.recv_many(&mut taken, AT_ONCE) => {
                    if count == 0 {
                        break;
                    }
                    self.take(&mut taken);
                }
                () = stop.cancelled(), if self.commit.is_none() && self.reading.is_none() => break,
                _ = probe.tick(), if self.shared.health() == Health::Failing => self.probe().await,
            }
        }
        self.shared.set_health(Health::Ended);
    }

    fn take(&mut self, messages: &mut Vec<Message>) {
        let mut requests = Vec::new();
        for message in messages.drain(..) {
            match message {
                Message::Append(group) => self.admit(group, &mut requests),
                Message::SignInFailed { account, network } => {
                    let at = Micros(self.shared.clock.now().as_microsecond());
                    let failed =
                        self.hook
                            .detector()
                            .sign_in_failed(at, Account(account), Network(network));
                    self.act_on(failed);
                }
            }
        }
        if !requests.is_empty() {
            self.handle(Input::Requests(requests));
        }
    }

    fn admit(&mut self, group: Group, requests: &mut Vec<Request<Prepared>>) {
        let number = self.next_group;
        self.next_group += 1;
        let count = group.requests.len();
        self.groups.insert(
            number,
            Waiting {
                outcomes: vec![None; count],
                missing: count,
                reply: group.reply,
                _held: group.held,
                _pins: group.pins,
            },
        );
        for (position, (draft, guards)) in group.requests.into_iter().enumerate() {
            let ticket = Ticket(self.next_ticket);
            self.next_ticket += 1;
            self.tickets.insert(ticket, (number, position));
            // A freeze is in effect from the moment it is asked for, not from when its entry is durable.
            for effect in &draft.effects {
                if let Effect::Freeze(what) = effect {
                    self.shared.freezes.change(|set| set.freeze(*what));
                    self.handle(Input::Freeze(*what));
                }
            }
            requests.push(Request {
                ticket,
                draft,
                guards,
            });
        }
    }

    fn handle(&mut self, input: Input<Prepared>) {
        self.hook.set_now(self.shared.clock.now().as_microsecond());
        let outputs = self.sequencer.handle(input, &mut self.hook);
        // Whoever is told that it is durable must find it so.
        self.publish();
        // What a rule freezes must be frozen before anything else is looked at.
        let spoke = self.hook.take_alarms();
        self.act_on(spoke);
        for output in outputs {
            self.act(output);
        }
    }

    fn act(&mut self, output: Output<Prepared>) {
        match output {
            Output::StartCommit(batch) => self.start(batch),
            Output::ReadHead(attempt) => {
                self.shared.set_health(Health::Unresolved);
                let (config, lost) = (self.config.clone(), self.lost.take());
                self.reading = Some(Box::pin(read_back(config, lost, attempt)));
            }
            Output::Release { ticket, index } => {
                let at = self.time_of(ticket);
                self.answer(
                    ticket,
                    Ok(Appended {
                        index,
                        at,
                        refused: None,
                    }),
                );
            }
            Output::Refuse {
                ticket,
                index,
                reason,
            } => {
                let at = self.time_of(ticket);
                let outcome = match (index, reason) {
                    (Some(index), reason) => Ok(Appended {
                        index,
                        at,
                        refused: Some(Refusal {
                            reason: reason_of(reason),
                            retry_after_seconds: retry_after(reason, Micros(at.as_microsecond())),
                            index: Some(index),
                        }),
                    }),
                    (None, Reason::Frozen(_)) => Err(LedgerError::Frozen),
                    (None, _) => Err(LedgerError::Unavailable),
                };
                self.answer(ticket, outcome);
            }
            Output::Exit => {
                tracing::error!("another keeper writes this ledger; this one ends");
                self.has_ended = true;
            }
        }
    }

    fn time_of(&mut self, ticket: Ticket) -> Timestamp {
        self.times
            .remove(&ticket)
            .and_then(|at| Timestamp::from_microsecond(at).ok())
            .unwrap_or_default()
    }

    fn answer(&mut self, ticket: Ticket, outcome: Outcome) {
        let Some((number, position)) = self.tickets.remove(&ticket) else {
            return;
        };
        let Some(group) = self.groups.get_mut(&number) else {
            return;
        };
        if let Some(place) = group.outcomes.get_mut(position) {
            *place = Some(outcome);
            group.missing -= 1;
        }
        if group.missing == 0
            && let Some(group) = self.groups.remove(&number)
        {
            let outcomes = group
                .outcomes
                .into_iter()
                .map(|outcome| outcome.unwrap_or(Err(LedgerError::Unavailable)))
                .collect();
            // Whoever stopped waiting gets nothing released.
            let _ = group.reply.send(outcomes);
        }
    }

    fn start(&mut self, batch: Batch<Prepared>) {
        let (frontier, at) = self.hook.head();
        let head = NewHead {
            epoch: i64::try_from(batch.epoch).unwrap_or(i64::MAX),
            expected_size: i64::try_from(batch.expected_size).unwrap_or(i64::MAX),
            size: i64::try_from(frontier.size()).unwrap_or(i64::MAX),
            frontier: frontier.to_bytes(),
            at,
        };
        for entry in &batch.entries {
            if let Some(assigned) = &entry.draft.assigned {
                self.times.insert(entry.ticket, assigned.at);
            }
        }
        let keys = Arc::clone(&self.shared.keys);
        let Some(writer) = self.writer.take() else {
            // Only a batch in flight holds the writer, and there is at most one: this is never reached.
            tracing::error!("the ledger's connection is gone");
            self.has_ended = true;
            return;
        };
        // Nothing was under way on a connection that was lost while it was idle: a new one does as well.
        let lost = writer.client.is_closed().then(|| self.config.clone());
        self.commit = Some(Box::pin(async move {
            let writer = match lost {
                Some(config) => connect(&config).await.unwrap_or(writer),
                None => writer,
            };
            let outcome = writer.write(&keys, &batch.entries, &head).await;
            Committed {
                writer,
                batch,
                outcome,
            }
        }));
    }

    fn committed(&mut self, done: Committed) {
        let Committed {
            writer,
            batch,
            outcome,
        } = done;
        match outcome {
            sequencer::Outcome::Committed => {
                self.forget_changed(&batch);
                self.thaw(&batch);
                self.writer = Some(writer);
                self.shared.set_health(Health::Well);
            }
            sequencer::Outcome::Failed | sequencer::Outcome::NoRow => {
                self.writer = Some(writer);
                self.shared.set_health(Health::Failing);
            }
            sequencer::Outcome::Unknown => {
                // If it was stored after all, what was remembered of its subjects is stale.
                self.forget_changed(&batch);
                self.lost = Some((writer.process, writer.began));
            }
        }
        self.handle(Input::Outcome(batch.attempt, outcome));
    }

    fn publish(&self) {
        let frontier: &Frontier = self.hook.durable();
        self.durable.send_if_modified(|durable| {
            let has_moved = durable.frontier.size() != frontier.size();
            if has_moved {
                durable.frontier = frontier.clone();
                durable.at =
                    Timestamp::from_microsecond(self.hook.durable_at()).unwrap_or(durable.at);
            }
            has_moved
        });
    }

    fn forget_changed(&self, batch: &Batch<Prepared>) {
        let mut facts = Vec::new();
        let mut items = Vec::new();
        for effect in batch.entries.iter().flat_map(|entry| &entry.draft.effects) {
            match effect {
                Effect::InsertFact { subject, .. } => facts.push(*subject),
                Effect::SealItem(row) => {
                    let new = &row.item.new;
                    items.push((new.item, new.patient, new.section));
                }
                Effect::DropItem { item } => {
                    items.push((item.new.item, item.new.patient, item.new.section));
                }
                Effect::EraseItems(erased) => items.extend(
                    erased
                        .iter()
                        .map(|item| (item.new.item, item.new.patient, item.new.section)),
                ),
                Effect::NewReadingKey(new) => {
                    self.shared.subject_keys.forget(new.keys.subject);
                    let rows = new.items.iter().map(|(row, _)| &row.new);
                    items.extend(rows.map(|new| (new.item, new.patient, new.section)));
                }
                _ => {}
            }
        }
        self.shared.facts.forget(facts.iter());
        self.shared.items.forget(&items);
    }

    fn thaw(&mut self, batch: &Batch<Prepared>) {
        let effects = batch.entries.iter().flat_map(|entry| &entry.draft.effects);
        let thawed: Vec<Frozen> = effects
            .filter_map(|effect| match effect {
                Effect::Unfreeze(what) => Some(*what),
                _ => None,
            })
            .collect();
        for what in thawed {
            self.shared.freezes.change(|set| set.unfreeze(what));
            self.hook.detector().unfrozen(what);
            self.handle(Input::Unfreeze(what));
        }
    }

    fn act_on(&mut self, spoke: Vec<candour_rules::detect::Alarm>) {
        for alarm in spoke {
            for what in alarms::freezes(&alarm) {
                self.shared.freezes.change(|set| set.freeze(what));
                self.handle(Input::Freeze(what));
            }
            alarms::ask_for_proof(&self.shared.freezes, &alarm);
            let (handle, shared) = (self.handle.clone(), Arc::clone(&self.shared));
            self.tasks.spawn(alarms::record(handle, shared, alarm));
        }
    }

    /// Whether the ledger can be written again: tries what a batch would do, and takes it back.
    async fn probe(&mut self) {
        let Some(writer) = self.writer.as_mut() else {
            return;
        };
        let epoch = i64::try_from(self.sequencer.head().epoch).unwrap_or(i64::MAX);
        let limit = Duration::from_secs(2);
        match tokio::time::timeout(limit, may_write(&mut writer.client, epoch)).await {
            Ok(Ok(true)) => return self.shared.set_health(Health::Well),
            Ok(Ok(false)) => return self.handle(Input::EpochLost),
            Ok(Err(error)) => {
                tracing::warn!(error = %describe(&error), "the ledger still cannot be written");
            }
            Err(_) => tracing::warn!("the ledger still cannot be written: no answer"),
        }
        // Whether a connection may write is settled when it is made: the next try takes a new one.
        if let Some(writer) = connect(&self.config).await {
            self.writer = Some(writer);
        }
    }
}

/// Whether the head is this epoch's and an entry could be added; nothing stays of it.
async fn may_write(client: &mut Client, epoch: i64) -> Result<bool, tokio_postgres::Error> {
    let trial = client.transaction().await?;
    let is_mine = trial.execute(sql::PROBE_HEAD, &[&epoch]).await? == 1;
    if is_mine {
        trial.execute(sql::PROBE_ENTRY, &[]).await?;
    }
    trial.rollback().await?;
    Ok(is_mine)
}

/// A future that never ends while there is none.
async fn pending<T>(future: &mut Option<BoxFuture<'static, T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

/// A new connection with its statements; `None` when the database is not there.
pub(super) async fn connect(config: &Config) -> Option<Writer> {
    let limit = Duration::from_secs(5);
    let (client, connection) = tokio::time::timeout(limit, config.connect(NoTls))
        .await
        .ok()?
        .ok()?;
    #[expect(
        clippy::disallowed_methods,
        reason = "the connection's own half ends with its client"
    )]
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(error = %describe(&error), "the ledger's connection ended");
        }
    });
    tokio::time::timeout(limit, Writer::new(client))
        .await
        .ok()?
        .map_err(|error| tracing::warn!(error = %describe(&error), "the ledger cannot be prepared"))
        .ok()
}

/// Reads the head back, for as long as it takes. The lost connection's process is ended first: what it
/// had not committed by then is never committed.
async fn read_back(config: Config, lost: Option<(i32, f64)>, attempt: Attempt) -> ReadBack {
    loop {
        if let Some(writer) = connect(&config).await
            && let Some(head) = try_read_back(&writer, lost).await
        {
            return ReadBack {
                writer,
                attempt,
                head,
            };
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn try_read_back(writer: &Writer, lost: Option<(i32, f64)>) -> Option<Head> {
    if let Some((process, began)) = lost {
        for _ in 0..40 {
            let row = writer
                .client
                .query_one(sql::END_BACKEND, &[&process, &began])
                .await
                .ok()?;
            if row.get::<_, i64>(0) == 0 {
                return read_head(writer).await;
            }
            tokio::time::sleep(PAUSE / 5).await;
        }
        return None;
    }
    read_head(writer).await
}

async fn read_head(writer: &Writer) -> Option<Head> {
    let row = writer.client.query_one(sql::READ_HEAD, &[]).await.ok()?;
    head_of(&row)
}

/// The head of a row `epoch, size, frontier, at`.
pub(super) fn head_of(row: &tokio_postgres::Row) -> Option<Head> {
    let frontier = Frontier::from_bytes(row.get(2)).ok()?;
    Some(Head {
        epoch: u64::try_from(row.get::<_, i64>(0)).ok()?,
        size: u64::try_from(row.get::<_, i64>(1)).ok()?,
        root: *frontier.root().as_bytes(),
    })
}
