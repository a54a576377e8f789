use crate::support::{self, Row, append};
use crate::world::world;
use candour_keeper::instances::InstanceKind;
use candour_keeper_api::wire::{Authorize, Call, Reply};
use candour_keeper_api::words::{Action, Purpose};
use candour_keeper_api::words::{EntryKind, Role};
use candour_room::follower::principal_of;
use candour_room::incidents;
use candour_room::register::{self, How, Mark};
use candour_room::{clocks, sender};
use candour_seal::{IncidentId, PatientId, PersonId, PracticeId};
use deadpool_postgres::Pool;
use jiff::Timestamp;
use jiff::civil::Date;

const INCIDENT: IncidentId = IncidentId::from_bytes([9; 16]);
const PERSON: PatientId = PatientId::from_bytes([1; 16]);

fn now() -> Timestamp {
    Timestamp::from_second(1_763_760_060).unwrap()
}

/// A case with one person, who stands on a call list under two versions of the text.
async fn somebody_to_ring(pool: &Pool) {
    append(pool, &[Row::of_keeper(EntryKind::Freeze, 0)]).await;
    incidents::open_new(pool, now(), || INCIDENT).await.unwrap();
    let rows = "
        insert into register (incident, patient, surrogate, state, route, reason, practices, is_deceased,
               is_unsafe_to_write, birth_year, country, scope_version)
        values (decode(repeat('09', 16), 'hex'), decode(repeat('01', 16), 'hex'), 1, 'confirmed', 'call',
               'unsafe_to_write', '{}', false, true, 1980, 'NZ', 1);
        insert into notice (id, incident, recipient, recipient_id, text_version, channel, state, code_hash, made_at)
        select decode(repeat('0' || version, 16), 'hex'), decode(repeat('09', 16), 'hex'), 'patient',
               decode(repeat('01', 16), 'hex'), version, 'call', 'on_call_list', decode(repeat('00', 32), 'hex'), now()
        from generate_series(1, 2) version";
    pool.get().await.unwrap().batch_execute(rows).await.unwrap();
}

fn by_phone() -> Mark {
    Mark {
        is_told: true,
        how: How::Phone,
        day: Date::constant(2026, 11, 25),
        author: PersonId::from_bytes([4; 16]),
        role: Role::Reception,
        practice: Some(PracticeId::from_bytes([5; 16])),
        at: now(),
        entry_index: 7,
    }
}

async fn write(pool: &Pool, mark: Mark) -> bool {
    register::mark(pool, INCIDENT, PERSON, &mark).await.unwrap()
}

async fn to_ring(pool: &Pool) -> i64 {
    register::still_to_ring(pool, INCIDENT).await.unwrap()
}

#[tokio::test]
async fn whoever_was_told_by_phone_leaves_the_call_list_and_pressing_twice_writes_once() {
    let (_database, pool) = support::room().await;
    somebody_to_ring(&pool).await;
    assert_eq!(to_ring(&pool).await, 1, "one person, however many texts");
    assert!(write(&pool, by_phone()).await);
    assert!(!write(&pool, by_phone()).await);
    assert_eq!(to_ring(&pool).await, 0);
    let told = register::told(&pool, INCIDENT).await.unwrap();
    assert_eq!(told[&PERSON].how, How::Phone);
    assert_eq!(
        told[&PERSON].practice,
        Some(PracticeId::from_bytes([5; 16]))
    );
}

#[tokio::test]
async fn a_mistake_is_corrected_by_another_row_and_both_stay() {
    let (_database, pool) = support::room().await;
    somebody_to_ring(&pool).await;
    let not_told = Mark {
        is_told: false,
        ..by_phone()
    };
    assert!(
        !write(&pool, not_told).await,
        "nobody wrote that they were told"
    );
    assert!(write(&pool, by_phone()).await);
    assert!(write(&pool, not_told).await);
    assert_eq!(to_ring(&pool).await, 1);
    assert!(register::told(&pool, INCIDENT).await.unwrap().is_empty());
    assert!(write(&pool, by_phone()).await);
    let client = pool.get().await.unwrap();
    let rows = client
        .query("select is_told from told order by number", &[])
        .await
        .unwrap();
    let written: Vec<bool> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(written, [true, false, true]);
}

#[tokio::test]
async fn whoever_the_case_is_about_is_known_by_the_entry_of_their_leave_before_the_room_follows() {
    let world = world().await;
    let keeper = world.keeper.client(InstanceKind::Portal);
    let mut found = Vec::new();
    for _ in 0..2 {
        let staff = world.keeper.staff(world.practice, Role::Clinician).await;
        let call = Call::Authorize(Authorize {
            token: staff.token.expose().to_vec(),
            action: Action::Worklist.into(),
            purpose: Purpose::Administration.into(),
            patient: Vec::new(),
            detail: "incident_told".to_owned(),
        });
        let Reply::Authorized(leave) = keeper.call(call).await.unwrap() else {
            panic!("the keeper gives leave");
        };
        found.push(principal_of(&world.room.keeper, leave.index).await.unwrap());
    }
    let stop = Row {
        principal: found[0],
        ..Row::of_keeper(EntryKind::Freeze, 0)
    };
    append(&world.room.pool, &[stop]).await;
    let opened = incidents::open_new(&world.room.pool, now(), || INCIDENT).await;
    let incident = opened.unwrap().remove(0);
    assert!(incident.is_about(found[0]));
    assert!(!incident.is_about(found[1]), "a colleague may write");
}

#[tokio::test]
async fn the_clock_of_telling_people_runs_on_when_somebody_must_be_rung_again() {
    let world = world().await;
    let pool = &world.room.pool;
    somebody_to_ring(pool).await;
    let zone = &world.room.config.zone;
    clocks::start(pool, INCIDENT, now(), zone).await.unwrap();
    let step = || async { sender::step(&world.room, now()).await.unwrap() };
    let is_done = || async {
        let client = pool.get().await.unwrap();
        let done = "select bool_and(done_at is not null) from clock where duty like 'person%'";
        client.query_one(done, &[]).await.unwrap().get::<_, bool>(0)
    };
    let said = || async {
        let events = incidents::events(pool, INCIDENT).await.unwrap();
        let runs_on = |row: &&incidents::TimelineRow| row.detail.contains("runs on");
        events.iter().filter(runs_on).count()
    };
    step().await;
    assert!(!is_done().await);
    write(pool, by_phone()).await;
    step().await;
    assert!(is_done().await);
    let not_told = Mark {
        is_told: false,
        ..by_phone()
    };
    write(pool, not_told).await;
    step().await;
    step().await;
    assert!(!is_done().await);
    assert_eq!(said().await, 1);
    write(pool, by_phone()).await;
    step().await;
    assert!(is_done().await);
}
