//! The name index: words folded and hashed under a practice's own key.

use candour_keeper_wire::wire::FindTerms;
use candour_seal::{MacKey, hmac};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Fewest letters of a surname that are looked for.
const FEWEST: usize = 3;
/// Longest beginning of a surname that is kept.
const LONGEST: usize = 12;

/// What a word is; part of what is hashed.
#[derive(Clone, Copy)]
enum Word {
    Nhi = 1,
    SurnameAndBirthDate = 2,
    SurnameBeginning = 3,
    Phone = 4,
}

/// Letters and digits only, in lower case and without marks: `Māori`, `MAORI` and `Ma-ori` fold alike.
pub fn fold(text: &str) -> String {
    text.nfkd()
        .filter(|character| !is_combining_mark(*character))
        .flat_map(char::to_lowercase)
        .filter(|character| character.is_alphanumeric())
        .collect()
}

/// A phone number's last eight digits: enough to tell people apart, and free of how the country is written.
fn fold_phone(text: &str) -> Option<String> {
    let digits: Vec<char> = text.chars().filter(char::is_ascii_digit).collect();
    let from = digits.len().checked_sub(8)?;
    digits.get(from..).map(|digits| digits.iter().collect())
}

/// A date as `YYYY-MM-DD`, or nothing.
fn date(text: &str) -> Option<&str> {
    text.parse::<jiff::civil::Date>().ok().map(|_| text)
}

fn hash(key: &MacKey, word: Word, parts: &[&str]) -> [u8; 16] {
    let mut data = vec![word as u8];
    for part in parts {
        data.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        data.extend_from_slice(part.as_bytes());
    }
    let mut head = [0; 16];
    head.copy_from_slice(&hmac(key, &data)[..16]);
    head
}

/// What a person is found by in one practice.
pub struct Named<'a> {
    /// Live and dormant NHI numbers.
    pub nhis: Vec<&'a str>,
    /// Surname.
    pub surname: &'a str,
    /// Given names.
    pub given: &'a str,
    /// `YYYY-MM-DD`.
    pub birth_date: &'a str,
    /// Phone numbers in any spelling.
    pub phones: Vec<&'a str>,
}

/// Every word by which this practice finds the person.
pub fn terms(key: &MacKey, named: &Named<'_>) -> Vec<[u8; 16]> {
    let mut terms = Vec::new();
    for nhi in &named.nhis {
        let nhi = fold(nhi);
        if !nhi.is_empty() {
            terms.push(hash(key, Word::Nhi, &[&nhi]));
        }
    }
    let surname = fold(named.surname);
    if let Some(birth_date) = date(named.birth_date)
        && !surname.is_empty()
    {
        terms.push(hash(
            key,
            Word::SurnameAndBirthDate,
            &[&surname, birth_date],
        ));
    }
    if let Some(initial) = initial(named.given) {
        let letters = surname.chars().count();
        for length in FEWEST.min(letters)..=letters.min(LONGEST) {
            if length > 0 {
                let beginning: String = surname.chars().take(length).collect();
                terms.push(hash(key, Word::SurnameBeginning, &[&beginning, &initial]));
            }
        }
    }
    for phone in named.phones.iter().filter_map(|phone| fold_phone(phone)) {
        terms.push(hash(key, Word::Phone, &[&phone]));
    }
    terms.sort_unstable();
    terms.dedup();
    terms
}

fn initial(given: &str) -> Option<String> {
    fold(given).chars().next().map(String::from)
}

/// The one word a search is made by; `None` when too little was typed.
pub fn asked(key: &MacKey, typed: &FindTerms) -> Option<[u8; 16]> {
    let (nhi, surname) = (fold(&typed.nhi), fold(&typed.surname));
    if !nhi.is_empty() {
        return Some(hash(key, Word::Nhi, &[&nhi]));
    }
    if !surname.is_empty()
        && let Some(birth_date) = date(&typed.birth_date)
    {
        return Some(hash(
            key,
            Word::SurnameAndBirthDate,
            &[&surname, birth_date],
        ));
    }
    if let Some(initial) = initial(&typed.given).filter(|_| !surname.is_empty()) {
        let beginning: String = surname.chars().take(LONGEST).collect();
        return Some(hash(key, Word::SurnameBeginning, &[&beginning, &initial]));
    }
    let phone = fold_phone(&typed.phone)?;
    Some(hash(key, Word::Phone, &[&phone]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> MacKey {
        MacKey::from_bytes(&[byte; 32])
    }

    fn mia() -> Named<'static> {
        Named {
            nhis: vec!["ZZZ0016"],
            surname: "Kōrero-Smith",
            given: "Mia Jane",
            birth_date: "1980-02-29",
            phones: vec!["+64 21 123 4567"],
        }
    }

    fn finds(typed: &FindTerms) -> bool {
        asked(&key(1), typed).is_some_and(|term| terms(&key(1), &mia()).contains(&term))
    }

    fn typed(surname: &str, given: &str, birth_date: &str) -> FindTerms {
        FindTerms {
            surname: surname.to_owned(),
            given: given.to_owned(),
            birth_date: birth_date.to_owned(),
            ..FindTerms::default()
        }
    }

    #[test]
    fn macrons_case_and_hyphens_do_not_matter() {
        assert!(finds(&typed("korero smith", "", "1980-02-29")));
        assert!(finds(&typed("KÖRERO-SMITH", "m", "")));
        assert!(!finds(&typed("korero smith", "", "1980-02-28")));
    }

    #[test]
    fn the_beginning_of_a_surname_finds_with_an_initial_and_never_alone() {
        assert!(finds(&typed("kor", "M", "")));
        assert!(!finds(&typed("ko", "M", "")));
        assert!(!finds(&typed("kor", "J", "")));
        assert_eq!(asked(&key(1), &typed("korero", "", "")), None);
    }

    #[test]
    fn a_phone_number_is_found_in_any_spelling() {
        let phone = FindTerms {
            phone: "021 1234567".to_owned(),
            ..FindTerms::default()
        };
        assert!(finds(&phone));
    }

    #[test]
    fn another_practice_s_index_has_other_words() {
        let term = asked(&key(2), &typed("kor", "M", "")).unwrap();
        assert!(!terms(&key(1), &mia()).contains(&term));
    }
}
