use crate::support::{self, Row, append};
use candour_keeper_api::wire::EntryBody;
use candour_keeper_api::words::{EntryKind, Section};
use candour_room::register::Version;
use candour_room::{incidents, register, scope};
use candour_seal::{IncidentId, PatientId, PracticeId};
use deadpool_postgres::Pool;
use jiff::Timestamp;
use std::collections::BTreeMap;

const INCIDENT: IncidentId = IncidentId::from_bytes([9; 16]);

fn now() -> Timestamp {
    Timestamp::from_second(1_763_760_060).unwrap()
}

/// A section of patient 1: in clear, one looks like the other.
fn section(kind: EntryKind) -> Row {
    Row {
        kind,
        item_kind: Some(candour_keeper_api::words::ItemKind::Segment),
        ..Row::grant(1, 0)
    }
}

async fn read(pool: &Pool, bodies: &[(i64, Section, u64)]) {
    let bodies: BTreeMap<i64, EntryBody> = bodies
        .iter()
        .map(|(index, section, of_grant)| {
            let body = EntryBody {
                section: (*section).into(),
                of_grant: *of_grant,
                ..EntryBody::default()
            };
            (*index, body)
        })
        .collect();
    scope::keep_read(pool, &bodies).await.unwrap();
}

#[tokio::test]
async fn bodies_that_were_read_once_say_which_section_was_held_back_and_which_was_delivered() {
    let (_database, pool) = support::room().await;
    append(
        &pool,
        &[
            section(EntryKind::Open),
            section(EntryKind::Open),
            section(EntryKind::Withheld),
            section(EntryKind::Delivered),
            Row::of_keeper(EntryKind::Freeze, 0),
        ],
    )
    .await;
    incidents::open_new(&pool, now(), || INCIDENT)
        .await
        .unwrap();
    let incident = incidents::find(&pool, INCIDENT).await.unwrap().unwrap();
    let question = scope::question_of(&pool, &incident).await.unwrap();
    // Locked, the last one is taken for the one held back.
    let locked = scope::ask(&pool, &question, 100).await.unwrap();
    assert_eq!(locked.len(), 1);
    assert_eq!(locked[0].grant_index, 0);
    assert_eq!(
        scope::unread(&pool, &question, 100).await.unwrap(),
        [0, 1, 2, 3]
    );

    read(
        &pool,
        &[
            (0, Section::Results, 0),
            (1, Section::Shelf, 0),
            (2, Section::Results, 0),
            (3, Section::Shelf, 1),
        ],
    )
    .await;
    let exact = scope::ask(&pool, &question, 100).await.unwrap();
    assert_eq!(exact.len(), 1);
    assert_eq!(
        (
            exact[0].grant_index,
            exact[0].is_listing,
            exact[0].is_delivered
        ),
        (1, true, true)
    );
    assert!(
        scope::unread(&pool, &question, 100)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn whoever_s_empty_list_was_shown_is_listed_and_whoever_s_release_was_held_back_is_nobody() {
    let (_database, pool) = support::room().await;
    append(&pool, &[Row::of_keeper(EntryKind::Freeze, 0)]).await;
    incidents::open_new(&pool, now(), || INCIDENT)
        .await
        .unwrap();
    let client = pool.get().await.unwrap();
    client
        .batch_execute(
            "insert into register (incident, patient, surrogate, state, route, reason, practices, is_deceased, is_unsafe_to_write,
                birth_year, country, scope_version) values
                (decode(repeat('09', 16), 'hex'), decode(repeat('01', 16), 'hex'), 1, 'confirmed', 'mail', 'mail',
                 '{}', false, false, 1980, 'NZ', 1),
                (decode(repeat('09', 16), 'hex'), decode(repeat('02', 16), 'hex'), 2, 'cleared', 'mail', 'mail',
                 '{}', false, false, 1980, 'NZ', 1),
                (decode(repeat('09', 16), 'hex'), decode(repeat('03', 16), 'hex'), 3, 'confirmed', 'mail', 'mail',
                 '{}', false, false, 1980, 'NZ', 1);
             insert into register_section (incident, patient, section, items, is_listing, state, first_grant) values
                (decode(repeat('09', 16), 'hex'), decode(repeat('01', 16), 'hex'), 1, 0, true, 'confirmed', 5),
                (decode(repeat('09', 16), 'hex'), decode(repeat('03', 16), 'hex'), 2, 0, false, 'probable', 6)",
        )
        .await
        .unwrap();
    let anybody = PracticeId::from_bytes([1; 16]);
    let seen = register::seen(&pool, INCIDENT, anybody, Version::Newest)
        .await
        .unwrap();
    let found: Vec<_> = seen
        .iter()
        .map(|(patient, seen)| (*patient, seen.has_lines, seen.has_parts))
        .collect();
    let patient = |number| PatientId::from_bytes([number; 16]);
    assert_eq!(
        found,
        [(patient(1), true, false), (patient(3), false, true)]
    );
    let unapproved = register::sections(&client, INCIDENT, patient(1)).await;
    assert!(unapproved.unwrap().is_empty(), "no message names it yet");
    register::keep_approved(&pool, INCIDENT).await.unwrap();
    let sections = register::sections(&client, INCIDENT, patient(1))
        .await
        .unwrap();
    assert_eq!((sections[0].section, sections[0].items), (1, 0));
    assert!(sections[0].is_listing && sections[0].is_confirmed);
}

/// Patient 1 is enrolled with practice 3; practice 1 deposited one of the documents seen, practice 2 two.
async fn seen_from_three_practices(pool: &Pool) {
    append(pool, &[Row::of_keeper(EntryKind::Freeze, 0)]).await;
    incidents::open_new(pool, now(), || INCIDENT).await.unwrap();
    let id = |number: u8| format!("decode(repeat('{number:02}', 16), 'hex')");
    let document = |item: u8, source: u8| {
        format!(
            "({}, {}, {}, 11, false, 'confirmed', {}, 5)",
            id(9),
            id(1),
            id(item),
            id(source)
        )
    };
    let rows = [document(21, 1), document(22, 2), document(23, 2)].join(",");
    let register = format!(
        "insert into register (incident, patient, surrogate, state, route, reason, practices, is_deceased,
                is_unsafe_to_write, birth_year, country, scope_version, enrolled)
         values ({nine}, {one}, 1, 'confirmed', 'mail', 'mail', array[{one}, {two}, {three}], false, false, 1980, 'NZ', 1,
                array[{three}]);
         insert into register_item (incident, patient, item, section, is_listing, state, source_practice, first_grant)
         values {rows}",
        nine = id(9),
        one = id(1),
        two = id(2),
        three = id(3),
    );
    let client = pool.get().await.unwrap();
    client.batch_execute(&register).await.unwrap();
}

#[tokio::test]
async fn a_practice_is_told_how_many_of_its_own_documents_were_seen_and_of_no_others() {
    let (_database, pool) = support::room().await;
    seen_from_three_practices(&pool).await;
    let mut documents = Vec::new();
    for practice in 1..=3 {
        let practice = PracticeId::from_bytes([practice; 16]);
        let seen = register::seen(&pool, INCIDENT, practice, Version::Newest)
            .await
            .unwrap();
        documents.push(seen.values().map(|seen| seen.documents).sum::<i64>());
    }
    assert_eq!(documents, [1, 2, 0]);
    let members = register::members(&pool, INCIDENT).await.unwrap();
    assert_eq!(members[0].enrolled, [PracticeId::from_bytes([3; 16])]);
    assert_eq!(members[0].practices.len(), 3);
}
