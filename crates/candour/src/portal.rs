//! `candour portal`: the process that faces the internet, as the supervisor starts it.

use std::path::Path;

use candour_server::pages::ToRing;
use candour_server::pages::demonstration::DemonstrationAccounts;
use candour_server::{PortalConfig, PortalSettings};
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::problem::sentence;
use crate::secrets::issued;
use crate::{Configuration, Problem};

/// Connections to the portal's database.
const CONNECTIONS: usize = 16;

/// Accounts of a demonstration, in the data directory; only a demonstration has the file.
pub const ACCOUNTS: &str = "accounts.json";

/// Serves until `stop`.
///
/// # Errors
/// When its files cannot be read, or its address is taken.
pub async fn run(
    data: &Path,
    configuration: &Configuration,
    clock: fn() -> Timestamp,
    stop: CancellationToken,
) -> Result<(), Problem> {
    let config = PortalConfig {
        listen: configuration.portal,
        keeper: issued::keeper(data, "portal")?,
        store: issued::store(data, "portal", CONNECTIONS)?,
        settings: PortalSettings {
            origin: configuration.origin.clone(),
            zone: configuration.zone()?,
            trusted_proxies: configuration.trusted_proxies.clone(),
            operator: operator(configuration),
            demonstration: accounts(data, configuration)?,
            backups_kept: SignedDuration::from_hours(
                24 * (i64::from(configuration.backups_kept_days) + 1),
            ),
            tells_by_mail: configuration.tells_people_by_mail,
            tested: data.join(candour_core::tested::FILE),
            clock,
        },
    };
    candour_server::run(config, stop)
        .await
        .map_err(|error| Problem::Machine(sentence(&error)))
}

/// Whom people ring at the operator. A portal without one still serves: it is letters that need a sender.
fn operator(configuration: &Configuration) -> Option<ToRing> {
    let operator = configuration.operator().ok()?;
    ToRing::new(&operator.name, &operator.phone)
}

fn accounts(
    data: &Path,
    configuration: &Configuration,
) -> Result<Option<DemonstrationAccounts>, Problem> {
    let file = data.join(ACCOUNTS);
    if !configuration.demonstration || !file.exists() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(&file).map_err(Problem::file("could not read", &file))?;
    DemonstrationAccounts::read(&text)
        .map(Some)
        .map_err(|source| Problem::Configuration { file, source })
}
