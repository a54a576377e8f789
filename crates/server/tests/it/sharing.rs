//! A patient sees who reads their record, keeps a document from their practice, and lets it be seen again.

use crate::installation::{Answer, Installation, ORIGIN, cookies};
use crate::visits::{between, encoded, practice_with_patient, unescaped};
use candour_core::people::{BirthDate, Identity};
use candour_keeper::facts::Proxy;
use candour_keeper::instances::InstanceKind;
use candour_keeper_api::words::{Purpose, Role};
use candour_seal::PatientId;
use candour_server::session::Visit;
use candour_testkit::passkey::SoftwarePasskey;
use candour_testkit::portal::walker;
use http::StatusCode;

struct Somebody {
    installation: Installation,
    patient: PatientId,
    device: SoftwarePasskey,
    cookies: String,
    clinician: String,
}

async fn somebody() -> Somebody {
    let installation = Installation::fresh().await;
    let (patient, clinician) = practice_with_patient(&installation).await;
    let own = installation.keeper.as_patient(patient).await;
    Somebody {
        device: installation.keeper.give_passkey(own.person).await,
        cookies: cookies(&own.token, Visit::Patient),
        installation,
        patient,
        clinician,
    }
}

impl Somebody {
    async fn list(&self) -> String {
        let page = self.installation.get("/sharing", &self.cookies).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        page.body
    }

    /// Sends a form, and signs the sentence of the page that comes.
    async fn signed(&mut self, path: &str, form: &[(&str, &str)], sentence: &str) -> Answer {
        let form = encoded(form);
        let page = self.installation.post(path, &self.cookies, &form).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        assert!(page.body.contains(sentence), "{}", page.body);
        let options = unescaped(between(&page.body, "data-options=\"", "\""));
        let ceremony = between(&page.body, "name=\"ceremony\" value=\"", "\"");
        let answer = self.device.get(&options, ORIGIN).unwrap();
        let form = encoded(&[("ceremony", ceremony), ("answer", &answer)]);
        let done = self
            .installation
            .post("/sharing/act", &self.cookies, &form)
            .await;
        // Sent twice, it says that nothing more came of it.
        let again = self
            .installation
            .post("/sharing/act", &self.cookies, &form)
            .await;
        assert_eq!(again.header("location"), "/sharing?note=again");
        done
    }
}

#[tokio::test]
async fn what_a_patient_keeps_from_their_practice_is_not_found_there_until_they_let_it_be_seen() {
    let mut all = somebody().await;
    let installation = &all.installation;
    let through = InstanceKind::Portal;
    let program = installation.keeper.program(installation.practice, through);
    let program = program.await;
    let title = "Letter from the heart clinic";
    let document = installation.document(all.patient, &program, title, b"Kia ora.\n");
    let path = format!("/documents/{}", document.await);
    assert_eq!(
        installation.get(&path, &all.clinician).await.status,
        StatusCode::OK
    );
    let shelf = format!("/patients/{}/documents", all.patient);
    let own = installation.get(&shelf, &all.cookies).await.body;
    let keep = unescaped(between(&own, "<br><a href=\"", "\""));
    let form = installation.get(&keep, &all.cookies).await;
    assert_eq!(form.status, StatusCode::OK, "{}", form.body);
    let part = between(&form.body, "\" selected>", "<");
    assert!(part.starts_with(title), "{part}");
    let part = keep.split_once('=').unwrap().1.to_owned();
    let practice = format!("practice-{}", installation.practice);
    let done = all
        .signed(
            "/sharing/keep",
            &[("whom", &practice), ("part", &part)],
            "Keep from Kauri Health: one document of 2026-02.",
        )
        .await;
    assert_eq!(done.header("location"), "/sharing?note=done");
    let gone = all.installation.get(&path, &all.clinician).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    let theirs = all.installation.get(&shelf, &all.clinician).await;
    assert_eq!(theirs.status, StatusCode::OK);
    assert!(!theirs.body.contains(title) && !theirs.body.contains("/sharing"));
    let list = all.list().await;
    assert!(list.contains("Kauri Health: one document of 2026-02"));
    assert!(list.contains(&format!("<a href=\"{path}\">")), "{list}");
    let rule = between(&list, "name=\"rule\" value=\"", "\"").to_owned();
    all.signed(
        "/sharing",
        &[("what", "kept"), ("rule", &rule)],
        "No longer keep from Kauri Health: one document of 2026-02.",
    )
    .await;
    let back = all.installation.get(&path, &all.clinician).await;
    assert_eq!(back.status, StatusCode::OK);
}

#[tokio::test]
async fn whoever_stands_in_the_history_is_kept_out_and_nothing_chosen_is_said_beside_the_form() {
    let mut all = somebody().await;
    let page = format!("/patients/{}", all.patient);
    let read = all.installation.get(&page, &all.clinician).await;
    assert_eq!(read.status, StatusCode::OK);
    let history = format!("{page}/history");
    let history = all.installation.get(&history, &all.cookies).await.body;
    let keep = unescaped(between(&history, "<a href=\"/sharing/keep", "\""));
    let form = format!("/sharing/keep{keep}");
    let form = all.installation.get(&form, &all.cookies).await.body;
    let entry = keep.split_once('=').unwrap().1;
    let whom = format!("entry-{entry}");
    assert!(
        form.contains(&format!("value=\"{whom}\" checked>")),
        "{form}"
    );
    let sentence = format!(
        "Keep from the clinician of Kauri Health in entry {entry} of my access history: everything."
    );
    let chosen = [("whom", whom.as_str()), ("part", "everything")];
    all.signed("/sharing/keep", &chosen, &sentence).await;
    let gone = all.installation.get(&page, &all.clinician).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    let none = encoded(&[("part", "everything")]);
    let asked = all.installation.post("/sharing/keep", &all.cookies, &none);
    let asked = asked.await;
    assert_eq!(asked.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(asked.body.contains("Choose whom it is about"));
    // There is one practice, so there is nobody to share with.
    assert!(all.list().await.contains("Ask that practice to enrol you."));
}

#[tokio::test]
async fn whoever_is_let_act_sees_and_does_what_was_ticked_and_finds_nothing_once_it_ends() {
    let mut all = somebody().await;
    let chosen = [
        ("see", "medicines"),
        ("may", "book"),
        ("days", "30"),
        ("reason", "my daughter"),
    ];
    let sentence =
        "Invite somebody to act for the patient: see medicines; book appointments; until";
    let made = all.signed("/sharing/proxy", &chosen, sentence).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    let code = between(&made.body, "id=\"invitation-code\">", "<").to_owned();
    let installation = &all.installation;
    let practice = installation.practice;
    let program = installation.keeper.program(practice, InstanceKind::Portal);
    let daughter = installation.patient(2, practice, &program.await).await;
    let daughter = installation.keeper.as_patient(daughter).await;
    let theirs = cookies(&daughter.token, Visit::Patient);
    let born = [
        ("code", code.as_str()),
        ("day", "27"),
        ("month", "3"),
        ("year", "1946"),
    ];
    let linked = installation
        .post("/invitation/link", &theirs, &encoded(&born))
        .await;
    assert_eq!(linked.header("location"), "/home", "{}", linked.body);
    let home = installation.get("/home", &theirs).await.body;
    let (_, tile) = home.split_once("for whom you act").unwrap();
    let (tile, _) = tile.split_once("</section>").unwrap();
    assert!(
        tile.contains("/record\"") && tile.contains("You see a part"),
        "{tile}"
    );
    for absent in ["/documents\"", "/history\"", "/notices\""] {
        assert!(!tile.contains(absent), "{tile}");
    }
    let record = format!("/patients/{}/record", all.patient);
    let sections = installation.get(&record, &theirs).await.body;
    assert!(sections.contains("/record/medicines") && !sections.contains("/record/results"));
    let read = |section: &str| {
        let path = format!("{record}/{section}");
        let theirs = &theirs;
        async move { installation.get(&path, theirs).await }
    };
    assert_eq!(read("medicines").await.status, StatusCode::OK);
    let outside = read("results").await;
    assert_eq!(outside.status, StatusCode::NOT_FOUND);
    let list = all.list().await;
    assert!(list.contains("my daughter") && list.contains("May book appointments for you"));
    let person = between(&list, "name=\"person\" value=\"", "\"").to_owned();
    let end = [("what", "proxy"), ("person", person.as_str())];
    all.signed("/sharing", &end, "End that a person acts for this patient.")
        .await;
    // The page is the one of whoever never acted, and their home page says nothing of it.
    let record = format!("{record}/medicines");
    let ended = all.installation.get(&record, &theirs).await;
    let stranger = all.installation.keeper.as_proxy(all.patient, &[], 1).await;
    let never = cookies(&stranger.token, Visit::Patient);
    let never = all.installation.get(&record, &never).await;
    assert_eq!(
        (ended.status, &ended.body),
        (StatusCode::NOT_FOUND, &never.body)
    );
    let home = all.installation.get("/home", &theirs).await;
    assert_eq!(home.status, StatusCode::OK);
    assert!(
        !home.body.contains("whom you act") && !home.body.contains("ended"),
        "{}",
        home.body
    );
}

/// Sends the form of an invitation, and the passkey's answer to its sentence.
async fn let_in(
    installation: &Installation,
    device: &mut SoftwarePasskey,
    (path, cookies): (&str, &str),
    form: &str,
) -> Answer {
    let asked = installation.post(path, cookies, form).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
    let options = unescaped(between(&asked.body, "data-options=\"", "\""));
    let ceremony = between(&asked.body, "name=\"ceremony\" value=\"", "\"");
    let answer = device.get(&options, ORIGIN).unwrap();
    let form = encoded(&[("ceremony", ceremony), ("answer", &answer)]);
    installation.post(path, cookies, &form).await
}

#[tokio::test]
async fn a_mark_of_death_by_passkey_shuts_out_and_lets_a_representative_in_until_a_day_and_is_undone()
 {
    let all = somebody().await;
    let installation = &all.installation;
    let staff = installation
        .keeper
        .staff(installation.practice, Role::Reception)
        .await;
    let mut device = installation.keeper.give_passkey(staff.person).await;
    let mut executors = installation.keeper.give_passkey(staff.person).await;
    let desk = cookies(&staff.token, Visit::Staff(Some(Purpose::Administration)));
    let page = format!("/patients/{}", all.patient);
    let (acting, marks, proxy) = (
        format!("{page}/acting"),
        format!("{page}/marks"),
        format!("{page}/proxy"),
    );
    let mut sign = async |form: &str, sentence: &str| {
        let asked = installation.post(&marks, &desk, form).await;
        assert!(asked.body.contains(sentence), "{}", asked.body);
        let options = unescaped(between(&asked.body, "data-options=\"", "\""));
        let ceremony = between(&asked.body, "name=\"ceremony\" value=\"", "\"");
        let answer = device.get(&options, ORIGIN).unwrap();
        let form = encoded(&[("ceremony", ceremony), ("answer", &answer)]);
        let done = installation.post("/practice/act", &desk, &form).await;
        assert_eq!(done.header("location"), "/practice/waiting?said=done");
    };
    let list = installation.get(&acting, &desk).await;
    assert!(
        list.body.contains("Nobody acts for this patient."),
        "{}",
        list.body
    );
    assert!(!list.body.contains("checked"), "{}", list.body);
    sign("died=yes", "Mark the patient: has died, may be written to.").await;
    let shut = installation.get("/home", &all.cookies).await;
    assert_eq!(shut.status, StatusCode::FORBIDDEN);
    assert!(
        shut.body
            .contains("wrote down that the person with this sign-in has died")
    );
    let list = installation.get(&acting, &desk).await.body;
    assert!(
        list.contains("name=\"died\" type=\"checkbox\" value=\"yes\" checked"),
        "{list}"
    );
    let executor = |days| {
        encoded(&[
            ("see", "shelf"),
            ("days", days),
            ("reason", "executor, will seen"),
            ("checked", "yes"),
        ])
    };
    let endless = let_in(
        installation,
        &mut executors,
        (&proxy, &desk),
        &executor("0"),
    )
    .await;
    assert_eq!(endless.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(endless.body.contains("it cannot be without an end"));
    let made = let_in(
        installation,
        &mut executors,
        (&proxy, &desk),
        &executor("90"),
    )
    .await;
    assert!(made.body.contains("invitation-code"), "{}", made.body);
    sign("", "Mark the patient: is alive, may be written to.").await;
    assert_eq!(
        installation.get("/home", &all.cookies).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn who_acts_for_somebody_young_is_told_why_they_see_less_and_whom_to_ask() {
    let all = somebody().await;
    let installation = &all.installation;
    let practice = installation.practice;
    let program = installation
        .keeper
        .program(practice, InstanceKind::Portal)
        .await;
    for (number, born, is_young) in [(5, (2013, 1), true), (6, (2018, 1), false)] {
        let identity = Identity {
            birth_date: BirthDate::new(jiff::civil::date(born.0, born.1, 9)),
            ..walker(number)
        };
        let patient = installation.patient_of(identity, practice, &program).await;
        let parent = Proxy {
            patient: installation.keeper.core.keys.patient(patient).0.to_vec(),
            ..Proxy::default()
        };
        let parent = installation.keeper.as_proxy_by(parent).await;
        let parent = cookies(&parent.token, Visit::Patient);
        for (path, words) in [
            (
                format!("/patients/{patient}/record/results"),
                "When they are 16 this ends by itself",
            ),
            (
                format!("/patients/{patient}/documents"),
                "Ask them, or ring their practice.",
            ),
            ("/home".to_owned(), "It is so for everybody of that age."),
        ] {
            let page = installation.get(&path, &parent).await;
            assert_eq!(page.status, StatusCode::OK, "{}", page.body);
            assert_eq!(page.body.contains(words), is_young, "{path}: {}", page.body);
        }
    }
    // A child has no account of their own, and staff are told what to do instead.
    let identity = Identity {
        birth_date: BirthDate::new(jiff::civil::date(2018, 1, 9)),
        ..walker(7)
    };
    let child = installation.patient_of(identity, practice, &program).await;
    let path = format!("/patients/{child}/invite");
    let staff = installation.keeper.staff(practice, Role::Reception).await;
    let mut device = installation.keeper.give_passkey(staff.person).await;
    let desk = cookies(&staff.token, Visit::Staff(Some(Purpose::Administration)));
    let refused = let_in(installation, &mut device, (&path, &desk), "checked=yes").await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(
        refused
            .body
            .contains("Let a parent or guardian act instead"),
        "{}",
        refused.body
    );
}
