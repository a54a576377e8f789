//! A PostgreSQL of its own whose tables lie on a file system of a few MiB: for tests of a full disk.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::Command;

use candour_embedded::Account;
use candour_embedded::cluster::roles;
use tokio_postgres::Config;

use super::own::{Made, OwnServer, Ways};

/// Where nobody else sees what is mounted; it goes with the last process that sees it, however this ends.
const OF_OWN: &[&str] = &["unshare", "--mount", "--propagation", "private"];

const DATABASE: &str = "small";

/// Such a server; ends when dropped.
#[derive(Debug)]
pub struct SmallServer(OwnServer);

impl SmallServer {
    /// Starts one with `mib` MiB for the tables of its database; or the reason why this machine cannot.
    ///
    /// # Panics
    /// When it could, and does not start.
    pub async fn start(mib: u32) -> Result<Self, String> {
        if !Account::may_separate() {
            return Err("only root may mount a small file system".to_owned());
        }
        let tried = Command::new("unshare").args(["--mount", "true"]).status();
        if !tried.is_ok_and(|status| status.success()) {
            return Err("this root may not mount anything here".to_owned());
        }
        let made = Made::cluster();
        let ways = Ways {
            under: OF_OWN,
            before: format!(
                r#"mount -t tmpfs -o "size={mib}m,uid=$uid,gid=$gid,mode=0700" candour-small "$disk""#
            ),
            after: ":",
            // What was committed outlives the server's crash; only a crash of the machine is not tested here.
            settings: &["synchronous_commit=on"],
        };
        let server = made.run(&ways).await;
        let tablespace = format!(
            "create tablespace {DATABASE} location '{}'",
            server.disk.display()
        );
        let database = format!(
            "create database {DATABASE} tablespace {DATABASE} strategy file_copy owner {}",
            roles::KEEPER
        );
        server.arrange(&[tablespace, database]).await;
        Ok(Self(server))
    }

    /// The keeper's database on the small file system.
    pub fn keeper(&self) -> Config {
        self.0.keeper(DATABASE)
    }

    /// The same for somebody who holds the whole cluster.
    pub fn superuser(&self) -> Config {
        self.0.superuser(DATABASE)
    }

    /// The small file system, as this process reaches it.
    pub fn volume(&self) -> PathBuf {
        self.0.volume()
    }

    /// Writes a file that leaves no room, and answers where it is.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn fill(&self) -> io::Result<PathBuf> {
        let path = self.volume().join("filler");
        let mut file = std::fs::File::create(&path)?;
        while file.write_all(&[0; 4096]).is_ok() {}
        Ok(path)
    }

    /// Ends PostgreSQL as a crash would, and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be told.
    pub async fn stop(&mut self) -> io::Result<()> {
        self.0.stop().await
    }

    /// Starts it again and waits until it answers.
    ///
    /// # Errors
    /// When it cannot be told.
    pub async fn start_again(&mut self) -> io::Result<()> {
        self.0.start_again().await
    }
}
