//! What the room and the status site are told at their start.

use crate::demonstration::DemonstrationOfficers;
use crate::texts::Sender;
use candour_keeper_api::KeeperAddress;
use candour_seal::Zeroizing;
use jiff::tz::TimeZone;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The room's configuration; parsed once by the binary.
#[derive(Clone)]
pub struct RoomConfig {
    /// Where the room listens.
    pub listen: SocketAddr,
    /// The room's address in a browser, without a path; requests that change something must come from it.
    pub origin: String,
    /// The records keeper, with the room's own credential.
    pub keeper: KeeperAddress,
    /// The room's own database, as a libpq-style line.
    pub database: Zeroizing<String>,
    /// The portal's database as role `candour_room`, as a libpq-style line.
    pub portal_database: Zeroizing<String>,
    /// Where mail is handed over.
    pub smtp: Smtp,
    /// The mailboxes of whoever is on call: each alarm of the keeper goes to all of them.
    pub on_call: Vec<String>,
    /// The folder from which the status site is served; the room writes it.
    pub status_dir: PathBuf,
    /// Who speaks in the texts.
    pub sender: Sender,
    /// The time zone of days and hours in the texts.
    pub zone: TimeZone,
    /// 32 secret bytes from which message codes are made; the file is made when it is missing.
    pub code_key_file: PathBuf,
    /// The officers of a demonstration with their passkeys; a real installation has none.
    pub demonstration: Option<DemonstrationOfficers>,
}

/// The relay that takes mail.
#[derive(Debug, Clone)]
pub struct Smtp {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The mailbox in `From`: `Operator <mailbox@host>`.
    pub from: String,
}

/// The status site's configuration.
#[derive(Debug, Clone)]
pub struct StatusConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The folder that the room writes.
    pub status_dir: PathBuf,
    /// The folder where the keeper writes the ledger's tiles and checkpoint for outsiders.
    pub ledger_dir: PathBuf,
}
