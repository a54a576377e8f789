//! Sensitivity tags, by short lists of codes and by HL7 security labels.
//!
//! The lists are small on purpose and reviewed by hand: they order a breach's call list and close sections to some
//! readers. A code that is not listed is not tagged; a sender who labels its resources is believed.

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use std::fmt;

use super::reader::Reason;

/// What about a resource may hurt its patient most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sensitivity {
    /// Sexual health, HIV, contraception, sexual orientation.
    Sexual,
    /// Mental health and dementia.
    Mental,
    /// Violence and abuse.
    Violence,
    /// Alcohol and other drugs.
    Addiction,
    /// Pregnancy, its loss and its termination.
    Pregnancy,
    /// Genetic findings.
    Genetic,
}

impl Sensitivity {
    /// Every tag, in the order of the set's bits.
    pub const ALL: [Self; 6] = [
        Self::Sexual,
        Self::Mental,
        Self::Violence,
        Self::Addiction,
        Self::Pregnancy,
        Self::Genetic,
    ];
}

/// A set of tags; bit `n` stands for the `n`th of [`Sensitivity::ALL`].
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Sensitivities(u8);

impl Sensitivities {
    /// No tag.
    pub const NONE: Self = Self(0);

    /// The set with these bits; unknown bits are dropped.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 0b11_1111)
    }

    /// The set's bits.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The set with one more tag.
    #[must_use]
    pub const fn with(self, tag: Sensitivity) -> Self {
        Self(self.0 | 1 << tag as u8)
    }

    /// Whether the tag is in the set.
    pub const fn contains(self, tag: Sensitivity) -> bool {
        self.0 & (1 << tag as u8) != 0
    }

    /// Whether there is no tag.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The tags in order.
    pub fn iter(self) -> impl Iterator<Item = Sensitivity> {
        Sensitivity::ALL
            .into_iter()
            .filter(move |tag| self.contains(*tag))
    }
}

const SNOMED: &str = "http://snomed.info/sct";
const LOINC: &str = "http://loinc.org";
const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
const LABEL: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";

/// SNOMED CT: findings, disorders, procedures.
const SNOMED_CODES: &[(Sensitivity, &[&str])] = &[
    (
        Sensitivity::Sexual,
        &[
            "86406008",
            "62479008",
            "165816005",
            "240589008",
            "15628003",
            "76272004",
            "33839006",
            "165829005",
            "269828009",
            "310861008",
            "65200003",
            "46706006",
            "169553002",
            "301807007",
            "755621000000101",
            "183996000",
        ],
    ),
    (
        Sensitivity::Mental,
        &[
            "35489007",
            "370143000",
            "36923009",
            "197480006",
            "48694002",
            "80583007",
            "47505003",
            "13746004",
            "58214004",
            "69322001",
            "82313006",
            "6471006",
            "72366004",
            "406506008",
            "52448006",
            "26929004",
            "230265002",
            "79094001",
            "171207006",
            "225337009",
            "385892002",
            "454711000124102",
            "715252007",
            "710841007",
        ],
    ),
    (
        Sensitivity::Violence,
        &["706893006", "424393004", "866148006"],
    ),
    (
        Sensitivity::Addiction,
        &[
            "7200002",
            "66590003",
            "15167005",
            "191816009",
            "26416006",
            "75544000",
            "5602001",
            "361055000",
            "55680006",
            "10939881000119105",
            "56876005",
            "428211000124100",
            "713106006",
            "763302001",
        ],
    ),
    (
        Sensitivity::Pregnancy,
        &[
            "72892002",
            "77386006",
            "19169002",
            "17369002",
            "156073000",
            "198992004",
            "398254007",
            "79586000",
            "11687002",
            "609496007",
            "169762003",
            "424441002",
            "424619006",
            "10383002",
            "386394001",
            "714812005",
            "5880005",
            "66348005",
            "236974004",
            "252160004",
            "169673001",
            "275833003",
        ],
    ),
    (
        Sensitivity::Genetic,
        &["443529005", "230265002", "41040004"],
    ),
];

/// LOINC, and CIEL concepts padded with A to 36 characters as `OpenMRS` sends them.
const LOINC_CODES: &[(Sensitivity, &[&str])] = &[
    (
        Sensitivity::Sexual,
        &[
            "55277-8",
            "76690-7",
            "76691-5",
            "7917-8",
            "56888-1",
            "20447-9",
            "43304-5",
            "43305-2",
            "1030AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "1040AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "1088AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "1250AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "1255AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "159911AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "856AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ],
    ),
    (
        Sensitivity::Mental,
        &[
            "44249-1", "44261-6", "55758-7", "69737-5", "70274-6", "75443-2", "84215-3",
        ],
    ),
    (Sensitivity::Violence, &["28245-9"]),
    (Sensitivity::Addiction, &["75626-2", "82667-7"]),
    (Sensitivity::Pregnancy, &["2106-3", "21198-7", "11778-8"]),
    (
        Sensitivity::Genetic,
        &["51969-4", "69548-6", "48018-6", "55233-1", "21636-6"],
    ),
];

/// `RxNorm`: ingredients, and the products our samples hold.
const RXNORM_CODES: &[(Sensitivity, &[&str])] = &[
    (Sensitivity::Sexual, &["389221"]),
    (
        Sensitivity::Mental,
        &["36437", "328670", "4493", "321988", "2556", "6448", "2626"],
    ),
    (Sensitivity::Addiction, &["6813", "1819", "7243"]),
];

/// HL7 v3 `ActCode` information sensitivity labels in `meta.security`.
const LABELS: &[(Sensitivity, &[&str])] = &[
    (Sensitivity::Sexual, &["SEX", "STD", "HIV"]),
    (Sensitivity::Mental, &["PSY", "MH"]),
    (Sensitivity::Violence, &["SDV", "VIO"]),
    (Sensitivity::Addiction, &["ETH", "SUD", "ETHUD", "OPIOIDUD"]),
    (Sensitivity::Pregnancy, &["PREGNANT"]),
    (Sensitivity::Genetic, &["GDIS"]),
];

fn tags_of(system: &str, code: &str) -> Sensitivities {
    let lists = match system {
        SNOMED => SNOMED_CODES,
        LOINC => LOINC_CODES,
        RXNORM => RXNORM_CODES,
        LABEL => LABELS,
        _ => return Sensitivities::NONE,
    };
    lists
        .iter()
        .filter(|(_, codes)| codes.contains(&code))
        .fold(Sensitivities::NONE, |tags, (tag, _)| tags.with(*tag))
}

/// What one walk over a whole resource finds: tags of every coding in it, and references that have no display text.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub tags: Sensitivities,
    pub unnamed: Vec<String>,
}

/// # Errors
/// [`Reason::Limits`] for nesting beyond `serde_json`'s 128 levels and for numbers no `f64` holds.
pub(super) fn walk(text: &str) -> Result<Found, Reason> {
    let mut found = Found::default();
    let mut json = serde_json::Deserializer::from_str(text);
    DeserializeSeed::deserialize(Walk(&mut found), &mut json).map_err(|_| Reason::Limits)?;
    Ok(found)
}

struct Walk<'a>(&'a mut Found);

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = Option<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Self::Value, A::Error> {
        while values.next_element_seed(Walk(&mut *self.0))?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let (mut system, mut code, mut reference, mut named) = (None, None, None, false);
        while let Some(name) = fields.next_key::<Cow<'de, str>>()? {
            if name == "data" || name == "div" {
                fields.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = fields.next_value_seed(Walk(&mut *self.0))?;
            match name.as_ref() {
                "system" => system = value,
                "code" => code = value,
                "reference" => reference = value,
                "display" => named = value.is_some(),
                _ => {}
            }
        }
        if let (Some(system), Some(code)) = (system, code) {
            self.0.tags = Sensitivities(self.0.tags.0 | tags_of(&system, &code).0);
        }
        if let (Some(reference), false) = (reference, named) {
            self.0.unnamed.push(reference.into_owned());
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_wherever_it_stands_and_only_under_its_own_system() {
        let claim = r#"{"item":[{"productOrService":{"coding":[{"system":"http://snomed.info/sct","code":"72892002"}]}}]}"#;
        assert_eq!(
            walk(claim).unwrap().tags,
            Sensitivities::NONE.with(Sensitivity::Pregnancy)
        );
        let other = claim.replace("snomed.info", "example.nz");
        assert!(walk(&other).unwrap().tags.is_empty());
    }

    #[test]
    fn one_code_may_have_two_tags_and_labels_are_believed() {
        let tags = tags_of(SNOMED, "230265002");
        assert_eq!(
            tags.iter().collect::<Vec<_>>(),
            [Sensitivity::Mental, Sensitivity::Genetic]
        );
        assert!(tags_of(LABEL, "SDV").contains(Sensitivity::Violence));
        assert_eq!(Sensitivities::from_bits(tags.bits()), tags);
    }

    #[test]
    fn references_without_a_display_are_found() {
        let text = r#"{"requester":{"reference":"urn:uuid:1"},"performer":[{"reference":"Practitioner/2","display":"Dr A"}]}"#;
        assert_eq!(walk(text).unwrap().unnamed, ["urn:uuid:1"]);
    }
}
