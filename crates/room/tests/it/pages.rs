//! What officers read and write down on the room's own pages.

use crate::browser::{Browser, officer};
use crate::world::{World, world};
use candour_room::room::Room;
use candour_room::texts::{self, Draft, TextKind};
use candour_room::{incidents, register};
use candour_seal::IncidentId;
use jiff::Timestamp;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

const CASE: IncidentId = IncidentId::from_bytes([9; 16]);
const PERSON: &str = "01010101010101010101010101010101";

/// A room that serves, an officer who is signed in there, and a case with one person who must not be written to.
struct Visit {
    world: World,
    browser: Browser,
    _stop: DropGuard,
}

async fn visit() -> Visit {
    let world = world().await;
    let practice = world.practice;
    let rows = format!(
        "insert into incident (id, opened_at, trigger_index, rule, session, principal)
             values (decode(repeat('09', 16), 'hex'), now(), 1, 2, 7, 70);
         insert into register (incident, patient, surrogate, state, route, reason, practices, is_deceased,
                is_unsafe_to_write, birth_year, country, scope_version, enrolled, approved_practices, approved_state)
             values (decode(repeat('09', 16), 'hex'), decode(repeat('01', 16), 'hex'), 1, 'confirmed', 'call',
                'unsafe_to_write', array[decode('{practice}', 'hex')], false, true, 1980, 'NZ', 1,
                array[decode('{practice}', 'hex')], array[decode('{practice}', 'hex')], 'confirmed')"
    );
    let client = world.room.pool.get().await.unwrap();
    client.batch_execute(&rows).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let browser = Browser {
        room: listener.local_addr().unwrap(),
        cookie: officer(&world).await,
    };
    let room = Arc::new(Room::open(world.room.config.clone()).await.unwrap());
    let stop = CancellationToken::new();
    TaskTracker::new().spawn(candour_room::run_on(room, listener, stop.clone()));
    Visit {
        world,
        browser,
        _stop: stop.drop_guard(),
    }
}

impl Visit {
    fn list(&self) -> String {
        format!("/incidents/{CASE}/practices/{}", self.world.practice)
    }

    async fn get(&self, path: &str) -> String {
        self.browser.send(&format!("GET {path}"), "").await
    }

    /// Writes down that the person was told today.
    async fn told(&self, how: &str) -> String {
        let page = self.get(&self.list()).await;
        let (_, today) = page.split_once("name=\"day\" value=\"").unwrap();
        let today = &today[..10];
        let head = format!("POST {}/told", self.list());
        let body = format!("patient={PERSON}&what=told&how={how}&day={today}");
        self.browser.send(&head, &body).await
    }

    /// How many people were written down as told.
    async fn written(&self) -> usize {
        let told = register::told(&self.world.room.pool, CASE).await;
        told.unwrap().len()
    }
}

#[tokio::test]
async fn whoever_is_signed_in_can_sign_out_on_every_page() {
    let visit = visit().await;
    for page in [
        "/incidents".to_owned(),
        format!("/incidents/{CASE}"),
        format!("/incidents/{CASE}/scope"),
        format!("/incidents/{CASE}/register"),
        format!("/incidents/{CASE}/notices"),
        visit.list(),
    ] {
        let shown = visit.get(&page).await;
        let header = shown.split("</header>").next().unwrap();
        assert!(header.contains("action=\"/sign-out\""), "{page}: {shown}");
    }
    let stranger = visit.get("/sign-in").await;
    assert!(!stranger.contains("action=\"/sign-out\""), "{stranger}");
}

#[tokio::test]
async fn nobody_unsafe_to_write_is_told_by_letter() {
    let visit = visit().await;
    let page = visit.get(&visit.list()).await;
    let (_, people) = page.split_once("id=\"call\"").unwrap();
    assert!(people.contains("By phone"), "{people}");
    assert!(!people.contains("By letter"), "{people}");
    let page = visit.told("letter").await;
    assert!(page.starts_with("HTTP/1.1 400"), "{page}");
    assert!(page.contains("Nobody may write to this person."), "{page}");
    assert_eq!(visit.written().await, 0);
    let page = visit.told("phone").await;
    assert!(page.starts_with("HTTP/1.1 303"), "{page}");
    assert_eq!(visit.written().await, 1);
}

#[tokio::test]
async fn nor_is_anybody_whose_contact_said_so_when_the_mail_was_to_leave() {
    let visit = visit().await;
    let said = "update register set is_unsafe_to_write = false, route = 'mail', reason = 'mail';
        insert into notice (id, incident, recipient, recipient_id, text_version, channel, state, last_error, code_hash,
            made_at)
        values (decode(repeat('05', 16), 'hex'), decode(repeat('09', 16), 'hex'), 'patient',
            decode(repeat('01', 16), 'hex'), 1, 'mail', 'on_call_list', 'unsafe_to_write',
            decode(repeat('00', 32), 'hex'), now())";
    let client = visit.world.room.pool.get().await.unwrap();
    client.batch_execute(said).await.unwrap();
    let page = visit.get(&visit.list()).await;
    let (_, people) = page.split_once("id=\"call\"").unwrap();
    assert!(people.contains("Must not be written to"), "{people}");
    assert!(!people.contains("By letter"), "{people}");
    assert!(visit.told("letter").await.starts_with("HTTP/1.1 400"));
    assert_eq!(visit.written().await, 0);
}

#[tokio::test]
async fn a_practice_that_no_mail_reaches_is_marked_as_told_by_an_officer_and_a_slip_is_corrected() {
    let visit = visit().await;
    let pool = &visit.world.room.pool;
    let row = format!(
        "insert into notice (id, incident, recipient, recipient_id, text_version, channel, state, code_hash, made_at)
         values (decode(repeat('05', 16), 'hex'), decode(repeat('09', 16), 'hex'), 'practice',
            decode('{}', 'hex'), 1, 'call', 'on_call_list', decode(repeat('00', 32), 'hex'), now())",
        visit.world.practice
    );
    pool.get().await.unwrap().batch_execute(&row).await.unwrap();
    let register = format!("/incidents/{CASE}/register");
    let ring = "Ring the practice itself";
    assert!(visit.get(&register).await.contains(ring));
    let list = visit.list();
    let page = visit.get(&list).await;
    assert!(
        page.contains("It has no mailbox with us: ring it."),
        "{page}"
    );
    let (_, day) = page.split_once("name=\"day\" value=\"").unwrap();
    let told = format!("what=told&how=phone&day={}", &day[..10]);
    let head = format!("POST {list}/itself/told");
    for _ in 0..2 {
        let answer = visit.browser.send(&head, &told).await;
        assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    }
    let reached = async || register::practices_reached(pool, CASE).await.unwrap();
    assert_eq!(reached().await, 1);
    assert!(visit.get(&list).await.contains("Told: By phone on "));
    assert!(!visit.get(&register).await.contains(ring));
    let said = incidents::events(pool, CASE).await.unwrap();
    let said: Vec<&str> = said.iter().map(|row| row.detail.as_str()).collect();
    assert!(
        said.iter()
            .any(|detail| detail.ends_with("wrote down that Kauri Health was told.")),
        "{said:?}"
    );
    visit.browser.send(&head, "what=not_told").await;
    assert_eq!(reached().await, 0);
    assert!(visit.get(&register).await.contains(ring));
    let rows = pool
        .get()
        .await
        .unwrap()
        .query("select from practice_told", &[])
        .await;
    assert_eq!(
        rows.unwrap().len(),
        2,
        "pressing twice writes once, and a correction is another row"
    );
}

#[tokio::test]
async fn a_mark_that_is_sent_after_the_sign_in_ended_leads_back_to_its_list() {
    let visit = visit().await;
    let stranger = Browser {
        room: visit.browser.room,
        cookie: "__Host-room=".to_owned() + &"00".repeat(32),
    };
    let list = visit.list();
    let mark = format!("patient={PERSON}&what=told&how=phone&day=2026-03-03");
    let answer = stranger.send(&format!("POST {list}/told"), &mark).await;
    let to_sign_in = format!("/sign-in?back={list}");
    assert!(
        answer.contains(&format!("location: {to_sign_in}\r\n")),
        "{answer}"
    );
    let page = stranger.send(&format!("GET {to_sign_in}"), "").await;
    assert!(page.contains("Nothing was written down yet."), "{page}");
    assert_eq!(visit.written().await, 0);
    let page = visit.get(&format!("{list}?not-written")).await;
    assert!(page.contains("please write it down once more"), "{page}");
    assert!(!visit.get(&list).await.contains("once more"));
}

#[tokio::test]
async fn what_was_sent_can_be_read_when_a_newer_text_is_a_draft() {
    let visit = visit().await;
    let pool = &visit.world.room.pool;
    let at: Timestamp = "2026-03-02T21:00:01Z".parse().unwrap();
    for (version, words) in [
        (1, "What happened\nThe first."),
        (2, "What happened\nThe second."),
    ] {
        let draft = Draft {
            kind: TextKind::PatientNotice,
            version,
            scope_version: version,
            subject: "A message".to_owned(),
            words: words.to_owned(),
        };
        texts::save(pool, CASE, &draft, at).await.unwrap();
        if version == 1 {
            let first = texts::newest(pool, CASE).await.unwrap();
            texts::mark_published(pool, CASE, &first, at).await.unwrap();
        }
    }
    let text = format!("/incidents/{CASE}/texts/patient_notice");
    let newest = visit.get(&text).await;
    assert!(newest.contains("The second."), "{newest}");
    assert!(newest.contains("went to nobody"), "{newest}");
    assert!(newest.contains("this message replaces it"), "{newest}");
    let link = format!("href=\"{text}/1\"");
    assert!(newest.contains(&link), "{newest}");
    let sent = visit.get(&format!("{text}/1")).await;
    assert!(sent.contains("The first."), "{sent}");
    assert!(
        sent.contains("Two officers had approved it on 3 March 2026"),
        "{sent}"
    );
    for other in ["3", "1x"] {
        let page = visit.get(&format!("{text}/{other}")).await;
        assert!(page.starts_with("HTTP/1.1 404"), "{page}");
    }
}
