//! What a session, a run, a practice, a purpose, an instance and the installation have in an hour, whoever asks.
//!
//! The budget of a person bounds that person. These bound what it cannot see: a stolen session that takes everything of
//! few people, the staff of one practice together, one purpose that explodes, many accounts through one portal process
//! that was taken over. They only ever refuse, and count in index order like budgets ([`super::Counters`]).
//!
//! A session's things are counted each time. Wider than that, distinct people and distinct documents are: whoever reads
//! their own record over and over, or that of sixty patients, uses up nobody else's share.

use super::{BudgetTable, Charge};
use crate::decision::{Lane, Reason, Role};
use crate::detect::{Action, Alarm, Numbers, Rule};
use crate::freeze::{Level, PROOF_AGE, is_fresh};
use crate::hashing::Map;
use crate::keys::{Instance, Item, Practice, Principal, Purpose, Session};
use crate::time::{Micros, Span};
use crate::window::{Count, Distinct, Slot};

const HOUR: Span = Span::hours(1);
const SECOND: Span = Span::seconds(1);

/// On whose account something is counted beside the person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rung {
    /// One sign-in of a person.
    Session(Session),
    /// One bulk lane, by its principal; the window is a second.
    Run(Principal),
    /// The staff of one practice together.
    Practice(Practice),
    /// One purpose, for everybody.
    Purpose(Purpose),
    /// One process of the portal.
    Instance(Instance),
    /// Everything.
    Installation,
}

impl Rung {
    /// The rung of the ladder of freezes that it is the same as.
    #[must_use]
    pub const fn level(self) -> Level {
        match self {
            Self::Session(_) => Level::Session,
            Self::Run(_) => Level::Principal,
            Self::Practice(_) => Level::Practice,
            Self::Purpose(_) => Level::Purpose,
            Self::Instance(_) => Level::Instance,
            Self::Installation => Level::Installation,
        }
    }

    /// Whether many stand on it: then a fresh factor is asked for before anything is refused, and a human is woken.
    const fn is_shared(self) -> bool {
        !matches!(self, Self::Session(_) | Self::Run(_))
    }
}

/// What is counted on a rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Figure {
    /// Documents and sections opened, each time; of a run whatever it opens.
    Things,
    /// Things written, each time.
    Written,
    /// Distinct patients listed.
    Listed,
    /// Distinct patients of whom something was opened.
    Opened,
    /// Distinct documents opened.
    Documents,
    /// Distinct patients written to.
    Deposited,
    /// Distinct patients who were concerned in any way.
    People,
}

impl Figure {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Things,
        Self::Written,
        Self::Listed,
        Self::Opened,
        Self::Documents,
        Self::Deposited,
        Self::People,
    ];
}

/// Who asks, through what and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asking {
    /// In which session.
    pub session: Session,
    /// Who.
    pub principal: Principal,
    /// In which role.
    pub role: Role,
    /// By which way.
    pub lane: Lane,
    /// For which practice.
    pub practice: Option<Practice>,
    /// What for.
    pub purpose: Option<Purpose>,
    /// Through which process of the portal.
    pub instance: Instance,
    /// Which document, if it is one.
    pub item: Option<Item>,
    /// When the session last gave a passkey or code.
    pub proved_at: Option<Micros>,
}

/// A ceiling was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// Counted so far, without this request.
    pub used: u32,
    /// Counted at most.
    pub most: u32,
    /// When the same would pass if nothing else is asked.
    pub frees_at: Micros,
}

#[derive(Clone, Debug)]
enum Tally {
    Each(Count),
    Distinct(Distinct<i64>),
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Each(Slot),
    Distinct(i64, Option<Slot>),
}

type Place = (Rung, Figure);

impl Tally {
    fn new((rung, figure): Place) -> Self {
        match (rung, figure) {
            (Rung::Run(_), _) => Self::Each(Count::new(SECOND)),
            (_, Figure::Things | Figure::Written) => Self::Each(Count::new(HOUR)),
            _ => Self::Distinct(Distinct::new(HOUR)),
        }
    }

    const fn count(&self) -> &Count {
        match self {
            Self::Each(count) => count,
            Self::Distinct(distinct) => distinct.count(),
        }
    }

    fn holds(&self, key: i64, now: Micros) -> bool {
        matches!(self, Self::Distinct(distinct) if distinct.contains(key, now))
    }

    fn touch(&mut self, key: i64, at: Micros) -> Change {
        match self {
            Self::Each(count) => {
                count.expire(at);
                let slot = count.slot(at);
                count.add(slot, 1);
                Change::Each(slot)
            }
            Self::Distinct(distinct) => Change::Distinct(key, distinct.touch(key, at)),
        }
    }

    fn undo(&mut self, change: Change) {
        match (self, change) {
            (Self::Each(count), Change::Each(slot)) => count.remove(slot, 1),
            (Self::Distinct(distinct), Change::Distinct(key, before)) => {
                distinct.restore(key, before);
            }
            _ => {}
        }
    }
}

/// All of them. Memory is bounded by the ceilings: what left its window is forgotten.
#[derive(Clone, Debug)]
pub struct Ceilings {
    table: BudgetTable,
    tallies: Map<Place, Tally>,
    journal: Vec<(Place, Change)>,
    /// Until when a ceiling was told of, and whether something was refused by it.
    told: Map<Place, (Micros, bool)>,
    alarms: Vec<Alarm>,
    next_sweep: Micros,
}

impl Ceilings {
    /// How far back granted entries are counted again at a start; the window and its rounding.
    pub const HORIZON: Span = Span::minutes(62);

    /// Nothing counted yet.
    #[must_use]
    pub fn new(table: BudgetTable) -> Self {
        Self {
            table,
            tallies: Map::default(),
            journal: Vec::new(),
            told: Map::default(),
            alarms: Vec::new(),
            next_sweep: Micros(i64::MIN),
        }
    }

    /// Counted on a rung.
    #[must_use]
    pub fn used(&self, rung: Rung, figure: Figure, now: Micros) -> u32 {
        let tally = self.tallies.get(&(rung, figure));
        tally.map_or(0, |tally| tally.count().used(now))
    }

    /// Counted there at most before something is asked for.
    #[must_use]
    pub fn most(&self, rung: Rung, figure: Figure) -> Option<u32> {
        self.table.ceiling(rung, figure)
    }

    /// Whether this passes. Counts nothing, and notes whom to wake.
    ///
    /// # Errors
    /// A ceiling is reached: nothing more for this session or run; a fresh factor first; or nothing at all.
    pub fn check(&mut self, asking: &Asking, charge: Charge, now: Micros) -> Result<(), Reason> {
        let mut needs_proof = false;
        for ((rung, figure), key) in places(asking, charge) {
            let Some(most) = self.table.ceiling(rung, figure) else {
                continue;
            };
            let tally = self.tallies.get(&(rung, figure));
            let used = tally.map_or(0, |tally| tally.count().used(now));
            if used < most || tally.is_some_and(|tally| tally.holds(key, now)) {
                continue;
            }
            let last = if rung.is_shared() {
                self.table.refused_from(most)
            } else {
                most
            };
            let refuses = used >= last && asking.lane != Lane::Emergency;
            self.tell(asking, (rung, figure), (used, most, refuses), now);
            if refuses {
                let frees_at = self.frees_at((rung, figure), last, now);
                let spent = Spent {
                    used,
                    most: last,
                    frees_at,
                };
                return Err(match rung {
                    Rung::Session(_) => Reason::SessionSpent(spent),
                    _ => Reason::OverCeiling(spent),
                });
            }
            needs_proof |= !matches!(charge, Charge::Deposited(_));
        }
        let is_proven = asking
            .proved_at
            .is_some_and(|at| is_fresh(at, now, PROOF_AGE));
        if needs_proof && !is_proven && asking.lane != Lane::Emergency {
            return Err(Reason::ProofNeeded);
        }
        Ok(())
    }

    /// Counts what was allowed; to be called in index order.
    pub fn count(&mut self, asking: &Asking, charge: Charge, at: Micros) {
        if at >= self.next_sweep {
            self.next_sweep = at + HOUR;
            self.tallies.retain(|_, tally| tally.count().used(at) > 0);
            self.told.retain(|_, (until, _)| *until > at);
        }
        for (place, key) in places(asking, charge) {
            let tally = self
                .tallies
                .entry(place)
                .or_insert_with(|| Tally::new(place));
            self.journal.push((place, tally.touch(key, at)));
        }
    }

    /// The ceilings that were reached since this was last asked; each once an hour, and once more when it refuses.
    pub fn take_alarms(&mut self) -> Vec<Alarm> {
        std::mem::take(&mut self.alarms)
    }

    /// What was counted since the last `commit` or `roll_back` stands.
    pub fn commit(&mut self) {
        self.journal.clear();
    }

    /// Takes back what was counted since the last `commit` or `roll_back`.
    pub fn roll_back(&mut self) {
        while let Some((place, change)) = self.journal.pop() {
            if let Some(tally) = self.tallies.get_mut(&place) {
                tally.undo(change);
            }
        }
    }

    fn frees_at(&self, place: Place, last: u32, now: Micros) -> Micros {
        let tally = self.tallies.get(&place);
        tally.map_or(now, |tally| {
            tally.count().down_to(last.saturating_sub(1), now)
        })
    }

    fn tell(
        &mut self,
        asking: &Asking,
        (rung, figure): Place,
        (used, most, refuses): (u32, u32, bool),
        now: Micros,
    ) {
        let told = self.told.get(&(rung, figure)).copied();
        let is_told = told.is_some_and(|(until, refused)| until > now && (refused || !refuses));
        // A run that is as fast as it may be is no alarm.
        if is_told || matches!(rung, Rung::Run(_)) {
            return;
        }
        self.told.insert((rung, figure), (now + HOUR, refuses));
        let is_of_session = matches!(rung, Rung::Session(_));
        let (documents, people) = match rung {
            Rung::Session(_) => (self.used(rung, Figure::Things, now), 0),
            Rung::Purpose(_) => (0, self.used(rung, Figure::People, now)),
            _ => {
                let of = |figure| self.used(rung, figure, now);
                let people = [Figure::Listed, Figure::Opened, Figure::Deposited].map(of);
                (of(Figure::Documents), people.into_iter().max().unwrap_or(0))
            }
        };
        let action = if is_of_session {
            Action::Review
        } else {
            Action::Page
        };
        self.alarms.push(Alarm {
            at: now,
            rule: Rule::Ceiling(rung.level(), figure),
            actions: vec![action],
            numbers: Numbers {
                counted: used,
                threshold: most,
                within: HOUR,
            },
            session: is_of_session.then_some(asking.session),
            principal: is_of_session.then_some(asking.principal),
            instance: Some(asking.instance),
            network: None,
            documents,
            people,
        });
    }
}

/// Where a charge is counted, and as what.
fn places(asking: &Asking, charge: Charge) -> impl Iterator<Item = (Place, i64)> {
    let (patient, wide) = match charge {
        Charge::Listed(patient) => (patient, Figure::Listed),
        Charge::Opened(patient) | Charge::Document(patient) => (patient, Figure::Opened),
        Charge::Deposited(patient) => (patient, Figure::Deposited),
        Charge::Reopening | Charge::Invitation | Charge::Recovery => {
            return Places::default().into_iter().flatten();
        }
    };
    let mut places = Places::default();
    let mut free = places.iter_mut();
    let mut put = |rung, figure, key| {
        if let Some(place) = free.next() {
            *place = Some(((rung, figure), key));
        }
    };
    if asking.lane == Lane::Run {
        // Its members are named and it was approved by two: it has its own rate, and is no share of anybody's.
        put(Rung::Run(asking.principal), Figure::Things, patient.0);
        return places.into_iter().flatten();
    }
    // A program's session is as long as its work, and its budget follows its own past.
    let is_program = asking.role == Role::Client;
    match wide {
        Figure::Opened if !is_program => {
            put(Rung::Session(asking.session), Figure::Things, patient.0);
        }
        Figure::Deposited if !is_program => {
            put(Rung::Session(asking.session), Figure::Written, patient.0);
        }
        _ => {}
    }
    if let Some(purpose) = asking.purpose {
        put(Rung::Purpose(purpose), Figure::People, patient.0);
    }
    let practice = asking
        .practice
        .filter(|_| !(is_program && wide == Figure::Deposited))
        .map(Rung::Practice);
    let rungs = [
        practice,
        Some(Rung::Instance(asking.instance)),
        Some(Rung::Installation),
    ];
    let document = asking
        .item
        .filter(|_| matches!(charge, Charge::Document(_)));
    for rung in rungs.into_iter().flatten() {
        put(rung, wide, patient.0);
        if let Some(item) = document {
            put(rung, Figure::Documents, item.0);
        }
    }
    places.into_iter().flatten()
}

/// A session's, a purpose's, and two for each of three rungs.
type Places = [Option<(Place, i64)>; 8];
