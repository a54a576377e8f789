//! The project's own PostgreSQL for tests: one cluster per run, one template per schema, a database per test.
//!
//! `cargo xtask test` starts the cluster beforehand and names its socket folder in
//! `CANDOUR_TEST_CLUSTER`; a test binary run alone starts its own, which ends with it.

mod faulty;
mod own;
mod server;
mod small;

use std::error::Error;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use candour_embedded::cluster::{SUPERUSER, connect, roles};
use tokio_postgres::{Client, Config};

pub use faulty::{FaultyFolder, FaultyServer, Trouble};
pub use server::TestServer;
pub use small::SmallServer;

/// The variable that names the socket folder of a cluster that already runs.
pub const RUNNING: &str = "CANDOUR_TEST_CLUSTER";

/// What a migration function returns.
pub type Migrated = Pin<Box<dyn Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send>>;

/// A schema that test databases are copied from.
#[derive(Debug, Clone, Copy)]
pub struct Template {
    /// A name of lower-case letters and underscores, one for each schema in the project.
    pub name: &'static str,
    /// The role that owns the database; `migrate` is called with its configuration.
    pub owner: &'static str,
    /// Other roles that may connect, as in [`roles::DATABASES`].
    pub guests: &'static [&'static str],
    /// Brings an empty database to the newest schema.
    pub migrate: fn(Config) -> Migrated,
}

/// The cluster of this test run. It does not wait for the disk: crash tests use their own.
#[derive(Debug)]
pub struct TestCluster {
    sockets: PathBuf,
    /// Ends its cluster when this process ends, however it ends.
    _server: Option<TestServer>,
}

/// One test's own database; dropped with the value.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    owner: &'static str,
    sockets: PathBuf,
}

impl TestCluster {
    /// The cluster of this run, started on first use.
    ///
    /// # Panics
    /// When PostgreSQL is missing or does not start: no test with a database can run then.
    #[expect(
        clippy::panic,
        reason = "for tests only: without a cluster there is nothing to go on with"
    )]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<TestCluster> = OnceLock::new();
        SHARED.get_or_init(|| {
            #[expect(
                clippy::disallowed_methods,
                reason = "the one place where tests learn of a running cluster"
            )]
            if let Ok(sockets) = std::env::var(RUNNING) {
                return Self {
                    sockets: PathBuf::from(sockets),
                    _server: None,
                };
            }
            match TestServer::start() {
                Ok(server) => Self {
                    sockets: server.sockets().to_path_buf(),
                    _server: Some(server),
                },
                Err(problem) => panic!("the cluster for tests did not start: {problem}"),
            }
        })
    }

    /// How to reach any database as any role (tests ask for no password).
    pub fn config(&self, role: &str, database: &str) -> Config {
        config(&self.sockets, role, database)
    }

    /// A new database with the schema of `template`, migrated once per run and copied for each test.
    ///
    /// # Panics
    /// When the migrations fail or PostgreSQL refuses: the test cannot go on.
    #[expect(
        clippy::expect_used,
        reason = "for tests only: a test without its database cannot go on"
    )]
    pub async fn database(&self, template: &Template) -> TestDatabase {
        let server = self.superuser().await;
        let source = self
            .template(&server, template)
            .await
            .expect("the template's migrations run");
        let name = fresh_name();
        let owner = template.owner;
        server
            .batch_execute(&format!(
                "create database {name} template {source} strategy file_copy owner {owner}"
            ))
            .await
            .expect("a database is copied from its template");
        self.finish(&server, name, owner, template.guests).await
    }

    /// A new database without any table.
    ///
    /// # Panics
    /// When PostgreSQL refuses.
    #[expect(
        clippy::expect_used,
        reason = "for tests only: a test without its database cannot go on"
    )]
    pub async fn empty_database(
        &self,
        owner: &'static str,
        guests: &[&'static str],
    ) -> TestDatabase {
        let server = self.superuser().await;
        let name = fresh_name();
        server
            .batch_execute(&format!(
                "create database {name} strategy file_copy owner {owner}"
            ))
            .await
            .expect("an empty database is made");
        self.finish(&server, name, owner, guests).await
    }

    /// A copy of a database as it is now. Whoever is connected to it loses the connection.
    ///
    /// # Panics
    /// When PostgreSQL refuses.
    #[expect(
        clippy::expect_used,
        reason = "for tests only: a test without its database cannot go on"
    )]
    pub async fn copy(&self, source: &TestDatabase) -> TestDatabase {
        let server = self.superuser().await;
        let (name, owner) = (fresh_name(), source.owner);
        server
            .execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1",
                &[&source.name],
            )
            .await
            .expect("connections to the source end");
        server
            .batch_execute(&format!(
                "create database {name} template {} strategy file_copy owner {owner}",
                source.name
            ))
            .await
            .expect("a database is copied");
        self.finish(&server, name, owner, &[]).await
    }

    #[expect(
        clippy::expect_used,
        reason = "for tests only: a test without its database cannot go on"
    )]
    async fn finish(
        &self,
        server: &Client,
        name: String,
        owner: &'static str,
        guests: &[&'static str],
    ) -> TestDatabase {
        // Who may connect is not copied with a template.
        let allowed = std::iter::once(owner).chain(guests.iter().copied());
        roles::restrict(server, &name, allowed)
            .await
            .expect("rights are set");
        TestDatabase {
            name,
            owner,
            sockets: self.sockets.clone(),
        }
    }

    #[expect(
        clippy::expect_used,
        reason = "for tests only: without a cluster there is nothing to go on with"
    )]
    async fn superuser(&self) -> Client {
        connect(&self.config(SUPERUSER, "postgres"))
            .await
            .expect("the cluster for tests answers")
    }

    /// The name of the migrated template; made by whoever comes first, while the others wait.
    async fn template(
        &self,
        server: &Client,
        template: &Template,
    ) -> Result<String, Box<dyn Error + Send + Sync>> {
        let Template { name, owner, .. } = template;
        let finished = format!("template_{name}");
        server
            .execute("select pg_advisory_lock(hashtext($1))", &[&finished])
            .await?;
        let exists = "select exists (select from pg_database where datname = $1)";
        if !server
            .query_one(exists, &[&finished])
            .await?
            .get::<_, bool>(0)
        {
            let unfinished = format!("unfinished_{name}");
            server
                .batch_execute(&format!(
                    "drop database if exists {unfinished} with (force)"
                ))
                .await?;
            server
                .batch_execute(&format!("create database {unfinished} owner {owner}"))
                .await?;
            (template.migrate)(self.config(owner, &unfinished)).await?;
            // The migration's connection may take a moment to go; a template must have none.
            server
                .execute(
                    "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1",
                    &[&unfinished],
                )
                .await?;
            server
                .batch_execute(&format!("alter database {unfinished} rename to {finished}"))
                .await?;
        }
        server
            .execute("select pg_advisory_unlock(hashtext($1))", &[&finished])
            .await?;
        Ok(finished)
    }
}

impl TestDatabase {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How the role that owns it reaches it.
    pub fn config(&self) -> Config {
        self.config_as(self.owner)
    }

    /// How another role reaches it (or is refused).
    pub fn config_as(&self, role: &str) -> Config {
        config(&self.sockets, role, &self.name)
    }

    /// Runs statements as somebody who holds the cluster.
    ///
    /// # Panics
    /// When PostgreSQL refuses.
    #[expect(
        clippy::expect_used,
        reason = "for tests only: a test without its database cannot go on"
    )]
    pub async fn past_its_owner(&self, statements: &str) {
        let client = connect(&self.config_as_superuser())
            .await
            .expect("the cluster for tests answers");
        client
            .batch_execute(statements)
            .await
            .expect("the statements are carried out");
    }

    /// How the cluster's own superuser reaches it: for a test that plays somebody who holds the database.
    pub fn config_as_superuser(&self) -> Config {
        self.config_as(SUPERUSER)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let config = config(&self.sockets, SUPERUSER, "postgres");
        let name = std::mem::take(&mut self.name);
        // A thread of its own: the test's runtime may be the one that is going down right now.
        let gone = std::thread::spawn(move || -> Result<(), Box<dyn Error + Send + Sync>> {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let server = connect(&config).await?;
                server
                    .batch_execute(&format!("drop database if exists {name} with (force)"))
                    .await?;
                Ok(())
            })
        });
        // What stays behind goes with the cluster.
        let _ = gone.join();
    }
}

fn config(sockets: &Path, role: &str, database: &str) -> Config {
    let mut config = Config::new();
    config
        .host_path(sockets)
        .port(5432)
        .user(role)
        .dbname(database);
    config
}

fn fresh_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("test_{}_{number}", std::process::id())
}
