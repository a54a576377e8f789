//! What two operators do on the keeper's own machine: make practices, and invite the operator's officers.
//!
//! Nobody who is signed in can do this, because nobody could before the first practice. Two people each hold one
//! recovery code, printed once when the installation was made; both are needed for every command. A running
//! keeper takes commands on its own socket, which only the keeper's OS user may open. Freezing and new keys go the same
//! way, by one.

mod command;
mod rotate;
mod socket;

pub use command::{Typed, command_socket, operators_file, run};
pub use rotate::Rotation;
pub use socket::{Answer, CommandError, Order, ask, serve};

use crate::changes::{new_client, new_invitation};
use crate::core::Core;
use crate::draft::{Draft, Effect, Guard};
use crate::facts::{Canary, CodeSheet, Fact, FactBody, Practice};
use crate::identity::codes::{InvitationCode, hash_of_operator_code};
use crate::identity::commit;
use crate::identity::failures::{COMMAND_LINE, Tried};
use crate::identity::sign_in::{failed, may_try, random, random_id};
use crate::keys::OwnSubject;
use crate::ledger::Refusal;
use crate::loss;
use candour_keeper_wire::wire;
use candour_keeper_wire::words::{EntryKind, Reason, Role};
use candour_seal::{PatientId, PracticeId};
use prost::Message;
use subtle::ConstantTimeEq;

/// What two operators order.
#[derive(Debug, Clone, clap::Subcommand, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Make a practice; prints its id, its first manager's invitation code, and its program's id and secret.
    AddPractice {
        /// The practice's name as shown in lists.
        #[arg(long)]
        name: String,
        /// The practice's region.
        #[arg(long)]
        region: String,
        /// The first manager's name.
        #[arg(long, default_value = "Practice manager")]
        manager: String,
    },
    /// Invite an officer of the operator; prints the invitation code.
    AddOperator {
        /// `privacy_officer`, `security_officer` or `communications_officer`.
        #[arg(long)]
        role: String,
        /// The officer's name.
        #[arg(long)]
        name: String,
    },
    /// Mark patients that nobody has a reason to open: one touch is an incident.
    MarkCanaries {
        /// The id of one of them, 32 hexadecimal digits; may be repeated.
        #[arg(long = "patient", required = true)]
        patients: Vec<String>,
    },
    /// Accept that entries of the ledger are lost. The keeper's log names them when it opens nothing for want of
    /// them; name exactly those. It starts again, writes that they are lost, and opens an incident.
    AcceptLoss {
        /// The first missing index.
        #[arg(long)]
        from: u64,
        /// The first index after the missing ones.
        #[arg(long)]
        to: u64,
    },
}

/// A command with both operators' codes.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub struct Ordered {
    /// The two operators' recovery codes, in either order.
    pub codes: [String; 2],
    /// What is to be done.
    pub command: Command,
}

/// What came of it. Codes and secrets are shown once.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Made {
    /// The practice's id, 32 hexadecimal digits; empty for an officer.
    pub practice: String,
    /// The invitation code of the first manager or of the officer.
    pub invitation: String,
    /// The program's id; empty for an officer.
    pub client: String,
    /// The program's secret, 64 hexadecimal digits; empty for an officer.
    pub client_secret: String,
}

/// Names the two operators of a new installation: their recovery codes, to be printed once and given to two people.
///
/// # Errors
/// [`Reason::NotAllowed`] when they were named before.
pub async fn name_operators(core: &Core) -> Result<[String; 2], Refusal> {
    let subject = core.keys.own(OwnSubject::Operators);
    if !core.facts.load(subject).await?.is_empty() {
        return Err(Reason::NotAllowed.into());
    }
    let codes = [new_code(), new_code()];
    let hashes = codes
        .iter()
        .map(|code| hash_of_operator_code(&core.identity.codes_key, code).to_vec())
        .collect();
    let mut draft = Draft::of_keeper(EntryKind::Change);
    "two operators were named".clone_into(&mut draft.body.text);
    draft.guards = vec![Guard::Facts {
        subject,
        version: 0,
    }];
    draft.effects = vec![Effect::fact(
        subject,
        Fact::CodeSheet(CodeSheet {
            hashes,
            ..CodeSheet::default()
        }),
    )];
    commit(core, draft).await?;
    Ok(codes.map(|code| code.printed()))
}

fn new_code() -> InvitationCode {
    InvitationCode::from_random(&random())
}

/// Carries a command out, once both operators' codes fit.
pub async fn carry_out(core: &Core, ordered: &Ordered) -> Result<Made, Refusal> {
    check_operators(core, &ordered.codes).await?;
    match &ordered.command {
        Command::AddPractice {
            name,
            region,
            manager,
        } => add_practice(core, name, region, manager).await,
        Command::AddOperator { role, name } => add_operator(core, role, name).await,
        Command::MarkCanaries { patients } => mark_canaries(core, patients).await,
        Command::AcceptLoss { from, to } => {
            loss::accept(core, *from, *to)?;
            Ok(Made::default())
        }
    }
}

pub(crate) async fn check_operators(core: &Core, typed: &[String; 2]) -> Result<(), Refusal> {
    operators(core, typed).await.map(drop)
}

/// The places on the list of both of those whose codes these are; each code must be another operator's.
pub(crate) async fn operators(core: &Core, typed: &[String]) -> Result<Vec<usize>, Refusal> {
    let now = core.clock.now();
    let tried = Tried {
        network: COMMAND_LINE.to_owned(),
        what: [0; 16],
    };
    may_try(core, &tried, now)?;
    let subject = core.keys.own(OwnSubject::Operators);
    let facts = core.facts.load(subject).await?;
    let hashes: Vec<Vec<u8>> = facts
        .live()
        .find_map(|row| match &row.fact {
            Fact::CodeSheet(sheet) => Some(sheet.hashes.clone()),
            _ => None,
        })
        .unwrap_or_default();
    let mut found: Vec<usize> = typed
        .iter()
        .filter_map(|typed| InvitationCode::parse(typed))
        .filter_map(|code| {
            let hash = hash_of_operator_code(&core.identity.codes_key, &code);
            hashes
                .iter()
                .position(|kept| bool::from(kept.as_slice().ct_eq(&hash)))
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    if found.len() == typed.len() {
        return Ok(found);
    }
    Err(failed(core, tried, Reason::WrongCredentials.into(), now))
}

async fn add_practice(
    core: &Core,
    name: &str,
    region: &str,
    manager: &str,
) -> Result<Made, Refusal> {
    if name.trim().is_empty() || manager.trim().is_empty() {
        return Err(Reason::Invalid.into());
    }
    let now = core.clock.now();
    let practice = PracticeId::from_bytes(random_id());
    let fact = Fact::Practice(Practice {
        region: region.to_owned(),
        name: name.to_owned(),
        practice: practice.as_bytes().to_vec(),
    });
    let invite = wire::Invite {
        practice: practice.as_bytes().to_vec(),
        role: Role::Manager.into(),
        staff_name: manager.to_owned(),
        ..wire::Invite::default()
    };
    let (invited, _, invitation) = new_invitation(core, &invite, &[], now)?;
    let client = new_client(core, practice, "practice system");
    let mut draft = Draft::of_keeper(EntryKind::Change);
    draft.row.practice = Some(practice);
    "two operators made a practice".clone_into(&mut draft.body.text);
    draft.body.details = FactBody {
        fact: Some(fact.clone()),
    }
    .encode_to_vec();
    for subject in [
        core.keys.practice(practice),
        core.keys.own(OwnSubject::Practices),
    ] {
        draft.effects.push(Effect::fact(subject, fact.clone()));
    }
    draft.effects.extend(invited.effects);
    draft.effects.extend(client.effects);
    commit(core, draft).await?;
    let (client, client_secret) = client.reply.code.split_once(':').unwrap_or_default();
    Ok(Made {
        practice: practice.to_string(),
        invitation,
        client: client.to_owned(),
        client_secret: client_secret.to_owned(),
    })
}

/// Marks patients; who is marked already stays so. One entry for all of them, and it names none.
async fn mark_canaries(core: &Core, patients: &[String]) -> Result<Made, Refusal> {
    let fact = Fact::Canary(Canary {});
    let mut draft = Draft::of_keeper(EntryKind::Change);
    for text in patients {
        let patient: PatientId = text.parse().map_err(|_| Reason::Invalid)?;
        let subject = core.keys.patient(patient);
        let facts = core.facts.load(subject).await?;
        if facts.is_empty() {
            return Err(Reason::NotFound.into());
        }
        if facts.live().any(|row| matches!(row.fact, Fact::Canary(_))) {
            continue;
        }
        draft.guards.push(Guard::Facts {
            subject,
            version: facts.version(),
        });
        draft.effects.push(Effect::fact(subject, fact.clone()));
    }
    if draft.effects.is_empty() {
        return Ok(Made::default());
    }
    "two operators marked canaries".clone_into(&mut draft.body.text);
    draft.body.count = u32::try_from(draft.effects.len()).unwrap_or(u32::MAX);
    draft.body.details = FactBody { fact: Some(fact) }.encode_to_vec();
    commit(core, draft).await?;
    Ok(Made::default())
}

async fn add_operator(core: &Core, role: &str, name: &str) -> Result<Made, Refusal> {
    let role = Role::ALL
        .iter()
        .copied()
        .find(|known| known.word() == role)
        .filter(|role| crate::changes::is_officer(*role))
        .ok_or(Reason::Invalid)?;
    let invite = wire::Invite {
        role: role.into(),
        staff_name: name.to_owned(),
        ..wire::Invite::default()
    };
    let (invited, _, invitation) = new_invitation(core, &invite, &[], core.clock.now())?;
    let mut draft = Draft::of_keeper(EntryKind::Change);
    "two operators invited an officer".clone_into(&mut draft.body.text);
    draft.body.details = FactBody {
        fact: invited.details,
    }
    .encode_to_vec();
    draft.effects = invited.effects;
    commit(core, draft).await?;
    Ok(Made {
        invitation,
        ..Made::default()
    })
}
