//! Everything a call needs, in one place.

use crate::clock::Clock;
use crate::facts::FactStore;
use crate::freeze::Freezes;
use crate::identity::Identity;
use crate::keys::Keys;
use crate::ledger::LedgerHandle;
use crate::lookups::Lookups;
use crate::policy::PolicySet;
use crate::session::Sessions;
use candour_seal::{InstallationId, RoomPublicKey, Zeroizing};
use deadpool_postgres::Pool;
use std::sync::Arc;

/// What is fixed for the life of the process.
#[derive(Debug, Clone)]
pub struct KeeperConfig {
    /// The installation.
    pub installation: InstallationId,
    /// Fixed when the keeper's database was made.
    pub is_demonstration: bool,
    /// The WebAuthn relying party id: the host name people see.
    pub relying_party: String,
    /// The origins a passkey answer may come from.
    pub origins: Vec<url::Url>,
    /// The room's public key.
    pub room: RoomPublicKey,
}

/// Everything a call needs.
pub struct Core {
    /// What is fixed.
    pub config: KeeperConfig,
    /// The database.
    pub pool: Pool,
    /// What the root key gives.
    pub keys: Arc<Keys>,
    /// Verified facts.
    pub facts: Arc<FactStore>,
    /// What is frozen.
    pub freezes: Arc<Freezes>,
    /// Running sessions.
    pub sessions: Sessions,
    /// Policies.
    pub policy: PolicySet,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The ledger.
    pub ledger: LedgerHandle,
    /// Texts that find a subject.
    pub lookups: Arc<Lookups>,
    /// Signing in.
    pub identity: Identity,
    /// The room's private key, unwrapped by the root at start.
    pub room_private: Option<Zeroizing<[u8; 32]>>,
}

impl Core {
    /// The room's private key, for the one change that gives it out.
    pub(crate) fn room_key(&self) -> Option<&Zeroizing<[u8; 32]>> {
        self.room_private.as_ref()
    }
}
