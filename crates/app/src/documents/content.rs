//! What is sealed as a document: a short face, then the file's bytes (`docs/formats/content.md`).
//!
//! The face stands first so that an opened document knows its name and length without its shelf entry, which
//! would be a second opening.

use candour_core::block::{Block, BlockError};
use candour_core::document::{DocumentMeta, MediaType, Title};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// What stands before a document's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentFace {
    /// Its title.
    pub title: Title,
    /// The day it is about, or was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
    /// What the file is, by its content.
    pub media_type: MediaType,
    /// Size of the file in bytes.
    pub size_bytes: u64,
}

impl Block for DocumentFace {
    const KIND: &'static str = "document";
    const VERSION: u32 = 1;
}

/// Bytes of the face's length.
pub(super) const PREFIX: usize = 4;
/// The longest face in bytes.
const LONGEST_FACE: usize = 8 * 1024;

impl DocumentFace {
    pub(super) fn of(meta: &DocumentMeta) -> Self {
        Self {
            title: meta.title.clone(),
            date: meta.date,
            media_type: meta.media_type,
            size_bytes: meta.size_bytes,
        }
    }
}

/// `length of the face (4 bytes, big-endian) ‖ face ‖ file`.
pub(super) fn write(face: &DocumentFace, file: &[u8]) -> Result<Zeroizing<Vec<u8>>, BlockError> {
    let face = face.to_block()?;
    // A face is a title of 200 characters and three short fields.
    let length = u32::try_from(face.len()).unwrap_or(u32::MAX);
    let mut content = Zeroizing::new(Vec::with_capacity(PREFIX + face.len() + file.len()));
    content.extend_from_slice(&length.to_be_bytes());
    content.extend_from_slice(&face);
    content.extend_from_slice(file);
    Ok(content)
}

/// The face, and where the file begins; `None` while more bytes are needed.
pub(super) fn read_face(content: &[u8]) -> Result<Option<(DocumentFace, usize)>, BlockError> {
    let Some((prefix, rest)) = content.split_first_chunk::<PREFIX>() else {
        return Ok(None);
    };
    let length = usize::try_from(u32::from_be_bytes(*prefix)).unwrap_or(usize::MAX);
    if length > LONGEST_FACE {
        return Err(BlockError::Kind);
    }
    let Some(face) = rest.get(..length) else {
        return Ok(None);
    };
    Ok(Some((DocumentFace::from_block(face)?, PREFIX + length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face() -> DocumentFace {
        DocumentFace {
            title: Title::of("Clinic letter"),
            date: Some(jiff::civil::date(2026, 3, 14)),
            media_type: MediaType::Text,
            size_bytes: 9,
        }
    }

    #[test]
    fn a_face_reads_back_as_soon_as_it_is_whole() {
        let content = write(&face(), b"Kia ora!\n").unwrap();
        let begins = content.len() - 9;
        for length in 0..begins {
            assert!(read_face(&content[..length]).unwrap().is_none(), "{length}");
        }
        assert_eq!(read_face(&content).unwrap(), Some((face(), begins)));
        assert_eq!(&content[begins..], b"Kia ora!\n");
    }

    #[test]
    fn a_face_of_impossible_length_is_refused_and_not_waited_for() {
        assert!(read_face(&[0xff; 16]).is_err());
    }
}
