//! The thief: a process of its own that speaks HTTP only and writes down what it got.
//!
//! It knows what a thief knows: one patient's credentials and a leaked list of all document ids, or a live
//! session of a member of staff. It sees no database, no ledger and no file of the installation.

mod loot;
mod stolen_login;
mod stolen_staff;

pub use loot::{Loot, Taken};

use crate::browser::{Browser, Site};
use crate::{Problem, clock};
use loot::Sack;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What the thief is given; handed over as a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Attack {
    /// The portal.
    pub portal: Site,
    /// How long it may go on, in seconds.
    pub seconds: u64,
    /// How many requests at once.
    pub hands: usize,
    /// From how many addresses of 127.0.0.0/24, in turn.
    pub addresses: u8,
    /// What was stolen.
    pub stolen: Stolen,
}

/// What was stolen before it begins.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "scenario", rename_all = "kebab-case")]
pub enum Stolen {
    /// A patient's password with second factor, and a listing of every document's id.
    StolenLogin {
        /// The sign-in name.
        login: String,
        /// The password.
        password: String,
        /// The secret of the authenticator app, base32.
        totp_secret: String,
        /// A file with one document id per line.
        documents: PathBuf,
    },
    /// A live session of a member of staff.
    StolenStaff {
        /// The session's cookies.
        cookies: BTreeMap<String, String>,
        /// Surnames to search for, the commonest first.
        surnames: Vec<String>,
    },
}

impl Stolen {
    /// The scenario's name.
    pub const fn scenario(&self) -> &'static str {
        match self {
            Self::StolenLogin { .. } => "stolen-login",
            Self::StolenStaff { .. } => "stolen-staff",
        }
    }
}

/// Steals until everything was tried or the time is up, and gives what it got.
///
/// # Errors
/// When the attack cannot even begin: no sign-in, no list.
pub async fn attack(attack: &Attack) -> Result<Loot, Problem> {
    let addresses: Vec<Ipv4Addr> = (0..attack.addresses.max(1))
        .map(|last| Ipv4Addr::new(127, 0, 7, last.saturating_add(1)))
        .collect();
    let browser = Arc::new(Browser::rotating(&attack.portal, &addresses)?);
    let sack = Arc::new(Sack::new(attack.stolen.scenario(), clock::now()));
    let work = async {
        match &attack.stolen {
            Stolen::StolenLogin {
                login,
                password,
                totp_secret,
                documents,
            } => {
                let thief = stolen_login::Thief::new(login, password, totp_secret)?;
                let list = read_list(documents)?;
                thief.steal(&browser, &sack, list, attack.hands).await
            }
            Stolen::StolenStaff { cookies, surnames } => {
                browser.take_cookies(cookies.clone());
                stolen_staff::steal(&browser, &sack, surnames, attack.hands).await
            }
        }
    };
    match tokio::time::timeout(Duration::from_secs(attack.seconds), work).await {
        Ok(Err(problem)) => Err(problem),
        Ok(Ok(())) | Err(_) => Ok(sack.close(clock::now())),
    }
}

fn read_list(path: &Path) -> Result<Vec<String>, Problem> {
    let text = std::fs::read_to_string(path).map_err(Problem::file("could not read", path))?;
    Ok(text.lines().map(str::to_owned).collect())
}
