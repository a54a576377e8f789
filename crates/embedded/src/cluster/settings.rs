//! Settings of the server and who may reach which database.

use std::path::Path;

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
    settings
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
