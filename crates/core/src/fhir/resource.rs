//! One resource: its exact JSON, and what is needed to place it.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::date::FhirDate;
use super::reader::Reason;
use super::reference::Reference;
use super::sensitivity::{Sensitivities, walk};

/// The part of a record a resource belongs to; sections are opened one at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// Problems and diagnoses.
    Conditions,
    /// Medicines prescribed, given or taken.
    Medicines,
    /// Allergies and intolerances.
    Allergies,
    /// Immunisations.
    Immunisations,
    /// Observations and reports.
    Results,
    /// Documents; their shelf entries and contents are items of their own.
    Documents,
    /// Everything else about a patient, kept so that nothing is lost.
    Other,
    /// About nobody: organisations, health workers, places, medicines as such.
    Directory,
}

impl Section {
    /// Sections that pages show, in their order.
    pub const SHOWN: [Self; 6] = [
        Self::Conditions,
        Self::Medicines,
        Self::Allergies,
        Self::Immunisations,
        Self::Results,
        Self::Documents,
    ];

    /// The section of a resource type; unknown types are [`Section::Other`].
    pub fn of(resource_type: &str) -> Self {
        match resource_type {
            "Condition" => Self::Conditions,
            "MedicationRequest"
            | "MedicationStatement"
            | "MedicationAdministration"
            | "MedicationDispense" => Self::Medicines,
            "AllergyIntolerance" => Self::Allergies,
            "Immunization" => Self::Immunisations,
            "Observation" | "DiagnosticReport" => Self::Results,
            "DocumentReference" => Self::Documents,
            "Organization" | "Practitioner" | "PractitionerRole" | "Location"
            | "HealthcareService" | "Endpoint" | "Medication" | "Substance" | "InsurancePlan" => {
                Self::Directory
            }
            _ => Self::Other,
        }
    }

    /// The name in code and storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Conditions => "conditions",
            Self::Medicines => "medicines",
            Self::Allergies => "allergies",
            Self::Immunisations => "immunisations",
            Self::Results => "results",
            Self::Documents => "documents",
            Self::Other => "other",
            Self::Directory => "directory",
        }
    }

    /// What a reader calls it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Conditions => "Conditions",
            Self::Medicines => "Medicines",
            Self::Allergies => "Allergies",
            Self::Immunisations => "Immunisations",
            Self::Results => "Results",
            Self::Documents => "Documents",
            Self::Other => "Other",
            Self::Directory => "Directory",
        }
    }
}

/// A resource as it came, with what is needed to place it.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Resource type, for example `Observation`.
    pub kind: String,
    /// The sender's id.
    pub id: Option<String>,
    /// The patient it is about, as far as it says; a `Patient` is about itself.
    pub patients: Vec<Reference>,
    /// When it happened, else when it was written.
    pub date: Option<FhirDate>,
    /// Its section.
    pub section: Section,
    /// Its sensitivity tags.
    pub tags: Sensitivities,
    /// References in it that carry no display text.
    pub unnamed: Vec<String>,
    /// The exact JSON.
    pub raw: Box<RawValue>,
}

/// A field that may have another shape than expected without spoiling the resource.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lenient<T> {
    Known(T),
    Unknown(IgnoredAny),
}

impl<T> Lenient<T> {
    fn known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }
}

#[derive(Deserialize)]
struct Identifier {
    #[serde(default)]
    system: String,
    value: String,
}

#[derive(Deserialize)]
struct Pointer {
    reference: Option<String>,
    identifier: Option<Identifier>,
}

impl Pointer {
    fn read(self) -> Option<Reference> {
        match (self.reference, self.identifier) {
            (Some(text), _) => Some(Reference::parse(&text)),
            (None, Some(identifier)) => Some(Reference::identifier(
                "Patient",
                &identifier.system,
                &identifier.value,
            )),
            (None, None) => None,
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Pointers {
    One(Pointer),
    Many(Vec<Pointer>),
}

impl Pointers {
    fn read(self) -> Vec<Reference> {
        match self {
            Self::One(pointer) => pointer.read().into_iter().collect(),
            Self::Many(pointers) => pointers.into_iter().filter_map(Pointer::read).collect(),
        }
    }
}

#[derive(Deserialize)]
struct Period {
    start: Option<String>,
}

/// The few fields that place a resource; everything else is skipped unread.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
    #[serde(borrow)]
    resource_type: Cow<'a, str>,
    id: Option<Lenient<String>>,
    subject: Option<Lenient<Pointers>>,
    patient: Option<Lenient<Pointers>>,
    beneficiary: Option<Lenient<Pointers>>,
    #[serde(rename = "for")]
    task_for: Option<Lenient<Pointers>>,
    individual: Option<Lenient<Pointers>>,
    target: Option<Lenient<Pointers>>,
    onset_date_time: Option<Lenient<String>>,
    effective_date_time: Option<Lenient<String>>,
    effective_period: Option<Lenient<Period>>,
    occurrence_date_time: Option<Lenient<String>>,
    performed_date_time: Option<Lenient<String>>,
    performed_period: Option<Lenient<Period>>,
    authored_on: Option<Lenient<String>>,
    recorded_date: Option<Lenient<String>>,
    issued: Option<Lenient<String>>,
    period: Option<Lenient<Period>>,
    date: Option<Lenient<String>>,
    recorded: Option<Lenient<String>>,
    started: Option<Lenient<String>>,
    created: Option<Lenient<String>>,
}

impl Head<'_> {
    fn date(&mut self) -> Option<FhirDate> {
        let day = |field: &mut Option<Lenient<String>>| {
            field
                .take()
                .and_then(Lenient::known)
                .as_deref()
                .and_then(FhirDate::parse)
        };
        let start = |field: &mut Option<Lenient<Period>>| {
            let period = field.take().and_then(Lenient::known)?;
            FhirDate::parse(&period.start?)
        };
        day(&mut self.onset_date_time)
            .or_else(|| day(&mut self.effective_date_time))
            .or_else(|| start(&mut self.effective_period))
            .or_else(|| day(&mut self.occurrence_date_time))
            .or_else(|| day(&mut self.performed_date_time))
            .or_else(|| start(&mut self.performed_period))
            .or_else(|| day(&mut self.authored_on))
            .or_else(|| day(&mut self.recorded_date))
            .or_else(|| start(&mut self.period))
            .or_else(|| day(&mut self.date))
            .or_else(|| day(&mut self.issued))
            .or_else(|| day(&mut self.started))
            .or_else(|| day(&mut self.recorded))
            .or_else(|| day(&mut self.created))
    }

    fn patients(&mut self, id: Option<&str>) -> Vec<Reference> {
        if self.resource_type == "Patient" {
            return id
                .map(|id| Reference::parse(&format!("Patient/{id}")))
                .into_iter()
                .collect();
        }
        let mut found = Vec::new();
        let fields = [
            &mut self.subject,
            &mut self.patient,
            &mut self.beneficiary,
            &mut self.task_for,
            &mut self.individual,
        ];
        for field in fields {
            let pointers = field.take().and_then(Lenient::known);
            found.extend(pointers.into_iter().flat_map(Pointers::read));
        }
        if found.is_empty() {
            // Provenance and AuditEvent name what they are about as targets; the patient is one of them.
            let targets = self.target.take().and_then(Lenient::known);
            found.extend(targets.into_iter().flat_map(Pointers::read));
        }
        found
    }
}

impl Resource {
    /// Reads the few fields that place a resource.
    ///
    /// # Errors
    /// [`Reason`] when it is not an object with a `resourceType`.
    pub fn read(raw: Box<RawValue>) -> Result<Self, Reason> {
        let mut head: Head<'_> =
            serde_json::from_str(raw.get()).map_err(|error| Reason::of(&error))?;
        if head.resource_type.is_empty() {
            return Err(Reason::NoType);
        }
        let id = head.id.take().and_then(Lenient::known);
        let patients = head.patients(id.as_deref());
        let date = head.date();
        let kind = head.resource_type.clone().into_owned();
        let found = walk(raw.get())?;
        Ok(Self {
            section: Section::of(&kind),
            kind,
            id,
            patients,
            date,
            tags: found.tags,
            unnamed: found.unnamed,
            raw,
        })
    }

    /// Whether it is a `Patient`.
    pub fn is_patient(&self) -> bool {
        self.kind == "Patient"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Resource, Reason> {
        Resource::read(RawValue::from_string(text.to_owned()).unwrap())
    }

    #[test]
    fn fields_of_an_odd_shape_do_not_lose_the_resource() {
        let resource = read(r#"{"resourceType":"Condition","id":7,"subject":"Patient/1","onsetDateTime":{"x":1},"recordedDate":"2020-02"}"#).unwrap();
        assert_eq!(resource.section, Section::Conditions);
        assert!(resource.patients.is_empty() && resource.id.is_none());
        assert_eq!(resource.date.unwrap().to_string(), "February 2020");
    }

    #[test]
    fn the_patient_is_found_by_reference_or_identifier() {
        let by_identifier = read(
            r#"{"resourceType":"Observation","subject":{"identifier":{"system":"s","value":"v"}}}"#,
        )
        .unwrap();
        assert_eq!(
            by_identifier.patients,
            [Reference::identifier("Patient", "s", "v")]
        );
        let provenance = read(r#"{"resourceType":"Provenance","target":[{"reference":"urn:uuid:a"},{"reference":"urn:uuid:b"}]}"#).unwrap();
        assert_eq!(provenance.patients.len(), 2);
    }

    #[test]
    fn what_is_no_resource_is_refused_with_a_reason_that_quotes_nothing() {
        for text in [
            "[]",
            "\"Smith\"",
            "7",
            "{}",
            r#"{"resourceType":7}"#,
            r#"{"resourceType":""}"#,
        ] {
            let reason = read(text).unwrap_err();
            assert!(!reason.to_string().contains("Smith"), "{reason}");
        }
    }
}
