//! Values as ranks among the people of the same practice, so that a column says nothing of the practice itself.

use super::Seen;
use super::statistics::number;
use aws_lc_rs::digest::{SHA256, digest};
use std::collections::BTreeMap;

/// The same people with each value as its rank in their practice, from 0 to 1. Who has the same value is ranked by lot, and
/// a lot is the same in every run: else the middle of a tie would tell the practice again.
pub(super) fn within_practices(seen: &[Seen]) -> Vec<Seen> {
    let mut practices: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, one) in seen.iter().enumerate() {
        practices.entry(&one.practice).or_default().push(place);
    }
    let columns = seen.first().map_or(0, |one| one.values.len());
    let mut ranked = seen.to_vec();
    for members in practices.values_mut() {
        for column in 0..columns {
            let value = |place: &usize| {
                let values = seen.get(*place).map(|one| &one.values);
                values.and_then(|values| values.get(column).copied())
            };
            members.sort_by_cached_key(|place| lot(*place, column));
            members.sort_by(|one, other| {
                let (one, other) = (value(one), value(other));
                one.unwrap_or_default()
                    .total_cmp(&other.unwrap_or_default())
            });
            for (rank, place) in members.iter().enumerate() {
                let slot = ranked.get_mut(*place);
                if let Some(slot) = slot.and_then(|one| one.values.get_mut(column)) {
                    *slot = (number(rank) + 0.5) / number(members.len());
                }
            }
        }
    }
    ranked
}

fn lot(place: usize, column: usize) -> Vec<u8> {
    let lot = digest(&SHA256, format!("{place} {column}").as_bytes());
    lot.as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use crate::canaries::{COLUMNS, Seen, Verdict};

    /// 240 of a practice with as many canaries, and 400 of one with 60, whose people came second.
    fn two(value: impl Fn(bool, u32) -> f64) -> Vec<Seen> {
        let of = |practice: &'static str, canaries: u32, all: u32, first: u32| {
            let value = &value;
            (0..all).map(move |number| {
                // Spread among the others without a pattern.
                let is_canary = number * 7_919 % all < canaries;
                Seen {
                    is_canary,
                    practice: practice.to_owned(),
                    values: vec![value(is_canary, first + number); COLUMNS.len()],
                }
            })
        };
        of("01", 120, 241, 0)
            .chain(of("02", 60, 401, 241))
            .collect()
    }

    #[test]
    fn a_column_that_tells_only_the_practice_tells_nobody() {
        let verdict = Verdict::of(&two(|_, place| if place < 241 { 1.0 } else { 2.0 }));
        assert!(verdict.is_chance(), "{}", verdict.in_words());
    }

    #[test]
    fn what_canaries_have_more_of_than_others_of_their_practice_is_seen() {
        let verdict = Verdict::of(&two(|is_canary, place| {
            let practice = if place < 241 { 0.0 } else { 100.0 };
            practice + if is_canary { 1.0 } else { 0.0 }
        }));
        assert_eq!(verdict.telling.len(), COLUMNS.len());
        assert!(verdict.auc.low > 0.9, "{}", verdict.in_words());
    }
}
