//! Why a backup is not made or not restored, as sentences that end with the next step.

use std::path::PathBuf;

/// A reason to stop; its text is meant for the person at the keyboard.
#[derive(Debug, thiserror::Error)]
pub enum BackupProblem {
    /// Nobody could open a backup.
    #[error(
        "there is no backup key for {data} yet, so nobody could open a backup. Make one with: \
         candour backup-key --data '{data}' --to FILE, and keep that file away from this machine."
    )]
    NoKeyYet {
        /// The data directory.
        data: PathBuf,
    },
    /// Something has that name.
    #[error("{0} exists already and is left as it is. Name another file with --to.")]
    TargetExists(PathBuf),
    /// It would be lost together with what it is for.
    #[error(
        "{0} lies in the data directory and would be lost with it. Name a place on another disk or machine with --to."
    )]
    InsideData(PathBuf),
    /// The disk of the target is full.
    #[error(
        "the disk that holds {0} is full; nothing was kept there. Free some space, or name a folder on another disk with --to."
    )]
    TargetFull(PathBuf),
    /// The file does not hold a backup key.
    #[error(
        "{0} holds no backup key (a line that begins with candour-backup-key-1). Name the file that candour backup-key made."
    )]
    NotAKey(PathBuf),
    /// A digit of the backup key is wrong.
    #[error(
        "the backup key in {0} is not whole: a digit is wrong or missing. Compare it with the other copy of the key."
    )]
    KeyMistyped(PathBuf),
    /// What seals backups on this machine does not read.
    #[error(
        "{0} does not read, so no backup can be sealed. Remove it, make a new key with candour backup-key, \
         and keep the earlier key for the earlier backups."
    )]
    SealUnreadable(PathBuf),
    /// The file is something else.
    #[error("{0} is not a backup of Candour. Name the file that candour backup made.")]
    NotABackup(PathBuf),
    /// A newer Candour made the backup.
    #[error(
        "{file} was made by a newer version of Candour (backup version {found}; this one reads up to {known}). \
         Restore it with that newer version."
    )]
    NewerBackup {
        /// The backup.
        file: PathBuf,
        /// The version it has.
        found: u32,
        /// The newest one this program reads.
        known: u32,
    },
    /// The key belongs to other backups, or the backup to another installation.
    #[error(
        "the key in {key} does not open {file}: the backup was sealed for another key or by another installation, \
         or its first bytes were altered. Use the key that was made on the installation that made the backup, \
         or another copy of the backup."
    )]
    WrongKey {
        /// The backup.
        file: PathBuf,
        /// The key file.
        key: PathBuf,
    },
    /// Altered or cut short.
    #[error(
        "{file} is damaged: it was altered or cut short near byte {at} of {length}. \
         Use another copy of it, or an older backup."
    )]
    Damaged {
        /// The backup.
        file: PathBuf,
        /// How far it could be read.
        at: u64,
        /// Its length.
        length: u64,
    },
    /// It opens and holds what no backup holds.
    #[error(
        "{file} opens, but holds what this version of Candour does not expect: {what}. Use another backup, or the version that made it ({made_by})."
    )]
    Unexpected {
        /// The backup.
        file: PathBuf,
        /// What.
        what: String,
        /// The version that made it.
        made_by: String,
    },
    /// The target of a restore holds something.
    #[error(
        "{0} is not empty: a restore never overwrites anything. Name a new or empty directory with --data."
    )]
    TargetNotEmpty(PathBuf),
    /// The disk of the target is full.
    #[error(
        "the disk that holds {0} is full, so the restore is not whole. Remove the directory, and restore to a larger disk."
    )]
    RestoreFull(PathBuf),
    /// The copies need a newer PostgreSQL.
    #[error(
        "the backup was made with PostgreSQL {made_by}; the newest one here is {found}. \
         Install PostgreSQL {made_by} or newer and restore again."
    )]
    NewerPostgres {
        /// What made it.
        made_by: u32,
        /// What is here.
        found: u32,
    },
    /// No root key was named.
    #[error(
        "a backup holds no root key, and without it nothing in it can be read. \
         Name your copy of keeper/root.key with --root-key FILE."
    )]
    NoRootKey,
    /// The file holds no root key.
    #[error(
        "{0} holds no root key in clear (64 hexadecimal digits). A sealed keeper/root.key does not serve: type the 16 groups \
         of the recovery sheet into a file, name that with --root-key, and destroy it afterwards."
    )]
    NotARootKey(PathBuf),
    /// The root key is that of another installation.
    #[error(
        "the root key in {0} is not the one of the installation that made this backup: its checkpoints have another \
         signature. Name that installation's root key with --root-key."
    )]
    OtherRootKey(PathBuf),
    /// There is another file of epoch keys.
    #[error(
        "{0} holds epoch keys that this installation's keeper never had or does not have any more: a restored copy of the \
         installation was backed up to the same folder. Both sets of backups need their own. Name another folder with --to."
    )]
    OtherEpochKeys(PathBuf),
    /// No epoch keys.
    #[error(
        "{0} holds no epoch keys, or not all of it came here. Name a whole copy of it with --epoch-keys: a file whose name \
         ends in .epoch-keys, as candour backup puts one beside each backup."
    )]
    NotEpochKeys(PathBuf),
    /// The file is not there.
    #[error(
        "the keeper's epoch keys are not in a backup but beside it, and {0} is not there. Without them nothing in it can be \
         read. Name the newest copy of that file with --epoch-keys."
    )]
    NoEpochKeys(PathBuf),
    /// Keys that another root key wrapped.
    #[error(
        "the epoch keys in {0} were made by another installation, or altered. Name the newest copy of this one's with \
         --epoch-keys."
    )]
    ForeignEpochKeys(PathBuf),
    /// The backup is older than its keys.
    #[error(
        "the backup hangs on epoch keys that {file} does not have (numbers {missing:?}). If the backup is older than \
         backups_kept_days, they were destroyed, and nothing in it can be read any more. If it is not, name a newer copy of \
         that file with --epoch-keys. Remove the directory, and restore again."
    )]
    EpochKeysMissing {
        /// Where they were looked for.
        file: PathBuf,
        /// Their numbers.
        missing: Vec<i32>,
    },
    /// The checkpoints are another installation's.
    #[error(
        "the checkpoints in {0} were signed by another installation. Name the old data directory of this one with --survived."
    )]
    OtherCheckpoints(PathBuf),
    /// Nobody said what survived.
    #[error(
        "say what survived outside the databases: --survived FOLDER names the old data directory, its keeper folder, \
         or a copy of it; its checkpoints show how long the ledger was at the end, its tombstones what was erased since. \
         When none of it survived, say --nothing-survived: entries written after the backup are then lost, nobody can count \
         them, and the keeper opens nothing until two operators accept that."
    )]
    SurvivedUnsaid,
    /// There are no checkpoints.
    #[error(
        "{0} holds no checkpoints. Name the old data directory or its keeper folder with --survived, \
         or say --nothing-survived."
    )]
    NoCheckpoints(PathBuf),
    /// A database could not be copied or filled.
    #[error(
        "the {database} database could not be {doing}: {said}. Look whether PostgreSQL runs and the disk has room, and do it \
         again."
    )]
    Database {
        /// Which.
        database: &'static str,
        /// Such as "copied" or "filled".
        doing: &'static str,
        /// What PostgreSQL said.
        said: String,
    },
    /// The operator ended it.
    #[error("it was ended before it was done; nothing of it counts")]
    Ended,
}
