//! Changes of facts: who may make which, with what proof, and what exactly is written.
//!
//! Every change is authorised by the policies, like an opening. Those that need more than a session say so in
//! their [`Plan`]; `crate::acts` asks for it.

mod addresses;
pub(crate) mod letting_in;
mod operations;
mod patients;
pub(crate) mod pending;
mod people;
mod plan;
mod runs;
mod second;
mod sentences;
mod standing;
mod ways;

pub(crate) use addresses::{held as addresses_of, views as address_views};
pub(crate) use operations::{freeze as freeze_of, new_client, unfreeze as unfreeze_of};
pub(crate) use people::invitation as new_invitation;
pub(crate) use plan::patient_of;
pub use plan::{Plan, Proof, is_officer, plan};
pub use runs::runs;
pub(crate) use runs::token as run_token;
pub use second::waiting_at_practice;
pub(crate) use second::{waiting_on, works};
pub use sentences::sentence;

use crate::acts::Doer;
use crate::calls::reach;
use crate::clients;
use crate::core::Core;
use crate::decision::{Action, Relation};
use crate::draft::{Audit, Draft, Effect, Guard};
use crate::erasure;
use crate::facts::{Fact, FactBody, SubjectFacts};
use crate::identity::recovery;
use crate::identity::sessions::end_signed_in_by;
use crate::identity::ways::new_until;
use crate::identity::{commit, standing as sessions};
use crate::keys::KeyedToken;
use crate::ledger::Refusal;
use crate::merges;
use crate::notifications::{self, Owes};
use crate::recall;
use crate::session::{Principal, Session, Way};
use crate::sharing;
use candour_keeper_wire::wire::{self, ChangeKind};
use candour_keeper_wire::words::{Age, EntryKind, Purpose, Reason};
use candour_rules::budget::{Charge, Context};
use candour_seal::{InstanceId, ItemId, PatientId};
use jiff::Timestamp;
use prost::Message;
use std::sync::atomic::Ordering;

pub(crate) use standing::assurance;
pub(crate) use ways::{has_room, is_about_ways, settled, shows, unchanged};

/// What a change writes, before it is a draft.
#[derive(Default)]
pub(crate) struct Prepared {
    /// The fact that is the change; whole in the entry.
    pub details: Option<Fact>,
    /// What is committed.
    pub effects: Vec<Effect>,
    /// What must still hold.
    pub guards: Vec<Guard>,
    /// The patient it is about.
    pub patient: Option<PatientId>,
    /// A freeze is an entry of its own kind.
    pub kind: Option<EntryKind>,
    /// What it costs.
    pub charge: Option<(Charge, Context)>,
    /// The one document it is about.
    pub item: Option<ItemId>,
    /// How many documents it is about.
    pub count: u32,
    /// What gets a tombstone once it is committed.
    pub buried: Vec<ItemId>,
    /// Ways of the author that are gone with it: their sessions end.
    pub ended: Vec<Way>,
    /// Whose they are, where they are not the author's.
    pub ended_of: Option<Principal>,
    /// What somebody is called for, in the same transaction.
    pub alarm: Option<Draft>,
    /// What else is written in it: about somebody else whom it concerns.
    pub further: Vec<Draft>,
    /// Who is told of it on the channels they had before.
    pub owes: Option<Owes>,
    /// What the caller learns.
    pub reply: wire::Changed,
}

impl Prepared {
    /// A fact added to a subject, which is all of the change.
    pub(crate) fn fact(subject: KeyedToken, fact: Fact) -> Self {
        Self {
            details: Some(fact.clone()),
            effects: vec![Effect::fact(subject, fact)],
            ..Self::default()
        }
    }

    /// The draft of it, done by this session.
    pub(crate) fn draft(&mut self, core: &Core, session: &Session, text: String) -> Draft {
        let kind = self.kind.unwrap_or(EntryKind::Change);
        let mut draft = Draft::of_session(kind, session, Some(Purpose::AccountCare));
        if kind == EntryKind::Freeze {
            // Whoever is frozen may still be stopped further, and stops others.
            draft.stops = None;
        }
        self.fill(core, draft, text)
    }

    /// The same, done by whoever the draft says.
    pub(crate) fn fill(&mut self, core: &Core, mut draft: Draft, text: String) -> Draft {
        draft.body.text = text;
        draft.body.details = FactBody {
            fact: self.details.take(),
        }
        .encode_to_vec();
        draft.effects = std::mem::take(&mut self.effects);
        draft.guards = std::mem::take(&mut self.guards);
        draft.charge = self.charge.take();
        draft.body.count = self.count;
        if let Some(owes) = self.owes {
            owes.note(&mut draft.body);
        }
        if let Some(item) = self.item {
            draft.row.item = core.keys.item(item).surrogate();
            draft.body.item = item.as_bytes().to_vec();
        }
        if let Some(patient) = self.patient {
            draft.row.patient = core.keys.patient(patient).surrogate();
            draft.body.patient = patient.as_bytes().to_vec();
            draft.audit = Audit::Patient(patient);
        }
        draft
    }
}

/// A change that needs no act-bound answer.
pub async fn change(
    core: &Core,
    instance: InstanceId,
    call: &wire::ChangeCall,
) -> Result<wire::Changed, Refusal> {
    let now = core.clock.now();
    let kind = kind_of(call.change.as_ref())?;
    let (session, _) = sessions::session(core, &call.token, instance, "", now).await?;
    session.is_settled(now)?;
    if let ChangeKind::Approve(id) = &kind {
        // A waiting act of one's own, whose day is over; anybody else's needs an act.
        return pending::finish_own(core, &session, id, now).await;
    }
    let plan = plan(&kind, session.role)?;
    let doer = Doer::of(&session);
    authorize(core, &session, &kind, plan, now).await?;
    if plan.proof != Proof::Session {
        return Err(Reason::StepUpNeeded.into());
    }
    carry_out(core, &session, &doer, &kind, now).await
}

/// The kind, or a refusal where there is none.
pub(crate) fn kind_of(change: Option<&wire::Change>) -> Result<ChangeKind, Reason> {
    change
        .and_then(|change| change.kind.clone())
        .ok_or(Reason::Invalid)
}

/// Asks the policies; a refusal is an entry.
pub(crate) async fn authorize(
    core: &Core,
    session: &Session,
    kind: &ChangeKind,
    plan: Plan,
    now: Timestamp,
) -> Result<(), Refusal> {
    let stands = standing::relation(core, session, kind, now).await?;
    let patient = plan::patient_of(kind);
    if allows(core, session, plan, stands, now) {
        return Ok(());
    }
    let reason = match stands.0 {
        Relation::Stranger if patient.is_some() => Reason::NotFound,
        _ => Reason::NotAllowed,
    };
    let mut draft =
        Draft::of_session(EntryKind::Change, session, Some(Purpose::AccountCare)).refused(reason);
    draft.observation = recovery::seen(core, session, kind, now).await?;
    plan.action.word().clone_into(&mut draft.body.text);
    let appended = commit(core, draft).await?;
    Err(Refusal {
        index: Some(appended.index),
        ..reason.into()
    })
}

/// What the policies say to one plan.
pub(crate) fn allows(
    core: &Core,
    session: &Session,
    plan: Plan,
    (relation, age): (Relation, Age),
    now: Timestamp,
) -> bool {
    let (care, action) = (Purpose::AccountCare, Action::Change(plan.action));
    let mut facts = reach::decision_facts(session, care, action, relation, now);
    facts.age = age;
    core.policy.decide(&facts).is_allowed
}

/// Writes the change; the doer is who began it, the session whoever completes it.
pub(crate) async fn carry_out(
    core: &Core,
    session: &Session,
    doer: &Doer,
    kind: &ChangeKind,
    now: Timestamp,
) -> Result<wire::Changed, Refusal> {
    let prepared = prepare(core, session, doer, kind, now).await?;
    write(core, session, prepared, sentence(kind)).await
}

/// Commits what was prepared.
pub(crate) async fn write(
    core: &Core,
    session: &Session,
    mut prepared: Prepared,
    text: String,
) -> Result<wire::Changed, Refusal> {
    let kind = prepared.kind.unwrap_or(EntryKind::Change);
    let mut drafts = vec![prepared.draft(core, session, text)];
    drafts.extend(prepared.alarm.take());
    drafts.append(&mut prepared.further);
    let mut outcomes = core.ledger.append(drafts).await?.into_iter();
    let appended = outcomes.next().ok_or(Reason::LedgerUnavailable)??;
    if let Some(refusal) = appended.refused {
        return Err(refusal);
    }
    // The keys are gone; a tombstone that cannot be put now is put within ten minutes.
    let buried = prepared.buried.into_iter();
    let buried = buried.map(|item| (item, appended.index)).collect();
    if let Err(error) = erasure::bury(&core.tombstones, buried).await {
        core.is_unburied.store(true, Ordering::Relaxed);
        tracing::error!(%error, "what was erased has no tombstone yet");
    }
    if matches!(kind, EntryKind::Recall | EntryKind::RecallEnded) {
        recall::tell_at_once(core).await;
    }
    // The change stands, whatever becomes of this: what it printed must reach the person.
    let whose = prepared.ended_of.unwrap_or(session.principal);
    let own = session.surrogate;
    let signed_out = match end_signed_in_by(core, whose, &prepared.ended, own).await {
        Ok(signed_out) => signed_out,
        Err(refusal) => {
            tracing::error!(
                reason = refusal.reason.word(),
                "sessions of a way that is gone did not end"
            );
            Default::default()
        }
    };
    Ok(wire::Changed {
        index: appended.index,
        signed_out,
        ..prepared.reply
    })
}

/// What was read of these facts must still hold.
pub(crate) fn guard(facts: &SubjectFacts) -> Guard {
    Guard::Facts {
        subject: facts.subject(),
        version: facts.version(),
    }
}

/// What a change writes, and who is told of it.
pub(crate) async fn prepare(
    core: &Core,
    session: &Session,
    doer: &Doer,
    kind: &ChangeKind,
    now: Timestamp,
) -> Result<Prepared, Refusal> {
    let mut prepared = written(core, session, doer, kind, now).await?;
    prepared.owes = notifications::by_change(core, kind, doer.subject);
    Ok(prepared)
}

async fn written(
    core: &Core,
    session: &Session,
    doer: &Doer,
    kind: &ChangeKind,
    now: Timestamp,
) -> Result<Prepared, Refusal> {
    match kind {
        ChangeKind::Invite(invite) => people::invite(core, session, doer, invite, now).await,
        ChangeKind::GrantRole(role) => people::grant_role(core, role, now).await,
        ChangeKind::EndRole(role) => people::end_role(core, role, now).await,
        ChangeKind::GrantProxy(proxy) => patients::grant_proxy(core, proxy, now).await,
        ChangeKind::EndProxy(proxy) => patients::end_proxy(core, proxy).await,
        ChangeKind::EndEnrolment(ended) => patients::end_enrolment(core, ended).await,
        ChangeKind::MarkPatient(marks) => patients::mark(core, session.role, marks).await,
        ChangeKind::ProtectAddress(change) => patients::protect(core, change).await,
        ChangeKind::Freeze(freeze) => operations::freeze(core, freeze, &doer.subject.0),
        ChangeKind::Unfreeze(freeze) => operations::unfreeze(core, freeze).await,
        ChangeKind::AddClient(client) => operations::add_client(core, client).await,
        ChangeKind::LetClientRead(change) => clients::let_read(core, change, now).await,
        ChangeKind::EndClient(change) => clients::end(core, change).await,
        ChangeKind::StartRun(run) => runs::start(core, doer, session, run, now).await,
        ChangeKind::UnlockRoom(_) => operations::unlock_room(core),
        ChangeKind::Attest(attest) => operations::attest(attest),
        ChangeKind::Erase(change) => erasure::erase(core, doer, change).await,
        ChangeKind::Hold(change) => erasure::hold(core, change).await,
        ChangeKind::Restrict(rule) => sharing::start(core, rule, false, doer.subject, now).await,
        ChangeKind::Share(rule) => sharing::start(core, rule, true, doer.subject, now).await,
        ChangeKind::EndRestriction(ended) => sharing::end(core, ended, false, doer.subject).await,
        ChangeKind::EndShare(ended) => sharing::end(core, ended, true, doer.subject).await,
        ChangeKind::Recover(change) => recovery::allow(core, session, doer, change, now).await,
        ChangeKind::StopRecovery(_) => recovery::stop(core, session, now).await,
        ChangeKind::StopInvitation(stop) => patients::stop_invitation(core, stop).await,
        ChangeKind::Merge(change) => merges::merge(core, session, doer, change, now).await,
        ChangeKind::EndMerge(change) => merges::end(core, session, change).await,
        ChangeKind::Recall(change) => recall::take_back(core, change, now).await,
        ChangeKind::EndRecall(change) => recall::put_back(core, change).await,
        // Acts of their own: see `crate::acts`.
        ChangeKind::AddPasskey(_) | ChangeKind::Approve(_) => Err(Reason::Invalid.into()),
        ways => ways::prepare(core, session, ways, new_until(now)?, now).await,
    }
}
