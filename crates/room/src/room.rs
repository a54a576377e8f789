//! What the parts of the room share while it runs.

use crate::ceremonies::Ceremonies;
use crate::codes::CodeKey;
use crate::config::RoomConfig;
use crate::database::{self, DatabaseError};
use crate::limit::Limit;
use crate::mail::{MailError, Mailer};
use crate::status::CHECKS;
use crate::unlock::Unlocked;
use candour_keeper_api::wire::{self, Call, Reply};
use candour_keeper_api::{CallError, Keeper};
use candour_seal::{Digest, IncidentId, InstallationId, PersonId, SystemRandom};
use deadpool_postgres::Pool;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::Notify;

/// Why the room cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum RoomError {
    /// One of its databases.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The relay's address or the mailbox in `From`.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// A file or a listener.
    #[error("{what}")]
    File {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
}

/// The running room.
pub struct Room {
    /// What it was told.
    pub config: RoomConfig,
    /// Its own database.
    pub pool: Pool,
    /// The portal's database.
    pub portal: Pool,
    /// The records keeper.
    pub keeper: Keeper,
    /// From which codes are made.
    pub codes: CodeKey,
    /// The relay.
    pub mailer: Mailer,
    /// Something happened that the steward or the sender should look at now.
    pub wake: Notify,
    /// Held from reading what the status site says until it is written: what was read earlier must not be written over
    /// what was read later.
    pub(crate) site: tokio::sync::Mutex<()>,
    installation: Mutex<Option<InstallationId>>,
    unlocked: RwLock<BTreeMap<IncidentId, Arc<Unlocked>>>,
    published: Mutex<BTreeSet<(IncidentId, Digest)>>,
    /// Acts whose answers are awaited.
    pub(crate) ceremonies: Ceremonies,
    /// Tries of codes at practices' desks.
    pub(crate) checks: Limit<PersonId>,
}

impl Room {
    /// Connects the databases (bringing its own schema up to date) and reads the code key.
    pub async fn open(config: RoomConfig) -> Result<Self, RoomError> {
        let pool = database::connect(&config.database, true).await?;
        let portal = database::connect(&config.portal_database, false).await?;
        let codes =
            CodeKey::of_file(&config.code_key_file, &mut SystemRandom).map_err(|source| {
                RoomError::File {
                    what: format!("could not read {}", config.code_key_file.display()),
                    source,
                }
            })?;
        Ok(Self {
            keeper: Keeper::new(config.keeper.clone()),
            mailer: Mailer::new(&config.smtp)?,
            codes,
            pool,
            portal,
            config,
            wake: Notify::new(),
            site: tokio::sync::Mutex::default(),
            installation: Mutex::default(),
            unlocked: RwLock::default(),
            published: Mutex::default(),
            ceremonies: Ceremonies::default(),
            checks: Limit::new(CHECKS, 60),
        })
    }

    /// The room's private key for a case, while it is unlocked.
    pub fn unlocked(&self, incident: IncidentId) -> Option<Arc<Unlocked>> {
        let all = self.unlocked.read().unwrap_or_else(PoisonError::into_inner);
        all.get(&incident).cloned()
    }

    /// Two officers have unlocked the key for a case.
    pub fn unlock(&self, incident: IncidentId, key: Unlocked) {
        let mut all = self
            .unlocked
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        all.insert(incident, Arc::new(key));
    }

    /// Forgets the key for a case that is closed.
    pub fn lock(&self, incident: IncidentId) {
        let mut all = self
            .unlocked
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        all.remove(&incident);
    }

    /// Whether this process has published exactly this list.
    pub(crate) fn has_published(&self, incident: IncidentId, list: Digest) -> bool {
        let published = self
            .published
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        published.contains(&(incident, list))
    }

    /// Keeps that it has.
    pub(crate) fn set_published(&self, incident: IncidentId, list: Digest) {
        let mut published = self
            .published
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        published.insert((incident, list));
    }

    /// The installation, as the keeper said it once.
    pub async fn installation(&self) -> Result<InstallationId, CallError> {
        let known = *self
            .installation
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known {
            return Ok(known);
        }
        let (installation, _, _) = self.keeper.introduce().await?;
        *self
            .installation
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(installation);
        Ok(installation)
    }

    /// The ledger's last signed checkpoint; empty while the keeper is down.
    pub async fn checkpoint(&self) -> String {
        match self
            .keeper
            .call(Call::Status(wire::StatusQuestion {}))
            .await
        {
            Ok(Reply::Status(status)) => status.checkpoint,
            Ok(_) | Err(_) => String::new(),
        }
    }
}
