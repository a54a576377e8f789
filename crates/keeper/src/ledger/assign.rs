//! What is counted and chained in index order: budgets, detection, patients' counters, the tree.

use super::asking;
use super::chain::{Chain, Link};
use super::prepared::{Assigned, Prepared};
use crate::decision_words::reason_of;
use crate::keys::Keys;
use candour_keeper_wire::bodies::body_place;
use candour_ledger::{Entry, Frontier, Opening, body_digest};
use candour_rules::budget::{Ceilings, Counters};
use candour_rules::decision::{Decision, Reason};
use candour_rules::detect::{Alarm, Detector};
use candour_rules::keys::Principal;
use candour_rules::sequencer::Assign;
use candour_rules::time::Micros;
use candour_seal::{Digest, MacKey, SystemRandom, Zeroizing, hmac, seal};
use prost::Message;
use std::sync::Arc;

/// Everything that is counted in index order.
pub(super) struct Counting {
    pub counters: Counters,
    pub ceilings: Ceilings,
    pub detector: Detector,
}

/// The sequencer's hook.
pub(super) struct Hook {
    salt: MacKey,
    chain: Arc<Chain>,
    chain_before: Vec<(i64, Link)>,
    frontier: Frontier,
    durable: Frontier,
    last_at: i64,
    durable_at: i64,
    counting: Counting,
    alarms: Vec<Alarm>,
    now: i64,
}

impl Hook {
    pub fn new(
        keys: &Keys,
        chain: Arc<Chain>,
        frontier: Frontier,
        last_at: i64,
        counting: Counting,
    ) -> Self {
        Self {
            salt: keys.salts().clone(),
            chain,
            chain_before: Vec::new(),
            durable: frontier.clone(),
            frontier,
            durable_at: last_at,
            last_at,
            counting,
            alarms: Vec::new(),
            now: last_at,
        }
    }

    /// The time of the entries of the next batch.
    pub fn set_now(&mut self, now: i64) {
        self.now = now;
    }

    /// The tree over everything durable.
    pub fn durable(&self) -> &Frontier {
        &self.durable
    }

    /// Time of the last durable entry.
    pub fn durable_at(&self) -> i64 {
        self.durable_at
    }

    /// The tree with what was assigned, and its time: what the batch's head will be.
    pub fn head(&self) -> (&Frontier, i64) {
        (&self.frontier, self.last_at)
    }

    /// The rules that spoke since this was last asked.
    pub fn take_alarms(&mut self) -> Vec<Alarm> {
        std::mem::take(&mut self.alarms)
    }

    /// The detector, to tell it of failed sign-ins and unfreezing.
    pub fn detector(&mut self) -> &mut Detector {
        &mut self.counting.detector
    }

    fn charge(&mut self, draft: &Prepared, at: i64) -> Result<(), Reason> {
        let Some((charge, context)) = &draft.charge else {
            return Ok(());
        };
        let (principal, at) = (Principal(draft.row.principal), Micros(at));
        let proved_at = draft.observation.as_ref().map(|seen| seen.proved_at);
        let asking = asking::of(&draft.row, proved_at);
        let Counting {
            counters, ceilings, ..
        } = &mut self.counting;
        let checked = ceilings.check(&asking, *charge, at);
        self.alarms.extend(ceilings.take_alarms());
        checked?;
        counters
            .charge(principal, &[*charge], at, context)
            .into_result()?;
        ceilings.count(&asking, *charge, at);
        Ok(())
    }

    fn observe(&mut self, draft: &Prepared, at: i64, refused: Option<Reason>) {
        let Some(observation) = &draft.observation else {
            return;
        };
        let mut seen = (**observation).clone();
        seen.at = Micros(at);
        if let Some(reason) = refused {
            seen.decision = Decision::Denied(reason);
        }
        self.alarms.extend(self.counting.detector.observe(&seen));
    }
}

/// What opens the leaf of the entry at `index`, the `number`th about its patient; never used twice for anything that
/// was published.
pub(crate) fn opening(key: &MacKey, index: u64, number: u64) -> Opening {
    let secret = hmac(key, &index.to_be_bytes());
    Opening::Numbered { secret, number }
}

impl Assign<Prepared> for Hook {
    fn assign(&mut self, index: u64, draft: &mut Prepared) -> Result<(), Reason> {
        let at = self.now.max(self.last_at);
        self.last_at = at;
        let refused = self.charge(draft, at).err();
        if let Some(reason) = refused {
            draft.row.decision = reason_of(reason).number();
            draft.effects.clear();
            draft.charge = None;
        }
        self.observe(draft, at, refused);
        let link = match draft.row.patient {
            0 => Link::default(),
            patient => self.chain.get(patient),
        };
        let sequence = match draft.row.patient {
            0 => 0,
            _ => link.sequence + 1,
        };
        let salt = opening(&self.salt, index, sequence).salt();
        draft.body.patient_sequence = sequence;
        draft.body.patient_previous = link.previous.map(Vec::from).unwrap_or_default();
        draft.body.salt = salt.to_vec();
        let plain = Zeroizing::new(draft.body.encode_to_vec());
        let sealed = seal(
            &draft.body_key,
            &body_place(index),
            &plain,
            &mut SystemRandom,
        );
        let entry = draft.row.entry(index, at, body_digest(&sealed));
        let leaf = entry.leaf(&salt);
        self.frontier.append(leaf);
        if draft.row.patient != 0 {
            let previous = Some(*Digest::of(&entry.to_bytes()).as_bytes());
            self.chain_before.push((draft.row.patient, link));
            self.chain
                .set(draft.row.patient, Link { sequence, previous });
        }
        draft.assigned = Some(Assigned {
            at,
            sequence: i64::try_from(sequence).unwrap_or(i64::MAX),
            leaf: *leaf.as_bytes(),
            sealed,
        });
        refused.map_or(Ok(()), Err)
    }

    fn root(&self) -> [u8; 32] {
        *self.frontier.root().as_bytes()
    }

    fn commit(&mut self) {
        self.counting.counters.commit();
        self.counting.ceilings.commit();
        self.chain_before.clear();
        self.durable = self.frontier.clone();
        self.durable_at = self.last_at;
    }

    fn roll_back(&mut self) {
        self.counting.counters.roll_back();
        self.counting.ceilings.roll_back();
        while let Some((patient, link)) = self.chain_before.pop() {
            self.chain.set(patient, link);
        }
        self.frontier = self.durable.clone();
        self.last_at = self.durable_at;
    }
}

impl crate::draft::NarrowRow {
    /// The row as the ledger's canonical entry.
    pub(crate) fn entry(&self, index: u64, at: i64, body: [u8; 32]) -> Entry {
        Entry {
            index,
            at,
            kind: self.kind.number(),
            decision: self.decision,
            purpose: self
                .purpose
                .map_or(0, candour_keeper_wire::words::Purpose::number),
            role: self.role.number(),
            practice: self.practice.map(|practice| *practice.as_bytes()),
            item_kind: self
                .item_kind
                .map_or(0, candour_keeper_wire::words::ItemKind::number),
            session: self.session,
            principal: self.principal,
            patient: self.patient,
            item: self.item,
            body,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::Draft;
    use crate::ledger::prepare;
    use crate::subject_keys::SubjectKeyPair;
    use candour_keeper_wire::bodies::BODY_KEY;
    use candour_keeper_wire::wire;
    use candour_keeper_wire::words::EntryKind;
    use candour_rules::budget::BudgetTable;
    use candour_rules::detect::DetectionTable;
    use candour_seal::{AuditKey, ItemKey, RootKey, SubjectKey, open, unwrap};

    /// The same entry as the first of a ledger, under one audit key; its body as whoever has that key reads it.
    fn first(root: u8, audit: [u8; 32]) -> (Entry, [u8; 32], wire::EntryBody) {
        let keys = Keys::new(RootKey::from_bytes(&[root; 32])).unwrap();
        let counting = Counting {
            counters: Counters::new(BudgetTable::default()),
            ceilings: Ceilings::new(BudgetTable::default()),
            detector: Detector::new(DetectionTable::default()),
        };
        let chain = Arc::new(Chain::default());
        let mut hook = Hook::new(&keys, chain, Frontier::new(), 0, counting);
        let pair = SubjectKeyPair {
            reading: SubjectKey::generate(&mut SystemRandom),
            audit: AuditKey::from_bytes(&audit),
        };
        let mut draft = Draft::of_keeper(EntryKind::Alarm);
        draft.body.text = "the same words".to_owned();
        let (mut prepared, _) = prepare(draft, &pair, 0, &AuditKey::from_bytes(&[9; 32]));
        hook.assign(0, &mut prepared).unwrap();
        let assigned = prepared.assigned.unwrap();
        let key: ItemKey = unwrap(&pair.audit, BODY_KEY, &prepared.audit_wrap).unwrap();
        let plain = open(&key, &body_place(0), &assigned.sealed).unwrap();
        let entry = prepared
            .row
            .entry(0, assigned.at, body_digest(&assigned.sealed));
        let body = wire::EntryBody::decode(plain.as_slice()).unwrap();
        (entry, assigned.leaf, body)
    }

    #[test]
    fn the_same_entry_under_two_audit_keys_has_unrelated_leaves() {
        let (one, leaf, _) = first(7, [1; 32]);
        let (other, other_leaf, _) = first(7, [2; 32]);
        assert_ne!(leaf, other_leaf);
        // They differ by nothing that stands in the row.
        assert_eq!(
            Entry {
                body: other.body,
                ..one
            },
            other
        );
        let bits: u32 = leaf
            .iter()
            .zip(other_leaf)
            .map(|(one, other)| (one ^ other).count_ones())
            .sum();
        assert!((64..=192).contains(&bits), "{bits} of 256 bits differ");
    }

    #[test]
    fn a_leaf_follows_from_row_and_body_only_with_its_salt() {
        let (entry, leaf, body) = first(7, [1; 32]);
        let salt: [u8; 32] = body.salt.as_slice().try_into().unwrap();
        assert_eq!(*entry.leaf(&salt).as_bytes(), leaf);
        // All of it but the salt, and every salt that somebody could think of.
        let (_, _, elsewhere) = first(8, [1; 32]);
        let guesses = [
            [0; 32],
            [0xff; 32],
            entry.body,
            elsewhere.salt.as_slice().try_into().unwrap(),
        ];
        for guess in guesses {
            assert_ne!(*entry.leaf(&guess).as_bytes(), leaf);
        }
    }
}
