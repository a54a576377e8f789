//! Making and ending a patient's rules.

use super::part;
use crate::ages;
use crate::calls::history::{Actor, actor};
use crate::changes::{Prepared, guard};
use crate::core::Core;
use crate::draft::Effect;
use crate::facts::{End, Fact, FactRow, RecordPart, Restriction, Share, SubjectFacts, is_before};
use crate::identity::accounts::Account;
use crate::identity::secrets::{self, Secret};
use crate::keys::KeyedToken;
use crate::ledger::Refusal;
use candour_keeper_wire::wire::{self, ChangeKind};
use candour_keeper_wire::words::{ItemKind, Reason, Role, Section};
use candour_seal::{ItemId, PatientId, PersonId, PracticeId, SystemRandom};
use jiff::Timestamp;

/// Most rules of one patient that stand at once.
const MOST: usize = 200;

/// The rule as it is signed: who an entry's person is, and the words. Of somebody else's record nothing is looked up;
/// the policies refuse it.
pub(crate) async fn settled(
    core: &Core,
    account: &Account,
    kind: ChangeKind,
    now: Timestamp,
) -> Result<ChangeKind, Refusal> {
    let own = account.own_patient(core);
    let is_own = |patient: &[u8]| own.is_some_and(|own| own.as_bytes().as_slice() == patient);
    Ok(match kind {
        ChangeKind::Restrict(rule)
            if is_own(&rule.patient) || is_charge(core, account, &rule.patient, now).await? =>
        {
            ChangeKind::Restrict(worded(core, account, rule, false, now).await?)
        }
        ChangeKind::Share(rule) if is_own(&rule.patient) => {
            ChangeKind::Share(worded(core, account, rule, true, now).await?)
        }
        ChangeKind::EndRestriction(ended)
            if is_own(&ended.patient) || is_charge(core, account, &ended.patient, now).await? =>
        {
            ChangeKind::EndRestriction(named(core, account.subject, ended).await?)
        }
        ChangeKind::EndShare(ended) if is_own(&ended.patient) => {
            ChangeKind::EndShare(named(core, account.subject, ended).await?)
        }
        other => other,
    })
}

/// Whether the account's holder acts for all of a patient's record.
async fn is_charge(
    core: &Core,
    account: &Account,
    patient: &[u8],
    now: Timestamp,
) -> Result<bool, Refusal> {
    let patient = PatientId::try_from(patient).map_err(|_| Reason::Invalid)?;
    let about = core.facts.load(core.keys.patient(patient)).await?;
    Ok(ages::of_charge(core, &account.facts, &about, now).is_some())
}

/// Who made a rule, as it stands in it: nobody where the patient did.
fn maker(facts: &SubjectFacts, doer: KeyedToken) -> Vec<u8> {
    if facts.account_holder() == Some(doer) {
        Vec::new()
    } else {
        doer.0.to_vec()
    }
}

/// Whether somebody may see and end a rule: the patient each, whoever acts their own.
pub(super) fn is_theirs(facts: &SubjectFacts, fact: &Fact, doer: KeyedToken) -> bool {
    let maker = maker(facts, doer);
    maker.is_empty()
        || match fact {
            Fact::Restriction(held) => held.by == maker,
            _ => false,
        }
}

async fn worded(
    core: &Core,
    account: &Account,
    mut rule: wire::SharingRule,
    is_share: bool,
    now: Timestamp,
) -> Result<wire::SharingRule, Refusal> {
    let (patient, facts) = of_patient(core, &rule.patient).await?;
    let is_by_guardian = !maker(&facts, account.subject).is_empty();
    // Who acts for a child keeps nothing from somebody else who does.
    if is_by_guardian && rule.of_entry == 0 && rule.practice.is_empty() {
        return Err(Reason::NotFound.into());
    }
    let who = if rule.of_entry > 0 {
        let found = actor(core, patient, facts.subject(), rule.of_entry - 1).await?;
        let found = found.filter(|found| !is_by_guardian || found.practice.is_some());
        let found = found.ok_or(Reason::NotFound)?;
        rule.person = found.person.as_bytes().to_vec();
        entry_words(core, &found, rule.of_entry - 1).await?
    } else if rule.practice.is_empty() {
        "a person who acts for me".to_owned()
    } else {
        practice_name(core, &rule.practice).await?
    };
    if rule.person == account.person.as_bytes() {
        return Err(Reason::Invalid.into());
    }
    let what = checked(core, &facts, &rule, is_share, now).await?;
    let mut words = format!("{who}: {}", part_words(core, &what).await?);
    if is_share {
        words.push_str(if rule.with_sensitive {
            ", also what is marked sensitive"
        } else {
            ", but nothing that is marked sensitive"
        });
        if rule.until > 0 {
            words.push_str(&lasting(rule.until - now.as_microsecond()));
        }
    }
    rule.words = words;
    Ok(rule)
}

/// So many microseconds as days; a part of one counts.
fn lasting(micros: i64) -> String {
    const DAY: i64 = 24 * 3600 * 1_000_000;
    match micros.max(1).saturating_add(DAY - 1) / DAY {
        1 => ", for one day".to_owned(),
        days => format!(", for {days} days"),
    }
}

async fn named(
    core: &Core,
    by: KeyedToken,
    ended: wire::EndSharingRule,
) -> Result<wire::EndSharingRule, Refusal> {
    let (_, facts) = of_patient(core, &ended.patient).await?;
    let words = facts
        .live()
        .find(|row| row.version == ended.rule && is_theirs(&facts, &row.fact, by))
        .and_then(|row| sealed_words(&row.fact))
        .ok_or(Reason::NotFound)?;
    Ok(wire::EndSharingRule {
        words: secrets::open_text(&core.keys, Secret::Reason, facts.subject(), words),
        ..ended
    })
}

pub(super) fn sealed_words(fact: &Fact) -> Option<&[u8]> {
    match fact {
        Fact::Restriction(held) => Some(&held.sealed_words),
        Fact::Share(held) => Some(&held.sealed_words),
        _ => None,
    }
}

async fn of_patient(
    core: &Core,
    patient: &[u8],
) -> Result<(PatientId, std::sync::Arc<SubjectFacts>), Refusal> {
    let patient = PatientId::try_from(patient).map_err(|_| Reason::Invalid)?;
    Ok((patient, core.facts.load(core.keys.patient(patient)).await?))
}

async fn practice_name(core: &Core, practice: &[u8]) -> Result<String, Refusal> {
    let practice = PracticeId::try_from(practice).map_err(|_| Reason::Invalid)?;
    let facts = core.facts.load(core.keys.practice(practice)).await?;
    let name = facts.live().find_map(|row| match &row.fact {
        Fact::Practice(held) => Some(held.name.clone()),
        _ => None,
    });
    name.ok_or_else(|| Reason::NotFound.into())
}

async fn entry_words(core: &Core, found: &Actor, index: u64) -> Result<String, Refusal> {
    let of = match found.practice {
        Some(practice) => format!(" of {}", practice_name(core, practice.as_bytes()).await?),
        None => String::new(),
    };
    let role = match found.role {
        Role::Patient | Role::Proxy => "person acting for me",
        staff => staff.word(),
    };
    Ok(format!(
        "the {role}{of} in entry {index} of my access history"
    ))
}

async fn part_words(core: &Core, what: &RecordPart) -> Result<String, Refusal> {
    let (section, item) = part(Some(what));
    if !item.is_empty() {
        let token = KeyedToken::try_from(item).map_err(|_| Reason::Invalid)?;
        let row = core.items.load(token).await?.ok_or(Reason::NotFound)?;
        if row.new.kind == ItemKind::Segment {
            let by = practice_name(core, row.new.practice.as_bytes()).await?;
            let at = row.new.at.strftime("%-d %B %Y, %H:%M UTC");
            return Ok(format!("the {} that {by} put in on {at}", section.word()));
        }
        return Ok(match row.new.month {
            0 => "one document".to_owned(),
            month => format!("one document of {}-{:02}", month / 12, month % 12 + 1),
        });
    }
    Ok(match section {
        Section::None => "everything",
        Section::Shelf => "all documents",
        other => other.word(),
    }
    .to_owned())
}

/// What the rule is about, once it is sure that it can be.
async fn checked(
    core: &Core,
    facts: &SubjectFacts,
    rule: &wire::SharingRule,
    is_share: bool,
    now: Timestamp,
) -> Result<RecordPart, Refusal> {
    let section = match rule.section {
        0 => Section::None,
        number => Section::try_from(number).map_err(|_| Reason::Invalid)?,
    };
    let is_reading = !matches!(
        section,
        Section::Identity | Section::Contact | Section::Notices
    );
    let is_one_thing = rule.item.is_empty() || section == Section::None;
    let is_whom = rule.practice.is_empty() != rule.person.is_empty();
    let ends = if is_share {
        rule.person.is_empty() && is_before(rule.until, now)
    } else {
        rule.until == 0 && !rule.with_sensitive
    };
    if !(is_reading && is_one_thing && is_whom && ends) {
        return Err(Reason::Invalid.into());
    }
    let is_known = if rule.person.is_empty() {
        facts.live().any(|row| match &row.fact {
            Fact::Enrolment(held) => held.practice == rule.practice,
            _ => false,
        })
    } else {
        let token = person_of(core, &rule.person)?;
        let acts = facts.live().any(|row| match &row.fact {
            Fact::ProxiedBy(by) => by.person == token.0 && is_before(by.until, now),
            _ => false,
        });
        // Who acts for the patient and is to see nothing acts for them no more: that is an ending.
        if acts && section == Section::None && rule.item.is_empty() {
            return Err(Reason::Invalid.into());
        }
        // An entry's person is known by the entry.
        acts || rule.of_entry > 0
    };
    if !is_known {
        return Err(Reason::NotFound.into());
    }
    match rule.item.as_slice() {
        [] => Ok(RecordPart {
            section: rule.section,
            item: Vec::new(),
        }),
        item => one_thing(core, facts, item, is_share).await,
    }
}

/// One document, or one segment of a section. A segment is kept from somebody, and shared with its section only. A line of
/// the shelf goes with its document.
async fn one_thing(
    core: &Core,
    facts: &SubjectFacts,
    item: &[u8],
    is_share: bool,
) -> Result<RecordPart, Refusal> {
    let item = ItemId::try_from(item).map_err(|_| Reason::Invalid)?;
    let token = core.keys.item(item);
    let row = core.items.load(token).await?.ok_or(Reason::NotFound)?;
    let new = &row.new;
    let section = match (new.kind, new.section) {
        (ItemKind::Document, _) => Section::None,
        (ItemKind::Segment, section) if !is_share && section != Section::Shelf => section,
        _ => return Err(Reason::NotFound.into()),
    };
    let is_there = row.sealed.is_some() && row.erased.is_none() && new.patient == facts.subject();
    if !is_there {
        return Err(Reason::NotFound.into());
    }
    Ok(RecordPart {
        section: match section {
            Section::None => 0,
            section => section.into(),
        },
        item: token.0.to_vec(),
    })
}

fn person_of(core: &Core, person: &[u8]) -> Result<KeyedToken, Reason> {
    let person = PersonId::try_from(person).map_err(|_| Reason::Invalid)?;
    Ok(core.keys.person(person))
}

/// What a rule writes. One about the same part and the same people takes the place of the older one.
pub(crate) async fn start(
    core: &Core,
    rule: &wire::SharingRule,
    is_share: bool,
    doer: KeyedToken,
    now: Timestamp,
) -> Result<Prepared, Refusal> {
    let (patient, facts) = of_patient(core, &rule.patient).await?;
    let what = checked(core, &facts, rule, is_share, now).await?;
    // The pages know documents by their number, and segments by their section.
    let is_of_segment = what.section != 0 && !what.item.is_empty();
    let subject = facts.subject();
    let person = match rule.person.as_slice() {
        [] => Vec::new(),
        person => person_of(core, person)?.0.to_vec(),
    };
    let words = rule.words.as_bytes();
    let sealed_words = secrets::seal(
        &core.keys,
        Secret::Reason,
        subject,
        words,
        &mut SystemRandom,
    );
    let practice = rule.practice.clone();
    let fact = if is_share {
        Fact::Share(Share {
            practice,
            what: Some(what),
            with_sensitive: rule.with_sensitive,
            until: rule.until,
            sealed_words,
        })
    } else {
        Fact::Restriction(Restriction {
            practice,
            person,
            what: Some(what),
            sealed_words,
            by: maker(&facts, doer),
        })
    };
    let rules = || facts.live().filter(|row| is_rule(row, now));
    let older = rules().find(|row| is_same(&row.fact, &fact));
    if older.is_none() && rules().count() >= MOST {
        return Err(Reason::TooMany.into());
    }
    let mut prepared = Prepared::fact(subject, fact.clone());
    if let Some(older) = older {
        let version = older.version;
        let ended = Effect::fact(subject, Fact::End(End { version }));
        prepared.effects.insert(0, ended);
    }
    prepared.guards = vec![guard(&facts)];
    prepared.patient = Some(patient);
    if !is_of_segment {
        prepared.item = ItemId::try_from(rule.item.as_slice()).ok();
    }
    Ok(prepared)
}

/// A rule that stands: what ended by itself is none any more.
fn is_rule(row: &FactRow, now: Timestamp) -> bool {
    match &row.fact {
        Fact::Restriction(_) => true,
        Fact::Share(share) => is_before(share.until, now),
        _ => false,
    }
}

fn is_same(one: &Fact, other: &Fact) -> bool {
    match (one, other) {
        (Fact::Restriction(one), Fact::Restriction(other)) => {
            let is_of_same = one.person == other.person && one.by == other.by;
            is_of_same && one.practice == other.practice && one.what == other.what
        }
        (Fact::Share(one), Fact::Share(other)) => {
            one.practice == other.practice && one.what == other.what
        }
        _ => false,
    }
}

/// Ends a rule of the kind that was signed for: what keeps from somebody is not ended as if it shared.
pub(crate) async fn end(
    core: &Core,
    ended: &wire::EndSharingRule,
    is_share: bool,
    doer: KeyedToken,
) -> Result<Prepared, Refusal> {
    let (patient, facts) = of_patient(core, &ended.patient).await?;
    let is_meant = |row: &&FactRow| {
        row.version == ended.rule
            && is_theirs(&facts, &row.fact, doer)
            && match row.fact {
                Fact::Restriction(_) => !is_share,
                Fact::Share(_) => is_share,
                _ => false,
            }
    };
    let row = facts.live().find(is_meant).ok_or(Reason::NotFound)?;
    let version = row.version;
    let mut prepared = Prepared::fact(facts.subject(), Fact::End(End { version }));
    prepared.guards = vec![guard(&facts)];
    prepared.patient = Some(patient);
    Ok(prepared)
}
