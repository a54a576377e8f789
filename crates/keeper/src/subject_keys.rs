//! Subject keys: the reading and the audit key of a patient, practice or of the installation.

use crate::keys::KeyedToken;
use candour_seal::{AuditKey, SubjectKey, Wrapped};

/// New keys of one subject, wrapped by an epoch key.
pub struct NewSubjectKeys {
    /// Whose.
    pub subject: KeyedToken,
    /// The epoch key's number.
    pub epoch: i32,
    /// Wraps item keys.
    pub reading: Wrapped,
    /// Wraps the keys of entry bodies.
    pub audit: Wrapped,
}

/// The unwrapped keys of one subject.
pub struct SubjectKeyPair {
    /// Wraps item keys.
    pub reading: SubjectKey,
    /// Wraps the keys of entry bodies.
    pub audit: AuditKey,
}
