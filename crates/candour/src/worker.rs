//! `candour worker`: takes over what the portal has put down, so that nothing the portal wrote stays in its reach; removes
//! what the keeper erased; and tells people by mail of changes that concern them.

use std::path::Path;
use std::time::{Duration, SystemTime};

use candour_app::erasures;
use candour_app::mail::{Mailer, Protection, Relay};
use candour_app::notifications::Notifier;
use candour_keeper_api::Keeper;
use candour_server::notifications;
use candour_server::pages::ToRing;
use candour_store::{Objects, Store};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::secrets::issued;
use crate::{Configuration, Problem};

/// How long a file lies in `objects/incoming` at most before it is looked at; it can be read there as well.
const PAUSE: Duration = Duration::from_millis(500);

/// How long the ciphertext of what was erased lies at most before it is removed; its key is gone already.
const ERASED_PAUSE: Duration = Duration::from_secs(5);

/// How long a change waits at most before somebody is told of it, while everything works.
const TELLING_PAUSE: Duration = Duration::from_secs(5);

/// Connections to the portal's database.
const CONNECTIONS: usize = 2;

/// Works until `stop`.
///
/// # Errors
/// When the folder of the files cannot be opened, what the supervisor handed out cannot be read, or nobody is named who
/// writes to people.
pub async fn run(
    data: &Path,
    configuration: &Configuration,
    clock: fn() -> Timestamp,
    stop: CancellationToken,
) -> Result<(), Problem> {
    let objects = issued::objects(data)?;
    let keeper = Keeper::new(issued::keeper(data, "worker")?);
    let store = issued::store(data, "worker", CONNECTIONS)?;
    let notifier = notifier(data, &store, configuration)?;
    tokio::join!(
        take_over(objects, clock, &stop),
        remove_erased(&keeper, &store, &stop),
        tell(notifier.as_ref(), clock, &stop)
    );
    Ok(())
}

/// Who tells people of changes; `None` where the operator wants no mail to people.
fn notifier(
    data: &Path,
    store: &Store,
    configuration: &Configuration,
) -> Result<Option<Notifier>, Problem> {
    if !configuration.tells_people_by_mail {
        return Ok(None);
    }
    let (operator, zone) = (configuration.operator()?, configuration.zone()?);
    let relay = configuration.smtp_relay;
    let protection = if relay.ip().is_loopback() {
        Protection::None
    } else {
        Protection::Offered
    };
    let mailer = Mailer::new(&Relay {
        host: relay.ip().to_string(),
        port: relay.port(),
        protection,
        credentials: None,
        from_name: operator.name.clone(),
        from: operator.mailbox,
    })
    .map_err(|_| {
        Problem::Machine(
            "operator.mailbox in candour.json is no mailbox that mail can come from. Correct it."
                .to_owned(),
        )
    })?;
    // A mail has no link: the number need not be one that a telephone can dial by itself.
    let to_ring = ToRing {
        name: operator.name,
        phone: operator.phone,
        link: String::new(),
    };
    Ok(Some(Notifier {
        keeper: Keeper::new(issued::keeper(data, "worker")?),
        store: store.clone(),
        mailer,
        write: Box::new(move |about| notifications::words(about, &to_ring, &zone)),
    }))
}

async fn tell(notifier: Option<&Notifier>, clock: fn() -> Timestamp, stop: &CancellationToken) {
    let Some(notifier) = notifier else { return };
    let mut failed_before = false;
    loop {
        let outcome = notifier.step(&clock).await;
        match &outcome {
            Ok(0) => {}
            Ok(mails) => tracing::info!(mails, "people were told by mail of changes"),
            Err(error) if !failed_before => {
                tracing::warn!(%error, "people cannot be told of changes now; it is tried again");
            }
            Err(_) => {}
        }
        failed_before = outcome.is_err();
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(TELLING_PAUSE) => {}
        }
    }
}

async fn remove_erased(keeper: &Keeper, store: &Store, stop: &CancellationToken) {
    let mut failed_before = false;
    loop {
        let outcome = erasures::remove(keeper, store).await;
        match &outcome {
            Ok(0) => {}
            Ok(items) => tracing::info!(items, "ciphertext of what was erased was removed"),
            Err(error) if !failed_before => {
                tracing::warn!(%error, "ciphertext of what was erased cannot be removed now");
            }
            Err(_) => {}
        }
        failed_before = outcome.is_err();
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(ERASED_PAUSE) => {}
        }
    }
}

async fn take_over(objects: Objects, clock: fn() -> Timestamp, stop: &CancellationToken) {
    let mut failed_before = false;
    loop {
        let (files, now) = (objects.clone(), SystemTime::from(clock()));
        let outcome = tokio::task::spawn_blocking(move || files.adopt(now)).await;
        let outcome = outcome.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        match &outcome {
            Ok(0) => {}
            Ok(taken) => tracing::info!(taken, "files were taken over"),
            // Said once and not twice a second: a full disk must not fill with its own log.
            Err(error) if !failed_before => {
                tracing::error!(%error, "files cannot be taken over; they stay readable where they are");
            }
            Err(_) => {}
        }
        failed_before = outcome.is_err();
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}
