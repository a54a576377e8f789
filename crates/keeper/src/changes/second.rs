//! Second persons: who may be one, what waits for one, and how much may.

use super::pending::{self, HeldPending};
use super::sentence;
use crate::calls::history::staff_name;
use crate::core::Core;
use crate::draft::Effect;
use crate::facts::{End, Fact, FactRow, SubjectFacts, Waits, is_before};
use crate::identity::standing as sessions;
use crate::keys::{IdKind, KeyedToken, OwnSubject};
use crate::ledger::Refusal;
use crate::merges;
use crate::session::Session;
use candour_keeper_wire::wire::{self, ChangeKind};
use candour_keeper_wire::words::Reason;
use candour_seal::{InstanceId, PracticeId};
use jiff::{SignedDuration, Timestamp};

/// How long somebody has worked there before they are a second person for what cannot be undone, or lets somebody in: an
/// account that the first person made for it is none.
const ACQUAINTED: SignedDuration = SignedDuration::from_hours(24);
/// Most changes of a practice that wait at once.
const MOST: usize = 50;
/// Longest sentence in characters.
const LONGEST_SENTENCE: usize = 1_000;

/// What waits for a second person at the session's practice, as far as they began it or may approve it.
pub async fn waiting_at_practice(
    core: &Core,
    instance: InstanceId,
    call: &wire::WithToken,
) -> Result<wire::WaitingChanges, Refusal> {
    let now = core.clock.now();
    let (session, _) = sessions::session(core, &call.token, instance, "", now).await?;
    let practice = session.practice.ok_or(Reason::NotAllowed)?;
    let board = core.keys.practice(practice);
    let changes = waiting_on(core, &session, board, practice.as_bytes(), now).await?;
    Ok(wire::WaitingChanges { changes })
}

/// What these facts name of what waits, as far as this session's person began it or may approve it; `practice` is empty
/// where the operator's officers are asked.
pub(crate) async fn waiting_on(
    core: &Core,
    session: &Session,
    board: KeyedToken,
    practice: &[u8],
    now: Timestamp,
) -> Result<Vec<wire::WaitingChange>, Refusal> {
    let facts = core.facts.load(board).await?;
    let mut changes = Vec::new();
    for waits in unexpired(&facts, now) {
        let subject = KeyedToken::try_from(waits.pending.as_slice());
        let subject = subject.map_err(|_| Reason::SubjectClosed)?;
        let held = match pending::load_held(core, subject, now).await {
            Ok(held) => held,
            // Used, or no longer to be approved.
            Err(refusal) if refusal.reason == Reason::NotFound => continue,
            Err(refusal) => return Err(refusal),
        };
        let is_own = held.author.subject == session.subject;
        if !is_own
            && pending::may_approve(core, session, &held, now)
                .await
                .is_err()
        {
            continue;
        }
        let patient = super::plan::patient_of(&held.kind);
        changes.push(wire::WaitingChange {
            id: core.keys.id(IdKind::Pending, subject).to_vec(),
            text: sentence(&held.kind),
            author_name: staff_name(core, practice, held.author.subject, false).await?,
            until: waits.until,
            is_own,
            patient: patient.map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
            other_patient: merges::theirs(&held.kind)
                .map(|[_, other]| other.as_bytes().to_vec())
                .unwrap_or_default(),
            item: match held.kind {
                ChangeKind::Erase(erase) => erase.item,
                _ => Vec::new(),
            },
        });
    }
    Ok(changes)
}

/// Whose facts name a change that waits: a practice's, or those of what is frozen. Nobody else's changes are listed.
pub(super) fn board(
    core: &Core,
    kind: &ChangeKind,
    practice: Option<PracticeId>,
) -> Option<KeyedToken> {
    match kind {
        ChangeKind::Unfreeze(_) => Some(core.keys.own(OwnSubject::Freezes)),
        _ => practice.map(|practice| core.keys.practice(practice)),
    }
}

fn unexpired(practice: &SubjectFacts, now: Timestamp) -> impl Iterator<Item = &Waits> {
    practice.live().filter_map(move |row| match &row.fact {
        Fact::Waits(waits) if is_before(waits.until, now) => Some(waits),
        _ => None,
    })
}

/// Whether one more change of this session's practice may wait.
pub(super) async fn has_room(
    core: &Core,
    session: &Session,
    kind: &ChangeKind,
    now: Timestamp,
) -> Result<(), Refusal> {
    if sentence(kind).chars().count() > LONGEST_SENTENCE {
        return Err(Reason::Invalid.into());
    }
    let Some(board) = board(core, kind, session.practice) else {
        return Ok(());
    };
    let facts = core.facts.load(board).await?;
    if unexpired(&facts, now).count() >= MOST {
        return Err(Reason::TooMany.into());
    }
    Ok(())
}

/// Whether whoever began it still works, and whoever agrees has worked there long enough.
pub(super) async fn stands(
    core: &Core,
    session: &Session,
    held: &HeldPending,
    now: Timestamp,
) -> Result<(), Refusal> {
    let author = core.facts.load(held.author.subject).await?;
    if !works(&author, practice_of(&held.kind), now) {
        return Err(Reason::NotAllowed.into());
    }
    let is_grave = matches!(
        held.kind,
        ChangeKind::Erase(_)
            | ChangeKind::Recover(_)
            | ChangeKind::ProtectAddress(_)
            | ChangeKind::Merge(_)
            | ChangeKind::AddClient(_)
            | ChangeKind::LetClientRead(_)
    );
    if is_grave && !core.config.is_demonstration {
        let second = core.facts.load(session.subject).await?;
        let practice = session.practice.ok_or(Reason::NotAllowed)?;
        if !is_acquainted(&second, practice, held.begun_at()) {
            return Err(Reason::NotAllowed.into());
        }
    }
    Ok(())
}

/// Whether somebody works at a practice, or where it is none's, for the operator. Elsewhere does not count.
pub(crate) fn works(person: &SubjectFacts, practice: Option<PracticeId>, now: Timestamp) -> bool {
    person.live().any(|row| match (&row.fact, practice) {
        (Fact::StaffRole(role), Some(practice)) => {
            role.practice == practice.as_bytes() && is_before(role.until, now)
        }
        (Fact::OperatorRole(role), None) => is_before(role.until, now),
        _ => false,
    })
}

/// Whether somebody worked at a practice a day before something was begun, and never stopped since.
fn is_acquainted(person: &SubjectFacts, practice: PracticeId, begun_at: Timestamp) -> bool {
    let since = |row: &FactRow| begun_at.duration_since(row.at) >= ACQUAINTED;
    person.live().any(|row| match &row.fact {
        Fact::StaffRole(role) => role.practice == practice.as_bytes() && since(row),
        _ => false,
    })
}

/// Ends what its people, or the officers, found it by.
pub(super) async fn waits_no_more(
    core: &Core,
    held: &HeldPending,
) -> Result<Option<Effect>, Refusal> {
    let Some(board) = board(core, &held.kind, practice_of(&held.kind)) else {
        return Ok(None);
    };
    let facts = core.facts.load(board).await?;
    let found = facts.live().find(|row| match &row.fact {
        Fact::Waits(waits) => waits.pending == held.subject.0,
        _ => false,
    });
    Ok(found.map(|row| {
        let end = Fact::End(End {
            version: row.version,
        });
        Effect::fact(facts.subject(), end)
    }))
}

/// The practice at which a change waits for a second person.
fn practice_of(kind: &ChangeKind) -> Option<PracticeId> {
    let practice = match kind {
        ChangeKind::Erase(change) => &change.practice,
        ChangeKind::Hold(change) => &change.practice,
        ChangeKind::Recover(change) => &change.practice,
        ChangeKind::Merge(change) => &change.practice,
        ChangeKind::AddClient(change) => &change.practice,
        ChangeKind::LetClientRead(change) => &change.practice,
        ChangeKind::Invite(change) => &change.practice,
        ChangeKind::GrantRole(change) => &change.practice,
        ChangeKind::ProtectAddress(change) => &change.practice,
        _ => return None,
    };
    PracticeId::try_from(practice.as_slice()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::StaffRole;

    fn worked(since: &str, at: PracticeId) -> SubjectFacts {
        let fact = Fact::StaffRole(StaffRole {
            practice: at.as_bytes().to_vec(),
            ..StaffRole::default()
        });
        let row = FactRow {
            version: 1,
            at: since.parse().unwrap(),
            fact,
        };
        SubjectFacts::new(KeyedToken([3; 16]), vec![row])
    }

    #[test]
    fn whoever_works_elsewhere_no_longer_stands_for_what_they_began_here() {
        let now: Timestamp = "2026-03-03T09:00:00Z".parse().unwrap();
        let (here, elsewhere) = (
            PracticeId::from_bytes([1; 16]),
            PracticeId::from_bytes([2; 16]),
        );
        let person = worked("2025-03-02T09:00:00Z", here);
        assert!(works(&person, Some(here), now));
        assert!(!works(&person, Some(elsewhere), now));
        assert!(!works(&person, None, now));
    }

    #[test]
    fn who_was_made_for_it_is_no_second_person() {
        let begun: Timestamp = "2026-03-03T09:00:00Z".parse().unwrap();
        let practice = PracticeId::from_bytes([1; 16]);
        let yesterday = worked("2026-03-02T09:00:00Z", practice);
        assert!(is_acquainted(&yesterday, practice, begun));
        let this_morning = worked("2026-03-02T09:00:01Z", practice);
        assert!(!is_acquainted(&this_morning, practice, begun));
        let elsewhere = worked("2025-03-02T09:00:00Z", PracticeId::from_bytes([2; 16]));
        assert!(!is_acquainted(&elsewhere, practice, begun));
        let after = worked("2026-03-04T09:00:00Z", practice);
        assert!(!is_acquainted(&after, practice, begun));
    }
}
