//! What a zip archive is, by the names its central directory lists. Nothing is unpacked.

use super::media::{MediaType, contains};

/// More names than this are not looked at.
const MOST_NAMES: usize = 4096;

pub(super) fn inside_zip(bytes: &[u8]) -> MediaType {
    if bytes
        .get(30..)
        .is_some_and(|rest| rest.starts_with(b"mimetypeapplication/vnd.oasis.opendocument"))
    {
        return MediaType::OpenDocument;
    }
    for name in names(bytes).take(MOST_NAMES) {
        let known = match name {
            name if name.starts_with(b"word/") => MediaType::Docx,
            name if name.starts_with(b"xl/") => MediaType::Xlsx,
            name if name.starts_with(b"ppt/") => MediaType::Pptx,
            _ => continue,
        };
        return known;
    }
    // A truncated OOXML file has no directory, but its first local names are still there.
    let head = &bytes[..bytes.len().min(4096)];
    if contains(head, b"[Content_Types].xml") && contains(head, b"word/") {
        return MediaType::Docx;
    }
    MediaType::Zip
}

/// Names in the central directory, as far as it can be read.
fn names(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let number = |at: usize, length: usize| -> Option<usize> {
        let field = bytes.get(at..at.checked_add(length)?)?;
        Some(
            field
                .iter()
                .rev()
                .fold(0, |number, byte| number << 8 | usize::from(*byte)),
        )
    };
    // The end record is 22 bytes and a comment of at most 65,535.
    let from = bytes.len().saturating_sub(22 + 65_535);
    let end = bytes[from..]
        .windows(4)
        .rposition(|window| window == b"PK\x05\x06")
        .map(|at| at + from);
    let mut at = end.and_then(|end| number(end + 16, 4));
    std::iter::from_fn(move || {
        let here = at?;
        if bytes.get(here..here.checked_add(4)?)? != b"PK\x01\x02" {
            return None;
        }
        let name_length = number(here + 28, 2)?;
        let extra = number(here + 30, 2)? + number(here + 32, 2)?;
        let name = bytes.get(here + 46..here + 46 + name_length)?;
        at = Some(here + 46 + name_length + extra);
        Some(name)
    })
}
