//! The manager reads who went on past the limit.

use crate::installation::{Installation, cookies};
use candour_keeper::draft::Draft;
use candour_keeper::instances::InstanceKind;
use candour_keeper_api::words::{EntryKind, Purpose, Role};
use candour_server::session::Visit;
use http::StatusCode;

const CARE: Visit = Visit::Staff(Some(Purpose::DirectCare));

#[tokio::test]
async fn the_manager_reads_when_and_why_somebody_went_on_past_the_limit_and_others_do_not() {
    let installation = Installation::fresh().await;
    let keeper = &installation.keeper;
    let clinician = keeper.staff(installation.practice, Role::Clinician).await;
    let manager = keeper.staff(installation.practice, Role::Manager).await;
    let elsewhere = keeper.practice().await;
    let elsewhere = keeper.staff(elsewhere, Role::Manager).await;
    let portal = candour_testkit::keeper::instance(InstanceKind::Portal);
    let now = keeper.core.clock.now();
    let session = keeper
        .core
        .sessions
        .look_up(clinician.token.expose(), portal, now)
        .unwrap();
    for why in ["results day", "<b>influenza</b> clinic"] {
        let mut draft = Draft::of_session(EntryKind::Reopening, &session, None);
        draft.body.text = why.to_owned();
        keeper.core.ledger.append_one(draft).await.unwrap();
    }
    let manager = cookies(&manager.token, CARE);
    let start = installation.get("/practice", &manager).await;
    assert!(
        start.body.contains("href=\"/practice/reopenings\""),
        "{}",
        start.body
    );
    let page = installation.get("/practice/reopenings", &manager).await;
    assert_eq!(page.status, StatusCode::OK);
    for said in [
        "“results day”",
        "3 March 2026",
        "Number 2 within a day",
        "The first time within a day",
        "influenza",
    ] {
        assert!(page.body.contains(said), "{said}: {}", page.body);
    }
    assert!(!page.body.contains("<b>influenza"));
    let clinician = cookies(&clinician.token, CARE);
    let start = installation.get("/practice", &clinician).await;
    assert!(!start.body.contains("/practice/reopenings"));
    let refused = installation.get("/practice/reopenings", &clinician).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let elsewhere = cookies(&elsewhere.token, CARE);
    let none = installation.get("/practice/reopenings", &elsewhere).await;
    assert_eq!(none.status, StatusCode::OK);
    assert!(!none.body.contains("results day"));
}
