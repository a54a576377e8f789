//! Who reads a record beside its patient: who acts for them, what they keep from somebody, what they share with another
//! practice.

use crate::acts;
use crate::sign_in::{Ceremony, InPart};
use crate::words::{actions, time};
use crate::{App, Refusal};
use candour_keeper_api::wire::{
    self, Call, ChangeKind, EndSharingRule, ProxyChange, Reply, SharingRule,
};
use candour_keeper_api::words::{ProxyAction, ProxyKind, Section};
use candour_keeper_api::{CallError, Token};
use candour_seal::{ItemId, PatientId, PersonId, PracticeId};
use jiff::Timestamp;

/// Who reads one's own record beside oneself.
#[derive(Debug, Clone)]
pub struct Sharing {
    /// Who acts for the patient.
    pub proxies: Vec<ActsFor>,
    /// What is kept from somebody, or shared; oldest first.
    pub rules: Vec<Rule>,
    /// Where the patient is enrolled.
    pub practices: Vec<PracticeId>,
    /// Whom a practice invited to act for the patient, and who has not accepted yet.
    pub invited: Vec<Invited>,
    /// The asker may keep more from others.
    pub may_keep: bool,
    /// To the patient: their address is protected.
    pub is_address_protected: bool,
}

/// Somebody whom a practice invited to act for the patient.
#[derive(Debug, Clone)]
pub struct Invited {
    /// Names the invitation.
    pub id: [u8; 16],
    /// Which practice.
    pub practice: PracticeId,
    /// When it invited.
    pub since: Timestamp,
    /// When it can no longer be accepted.
    pub until: Timestamp,
    /// Why, as it was given; may be empty.
    pub reason: String,
}

/// Somebody who acts for the patient.
#[derive(Debug, Clone)]
pub struct ActsFor {
    /// Who.
    pub person: PersonId,
    /// The sections within reach; empty means all.
    pub sections: Vec<Section>,
    /// What they may do beside reading.
    pub may: Vec<ProxyAction>,
    /// Since when.
    pub since: Timestamp,
    /// When it ends; `None` without end.
    pub until: Option<Timestamp>,
    /// Why, as it was given; may be empty.
    pub reason: String,
    /// A practice invited them, and they see what it put in.
    pub part: Option<InPart>,
    /// As what; `None` from before that was written down.
    pub kind: Option<ProxyKind>,
}

/// What a practice knows of who acts for a patient, and of the patient's marks.
#[derive(Debug, Clone)]
pub struct Acting {
    /// Who acts now. The words of a patient who let somebody act are left out.
    pub people: Vec<ActsFor>,
    /// The patient has died.
    pub is_deceased: bool,
    /// Nothing may be sent to the patient.
    pub is_unsafe_to_write: bool,
    /// The address is protected.
    pub is_address_protected: bool,
}

/// What a patient keeps from somebody, or shares.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Names it.
    pub id: i64,
    /// It shares; else it keeps from somebody.
    pub is_share: bool,
    /// Whom and what, as it was signed.
    pub words: String,
    /// The one document it concerns.
    pub document: Option<ItemId>,
    /// Since when.
    pub since: Timestamp,
    /// When a share ends; `None` without end.
    pub until: Option<Timestamp>,
    /// Whoever acted for the patient as a child made it.
    pub is_by_another: bool,
}

/// From whom something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// A practice.
    Practice(PracticeId),
    /// Somebody who acts for the patient.
    Person(PersonId),
    /// Whoever made this entry of the access history.
    Entry(u64),
}

/// What of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Everything,
    /// One section; the shelf stands for all documents.
    Section(Section),
    /// One document.
    Document(ItemId),
    /// What of a section was put in together; to keep from somebody.
    Segment(ItemId),
}

/// Begins the act of ending that somebody acts for a patient; finished with [`acts::finish`], it ends at once, and the proxy is not told.
pub async fn withdraw(
    app: &App,
    token: &Token,
    person: PersonId,
    patient: PatientId,
) -> Result<Ceremony, Refusal> {
    let change = ProxyChange {
        person: person.as_bytes().to_vec(),
        patient: patient.as_bytes().to_vec(),
        ..ProxyChange::default()
    };
    acts::start(app, token, ChangeKind::EndProxy(change)).await
}

/// Stops an invitation to act for a patient, at once.
pub async fn stop_invitation(
    app: &App,
    token: &Token,
    patient: PatientId,
    id: [u8; 16],
) -> Result<(), Refusal> {
    let change = ChangeKind::StopInvitation(wire::StopInvitation {
        patient: patient.as_bytes().to_vec(),
        invitation: id.to_vec(),
    });
    acts::now(app, token, change).await.map(drop)
}

/// Who reads the record of whoever is signed in; of a patient for whom they act, what they keep from others.
pub async fn sharing(
    app: &App,
    token: &Token,
    network: &str,
    of: Option<PatientId>,
) -> Result<Sharing, Refusal> {
    let call = Call::Sharing(wire::SharingQuestion {
        token: token.expose().to_vec(),
        network: network.to_owned(),
        patient: of.map_or_else(Vec::new, |patient| patient.as_bytes().to_vec()),
    });
    match app.keeper.call(call).await? {
        Reply::Sharing(sharing) => Ok(Sharing::read(sharing).ok_or(CallError::Unexpected)?),
        _ => Err(CallError::Unexpected.into()),
    }
}

/// Who acts for a patient of one's practice.
pub async fn acting(app: &App, token: &Token, patient: PatientId) -> Result<Acting, Refusal> {
    let call = Call::Acting(wire::ActingQuestion {
        token: token.expose().to_vec(),
        patient: patient.as_bytes().to_vec(),
    });
    let Reply::Acting(answer) = app.keeper.call(call).await? else {
        return Err(CallError::Unexpected.into());
    };
    let people = answer.people.into_iter().map(ActsFor::read);
    Ok(Acting {
        people: people.collect::<Option<_>>().ok_or(CallError::Unexpected)?,
        is_deceased: answer.is_deceased,
        is_unsafe_to_write: answer.is_unsafe_to_write,
        is_address_protected: answer.is_address_protected,
    })
}

/// Begins the act of marking a patient; the marks that are not given end.
pub async fn mark(
    app: &App,
    token: &Token,
    patient: PatientId,
    is_deceased: bool,
    is_unsafe_to_write: bool,
) -> Result<Ceremony, Refusal> {
    let marks = wire::MarkPatient {
        patient: patient.as_bytes().to_vec(),
        is_deceased,
        is_unsafe_to_write,
    };
    acts::start(app, token, ChangeKind::MarkPatient(marks)).await
}

/// Begins the act of protecting a patient's address, or no longer. `practice`: whose staff say so; `None` for the person
/// themself.
pub async fn protect_address(
    app: &App,
    token: &Token,
    patient: PatientId,
    practice: Option<PracticeId>,
    is_protected: bool,
) -> Result<Ceremony, Refusal> {
    let change = wire::ProtectAddress {
        patient: patient.as_bytes().to_vec(),
        practice: practice.map_or_else(Vec::new, |id| id.as_bytes().to_vec()),
        is_protected,
    };
    acts::start(app, token, ChangeKind::ProtectAddress(change)).await
}

/// Begins the act of keeping something from somebody; answered, it holds at once, and nobody is told.
pub async fn keep(
    app: &App,
    token: &Token,
    patient: PatientId,
    whom: Whom,
    part: Part,
) -> Result<Ceremony, Refusal> {
    let rule = about(patient, part);
    let rule = match whom {
        Whom::Practice(practice) => SharingRule {
            practice: practice.as_bytes().to_vec(),
            ..rule
        },
        Whom::Person(person) => SharingRule {
            person: person.as_bytes().to_vec(),
            ..rule
        },
        Whom::Entry(index) => SharingRule {
            of_entry: index.saturating_add(1),
            ..rule
        },
    };
    acts::start(app, token, ChangeKind::Restrict(rule)).await
}

/// Begins the act of sharing something with a practice, until an end or without one.
pub async fn share(
    app: &App,
    token: &Token,
    patient: PatientId,
    practice: PracticeId,
    part: Part,
    until: Option<Timestamp>,
    with_sensitive: bool,
) -> Result<Ceremony, Refusal> {
    let rule = SharingRule {
        practice: practice.as_bytes().to_vec(),
        until: until.map_or(0, Timestamp::as_microsecond),
        with_sensitive,
        ..about(patient, part)
    };
    acts::start(app, token, ChangeKind::Share(rule)).await
}

/// Begins the act of ending a rule.
pub async fn end(
    app: &App,
    token: &Token,
    patient: PatientId,
    rule: i64,
    is_share: bool,
) -> Result<Ceremony, Refusal> {
    let ended = EndSharingRule {
        patient: patient.as_bytes().to_vec(),
        rule,
        ..EndSharingRule::default()
    };
    let kind = if is_share {
        ChangeKind::EndShare(ended)
    } else {
        ChangeKind::EndRestriction(ended)
    };
    acts::start(app, token, kind).await
}

fn about(patient: PatientId, part: Part) -> SharingRule {
    let (section, item) = match part {
        Part::Everything => (0, Vec::new()),
        Part::Section(section) => (section.into(), Vec::new()),
        Part::Document(item) | Part::Segment(item) => (0, item.as_bytes().to_vec()),
    };
    SharingRule {
        patient: patient.as_bytes().to_vec(),
        section,
        item,
        ..SharingRule::default()
    }
}

impl Sharing {
    fn read(sharing: wire::Sharing) -> Option<Self> {
        let practice = |id: &Vec<u8>| PracticeId::try_from(id.as_slice()).ok();
        Some(Self {
            proxies: sharing
                .proxies
                .into_iter()
                .map(ActsFor::read)
                .collect::<Option<_>>()?,
            rules: sharing
                .rules
                .into_iter()
                .map(Rule::read)
                .collect::<Option<_>>()?,
            practices: sharing
                .practices
                .iter()
                .map(practice)
                .collect::<Option<_>>()?,
            invited: sharing
                .invited
                .into_iter()
                .map(Invited::read)
                .collect::<Option<_>>()?,
            may_keep: sharing.may_keep,
            is_address_protected: sharing.is_address_protected,
        })
    }
}

impl Invited {
    fn read(view: wire::InvitedProxy) -> Option<Self> {
        Some(Self {
            id: view.invitation.as_slice().try_into().ok()?,
            practice: PracticeId::try_from(view.practice.as_slice()).ok()?,
            since: time(view.since)?,
            until: time(view.until)?,
            reason: view.reason,
        })
    }
}

impl ActsFor {
    fn read(view: wire::ProxyView) -> Option<Self> {
        let section = |section: &i32| Section::try_from(*section).ok();
        Some(Self {
            person: PersonId::try_from(view.person.as_slice()).ok()?,
            sections: view.sections.iter().map(section).collect::<Option<_>>()?,
            may: actions(&view.may),
            since: time(view.since)?,
            until: time(view.until),
            part: InPart::read(&view.only_from, view.opens_from),
            reason: view.reason,
            kind: ProxyKind::try_from(view.kind).ok(),
        })
    }
}

impl Rule {
    fn read(view: wire::SharingRuleView) -> Option<Self> {
        Some(Self {
            id: view.rule,
            is_share: view.is_share,
            words: view.words,
            document: ItemId::try_from(view.item.as_slice()).ok(),
            since: time(view.since)?,
            until: time(view.until),
            is_by_another: view.is_by_another,
        })
    }
}
