//! The shelf entry of a document: what is known of it without opening it.

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::media::MediaType;
use crate::block::Block;

/// The longest title, in characters.
const LONGEST: usize = 200;

/// A title fit for a page and a list: one line, no control or direction characters, 1 to 200 characters.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Title(String);

impl Title {
    /// Makes a title of any text; what is left of an empty one is `Document`.
    pub fn of(text: &str) -> Self {
        let visible: String = text
            .chars()
            .map(|character| if character.is_control() { ' ' } else { character })
            .filter(|character| !matches!(character, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}'))
            .collect();
        let one_line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
        let cut: String = one_line.chars().take(LONGEST).collect();
        Self(if cut.is_empty() {
            "Document".into()
        } else {
            cut
        })
    }

    /// The title.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Shows nothing of the title: it may name an illness.
impl std::fmt::Debug for Title {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Title(…)")
    }
}

impl std::fmt::Display for Title {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl Serialize for Title {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Title {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::of(&String::deserialize(deserializer)?))
    }
}

/// What a document is, for a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// A letter from a clinic.
    ClinicLetter,
    /// A referral.
    Referral,
    /// A discharge summary.
    DischargeSummary,
    /// A laboratory report.
    LabReport,
    /// An imaging report.
    ImagingReport,
    /// A clinician's note of a visit.
    VisitNote,
    /// A form or certificate.
    Form,
    /// Anything else.
    Other,
}

impl DocumentKind {
    /// What a reader calls it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::ClinicLetter => "Clinic letter",
            Self::Referral => "Referral",
            Self::DischargeSummary => "Discharge summary",
            Self::LabReport => "Laboratory report",
            Self::ImagingReport => "Imaging report",
            Self::VisitNote => "Visit note",
            Self::Form => "Form or certificate",
            Self::Other => "Document",
        }
    }

    /// The kind a LOINC document type code stands for.
    pub fn of_loinc(code: &str) -> Option<Self> {
        match code {
            "11488-4" | "34133-9" | "51845-6" => Some(Self::ClinicLetter),
            "57133-1" | "57170-3" => Some(Self::Referral),
            "18842-5" | "28655-9" => Some(Self::DischargeSummary),
            "11502-2" | "26436-6" => Some(Self::LabReport),
            "18748-4" | "68604-8" => Some(Self::ImagingReport),
            "34117-2" | "51847-2" | "11506-3" | "34746-8" | "34109-9" => Some(Self::VisitNote),
            "64297-5" | "64285-0" => Some(Self::Form),
            _ => None,
        }
    }
}

/// The FHIR resource a document came in, without the document itself.
///
/// [`crate::fhir::attach`] puts the bytes back and gives the resource as it was.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Envelope {
    /// The `DocumentReference` with `null` where this document's data stood.
    pub resource: Box<RawValue>,
    /// Which of its attachments this document is, from 0.
    pub attachment: u16,
}

/// A document's shelf entry; sealed on its own, apart from the document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DocumentMeta {
    /// Its title.
    pub title: Title,
    /// Its kind.
    pub kind: DocumentKind,
    /// The day it is about, or was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
    /// What the file is, by its content.
    pub media_type: MediaType,
    /// Size of the file in bytes.
    pub size_bytes: u64,
    /// Name of the practice it came from, as a reader knows it.
    pub source: String,
    /// Who wrote it, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The FHIR resource it came in, if it came in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope: Option<Envelope>,
}

impl Block for DocumentMeta {
    const KIND: &'static str = "shelf";
    const VERSION: u32 = 1;
}
