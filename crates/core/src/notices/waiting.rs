//! The text of a notice that waits for a patient in the portal.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::block::Block;

/// One waiting notice: the same words that were sent, and exactly which documents it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingNotice {
    /// One line.
    pub subject: String,
    /// When it was given out.
    pub at: Timestamp,
    /// The text, a paragraph each.
    pub paragraphs: Vec<String>,
    /// The documents and parts of the record it is about, each as the patient knows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub about: Vec<String>,
}

impl Block for WaitingNotice {
    const KIND: &'static str = "notice";
    const VERSION: u32 = 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_reads_back() {
        let notice = WaitingNotice {
            subject: "Documents of yours were opened".into(),
            at: Timestamp::UNIX_EPOCH,
            paragraphs: vec!["Kia ora.".into()],
            about: vec!["Clinic letter, 14 March 2026".into()],
        };
        assert_eq!(
            WaitingNotice::from_block(&notice.to_block().unwrap()).unwrap(),
            notice
        );
    }
}
