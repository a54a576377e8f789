//! What people are to be told of, as the keeper says it.

use candour_keeper_wire::words::{Notification, Purpose};
use candour_keeper_wire::{Token, wire};
use candour_seal::ItemId;

use crate::Viewer;

/// What people are to be told of now.
pub struct Owed {
    viewer: Option<Viewer>,
    all: Vec<OwedNotification>,
}

/// Somebody is to be told of one entry; who, only the contact blocks say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwedNotification {
    /// The entry's ledger index.
    pub index: u64,
    /// When it happened, microseconds since the Unix epoch.
    pub at: i64,
    /// What.
    pub what: Notification,
    /// The contact blocks with the addresses, oldest first, and the account's own addresses; none where nothing is to be
    /// written.
    pub items: Vec<ItemId>,
}

impl Owed {
    /// Reads the answer.
    pub(crate) fn new(answer: &wire::OwedNotifications) -> Self {
        let viewer = Token::from_bytes(&answer.token).map(|token| Viewer {
            token,
            purpose: Purpose::Notification,
            network: String::new(),
        });
        // What a newer keeper tells of in a word that is not known here waits, and keeps nobody else from being told.
        let all = answer.owed.iter().filter_map(read).collect();
        Self { viewer, all }
    }

    /// As whom their addresses are opened; `None` while nothing may be opened.
    pub const fn viewer(&self) -> Option<&Viewer> {
        self.viewer.as_ref()
    }

    /// Each of them, oldest first.
    pub fn all(&self) -> &[OwedNotification] {
        &self.all
    }
}

fn read(owed: &wire::OwedNotification) -> Option<OwedNotification> {
    let items = owed.items.iter();
    Some(OwedNotification {
        index: owed.index,
        at: owed.at,
        what: Notification::try_from(owed.what).ok()?,
        items: items
            .map(|item| ItemId::try_from(item.as_slice()).ok())
            .collect::<Option<_>>()?,
    })
}
