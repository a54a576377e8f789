//! The running installation as an operator's command reaches it.

use crate::Problem;
use candour_app::App;
use candour_app::sign_in::ClientCredential;
use candour_keeper_api::{Keeper, KeeperAddress};
use candour_store::{Objects, Placement, Store};
use serde::Deserialize;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use zeroize::Zeroizing;

/// Connections to the portal's database.
const CONNECTIONS: usize = 4;

/// Use cases of an installation that runs, and what runs beside them.
pub(super) struct Installation {
    pub(super) app: Arc<App>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Installation {
    pub(super) async fn close(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Reaches the installation in `data` as the process `import`, with the portal's rights in its database.
pub(super) fn open(data: &Path) -> Result<Installation, Problem> {
    if !data.join(crate::data_folder::VERSION_FILE).exists() {
        return Err(Problem::NoDataFolder(data.to_path_buf()));
    }
    let keeper = Keeper::new(KeeperAddress {
        socket: data.join("run/keeper.sock"),
        credential: Zeroizing::new(credential(data)?),
    });
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let app = App::start(Arc::new(keeper), store(data)?, &tasks, stop.clone());
    Ok(Installation {
        app: Arc::new(app),
        tasks,
        stop,
    })
}

fn store(data: &Path) -> Result<Store, Problem> {
    let file = data.join("secrets/portal.database");
    let config = read(&file)?.trim().parse().map_err(|_| malformed(&file))?;
    let folder = data.join("objects");
    let kept = folder.join("kept");
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
        Objects::open(&folder, placement).map_err(Problem::file("could not open", &folder))?;
    Store::new(config, CONNECTIONS, objects)
        .map_err(|error| Problem::Machine(crate::problem::sentence(&error)))
}

fn credential(data: &Path) -> Result<Vec<u8>, Problem> {
    let file = data.join("secrets/import.credential");
    bytes(read(&file)?.trim()).ok_or_else(|| malformed(&file))
}

fn read(file: &Path) -> Result<String, Problem> {
    std::fs::read_to_string(file).map_err(|error| match error.kind() {
        std::io::ErrorKind::PermissionDenied => Problem::Machine(format!(
            "{} cannot be read: run the import as the user who runs candour serve",
            file.display()
        )),
        std::io::ErrorKind::NotFound => Problem::Machine(format!(
            "{} is not there: start the installation once with candour serve",
            file.display()
        )),
        _ => Problem::file("could not read", file)(error),
    })
}

fn malformed(file: &Path) -> Problem {
    Problem::Machine(format!("{} does not read", file.display()))
}

/// The program of a practice from what `candour-keeper add-practice` printed: lines `client: …`, `client secret: …`.
pub(super) fn printed_client(file: &Path) -> Result<ClientCredential, Problem> {
    let text = Zeroizing::new(read(file)?);
    let field = |name: &str| {
        text.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == name).then(|| value.trim())
        })
    };
    field("client")
        .zip(field("client secret"))
        .and_then(|(client, secret)| client_credential(client, secret))
        .ok_or_else(|| {
            Problem::Machine(format!(
                "{} does not hold what candour-keeper add-practice printed (lines \"client:\" and \"client secret:\")",
                file.display()
            ))
        })
}

/// The program of a practice of the demonstration.
pub(super) fn demonstration_client(
    data: &Path,
    practice: &str,
) -> Result<ClientCredential, Problem> {
    #[derive(Deserialize)]
    struct Settled {
        desks: Vec<Desk>,
    }
    #[derive(Deserialize)]
    struct Desk {
        name: String,
        client: String,
        client_secret: String,
    }
    let file = data.join("secrets/settled.json");
    if !file.exists() {
        return Err(Problem::Machine(
            "name the file with what candour-keeper add-practice printed for the practice with --client"
                .to_owned(),
        ));
    }
    let settled: Settled = serde_json::from_str(&read(&file)?).map_err(|_| malformed(&file))?;
    let names: Vec<&str> = settled
        .desks
        .iter()
        .map(|desk| desk.name.as_str())
        .collect();
    let names = names.join(", ");
    settled
        .desks
        .iter()
        .find(|desk| desk.name == practice)
        .and_then(|desk| client_credential(&desk.client, &desk.client_secret))
        .ok_or_else(|| {
            Problem::Machine(format!(
                "there is no practice named {practice}; there are: {names}"
            ))
        })
}

fn client_credential(client: &str, secret: &str) -> Option<ClientCredential> {
    Some(ClientCredential {
        client: client.parse().ok()?,
        secret: Zeroizing::new(bytes(secret)?),
    })
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    if !digits.is_ascii() || !digits.len().is_multiple_of(2) {
        return None;
    }
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_practices_program_is_read_from_what_the_keeper_printed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("printed");
        let printed = format!(
            "practice: {0}\ninvitation: AAAA\nclient: {0}\nclient secret: {0}{0}\n",
            "0a".repeat(16)
        );
        std::fs::write(&file, printed).unwrap();
        let credential = printed_client(&file).unwrap();
        assert_eq!(credential.client.to_string(), "0a".repeat(16));
        assert_eq!(*credential.secret, [10; 32]);
        std::fs::write(&file, "client: 12").unwrap();
        assert!(printed_client(&file).is_err());
    }

    #[test]
    fn a_practice_that_is_not_there_is_answered_with_those_that_are() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("secrets")).unwrap();
        let desk = format!(
            r#"{{"desks":[{{"name":"Kauri Health","client":"{}","client_secret":"00"}}]}}"#,
            "0a".repeat(16)
        );
        std::fs::write(folder.path().join("secrets/settled.json"), desk).unwrap();
        assert!(demonstration_client(folder.path(), "Kauri Health").is_ok());
        let error = demonstration_client(folder.path(), "Rimu Health")
            .err()
            .unwrap();
        assert!(error.to_string().contains("Kauri Health"), "{error}");
    }
}
