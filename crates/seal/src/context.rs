//! The place a sealed thing belongs to; part of the key derivation, so a moved ciphertext does not open.

use crate::id::{InstallationId, ItemId};

/// What a sealed thing is bound to: installation, subject, item and version.
///
/// The subject is the 16 bytes of the patient, person, practice or incident the item is about.
/// The encoding is fixed-width and therefore without ambiguity; see `docs/formats/sealed.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Context {
    /// The installation that sealed it.
    pub installation: InstallationId,
    /// The 16 bytes of the id of whom or what it is about.
    pub subject: [u8; 16],
    /// The item.
    pub item: ItemId,
    /// The item's version, from 1.
    pub version: u32,
}

impl Context {
    /// Length of the encoding in bytes.
    pub const LENGTH: usize = LABEL.len() + 16 + 16 + 16 + 4;

    /// `candour/v1/item` ‖ installation ‖ subject ‖ item ‖ version (big-endian).
    pub fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let mut out = [0; Self::LENGTH];
        let parts: [&[u8]; 5] = [
            LABEL,
            self.installation.as_bytes(),
            &self.subject,
            self.item.as_bytes(),
            &self.version.to_be_bytes(),
        ];
        let mut rest = out.as_mut_slice();
        for part in parts {
            let (head, tail) = rest.split_at_mut(part.len());
            head.copy_from_slice(part);
            rest = tail;
        }
        out
    }
}

const LABEL: &[u8] = b"candour/v1/item";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_the_place_changes_the_encoding() {
        let here = Context {
            installation: InstallationId::from_bytes([1; 16]),
            subject: [2; 16],
            item: ItemId::from_bytes([3; 16]),
            version: 4,
        };
        let elsewhere = [
            Context {
                installation: InstallationId::from_bytes([9; 16]),
                ..here
            },
            Context {
                subject: [9; 16],
                ..here
            },
            Context {
                item: ItemId::from_bytes([9; 16]),
                ..here
            },
            Context { version: 9, ..here },
        ];
        for place in elsewhere {
            assert_ne!(place.to_bytes(), here.to_bytes());
        }
        assert_eq!(here.to_bytes().len(), Context::LENGTH);
        assert_eq!(here.to_bytes()[Context::LENGTH - 1], 4);
    }
}
