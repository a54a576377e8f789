//! The keeper's ledger in trouble, seen from a page: nothing is shown, the page says so, and tells no details.

use crate::installation::{Installation, cookies, now};
use candour_core::tested::{Drill, Restore, Tested};
use candour_keeper::instances::InstanceKind;
use candour_keeper::root::TokenRoot;
use candour_keeper::token::{Fault, RootToken, TokenTable};
use candour_keeper_api::words::{Purpose, Role};
use candour_ledger::{Note, WitnessSigner};
use candour_seal::{ItemKey, PatientId, RootKey, SystemRandom};
use candour_server::pages::trust::asvs::Score;
use candour_server::session::Visit;
use candour_testkit::TestKeeper;
use candour_testkit::keeper::{Named, Settings, WitnessTable};
use http::StatusCode;
use std::sync::Arc;
use std::time::Duration;

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

/// A witness of a made-up key that cosigns only when a test lets it.
fn witness() -> WitnessSigner {
    WitnessSigner::from_seed("witness.example/w1", &[1; 32]).unwrap()
}

#[tokio::test]
async fn the_trust_page_and_its_twin_count_the_same_and_say_that_nobody_outside_has_checked() {
    let installation = Installation::fresh().await;
    let score = Score::of(include_str!("../../../../docs/asvs.md"));
    assert_eq!(score.all(), 60);
    let trust = installation.get("/trust", "").await.body;
    for said in [
        "asks 60 things of signing in".to_owned(),
        format!("meets {} of them", score.met),
        format!("{} are not met", score.not_met),
        "Nobody outside has checked it.".to_owned(),
    ] {
        assert!(trust.contains(&said), "{said}: {trust}");
    }
    let twin = installation.get("/trust.json", "").await.body;
    let said = format!(
        r#""asvs":{{"requirements":60,"met":{},"not_applicable":{},"not_met":{},"assessed_by":"self"}}"#,
        score.met, score.not_applicable, score.not_met
    );
    assert!(twin.contains(&said), "{twin}");
}

#[tokio::test]
async fn the_trust_page_says_when_it_was_last_tried_and_who_lets_go_what_is_frozen() {
    let installation = Installation::fresh().await;
    let trust = installation.get("/trust", "").await.body;
    for said in [
        "No theft has been tried on an installation like this one yet",
        "No backup of this installation has been tried yet",
        "Only two people together can let it go on.",
        "can keep the keys it was given before it was stopped",
        // The databases of tests do not wait for the disk.
        "does not wait for its disk",
        "There is no second computer that must have each line first.",
    ] {
        assert!(trust.contains(said), "{said}: {trust}");
    }
    let tested = Tested {
        drill: Some(Drill {
            on: jiff::civil::date(2026, 2, 27),
            scenario: "stolen-login".to_owned(),
            passed: false,
        }),
        restore: Some(Restore {
            on: jiff::civil::date(2026, 3, 1),
            backup_of: jiff::civil::date(2026, 2, 28),
            put_back: true,
        }),
    };
    std::fs::write(installation.tested(), tested.text()).unwrap();
    let trust = installation.get("/trust", "").await.body;
    for said in [
        "with made-up people, on 27 February 2026. Something was not as it must be.",
        "put back into a second installation on 1 March 2026. It was the backup of 28 February 2026.",
    ] {
        assert!(trust.contains(said), "{said}: {trust}");
    }
    let twin = installation.get("/trust.json", "").await.body;
    let twin: serde_json::Value = serde_json::from_str(&twin).unwrap();
    assert_eq!(twin["tested"], serde_json::to_value(&tested).unwrap());
    assert_eq!(twin["keeper"]["commits_wait_for_disk"], false);
    assert_eq!(twin["tls"], "none");
    assert_eq!(twin["limits"].as_array().unwrap().len(), 8);
}

#[tokio::test]
async fn the_trust_page_says_how_old_keys_are_and_what_waits_to_be_destroyed() {
    let installation = Installation::fresh().await;
    let trust = installation.get("/trust", "").await.body;
    assert!(trust.contains("A new one is made every 30 days"), "{trust}");
    assert!(
        !trust.contains("wait until no backup needs them"),
        "{trust}"
    );
    let core = &installation.keeper.core;
    candour_keeper::epochs::make(core, "a test").await.unwrap();
    while candour_keeper::epochs::step(core).await.unwrap() {}
    let trust = installation.get("/trust", "").await.body;
    assert!(trust.contains("no backup needs them: 1."), "{trust}");
    let twin = installation.get("/trust.json", "").await.body;
    let twin: serde_json::Value = serde_json::from_str(&twin).unwrap();
    let keys = &twin["keeper"]["epoch_keys"];
    assert_eq!(
        (keys["made"].as_u64(), keys["moving"].as_bool()),
        (Some(2), Some(false))
    );
    assert_eq!(keys["waiting_to_be_destroyed"].as_u64(), Some(1));
    assert!(keys["next_destroyed_at"].is_string() && keys["last_destroyed_at"].is_null());
}

#[tokio::test]
async fn without_witnesses_the_trust_page_says_so() {
    let installation = Installation::fresh().await;
    let trust = installation.get("/trust", "").await.body;
    assert!(trust.contains("No witness is configured."), "{trust}");
    let twin = installation.get("/trust.json", "").await.body;
    assert!(!twin.contains("witness"), "{twin}");
}

#[tokio::test]
async fn pages_say_that_nothing_opens_for_want_of_witnesses_and_open_again_with_them() {
    let installation = Installation::with(Settings {
        witnesses: WitnessTable {
            witnesses: vec![Named {
                name: "Kererū Health".to_owned(),
                key: witness().verifier().to_string(),
            }],
            witness_quorum: Some(1),
            most_unwitnessed_entries: 60,
        },
        ..Settings::default()
    })
    .await;
    let (keeper, practice) = (&installation.keeper, installation.practice);
    let program = keeper.program(practice, InstanceKind::Portal).await;
    let patient = installation.patient(1, practice, &program).await;
    let clinician = keeper.staff(practice, Role::Clinician).await;
    let clinician = cookies(&clinician.token, CARE);
    let record = format!("/patients/{patient}");
    let page = installation.get(&record, &clinician).await;
    assert_eq!(page.status, StatusCode::OK);
    let trust = installation.get("/trust", "").await.body;
    assert!(trust.contains("1 of 1 witnesses must confirm"), "{trust}");
    assert!(trust.contains("has not been heard of since the keeper started"));

    while keeper.core.ledger.size() < 60 {
        keeper.arrange(Vec::new()).await;
    }
    keeper.core.witnesses.look(keeper.core.ledger.size());
    let page = installation.get(&record, &clinician).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(page.body.contains("Records cannot be opened right now"));
    assert!(page.body.contains("0800 555 0100") || page.body.contains("ring your practice"));
    let trust = installation.get("/trust", "").await.body;
    assert!(trust.contains("so nothing opens just now"), "{trust}");
    assert!(says_writable(&installation).await);
    assert_eq!(
        installation.get("/sign-in", "").await.status,
        StatusCode::OK
    );

    let note = cosigned(keeper).await;
    std::fs::create_dir_all(keeper.brought()).unwrap();
    std::fs::write(keeper.brought().join("cosigned"), note).unwrap();
    std::fs::write(
        keeper.brought().join("conflicts"),
        "witness.example/w1 9000\n",
    )
    .unwrap();
    keeper.core.witnesses.look(keeper.core.ledger.size());
    let page = installation.get(&record, &clinician).await;
    assert_eq!(page.status, StatusCode::OK);
    let trust = installation.get("/trust", "").await.body;
    assert!(!trust.contains("so nothing opens just now"));
    assert!(
        trust.contains("The witness Kererū Health has seen the first"),
        "{trust}"
    );
    assert!(trust.contains("has seen 9000 entries that are not those of this list"));
    let twin = installation.get("/trust.json", "").await.body;
    let twin: serde_json::Value = serde_json::from_str(&twin).unwrap();
    let seen = &twin["keeper"]["ledger"]["witnessing"];
    assert_eq!(seen["quorum"], 1);
    assert_eq!(seen["most_unwitnessed_entries"], 60);
    assert_eq!(seen["stops"], false);
    assert_eq!(seen["witnesses"][0]["at"], "2026-03-02T21:00:00Z");
    assert_eq!(seen["witnesses"][0]["conflict"], 9000);
    assert_eq!(seen["witnesses"][0]["entries"], seen["cosigned_entries"]);
}

#[tokio::test]
async fn pages_say_that_nothing_opens_while_the_token_is_away() {
    // A token whose module is not there: the keeper notices at its first look.
    let folder = tempfile::tempdir().unwrap();
    let root = RootKey::from_bytes(&[7; 32]);
    let answer = |_: &[u8]| Ok::<_, Fault>(ItemKey::from_bytes(&[1; 32]));
    let place = ("serial number".to_owned(), [1; 16]);
    let sealed = TokenRoot::seal(&root, place, answer, &mut SystemRandom).unwrap();
    let table = TokenTable {
        module: folder.path().join("module.so"),
        label: "label of the token".to_owned(),
        serial: None,
        key: "label of the key".to_owned(),
        pin_file: None,
    };
    let token = RootToken::start(table, sealed, folder.path().join("door")).unwrap();
    let installation = Installation::with(Settings {
        token: Some(Arc::new(token)),
        ..Settings::default()
    })
    .await;
    let (keeper, practice) = (&installation.keeper, installation.practice);
    let clinician = keeper.staff(practice, Role::Clinician).await;
    let clinician = cookies(&clinician.token, CARE);
    let patient = PatientId::from_bytes([9; 16]);
    for _ in 0..600 {
        if keeper.core.keys.root().is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let record = installation
        .get(&format!("/patients/{patient}"), &clinician)
        .await;
    assert_eq!(record.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(record.body.contains("Records cannot be opened right now"));
    let trust = installation.get("/trust", "").await.body;
    assert!(
        trust.contains("The token keeps no count of its own"),
        "{trust}"
    );
    assert!(trust.contains("The token cannot be used just now, so nothing opens."));
    let twin = installation.get("/trust.json", "").await.body;
    for detail in ["label of the", "serial number", "module.so"] {
        for body in [&record.body, &trust, &twin] {
            assert!(!body.contains(detail), "{detail}: {body}");
        }
    }
    let twin: serde_json::Value = serde_json::from_str(&twin).unwrap();
    let expected = serde_json::json!({
        "model": "", "usable": false, "uses": 0, "own_count": null,
    });
    assert_eq!(twin["keeper"]["token"], expected);
    assert_eq!(twin["keeper"]["root_key"], "token");
}

/// A checkpoint over the whole ledger, once it is public, as the witness cosigns it.
async fn cosigned(keeper: &TestKeeper) -> String {
    let at = u64::try_from(now().as_second()).unwrap();
    for _ in 0..600 {
        let note = std::fs::read_to_string(keeper.public().join("checkpoint")).unwrap_or_default();
        let verifier = keeper.core.checkpoints.verifier();
        if verifier
            .open(&note)
            .is_ok_and(|it| it.size == keeper.core.ledger.size())
        {
            let text = Note::parse(&note).unwrap().text;
            return format!("{note}{}", witness().cosign(text, at));
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("no checkpoint covers the ledger");
}
