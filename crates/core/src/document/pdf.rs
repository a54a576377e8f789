//! Signs of active content in a PDF.
//!
//! `pdfinfo` says "JavaScript: no" of files that run scripts when opened, so names are looked for in the bytes and in
//! object streams after inflating them, with `#` escapes undone. A PDF whose streams are encrypted shows only what
//! stands outside them; such a file counts as active.

use std::io::Read;

use super::media::find;

/// One kind of active content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ActiveContent {
    /// `/JavaScript`, or a `/Rendition` that may hold some.
    Script,
    /// `/Launch`, `/SubmitForm`, `/ImportData` or `/GoToR`: starts or calls something outside.
    Launch,
    /// `/EmbeddedFile` or `/FileAttachment`.
    EmbeddedFile,
    /// `/RichMedia`, `/Movie`, `/Sound` or `/3DD`.
    RichMedia,
    /// `/XFA`.
    DynamicForm,
    /// `/Encrypt`, or an object stream that does not inflate: nobody can look inside.
    Encrypted,
}

/// Names of two characters (`/JS`, `/3D`) are left out: compressed data holds them by chance, and each comes with a
/// longer one that is here.
const NAMES: &[(&[u8], ActiveContent)] = &[
    (b"JavaScript", ActiveContent::Script),
    (b"Rendition", ActiveContent::Script),
    (b"Launch", ActiveContent::Launch),
    (b"SubmitForm", ActiveContent::Launch),
    (b"ImportData", ActiveContent::Launch),
    (b"GoToR", ActiveContent::Launch),
    (b"EmbeddedFile", ActiveContent::EmbeddedFile),
    (b"EmbeddedFiles", ActiveContent::EmbeddedFile),
    (b"FileAttachment", ActiveContent::EmbeddedFile),
    (b"RichMedia", ActiveContent::RichMedia),
    (b"Movie", ActiveContent::RichMedia),
    (b"Sound", ActiveContent::RichMedia),
    (b"3DD", ActiveContent::RichMedia),
    (b"XFA", ActiveContent::DynamicForm),
    (b"Encrypt", ActiveContent::Encrypted),
];

/// At most this much is inflated from all object streams of one file.
const MOST_INFLATED: u64 = 16 << 20;

/// The kinds of active content a PDF shows signs of, sorted, each once.
pub(super) fn active_content(bytes: &[u8]) -> Vec<ActiveContent> {
    let mut found = Vec::new();
    named(bytes, &mut found);
    let mut left = MOST_INFLATED;
    let mut at = 0;
    while let Some(place) = find(bytes, b"/ObjStm", at) {
        at = place + 1;
        let Some(start) = find(bytes, b"stream", place) else {
            break;
        };
        let body = &bytes[start + b"stream".len()..];
        let body = body
            .strip_prefix(b"\r\n")
            .or_else(|| body.strip_prefix(b"\n"))
            .unwrap_or(body);
        let mut inflated = Vec::new();
        // A broken stream gives what it gave until it broke.
        let _ = flate2::read::ZlibDecoder::new(body)
            .take(left)
            .read_to_end(&mut inflated);
        if inflated.is_empty() {
            // Packed in a way that is not undone here: nobody looked inside.
            found.push(ActiveContent::Encrypted);
        }
        left = left.saturating_sub(inflated.len() as u64);
        named(&inflated, &mut found);
        if left == 0 {
            break;
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn named(bytes: &[u8], found: &mut Vec<ActiveContent>) {
    let mut at = 0;
    while let Some(slash) = find(bytes, b"/", at) {
        at = slash + 1;
        let name = name_at(&bytes[at..]);
        found.extend(
            NAMES
                .iter()
                .filter(|(known, _)| *known == name.as_slice())
                .map(|(_, kind)| *kind),
        );
    }
}

/// The name that begins here, at most 16 bytes of it, `#xx` undone.
fn name_at(bytes: &[u8]) -> Vec<u8> {
    let mut name = Vec::new();
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        let regular = !first.is_ascii_whitespace() && *first != 0 && !b"()<>[]{}/%".contains(first);
        if !regular || name.len() == 16 {
            break;
        }
        let escaped = match after {
            [high, low, ..] if *first == b'#' => std::str::from_utf8(&[*high, *low])
                .ok()
                .and_then(|digits| u8::from_str_radix(digits, 16).ok()),
            _ => None,
        };
        name.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() {
            &after[2..]
        } else {
            after
        };
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_name_is_still_found() {
        assert_eq!(
            active_content(b"<< /S /J#61vaScript >>"),
            [ActiveContent::Script]
        );
        assert_eq!(active_content(b"<< /JS /JavaScripts /Launched >>"), []);
    }

    #[test]
    fn a_name_inside_an_object_stream_is_found() {
        use std::io::Write;
        let mut packed =
            flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        packed.write_all(b"1 0 << /XFA 3 0 R >>").unwrap();
        let mut file =
            b"%PDF-1.7\n1 0 obj << /Type /ObjStm /Filter /FlateDecode >>\nstream\r\n".to_vec();
        file.extend(packed.finish().unwrap());
        assert_eq!(active_content(&file), [ActiveContent::DynamicForm]);
    }
}
