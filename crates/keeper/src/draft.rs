//! A draft: an entry before it has its index, with everything that is committed together with it.

use crate::facts::Fact;
use crate::keys::{KeyedToken, LookupKind};
use crate::session::{Principal, Session};
use candour_keeper_wire::wire;
use candour_keeper_wire::words::{EntryKind, ItemKind, Purpose, Reason, Role};
use candour_rules::budget::{Charge, Context};
use candour_rules::freeze;
use candour_seal::{PatientId, PracticeId};

/// The columns of an entry that are queried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NarrowRow {
    /// What it records.
    pub kind: EntryKind,
    /// 0 granted; else the number of a [`Reason`]; for an alarm the rule's number.
    pub decision: u8,
    /// What for.
    pub purpose: Option<Purpose>,
    /// In which role.
    pub role: Role,
    /// The practice that acted.
    pub practice: Option<PracticeId>,
    /// What kind of item.
    pub item_kind: Option<ItemKind>,
    /// Surrogate of the session, or 0.
    pub session: i64,
    /// Surrogate of the principal, or 0.
    pub principal: i64,
    /// Surrogate of the patient, or 0.
    pub patient: i64,
    /// Surrogate of the item, or 0.
    pub item: i64,
    /// Surrogate of the portal process, or 0.
    pub instance: i64,
}

impl NarrowRow {
    /// Of the keeper itself, about nobody.
    pub(crate) const fn of_keeper(kind: EntryKind) -> Self {
        Self {
            kind,
            decision: 0,
            purpose: None,
            role: Role::Keeper,
            practice: None,
            item_kind: None,
            session: 0,
            principal: 0,
            patient: 0,
            item: 0,
            instance: 0,
        }
    }
}

/// Under whose audit key the body is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audit {
    /// The patient's, who must have been enrolled before (or be enrolled by an effect of this very draft).
    Patient(PatientId),
    /// The installation's: entries about nobody.
    Installation,
}

/// What is committed together with the entry, in this order. A refused draft's effects are not done.
pub enum Effect {
    /// Adds a fact; its version and MAC are given in the transaction.
    InsertFact {
        /// About whom.
        subject: KeyedToken,
        /// What.
        fact: Fact,
    },
    /// Makes a text find a subject; the text must not be taken (else the draft is a conflict).
    InsertLookup {
        /// What the text is.
        kind: LookupKind,
        /// Its keyed hash ([`crate::keys::Keys::lookup`]).
        token: [u8; 16],
        /// Whom it finds.
        subject: KeyedToken,
    },
    /// Adds words by which a practice finds a patient.
    InsertNames {
        /// Whom they find.
        patient: KeyedToken,
        /// Keyed hashes under the practice's key; those already there stay.
        terms: Vec<[u8; 16]>,
    },
    /// Adds a subject's wrapped keys.
    InsertSubjectKeys(Box<crate::subject_keys::NewSubjectKeys>),
    /// Adds an item in the state *deposited*.
    InsertItem(Box<crate::items::NewItemRow>),
    /// Makes an item visible from this entry's index on.
    SealItem(Box<crate::items::SealedRow>),
    /// Destroys the key of an item that was never sealed.
    DropItem {
        /// Which.
        item: std::sync::Arc<crate::items::ItemRow>,
    },
    /// Destroys the keys of sealed items. The caller adds the [`Fact::Erased`] row itself.
    EraseItems(Vec<std::sync::Arc<crate::items::ItemRow>>),
    /// Forgets the words and the number that find a patient. Their reading key goes by [`Effect::NewReadingKey`]; the audit
    /// key stays: who opened the record is still answered.
    EraseSubject(KeyedToken),
    /// Puts a new reading key in the place of a patient's, with the keys of all their items under it.
    NewReadingKey(Box<crate::reading_keys::NewReadingKey>),
    /// Hangs subjects' keys on another epoch key.
    RewrapSubjects(Vec<crate::subject_keys::RewrappedSubject>),
    /// Adds an epoch key.
    InsertEpochKey(Box<crate::subject_keys::NewEpochKey>),
    /// Nothing hangs on an epoch key any more; or something does again.
    LeaveEpochKey {
        /// Which.
        epoch: crate::subject_keys::Epoch,
        /// Whether nothing does.
        is_left: bool,
    },
    /// Destroys an epoch key that nothing hangs on.
    DestroyEpochKey(crate::subject_keys::Epoch),
    /// Adds the members of a run.
    InsertRunMembers {
        /// The run.
        run: KeyedToken,
        /// Its members.
        patients: Vec<KeyedToken>,
    },
    /// Counts an opening of a run's member.
    CountRunMember(Box<crate::runs::RunMemberRow>),
    /// Stops what is stopped by it, from now on, requests on their way included.
    /// The caller adds the [`Fact::Frozen`] row itself.
    Freeze(freeze::Frozen),
    /// Lets it go on. The caller ends the [`Fact::Frozen`] row itself.
    Unfreeze(freeze::Frozen),
}

impl Effect {
    /// Adds a fact about a subject.
    pub const fn fact(subject: KeyedToken, fact: Fact) -> Self {
        Self::InsertFact { subject, fact }
    }
}

/// What must still hold when the draft is committed; else nothing of the whole append is done ([`crate::ledger::LedgerError::Conflict`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// The subject has exactly this many fact rows ([`crate::facts::SubjectFacts::version`]).
    Facts {
        /// Whose.
        subject: KeyedToken,
        /// How many.
        version: i64,
    },
}

/// An entry before it has its index.
pub struct Draft {
    /// The columns that are queried.
    pub row: NarrowRow,
    /// The body before it is sealed; counter, previous hash and salt are filled in by the ledger.
    pub body: wire::EntryBody,
    /// Under whose audit key.
    pub audit: Audit,
    /// What is committed with it.
    pub effects: Vec<Effect>,
    /// What must still hold.
    pub guards: Vec<Guard>,
    /// What it costs, and on whose account.
    pub charge: Option<(Charge, Context)>,
    /// What detection is shown of it, if anything; time and outcome are filled in by the ledger.
    pub observation: Option<Box<candour_rules::detect::Observation>>,
    /// Which freezes stop it; `None` for denials, freezes, corrections and the keeper's own acts.
    pub stops: Option<freeze::Guards>,
}

impl Draft {
    /// A draft of the keeper itself, about nobody, that no freeze stops.
    pub fn of_keeper(kind: EntryKind) -> Self {
        Self {
            row: NarrowRow::of_keeper(kind),
            body: wire::EntryBody::default(),
            audit: Audit::Installation,
            effects: Vec::new(),
            guards: Vec::new(),
            charge: None,
            observation: None,
            stops: None,
        }
    }

    /// A draft of what a session does: who, in which role, for which practice, through which instance,
    /// stopped by every freeze that concerns the session.
    pub fn of_session(kind: EntryKind, session: &Session, purpose: Option<Purpose>) -> Self {
        let mut draft = Self::of_keeper(kind);
        draft.row.purpose = purpose;
        draft.row.role = session.role;
        draft.row.practice = session.practice;
        draft.row.session = session.surrogate;
        draft.row.principal = session.subject.surrogate();
        draft.row.instance = session.instance_surrogate;
        draft.body.principal = session.principal.bytes().to_vec();
        draft.body.instance = session.instance.as_bytes().to_vec();
        if let Some(practice) = session.signed_by.recovering_at(session.began_at) {
            draft.body.recovered_at = practice.as_bytes().to_vec();
        }
        draft.stops = Some(session.freeze_guards(purpose));
        draft
    }

    /// The same draft as a refusal: an entry without effects and charge, that no freeze stops.
    #[must_use]
    pub fn refused(mut self, reason: Reason) -> Self {
        self.row.decision = reason.number();
        self.effects.clear();
        self.guards.clear();
        self.charge = None;
        self.stops = None;
        self
    }

    /// Names the patient in row and body, and seals the body under the patient's audit key.
    #[must_use]
    pub fn about(mut self, patient: PatientId, token: KeyedToken) -> Self {
        self.row.patient = token.surrogate();
        self.body.patient = patient.as_bytes().to_vec();
        self.audit = Audit::Patient(patient);
        self
    }
}

impl Session {
    /// Every rung of the freeze ladder the session stands on.
    pub fn freeze_guards(&self, purpose: Option<Purpose>) -> freeze::Guards {
        use candour_rules::keys;
        let principal = self.subject.surrogate();
        freeze::Guards {
            session: Some(keys::Session(self.surrogate)),
            principal: Some(keys::Principal(principal)),
            client: matches!(self.principal, Principal::Client(_))
                .then_some(keys::Client(principal)),
            purpose: purpose.map(|purpose| keys::Purpose(i64::from(purpose.number()))),
            practices: self
                .practice_surrogate
                .map(keys::Practice)
                .into_iter()
                .collect(),
            instance: Some(keys::Instance(self.instance_surrogate)),
            is_emergency: false,
        }
    }
}
