//! A manager takes back what a program put in, without script but for the passkey; and puts it back.

use crate::installation::{Installation, cookies};
use crate::visits::{between, encoded, signed};
use candour_keeper::instances::InstanceKind;
use candour_keeper_api::words::{Purpose, Role};
use candour_server::session::Visit;
use http::StatusCode;

const OFFICE: Visit = Visit::Staff(Some(Purpose::Administration));
const CARE: Visit = Visit::Staff(Some(Purpose::DirectCare));
/// The keeper's clock, and the portal's, stand at 10 am on 3 March in that zone.
const TODAY: &str = "from=2026-03-03T00%3A00&until=2026-03-03T10%3A00";

#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "one way through the pages, from looking to putting back"
)]
async fn a_manager_sees_how_much_it_is_signs_it_sees_whom_it_concerns_and_puts_it_back() {
    let installation = Installation::fresh().await;
    let keeper = &installation.keeper;
    let practice = installation.practice;
    let program = keeper.program(practice, InstanceKind::Portal).await;
    let patient = installation.patient(1, practice, &program).await;
    let other = installation.patient(2, practice, &program).await;
    let letter = installation
        .document(patient, &program, "Heart clinic", b"Kia ora.\n")
        .await;
    installation
        .document(other, &program, "Scan", b"Kia ora.\n")
        .await;
    let clinician = keeper.staff(practice, Role::Clinician).await;
    let clinician = cookies(&clinician.token, CARE);
    let themself = keeper.as_patient(patient).await;
    let themself = cookies(&themself.token, Visit::Patient);
    let person = keeper.staff(practice, Role::Manager).await;
    let mut device = keeper.give_passkey(person.person).await;
    let manager = cookies(&person.token, OFFICE);
    let document = format!("/documents/{letter}");
    assert_eq!(
        installation.get(&document, &clinician).await.status,
        StatusCode::OK
    );

    let start = installation.get("/practice", &manager).await;
    assert!(start.body.contains("href=\"/practice/recalls\""));
    let page = installation.get("/practice/recalls", &manager).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert!(
        page.body.contains("value=\"2026-03-02T00:00\""),
        "{}",
        page.body
    );
    let page = installation
        .get(&format!("/practice/recalls?{TODAY}"), &manager)
        .await;
    for said in [
        "The program",
        "Documents, messages and parts of records: 2. Patients: 2.",
        "Opened by somebody: 1. Only the title seen: 0.",
        "Your practice has taken nothing back.",
    ] {
        assert!(page.body.contains(said), "{said}: {}", page.body);
    }
    let hidden = |name: &str| {
        let start = format!("name=\"{name}\" value=\"");
        between(&page.body, &start, "\"").to_owned()
    };
    let as_of = hidden("as_of");
    let batch = between(&page.body, "name=\"batch\" type=\"radio\" value=\"", "\"");
    let form = |batch: &str, as_of: &str| {
        encoded(&[
            ("from", "2026-03-03T00:00"),
            ("until", "2026-03-03T10:00"),
            ("as_of", as_of),
            ("batch", batch),
            ("reason", "put in under the wrong patients"),
        ])
    };
    // What was not shown like this is not signed.
    for wrong in [form("", &as_of), form(batch, "3")] {
        let mend = installation
            .post("/practice/recalls", &manager, &wrong)
            .await;
        assert_eq!(
            mend.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{}",
            mend.body
        );
        assert!(mend.body.contains("href=\"#batch\""), "{}", mend.body);
    }
    let asked = installation
        .post("/practice/recalls", &manager, &form(batch, &as_of))
        .await;
    let sentence = "Patients: 2. Opened by somebody: 1. Only the title seen: 0. Reason: put in under the wrong patients";
    assert!(asked.body.contains(sentence), "{}", asked.body);
    let answer = signed(&asked, &mut device);
    let done = installation
        .post("/practice/recalls/act", &manager, &answer)
        .await;
    assert_eq!(
        done.header("location"),
        "/practice/recalls?said=done",
        "{}",
        done.body
    );
    let twice = installation
        .post("/practice/recalls/act", &manager, &answer)
        .await;
    assert_eq!(twice.header("location"), "/practice/recalls?said=again");

    let absent = installation.get("/there/is/no/such/page", &clinician).await;
    let gone = installation.get(&document, &clinician).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert_eq!(gone.body, absent.body);
    let shelf = format!("/patients/{patient}/documents");
    let shelf = installation.get(&shelf, &themself).await;
    assert_eq!(shelf.status, StatusCode::OK);
    assert!(!shelf.body.contains("Heart clinic"), "{}", shelf.body);
    let history = format!("/patients/{patient}/history");
    let told = installation.get(&history, &themself).await;
    let line = "Took back something that the practice had put into your record";
    assert_eq!(told.body.matches(line).count(), 1, "{}", told.body);
    assert!(!told.body.contains("wrong patients"), "{}", told.body);

    let list = installation
        .get("/practice/recalls?said=done", &manager)
        .await;
    assert!(list.body.contains(sentence), "{}", list.body);
    let people = between(&list.body, "href=\"/practice/recalls/people", "\"");
    let people = format!("/practice/recalls/people{people}");
    let concerned = installation.get(&people, &manager).await;
    assert_eq!(concerned.status, StatusCode::OK, "{}", concerned.body);
    for said in [
        "Walker",
        "Taken back: 1. <strong>Opened by somebody: 1. Only the title seen: 0.</strong>",
    ] {
        assert!(concerned.body.contains(said), "{said}: {}", concerned.body);
    }
    assert_eq!(concerned.body.matches("seen: 0.</strong>").count(), 1);
    assert_eq!(concerned.body.matches("Taken back: 1.").count(), 2);

    let recall = between(&concerned.body, "name=\"recall\" value=\"", "\"");
    let mend = installation
        .post(
            "/practice/recalls/back",
            &manager,
            &encoded(&[("recall", recall)]),
        )
        .await;
    assert_eq!(mend.status, StatusCode::UNPROCESSABLE_ENTITY);
    let back = encoded(&[("recall", recall), ("reason", "it was right")]);
    let asked = installation
        .post("/practice/recalls/back", &manager, &back)
        .await;
    let sentence = "Put back what was taken back by this:";
    assert!(asked.body.contains(sentence), "{}", asked.body);
    let answer = signed(&asked, &mut device);
    let done = installation
        .post("/practice/recalls/act", &manager, &answer)
        .await;
    assert_eq!(done.header("location"), "/practice/recalls?said=done");
    assert_eq!(
        installation.get(&document, &clinician).await.status,
        StatusCode::OK
    );
    let told = installation.get(&history, &themself).await;
    assert!(
        told.body.contains("Put back into your record"),
        "{}",
        told.body
    );
    let ended = installation.get(&people, &manager).await;
    assert!(ended.body.contains("This was put back"), "{}", ended.body);
    let asked = installation
        .post("/practice/recalls/back", &manager, &back)
        .await;
    let answer = signed(&asked, &mut device);
    let again = installation
        .post("/practice/recalls/act", &manager, &answer)
        .await;
    assert_eq!(again.header("location"), "/practice/recalls?said=changed");
}

#[tokio::test]
async fn nobody_but_the_manager_sees_the_page_and_whom_a_recall_concerned() {
    let installation = Installation::fresh().await;
    let keeper = &installation.keeper;
    for role in [Role::Clinician, Role::Reception] {
        let person = keeper.staff(installation.practice, role).await;
        let cookies = cookies(&person.token, CARE);
        let start = installation.get("/practice", &cookies).await;
        assert!(!start.body.contains("/practice/recalls"), "{}", start.body);
        for path in [
            "/practice/recalls".to_owned(),
            format!("/practice/recalls?{TODAY}"),
            "/practice/recalls/people?recall=1".to_owned(),
        ] {
            let refused = installation.get(&path, &cookies).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
        }
    }
    let manager = keeper.staff(installation.practice, Role::Manager).await;
    let manager = cookies(&manager.token, OFFICE);
    let none = installation
        .get("/practice/recalls/people?recall=1", &manager)
        .await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
}
