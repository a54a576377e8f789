//! What a reader should know of a file before opening it, by its content.
//!
//! Nothing here makes a file safe: it is told, so that nobody has to find out by opening it. What is looked at is
//! bounded; nothing that is found is followed.

use std::io::Read;

use serde::{Deserialize, Serialize};

use super::archive::{self, Member};
use super::media::{MediaType, contains, sniff};
use super::pdf::{self, ActiveContent};
use super::picture;

/// Something to know of a file before opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Caution {
    /// Scripts, actions or forms that run.
    ActiveContent,
    /// Office macros.
    Macros,
    /// Other files inside; a virus scanner may not see them.
    FilesInside,
    /// Encrypted: nobody can look inside without its password, a virus scanner neither.
    Locked,
    /// Where a picture was taken.
    Location,
    /// It asks the program that opens it to load something from elsewhere.
    LoadsFromElsewhere,
}

impl Caution {
    /// What a reader is told, after the name of the file or "it".
    pub const fn words(self) -> &'static str {
        match self {
            Self::ActiveContent => "holds active content, which is never run here",
            Self::Macros => "holds macros: do not switch them on",
            Self::FilesInside => "holds other files",
            Self::Locked => "is locked with a password, so nobody could look inside for viruses",
            Self::Location => "says where the picture was taken",
            Self::LoadsFromElsewhere => "loads something from elsewhere when it is opened",
        }
    }
}

/// At most this much of an office file's references and text is unpacked.
const MOST_UNPACKED: u64 = 4 << 20;

/// Everything to know of a file, sorted, each once; most files give nothing.
pub fn cautions(bytes: &[u8]) -> Vec<Caution> {
    let mut found = match sniff(bytes) {
        MediaType::ActivePdf => of_pdf(bytes),
        MediaType::Svg | MediaType::Html => vec![Caution::ActiveContent],
        MediaType::Jpeg | MediaType::Tiff if picture::has_location(bytes) => {
            vec![Caution::Location]
        }
        MediaType::Xml => when(&[(names_outside(bytes), Caution::LoadsFromElsewhere)]),
        MediaType::Rtf => when(&[(contains(bytes, b"\\objdata"), Caution::FilesInside)]),
        MediaType::Email => {
            let lower = bytes.to_ascii_lowercase();
            let has_files = contains(&lower, b"content-disposition: attachment");
            when(&[(has_files, Caution::FilesInside)])
        }
        MediaType::CompoundFile => of_compound_file(bytes),
        MediaType::Gzip => vec![Caution::FilesInside],
        MediaType::Zip | MediaType::Docx | MediaType::Xlsx | MediaType::Pptx => of_zip(bytes),
        MediaType::OpenDocument => of_open_document(bytes),
        _ => Vec::new(),
    };
    found.sort_unstable();
    found.dedup();
    found
}

fn when(signs: &[(bool, Caution)]) -> Vec<Caution> {
    let there = signs.iter().filter(|(is_so, _)| *is_so);
    there.map(|(_, caution)| *caution).collect()
}

fn of_pdf(bytes: &[u8]) -> Vec<Caution> {
    let active = pdf::active_content(bytes);
    if active.is_empty() {
        // Markup in its head: no PDF reader minds, another program might.
        return vec![Caution::ActiveContent];
    }
    let kinds = active.into_iter().map(|kind| match kind {
        ActiveContent::EmbeddedFile => Caution::FilesInside,
        ActiveContent::Encrypted => Caution::Locked,
        ActiveContent::Script
        | ActiveContent::Launch
        | ActiveContent::RichMedia
        | ActiveContent::DynamicForm => Caution::ActiveContent,
    });
    kinds.collect()
}

/// Old Office files and encrypted new ones; names in their directory are UTF-16.
fn of_compound_file(bytes: &[u8]) -> Vec<Caution> {
    let has = |name: &str| {
        let wide: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        contains(bytes, &wide)
    };
    when(&[
        (
            has("_VBA_PROJECT") || has("_VBA_PROJECT_CUR"),
            Caution::Macros,
        ),
        (
            has("EncryptedPackage") || has("EncryptionInfo"),
            Caution::Locked,
        ),
        (
            has("ObjectPool") || has("Ole10Native"),
            Caution::FilesInside,
        ),
    ])
}

fn of_zip(bytes: &[u8]) -> Vec<Caution> {
    let members: Vec<Member<'_>> = archive::members(bytes).collect();
    let is_office = members
        .iter()
        .any(|member| member.name == b"[Content_Types].xml");
    let named = |part: &[u8]| members.iter().any(|member| contains(member.name, part));
    when(&[
        (named(b"vbaProject"), Caution::Macros),
        (!is_office || named(b"/embeddings/"), Caution::FilesInside),
        (
            members.iter().any(|member| member.is_encrypted),
            Caution::Locked,
        ),
        (
            loads_from_elsewhere(bytes, &members),
            Caution::LoadsFromElsewhere,
        ),
    ])
}

/// An XML document whose type or entities lie elsewhere: a careless parser would fetch them.
fn names_outside(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(4096)];
    let has_place = contains(head, b" SYSTEM ") || contains(head, b" PUBLIC ");
    contains(bytes, b"<!ENTITY") || (contains(head, b"<!DOCTYPE") && has_place)
}

/// References and fields that a program follows without being asked; links that a reader may click are none.
fn loads_from_elsewhere(bytes: &[u8], members: &[Member<'_>]) -> bool {
    let mut left = MOST_UNPACKED;
    let (references, texts): (Vec<_>, Vec<_>) = members
        .iter()
        .filter(|member| member.name.ends_with(b".rels") || is_word_text(member.name))
        .partition(|member| member.name.ends_with(b".rels"));
    references.into_iter().chain(texts).any(|member| {
        let text = unpacked(bytes, member, left);
        left = left.saturating_sub(text.len() as u64);
        text.split(|byte| *byte == b'<').any(is_external)
    })
}

fn is_word_text(name: &[u8]) -> bool {
    let parts = [b"word/document".as_slice(), b"word/header", b"word/footer"];
    name.ends_with(b".xml") && parts.iter().any(|part| name.starts_with(part))
}

/// Fields of a text that load something; a `HYPERLINK` waits for a reader's click.
const FIELDS: [&[u8]; 6] = [
    b"INCLUDEPICTURE",
    b"INCLUDETEXT",
    b"IMPORT ",
    b"LINK ",
    b"DDE ",
    b"DDEAUTO",
];

/// A tag with the text after it: an outside target that is no link, or a field that loads something.
fn is_external(tag: &[u8]) -> bool {
    if tag.starts_with(b"w:instrText") {
        let text = tag.rsplit(|byte| *byte == b'>').next().unwrap_or_default();
        let text = text.trim_ascii_start();
        return FIELDS.iter().any(|field| text.starts_with(field));
    }
    contains(tag, b"\"External\"") && !contains(tag, b"/hyperlink\"")
}

fn unpacked(bytes: &[u8], member: &Member<'_>, most: u64) -> Vec<u8> {
    let Some(packed) = archive::content(bytes, member) else {
        return Vec::new();
    };
    let mut text = Vec::new();
    // A broken member gives what it gave until it broke.
    let _ = if member.is_deflated {
        flate2::read::DeflateDecoder::new(packed)
            .take(most)
            .read_to_end(&mut text)
    } else {
        packed.take(most).read_to_end(&mut text)
    };
    text
}

fn of_open_document(bytes: &[u8]) -> Vec<Caution> {
    let members: Vec<Member<'_>> = archive::members(bytes).collect();
    let begins = |start: &[u8]| members.iter().any(|member| member.name.starts_with(start));
    let is_locked = members
        .iter()
        .filter(|member| member.name == b"META-INF/manifest.xml")
        .any(|member| contains(&unpacked(bytes, member, MOST_UNPACKED), b"encryption-data"));
    when(&[
        (begins(b"Basic/") || begins(b"Scripts/"), Caution::Macros),
        (is_locked, Caution::Locked),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_file_gives_nothing_to_know() {
        for ordinary in [
            b"%PDF-1.7\n1 0 obj << /Type /Catalog >>".as_slice(),
            b"kia ora",
            b"\xff\xd8\xff\xe0",
            b"{\\rtf1 kia ora}",
            b"<?xml version=\"1.0\"?><ClinicalDocument/>",
            b"",
        ] {
            assert_eq!(cautions(ordinary), []);
        }
    }

    #[test]
    fn what_a_file_hides_is_told() {
        let told = |bytes: &[u8]| cautions(bytes);
        assert_eq!(
            told(b"%PDF-1.7 /JavaScript /EmbeddedFile /Encrypt"),
            [
                Caution::ActiveContent,
                Caution::FilesInside,
                Caution::Locked
            ]
        );
        assert_eq!(told(b"<html><script>"), [Caution::ActiveContent]);
        assert_eq!(
            told(
                b"<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]>"
            ),
            [Caution::LoadsFromElsewhere]
        );
        assert_eq!(
            told(b"{\\rtf1 {\\object\\objdata 00}}"),
            [Caution::FilesInside]
        );
    }
}
