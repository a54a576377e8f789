//! First bytes that were sent: the portal's word, only about grants made through the same instance.

use crate::calls::open::Planned;
use crate::core::Core;
use crate::draft::{Audit, Draft};
use crate::instances::Instance;
use crate::keys::Keys;
use crate::ledger::Refusal;
use crate::session::Session;
use candour_keeper_api::wire::{self, Done, Reply};
use candour_keeper_api::words::{EntryKind, ItemKind, Purpose, Reason, Role};
use candour_seal::{InstanceId, PatientId, PracticeId};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most grants of one call.
const MOST: usize = 512;

/// What is remembered of a grant until it is delivered.
#[derive(Clone)]
pub struct Grant {
    /// Through which instance.
    pub instance: InstanceId,
    /// Who: 16 bytes of the principal.
    pub principal: [u8; 16],
    /// Surrogate of the principal.
    pub principal_surrogate: i64,
    /// Surrogate of the session.
    pub session: i64,
    /// In which role.
    pub role: Role,
    /// For which practice.
    pub practice: Option<PracticeId>,
    /// What for.
    pub purpose: Option<Purpose>,
    /// Whose, with the surrogate.
    pub patient: Option<(PatientId, i64)>,
    /// Surrogate of the item, and its id where it was one item.
    pub item: (i64, Vec<u8>),
    /// What kind.
    pub item_kind: Option<ItemKind>,
    /// The section, or 0.
    pub section: i32,
}

impl Grant {
    /// A grant to this session.
    pub fn to(session: &Session) -> Self {
        Self {
            instance: session.instance,
            principal: *session.principal.bytes(),
            principal_surrogate: session.subject.surrogate(),
            session: session.surrogate,
            role: session.role,
            practice: session.practice,
            purpose: None,
            patient: None,
            item: (0, Vec::new()),
            item_kind: None,
            section: 0,
        }
    }

    /// About this item or section.
    #[must_use]
    pub(crate) fn of(mut self, keys: &Keys, planned: &Planned, purpose: Purpose) -> Self {
        self.purpose = Some(purpose);
        let of = planned.patient.zip(planned.token);
        self.patient = of.map(|(patient, token)| (patient, token.surrogate()));
        if let Some(token) = planned.item {
            let id = keys.item_id(token).as_bytes().to_vec();
            self.item = (token.surrogate(), id);
        }
        self.item_kind = planned.item_kind;
        self.section = planned.section.into();
        self
    }

    fn draft(&self, index: u64) -> Draft {
        let mut draft = Draft::of_keeper(EntryKind::Delivered);
        draft.row.purpose = self.purpose;
        draft.row.role = self.role;
        draft.row.practice = self.practice;
        draft.row.item_kind = self.item_kind;
        draft.row.session = self.session;
        draft.row.principal = self.principal_surrogate;
        draft.row.item = self.item.0;
        draft.body.principal = self.principal.to_vec();
        draft.body.item.clone_from(&self.item.1);
        draft.body.section = self.section;
        draft.body.instance = self.instance.as_bytes().to_vec();
        draft.body.of_grant = index;
        if let Some((patient, surrogate)) = self.patient {
            draft.row.patient = surrogate;
            draft.body.patient = patient.as_bytes().to_vec();
            draft.audit = Audit::Patient(patient);
        }
        draft
    }
}

/// Grants not yet delivered, by index; the oldest are forgotten.
#[derive(Default)]
pub struct Grants(Mutex<BTreeMap<u64, Grant>>);

/// How many grants are remembered.
const REMEMBERED: usize = 200_000;

impl Grants {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Grant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a grant.
    pub fn remember(&self, index: u64, grant: Grant) {
        let mut grants = self.lock();
        if grants.len() >= REMEMBERED {
            grants.pop_first();
        }
        grants.insert(index, grant);
    }

    fn take(&self, index: u64) -> Option<Grant> {
        self.lock().remove(&index)
    }
}

/// Writes that first bytes were sent. A grant is written once; one this keeper does not remember (it was
/// restarted, or it is long ago) is passed over: the grant itself stands.
pub async fn delivered(
    core: &Core,
    instance: &Instance,
    call: wire::Delivered,
) -> Result<Reply, Refusal> {
    if call.grants.len() > MOST {
        return Err(Reason::Invalid.into());
    }
    let mut taken = Vec::new();
    for index in call.grants {
        if let Some(grant) = core.grants.take(index) {
            if grant.instance == instance.id {
                taken.push((index, grant));
            } else {
                core.grants.remember(index, grant);
            }
        }
    }
    let drafts = taken.iter().map(|(index, grant)| grant.draft(*index));
    if let Err(error) = core.ledger.append(drafts.collect()).await {
        for (index, grant) in taken {
            core.grants.remember(index, grant);
        }
        return Err(error.into());
    }
    Ok(Reply::Done(Done {}))
}
