//! Giving out keys of new items. Writing never releases a reading key.

use super::reach::{self, PatientView};
use super::{Caller, id};
use crate::core::Core;
use crate::decision::{Action, Relation};
use crate::draft::{Draft, Effect};
use crate::facts::{AddressProtection, Fact, SubjectFacts, is_before};
use crate::identity::sign_in::random_id;
use crate::instances::{Instance, InstanceKind};
use crate::items::{ItemRow, NewItemRow, wrap_item_key};
use crate::keys::KeyedToken;
use crate::ledger::{LedgerError, Outcome, Refusal};
use crate::merges::{self, Records};
use crate::recall::Recalls;
use crate::runs;
use crate::session::Principal;
use crate::subject_keys::SubjectKeyPair;
use candour_keeper_wire::bodies::seal_item_key;
use candour_keeper_wire::wire::{self, DepositGrant, Deposited, Reply};
use candour_keeper_wire::words::{EntryKind, ItemKind, Purpose, Reason, Section, Tag};
use candour_rules::budget::Charge;
use candour_rules::decision::Lane;
use candour_rules::keys::Patient;
use candour_seal::{Context, ItemId, ItemKey, PatientId, PracticeId, SystemRandom};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Most items of one call.
const MOST: usize = 512;
/// How often the same call is tried when another one deposits the same.
const TRIES: u32 = 3;

/// What everything about one call's items is read from.
struct Known {
    practice: PracticeId,
    members: HashSet<KeyedToken>,
    facts: HashMap<KeyedToken, Option<Arc<SubjectFacts>>>,
    keys: HashMap<KeyedToken, Arc<SubjectKeyPair>>,
    deposits: HashMap<[u8; 16], Arc<ItemRow>>,
    documents: HashMap<KeyedToken, Arc<ItemRow>>,
}

/// One item as asked for.
struct Asked {
    patient: PatientId,
    token: KeyedToken,
    kind: ItemKind,
    section: Section,
    tags: u8,
    month: i32,
    deposit: [u8; 16],
    of_document: Option<KeyedToken>,
}

enum Planned {
    Grant(Box<Draft>, DepositGrant),
    Known(DepositGrant),
    Refused(Box<Draft>, Reason),
}

/// Gives out keys of new items; the same deposit key gives the same item again until it is sealed.
pub async fn deposit(
    core: &Core,
    instance: &Instance,
    call: wire::Deposit,
) -> Result<Reply, Refusal> {
    let (caller, practice) = depositor(core, instance, &call.token).await?;
    if call.items.is_empty() || call.items.len() > MOST {
        return Err(Reason::Invalid.into());
    }
    let asked = call
        .items
        .iter()
        .map(|item| read(core, practice, item))
        .collect::<Result<Vec<_>, _>>()?;
    for _ in 0..TRIES {
        let known = known(core, &caller, practice, &asked).await?;
        let mut planned = Vec::with_capacity(asked.len());
        for item in &asked {
            planned.push(plan(core, instance, &caller, &known, item).await?);
        }
        match carry_out(core, &caller, planned).await {
            Err(LedgerError::Conflict) => {}
            Err(error) => return Err(error.into()),
            Ok(items) => return Ok(Reply::Deposited(Deposited { items })),
        }
    }
    Err(Reason::Invalid.into())
}

/// The source of what a run deposits: the operator, which is no practice.
pub(super) const OPERATOR: PracticeId = PracticeId::from_bytes([0; 16]);

/// Whoever deposits, and as which source: a practice by its staff or client, or the operator by a run.
pub(super) async fn depositor(
    core: &Core,
    instance: &Instance,
    token: &[u8],
) -> Result<(Caller, PracticeId), Refusal> {
    let purpose = i32::from(Purpose::Deposit);
    let caller = Caller::of(core, instance, token, purpose, "").await?;
    caller.refuse_new()?;
    if !is_run(&caller) {
        let practice = caller.session.practice.ok_or(Reason::NotAllowed)?;
        return Ok((caller, practice));
    }
    let purpose = i32::from(Purpose::IncidentNotice);
    let caller = Caller::of(core, instance, token, purpose, "").await?;
    Ok((caller, OPERATOR))
}

fn is_run(caller: &Caller) -> bool {
    matches!(caller.session.principal, Principal::Run(_))
}

/// Which of the patients are members of the caller's run, while it lasts.
async fn members(
    core: &Core,
    caller: &Caller,
    patients: &[KeyedToken],
) -> Result<HashSet<KeyedToken>, Refusal> {
    let mut members = HashSet::new();
    let is_live = caller.own.live().any(|row| match &row.fact {
        Fact::Run(run) => {
            is_before(run.until, caller.now) && run.purpose == i32::from(caller.purpose)
        }
        _ => false,
    });
    if !is_run(caller) || !is_live {
        return Ok(members);
    }
    for patient in patients {
        let run = caller.session.subject;
        if runs::member(core, run, *patient).await?.is_some() {
            members.insert(*patient);
        }
    }
    Ok(members)
}

fn read(core: &Core, practice: PracticeId, item: &wire::NewItem) -> Result<Asked, Reason> {
    let patient = PatientId::from_bytes(id(&item.patient)?);
    let kind = ItemKind::try_from(item.kind).map_err(|_| Reason::Invalid)?;
    let section = Section::try_from(item.section).map_err(|_| Reason::Invalid)?;
    let fits = match kind {
        ItemKind::Document => section == Section::None,
        ItemKind::Identity => section == Section::Identity,
        ItemKind::Contact => section == Section::Contact,
        ItemKind::Notice => section == Section::Notices,
        ItemKind::Segment => !matches!(
            section,
            Section::None | Section::Identity | Section::Contact | Section::Notices
        ),
    };
    let of_document = match item.of_document.as_slice() {
        [] => None,
        document => Some(core.keys.item(ItemId::from_bytes(id(document)?))),
    };
    if !fits || (of_document.is_some() && section != Section::Shelf) {
        return Err(Reason::Invalid);
    }
    let mut tags = 0;
    for tag in &item.tags {
        let tag = Tag::try_from(*tag).map_err(|_| Reason::Invalid)?;
        tags |= 1 << (tag.number() - 1);
    }
    Ok(Asked {
        patient,
        token: core.keys.patient(patient),
        kind,
        section,
        tags,
        month: i32::try_from(item.month).map_err(|_| Reason::Invalid)?,
        deposit: core.keys.deposit(practice, &id(&item.deposit_key)?),
        of_document,
    })
}

async fn known(
    core: &Core,
    caller: &Caller,
    practice: PracticeId,
    asked: &[Asked],
) -> Result<Known, Refusal> {
    let mut patients: Vec<KeyedToken> = asked.iter().map(|item| item.token).collect();
    patients.sort_unstable();
    patients.dedup();
    let deposits: Vec<[u8; 16]> = asked.iter().map(|item| item.deposit).collect();
    let mut documents: Vec<KeyedToken> = asked.iter().filter_map(|item| item.of_document).collect();
    documents.sort_unstable();
    documents.dedup();
    let known_deposits = core.items.of_deposits(&deposits).await?;
    let known_documents = if documents.is_empty() {
        Vec::new()
    } else {
        core.items.load_all(&documents).await?
    };
    let recalled = Recalls::of(core, known_documents.iter().map(|row| &**row)).await?;
    Ok(Known {
        practice,
        members: members(core, caller, &patients).await?,
        facts: merges::load_all(core, &patients).await?,
        keys: core
            .subject_keys
            .load_all(&patients)
            .await
            .map_err(|_| Reason::LedgerUnavailable)?,
        deposits: known_deposits
            .into_iter()
            .map(|row| (row.new.deposit, row))
            .collect(),
        // What was taken back gets no line on the shelf.
        documents: known_documents
            .into_iter()
            .filter(|row| !recalled.cover(row))
            .map(|row| (row.new.item, row))
            .collect(),
    })
}

async fn plan(
    core: &Core,
    instance: &Instance,
    caller: &Caller,
    known: &Known,
    asked: &Asked,
) -> Result<Planned, Refusal> {
    let session = &caller.session;
    let mut draft = Draft::of_session(EntryKind::Deposit, session, Some(caller.purpose));
    draft.row.item_kind = Some(asked.kind);
    draft.body.section = asked.section.into();
    draft.body.source_practice = known.practice.as_bytes().to_vec();
    let Some(records) = Records::among(&known.facts, asked.token) else {
        return Ok(Planned::Refused(Box::new(draft), Reason::SubjectClosed));
    };
    let mut view = records.view(core, session, caller.now);
    // Staff rights apply to neither record of one's own.
    view.was_enrolled &= !records.are_own(core, session);
    let Some(keys) = known.keys.get(&asked.token).filter(|_| view.is_known) else {
        return Ok(Planned::Refused(Box::new(draft), Reason::NotFound));
    };
    draft = draft.about(asked.patient, asked.token);
    let relation = relation(caller, known, asked, view);
    let decision = core.policy.decide(&reach::decision_facts(
        session,
        caller.purpose,
        Action::Deposit(asked.kind),
        relation,
        caller.now,
    ));
    reach::decided(&mut draft, &decision);
    if !decision.is_allowed {
        let reason = if relation == Relation::Stranger {
            Reason::NotFound
        } else {
            Reason::NotAllowed
        };
        return Ok(Planned::Refused(Box::new(draft), reason));
    }
    if let Some(row) = known.deposits.get(&asked.deposit) {
        if row.new.patient != asked.token || row.new.kind != asked.kind {
            return Ok(Planned::Refused(Box::new(draft), Reason::Invalid));
        }
        return again(core, asked, row, keys).await;
    }
    let names_own_document = asked.of_document.is_none_or(|document| {
        known.documents.get(&document).is_some_and(|row| {
            row.new.patient == asked.token
                && row.new.practice == known.practice
                && row.new.kind == ItemKind::Document
        })
    });
    if !names_own_document {
        return Ok(Planned::Refused(Box::new(draft), Reason::Invalid));
    }
    Ok(fresh(core, instance, caller, known, asked, keys, draft)?)
}

/// Who was ever enrolled here may still get a letter filed.
fn relation(caller: &Caller, known: &Known, asked: &Asked, view: PatientView) -> Relation {
    if is_run(caller) {
        let is_member = known.members.contains(&asked.token) && !view.is_canary;
        return if is_member && asked.kind == ItemKind::Notice {
            Relation::RunMember
        } else {
            Relation::Stranger
        };
    }
    if view.is_canary {
        return Relation::Stranger;
    }
    if view.was_enrolled {
        Relation::Enrolled
    } else {
        Relation::Stranger
    }
}

fn fresh(
    core: &Core,
    instance: &Instance,
    caller: &Caller,
    known: &Known,
    asked: &Asked,
    keys: &SubjectKeyPair,
    mut draft: Draft,
) -> Result<Planned, Reason> {
    let id = random_id();
    let item = ItemId::from_bytes(id);
    let token = core.keys.item(item);
    let key = ItemKey::generate(&mut SystemRandom);
    draft.row.item = token.surrogate();
    draft.body.item = id.to_vec();
    draft.effects.push(Effect::InsertItem(Box::new(NewItemRow {
        item: token,
        patient: asked.token,
        kind: asked.kind,
        section: asked.section,
        tags: asked.tags,
        month: asked.month,
        practice: known.practice,
        deposit: asked.deposit,
        of_document: asked.of_document,
        wrapped: wrap_item_key(&keys.reading, token, &key),
        at: caller.now,
        is_canary: false,
    })));
    let is_protected = asked.tags & 1 << (Tag::ProtectedAddress.number() - 1) != 0;
    if is_protected && asked.kind == ItemKind::Contact {
        // It holds for what others put in too, and for what this practice put in before.
        let fact = Fact::AddressProtection(AddressProtection {
            is_protected,
            by_account: false,
        });
        draft.effects.push(Effect::fact(asked.token, fact));
    }
    // The operator's own bulk import is watched by whoever runs it, a run has its members; everything else has a budget.
    if instance.kind != InstanceKind::Import && !is_run(caller) {
        let context =
            reach::budget_context(&caller.session, &caller.own, Lane::Ordinary, caller.now);
        let charge = Charge::Deposited(Patient(asked.token.surrogate()));
        draft.charge = Some((charge, context));
    }
    let grant = granted(core, asked, item, &key)?;
    Ok(Planned::Grant(Box::new(draft), grant))
}

async fn again(
    core: &Core,
    asked: &Asked,
    row: &ItemRow,
    keys: &SubjectKeyPair,
) -> Result<Planned, Refusal> {
    let item = core.keys.item_id(row.new.item);
    if row.sealed.is_some() {
        return Ok(Planned::Known(DepositGrant {
            item: item.as_bytes().to_vec(),
            subject: asked.patient.as_bytes().to_vec(),
            version: 1,
            ..DepositGrant::default()
        }));
    }
    let key = core.item_key(row, &keys.reading).await?;
    Ok(Planned::Known(granted(core, asked, item, &key)?))
}

fn granted(
    core: &Core,
    asked: &Asked,
    item: ItemId,
    key: &ItemKey,
) -> Result<DepositGrant, Reason> {
    let is_for_room = matches!(asked.kind, ItemKind::Identity | ItemKind::Contact);
    let room_wrap = if is_for_room {
        let context = Context {
            installation: core.config.installation,
            subject: *asked.patient.as_bytes(),
            item,
            version: 1,
        };
        seal_item_key(key, &context, &core.config.room, &mut SystemRandom)
            .map_err(|_| Reason::LedgerUnavailable)?
    } else {
        Vec::new()
    };
    Ok(DepositGrant {
        item: item.as_bytes().to_vec(),
        key: key.expose().to_vec(),
        subject: asked.patient.as_bytes().to_vec(),
        version: 1,
        room_wrap,
        refused: 0,
    })
}

async fn carry_out(
    core: &Core,
    caller: &Caller,
    planned: Vec<Planned>,
) -> Result<Vec<DepositGrant>, LedgerError> {
    let mut drafts = Vec::with_capacity(planned.len());
    let mut answers = Vec::with_capacity(planned.len());
    for one in planned {
        match one {
            Planned::Known(grant) => answers.push((grant, false)),
            Planned::Grant(draft, grant) => {
                drafts.push(*draft);
                answers.push((grant, true));
            }
            Planned::Refused(draft, reason) => {
                drafts.push(draft.refused(reason));
                answers.push((refusal(reason), true));
            }
        }
    }
    let mut outcomes = core.ledger.append(drafts).await?.into_iter();
    let guards = caller.session.freeze_guards(Some(caller.purpose));
    let is_stopped = core.freezes.is_stopped(&guards);
    let grants = answers.into_iter().map(|(grant, has_entry)| {
        if is_stopped {
            return refusal(Reason::Frozen);
        }
        if !has_entry {
            return grant;
        }
        match outcomes.next() {
            Some(outcome) => settled(grant, outcome),
            None => refusal(Reason::LedgerUnavailable),
        }
    });
    Ok(grants.collect())
}

fn settled(grant: DepositGrant, outcome: Outcome) -> DepositGrant {
    match outcome {
        Ok(appended) => match appended.refused {
            Some(refused) => refusal(refused.reason),
            None => grant,
        },
        Err(error) => refusal(error.reason()),
    }
}

fn refusal(reason: Reason) -> DepositGrant {
    DepositGrant {
        refused: reason.into(),
        ..DepositGrant::default()
    }
}
