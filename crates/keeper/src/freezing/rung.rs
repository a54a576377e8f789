//! A rung of the ladder as somebody types it, and what it is called.

use super::Unfit;
use crate::core::Core;
use crate::facts::Fact;
use crate::freeze::numbers;
use crate::instances::{InstanceLine, Instances};
use crate::keys::{KeyedToken, OwnSubject, practice_number};
use crate::ledger::Refusal;
use crate::reader;
use crate::sql::calls as sql;
use candour_keeper_wire::words::{Level, Purpose, Role};
use candour_rules::freeze::Frozen;
use candour_rules::keys;
use candour_seal::{ClientId, InstanceId, PersonId, PracticeId};

/// What to freeze or to let go.
#[derive(Debug, Clone, clap::Args, serde::Serialize, serde::Deserialize)]
pub struct Rung {
    /// What; `list` only says what is frozen.
    #[arg(value_enum)]
    pub what: What,
    /// Which: a practice's id or name; an instance's name (portal); a person's or client's id, or the number of a ledger
    /// entry they made; for a session that number; a purpose's word; of what is frozen, what the list says. Nothing for
    /// the installation.
    #[serde(default)]
    pub which: Option<String>,
    /// Why; it stands in the ledger.
    #[arg(long, default_value = "")]
    pub reason: String,
}

/// A rung, without which.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Say what is frozen now; stops nothing
    List,
    /// One sign-in; the same person may sign in again
    Session,
    /// One person, in every session
    Person,
    /// One practice's program
    Client,
    /// One purpose, for everybody
    Purpose,
    /// One practice: its staff, its programs, and what it put in, for everybody
    Practice,
    /// One process: everything through it
    Instance,
    /// Everything, emergency access and the incident room's officers included
    Installation,
    /// Proof mode of one process: each opening through it asks for a passkey or code of the last five minutes
    Proof,
}

impl What {
    pub(super) const fn level(self) -> Option<Level> {
        Some(match self {
            Self::List => return None,
            Self::Session => Level::Session,
            Self::Person => Level::Principal,
            Self::Client => Level::Client,
            Self::Purpose => Level::Purpose,
            Self::Practice => Level::Practice,
            Self::Instance => Level::Instance,
            Self::Installation => Level::Installation,
            Self::Proof => Level::Proof,
        })
    }

    /// The word for it, and where one finds which.
    const fn help(self) -> (&'static str, &'static str) {
        match self {
            Self::List => ("rung", "List is no rung: name what to freeze or let go"),
            Self::Session => (
                "session",
                "Type the number of a ledger entry that was made in it",
            ),
            Self::Person => (
                "person",
                "Type the person's id (32 digits), or the number of a ledger entry they made",
            ),
            Self::Client => (
                "client",
                "Type the client's id (32 digits), or the number of a ledger entry it made",
            ),
            Self::Purpose => (
                "purpose",
                "It is one word, for example own_record, direct_care, deposit, incident_notice",
            ),
            Self::Practice => ("practice", "Type its id (32 digits) or its whole name"),
            Self::Instance | Self::Proof => (
                "instance",
                "It is portal, worker, room or import, or a name in secrets/keeper.instances.json",
            ),
            Self::Installation => ("installation", "Nothing follows the word installation"),
        }
    }
}

/// What was meant, and what to call it.
pub(super) struct Named {
    pub(super) what: Frozen,
    pub(super) name: String,
}

/// Finds what was typed.
pub(super) async fn find(core: &Core, instances: &Instances, rung: &Rung) -> Result<Named, Unfit> {
    let (word, hint) = rung.what.help();
    let unknown = || Unfit::Unknown(word, hint);
    let level = rung.what.level().ok_or_else(unknown)?;
    let which = rung.which.as_deref().unwrap_or_default().trim();
    // What is frozen is also found by the number that the list gives it.
    let listed = || number(which).map(|number| crate::freeze::rung(level, number));
    let found = match rung.what {
        What::List => None,
        What::Installation => which.is_empty().then_some(Frozen::Installation),
        What::Session => made(core, which).await?.and_then(Made::session),
        What::Person => match which.parse::<PersonId>() {
            Ok(id) => known(core, core.keys.person(id)).await?,
            Err(_) => made(core, which).await?.and_then(Made::person),
        }
        .map(|surrogate| Frozen::Principal(keys::Principal(surrogate))),
        What::Client => match which.parse::<ClientId>() {
            Ok(id) => known(core, core.keys.client(id)).await?,
            Err(_) => made(core, which).await?.and_then(Made::client),
        }
        .map(|surrogate| Frozen::Client(keys::Client(surrogate))),
        What::Purpose => Purpose::ALL
            .iter()
            // Emergency access is stopped by the installation's freeze only.
            .filter(|purpose| **purpose != Purpose::Emergency)
            .find(|purpose| purpose.word() == which)
            .map(|purpose| Frozen::Purpose(keys::Purpose(i64::from(purpose.number())))),
        What::Practice => practice(core, which).await?,
        What::Instance => process(core, instances, which).map(Frozen::Instance),
        What::Proof => process(core, instances, which).map(Frozen::Proof),
    };
    let what = match found {
        Some(what) => what,
        None => listed()
            .filter(|what| core.freezes.is_frozen(*what))
            .ok_or_else(unknown)?,
    };
    let (typed, name) = words(core, instances, what).await?;
    Ok(Named {
        what,
        name: format!("{name} ({typed})"),
    })
}

/// As one types it, and its name.
pub(super) async fn words(
    core: &Core,
    instances: &Instances,
    what: Frozen,
) -> Result<(String, String), Unfit> {
    let (_, surrogate) = numbers(what);
    let number = format!("{surrogate:016x}");
    Ok(match what {
        Frozen::Session(_) => (format!("session {number}"), "a session".to_owned()),
        Frozen::Principal(_) => (format!("person {number}"), "a person".to_owned()),
        Frozen::Client(_) => (format!("client {number}"), "a program".to_owned()),
        Frozen::Purpose(_) => {
            let purpose = i32::try_from(surrogate).ok();
            let purpose = purpose.and_then(|number| Purpose::try_from(number).ok());
            let word = purpose.map_or("unknown", Purpose::word);
            (format!("purpose {word}"), "a purpose".to_owned())
        }
        Frozen::Practice(_) => {
            let mut known = practices(core).await?.into_iter();
            match known.find(|(id, _)| practice_number(*id) == surrogate) {
                Some((id, name)) => (format!("practice {id}"), name),
                None => (format!("practice {number}"), "a practice".to_owned()),
            }
        }
        Frozen::Instance(_) | Frozen::Proof(_) => {
            let mut known = processes(core, instances).into_iter();
            let found = known.find(|(process, _)| process.0 == surrogate);
            let name = found.map_or(number, |(_, line)| line.name);
            let word = match what {
                Frozen::Proof(_) => "proof",
                _ => "instance",
            };
            (format!("{word} {name}"), "a process".to_owned())
        }
        Frozen::Installation => ("installation".to_owned(), "everything".to_owned()),
    })
}

/// Every process that may call.
pub(super) fn processes(core: &Core, instances: &Instances) -> Vec<(keys::Instance, InstanceLine)> {
    let lines = instances.lines().into_iter();
    let known = lines.filter_map(|line| {
        let id = line.instance.parse::<InstanceId>().ok()?;
        Some((keys::Instance(core.keys.instance(id).surrogate()), line))
    });
    known.collect()
}

fn process(core: &Core, instances: &Instances, which: &str) -> Option<keys::Instance> {
    let mut known = processes(core, instances).into_iter();
    let found = known.find(|(_, line)| line.name == which || line.instance == which);
    found.map(|(process, _)| process)
}

/// The number that the list gives what has no name.
fn number(which: &str) -> Option<i64> {
    let number = u64::from_str_radix(which, 16).ok()?;
    (which.len() == 16).then_some(number.cast_signed())
}

/// Who made an entry.
struct Made {
    session: i64,
    principal: i64,
    role: i16,
}

impl Made {
    fn session(self) -> Option<Frozen> {
        (self.session != 0).then_some(Frozen::Session(keys::Session(self.session)))
    }

    fn person(self) -> Option<i64> {
        let is_person = self.session != 0 && self.role != i16::from(Role::PracticeClient.number());
        is_person.then_some(self.principal)
    }

    fn client(self) -> Option<i64> {
        let is_client = self.role == i16::from(Role::PracticeClient.number());
        is_client.then_some(self.principal)
    }
}

async fn made(core: &Core, which: &str) -> Result<Option<Made>, Unfit> {
    let Ok(index) = which.parse::<i64>() else {
        return Ok(None);
    };
    let rows = reader::rows(&core.pool, sql::MADE_BY, &[&index]).await;
    let rows = rows.map_err(|_| Unfit::Unwritten)?;
    Ok(rows.first().map(|row| Made {
        session: row.get("session"),
        principal: row.get("principal"),
        role: row.get("role"),
    }))
}

/// The surrogate of a subject that the keeper knows.
async fn known(core: &Core, subject: KeyedToken) -> Result<Option<i64>, Unfit> {
    let facts = core.facts.load(subject).await.map_err(Refusal::from)?;
    Ok((!facts.is_empty()).then(|| subject.surrogate()))
}

async fn practice(core: &Core, which: &str) -> Result<Option<Frozen>, Unfit> {
    let mut found = practices(core).await?;
    let id = which.parse::<PracticeId>().ok();
    found.retain(|(known, name)| match id {
        Some(id) => *known == id,
        None => name.to_lowercase() == which.to_lowercase(),
    });
    match found.as_slice() {
        [] => Ok(None),
        [(id, _)] => Ok(Some(Frozen::Practice(keys::Practice(practice_number(*id))))),
        several => Err(Unfit::Several(several.len())),
    }
}

/// Every practice, with its name.
pub(super) async fn practices(core: &Core) -> Result<Vec<(PracticeId, String)>, Refusal> {
    let facts = core
        .facts
        .load(core.keys.own(OwnSubject::Practices))
        .await?;
    let known = facts.live().filter_map(|row| match &row.fact {
        Fact::Practice(known) => {
            let id = PracticeId::try_from(known.practice.as_slice()).ok()?;
            Some((id, known.name.clone()))
        }
        _ => None,
    });
    Ok(known.collect())
}
