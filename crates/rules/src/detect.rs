//! Rules over the keeper's own stream of decisions (design, section 7).
//!
//! The stream is complete, ordered and in process, so a rule speaks within one batch. Feed it where the decision is
//! made, in index order and before the commit returns: a freeze it asks for then stops the very request that
//! tripped it. Distinct patients are the axis, not requests. Denials never freeze an instance.
//!
//! What the rules remember is in memory only and at most an hour old: a restart forgets it (budgets do not).

mod persons;
mod table;
mod wide;

pub use table::{
    Breadth, DetectionTable, GlobalRate, MachineTiming, OrderedWalk, RateRow, Threshold,
};

use crate::budget::Figure;
use crate::decision::{Decision, Lane, Reason, Role, Touch};
use crate::freeze::{Frozen, Level};
use crate::hashing::Map;
use crate::keys::{Account, Instance, Item, Network, Patient, Principal, Session};
use crate::time::{Micros, Span};
use persons::{PrincipalState, SessionState};
use wide::Wide;

/// One decision of the keeper about one target; a batch is several with the same `request`.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about one decision, not a state"
)]
pub struct Observation {
    /// When.
    pub at: Micros,
    /// Which request; its number in the keeper.
    pub request: u64,
    /// In which session.
    pub session: Session,
    /// Who.
    pub principal: Principal,
    /// In which role.
    pub role: Role,
    /// Through which portal process.
    pub instance: Instance,
    /// From which network, as the portal says.
    pub network: Option<Network>,
    /// Whose; none when the id does not exist.
    pub patient: Option<Patient>,
    /// Which item, if it is about one.
    pub item: Option<Item>,
    /// What was asked.
    pub touch: Touch,
    /// How it was decided.
    pub decision: Decision,
    /// How long ago the item was deposited.
    pub item_age: Option<Span>,
    /// The item's place in the order of deposits.
    pub item_ordinal: Option<u64>,
    /// The patient or item is a canary.
    pub is_canary: bool,
    /// This principal was granted something of this patient before.
    pub was_granted_before: bool,
    /// Nobody opened this record for the patient, and nothing was deposited or changed about them, for twelve months.
    pub is_dormant: bool,
    /// A person is at the other end, not a program.
    pub is_human: bool,
    /// When the session last gave a passkey or code.
    pub proved_at: Micros,
    /// By which way it came.
    pub lane: Lane,
}

impl Observation {
    /// Whether content was released and the bulk rules apply.
    fn is_ordinary_opening(&self) -> bool {
        self.is_opening() && self.lane != Lane::Run
    }

    fn is_opening(&self) -> bool {
        self.decision == Decision::Granted && self.touch.is_open()
    }
}

/// Which rule spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// A canary was touched.
    Canary,
    /// Patients that were never this principal's were asked for.
    ForeignPatients,
    /// Ids that do not exist were asked for.
    UnknownIds,
    /// Asking went on against a spent budget or a step-up.
    Insistence,
    /// Many patients, one document each.
    Breadth,
    /// Documents in the order of deposit.
    OrderedWalk,
    /// Faster than hands.
    MachineTiming,
    /// Patients who have been away for a year.
    Dormant,
    /// Emergency access, often.
    Emergency,
    /// More documents than ever in ordinary use.
    GlobalRate,
    /// Many patient sessions from one network.
    ManyAccounts,
    /// Several sessions of one instance frozen.
    FrozenSessions,
    /// One account's sign-in failed from many networks.
    FailingNetworks,
    /// Sign-in to many accounts failed from one network.
    FailingAccounts,
    /// A rung has opened or written as much in an hour as it may; said by [`crate::budget::Ceilings`].
    Ceiling(Level, Figure),
}

/// What the keeper is to do; by itself, nobody at the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Freeze it: a session or a principal, never an instance.
    Freeze(Frozen),
    /// Open an incident.
    OpenIncident,
    /// Wake a human.
    Page,
    /// Put the instance into proof mode.
    ProofMode(Instance),
    /// The session needs a fresh factor before its next opening.
    StepUp(Session),
    /// Sign-ins and patient sessions from this network need a fresh factor.
    StepUpNetwork(Network),
    /// Put it before a human, without haste.
    Review,
}

/// What a rule counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Counted.
    pub counted: u32,
    /// Counted at which the rule speaks.
    pub threshold: u32,
    /// Within which window; for [`Rule::MachineTiming`] the gap, for a slow
    /// [`Rule::OrderedWalk`] zero.
    pub within: Span,
}

impl From<(u32, Threshold)> for Numbers {
    fn from((counted, Threshold { count, within }): (u32, Threshold)) -> Self {
        Self {
            counted,
            threshold: count,
            within,
        }
    }
}

/// A rule spoke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// When.
    pub at: Micros,
    /// Which rule.
    pub rule: Rule,
    /// What to do, all of it.
    pub actions: Vec<Action>,
    /// Why.
    pub numbers: Numbers,
    /// The session whose request tripped it, if it is about one.
    pub session: Option<Session>,
    /// The principal, likewise.
    pub principal: Option<Principal>,
    /// The instance, likewise.
    pub instance: Option<Instance>,
    /// The network, likewise.
    pub network: Option<Network>,
    /// Distinct documents and sections opened so far by whom it is about (session, principal, network, all).
    pub documents: u32,
    /// Distinct patients opened so far, likewise.
    pub people: u32,
}

/// A rule's finding before it is known how much was taken.
type Finding = (Rule, Numbers, Vec<Action>);

const SWEEP: Span = Span::minutes(1);
const IDLE: Span = Span::hours(1);

/// All rules and what they remember.
#[derive(Debug)]
pub struct Detector {
    table: DetectionTable,
    sessions: Map<Session, SessionState>,
    principals: Map<Principal, PrincipalState>,
    wide: Wide,
    next_sweep: Micros,
}

impl Detector {
    /// Remembers nothing yet.
    #[must_use]
    pub fn new(table: DetectionTable) -> Self {
        let wide = Wide::new(&table);
        Self {
            table,
            sessions: Map::default(),
            principals: Map::default(),
            wide,
            next_sweep: Micros(i64::MIN),
        }
    }

    /// The measured base rate for this hour of the week, in documents a second.
    pub fn set_base(&mut self, documents_per_second: f64) {
        self.wide.set_base(&self.table, documents_per_second);
    }

    /// A network known to hold many accounts (a clinic, a carrier): [`Rule::ManyAccounts`] leaves it alone.
    pub fn exempt_network(&mut self, network: Network) {
        self.wide.exempt(network);
    }

    /// Reads one decision.
    ///
    /// Called from the sequencer's hook, the freezes asked for are fed to the sequencer as soon as it returns, before
    /// any other input: they then stop the batch that is starting.
    #[must_use]
    pub fn observe(&mut self, seen: &Observation) -> Vec<Alarm> {
        self.sweep(seen.at);
        if matches!(
            seen.decision,
            Decision::Denied(Reason::Frozen(_) | Reason::LedgerUnavailable)
        ) {
            return Vec::new();
        }
        let table = &self.table;
        let principal = self
            .principals
            .entry(seen.principal)
            .or_insert_with(|| PrincipalState::new(table));
        let session = self
            .sessions
            .entry(seen.session)
            .or_insert_with(|| SessionState::new(table));
        let mut alarms = Vec::new();
        for finding in principal.observe(table, seen) {
            alarms.push(alarm(finding, seen, principal.taken.numbers()));
        }
        if let Some(finding) = session.observe(table, seen) {
            alarms.push(alarm(finding, seen, session.taken.numbers()));
        }
        let is_frozen = alarms
            .iter()
            .flat_map(|alarm| &alarm.actions)
            .any(|action| matches!(action, Action::Freeze(_)));
        alarms.extend(self.wide.observe(&self.table, seen));
        if is_frozen {
            let frozen = (
                seen.session,
                seen.instance,
                seen.decision == Decision::Granted,
            );
            alarms.extend(self.wide.session_frozen(&self.table, seen.at, frozen));
        }
        alarms
    }

    /// A session of this instance was frozen, by a rule (then it was counted already) or by a human.
    #[must_use]
    pub fn session_frozen(
        &mut self,
        at: Micros,
        session: Session,
        instance: Instance,
    ) -> Option<Alarm> {
        let frozen = (session, instance, true);
        self.wide.session_frozen(&self.table, at, frozen)
    }

    /// Signing in failed. Before sign-in nobody is known, so nothing is frozen.
    #[must_use]
    pub fn sign_in_failed(&mut self, at: Micros, account: Account, network: Network) -> Vec<Alarm> {
        self.sweep(at);
        self.wide.sign_in_failed(&self.table, at, account, network)
    }

    /// Something was unfrozen: its rules speak again, from nothing.
    pub fn unfrozen(&mut self, what: Frozen) {
        match what {
            Frozen::Session(session) => {
                self.sessions.remove(&session);
            }
            Frozen::Principal(principal) => {
                self.principals.remove(&principal);
            }
            _ => {}
        }
    }

    fn sweep(&mut self, now: Micros) {
        if now >= self.next_sweep {
            self.next_sweep = now + SWEEP;
            let oldest = now - IDLE;
            self.sessions.retain(|_, session| session.seen >= oldest);
            self.principals
                .retain(|_, principal| principal.seen >= oldest);
            self.wide.sweep(oldest);
        }
    }
}

fn alarm(finding: Finding, seen: &Observation, (documents, people): (u32, u32)) -> Alarm {
    let (rule, numbers, actions) = finding;
    Alarm {
        at: seen.at,
        rule,
        actions,
        numbers,
        session: Some(seen.session),
        principal: Some(seen.principal),
        instance: Some(seen.instance),
        network: seen.network,
        documents,
        people,
    }
}
