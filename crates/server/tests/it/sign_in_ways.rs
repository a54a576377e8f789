//! Somebody sees how they sign in, adds to it, takes away from it, and is told what comes of it.

use crate::installation::{Answer, Installation, ORIGIN};
use crate::visits::{
    between, encoded, invited, passkey_challenge, practice_with_patient, unescaped,
};
use candour_seal::PatientId;
use candour_testkit::passkey::SoftwarePasskey;
use http::StatusCode;
use jiff::SignedDuration;

const PATH: &str = "/sign-in-ways";

pub struct Somebody {
    pub installation: Installation,
    pub patient: PatientId,
    pub device: SoftwarePasskey,
    pub cookies: String,
}

/// A patient who has a passkey and is signed in with it.
pub async fn with_passkey() -> Somebody {
    let installation = Installation::fresh().await;
    let (patient, _) = practice_with_patient(&installation).await;
    let (ways, cookie) = invited(&installation, patient).await;
    let mut device = SoftwarePasskey::new().unwrap();
    let options = unescaped(between(&ways.body, "data-options=\"", "\""));
    let form = encoded(&[
        ("way", "passkey"),
        (
            "ceremony",
            between(&ways.body, "name=\"ceremony\" value=\"", "\""),
        ),
        ("answer", &device.create(&options, ORIGIN).unwrap()),
        ("day", "27"),
        ("month", "3"),
        ("year", "1946"),
    ]);
    let made = installation
        .post("/invitation/account", &cookie, &form)
        .await;
    assert_eq!(
        made.header("location"),
        "/sign-in?note=ready",
        "{}",
        made.body
    );
    let cookies = signed_in(&installation, &mut device).await;
    Somebody {
        installation,
        patient,
        device,
        cookies,
    }
}

async fn signed_in(installation: &Installation, device: &mut SoftwarePasskey) -> String {
    signed_in_again(installation, device, "").await
}

/// Signs in with a browser that has these cookies; those it has afterwards.
pub async fn signed_in_again(
    installation: &Installation,
    device: &mut SoftwarePasskey,
    cookies: &str,
) -> String {
    let (ceremony, options) = passkey_challenge(installation, "").await;
    let answer = device.get(&options, ORIGIN).unwrap();
    let form = encoded(&[
        ("ceremony", &ceremony),
        ("answer", &answer),
        ("acting", "patient"),
    ]);
    let answer = installation.post("/sign-in/passkey", cookies, &form).await;
    assert_eq!(answer.header("location"), "/home", "{}", answer.body);
    answer.cookies()
}

/// Fills in the page that asks for an answer: with a passkey, and a new one where one is asked for.
fn filled(
    page: &Answer,
    device: &mut SoftwarePasskey,
    new: Option<&mut SoftwarePasskey>,
) -> String {
    let options = unescaped(between(&page.body, "data-options=\"", "\""));
    let both: serde_json::Value = serde_json::from_str(&options).unwrap();
    let created = new.map(|new| new.create(&both["create"].to_string(), ORIGIN).unwrap());
    encoded(&[
        (
            "ceremony",
            between(&page.body, "name=\"ceremony\" value=\"", "\""),
        ),
        ("answer", &device.get(&options, ORIGIN).unwrap()),
        ("created", created.as_deref().unwrap_or_default()),
    ])
}

impl Somebody {
    async fn asked(&self, form: &str) -> Answer {
        let page = self.installation.post(PATH, &self.cookies, form).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        page
    }

    pub async fn add(&mut self, name: &str) -> SoftwarePasskey {
        let page = self
            .asked(&encoded(&[("what", "passkey"), ("name", name)]))
            .await;
        let sentence = format!("Add the passkey “{name}” to my account.");
        assert!(page.body.contains(&sentence), "{}", page.body);
        let mut new = SoftwarePasskey::new().unwrap();
        let form = filled(&page, &mut self.device, Some(&mut new));
        let done = self.answered(&form).await;
        assert_eq!(
            done.header("location"),
            "/sign-in-ways?note=done",
            "{}",
            done.body
        );
        new
    }

    async fn answered(&self, form: &str) -> Answer {
        self.installation
            .post("/sign-in-ways/act", &self.cookies, form)
            .await
    }

    /// Asks for a change, and answers with the passkey.
    pub async fn does(&mut self, form: &str) -> Answer {
        let page = self.asked(form).await;
        let form = filled(&page, &mut self.device, None);
        self.answered(&form).await
    }

    pub async fn list(&self) -> String {
        self.installation.get(PATH, &self.cookies).await.body
    }
}

/// The forms that take a passkey away.
fn removals(page: &str) -> Vec<String> {
    let ids = page.split("name=\"passkey\" value=\"").skip(1);
    ids.map(|rest| {
        let id = rest.split('"').next().unwrap();
        encoded(&[("what", "remove"), ("passkey", id)])
    })
    .collect()
}

#[tokio::test]
async fn a_new_passkey_shows_until_when_it_opens_nothing_and_the_older_one_opens_meanwhile() {
    let mut somebody = with_passkey().await;
    let page = somebody.list().await;
    assert!(page.contains("It cannot be removed now"), "{page}");
    let mut phone = somebody.add("New phone").await;
    let page = somebody.list().await;
    assert!(
        page.contains("It is new: it opens no records until 4 March 2026 at 10:00 am."),
        "{page}"
    );

    let installation = &somebody.installation;
    let by_phone = signed_in(installation, &mut phone).await;
    let home = installation.get("/home", &by_phone).await;
    let sentence = "Records open with it from 4 March 2026 at 10:00 am.";
    assert_eq!(home.status, StatusCode::OK);
    assert!(home.body.contains(sentence), "{}", home.body);
    assert!(!home.body.contains("Hēmi"), "{}", home.body);
    let documents = format!("/patients/{}/documents", somebody.patient);
    let refused = installation.get(&documents, &by_phone).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(
        refused.body.contains("This way of signing in is too new"),
        "{}",
        refused.body
    );
    assert!(
        refused.body.contains("in 25 hours") || refused.body.contains("in 24 hours"),
        "{}",
        refused.body
    );
    let meanwhile = installation.get(&documents, &somebody.cookies).await;
    assert_eq!(meanwhile.status, StatusCode::OK);

    installation
        .keeper
        .clock
        .advance(SignedDuration::from_hours(24));
    let later = signed_in(installation, &mut phone).await;
    let opened = installation.get(&documents, &later).await;
    assert_eq!(opened.status, StatusCode::OK, "{}", opened.body);
}

#[tokio::test]
async fn of_two_passkeys_one_goes_and_the_last_stays_whatever_an_older_page_offers() {
    let mut somebody = with_passkey().await;
    let mut phone = somebody.add("New phone").await;
    somebody
        .installation
        .keeper
        .clock
        .advance(SignedDuration::from_hours(24));
    somebody.cookies = signed_in(&somebody.installation, &mut somebody.device).await;
    let by_phone = signed_in(&somebody.installation, &mut phone).await;
    let offered = removals(&somebody.list().await);
    assert_eq!(offered.len(), 2);

    let page = somebody.asked(&offered[1]).await;
    assert!(
        page.body
            .contains("Remove the passkey “New phone” from my account.")
    );
    let form = filled(&page, &mut somebody.device, None);
    let done = somebody.answered(&form).await;
    assert_eq!(
        done.header("location"),
        "/sign-in-ways?note=done",
        "{}",
        done.body
    );
    let out = somebody.installation.get(PATH, &by_phone).await;
    assert_eq!(out.status, StatusCode::UNAUTHORIZED);
    // The same form again, and one of a page that is older.
    let twice = somebody.answered(&form).await;
    assert_eq!(twice.status, StatusCode::UNPROCESSABLE_ENTITY);
    let gone = somebody
        .installation
        .post(PATH, &somebody.cookies, &offered[1])
        .await;
    assert_eq!(gone.header("location"), PATH);
    let last = somebody
        .installation
        .post(PATH, &somebody.cookies, &offered[0])
        .await;
    assert_eq!(last.status, StatusCode::UNPROCESSABLE_ENTITY);
    let sentence = "This passkey was not removed, because you would have no other way to sign in.";
    assert!(last.body.contains(sentence), "{}", last.body);
}

/// A patient with a password and a sheet, signed in by its first code.
async fn with_sheet() -> (Installation, String, Vec<String>) {
    let installation = Installation::fresh().await;
    let (patient, _) = practice_with_patient(&installation).await;
    let (_, cookie) = invited(&installation, patient).await;
    let password = "kereru over the harbour";
    let form = encoded(&[
        ("way", "sheet"),
        ("ceremony", "00000000000000000000000000000000"),
        ("sheet-password", password),
        ("day", "27"),
        ("month", "3"),
        ("year", "1946"),
    ]);
    let made = installation
        .post("/invitation/account", &cookie, &form)
        .await;
    let sheet = between(&made.body, "<ol class=\"candour-sheet\">", "</ol>");
    let codes: Vec<String> = sheet
        .split("<li>")
        .skip(1)
        .map(|rest| rest.split('<').next().unwrap().to_owned())
        .collect();
    let form = encoded(&[
        ("name", "hemi.walker"),
        ("password", password),
        ("code", &codes[0]),
    ]);
    let cookies = installation
        .post("/sign-in/password", "", &form)
        .await
        .cookies();
    (installation, cookies, codes)
}

#[tokio::test]
async fn with_a_code_a_new_password_waits_and_is_stopped_on_the_same_page() {
    let (installation, cookies, codes) = with_sheet().await;
    let short = encoded(&[("what", "password"), ("password", "short")]);
    let refused = installation.post(PATH, &cookies, &short).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let another = encoded(&[
        ("what", "password"),
        ("password", "tui over the harbour bridge"),
    ]);
    let page = installation.post(PATH, &cookies, &another).await;
    assert!(
        page.body.contains("With a code it waits one day"),
        "{}",
        page.body
    );
    assert!(
        !page.body.contains("data-passkey=\"act\""),
        "no script is needed: {}",
        page.body
    );
    let by_code = |page: &Answer, code: &str| {
        let ceremony = between(&page.body, "name=\"ceremony\" value=\"", "\"").to_owned();
        encoded(&[
            ("ceremony", &ceremony),
            ("code", code),
            ("password", "kereru over the harbour"),
        ])
    };
    let without = installation
        .post(
            "/sign-in-ways/act",
            &cookies,
            &by_code(&page, &codes[1]).replace("harbour", "mountain"),
        )
        .await;
    assert_eq!(without.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        without.body.contains("Nothing was changed"),
        "{}",
        without.body
    );
    // A wrong answer ends the act, and delays the next.
    installation
        .keeper
        .clock
        .advance(SignedDuration::from_secs(60));
    let page = installation.post(PATH, &cookies, &another).await;
    assert!(
        page.body.contains("The password you have now"),
        "{}",
        page.body
    );
    let answered = installation
        .post("/sign-in-ways/act", &cookies, &by_code(&page, &codes[1]))
        .await;
    assert_eq!(
        answered.header("location"),
        "/sign-in-ways?note=waits",
        "{}",
        answered.body
    );

    let home = installation.get("/home", &cookies).await;
    assert!(
        home.body
            .contains("Something was changed lately, or is about to be"),
        "{}",
        home.body
    );
    let list = installation.get(PATH, &cookies).await;
    assert!(
        list.body
            .contains("It can be done from 4 March 2026 at 10:01 am."),
        "{}",
        list.body
    );
    assert!(!list.body.contains("/sign-in-ways/waited"), "{}", list.body);
    let pending = between(&list.body, "name=\"pending\" value=\"", "\"").to_owned();
    let early = encoded(&[("pending", &pending)]);
    let early = installation
        .post("/sign-in-ways/waited", &cookies, &early)
        .await;
    assert_eq!(early.status, StatusCode::TOO_MANY_REQUESTS);
    let stop = encoded(&[("what", "stop"), ("pending", &pending)]);
    let page = installation.post(PATH, &cookies, &stop).await;
    assert!(
        page.body
            .contains("Do not do this: Change the password of my account."),
        "{}",
        page.body
    );
    let stopped = installation
        .post("/sign-in-ways/act", &cookies, &by_code(&page, &codes[2]))
        .await;
    assert_eq!(
        stopped.header("location"),
        "/sign-in-ways?note=done",
        "{}",
        stopped.body
    );
    let list = installation.get(PATH, &cookies).await;
    assert!(!list.body.contains("name=\"pending\""), "{}", list.body);
}
