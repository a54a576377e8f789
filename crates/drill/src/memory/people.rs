//! Those whose secrets go through the portal: patients who make accounts, sign in and read, and a doctor who files.

use crate::Problem;
use crate::accounts::Account;
use crate::browser::{Acting, Answer, Browser, Site, ids_in, invitation_code};
use crate::crash::Invitee;
use crate::passkey::SoftwarePasskey;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The cookie of a session.
const COOKIE: &str = "__Host-candour";

/// A patient who has an account.
pub struct Patient {
    /// Their id.
    pub id: String,
    /// What is typed to sign in.
    pub login: String,
    /// The password.
    pub password: String,
    /// The invitation's code.
    pub invitation: String,
    /// The sheet's codes, each good once.
    pub sheet: Vec<String>,
    /// How many of them were used.
    used: AtomicUsize,
}

/// A session that goes on: its browser keeps its connections.
pub struct Session {
    /// The browser.
    pub browser: Browser,
    /// The token, 64 hexadecimal digits.
    pub token: String,
}

fn token(browser: &Browser) -> Result<String, Problem> {
    browser
        .cookies()
        .remove(COOKIE)
        .ok_or_else(|| Problem::Unexpected("signing in gave no token".to_owned()))
}

/// Somebody of a practice, signed in.
///
/// # Errors
/// When the portal refuses.
pub async fn staff(site: &Site, account: &Account) -> Result<(Browser, String), Problem> {
    let browser = Browser::new(site)?;
    browser
        .sign_in_with_passkey(&account.login, &mut account.keys.passkey()?, Acting::Staff)
        .await?;
    if account.role == "clinician" {
        let purpose = [("purpose", "direct_care")];
        browser
            .post("/practice/purpose", &purpose)
            .await?
            .expect("choosing a purpose")?;
    }
    let token = token(&browser)?;
    Ok((browser, token))
}

/// Invites a patient and makes their account with a password and a printed sheet.
///
/// # Errors
/// When the portal refuses, or a page is not as it was.
pub async fn account(
    (reception, passkey): (&Browser, &mut SoftwarePasskey),
    site: &Site,
    invitee: &Invitee,
    login: &str,
    password: &str,
) -> Result<Patient, Problem> {
    let page = reception.invite(&invitee.patient, passkey).await?;
    let page = page.expect("inviting a patient")?.text();
    let invitation = invitation_code(&page)
        .ok_or_else(|| Problem::Unexpected("an invitation shows no code".to_owned()))?;
    let browser = Browser::new(site)?;
    browser
        .post("/invitation", &[("code", invitation), ("login", login)])
        .await?
        .expect("typing in an invitation")?;
    let page = browser.get("/invitation/account").await?;
    let page = page.expect("choosing how to sign in")?.text();
    let ceremony = crate::browser::hidden_field(&page, "ceremony")
        .ok_or_else(|| Problem::Unexpected("the page of an invitation asks nothing".to_owned()))?;
    let born = [
        invitee.born.day().to_string(),
        invitee.born.month().to_string(),
        invitee.born.year().to_string(),
    ];
    let form = [
        ("way", "sheet"),
        ("ceremony", ceremony.as_str()),
        ("sheet-password", password),
        ("day", born[0].as_str()),
        ("month", born[1].as_str()),
        ("year", born[2].as_str()),
    ];
    let page = browser.post("/invitation/account", &form).await?;
    let page = page.expect("making an account")?.text();
    let list = between(&page, "class=\"candour-sheet\">", "</ol>")?;
    let sheet: Vec<String> = list
        .split("<li>")
        .skip(1)
        .filter_map(|rest| Some(rest.split('<').next()?.trim().to_owned()))
        .collect();
    Ok(Patient {
        id: invitee.patient.clone(),
        login: login.to_owned(),
        password: password.to_owned(),
        invitation: invitation.to_owned(),
        sheet,
        used: AtomicUsize::new(0),
    })
}

fn between<'a>(page: &'a str, before: &str, after: &str) -> Result<&'a str, Problem> {
    page.split(before)
        .nth(1)
        .and_then(|rest| rest.split(after).next())
        .ok_or_else(|| Problem::Unexpected(format!("a page has no {before}")))
}

/// Signs in with the password and the next code.
///
/// # Errors
/// When the portal refuses.
pub async fn sign_in(site: &Site, patient: &Patient) -> Result<Session, Problem> {
    let code = patient
        .sheet
        .get(patient.used.fetch_add(1, Ordering::Relaxed))
        .ok_or_else(|| Problem::Unexpected("a sheet is used up".to_owned()))?;
    let browser = Browser::new(site)?;
    browser
        .sign_in_with_password(&patient.login, &patient.password, code)
        .await?;
    let token = token(&browser)?;
    Ok(Session { browser, token })
}

impl Session {
    /// Reads: start page, a section, the shelf, and so many documents from a place on; gives how many came.
    ///
    /// # Errors
    /// When the portal refuses.
    pub async fn read(&self, patient: &str, from: usize, most: usize) -> Result<usize, Problem> {
        let seen = |answer: Answer, what: &str| answer.expect(what).map(|answer| answer.text());
        seen(self.browser.visit("/home").await?, "the start page")?;
        let record = format!("/patients/{patient}/record/medicines");
        seen(self.browser.visit(&record).await?, "a section")?;
        let shelf = format!("/patients/{patient}/documents");
        let shelf = seen(self.browser.visit(&shelf).await?, "the shelf")?;
        let documents = ids_in(&shelf, "/documents/");
        let mut opened = 0;
        for (number, document) in documents.iter().skip(from).take(most).enumerate() {
            // Shown in the browser, or downloaded.
            let way = if number % 2 == 0 { "" } else { "/download" };
            let path = format!("/documents/{document}{way}");
            let answer = self.browser.get(&path).await?.expect("a document")?;
            opened += usize::from(answer.is_whole && !answer.body.is_empty());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(opened)
    }
}
