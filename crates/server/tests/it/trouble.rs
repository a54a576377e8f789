//! The keeper's ledger in trouble, seen from a page: nothing is shown, the page says so, and tells no details.

use crate::installation::{Installation, cookies};
use candour_keeper::instances::InstanceKind;
use candour_keeper_api::words::{Purpose, Role};
use candour_server::session::Visit;
use http::StatusCode;

const CARE: Visit = Visit::Staff(Some(Purpose::DirectCare));

/// What would tell a stranger how the keeper is built, or what failed in it.
const DETAILS: [&str; 7] = [
    "permission denied",
    "read-only",
    "insert into",
    "ledger_head",
    "postgres",
    "42501",
    "25006",
];

/// What the trust page says of the ledger to programs.
async fn says_writable(installation: &Installation) -> bool {
    let answer = installation.get("/trust.json", "").await;
    let twin: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    twin["keeper"]["ledger"]["writable"].as_bool().unwrap()
}

/// What is done to the keeper's database, and undone.
async fn pages_say_so(done: &str, undone: &str) {
    let installation = Installation::fresh().await;
    let (keeper, practice) = (&installation.keeper, installation.practice);
    let program = keeper.program(practice, InstanceKind::Portal).await;
    let patient = installation.patient(1, practice, &program).await;
    let clinician = keeper.staff(practice, Role::Clinician).await;
    let clinician = cookies(&clinician.token, CARE);
    let record = format!("/patients/{patient}");
    let database = &installation.databases[0];
    let past = async |statements: &str| {
        let statements = statements.replace("DATABASE", database.name());
        database.past_its_owner(&statements).await;
        let cut = "select pg_terminate_backend(pid, 5000) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()";
        database.past_its_owner(cut).await;
    };
    let page = installation.get(&record, &clinician).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(says_writable(&installation).await);
    past(done).await;
    for path in [
        record.clone(),
        format!("/patients/{patient}/documents"),
        format!("/documents/{patient}"),
        "/practice".to_owned(),
    ] {
        let page = installation.get(&path, &clinician).await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        let said = "Records cannot be opened right now";
        assert!(page.body.contains(said), "{path}: {}", page.body);
        let body = page.body.to_lowercase();
        for detail in DETAILS {
            assert!(!body.contains(detail), "{path} tells {detail}");
        }
    }
    assert!(!says_writable(&installation).await);
    past(undone).await;
    for _ in 0..100 {
        if installation.get(&record, &clinician).await.status == StatusCode::OK {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the page did not come back");
}

#[tokio::test]
async fn a_ledger_that_may_not_be_written_is_said_on_every_page_and_nothing_more() {
    pages_say_so(
        "revoke insert on entry from candour_keeper",
        "grant insert on entry to candour_keeper",
    )
    .await;
}

#[tokio::test]
async fn a_ledger_that_is_read_only_is_said_on_every_page_and_nothing_more() {
    pages_say_so(
        "alter database DATABASE set default_transaction_read_only = on",
        "begin read write; alter database DATABASE reset default_transaction_read_only; commit",
    )
    .await;
}

#[tokio::test]
async fn a_ledger_whose_database_is_gone_is_said_on_every_page_and_nothing_more() {
    pages_say_so(
        "revoke connect on database DATABASE from candour_keeper",
        "grant connect on database DATABASE to candour_keeper",
    )
    .await;
}
