//! Who is about to change what: two changes of the same subject, text or deposit wait for each other.

use crate::keys::{KeyedToken, LookupKind};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// Something that only one append at a time may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// A subject's facts.
    Facts(KeyedToken),
    /// A text.
    Lookup(LookupKind, [u8; 16]),
    /// A deposit.
    Deposit([u8; 16]),
    /// A subject's keys, and what hangs on them.
    Keys(KeyedToken),
    /// An item.
    Item(KeyedToken),
    /// A member of a run.
    Member(KeyedToken, KeyedToken),
}

/// The places taken now.
#[derive(Default)]
pub(super) struct Reservations {
    taken: Mutex<HashSet<Place>>,
    freed: Notify,
}

/// Places held until this is dropped.
pub(super) struct Held {
    of: Arc<Reservations>,
    places: Vec<Place>,
}

impl Reservations {
    /// Takes all places at once, when none of them is taken.
    pub async fn take(this: &Arc<Self>, mut places: Vec<Place>) -> Held {
        let mut seen = HashSet::new();
        places.retain(|place| seen.insert(*place));
        loop {
            let freed = this.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            {
                let mut taken = this.taken.lock().unwrap_or_else(PoisonError::into_inner);
                if places.iter().all(|place| !taken.contains(place)) {
                    taken.extend(places.iter().copied());
                    return Held {
                        of: Arc::clone(this),
                        places,
                    };
                }
            }
            freed.await;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.places.is_empty() {
            return;
        }
        {
            let mut taken = self.of.taken.lock().unwrap_or_else(PoisonError::into_inner);
            for place in &self.places {
                taken.remove(place);
            }
        }
        self.of.freed.notify_waiters();
    }
}
