//! The name a downloaded file gets: from our own title, never from a client's path.

use std::fmt::Write;

use jiff::civil::Date;

use super::media::{MediaType, Showing};
use crate::people::search_key;

/// The longest name without its ending, in bytes.
const LONGEST: usize = 80;

/// An ASCII file name: the folded title, the date, and the ending of what the file really is.
///
/// Titles of other scripts that leave nothing in ASCII become `document`.
pub fn file_name(title: &str, date: Option<Date>, media_type: MediaType) -> String {
    let mut name = String::new();
    for character in search_key(title).chars() {
        if name.len() >= LONGEST {
            break;
        }
        if character.is_ascii_alphanumeric() {
            name.push(character);
        } else if !name.ends_with('-') && !name.is_empty() {
            name.push('-');
        }
    }
    let name = match name.trim_end_matches('-') {
        "" => "document",
        name => name,
    };
    let date = date.map(|date| format!("-{date}")).unwrap_or_default();
    format!("{name}{date}.{}", media_type.extension())
}

/// The `Content-Disposition` of an answer: inline only for what may be shown, with an ASCII name and the full title
/// as RFC 8187 `filename*`.
pub fn content_disposition(title: &str, date: Option<Date>, media_type: MediaType) -> String {
    let how = match media_type.showing() {
        Showing::Inline | Showing::Sandboxed => "inline",
        Showing::Download => "attachment",
    };
    let ascii = file_name(title, date, media_type);
    let shown: String = title
        .chars()
        .filter(|character| {
            !character.is_control() && !"/\\:*?\"<>|".contains(*character) && !is_bidi(*character)
        })
        .take(LONGEST)
        .collect();
    let shown = shown.trim().trim_matches('.');
    let mut header = format!("{how}; filename=\"{ascii}\"");
    if !shown.is_empty() {
        header.push_str("; filename*=UTF-8''");
        for byte in format!("{shown}.{}", media_type.extension()).bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                header.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                let _ = write!(header, "%{byte:02X}");
            }
        }
    }
    header
}

fn is_bidi(character: char) -> bool {
    matches!(character, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn hostile_titles_make_harmless_names() {
        let day = Some(date(2026, 3, 14));
        assert_eq!(
            file_name("../../etc/passwd\0.exe", None, MediaType::Pdf),
            "etc-passwdexe.pdf".replace("passwdexe", "passwd-exe")
        );
        assert_eq!(
            file_name("Clinic letter: Whangārei", day, MediaType::Pdf),
            "clinic-letter-whangarei-2026-03-14.pdf"
        );
        assert_eq!(
            file_name("文書", day, MediaType::Text),
            "document-2026-03-14.txt"
        );
        let header = content_disposition(
            "a\r\nSet-Cookie: x=\"1\"; \u{202E}fdp.exe",
            None,
            MediaType::Html,
        );
        assert!(
            header.starts_with("attachment; filename=\"")
                && !header.contains(['\r', '\n', '\u{202E}']),
            "{header}"
        );
        assert_eq!(header.matches('"').count(), 2);
    }

    #[test]
    fn a_title_with_macrons_is_kept_for_those_who_can_show_it() {
        let header = content_disposition("Pānui", None, MediaType::Pdf);
        assert_eq!(
            header,
            "inline; filename=\"panui.pdf\"; filename*=UTF-8''P%C4%81nui.pdf"
        );
    }
}
