//! Somebody sees where they are signed in, and ends it from elsewhere.

use crate::installation::{Installation, ORIGIN, cookies};
use crate::sign_in_ways::{signed_in_again, with_passkey};
use crate::visits::{between, encoded, unescaped};
use candour_keeper_api::words::{EntryKind, Purpose, Role};
use candour_server::session::Visit;
use http::StatusCode;
use jiff::SignedDuration;

const CARE: Visit = Visit::Staff(Some(Purpose::DirectCare));

/// The surrogates that the page offers to end.
fn offered(page: &str) -> Vec<i64> {
    page.split("name=\"session\" value=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().parse().unwrap())
        .collect()
}

async fn is_signed_in(installation: &Installation, cookies: &str) -> bool {
    installation.get("/sessions", cookies).await.status == StatusCode::OK
}

#[tokio::test]
async fn somebody_signed_in_elsewhere_is_seen_and_ended_and_it_is_written_down() {
    let installation = Installation::fresh().await;
    let (keeper, practice) = (&installation.keeper, installation.practice);
    let first = keeper.staff(practice, Role::Clinician).await;
    let sign_in = || {
        keeper
            .sign_in_staff(first.person, practice, Role::Clinician)
            .token
    };
    let [here, second, third] =
        [first.token.clone(), sign_in(), sign_in()].map(|token| cookies(&token, CARE));
    let page = installation.get("/sessions", &here).await;
    assert!(page.body.contains("Sign out everywhere but here"));
    let elsewhere = offered(&page.body);
    assert_eq!(elsewhere.len(), 2);

    let form = format!("session={}", elsewhere[0]);
    let ended = installation.post("/sessions", &here, &form).await;
    assert_eq!(ended.header("location"), "/sessions");
    let left = [
        is_signed_in(&installation, &second).await,
        is_signed_in(&installation, &third).await,
    ];
    assert_eq!(left.iter().filter(|is| **is).count(), 1, "{left:?}");

    installation.post("/sessions", &here, "").await;
    assert!(!is_signed_in(&installation, &second).await);
    assert!(!is_signed_in(&installation, &third).await);
    assert!(is_signed_in(&installation, &here).await);
    let entries = keeper.entries().await;
    let signed_out = (i16::from(EntryKind::SignOut.number()), 0);
    assert_eq!(entries.get(&signed_out), Some(&2));
    let page = installation.get("/sessions", &here).await;
    assert!(!page.body.contains("Sign out everywhere but here"));
}

#[tokio::test]
async fn nobody_ends_or_sees_the_session_of_somebody_else() {
    let installation = Installation::fresh().await;
    let (keeper, practice) = (&installation.keeper, installation.practice);
    let victim = keeper.staff(practice, Role::Clinician).await;
    let again = keeper.sign_in_staff(victim.person, practice, Role::Clinician);
    let stranger = keeper.staff(practice, Role::Clinician).await;
    let [victim, again, stranger] =
        [&victim, &again, &stranger].map(|staff| cookies(&staff.token, CARE));
    let page = installation.get("/sessions", &victim).await;
    let of_victim = offered(&page.body);
    let page = installation.get("/sessions", &stranger).await;
    assert_eq!(offered(&page.body), Vec::<i64>::new());

    let form = format!("session={}", of_victim[0]);
    installation.post("/sessions", &stranger, &form).await;
    installation.post("/sessions", &stranger, "").await;
    assert!(is_signed_in(&installation, &victim).await);
    assert!(is_signed_in(&installation, &again).await);
    // 0 means all others to the keeper; a form that names it ends none.
    installation.post("/sessions", &victim, "session=0").await;
    assert!(is_signed_in(&installation, &again).await);
}

#[tokio::test]
async fn whoever_signs_in_again_in_the_same_browser_leaves_no_session_behind() {
    let mut somebody = with_passkey().await;
    let before = somebody.cookies;
    let elsewhere = signed_in_again(&somebody.installation, &mut somebody.device, "").await;
    let after = signed_in_again(&somebody.installation, &mut somebody.device, &before).await;
    assert!(!is_signed_in(&somebody.installation, &before).await);
    assert!(is_signed_in(&somebody.installation, &elsewhere).await);
    assert!(is_signed_in(&somebody.installation, &after).await);
}

#[tokio::test]
async fn to_sign_out_elsewhere_one_proves_oneself_and_goes_on_under_a_new_token() {
    let mut somebody = with_passkey().await;
    let installation = &somebody.installation;
    let elsewhere = signed_in_again(installation, &mut somebody.device, "").await;
    let clock = &installation.keeper.clock;
    clock.advance(SignedDuration::from_mins(5));
    let here = somebody.cookies;
    let asked = installation.post("/sessions", &here, "").await;
    assert_eq!(asked.header("location"), "/step-up?back=/sessions");
    assert!(is_signed_in(installation, &elsewhere).await);

    let page = installation.get(asked.header("location"), &here).await;
    let options = unescaped(between(&page.body, "data-options=\"", "\""));
    let form = encoded(&[
        ("back", "/sessions"),
        (
            "ceremony",
            between(&page.body, "name=\"ceremony\" value=\"", "\""),
        ),
        ("answer", &somebody.device.get(&options, ORIGIN).unwrap()),
    ]);
    let proved = installation.post("/step-up", &here, &form).await;
    assert_eq!(proved.header("location"), "/sessions", "{}", proved.body);
    let cookie = proved.header("set-cookie");
    assert!(
        cookie.starts_with("__Host-candour=")
            && cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Strict"),
        "{cookie}"
    );
    let renewed = format!("{}; __Host-candour-visit=patient", proved.cookies());
    assert!(!is_signed_in(installation, &here).await);
    let ended = installation.post("/sessions", &renewed, "").await;
    assert_eq!(ended.header("location"), "/sessions");
    assert!(!is_signed_in(installation, &elsewhere).await);
    assert!(is_signed_in(installation, &renewed).await);
}
