//! Budgets and thresholds that are set other than the design's: bounded, in the ledger, told, and on their page.

use candour_keeper::clock::{Clock, SetClock};
use candour_keeper::core::{Core, CoreError, CoreParts};
use candour_keeper::instances::InstanceKind;
use candour_keeper::limits::{KeyLife, Limits};
use candour_keeper::making;
use candour_keeper_api::bodies::{open_body, open_hour_key};
use candour_keeper_api::wire::{self, Call, Reply, StatusQuestion};
use candour_keeper_api::words::EntryKind;
use candour_rules::ages::AgeTable;
use candour_rules::budget::BudgetTable;
use candour_rules::detect::DetectionTable;
use candour_seal::{RoomPrivateKey, RootKey};
use candour_testkit::keeper::{KEEPER, Settings};
use candour_testkit::{TestCluster, TestKeeper};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Another value of the same kind wherever there is one, and one more where there is none.
fn changed(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), changed(value)))
            .collect(),
        Value::Array(rows) if rows.is_empty() => json!(["203.0.113.7"]),
        Value::Array(rows) => rows.iter().map(changed).collect(),
        Value::String(_) => json!("7 us"),
        Value::Number(number) => number
            .as_u64()
            .map_or_else(|| json!(7.5), |count| json!(count + 1)),
        other => other.clone(),
    }
}

#[test]
fn the_page_of_limits_names_each_with_the_design_s_number_and_its_bound() {
    let budgets = serde_json::to_value(BudgetTable::default()).unwrap();
    let detection = serde_json::to_value(DetectionTable::default()).unwrap();
    let ages = serde_json::to_value(AgeTable::default()).unwrap();
    let limits = Limits::of(
        &serde_json::from_value(changed(&budgets)).unwrap(),
        &serde_json::from_value(changed(&detection)).unwrap(),
        serde_json::from_value(json!({ "epoch_key_days": 7 })).unwrap(),
        &serde_json::from_value(changed(&ages)).unwrap(),
    );
    let (rows, limits): (Vec<_>, Vec<_>) = limits
        .differing
        .into_iter()
        .partition(|limit| limit.name.starts_with("detection.global_rate.rows."));
    assert_eq!(rows.len(), 21);
    let known: BTreeSet<String> = limits
        .iter()
        .map(|limit| format!("| `{}` | {} | {} ", limit.name, limit.usual, limit.bound))
        .collect();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operate/limits.md");
    let page = std::fs::read_to_string(page).unwrap();
    let told: BTreeSet<String> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.splitn(5, '|').take(4).collect::<Vec<_>>().join("|"))
        .collect();
    assert_eq!(known, told);
}

fn opened_in_an_hour(patients: u32) -> BudgetTable {
    let mut budgets = BudgetTable::default();
    budgets.staff.opened_hour = patients;
    budgets
}

fn knowing(networks: &[&str]) -> DetectionTable {
    DetectionTable {
        known_networks: networks.iter().map(|text| (*text).to_owned()).collect(),
        ..DetectionTable::default()
    }
}

/// Whether a keeper of a real installation starts with this budget and these networks.
async fn a_real_one_starts(opened_hour: u32, networks: &[&str]) -> Result<(), CoreError> {
    let database = TestCluster::shared().database(&KEEPER).await;
    let root = || RootKey::from_bytes(&[7; 32]);
    let clock = Arc::new(SetClock::new("2026-03-02T21:00:00Z".parse().unwrap()));
    making::make(&database.config(), &root(), false, clock.now())
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let parts = CoreParts {
        database: database.config(),
        root: root(),
        root_kind: "key file",
        wrong_tries: 0,
        token: None,
        folder: folder.path().to_owned(),
        public: folder.path().join("ledger"),
        relying_party: "localhost".to_owned(),
        origins: Vec::new(),
        shares_user: false,
        clock,
        budgets: opened_in_an_hour(opened_hour),
        detection: knowing(networks),
        life: KeyLife::default(),
        ages: AgeTable::default(),
        volume: Settings::default().volume,
        witnesses: Settings::default().witnesses,
        read_at_start: Settings::default().read_at_start,
    };
    let started = Core::start(parts, stop.clone(), &tasks).await;
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    started.map(drop)
}

#[tokio::test]
async fn a_real_installation_does_not_start_with_a_limit_beyond_its_bound_and_says_which() {
    a_real_one_starts(240, &[]).await.unwrap();
    let refused = a_real_one_starts(241, &[]).await;
    let refused = refused.unwrap_err().to_string();
    assert_eq!(
        refused,
        "candour.json sets budgets.staff.opened_hour to 241, and only a demonstration may go beyond 240. \
         Set it to that or stricter, or leave it out for 60"
    );
}

#[tokio::test]
async fn a_real_installation_starts_with_known_networks_and_not_with_a_text_that_is_none() {
    let networks = ["203.0.113.7", "2001:db8:1:2::"];
    a_real_one_starts(60, &networks).await.unwrap();
    for none in ["203.0.113.0/24", "203.0.113.777", ""] {
        let refused = a_real_one_starts(60, &["203.0.113.7", none]).await;
        let refused = refused.unwrap_err().to_string();
        let names = format!("detection.known_networks to hold {none:?}, which is no address");
        assert!(refused.contains(&names), "{refused}");
    }
}

#[tokio::test]
async fn of_known_networks_everybody_is_told_how_many_and_nobody_which() {
    let database = TestCluster::shared().database(&KEEPER).await;
    let settings = Settings {
        detection: knowing(&["203.0.113.7", "203.0.113.8"]),
        ..Settings::default()
    };
    let keeper = TestKeeper::start_with(&database, settings).await;
    let portal = keeper.client(InstanceKind::Portal);
    let Reply::Status(status) = portal.call(Call::Status(StatusQuestion {})).await.unwrap() else {
        panic!("not a status");
    };
    let told: Vec<_> = status
        .limits
        .iter()
        .map(|limit| (limit.name.as_str(), limit.value.as_str(), limit.is_beyond))
        .collect();
    assert_eq!(told, [("detection.known_networks", "2", false)]);
    assert!(!format!("{status:?}").contains("203.0.113"));
}

#[tokio::test]
async fn what_a_demonstration_sets_otherwise_stands_in_its_start_entry_and_is_told_to_everybody() {
    let database = TestCluster::shared().database(&KEEPER).await;
    let settings = Settings {
        budgets: opened_in_an_hour(1_000),
        ..Settings::default()
    };
    let keeper = TestKeeper::start_with(&database, settings).await;
    let portal = keeper.client(InstanceKind::Portal);
    let Reply::Status(status) = portal.call(Call::Status(StatusQuestion {})).await.unwrap() else {
        panic!("not a status");
    };
    let [limit] = status.limits.as_slice() else {
        panic!("{:?}", status.limits);
    };
    assert_eq!(limit.name, "budgets.staff.opened_hour");
    assert_eq!((limit.value.as_str(), limit.usual.as_str()), ("1000", "60"));
    assert!(limit.is_beyond);

    let question = Call::EntriesAfter(wire::EntriesAfter {
        from: 0,
        limit: 100,
        wait_ms: 0,
    });
    let room = keeper.client(InstanceKind::Room);
    let Reply::Entries(entries) = room.call(question).await.unwrap() else {
        panic!("not an answer to entries");
    };
    let private = keeper.core.room_key().unwrap();
    let private = RoomPrivateKey::from_bytes(&private);
    let hour = open_hour_key(&entries.keys[0].sealed, entries.keys[0].hour, &private).unwrap();
    let start = entries.entries.iter();
    let start = start
        .clone()
        .find(|entry| entry.kind == i32::from(EntryKind::Start))
        .unwrap();
    let body = open_body(&start.body, &start.room_wrap, start.index, &hour).unwrap();
    assert_eq!(body.text, "budgets.staff.opened_hour 1000 (60)");
    let set = Limits::of(
        &opened_in_an_hour(1_000),
        &DetectionTable::default(),
        KeyLife::default(),
        &AgeTable::default(),
    );
    assert_eq!(body.details, set.digest.as_bytes());
}
