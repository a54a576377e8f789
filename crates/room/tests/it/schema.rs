use crate::support::{self, Row, append};
use candour_keeper_api::words::{EntryKind, Role};
use candour_room::incidents::Event;
use candour_room::{Sender, incidents, scope, steward, texts};
use candour_seal::IncidentId;
use jiff::Timestamp;

#[tokio::test]
async fn every_statement_prepares_against_the_migrated_schema() {
    let (_database, pool) = support::room().await;
    let client = pool.get().await.unwrap();
    for statement in candour_room::statements() {
        if let Err(error) = client.prepare(statement).await {
            panic!("{error:?}\n{statement}");
        }
    }
}

#[tokio::test]
async fn every_table_and_column_says_what_it_is() {
    let (_database, pool) = support::room().await;
    let silent = pool
        .get()
        .await
        .unwrap()
        .query(
            "select c.relname || coalesce('.' || a.attname, '')
             from pg_class c
             join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'public'
             left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
             where c.relkind in ('r', 'v') and c.relname <> 'refinery_schema_history'
               and (col_description(c.oid, a.attnum) is null or obj_description(c.oid, 'pg_class') is null)",
            &[],
        )
        .await
        .unwrap();
    let silent: Vec<String> = silent.iter().map(|row| row.get(0)).collect();
    assert_eq!(silent, Vec::<String>::new());
}

fn now() -> Timestamp {
    Timestamp::from_second(1_763_760_060).unwrap()
}

async fn one_incident(pool: &deadpool_postgres::Pool) -> incidents::Incident {
    let id = || IncidentId::from_bytes([9; 16]);
    incidents::open_new(pool, now(), id)
        .await
        .unwrap()
        .remove(0)
}

#[tokio::test]
async fn a_freeze_opens_one_case_by_itself_and_is_not_a_second_one_after_a_restart() {
    let (_database, pool) = support::room().await;
    append(
        &pool,
        &[
            Row::grant(1, 10),
            Row::of_keeper(EntryKind::Freeze, 0),
            Row::of_keeper(EntryKind::Alarm, 2),
        ],
    )
    .await;
    let incident = one_incident(&pool).await;
    assert_eq!((incident.rule, incident.session), (2, 7));
    let again = incidents::open_new(&pool, now(), || IncidentId::from_bytes([8; 16]));
    assert!(again.await.unwrap().is_empty());
}

#[tokio::test]
async fn what_the_keeper_says_of_itself_opens_one_case_though_nobody_is_frozen_by_it() {
    let (_database, pool) = support::room().await;
    let about_itself = |rule| Row {
        session: 0,
        principal: 0,
        ..Row::of_keeper(EntryKind::Alarm, rule)
    };
    // A loss, several changed rows; little room on the disk is nobody's incident.
    let rows = [101, 100, 100, 102].map(about_itself);
    append(&pool, &rows).await;
    let next = std::sync::atomic::AtomicU8::new(1);
    let id =
        || IncidentId::from_bytes([next.fetch_add(1, std::sync::atomic::Ordering::Relaxed); 16]);
    let opened = incidents::open_new(&pool, now(), id).await.unwrap();
    let rules: Vec<i16> = opened.iter().map(|incident| incident.rule).collect();
    assert_eq!(rules, [101, 100]);
    assert!(
        incidents::open_new(&pool, now(), id)
            .await
            .unwrap()
            .is_empty()
    );
}

/// How many texts the room drafts for the one case that these entries open.
async fn drafted(rows: &[Row]) -> usize {
    let (_database, pool) = support::room().await;
    append(&pool, rows).await;
    let incident = one_incident(&pool).await;
    let question = scope::question_of(&pool, &incident).await.unwrap();
    let releases = scope::ask(&pool, &question, 100).await.unwrap();
    let answer = scope::Answer {
        question,
        to_index: 100,
        releases,
        checkpoint: String::new(),
    };
    let scope = scope::save_next(&pool, &incident, answer, now())
        .await
        .unwrap();
    let sender = Sender {
        operator: "Kōwhai Health".to_owned(),
        phone: "0800 000 000".to_owned(),
        status_site: "status.example".to_owned(),
        regulator: "the Privacy Commissioner".to_owned(),
    };
    let zone = jiff::tz::TimeZone::UTC;
    steward::draft(&pool, &sender, &zone, &incident, &scope, now())
        .await
        .unwrap();
    texts::newest(&pool, incident.id).await.unwrap().len()
}

#[tokio::test]
async fn nothing_is_drafted_where_nobody_knows_what_was_lost() {
    let frozen = [Row::grant(1, 10), Row::of_keeper(EntryKind::Freeze, 0)];
    assert_eq!(
        drafted(&frozen).await,
        5,
        "a patient's own sign-in has a text for its holder"
    );
    let of_staff = frozen.map(|row| match row.role {
        Role::Keeper => row,
        _ => Row {
            role: Role::Clinician,
            ..row
        },
    });
    assert_eq!(drafted(&of_staff).await, 4);
    for rule in [100, 101, 103] {
        let about_itself = Row {
            session: 0,
            principal: 0,
            ..Row::of_keeper(EntryKind::Alarm, rule)
        };
        assert_eq!(drafted(&[Row::grant(1, 10), about_itself]).await, 0);
    }
}

#[tokio::test]
async fn whoever_looks_at_a_list_again_and_again_stands_in_the_timeline_once_an_hour() {
    let (_database, pool) = support::room().await;
    append(&pool, &[Row::of_keeper(EntryKind::Freeze, 0)]).await;
    let incident = one_incident(&pool).await;
    let looks = [
        ("Mere looked.", 0),
        ("Mere looked.", 59),
        ("Hēmi looked.", 59),
        ("Mere looked.", 60),
    ];
    for ((detail, minutes), entry) in looks.into_iter().zip(10..) {
        let at = now() + jiff::SignedDuration::from_mins(minutes);
        let event = Event::PracticeTold;
        incidents::note_once_an_hour(&pool, incident.id, at, event, "Reception", detail, entry)
            .await
            .unwrap();
    }
    let rows = incidents::events(&pool, incident.id).await.unwrap();
    let looked = rows
        .iter()
        .filter(|row| row.author == "Reception")
        .map(|row| row.detail.as_str());
    let found: Vec<&str> = looked.collect();
    assert_eq!(found, ["Mere looked.", "Hēmi looked.", "Mere looked."]);
}

#[tokio::test]
async fn a_scope_keeps_what_was_released_apart_from_what_was_delivered_and_held_back() {
    let (_database, pool) = support::room().await;
    append(
        &pool,
        &[
            Row::grant(1, 10),
            Row::grant(2, 20),
            Row::grant(3, 30),
            // Released once, asked for again, and held back the second time only.
            Row::grant(4, 40),
            Row::grant(4, 40),
            Row::withheld(3, 30),
            Row::withheld(4, 40),
            Row::delivered(1, 10),
            Row::of_keeper(EntryKind::Freeze, 0),
        ],
    )
    .await;
    let incident = one_incident(&pool).await;
    let question = scope::question_of(&pool, &incident).await.unwrap();
    let releases = scope::ask(&pool, &question, 100).await.unwrap();
    let found: Vec<_> = releases
        .iter()
        .map(|release| (release.patient, release.item, release.is_delivered))
        .collect();
    assert_eq!(found, [(1, 10, true), (2, 20, false), (4, 40, false)]);
    let other = Row {
        session: 8,
        ..Row::grant(5, 50)
    };
    append(&pool, &[other]).await;
    let releases_later = scope::ask(&pool, &question, 100).await.unwrap();
    assert_eq!(
        releases, releases_later,
        "another session's releases are not in it"
    );
}

#[tokio::test]
async fn a_second_session_of_the_same_principal_joins_the_scope_of_the_open_case() {
    let (_database, pool) = support::room().await;
    append(
        &pool,
        &[Row::grant(1, 10), Row::of_keeper(EntryKind::Freeze, 0)],
    )
    .await;
    let incident = one_incident(&pool).await;
    let elsewhere = |row: Row| Row { session: 8, ..row };
    append(
        &pool,
        &[
            elsewhere(Row::grant(2, 20)),
            elsewhere(Row::of_keeper(EntryKind::Freeze, 0)),
        ],
    )
    .await;
    let another = incidents::open_new(&pool, now(), || IncidentId::from_bytes([8; 16]));
    assert!(another.await.unwrap().is_empty());
    let question = scope::question_of(&pool, &incident).await.unwrap();
    assert_eq!(question.sessions, [7, 8]);
}
