//! How many lines of code a crate has: without blank lines, comments, and what is compiled for tests only.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Stop, workspace};

/// Lines of code below `folder/src`; programs beside the library, in `src/bin`, are not linked into others.
pub fn of_crate(folder: &Path) -> Result<usize, Stop> {
    let mut texts = Vec::new();
    let programs = folder.join("src/bin");
    for file in workspace::files(&folder.join("src"), ".rs") {
        if file.starts_with(&programs) {
            continue;
        }
        let text =
            fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        texts.push((file, without_comments(&text)));
    }
    let for_tests: BTreeSet<PathBuf> = texts
        .iter()
        .flat_map(|(file, text)| test_modules(file, text))
        .collect();
    let is_for_tests = |file: &Path| {
        for_tests
            .iter()
            .any(|module| file.starts_with(module) || file == module.with_extension("rs"))
    };
    Ok(texts
        .iter()
        .filter(|(file, _)| !is_for_tests(file))
        .map(|(_, text)| lines(text))
        .sum())
}

/// Lines that are not blank, once items for tests are taken out. The text has no comments any more.
fn lines(text: &str) -> usize {
    let mut lines = 0;
    let mut rest = text.lines();
    while let Some(line) = rest.next() {
        if line.trim() == "#[cfg(test)]" {
            skip_item(&mut rest);
        } else if !line.trim().is_empty() {
            lines += 1;
        }
    }
    lines
}

/// Passes over one item: to the brace that closes it, which stands as far left as the item; or to its semicolon.
fn skip_item<'a>(rest: &mut impl Iterator<Item = &'a str>) {
    let mut closing = None;
    for line in rest {
        let ends_here = line.trim_end().ends_with(';') || line.trim_end().ends_with('}');
        match &closing {
            None if line.trim_start().starts_with("#[") => {}
            None if ends_here => return,
            None => {
                let depth = line.len() - line.trim_start().len();
                closing = Some(format!("{}}}", " ".repeat(depth)));
            }
            Some(closing) if line.trim_end().trim_end_matches(';') == closing => return,
            Some(_) => {}
        }
    }
}

/// The modules that a file declares for tests only, as paths without ending.
fn test_modules(file: &Path, text: &str) -> Vec<PathBuf> {
    let is_root = file
        .file_stem()
        .is_some_and(|stem| stem == "lib" || stem == "main");
    let folder = if is_root {
        file.parent().map(Path::to_path_buf).unwrap_or_default()
    } else {
        file.with_extension("")
    };
    let mut modules = Vec::new();
    let mut is_next = false;
    for line in text.lines().map(str::trim) {
        if is_next
            && let Some(name) = line.strip_suffix(';')
            && let Some((_, name)) = name.split_once("mod ")
        {
            modules.push(folder.join(name));
        }
        is_next = line == "#[cfg(test)]" || (is_next && line.starts_with("#["));
    }
    modules
}

/// The text with its comments blanked out; what looks like one inside a string stays.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let end = if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |at| &rest[at..]);
            continue;
        } else if rest.starts_with("/*") {
            let (inside, after) = block_comment(rest);
            out.extend(inside.chars().filter(|c| *c == '\n'));
            rest = after;
            continue;
        } else if let Some(length) = raw_string(&out, rest) {
            length
        } else if next == '"' {
            1 + until_quote(&rest[1..])
        } else if next == '\'' {
            character(rest)
        } else {
            next.len_utf8()
        };
        out.push_str(&rest[..end]);
        rest = &rest[end..];
    }
    out
}

/// Splits after a block comment, which may hold others.
fn block_comment(text: &str) -> (&str, &str) {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let here = &text[at..];
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.split_at(at.min(text.len()))
}

/// Length of a raw string that begins here.
fn raw_string(before: &str, text: &str) -> Option<usize> {
    let begins = text.strip_prefix('b').unwrap_or(text).strip_prefix('r')?;
    let hashes = begins.len() - begins.trim_start_matches('#').len();
    let inside = begins[hashes..].strip_prefix('"')?;
    if before.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    let end = inside
        .find(&close)
        .map_or(inside.len(), |at| at + close.len());
    Some(text.len() - inside.len() + end)
}

/// Bytes to the end of a string whose opening quote was passed.
fn until_quote(inside: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in inside.char_indices() {
        match c {
            '"' if !is_escaped => return at + 1,
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    inside.len()
}

/// Length of a character literal; 1 for the quote of a lifetime.
fn character(text: &str) -> usize {
    let inside = &text[1..];
    let length = match inside.strip_prefix('\\') {
        Some(escaped) => escaped
            .get(1..)
            .and_then(|rest| rest.find('\''))
            .map(|at| at + 2),
        None => inside
            .chars()
            .next()
            .map(char::len_utf8)
            .filter(|length| inside[*length..].starts_with('\'')),
    };
    length.map_or(1, |length| length + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        lines(&without_comments(text))
    }

    #[test]
    fn blank_lines_comments_and_inline_tests_do_not_count_and_code_after_them_does() {
        let text = "//! A crate.\n\nfn a() {\n    // why\n    b(); // because\n}\n/* out\n   of use */\n\
            #[cfg(test)]\nmod tests {\n    fn t() {\n    }\n}\nfn c() {}\n#[cfg(test)]\nfn d() {\n}\n\
            #[cfg(test)]\nmod more;\nfn e() {}\n";
        assert_eq!(count(text), 5);
    }

    #[test]
    fn an_item_for_tests_within_another_does_not_end_it() {
        let text = "impl A {\n    #[cfg(test)]\n    fn t() {\n        if x {\n        }\n    }\n    fn a() {}\n}\n";
        assert_eq!(count(text), 3);
    }

    #[test]
    fn what_looks_like_a_comment_within_a_string_is_code() {
        let text = "const A: &str = \"http://a\";\nconst B: &str = r#\"\n// \" not a comment\n\"#;\nconst C: char = '\"'; // one\n\
            const D: &str = \"\\\"//\";\nfn f<'a>(a: &'a str) {} // '\n";
        assert_eq!(count(text), 7);
    }

    #[test]
    fn a_file_that_is_a_module_for_tests_is_found_by_its_declaration() {
        let text =
            "mod a;\n#[cfg(test)]\nmod harness;\n#[cfg(test)]\npub(crate) mod tests;\nmod b;\n";
        let of = |file: &str| test_modules(Path::new(file), text);
        assert_eq!(
            of("src/lib.rs"),
            [Path::new("src/harness"), Path::new("src/tests")]
        );
        assert_eq!(of("src/identity.rs")[1], Path::new("src/identity/tests"));
    }
}
