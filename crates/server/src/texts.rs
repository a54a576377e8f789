//! The sentences of the pages: one file of `locales/` for each language, read once.

use std::collections::HashMap;
use std::sync::LazyLock;

/// A language that pages can be shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
}

impl Language {
    /// Every one.
    pub const ALL: &'static [Self] = &[Self::English];

    /// The `lang` attribute (BCP 47).
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en-NZ",
        }
    }

    /// The language's sentences.
    pub fn texts(self) -> &'static Texts {
        match self {
            Self::English => &ENGLISH,
        }
    }
}

static ENGLISH: LazyLock<Texts> =
    LazyLock::new(|| Texts::read(include_str!("../../../locales/en.toml")));

/// The sentences of one language by `section.name`.
#[derive(Debug, Default)]
pub struct Texts {
    sentences: HashMap<String, &'static str>,
}

impl Texts {
    /// Reads the small part of TOML that `locales/` uses: comments, `[section]`, `name = "sentence"`.
    /// A line that is none of these is left out, and a test finds the sentence missing.
    pub fn read(file: &'static str) -> Self {
        let mut section = "";
        let mut sentences = HashMap::new();
        for line in file.lines().map(str::trim) {
            if let Some(name) = line
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
            {
                section = name;
            } else if let Some((name, text)) = line.split_once(" = \"")
                && let Some(text) = text.strip_suffix('"')
                && !name.starts_with('#')
            {
                sentences.insert(format!("{section}.{name}"), text);
            }
        }
        Self { sentences }
    }

    /// The sentence; the key itself where it is missing, which a test forbids.
    pub fn say(&self, key: &'static str) -> &'static str {
        self.sentences.get(key).copied().unwrap_or(key)
    }

    /// The sentence with its `{name}` places filled.
    pub fn fill(&self, key: &'static str, values: &[(&str, &str)]) -> String {
        let mut rest = self.say(key);
        let mut filled = String::with_capacity(rest.len() + 32);
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                return filled;
            };
            if let Some((_, value)) = values.iter().find(|(known, _)| *known == name) {
                filled.push_str(value);
            }
            rest = after;
        }
        filled.push_str(rest);
        filled
    }

    /// Every key, for the tests.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.sentences.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_with_braces_is_not_filled_again() {
        let texts = Texts::read("[a]\nb = \"{x} and {y}\"\n");
        assert_eq!(texts.fill("a.b", &[("x", "{y}"), ("y", "2")]), "{y} and 2");
    }

    #[test]
    fn a_sentence_may_hold_an_equals_sign_and_comments_are_left_out() {
        let texts = Texts::read("# c = \"no\"\n[a]\nb = \"1 = 1\"\n");
        assert_eq!(texts.say("a.b"), "1 = 1");
        assert_eq!(texts.keys().count(), 1);
    }
}
