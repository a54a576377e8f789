//! The keeper's way from a request to a decision, in small and without anything outside: freezes, the deny-only kernel,
//! budgets, detection, in the order in which the keeper has them (`calls/open/plan.rs`, `ledger/assign.rs`).
//!
//! The pure tests of the rules include this file too.

use candour_rules::budget::{
    Asking, BudgetTable, Ceilings, Charge, Context, Counters, Figure, Rung,
};
use candour_rules::decision::{Decision, Lane, Reason, Role, Touch};
use candour_rules::detect::{Action, Alarm, DetectionTable, Detector, Observation};
use candour_rules::freeze::{FreezeSet, Frozen, Guards};
use candour_rules::keys::{
    Account, Instance, Item, Network, Patient, Practice, Principal, Purpose, Session,
};
use candour_rules::time::{Micros, Span};
use std::collections::HashMap;

/// What the facts say about somebody and a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Theirs to see.
    Own,
    /// Somebody else's, and always was.
    Foreign,
    /// Was theirs to see until a right ended.
    Former,
    /// No such thing.
    Unknown,
    /// Nobody's.
    Canary,
}

/// One thing asked for.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Whose.
    pub patient: Patient,
    /// Which item; none for sections and name lines.
    pub item: Option<Item>,
    /// What is asked.
    pub touch: Touch,
    /// Whether it may be seen.
    pub standing: Standing,
    /// How long ago it was deposited.
    pub age: Option<Span>,
    /// Its place in the order of deposits.
    pub ordinal: Option<u64>,
    /// Nobody was there for the patient for a year.
    pub is_dormant: bool,
}

impl Target {
    /// A section of the record, or, as `Listed`, a name line.
    pub const fn section(patient: Patient, touch: Touch) -> Self {
        Self {
            patient,
            item: None,
            touch,
            standing: Standing::Own,
            age: None,
            ordinal: None,
            is_dormant: false,
        }
    }

    /// A document that is theirs to see.
    pub const fn document(patient: Patient, item: Item) -> Self {
        Self {
            item: Some(item),
            ..Self::section(patient, Touch::Document)
        }
    }

    /// The same with another standing.
    #[must_use]
    pub const fn with(self, standing: Standing) -> Self {
        Self { standing, ..self }
    }
}

/// Who asks, and how.
#[derive(Clone, Copy, Debug)]
pub struct Visitor {
    /// In which session.
    pub session: Session,
    /// Who.
    pub principal: Principal,
    /// In which role.
    pub role: Role,
    /// For which practice.
    pub practice: Option<Practice>,
    /// Through which process of the portal.
    pub instance: Instance,
    /// From where.
    pub network: Network,
    /// For how many patients, oneself included.
    pub acts_for: u32,
    /// When a passkey or code was last given.
    pub proved_at: Micros,
    /// Whether that was a passkey.
    pub by_passkey: bool,
    /// By which way.
    pub lane: Lane,
}

impl Visitor {
    fn guards(&self) -> Guards {
        Guards {
            session: Some(self.session),
            principal: Some(self.principal),
            practices: self.practice.into_iter().collect(),
            instance: Some(self.instance),
            is_emergency: self.lane == Lane::Emergency,
            ..Guards::default()
        }
    }

    fn context(&self) -> Context {
        Context {
            role: self.role,
            acts_for: self.acts_for,
            practice: self.practice,
            passkey_at: self.by_passkey.then_some(self.proved_at),
            lane: self.lane,
        }
    }

    /// What for, by the numbers of the closed list: a target is of somebody else where one acts for them.
    fn purpose(&self, patient: Patient, charge: Charge) -> Purpose {
        Purpose(match (self.lane, self.role, charge) {
            (Lane::Emergency, ..) => 6,
            (Lane::Run, ..) => 7,
            (_, Role::Patient, _) if patient.0 == self.principal.0 => 1,
            (_, Role::Patient, _) => 2,
            (_, _, Charge::Deposited(_)) => 5,
            (_, Role::Reception, _) => 4,
            _ => 3,
        })
    }

    /// What the ceilings are asked about.
    fn asking(&self, charge: Charge, item: Option<Item>) -> Asking {
        let patient = match charge {
            Charge::Listed(patient)
            | Charge::Opened(patient)
            | Charge::Document(patient)
            | Charge::Deposited(patient) => Some(patient),
            Charge::Reopening | Charge::Invitation | Charge::Recovery => None,
        };
        Asking {
            session: self.session,
            principal: self.principal,
            role: self.role,
            lane: self.lane,
            practice: self.practice,
            purpose: patient.map(|patient| self.purpose(patient, charge)),
            instance: self.instance,
            item,
            proved_at: Some(self.proved_at),
        }
    }

    fn sees(&self, at: Micros, request: u64, target: &Target, decision: Decision) -> Observation {
        Observation {
            at,
            request,
            session: self.session,
            principal: self.principal,
            role: self.role,
            instance: self.instance,
            network: Some(self.network),
            patient: (target.standing != Standing::Unknown).then_some(target.patient),
            item: target.item,
            touch: target.touch,
            decision,
            item_age: target.age,
            item_ordinal: target.ordinal,
            is_canary: target.standing == Standing::Canary,
            was_granted_before: matches!(target.standing, Standing::Own | Standing::Former),
            is_dormant: target.is_dormant,
            proved_at: self.proved_at,
            is_human: self.role != Role::Client && self.lane != Lane::Run,
            lane: self.lane,
        }
    }
}

/// Budgets, detection and freezes of one installation.
pub struct SmallKeeper {
    counters: Counters,
    ceilings: Ceilings,
    detector: Detector,
    freezes: FreezeSet,
    asked_sessions: HashMap<Session, Micros>,
    asked_networks: HashMap<Network, Micros>,
    requests: u64,
}

impl SmallKeeper {
    /// Nothing happened yet; the detection leaves `known` alone as many accounts go.
    pub fn new(budgets: BudgetTable, detection: DetectionTable, known: &[Network]) -> Self {
        let mut detector = Detector::new(detection);
        for network in known {
            detector.exempt_network(*network);
        }
        Self {
            ceilings: Ceilings::new(budgets.clone()),
            counters: Counters::new(budgets),
            detector,
            freezes: FreezeSet::default(),
            asked_sessions: HashMap::new(),
            asked_networks: HashMap::new(),
            requests: 0,
        }
    }

    /// What is frozen and what is in proof mode now.
    pub const fn freezes(&self) -> &FreezeSet {
        &self.freezes
    }

    /// One request for several things: how each is decided, and which rules spoke.
    pub fn open(
        &mut self,
        visitor: &Visitor,
        now: Micros,
        targets: &[Target],
    ) -> (Vec<Decision>, Vec<Alarm>) {
        self.requests += 1;
        let must_prove = visitor.lane != Lane::Run && self.must_prove(visitor, now);
        let mut alarms = Vec::new();
        let decisions = targets
            .iter()
            .map(|target| {
                if let Some(level) = self.freezes.blocks(&visitor.guards()) {
                    return Decision::Denied(Reason::Frozen(level));
                }
                let decision = self.decide(visitor, now, target, must_prove);
                let seen = visitor.sees(now, self.requests, target, decision);
                let spoke = self.detector.observe(&seen);
                self.follow(&spoke);
                alarms.extend(spoke);
                alarms.extend(self.ceilings.take_alarms());
                // A freeze stops the very request that tripped it.
                let stopped = self.freezes.blocks(&visitor.guards());
                stopped.map_or(decision, |level| Decision::Denied(Reason::Frozen(level)))
            })
            .collect();
        self.commit();
        (decisions, alarms)
    }

    /// Something without content on somebody's account: a deposit, a reopening, an invitation.
    pub fn charge(&mut self, visitor: &Visitor, now: Micros, charge: Charge) -> Result<(), Reason> {
        let decided = self.count(visitor, now, charge, None);
        self.commit();
        decided
    }

    /// What a visitor's rungs have in this hour after one more of this, and what they may have at most.
    pub fn hour(
        &self,
        visitor: &Visitor,
        now: Micros,
        patient: Patient,
        charge: Charge,
    ) -> Vec<(Rung, Figure, u32, u32)> {
        let rungs = [
            Some(Rung::Session(visitor.session)),
            visitor.practice.map(Rung::Practice),
            Some(Rung::Purpose(visitor.purpose(patient, charge))),
            Some(Rung::Instance(visitor.instance)),
            Some(Rung::Installation),
        ];
        let of = |rung: Rung| {
            Figure::ALL.into_iter().filter_map(move |figure| {
                let most = self.ceilings.most(rung, figure)?;
                Some((rung, figure, self.ceilings.used(rung, figure, now), most))
            })
        };
        rungs.into_iter().flatten().flat_map(of).collect()
    }

    fn commit(&mut self) {
        self.counters.commit();
        self.ceilings.commit();
    }

    /// Ceilings and budgets, as the keeper's hook asks them.
    fn count(
        &mut self,
        visitor: &Visitor,
        now: Micros,
        charge: Charge,
        item: Option<Item>,
    ) -> Result<(), Reason> {
        let asking = visitor.asking(charge, item);
        self.ceilings.check(&asking, charge, now)?;
        self.counters
            .charge(visitor.principal, &[charge], now, &visitor.context())
            .into_result()?;
        self.ceilings.count(&asking, charge, now);
        Ok(())
    }

    /// Signing in failed.
    pub fn sign_in_failed(
        &mut self,
        now: Micros,
        account: Account,
        network: Network,
    ) -> Vec<Alarm> {
        let alarms = self.detector.sign_in_failed(now, account, network);
        self.follow(&alarms);
        alarms
    }

    /// Two people unfroze it.
    pub fn unfreeze(&mut self, what: Frozen) {
        self.freezes.unfreeze(what);
        self.detector.unfrozen(what);
    }

    /// Somebody ended an instance's proof mode.
    pub fn lift_proof(&mut self, instance: Instance) {
        self.freezes.unfreeze(Frozen::Proof(instance));
    }

    fn must_prove(&self, visitor: &Visitor, now: Micros) -> bool {
        let is_since = |at: Option<&Micros>| at.is_some_and(|at| *at > visitor.proved_at);
        !self
            .freezes
            .is_proven(visitor.instance, Some(visitor.proved_at), now)
            || is_since(self.asked_sessions.get(&visitor.session))
            || (visitor.practice.is_none() && is_since(self.asked_networks.get(&visitor.network)))
    }

    fn decide(
        &mut self,
        visitor: &Visitor,
        now: Micros,
        target: &Target,
        must_prove: bool,
    ) -> Decision {
        let refused = match target.standing {
            Standing::Unknown => Some(Reason::Unknown),
            Standing::Foreign | Standing::Former | Standing::Canary => Some(Reason::NotPermitted),
            Standing::Own => must_prove.then_some(Reason::StepUp(None)),
        };
        if let Some(reason) = refused {
            return Decision::Denied(reason);
        }
        let charge = match target.touch {
            Touch::Listed => Charge::Listed(target.patient),
            Touch::Opened => Charge::Opened(target.patient),
            Touch::Document => Charge::Document(target.patient),
            Touch::Other => return Decision::Granted,
        };
        self.count(visitor, now, charge, target.item)
            .map_or_else(Decision::Denied, |()| Decision::Granted)
    }

    fn follow(&mut self, alarms: &[Alarm]) {
        for (alarm, action) in alarms
            .iter()
            .flat_map(|alarm| alarm.actions.iter().map(move |action| (alarm, action)))
        {
            match action {
                Action::Freeze(what) => {
                    self.freezes.freeze(*what);
                }
                Action::ProofMode(instance) => {
                    self.freezes.freeze(Frozen::Proof(*instance));
                }
                Action::StepUp(session) => {
                    self.asked_sessions.insert(*session, alarm.at);
                }
                Action::StepUpNetwork(network) => {
                    self.asked_networks.insert(*network, alarm.at);
                }
                Action::OpenIncident | Action::Page | Action::Review => {}
            }
        }
    }
}
