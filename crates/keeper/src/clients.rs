//! A practice's programs: which there are, what two of its people let them read, and that they end.

use crate::calls::{Caller, history, reach};
use crate::changes::{Prepared, guard};
use crate::core::Core;
use crate::decision::{Action, ChangeAction, Relation};
use crate::draft::Effect;
use crate::erasure;
use crate::facts::{Client, ClientRight, End, Fact, FactRow, SubjectFacts, is_before, is_scope};
use crate::identity::secrets::{self, Secret};
use crate::instances::Instance;
use crate::ledger::Refusal;
use crate::reader;
use crate::sql::calls as sql;
use candour_keeper_wire::wire::{self, ClientView};
use candour_keeper_wire::words::{Purpose, Reason, Section};
use candour_seal::{ClientId, PracticeId, SystemRandom};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

/// How long a program may read before two people let it again.
const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);

/// Whether a program's own facts let it read a section now.
pub(crate) fn reads(own: &SubjectFacts, section: Section, now: Timestamp) -> bool {
    right(own, now).is_some_and(|right| right.covers(section))
}

fn right(facts: &SubjectFacts, now: Timestamp) -> Option<&ClientRight> {
    facts.live().find_map(|row| match &row.fact {
        Fact::ClientRight(right) if is_before(right.until, now) => Some(right),
        _ => None,
    })
}

/// The programs of the session's own practice; looking is itself an entry.
pub async fn list(
    core: &Core,
    instance: &Instance,
    call: &wire::WithToken,
) -> Result<wire::Clients, Refusal> {
    let purpose = i32::from(Purpose::AccountCare);
    let caller = Caller::of(core, instance, &call.token, purpose, &call.network).await?;
    caller.refuse_new()?;
    let (session, now) = (&caller.session, caller.now);
    let practice = session.practice.ok_or(Reason::NotAllowed)?;
    let action = Action::Change(ChangeAction::AddClient);
    let relation = Relation::OwnPractice;
    let question = reach::decision_facts(session, caller.purpose, action, relation, now);
    history::ask(core, &caller, &question, None, None).await?;
    let subjects = reader::rows(&core.pool, sql::CLIENTS, &[]).await?;
    let subjects: Result<Vec<_>, _> = subjects
        .iter()
        .map(|row| row.get::<_, &[u8]>(0).try_into())
        .collect();
    let subjects = subjects.map_err(|_| Reason::SubjectClosed)?;
    let mut clients = Vec::new();
    // One whose facts do not verify acts for nobody.
    for facts in core
        .facts
        .load_all(&subjects)
        .await?
        .into_values()
        .flatten()
    {
        clients.extend(view(core, &facts, practice, now));
    }
    clients
        .sort_unstable_by(|one, other| (one.since, &one.client).cmp(&(other.since, &other.client)));
    Ok(wire::Clients { clients })
}

fn view(
    core: &Core,
    facts: &SubjectFacts,
    practice: PracticeId,
    now: Timestamp,
) -> Option<ClientView> {
    let (row, client) = held(facts, practice)?;
    let right = right(facts, now);
    Some(ClientView {
        client: core.keys.client_id(facts.subject()).as_bytes().to_vec(),
        name: client.name.clone(),
        since: row.at.as_microsecond(),
        sections: right.map_or_else(Vec::new, |right| right.sections.clone()),
        until: right.map_or(0, |right| right.until),
        reason: right.map_or_else(String::new, |right| {
            let sealed = &right.sealed_reason;
            secrets::open_text(&core.keys, Secret::Reason, facts.subject(), sealed)
        }),
        version: facts.version(),
    })
}

/// The client that the facts are about, where it is this practice's and did not end.
fn held(facts: &SubjectFacts, practice: PracticeId) -> Option<(&FactRow, &Client)> {
    facts.live().find_map(|row| match &row.fact {
        Fact::Client(client) if client.practice == practice.as_bytes() => Some((row, client)),
        _ => None,
    })
}

/// The facts of a practice's own client, which is there as it was shown.
async fn shown(
    core: &Core,
    practice: &[u8],
    client: &[u8],
    (name, since): (&str, i64),
) -> Result<Arc<SubjectFacts>, Refusal> {
    let practice = PracticeId::try_from(practice).map_err(|_| Reason::Invalid)?;
    let client = ClientId::try_from(client).map_err(|_| Reason::Invalid)?;
    let facts = core.facts.load(core.keys.client(client)).await?;
    let (row, held) = held(&facts, practice).ok_or(Reason::NotAsShown)?;
    if held.name != name || row.at.as_microsecond() != since {
        return Err(Reason::NotAsShown.into());
    }
    Ok(facts)
}

/// Ends these facts, in one change with what else is written.
fn ends(facts: &SubjectFacts, is_meant: impl Fn(&Fact) -> bool) -> Vec<Fact> {
    let meant = facts.live().filter(|row| is_meant(&row.fact));
    let ended = meant.map(|row| {
        Fact::End(End {
            version: row.version,
        })
    });
    ended.collect()
}

const fn is_right(fact: &Fact) -> bool {
    matches!(fact, Fact::ClientRight(_))
}

/// Lets a program read; what it was let before ends with it.
pub(crate) async fn let_read(
    core: &Core,
    change: &wire::LetClientRead,
    now: Timestamp,
) -> Result<Prepared, Refusal> {
    let as_shown = (change.name.as_str(), change.since);
    let facts = shown(core, &change.practice, &change.client, as_shown).await?;
    if facts.version() != change.version {
        // Its reading was ended since, or another one was let.
        return Err(Reason::NotAsShown.into());
    }
    let until = Timestamp::from_microsecond(change.until).map_err(|_| Reason::Invalid)?;
    let latest = now.saturating_add(LONGEST).map_err(|_| Reason::Invalid)?;
    let mut sections = change.sections.clone();
    sections.sort_unstable();
    sections.dedup();
    let is_chosen = !sections.is_empty() && sections.len() == change.sections.len();
    let is_known = is_scope(&sections, &[]) && !sections.contains(&Section::None.into());
    if !is_chosen || !is_known || until <= now || until > latest {
        return Err(Reason::Invalid.into());
    }
    let reason = erasure::reason(&change.reason)?;
    let subject = facts.subject();
    let reason = reason.as_bytes();
    let right = Fact::ClientRight(ClientRight {
        sections,
        until: change.until,
        client: change.client.clone(),
        sealed_reason: secrets::seal(
            &core.keys,
            Secret::Reason,
            subject,
            reason,
            &mut SystemRandom,
        ),
    });
    let ended = ends(&facts, is_right).into_iter();
    Ok(Prepared {
        effects: ended
            .chain([right.clone()])
            .map(|fact| Effect::fact(subject, fact))
            .collect(),
        guards: vec![guard(&facts)],
        details: Some(right),
        ..Prepared::default()
    })
}

/// Ends what a program may read, or that it is one: then its sessions and its secret are void at once.
pub(crate) async fn end(core: &Core, change: &wire::EndClient) -> Result<Prepared, Refusal> {
    let as_shown = (change.name.as_str(), change.since);
    let facts = shown(core, &change.practice, &change.client, as_shown).await?;
    let is_meant =
        |fact: &Fact| is_right(fact) || (!change.only_reading && matches!(fact, Fact::Client(_)));
    let ended = ends(&facts, is_meant);
    Ok(Prepared {
        // The oldest is the client's own, where that ends.
        details: Some(ended.first().ok_or(Reason::NotAsShown)?.clone()),
        effects: ended
            .into_iter()
            .map(|fact| Effect::fact(facts.subject(), fact))
            .collect(),
        guards: vec![guard(&facts)],
        ..Prepared::default()
    })
}
