//! From the entries of a session to what was released: pure, so that it can be tried with every order of events.

use super::Release;
use candour_keeper_api::words::{EntryKind, ItemKind, Section};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What the room read in the body of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    /// Number of the section.
    pub section: i16,
    /// The grant that a delivery or a held-back release is about.
    pub of_grant: i64,
}

/// One entry that says something about releases: a grant, a delivery, or a release that was held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    pub index: i64,
    pub at: Timestamp,
    pub kind: i16,
    pub session: i64,
    pub patient: i64,
    pub item: i64,
    pub item_kind: i16,
    /// `None` while nobody has read its body.
    pub known: Option<Known>,
}

impl Told {
    fn is(&self, kind: EntryKind) -> bool {
        self.kind == i16::from(kind.number())
    }

    /// What two entries about the same thing have in common in clear. All sections of a patient look the same.
    const fn thing(&self) -> (i64, i64, i64) {
        (self.session, self.patient, self.item)
    }
}

/// The releases among entries in index order.
///
/// An entry whose body was read names its grant. One that was not is taken for the last grant of the same thing
/// before it when it says "held back", and for every earlier one when it says "delivered": too much is better than
/// too little, until two officers unlock the bodies.
pub(super) fn released(told: &[Told]) -> Vec<Release> {
    let mut held_back = BTreeSet::new();
    let mut delivered = BTreeSet::new();
    let mut standing: BTreeMap<_, Vec<i64>> = BTreeMap::new();
    let mut delivered_until: BTreeMap<_, i64> = BTreeMap::new();
    for entry in told {
        match entry.known {
            Some(known) if entry.is(EntryKind::Withheld) => {
                held_back.insert(known.of_grant);
            }
            Some(known) if entry.is(EntryKind::Delivered) => {
                delivered.insert(known.of_grant);
            }
            _ => {}
        }
    }
    for entry in told {
        if entry.is(EntryKind::Open) && !held_back.contains(&entry.index) {
            standing.entry(entry.thing()).or_default().push(entry.index);
        } else if entry.is(EntryKind::Withheld) && entry.known.is_none() {
            held_back.extend(standing.entry(entry.thing()).or_default().pop());
        } else if entry.is(EntryKind::Delivered) && entry.known.is_none() {
            delivered_until.insert(entry.thing(), entry.index);
        }
    }
    told.iter()
        .filter(|entry| entry.is(EntryKind::Open) && !held_back.contains(&entry.index))
        .map(|entry| Release {
            grant_index: entry.index,
            granted_at: entry.at,
            patient: entry.patient,
            item: entry.item,
            section: entry.known.map_or(0, |known| known.section),
            is_listing: is_listing(entry),
            is_delivered: delivered.contains(&entry.index)
                || delivered_until
                    .get(&entry.thing())
                    .is_some_and(|last| *last > entry.index),
        })
        .collect()
}

fn is_listing(entry: &Told) -> bool {
    let is_kind = |kind: ItemKind| entry.item_kind == i16::from(kind.number());
    let section = entry
        .known
        .and_then(|known| Section::try_from(i32::from(known.section)).ok());
    let is_listed = matches!(
        section,
        Some(Section::Identity | Section::Shelf | Section::Contact)
    );
    is_listed || is_kind(ItemKind::Identity) || is_kind(ItemKind::Contact)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(index: i64, kind: EntryKind, item: i64, known: Option<(Section, i64)>) -> Told {
        Told {
            index,
            at: Timestamp::UNIX_EPOCH,
            kind: i16::from(kind.number()),
            session: 7,
            patient: 1,
            item,
            item_kind: i16::from(ItemKind::Segment.number()),
            known: known.map(|(section, of_grant)| Known {
                section: i16::from(section.number()),
                of_grant,
            }),
        }
    }

    fn section(index: i64, section: Section) -> Told {
        entry(index, EntryKind::Open, 0, Some((section, 0)))
    }

    fn found(told: &[Told]) -> Vec<(i64, bool)> {
        released(told)
            .iter()
            .map(|release| (release.grant_index, release.is_delivered))
            .collect()
    }

    #[test]
    fn a_shelf_that_was_shown_is_not_taken_for_the_record_that_was_held_back_after_it() {
        let told = [
            section(1, Section::Conditions),
            section(2, Section::Shelf),
            entry(3, EntryKind::Withheld, 0, Some((Section::Conditions, 1))),
            entry(4, EntryKind::Delivered, 0, Some((Section::Shelf, 2))),
        ];
        let releases = released(&told);
        assert_eq!(found(&told), [(2, true)]);
        assert!(releases[0].is_listing);
    }

    #[test]
    fn a_delivered_shelf_does_not_make_a_lost_record_delivered() {
        let told = [
            section(1, Section::Results),
            section(2, Section::Shelf),
            entry(3, EntryKind::Delivered, 0, Some((Section::Shelf, 2))),
        ];
        assert_eq!(found(&told), [(1, false), (2, true)]);
    }

    #[test]
    fn while_bodies_are_locked_a_delivery_counts_for_every_earlier_grant_of_the_same_thing() {
        let told = [
            entry(1, EntryKind::Open, 0, None),
            entry(2, EntryKind::Open, 0, None),
            entry(3, EntryKind::Delivered, 0, None),
            entry(4, EntryKind::Open, 0, None),
        ];
        assert_eq!(found(&told), [(1, true), (2, true), (4, false)]);
    }

    #[test]
    fn while_bodies_are_locked_the_last_grant_before_it_is_the_one_held_back() {
        let told = [
            entry(1, EntryKind::Open, 10, None),
            entry(2, EntryKind::Open, 10, None),
            entry(3, EntryKind::Withheld, 10, None),
            entry(4, EntryKind::Open, 10, None),
        ];
        assert_eq!(found(&told), [(1, false), (4, false)]);
    }
}
