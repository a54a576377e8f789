//! Whoever has the portal's database does not find its canaries.

use candour_app::App;
use candour_app::sign_in::ClientCredential;
use candour_drill::canaries::{Seen, Verdict, look};
use candour_drill::population::{Plan, Population};
use candour_drill::settle;
use candour_keeper::instances::InstanceKind;
use candour_keeper::practice::{Command, Ordered, carry_out, name_operators};
use candour_seal::Zeroizing;
use candour_store::{Objects, Placement, Store};
use candour_testkit::portal::PORTAL;
use candour_testkit::{TestCluster, TestKeeper};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Two practices with many canaries: one in two hundred would be too few to tell anything by.
fn plan() -> Plan {
    Plan {
        practices: 2,
        documents_per_patient: 0.5,
        canaries_per_practice: 120,
        ..Plan::new(480, 5, Plan::DAY)
    }
}

/// Deposits a population through the ordinary way, and looks at what stands in the portal's database then.
async fn seen(plan: Plan) -> Vec<Seen> {
    let (_kept, keeper) = TestKeeper::fresh().await;
    let portal = TestCluster::shared().database(&PORTAL).await;
    let folder = tempfile::tempdir().unwrap();
    let objects = Objects::open(folder.path(), Placement::Kept).unwrap();
    let store = Store::new(portal.config_as("candour_portal"), 4, objects).unwrap();
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let client = Arc::new(keeper.client(InstanceKind::Import));
    let app = Arc::new(App::start(client, store, &tasks, stop.clone()));
    let population = Arc::new(Population::new(plan).unwrap());
    let codes = name_operators(&keeper.core).await.unwrap();
    let mut programs = Vec::new();
    for practice in population.practices() {
        let command = Command::AddPractice {
            name: practice.name.clone(),
            region: practice.region.clone(),
            manager: "Practice manager".to_owned(),
        };
        let codes = codes.clone();
        let made = carry_out(&keeper.core, &Ordered { codes, command })
            .await
            .unwrap();
        programs.push(ClientCredential {
            client: made.client.parse().unwrap(),
            secret: Zeroizing::new(settle::bytes_of(&made.client_secret).unwrap()),
        });
    }
    let settled = settle::fill(&app, &population, &programs).await.unwrap();
    assert_eq!(settled.len(), usize::try_from(population.size()).unwrap());
    let canaries: BTreeSet<String> = settled
        .into_iter()
        .filter(|patient| patient.is_canary)
        .map(|patient| patient.patient)
        .collect();
    let config = portal.config_as("candour_migrator");
    let client = candour_embedded::cluster::connect(&config).await.unwrap();
    let seen = look(&client, &canaries).await.unwrap();
    stop.cancel();
    keeper.stop().await;
    seen
}

#[tokio::test]
async fn nothing_in_the_portal_s_database_tells_canaries_from_others_and_a_column_that_would_is_found()
 {
    let seen = seen(plan()).await;
    let verdict = Verdict::of(&seen);
    assert_eq!(verdict.counts, (240, 480));
    assert!(verdict.is_chance(), "{}", verdict.in_words());
    // The same rows, but canaries' identity blocks are a little larger.
    let column = candour_drill::canaries::COLUMNS
        .iter()
        .position(|name| *name == "bytes_of_identity");
    let mut planted = seen;
    for one in planted.iter_mut().filter(|one| one.is_canary) {
        one.values[column.unwrap()] += 64.0;
    }
    let verdict = Verdict::of(&planted);
    assert!(!verdict.is_chance(), "{}", verdict.in_words());
    assert!(verdict.auc.low > 0.5, "{}", verdict.in_words());
    let names: Vec<_> = verdict.telling.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["bytes_of_identity"], "{}", verdict.in_words());
}
