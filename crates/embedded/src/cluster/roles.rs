//! Roles and databases of an installation. Tables and the rights on them belong to the migrations of
//! keeper, store and room.

use tokio_postgres::{Client, Error};

use crate::Secret;

/// Owns and migrates the portal's database; no process that faces the network has its password.
pub const MIGRATOR: &str = "candour_migrator";
/// The keeper's role, owner of its own database.
pub const KEEPER: &str = "candour_keeper";
/// The portal's role: inserts and selects sealed rows, never updates or deletes them.
pub const PORTAL: &str = "candour_portal";
/// The worker's role.
pub const WORKER: &str = "candour_worker";
/// The incident room's role, owner of its own database.
pub const ROOM: &str = "candour_room";

/// Every role, in the order in which they are made.
pub const ROLES: [&str; 5] = [MIGRATOR, KEEPER, PORTAL, WORKER, ROOM];

/// One database of an installation.
#[derive(Debug, Clone, Copy)]
pub struct Database {
    /// Its name.
    pub name: &'static str,
    /// The role that owns it and runs its migrations.
    pub owner: &'static str,
    /// The other roles that may connect.
    pub guests: &'static [&'static str],
}

impl Database {
    /// The owner and the guests.
    pub fn roles(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.owner).chain(self.guests.iter().copied())
    }
}

/// Every database of an installation.
pub const DATABASES: [Database; 3] = [
    Database {
        name: "candour_keeper",
        owner: KEEPER,
        guests: &[],
    },
    Database {
        name: "candour_portal",
        owner: MIGRATOR,
        guests: &[PORTAL, WORKER, ROOM],
    },
    Database {
        name: "candour_room",
        owner: ROOM,
        guests: &[],
    },
];

const ROLE_EXISTS: &str = "select exists (select from pg_roles where rolname = $1)";
const DATABASE_EXISTS: &str = "select exists (select from pg_database where datname = $1)";

/// Makes the role when missing and sets its password; names come from [`ROLES`], passwords need no quoting.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn ensure_role(client: &Client, role: &str, password: &Secret) -> Result<(), Error> {
    let attributes = "login nosuperuser nocreatedb nocreaterole noreplication nobypassrls";
    if !client
        .query_one(ROLE_EXISTS, &[&role])
        .await?
        .get::<_, bool>(0)
    {
        client
            .batch_execute(&format!("create role {role} {attributes}"))
            .await?;
    }
    let password = password.reveal();
    client
        .batch_execute(&format!(
            "alter role {role} {attributes} password '{password}'"
        ))
        .await
}

/// Makes the database when missing, and says anew who may connect.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn ensure_database(client: &Client, database: &Database) -> Result<(), Error> {
    let Database { name, owner, .. } = database;
    if !client
        .query_one(DATABASE_EXISTS, &[name])
        .await?
        .get::<_, bool>(0)
    {
        client
            .batch_execute(&format!("create database {name} owner {owner}"))
            .await?;
    }
    restrict(client, name, database.roles()).await
}

/// Lets only these roles connect to the database.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn restrict(
    client: &Client,
    database: &str,
    roles: impl Iterator<Item = &str>,
) -> Result<(), Error> {
    let roles: Vec<&str> = roles.collect();
    let roles = roles.join(", ");
    client
        .batch_execute(&format!(
            "revoke all on database {database} from public; grant connect on database {database} to {roles}"
        ))
        .await
}

/// Closes the databases that PostgreSQL itself brings to everyone but its owner.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn close_maintenance(client: &Client) -> Result<(), Error> {
    client
        .batch_execute(
            "revoke all on database postgres from public; revoke all on database template1 from public",
        )
        .await
}
