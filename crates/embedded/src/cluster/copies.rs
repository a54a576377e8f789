//! A database as one stream, and back: PostgreSQL's own `pg_dump` and `pg_restore`, as the database's owner.
//!
//! As the owner and not as the cluster's superuser, so that nothing in a copy is ever run with more rights than the
//! part has that it was taken from.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, Error};

use super::connect;
use crate::{Account, Binaries, Problem};

/// One instant of one database; it holds as long as this lives.
pub struct Snapshot {
    config: Config,
    /// Reads within the instant; commits nothing.
    pub client: Client,
    id: String,
}

const FREEZE: &str = "begin isolation level repeatable read read only";
const NAME: &str = "select pg_export_snapshot()";

impl Snapshot {
    /// Takes one now: what was committed before this call is in it.
    ///
    /// # Errors
    /// When PostgreSQL refuses or is not there.
    pub async fn take(config: Config) -> Result<Self, Error> {
        let client = connect(&config).await?;
        client.batch_execute(FREEZE).await?;
        let id = client.query_one(NAME, &[]).await?.get(0);
        Ok(Self { config, client, id })
    }

    /// Starts to copy it; the copy comes out of the child's standard output.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn copy(&self, binaries: &Binaries, account: &Account) -> Result<Child, Problem> {
        let mut command = client_program("pg_dump", &self.config, binaries, account)?;
        command
            // Compressed lightly: bytes are written as text, twice their size.
            .args(["--format=custom", "--compress=1", "--snapshot", &self.id])
            // The keeper's epoch keys go beside a backup and not into it; no other database has such a table.
            .args(["--exclude-table-data", "epoch_secret"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        spawn(command)
    }
}

/// Starts to fill an empty database; the copy goes into the child's standard input. All of it comes, or nothing.
///
/// # Errors
/// When the program cannot be started.
pub fn fill(config: &Config, binaries: &Binaries, account: &Account) -> Result<Child, Problem> {
    let mut command = client_program("pg_restore", config, binaries, account)?;
    command
        .args(["--single-transaction", "--exit-on-error"])
        .arg("--dbname")
        .arg(config.get_dbname().unwrap_or_default())
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    spawn(command)
}

fn spawn(mut command: Command) -> Result<Child, Problem> {
    let program = PathBuf::from(command.get_program());
    command
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Problem::file("could not run", program))
}

/// The password goes through the environment, which only this account and root can read; a command line is public.
fn client_program(
    name: &str,
    config: &Config,
    binaries: &Binaries,
    account: &Account,
) -> Result<Command, Problem> {
    let program = binaries.program(name);
    if !program.is_file() {
        return Err(Problem::Machine(format!(
            "{name} is missing in {}. On Debian or Ubuntu install it with: apt-get install postgresql-client-{}",
            binaries.folder.display(),
            binaries.major
        )));
    }
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C")
        .env("PGUSER", config.get_user().unwrap_or_default())
        .env("PGDATABASE", config.get_dbname().unwrap_or_default())
        .current_dir("/");
    if let Some(Host::Unix(folder)) = config.get_hosts().first() {
        command.env("PGHOST", folder);
    }
    if let Some(port) = config.get_ports().first() {
        command.env("PGPORT", port.to_string());
    }
    if let Some(password) = config.get_password() {
        command.env("PGPASSWORD", String::from_utf8_lossy(password).into_owned());
    }
    account.run(&mut command);
    Ok(command)
}
