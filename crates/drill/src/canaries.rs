//! Whether somebody who has the portal's database can tell its canaries from everybody else.
//!
//! Everything that stands there in clear about a patient is one column: what there is of them, how large, when and in which
//! order it came, by id and by place on the disk. Each column is compared by itself, which names the one that tells; and a
//! classifier sees all of them together. Which practice somebody is in is no column: each has at least one canary, so a small
//! practice has more for its size, and everybody may know that. Nor may a column tell it in a roundabout way, as the place on
//! the disk does where practices were imported one after the other: people are compared with those of their own practice.

mod ranks;
mod statistics;

use crate::Problem;
use ranks::within_practices;
pub use statistics::Auc;
use statistics::{Bayes, number, p_of_difference};
use std::collections::BTreeSet;
use tokio_postgres::Client;

/// One patient as their rows in the portal's database show them.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Known outside only.
    pub is_canary: bool,
    /// Where they were enrolled first, in hexadecimal digits; empty where nowhere.
    pub practice: String,
    /// A value for each of [`COLUMNS`].
    pub values: Vec<f64>,
}

/// What is seen of each patient.
pub const COLUMNS: [&str; 26] = [
    "first_bytes_of_id",
    "created_day",
    "place_on_disk",
    "practices",
    "place_of_link",
    "items",
    "documents",
    "segments",
    "identity_blocks",
    "contact_blocks",
    "notices",
    "bytes",
    "bytes_of_documents",
    "bytes_of_segments",
    "smallest",
    "largest",
    "bytes_of_identity",
    "bytes_of_contact",
    "in_files",
    "for_the_room",
    "first_deposit_day",
    "last_deposit_day",
    "place_of_first_item",
    "place_of_last_item",
    "spread_of_items",
    "first_bytes_of_item_ids",
];

/// One row for each patient: the id, [`COLUMNS`], the practice.
const QUESTION: &str = "\
with person as (
  select id, created_day, row_number() over (order by ctid) as place,
    (get_byte(id, 0) * 256 + get_byte(id, 1))::float8 as head
  from patient
), link as (
  select patient, count(*) as practices, min(place) as place,
    (array_agg(practice order by place))[1] as practice
  from (select patient, practice, row_number() over (order by ctid) as place from patient_practice) as placed
  group by patient
), thing as (
  select patient, count(*) as items,
    count(*) filter (where kind = 1) as documents, count(*) filter (where kind = 2) as segments,
    count(*) filter (where kind = 3) as identities, count(*) filter (where kind = 4) as contacts,
    count(*) filter (where kind = 5) as notices,
    sum(padded_size) as bytes, sum(padded_size) filter (where kind = 1) as of_documents,
    sum(padded_size) filter (where kind = 2) as of_segments, min(padded_size) as smallest,
    max(padded_size) as largest, sum(padded_size) filter (where kind = 3) as of_identity,
    sum(padded_size) filter (where kind = 4) as of_contact,
    count(*) filter (where stored = 'file') as files, count(room_wrap) as for_room,
    min(deposit_day) as first_day, max(deposit_day) as last_day, min(place) as first, max(place) as last,
    avg(head) as head
  from (
    select *, row_number() over (order by ctid) as place,
      (get_byte(id, 0) * 256 + get_byte(id, 1))::float8 as head
    from item
  ) as placed
  group by patient
)
select encode(p.id, 'hex'), array[
  p.head, p.created_day - date '2000-01-01', p.place, l.practices, l.place, t.items, t.documents, t.segments,
  t.identities, t.contacts, t.notices, t.bytes, t.of_documents, t.of_segments, t.smallest, t.largest,
  t.of_identity, t.of_contact, t.files, t.for_room, t.first_day - date '2000-01-01',
  t.last_day - date '2000-01-01', t.first, t.last, t.last - t.first, t.head
]::float8[], coalesce(encode(l.practice, 'hex'), '')
from person p left join link l on l.patient = p.id left join thing t on t.patient = p.id
order by p.id";

/// Looks at every patient of a portal's database; `canaries` by their ids, 32 hexadecimal digits each.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn look(portal: &Client, canaries: &BTreeSet<String>) -> Result<Vec<Seen>, Problem> {
    let rows = portal.query(QUESTION, &[]).await;
    let rows = rows.map_err(|error| Problem::Unexpected(error.to_string()))?;
    let seen = rows.iter().map(|row| {
        let values: Vec<Option<f64>> = row.get(1);
        Seen {
            is_canary: canaries.contains(&row.get::<_, String>(0)),
            practice: row.get(2),
            // What is not there is a value like another.
            values: values.into_iter().map(|one| one.unwrap_or(-1.0)).collect(),
        }
    });
    Ok(seen.collect())
}

/// What came of the comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// How many canaries there were, and how many others.
    pub counts: (usize, usize),
    /// How often the classifier puts a canary above somebody else: 0.5 is chance.
    pub auc: Auc,
    /// Columns that differ more than chance would in one of ten thousand comparisons of all of them, with that chance.
    pub telling: Vec<(&'static str, f64)>,
}

/// In one of so many comparisons chance alone may look like a difference.
const ONE_IN: f64 = 10_000.0;

impl Verdict {
    /// Of what was seen.
    pub fn of(seen: &[Seen]) -> Self {
        let ranked = within_practices(seen);
        let (canaries, others): (Vec<&Seen>, Vec<&Seen>) =
            ranked.iter().partition(|one| one.is_canary);
        let column = |of: &[&Seen], number: usize| -> Vec<f64> {
            of.iter()
                .filter_map(|one| one.values.get(number).copied())
                .collect()
        };
        let most = 1.0 / ONE_IN / number(COLUMNS.len());
        let telling = COLUMNS.iter().enumerate().filter_map(|(number, name)| {
            let p = p_of_difference(&column(&canaries, number), &column(&others, number));
            (p < most).then_some((*name, p))
        });
        Self {
            counts: (canaries.len(), others.len()),
            auc: cross_validated(&ranked),
            telling: telling.collect(),
        }
    }

    /// Whether nobody could tell: no column does, and chance is within the classifier's interval.
    pub fn is_chance(&self) -> bool {
        self.telling.is_empty() && self.auc.low <= 0.5
    }

    /// For a person.
    pub fn in_words(&self) -> String {
        let Auc { value, low, high } = self.auc;
        let (canaries, others) = self.counts;
        let mut words = format!(
            "{canaries} canaries among {others} others. A classifier over {} columns puts a canary above somebody else in \
             {value:.3} of pairs (0.5 is chance; 99.99 % interval {low:.3} to {high:.3}).",
            COLUMNS.len()
        );
        for (name, p) in &self.telling {
            let told = format!("\nThe column {name} tells them apart (p = {p:.1e}).");
            words.push_str(&told);
        }
        words
    }
}

/// Learned on one half and asked about the other, both ways.
fn cross_validated(seen: &[Seen]) -> Auc {
    // By place in the order of random ids, so that halves are alike.
    let half = |parity: usize| -> Vec<&Seen> {
        let of = seen.iter().enumerate();
        of.filter(|(place, _)| place % 2 == parity)
            .map(|(_, one)| one)
            .collect()
    };
    let (one, other) = (half(0), half(1));
    let judged = |learned: &[&Seen], asked: &[&Seen]| {
        let classifier = Bayes::learn(learned);
        let scores = asked
            .iter()
            .map(|one| (classifier.score(&one.values), one.is_canary));
        Auc::of(scores.collect())
    };
    judged(&one, &other).and(judged(&other, &one))
}
