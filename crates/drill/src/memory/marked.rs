//! Documents that say whose memory they lie in: each has a mark of its own in its content and in its title.

use crate::Problem;
use candour_core::document::{DocumentKind, DocumentMeta, MediaType, NewDocument, Title};
use candour_core::fhir::Sensitivities;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};
use std::io::Write;

/// What a document is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marked {
    /// Its number.
    pub number: u32,
    /// The patient, 32 hexadecimal digits.
    pub patient: String,
    /// The depositor's key, 32 hexadecimal digits.
    pub once: String,
    /// Stands in its content.
    pub content: String,
    /// Stands in its title.
    pub title: String,
}

/// Sizes in bytes: rows, files, and one in fifty that is streamed.
const SIZES: [usize; 5] = [900, 6_000, 15_000, 40_000, 150_000];
const STREAMED: usize = 1_300_000;

impl Marked {
    /// How long it is, about.
    fn size(&self) -> usize {
        let number = usize::try_from(self.number).unwrap_or(0);
        if number % 50 == 17 {
            STREAMED
        } else {
            SIZES[number % SIZES.len()]
        }
    }

    /// Its bytes: plain text, or a PDF whose mark stands in a compressed stream only.
    ///
    /// # Errors
    /// When the stream cannot be compressed.
    pub fn bytes(&self) -> Result<Vec<u8>, Problem> {
        let size = self.size();
        let mut text = String::with_capacity(size + 64);
        while text.len() < size {
            text.push_str(&self.content);
            text.push_str(" is what this letter is about.\n");
        }
        if self.number % 4 != 3 {
            return Ok(text.into_bytes());
        }
        let failed = |error| Problem::Unexpected(format!("a stream cannot be compressed: {error}"));
        let mut stream = ZlibEncoder::new(Vec::new(), Compression::default());
        stream.write_all(text.as_bytes()).map_err(failed)?;
        let stream = stream.finish().map_err(failed)?;
        let mut pdf = b"%PDF-1.4\n1 0 obj\n<< /Length ".to_vec();
        pdf.extend_from_slice(stream.len().to_string().as_bytes());
        pdf.extend_from_slice(b" /Filter /FlateDecode >>\nstream\n");
        pdf.extend_from_slice(&stream);
        pdf.extend_from_slice(b"\nendstream\nendobj\ntrailer\n<< >>\n%%EOF\n");
        Ok(pdf)
    }

    /// As it is deposited.
    ///
    /// # Errors
    /// As [`Marked::bytes`].
    pub fn document(&self) -> Result<NewDocument, Problem> {
        Ok(NewDocument {
            meta: DocumentMeta {
                title: Title::of(&self.title),
                kind: DocumentKind::ClinicLetter,
                date: Some(jiff::civil::date(2025, 6, 1)),
                media_type: MediaType::Unknown,
                size_bytes: 0,
                source: String::new(),
                author: None,
                envelope: None,
            },
            tags: Sensitivities::NONE,
            bytes: self.bytes()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::needles::{Kind, Needles, Seen};
    use super::*;
    use candour_core::document::sniff;

    #[test]
    fn every_document_shows_its_mark_to_a_search_and_a_pdf_only_inflated() {
        for number in [0, 3, 17] {
            let marked = Marked {
                number,
                patient: String::new(),
                once: String::new(),
                content: format!("content-{number}-aq93jf7w"),
                title: String::new(),
            };
            let bytes = marked.bytes().unwrap();
            let mut needles = Needles::default();
            needles.add_text(Kind::Content, &marked.content);
            let mut seen = Seen::default();
            needles.search(&bytes, &mut seen);
            assert_eq!(seen.found().len(), 1);
            let is_pdf = sniff(&bytes) == MediaType::Pdf;
            assert_eq!(is_pdf, number == 3);
        }
    }
}
