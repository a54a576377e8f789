//! People are told by mail of what changes about their account or who reads their record (design, section 1).
//!
//! Which change is to be told stands in the sealed body of its own entry, so it is committed with the change, survives
//! everything that the entry does, and no portal can leave it out. The worker asks what is owed, opens for each entry the
//! contact blocks that were in force before it, and says when the mail went: another entry, after which nothing is owed.

use crate::calls::reach::PatientView;
use crate::changes::{addresses_of, patient_of, run_token};
use crate::core::Core;
use crate::draft::Draft;
use crate::erasure::Erasures;
use crate::facts::{Fact, SubjectFacts};
use crate::instances::Instance;
use crate::items::SectionItem;
use crate::keys::{KeyedToken, OwnSubject};
use crate::ledger::Refusal;
use crate::merges;
use crate::reader;
use crate::session::Principal;
use crate::sql::calls as sql;
use candour_keeper_wire::wire::{self, ChangeKind, EntryBody, Reply, ToldAddress};
use candour_keeper_wire::words::{
    EntryKind, Notification, Purpose, Reason, Role, Section, Tag, Telling,
};
use candour_seal::{PracticeId, RunId};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// As what the worker opens addresses: a lane that is always there, and opens nothing else.
pub(crate) const LANE: RunId = RunId::from_bytes(*b"notifications\0\0\0");

/// How old an entry may be that somebody is told of (design, section 7).
const WITHIN: SignedDuration = SignedDuration::from_hours(24);
/// For how long it is counted that nobody was told.
const COUNTED: SignedDuration = SignedDuration::from_hours(31 * 24);
/// An address that was replaced so short a time before is told too: else whoever changes it first is told of the rest.
const REPLACED: SignedDuration = SignedDuration::from_hours(72);
/// How often the addresses of one entry are opened.
const MOST_OPENS: i64 = 12;
/// How many openings there are in an hour, for whomever.
const MOST_AN_HOUR: i64 = 2_000;
/// The same for one person: whoever changes something all day tells nobody else less.
const MOST_OF_ONE_AN_HOUR: i64 = 20;
/// The same as for whomever, for changed addresses, which a practice's program makes in bulk: the rest of the hour is for the others.
const MOST_ADDRESSES_AN_HOUR: i64 = 1_000;
/// Most addresses of one person.
const MOST_BLOCKS: usize = 8;
/// Most in one answer.
const MOST: i64 = 200;

/// What is owed with an entry, and to whom: a patient, or the person whose own record has the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owes {
    pub what: Notification,
    pub to: KeyedToken,
}

impl Owes {
    /// Notes it in the entry's body. A refusal owes nothing.
    pub(crate) fn note(self, body: &mut EntryBody) {
        body.owes = self.what.into();
        body.owed_to = self.to.0.to_vec();
    }
}

/// What a change owes. What only takes reading away is told to nobody: whoever frees themself of somebody must not have
/// to fear who else reads their mail.
pub(crate) fn by_change(core: &Core, kind: &ChangeKind, author: KeyedToken) -> Option<Owes> {
    let what = match kind {
        ChangeKind::AddPasskey(_)
        | ChangeKind::SetPassword(_)
        | ChangeKind::SetApp(_)
        | ChangeKind::NewSheet(_) => Notification::WayAdded,
        ChangeKind::RemovePasskey(_) => Notification::WayRemoved,
        ChangeKind::Recover(_) => Notification::RecoveryBegun,
        ChangeKind::StopRecovery(_) => Notification::RecoveryStopped,
        ChangeKind::Invite(invite) => match Role::try_from(invite.role) {
            Ok(Role::Patient) => Notification::AccountInvited,
            Ok(Role::Proxy) => Notification::ProxyInvited,
            _ => return None,
        },
        ChangeKind::AddNotificationAddress(_) | ChangeKind::RemoveNotificationAddress(_) => {
            Notification::AddressChanged
        }
        ChangeKind::GrantProxy(_) => Notification::ProxyBegan,
        ChangeKind::Share(_) | ChangeKind::EndRestriction(_) => Notification::Shared,
        ChangeKind::ProtectAddress(change) if !change.is_protected => Notification::Shared,
        ChangeKind::EndProxy(_)
        | ChangeKind::EndEnrolment(_)
        | ChangeKind::EndShare(_)
        | ChangeKind::Restrict(_)
        | ChangeKind::StopInvitation(_)
        | ChangeKind::StopWaiting(_)
        // To the address itself its code was sent.
        | ChangeKind::ConfirmNotificationAddress(_)
        | ChangeKind::ProtectAddress(_)
        | ChangeKind::Recall(_)
        | ChangeKind::EndRecall(_)
        // Of a link the home page of both records tells, whoever reads either.
        | ChangeKind::Merge(_)
        | ChangeKind::EndMerge(_)
        // Of a mark that nothing is written any more, or is again, nothing is written either.
        | ChangeKind::MarkPatient(_)
        // A certificate says it to the practice, and who opened the record to the patient.
        | ChangeKind::Erase(_)
        | ChangeKind::Hold(_)
        // Whoever gives and takes a role is told by its page.
        | ChangeKind::GrantRole(_)
        | ChangeKind::EndRole(_)
        | ChangeKind::AddClient(_)
        | ChangeKind::LetClientRead(_)
        | ChangeKind::EndClient(_)
        | ChangeKind::Freeze(_)
        | ChangeKind::Unfreeze(_)
        | ChangeKind::StartRun(_)
        | ChangeKind::UnlockRoom(_)
        | ChangeKind::Attest(_)
        | ChangeKind::Approve(_) => return None,
    };
    let patient = patient_of(kind).map(|patient| core.keys.patient(patient));
    Some(Owes {
        what,
        to: patient.unwrap_or(author),
    })
}

/// An entry that somebody is to be told of.
pub(crate) struct Owed {
    index: u64,
    at: Timestamp,
    what: Notification,
    /// Facts of the patient whose addresses they are; `None` where the person has no record here, or it is closed.
    pub(crate) about: Option<Arc<SubjectFacts>>,
    /// Facts of the person whose account it is about, or the account of that patient.
    pub(crate) account: Option<Arc<SubjectFacts>>,
}

/// A patient has an address already, so that another one is a change.
pub(crate) async fn has_address(core: &Core, patient: KeyedToken) -> Result<bool, Reason> {
    let held = core.items.section(patient, Section::Contact).await;
    Ok(!held.map_err(|_| Reason::LedgerUnavailable)?.is_empty())
}

/// What is owed now, with the worker's token.
pub async fn owed(core: &Core, instance: &Instance) -> Result<Reply, Refusal> {
    let now = core.clock.now();
    let (since, until) = (micros(now, COUNTED), micros(now, WITHIN));
    let missed = reader::rows(&core.pool, sql::NOT_TOLD, &[&since, &until]).await?;
    let missed = missed.first().map_or(0, |row| row.get::<_, i64>(0));
    let missed = u32::try_from(missed).unwrap_or(u32::MAX);
    core.notifications_missed.store(missed, Ordering::Relaxed);
    let mut answer = wire::OwedNotifications::default();
    let Some((token, guards)) =
        run_token(core, instance.id, LANE, Some(Purpose::Notification), now)
    else {
        return Ok(Reply::NotificationsOwed(answer));
    };
    if core.freezes.is_stopped(&guards) {
        return Ok(Reply::NotificationsOwed(answer));
    }
    answer.token = token.expose().to_vec();
    let size = i64::try_from(core.ledger.size()).unwrap_or(i64::MAX);
    for row in reader::rows(&core.pool, sql::OWED, &[&until, &size, &MOST]).await? {
        let Some(owed) = read(core, &row).await? else {
            continue;
        };
        let (items, own) = match owed.everywhere(core).await {
            Ok(told) => told,
            Err(refusal) if refusal.reason == Reason::LedgerUnavailable => return Err(refusal),
            // One record that cannot be trusted keeps nobody else from being told.
            Err(_) => {
                let index = owed.index;
                tracing::error!(index, "the addresses of an entry that owes cannot be read");
                continue;
            }
        };
        let ids = items
            .iter()
            .map(|item| core.keys.item_id(item.row.new.item).as_bytes().to_vec());
        let ids = ids.chain(own.into_iter().map(|own| own.id));
        answer.owed.push(wire::OwedNotification {
            index: owed.index,
            at: owed.at.as_microsecond(),
            what: owed.what.into(),
            items: ids.collect(),
        });
    }
    Ok(Reply::NotificationsOwed(answer))
}

/// Somebody was told, or could not be: the worker's word, once for each entry.
pub async fn done(core: &Core, call: &wire::NotificationDone) -> Result<Reply, Refusal> {
    let outcome = Telling::try_from(call.outcome).map_err(|_| Reason::Invalid)?;
    // One at a time, so that twice is once.
    let _one = core.run_batches.lock().await;
    let Some(owed) = find(core, call.index, Timestamp::MIN).await? else {
        return Ok(Reply::Done(wire::Done {}));
    };
    let mut draft = Draft::of_keeper(EntryKind::Told);
    draft.row.purpose = Some(Purpose::Notification);
    draft.row.decision = match outcome {
        Telling::Sent => 0,
        Telling::NoAddress => Reason::NotFound.number(),
        Telling::Refused => Reason::Invalid.number(),
        Telling::Stuck => Reason::TooMany.number(),
    };
    draft.body.told_of = owed.index;
    owed.what.word().clone_into(&mut draft.body.text);
    if let Some(about) = &owed.about {
        let token = about.subject();
        draft = draft.about(core.keys.patient_id(token), token);
    }
    core.ledger.append_one(draft).await?;
    Ok(Reply::Done(wire::Done {}))
}

/// The entry at an index, where somebody is to be told of it, nobody was, and it is not older than `since`.
async fn find(core: &Core, index: u64, since: Timestamp) -> Result<Option<Owed>, Refusal> {
    let Ok(index) = i64::try_from(index) else {
        return Ok(None);
    };
    let since = since.as_microsecond();
    match reader::rows(&core.pool, sql::OWED_AT, &[&index, &since])
        .await?
        .first()
    {
        Some(row) => read(core, row).await,
        None => Ok(None),
    }
}

/// The same of the last day: what an address may be opened for.
pub(crate) async fn open_for(
    core: &Core,
    index: u64,
    now: Timestamp,
) -> Result<Option<Owed>, Refusal> {
    let since = now.saturating_sub(WITHIN).unwrap_or(Timestamp::MAX);
    find(core, index, since).await
}

/// Whether an entry's addresses were opened so often, or so many within the hour, that none is opened now.
pub(crate) async fn is_spent(core: &Core, owed: &Owed, now: Timestamp) -> Result<bool, Refusal> {
    let index = i64::try_from(owed.index).map_err(|_| Reason::Invalid)?;
    let lane = core.keys.run(LANE).surrogate();
    let since = micros(now, SignedDuration::from_hours(1));
    let one = owed.about.as_ref().or(owed.account.as_ref());
    let one = one.map_or(0, |one| one.subject().surrogate());
    let counted: [&(dyn ToSql + Sync); 4] = [&index, &lane, &since, &one];
    let rows = reader::rows(&core.pool, sql::TOLD_OPENINGS, &counted).await?;
    let row = rows.first().ok_or(Reason::LedgerUnavailable)?;
    let most = match owed.what {
        Notification::ContactChanged => MOST_ADDRESSES_AN_HOUR,
        _ => MOST_AN_HOUR,
    };
    let [of_entry, of_all, of_one]: [i64; 3] = [row.get(0), row.get(1), row.get(2)];
    Ok(of_entry >= MOST_OPENS || of_all >= most || of_one >= MOST_OF_ONE_AN_HOUR)
}

/// Whether a session is the worker's, for just this.
pub(crate) fn is_lane(principal: Principal, purpose: Purpose) -> bool {
    principal == Principal::Run(LANE) && purpose == Purpose::Notification
}

/// Reads an owing entry. Its sealed body counts, not the column it was found by.
async fn read(core: &Core, row: &Row) -> Result<Option<Owed>, Refusal> {
    let index = u64::try_from(row.get::<_, i64>("index")).unwrap_or_default();
    let subject = match row.get::<_, Option<&[u8]>>("subject") {
        Some(token) => KeyedToken::try_from(token).map_err(|_| Reason::SubjectClosed)?,
        None => core.keys.own(OwnSubject::Installation),
    };
    let body = core
        .open_body(subject, index, row.get("body"), row.get("audit_wrap"))
        .await;
    let Ok(body) = body else {
        tracing::error!(index, "an entry that owes a notification does not open");
        return Ok(None);
    };
    let (Ok(what), Ok(to)) = (
        Notification::try_from(body.owes),
        KeyedToken::try_from(body.owed_to.as_slice()),
    ) else {
        return Ok(None);
    };
    let at = Timestamp::from_microsecond(row.get("at")).map_err(|_| Reason::SubjectClosed)?;
    let (about, account) = facts_of(core, to).await?;
    Ok(Some(Owed {
        index,
        at,
        what,
        about,
        account,
    }))
}

/// What is known of one subject; nothing of one that is closed, for nothing that is known of it can be trusted.
async fn known(
    core: &Core,
    token: Option<KeyedToken>,
) -> Result<Option<Arc<SubjectFacts>>, Refusal> {
    let Some(token) = token else {
        return Ok(None);
    };
    Ok(core
        .facts
        .load_all(&[token])
        .await?
        .remove(&token)
        .flatten())
}

/// The facts of a patient, or of the patient that a person is; and those of the account, the patient's or the person's.
async fn facts_of(
    core: &Core,
    token: KeyedToken,
) -> Result<(Option<Arc<SubjectFacts>>, Option<Arc<SubjectFacts>>), Refusal> {
    let Some(facts) = known(core, Some(token)).await? else {
        return Ok((None, None));
    };
    if PatientView::of(&facts, None).is_known {
        let account = known(core, facts.account_holder()).await?;
        return Ok((Some(facts), account));
    }
    let own = facts.live().find_map(|row| match &row.fact {
        Fact::SelfPatient(own) => KeyedToken::try_from(own.patient.as_slice()).ok(),
        _ => None,
    });
    let about = known(core, own).await?;
    // A record that is closed may say that nothing is to be written.
    let is_closed = own.is_some() && about.is_none();
    Ok((about, (!is_closed).then_some(facts)))
}

impl Owed {
    /// From when on nothing that the account did keeps silent about the entry.
    fn lately(&self) -> Timestamp {
        self.at.saturating_sub(REPLACED).unwrap_or(Timestamp::MAX)
    }

    /// What is known of whom it is about. A mark on the other record of the same person silences this one too.
    pub(crate) async fn view(
        &self,
        core: &Core,
        about: &SubjectFacts,
    ) -> Result<PatientView, Refusal> {
        let records = merges::load(core, about.subject()).await?;
        let mut view = PatientView::told(&records.facts, self.lately());
        if let Some(other) = &records.other {
            let other = PatientView::told(other, self.lately());
            view.is_canary |= other.is_canary;
            view.is_deceased |= other.is_deceased;
            view.is_unsafe_to_write |= other.is_unsafe_to_write;
        }
        Ok(view)
    }

    /// Everywhere somebody is told: the contact blocks, and the account's own addresses.
    pub(crate) async fn everywhere(
        &self,
        core: &Core,
    ) -> Result<(Vec<SectionItem>, Vec<ToldAddress>), Refusal> {
        let Some(about) = &self.about else {
            return Ok((Vec::new(), self.own(core)));
        };
        let blocks = self.addresses(core, about).await?;
        Ok(blocks.map_or_else(Default::default, |blocks| (blocks, self.own(core))))
    }

    /// The account's own addresses: those that were confirmed before it happened, also where they were taken away shortly
    /// before; and the one that it added, with its code.
    fn own(&self, core: &Core) -> Vec<ToldAddress> {
        let Some(account) = &self.account else {
            return Vec::new();
        };
        let lately = self.lately();
        // Entries have the same time while the clock is behind the ledger's: then one mail more is sent, and none less.
        let told = addresses_of(&core.keys, account, lately);
        let told = told.into_iter().filter(|held| {
            if held.fact.is_confirmed {
                held.at <= self.at
            } else {
                let is_added = self.what == Notification::AddressChanged && held.at == self.at;
                is_added && held.ended.is_none()
            }
        });
        told.map(|held| ToldAddress {
            id: held.fact.id.clone(),
            code: held.code(&core.keys, account.subject()),
            address: held.address,
        })
        .take(MOST_BLOCKS)
        .collect()
    }

    /// The contact blocks on which somebody is told: of each practice where they are enrolled, those in force when it
    /// happened or replaced shortly before; `None` where nothing may be written, wherever.
    async fn addresses(
        &self,
        core: &Core,
        about: &SubjectFacts,
    ) -> Result<Option<Vec<SectionItem>>, Refusal> {
        let view = self.view(core, about).await?;
        if !view.is_known || view.is_canary || view.is_deceased || view.is_unsafe_to_write {
            return Ok(None);
        }
        let items = core
            .items
            .section(about.subject(), Section::Contact)
            .await?;
        let (erased, enrolled) = (Erasures::of(about), practices(about));
        let there = items
            .iter()
            .filter(|item| enrolled.contains(&item.row.new.practice) && !erased.cover(&item.row));
        let there: Vec<&SectionItem> = there.collect();
        // The newest block of any practice, whenever it came, keeps all of them silent: the person is the same.
        let newest: HashMap<PracticeId, &SectionItem> = there
            .iter()
            .map(|item| (item.row.new.practice, *item))
            .collect();
        // Whoever ended the protection of their address is written to again; the view knows of one that stands.
        let is_decided = about.address_protection().is_some();
        let protected = 1_u8 << (Tag::ProtectedAddress.number() - 1);
        let is_protected = |item: &&SectionItem| item.row.new.tags & protected != 0;
        if !is_decided && newest.values().any(is_protected) {
            return Ok(None);
        }
        let replaced = self.lately();
        let came_before = |item: &SectionItem| item.visible_from < self.index;
        let was_in_force = |(place, item): &(usize, &&SectionItem)| {
            let next = there[place + 1..]
                .iter()
                .find(|next| came_before(next) && next.row.new.practice == item.row.new.practice);
            came_before(item) && next.is_none_or(|next| next.row.new.at >= replaced)
        };
        // The oldest first: whoever writes many new ones pushes none of them out.
        let told = there.iter().enumerate().filter(was_in_force);
        let told = told.map(|(_, item)| SectionItem::clone(item));
        Ok(Some(told.take(MOST_BLOCKS).collect()))
    }
}

fn practices(about: &SubjectFacts) -> Vec<PracticeId> {
    let enrolled = about.live().filter_map(|row| match &row.fact {
        Fact::Enrolment(enrolment) => PracticeId::try_from(enrolment.practice.as_slice()).ok(),
        _ => None,
    });
    enrolled.collect()
}

fn micros(now: Timestamp, before: SignedDuration) -> i64 {
    let then = now.saturating_sub(before);
    then.map_or(i64::MAX, Timestamp::as_microsecond)
}
