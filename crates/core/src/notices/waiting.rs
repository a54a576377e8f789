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
    /// The code of the message, by which it can be checked; empty without one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// The documents it is about: their ids as hexadecimal digits. The reader's own shelf has their titles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<String>,
    /// The parts of the record it is about, by their numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<i32>,
    /// The incident it belongs to, as hexadecimal digits; empty without one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub incident: String,
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
            code: "7KQD-M2XB-R9TC".into(),
            documents: vec!["00112233445566778899aabbccddeeff".into()],
            sections: vec![3],
            incident: String::new(),
        };
        assert_eq!(
            WaitingNotice::from_block(&notice.to_block().unwrap()).unwrap(),
            notice
        );
    }
}
