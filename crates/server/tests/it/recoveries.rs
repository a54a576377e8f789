//! Somebody gets back in at the counter, by two of the practice; and somebody says that it was not them.

use crate::installation::{Answer, Installation, cookies};
use crate::visits::{between, encoded, invited, practice_with_patient, signed, signed_invitation};
use candour_keeper_api::words::{Purpose, Role};
use candour_seal::PatientId;
use candour_server::session::{RECOVERY_COOKIE, Visit};
use candour_testkit::passkey::SoftwarePasskey;
use http::StatusCode;
use jiff::SignedDuration;

const OFFICE: Visit = Visit::Staff(Some(Purpose::Administration));
const OLD: &str = "kererū over the harbour";
const NEW: &str = "five tūī before breakfast";

/// Staff with a passkey of their own.
struct Staff {
    cookies: String,
    device: SoftwarePasskey,
}

pub struct Counter {
    pub installation: Installation,
    patient: PatientId,
    reception: Staff,
    manager: Staff,
    /// The patient's old sheet.
    sheet: Vec<String>,
}

async fn staff(installation: &Installation, role: Role) -> Staff {
    let keeper = &installation.keeper;
    let person = keeper.staff(installation.practice, role).await;
    Staff {
        device: keeper.give_passkey(person.person).await,
        cookies: cookies(&person.token, OFFICE),
    }
}

pub async fn counter() -> Counter {
    let installation = Installation::fresh().await;
    let (patient, _) = practice_with_patient(&installation).await;
    let (ways, cookie) = invited(&installation, patient).await;
    let form = by_sheet(&ways, OLD);
    let made = installation
        .post("/invitation/account", &cookie, &form)
        .await;
    Counter {
        sheet: codes(&made),
        reception: staff(&installation, Role::Reception).await,
        manager: staff(&installation, Role::Manager).await,
        patient,
        installation,
    }
}

/// The third way of the page, filled in.
fn by_sheet(page: &Answer, password: &str) -> String {
    encoded(&[
        ("way", "sheet"),
        (
            "ceremony",
            between(&page.body, "name=\"ceremony\" value=\"", "\""),
        ),
        ("sheet-password", password),
        ("day", "27"),
        ("month", "3"),
        ("year", "1946"),
    ])
}

fn codes(page: &Answer) -> Vec<String> {
    let list = between(&page.body, "<ol class=\"candour-sheet\">", "</ol>");
    let codes = list.split("<li>").skip(1);
    codes
        .map(|rest| rest.split('<').next().unwrap().to_owned())
        .collect()
}

impl Counter {
    fn path(&self, rest: &str) -> String {
        format!("/patients/{}{rest}", self.patient)
    }

    /// Both sign; the code.
    pub async fn code(&mut self) -> String {
        let (installation, path) = (&self.installation, self.path("/recover"));
        let one = &mut self.reception;
        let page = installation
            .post(&path, &one.cookies, "identified=2&checked=yes")
            .await;
        assert!(
            page.body
                .contains("an identification with their photo was looked at"),
            "{}",
            page.body
        );
        let form = signed(&page, &mut one.device);
        let waits = installation
            .post("/practice/act", &one.cookies, &form)
            .await;
        assert_eq!(waits.header("location"), "/practice/waiting?said=waits");

        let two = &mut self.manager;
        let list = installation.get("/practice/waiting", &two.cookies).await;
        let id = between(&list.body, "name=\"id\" value=\"", "\"");
        let page = installation
            .post("/practice/waiting", &two.cookies, &encoded(&[("id", id)]))
            .await;
        let form = signed(&page, &mut two.device);
        let made = installation
            .post("/practice/act", &two.cookies, &form)
            .await;
        assert_eq!(made.status, StatusCode::OK, "{}", made.body);
        assert!(made.body.contains("within 24 hours"), "{}", made.body);
        between(&made.body, "id=\"recovery-code\">", "<").to_owned()
    }

    /// The code is used without any script; the codes of the new sheet.
    pub async fn recovered(&mut self) -> Vec<String> {
        let code = self.code().await;
        let installation = &self.installation;
        let form = encoded(&[("code", &code), ("login", "nan.walker")]);
        let taken = installation.post("/recover", "", &form).await;
        assert_eq!(
            taken.header("location"),
            "/recover/account",
            "{}",
            taken.body
        );
        let cookie = taken.cookies();
        assert!(cookie.starts_with(RECOVERY_COOKIE), "{cookie}");
        let ways = installation.get("/recover/account", &cookie).await;
        assert!(
            ways.body
                .contains("You see at once what Kauri Health put in."),
            "{}",
            ways.body
        );
        let made = installation
            .post("/recover/account", &cookie, &by_sheet(&ways, NEW))
            .await;
        assert_eq!(made.status, StatusCode::OK, "{}", made.body);
        codes(&made)
    }

    /// Signs in as before the recovery.
    pub async fn by_old_way(&self) -> Answer {
        self.sign_in("hemi.walker", OLD, &self.sheet[0]).await
    }

    /// Signs in by what the recovery made.
    pub async fn by_new_way(&self, code: &str) -> Answer {
        self.sign_in("nan.walker", NEW, code).await
    }

    async fn sign_in(&self, name: &str, password: &str, code: &str) -> Answer {
        let form = encoded(&[("name", name), ("password", password), ("code", code)]);
        self.installation.post("/sign-in/password", "", &form).await
    }
}

#[tokio::test]
async fn somebody_gets_back_in_by_two_of_the_practice_and_is_told_what_they_see() {
    let mut counter = counter().await;
    let new = counter.recovered().await;
    assert_eq!(new.len(), 40);
    let session = counter.sign_in("nan.walker", NEW, &new[0]).await;
    assert_eq!(session.header("location"), "/home", "{}", session.body);
    let session = session.cookies();
    let installation = &counter.installation;
    let home = installation.get("/home", &session).await;
    assert_eq!(home.status, StatusCode::OK);
    assert!(
        home.body.contains("You see what Kauri Health put in."),
        "{}",
        home.body
    );
    assert!(!home.body.contains("This was not me"), "{}", home.body);
    // Every page of the record says that it is a part.
    let record = installation
        .get(&counter.path("/documents"), &session)
        .await;
    assert_eq!(record.status, StatusCode::OK, "{}", record.body);
    assert!(
        record
            .body
            .contains("You see only what Kauri Health put in, until 6 March 2026 at 10:00 am."),
        "{}",
        record.body
    );
    let history = installation.get(&counter.path("/history"), &session).await;
    assert_eq!(history.status, StatusCode::FORBIDDEN);
    let stop = installation.post("/recover/stop", &session, "").await;
    assert_eq!(stop.status, StatusCode::FORBIDDEN, "{}", stop.body);

    installation
        .keeper
        .clock
        .advance(SignedDuration::from_hours(72));
    let later = counter.sign_in("nan.walker", NEW, &new[1]).await.cookies();
    let installation = &counter.installation;
    let record = installation.get(&counter.path("/documents"), &later).await;
    assert!(!record.body.contains("You see only"), "{}", record.body);
    let history = installation.get(&counter.path("/history"), &later).await;
    for deed in [
        "Gave out a code for your account",
        "Made new ways to sign in to your account",
        "Ended the older ways to sign in to your account",
    ] {
        assert!(history.body.contains(deed), "{deed}: {}", history.body);
    }
    let old = counter.sign_in("hemi.walker", OLD, &counter.sheet[0]).await;
    assert_eq!(old.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn one_press_stops_it_and_the_older_ways_go_on() {
    let mut counter = counter().await;
    let new = counter.recovered().await;
    let thief = counter.sign_in("nan.walker", NEW, &new[0]).await.cookies();
    let old = counter.sign_in("hemi.walker", OLD, &counter.sheet[0]).await;
    let old = old.cookies();
    let installation = &counter.installation;
    let home = installation.get("/home", &old).await;
    let told = "Kauri Health gave out a code on 3 March 2026 at 10:00 am";
    assert!(home.body.contains(told), "{}", home.body);
    assert!(home.body.contains("This was not me"), "{}", home.body);
    let stopped = installation.post("/recover/stop", &old, "").await;
    assert_eq!(stopped.header("location"), "/home?said=stopped");
    let twice = installation.post("/recover/stop", &old, "").await;
    assert_eq!(twice.header("location"), "/home");
    let home = installation.get("/home?said=stopped", &old).await;
    assert!(home.body.contains("It is stopped."), "{}", home.body);
    assert!(!home.body.contains("This was not me"), "{}", home.body);
    let gone = installation.get("/home", &thief).await;
    assert_eq!(gone.status, StatusCode::UNAUTHORIZED, "{}", gone.body);
    let again = counter.sign_in("nan.walker", NEW, &new[1]).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn staff_say_who_it_is_and_invite_whoever_has_no_account() {
    let mut counter = counter().await;
    let (installation, staff) = (&counter.installation, &counter.reception.cookies);
    let page = installation
        .post(&counter.path("/recover"), staff, "identified=9")
        .await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains("Say how you know who this is"));
    assert!(
        page.body
            .contains("Check that the patient is here in person")
    );
    let program = installation
        .keeper
        .program(
            installation.practice,
            candour_keeper::instances::InstanceKind::Portal,
        )
        .await;
    let nobody = installation
        .patient(2, installation.practice, &program)
        .await;
    // That there is no account is told to whoever signed, and to nobody before.
    let path = format!("/patients/{nobody}/recover");
    let asked = installation
        .post(&path, staff, "identified=1&checked=yes")
        .await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
    let form = signed(&asked, &mut counter.reception.device);
    let told = installation.post("/practice/act", staff, &form).await;
    assert_eq!(told.status, StatusCode::CONFLICT);
    let next = "Invite the patient instead";
    assert!(told.body.contains(next), "{}", told.body);
    // And who has one is not invited.
    let told = signed_invitation(installation, counter.patient).await;
    assert_eq!(told.status, StatusCode::CONFLICT);
    let next = "The patient signs in as they always do.";
    assert!(told.body.contains(next), "{}", told.body);
}
