//! Rows of a section.

use std::collections::BTreeMap;

use serde_json::Value;

use super::quantity::{usual_range, value};
use super::words::{code, concept, interpretation, status};
use crate::fhir::{FhirDate, Segment};

/// One line of a section's page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// When it happened, else when it was recorded.
    pub date: Option<FhirDate>,
    /// What it is; never empty.
    pub title: String,
    /// More about it, in plain words.
    pub detail: Option<String>,
    /// Value with unit, for results.
    pub value: Option<String>,
    /// Its state, where that does not go without saying.
    pub status: Option<String>,
    /// Who recorded, prescribed or gave it.
    pub who: Option<String>,
    /// FHIR resource type.
    pub kind: String,
}

/// One row for each resource of a segment, in its order. A resource that cannot be understood still has its row.
pub fn rows(segment: &Segment) -> Vec<Row> {
    segment
        .resources
        .iter()
        .map(|raw| row(raw.get(), &segment.names))
        .collect()
}

/// The rows of a section's segments, each with what names its segment, newest first; undated ones last.
pub fn sorted_rows<'a, T: Copy + 'a>(
    segments: impl IntoIterator<Item = (T, &'a Segment)>,
) -> Vec<(T, Row)> {
    let named = segments.into_iter();
    let mut all: Vec<(T, Row)> = named
        .flat_map(|(name, segment)| rows(segment).into_iter().map(move |row| (name, row)))
        .collect();
    all.sort_by_key(|(_, row)| std::cmp::Reverse(row.date.map(FhirDate::sort_key)));
    all
}

fn row(text: &str, names: &BTreeMap<String, String>) -> Row {
    let read: Value = serde_json::from_str(text).unwrap_or_default();
    let kind = read["resourceType"].as_str().unwrap_or_default().to_owned();
    let mut row = match kind.as_str() {
        "Condition" => condition(&read),
        "AllergyIntolerance" => allergy(&read),
        "Immunization" => immunisation(&read),
        "Observation" => observation(text, &read),
        "DiagnosticReport" => report(&read),
        _ if kind.starts_with("Medication") => medicine(&read, names),
        _ => Row {
            title: concept(&read["code"])
                .or_else(|| concept(&read["type"]))
                .unwrap_or_default(),
            ..blank()
        },
    };
    if row.title.is_empty() {
        row.title = "Not named by the sender".into();
    }
    row.date = row.date.or_else(|| fallback_date(&read));
    let state = read["status"].as_str().and_then(|code| status(&kind, code));
    row.status = row.status.or_else(|| state.map(str::to_owned));
    row.who = row.who.or_else(|| who(&read, names));
    row.kind = kind;
    row
}

fn blank() -> Row {
    Row {
        date: None,
        title: String::new(),
        detail: None,
        value: None,
        status: None,
        who: None,
        kind: String::new(),
    }
}

fn date(value: &Value) -> Option<FhirDate> {
    value
        .as_str()
        .or_else(|| value["start"].as_str())
        .and_then(FhirDate::parse)
}

fn fallback_date(read: &Value) -> Option<FhirDate> {
    [
        "authoredOn",
        "effectiveDateTime",
        "effectivePeriod",
        "effectiveInstant",
        "occurrenceDateTime",
        "performedPeriod",
        "recordedDate",
        "whenHandedOver",
        "dateAsserted",
        "issued",
        "period",
        "date",
        "recorded",
        "created",
    ]
    .into_iter()
    .find_map(|field| date(&read[field]))
}

/// Joins what is there into sentences.
fn sentences(parts: impl IntoIterator<Item = Option<String>>) -> Option<String> {
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(". "))
}

fn notes(read: &Value) -> Option<String> {
    let notes: Vec<_> = read["note"]
        .as_array()?
        .iter()
        .filter_map(|note| note["text"].as_str())
        .collect();
    (!notes.is_empty()).then(|| notes.join(" "))
}

fn condition(read: &Value) -> Row {
    let ended = date(&read["abatementDateTime"]).or_else(|| date(&read["abatementPeriod"]));
    let clinical = code(&read["clinicalStatus"]).and_then(|code| status("Condition", code));
    let doubt = match code(&read["verificationStatus"]) {
        Some("unconfirmed" | "provisional" | "differential") => {
            Some("Not confirmed yet".to_owned())
        }
        Some("refuted") => Some("Ruled out".to_owned()),
        Some("entered-in-error") => Some("Entered in error".to_owned()),
        _ => None,
    };
    Row {
        date: date(&read["onsetDateTime"]).or_else(|| date(&read["onsetPeriod"])),
        title: concept(&read["code"]).unwrap_or_default(),
        detail: sentences([
            ended.map(|day| format!("Ended {day}")),
            concept(&read["severity"]),
            notes(read),
        ]),
        status: doubt.or_else(|| clinical.map(str::to_owned)),
        ..blank()
    }
}

fn allergy(read: &Value) -> Row {
    let reactions: Vec<String> = read["reaction"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|reaction| reaction["manifestation"].as_array().into_iter().flatten())
        .filter_map(concept)
        .collect();
    let kind = match read["type"].as_str() {
        Some("intolerance") => Some("Intolerance".to_owned()),
        _ => None,
    };
    let risk = match read["criticality"].as_str() {
        Some("high") => Some("High risk of a serious reaction".to_owned()),
        Some("low") => Some("Low risk of a serious reaction".to_owned()),
        _ => None,
    };
    let reaction = (!reactions.is_empty()).then(|| format!("Reaction: {}", reactions.join(", ")));
    Row {
        date: date(&read["recordedDate"]).or_else(|| date(&read["onsetDateTime"])),
        title: concept(&read["code"]).unwrap_or_default(),
        detail: sentences([kind, reaction, risk, notes(read)]),
        status: code(&read["clinicalStatus"])
            .and_then(|code| status("AllergyIntolerance", code))
            .map(str::to_owned),
        ..blank()
    }
}

fn immunisation(read: &Value) -> Row {
    let dose = read["protocolApplied"][0]["doseNumberPositiveInt"]
        .as_u64()
        .map(|dose| format!("Dose {dose}"));
    let lot = read["lotNumber"].as_str().map(|lot| format!("Batch {lot}"));
    Row {
        date: date(&read["occurrenceDateTime"]),
        title: concept(&read["vaccineCode"]).unwrap_or_default(),
        detail: sentences([dose, lot, concept(&read["statusReason"]), notes(read)]),
        ..blank()
    }
}

fn observation(text: &str, read: &Value) -> Row {
    let flag = code(&read["interpretation"][0]).and_then(interpretation);
    Row {
        date: date(&read["effectiveDateTime"]).or_else(|| date(&read["effectivePeriod"])),
        title: concept(&read["code"]).unwrap_or_default(),
        value: value(text, read),
        detail: sentences([
            usual_range(text),
            concept(&read["dataAbsentReason"]),
            notes(read),
        ]),
        status: flag.map(str::to_owned),
        ..blank()
    }
}

fn report(read: &Value) -> Row {
    let parts: Vec<_> = read["result"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|result| result["display"].as_str())
        .collect();
    let includes = (!parts.is_empty()).then(|| format!("Includes {}", parts.join(", ")));
    Row {
        date: date(&read["effectiveDateTime"]).or_else(|| date(&read["effectivePeriod"])),
        title: concept(&read["code"]).unwrap_or_default(),
        detail: sentences([read["conclusion"].as_str().map(str::to_owned), includes]),
        ..blank()
    }
}

fn medicine(read: &Value, names: &BTreeMap<String, String>) -> Row {
    let referred = || {
        let reference = &read["medicationReference"];
        let contained = reference["reference"]
            .as_str()
            .and_then(|text| text.strip_prefix('#'))
            .and_then(|id| {
                let mut inside = read["contained"].as_array()?.iter();
                concept(&inside.find(|resource| resource["id"] == id)?["code"])
            });
        contained.or_else(|| named(reference, names))
    };
    let instructions: Vec<_> = ["dosageInstruction", "dosage"]
        .into_iter()
        .flat_map(|field| match &read[field] {
            Value::Array(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        })
        .filter_map(|dosage| {
            let as_needed = dosage["asNeededBoolean"]
                .as_bool()
                .filter(|yes| *yes)
                .map(|_| "When needed".to_owned());
            dosage["patientInstruction"]
                .as_str()
                .or_else(|| dosage["text"].as_str())
                .map(str::to_owned)
                .or(as_needed)
        })
        .collect();
    let reason = read["reasonCode"]
        .get(0)
        .and_then(concept)
        .map(|reason| format!("For {reason}"));
    Row {
        title: concept(&read["medicationCodeableConcept"])
            .or_else(referred)
            .unwrap_or_default(),
        detail: sentences([
            (!instructions.is_empty()).then(|| instructions.join("; ")),
            reason,
            notes(read),
        ]),
        ..blank()
    }
}

/// The name of what a reference points to: its own display, else what the segment remembers.
fn named(reference: &Value, names: &BTreeMap<String, String>) -> Option<String> {
    reference["display"]
        .as_str()
        .or_else(|| {
            names
                .get(reference["reference"].as_str()?)
                .map(String::as_str)
        })
        .map(str::to_owned)
}

fn who(read: &Value, names: &BTreeMap<String, String>) -> Option<String> {
    ["requester", "recorder", "asserter", "author"]
        .into_iter()
        .find_map(|field| named(&read[field], names))
        .or_else(|| {
            let performer = read["performer"].get(0)?;
            named(performer, names).or_else(|| named(&performer["actor"], names))
        })
        .or_else(|| named(&read["location"], names))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(resource: &Value) -> Row {
        row(
            &resource.to_string(),
            &BTreeMap::from([("urn:uuid:1".to_owned(), "Dr Mere Te Aho".to_owned())]),
        )
    }

    #[test]
    fn a_medicine_says_how_it_is_taken_and_who_prescribed_it() {
        let row = shown(
            &json!({"resourceType": "MedicationRequest", "status": "active", "authoredOn": "2026-03-01",
            "medicationReference": {"reference": "#m"}, "contained": [{"id": "m", "code": {"text": "Metformin 500 mg tablet"}}],
            "dosageInstruction": [{"text": "One tablet twice a day"}], "requester": {"reference": "urn:uuid:1"}}),
        );
        assert_eq!(row.title, "Metformin 500 mg tablet");
        assert_eq!(row.detail.as_deref(), Some("One tablet twice a day"));
        assert_eq!(row.status.as_deref(), Some("Current"));
        assert_eq!(row.who.as_deref(), Some("Dr Mere Te Aho"));
        assert_eq!(row.date.unwrap().to_string(), "1 March 2026");
    }

    #[test]
    fn what_was_entered_in_error_says_so() {
        let row = shown(
            &json!({"resourceType": "Condition", "code": {"text": "Gout"}, "clinicalStatus": {"coding": [{"code": "active"}]},
            "verificationStatus": {"coding": [{"code": "entered-in-error"}]}}),
        );
        assert_eq!(row.status.as_deref(), Some("Entered in error"));
        assert_eq!(
            shown(&json!({"resourceType": "Observation", "status": "entered-in-error"}))
                .status
                .as_deref(),
            Some("Entered in error")
        );
    }

    #[test]
    fn an_empty_or_odd_resource_still_has_a_row() {
        for resource in [
            json!({}),
            json!([]),
            json!({"resourceType": "Observation", "code": [], "valueQuantity": {"value": {}}}),
            json!({"resourceType": "MedicationRequest", "dosageInstruction": "twice"}),
        ] {
            assert_eq!(shown(&resource).title, "Not named by the sender");
        }
    }
}
