//! A case whose texts and list two officers approve, without names: the room stays locked.

use crate::browser::{Browser, Served, receptionist};
use crate::support::{Row, append};
use crate::world::World;
use candour_keeper_api::words::EntryKind;
use candour_room::texts::{self, Draft, TextKind};
use candour_room::{incidents, steward};
use candour_seal::{IncidentId, PatientId, PersonId};
use jiff::Timestamp;

pub fn now() -> Timestamp {
    Timestamp::from_second(1_763_760_060).unwrap()
}

/// A case of a session that opened documents of patient 1, stopped by the keeper; its texts.
pub async fn case(served: &Served) -> IncidentId {
    let pool = &served.room.pool;
    append(
        pool,
        &[Row::grant(1, 10), Row::of_keeper(EntryKind::Freeze, 0)],
    )
    .await;
    step(served).await;
    let case = incidents::all(pool).await.unwrap()[0].id;
    let kinds = [
        TextKind::Statement,
        TextKind::PracticeNotice,
        TextKind::PatientNotice,
        TextKind::CallScript,
    ];
    for kind in kinds {
        let draft = Draft {
            kind,
            version: 1,
            scope_version: 1,
            subject: "Records were seen".to_owned(),
            words: "Somebody saw records.".to_owned(),
        };
        texts::save(pool, case, &draft, now()).await.unwrap();
    }
    case
}

pub async fn step(served: &Served) {
    steward::step(&served.room, now()).await.unwrap();
}

/// Puts people of the world's practice with a document each into the register, as of a scope version.
pub async fn put(
    served: &Served,
    world: &World,
    case: IncidentId,
    version: i32,
    people: &[(u8, &str)],
) {
    let client = served.room.pool.get().await.unwrap();
    let (case, practice) = (
        case.as_bytes().as_slice(),
        world.practice.as_bytes().as_slice(),
    );
    for (number, state) in people {
        let patient = [*number; 16];
        let patient = patient.as_slice();
        client
            .execute(
                "insert into register (incident, patient, surrogate, state, route, reason, practices, is_deceased,
                        is_unsafe_to_write, birth_year, country, scope_version, enrolled)
                 values ($1, $2, 1, $3, 'call', 'unsafe_to_write', array[$4::bytea], false, true, 1980, 'NZ', $5,
                        array[$4::bytea])
                 on conflict (incident, patient) do update set state = excluded.state, scope_version = excluded.scope_version",
                &[&case, &patient, state, &practice, &version],
            )
            .await
            .unwrap();
        document(served, case, patient, practice, *number).await;
    }
}

pub async fn document(served: &Served, case: &[u8], patient: &[u8], practice: &[u8], item: u8) {
    let item = [item; 16];
    let item = item.as_slice();
    let row = "insert into register_item (incident, patient, item, section, is_listing, state, source_practice, first_grant)
        values ($1, $2, $3, 11, false, 'confirmed', $4, 0) on conflict do nothing";
    let client = served.room.pool.get().await.unwrap();
    client
        .execute(row, &[&case, &patient, &item, &practice])
        .await
        .unwrap();
}

/// The pages read the clock themselves.
#[expect(
    clippy::disallowed_methods,
    reason = "what a page shows depends on the time at which it is asked for"
)]
pub fn today() -> Timestamp {
    Timestamp::now()
}

/// Two officers approve what stands now, and the room does what follows.
pub async fn approve(served: &Served, case: IncidentId) {
    let list = steward::list(&served.room, case).await.unwrap().unwrap();
    for officer in [4, 5] {
        let approval = texts::Approval {
            officer: PersonId::from_bytes([officer; 16]),
            role: 6,
            at: now(),
            entry_index: officer.into(),
        };
        texts::approve(&served.room.pool, case, list.hash(), &approval)
            .await
            .unwrap();
    }
    step(served).await;
}

/// Somebody at the practice, and the page of their list.
pub async fn desk(served: &Served, world: &World, case: IncidentId) -> (Browser, String) {
    let desk = Browser {
        room: served.at,
        cookie: receptionist(world).await,
    };
    (desk, format!("/desk/{case}"))
}

pub async fn told(desk: &Browser, list: &str, number: u8) -> String {
    let patient = PatientId::from_bytes([number; 16]);
    let day = today().to_zoned(jiff::tz::TimeZone::get("Pacific/Auckland").unwrap());
    let form = format!("patient={patient}&what=told&how=phone&day={}", day.date());
    desk.send(&format!("POST {list}/told"), &form).await
}
