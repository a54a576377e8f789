//! What is remembered of instances, networks and the whole installation, and the rules about them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;

use super::persons::reached;
use super::{Action, Alarm, DetectionTable, Numbers, Observation, Rule, Threshold};
use crate::decision::Role;
use crate::keys::{Account, Instance, Network, Patient, Session};
use crate::time::{Micros, Span};
use crate::window::{Count, Distinct};

/// Most accounts and networks remembered before sign-in, where whoever fails chooses the names.
const MOST_STRANGERS: usize = 50_000;
/// Beyond this many the people of an alarm about the installation read "at least".
const MOST_PEOPLE: u32 = 10_000;
const RECENT: Span = Span::minutes(1);

#[derive(Debug)]
struct Rate {
    threshold: Threshold,
    opened: Count,
    quiet_until: Micros,
}

#[derive(Debug)]
struct InstanceState {
    frozen: Distinct<Session>,
    frozen_with_content: Distinct<Session>,
    people: Distinct<Patient>,
    opened: Count,
}

#[derive(Debug)]
struct NetworkState {
    seen: Micros,
    sessions: Distinct<Session>,
    people: Distinct<Patient>,
    opened: Count,
}

#[derive(Debug)]
struct Failures<K> {
    seen: Micros,
    of: Distinct<K>,
}

#[derive(Debug)]
pub(super) struct Wide {
    rates: Vec<Rate>,
    people: Distinct<Patient>,
    instances: BTreeMap<Instance, InstanceState>,
    networks: HashMap<Network, NetworkState>,
    exempt: HashSet<Network>,
    failing_accounts: HashMap<Network, Failures<Account>>,
    failing_networks: HashMap<Account, Failures<Network>>,
}

impl Wide {
    pub(super) fn new(table: &DetectionTable) -> Self {
        let mut wide = Self {
            rates: Vec::new(),
            people: Distinct::new(RECENT),
            instances: BTreeMap::new(),
            networks: HashMap::new(),
            exempt: HashSet::new(),
            failing_accounts: HashMap::new(),
            failing_networks: HashMap::new(),
        };
        wide.set_base(table, table.global_rate.base_per_second);
        wide
    }

    pub(super) fn set_base(&mut self, table: &DetectionTable, documents_per_second: f64) {
        let thresholds = table.global_rate.thresholds(documents_per_second);
        if self.rates.len() == thresholds.len() {
            for (rate, threshold) in self.rates.iter_mut().zip(thresholds) {
                rate.threshold = threshold;
            }
        } else {
            let rate = |threshold: Threshold| Rate {
                threshold,
                opened: Count::new(threshold.within),
                quiet_until: Micros(i64::MIN),
            };
            self.rates = thresholds.into_iter().map(rate).collect();
        }
    }

    pub(super) fn exempt(&mut self, network: Network) {
        self.exempt.insert(network);
        self.networks.remove(&network);
    }

    pub(super) fn sweep(&mut self, oldest: Micros) {
        self.networks.retain(|_, state| state.seen >= oldest);
        self.failing_accounts
            .retain(|_, state| state.seen >= oldest);
        self.failing_networks
            .retain(|_, state| state.seen >= oldest);
    }

    pub(super) fn observe(&mut self, table: &DetectionTable, seen: &Observation) -> Vec<Alarm> {
        let mut alarms: Vec<Alarm> = self.many_accounts(table, seen).into_iter().collect();
        if seen.is_ordinary_opening() {
            alarms.extend(self.global_rate(table, seen));
        }
        alarms
    }

    fn instance(&mut self, table: &DetectionTable, instance: Instance) -> &mut InstanceState {
        self.instances
            .entry(instance)
            .or_insert_with(|| InstanceState {
                frozen: Distinct::new(table.frozen_sessions.within),
                frozen_with_content: Distinct::new(table.frozen_sessions.within),
                people: Distinct::new(RECENT),
                opened: Count::new(RECENT),
            })
    }

    fn global_rate(&mut self, table: &DetectionTable, seen: &Observation) -> Option<Alarm> {
        let at = seen.at;
        let state = self.instance(table, seen.instance);
        add(&mut state.opened, at);
        if let Some(patient) = seen.patient.filter(|_| state.people.used(at) < MOST_PEOPLE) {
            state.people.touch(patient, at);
        }
        if let Some(patient) = seen.patient.filter(|_| self.people.used(at) < MOST_PEOPLE) {
            self.people.touch(patient, at);
        }
        let mut numbers = None;
        for rate in &mut self.rates {
            add(&mut rate.opened, at);
            let found = reached(rate.opened.used(at), rate.threshold);
            if let Some(found) = found.filter(|_| at >= rate.quiet_until) {
                rate.quiet_until = at + rate.threshold.within;
                numbers = numbers.or(Some(found));
            }
        }
        let numbers = numbers?;
        let busiest = self
            .instances
            .iter()
            .max_by_key(|(_, state)| state.opened.used(at))
            .map(|(id, _)| *id);
        let instance = busiest.unwrap_or(seen.instance);
        Some(Alarm {
            instance: Some(instance),
            documents: numbers.counted,
            people: self.people.used(at),
            ..about(
                Rule::GlobalRate,
                at,
                numbers,
                vec![Action::ProofMode(instance), Action::Page],
            )
        })
    }

    fn many_accounts(&mut self, table: &DetectionTable, seen: &Observation) -> Option<Alarm> {
        let network = seen
            .network
            .filter(|network| seen.role == Role::Patient && !self.exempt.contains(network))?;
        let within = table.many_accounts.within;
        let state = self
            .networks
            .entry(network)
            .or_insert_with(|| NetworkState {
                seen: seen.at,
                sessions: Distinct::new(within),
                people: Distinct::new(within),
                opened: Count::new(within),
            });
        state.seen = seen.at;
        state.sessions.touch(seen.session, seen.at);
        if let Some(patient) = seen.patient.filter(|_| seen.is_opening()) {
            state.people.touch(patient, seen.at);
            add(&mut state.opened, seen.at);
        }
        let numbers = reached(state.sessions.used(seen.at), table.many_accounts)?;
        state.sessions.clear();
        Some(Alarm {
            network: Some(network),
            documents: state.opened.used(seen.at),
            people: state.people.used(seen.at),
            ..about(
                Rule::ManyAccounts,
                seen.at,
                numbers,
                vec![Action::StepUpNetwork(network), Action::Review],
            )
        })
    }

    /// Sessions frozen over what they were refused cost nobody anything, and whoever wants to may have their own frozen
    /// so: they wake a human and never put everybody else's instance into proof mode.
    pub(super) fn session_frozen(
        &mut self,
        table: &DetectionTable,
        at: Micros,
        (session, instance, is_over_content): (Session, Instance, bool),
    ) -> Option<Alarm> {
        let state = self.instance(table, instance);
        state.frozen.touch(session, at);
        if is_over_content {
            state.frozen_with_content.touch(session, at);
        }
        let threshold = table.frozen_sessions;
        let over_content = reached(state.frozen_with_content.used(at), threshold);
        let numbers = over_content.or_else(|| reached(state.frozen.used(at), threshold))?;
        state.frozen.clear();
        let mut actions = vec![Action::Page];
        if over_content.is_some() {
            state.frozen_with_content.clear();
            actions.insert(0, Action::ProofMode(instance));
        }
        let (documents, people) = (state.opened.used(at), state.people.used(at));
        Some(Alarm {
            instance: Some(instance),
            documents,
            people,
            ..about(Rule::FrozenSessions, at, numbers, actions)
        })
    }

    pub(super) fn sign_in_failed(
        &mut self,
        table: &DetectionTable,
        at: Micros,
        account: Account,
        network: Network,
    ) -> Vec<Alarm> {
        let networks = failed(
            &mut self.failing_networks,
            account,
            network,
            table.failing_networks,
            at,
        );
        let accounts = failed(
            &mut self.failing_accounts,
            network,
            account,
            table.failing_accounts,
            at,
        );
        let by_account =
            networks.map(|numbers| about(Rule::FailingNetworks, at, numbers, vec![Action::Review]));
        let by_network = accounts.map(|numbers| {
            let actions = vec![Action::StepUpNetwork(network), Action::Review];
            Alarm {
                network: Some(network),
                ..about(Rule::FailingAccounts, at, numbers, actions)
            }
        });
        by_account.into_iter().chain(by_network).collect()
    }
}

fn failed<K: Copy + Eq + Hash, V: Copy + Eq + Hash>(
    failures: &mut HashMap<K, Failures<V>>,
    key: K,
    value: V,
    threshold: Threshold,
    at: Micros,
) -> Option<Numbers> {
    if failures.len() >= MOST_STRANGERS && !failures.contains_key(&key) {
        return None;
    }
    let state = failures.entry(key).or_insert_with(|| Failures {
        seen: at,
        of: Distinct::new(threshold.within),
    });
    state.seen = at;
    state.of.touch(value, at);
    let numbers = reached(state.of.used(at), threshold)?;
    state.of.clear();
    Some(numbers)
}

fn add(count: &mut Count, at: Micros) {
    count.expire(at);
    count.add(count.slot(at), 1);
}

const fn about(rule: Rule, at: Micros, numbers: Numbers, actions: Vec<Action>) -> Alarm {
    Alarm {
        at,
        rule,
        actions,
        numbers,
        session: None,
        principal: None,
        instance: None,
        network: None,
        documents: 0,
        people: 0,
    }
}
