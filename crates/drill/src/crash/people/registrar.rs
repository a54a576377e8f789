//! Reception, which invites patients, and the patients, who make their accounts: changes that must not be lost.

use super::Somebody;
use crate::Problem;
use crate::browser::{Acting, Browser, Site, attribute, hidden_field, invitation_code};
use crate::crash::book::{Asked, NewAccount};
use crate::passkey::SoftwarePasskey;
use jiff::civil::Date;
use std::time::Instant;

/// How often an account is tried at most.
const TRIES: usize = 200;

/// Somebody without an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitee {
    /// The patient.
    pub patient: String,
    /// When they were born: the invitation asks for it.
    pub born: Date,
}

/// Reception and whom it may invite.
pub struct Registrar {
    /// Who invites.
    pub somebody: Somebody,
    /// The portal.
    pub site: Site,
    /// Whom.
    pub invitees: Vec<Invitee>,
}

/// What came of a try to make an account.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tried {
    /// It is there.
    Made,
    /// Nothing was made by this try.
    Again,
    /// No answer came: it may be made or not.
    Unknown,
    /// The invitation does not work any more.
    UsedUp,
}

impl Registrar {
    /// Makes accounts until nobody is left or it is time to go.
    pub async fn register(mut self) {
        while let Some(invitee) = self.invitees.pop() {
            if self.account(&invitee).await.is_none() {
                return;
            }
        }
    }

    async fn account(&mut self, invitee: &Invitee) -> Option<()> {
        self.somebody.pause(300, 2_500).await?;
        let code = self.invite(&invitee.patient).await?;
        let login = format!("new-{}", self.somebody.dice.hexadecimal());
        let mut passkeys = Vec::new();
        for _ in 0..TRIES {
            self.somebody.pause(20, 200).await?;
            let (passkey, tried) = self.try_once(invitee, &code, &login).await;
            if matches!(tried, Tried::Made | Tried::Unknown) {
                passkeys.extend(passkey);
            }
            let is_made = tried == Tried::Made;
            if tried == Tried::UsedUp && passkeys.is_empty() {
                let text = "an invitation that was acknowledged does not work, and nobody used it";
                self.somebody.book.find(text.to_owned());
                return Some(());
            }
            // Used up after an answer was lost: the lost try made the account.
            if is_made || tried == Tried::UsedUp {
                self.somebody.book.add_account(NewAccount {
                    login,
                    passkeys,
                    is_acknowledged: is_made,
                });
                return Some(());
            }
        }
        let text = format!("an account could not be made in {TRIES} tries");
        self.somebody.book.find(text);
        Some(())
    }

    /// Invites until there is a code; an invitation whose answer was lost is nobody's and ends by itself.
    async fn invite(&mut self, patient: &str) -> Option<String> {
        loop {
            if self.somebody.is_in().await {
                let began = Instant::now();
                let passkey = &mut self.somebody.account.keys.passkey().ok()?;
                let answer = self.somebody.browser.invite(patient, passkey).await;
                let answer = self.somebody.take(answer, began, Asked::Write).await;
                if let Some(page) = answer.filter(|answer| answer.status == 200) {
                    return invitation_code(&page.text()).map(str::to_owned);
                }
            }
            self.somebody.pause(50, 200).await?;
        }
    }

    async fn try_once(
        &self,
        invitee: &Invitee,
        code: &str,
        login: &str,
    ) -> (Option<SoftwarePasskey>, Tried) {
        let Ok(mut passkey) = SoftwarePasskey::new() else {
            return (None, Tried::Again);
        };
        let (browser, ceremony, answer) = match self.prepare(code, login, &mut passkey).await {
            Ok(Some(prepared)) => prepared,
            Ok(None) => return (None, Tried::UsedUp),
            Err(_) => return (None, Tried::Again),
        };
        let born = [
            invitee.born.day().to_string(),
            invitee.born.month().to_string(),
            invitee.born.year().to_string(),
        ];
        let form = [
            ("way", "passkey"),
            ("ceremony", ceremony.as_str()),
            ("answer", answer.as_str()),
            ("day", born[0].as_str()),
            ("month", born[1].as_str()),
            ("year", born[2].as_str()),
        ];
        let tried = match browser.post("/invitation/account", &form).await {
            Ok(answer) if answer.status == 303 => Tried::Made,
            // The keeper forgot the question when it died.
            Ok(answer) if answer.status < 500 => Tried::Again,
            Ok(_) | Err(_) => Tried::Unknown,
        };
        (Some(passkey), tried)
    }

    /// Types the code in and answers the passkey's question; `Ok(None)` when the code is refused.
    async fn prepare(
        &self,
        code: &str,
        login: &str,
        passkey: &mut SoftwarePasskey,
    ) -> Result<Option<(Browser, String, String)>, Problem> {
        let browser = Browser::new(&self.site)?;
        let answer = browser
            .post("/invitation", &[("code", code), ("login", login)])
            .await?;
        if answer.status == 422 {
            return Ok(None);
        }
        answer.expect("typing in an invitation")?;
        let page = browser.get("/invitation/account").await?;
        let page = page.expect("choosing how to sign in")?.text();
        let options = page
            .split("<form")
            .find(|form| form.contains("data-passkey=\"create\""))
            .and_then(|form| attribute(form, "data-options"));
        let missing =
            || Problem::Unexpected("the page of an invitation asks for no passkey".to_owned());
        let ceremony = hidden_field(&page, "ceremony").ok_or_else(missing)?;
        let answer = passkey.create(&options.ok_or_else(missing)?, browser.origin())?;
        Ok(Some((browser, ceremony, answer)))
    }
}

/// Whether one of the passkeys that were tried opens the account.
///
/// # Errors
/// When the portal cannot be asked.
pub async fn signs_in(site: &Site, account: &mut NewAccount) -> Result<bool, Problem> {
    for passkey in &mut account.passkeys {
        let browser = Browser::new(site)?;
        match browser
            .sign_in_with_passkey(&account.login, passkey, Acting::Patient)
            .await
        {
            Ok(()) => return Ok(true),
            Err(Problem::Http(error)) => return Err(Problem::Http(error)),
            Err(Problem::Answer { status, what }) if status >= 500 => {
                return Err(Problem::Answer { what, status });
            }
            Err(_) => {}
        }
    }
    Ok(false)
}
