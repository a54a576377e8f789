//! The room's page of what is frozen: one officer stops, two let go, nobody else does either.

use crate::browser::{Served, Signatory, between, served, signatories};
use crate::stopping::{session_of, theft, works};
use crate::world::{World, world};
use candour_keeper_api::words::{Level, Reason, Role};
use candour_room::incidents;
use candour_testkit::keeper::Staff;

/// A form of one field beside the rung.
fn form(what: &str, reason: &str) -> String {
    format!("what={what}&reason={}", reason.replace(' ', "+"))
}

/// The value of the choice with this name.
async fn choice(officer: &Signatory, name: &str) -> String {
    let page = officer.browser.get("/freezes").await;
    let end = format!("\">{name}</option>");
    let (before, _) = page
        .split_once(&end)
        .unwrap_or_else(|| panic!("no {name} in {page}"));
    before.rsplit('"').next().unwrap().to_owned()
}

async fn freeze(officer: &Signatory, what: &str, reason: &str) -> String {
    let form = form(what, reason);
    officer.browser.send("POST /freezes/freeze", &form).await
}

/// The first officer's part of letting go; the address at which the second's is asked.
async fn begin_to_let_go(officer: &mut Signatory, what: &str) {
    let path = format!("/freezes/let-go/{what}");
    let page = officer.browser.get(&path).await;
    assert!(page.contains("You are the first"), "{page}");
    let head = format!("POST {path}");
    let page = officer.browser.send(&head, "reason=it+was+us").await;
    assert!(page.contains("Reason: it was us"), "{page}");
    let answer = officer.answer_at(&path, &page).await;
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
}

async fn scene(roles: &[&str]) -> (World, Served, Vec<Signatory>, Staff) {
    let world = world().await;
    let served = served(&world).await;
    let officers = signatories(&world, served.at, roles).await;
    let doctor = world.keeper.staff(world.practice, Role::Clinician).await;
    (world, served, officers, doctor)
}

#[tokio::test]
async fn one_officer_freezes_a_practice_and_two_let_it_go() {
    let (world, _served, mut officers, doctor) =
        scene(&["security_officer", "privacy_officer"]).await;
    let page = officers[0].browser.get("/freezes").await;
    assert!(page.contains("Nothing is frozen."), "{page}");
    let what = choice(&officers[0], "The practice Kauri Health").await;
    let path = format!("/freezes/freeze?what={what}");
    let page = officers[0].browser.get(&path).await;
    let (stops, goes_on) = Level::Practice.effect();
    assert!(page.contains(&format!("Stopped: {stops}")), "{page}");
    assert!(page.contains(&format!("Goes on: {goes_on}")), "{page}");
    for reason in [String::new(), " ".to_owned(), "x".repeat(501)] {
        let page = freeze(&officers[0], &what, &reason).await;
        assert!(page.contains("Say why"), "{page}");
    }
    assert_eq!(works(&world, &doctor.token).await, Ok(()));

    let page = freeze(&officers[0], &what, "a broken interface").await;
    assert!(page.starts_with("HTTP/1.1 303"), "{page}");
    assert_eq!(works(&world, &doctor.token).await, Err(Reason::Frozen));
    let page = officers[1].browser.get("/freezes").await;
    for said in [
        "<strong>The practice Kauri Health</strong>",
        "Why: a broken interface",
        "By: Officer 0.",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(
        !page.contains("The practice Kauri Health</option>"),
        "{page}"
    );
    let page = freeze(&officers[1], &what, "again").await;
    assert!(page.contains("Somebody froze it before you."), "{page}");

    begin_to_let_go(&mut officers[0], &what).await;
    assert_eq!(works(&world, &doctor.token).await, Err(Reason::Frozen));
    let page = officers[0].browser.get("/freezes").await;
    assert!(page.contains("You began it"), "{page}");
    assert!(!page.contains("/freezes/waiting/"), "{page}");
    let page = officers[1].browser.get("/freezes").await;
    assert!(page.contains("Officer 0 began it."), "{page}");
    let path = between(&page, "href=\"/freezes/waiting/", "\"");
    let path = format!("/freezes/waiting/{path}");
    let alone = officers[0].browser.get(&path).await;
    assert!(alone.contains("Your role may not do this."), "{alone}");
    let page = officers[1].browser.get(&path).await;
    assert!(
        page.contains("Approve: Unfreeze a practice. The practice Kauri Health."),
        "{page}"
    );
    // An answer counts at the address of its page and nowhere else.
    let elsewhere = format!("/freezes/let-go/{what}");
    let answer = officers[1].answer_at(&elsewhere, &page).await;
    assert!(
        answer.contains("This answer is not for this step"),
        "{answer}"
    );
    let answer = officers[1].answer_at(&path, &page).await;
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    assert_eq!(works(&world, &doctor.token).await, Ok(()));
    let page = officers[1].browser.get("/freezes").await;
    assert!(page.contains("Nothing is frozen."), "{page}");
    assert!(!page.contains("Waits for a second officer"), "{page}");
}

#[tokio::test]
async fn proof_mode_begins_by_one_and_ends_by_two() {
    let (world, _served, mut officers, _) = scene(&["security_officer", "privacy_officer"]).await;
    let portal = candour_testkit::keeper::instance(candour_testkit::keeper::InstanceKind::Portal);
    let keys = &world.keeper.core.keys;
    let portal = keys.instance(portal).surrogate();
    let needs_proof = || world.keeper.core.freezes.needs_proof(portal);
    let what = choice(&officers[0], "Proof mode of the process “portal”").await;
    let page = freeze(&officers[0], &what, "it is slow").await;
    assert!(page.starts_with("HTTP/1.1 303"), "{page}");
    assert!(needs_proof());
    begin_to_let_go(&mut officers[1], &what).await;
    let page = officers[0].browser.get("/freezes").await;
    let path = between(&page, "href=\"/freezes/waiting/", "\"");
    let path = format!("/freezes/waiting/{path}");
    let page = officers[0].browser.get(&path).await;
    assert!(page.contains("Approve: End proof mode."), "{page}");
    assert!(needs_proof());
    officers[0].answer_at(&path, &page).await;
    assert!(!needs_proof());
}

#[tokio::test]
async fn a_communications_officer_sees_what_is_frozen_and_changes_nothing() {
    let (world, _served, officers, doctor) =
        scene(&["security_officer", "communications_officer"]).await;
    let what = choice(&officers[0], "The practice Kauri Health").await;
    let page = freeze(&officers[1], &what, "a reason").await;
    assert!(page.contains("Your role may not do this."), "{page}");
    assert_eq!(works(&world, &doctor.token).await, Ok(()));
    freeze(&officers[0], &what, "a reason").await;
    let page = officers[1].browser.get("/freezes").await;
    assert!(page.contains("Why: a reason"), "{page}");
    assert!(!page.contains("/freezes/let-go/"), "{page}");
    assert!(!page.contains("<select"), "{page}");
}

#[tokio::test]
async fn freezing_everything_says_that_the_room_stops_too_and_officers_still_see_what_is_frozen() {
    let (world, _served, officers, doctor) = scene(&["security_officer"]).await;
    let what = choice(&officers[0], "The whole installation").await;
    let path = format!("/freezes/freeze?what={what}");
    let page = officers[0].browser.get(&path).await;
    let says = "nobody can let it go from here. Two operators do";
    assert!(page.contains(says), "{page}");
    freeze(&officers[0], &what, "everything burns").await;
    assert_eq!(works(&world, &doctor.token).await, Err(Reason::Frozen));
    let page = officers[0].browser.get("/freezes").await;
    assert!(page.contains("Why: everything burns"), "{page}");
    assert!(page.contains("Two operators let it go"), "{page}");
    assert!(!page.contains("/freezes/let-go/"), "{page}");
}

#[tokio::test]
async fn a_session_and_the_person_of_an_open_case_are_chosen_by_what_the_case_says_of_them() {
    let world = world().await;
    let served = served(&world).await;
    let (case, later) = theft(&world, &served).await;
    let officers = signatories(&world, served.at, &["security_officer"]).await;
    let page = officers[0].browser.get("/freezes").await;
    let session = session_of(&world, &later);
    let what = format!("session-{:016x}", session.surrogate);
    assert!(
        page.contains(&format!("value=\"{what}\">The session that began")),
        "{page}"
    );
    let person = format!("principal-{:016x}", session.subject.surrogate());
    assert!(
        page.contains(&format!("value=\"{person}\">The person of")),
        "{page}"
    );
    freeze(&officers[0], &what, "not theirs").await;
    assert_eq!(works(&world, &later.token).await, Err(Reason::Frozen));
    let page = officers[0]
        .browser
        .get(&format!("/incidents/{case}/scope"))
        .await;
    assert!(page.contains("Stopped by an officer."), "{page}");
    freeze(&officers[0], &person, "not theirs").await;
    let timeline = incidents::events(&served.room.pool, case).await.unwrap();
    let said = timeline.iter().filter(|event| {
        event.author == "Security officer"
            && event
                .detail
                .ends_with("was frozen. Nothing more is released to it.")
    });
    assert_eq!(said.count(), 2);
}
