//! First bytes that were sent: the portal's word, only about grants made through the same instance.

use crate::calls::open::Planned;
use crate::core::Core;
use crate::draft::{Audit, Draft};
use crate::instances::Instance;
use crate::keys::{KeyedToken, Keys, OwnSubject};
use crate::ledger::Refusal;
use crate::reader;
use crate::session::Session;
use crate::sql::calls as sql;
use candour_keeper_wire::wire::{self, Done, Reply};
use candour_keeper_wire::words::{EntryKind, ItemKind, Purpose, Reason, Role};
use candour_seal::{InstanceId, PatientId, PracticeId};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio_postgres::Row;

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

    /// As the ledger has it; `None` for what is no grant to somebody.
    fn of_entry(row: &Row, body: &wire::EntryBody) -> Option<Self> {
        let small = |name: &str| i32::from(row.get::<_, i16>(name));
        let patient: i64 = row.get("patient");
        let practice: Option<&[u8]> = row.get("practice");
        Some(Self {
            instance: InstanceId::try_from(body.instance.as_slice()).ok()?,
            principal: body.principal.as_slice().try_into().ok()?,
            principal_surrogate: row.get("principal"),
            session: row.get("session"),
            role: Role::try_from(small("role")).ok()?,
            practice: practice.and_then(|practice| practice.try_into().ok()),
            purpose: Purpose::try_from(small("purpose")).ok(),
            patient: match patient {
                0 => None,
                _ => Some((PatientId::try_from(body.patient.as_slice()).ok()?, patient)),
            },
            item: (row.get("item"), body.item.clone()),
            item_kind: ItemKind::try_from(small("item_kind")).ok(),
            section: body.section,
        })
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

/// How many grants are remembered.
const REMEMBERED: usize = 200_000;
/// How long after a grant its delivery may still be reported: a session's life, and an outage of some hours.
const REPORTED_WITHIN: SignedDuration = SignedDuration::from_hours(48);

/// Grants not yet delivered, by index. What was granted before this keeper started, or was pushed out by newer
/// ones, is looked up in the ledger.
pub struct Grants {
    held: Mutex<BTreeMap<u64, Grant>>,
    /// Every grant from here on that is not in `held` was reported already.
    known_from: AtomicU64,
    /// Reports about older grants are written one call at a time, so that each is written once.
    recalling: tokio::sync::Mutex<()>,
}

impl Grants {
    /// For a keeper whose ledger has this many entries when it starts.
    pub fn from(size: u64) -> Self {
        Self {
            held: Mutex::default(),
            known_from: AtomicU64::new(size),
            recalling: tokio::sync::Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Grant>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a grant.
    pub fn remember(&self, index: u64, grant: Grant) {
        let mut grants = self.lock();
        if grants.len() >= REMEMBERED
            && let Some((oldest, _)) = grants.pop_first()
        {
            self.known_from.fetch_max(oldest + 1, Ordering::Relaxed);
        }
        grants.insert(index, grant);
    }

    fn take(&self, index: u64) -> Option<Grant> {
        self.lock().remove(&index)
    }

    fn is_older(&self, index: u64) -> bool {
        index < self.known_from.load(Ordering::Relaxed)
    }
}

/// Writes that first bytes were sent. A grant is written once, whether or not this keeper made it; one that was
/// withheld, or lies longer than two days back, is passed over: the grant itself stands.
pub async fn delivered(
    core: &Core,
    instance: &Instance,
    call: wire::Delivered,
) -> Result<Reply, Refusal> {
    if call.grants.len() > MOST {
        return Err(Reason::Invalid.into());
    }
    let mut taken = Vec::new();
    let mut older = Vec::new();
    for index in call.grants {
        match core.grants.take(index) {
            Some(grant) if grant.instance == instance.id => taken.push((index, grant)),
            Some(grant) => core.grants.remember(index, grant),
            None if core.grants.is_older(index) => older.push(index),
            None => {}
        }
    }
    if !older.is_empty() {
        let _one_call = core.grants.recalling.lock().await;
        let recalled = recalled(core, instance.id, older).await?;
        write(core, recalled).await?;
    }
    write(core, taken).await?;
    Ok(Reply::Done(Done {}))
}

async fn write(core: &Core, taken: Vec<(u64, Grant)>) -> Result<(), Refusal> {
    let drafts = taken.iter().map(|(index, grant)| grant.draft(*index));
    if let Err(error) = core.ledger.append(drafts.collect()).await {
        for (index, grant) in taken {
            core.grants.remember(index, grant);
        }
        return Err(error.into());
    }
    Ok(())
}

/// The grants of these indexes, read from the ledger: those made through this instance and not delivered yet.
async fn recalled(
    core: &Core,
    instance: InstanceId,
    mut indexes: Vec<u64>,
) -> Result<Vec<(u64, Grant)>, Refusal> {
    indexes.sort_unstable();
    indexes.dedup();
    let indexes: Vec<i64> = indexes
        .into_iter()
        .filter_map(|index| i64::try_from(index).ok())
        .collect();
    let since = core.clock.now().saturating_sub(REPORTED_WITHIN);
    let since = since.map_or(0, Timestamp::as_microsecond);
    let mut found = Vec::new();
    for row in reader::rows(&core.pool, sql::GRANTS, &[&indexes, &since]).await? {
        let index = row.get::<_, i64>("index");
        let subject = match row.get::<_, Option<&[u8]>>("subject") {
            Some(token) => KeyedToken::try_from(token).map_err(|_| Reason::SubjectClosed)?,
            None => core.keys.own(OwnSubject::Installation),
        };
        let body = opened(core, subject, &row).await?;
        if let Some(grant) = Grant::of_entry(&row, &body)
            && grant.instance == instance
            && !is_answered(core, subject, index).await?
        {
            found.push((u64::try_from(index).unwrap_or_default(), grant));
        }
    }
    Ok(found)
}

/// Whether an entry says already that the grant at `index` was delivered, or that it was withheld. Its sealed body
/// counts, not the column it was found by.
async fn is_answered(core: &Core, subject: KeyedToken, index: i64) -> Result<bool, Refusal> {
    for row in reader::rows(&core.pool, sql::ANSWERS, &[&index]).await? {
        if i64::try_from(opened(core, subject, &row).await?.of_grant) == Ok(index) {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn opened(core: &Core, subject: KeyedToken, row: &Row) -> Result<wire::EntryBody, Reason> {
    let index = u64::try_from(row.get::<_, i64>("index")).unwrap_or_default();
    core.open_body(subject, index, row.get("body"), row.get("audit_wrap"))
        .await
}
