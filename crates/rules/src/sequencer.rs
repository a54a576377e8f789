//! One ordered log, and nothing released that is not in it (design, section 6).
//!
//! A pure state machine: the keeper's event loop feeds [`Input`]s and acts on the [`Output`]s, in order.
//!
//! - No timer. At most one commit is in flight; a batch is what gathered while the last one committed.
//! - INVARIANT: a ticket is released only after its entry is durable, and every ticket gets exactly one answer.
//! - INVARIANT: a freeze that stops a waiting or committing request is final for it, even if lifted before the
//!   commit returns. Its entry stays; the caller appends a correction.
//! - INVARIANT: a writer whose head moved without it, or whose epoch is over, answers nothing more and exits.

use std::collections::VecDeque;

use crate::decision::Reason;
use crate::freeze::{FreezeSet, Frozen, Guards, Level};

/// The caller's name for one request; it must not use one twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// One try to commit a batch; outcomes of any other try are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt(pub u64);

/// The log's head: who may write, how many entries there are, and the tree's root over them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The writer's epoch.
    pub epoch: u64,
    /// How many entries there are.
    pub size: u64,
    /// RFC 6962 root over all of them.
    pub root: [u8; 32],
}

/// Something that wants an entry.
#[derive(Clone, Debug)]
pub struct Request<D> {
    /// Its name in the answer.
    pub ticket: Ticket,
    /// What becomes the entry, with the charges the hook applies.
    pub draft: D,
    /// Which freezes stop it. `None` for what no freeze may stop: denials, freezes, corrections, the keeper's own acts.
    pub guards: Option<Guards>,
}

/// What is counted and chained in index order: budgets, per-patient counters, previous hashes, the tree.
pub trait Assign<D> {
    /// Called for each draft in index order when its batch starts.
    ///
    /// May turn the draft into a denial (a budget that was free when it was asked for is spent by the one before):
    /// the entry is written all the same and the ticket is refused with the answered reason once it is durable.
    ///
    /// # Errors
    /// The reason with which the ticket is to be refused.
    fn assign(&mut self, index: u64, draft: &mut D) -> Result<(), Reason>;

    /// The tree's root over everything assigned so far; it tells this batch from any other of the same size.
    fn root(&self) -> [u8; 32];

    /// The batch is durable: what was assigned stands.
    fn commit(&mut self);

    /// Nothing of the batch was stored: take back everything assigned since the last `commit` or `roll_back`.
    fn roll_back(&mut self);
}

/// How a try to commit ended, as far as the writer can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The database said that it is durable.
    Committed,
    /// The database said that nothing was stored.
    Failed,
    /// The head's row was not updated: size or epoch is not what was expected, so there is a second writer.
    NoRow,
    /// Connection lost or timed out after the commit was sent: it may be stored, now or later.
    Unknown,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Input<D> {
    /// Somebody asks.
    Request(Request<D>),
    /// Several ask at once, in this order: they share a batch as far as it reaches.
    Requests(Vec<Request<D>>),
    /// Something is frozen from now on.
    Freeze(Frozen),
    /// Something is no longer frozen.
    Unfreeze(Frozen),
    /// The try ended so.
    Outcome(Attempt, Outcome),
    /// The head as read back for [`Output::ReadHead`].
    ///
    /// Read it `for update`, so that a transaction of unknown outcome which still holds the row is waited for.
    HeadRead(Attempt, Head),
    /// Another writer took over.
    EpochLost,
}

/// One entry of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered<D> {
    /// Its place in the log.
    pub index: u64,
    /// Whose request it was.
    pub ticket: Ticket,
    /// The draft as the hook left it.
    pub draft: D,
}

/// What to commit in one transaction, together with the head `where epoch = … and size = …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch<D> {
    /// To be given back with the outcome.
    pub attempt: Attempt,
    /// The head's epoch that must still hold.
    pub epoch: u64,
    /// The head's size that must still hold; the first entry's index.
    pub expected_size: u64,
    /// The root the head has after it.
    pub root: [u8; 32],
    /// At least one; indexes are dense.
    pub entries: Vec<Numbered<D>>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<D> {
    /// Commit this and feed back how it ended.
    StartCommit(Batch<D>),
    /// Read the head back, for as long as it takes; until then nothing is answered.
    ReadHead(Attempt),
    /// The entry is durable: do what the ticket was for.
    Release {
        /// Whose.
        ticket: Ticket,
        /// The entry's place.
        index: u64,
    },
    /// Release nothing.
    Refuse {
        /// Whose.
        ticket: Ticket,
        /// The entry's place if it is durable all the same: a denial, or a grant that a freeze overtook.
        index: Option<u64>,
        /// Why.
        reason: Reason,
    },
    /// Stop the process: a second writer exists. Said once, last.
    Exit,
}

/// How much may gather.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Most entries of one batch; 512.
    pub batch: usize,
    /// Most requests that wait; any more are refused at once; 16,384.
    pub waiting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch: 512,
            waiting: 16_384,
        }
    }
}

#[derive(Debug)]
struct Pending {
    ticket: Ticket,
    guards: Option<Guards>,
    refused: Option<Reason>,
    frozen: Option<Level>,
}

#[derive(Debug)]
struct Flight {
    attempt: Attempt,
    root: [u8; 32],
    pending: Vec<Pending>,
}

#[derive(Debug)]
enum State {
    Idle,
    Committing(Flight),
    Unresolved(Flight),
    Ended,
}

/// The state machine; see the module.
#[derive(Debug)]
pub struct Sequencer<D> {
    limits: Limits,
    head: Head,
    last_attempt: u64,
    freezes: FreezeSet,
    waiting: VecDeque<Request<D>>,
    state: State,
}

impl<D> Sequencer<D> {
    /// Starts from the head as read when this writer took its epoch, and from what is frozen.
    #[must_use]
    pub const fn new(head: Head, freezes: FreezeSet, limits: Limits) -> Self {
        Self {
            limits,
            head,
            last_attempt: 0,
            freezes,
            waiting: VecDeque::new(),
            state: State::Idle,
        }
    }

    /// The last head known to be durable.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// What is frozen, to refuse early.
    #[must_use]
    pub const fn freezes(&self) -> &FreezeSet {
        &self.freezes
    }

    /// How many requests wait for the next batch.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether [`Output::Exit`] was said.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Takes one input; act on the outputs in their order before the next input.
    #[must_use]
    pub fn handle(&mut self, input: Input<D>, assign: &mut impl Assign<D>) -> Vec<Output<D>> {
        let mut outputs = Vec::new();
        match input {
            Input::Request(request) => self.take(request, &mut outputs),
            Input::Requests(requests) => {
                for request in requests {
                    self.take(request, &mut outputs);
                }
            }
            Input::Freeze(what) => self.freeze(what, &mut outputs),
            Input::Unfreeze(what) => {
                self.freezes.unfreeze(what);
            }
            Input::Outcome(attempt, outcome) => self.end(attempt, outcome, assign, &mut outputs),
            Input::HeadRead(attempt, head) => self.resolve(attempt, &head, assign, &mut outputs),
            Input::EpochLost => self.lose(&mut outputs),
        }
        self.start(assign, &mut outputs);
        outputs
    }

    fn take(&mut self, request: Request<D>, outputs: &mut Vec<Output<D>>) {
        let frozen = request
            .guards
            .as_ref()
            .and_then(|guards| self.freezes.blocks(guards));
        let reason = match frozen {
            _ if self.has_ended() => Reason::LedgerUnavailable,
            Some(level) => Reason::Frozen(level),
            None if self.waiting.len() >= self.limits.waiting => Reason::LedgerUnavailable,
            None => return self.waiting.push_back(request),
        };
        outputs.push(Output::Refuse {
            ticket: request.ticket,
            index: None,
            reason,
        });
    }

    fn freeze(&mut self, what: Frozen, outputs: &mut Vec<Output<D>>) {
        self.freezes.freeze(what);
        let stops =
            |guards: &Option<Guards>| guards.as_ref().is_some_and(|guards| what.stops(guards));
        if let State::Committing(flight) | State::Unresolved(flight) = &mut self.state {
            for pending in flight
                .pending
                .iter_mut()
                .filter(|pending| stops(&pending.guards))
            {
                pending.frozen = pending.frozen.max(Some(what.level()));
            }
        }
        self.waiting.retain(|request| {
            let stopped = stops(&request.guards);
            if stopped {
                let reason = Reason::Frozen(what.level());
                outputs.push(Output::Refuse {
                    ticket: request.ticket,
                    index: None,
                    reason,
                });
            }
            !stopped
        });
    }

    fn start(&mut self, assign: &mut impl Assign<D>, outputs: &mut Vec<Output<D>>) {
        if !matches!(self.state, State::Idle) || self.waiting.is_empty() {
            return;
        }
        let count = self.waiting.len().min(self.limits.batch.max(1));
        let mut entries = Vec::with_capacity(count);
        let mut pending = Vec::with_capacity(count);
        for (index, request) in (self.head.size..).zip(self.waiting.drain(..count)) {
            let Request {
                ticket,
                mut draft,
                guards,
            } = request;
            let refused = assign.assign(index, &mut draft).err();
            entries.push(Numbered {
                index,
                ticket,
                draft,
            });
            pending.push(Pending {
                ticket,
                guards,
                refused,
                frozen: None,
            });
        }
        self.last_attempt += 1;
        let attempt = Attempt(self.last_attempt);
        let root = assign.root();
        self.state = State::Committing(Flight {
            attempt,
            root,
            pending,
        });
        let Head {
            epoch,
            size: expected_size,
            ..
        } = self.head;
        outputs.push(Output::StartCommit(Batch {
            attempt,
            epoch,
            expected_size,
            root,
            entries,
        }));
    }

    fn end(
        &mut self,
        attempt: Attempt,
        outcome: Outcome,
        assign: &mut impl Assign<D>,
        outputs: &mut Vec<Output<D>>,
    ) {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Committing(flight) if flight.attempt == attempt => match outcome {
                Outcome::Committed => self.committed(flight, assign, outputs),
                Outcome::Failed => Self::failed(flight, assign, outputs),
                Outcome::Unknown => {
                    self.state = State::Unresolved(flight);
                    outputs.push(Output::ReadHead(attempt));
                }
                Outcome::NoRow => {
                    self.state = State::Committing(flight);
                    self.lose(outputs);
                }
            },
            other => self.state = other,
        }
    }

    fn resolve(
        &mut self,
        attempt: Attempt,
        head: &Head,
        assign: &mut impl Assign<D>,
        outputs: &mut Vec<Output<D>>,
    ) {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Unresolved(flight) if flight.attempt == attempt => {
                // The size alone would not do: an earlier batch of unknown outcome, found missing, may have
                // been stored since and be as long as this one.
                if *head == self.head_after(&flight) {
                    self.committed(flight, assign, outputs);
                } else if *head == self.head {
                    Self::failed(flight, assign, outputs);
                } else {
                    self.state = State::Unresolved(flight);
                    self.lose(outputs);
                }
            }
            other => self.state = other,
        }
    }

    fn head_after(&self, flight: &Flight) -> Head {
        let added = u64::try_from(flight.pending.len()).unwrap_or(u64::MAX);
        Head {
            epoch: self.head.epoch,
            size: self.head.size.saturating_add(added),
            root: flight.root,
        }
    }

    fn committed(
        &mut self,
        flight: Flight,
        assign: &mut impl Assign<D>,
        outputs: &mut Vec<Output<D>>,
    ) {
        assign.commit();
        let first = self.head.size;
        self.head = self.head_after(&flight);
        outputs.extend((first..).zip(flight.pending).map(|(index, pending)| {
            let Pending {
                ticket,
                refused,
                frozen,
                ..
            } = pending;
            match refused.or(frozen.map(Reason::Frozen)) {
                Some(reason) => Output::Refuse {
                    ticket,
                    index: Some(index),
                    reason,
                },
                None => Output::Release { ticket, index },
            }
        }));
    }

    fn failed(flight: Flight, assign: &mut impl Assign<D>, outputs: &mut Vec<Output<D>>) {
        assign.roll_back();
        outputs.extend(
            flight
                .pending
                .into_iter()
                .map(|pending| unavailable(pending.ticket)),
        );
    }

    fn lose(&mut self, outputs: &mut Vec<Output<D>>) {
        let flight = match std::mem::replace(&mut self.state, State::Ended) {
            State::Ended => return,
            State::Idle => None,
            State::Committing(flight) | State::Unresolved(flight) => Some(flight),
        };
        let pending = flight
            .into_iter()
            .flat_map(|flight| flight.pending)
            .map(|pending| pending.ticket);
        let waiting = self.waiting.drain(..).map(|request| request.ticket);
        outputs.extend(pending.chain(waiting).map(unavailable));
        outputs.push(Output::Exit);
    }
}

const fn unavailable<D>(ticket: Ticket) -> Output<D> {
    Output::Refuse {
        ticket,
        index: None,
        reason: Reason::LedgerUnavailable,
    }
}
