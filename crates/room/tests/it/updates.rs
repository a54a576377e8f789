//! Updates between statements, over the room's own pages.

use crate::approved::{approve, case, put, today};
use crate::browser::{Browser, Served, officer, served, signatories};
use crate::support::{Row, append};
use crate::world::{World, world};
use candour_room::incidents;
use candour_room::publish;
use candour_room::texts::{self, TextKind};
use candour_room::{scope, steward, updates};
use candour_seal::{IncidentId, PersonId};
use std::fs;

/// A case with a statement whose promised time is so many hours from now.
async fn promised(served: &Served, world: &World, hours: i32) -> IncidentId {
    let case = case(served).await;
    put(served, world, case, 1, &[(1, "confirmed")]).await;
    approve(served, case).await;
    let client = served.room.pool.get().await.unwrap();
    let promise = "update statement set next_update_at = now() + make_interval(hours => $1)";
    client.execute(promise, &[&hours]).await.unwrap();
    step(served).await;
    case
}

async fn step(served: &Served) {
    steward::step(&served.room, today()).await.unwrap();
}

async fn kinds(served: &Served) -> Vec<TextKind> {
    let statements = publish::statements(&served.room.pool).await.unwrap();
    statements.iter().map(|statement| statement.kind).collect()
}

async fn case_page(served: &Served, world: &World, case: IncidentId) -> String {
    let desk = Browser {
        room: served.at,
        cookie: officer(world).await,
    };
    desk.get(&format!("/incidents/{case}")).await
}

fn public_page(served: &Served) -> String {
    let file = served.room.config.status_dir.join("site/incident-1.html");
    fs::read_to_string(file).unwrap()
}

#[tokio::test]
async fn two_officers_approve_that_there_is_nothing_new_and_it_becomes_the_next_statement() {
    let world = world().await;
    let served = served(&world).await;
    let case = promised(&served, &world, 11).await;
    let page = case_page(&served, &world, case).await;
    assert!(
        page.contains("The status site promises an update by"),
        "{page}"
    );
    let roles = ["privacy_officer", "communications_officer"];
    let mut officers = signatories(&world, served.at, &roles).await;
    let shown = officers[0].act(case, "update").await;
    for said in [
        "There is nothing new. The numbers that we published still hold.",
        "Records of fewer than 10 people were opened.",
        "We write here again by",
    ] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    step(&served).await;
    assert_eq!(
        kinds(&served).await,
        [TextKind::Statement],
        "one is not enough"
    );
    officers[1].act(case, "update").await;
    step(&served).await;
    step(&served).await;
    assert_eq!(
        kinds(&served).await,
        [TextKind::Update, TextKind::Statement]
    );
    let public = public_page(&served);
    for said in [
        "<h1>Records were seen</h1>",
        "Statement 2: nothing new",
        "Statement 1<",
        "Next update by",
        "We promised the next update by",
    ] {
        assert!(public.contains(said), "{said}: {public}");
    }
    let page = case_page(&served, &world, case).await;
    assert!(!page.contains("an update by"), "{page}");
}

#[tokio::test]
async fn while_the_promised_time_is_far_no_update_is_offered_and_once_it_is_past_everybody_reads_so()
 {
    let world = world().await;
    let served = served(&world).await;
    let case = promised(&served, &world, 13).await;
    let page = case_page(&served, &world, case).await;
    assert!(!page.contains("update"), "{page}");
    let client = served.room.pool.get().await.unwrap();
    let past = "update statement set next_update_at = now() - interval '1 hour'";
    client.execute(past, &[]).await.unwrap();
    step(&served).await;
    let page = case_page(&served, &world, case).await;
    assert!(page.contains("and none was published"), "{page}");
    assert!(
        page.contains(&format!("/incidents/{case}/acts/update")),
        "{page}"
    );
    let public = public_page(&served);
    assert!(public.contains("It is late, and we are sorry."), "{public}");
}

#[tokio::test]
async fn an_update_whose_numbers_no_longer_hold_is_not_published() {
    let world = world().await;
    let served = served(&world).await;
    let case = promised(&served, &world, 11).await;
    let pool = &served.room.pool;
    let incident = incidents::find(pool, case).await.unwrap().unwrap();
    let scope = scope::latest(pool, case).await.unwrap().unwrap();
    let offered = updates::offered(pool, &incident, &scope, today()).await;
    let hash = offered.unwrap().unwrap().draft.hash();
    append(pool, &[Row::delivered(1, 10)]).await;
    for officer in [4, 5] {
        let approval = texts::Approval {
            officer: PersonId::from_bytes([officer; 16]),
            role: 6,
            at: today(),
            entry_index: officer.into(),
        };
        texts::approve(pool, case, hash, &approval).await.unwrap();
    }
    step(&served).await;
    assert_eq!(kinds(&served).await, [TextKind::Statement]);
    let page = case_page(&served, &world, case).await;
    assert!(
        !page.contains(&format!("/incidents/{case}/acts/update")),
        "{page}"
    );
}
