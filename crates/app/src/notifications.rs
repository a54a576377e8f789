//! People are told by mail of a change, on the channels they had before it: the worker's step, safe to repeat.
//!
//! The keeper says what is owed, so a portal can neither hold a mail back nor see that one is due. Each mail has a row of its
//! own before its address is opened, and the row goes when the keeper has noted what became of it. A process that dies
//! between handing a mail over and marking its row sends the same mail once more, with the same `Message-ID`.

use crate::mail::{Letter, MailError, Mailer};
use candour_core::block::Block;
use candour_core::people::{Contact, EmailAddress};
use candour_keeper_api::words::{Notification, Reason, Telling};
use candour_keeper_api::{
    CallError, ItemPermit, Keeper, Notification as Addresses, Permit, Viewer,
};
use candour_seal::{CryptoRng, Digest, ItemId, SystemRandom};
use candour_store::{LeasedNotification, MOST_ATTEMPTS, Store, StoreError};
use jiff::{SignedDuration, Timestamp};

/// Entries of which one step tells; more wait for the next.
const BATCH: usize = 32;

/// How long nothing is asked for after the keeper opened nothing to anybody.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// The longest wait between two tries of a mail.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(2);

/// Subject and text of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// One line, which says nothing personal.
    pub subject: String,
    /// What happened in general words, and what to do.
    pub text: String,
}

/// What one mail is about.
#[derive(Clone, Copy)]
pub struct About<'a> {
    /// What happened.
    pub what: Notification,
    /// When.
    pub at: Timestamp,
    /// The language that its reader reads best (BCP 47).
    pub language: &'a str,
    /// The code by which this very address is to be confirmed.
    pub code: Option<&'a str>,
    /// It is told of the change too: every address is that is no new one.
    pub is_told: bool,
}

impl<'a> About<'a> {
    /// The mail of a row, about its change alone.
    pub const fn of(row: &LeasedNotification, language: &'a str) -> Self {
        Self {
            what: row.what,
            at: row.at,
            language,
            code: None,
            is_told: true,
        }
    }
}

/// Writes a mail.
pub type Write = Box<dyn Fn(About<'_>) -> Words + Send + Sync>;

/// An address on which somebody is told, or may not be.
struct Place {
    id: ItemId,
    contact: Contact,
    code: Option<String>,
}

/// What time it is.
pub type Clock<'a> = &'a (dyn Fn() -> Timestamp + Sync);

/// Who tells people.
pub struct Notifier {
    /// The keeper, as the worker calls it.
    pub keeper: Keeper,
    /// The rows of mails on their way, and the sealed addresses.
    pub store: Store,
    /// The operator's relay.
    pub mailer: Mailer,
    /// The words.
    pub write: Write,
}

/// Why nobody can be told just now; it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// The keeper did not answer.
    #[error("the keeper does not say of what people are to be told")]
    Keeper(#[from] CallError),
    /// The store failed.
    #[error("mails to people cannot be kept track of")]
    Store(#[from] StoreError),
}

/// What a relay came to that is to be noted.
enum Sent {
    Settled(Telling),
    Later,
}

impl Notifier {
    /// Tells people of what they were not told yet; gives how many mails a relay took.
    pub async fn step(&self, clock: Clock<'_>) -> Result<usize, NotifyError> {
        // What an earlier step, or a process that died, did not get to say.
        self.report().await?;
        let owed = self.keeper.notifications_owed().await?;
        let Some(viewer) = owed.viewer() else {
            return Ok(0);
        };
        self.store.owe(owed.all(), clock()).await?;
        for nobody in owed.all().iter().filter(|one| one.items.is_empty()) {
            self.keeper
                .notification_done(nobody.index, Telling::NoAddress)
                .await?;
        }
        let mut sent = 0;
        for _ in 0..BATCH {
            // Each opening is on the ledger, and there are few of them: none while the relay is away.
            let is_due = self.store.is_notification_due(clock()).await?;
            if !is_due || !self.mailer.is_reachable().await {
                break;
            }
            match self.tell(viewer, clock).await? {
                Some(mails) => sent += mails,
                None => break,
            }
        }
        self.report().await?;
        Ok(sent)
    }

    /// Tells of one entry; `None` where nothing may be opened now.
    async fn tell(&self, viewer: &Viewer, clock: Clock<'_>) -> Result<Option<usize>, NotifyError> {
        let held = self.store.lease_notifications(drawn(), clock()).await?;
        let Some(first) = held.first() else {
            return Ok(Some(0));
        };
        let permit = match self.keeper.open(viewer, Addresses(first.entry)).await {
            Ok(permit) => permit,
            Err(CallError::Denied(denied)) => {
                return self.refused(&held, denied.reason, clock()).await;
            }
            Err(error) => {
                self.give_back(&held, clock()).await?;
                return Err(error.into());
            }
        };
        let items = permit.items().iter().map(ItemPermit::item);
        let own = permit.addresses().iter().map(|own| own.id);
        let named: Vec<ItemId> = items.chain(own).collect();
        let places = match self.places(permit).await {
            Ok(places) => places,
            Err(error) => {
                self.put_off(&held, clock()).await?;
                return Err(error.into());
            }
        };
        let mut sent = 0;
        for row in &held {
            // Taken away, or asked for anew, since it was owed.
            if !named.contains(&row.item) {
                let gone = Telling::NoAddress;
                self.store.settle_notification(row, gone).await?;
                continue;
            }
            match self.send(row, &places, clock()).await {
                Sent::Settled(outcome) => {
                    self.store.settle_notification(row, outcome).await?;
                    sent += usize::from(outcome == Telling::Sent);
                }
                Sent::Later => self.put_off(std::slice::from_ref(row), clock()).await?,
            }
        }
        Ok(Some(sent))
    }

    /// The keeper opens no address of this entry.
    async fn refused(
        &self,
        held: &[LeasedNotification],
        reason: Reason,
        now: Timestamp,
    ) -> Result<Option<usize>, NotifyError> {
        match reason {
            // Somebody else told of it, or its day is over: the keeper owes nothing any more.
            Reason::NotFound => {
                for row in held {
                    self.store.forget_notification(row.entry).await?;
                }
                Ok(Some(0))
            }
            // The policies in force do not let it be opened, or it was opened too often: tried again, and then stuck, so
            // that somebody sees it.
            Reason::NotAllowed | Reason::SubjectClosed | Reason::OverBudget => {
                self.put_off(held, now).await?;
                Ok(Some(0))
            }
            _ => {
                self.give_back(held, now).await?;
                Ok(None)
            }
        }
    }

    /// Addresses that a permit names: one that is to be confirmed, the contact blocks, oldest first, and the account's own.
    /// What does not open or is not here is left out.
    async fn places(&self, permit: Permit<Addresses>) -> Result<Vec<Place>, StoreError> {
        let sealed = self.store.sealed_many(permit.items()).await?;
        let own = permit.addresses().iter().map(|own| Place {
            id: own.id,
            contact: Contact {
                email: EmailAddress::parse(&own.address).ok(),
                ..Contact::unknown("")
            },
            code: own.code.clone(),
        });
        let (mut places, own): (Vec<_>, Vec<_>) = own.partition(|own| own.code.is_some());
        for permit in permit.into_items() {
            let item = permit.item();
            let Some(sealed) = sealed.get(&item) else {
                continue;
            };
            match permit
                .open(sealed)
                .map(|block| Contact::from_block(block.get()))
            {
                Ok(Ok(contact)) => places.push(Place {
                    id: item,
                    contact,
                    code: None,
                }),
                Ok(Err(_)) | Err(_) => tracing::warn!(%item, "a contact block does not open"),
            }
        }
        places.extend(own);
        Ok(places)
    }

    async fn send(&self, row: &LeasedNotification, places: &[Place], now: Timestamp) -> Sent {
        // What is not here, or does not open, is no word that there is no address: it is tried again, and then stuck.
        if !places.iter().any(|place| place.id == row.item) {
            return Sent::Later;
        }
        let Some((to, place)) = address(row.item, places) else {
            return Sent::Settled(Telling::NoAddress);
        };
        let is_there_twice = |other: &Place| other.id != place.id && is_same(other, to);
        let about = About {
            code: place.code.as_deref(),
            is_told: place.code.is_none() || places.iter().any(is_there_twice),
            ..About::of(row, &place.contact.language)
        };
        // That nobody hears of it at an address that was only to be confirmed leaves nobody untold.
        let settled = |outcome| {
            Sent::Settled(if about.is_told {
                outcome
            } else {
                Telling::NoAddress
            })
        };
        let Words { subject, text } = (self.write)(about);
        let letter = Letter {
            to: to.as_str(),
            subject: &subject,
            text: &text,
            id: &message_id(row),
        };
        match self.mailer.send(&letter, now).await {
            Ok(_) => Sent::Settled(Telling::Sent),
            Err(MailError::Message | MailError::Refused(_)) => settled(Telling::Refused),
            Err(MailError::Later(_)) if row.attempts >= MOST_ATTEMPTS => {
                tracing::error!(
                    entry = row.entry,
                    "somebody cannot be told of a change by mail; it is not tried any more"
                );
                settled(Telling::Stuck)
            }
            Err(MailError::Later(_)) => Sent::Later,
        }
    }

    /// Tried, and again later; or tried often enough.
    async fn put_off(&self, held: &[LeasedNotification], now: Timestamp) -> Result<(), StoreError> {
        for row in held {
            if row.attempts >= MOST_ATTEMPTS {
                self.store.settle_notification(row, Telling::Stuck).await?;
                continue;
            }
            let seconds = 30_i64 << row.attempts.clamp(0, 8);
            let wait = SignedDuration::from_secs(seconds).min(LONGEST_WAIT);
            let again = now.saturating_add(wait).unwrap_or(Timestamp::MAX);
            self.store.put_off_notification(row, again, true).await?;
        }
        Ok(())
    }

    /// Nothing was tried with these. An opening that was held back counts in the keeper, so it is not asked for at once.
    async fn give_back(
        &self,
        held: &[LeasedNotification],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let again = now.saturating_add(PAUSE).unwrap_or(Timestamp::MAX);
        for row in held {
            self.store.put_off_notification(row, again, false).await?;
        }
        Ok(())
    }

    /// Says what became of every entry no mail of which waits any more.
    async fn report(&self) -> Result<(), NotifyError> {
        for (entry, outcome) in self.store.settled_notifications().await? {
            self.keeper.notification_done(entry, outcome).await?;
            self.store.forget_notification(entry).await?;
        }
        Ok(())
    }
}

/// The address of a place; `None` where there is none, where it is that of one before it, which gets the person's one mail,
/// or where any of their contact blocks says that nothing may be written.
fn address(id: ItemId, places: &[Place]) -> Option<(&EmailAddress, &Place)> {
    if places.iter().any(|place| place.contact.unsafe_to_write) {
        return None;
    }
    let at = places.iter().position(|place| place.id == id)?;
    let (before, from) = places.split_at(at);
    let place = from.first()?;
    let email = place.contact.email.as_ref()?;
    let is_told = before.iter().any(|other| is_same(other, email));
    (!is_told).then_some((email, place))
}

/// Mail to this place goes to that address.
fn is_same(place: &Place, address: &EmailAddress) -> bool {
    let own = place.contact.email.as_ref();
    own.is_some_and(|own| own.as_str().eq_ignore_ascii_case(address.as_str()))
}

/// A new lease.
fn drawn() -> [u8; 16] {
    let mut lease = [0; 16];
    let rng: &mut dyn CryptoRng = &mut SystemRandom;
    rng.fill_bytes(&mut lease);
    lease
}

/// The same at each attempt, and tells nobody whose it is.
fn message_id(row: &LeasedNotification) -> String {
    let bytes = [row.entry.to_be_bytes().as_slice(), row.item.as_bytes()].concat();
    let digest = Digest::of(&bytes).to_string();
    digest.chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(email: &str) -> Contact {
        Contact {
            email: EmailAddress::parse(email).ok(),
            ..Contact::unknown("NZ")
        }
    }

    fn item(number: u8) -> ItemId {
        ItemId::from_bytes([number; 16])
    }

    fn place((id, contact): (ItemId, Contact)) -> Place {
        Place {
            id,
            contact,
            code: None,
        }
    }

    fn told(places: &[Place]) -> Vec<&str> {
        let each = places.iter().filter_map(|one| address(one.id, places));
        each.map(|(email, _)| email.as_str()).collect()
    }

    #[test]
    fn each_address_gets_one_mail_however_many_practices_wrote_it_down() {
        let contacts = [
            (item(1), contact("aroha@example.nz")),
            (item(2), contact("Aroha@Example.nz")),
            (item(3), contact("")),
            (item(4), contact("work@example.nz")),
        ];
        let places = contacts.map(place);
        assert_eq!(told(&places), ["aroha@example.nz", "work@example.nz"]);
    }

    #[test]
    fn whoever_one_practice_must_not_write_to_is_not_written_to_at_another_s_address() {
        let mut silent = contact("aroha@example.nz");
        silent.unsafe_to_write = true;
        let contacts = [(item(1), contact("old@example.nz")), (item(2), silent)];
        assert!(told(&contacts.map(place)).is_empty());
    }
}
