//! The running installation as an operator's command reaches it.

use crate::Problem;
use crate::secrets::issued;
use candour_app::App;
use candour_app::sign_in::ClientCredential;
use candour_embedded::secret::bytes;
use candour_keeper_api::Keeper;
use serde::Deserialize;
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
    let keeper = Keeper::new(issued::keeper(data, "import")?);
    let store = issued::store(data, "portal", CONNECTIONS)?;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let app = App::start(Arc::new(keeper), store, &tasks, stop.clone());
    Ok(Installation {
        app: Arc::new(app),
        tasks,
        stop,
    })
}

/// The program of a practice from what `candour-keeper add-practice` printed: lines `client: …`, `client secret: …`.
pub(super) fn printed_client(file: &Path) -> Result<ClientCredential, Problem> {
    let text = std::fs::read_to_string(file).map_err(Problem::file("could not read", file))?;
    let text = Zeroizing::new(text);
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
    let Some(text) = issued::settled(data)? else {
        return Err(Problem::Machine(
            "name the file with what candour-keeper add-practice printed for the practice with --client"
                .to_owned(),
        ));
    };
    let settled: Settled = serde_json::from_str(&text)
        .map_err(|_| Problem::Machine("secrets/settled.json does not read".to_owned()))?;
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
        secret: Zeroizing::new(bytes::<32>(secret)?.to_vec()),
    })
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
            r#"{{"desks":[{{"name":"Kauri Health","client":"{0}","client_secret":"{0}{0}"}}]}}"#,
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
