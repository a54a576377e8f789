//! `candour room` and `candour status`: the incident room and the site that it writes, as the supervisor starts them.

use std::path::Path;

use candour_room::{DemonstrationOfficers, RoomConfig, Sender, Smtp, StatusConfig};
use tokio_util::sync::CancellationToken;

use crate::problem::sentence;
use crate::secrets::issued;
use crate::{Configuration, Problem};

/// Officers of a demonstration, in the data directory; only a demonstration has the file.
pub const OFFICERS: &str = "officers.json";

/// Runs the incident room until `stop`.
///
/// # Errors
/// When its files cannot be read, its databases cannot be used, or its address is taken.
pub async fn run(
    data: &Path,
    configuration: &Configuration,
    stop: CancellationToken,
) -> Result<(), Problem> {
    let operator = configuration.operator()?;
    let config = RoomConfig {
        listen: configuration.room,
        origin: configuration.room_origin.clone(),
        keeper: issued::keeper(data, "room")?,
        database: issued::database(data, "room")?,
        portal_database: issued::database(data, "room-portal")?,
        smtp: Smtp {
            host: configuration.smtp_relay.ip().to_string(),
            port: configuration.smtp_relay.port(),
            from: format!("{} <{}>", operator.name, operator.mailbox),
        },
        on_call: operator.on_call(),
        status_dir: data.join("status"),
        sender: Sender {
            operator: operator.name,
            phone: operator.phone,
            status_site: without_scheme(&configuration.status_origin),
            regulator: operator.regulator,
        },
        zone: configuration.zone()?,
        code_key_file: data.join("room/code.key"),
        demonstration: officers(data, configuration)?,
    };
    candour_room::run(config, stop)
        .await
        .map_err(|error| Problem::Machine(sentence(&error)))
}

fn officers(
    data: &Path,
    configuration: &Configuration,
) -> Result<Option<DemonstrationOfficers>, Problem> {
    let file = data.join(OFFICERS);
    if !configuration.demonstration || !file.exists() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(&file).map_err(Problem::file("could not read", &file))?;
    DemonstrationOfficers::read(&text)
        .map(Some)
        .map_err(|source| Problem::Configuration { file, source })
}

/// Serves the status site until `stop`.
///
/// # Errors
/// When its address is taken.
pub async fn run_status(
    data: &Path,
    configuration: &Configuration,
    stop: CancellationToken,
) -> Result<(), Problem> {
    let config = StatusConfig {
        listen: configuration.status,
        status_dir: data.join("status"),
        ledger_dir: data.join("ledger"),
    };
    candour_room::run_status(config, stop)
        .await
        .map_err(|error| Problem::Machine(sentence(&error)))
}

/// As people type it: a notice holds no link.
fn without_scheme(origin: &str) -> String {
    origin
        .split_once("://")
        .map_or(origin, |(_, site)| site)
        .to_owned()
}
