//! One installation on this machine: its data directory, accounts, cluster and secrets, made ready to start.

use std::path::PathBuf;

use candour_embedded::cluster::{SUPERUSER, connect, make_folder, roles};
use candour_embedded::{Account, Cluster, Durability, Layout, Secret};

use crate::accounts::Accounts;
use crate::programs::{Programs, folder_of_this_program};
use crate::secrets::{self, RolePasswords};
use crate::{Configuration, DataFolder, Problem};

/// The keeper's program.
pub const KEEPER: &str = "candour-keeper";
/// The program that makes a demonstration's people.
pub const DRILL: &str = "candour-drill";
/// The programs that run parts.
const PROGRAMS: [&str; 2] = ["candour", KEEPER];

/// Everything that starting needs to know.
#[derive(Debug)]
pub struct Installation {
    /// Its data directory; held until this is dropped.
    pub data: DataFolder,
    /// Its configuration.
    pub configuration: Configuration,
    /// The accounts of its parts.
    pub accounts: Accounts,
    /// Its database cluster.
    pub cluster: Cluster,
    /// The programs of its parts.
    pub programs: Programs,
    password: Secret,
}

impl Installation {
    /// Lays out what is missing in the data directory and finds what is needed to start.
    ///
    /// # Errors
    /// When PostgreSQL or a program is missing, or a folder cannot be made or belongs to somebody else.
    pub fn prepare(data: DataFolder, configuration: Configuration) -> Result<Self, Problem> {
        let accounts = Accounts::ensure()?;
        let mut names = PROGRAMS.to_vec();
        if configuration.demonstration && folder_of_this_program()?.join(DRILL).is_file() {
            names.push(DRILL);
        }
        let programs = Programs::locate(&data, &names)?;
        lay_out(&data, &accounts)?;
        let password = secrets::cluster_password(&data, &accounts.supervisor)?;
        let cluster = Cluster::locate(Layout {
            folder: data.join("postgres"),
            sockets: data.join("run/postgres"),
            access: data.join("postgres.access"),
            account: accounts.postgres.clone(),
            durability: Durability::Durable,
        })?;
        Ok(Self {
            data,
            configuration,
            accounts,
            cluster,
            programs,
            password,
        })
    }

    /// The password of the cluster's owner.
    pub fn password(&self) -> &Secret {
        &self.password
    }

    /// The log file of a part.
    pub fn log(&self, part: &str) -> PathBuf {
        self.data.join("log").join(format!("{part}.log"))
    }

    /// Makes roles and databases where they are missing, gives every role a new password, and hands them out.
    ///
    /// # Errors
    /// When PostgreSQL refuses, or a file cannot be written.
    pub async fn provide_databases(&self) -> Result<(), Problem> {
        let passwords = RolePasswords::random()?;
        let config = self.cluster.config(SUPERUSER, &self.password, "postgres");
        let client = connect(&config)
            .await
            .map_err(candour_embedded::Problem::from)?;
        for (role, password) in passwords.each() {
            roles::ensure_role(&client, role, password)
                .await
                .map_err(candour_embedded::Problem::from)?;
        }
        for database in &roles::DATABASES {
            roles::ensure_database(&client, database)
                .await
                .map_err(candour_embedded::Problem::from)?;
        }
        roles::close_maintenance(&client)
            .await
            .map_err(candour_embedded::Problem::from)?;
        secrets::hand_out(
            &self.data,
            &self.accounts,
            &self.cluster.layout().sockets,
            &passwords,
        )
    }
}

/// Folders and who may write in each. Nobody but the supervisor writes in the data directory itself.
fn lay_out(data: &DataFolder, accounts: &Accounts) -> Result<(), Problem> {
    let Accounts {
        supervisor,
        postgres,
        keeper,
        portal,
        worker,
        room,
        witness,
        mailbox,
        ..
    } = accounts;
    for (name, mode, owner) in [
        ("log", 0o755, supervisor),
        // The keeper's socket lies here, so nobody else may put one in its place.
        ("run", 0o755, keeper),
        ("run/postgres", 0o755, postgres),
        // Root key (demonstration), checkpoints: whatever the keeper keeps outside its database.
        ("keeper", 0o700, keeper),
        // What anybody may see of the ledger; the keeper writes it, the status site serves it.
        ("ledger", 0o755, keeper),
        // What witnesses cosigned: brought by the one who asks them, read and checked by the keeper.
        ("witnesses", 0o755, witness),
        ("objects", 0o755, supervisor),
        ("room", 0o700, room),
        ("mailbox", 0o700, mailbox),
        // Static files that the room writes and the status site serves.
        ("status", 0o755, room),
    ] {
        make_folder(&data.join(name), mode, owner)?;
    }
    // The portal drops files into one folder by its group and may only read the other; both are the worker's,
    // which takes files over. What lies in them is sealed, and still nobody else may enter.
    let shared = Account {
        name: worker.name.clone(),
        uid: worker.uid,
        gid: portal.gid,
    };
    make_folder(&data.join("objects/incoming"), 0o770, &shared)?;
    make_folder(&data.join("objects/kept"), 0o750, &shared)?;
    Ok(())
}
