//! What the supervisor hands to each process: its database and its credential towards the keeper.
//!
//! Everything lies in `secrets/`, a folder of the supervisor in which others may look up a name they know
//! but cannot list; each file has mode 0600 and belongs to the account of the one process it is for.
//!
//! | file | for | content |
//! |---|---|---|
//! | `postgres.password` | supervisor | password of the cluster's owner |
//! | `migrator.database` | supervisor | the portal's database as its owner |
//! | `keeper.database` | keeper | its own database |
//! | `keeper.instances.json` | keeper | the processes that may call it: `[{"name", "instance", "uid", "credential_sha256"}]` |
//! | `portal.database`, `worker.database` | portal, worker | the portal's database |
//! | `room.database`, `room-portal.database` | room | its own and the portal's database |
//! | `portal.credential`, `worker.credential`, `room.credential`, `import.credential` | those; import: supervisor | 64 hexadecimal digits: 32 random bytes for `Hello` |
//!
//! A `.database` file is one line in PostgreSQL's key-value form (`host='…' user='…' …`). Passwords and
//! credentials are new at each start of the supervisor; an instance keeps its id, so that sessions survive.

pub mod issued;

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use candour_embedded::cluster::{make_folder, roles};
use candour_embedded::secret::{bytes, digits, hand_over};
use candour_embedded::{Account, Secret};
use candour_seal::InstanceId;
use serde::Serialize;

use crate::accounts::Accounts;
use crate::{DataFolder, Problem};

/// A process that may call the keeper, as the keeper is told of it.
#[derive(Debug, Serialize)]
struct Caller {
    name: &'static str,
    instance: String,
    uid: u32,
    credential_sha256: String,
}

/// The passwords of the database roles for this run, in the order of [`roles::ROLES`].
#[derive(Debug)]
pub struct RolePasswords(Vec<(&'static str, Secret)>);

impl RolePasswords {
    /// Draws new ones.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn random() -> Result<Self, Problem> {
        let drawn: Result<Vec<_>, candour_embedded::Problem> = roles::ROLES
            .into_iter()
            .map(|role| Ok((role, Secret::random()?)))
            .collect();
        Ok(Self(drawn?))
    }

    /// Each role with its password.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, &Secret)> {
        self.0.iter().map(|(role, password)| (*role, password))
    }

    fn of(&self, role: &str) -> &str {
        self.each()
            .find(|(known, _)| *known == role)
            .map_or("", |(_, password)| password.reveal())
    }
}

/// The folder of the files.
pub fn folder(data: &DataFolder) -> PathBuf {
    data.join("secrets")
}

/// Makes the folder, and reads or draws the password of the cluster's owner.
///
/// # Errors
/// When a file cannot be written or is not what it should be.
pub fn cluster_password(data: &DataFolder, supervisor: &Account) -> Result<Secret, Problem> {
    let folder = folder(data);
    make_folder(&folder, 0o711, supervisor)?;
    let file = folder.join("postgres.password");
    if !file.exists() {
        let password = Secret::random()?;
        hand_over(&file, password.reveal(), supervisor)?;
        return Ok(password);
    }
    let text = fs::read_to_string(&file).map_err(Problem::file("could not read", &file))?;
    Secret::parse(text.trim()).ok_or_else(|| {
        Problem::Machine(format!(
            "{} does not hold a password of this program",
            file.display()
        ))
    })
}

/// Writes every process's files.
///
/// # Errors
/// When a file cannot be written.
pub fn hand_out(
    data: &DataFolder,
    accounts: &Accounts,
    sockets: &Path,
    passwords: &RolePasswords,
) -> Result<(), Problem> {
    let folder = folder(data);
    let Accounts {
        supervisor,
        keeper,
        portal,
        worker,
        room,
        ..
    } = accounts;
    let databases: [(&str, &Account, &str, &str); 6] = [
        ("migrator", supervisor, roles::MIGRATOR, "candour_portal"),
        ("keeper", keeper, roles::KEEPER, "candour_keeper"),
        ("portal", portal, roles::PORTAL, "candour_portal"),
        ("worker", worker, roles::WORKER, "candour_portal"),
        ("room", room, roles::ROOM, "candour_room"),
        ("room-portal", room, roles::ROOM, "candour_portal"),
    ];
    for (name, reader, role, database) in databases {
        let line = connection(sockets, role, passwords.of(role), database);
        hand_over(&folder.join(format!("{name}.database")), &line, reader)?;
    }
    let mut callers = Vec::new();
    for (name, account) in [
        ("portal", portal),
        ("worker", worker),
        ("room", room),
        // An operator's command, run as the supervisor's user.
        ("import", supervisor),
    ] {
        let credential = Secret::random()?;
        let instance = instance(&folder, name)?;
        hand_over(
            &folder.join(format!("{name}.credential")),
            credential.reveal(),
            account,
        )?;
        callers.push(Caller {
            name,
            instance: instance.to_string(),
            uid: account.uid,
            credential_sha256: fingerprint(&credential),
        });
    }
    let text = serde_json::to_string_pretty(&callers).map_err(|source| Problem::Configuration {
        file: folder.join("keeper.instances.json"),
        source,
    })?;
    hand_over(&folder.join("keeper.instances.json"), &text, keeper)?;
    Ok(())
}

fn connection(sockets: &Path, role: &str, password: &str, database: &str) -> String {
    // In a quoted value only the quote and the backslash are special.
    let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
    format!(
        "host={} port=5432 user={} password={} dbname={}\n",
        quoted(&sockets.display().to_string()),
        quoted(role),
        quoted(password),
        quoted(database)
    )
}

/// SHA-256 of the credential's 32 bytes, as hexadecimal digits.
fn fingerprint(credential: &Secret) -> String {
    let drawn = bytes::<32>(credential.reveal()).unwrap_or_default();
    digits(digest(&SHA256, drawn.as_slice()).as_ref())
}

/// An instance keeps its id over restarts: tokens are bound to it.
fn instance(folder: &Path, name: &str) -> Result<InstanceId, Problem> {
    let file = folder.join(format!("{name}.instance"));
    if let Some(known) = fs::read_to_string(&file)
        .ok()
        .and_then(|text| InstanceId::from_str(text.trim()).ok())
    {
        return Ok(known);
    }
    let random = Secret::random()?;
    let drawn = random
        .reveal()
        .get(..32)
        .and_then(|text| InstanceId::from_str(text).ok());
    let drawn = drawn.ok_or_else(|| Problem::Machine("no id could be drawn".to_owned()))?;
    hand_over(&file, &drawn.to_string(), &Account::current())?;
    Ok(drawn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_a_quote_stays_inside_its_value() {
        let line = connection(
            Path::new("/data/Rewi's run"),
            "candour_portal",
            "aa",
            "candour_portal",
        );
        assert!(
            line.starts_with("host='/data/Rewi\\'s run' port=5432 user='candour_portal'"),
            "{line}"
        );
    }

    #[test]
    fn an_instance_keeps_its_id() {
        let place = tempfile::tempdir().unwrap();
        let first = instance(place.path(), "portal").unwrap();
        assert_eq!(instance(place.path(), "portal").unwrap(), first);
        assert_ne!(instance(place.path(), "worker").unwrap(), first);
    }

    #[test]
    fn the_keeper_is_told_the_hash_of_the_bytes() {
        let zeros = Secret::parse(&"0".repeat(64)).unwrap();
        // SHA-256 of 32 zero bytes.
        assert_eq!(
            fingerprint(&zeros),
            "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925"
        );
    }
}
