//! Closing a case over the room's own pages, by officers with real passkeys.

use crate::approved::{approve, case, desk, put, step, today, told};
use crate::browser::{Browser, Served, officer, served, signatories};
use crate::support::{Row, append};
use crate::world::{World, world};
use candour_keeper_api::words::EntryKind;
use candour_room::{clocks, incidents, sender};
use candour_seal::IncidentId;
use std::fs;

/// An approved case with somebody to ring, whose other messages have left.
async fn approved(served: &Served, world: &World) -> IncidentId {
    let case = case(served).await;
    put(served, world, case, 1, &[(1, "confirmed")]).await;
    approve(served, case).await;
    case
}

async fn all_left(served: &Served) {
    let left =
        "update notice set state = 'handed_over', handed_over_at = now() where state = 'waiting'";
    execute(served, left).await;
}

async fn execute(served: &Served, statement: &str) {
    let client = served.room.pool.get().await.unwrap();
    client.batch_execute(statement).await.unwrap();
}

fn site(served: &Served, file: &str) -> String {
    fs::read_to_string(served.room.config.status_dir.join(file)).unwrap()
}

async fn is_closed(served: &Served, case: IncidentId) -> bool {
    let incident = incidents::find(&served.room.pool, case).await.unwrap();
    incident.unwrap().closed_at.is_some()
}

fn is_turned_away(page: &str) -> bool {
    page.starts_with("HTTP/1.1 303")
}

#[tokio::test]
async fn two_different_officers_close_a_case_and_the_status_site_promises_nothing_more() {
    let world = world().await;
    let served = served(&world).await;
    let case = approved(&served, &world).await;
    let roles = ["privacy_officer", "communications_officer"];
    let mut officers = signatories(&world, served.at, &roles).await;
    assert!(site(&served, "site/incident-1.html").contains("Next update by"));
    assert!(is_turned_away(&officers[0].show(case, "close").await));
    all_left(&served).await;
    let page = officers[0].act(case, "close").await;
    for said in [
        "I close this incident after review. Its numbers are those of scope version 1.",
        "People on call lists whom nobody has told yet: 1.",
        "Duties that are not done: 2.",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(
        is_turned_away(&officers[0].show(case, "close").await),
        "not twice"
    );
    assert!(!is_closed(&served, case).await);
    officers[1].act(case, "close").await;
    assert!(is_closed(&served, case).await);
    step(&served).await;
    let page = site(&served, "site/incident-1.html");
    assert!(page.contains("We closed this case on"), "{page}");
    assert!(page.contains("Statement 1"), "{page}");
    assert!(!page.contains("update by"), "{page}");
    assert!(site(&served, "site/index.html").contains("Closed on"));
    assert!(site(&served, "codes").lines().count() > 0);
    let timeline = incidents::events(&served.room.pool, case).await.unwrap();
    let closed = timeline.iter().filter(|event| event.word == "closed");
    assert_eq!(closed.count(), 1);
}

#[tokio::test]
async fn after_the_closing_a_practice_goes_on_and_the_clock_of_telling_people_can_stop() {
    let world = world().await;
    let served = served(&world).await;
    let case = approved(&served, &world).await;
    all_left(&served).await;
    let roles = ["privacy_officer", "security_officer"];
    for officer in &mut signatories(&world, served.at, &roles).await {
        officer.act(case, "close").await;
    }
    step(&served).await;
    let (desk, list) = desk(&served, &world, case).await;
    let page = desk.get(&list).await;
    assert!(page.contains("This incident was closed on"), "{page}");
    assert!(!page.contains("A newer version of this list"), "{page}");
    assert!(told(&desk, &list, 1).await.starts_with("HTTP/1.1 303"));
    let now = today();
    sender::step(&served.room, now).await.unwrap();
    let zone = &served.room.config.zone;
    let running = clocks::running(&served.room.pool, case, zone, now).await;
    let running = running.unwrap();
    let person = running.iter().find(|clock| clock.duty == "person").unwrap();
    let state = format!("{:?}", person.state);
    assert!(
        state.starts_with("Met") || state.starts_with("Late"),
        "{state}"
    );
}

#[tokio::test]
async fn a_signal_before_the_closing_belongs_to_the_case_and_a_later_one_is_another() {
    let world = world().await;
    let served = served(&world).await;
    let case = approved(&served, &world).await;
    let stop = Row::of_keeper(EntryKind::Freeze, 0);
    let pool = &served.room.pool;
    append(pool, &[stop]).await;
    step(&served).await;
    all_left(&served).await;
    let roles = ["privacy_officer", "security_officer"];
    for officer in &mut signatories(&world, served.at, &roles).await {
        officer.act(case, "close").await;
    }
    step(&served).await;
    assert_eq!(incidents::all(pool).await.unwrap().len(), 1);
    append(pool, &[stop]).await;
    step(&served).await;
    let all = incidents::all(pool).await.unwrap();
    let open = all.iter().filter(|incident| incident.closed_at.is_none());
    assert_eq!((all.len(), open.count()), (2, 1));
}

#[tokio::test]
async fn a_case_stays_open_while_a_run_lives_a_message_waits_or_a_newer_version_is_checked() {
    let world = world().await;
    let served = served(&world).await;
    let case = approved(&served, &world).await;
    let desk = Browser {
        room: served.at,
        cookie: officer(&world).await,
    };
    let says = async |words: &str| {
        let page = desk.get(&format!("/incidents/{case}")).await;
        assert!(page.contains(words), "{words}: {page}");
        let step = desk.get(&format!("/incidents/{case}/acts/close")).await;
        assert!(is_turned_away(&step), "{step}");
    };
    says("Not yet: messages wait to be sent.").await;
    all_left(&served).await;
    let run = "insert into run (id, incident, text_version, scope_version, begun_at)
        select decode(repeat('06', 16), 'hex'), id, 1, 1, now() from incident";
    execute(&served, run).await;
    says("Not yet: people are being told.").await;
    execute(&served, "update run set finished_at = now()").await;
    append(&served.room.pool, &[Row::delivered(1, 10)]).await;
    // Before the room has computed it, and after.
    says("Not yet: what was lost is under review.").await;
    step(&served).await;
    says("Not yet: what was lost is under review.").await;
    let more = [(1, "confirmed"), (2, "confirmed")];
    put(&served, &world, case, 2, &more).await;
    says("Not yet: what was lost is under review.").await;
    approve(&served, case).await;
    all_left(&served).await;
    // Approved, and nothing is out yet.
    let out = "update text_version set published_at";
    execute(&served, &format!("{out} = null where kind = 'statement'")).await;
    says("Not yet: what was lost is under review.").await;
    execute(
        &served,
        &format!("{out} = made_at where published_at is null"),
    )
    .await;
    let page = desk.get(&format!("/incidents/{case}")).await;
    assert!(
        page.contains(&format!("/incidents/{case}/acts/close")),
        "{page}"
    );
}

#[tokio::test]
async fn an_answer_closes_nothing_when_what_its_page_showed_has_changed() {
    let world = world().await;
    let served = served(&world).await;
    let case = approved(&served, &world).await;
    all_left(&served).await;
    let roles = ["privacy_officer", "security_officer"];
    let mut officers = signatories(&world, served.at, &roles).await;
    officers[0].act(case, "close").await;
    let page = officers[1].show(case, "close").await;
    append(&served.room.pool, &[Row::delivered(1, 10)]).await;
    let answer = officers[1].answer(case, "close", &page).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert!(answer.contains("Nothing was closed."), "{answer}");
    step(&served).await;
    put(&served, &world, case, 2, &[(1, "confirmed")]).await;
    approve(&served, case).await;
    all_left(&served).await;
    // The first officer closed another version: both must answer anew.
    officers[1].act(case, "close").await;
    assert!(!is_closed(&served, case).await);
    officers[0].act(case, "close").await;
    assert!(is_closed(&served, case).await);
}

#[tokio::test]
async fn a_case_in_which_nothing_was_lost_or_nobody_is_named_can_be_closed() {
    for row in [
        Row::of_keeper(EntryKind::Freeze, 0),
        Row {
            session: 0,
            principal: 0,
            ..Row::of_keeper(EntryKind::Alarm, 101)
        },
    ] {
        let world = world().await;
        let served = served(&world).await;
        append(&served.room.pool, &[row]).await;
        step(&served).await;
        let case = incidents::all(&served.room.pool).await.unwrap()[0].id;
        let roles = ["privacy_officer", "security_officer"];
        for officer in &mut signatories(&world, served.at, &roles).await {
            officer.act(case, "close").await;
        }
        assert!(is_closed(&served, case).await);
        let desk = Browser {
            room: served.at,
            cookie: officer(&world).await,
        };
        let page = desk.get(&format!("/incidents/{case}")).await;
        assert!(page.contains("This incident was closed on"), "{page}");
        assert!(!page.contains("people must find it out"), "{page}");
    }
}
