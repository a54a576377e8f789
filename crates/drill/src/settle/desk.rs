//! The desk: the process that has the portal's credential and its user.

use super::accounts::Clerk;
use super::order::{Desk, Order, Report};
use super::people;
use crate::Problem;
use crate::population::{Plan, Population};
use candour_app::App;
use candour_app::sign_in::ClientCredential;
use candour_keeper_api::{Keeper, KeeperAddress};
use candour_seal::ClientId;
use candour_store::{Objects, Placement, Store};
use std::io::{BufRead, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use zeroize::Zeroizing;

/// Connections to the portal's database.
const CONNECTIONS: usize = 6;

/// Reads the order from standard input, does it, and writes its reports as lines to standard output.
///
/// # Errors
/// What went wrong; it was reported as well.
pub async fn run() -> Result<(), Problem> {
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(Problem::file("could not read", Path::new("standard input")))?;
    let order: Order =
        serde_json::from_str(&line).map_err(Problem::json(Path::new("standard input")))?;
    let (out, mut reports) = mpsc::channel::<Report>(256);
    let writer = tokio::task::spawn_blocking(move || {
        let mut output = std::io::stdout().lock();
        while let Some(report) = reports.blocking_recv() {
            let Ok(text) = serde_json::to_string(&report) else {
                continue;
            };
            if writeln!(output, "{text}")
                .and_then(|()| output.flush())
                .is_err()
            {
                return;
            }
        }
    });
    let outcome = work(&order, &out).await;
    if let Err(problem) = &outcome {
        let _ = out.send(Report::Failed(problem.sentence())).await;
    }
    drop(out);
    let _ = writer.await;
    outcome
}

async fn work(order: &Order, out: &mpsc::Sender<Report>) -> Result<(), Problem> {
    let tasks = TaskTracker::new();
    let stop = CancellationToken::new();
    let app = Arc::new(open_app(&order.data, "portal", &tasks, stop.clone())?);
    let practices = u32::try_from(order.desks.len()).unwrap_or(u32::MAX);
    let plan = Plan::new(order.patients, order.seed, order.today);
    let plan = plan.at(practices, order.practices_seed);
    let population = Arc::new(Population::new(plan)?);
    let clients = order
        .desks
        .iter()
        .map(client)
        .collect::<Result<Vec<_>, _>>()?;

    let (told, mut settled) = mpsc::channel(256);
    let reports = out.clone();
    let relay = async move {
        while let Some(patient) = settled.recv().await {
            if reports.send(Report::Patient(patient)).await.is_err() {
                return;
            }
        }
    };
    let settling = people::settle(&app, &population, &clients, &order.complete, told);
    let (settled, ()) = tokio::join!(settling, relay);
    let (done, candidates) = settled?;
    let clerk = Clerk {
        app: &app,
        order,
        out,
    };
    clerk.make(candidates).await?;
    let _ = out.send(Report::Done(done)).await;
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    Ok(())
}

/// A practice's program, as it signs in.
pub(crate) fn client(desk: &Desk) -> Result<ClientCredential, Problem> {
    let malformed = || Problem::Unexpected("a program's credential does not read".to_owned());
    let client: ClientId = desk.client.parse().map_err(|_| malformed())?;
    let secret = bytes(&desk.client_secret).ok_or_else(malformed)?;
    Ok(ClientCredential {
        client,
        secret: Zeroizing::new(secret),
    })
}

/// The use cases of an installation on this machine, with the credential and database of one of its processes.
///
/// # Errors
/// When its files of secrets cannot be read: this process then runs under another user than it should.
pub fn open_app(
    data: &Path,
    name: &str,
    tasks: &TaskTracker,
    stop: CancellationToken,
) -> Result<App, Problem> {
    let keeper = KeeperAddress {
        socket: data.join("run/keeper.sock"),
        credential: Zeroizing::new(credential(data, name)?),
    };
    let store = open_store(data, name)?;
    Ok(App::start(
        Arc::new(Keeper::new(keeper)),
        store,
        tasks,
        stop,
    ))
}

/// The portal's database and files, as one of the processes reaches them.
///
/// # Errors
/// When its file of secrets cannot be read.
pub fn open_store(data: &Path, name: &str) -> Result<Store, Problem> {
    let file = data.join("secrets").join(format!("{name}.database"));
    let line = std::fs::read_to_string(&file).map_err(Problem::file("could not read", &file))?;
    let config = line
        .trim()
        .parse()
        .map_err(|_| Problem::Unexpected(format!("{} is no connection", file.display())))?;
    let objects = data.join("objects");
    let kept = objects.join("kept");
    let owner = kept
        .metadata()
        .map_err(Problem::file("could not look at", &kept))?
        .uid();
    // Where the worker has a user of its own, it alone puts files where they stay.
    let placement = if owner == rustix::process::geteuid().as_raw() {
        Placement::Kept
    } else {
        Placement::Incoming
    };
    let objects =
        Objects::open(&objects, placement).map_err(Problem::file("could not open", &objects))?;
    Ok(Store::new(config, CONNECTIONS, objects)?)
}

/// The credential of one of an installation's processes.
pub(crate) fn credential(data: &Path, name: &str) -> Result<Vec<u8>, Problem> {
    let file = data.join("secrets").join(format!("{name}.credential"));
    let text = std::fs::read_to_string(&file).map_err(Problem::file("could not read", &file))?;
    bytes(text.trim())
        .ok_or_else(|| Problem::Unexpected(format!("{} is no credential", file.display())))
}

/// Hexadecimal digits as bytes.
pub fn bytes(digits: &str) -> Option<Vec<u8>> {
    base16ct::lower::decode_vec(digits).ok()
}
