//! Whole visits over HTTP: inviting, making an account, signing in, reading, depositing, being told.

use crate::installation::{Answer, Installation, ORIGIN, cookies};
use candour_keeper::instances::InstanceKind;
use candour_keeper_api::words::{Purpose, Role};
use candour_seal::PatientId;
use candour_server::PAGE_POLICY;
use candour_server::session::{INVITATION_COOKIE, Visit};
use candour_testkit::passkey::SoftwarePasskey;
use http::StatusCode;
use std::collections::BTreeSet;

const CARE: Visit = Visit::Staff(Some(Purpose::DirectCare));

/// The text between two others.
pub fn between<'a>(page: &'a str, start: &str, end: &str) -> &'a str {
    assert!(page.contains(start), "no {start} in {page}");
    let (_, rest) = page.split_once(start).unwrap();
    rest.split_once(end).unwrap().0
}

pub fn unescaped(text: &str) -> String {
    text.replace("&#34;", "\"")
        .replace("&#38;", "&")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

pub fn encoded(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}

/// The file behind a link to receipts. What was written in the last second has none yet, and the page says so.
async fn receipts(installation: &Installation, link: &str, cookies: &str) -> String {
    for _ in 0..200 {
        let answer = installation.get(link, cookies).await;
        if answer.status == StatusCode::OK {
            let disposition = answer.header("content-disposition");
            assert_eq!(
                disposition,
                "attachment; filename=\"candour-receipts.tlog-proof\""
            );
            assert_eq!(answer.header("cache-control"), "no-store");
            return answer.body;
        }
        let page = installation.get(answer.header("location"), cookies).await;
        assert!(
            page.body.contains("There is no receipt yet"),
            "{}",
            page.body
        );
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("no receipt at {link}");
}

pub async fn practice_with_patient(installation: &Installation) -> (PatientId, String) {
    let keeper = &installation.keeper;
    let program = keeper
        .program(installation.practice, InstanceKind::Portal)
        .await;
    let patient = installation
        .patient(1, installation.practice, &program)
        .await;
    let clinician = keeper.staff(installation.practice, Role::Clinician).await;
    (patient, cookies(&clinician.token, CARE))
}

/// Signs the sentence on a page.
pub fn signed(page: &Answer, device: &mut SoftwarePasskey) -> String {
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let options = unescaped(between(&page.body, "data-options=\"", "\""));
    encoded(&[
        (
            "ceremony",
            between(&page.body, "name=\"ceremony\" value=\"", "\""),
        ),
        ("answer", &device.get(&options, ORIGIN).unwrap()),
    ])
}

/// A doctor asks for a code and signs the sentence; the last page.
pub async fn signed_invitation(installation: &Installation, patient: PatientId) -> Answer {
    let keeper = &installation.keeper;
    let staff = keeper.staff(installation.practice, Role::Clinician).await;
    let mut device = keeper.give_passkey(staff.person).await;
    let cookies = cookies(&staff.token, CARE);
    let path = format!("/patients/{patient}/invite");
    let asked = installation.post(&path, &cookies, "checked=yes").await;
    let sentence = "Invite Hēmi Walker (born 27 March 1946) to their own record.";
    assert!(asked.body.contains(sentence), "{}", asked.body);
    let form = signed(&asked, &mut device);
    installation.post(&path, &cookies, &form).await
}

/// Invites, and takes the code to the page where the account is made; that page and its cookie.
pub async fn invited(installation: &Installation, patient: PatientId) -> (Answer, String) {
    let made = signed_invitation(installation, patient).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    let code = between(&made.body, "id=\"invitation-code\">", "<").to_owned();
    let taken = installation
        .post(
            "/invitation",
            "",
            &encoded(&[("code", &code), ("login", "hemi.walker")]),
        )
        .await;
    assert_eq!(
        taken.header("location"),
        "/invitation/account",
        "{}",
        taken.body
    );
    let cookie = taken.cookies();
    assert!(cookie.starts_with(INVITATION_COOKIE), "{cookie}");
    let ways = installation.get("/invitation/account", &cookie).await;
    assert_eq!(ways.status, StatusCode::OK, "{}", ways.body);
    assert!(ways.body.contains("Kauri Health invites you."));
    (ways, cookie)
}

pub async fn passkey_challenge(installation: &Installation, login: &str) -> (String, String) {
    let asked = installation
        .post("/sign-in/passkey/start", "", &encoded(&[("login", login)]))
        .await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
    let read: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
    (
        read["ceremony"].as_str().unwrap().to_owned(),
        read["options"].to_string(),
    )
}

/// The practice reads the list, and gets no receipt.
async fn practice_gets_no_receipt(
    installation: &Installation,
    patient: PatientId,
    clinician: &str,
) {
    let list = format!("/patients/{patient}/history");
    let read = installation.get(&list, clinician).await;
    assert_eq!(read.status, StatusCode::OK, "{}", read.body);
    assert!(!read.body.contains("receipt"), "{}", read.body);
    let receipts = format!("{list}/receipts");
    let none = installation.get(&receipts, clinician).await;
    assert_eq!(none.status, StatusCode::FORBIDDEN, "{}", none.body);
}

#[tokio::test]
async fn an_invited_patient_makes_a_passkey_signs_in_and_sees_who_opened_what() {
    let installation = Installation::fresh().await;
    let (patient, clinician) = practice_with_patient(&installation).await;
    let (ways, cookie) = invited(&installation, patient).await;

    let mut device = SoftwarePasskey::new().unwrap();
    let options = unescaped(between(&ways.body, "data-options=\"", "\""));
    let ceremony = between(&ways.body, "name=\"ceremony\" value=\"", "\"").to_owned();
    let answer = device.create(&options, ORIGIN).unwrap();
    let form = |year: &str| {
        encoded(&[
            ("way", "passkey"),
            ("ceremony", &ceremony),
            ("answer", &answer),
            ("day", "27"),
            ("month", "3"),
            ("year", year),
        ])
    };
    let made = installation
        .post("/invitation/account", &cookie, &form("1946"))
        .await;
    assert_eq!(
        made.header("location"),
        "/sign-in?note=ready",
        "{}",
        made.body
    );

    let (ceremony, options) = passkey_challenge(&installation, "").await;
    let answer = device.get(&options, ORIGIN).unwrap();
    let form = encoded(&[
        ("ceremony", &ceremony),
        ("answer", &answer),
        ("acting", "patient"),
    ]);
    let signed_in = installation.post("/sign-in/passkey", "", &form).await;
    assert_eq!(signed_in.header("location"), "/home", "{}", signed_in.body);
    for cookie in signed_in.headers.get_all("set-cookie") {
        let cookie = cookie.to_str().unwrap();
        assert!(
            cookie.starts_with("__Host-")
                && cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Strict"),
            "{cookie}"
        );
    }
    let cookies = signed_in.cookies();

    let home = installation.get("/home", &cookies).await;
    assert_eq!(home.status, StatusCode::OK);
    assert!(
        home.body
            .contains("<h1 class=\"c-heading-l\">Hello Hēmi</h1>"),
        "{}",
        home.body
    );
    let history = installation
        .get(&format!("/patients/{patient}/history"), &cookies)
        .await;
    let visits: Vec<&str> = history.body.split("<li class=").collect();
    let of = |who: &str| {
        let has_opened = |visit: &&&str| {
            visit.contains(who) && visit.contains("Opened your name, birth date and NHI number")
        };
        let visit = visits.iter().find(has_opened);
        *visit.unwrap_or_else(|| panic!("no opening by {who} in {}", history.body))
    };
    let mine = of("You, or somebody with your sign-in");
    let theirs = of("A doctor or nurse at Kauri Health");
    for visit in [mine, theirs] {
        assert!(visit.contains("3 March 2026 at 10:00 am"), "{visit}");
    }
    assert!(
        theirs.contains("Reason given: to care for you."),
        "{theirs}"
    );
    let practice = "<strong>Kauri Health</strong> <a class=\"candour-ring__number\" href=\"tel:094300000\">09 430 0000</a>";
    assert!(
        history.body.contains(practice),
        "whom to ring: {}",
        history.body
    );
    let link = unescaped(between(theirs, "<a href=\"", "\">Receipt"));
    let receipts = receipts(&installation, &link, &cookies).await;
    assert_eq!(
        receipts.matches("c2sp.org/tlog-proof@v1\nextra ").count(),
        2,
        "the name stood beside the sentence and beside the code: {receipts}"
    );
    let all = unescaped(between(&history.body, "id=\"proof\"", "</section>"));
    let all = between(&all, "<a href=\"", "\"");
    let all = self::receipts(&installation, all, &cookies).await;
    let index = format!("\nindex {}\n", between(&receipts, "\nindex ", "\n"));
    assert!(all.contains(&index) && all.matches("\nindex ").count() >= visits.len());
    practice_gets_no_receipt(&installation, patient, &clinician).await;

    let out = installation.post("/sign-out", &cookies, "").await;
    assert_eq!(out.header("location"), "/sign-in?note=out");
    let after = installation.get("/home", &cookies).await;
    assert_eq!(after.status, StatusCode::UNAUTHORIZED);
    assert!(after.body.contains("You are signed out"));
}

#[tokio::test]
async fn a_wrong_birth_date_makes_no_account_and_is_said_beside_the_form() {
    let installation = Installation::fresh().await;
    let (patient, _) = practice_with_patient(&installation).await;
    let (_, cookie) = invited(&installation, patient).await;
    let form = |year: &str| {
        encoded(&[
            ("way", "sheet"),
            ("ceremony", "00000000000000000000000000000000"),
            ("sheet-password", "kereru over the harbour"),
            ("day", "27"),
            ("month", "3"),
            ("year", year),
        ])
    };
    let refused = installation
        .post("/invitation/account", &cookie, &form("1947"))
        .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused.body.contains("The account could not be made."),
        "{}",
        refused.body
    );

    let made = installation
        .post("/invitation/account", &cookie, &form("1946"))
        .await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    let sheet = between(&made.body, "<ol class=\"candour-sheet\">", "</ol>");
    assert_eq!(sheet.matches("<li>").count(), 40);
    let code = between(sheet, "<li>", "</li>").to_owned();
    let form = encoded(&[
        ("name", "hemi.walker"),
        ("password", "kereru over the harbour"),
        ("code", &code),
    ]);
    let signed_in = installation.post("/sign-in/password", "", &form).await;
    assert_eq!(signed_in.header("location"), "/home", "{}", signed_in.body);
    let again = installation.post("/sign-in/password", "", &form).await;
    assert_eq!(
        again.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "a code of the sheet works once"
    );
}

#[tokio::test]
async fn a_document_that_staff_add_is_read_by_the_patient_as_it_was() {
    let installation = Installation::fresh().await;
    let (patient, _) = practice_with_patient(&installation).await;
    let program = installation
        .keeper
        .program(installation.practice, InstanceKind::Portal)
        .await;
    let document = installation
        .document(
            patient,
            &program,
            "Letter from the heart clinic",
            b"Kia ora.\n",
        )
        .await;
    let themself = installation.keeper.as_patient(patient).await;
    let cookies = cookies(&themself.token, Visit::Patient);

    let shelf = installation
        .get(&format!("/patients/{patient}/documents"), &cookies)
        .await;
    assert!(
        shelf.body.contains("Letter from the heart clinic"),
        "{}",
        shelf.body
    );
    assert!(
        shelf
            .body
            .contains("Clinic letter from Kauri Health, 14 February 2026"),
        "{}",
        shelf.body
    );

    let shown = installation
        .get(&format!("/documents/{document}"), &cookies)
        .await;
    assert_eq!(shown.body, "Kia ora.\n");
    assert_eq!(shown.header("content-type"), "text/plain; charset=utf-8");
    assert!(
        shown
            .header("content-disposition")
            .starts_with("inline; filename=\"letter-from-the-heart-clinic-2026-02-14.txt\"")
    );
    assert!(
        shown
            .header("content-security-policy")
            .starts_with("sandbox; default-src 'none'")
    );
    assert_eq!(shown.header("x-content-type-options"), "nosniff");
    assert_eq!(shown.header("cache-control"), "no-store");
    let saved = installation
        .get(&format!("/documents/{document}/download"), &cookies)
        .await;
    assert!(
        saved
            .header("content-disposition")
            .starts_with("attachment; filename=")
    );

    let history = installation
        .get(&format!("/patients/{patient}/history"), &cookies)
        .await;
    let deed = "<li>Opened your document “Letter from the heart clinic”, 2 times</li>";
    assert!(history.body.contains(deed), "{}", history.body);
}

#[tokio::test]
async fn staff_find_a_patient_and_the_terms_stand_in_no_address() {
    let installation = Installation::fresh().await;
    let (patient, clinician) = practice_with_patient(&installation).await;
    let found = installation
        .post(
            "/practice/find",
            &clinician,
            &encoded(&[("surname", "wal"), ("given", "hemi")]),
        )
        .await;
    assert_eq!(found.status, StatusCode::OK);
    assert!(
        found
            .body
            .contains(&format!("href=\"/patients/{patient}\"")),
        "{}",
        found.body
    );
    assert!(found.body.contains("Born 27 March 1946"));
    let nobody = installation
        .post(
            "/practice/find",
            &clinician,
            &encoded(&[("surname", "nobody"), ("given", "a")]),
        )
        .await;
    assert!(
        nobody
            .body
            .contains("No patient of your practice was found.")
    );
    let nothing = installation.post("/practice/find", &clinician, "").await;
    assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn every_page_has_the_same_strict_headers() {
    let installation = Installation::fresh().await;
    for path in [
        "/sign-in",
        "/trust",
        "/invitation",
        "/there/is/no/such/page",
    ] {
        let page = installation.get(path, "").await;
        assert_eq!(
            page.header("content-security-policy"),
            PAGE_POLICY,
            "{path}"
        );
        assert!(!PAGE_POLICY.contains("unsafe"));
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(page.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(page.header("referrer-policy"), "no-referrer", "{path}");
    }
    let trust = installation.get("/trust", "").await;
    assert!(trust.body.contains("It is a demonstration."));
    assert!(
        trust
            .body
            .contains("and every alarm, is as Candour sets it.")
    );
    assert!(
        trust
            .body
            .contains("Keeper not isolated: for demonstration only.")
    );
}

#[tokio::test]
async fn what_another_site_sends_never_reaches_the_keeper() {
    let installation = Installation::fresh().await;
    let (patient, clinician) = practice_with_patient(&installation).await;
    let before = installation.entries().await;
    let foreign = |method: &str, path: String| {
        http::Request::builder()
            .method(method)
            .uri(path)
            .header("cookie", &clinician)
            .header("sec-fetch-site", "cross-site")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(axum::body::Body::from("checked=yes"))
            .unwrap()
    };
    let invite = installation
        .send(foreign("POST", format!("/patients/{patient}/invite")))
        .await;
    assert_eq!(invite.status, StatusCode::FORBIDDEN);
    assert!(invite.body.contains("This came from another website"));
    let picture = installation
        .send(foreign("GET", format!("/patients/{patient}/documents")))
        .await;
    assert_eq!(picture.status, StatusCode::FORBIDDEN);
    assert_eq!(installation.entries().await, before);
}

#[tokio::test]
async fn without_the_keeper_every_page_says_so_and_shows_nothing() {
    let installation = Installation::fresh().await;
    let (patient, clinician) = practice_with_patient(&installation).await;
    let twin = installation.get("/trust.json", "").await.body;
    assert!(twin.contains(r#""root_key":"key file""#), "{twin}");
    installation.keeper.stop().await;
    let twin = installation.get("/trust.json", "").await.body;
    let twin: serde_json::Value = serde_json::from_str(&twin).unwrap();
    let fields: BTreeSet<&String> = twin.as_object().unwrap().keys().collect();
    let known = [
        "asvs",
        "limits",
        "tells_by_mail",
        "tested",
        "tls",
        "unfreezing",
        "version",
    ];
    assert!(fields.into_iter().eq(known), "{twin}");
    for path in [
        format!("/patients/{patient}"),
        format!("/patients/{patient}/documents"),
        format!("/documents/{patient}"),
        "/practice".to_owned(),
    ] {
        let page = installation.get(&path, &clinician).await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(
            page.body.contains("Records cannot be opened right now"),
            "{path}"
        );
        assert!(
            !page.body.contains("keeper cannot"),
            "{path}: {}",
            page.body
        );
    }
}
