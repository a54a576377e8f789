//! Permits: what the keeper granted, and the only way from a ciphertext to something shown.

use candour_keeper_wire::wire::{self, TargetKind};
use candour_keeper_wire::words::{self, ItemKind};
use candour_seal::{
    Context, CryptoRng, Digest, InstallationId, ItemId, ItemKey, OpenError, Opener, PatientId,
    PracticeId, RunId, Sealer, SeekOpener,
};
use zeroize::Zeroizing;

/// Why a ciphertext does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnsealError {
    /// The bytes are not those that were deposited.
    #[error("the stored content is not what was deposited")]
    OtherDigest,
    /// The bytes do not open with this key in this place.
    #[error("the stored content does not open")]
    Sealed,
}

impl From<OpenError> for UnsealError {
    fn from(_: OpenError) -> Self {
        Self::Sealed
    }
}

/// Something that was released by the keeper: its entry is on the ledger.
#[derive(Debug)]
pub struct Opened<T>(T);

impl<T> Opened<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(value)
    }

    /// The content, to be shown to the viewer of this request and to nobody else.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// The content itself.
    pub fn into_inner(self) -> T {
        self.0
    }

    /// Several releases as one, to be shown together.
    pub fn all(parts: Vec<Self>) -> Opened<Vec<T>> {
        Opened(parts.into_iter().map(Self::into_inner).collect())
    }

    /// The same release, read further (parsed, say); a failure stays one.
    pub fn try_map<U, E>(self, read: impl FnOnce(T) -> Result<U, E>) -> Result<Opened<U>, E> {
        read(self.0).map(Opened)
    }
}

/// Items whose keys the keeper has destroyed: what may be removed from the store.
#[derive(Debug)]
pub struct Erased {
    items: Vec<ItemId>,
    up_to: u64,
}

impl Erased {
    /// `None` when the answer does not read.
    pub(crate) fn new(answer: &wire::ErasedItems) -> Option<Self> {
        let ids = answer.items.iter();
        Some(Self {
            items: ids
                .map(|id| ItemId::try_from(id.as_slice()).ok())
                .collect::<Option<_>>()?,
            up_to: answer.up_to,
        })
    }

    /// The items.
    pub fn items(&self) -> &[ItemId] {
        &self.items
    }

    /// Where to ask on: the ledger index up to which everything was named so far.
    pub const fn up_to(&self) -> u64 {
        self.up_to
    }
}

mod only_ours {
    pub trait Closed {}
}

/// What can be opened: [`Item`], [`Section`], [`Worklist`], [`RunMember`] and [`Notification`].
pub trait Target: only_ours::Closed + Clone {
    /// The target on the wire.
    fn to_wire(&self) -> wire::Target;
}

/// One item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item(pub ItemId);

/// A section of one patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// Whose.
    pub patient: PatientId,
    /// Which.
    pub section: words::Section,
}

/// A practice's work, as rows without sealed fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worklist(pub PracticeId);

/// The identity or contact section of one member of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunMember {
    /// The run.
    pub run: RunId,
    /// The member.
    pub patient: PatientId,
    /// Identity or contact.
    pub section: words::Section,
}

/// The addresses on which somebody is told of the entry at this index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notification(pub u64);

macro_rules! targets {
    ($($name:ident: $this:ident => $kind:expr),+ $(,)?) => {$(
        impl only_ours::Closed for $name {}

        impl Target for $name {
            fn to_wire(&self) -> wire::Target {
                let $this = self;
                wire::Target { kind: Some($kind) }
            }
        }
    )+};
}

targets! {
    Item: this => TargetKind::Item(this.0.as_bytes().to_vec()),
    Section: this => TargetKind::Section(wire::SectionOf {
        patient: this.patient.as_bytes().to_vec(),
        section: this.section.into(),
    }),
    Notification: this => TargetKind::Notification(this.0),
    Worklist: this => TargetKind::Worklist(this.0.as_bytes().to_vec()),
    RunMember: this => TargetKind::RunMember(wire::RunMember {
        run: this.run.as_bytes().to_vec(),
        patient: this.patient.as_bytes().to_vec(),
        section: this.section.into(),
    }),
}

/// Leave to open one stored item; made from the keeper's answer only, and used up by opening.
pub struct ItemPermit {
    key: ItemKey,
    context: Context,
    digest: Digest,
    sealed_size: u64,
    source_practice: Option<PracticeId>,
    kind: ItemKind,
    index: u64,
}

impl ItemPermit {
    fn granted(grant: wire::ItemGrant, index: u64, installation: InstallationId) -> Option<Self> {
        let key: [u8; 32] = Zeroizing::new(grant.key).as_slice().try_into().ok()?;
        Some(Self {
            key: ItemKey::from_bytes(&key),
            context: Context {
                installation,
                subject: grant.subject.as_slice().try_into().ok()?,
                item: ItemId::try_from(grant.item.as_slice()).ok()?,
                version: grant.version,
            },
            digest: Digest::from_bytes(grant.ciphertext_digest.as_slice().try_into().ok()?),
            sealed_size: grant.sealed_size,
            source_practice: PracticeId::try_from(grant.source_practice.as_slice()).ok(),
            kind: ItemKind::try_from(grant.kind).ok()?,
            index,
        })
    }

    /// The item: what the store selects by.
    pub fn item(&self) -> ItemId {
        self.context.item
    }

    /// The ledger index of the grant.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// What it is.
    pub fn kind(&self) -> ItemKind {
        self.kind
    }

    /// Length of the stored ciphertext in bytes.
    pub fn sealed_size(&self) -> u64 {
        self.sealed_size
    }

    /// The practice that deposited it.
    pub fn source_practice(&self) -> Option<PracticeId> {
        self.source_practice
    }

    /// Opens the whole ciphertext and takes the padding off.
    pub fn open(self, sealed: &[u8]) -> Result<Opened<Zeroizing<Vec<u8>>>, UnsealError> {
        if Digest::of(sealed) != self.digest {
            return Err(UnsealError::OtherDigest);
        }
        let mut content = candour_seal::open_item(&self.key, &self.context, sealed)?;
        let length = candour_seal::unpad(&content)
            .map_err(|_| UnsealError::Sealed)?
            .len();
        content.truncate(length);
        Ok(Opened(content))
    }

    /// Opens a ciphertext piece by piece, in constant memory; the padding is still on what comes out.
    /// Every piece is authentic; compare the ciphertext's digest at the end.
    pub fn into_opener(self) -> (Opener, Digest) {
        (
            Opener::new(&self.key, &self.context.to_bytes()),
            self.digest,
        )
    }

    /// Opens ranges of a ciphertext of `sealed_length` bytes that begins with `header`; it can also say the
    /// true length from the last chunk, so that a stream ends before the padding.
    pub fn seek(&self, header: &[u8], sealed_length: u64) -> Result<SeekOpener, UnsealError> {
        Ok(SeekOpener::new(
            &self.key,
            &self.context.to_bytes(),
            header,
            sealed_length,
        )?)
    }

    /// SHA-256 of the ciphertext that was deposited.
    pub fn ciphertext_digest(&self) -> Digest {
        self.digest
    }
}

/// Leave to open a target; private inside, made from the keeper's answer only.
pub struct Permit<T> {
    target: T,
    index: u64,
    items: Vec<ItemPermit>,
    addresses: Vec<OwnAddress>,
}

/// An address of an account, released for one mail.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnAddress {
    /// Names it, as [`crate::OwedNotification`] does.
    pub id: ItemId,
    /// The address.
    pub address: String,
    /// The code by which it is to be confirmed, for that mail alone.
    pub code: Option<String>,
}

impl OwnAddress {
    fn granted(told: wire::ToldAddress) -> Option<Self> {
        Some(Self {
            id: ItemId::try_from(told.id.as_slice()).ok()?,
            address: told.address,
            code: Some(told.code).filter(|code| !code.is_empty()),
        })
    }
}

impl<T: Target> Permit<T> {
    pub(crate) fn granted(
        target: T,
        granted: wire::Granted,
        installation: InstallationId,
    ) -> Option<Self> {
        let index = granted.index;
        let items = granted
            .items
            .into_iter()
            .map(|grant| ItemPermit::granted(grant, index, installation))
            .collect::<Option<Vec<_>>>()?;
        let addresses = granted.addresses.into_iter().map(OwnAddress::granted);
        Some(Self {
            target,
            index,
            items,
            addresses: addresses.collect::<Option<_>>()?,
        })
    }

    /// What may be opened.
    pub fn target(&self) -> &T {
        &self.target
    }

    /// The ledger index of the grant.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The items whose keys were released: what the store may select.
    pub fn items(&self) -> &[ItemPermit] {
        &self.items
    }

    /// The permits of the items, each to be used up by opening.
    pub fn into_items(self) -> Vec<ItemPermit> {
        self.items
    }
}

impl Permit<Notification> {
    /// The addresses of the account itself.
    pub fn addresses(&self) -> &[OwnAddress] {
        &self.addresses
    }
}

impl Permit<Item> {
    /// The one item's permit; `None` if the keeper released another number of keys than one.
    pub fn into_item(mut self) -> Option<ItemPermit> {
        (self.items.len() == 1).then(|| self.items.pop()).flatten()
    }
}

/// Leave to seal one new item. It opens nothing.
pub struct DepositPermit {
    key: ItemKey,
    context: Context,
    room_wrap: Vec<u8>,
}

impl DepositPermit {
    /// Reads the grant; `None` when it has no key, because the item is sealed already.
    pub(crate) fn granted(grant: wire::DepositGrant, installation: InstallationId) -> Option<Self> {
        let key: [u8; 32] = Zeroizing::new(grant.key).as_slice().try_into().ok()?;
        Some(Self {
            key: ItemKey::from_bytes(&key),
            context: Context {
                installation,
                subject: grant.subject.as_slice().try_into().ok()?,
                item: ItemId::try_from(grant.item.as_slice()).ok()?,
                version: grant.version,
            },
            room_wrap: grant.room_wrap,
        })
    }

    /// The new item.
    pub fn item(&self) -> ItemId {
        self.context.item
    }

    /// The 16 bytes of whom it is about.
    pub fn subject(&self) -> [u8; 16] {
        self.context.subject
    }

    /// The key sealed to the room, to be stored beside an identity or contact block; empty for other items.
    pub fn room_wrap(&self) -> &[u8] {
        &self.room_wrap
    }

    /// Pads and seals a whole content.
    pub fn seal(&self, plaintext: &[u8], rng: &mut dyn CryptoRng) -> Vec<u8> {
        candour_seal::seal_item(&self.key, &self.context, &candour_seal::pad(plaintext), rng)
    }

    /// Whether `sealed` is this very content, padded and sealed in this place: what a repeated deposit asks of what
    /// an earlier attempt has stored. It says yes or no to who has the content, and releases nothing.
    pub fn is_sealing_of(&self, sealed: &[u8], plaintext: &[u8]) -> bool {
        candour_seal::open_item(&self.key, &self.context, sealed)
            .is_ok_and(|stored| *stored == *candour_seal::pad(plaintext))
    }

    /// Seals a content piece by piece, in constant memory; the caller pads (`padding::trailer`).
    pub fn sealer(&self, rng: &mut dyn CryptoRng) -> Sealer {
        Sealer::new(&self.key, &self.context.to_bytes(), rng)
    }
}
