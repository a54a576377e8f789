//! When an installation was last drilled and its backup last tried: what its operator lets everybody see.

use serde::{Deserialize, Serialize};

/// The file's name in the data directory. It holds nothing personal, and every part may read it.
pub const FILE: &str = "tested.json";

/// The last drill and the last try of a backup; absent where there was none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tested {
    /// The last drill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<Drill>,
    /// The last try of a backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<Restore>,
}

/// An attack on a cloned installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    /// The day it was run on, UTC.
    pub on: jiff::civil::Date,
    /// Which theft: `stolen-login` or `stolen-staff`.
    pub scenario: String,
    /// Everything was as it must be.
    pub passed: bool,
}

/// A backup that was read from its first to its last byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    /// The day of the try, UTC.
    pub on: jiff::civil::Date,
    /// The day the backup was taken on, UTC.
    pub backup_of: jiff::civil::Date,
    /// It was put back into an installation of its own, and not only read.
    pub put_back: bool,
}

impl Tested {
    /// What a file says; nothing where it is none of ours.
    pub fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// The file's text.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).map_or_else(|_| String::new(), |text| text + "\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_anything_else_says_that_nothing_was_tested() {
        let tested = Tested {
            drill: Some(Drill {
                on: jiff::civil::date(2026, 3, 2),
                scenario: "stolen-login".to_owned(),
                passed: true,
            }),
            restore: None,
        };
        assert_eq!(Tested::read(&tested.text()), tested);
        assert_eq!(Tested::read("drilled yesterday"), Tested::default());
    }
}
