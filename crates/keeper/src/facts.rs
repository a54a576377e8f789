//! Facts: what the keeper knows about people, patients, practices, clients, runs and itself.
//!
//! Rows are only added. Each carries a MAC under a root-derived key and the next version of its subject;
//! a head row says how many there are. A changed, missing or foreign row closes the subject.

mod kinds;
mod store;

pub use kinds::*;
pub use store::{FactStore, FactsError};
pub(crate) use store::{fact_mac_data, head_mac_data};

use crate::keys::KeyedToken;
use jiff::Timestamp;

/// One verified fact row.
#[derive(Clone, PartialEq)]
pub struct FactRow {
    /// Its place among the subject's facts, from 1.
    pub version: i64,
    /// When it was written.
    pub at: Timestamp,
    /// What it says.
    pub fact: Fact,
}

/// All verified facts of one subject.
#[derive(Clone)]
pub struct SubjectFacts {
    subject: KeyedToken,
    rows: Vec<FactRow>,
    ended: Vec<i64>,
    /// Where in `rows` recalls stand that have not ended: every opening asks for them.
    recalled: Vec<usize>,
}

impl SubjectFacts {
    pub(crate) fn new(subject: KeyedToken, rows: Vec<FactRow>) -> Self {
        let mut ended: Vec<i64> = rows
            .iter()
            .filter_map(|row| match &row.fact {
                Fact::End(end) => Some(end.version),
                _ => None,
            })
            .collect();
        ended.sort_unstable();
        let recalled = rows.iter().enumerate().filter(|(_, row)| {
            matches!(row.fact, Fact::Recalled(_)) && ended.binary_search(&row.version).is_err()
        });
        Self {
            subject,
            recalled: recalled.map(|(place, _)| place).collect(),
            rows,
            ended,
        }
    }

    /// Whose.
    pub fn subject(&self) -> KeyedToken {
        self.subject
    }

    /// The number of rows; 0 when nothing is known. What a [`crate::draft::Guard::Facts`] compares.
    pub fn version(&self) -> i64 {
        self.rows.last().map_or(0, |row| row.version)
    }

    /// Nothing is known about this subject.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Every row, ended ones too.
    pub fn rows(&self) -> &[FactRow] {
        &self.rows
    }

    /// Who has the account of this patient.
    pub fn account_holder(&self) -> Option<KeyedToken> {
        self.live().find_map(|row| match &row.fact {
            Fact::AccountHolder(holder) => KeyedToken::try_from(holder.person.as_slice()).ok(),
            _ => None,
        })
    }

    /// What a practice took back and did not put back.
    pub fn recalled(&self) -> impl Iterator<Item = &Recalled> {
        let rows = self
            .recalled
            .iter()
            .filter_map(|place| self.rows.get(*place));
        rows.filter_map(|row| match &row.fact {
            Fact::Recalled(recalled) => Some(recalled),
            _ => None,
        })
    }

    /// Whether somebody decided that the address is protected, or that it no longer is.
    pub fn address_protection(&self) -> Option<bool> {
        self.live().rev().find_map(|row| match &row.fact {
            Fact::AddressProtection(held) => Some(held.is_protected),
            _ => None,
        })
    }

    /// Since when the address is protected by the account's word alone; `None` where it is not, or a practice said so too.
    pub fn own_protection(&self) -> Option<Timestamp> {
        let said = self.live().rev().filter_map(|row| match &row.fact {
            Fact::AddressProtection(held) => Some((row.at, held)),
            _ => None,
        });
        let standing: Vec<_> = said.take_while(|(_, held)| held.is_protected).collect();
        let is_own = standing.iter().all(|(_, held)| held.by_account);
        let since = standing.last().map(|(at, _)| *at);
        since.filter(|_| is_own)
    }

    /// When the row of this version ended; `None` while it holds.
    pub fn ended_at(&self, version: i64) -> Option<Timestamp> {
        let mut ends = self.rows.iter().filter_map(|row| match &row.fact {
            Fact::End(end) if end.version == version => Some(row.at),
            _ => None,
        });
        ends.next()
    }

    /// The facts that have not ended, oldest first.
    pub fn live(&self) -> impl DoubleEndedIterator<Item = &FactRow> {
        self.rows.iter().filter(|row| {
            !matches!(row.fact, Fact::End(_)) && self.ended.binary_search(&row.version).is_err()
        })
    }
}

impl Fact {
    /// Until when a way of signing in is new; 0 for one that never was, and for all other facts.
    pub fn opens_from(&self) -> i64 {
        match self {
            Self::Passkey(held) => held.opens_from,
            Self::Password(held) => held.opens_from,
            Self::Totp(held) => held.opens_from,
            Self::CodeSheet(held) => held.opens_from,
            _ => 0,
        }
    }

    /// At whose counter a way of signing in was made by a recovery; empty for every other, and for all other facts.
    pub fn recovered_at(&self) -> &[u8] {
        match self {
            Self::Passkey(held) => &held.recovered_at,
            Self::Password(held) => &held.recovered_at,
            Self::Totp(held) => &held.recovered_at,
            Self::CodeSheet(held) => &held.recovered_at,
            _ => &[],
        }
    }

    /// Somebody signs in by it.
    pub fn is_way(&self) -> bool {
        matches!(
            self,
            Self::Passkey(_) | Self::Password(_) | Self::Totp(_) | Self::CodeSheet(_)
        )
    }
}

/// Whether an end time (microseconds since the epoch, 0 for none) lies ahead.
pub fn is_before(until: i64, now: Timestamp) -> bool {
    until == 0 || now.as_microsecond() < until
}
