use crate::support::{self, Row, append};
use candour_keeper_api::words::{EntryKind, Role};
use candour_room::incidents::{self, Incident};
use candour_room::scope::{self, TakenIn, Why};
use candour_seal::{IncidentId, PersonId};
use deadpool_postgres::Pool;
use jiff::Timestamp;

fn now() -> Timestamp {
    Timestamp::from_second(1_763_760_060).unwrap()
}

async fn one_incident(pool: &Pool) -> Incident {
    let id = || IncidentId::from_bytes([9; 16]);
    incidents::open_new(pool, now(), id)
        .await
        .unwrap()
        .remove(0)
}

/// The account's rows in one of its sessions.
fn in_session(session: i64, row: Row) -> Row {
    Row { session, ..row }
}

fn sign_in(session: i64) -> Row {
    let row = Row {
        kind: EntryKind::SignIn,
        item_kind: None,
        ..Row::grant(0, 0)
    };
    in_session(session, row)
}

fn stop(session: i64) -> Row {
    in_session(session, Row::of_keeper(EntryKind::Freeze, 0))
}

/// An owner's session of last week (3), a thief's two (7, of which an alarm speaks, and 8), and one after the stop (9).
async fn theft(pool: &Pool, role: Role) -> Incident {
    let rows = [
        sign_in(3),
        in_session(3, Row::grant(1, 10)),
        sign_in(7),
        sign_in(8),
        in_session(8, Row::grant(2, 20)),
        in_session(7, Row::grant(3, 30)),
        stop(7),
        in_session(7, Row::of_keeper(EntryKind::Alarm, 2)),
        sign_in(9),
        in_session(9, Row::grant(4, 40)),
    ];
    let rows = rows.map(|row| match row.role {
        Role::Keeper => row,
        _ => Row { role, ..row },
    });
    append(pool, &rows).await;
    one_incident(pool).await
}

async fn people(pool: &Pool, incident: &Incident) -> Vec<i64> {
    let question = scope::question_of(pool, incident).await.unwrap();
    let releases = scope::ask(pool, &question, 100).await.unwrap();
    releases.iter().map(|release| release.patient).collect()
}

#[tokio::test]
async fn a_thief_s_quiet_second_session_is_in_and_the_owner_s_of_last_week_is_not() {
    let (_database, pool) = support::room().await;
    let incident = theft(&pool, Role::Patient).await;
    let question = scope::question_of(&pool, &incident).await.unwrap();
    assert_eq!(question.sessions, [7, 8, 9]);
    assert_eq!(people(&pool, &incident).await, [2, 3, 4]);
}

#[tokio::test]
async fn a_doctor_who_signs_in_again_after_the_stop_brings_no_patient_into_the_scope() {
    let (_database, pool) = support::room().await;
    let incident = theft(&pool, Role::Clinician).await;
    assert_eq!(people(&pool, &incident).await, [2, 3]);
    let sessions = scope::sessions(&pool, &incident).await.unwrap();
    let found: Vec<_> = sessions.iter().map(|one| (one.session, one.why)).collect();
    let expected = [
        (3, Why::BeganBefore),
        (7, Why::Stopped),
        (8, Why::BeganSince),
        (9, Why::BeganWithPasskey),
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn an_alarm_that_stopped_nobody_and_a_freeze_of_an_earlier_case_bring_nothing_in() {
    let (_database, pool) = support::room().await;
    let earlier = [sign_in(2), in_session(2, Row::grant(5, 50)), stop(2)];
    append(&pool, &earlier).await;
    let closed = one_incident(&pool).await;
    let id = closed.id.as_bytes().as_slice();
    let close =
        "update incident set closed_at = now(), id = decode(repeat('05', 16), 'hex') where id = $1";
    let client = pool.get().await.unwrap();
    client.execute("delete from timeline", &[]).await.unwrap();
    client.execute(close, &[&id]).await.unwrap();
    append(&pool, &[in_session(3, Row::of_keeper(EntryKind::Alarm, 7))]).await;
    let incident = theft(&pool, Role::Patient).await;
    assert_eq!(people(&pool, &incident).await, [2, 3, 4]);
}

#[tokio::test]
async fn an_officer_takes_a_session_in_once_and_the_answer_has_another_hash() {
    let (_database, pool) = support::room().await;
    let incident = theft(&pool, Role::Patient).await;
    let question = scope::question_of(&pool, &incident).await.unwrap();
    let before = scope::ask(&pool, &question, 100).await.unwrap();
    let by = TakenIn {
        officer: PersonId::from_bytes([4; 16]),
        role: Role::PrivacyOfficer,
        entry_index: 11,
        at: now(),
    };
    assert!(scope::take_in(&pool, incident.id, 3, &by).await.unwrap());
    assert!(!scope::take_in(&pool, incident.id, 3, &by).await.unwrap());
    assert_eq!(people(&pool, &incident).await, [1, 2, 3, 4]);
    let question = scope::question_of(&pool, &incident).await.unwrap();
    let after = scope::ask(&pool, &question, 100).await.unwrap();
    assert_ne!(scope::hash(&before), scope::hash(&after));
    assert_eq!(scope::difference(&before, &after).added.len(), 1);
}

#[tokio::test]
async fn where_an_account_was_stopped_and_no_session_was_named_all_its_sessions_count() {
    let (_database, pool) = support::room().await;
    let rows = [
        sign_in(3),
        in_session(3, Row::grant(1, 10)),
        sign_in(7),
        in_session(7, Row::grant(2, 20)),
        stop(0),
    ];
    append(&pool, &rows).await;
    let incident = one_incident(&pool).await;
    assert_eq!(people(&pool, &incident).await, [1, 2]);
}
