//! Two officers who do at once what people would do after reading: they press what their pages offer.
//!
//! They use the room's pages and nothing else, each with their own passkey. Their time is counted apart from the
//! machinery's.

use crate::accounts::Account;
use crate::browser::{Acting, Browser, Site, attribute, ids_in, plain};
use crate::passkey::SoftwarePasskey;
use crate::{Problem, clock};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long the officers wait for something to press before they look again.
const PAUSE: Duration = Duration::from_millis(400);
/// Words in the address of a form that an officer of a drill presses; never freeze, close or sign out.
const PRESSED: [&str; 4] = ["unlock", "approve", "attest", "run"];

/// What the officers did.
#[derive(Debug, Clone, PartialEq)]
pub struct Approved {
    /// Buttons pressed, in order: who, and the form's address without ids.
    pub pressed: Vec<(String, String)>,
    /// Seconds from their first look to the last press.
    pub seconds: f64,
}

struct Officer {
    login: String,
    browser: Browser,
    passkey: SoftwarePasskey,
    /// What this officer pressed already.
    done: BTreeSet<String>,
}

/// A form of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// Where it is sent.
    pub action: String,
    /// Hidden fields and buttons with a value.
    pub fields: Vec<(String, String)>,
    /// Options for a passkey, where it asks for one.
    pub options: Option<String>,
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
        let browser = Browser::new(room)?;
        let mut passkey = account.keys.passkey()?;
        browser
            .sign_in_with_passkey(&account.login, &mut passkey, Acting::Staff)
            .await?;
        people.push(Officer {
            login: account.login.clone(),
            browser,
            passkey,
            done: BTreeSet::new(),
        });
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

impl Officer {
    /// Opens every case and presses what is new on its page; gives the addresses of what was pressed.
    async fn work(&mut self) -> Result<Vec<String>, Problem> {
        let list = self.browser.visit("/incidents").await?.expect("the list of incidents")?;
        let mut pressed = Vec::new();
        for incident in ids_in(&list.text(), "/incidents/") {
            let page = self
                .browser
                .visit(&format!("/incidents/{incident}"))
                .await?
                .expect("the page of an incident")?;
            for form in forms(&page.text()) {
                let is_ours = PRESSED.iter().any(|word| form.action.contains(word));
                let what = format!("{} {:?}", form.action, without_ceremony(&form));
                if is_ours && !self.done.contains(&what) {
                    self.press(form.clone()).await?;
                    self.done.insert(what);
                    pressed.push(form.action.replace(&incident, "…"));
                }
            }
        }
        Ok(pressed)
    }

    /// Sends a form; a page that then asks for the passkey is answered, at most three in a row.
    async fn press(&mut self, form: Form) -> Result<(), Problem> {
        let mut next = Some(form);
        for _ in 0..3 {
            let Some(form) = next.take() else { return Ok(()) };
            let mut fields = form.fields;
            if let Some(options) = &form.options {
                let answer = self.passkey.get(options, self.browser.origin())?;
                fields.retain(|(name, _)| name != "answer");
                fields.push(("answer".to_owned(), answer));
            }
            let fields: Vec<(&str, &str)> =
                fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let answer = self.browser.post(&form.action, &fields).await?.expect("an officer's act")?;
            // What leads on to a question for the passkey is part of the same press.
            let page = match answer.location {
                Some(location) => self.browser.visit(&location).await?,
                None => answer,
            };
            next = forms(&page.text()).into_iter().find(|next| {
                next.options.is_some() && PRESSED.iter().any(|word| next.action.contains(word))
            });
        }
        Ok(())
    }
}

/// What tells one form from another: everything but the challenge of the moment.
fn without_ceremony(form: &Form) -> Vec<&(String, String)> {
    form.fields
        .iter()
        .filter(|(name, _)| name != "ceremony" && name != "answer")
        .collect()
}

/// The forms of a page that are sent by POST.
pub fn forms(page: &str) -> Vec<Form> {
    page.split("<form")
        .skip(1)
        .filter_map(|rest| {
            let whole = rest.split("</form>").next()?;
            let tag = whole.split('>').next()?;
            if attribute(tag, "method")?.eq_ignore_ascii_case("get") {
                return None;
            }
            let fields = ["<input", "<button"]
                .iter()
                .flat_map(|kind| whole.split(kind).skip(1))
                .filter_map(|rest| {
                    let tag = rest.split('>').next()?;
                    Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default()))
                })
                .collect();
            Some(Form {
                action: plain(&attribute(tag, "action")?),
                fields,
                options: attribute(tag, "data-options").filter(|options| !options.is_empty()),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_with_its_hidden_fields_and_its_challenge() {
        let page = "<form method=\"post\" action=\"/incidents/1/unlock\" data-options=\"{&quot;a&quot;:1}\">\
                    <input type=\"hidden\" name=\"ceremony\" value=\"ab\"><button name=\"act\" value=\"unlock\">Go</button>\
                    </form><form method=\"get\" action=\"/search\"><input name=\"q\"></form>";
        let read = forms(page);
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].action, "/incidents/1/unlock");
        assert_eq!(read[0].options.as_deref(), Some("{\"a\":1}"));
        assert_eq!(
            read[0].fields,
            [("ceremony".to_owned(), "ab".to_owned()), ("act".to_owned(), "unlock".to_owned())]
        );
    }
}
