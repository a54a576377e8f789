//! The gate a notice's text passes before anybody may approve it (requirement R30).
//!
//! It judges sentences, links, clinical words, hedges and unfilled fields. It replaces no human reader: a text in
//! te reo Māori still needs its named speaker.

use serde::{Deserialize, Serialize};

/// A sentence has at most this many words.
const SENTENCE_WORDS: usize = 20;

/// Words that tell a reader over the shoulder about somebody's health. Compared as whole words, folded; a word that
/// ends in `*` stands for all words that begin so.
const CLINICAL: &[&str] = &[
    "abortion",
    "addict*",
    "aids",
    "alcoholi*",
    "allerg*",
    "anaemia",
    "antidepress*",
    "anxiety",
    "asthma",
    "biopsy",
    "bipolar",
    "cancer*",
    "cardia*",
    "chemotherapy",
    "chlamydia",
    "cholesterol",
    "clinical*",
    "contracept*",
    "dementia",
    "depress*",
    "diabet*",
    "diagnos*",
    "dialysis",
    "disease*",
    "drug*",
    "epilep*",
    "gonorrh*",
    "hepatitis",
    "herpes",
    "hiv",
    "hypertension",
    "infect*",
    "insulin",
    "medicat*",
    "medicine*",
    "mental*",
    "methadone",
    "miscarriage",
    "oncolog*",
    "operation",
    "overdose",
    "pregnan*",
    "prescri*",
    "psychiat*",
    "psycholog*",
    "psychos*",
    "rehab*",
    "schizophren*",
    "sexual*",
    "suicid*",
    "surgery",
    "syndrome",
    "syphilis",
    "termination",
    "therapy",
    "tumour*",
    "vaccin*",
    "violence",
    "x-ray*",
];

/// Phrases that people who lost their data have learned to distrust.
const EMPTY_COMFORT: &[&str] = &[
    "no evidence of misuse",
    "no evidence that",
    "no indication that",
    "out of an abundance of caution",
    "we take your privacy seriously",
    "we take the privacy",
    "we take the security",
];

/// What is wrong with a text; each names the words it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding {
    /// There is no text.
    Empty,
    /// A sentence has more than 20 words.
    LongSentence {
        /// The sentence.
        sentence: String,
        /// How many words it has.
        words: usize,
    },
    /// Something a mail program turns into a link.
    Link {
        /// The link.
        text: String,
    },
    /// A word about health.
    ClinicalWord {
        /// The word.
        word: String,
    },
    /// `may`, `might`, `could` or `possibly` where the register says confirmed.
    Hedge {
        /// The word.
        word: String,
    },
    /// A phrase that comforts without saying anything.
    EmptyComfort {
        /// The phrase.
        phrase: String,
    },
    /// A field nobody filled in.
    UnfilledField {
        /// The field as it stands in the text.
        field: String,
    },
    /// Characters that hide or reverse text, or are not text.
    HiddenCharacter,
}

/// What a text is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextGate<'a> {
    /// The register says that the loss is confirmed, so the text must not hedge.
    pub confirmed: bool,
    /// Names that may stand in the text although they hold a clinical word or look like an address
    /// (`Kaitaia Cancer Clinic`, the status site's host name).
    pub allowed: &'a [&'a str],
}

impl TextGate<'_> {
    /// Everything wrong with a text, in the order of the rules; empty when it may go to its approvers.
    pub fn check(&self, text: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        if text.trim().is_empty() {
            findings.push(Finding::Empty);
            return findings;
        }
        if text.chars().any(hides) {
            findings.push(Finding::HiddenCharacter);
        }
        let text = self.without_allowed(text);
        findings.extend(sentences(&text).filter_map(long));
        for word in text.split_whitespace() {
            if is_link(word) {
                findings.push(Finding::Link {
                    text: word.to_owned(),
                });
            }
        }
        for word in words(&text) {
            if is_clinical(&word) {
                findings.push(Finding::ClinicalWord { word });
            } else if self.confirmed
                && ["may", "might", "could", "possibly", "potentially"].contains(&word.as_str())
            {
                findings.push(Finding::Hedge { word });
            }
        }
        let folded = text
            .to_lowercase()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        for phrase in EMPTY_COMFORT {
            if folded.contains(phrase) {
                findings.push(Finding::EmptyComfort {
                    phrase: (*phrase).to_owned(),
                });
            }
        }
        findings.extend(unfilled(&text).map(|field| Finding::UnfilledField { field }));
        findings
    }

    fn without_allowed(&self, text: &str) -> String {
        self.allowed
            .iter()
            .filter(|allowed| !allowed.is_empty())
            .fold(text.to_owned(), |text, allowed| {
                text.replace(allowed, "Name")
            })
    }
}

fn hides(character: char) -> bool {
    (character.is_control() && !matches!(character, '\n' | '\r' | '\t'))
        || matches!(character, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// Sentences end at `.`, `!` or `?` before white space, and at line ends (headings, list items).
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| {
        let mut rest = line;
        std::iter::from_fn(move || {
            if rest.trim().is_empty() {
                return None;
            }
            let end = rest
                .char_indices()
                .find(|(at, character)| {
                    let after = rest[at + character.len_utf8()..].chars().next();
                    matches!(character, '.' | '!' | '?' | ':')
                        && after.is_none_or(char::is_whitespace)
                })
                .map_or(rest.len(), |(at, character)| at + character.len_utf8());
            let (sentence, remaining) = rest.split_at(end);
            rest = remaining;
            Some(sentence.trim())
        })
    })
}

fn long(sentence: &str) -> Option<Finding> {
    let words = sentence
        .split_whitespace()
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .count();
    (words > SENTENCE_WORDS).then(|| Finding::LongSentence {
        sentence: sentence.to_owned(),
        words,
    })
}

/// Mail programs link bare host names and addresses too.
fn is_link(word: &str) -> bool {
    let word = word
        .trim_matches(|character: char| !character.is_alphanumeric())
        .to_lowercase();
    if word.contains("://")
        || word.starts_with("www.")
        || word.starts_with("mailto:")
        || word.contains('@')
    {
        return true;
    }
    let host = word.split(['/', ':']).next().unwrap_or_default();
    let labels: Vec<_> = host.split('.').collect();
    let is_label =
        |label: &&str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    labels.len() > 1
        && labels.iter().all(is_label)
        && labels
            .last()
            .is_some_and(|top| top.len() > 1 && top.chars().all(char::is_alphabetic))
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|character: char| {
        !(character.is_alphanumeric() || character == '-' || character == '\'')
    })
    .map(|word| word.trim_matches(['-', '\'']).to_lowercase())
    .filter(|word| !word.is_empty())
}

fn is_clinical(word: &str) -> bool {
    let listed = |word: &str| {
        CLINICAL.iter().any(|entry| match entry.strip_suffix('*') {
            Some(beginning) => word.starts_with(beginning),
            None => word == *entry,
        })
    };
    listed(word) || word.split('-').any(listed)
}

/// `{{name}}`, `{name}`, `[NAME]`, `<name>`, `XXX` and `TODO`.
fn unfilled(text: &str) -> impl Iterator<Item = String> {
    let brackets =
        [('{', '}'), ('[', ']'), ('<', '>')]
            .into_iter()
            .flat_map(move |(open, close)| {
                text.match_indices(open).filter_map(move |(at, _)| {
                    let end = text[at..].find(close)?;
                    Some(text[at..=at + end].to_owned())
                })
            });
    let markers = text
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| matches!(*word, "XXX" | "XXXX" | "TODO" | "TBC" | "TBD"))
        .map(str::to_owned);
    brackets.chain(markers)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATE: TextGate<'_> = TextGate {
        confirmed: true,
        allowed: &["Kaitaia Cancer Clinic", "status.example.nz"],
    };

    #[test]
    fn a_plain_text_passes() {
        let text = "What happened\nOn 3 March 2026 somebody opened two of your documents. They had no right to.\n\n\
            What you can do\n1. Ring us on 0800 123 456.\n2. Ask Kaitaia Cancer Clinic what the documents say.\n\
            Check the code 7KQD-M2XB-R9TC at status.example.nz/check. You can complain to the Privacy Commissioner.";
        assert_eq!(GATE.check(text), []);
    }

    #[test]
    fn a_sentence_of_twenty_one_words_is_too_long_and_one_of_twenty_is_not() {
        let twenty = vec!["word"; 20].join(" ");
        assert_eq!(GATE.check(&format!("{twenty}. {twenty}!\n{twenty}")), []);
        let found = GATE.check(&format!("Short one. {twenty} more."));
        assert!(
            matches!(found.as_slice(), [Finding::LongSentence { words: 21, .. }]),
            "{found:?}"
        );
    }

    #[test]
    fn links_bare_hosts_and_addresses_are_found_and_numbers_are_not() {
        for text in [
            "See https://a.nz/x",
            "Go to www.a.nz.",
            "Go to portal.nz.",
            "Write to help@a.nz",
            "(portal.co.nz/login)",
        ] {
            assert!(
                matches!(GATE.check(text).as_slice(), [Finding::Link { .. }]),
                "{text}"
            );
        }
        for text in [
            "On 3.4.2026 at 10.30 a.m. we stopped it.",
            "It cost $3.50. Nothing more.",
        ] {
            assert_eq!(GATE.check(text), [], "{text}");
        }
    }

    #[test]
    fn clinical_words_hedges_and_empty_comfort_are_found() {
        let found = GATE.check("Your HIV results may be lost. There is no evidence of misuse.");
        assert_eq!(
            found,
            [
                Finding::ClinicalWord { word: "hiv".into() },
                Finding::Hedge { word: "may".into() },
                Finding::EmptyComfort {
                    phrase: "no evidence of misuse".into()
                },
            ]
        );
        let unsure = TextGate {
            confirmed: false,
            allowed: &[],
        };
        assert_eq!(unsure.check("Somebody may have seen it."), []);
    }

    #[test]
    fn unfilled_fields_empty_texts_and_hidden_characters_are_found() {
        assert_eq!(GATE.check(" \n"), [Finding::Empty]);
        assert_eq!(
            GATE.check("Kia ora {{name}}"),
            [
                Finding::UnfilledField {
                    field: "{{name}".into()
                },
                Finding::UnfilledField {
                    field: "{name}".into()
                },
            ]
        );
        assert!(matches!(
            GATE.check("Dear [NAME]").as_slice(),
            [Finding::UnfilledField { .. }]
        ));
        assert_eq!(GATE.check("Ring\u{202E}us"), [Finding::HiddenCharacter]);
    }
}
