//! A session that an officer stops, from the scope's page to the real keeper.

use crate::approved::today;
use crate::browser::{Served, Signatory, served, signatories};
use crate::support::{self, Row, append};
use crate::world::{World, world};
use candour_keeper::draft::{Draft, Effect};
use candour_keeper::instances::InstanceKind;
use candour_keeper::session::Session;
use candour_keeper_api::wire::{Authorize, Call};
use candour_keeper_api::words::{Action, EntryKind, Purpose, Reason, Role};
use candour_keeper_api::{CallError, Token};
use candour_room::scope::{self, By};
use candour_room::texts::{self, TextKind};
use candour_room::{follower, incidents, steward};
use candour_rules::freeze::Frozen;
use candour_rules::keys;
use candour_seal::{IncidentId, PersonId};
use candour_testkit::keeper::{Staff, instance};
use jiff::Timestamp;

pub fn session_of(world: &World, staff: &Staff) -> Session {
    let core = &world.keeper.core;
    let (token, now) = (staff.token.expose(), core.clock.now());
    let portal = instance(InstanceKind::Portal);
    core.sessions.look_up(token, portal, now).unwrap()
}

/// A session signs in and opens something of a patient.
async fn opens(world: &World, staff: &Staff, patient: i64) {
    let session = session_of(world, staff);
    let ledger = &world.keeper.core.ledger;
    let sign_in = Draft::of_session(EntryKind::SignIn, &session, None);
    ledger.append_one(sign_in).await.unwrap();
    let mut open = Draft::of_session(EntryKind::Open, &session, Some(Purpose::DirectCare));
    open.row.patient = patient;
    ledger.append_one(open).await.unwrap();
}

/// A doctor's session that the keeper stopped, another that began after it, and the case.
pub async fn theft(world: &World, served: &Served) -> (IncidentId, Staff) {
    world.keeper.clock.set(today());
    let stolen = world.keeper.staff(world.practice, Role::Clinician).await;
    opens(world, &stolen, 5).await;
    let session = session_of(world, &stolen);
    let mut freeze = Draft::of_keeper(EntryKind::Freeze);
    freeze.row.session = session.surrogate;
    freeze.row.principal = session.subject.surrogate();
    let what = Frozen::Session(keys::Session(session.surrogate));
    freeze.effects = vec![Effect::Freeze(what)];
    world.keeper.core.ledger.append_one(freeze).await.unwrap();
    let (person, practice) = (stolen.person, world.practice);
    let later = world
        .keeper
        .sign_in_staff(person, practice, Role::Clinician);
    opens(world, &later, 6).await;
    step(served).await;
    let case = incidents::all(&served.room.pool).await.unwrap()[0].id;
    (case, later)
}

async fn step(served: &Served) {
    let room = &served.room;
    while follower::take_over(&room.pool, &room.keeper, 0)
        .await
        .unwrap()
        > 0
    {}
    steward::step(room, today()).await.unwrap();
}

/// Whether the keeper still gives leave to a session.
pub async fn works(world: &World, token: &Token) -> Result<(), Reason> {
    let call = Call::Authorize(Authorize {
        token: token.expose().to_vec(),
        action: Action::Worklist.into(),
        purpose: Purpose::Administration.into(),
        patient: Vec::new(),
        detail: String::new(),
    });
    match world.keeper.client(InstanceKind::Portal).call(call).await {
        Ok(_) => Ok(()),
        Err(CallError::Denied(denied)) => Err(denied.reason),
        Err(error) => panic!("{error}"),
    }
}

async fn scope_page(officer: &Signatory, case: IncidentId) -> String {
    officer
        .browser
        .get(&format!("/incidents/{case}/scope"))
        .await
}

#[tokio::test]
async fn an_officer_stops_a_session_before_taking_it_in_and_the_keeper_gives_it_nothing_more() {
    let world = world().await;
    let served = served(&world).await;
    let (case, later) = theft(&world, &served).await;
    let roles = ["security_officer", "communications_officer"];
    let mut officers = signatories(&world, served.at, &roles).await;
    let surrogate = session_of(&world, &later).surrogate;
    let (take_in, stop) = (format!("take-in-{surrogate}"), format!("stop-{surrogate}"));
    assert_eq!(works(&world, &later.token).await, Ok(()));
    let page = scope_page(&officers[0], case).await;
    assert!(page.contains("It may still be open."), "{page}");
    assert!(page.contains(&format!("/acts/{stop}\"")), "{page}");
    let page = officers[0].show(case, &take_in).await;
    assert!(page.contains("taking it in does not stop it"), "{page}");
    // By the keeper's policy a communications officer freezes nothing.
    let page = scope_page(&officers[1], case).await;
    assert!(!page.contains(&format!("/acts/{stop}\"")), "{page}");
    let page = officers[1].show(case, &stop).await;
    assert!(page.starts_with("HTTP/1.1 303"), "{page}");

    let page = officers[0].act(case, &stop).await;
    assert!(page.contains("Freeze a session. It began on"), "{page}");
    assert_eq!(works(&world, &later.token).await, Err(Reason::Frozen));
    let page = scope_page(&officers[0], case).await;
    assert!(page.contains("Stopped by an officer."), "{page}");
    assert!(!page.contains(&format!("/acts/{stop}\"")), "{page}");
    let timeline = incidents::events(&served.room.pool, case).await.unwrap();
    let said = timeline.iter().filter(|event| {
        event.author == "Security officer"
            && event
                .detail
                .ends_with("was stopped. Nothing more is released to it.")
    });
    assert_eq!(said.count(), 1);
    let page = officers[0].act(case, &take_in).await;
    assert!(!page.contains("taking it in does not stop it"), "{page}");
    step(&served).await;
    let all = incidents::all(&served.room.pool).await.unwrap();
    assert_eq!(all.len(), 1, "an officer's freeze is no new case");
    let page = officers[0].browser.get(&format!("/incidents/{case}")).await;
    let says = "Sessions of the same account that officers stopped: 1.";
    assert!(page.contains(says), "{page}");
}

#[tokio::test]
async fn the_texts_say_what_officers_found_and_stopped() {
    let (_database, pool) = support::room().await;
    let in_session = |session, row: Row| Row { session, ..row };
    let sign_in = |session| Row {
        kind: EntryKind::SignIn,
        item_kind: None,
        ..in_session(session, Row::grant(0, 0))
    };
    let rows = [
        sign_in(3),
        in_session(3, Row::grant(1, 10)),
        sign_in(7),
        Row::grant(2, 20),
        Row::of_keeper(EntryKind::Freeze, 0),
    ];
    append(&pool, &rows).await;
    let now = Timestamp::from_second(1_763_760_060).unwrap();
    let id = || IncidentId::from_bytes([9; 16]);
    let incident = incidents::open_new(&pool, now, id).await.unwrap().remove(0);
    let by = By {
        officer: PersonId::from_bytes([4; 16]),
        role: Role::SecurityOfficer,
        entry_index: 11,
        at: now,
    };
    let itself = "noticed it by itself and stopped it.";
    let found = "Our officers found more of it when they looked.";
    let stopped = "Our officers found more of it and stopped that too.";
    for (step, expected) in [itself, found, stopped].into_iter().enumerate() {
        match step {
            0 => {}
            1 => assert!(scope::take_in(&pool, incident.id, 3, &by).await.unwrap()),
            _ => assert!(scope::stop(&pool, incident.id, 3, &by).await.unwrap()),
        }
        let statement = statement(&pool, &incident, now).await;
        for said in [itself, found, stopped] {
            assert_eq!(statement.contains(said), said == expected, "{statement}");
        }
    }
}

async fn statement(
    pool: &deadpool_postgres::Pool,
    incident: &incidents::Incident,
    now: Timestamp,
) -> String {
    let question = scope::question_of(pool, incident).await.unwrap();
    let releases = scope::ask(pool, &question, 100).await.unwrap();
    let answer = scope::Answer {
        question,
        to_index: 100,
        releases,
        checkpoint: String::new(),
    };
    let scope = scope::save_next(pool, incident, answer, now).await.unwrap();
    let sender = candour_room::Sender {
        operator: "Kōwhai Health".to_owned(),
        phone: "0800 000 000".to_owned(),
        status_site: "status.example".to_owned(),
        regulator: "the Privacy Commissioner".to_owned(),
    };
    let zone = jiff::tz::TimeZone::UTC;
    steward::draft(pool, &sender, &zone, incident, &scope, now)
        .await
        .unwrap();
    let texts = texts::newest(pool, incident.id).await.unwrap();
    let statement = texts
        .into_iter()
        .find(|text| text.draft.kind == TextKind::Statement);
    statement.unwrap().draft.words
}
