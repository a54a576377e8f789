//! Names, and the key under which they are found.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A person's name.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PersonName {
    /// Given names in order, separated by one space; may be empty.
    pub given: String,
    /// Family name; may be empty for people with one name only (then it is in `given`).
    pub family: String,
    /// What the person likes to be called, when it differs from the first given name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred: Option<String>,
}

/// Shows nothing of the name.
impl std::fmt::Debug for PersonName {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("PersonName(…)")
    }
}

impl PersonName {
    /// A name of given and family names; runs of white space become one space.
    pub fn new(given: &str, family: &str) -> Self {
        Self {
            given: one_space(given),
            family: one_space(family),
            preferred: None,
        }
    }

    /// Given and family name, as a letter's address has them.
    pub fn full(&self) -> String {
        one_space(&format!("{} {}", self.given, self.family))
    }

    /// What to call the person: the preferred name, else the first given name, else the family name.
    ///
    /// A given name that begins with `Te` has two words: `Te Ariki`.
    pub fn called(&self) -> &str {
        if let Some(preferred) = &self.preferred {
            return preferred;
        }
        let end = match self.given.strip_prefix("Te ") {
            Some(rest) => rest
                .find(' ')
                .map_or(self.given.len(), |end| "Te ".len() + end),
            None => self.given.find(' ').unwrap_or(self.given.len()),
        };
        match &self.given[..end] {
            "" => &self.family,
            first => first,
        }
    }

    /// `family given` folded by [`search_key`].
    pub fn search_key(&self) -> String {
        search_key(&format!("{} {}", self.family, self.given))
    }

    /// The folded family name.
    pub fn family_key(&self) -> String {
        search_key(&self.family)
    }

    /// The first letter of the folded given names, or `None` when there are none.
    pub fn initial_key(&self) -> Option<char> {
        search_key(&self.given).chars().next()
    }
}

fn one_space(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Folds a name or place for searching: decomposed (NFKD), marks stripped, lower case; hyphens, apostrophes, stops
/// and white space removed or made one space.
///
/// `Māori`, `maori` and `MAORI` fold alike; so do `O'Hara`, `O’Hara` and `OHara`; `Smith-Jones` and `Smith Jones`.
pub fn search_key(text: &str) -> String {
    let mut key = String::with_capacity(text.len());
    let mut gap = false;
    for character in text
        .nfkd()
        .filter(|character| !is_combining_mark(*character))
    {
        let folded = match character {
            // Apostrophes of every kind, the ʻokina and the Samoan koma liliu join what they stand between.
            '\'' | '\u{2018}' | '\u{2019}' | '\u{02BB}' | '\u{02BC}' | '`' | '\u{00B4}' | '.' => {
                continue;
            }
            '-' | '\u{2010}'..='\u{2015}' | '_' | ',' => ' ',
            'ø' | 'Ø' => 'o',
            'ł' | 'Ł' => 'l',
            'đ' | 'Đ' => 'd',
            'ı' => 'i',
            other => other,
        };
        if folded.is_whitespace() {
            gap = !key.is_empty();
            continue;
        }
        if gap {
            key.push(' ');
            gap = false;
        }
        match folded {
            'ß' | 'ẞ' => key.push_str("ss"),
            'æ' | 'Æ' => key.push_str("ae"),
            'œ' | 'Œ' => key.push_str("oe"),
            other => key.extend(other.to_lowercase()),
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macrons_case_hyphens_and_apostrophes_do_not_matter_for_finding() {
        for (one, other) in [
            ("Whangārei", "WHANGAREI"),
            ("Ma\u{304}ori", "Māori"),
            ("O'Hara", "O\u{2019}hara"),
            ("Faʻafetai", "faafetai"),
            ("Smith-Jones", " smith  jones "),
            ("Ångström", "angstrom"),
            ("Nguyễn", "nguyen"),
            ("Weiß", "WEISS"),
        ] {
            assert_eq!(search_key(one), search_key(other), "{one} {other}");
        }
        assert_ne!(search_key("Hone"), search_key("Hona"));
    }

    #[test]
    fn folding_twice_changes_nothing() {
        proptest::proptest!(|(text in "\\PC{0,40}")| {
            let once = search_key(&text);
            proptest::prop_assert_eq!(search_key(&once), once);
        });
    }

    #[test]
    fn a_person_is_called_by_the_preferred_name_first() {
        let mut name = PersonName::new("Aroha  Mere", "Ngāta");
        assert_eq!(
            (name.called(), name.full().as_str()),
            ("Aroha", "Aroha Mere Ngāta")
        );
        name.preferred = Some("Ro".into());
        assert_eq!(name.called(), "Ro");
        assert_eq!(name.search_key(), "ngata aroha mere");
        assert_eq!(
            PersonName::new("Te Ariki Manaaki", "Hēnare").called(),
            "Te Ariki"
        );
        assert_eq!(PersonName::new("", "Madonna").called(), "Madonna");
    }
}
