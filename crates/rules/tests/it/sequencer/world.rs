//! The simulated store and the writers on it. Every output is checked where it is said.

use std::collections::{BTreeMap, BTreeSet};

use candour_rules::decision::Reason;
use candour_rules::freeze::{FreezeSet, Frozen, Guards};
use candour_rules::keys::{Instance, Principal, Session};
use candour_rules::sequencer::{
    Assign, Attempt, Batch, Head, Input, Limits, Outcome, Output, Request, Sequencer, Ticket,
};
use proptest::prelude::*;

/// A draft that carries its ticket, so that the store shows whose entry it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    pub ticket: u64,
    pub is_over_budget: bool,
}

/// Chains the entries and counts them, as the keeper's hook does with budgets and hashes.
#[derive(Clone, Debug, Default)]
pub struct Hook {
    settled: Vec<u64>,
    open: Vec<u64>,
}

impl Assign<Draft> for Hook {
    fn assign(&mut self, index: u64, draft: &mut Draft) -> Result<(), Reason> {
        assert_eq!(
            index,
            (self.settled.len() + self.open.len()) as u64,
            "assigned in index order"
        );
        self.open.push(draft.ticket);
        if draft.is_over_budget {
            Err(Reason::NotPermitted)
        } else {
            Ok(())
        }
    }

    fn root(&self) -> [u8; 32] {
        root(self.settled.iter().chain(&self.open))
    }

    fn commit(&mut self) {
        self.settled.append(&mut self.open);
    }

    fn roll_back(&mut self) {
        self.open.clear();
    }
}

/// Stands in for the Merkle root: different entries, different root.
pub fn root<'a>(tickets: impl Iterator<Item = &'a u64>) -> [u8; 32] {
    let mut root = [0; 32];
    let digest = tickets.fold(0xcbf2_9ce4_8422_2325_u64, |hash, ticket| {
        (hash ^ (ticket + 1)).wrapping_mul(0x0100_0000_01b3)
    });
    root[..8].copy_from_slice(&digest.to_be_bytes());
    root
}

#[derive(Clone, Copy, Debug)]
pub enum Step {
    Ask {
        writer: usize,
        session: i64,
        guarded: bool,
        emergency: bool,
        over_budget: bool,
    },
    Freeze {
        writer: usize,
        what: u8,
    },
    Unfreeze {
        writer: usize,
        what: u8,
    },
    /// The commit of this writer ends so, as far as the store and the writer are concerned.
    End {
        writer: usize,
        ending: Ending,
    },
    ReadHead {
        writer: usize,
    },
    /// A transaction that was given up for lost reaches the store.
    Late,
    /// A stale outcome of an earlier attempt arrives.
    Stale {
        writer: usize,
        outcome: u8,
    },
    Crash {
        writer: usize,
    },
    TakeOver,
    ToldOfLoss {
        writer: usize,
    },
}

#[derive(Clone, Copy, Debug)]
pub enum Ending {
    Committed,
    Failed,
    UnknownStored,
    UnknownNotStored,
    UnknownLate,
}

pub const WRITERS: usize = 3;
pub const LIMITS: Limits = Limits {
    batch: 4,
    waiting: 9,
};

pub fn step() -> impl Strategy<Value = Step> {
    let writer = || 0..WRITERS;
    let ending = prop_oneof![
        6 => Just(Ending::Committed),
        2 => Just(Ending::Failed),
        2 => Just(Ending::UnknownStored),
        2 => Just(Ending::UnknownNotStored),
        2 => Just(Ending::UnknownLate),
    ];
    prop_oneof![
        12 => (writer(), 0..4_i64, prop::bool::weighted(0.8), prop::bool::weighted(0.1), prop::bool::weighted(0.1))
            .prop_map(|(writer, session, guarded, emergency, over_budget)| Step::Ask { writer, session, guarded, emergency, over_budget }),
        2 => (writer(), 0..7_u8).prop_map(|(writer, what)| Step::Freeze { writer, what }),
        2 => (writer(), 0..7_u8).prop_map(|(writer, what)| Step::Unfreeze { writer, what }),
        8 => (writer(), ending).prop_map(|(writer, ending)| Step::End { writer, ending }),
        4 => writer().prop_map(|writer| Step::ReadHead { writer }),
        1 => Just(Step::Late),
        1 => (writer(), 0..4_u8).prop_map(|(writer, outcome)| Step::Stale { writer, outcome }),
        1 => writer().prop_map(|writer| Step::Crash { writer }),
        1 => Just(Step::TakeOver),
        1 => writer().prop_map(|writer| Step::ToldOfLoss { writer }),
    ]
}

pub fn frozen(what: u8) -> Frozen {
    match what {
        session @ 0..4 => Frozen::Session(Session(i64::from(session))),
        4 => Frozen::Principal(Principal(1)),
        5 => Frozen::Instance(Instance(1)),
        _ => Frozen::Installation,
    }
}

pub fn guards(session: i64, is_emergency: bool) -> Guards {
    Guards {
        session: Some(Session(session)),
        principal: Some(Principal(session % 2)),
        instance: Some(Instance(1)),
        is_emergency,
        ..Guards::default()
    }
}

/// The one head row and the entries behind it.
#[derive(Debug, Default)]
pub struct Store {
    epoch: u64,
    pub entries: Vec<u64>,
    late: Vec<Batch<Draft>>,
}

impl Store {
    fn head(&self) -> Head {
        Head {
            epoch: self.epoch,
            size: self.entries.len() as u64,
            root: root(self.entries.iter()),
        }
    }

    /// `update ledger_head … where epoch = mine and size = expected`: whether a row was updated.
    fn commit(&mut self, batch: &Batch<Draft>) -> bool {
        let holds = batch.epoch == self.epoch && batch.expected_size == self.entries.len() as u64;
        if holds {
            self.entries
                .extend(batch.entries.iter().map(|entry| entry.draft.ticket));
            assert_eq!(
                batch.root,
                root(self.entries.iter()),
                "the batch's root is the tree's"
            );
        }
        holds
    }
}

#[derive(Debug)]
pub struct Writer {
    pub sequencer: Sequencer<Draft>,
    hook: Hook,
    pub in_flight: Option<Batch<Draft>>,
    unread: Option<Attempt>,
    /// Tickets asked and not answered, with whether a freeze came over them.
    open: BTreeMap<u64, (Option<Guards>, bool)>,
    pub has_ended: bool,
}

#[derive(Debug, Default)]
pub struct World {
    pub store: Store,
    pub writers: [Option<Writer>; WRITERS],
    next_ticket: u64,
    pub answered: BTreeSet<u64>,
    pub released: BTreeSet<u64>,
    over_budget: BTreeSet<u64>,
}

impl World {
    pub fn start(&mut self, place: usize) {
        // Whoever starts takes the epoch, in one transaction with reading the head.
        self.store.epoch += 1;
        let head = self.store.head();
        let hook = Hook {
            settled: self.store.entries.clone(),
            open: Vec::new(),
        };
        let sequencer = Sequencer::new(head, FreezeSet::default(), LIMITS);
        let open = BTreeMap::new();
        self.writers[place] = Some(Writer {
            sequencer,
            hook,
            in_flight: None,
            unread: None,
            open,
            has_ended: false,
        });
    }

    pub fn feed(&mut self, place: usize, input: Input<Draft>) {
        let Some(writer) = self.writers[place].as_mut() else {
            return;
        };
        let outputs = writer.sequencer.handle(input, &mut writer.hook);
        for output in outputs {
            let writer = self.writers[place].as_mut().expect("still there");
            match output {
                Output::StartCommit(batch) => {
                    assert!(!writer.has_ended && writer.unread.is_none());
                    check_batch(&batch);
                    assert!(
                        writer.in_flight.replace(batch).is_none(),
                        "one commit in flight"
                    );
                }
                Output::ReadHead(attempt) => writer.unread = Some(attempt),
                Output::Release { ticket, index } => {
                    let (_, was_frozen) = writer
                        .open
                        .remove(&ticket.0)
                        .expect("asked and not answered");
                    assert!(!was_frozen, "released after a freeze: {ticket:?}");
                    assert!(!writer.has_ended);
                    assert!(
                        !self.over_budget.contains(&ticket.0),
                        "a denial is not released"
                    );
                    assert_eq!(
                        self.store.entries.get(usize::try_from(index).unwrap()),
                        Some(&ticket.0),
                        "no entry"
                    );
                    assert!(
                        self.released.insert(index),
                        "two writers released index {index}"
                    );
                    assert!(self.answered.insert(ticket.0));
                }
                Output::Refuse {
                    ticket,
                    index,
                    reason,
                } => {
                    writer
                        .open
                        .remove(&ticket.0)
                        .expect("asked and not answered");
                    if let Some(index) = index {
                        assert_eq!(
                            self.store.entries.get(usize::try_from(index).unwrap()),
                            Some(&ticket.0)
                        );
                        assert_ne!(reason, Reason::LedgerUnavailable);
                    }
                    assert!(self.answered.insert(ticket.0));
                }
                Output::Exit => {
                    assert!(!writer.has_ended, "exit is said once");
                    assert!(
                        writer.open.is_empty(),
                        "everything answered before the exit"
                    );
                    writer.has_ended = true;
                }
            }
        }
    }

    pub fn take(&mut self, step: Step) {
        match step {
            Step::Ask {
                writer,
                session,
                guarded,
                emergency,
                over_budget,
            } => {
                let ticket = self.next_ticket;
                self.next_ticket += 1;
                let guards = guarded.then(|| guards(session, emergency));
                let Some(asked) = self.writers[writer].as_mut() else {
                    return;
                };
                asked.open.insert(ticket, (guards.clone(), false));
                if over_budget {
                    self.over_budget.insert(ticket);
                }
                let draft = Draft {
                    ticket,
                    is_over_budget: over_budget,
                };
                self.feed(
                    writer,
                    Input::Request(Request {
                        ticket: Ticket(ticket),
                        draft,
                        guards,
                    }),
                );
            }
            Step::Freeze { writer, what } => {
                let what = frozen(what);
                if let Some(writer) = self.writers[writer].as_mut() {
                    for (guards, was_frozen) in writer.open.values_mut() {
                        *was_frozen |= guards.as_ref().is_some_and(|guards| what.stops(guards));
                    }
                }
                self.feed(writer, Input::Freeze(what));
            }
            Step::Unfreeze { writer, what } => self.feed(writer, Input::Unfreeze(frozen(what))),
            Step::End { writer, ending } => self.end(writer, ending),
            Step::ReadHead { writer } => {
                let head = self.store.head();
                if let Some(attempt) = self.writers[writer]
                    .as_mut()
                    .and_then(|writer| writer.unread.take())
                {
                    self.feed(writer, Input::HeadRead(attempt, head));
                }
            }
            Step::Late => {
                if let Some(batch) = self.store.late.pop() {
                    self.store.commit(&batch);
                }
            }
            Step::Stale { writer, outcome } => {
                let outcome = [
                    Outcome::Committed,
                    Outcome::Failed,
                    Outcome::NoRow,
                    Outcome::Unknown,
                ][usize::from(outcome)];
                let current = self.writers[writer]
                    .as_ref()
                    .and_then(|writer| writer.in_flight.as_ref());
                let earlier = current.map_or(Attempt(0), |batch| Attempt(batch.attempt.0 - 1));
                self.feed(writer, Input::Outcome(earlier, outcome));
                let head = self.store.head();
                self.feed(writer, Input::HeadRead(earlier, head));
            }
            Step::Crash { writer } => {
                // What it had sent may still arrive; what it owed, nobody waits for any more.
                if let Some(batch) = self.writers[writer]
                    .take()
                    .and_then(|writer| writer.in_flight)
                {
                    self.store.late.push(batch);
                }
            }
            Step::TakeOver => {
                if let Some(place) = self.writers.iter().position(Option::is_none) {
                    self.start(place);
                }
            }
            Step::ToldOfLoss { writer } => {
                let epoch = self.writers[writer]
                    .as_ref()
                    .map(|writer| writer.sequencer.head().epoch);
                if epoch.is_some_and(|epoch| epoch < self.store.epoch) {
                    self.feed(writer, Input::EpochLost);
                }
            }
        }
    }

    pub fn end(&mut self, place: usize, ending: Ending) {
        let Some(batch) = self.writers[place]
            .as_mut()
            .and_then(|writer| writer.in_flight.take())
        else {
            return;
        };
        let attempt = batch.attempt;
        let outcome = match ending {
            Ending::Committed if self.store.commit(&batch) => Outcome::Committed,
            Ending::Committed => Outcome::NoRow,
            Ending::Failed => Outcome::Failed,
            Ending::UnknownStored => {
                self.store.commit(&batch);
                Outcome::Unknown
            }
            Ending::UnknownNotStored => Outcome::Unknown,
            Ending::UnknownLate => {
                self.store.late.push(batch);
                Outcome::Unknown
            }
        };
        self.feed(place, Input::Outcome(attempt, outcome));
    }

    /// Lets everything under way come to its end.
    pub fn drain(&mut self) {
        for _ in 0..100 {
            for place in 0..WRITERS {
                self.end(place, Ending::Committed);
                self.take(Step::ReadHead { writer: place });
            }
        }
        for writer in self.writers.iter().flatten() {
            assert!(writer.open.is_empty(), "not answered: {:?}", writer.open);
            assert_eq!(writer.sequencer.waiting(), 0);
            let head = writer.sequencer.head();
            if !writer.has_ended && head.epoch == self.store.epoch && *head == self.store.head() {
                assert_eq!(
                    writer.hook.settled, self.store.entries,
                    "what was assigned is what is stored"
                );
            }
        }
    }
}

pub fn check_batch(batch: &Batch<Draft>) {
    assert!((1..=LIMITS.batch).contains(&batch.entries.len()));
    for (index, entry) in (batch.expected_size..).zip(&batch.entries) {
        assert_eq!(entry.index, index, "dense");
        assert_eq!(entry.ticket.0, entry.draft.ticket);
    }
}
