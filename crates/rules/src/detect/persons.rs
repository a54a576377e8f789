//! What is remembered of a session and of a principal, and the rules about them.

use super::{Action, DetectionTable, Finding, Numbers, Observation, OrderedWalk, Rule, Threshold};
use crate::decision::{Decision, Lane, Reason, Role};
use crate::freeze::Frozen;
use crate::hashing::Set;
use crate::keys::{Item, Patient};
use crate::time::{Micros, Span};
use crate::window::Distinct;
use std::collections::VecDeque;

/// Beyond this many the numbers of an alarm read "at least"; the scope has the exact answer.
const MOST_TAKEN: usize = 10_000;

/// How far apart the times may lie that a session was too quick.
const REPEATED: Span = Span::minutes(10);

/// What was opened: an item, or a patient's sections in one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Thing {
    Item(Item),
    Sections(Patient, u64),
}

impl Thing {
    fn of(seen: &Observation, patient: Patient) -> Self {
        seen.item
            .map_or(Self::Sections(patient, seen.request), Self::Item)
    }
}

/// What was asked for in vain. A page that is loaded again and again asks for one thing: a thief gains nothing by that,
/// and an impatient reader who keeps the key pressed is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Asked {
    Item(Item),
    Person(Patient),
    Request(u64),
}

impl Asked {
    fn of(seen: &Observation) -> Self {
        match (seen.item, seen.patient) {
            (Some(item), _) => Self::Item(item),
            (None, Some(patient)) => Self::Person(patient),
            (None, None) => Self::Request(seen.request),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Taken {
    things: Set<Thing>,
    people: Set<Patient>,
}

impl Taken {
    fn note(&mut self, seen: &Observation) {
        if let Some(patient) = seen.patient.filter(|_| seen.is_opening()) {
            if self.things.len() < MOST_TAKEN {
                self.things.insert(Thing::of(seen, patient));
            }
            if self.people.len() < MOST_TAKEN {
                self.people.insert(patient);
            }
        }
    }

    pub(super) fn numbers(&self) -> (u32, u32) {
        let count = |length| u32::try_from(length).unwrap_or(u32::MAX);
        (count(self.things.len()), count(self.people.len()))
    }
}

#[derive(Debug)]
pub(super) struct SessionState {
    pub(super) seen: Micros,
    pub(super) taken: Taken,
    is_frozen: bool,
    foreign: Distinct<Patient>,
    unknown: Distinct<Asked>,
    insisted: Distinct<Asked>,
    last_refused: Option<u64>,
    last_opening: (u64, Micros),
    quick: u32,
    /// After which proofs it was too quick: requests that were already on their way when a fresh one was asked for
    /// count once.
    too_quick: Distinct<Micros>,
}

impl SessionState {
    pub(super) fn new(table: &DetectionTable) -> Self {
        Self {
            seen: Micros(i64::MIN),
            is_frozen: false,
            taken: Taken::default(),
            foreign: Distinct::new(table.foreign_patients.within),
            unknown: Distinct::new(table.unknown_ids.within),
            insisted: Distinct::new(table.insistence.within),
            last_refused: None,
            last_opening: (u64::MAX, Micros(i64::MIN)),
            quick: 0,
            too_quick: Distinct::new(REPEATED),
        }
    }

    pub(super) fn observe(
        &mut self,
        table: &DetectionTable,
        seen: &Observation,
    ) -> Option<Finding> {
        self.seen = seen.at;
        self.taken.note(seen);
        if self.is_frozen {
            return None;
        }
        let freeze = Action::Freeze(Frozen::Session(seen.session));
        // A patient's session holds only what is theirs to see: no incident for an impatient download.
        let then = match seen.role {
            Role::Patient => Action::Review,
            _ => Action::OpenIncident,
        };
        let (rule, numbers, actions) = match seen.decision {
            Decision::Granted => {
                let numbers = self.machine_timing(table, seen)?;
                self.too_quick.touch(seen.proved_at, seen.at);
                if self.too_quick.used(seen.at) < table.machine_timing.times {
                    let ask = vec![Action::StepUp(seen.session)];
                    return Some((Rule::MachineTiming, numbers, ask));
                }
                (Rule::MachineTiming, numbers, vec![freeze, then])
            }
            Decision::Denied(Reason::NotPermitted) if !seen.was_granted_before => {
                self.foreign.touch(seen.patient?, seen.at);
                let numbers = reached(self.foreign.used(seen.at), table.foreign_patients)?;
                let actions = vec![freeze, Action::OpenIncident];
                (Rule::ForeignPatients, numbers, actions)
            }
            Decision::Denied(Reason::Unknown) => {
                self.unknown.touch(Asked::of(seen), seen.at);
                let numbers = reached(self.unknown.used(seen.at), table.unknown_ids)?;
                (Rule::UnknownIds, numbers, vec![freeze, Action::Review])
            }
            Decision::Denied(
                Reason::OverBudget(_)
                | Reason::SessionSpent(_)
                | Reason::StepUp(_)
                | Reason::ProofNeeded,
            ) => {
                // One page that lists fifty names asks once, not fifty times: the first of a request counts.
                if self.last_refused.replace(seen.request) == Some(seen.request) {
                    return None;
                }
                self.insisted.touch(Asked::of(seen), seen.at);
                let numbers = reached(self.insisted.used(seen.at), table.insistence)?;
                (Rule::Insistence, numbers, vec![freeze, then])
            }
            Decision::Denied(_) => return None,
        };
        self.is_frozen = true;
        Some((rule, numbers, actions))
    }

    fn machine_timing(&mut self, table: &DetectionTable, seen: &Observation) -> Option<Numbers> {
        let is_by_hand = seen.is_human && seen.lane == Lane::Ordinary && seen.is_opening();
        let (request, at) = self.last_opening;
        if !is_by_hand || request == seen.request {
            return None;
        }
        let rule = table.machine_timing;
        let is_quick = seen.at.since(at) < rule.gap;
        self.last_opening = (seen.request, seen.at);
        self.quick = if is_quick { self.quick + 1 } else { 1 };
        let numbers = reached(self.quick, Threshold::new(rule.requests, rule.gap))?;
        self.quick = 0;
        Some(numbers)
    }
}

#[derive(Debug)]
pub(super) struct PrincipalState {
    pub(super) seen: Micros,
    pub(super) taken: Taken,
    is_frozen: bool,
    broad_people: Distinct<Patient>,
    broad_things: Distinct<Thing>,
    people_at_once: Distinct<Patient>,
    dormant: Distinct<Patient>,
    emergencies: Distinct<u64>,
    rising: Run,
    falling: Run,
}

impl PrincipalState {
    pub(super) fn new(table: &DetectionTable) -> Self {
        Self {
            seen: Micros(i64::MIN),
            is_frozen: false,
            taken: Taken::default(),
            broad_people: Distinct::new(table.breadth.within),
            broad_things: Distinct::new(table.breadth.within),
            people_at_once: Distinct::new(table.breadth.at_once),
            dormant: Distinct::new(table.dormant.within),
            emergencies: Distinct::new(table.emergency.within),
            rising: Run::default(),
            falling: Run::default(),
        }
    }

    pub(super) fn observe(&mut self, table: &DetectionTable, seen: &Observation) -> Vec<Finding> {
        self.seen = seen.at;
        self.taken.note(seen);
        if self.is_frozen {
            return Vec::new();
        }
        let mut findings = Vec::new();
        let freeze = Action::Freeze(Frozen::Principal(seen.principal));
        let incident = [freeze, Action::OpenIncident];
        if seen.is_canary {
            let numbers = Numbers::from((1, Threshold::new(1, Span::default())));
            let rest = [Action::Page, Action::ProofMode(seen.instance)];
            findings.push((Rule::Canary, numbers, [&incident[..], &rest].concat()));
        }
        if seen.is_ordinary_opening() {
            let rules = [
                (Rule::Breadth, self.breadth(table, seen)),
                (Rule::OrderedWalk, self.ordered_walk(table, seen)),
                (Rule::Dormant, self.dormant(table, seen)),
            ];
            for (rule, spoke) in rules {
                let Some((numbers, is_at_once)) = spoke else {
                    continue;
                };
                // Slow enough for somebody who reads: they prove that it is they, and a human looks without haste.
                let ask = [Action::StepUp(seen.session), Action::Review];
                let actions = if is_at_once { &incident } else { &ask };
                findings.push((rule, numbers, actions.to_vec()));
            }
        }
        self.is_frozen = findings.iter().any(|finding| finding.2.contains(&freeze));
        findings.extend(self.emergency(table, seen));
        findings
    }

    fn breadth(&mut self, table: &DetectionTable, seen: &Observation) -> Option<Spoke> {
        let (rule, patient) = (table.breadth, seen.patient?);
        self.broad_people.touch(patient, seen.at);
        self.broad_things.touch(Thing::of(seen, patient), seen.at);
        self.people_at_once.touch(patient, seen.at);
        let people = self.broad_people.used(seen.at);
        let things = u64::from(self.broad_things.used(seen.at));
        let is_broad = things * 100 <= u64::from(people) * u64::from(rule.things_per_hundred);
        let is_at_once = self.people_at_once.used(seen.at) >= rule.patients;
        let within = [rule.within, rule.at_once][usize::from(is_at_once)];
        let numbers = reached(people, Threshold::new(rule.patients, within))?;
        if !is_broad {
            return None;
        }
        self.broad_people.clear();
        self.broad_things.clear();
        Some((numbers, is_at_once))
    }

    fn ordered_walk(&mut self, table: &DetectionTable, seen: &Observation) -> Option<Spoke> {
        let (rule, patient) = (table.ordered_walk, seen.patient?);
        let is_old = seen.item_age.is_some_and(|age| age >= rule.older_than);
        let ordinal = seen.item_ordinal.filter(|_| is_old)?;
        let walk = |run: &mut Run, follows: fn(&u64, &u64) -> bool| {
            run.step(ordinal, patient, seen.at, follows, &rule);
            let is_wide = run.patients.len() >= rule.patients as usize;
            is_wide.then(|| (run.length, run.is_within(seen.at, &rule)))
        };
        let rising = walk(&mut self.rising, u64::gt);
        let (length, is_at_once) = rising.max(walk(&mut self.falling, u64::lt))?;
        let within = [Span::default(), rule.at_once][usize::from(is_at_once)];
        let numbers = reached(length, Threshold::new(rule.documents, within))?;
        self.rising = Run::default();
        self.falling = Run::default();
        Some((numbers, is_at_once))
    }

    fn dormant(&mut self, table: &DetectionTable, seen: &Observation) -> Option<Spoke> {
        self.dormant
            .touch(seen.patient.filter(|_| seen.is_dormant)?, seen.at);
        let numbers = reached(self.dormant.used(seen.at), table.dormant)?;
        Some((numbers, true))
    }

    fn emergency(&mut self, table: &DetectionTable, seen: &Observation) -> Option<Finding> {
        if seen.lane != Lane::Emergency || seen.decision != Decision::Granted {
            return None;
        }
        self.emergencies.touch(seen.request, seen.at);
        let numbers = reached(self.emergencies.used(seen.at), table.emergency)?;
        self.emergencies.clear();
        Some((Rule::Emergency, numbers, vec![Action::Review]))
    }
}

/// A rule's numbers, and whether it was too quick for somebody who reads.
type Spoke = (Numbers, bool);

/// A monotone run of ordinals, the first few distinct patients in it, and when its last documents were opened.
#[derive(Debug, Default)]
struct Run {
    last: Option<u64>,
    length: u32,
    patients: Vec<Patient>,
    times: VecDeque<Micros>,
}

impl Run {
    fn step(
        &mut self,
        ordinal: u64,
        patient: Patient,
        at: Micros,
        follows: fn(&u64, &u64) -> bool,
        rule: &OrderedWalk,
    ) {
        match self.last {
            Some(last) if last == ordinal => return,
            Some(last) if follows(&ordinal, &last) => self.length = self.length.saturating_add(1),
            _ => {
                self.length = 1;
                self.patients.clear();
                self.times.clear();
            }
        }
        self.last = Some(ordinal);
        self.times.push_back(at);
        if self.times.len() > rule.documents as usize {
            self.times.pop_front();
        }
        if self.patients.len() < rule.patients as usize && !self.patients.contains(&patient) {
            self.patients.push(patient);
        }
    }

    fn is_within(&self, at: Micros, rule: &OrderedWalk) -> bool {
        let first = self.times.front();
        first.is_some_and(|first| at.since(*first) < rule.at_once)
    }
}

/// The numbers, once the threshold is reached.
pub(super) fn reached(counted: u32, threshold: Threshold) -> Option<Numbers> {
    (counted >= threshold.count).then(|| Numbers::from((counted, threshold)))
}
