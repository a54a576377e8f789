//! Throw-away keys of the open keeper, in memory.

use aws_lc_rs::rand;
use candour_keeper_api::wire::{DepositGrant, ItemGrant, NewItem, SealedItem};
use std::collections::HashMap;

struct Stored {
    grant: ItemGrant,
    section: i32,
}

/// Items by id, and their places by patient.
#[derive(Default)]
pub(super) struct Vault {
    items: HashMap<Vec<u8>, Stored>,
    by_deposit_key: HashMap<Vec<u8>, Vec<u8>>,
    by_patient: HashMap<Vec<u8>, Vec<Vec<u8>>>,
}

impl Vault {
    pub(super) fn deposit(&mut self, new: &NewItem) -> DepositGrant {
        let item = self
            .by_deposit_key
            .entry(new.deposit_key.clone())
            .or_insert_with(|| random::<16>().to_vec())
            .clone();
        if !self.items.contains_key(&item) {
            let grant = ItemGrant {
                item: item.clone(),
                key: random::<32>().to_vec(),
                subject: new.patient.clone(),
                version: 1,
                kind: new.kind,
                ..ItemGrant::default()
            };
            self.items.insert(
                item.clone(),
                Stored {
                    grant,
                    section: new.section,
                },
            );
            self.by_patient
                .entry(new.patient.clone())
                .or_default()
                .push(item.clone());
        }
        let grant = self
            .items
            .get(&item)
            .map(|stored| stored.grant.clone())
            .unwrap_or_default();
        let is_sealed = grant.sealed_size > 0;
        DepositGrant {
            item,
            key: if is_sealed { Vec::new() } else { grant.key },
            subject: grant.subject,
            version: grant.version,
            room_wrap: Vec::new(),
            refused: 0,
        }
    }

    pub(super) fn sealed(&mut self, sealed: &SealedItem) {
        if let Some(stored) = self.items.get_mut(&sealed.item) {
            stored.grant.sealed_size = sealed.sealed_size;
            stored
                .grant
                .ciphertext_digest
                .clone_from(&sealed.ciphertext_digest);
        }
    }

    pub(super) fn item(&self, item: &[u8]) -> Option<ItemGrant> {
        let stored = self.items.get(item)?;
        (stored.grant.sealed_size > 0).then(|| stored.grant.clone())
    }

    pub(super) fn section(&self, patient: &[u8], section: i32) -> Vec<ItemGrant> {
        let items = self.by_patient.get(patient).into_iter().flatten();
        items
            .filter_map(|item| self.items.get(item))
            .filter(|stored| stored.section == section && stored.grant.sealed_size > 0)
            .map(|stored| stored.grant.clone())
            .collect()
    }
}

/// `N` random bytes; a drill without randomness ends.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if rand::fill(&mut bytes).is_err() {
        std::process::abort();
    }
    bytes
}
