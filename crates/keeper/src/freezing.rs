//! Freezing from the keeper's own machine: by one person, with the portal and the room down. Letting go takes two.
//!
//! Nobody is signed in, so the entry has the operating system's user in its sealed body, and no principal.

mod rung;
mod view;

pub use rung::{Rung, What};
pub(crate) use view::view;

use crate::changes::{freeze_of, sentence, unfreeze_of};
use crate::core::Core;
use crate::draft::Draft;
use crate::facts::{Fact, FactRow};
use crate::freeze::numbers;
use crate::identity::commit;
use crate::instances::Instances;
use crate::keys::OwnSubject;
use crate::ledger::{LedgerError, Refusal};
use crate::practice::check_operators;
use candour_keeper_wire::wire::{ChangeKind, FreezeChange};
use candour_keeper_wire::words::{EntryKind, Level, Reason, Role};
use candour_rules::freeze::Frozen;
use jiff::Timestamp;
use rung::{Named, find, words};

/// Longest reason in characters.
const LONGEST_REASON: usize = 500;

/// Why nothing was frozen or let go. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// Without a reason, or with a very long one.
    #[error("say why with --reason, in at most {LONGEST_REASON} characters. Nothing was changed")]
    Reason,
    /// Nothing is found by what was typed.
    #[error("no {0} is found by this. Nothing was changed. {1}")]
    Unknown(&'static str, &'static str),
    /// A name that several have.
    #[error("{0} practices have this name. Nothing was changed. Type the id of one of them")]
    Several(usize),
    /// It was to be let go.
    #[error("this is not frozen. Nothing was changed. candour freeze list says what is")]
    NotFrozen,
    /// The operators' codes.
    #[error(
        "these are not the codes of the two operators. Nothing was changed. Try again in {0} s"
    )]
    Codes(u32),
    /// No entry can be written.
    #[error(
        "the ledger cannot be written, so nothing opens now, and this does not stand in it. When candour doctor finds \
         the ledger well, type it again"
    )]
    Unwritten,
    /// What the keeper knows of itself was changed past it.
    #[error("the keeper's own rows do not verify: {}. Nothing was changed. Its log says more", .0.word())]
    Refused(Reason),
}

impl From<Refusal> for Unfit {
    fn from(refusal: Refusal) -> Self {
        match refusal.reason {
            Reason::LedgerUnavailable => Self::Unwritten,
            Reason::NotFound => Self::NotFrozen,
            Reason::WrongCredentials | Reason::TooMany => Self::Codes(refusal.retry_after_seconds),
            other => Self::Refused(other),
        }
    }
}

impl From<LedgerError> for Unfit {
    fn from(error: LedgerError) -> Self {
        Refusal::from(error).into()
    }
}

/// What one person at the machine asks; `by` is the operating system's user. The answer is for them to read.
pub(crate) async fn freeze(
    core: &Core,
    instances: &Instances,
    rung: &Rung,
    by: &str,
) -> Result<Vec<String>, Unfit> {
    if rung.what == What::List {
        return list(core, instances).await;
    }
    let reason = reason(rung)?;
    let named = find(core, instances, rung).await?;
    let mut said = Vec::new();
    match since(core, named.what).await? {
        Some(since) => said.push(format!(
            "{} is {} already, since {since}. Nothing was changed.",
            named.name,
            state(named.what)
        )),
        None => {
            let change = change(&named, &format!("Reason: {reason} By {by}."));
            let mut prepared = freeze_of(core, &change, &[])?;
            let mut draft = Draft::of_keeper(EntryKind::Freeze);
            // Not the keeper's own rule, which opens an incident: nobody is signed in here.
            draft.row.role = Role::Anonymous;
            let draft = prepared.fill(core, draft, sentence(&ChangeKind::Freeze(change)));
            let entry = commit(core, draft).await?;
            said.push(format!(
                "{} is {} since {}: entry {} of the ledger, by {by}.",
                named.name,
                state(named.what),
                entry.at,
                entry.index
            ));
        }
    }
    let (stops, goes_on) = numbers(named.what).0.effect();
    said.push(format!("Stopped: {stops}"));
    said.push(format!("Goes on: {goes_on}"));
    said.push(format!(
        "To let it go, two operators type: candour unfreeze {} --reason \"...\"",
        words(core, instances, named.what).await?.0
    ));
    Ok(said)
}

/// What two operators let go.
pub(crate) async fn unfreeze(
    core: &Core,
    instances: &Instances,
    codes: &[String; 2],
    rung: &Rung,
    by: &str,
) -> Result<Vec<String>, Unfit> {
    let reason = reason(rung)?;
    check_operators(core, codes).await?;
    let named = find(core, instances, rung).await?;
    let reason = format!("Reason: {reason} By two operators, typed by {by}.");
    let change = change(&named, &reason);
    let mut prepared = unfreeze_of(core, &change).await?;
    let draft = Draft::of_keeper(EntryKind::Unfreeze);
    let draft = prepared.fill(core, draft, sentence(&ChangeKind::Unfreeze(change)));
    let entry = commit(core, draft).await?;
    Ok(vec![format!(
        "{} is not {} any more: entry {} of the ledger.",
        named.name,
        state(named.what),
        entry.index
    )])
}

/// Everything that is frozen, as one types it.
async fn list(core: &Core, instances: &Instances) -> Result<Vec<String>, Unfit> {
    let facts = core.facts.load(core.keys.own(OwnSubject::Freezes)).await;
    let facts = facts.map_err(Refusal::from)?;
    let mut lines: Vec<String> = Vec::new();
    let mut seen = Vec::new();
    for row in facts.live() {
        let Some(what) = frozen(row).filter(|what| !seen.contains(what)) else {
            continue;
        };
        seen.push(what);
        let (words, name) = words(core, instances, what).await?;
        lines.push(format!("{words}, since {}: {name}", row.at));
    }
    if lines.is_empty() {
        lines.push("Nothing is frozen.".to_owned());
    }
    Ok(lines)
}

fn state(what: Frozen) -> &'static str {
    match what {
        Frozen::Proof(_) => "in proof mode",
        _ => "frozen",
    }
}

fn frozen(row: &FactRow) -> Option<Frozen> {
    match &row.fact {
        Fact::Frozen(frozen) => {
            let level = Level::try_from(frozen.level).ok()?;
            Some(crate::freeze::rung(level, frozen.surrogate))
        }
        _ => None,
    }
}

async fn since(core: &Core, what: Frozen) -> Result<Option<Timestamp>, Unfit> {
    let facts = core.facts.load(core.keys.own(OwnSubject::Freezes)).await;
    let facts = facts.map_err(Refusal::from)?;
    Ok(facts
        .live()
        .find(|row| frozen(row) == Some(what))
        .map(|row| row.at))
}

fn change(named: &Named, reason: &str) -> FreezeChange {
    let (level, surrogate) = numbers(named.what);
    FreezeChange {
        level: level.into(),
        surrogate,
        reason: format!("{}. {reason}", named.name),
    }
}

fn reason(rung: &Rung) -> Result<&str, Unfit> {
    let reason = rung.reason.trim();
    let is_fit = !reason.is_empty() && reason.chars().count() <= LONGEST_REASON;
    is_fit.then_some(reason).ok_or(Unfit::Reason)
}
