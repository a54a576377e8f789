//! What a zip archive is, by the names its central directory lists.

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
    for member in members(bytes) {
        let known = match member.name {
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

/// What the central directory says of one member.
pub(super) struct Member<'a> {
    pub name: &'a [u8],
    pub is_encrypted: bool,
    pub is_deflated: bool,
    packed_bytes: usize,
    local_header: usize,
}

fn number(bytes: &[u8], at: usize, length: usize) -> Option<usize> {
    let field = bytes.get(at..at.checked_add(length)?)?;
    let add = |number: usize, byte: &u8| number << 8 | usize::from(*byte);
    Some(field.iter().rev().fold(0, add))
}

/// The central directory, as far as it can be read.
pub(super) fn members(bytes: &[u8]) -> impl Iterator<Item = Member<'_>> {
    let number = move |at: usize, length: usize| number(bytes, at, length);
    // The end record is 22 bytes and a comment of at most 65,535.
    let from = bytes.len().saturating_sub(22 + 65_535);
    let end = bytes[from..]
        .windows(4)
        .rposition(|window| window == b"PK\x05\x06")
        .map(|at| at + from);
    let mut at = end.and_then(|end| number(end + 16, 4));
    let members = std::iter::from_fn(move || {
        let here = at?;
        if bytes.get(here..here.checked_add(4)?)? != b"PK\x01\x02" {
            return None;
        }
        let name_length = number(here + 28, 2)?;
        let extra = number(here + 30, 2)? + number(here + 32, 2)?;
        at = Some(here + 46 + name_length + extra);
        Some(Member {
            name: bytes.get(here + 46..here + 46 + name_length)?,
            is_encrypted: number(here + 8, 2)? & 1 == 1,
            is_deflated: number(here + 10, 2)? == 8,
            packed_bytes: number(here + 20, 4)?,
            local_header: number(here + 42, 4)?,
        })
    });
    members.take(MOST_NAMES)
}

/// A member as it lies in the file.
pub(super) fn content<'a>(bytes: &'a [u8], member: &Member<'_>) -> Option<&'a [u8]> {
    let here = member.local_header;
    if bytes.get(here..here.checked_add(4)?)? != b"PK\x03\x04" {
        return None;
    }
    let start = here + 30 + number(bytes, here + 26, 2)? + number(bytes, here + 28, 2)?;
    bytes.get(start..start.checked_add(member.packed_bytes)?)
}
