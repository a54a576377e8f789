//! Members of bulk lanes.

use crate::keys::KeyedToken;

/// One member of a run, with how often each of its two sections was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunMemberRow {
    /// The run.
    pub run: KeyedToken,
    /// The member.
    pub patient: KeyedToken,
    /// Openings of the identity section.
    pub identity: i16,
    /// Openings of the contact section.
    pub contact: i16,
}
