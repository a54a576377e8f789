//! Which account each part runs under.

use candour_embedded::Account;

use crate::Problem;

/// The account of every part; all the same where the supervisor is not root.
#[derive(Debug, Clone)]
pub struct Accounts {
    /// The supervisor itself.
    pub supervisor: Account,
    /// PostgreSQL.
    pub postgres: Account,
    /// The keeper.
    pub keeper: Account,
    /// The portal.
    pub portal: Account,
    /// The worker.
    pub worker: Account,
    /// The incident room.
    pub room: Account,
    /// The status site.
    pub status: Account,
    /// The one that shows checkpoints to witnesses.
    pub witness: Account,
    /// The demonstration's mailbox.
    pub mailbox: Account,
}

impl Accounts {
    /// Finds the accounts, making them when this process is root and they are missing.
    ///
    /// # Errors
    /// When an account cannot be made.
    pub fn ensure() -> Result<Self, Problem> {
        let supervisor = Account::current();
        let of = |name: &str| {
            if Account::may_separate() {
                Account::ensure(name)
            } else {
                Ok(supervisor.clone())
            }
        };
        Ok(Self {
            postgres: of("candour-postgres")?,
            keeper: of("candour-keeper")?,
            portal: of("candour-portal")?,
            worker: of("candour-worker")?,
            room: of("candour-room")?,
            status: of("candour-status")?,
            witness: of("candour-witness")?,
            mailbox: of("candour-mailbox")?,
            supervisor,
        })
    }

    /// True when the keeper runs under an account that nobody else has: one half of what the footer of every page
    /// is about; the other is who owns the databases.
    pub fn are_separate(&self) -> bool {
        self.keeper.uid != self.portal.uid && self.keeper.uid != self.supervisor.uid
    }
}
