//! A told person signs in and reads what waits for them: it must name exactly the documents that the thief got.

use super::text;
use crate::Problem;
use crate::accounts::{Account, Keys};
use crate::browser::{Acting, Browser, Site, hidden_field, ids_in, invitation_code, options_in};
use crate::clock;
use crate::passkey::SoftwarePasskey;
use crate::settle::SettledPatient;
use std::collections::BTreeSet;
use std::time::Duration;

/// What the page of one person must say, by the thief's own book.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// Ids of the documents that the thief got.
    pub documents: BTreeSet<String>,
    /// The record was opened.
    pub record: bool,
    /// The list of documents was shown.
    pub shelf: bool,
    /// The name line was shown.
    pub name: bool,
}

/// Reads the messages of a person who is signed in, and says where they differ.
///
/// # Errors
/// When the portal does not answer.
pub async fn look(
    browser: &Browser,
    patient: &str,
    expected: &Expected,
) -> Result<Vec<String>, Problem> {
    let page = browser
        .visit(&format!("/patients/{patient}/notices"))
        .await?
        .expect("a told person's messages")?
        .text();
    Ok(differences(&page, expected))
}

fn differences(page: &str, expected: &Expected) -> Vec<String> {
    let mut faults = Vec::new();
    let shown: BTreeSet<String> = ids_in(page, "href=\"/documents/").into_iter().collect();
    let (missing, extra) = (
        expected.documents.difference(&shown).count(),
        shown.difference(&expected.documents).count(),
    );
    if missing + extra > 0 {
        faults.push(format!(
            "a told person's page misses {missing} documents that were lost and names {extra} that were not"
        ));
    }
    let words = text(page);
    if !words.contains("without the right to") {
        faults.push("a told person's page does not have the words they were sent".to_owned());
    }
    for (was, what) in [
        (expected.record, "Conditions"),
        (expected.shelf, "The list of your documents"),
        (expected.name, "Your name line"),
    ] {
        if was != words.contains(what) {
            let not = if was { "does not say" } else { "says wrongly" };
            faults.push(format!("a told person's page {not} that “{what}” was seen"));
        }
    }
    faults
}

/// Signs in somebody who has an account.
///
/// # Errors
/// When the portal refuses.
pub async fn sign_in(portal: &Site, account: &Account) -> Result<Browser, Problem> {
    let browser = Browser::new(portal)?;
    match &account.keys {
        Keys::Passkey { .. } => {
            let passkey = &mut account.keys.passkey()?;
            browser
                .sign_in_with_passkey(&account.login, passkey, Acting::Patient)
                .await?;
        }
        Keys::Authenticator { .. } => {
            let (password, app) = account
                .keys
                .authenticator()
                .ok_or_else(|| Problem::Unexpected("an app's key does not read".to_owned()))?;
            // The thief may have used the present code up: each works once.
            let seconds = || u64::try_from(clock::now().as_second()).unwrap_or(0);
            tokio::time::sleep(Duration::from_secs(31 - seconds() % 30)).await;
            browser
                .sign_in_with_password(&account.login, password, &app.digits(seconds()))
                .await?;
        }
        Keys::Sheet { .. } => {
            return Err(Problem::Unexpected(
                "a sheet's codes are not kept".to_owned(),
            ));
        }
    }
    Ok(browser)
}

/// Gives somebody an account the way everybody gets one: reception invites them, they choose a passkey, they sign in.
///
/// # Errors
/// When the portal refuses a step.
pub async fn register(
    portal: &Site,
    reception: &Account,
    person: &SettledPatient,
) -> Result<Browser, Problem> {
    let desk = Browser::new(portal)?;
    let mut desk_passkey = reception.keys.passkey()?;
    desk.sign_in_with_passkey(&reception.login, &mut desk_passkey, Acting::Staff)
        .await?;
    desk.post("/practice/purpose", &[("purpose", "administration")])
        .await?
        .expect("choosing a purpose")?;
    let made = desk
        .invite(&person.patient, &mut desk_passkey)
        .await?
        .expect("inviting a told person")?
        .text();
    let code = invitation_code(&made)
        .ok_or_else(|| Problem::Unexpected("an invitation shows no code".to_owned()))?;
    let browser = Browser::new(portal)?;
    let login = format!("told-{}", person.number);
    browser
        .post("/invitation", &[("code", code), ("login", &login)])
        .await?
        .expect("taking an invitation")?;
    let page = browser
        .visit("/invitation/account")
        .await?
        .expect("the ways to make an account")?
        .text();
    let (ceremony, options) = hidden_field(&page, "ceremony")
        .zip(options_in(&page))
        .ok_or_else(|| Problem::Unexpected("an invitation offers no passkey".to_owned()))?;
    let mut passkey = SoftwarePasskey::new()?;
    let answer = passkey.create(&options, browser.origin())?;
    let born = person.birth_date;
    let (day, month, year) = (
        born.day().to_string(),
        born.month().to_string(),
        born.year().to_string(),
    );
    let form = [
        ("way", "passkey"),
        ("ceremony", ceremony.as_str()),
        ("answer", answer.as_str()),
        ("day", day.as_str()),
        ("month", month.as_str()),
        ("year", year.as_str()),
    ];
    browser
        .post("/invitation/account", &form)
        .await?
        .expect("making a told person's account")?;
    browser
        .sign_in_with_passkey(&login, &mut passkey, Acting::Patient)
        .await?;
    Ok(browser)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_names_another_document_is_two_faults_in_one() {
        let (lost, other) = ("a".repeat(32), "b".repeat(32));
        let page = |id: &str| {
            format!(
                "<p>Somebody saw it without the right to.</p><ul><li><a href=\"/documents/{id}\">Letter</a></li>\
                 <li>The list of your documents (titles and dates)</li></ul>"
            )
        };
        let expected = Expected {
            documents: BTreeSet::from([lost.clone()]),
            shelf: true,
            ..Expected::default()
        };
        assert!(differences(&page(&lost), &expected).is_empty());
        let faults = differences(&page(&other), &expected);
        assert!(faults[0].contains("misses 1") && faults[0].contains("names 1"));
        let nothing_listed = Expected {
            shelf: false,
            ..expected
        };
        assert_eq!(differences(&page(&lost), &nothing_listed).len(), 1);
    }
}
