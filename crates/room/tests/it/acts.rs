//! Steps of officers over the room's own pages.

use crate::world::{World, world};
use candour_keeper::facts::{CodeSheet, Fact, OperatorRole};
use candour_keeper::instances::InstanceKind;
use candour_keeper::session::{NewSession, Principal};
use candour_keeper_api::words::Role;
use candour_room::acts::{self, Pending, TwoPersonAct};
use candour_room::room::Room;
use candour_seal::{IncidentId, PersonId, SystemRandom};
use candour_testkit::keeper::instance;
use jiff::Timestamp;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
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

/// The cookie of a privacy officer who answers with a code: what a page shows is the same as for a passkey.
pub async fn officer(world: &World) -> String {
    let keeper = &world.keeper;
    let person = PersonId::from_bytes(keeper.next_id("officer"));
    let role = Fact::OperatorRole(OperatorRole {
        role: Role::PrivacyOfficer.into(),
        ..OperatorRole::default()
    });
    let codes = Fact::CodeSheet(CodeSheet {
        hashes: vec![vec![0; 32]],
    });
    keeper.account(person, vec![role, codes]).await;
    let new = NewSession {
        principal: Principal::Person(person),
        role: Role::PrivacyOfficer,
        practice: None,
        instance: instance(InstanceKind::Room),
        by_passkey: true,
        own_patient: None,
    };
    let core = &keeper.core;
    let now = core.clock.now();
    let begun = core.sessions.begin(&core.keys, new, now, &mut SystemRandom);
    let (token, _) = begun.unwrap();
    let mut cookie = String::from("__Host-room=");
    for byte in token.expose() {
        write!(cookie, "{byte:02x}").unwrap();
    }
    cookie
}

pub struct Browser {
    pub room: SocketAddr,
    pub cookie: String,
}

impl Browser {
    pub async fn send(&self, head: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.room).await.unwrap();
        let (cookie, length) = (&self.cookie, body.len());
        let request = format!(
            "{head} HTTP/1.1\r\nHost: room\r\nConnection: close\r\nCookie: {cookie}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// Begins a step; the ceremony of its page.
    async fn begin(&self, case: IncidentId, act: &str) -> String {
        let page = self
            .send(&format!("GET /incidents/{case}/acts/{act}"), "")
            .await;
        let (_, rest) = page
            .split_once("name=\"ceremony\" value=\"")
            .unwrap_or_else(|| panic!("no step is offered: {page}"));
        rest.split('"').next().unwrap().to_owned()
    }

    /// Answers a ceremony at an address.
    async fn answer(&self, case: IncidentId, act: &str, ceremony: &str) -> String {
        let head = format!("POST /incidents/{case}/acts/{act}");
        let body = format!("ceremony={ceremony}&answer=%7B%7D");
        self.send(&head, &body).await
    }
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
