//! Another policy set: proposed by one operator, confirmed by the other, at the keeper's machine.
//!
//! It is done there, as practices are made, because no policy judges it: a set that shuts the officers out could else not
//! be taken back. The second operator types the digest of what opens and closes, so the keeper's page and not a shoulder
//! is what they agree to.

mod typed;

pub use typed::Typed;

use super::difference::{Line, broken, difference, digest};
use super::people::People;
use super::{ActivePolicies, PolicyError, PolicySet, schema_hash};
use crate::core::Core;
use crate::draft::{Draft, Effect, Guard};
use crate::facts::{
    End, Fact, FactBody, FactStore, FactsError, Policies, PoliciesProposed, PolicyFile,
    SubjectFacts, is_before,
};
use crate::identity::commit;
use crate::identity::ways::after;
use crate::keys::{Keys, OwnSubject};
use crate::ledger::{self, Health, LedgerError, Refusal};
use crate::practice::operators;
use candour_keeper_wire::words::{EntryKind, Reason};
use candour_seal::Digester;
use jiff::{SignedDuration, Timestamp};
use prost::Message;

/// How long the second operator may take.
const LASTS: SignedDuration = SignedDuration::from_hours(7 * 24);
/// No version of facts: they do not verify.
const CLOSED: i64 = -1;
/// Most classes that two people can be expected to read; the set of the program itself is put back whatever it takes.
const MOST_LINES: usize = 2_000;
/// Largest set in bytes, and most files.
const LARGEST: (usize, usize) = (128 * 1024, 32);

/// What the command socket takes.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// What is in force, and what is proposed.
    Show,
    /// Propose these files, or without any the set of the program.
    Propose {
        /// One operator's code.
        code: String,
        /// Names and texts.
        files: Vec<(String, String)>,
    },
    /// Put what is proposed in force.
    Confirm {
        /// The other operator's code.
        code: String,
        /// The digest that was shown, 64 hexadecimal digits.
        digest: String,
    },
}

/// Why the policies stay as they are.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// The set does not parse or does not fit the schema.
    #[error("{0}. Nothing was changed")]
    Policies(#[from] PolicyError),
    /// Too many or too large files, or one that is not named as a file of policies.
    #[error(
        "a set is at most {} files named like-this.cedar, of {} bytes together. Nothing was changed",
        LARGEST.1,
        LARGEST.0
    )]
    Files,
    /// It would permit what none can.
    #[error("this set breaks a rule that no set can change: {0} Nothing was changed")]
    Floor(&'static str),
    /// It is in force.
    #[error("this set is in force already. Nothing was changed")]
    Same,
    /// More than anybody reads.
    #[error(
        "{0} classes would open or close, and two people must read them: change it in steps of at most {MOST_LINES}. \
         Nothing was changed"
    )]
    TooMuch(usize),
    /// Nothing is proposed, or it is too old.
    #[error(
        "nothing is proposed now. Nothing was changed. candour policies show says what is in force"
    )]
    NotProposed,
    /// The digest is another.
    #[error(
        "this is not the digest of what opens and closes now. Nothing was changed. Read candour policies show, and type \
         the digest at its end"
    )]
    Digest,
    /// The first operator's code again.
    #[error("the operator who proposed it cannot confirm it too. Nothing was changed")]
    SameOperator,
    /// Not an operator's code.
    #[error("this is not the code of an operator. Nothing was changed. Try again in {0} s")]
    Code(u32),
    /// No entry can be written, or nothing can be read.
    #[error("the ledger cannot be written, so the policies stay as they are")]
    Unwritten,
    /// The keeper's own rows.
    #[error("the keeper refused: {}. Nothing was changed. Its log says more", .0.word())]
    Refused(Reason),
}

impl From<Refusal> for Unfit {
    fn from(refusal: Refusal) -> Self {
        match refusal.reason {
            Reason::LedgerUnavailable => Self::Unwritten,
            Reason::WrongCredentials | Reason::TooMany => Self::Code(refusal.retry_after_seconds),
            other => Self::Refused(other),
        }
    }
}

impl From<FactsError> for Unfit {
    fn from(error: FactsError) -> Self {
        Refusal::from(error).into()
    }
}

impl From<LedgerError> for Unfit {
    fn from(error: LedgerError) -> Self {
        Refusal::from(error).into()
    }
}

/// What begins in force; with what is wrong, and then nothing is permitted.
pub(crate) async fn begin(
    facts: &FactStore,
    keys: &Keys,
) -> Result<(ActivePolicies, Option<String>), PolicyError> {
    let (set, trouble) = active(facts, keys).await?;
    let held = facts.load(keys.own(OwnSubject::Policies)).await;
    let version = held.map_or(CLOSED, |held| held.version());
    Ok((ActivePolicies::new(set, version), trouble))
}

/// What is wrong is said, in the log and by an alarm that opens an incident.
pub(crate) async fn tell(core: &Core, trouble: Option<String>) -> Result<(), LedgerError> {
    let Some(trouble) = trouble else {
        return Ok(());
    };
    tracing::error!("{trouble} Nothing is permitted");
    if core.ledger.health() == Health::Well {
        let alarm = ledger::incident(ledger::POLICIES, "policies", trouble);
        core.ledger.append_one(alarm).await?;
    }
    Ok(())
}

/// The set in force by the keeper's facts; with what is wrong where that cannot be said, and then nothing is permitted.
async fn active(
    facts: &FactStore,
    keys: &Keys,
) -> Result<(PolicySet, Option<String>), PolicyError> {
    let held = match facts.load(keys.own(OwnSubject::Policies)).await {
        Ok(held) => held,
        Err(FactsError::Closed(_)) => {
            let trouble = "What says which policies are in force was changed past the keeper.";
            return Ok((PolicySet::nothing()?, Some(trouble.to_owned())));
        }
        Err(FactsError::Unavailable) => return Err(PolicyError::Unread),
    };
    let Some(policies) = in_force(&held) else {
        return Ok((PolicySet::built_in()?, None));
    };
    match set_of(policies) {
        // With another schema it is another hash: the entry of the keeper's start has it.
        Ok(set) if policies.files.is_empty() || policies.schema != schema_hash() => Ok((set, None)),
        Ok(set) if set.hash() == policies.hash.as_slice() => Ok((set, None)),
        Ok(_) => {
            let trouble =
                "The policies in force have another hash than the two operators confirmed.";
            Ok((PolicySet::nothing()?, Some(trouble.to_owned())))
        }
        Err(error) => {
            let trouble = format!("The policies in force do not serve this version: {error}.");
            Ok((PolicySet::nothing()?, Some(trouble)))
        }
    }
}

/// Puts in force what the facts say. At once after a confirmation, and each second: a commit may have been in doubt.
pub(crate) async fn settle(core: &Core) {
    // What does not verify is told once, and stays so until the keeper starts again.
    if core.policy.is_of(CLOSED) {
        return;
    }
    let held = core.facts.load(core.keys.own(OwnSubject::Policies)).await;
    let version = match held {
        Ok(held) if core.policy.is_of(held.version()) => return,
        Ok(held) => held.version(),
        Err(FactsError::Closed(_)) => CLOSED,
        Err(FactsError::Unavailable) => return,
    };
    match active(&core.facts, &core.keys).await {
        Ok((set, _)) => core.policy.replace(set, version),
        Err(error) => tracing::error!(%error, "the policies in force were not read again"),
    }
}

/// Does what was typed; the answer is for a person to read.
pub(crate) async fn carry_out(core: &Core, order: &Order) -> Result<Vec<String>, Unfit> {
    match order {
        Order::Show => show(core).await,
        Order::Propose { code, files } => propose(core, code, files).await,
        Order::Confirm { code, digest } => confirm(core, code, digest).await,
    }
}

async fn show(core: &Core) -> Result<Vec<String>, Unfit> {
    let held = core.facts.load(core.keys.own(OwnSubject::Policies)).await?;
    let own = in_force(&held).is_none_or(|policies| policies.files.is_empty());
    let own = if own {
        ", which is part of this version"
    } else {
        ""
    };
    let mut said = vec![format!(
        "In force: policy set {}{own}.",
        hex(&core.policy.hash())
    )];
    if core.policy.set().is_nothing() {
        said.push("Nothing is permitted: the set that was confirmed cannot be used.".to_owned());
    }
    let now = core.clock.now();
    let Some(proposed) = proposal(&held, now) else {
        said.push("Nothing is proposed.".to_owned());
        return Ok(said);
    };
    let policies = proposed.policies.clone().unwrap_or_default();
    let until = Timestamp::from_microsecond(proposed.until).unwrap_or(now);
    let by = proposed.operator;
    said.push(format!(
        "Proposed by operator {by}, to be confirmed until {until}:"
    ));
    match Change::of(core, policies).await {
        Ok(change) => said.extend(change.words(core, now).await?),
        Err(unfit) => said.push(format!("It can no longer be put in force: {unfit}.")),
    }
    Ok(said)
}

async fn propose(
    core: &Core,
    code: &str,
    files: &[(String, String)],
) -> Result<Vec<String>, Unfit> {
    let operator = one_operator(core, code).await?;
    let size: usize = files
        .iter()
        .map(|(name, text)| name.len() + text.len())
        .sum();
    let is_named = |name: &str| {
        let stem = name.strip_suffix(".cedar").unwrap_or_default();
        let is_fit = |char: char| char.is_ascii_alphanumeric() || "-_".contains(char);
        !stem.is_empty() && stem.chars().all(is_fit)
    };
    let are_named = files.iter().all(|(name, _)| is_named(name));
    if size > LARGEST.0 || files.len() > LARGEST.1 || !are_named {
        return Err(Unfit::Files);
    }
    let mut files: Vec<PolicyFile> = files
        .iter()
        .map(|(name, text)| PolicyFile {
            name: name.clone(),
            text: text.clone(),
        })
        .collect();
    files.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    let policies = Policies {
        files,
        ..Policies::default()
    };
    let change = Change::of(core, policies).await?;
    let now = core.clock.now();
    let subject = core.keys.own(OwnSubject::Policies);
    let held = core.facts.load(subject).await?;
    let fact = Fact::PoliciesProposed(PoliciesProposed {
        policies: Some(change.policies.clone()),
        operator,
        until: after(now, LASTS).map_err(Refusal::from)?,
    });
    let text = format!(
        "operator {operator} proposed the policy set {}: {} classes open or close, digest {}",
        hex(&change.set.hash()),
        change.lines.len(),
        hex(&change.digest)
    );
    let mut draft = draft(&held, text, &fact);
    draft.effects.extend(ended(&held, |fact| {
        matches!(fact, Fact::PoliciesProposed(_))
    }));
    draft.effects.push(Effect::fact(subject, fact));
    let entry = commit(core, draft).await?;
    let mut said = vec![format!("Proposed: entry {} of the ledger.", entry.index)];
    said.extend(change.words(core, now).await?);
    Ok(said)
}

async fn confirm(core: &Core, code: &str, typed: &str) -> Result<Vec<String>, Unfit> {
    let operator = one_operator(core, code).await?;
    let (now, subject) = (core.clock.now(), core.keys.own(OwnSubject::Policies));
    let held = core.facts.load(subject).await?;
    let proposed = proposal(&held, now).ok_or(Unfit::NotProposed)?;
    if proposed.operator == operator {
        return Err(Unfit::SameOperator);
    }
    // Computed anew: what is in force may be another set than when it was proposed.
    let change = Change::of(core, proposed.policies.clone().unwrap_or_default()).await?;
    if typed.trim().to_lowercase() != hex(&change.digest) {
        return Err(Unfit::Digest);
    }
    let text = format!(
        "two operators replaced the policy set {} by {}: {} classes open or close, digest {}",
        hex(&core.policy.hash()),
        hex(&change.set.hash()),
        change.lines.len(),
        hex(&change.digest)
    );
    let fact = Fact::Policies(change.policies);
    let mut draft = draft(&held, text, &fact);
    draft.effects.extend(ended(&held, |_| true));
    draft.effects.push(Effect::fact(subject, fact));
    let hash = hex(&change.set.hash());
    let entry = commit(core, draft).await?;
    settle(core).await;
    Ok(vec![format!(
        "In force since {}: policy set {hash}, entry {} of the ledger. To go back, propose the set before it, or \
         candour policies built-in.",
        entry.at, entry.index
    )])
}

/// An entry of the keeper about its policies, with the whole new fact in it.
fn draft(held: &SubjectFacts, text: String, fact: &Fact) -> Draft {
    let mut draft = Draft::of_keeper(EntryKind::Change);
    draft.body.text = text;
    draft.body.details = FactBody {
        fact: Some(fact.clone()),
    }
    .encode_to_vec();
    draft.guards = vec![Guard::Facts {
        subject: held.subject(),
        version: held.version(),
    }];
    draft
}

fn ended(held: &SubjectFacts, is_over: impl Fn(&Fact) -> bool) -> Vec<Effect> {
    let over = held.live().filter(|row| is_over(&row.fact));
    let ends = over.map(|row| {
        let end = End {
            version: row.version,
        };
        Effect::fact(held.subject(), Fact::End(end))
    });
    ends.collect()
}

/// What is proposed, and what it comes to now.
struct Change {
    policies: Policies,
    set: PolicySet,
    /// Nothing is permitted now, so that every line of the set would open.
    is_from_nothing: bool,
    lines: Vec<Line>,
    digest: [u8; 32],
}

impl Change {
    /// Reads, validates and compares a set with the one in force.
    async fn of(core: &Core, mut policies: Policies) -> Result<Self, Unfit> {
        let old = core.policy.set();
        let is_from_nothing = old.is_nothing();
        let (set, lines) = tokio::task::spawn_blocking({
            let policies = policies.clone();
            move || compared(&old, &policies)
        })
        .await
        .map_err(|_| Unfit::Unwritten)??;
        if lines.len() > MOST_LINES && !policies.files.is_empty() {
            return Err(Unfit::TooMuch(lines.len()));
        }
        let mut digester = Digester::new();
        for part in [core.policy.hash(), set.hash(), digest(&lines)] {
            digester.push(&part);
        }
        let digest = *digester.finish().as_bytes();
        policies.hash = set.hash().to_vec();
        policies.schema = schema_hash().to_vec();
        policies.difference = digest.to_vec();
        Ok(Self {
            policies,
            set,
            is_from_nothing,
            lines,
            digest,
        })
    }

    /// What opens and closes, with the people concerned, and how the other operator agrees.
    async fn words(&self, core: &Core, now: Timestamp) -> Result<Vec<String>, Unfit> {
        let people = People::count(core, now).await?;
        let mut said = vec![format!("Policy set: {}", hex(&self.set.hash()))];
        if self.is_from_nothing {
            said.push("Nothing is permitted now: it opens everything that it permits.".to_owned());
        } else if self.lines.is_empty() {
            said.push("It opens and closes nothing: the same rules in other words.".to_owned());
        }
        said.extend(self.lines.iter().map(|line| people.with_numbers(line)));
        said.push(format!(
            "To put it in force, the other operator types: candour policies confirm {}",
            hex(&self.digest)
        ));
        Ok(said)
    }
}

fn compared(old: &PolicySet, policies: &Policies) -> Result<(PolicySet, Vec<Line>), Unfit> {
    let new = set_of(policies)?;
    if new.hash() == old.hash() {
        return Err(Unfit::Same);
    }
    if let Some(words) = broken(&PolicySet::built_in()?, &new) {
        return Err(Unfit::Floor(words));
    }
    let lines = if old.is_nothing() {
        Vec::new()
    } else {
        difference(old, &new)
    };
    Ok((new, lines))
}

fn set_of(policies: &Policies) -> Result<PolicySet, PolicyError> {
    if policies.files.is_empty() {
        return PolicySet::built_in();
    }
    let files: Vec<(&str, &str)> = policies
        .files
        .iter()
        .map(|file| (file.name.as_str(), file.text.as_str()))
        .collect();
    PolicySet::of(&files)
}

/// What two operators put in force last; nothing before the first time.
fn in_force(held: &SubjectFacts) -> Option<&Policies> {
    held.live().rev().find_map(|row| match &row.fact {
        Fact::Policies(policies) => Some(policies),
        _ => None,
    })
}

fn proposal(held: &SubjectFacts, now: Timestamp) -> Option<&PoliciesProposed> {
    held.live().rev().find_map(|row| match &row.fact {
        Fact::PoliciesProposed(proposed) if is_before(proposed.until, now) => Some(proposed),
        _ => None,
    })
}

/// Which of the two operators this is: 1 or 2.
async fn one_operator(core: &Core, code: &str) -> Result<u32, Unfit> {
    let found = operators(core, &[code.to_owned()]).await?;
    let place = found.first().copied().unwrap_or_default();
    Ok(u32::try_from(place).unwrap_or_default() + 1)
}

fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}
