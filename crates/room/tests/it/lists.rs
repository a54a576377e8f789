//! A practice's list over the room's own pages, while versions of it come and are approved.

use crate::browser::{Browser, Served, officer, receptionist, served};
use crate::support::{Row, append};
use crate::world::{World, world};
use candour_keeper_api::words::EntryKind;
use candour_room::texts::{self, Draft, TextKind};
use candour_room::{incidents, steward};
use candour_seal::{IncidentId, PatientId, PersonId};
use jiff::Timestamp;

fn now() -> Timestamp {
    Timestamp::from_second(1_763_760_060).unwrap()
}

/// A case of a session that opened documents of patient 1, stopped by the keeper; its texts.
async fn case(served: &Served) -> IncidentId {
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

async fn step(served: &Served) {
    steward::step(&served.room, now()).await.unwrap();
}

/// Puts people of the world's practice with a document each into the register, as of a scope version.
async fn put(
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

async fn document(served: &Served, case: &[u8], patient: &[u8], practice: &[u8], item: u8) {
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

/// Two officers approve what stands now, and the room does what follows.
async fn approve(served: &Served, case: IncidentId) {
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

/// Who stands on a list's page, by number.
fn people(page: &str) -> Vec<u8> {
    let stands = |number: &u8| page.contains(&PatientId::from_bytes([*number; 16]).to_string());
    (1..=3).filter(stands).collect()
}

const CHECKED: &str = "A newer version of this list is being checked.";

/// Somebody at the practice, and the page of their list.
async fn desk(served: &Served, world: &World, case: IncidentId) -> (Browser, String) {
    let desk = Browser {
        room: served.at,
        cookie: receptionist(world).await,
    };
    (desk, format!("/desk/{case}"))
}

/// The pages read the clock themselves.
#[expect(
    clippy::disallowed_methods,
    reason = "what a page shows depends on the time at which it is asked for"
)]
fn today() -> Timestamp {
    Timestamp::now()
}

async fn told(desk: &Browser, list: &str, number: u8) -> String {
    let patient = PatientId::from_bytes([number; 16]);
    let day = today().to_zoned(jiff::tz::TimeZone::get("Pacific/Auckland").unwrap());
    let form = format!("patient={patient}&what=told&how=phone&day={}", day.date());
    desk.send(&format!("POST {list}/told"), &form).await
}

#[tokio::test]
async fn a_practice_keeps_its_list_while_a_newer_version_waits_and_sees_nobody_who_was_not_approved()
 {
    let world = world().await;
    let served = served(&world).await;
    let case = case(&served).await;
    put(
        &served,
        &world,
        case,
        1,
        &[(1, "confirmed"), (3, "confirmed")],
    )
    .await;
    let (desk, list) = desk(&served, &world, case).await;
    let page = desk.get(&list).await;
    assert!(
        page.starts_with("HTTP/1.1 404"),
        "nobody approved it: {page}"
    );
    approve(&served, case).await;
    let page = desk.get(&list).await;
    assert_eq!(people(&page), [1, 3], "{page}");
    assert!(!page.contains(CHECKED), "{page}");

    // A first byte is reported late: the scope has a new version, and the register does not follow it yet.
    append(&served.room.pool, &[Row::delivered(1, 10)]).await;
    step(&served).await;
    let page = desk.get(&list).await;
    assert_eq!(people(&page), [1, 3], "{page}");
    assert!(page.contains(CHECKED), "{page}");

    // Now it does: somebody came in, somebody was never shown anything, and of somebody more was seen.
    let changed = [(1, "confirmed"), (2, "confirmed"), (3, "cleared")];
    put(&served, &world, case, 2, &changed).await;
    let one = [1; 16];
    let practice = world.practice.as_bytes().as_slice();
    document(&served, case.as_bytes(), &one, practice, 9).await;
    step(&served).await;
    let page = desk.get(&list).await;
    assert_eq!(people(&page), [1], "{page}");
    assert!(page.contains(CHECKED), "{page}");
    assert!(page.contains("<td>One document</td>"), "{page}");
    let cases = desk.get("/desk").await;
    assert!(cases.contains("1 of your patients"), "{cases}");
    assert!(told(&desk, &list, 2).await.starts_with("HTTP/1.1 404"));
    assert!(told(&desk, &list, 3).await.starts_with("HTTP/1.1 404"));
    assert!(told(&desk, &list, 1).await.starts_with("HTTP/1.1 303"));
    let page = desk.get(&list).await;
    assert!(page.contains("The practice wrote it down."), "{page}");

    approve(&served, case).await;
    let page = desk.get(&list).await;
    assert_eq!(people(&page), [1, 2], "{page}");
    assert!(page.contains("<td>2 documents</td>"), "{page}");
    assert!(!page.contains(CHECKED), "{page}");
}

#[tokio::test]
async fn officers_see_apart_who_is_on_no_approved_list_and_write_down_of_nobody_of_them_that_they_were_told()
 {
    let world = world().await;
    let served = served(&world).await;
    let case = case(&served).await;
    put(&served, &world, case, 1, &[(1, "confirmed")]).await;
    approve(&served, case).await;
    append(&served.room.pool, &[Row::delivered(1, 10)]).await;
    step(&served).await;
    put(
        &served,
        &world,
        case,
        2,
        &[(1, "confirmed"), (2, "confirmed")],
    )
    .await;
    let officer = Browser {
        room: served.at,
        cookie: officer(&world).await,
    };
    let list = format!("/incidents/{case}/practices/{}", world.practice);
    let page = officer.get(&list).await;
    assert!(page.contains("Not approved yet"), "{page}");
    assert_eq!(people(&page), [1], "only they have a form: {page}");
    assert!(told(&officer, &list, 2).await.starts_with("HTTP/1.1 404"));
    assert!(told(&officer, &list, 1).await.starts_with("HTTP/1.1 303"));
    let page = officer.get(&format!("/incidents/{case}/register")).await;
    let says = "2 of their patients, 0 still to ring, 1 told in person, by phone or by letter, 1 not approved yet";
    assert!(page.contains(says), "{page}");
}
