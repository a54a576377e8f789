//! Noting that two records are one person's, and ending it.

use super::{Records, link_of, load, opened};
use crate::acts::Doer;
use crate::ages;
use crate::calls::id;
use crate::calls::reach::PatientView;
use crate::changes::{Prepared, guard, sentence};
use crate::core::Core;
use crate::draft::{Draft, Effect};
use crate::erasure::reason;
use crate::facts::{End, Fact, FactBody, MergeEnded, Merged, SubjectFacts};
use crate::identity::recovery;
use crate::identity::secrets::{self, Secret};
use crate::keys::KeyedToken;
use crate::ledger::{MERGE_OF_TWO, Refusal, incident};
use crate::session::Session;
use candour_keeper_wire::wire::{self, ChangeKind};
use candour_keeper_wire::words::{EntryKind, MergeStep, Purpose, Reason};
use candour_seal::{PatientId, SystemRandom};
use jiff::Timestamp;
use prost::Message;

/// Longest words for whom it is about, in characters.
const LONGEST_NAME: usize = 200;

/// The two patients of a change that is about two.
pub(crate) fn theirs(kind: &ChangeKind) -> Option<[PatientId; 2]> {
    let ChangeKind::Merge(change) = kind else {
        return None;
    };
    let read = |patient: &[u8]| PatientId::try_from(patient).ok();
    Some([read(&change.patient)?, read(&change.replaced)?])
}

/// What an entry says became of two records being one person's.
pub(crate) fn step_of(details: &[u8]) -> Option<MergeStep> {
    match FactBody::decode(details).ok()?.fact? {
        Fact::Merged(_) => Some(MergeStep::Made),
        Fact::MergeEnded(ended) if ended.are_two_people => Some(MergeStep::EndedAsTwo),
        Fact::MergeEnded(_) => Some(MergeStep::Ended),
        _ => None,
    }
}

/// Two people of a practice note that two records are one person's: a fact on each.
pub(crate) async fn merge(
    core: &Core,
    session: &Session,
    doer: &Doer,
    change: &wire::Merge,
    now: Timestamp,
) -> Result<Prepared, Refusal> {
    let kind = ChangeKind::Merge(change.clone());
    let [stays, replaced] = theirs(&kind).ok_or(Reason::Invalid)?;
    let why = reason(&change.reason)?;
    let named = |name: &str| (1..=LONGEST_NAME).contains(&name.trim().chars().count());
    if stays == replaced || !named(&change.who) || !named(&change.replaced_who) {
        return Err(Reason::Invalid.into());
    }
    let (one, other) = (
        load(core, core.keys.patient(stays)).await?,
        load(core, core.keys.patient(replaced)).await?,
    );
    fits(core, session, doer, change, [&one, &other])?;
    // In a demonstration nobody waits, as of whom staff invite.
    let opens_from = if core.config.is_demonstration {
        0
    } else {
        recovery::opens_from(now)?
    };
    let link = |of: &SubjectFacts, other: &SubjectFacts, stays| {
        Fact::Merged(Merged {
            other: other.subject().0.to_vec(),
            stays,
            practice: change.practice.clone(),
            opens_from,
            from: core.ledger.size(),
            sealed_reason: sealed(core, of.subject(), why),
        })
    };
    let facts = [
        link(&one.facts, &other.facts, true),
        link(&other.facts, &one.facts, false),
    ];
    Ok(on_both(
        core,
        session,
        &kind,
        [&one.facts, &other.facts],
        facts,
    ))
}

/// Whether the two can be one person, as far as the keeper can know. What it cannot, the two people who sign have seen.
fn fits(
    core: &Core,
    session: &Session,
    doer: &Doer,
    change: &wire::Merge,
    [one, other]: [&Records; 2],
) -> Result<(), Reason> {
    let [a, b] = [&*one.facts, &*other.facts];
    if link_of(a).is_some() || link_of(b).is_some() {
        return Err(Reason::AlreadyMerged);
    }
    // From whom a patient keeps anything decides nothing about who reads it.
    let both = [doer.subject, session.subject];
    if [one, other]
        .iter()
        .any(|of| of.are_kept_from(&both, &change.practice))
    {
        return Err(Reason::NotAllowed);
    }
    let has_died = |facts| PatientView::of(facts, None).is_deceased;
    let holders = [a.account_holder(), b.account_holder()];
    // Who keeps something from the other's patient is not that patient.
    let keeps = |of: &Records, holder: Option<KeyedToken>| {
        holder.is_some_and(|holder| of.are_kept_from(&[holder], &[]))
    };
    if !ages::were_born_together(&core.keys, a, b)
        || has_died(a) != has_died(b)
        || keeps(one, holders[1])
        || keeps(other, holders[0])
    {
        return Err(Reason::RecordsDiffer);
    }
    if holders.iter().all(Option::is_some) {
        return Err(Reason::TwoAccounts);
    }
    Ok(())
}

/// Ends it: for the patient, and for the practice that noted it.
pub(crate) async fn end(
    core: &Core,
    session: &Session,
    change: &wire::EndMerge,
) -> Result<Prepared, Refusal> {
    let token = core
        .keys
        .patient(PatientId::from_bytes(id(&change.patient)?));
    let by_patient = session.practice.is_none();
    let why = match change.reason.trim() {
        "" if by_patient => "",
        _ => reason(&change.reason)?,
    };
    let facts = core.facts.load(token).await?;
    let (row, link) = link_of(&facts).ok_or(Reason::NotFound)?;
    if session
        .practice
        .is_some_and(|own| link.practice != own.as_bytes())
    {
        return Err(Reason::NotFound.into());
    }
    let other = KeyedToken::try_from(link.other.as_slice()).map_err(|_| Reason::SubjectClosed)?;
    let other = core.facts.load(other).await?;
    let (back_row, back) = link_of(&other).ok_or(Reason::SubjectClosed)?;
    let opened = opened::between(core, [token, other.subject()], link.from..u64::MAX).await?;
    let ended = |of: &SubjectFacts, link: &Merged| {
        Fact::MergeEnded(MergeEnded {
            merged: Some(link.clone()),
            since: row.at.as_microsecond(),
            are_two_people: change.are_two_people,
            by_patient,
            items: opened.count(),
            people: u32::try_from(opened.people.len()).unwrap_or(u32::MAX),
            histories: opened.histories,
            sealed_reason: sealed(core, of.subject(), why),
        })
    };
    let kind = ChangeKind::EndMerge(change.clone());
    let said = [ended(&facts, link), ended(&other, back)];
    let mut prepared = on_both(core, session, &kind, [&facts, &other], said);
    let end = |of: &SubjectFacts, version| Effect::fact(of.subject(), Fact::End(End { version }));
    let ends = [end(&facts, row.version), end(&other, back_row.version)];
    prepared.effects.splice(0..0, ends);
    if change.are_two_people && !opened.is_nothing() {
        let text = format!(
            "two records were one person's and are two people's: meanwhile {} items of either were opened by way of the other, by {} people",
            opened.count(),
            opened.people.len()
        );
        let mut alarm = incident(MERGE_OF_TWO, "merge_of_two", text);
        alarm.row.practice = candour_seal::PracticeId::try_from(link.practice.as_slice()).ok();
        prepared.further.push(alarm);
    }
    Ok(prepared)
}

fn sealed(core: &Core, subject: KeyedToken, text: &str) -> Vec<u8> {
    secrets::seal(
        &core.keys,
        Secret::Reason,
        subject,
        text.as_bytes(),
        &mut SystemRandom,
    )
}

/// A fact on each, and an entry about each: it stands in both histories.
fn on_both(
    core: &Core,
    session: &Session,
    kind: &ChangeKind,
    [one, other]: [&SubjectFacts; 2],
    [fact, mirror]: [Fact; 2],
) -> Prepared {
    let mut second = Draft::of_session(EntryKind::Change, session, Some(Purpose::AccountCare));
    second.body.text = sentence(kind);
    second.body.details = FactBody {
        fact: Some(mirror.clone()),
    }
    .encode_to_vec();
    let mut prepared = Prepared::fact(one.subject(), fact);
    prepared.effects.push(Effect::fact(other.subject(), mirror));
    prepared.guards = vec![guard(one), guard(other)];
    prepared.patient = Some(core.keys.patient_id(one.subject()));
    let about = (core.keys.patient_id(other.subject()), other.subject());
    prepared.further = vec![second.about(about.0, about.1)];
    prepared
}
