//! Budgets, thresholds and the life of keys that a configuration sets other than the design's: bounded, written down, and told.
//!
//! `candour.json` is one person's file. So what it weakens is weakened within bounds outside a demonstration, stands in
//! the ledger from the keeper's start on, and on the trust page.

use candour_keeper_wire::wire::Limit;
use candour_rules::ages::AgeTable;
use candour_rules::budget::BudgetTable;
use candour_rules::detect::DetectionTable;
use candour_rules::time::Span;
use candour_seal::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;

/// How many times weaker than the design's a limit may be.
const WEAKER: u8 = 4;

/// Addresses that a rule leaves alone. Only their number is told: who sits behind which is nobody else's business.
const NETWORKS: &str = "detection.known_networks";

/// Bounds of their own: nobody is a child longer than that to any law, deposits are recalled as a batch, a share of a budget has no more than all of it, and a country
/// is busier than a region.
const BOUNDS: [(&str, f64); 7] = [
    ("ages.own_say", 14.0),
    ("ages.grown", 18.0),
    (NETWORKS, 64.0),
    ("budgets.client.deposited_hour_floor", 100_000.0),
    ("budgets.enrolled", 2_000_000.0),
    ("budgets.staff.step_up_percent", 100.0),
    ("detection.global_rate.base_per_second", 40.0),
];

/// Where a smaller number is the weaker one: windows, gaps, and how many things for each patient still look like theft.
const WEAKER_WHEN_LESS: [&str; 4] = [".within", ".at_once", ".gap", ".things_per_hundred"];

/// Computed for one false alarm a year; an installation sets `base_per_second` instead.
const FIXED: &str = "detection.global_rate.rows.";

/// How long keys serve, and for how long their copies are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyLife {
    /// A new epoch key after so many days. An erasure is final for whoever kept a backup too long once the epoch key of its
    /// day is destroyed, which is this, `backups_kept_days` and two days later at most. Less is sooner, and each key is
    /// one more unwrapping an hour until it is destroyed; 30 makes that two or three.
    pub epoch_key_days: NonZeroU16,
    /// For so many days backups are kept: they are restored with the epoch keys of their day, so those stay as long. No
    /// limit, but what the operator says of backups.
    pub backups_kept_days: u16,
}

impl Default for KeyLife {
    fn default() -> Self {
        Self {
            epoch_key_days: NonZeroU16::MIN.saturating_add(29),
            backups_kept_days: 35,
        }
    }
}

/// A setting that only a demonstration may have.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error(
    "candour.json sets {} to {}, and only a demonstration may go beyond {}. \
     Set it to that or stricter, or leave it out for {}", .0.name, .0.value, .0.bound, .0.usual
)]
pub struct BeyondBounds(Limit);

/// What is set, as far as it differs from the design.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Each that differs, by name.
    pub differing: Vec<Limit>,
    /// SHA-256 over a line `name=value` for every limit, in the order of their names.
    pub digest: Digest,
}

impl Limits {
    /// Of these tables.
    pub fn of(
        budgets: &BudgetTable,
        detection: &DetectionTable,
        life: KeyLife,
        ages: &AgeTable,
    ) -> Self {
        let tables = |budgets, detection, life: KeyLife, ages| {
            let days = life.epoch_key_days;
            flat(&json!({
                "budgets": budgets, "detection": detection, "epoch_key_days": days, "ages": ages,
            }))
        };
        let mut set = tables(json!(budgets), json!(detection), life, json!(ages));
        let lines = set.iter().fold(String::new(), |lines, (name, value)| {
            lines + name + "=" + value + "\n"
        });
        set.retain(|name, _| !name.starts_with(NETWORKS));
        set.insert(
            NETWORKS.to_owned(),
            detection.known_networks.len().to_string(),
        );
        let (budgets, detection) = (BudgetTable::default(), DetectionTable::default());
        let mut usual = tables(
            json!(budgets),
            json!(detection),
            KeyLife::default(),
            json!(AgeTable::default()),
        );
        usual.insert(NETWORKS.to_owned(), "0".to_owned());
        let names: BTreeSet<&String> = set.keys().chain(usual.keys()).collect();
        let differing = names
            .into_iter()
            .map(|name| limit(name, set.get(name), usual.get(name)))
            .filter(|limit| limit.value != limit.usual)
            .collect();
        Self {
            differing,
            digest: Digest::of(lines.as_bytes()),
        }
    }

    /// Refuses the first that is out of bounds.
    pub fn are_within_bounds(&self) -> Result<(), BeyondBounds> {
        let beyond = self.differing.iter().find(|limit| limit.is_beyond);
        beyond.map_or(Ok(()), |limit| Err(BeyondBounds(limit.clone())))
    }

    /// What differs, in one line.
    pub fn in_words(&self) -> String {
        let word = |limit: &Limit| format!("{} {} ({})", limit.name, limit.value, limit.usual);
        self.differing
            .iter()
            .map(word)
            .collect::<Vec<_>>()
            .join("; ")
    }
}

fn limit(name: &str, set: Option<&String>, usual: Option<&String>) -> Limit {
    let text = |found: Option<&String>| found.map_or("nothing", String::as_str).to_owned();
    let (set, usual) = (text(set), text(usual));
    let is_less_weaker = WEAKER_WHEN_LESS.iter().any(|end| name.ends_with(end));
    let own = BOUNDS.iter().find(|(known, _)| *known == name);
    let (bound, is_beyond) = match (usual.parse::<f64>(), span(&usual)) {
        _ if name.starts_with(FIXED) => (usual.clone(), set != usual),
        (Ok(usual), _) => {
            let times = f64::from(WEAKER);
            let by_times = if is_less_weaker {
                usual / times
            } else {
                usual * times
            };
            let bound = own.map_or(by_times, |(_, bound)| *bound);
            (
                bound.to_string(),
                is_weaker(set.parse().ok(), bound, is_less_weaker),
            )
        }
        (_, Some(usual)) => {
            let times = i64::from(WEAKER);
            let bound = if is_less_weaker {
                usual / times
            } else {
                usual * times
            };
            let is_beyond = is_weaker(span(&set), bound, is_less_weaker);
            (Span::micros(bound).to_string(), is_beyond)
        }
        _ => (usual.clone(), set != usual),
    };
    Limit {
        name: name.to_owned(),
        value: set,
        usual,
        bound,
        is_beyond,
    }
}

fn span(text: &str) -> Option<i64> {
    Span::try_from(text.to_owned()).ok().map(Span::as_micros)
}

fn is_weaker<T: PartialOrd + Copy>(set: Option<T>, bound: T, is_less_weaker: bool) -> bool {
    set.is_none_or(|set| {
        if is_less_weaker {
            set < bound
        } else {
            set > bound
        }
    })
}

/// Every value by the names that lead to it.
fn flat(tables: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![(String::new(), tables)];
    while let Some((name, value)) = open.pop() {
        let below = |part: &str| format!("{name}{}{part}", if name.is_empty() { "" } else { "." });
        match value {
            Value::Object(fields) => {
                open.extend(fields.iter().map(|(part, value)| (below(part), value)));
            }
            Value::Array(rows) => {
                let rows = rows.iter().enumerate();
                open.extend(rows.map(|(number, value)| (below(&number.to_string()), value)));
            }
            Value::String(text) => drop(found.insert(name, text.clone())),
            other => drop(found.insert(name, other.to_string())),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(set: &Value) -> Limits {
        let table = |name: &str| set.get(name).cloned().unwrap_or_else(|| json!({}));
        Limits::of(
            &serde_json::from_value(table("budgets")).unwrap(),
            &serde_json::from_value(table("detection")).unwrap(),
            serde_json::from_value(set.clone()).unwrap(),
            &serde_json::from_value(table("ages")).unwrap(),
        )
    }

    #[test]
    fn the_design_s_own_numbers_differ_in_nothing_and_are_within_bounds() {
        let usual = limits(&json!({}));
        assert!(usual.differing.is_empty(), "{:?}", usual.differing);
        assert_eq!(usual.are_within_bounds(), Ok(()));
        assert_eq!(usual.in_words(), "");
    }

    #[test]
    fn a_limit_may_be_set_stricter_and_weaker_up_to_its_bound_and_is_told_either_way() {
        for (set, told) in [
            (json!({"epoch_key_days": 7}), "epoch_key_days 7 (30)"),
            (json!({"epoch_key_days": 120}), "epoch_key_days 120 (30)"),
            (
                json!({"budgets": {"staff": {"opened_hour": 5}}}),
                "budgets.staff.opened_hour 5 (60)",
            ),
            (
                json!({"ages": {"own_say": 10, "grown": 18}}),
                "ages.grown 18 (16); ages.own_say 10 (12)",
            ),
            (
                json!({"budgets": {"staff": {"opened_hour": 240}}}),
                "budgets.staff.opened_hour 240 (60)",
            ),
            (
                json!({"budgets": {"staff": {"fresh": "20 min"}}}),
                "budgets.staff.fresh 20 min (5 min)",
            ),
            (
                json!({"budgets": {"staff": {"step_up_percent": 100}}}),
                "budgets.staff.step_up_percent 100 (80)",
            ),
            (
                json!({"budgets": {"client": {"deposited_hour_floor": 100_000}}}),
                "budgets.client.deposited_hour_floor 100000 (500)",
            ),
            (
                json!({"detection": {"machine_timing": {"gap": "100 ms"}}}),
                "detection.machine_timing.gap 100 ms (400 ms)",
            ),
            (
                json!({"detection": {"known_networks": ["203.0.113.7", "2001:db8:1:2::"]}}),
                "detection.known_networks 2 (0)",
            ),
            (
                json!({"detection": {"global_rate": {"base_per_second": 40.0}}}),
                "detection.global_rate.base_per_second 40.0 (3.0)",
            ),
        ] {
            let limits = limits(&set);
            assert_eq!(limits.in_words(), told);
            assert_eq!(limits.are_within_bounds(), Ok(()), "{told}");
            assert_ne!(limits.digest, super::tests::limits(&json!({})).digest);
        }
    }

    #[test]
    fn another_known_network_is_another_digest_though_only_their_number_is_told() {
        let of = |network: &str| limits(&json!({"detection": {"known_networks": [network]}}));
        let (one, other) = (of("203.0.113.7"), of("203.0.113.8"));
        assert_eq!(one.differing, other.differing);
        assert!(!format!("{:?}", one.differing).contains("203.0"));
        assert_ne!(one.digest, other.digest);
    }

    #[test]
    fn a_limit_beyond_its_bound_is_refused_with_its_name_and_the_way_out() {
        for (set, name) in [
            (json!({"epoch_key_days": 121}), "epoch_key_days to 121"),
            (
                json!({"budgets": {"staff": {"opened_hour": 241}}}),
                "budgets.staff.opened_hour to 241",
            ),
            (json!({"ages": {"grown": 19}}), "ages.grown to 19"),
            (json!({"ages": {"own_say": 15}}), "ages.own_say to 15"),
            (
                json!({"budgets": {"staff": {"step_up_percent": 101}}}),
                "budgets.staff.step_up_percent to 101",
            ),
            (
                json!({"budgets": {"patient": {"documents_day": 1_000_000}}}),
                "budgets.patient.documents_day to 1000000",
            ),
            (
                json!({"detection": {"foreign_patients": {"count": 17, "within": "1 min"}}}),
                "detection.foreign_patients.count to 17",
            ),
            (
                json!({"detection": {"foreign_patients": {"count": 3, "within": "14 s"}}}),
                "detection.foreign_patients.within to 14 s",
            ),
            (
                json!({"detection": {"breadth": {"things_per_hundred": 30}}}),
                "detection.breadth.things_per_hundred to 30",
            ),
            (
                json!({"detection": {"known_networks": vec!["203.0.113.7"; 65]}}),
                "detection.known_networks to 65",
            ),
            (
                json!({"detection": {"ordered_walk": {"older_than": "57 d"}}}),
                "detection.ordered_walk.older_than to 57 d",
            ),
            (
                json!({"detection": {"global_rate": {"rows": []}}}),
                "detection.global_rate.rows.0.base_per_second to nothing",
            ),
            (
                json!({"detection": {"global_rate": {"rows": [{"base_per_second": 0.2, "within": "10 s", "count": 50}]}}}),
                "detection.global_rate.rows.0.count to 50",
            ),
        ] {
            let said = limits(&set).are_within_bounds().unwrap_err().to_string();
            assert!(
                said.contains(name) && said.contains("leave it out"),
                "{said}"
            );
        }
    }
}
