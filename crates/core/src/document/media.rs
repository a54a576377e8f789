//! The media type of a file, by its content and never by its name.

use serde::{Deserialize, Serialize};

use super::{archive, pdf};

/// What a file is, as far as its bytes say. A closed list: it selects how the file is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaType {
    /// PDF that starts as PDF and shows no sign of active content.
    Pdf,
    /// PDF with scripts, actions, embedded files or forms that run, or with markup in its head.
    ActivePdf,
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// GIF.
    Gif,
    /// WebP.
    Webp,
    /// TIFF.
    Tiff,
    /// HEIC or another HEIF.
    Heic,
    /// SVG: may run scripts.
    Svg,
    /// HTML: may run scripts.
    Html,
    /// XML of another kind, C-CDA among it.
    Xml,
    /// Plain UTF-8 text.
    Text,
    /// Text in another character set.
    OtherText,
    /// Rich text (RTF).
    Rtf,
    /// HL7 v2.
    Hl7v2,
    /// Mail message.
    Email,
    /// Word (OOXML).
    Docx,
    /// Excel (OOXML).
    Xlsx,
    /// `PowerPoint` (OOXML).
    Pptx,
    /// `OpenDocument`.
    OpenDocument,
    /// Compound file: old Office, or an encrypted OOXML file.
    CompoundFile,
    /// Zip archive.
    Zip,
    /// Gzip.
    Gzip,
    /// No bytes at all.
    Empty,
    /// None of these.
    Unknown,
}

/// How a file may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Showing {
    /// In the page, as a picture or text.
    Inline,
    /// In its own sandboxed frame.
    Sandboxed,
    /// Only as a download.
    Download,
}

impl MediaType {
    /// The `Content-Type` to send; with `X-Content-Type-Options: nosniff` always.
    ///
    /// Script-capable and unclear types go out as `application/octet-stream`, so that no browser runs them.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Pdf | Self::ActivePdf => "application/pdf",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
            Self::Tiff => "image/tiff",
            Self::Heic => "image/heic",
            Self::Text => "text/plain; charset=utf-8",
            Self::Rtf => "application/rtf",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Pptx => {
                "application/vnd.openxmlformats-officedocument.presentationml.presentation"
            }
            Self::Zip => "application/zip",
            Self::Gzip => "application/gzip",
            Self::Svg
            | Self::Html
            | Self::Xml
            | Self::OtherText
            | Self::Hl7v2
            | Self::Email
            | Self::OpenDocument
            | Self::CompoundFile
            | Self::Empty
            | Self::Unknown => "application/octet-stream",
        }
    }

    /// How it may be shown.
    pub const fn showing(self) -> Showing {
        match self {
            Self::Png | Self::Jpeg | Self::Text => Showing::Inline,
            Self::Pdf => Showing::Sandboxed,
            _ => Showing::Download,
        }
    }

    /// The ending of a downloaded file's name.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Pdf | Self::ActivePdf => "pdf",
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Gif => "gif",
            Self::Webp => "webp",
            Self::Tiff => "tiff",
            Self::Heic => "heic",
            Self::Svg => "svg",
            Self::Html => "html",
            Self::Xml => "xml",
            Self::Text | Self::OtherText => "txt",
            Self::Rtf => "rtf",
            Self::Hl7v2 => "hl7",
            Self::Email => "eml",
            Self::Docx => "docx",
            Self::Xlsx => "xlsx",
            Self::Pptx => "pptx",
            Self::OpenDocument => "odt",
            Self::CompoundFile => "doc",
            Self::Zip => "zip",
            Self::Gzip => "gz",
            Self::Empty | Self::Unknown => "bin",
        }
    }

    /// What a reader calls it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Pdf | Self::ActivePdf => "PDF",
            Self::Png | Self::Jpeg | Self::Gif | Self::Webp | Self::Tiff | Self::Heic => "picture",
            Self::Svg => "drawing",
            Self::Html => "web page",
            Self::Xml => "structured document",
            Self::Text | Self::OtherText | Self::Rtf => "text",
            Self::Hl7v2 => "clinical message",
            Self::Email => "mail message",
            Self::Docx | Self::Xlsx | Self::Pptx | Self::OpenDocument | Self::CompoundFile => {
                "office document"
            }
            Self::Zip | Self::Gzip => "archive",
            Self::Empty => "empty file",
            Self::Unknown => "file",
        }
    }
}

/// The media type of a file's bytes. Looks at the whole of a PDF, at the head of everything else; never fails,
/// never unpacks more than a bounded amount.
pub fn sniff(bytes: &[u8]) -> MediaType {
    if bytes.is_empty() {
        return MediaType::Empty;
    }
    if let Some(known) = by_magic(bytes) {
        return known;
    }
    let head = &bytes[..bytes.len().min(4096)];
    if contains(head, b"%PDF-") {
        // A PDF reader would take it, and so might an HTML reader: shown to neither.
        return MediaType::ActivePdf;
    }
    textual(bytes, head)
}

fn by_magic(bytes: &[u8]) -> Option<MediaType> {
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    let at = |from: usize, magic: &[u8]| {
        bytes
            .get(from..)
            .is_some_and(|rest| rest.starts_with(magic))
    };
    let known = if starts(b"%PDF-") {
        if pdf::active_content(bytes).is_empty() && !markup(&bytes[..bytes.len().min(1024)]) {
            MediaType::Pdf
        } else {
            MediaType::ActivePdf
        }
    } else if starts(b"\x89PNG\r\n\x1a\n") {
        MediaType::Png
    } else if starts(b"\xff\xd8\xff") {
        MediaType::Jpeg
    } else if starts(b"GIF87a") || starts(b"GIF89a") {
        MediaType::Gif
    } else if starts(b"RIFF") && at(8, b"WEBP") {
        MediaType::Webp
    } else if starts(b"II*\0") || starts(b"MM\0*") || starts(b"II+\0") || starts(b"MM\0+") {
        MediaType::Tiff
    } else if at(4, b"ftyp")
        && [b"heic", b"heix", b"mif1", b"msf1", b"hevc", b"avif"]
            .iter()
            .any(|brand| at(8, *brand))
    {
        MediaType::Heic
    } else if starts(b"{\\rtf") {
        MediaType::Rtf
    } else if starts(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        MediaType::CompoundFile
    } else if starts(b"PK\x03\x04") || starts(b"PK\x05\x06") {
        archive::inside_zip(bytes)
    } else if starts(b"\x1f\x8b") {
        MediaType::Gzip
    } else {
        return None;
    };
    Some(known)
}

fn textual(bytes: &[u8], head: &[u8]) -> MediaType {
    let visible = head
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(head)
        .trim_ascii_start();
    let lower = visible.to_ascii_lowercase();
    if contains(&lower, b"<svg") {
        return MediaType::Svg;
    }
    if markup(&lower) {
        return MediaType::Html;
    }
    if lower.starts_with(b"<?xml")
        || lower.starts_with(b"<!doctype")
        || lower.starts_with(b"<clinicaldocument")
    {
        return MediaType::Xml;
    }
    if visible.starts_with(b"MSH|") {
        return MediaType::Hl7v2;
    }
    if is_mail(visible) {
        return MediaType::Email;
    }
    let has_controls = bytes
        .iter()
        .any(|byte| byte.is_ascii_control() && !matches!(byte, b'\n' | b'\r' | b'\t' | 0x0c));
    match std::str::from_utf8(bytes) {
        Ok(_) if !has_controls => MediaType::Text,
        Err(_) if !has_controls => MediaType::OtherText,
        _ => MediaType::Unknown,
    }
}

/// Anything by which a browser that sniffs would begin to read HTML.
fn markup(head: &[u8]) -> bool {
    let lower = head.to_ascii_lowercase();
    [
        b"<html".as_slice(),
        b"<!doctype html",
        b"<head",
        b"<body",
        b"<script",
        b"<iframe",
        b"<img",
        b"<meta ",
    ]
    .iter()
    .any(|tag| contains(&lower, tag))
}

fn is_mail(head: &[u8]) -> bool {
    let fields = [
        b"received:".as_slice(),
        b"from:",
        b"message-id:",
        b"return-path:",
        b"mime-version:",
        b"delivered-to:",
    ];
    let found = head
        .split(|byte| *byte == b'\n')
        .take(40)
        .filter(|line| {
            let line = line.to_ascii_lowercase();
            fields.iter().any(|field| line.starts_with(field))
        })
        .count();
    found >= 2
}

pub(super) fn contains(bytes: &[u8], sought: &[u8]) -> bool {
    find(bytes, sought, 0).is_some()
}

/// The first place of `sought` at or after `from`.
pub(super) fn find(bytes: &[u8], sought: &[u8], from: usize) -> Option<usize> {
    let first = *sought.first()?;
    let mut at = from;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == first)?;
        if bytes[at..].starts_with(sought) {
            return Some(at);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_two_things_at_once_are_only_downloaded() {
        for (bytes, expected) in [
            (
                b"<html><script>x</script></html>%PDF-1.7\n".as_slice(),
                MediaType::ActivePdf,
            ),
            (b"%PDF-1.7\n<html><script>x</script>", MediaType::ActivePdf),
            (b"GIF89a/*...*/=1;<script>", MediaType::Gif),
            (
                b"<svg onload=\"x()\"><script>x</script></svg>",
                MediaType::Svg,
            ),
            (b"\xef\xbb\xbf  <HTML>", MediaType::Html),
            (
                b"%PDF-1.7\n1 0 obj<</OpenAction << /S /JavaScript /JS (app.alert(1)) >> >>",
                MediaType::ActivePdf,
            ),
            (b"", MediaType::Empty),
            (b"a\0b", MediaType::Unknown),
            (b"caf\xe9", MediaType::OtherText),
        ] {
            let found = sniff(bytes);
            assert_eq!(found, expected, "{}", String::from_utf8_lossy(bytes));
            assert_eq!(found.showing(), Showing::Download);
        }
        assert_eq!(
            sniff("Tēnā koe\n=SUM(A1)".as_bytes()).showing(),
            Showing::Inline
        );
    }

    #[test]
    fn sniffing_never_panics() {
        proptest::proptest!(|(bytes: Vec<u8>, magic in 0..8_usize)| {
            let magics: [&[u8]; 8] = [b"%PDF-", b"PK\x03\x04", b"PK\x05\x06", b"RIFF", b"\x1f\x8b", b"<", b"MSH|", b""];
            let _ = sniff(&[magics[magic], &bytes].concat());
        });
    }
}
