use crate::support::{self, Row, append};
use candour_keeper_api::words::{EntryKind, Role};
use candour_room::incidents::{self, Incident};
use candour_room::scope::{self, By, Why};
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
    let by = By {
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

fn as_role(role: Role, row: Row) -> Row {
    match row.role {
        Role::Keeper => row,
        _ => Row { role, ..row },
    }
}

#[tokio::test]
async fn a_second_stop_of_a_doctor_does_not_bring_in_the_patients_treated_between_the_two() {
    let (_database, pool) = support::room().await;
    let mut rows = vec![sign_in(1), in_session(1, Row::grant(1, 10)), stop(1)];
    rows.push(sign_in(2));
    rows.extend((11..=20).map(|patient| in_session(2, Row::grant(patient, patient))));
    rows.extend([sign_in(3), in_session(3, Row::grant(2, 30)), stop(3)]);
    let rows: Vec<Row> = rows
        .into_iter()
        .map(|row| as_role(Role::Clinician, row))
        .collect();
    append(&pool, &rows).await;
    let incident = one_incident(&pool).await;
    assert_eq!(people(&pool, &incident).await, [1, 2]);
}

#[tokio::test]
async fn a_told_patient_s_own_visit_between_two_stops_stays_out() {
    let (_database, pool) = support::room().await;
    append(
        &pool,
        &[sign_in(1), in_session(1, Row::grant(1, 10)), stop(1)],
    )
    .await;
    let incident = one_incident(&pool).await;
    // Every entry of these tests is of the same second; the run began a second before it.
    let run = "insert into run (id, incident, text_version, scope_version, begun_at)
        select decode(repeat('06', 16), 'hex'), $1, 1, 1, min(at) - interval '1 second' from entry";
    let id = incident.id.as_bytes().as_slice();
    let client = pool.get().await.unwrap();
    client.execute(run, &[&id]).await.unwrap();
    let later = [
        sign_in(2),
        in_session(2, Row::grant(2, 20)),
        sign_in(3),
        in_session(3, Row::grant(3, 30)),
        stop(3),
    ];
    append(&pool, &later).await;
    assert_eq!(people(&pool, &incident).await, [1, 3]);
}

#[tokio::test]
async fn a_thief_s_older_session_that_opens_documents_after_the_freeze_is_in() {
    for (role, expected) in [
        (Role::Patient, vec![2, 3, 4]),
        // A doctor's own session may be open elsewhere: an officer decides.
        (Role::Clinician, Vec::new()),
    ] {
        let (_database, pool) = support::room().await;
        let rows = [
            sign_in(1),
            sign_in(2),
            stop(2),
            in_session(1, Row::grant(2, 20)),
            in_session(1, Row::grant(3, 30)),
            in_session(1, Row::grant(4, 40)),
        ];
        append(&pool, &rows.map(|row| as_role(role, row))).await;
        let incident = one_incident(&pool).await;
        assert_eq!(people(&pool, &incident).await, expected);
        let sessions = scope::sessions(&pool, &incident).await.unwrap();
        let why = match role {
            Role::Patient => Why::WentOn,
            _ => Why::WasOpenToo,
        };
        assert_eq!((sessions[0].session, sessions[0].why), (1, why));
    }
}

#[tokio::test]
async fn a_doctor_s_work_is_not_in_when_it_was_their_own_patient_session_that_was_stopped() {
    let (_database, pool) = support::room().await;
    let rows = [
        sign_in(1),
        as_role(Role::Clinician, sign_in(2)),
        as_role(Role::Clinician, in_session(2, Row::grant(2, 20))),
        in_session(1, Row::grant(1, 10)),
        stop(1),
        as_role(Role::Clinician, sign_in(3)),
        as_role(Role::Clinician, in_session(3, Row::grant(3, 30))),
    ];
    append(&pool, &rows).await;
    let incident = one_incident(&pool).await;
    assert_eq!(people(&pool, &incident).await, [1]);
    let sessions = scope::sessions(&pool, &incident).await.unwrap();
    let out = sessions.iter().filter(|one| !one.why.is_in());
    assert!(
        out.map(|one| (one.session, one.why))
            .eq([(2, Why::OfAnotherKind), (3, Why::OfAnotherKind)])
    );
}
