use crate::support::{self, Row, append};
use candour_keeper_api::words::EntryKind;
use candour_room::codes::CodeKey;
use candour_room::incidents;
use candour_room::notices::{self, Channel, Versions, Wanted};
use candour_room::portal::Practice;
use candour_room::register::Member;
use candour_room::texts::{self, Draft, TextKind};
use candour_seal::{Digest, IncidentId, PatientId, PersonId, PracticeId, SystemRandom};
use deadpool_postgres::Pool;
use jiff::{SignedDuration, Timestamp};

const INCIDENT: IncidentId = IncidentId::from_bytes([9; 16]);

fn now() -> Timestamp {
    Timestamp::from_second(1_763_760_060).unwrap()
}

async fn case(pool: &Pool) {
    append(pool, &[Row::of_keeper(EntryKind::Freeze, 0)]).await;
    incidents::open_new(pool, now(), || INCIDENT).await.unwrap();
}

fn member(number: u8, route: &str) -> Member {
    Member {
        patient: PatientId::from_bytes([number; 16]),
        state: "confirmed".into(),
        route: route.into(),
        reason: route.into(),
        practices: vec![PracticeId::from_bytes([1; 16])],
        enrolled: vec![PracticeId::from_bytes([1; 16])],
        is_unsafe_to_write: route == "call",
        is_holder: number == 4,
    }
}

fn practice() -> Practice {
    Practice {
        id: PracticeId::from_bytes([1; 16]),
        name: "Kauri Medical Centre".into(),
        email: "desk@kauri.example".into(),
        phone: String::new(),
    }
}

async fn queue(pool: &Pool) -> u64 {
    let members = [member(1, "mail"), member(2, "call"), member(3, "canary")];
    queue_for(pool, &members).await
}

async fn queue_for(pool: &Pool, members: &[Member]) -> u64 {
    let practice = practice();
    notices::queue(
        pool,
        &CodeKey::from_bytes(&[7; 32]),
        INCIDENT,
        (&[practice], members),
        Versions {
            practice: 1,
            patient: 1,
            holder: Some(3),
        },
        now(),
        &mut SystemRandom,
    )
    .await
    .unwrap()
}

const MAIL: Wanted = Wanted {
    incident: INCIDENT,
    is_practice: false,
    channel: Channel::Mail,
};

#[tokio::test]
async fn publishing_twice_queues_once_and_nobody_off_the_route_of_mail_is_mailed() {
    let (_database, pool) = support::room().await;
    case(&pool).await;
    // One practice; a mail and a portal notice; a call and a portal notice; nothing for the canary.
    assert_eq!(queue(&pool).await, 5);
    assert_eq!(queue(&pool).await, 0);
    let leased = notices::lease(&pool, MAIL, 100, now()).await.unwrap();
    let mailed: Vec<_> = leased.iter().map(|row| row.recipient).collect();
    assert_eq!(mailed, [[1; 16]]);
}

#[tokio::test]
async fn only_whoever_s_own_sign_in_was_used_gets_the_text_that_says_so() {
    let (_database, pool) = support::room().await;
    case(&pool).await;
    queue_for(&pool, &[member(1, "mail"), member(4, "mail")]).await;
    let mut leased: Vec<_> = notices::lease(&pool, MAIL, 100, now())
        .await
        .unwrap()
        .iter()
        .map(|row| (row.recipient[0], row.is_holder, row.text_version))
        .collect();
    leased.sort_unstable();
    assert_eq!(leased, [(1, false, 1), (4, true, 3)]);
}

#[tokio::test]
async fn what_an_earlier_list_queued_leaves_to_nobody_who_is_cleared_or_must_not_get_a_mail_any_more()
 {
    let (_database, pool) = support::room().await;
    case(&pool).await;
    let members = [1, 2, 5].map(|number| member(number, "mail"));
    queue_for(&pool, &members).await;
    let client = pool.get().await.unwrap();
    let people = "insert into register (incident, patient, surrogate, state, route, reason, practices, is_deceased,
            is_unsafe_to_write, birth_year, country, scope_version)
        select decode(repeat('09', 16), 'hex'), decode(repeat(patient, 16), 'hex'), surrogate, state, route, route, '{}',
            false, false, 1980, 'NZ', 2
        from (values ('01', 1, 'confirmed', 'mail'), ('02', 2, 'cleared', 'mail'), ('05', 5, 'confirmed', 'call'))
            as people (patient, surrogate, state, route)";
    client.batch_execute(people).await.unwrap();
    let leaves = async |channel| {
        let wanted = Wanted { channel, ..MAIL };
        let leased = notices::lease(&pool, wanted, 100, now()).await.unwrap();
        let mut people: Vec<u8> = leased.iter().map(|row| row.recipient[0]).collect();
        people.sort_unstable();
        people
    };
    assert_eq!(leaves(Channel::Mail).await, [1]);
    assert_eq!(leaves(Channel::Portal).await, [1, 5]);

    // With the next approved list what does not leave goes, so that a run can end and the case can be closed.
    queue_for(&pool, &[member(1, "mail"), member(5, "call")]).await;
    let left = "select count(*) from notice where state in ('waiting', 'failed') and recipient = 'patient'";
    let left: i64 = client.query_one(left, &[]).await.unwrap().get(0);
    assert_eq!(left, 0);
}

#[tokio::test]
async fn two_senders_never_hold_the_same_row_and_one_that_died_lets_go_after_its_lease() {
    let (_database, pool) = support::room().await;
    case(&pool).await;
    queue(&pool).await;
    let first = notices::lease(&pool, MAIL, 100, now()).await.unwrap();
    assert_eq!(first.len(), 1);
    assert!(
        notices::lease(&pool, MAIL, 100, now())
            .await
            .unwrap()
            .is_empty()
    );
    let later = now() + notices::LEASE + SignedDuration::from_secs(1);
    let second = notices::lease(&pool, MAIL, 100, later).await.unwrap();
    assert_eq!(second[0].id, first[0].id);
    assert_eq!(second[0].attempts, 2);
    notices::handed_over(&pool, &second[0].id, None, later)
        .await
        .unwrap();
    let much_later = later + SignedDuration::from_hours(1);
    assert!(
        notices::lease(&pool, MAIL, 100, much_later)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn whoever_s_mail_fails_ten_times_stands_on_the_call_list() {
    let (_database, pool) = support::room().await;
    case(&pool).await;
    queue(&pool).await;
    let mut at = now();
    for _ in 0..notices::MOST_ATTEMPTS {
        at += SignedDuration::from_hours(1);
        let leased = notices::lease(&pool, MAIL, 100, at).await.unwrap();
        notices::failed(&pool, &leased[0], "unreachable", false, at)
            .await
            .unwrap();
    }
    at += SignedDuration::from_hours(1);
    assert!(
        notices::lease(&pool, MAIL, 100, at)
            .await
            .unwrap()
            .is_empty()
    );
    let counts = notices::counts(&pool, INCIDENT).await.unwrap();
    assert!(counts.iter().any(|count| count.channel == "mail"
        && count.state == "on_call_list"
        && count.number == 1));
    let states = notices::states(&pool, INCIDENT).await.unwrap();
    assert!(states.iter().any(
        |(_, channel, _, reason)| channel == "mail" && reason.as_deref() == Some("not_arrived")
    ));
}

fn draft(version: i32, words: &str) -> Draft {
    Draft {
        kind: TextKind::Statement,
        version,
        scope_version: version,
        subject: "Records were seen".into(),
        words: words.into(),
    }
}

#[tokio::test]
async fn the_same_words_are_not_a_new_version_and_other_words_are() {
    let (_database, pool) = support::room().await;
    case(&pool).await;
    assert!(
        texts::save(&pool, INCIDENT, &draft(1, "One."), now())
            .await
            .unwrap()
    );
    assert!(
        !texts::save(&pool, INCIDENT, &draft(2, "One."), now())
            .await
            .unwrap()
    );
    assert!(
        texts::save(&pool, INCIDENT, &draft(2, "Two."), now())
            .await
            .unwrap()
    );
    let newest = texts::newest(&pool, INCIDENT).await.unwrap();
    assert_eq!((newest.len(), newest[0].draft.words.as_str()), (1, "Two."));
}

#[tokio::test]
async fn one_officer_who_approves_twice_counts_once() {
    let (_database, pool) = support::room().await;
    case(&pool).await;
    let hash = Digest::of(b"list");
    for index in [1, 2] {
        let approval = texts::Approval {
            officer: PersonId::from_bytes([4; 16]),
            role: 6,
            at: now(),
            entry_index: index,
        };
        texts::approve(&pool, INCIDENT, hash, &approval)
            .await
            .unwrap();
    }
    assert_eq!(
        texts::approvals(&pool, INCIDENT, hash).await.unwrap().len(),
        1
    );
    let other = Digest::of(b"another list");
    assert!(
        texts::approvals(&pool, INCIDENT, other)
            .await
            .unwrap()
            .is_empty()
    );
}
