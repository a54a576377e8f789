//! Two officers who do at once what people would do after reading: they press what their pages offer.
//!
//! They use the room's pages and nothing else, each with their own passkey. Their time is counted apart from the
//! machinery's.

use crate::accounts::Account;
use crate::browser::{Browser, Site, hidden_field, ids_in};
use crate::passkey::SoftwarePasskey;
use crate::{Problem, clock};
use std::time::Duration;

/// How long the officers wait for something to do before they look again.
const PAUSE: Duration = Duration::from_millis(400);

/// What the officers did.
#[derive(Debug, Clone, PartialEq)]
pub struct Approved {
    /// What was done, in order: who, and which act.
    pub pressed: Vec<(String, String)>,
    /// Seconds from their first look to the last press.
    pub seconds: f64,
}

struct Officer {
    login: String,
    browser: Browser,
    passkey: SoftwarePasskey,
}

/// Lets the officers work until `is_finished` says so, at most `patience`.
///
/// # Errors
/// When an officer cannot sign in, or it takes too long.
pub async fn approve<F>(
    room: &Site,
    officers: &[&Account],
    patience: Duration,
    mut is_finished: impl FnMut() -> F,
) -> Result<Approved, Problem>
where
    F: Future<Output = Result<bool, Problem>>,
{
    let begun = clock::now();
    let mut people = Vec::new();
    for account in officers {
        people.push(Officer::sign_in(room, account).await?);
    }
    let mut approved = Approved {
        pressed: Vec::new(),
        seconds: 0.0,
    };
    while !is_finished().await? {
        let mut has_pressed = false;
        for officer in &mut people {
            for action in officer.work().await? {
                has_pressed = true;
                approved.pressed.push((officer.login.clone(), action));
                approved.seconds = clock::seconds_between(begun, clock::now());
            }
        }
        if clock::seconds_between(begun, clock::now()) > patience.as_secs_f64() {
            return Err(Problem::TooLong {
                what: "the officers' work".to_owned(),
                seconds: patience.as_secs(),
            });
        }
        if !has_pressed {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(approved)
}

/// An officer's browser, signed in to the room.
///
/// # Errors
/// When the room refuses.
pub async fn sign_in(room: &Site, account: &Account) -> Result<Browser, Problem> {
    Ok(Officer::sign_in(room, account).await?.browser)
}

impl Officer {
    async fn sign_in(room: &Site, account: &Account) -> Result<Self, Problem> {
        let mut officer = Self {
            login: account.login.clone(),
            browser: Browser::new(room)?,
            passkey: account.keys.passkey()?,
        };
        officer.answer("/sign-in").await?;
        Ok(officer)
    }

    /// Opens every case and does what its page offers this officer; gives the acts that were done.
    async fn work(&mut self) -> Result<Vec<String>, Problem> {
        let list = self
            .browser
            .visit("/incidents")
            .await?
            .expect("the list of incidents")?;
        let mut done = Vec::new();
        for incident in ids_in(&list.text(), "/incidents/") {
            let path = format!("/incidents/{incident}");
            let page = self
                .browser
                .visit(&path)
                .await?
                .expect("the page of an incident")?;
            for act in acts_in(&page.text(), &path) {
                if self.answer(&format!("{path}/acts/{act}")).await? {
                    done.push(act);
                }
            }
        }
        Ok(done)
    }

    /// Opens a page that asks for the passkey and answers it; false when the page does not ask any more, because
    /// the texts changed or the other officer was faster.
    async fn answer(&mut self, path: &str) -> Result<bool, Problem> {
        let page = self.browser.get(path).await?;
        let asks = page.status == 200;
        let page = page.text();
        let Some((ceremony, options)) = hidden_field(&page, "ceremony")
            .zip(options_in(&page))
            .filter(|_| asks)
        else {
            return Ok(false);
        };
        let answer = self.passkey.get(&options, self.browser.origin())?;
        let form = [("ceremony", ceremony.as_str()), ("answer", answer.as_str())];
        let sent = self.browser.post(path, &form).await?;
        // Refused, the officer looks again; a refusal for good shows as work that does not end.
        Ok(sent.is_success())
    }
}

/// The acts by which people are told. A case may offer others, which a drill leaves undone: it ends with an open case.
const STEPS: [&str; 3] = ["unlock", "approve", "run"];

/// Those of them that a case's page offers as buttons, in order.
fn acts_in(page: &str, path: &str) -> Vec<String> {
    page.split(&format!("{path}/acts/"))
        .skip(1)
        .map(|rest| rest.chars().take_while(char::is_ascii_alphabetic).collect())
        .filter(|act: &String| STEPS.contains(&act.as_str()))
        .collect()
}

/// The passkey's options, which stand in the page as data.
fn options_in(page: &str) -> Option<String> {
    let data = page.split("id=\"options\">").nth(1)?;
    let options = data.split("</script>").next()?;
    (!options.trim().is_empty()).then(|| options.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_s_page_says_what_waits_for_this_officer() {
        let page = "<a class=\"button\" href=\"/incidents/1/acts/unlock\">Unlock</a><strong>Approve</strong>\
                    <a class=\"button\" href=\"/incidents/1/acts/run\">Send</a>\
                    <a class=\"button\" href=\"/incidents/1/acts/close\">Close</a>";
        assert_eq!(acts_in(page, "/incidents/1"), ["unlock", "run"]);
        assert!(acts_in(page, "/incidents/2").is_empty());
    }

    #[test]
    fn a_challenge_is_read_from_the_page() {
        let page = "<script type=\"application/json\" id=\"options\">{\"a\":1}</script>";
        assert_eq!(options_in(page).as_deref(), Some("{\"a\":1}"));
        assert_eq!(options_in("<script id=\"options\"></script>"), None);
    }
}
