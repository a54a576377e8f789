//! Recovery of an account at the counter of a practice: two of its people give out a code, the patient makes new ways to
//! sign in with it, and until three days are over without objection those open what that practice deposited, nothing else.
//!
//! Nothing runs at the end of the three days: whoever next signs in, or uses a session, finds that they are over, and the
//! older ways end before anything else is answered.

use crate::acts::Doer;
use crate::calls::Caller;
use crate::calls::reach::{self, PatientView};
use crate::changes::{Prepared, guard};
use crate::core::Core;
use crate::draft::{Draft, Effect};
use crate::facts::{
    End, Fact, FactBody, FactRow, Invitation, Recovery, RecoveryEnded, SubjectFacts, Used,
    is_before,
};
use crate::identity::accounts::roles;
use crate::identity::codes::InvitationCode;
use crate::identity::commit;
use crate::identity::sessions::end_signed_in_by;
use crate::identity::sign_in::{random, random_id};
use crate::identity::ways::{after, way_of};
use crate::keys::{IdKind, KeyedToken, LookupKind};
use crate::ledger::{LedgerError, RECOVERY_STOPPED, Refusal, incident};
use crate::merges;
use crate::notifications::Owes;
use crate::session::{Principal, Session, Way};
use candour_keeper_wire::wire::{self, ChangeKind};
use candour_keeper_wire::words::{
    EntryKind, Identified, Notification, Purpose, Reason, RecoveryStep, Role,
};
use candour_rules::budget::Charge;
use candour_rules::decision::{self as rules, Lane};
use candour_rules::detect::Observation;
use candour_rules::keys::Patient;
use candour_seal::{PatientId, PracticeId};
use jiff::{SignedDuration, Timestamp};
use prost::Message;
use std::sync::Arc;

/// How long the code may be used.
const CODE_LASTS: SignedDuration = SignedDuration::from_hours(24);
/// How long whoever has an older way may object.
const WAITS: SignedDuration = SignedDuration::from_hours(72);

impl Recovery {
    /// The three days are over without objection.
    fn is_due(&self, now: Timestamp) -> bool {
        self.opens_from != 0 && self.opens_from <= now.as_microsecond()
    }

    /// It can still be objected to.
    fn is_alive(&self, now: Timestamp) -> bool {
        match self.opens_from {
            0 => is_before(self.until, now),
            from => from > now.as_microsecond(),
        }
    }

    /// It made this way of signing in.
    fn made(&self, way: &Fact) -> bool {
        self.opens_from != 0
            && way.opens_from() == self.opens_from
            && way.recovered_at() == self.practice
    }
}

/// The recovery that was not ended yet, with the version of its fact.
pub(crate) fn held(facts: &SubjectFacts) -> Option<(i64, &Recovery)> {
    facts.live().rev().find_map(|row| match &row.fact {
        Fact::Recovery(recovery) => Some((row.version, recovery)),
        _ => None,
    })
}

/// The account is being recovered: whose it will be is not known yet. A code that nobody used in its day is none.
pub(crate) fn is_running(facts: &SubjectFacts, now: Timestamp) -> bool {
    held(facts).is_some_and(|(_, recovery)| recovery.is_alive(now))
}

/// A way that a recovery made which is not over.
pub(crate) fn is_recovering(way: &Fact, now: Timestamp) -> bool {
    !way.recovered_at().is_empty() && way.opens_from() > now.as_microsecond()
}

/// What a session's person is told of it.
pub(crate) fn view(
    session: &Session,
    facts: &SubjectFacts,
    now: Timestamp,
) -> Option<wire::RecoveryView> {
    let (_, recovery) = held(facts)?;
    recovery.is_alive(now).then(|| wire::RecoveryView {
        practice: recovery.practice.clone(),
        allowed_at: recovery.allowed_at,
        opens_from: recovery.opens_from,
        is_own: session.is_settled(now).is_err(),
    })
}

/// What became of a recovery, as an entry about it says, and at whose counter it was.
pub(crate) fn step_of(details: &[u8]) -> Option<(RecoveryStep, Vec<u8>)> {
    match FactBody::decode(details).ok()?.fact? {
        Fact::Recovery(recovery) if recovery.opens_from == 0 => {
            Some((RecoveryStep::Allowed, recovery.practice))
        }
        Fact::Recovery(recovery) => Some((RecoveryStep::Made, recovery.practice)),
        Fact::RecoveryEnded(ended) if ended.is_stopped => {
            Some((RecoveryStep::Stopped, ended.practice))
        }
        Fact::RecoveryEnded(ended) => Some((RecoveryStep::Over, ended.practice)),
        _ => None,
    }
}

/// The facts of a person as they stand now: where the three days are over, the ways that the recovery did not make end,
/// and the sessions with them.
pub(crate) async fn settled(
    core: &Core,
    facts: Arc<SubjectFacts>,
) -> Result<Arc<SubjectFacts>, Refusal> {
    let now = core.clock.now();
    let due = |facts: &SubjectFacts| match held(facts) {
        Some((version, recovery)) if recovery.is_due(now) => Some((version, recovery.clone())),
        _ => None,
    };
    let Some((version, recovery)) = due(&facts) else {
        return Ok(facts);
    };
    let subject = facts.subject();
    let (mut effects, gone) = ended(core, &facts, |row| {
        row.fact.is_way() && !recovery.made(&row.fact)
    });
    // Until now only the older ways could give one: each is whoever's who had those. Its holder gives theirs again.
    let live = facts.live();
    let addresses = live.filter(|row| matches!(row.fact, Fact::NotificationAddress(_)));
    effects.extend(addresses.map(|row| end(subject, row.version)));
    effects.push(end(subject, version));
    let over = Fact::RecoveryEnded(RecoveryEnded {
        practice: recovery.practice.clone(),
        code: recovery.code.clone(),
        is_stopped: false,
    });
    effects.push(Effect::fact(subject, over.clone()));
    let mut draft = Draft::of_keeper(EntryKind::Change);
    "nobody objected to a recovery: the older ways to sign in ended"
        .clone_into(&mut draft.body.text);
    draft.row.practice = PracticeId::try_from(recovery.practice.as_slice()).ok();
    draft.body.details = FactBody { fact: Some(over) }.encode_to_vec();
    draft.effects = effects;
    draft.guards = vec![guard(&facts)];
    let patient = patient_of(&recovery)?;
    let what = Notification::RecoveryOver;
    Owes { what, to: patient }.note(&mut draft.body);
    let draft = draft.about(core.keys.patient_id(patient), patient);
    // First the sessions: no call of theirs is answered by facts that say they are over.
    let whose = Principal::Person(core.keys.person_id(subject));
    end_signed_in_by(core, whose, &gone, 0).await?;
    match commit(core, draft).await {
        // Somebody else found it at the same moment.
        Ok(_) | Err(LedgerError::Conflict) => {}
        Err(error) => return Err(error.into()),
    }
    let facts = core.facts.load(subject).await?;
    match due(&facts) {
        Some(_) => Err(Reason::LedgerUnavailable.into()),
        None => Ok(facts),
    }
}

/// Two people of a practice give out a code for an account.
pub(crate) async fn allow(
    core: &Core,
    session: &Session,
    author: &Doer,
    change: &wire::Recover,
    now: Timestamp,
) -> Result<Prepared, Refusal> {
    let patient = PatientId::try_from(change.patient.as_slice()).map_err(|_| Reason::Invalid)?;
    let practice = PracticeId::try_from(change.practice.as_slice()).map_err(|_| Reason::Invalid)?;
    Identified::try_from(change.identified).map_err(|_| Reason::Invalid)?;
    let token = core.keys.patient(patient);
    let records = merges::load(core, token).await?;
    let about = &*records.facts;
    let person = about.account_holder().ok_or(Reason::NoAccount)?;
    // From whom the patient keeps anything lets nobody into their account, nor does a practice from which they keep all.
    let both = [author.subject, session.subject];
    if records.are_kept_from(&both, &change.practice) {
        return Err(Reason::NotAllowed.into());
    }
    let facts = settled(core, core.facts.load(person).await?).await?;
    // Nobody signs in for somebody who died; whoever works here or elsewhere is invited anew by their manager.
    if PatientView::of(about, None).is_deceased || !roles(&facts, now).is_empty() {
        return Err(Reason::NotAllowed.into());
    }
    let secret = InvitationCode::from_random(&random());
    let code = core.keys.token(IdKind::Invitation, &random_id());
    let until = after(now, CODE_LASTS)?;
    let mut prepared = Prepared::default();
    if let Some((version, earlier)) = held(&facts) {
        // One at a time: what was given out before is worth nothing any more.
        (prepared.effects, prepared.ended) = undone(core, &facts, version, earlier);
        prepared.ended_of = Some(Principal::Person(core.keys.person_id(person)));
    }
    let fact = Fact::Recovery(Recovery {
        practice: change.practice.clone(),
        patient: token.0.to_vec(),
        code: code.0.to_vec(),
        until,
        opens_from: 0,
        begun_by: author.subject.0.to_vec(),
        allowed_at: now.as_microsecond(),
    });
    let invitation = Fact::Invitation(Invitation {
        practice: change.practice.clone(),
        role: Role::Patient.into(),
        patient: token.0.to_vec(),
        until,
        invited_by: author.subject.0.to_vec(),
        recovers: person.0.to_vec(),
        ..Invitation::default()
    });
    prepared.details = Some(fact.clone());
    prepared.effects.extend([
        Effect::fact(person, fact),
        Effect::fact(code, invitation),
        Effect::InsertLookup {
            kind: LookupKind::Invitation,
            token: core
                .keys
                .lookup(LookupKind::Invitation, secret.expose().as_bytes()),
            subject: code,
        },
    ]);
    prepared.guards = vec![guard(&facts), guard(about)];
    prepared.patient = Some(patient);
    prepared.charge = Some((Charge::Recovery, reach::context_of(session, practice)));
    prepared.reply.code = secret.printed();
    Ok(prepared)
}

/// Whoever has an older way says that it was not them: what the recovery made ends, and somebody is called.
pub(crate) async fn stop(
    core: &Core,
    session: &Session,
    now: Timestamp,
) -> Result<Prepared, Refusal> {
    let facts = core.facts.load(session.subject).await?;
    let found = held(&facts).filter(|(_, recovery)| recovery.is_alive(now));
    let (version, recovery) = found.ok_or(Reason::NotFound)?;
    let stopped = Fact::RecoveryEnded(RecoveryEnded {
        practice: recovery.practice.clone(),
        code: recovery.code.clone(),
        is_stopped: true,
    });
    let mut prepared = Prepared::fact(session.subject, stopped);
    let (effects, gone) = undone(core, &facts, version, recovery);
    prepared.effects.extend(effects);
    prepared.ended = gone;
    prepared.guards = vec![guard(&facts)];
    prepared.patient = Some(core.keys.patient_id(patient_of(recovery)?));
    let text = "whoever holds the account says that they did not ask for its recovery".to_owned();
    let mut alarm = incident(RECOVERY_STOPPED, "recovery_stopped", text);
    alarm.row.practice = PracticeId::try_from(recovery.practice.as_slice()).ok();
    alarm.row.principal = session.subject.surrogate();
    prepared.alarm = Some(alarm);
    Ok(prepared)
}

/// What detection is shown of a refused recovery or invitation: whoever tries it with a canary has touched one.
pub(crate) async fn seen(
    core: &Core,
    session: &Session,
    kind: &ChangeKind,
    now: Timestamp,
) -> Result<Option<Box<Observation>>, Refusal> {
    let patients = match kind {
        ChangeKind::Recover(change) => vec![PatientId::try_from(change.patient.as_slice())],
        ChangeKind::Invite(change) => vec![PatientId::try_from(change.patient.as_slice())],
        _ => merges::theirs(kind).into_iter().flatten().map(Ok).collect(),
    };
    let mut canary = None;
    for patient in patients.into_iter().flatten() {
        let about = core.facts.load(core.keys.patient(patient)).await?;
        if PatientView::of(&about, None).is_canary {
            canary = Some(about);
        }
    }
    let Some(about) = canary else {
        return Ok(None);
    };
    let token = about.subject();
    let caller = Caller {
        session: session.clone(),
        own: about,
        purpose: Purpose::AccountCare,
        network: String::new(),
        now,
    };
    Ok(Some(Box::new(Observation {
        patient: Some(Patient(token.surrogate())),
        decision: rules::Decision::Denied(rules::Reason::NotPermitted),
        is_canary: true,
        ..reach::seen(&caller, core.next_request(), 0, Lane::Ordinary)
    })))
}

/// When what is made now with the code is new no more.
pub(crate) fn opens_from(now: Timestamp) -> Result<i64, Reason> {
    after(now, WAITS)
}

fn patient_of(recovery: &Recovery) -> Result<KeyedToken, Reason> {
    KeyedToken::try_from(recovery.patient.as_slice()).map_err(|_| Reason::SubjectClosed)
}

/// As if it had never been: its code opens nothing any more, and what it made ends.
fn undone(
    core: &Core,
    facts: &SubjectFacts,
    version: i64,
    recovery: &Recovery,
) -> (Vec<Effect>, Vec<Way>) {
    let (mut effects, gone) = ended(core, facts, |row| {
        // The sign-in name that came with it stands after it.
        let is_its_name = matches!(row.fact, Fact::Account(_)) && row.version > version;
        recovery.made(&row.fact) || is_its_name
    });
    effects.push(end(facts.subject(), version));
    if let (0, Ok(code)) = (
        recovery.opens_from,
        KeyedToken::try_from(recovery.code.as_slice()),
    ) {
        effects.push(Effect::fact(code, Fact::Used(Used::default())));
    }
    (effects, gone)
}

fn end(subject: KeyedToken, version: i64) -> Effect {
    Effect::fact(subject, Fact::End(End { version }))
}

/// Ends facts of a person; the ways of signing in among them come back.
fn ended(
    core: &Core,
    facts: &SubjectFacts,
    is_meant: impl Fn(&FactRow) -> bool,
) -> (Vec<Effect>, Vec<Way>) {
    let meant = || facts.live().filter(|row| is_meant(row));
    let ends = meant().map(|row| end(facts.subject(), row.version));
    let ways = meant().filter_map(|row| way_of(core, row));
    (ends.collect(), ways.collect())
}
