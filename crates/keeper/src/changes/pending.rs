//! Changes that wait: for a second person, or, begun with a code, for a day.

use super::{Prepared, is_about_ways, kind_of, plan, second, standing, unchanged};
use crate::acts::{self, Doer};
use crate::core::Core;
use crate::draft::{Effect, Guard};
use crate::facts::{Approval, End, Fact, SubjectFacts, Used, Waits, is_before};
use crate::identity::accounts::Account;
use crate::identity::secrets::{self, Secret};
use crate::identity::sign_in::random_id;
use crate::identity::ways::after;
use crate::keys::{IdKind, KeyedToken};
use crate::ledger::Refusal;
use crate::notifications::{self, Owes};
use crate::session::Session;
use candour_keeper_wire::wire::{self, ChangeKind};
use candour_keeper_wire::words::{Notification, Reason};
use candour_seal::SystemRandom;
use jiff::{SignedDuration, Timestamp};
use prost::Message;
use std::sync::Arc;

/// How long a second person may take.
const LASTS: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long a second person may take where the patient stands at the counter meanwhile.
const AT_THE_COUNTER: SignedDuration = SignedDuration::from_hours(1);
/// How long an act begun with a code waits.
pub(crate) const WAITS: SignedDuration = SignedDuration::from_hours(24);

/// A change that waits.
pub struct HeldPending {
    pub(super) subject: KeyedToken,
    pub(super) facts: Arc<SubjectFacts>,
    /// What is to be done.
    pub kind: ChangeKind,
    /// Who began it.
    pub author: Doer,
    pub(super) not_before: i64,
    credential_json: String,
}

/// Puts a change aside; its id comes back in the reply.
pub(crate) async fn put_aside(
    core: &Core,
    session: &Session,
    kind: &ChangeKind,
    credential_json: &str,
    waits: bool,
    now: Timestamp,
) -> Result<Prepared, Refusal> {
    let author = Doer::of(session);
    if !waits {
        second::has_room(core, session, kind, now).await?;
    }
    let id = random_id();
    let subject = core.keys.token(IdKind::Pending, &id);
    let change = wire::Change {
        kind: Some(kind.clone()),
    };
    let seal = |plain: &[u8]| {
        secrets::seal(
            &core.keys,
            Secret::Change,
            subject,
            plain,
            &mut SystemRandom,
        )
    };
    let lasts = match kind {
        ChangeKind::Recover(_) => AT_THE_COUNTER,
        _ => LASTS,
    };
    let until = after(now, lasts)?;
    let not_before = if waits { after(now, WAITS)? } else { 0 };
    let fact = Fact::Pending(crate::facts::Pending {
        sealed_change: seal(&change.encode_to_vec()),
        author: author.subject.0.to_vec(),
        session: author.session,
        until,
        not_before,
        sealed_credential: seal(credential_json.as_bytes()),
    });
    let mut prepared = Prepared::fact(subject, fact);
    prepared.reply.pending = id.to_vec();
    prepared.reply.waits_until = not_before;
    if let Some(board) = second::board(core, kind, session.practice).filter(|_| !waits) {
        // What its people, or the officers, find it by.
        prepared.effects.push(Effect::fact(
            board,
            Fact::Waits(Waits {
                pending: subject.0.to_vec(),
                until,
            }),
        ));
    }
    if waits {
        // What the home page says, and every old channel is told of.
        prepared.owes = Some(Owes {
            what: Notification::ActWaits,
            to: author.subject,
        });
        prepared.effects.push(Effect::fact(
            author.subject,
            Fact::ActWaits(crate::facts::ActWaits {
                pending: subject.0.to_vec(),
                not_before,
            }),
        ));
    }
    Ok(prepared)
}

/// A change that waits and was not used.
pub async fn load(core: &Core, id: &[u8], now: Timestamp) -> Result<HeldPending, Refusal> {
    let id: [u8; 16] = id.try_into().map_err(|_| Reason::Invalid)?;
    load_held(core, core.keys.token(IdKind::Pending, &id), now).await
}

pub(super) async fn load_held(
    core: &Core,
    subject: KeyedToken,
    now: Timestamp,
) -> Result<HeldPending, Refusal> {
    let facts = core.facts.load(subject).await?;
    let is_used = facts.live().any(|row| matches!(row.fact, Fact::Used(_)));
    let fact = facts.live().find_map(|row| match &row.fact {
        Fact::Pending(fact) if is_before(fact.until, now) => Some(fact.clone()),
        _ => None,
    });
    let fact = fact.filter(|_| !is_used).ok_or(Reason::NotFound)?;
    let open = |sealed: &[u8]| {
        secrets::open(&core.keys, Secret::Change, subject, sealed).ok_or(Reason::SubjectClosed)
    };
    let change = wire::Change::decode(open(&fact.sealed_change)?.as_slice())
        .map_err(|_| Reason::SubjectClosed)?;
    let credential = open(&fact.sealed_credential)?;
    Ok(HeldPending {
        subject,
        facts,
        kind: kind_of(Some(&change))?,
        author: Doer {
            subject: KeyedToken::try_from(fact.author.as_slice())
                .map_err(|_| Reason::SubjectClosed)?,
            session: fact.session,
        },
        not_before: fact.not_before,
        credential_json: String::from_utf8(credential.to_vec()).unwrap_or_default(),
    })
}

/// Whether this session may be the second person: another one, elsewhere, who might have begun it or may approve it.
pub(crate) async fn may_approve(
    core: &Core,
    session: &Session,
    held: &HeldPending,
    now: Timestamp,
) -> Result<(), Refusal> {
    let is_another =
        held.author.subject != session.subject && held.author.session != session.surrogate;
    if !is_another || held.not_before != 0 {
        return Err(Reason::NotAllowed.into());
    }
    second::stands(core, session, held, now).await?;
    let own = plan(&held.kind, session.role)?;
    let stands = standing::relation(core, session, &held.kind, now).await?;
    if super::allows(core, session, own, stands, now) {
        return Ok(());
    }
    let approve = plan(&ChangeKind::Approve(Vec::new()), session.role)?;
    let relation = match standing::of_installation(session) {
        crate::decision::Relation::Stranger => stands.0,
        officer => officer,
    };
    if super::allows(core, session, approve, (relation, stands.1), now) {
        return Ok(());
    }
    Err(Reason::NotAllowed.into())
}

/// What waited, together with the mark that it is used.
pub(crate) async fn finish(
    core: &Core,
    session: &Session,
    held: &HeldPending,
    now: Timestamp,
) -> Result<Prepared, Refusal> {
    let mut prepared = match &held.kind {
        ChangeKind::AddPasskey(passkey) => {
            let name = &passkey.name;
            acts::added_passkey(core, session, &held.credential_json, name, now).await?
        }
        // It waited its day already, and there may be no older way to sign in by.
        kind if is_about_ways(kind) => super::ways::prepare(core, session, kind, 0, now).await?,
        kind => super::prepare(core, session, &held.author, kind, now).await?,
    };
    prepared.owes = notifications::by_change(core, &held.kind, held.author.subject);
    if held.not_before != 0 {
        let author = Account::of(core, session).await?;
        prepared.effects.extend(waits_no_more(&author, held));
        prepared.guards.push(unchanged(&author));
    }
    prepared.effects.push(Effect::fact(
        held.subject,
        Fact::Approval(Approval {
            by: session.subject.0.to_vec(),
            session: session.surrogate,
        }),
    ));
    prepared.effects.push(Effect::fact(
        held.subject,
        Fact::Used(Used {
            by: session.subject.0.to_vec(),
        }),
    ));
    prepared.guards.push(held.unchanged());
    prepared
        .effects
        .extend(second::waits_no_more(core, held).await?);
    Ok(prepared)
}

impl HeldPending {
    /// When it was begun.
    pub(super) fn begun_at(&self) -> Timestamp {
        self.facts
            .rows()
            .first()
            .map_or(Timestamp::MAX, |row| row.at)
    }

    /// Nobody used it meanwhile.
    pub(super) fn unchanged(&self) -> Guard {
        Guard::Facts {
            subject: self.subject,
            version: self.facts.version(),
        }
    }
}

/// Ends what its author's channels are told from.
pub(super) fn waits_no_more(author: &Account, held: &HeldPending) -> Vec<Effect> {
    let about_it = author.facts.live().filter(|row| match &row.fact {
        Fact::ActWaits(waits) => waits.pending == held.subject.0,
        _ => false,
    });
    let ended = about_it.map(|row| {
        let end = End {
            version: row.version,
        };
        Effect::fact(author.subject, Fact::End(end))
    });
    ended.collect()
}

/// The acts of somebody that wait, oldest first.
pub(crate) async fn waiting(
    core: &Core,
    author: &Account,
    now: Timestamp,
) -> Result<Vec<wire::WaitingAct>, Refusal> {
    let mut waiting = Vec::new();
    for row in author.facts.live() {
        let Fact::ActWaits(waits) = &row.fact else {
            continue;
        };
        let token =
            KeyedToken::try_from(waits.pending.as_slice()).map_err(|_| Reason::SubjectClosed)?;
        let id = core.keys.id(IdKind::Pending, token);
        match load(core, &id, now).await {
            Ok(held) => waiting.push(wire::WaitingAct {
                pending: id.to_vec(),
                text: super::sentence(&held.kind),
                not_before: held.not_before,
                is_due: held.not_before <= now.as_microsecond(),
            }),
            // It was never done, and is too old now.
            Err(refusal) if refusal.reason == Reason::NotFound => {}
            Err(refusal) => return Err(refusal),
        }
    }
    Ok(waiting)
}

/// Whether this still waits, or may still be done.
pub(crate) fn is_alive(waits: &crate::facts::ActWaits, now: Timestamp) -> bool {
    let left = LASTS.saturating_sub(WAITS);
    now.checked_sub(left)
        .is_ok_and(|then| then.as_microsecond() < waits.not_before)
}

/// Does one's own waiting act once its day is over.
pub(crate) async fn finish_own(
    core: &Core,
    session: &Session,
    id: &[u8],
    now: Timestamp,
) -> Result<wire::Changed, Refusal> {
    let held = load(core, id, now).await?;
    if held.author.subject != session.subject || held.not_before == 0 {
        return Err(Reason::StepUpNeeded.into());
    }
    if now.as_microsecond() < held.not_before {
        return Err(Refusal::until(Reason::TooMany, held.not_before, now));
    }
    let prepared = finish(core, session, &held, now).await?;
    super::write(core, session, prepared, super::sentence(&held.kind)).await
}
