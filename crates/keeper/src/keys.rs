//! What the root key gives: keyed tokens of ids, row MACs, the checkpoint key, names of wrapped keys' places.
//!
//! A keyed token is the AES-256 image of a random 128-bit id under a key of its kind: without the root
//! nobody can join it with an id, with the root it gives the id back, so no id stands in the keeper's
//! database and none has to be sealed beside it. Texts (NHI numbers, login names) have keyed hashes instead.

use crate::identity::secrets::Secret;
use aws_lc_rs::cipher::{
    AES_256, DecryptingKey, DecryptionContext, EncryptingKey, UnboundCipherKey,
};
use candour_seal::{
    ClientId, Digest, InstanceId, ItemId, ItemKey, MacKey, PatientId, PersonId, PracticeId,
    RootKey, RunId, hmac, hmac_matches,
};
use std::sync::{PoisonError, RwLock};

/// What an id names; part of the key of its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum IdKind {
    /// A human with an account.
    Person = 0,
    /// The person a record is about.
    Patient = 1,
    /// An organisation that provides care.
    Practice = 2,
    /// A program with its own credential.
    Client = 3,
    /// A sealed thing.
    Item = 4,
    /// A session: the digest of its token, cut to 16 bytes.
    Session = 5,
    /// A portal, worker or room process.
    Instance = 6,
    /// A bulk lane.
    Run = 7,
    /// An incident.
    Incident = 8,
    /// Something of the keeper itself: the installation, the freezes.
    Keeper = 9,
    /// A pending change.
    Pending = 10,
    /// An invitation.
    Invitation = 11,
}

const ID_KINDS: u8 = 12;

/// A keyed token of an id: what stands in the keeper's database instead of the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyedToken(pub [u8; 16]);

impl KeyedToken {
    /// The first 8 bytes: what stands in a ledger row. 0 means none, and no token gives it in practice.
    pub fn surrogate(self) -> i64 {
        let mut head = [0; 8];
        head.copy_from_slice(&self.0[..8]);
        i64::from_be_bytes(head)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl TryFrom<&[u8]> for KeyedToken {
    type Error = std::array::TryFromSliceError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self)
    }
}

/// What a text's keyed hash is for; part of what is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(i16)]
pub enum LookupKind {
    /// A live or dormant NHI number, normalised.
    Nhi = 1,
    /// A login name, normalised.
    Login = 2,
    /// A passkey's credential id.
    Credential = 3,
    /// An invitation's code, normalised.
    Invitation = 4,
    /// An enrolment key of one practice.
    Enrolment = 5,
}

impl LookupKind {
    /// The kind of a number.
    pub const fn of(number: i16) -> Option<Self> {
        Some(match number {
            1 => Self::Nhi,
            2 => Self::Login,
            3 => Self::Credential,
            4 => Self::Invitation,
            5 => Self::Enrolment,
            _ => return None,
        })
    }
}

/// The keys that the root key gives. Never printed, never copied; wiped on drop.
///
/// What names, authenticates and signs stays for the life of the process, and so do the keys of small secrets inside
/// facts. The root itself goes while its token is away: without it no epoch key unwraps, and nothing opens.
pub struct Keys {
    root: RwLock<Option<RootKey>>,
    forward: Vec<EncryptingKey>,
    backward: Vec<DecryptingKey>,
    fact: MacKey,
    text: MacKey,
    matching: MacKey,
    checkpoint: MacKey,
    acceptance: MacKey,
    salts: MacKey,
    passwords: MacKey,
    codes: MacKey,
    secrets: [ItemKey; Secret::ALL.len()],
}

/// The root key does not make a cipher key; never seen with a key of the right length.
#[derive(Debug, thiserror::Error)]
#[error("the root key cannot be used")]
pub struct UnusableRoot;

impl Keys {
    /// Derives everything from the root.
    pub fn new(root: RootKey) -> Result<Self, UnusableRoot> {
        let mut forward = Vec::new();
        let mut backward = Vec::new();
        for kind in 0..ID_KINDS {
            let key: MacKey = root.derive(&[b"token".as_slice(), &[kind]].concat());
            let unbound =
                || UnboundCipherKey::new(&AES_256, key.expose()).map_err(|_| UnusableRoot);
            forward.push(EncryptingKey::ecb(unbound()?).map_err(|_| UnusableRoot)?);
            backward.push(DecryptingKey::ecb(unbound()?).map_err(|_| UnusableRoot)?);
        }
        Ok(Self {
            fact: root.derive(b"fact"),
            text: root.derive(b"text"),
            matching: root.derive(b"match"),
            checkpoint: root.derive(b"checkpoint"),
            acceptance: root.derive(b"accepted loss"),
            salts: root.derive(b"entry salt"),
            passwords: root.derive(b"password"),
            codes: root.derive(b"codes"),
            secrets: Secret::ALL.map(|what| root.derive(what.label().as_bytes())),
            root: RwLock::new(Some(root)),
            forward,
            backward,
        })
    }

    /// The root key, to unwrap epoch keys and the room's private key; `None` while its token is away.
    pub fn root(&self) -> Option<RootKey> {
        let held = self.root.read();
        held.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets the root key.
    pub(crate) fn forget_root(&self) {
        let mut held = self.root.write().unwrap_or_else(PoisonError::into_inner);
        *held = None;
    }

    /// Takes the root key back; another one is refused.
    pub(crate) fn take_root(&self, root: RootKey) -> Result<(), UnusableRoot> {
        if root.derive::<MacKey>(b"fact") != self.fact {
            return Err(UnusableRoot);
        }
        let mut held = self.root.write().unwrap_or_else(PoisonError::into_inner);
        *held = Some(root);
        Ok(())
    }

    /// The key that authenticates rows.
    pub fn fact(&self) -> &MacKey {
        &self.fact
    }

    /// The seed of the Ed25519 key that signs checkpoints.
    pub fn checkpoint_seed(&self) -> &MacKey {
        &self.checkpoint
    }

    /// The key that authenticates what two operators accepted.
    pub fn acceptance(&self) -> &MacKey {
        &self.acceptance
    }

    /// The key that entries' salts are made with.
    pub fn salts(&self) -> &MacKey {
        &self.salts
    }

    /// The key that passwords are hashed with.
    pub fn passwords(&self) -> &MacKey {
        &self.passwords
    }

    /// The key that sheet codes are hashed with.
    pub fn codes(&self) -> &MacKey {
        &self.codes
    }

    /// The key for small secrets of this kind inside fact bodies.
    pub fn sealing(&self, what: Secret) -> &ItemKey {
        &self.secrets[what as usize]
    }

    /// The keyed token of an id.
    pub fn token(&self, kind: IdKind, id: &[u8; 16]) -> KeyedToken {
        let mut block = *id;
        if self.forward[kind as usize].encrypt(&mut block).is_err() {
            // One whole block under a good key cannot fail; a token that is not keyed must never be stored.
            std::process::abort();
        }
        KeyedToken(block)
    }

    /// The id of a keyed token. A token of another kind gives an id of nothing.
    pub fn id(&self, kind: IdKind, token: KeyedToken) -> [u8; 16] {
        let mut block = token.0;
        let opened = self.backward[kind as usize].decrypt(&mut block, DecryptionContext::None);
        if opened.is_err() {
            std::process::abort();
        }
        block
    }

    /// The keyed token of a patient.
    pub fn patient(&self, id: PatientId) -> KeyedToken {
        self.token(IdKind::Patient, id.as_bytes())
    }

    /// The patient of a token.
    pub fn patient_id(&self, token: KeyedToken) -> PatientId {
        PatientId::from_bytes(self.id(IdKind::Patient, token))
    }

    /// The keyed token of a person.
    pub fn person(&self, id: PersonId) -> KeyedToken {
        self.token(IdKind::Person, id.as_bytes())
    }

    /// The person of a token.
    pub fn person_id(&self, token: KeyedToken) -> PersonId {
        PersonId::from_bytes(self.id(IdKind::Person, token))
    }

    /// The keyed token of a practice.
    pub fn practice(&self, id: PracticeId) -> KeyedToken {
        self.token(IdKind::Practice, id.as_bytes())
    }

    /// The keyed token of a client.
    pub fn client(&self, id: ClientId) -> KeyedToken {
        self.token(IdKind::Client, id.as_bytes())
    }

    /// The client of a token.
    pub fn client_id(&self, token: KeyedToken) -> ClientId {
        ClientId::from_bytes(self.id(IdKind::Client, token))
    }

    /// The keyed token of an item.
    pub fn item(&self, id: ItemId) -> KeyedToken {
        self.token(IdKind::Item, id.as_bytes())
    }

    /// The item of a token.
    pub fn item_id(&self, token: KeyedToken) -> ItemId {
        ItemId::from_bytes(self.id(IdKind::Item, token))
    }

    /// The keyed token of an instance.
    pub fn instance(&self, id: InstanceId) -> KeyedToken {
        self.token(IdKind::Instance, id.as_bytes())
    }

    /// The keyed token of a run.
    pub fn run(&self, id: RunId) -> KeyedToken {
        self.token(IdKind::Run, id.as_bytes())
    }

    /// The subject of what the keeper knows about itself.
    pub fn own(&self, what: OwnSubject) -> KeyedToken {
        let mut id = [0; 16];
        id[15] = what as u8;
        self.token(IdKind::Keeper, &id)
    }

    /// The keyed hash of a text: 16 bytes.
    pub fn lookup(&self, kind: LookupKind, text: &[u8]) -> [u8; 16] {
        let data = [&(kind as i16).to_be_bytes(), text].concat();
        head(hmac(&self.text, &data))
    }

    /// The keyed hash of a patient's birth date (`YYYY-MM-DD`): 16 bytes, of no use for another patient.
    pub fn birth(&self, patient: KeyedToken, date: &str) -> [u8; 16] {
        let data = [b"birth".as_slice(), patient.as_bytes(), date.as_bytes()].concat();
        head(hmac(&self.text, &data))
    }

    /// The surrogate of a network address as the portal names it; 0 for none.
    pub fn network(&self, network: &str) -> i64 {
        if network.is_empty() {
            return 0;
        }
        let data = [b"network".as_slice(), network.as_bytes()].concat();
        KeyedToken(head(hmac(&self.text, &data))).surrogate()
    }

    /// The keyed hash of a practice's deposit key: 16 bytes.
    pub fn deposit(&self, practice: PracticeId, key: &[u8; 16]) -> [u8; 16] {
        let data = [b"deposit".as_slice(), practice.as_bytes(), key].concat();
        head(hmac(&self.text, &data))
    }

    /// The keyed hash by which a leaked file finds the opening that lost it.
    pub fn match_value(&self, plaintext: &Digest) -> [u8; 32] {
        hmac(&self.matching, plaintext.as_bytes())
    }

    /// The MAC of a row: `table` names it, `data` is its unambiguous encoding.
    pub fn mac(&self, table: &str, data: &[u8]) -> [u8; 32] {
        hmac(&self.fact, &row(table, data))
    }

    /// Whether a row's MAC fits.
    pub fn mac_fits(&self, table: &str, data: &[u8], mac: &[u8]) -> bool {
        hmac_matches(&self.fact, &row(table, data), mac)
    }
}

/// What the keeper keeps facts about besides people, patients, practices, clients and runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum OwnSubject {
    /// Entries about nobody are sealed under this subject's audit key.
    Installation = 1,
    /// What is frozen.
    Freezes = 2,
    /// Every practice there is.
    Practices = 3,
    /// Every run there was.
    Runs = 4,
    /// The two operators of the command line.
    Operators = 5,
    /// Which policies are in force.
    Policies = 6,
}

/// The number by which a practice is counted and frozen: practices stand in clear, so it is the head of the id.
pub fn practice_number(practice: PracticeId) -> i64 {
    KeyedToken(*practice.as_bytes()).surrogate()
}

fn head(whole: [u8; 32]) -> [u8; 16] {
    let mut cut = [0; 16];
    cut.copy_from_slice(&whole[..16]);
    cut
}

fn row(table: &str, data: &[u8]) -> Vec<u8> {
    [table.as_bytes(), &[0], data].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_gives_its_id_back_and_says_nothing_across_kinds() {
        let keys = Keys::new(RootKey::from_bytes(&[7; 32])).unwrap();
        let id = [3; 16];
        let token = keys.token(IdKind::Patient, &id);
        assert_ne!(token.0, id);
        assert_eq!(keys.id(IdKind::Patient, token), id);
        assert_ne!(keys.token(IdKind::Item, &id), token);
        assert_ne!(keys.id(IdKind::Item, token), id);
        let others = Keys::new(RootKey::from_bytes(&[8; 32])).unwrap();
        assert_ne!(others.token(IdKind::Patient, &id), token);
    }

    #[test]
    fn a_row_mac_fits_its_table_and_data_only() {
        let keys = Keys::new(RootKey::from_bytes(&[7; 32])).unwrap();
        let mac = keys.mac("item", b"row");
        assert!(keys.mac_fits("item", b"row", &mac));
        assert!(!keys.mac_fits("item", b"raw", &mac));
        assert!(!keys.mac_fits("fact", b"row", &mac));
    }
}
