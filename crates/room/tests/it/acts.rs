//! Steps of officers over the room's own pages.

use crate::browser::{Browser, officer};
use crate::world::{World, world};
use candour_room::acts::{self, Pending, TwoPersonAct};
use candour_room::room::Room;
use candour_seal::{IncidentId, PersonId};
use jiff::Timestamp;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const CASE: IncidentId = IncidentId::from_bytes([9; 16]);
const OTHER: IncidentId = IncidentId::from_bytes([8; 16]);

/// Two open cases.
async fn cases(world: &World) {
    let rows = "
        insert into incident (id, opened_at, trigger_index, rule, session, principal) values
            (decode(repeat('09', 16), 'hex'), now(), 1, 2, 7, 70),
            (decode(repeat('08', 16), 'hex'), now(), 2, 2, 6, 60)";
    let client = world.room.pool.get().await.unwrap();
    client.batch_execute(rows).await.unwrap();
}

#[tokio::test]
async fn an_answer_at_the_address_of_another_act_or_case_does_nothing_and_says_so() {
    let world = world().await;
    cases(&world).await;
    let waiting = Pending {
        id: [3; 16],
        officer: PersonId::from_bytes([4; 16]),
        begun_at: Timestamp::from_second(1_763_760_060).unwrap(),
    };
    let pool = &world.room.pool;
    acts::begun(pool, CASE, TwoPersonAct::Run, &waiting)
        .await
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let browser = Browser {
        room: listener.local_addr().unwrap(),
        cookie: officer(&world).await,
    };
    let room = Arc::new(Room::open(world.room.config.clone()).await.unwrap());
    let stop = CancellationToken::new();
    let running = TaskTracker::new().spawn(candour_room::run_on(room, listener, stop.clone()));

    let ceremony = browser.begin(CASE, "unlock").await;
    let elsewhere = [
        (CASE, "run"),
        (CASE, "approve"),
        (CASE, "take-in-7"),
        (OTHER, "unlock"),
    ];
    for (case, act) in elsewhere {
        let page = browser.answer(case, act, &ceremony).await;
        assert!(page.starts_with("HTTP/1.1 403"), "{act}: {page}");
        assert!(page.contains("not for this step"), "{act}: {page}");
    }
    let left = acts::pending(pool, CASE, TwoPersonAct::Run).await.unwrap();
    assert_eq!(left, Some(waiting), "another officer's run still waits");
    // At its own address the keeper is asked, which this answer does not satisfy.
    let page = browser.answer(CASE, "unlock", &ceremony).await;
    assert!(page.starts_with("HTTP/1.1 403"), "{page}");
    assert!(!page.contains("not for this step"), "{page}");

    stop.cancel();
    running.await.unwrap().unwrap();
}
