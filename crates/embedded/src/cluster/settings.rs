//! Settings of the server and who may reach which database.

use std::path::Path;

use rustix::fs::{FsWord, statfs};

use super::{Layout, SUPERUSER, roles};

/// No TCP port is opened; the number only names the socket file.
pub(super) const PORT: u16 = 5432;

/// The longest path of a Unix socket on Linux, in bytes.
pub const SOCKET_PATH_LIMIT: usize = 107;

/// Whether commits wait for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A commit that was answered survives a loss of power.
    Durable,
    /// For tests that ask nothing about crashes: no write waits for the disk.
    ForTests,
}

/// True when a socket of PostgreSQL in this folder would have a path that the system refuses.
pub fn socket_path_is_too_long(sockets: &Path) -> bool {
    sockets.as_os_str().len() + "/.s.PGSQL.5432.lock".len() > SOCKET_PATH_LIMIT
}

/// Settings given on the command line, so that no file in PostgreSQL's own folder is trusted for them.
pub(super) fn server(layout: &Layout) -> Vec<(&'static str, String)> {
    let wait = match layout.durability {
        Durability::Durable => "on",
        Durability::ForTests => "off",
    };
    let connections = match layout.durability {
        Durability::Durable => "120",
        Durability::ForTests => "300",
    };
    let fixed = [
        ("listen_addresses", ""),
        ("unix_socket_permissions", "0777"),
        ("max_connections", connections),
        ("password_encryption", "scram-sha-256"),
        ("fsync", wait),
        ("synchronous_commit", wait),
        ("full_page_writes", wait),
        ("shared_buffers", "256MB"),
        ("max_wal_size", "2GB"),
        ("checkpoint_timeout", "15min"),
        ("jit", "off"),
        ("timezone", "UTC"),
        ("log_timezone", "UTC"),
        // Neither statements nor their values are logged: a log is copied more often than a database.
        ("log_min_error_statement", "panic"),
        ("log_parameter_max_length", "0"),
        ("log_parameter_max_length_on_error", "0"),
        ("log_error_verbosity", "terse"),
        ("log_checkpoints", "off"),
    ];
    let mut settings = vec![
        ("port", PORT.to_string()),
        ("unix_socket_directories", list_of_one(&layout.sockets)),
        ("hba_file", layout.access.display().to_string()),
    ];
    settings.extend(fixed.map(|(name, value)| (name, value.to_owned())));
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    if statfs(&layout.folder).is_ok_and(|found| is_synced_whole(found.f_type, &release)) {
        settings.push(("recovery_init_sync_method", "syncfs".to_owned()));
    }
    settings
}

/// File systems of Linux whose `syncfs` waits for everything and reports what could not be written: ext2 to ext4, XFS,
/// Btrfs, and tmpfs, on which nothing waits.
const SYNCED_WHOLE: [FsWord; 4] = [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994];

/// Whether PostgreSQL may begin its recovery with one sync of the file system.
///
/// After a crash it first makes sure that what it finds is on the disk, by default file by file: some two thousand of
/// them, each a wait for the disk even where nothing is left to write. Linux reports a failed write to `syncfs` since
/// version 5.8; before that, and on file systems over a network or in user space, the files are synced one by one.
fn is_synced_whole(kind: FsWord, release: &str) -> bool {
    let mut numbers = release.split(|letter: char| !letter.is_ascii_digit());
    let mut next = || numbers.next().and_then(|digits| digits.parse::<u32>().ok());
    let version = (next(), next());
    SYNCED_WHOLE.contains(&kind) && version >= (Some(5), Some(8))
}

/// The setting is a list: a path with a space or a comma stays one path only inside quotes.
fn list_of_one(folder: &Path) -> String {
    format!("\"{}\"", folder.display().to_string().replace('"', "\"\""))
}

/// Rows of `pg_hba.conf`. What has no row is refused, so the portal's role does not even reach the
/// password question of the keeper's database.
pub(super) fn access_rules(durability: Durability) -> String {
    if durability == Durability::ForTests {
        // Tests make their databases under their own names; who may connect is revoked there.
        return "local all all trust\n".to_owned();
    }
    let mut rules = format!("local all {SUPERUSER} scram-sha-256\n");
    for database in roles::DATABASES {
        for role in database.roles() {
            rules.push_str("local ");
            rules.push_str(database.name);
            rules.push(' ');
            rules.push_str(role);
            rules.push_str(" scram-sha-256\n");
        }
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_portal_has_no_rule_for_the_keepers_database() {
        let rules = access_rules(Durability::Durable);
        assert!(rules.contains("local candour_keeper candour_keeper scram-sha-256\n"));
        assert!(!rules.contains("local candour_keeper candour_portal"));
        assert!(!rules.contains("trust"));
    }

    #[test]
    fn a_file_system_is_synced_whole_only_where_a_failed_write_is_reported() {
        let [ext4, ..] = SYNCED_WHOLE;
        for release in ["5.8.0", "5.10.0-28-amd64", "6.1.0-18-cloud-amd64\n", "10.0"] {
            assert!(is_synced_whole(ext4, release), "{release}");
        }
        for release in ["5.7.19", "4.19.0-26-amd64", "", "unknown"] {
            assert!(!is_synced_whole(ext4, release), "{release}");
        }
        let network_file_system = 0x6969;
        assert!(!is_synced_whole(network_file_system, "6.1.0"));
    }

    #[test]
    fn a_socket_folder_with_a_comma_stays_one_folder() {
        assert_eq!(
            list_of_one(Path::new("/data, old/run")),
            "\"/data, old/run\""
        );
    }

    #[test]
    fn a_socket_path_beyond_the_limit_is_noticed() {
        assert!(socket_path_is_too_long(Path::new(&"/long".repeat(20))));
        assert!(!socket_path_is_too_long(Path::new("/var/lib/candour/run")));
    }
}
