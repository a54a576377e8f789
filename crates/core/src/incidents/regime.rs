//! Regimes: what the law asks after an incident, as data in `law/`.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::clock::{Clock, Limit, Moment};

/// Whom a duty is owed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// The affected person.
    Person,
    /// A regulator.
    Regulator,
    /// The media.
    Media,
    /// Nobody outside: an assessment that must be finished in time.
    Ourselves,
}

/// What a limit rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Statute or regulation.
    Statute,
    /// What the regulator expects.
    Guide,
    /// Neither was seen.
    Unverified,
}

/// How sure we are of a regime's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Read in the law itself or from the regulator.
    Primary,
    /// From others who read it.
    Secondary,
    /// Not to be relied on.
    Unverified,
}

/// One duty of a regime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Duty {
    /// Whom it is owed to.
    pub whom: Whom,
    /// Their name.
    pub name: String,
    /// What starts its clock.
    pub start: Moment,
    /// Its limit; none means as soon as practicable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// What the limit rests on.
    pub basis: Basis,
    /// Owed only when so many people are affected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_people: Option<u32>,
    /// Anything more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What one law asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Regime {
    /// Short id, for example `NZ-PA2020`.
    pub id: String,
    /// The law's name.
    pub name: String,
    /// Country, country and state, or `EU`; the law follows where the person lives.
    pub place: String,
    /// What must be at stake, in one word.
    pub threshold: String,
    /// Its duties.
    pub duties: Vec<Duty>,
    /// To whom alone it applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applies: Option<String>,
    /// Grounds on which a person's notice may wait.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub may_delay_person: Vec<String>,
    /// When and how the public is told in place of each person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_notice: Option<String>,
    /// Parts of a notice may follow as they become known.
    #[serde(default)]
    pub staged: bool,
    /// Every breach must be recorded, told or not.
    #[serde(default)]
    pub log_all: bool,
    /// How long records are kept, in months.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_months: Option<u16>,
    /// Who is told for the dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deceased: Option<String>,
    /// Where all this stands.
    pub sources: Vec<String>,
    /// When it was last reviewed.
    pub reviewed: Date,
    /// How sure we are.
    pub confidence: Confidence,
}

/// Why a regime's file does not read.
#[derive(Debug, thiserror::Error)]
#[error("a regime in law/ does not read")]
pub struct RegimeError(#[from] serde_json::Error);

impl Regime {
    /// The clocks it starts when so many people are affected.
    pub fn clocks(&self, people: u32) -> Vec<Clock> {
        self.duties
            .iter()
            .filter(|duty| duty.min_people.is_none_or(|least| people >= least))
            .map(|duty| Clock {
                regime: self.id.clone(),
                start: duty.start,
                limit: duty.limit,
                done: None,
            })
            .collect()
    }
}

const FILES: &[&str] = &[
    include_str!("../../../../law/NZ-PA2020.json"),
    include_str!("../../../../law/AU-NDB.json"),
    include_str!("../../../../law/AU-MHR.json"),
    include_str!("../../../../law/EU-GDPR.json"),
    include_str!("../../../../law/UK-GDPR.json"),
    include_str!("../../../../law/US-HIPAA.json"),
    include_str!("../../../../law/US-FTC-HBNR.json"),
    include_str!("../../../../law/US-CA-1280.15.json"),
    include_str!("../../../../law/US-CA-1798.82.json"),
    include_str!("../../../../law/US-NY.json"),
    include_str!("../../../../law/US-CO.json"),
    include_str!("../../../../law/US-FL.json"),
    include_str!("../../../../law/US-TX.json"),
    include_str!("../../../../law/US-WA.json"),
    include_str!("../../../../law/CA-PIPEDA.json"),
    include_str!("../../../../law/CA-ON-PHIPA.json"),
    include_str!("../../../../law/SG-PDPA.json"),
    include_str!("../../../../law/SG-HIA.json"),
    include_str!("../../../../law/EU-NIS2.json"),
    include_str!("../../../../law/EU-CRA-14.json"),
];

/// Every regime in `law/`.
///
/// # Errors
/// [`RegimeError`] when a file does not fit; a test keeps that from being released.
pub fn regimes() -> Result<Vec<Regime>, RegimeError> {
    FILES
        .iter()
        .map(|text| Ok(serde_json::from_str(text)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_regime_reads_and_names_its_sources() {
        let regimes = regimes().unwrap();
        let mut ids: Vec<_> = regimes.iter().map(|regime| regime.id.as_str()).collect();
        ids.dedup();
        assert_eq!(ids.len(), FILES.len());
        for regime in &regimes {
            assert!(
                !regime.sources.is_empty() && !regime.duties.is_empty(),
                "{}",
                regime.id
            );
            let unverified = regime
                .duties
                .iter()
                .any(|duty| duty.basis == Basis::Unverified);
            assert_eq!(
                unverified,
                regime.confidence == Confidence::Unverified,
                "{}",
                regime.id
            );
        }
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../law")).unwrap();
        let files = folder.flatten().filter(|entry| {
            entry
                .path()
                .extension()
                .is_some_and(|ending| ending == "json")
        });
        assert_eq!(
            files.count(),
            FILES.len(),
            "a file in law/ is not listed here"
        );
    }

    #[test]
    fn small_breaches_do_not_start_the_clocks_of_large_ones() {
        let regimes = regimes().unwrap();
        let hipaa = regimes
            .iter()
            .find(|regime| regime.id == "US-HIPAA")
            .unwrap();
        assert_eq!(hipaa.clocks(499).len(), 1);
        assert_eq!(hipaa.clocks(501).len(), 3);
    }
}
