//! Plain words for codes.

use serde_json::Value;

/// The best human text of a `CodeableConcept`: its text, else a coding's display, else its code.
///
/// SNOMED's semantic tag at the end (`(disorder)`) says nothing to a reader and is dropped.
pub(super) fn concept(value: &Value) -> Option<String> {
    let coding = value["coding"].as_array();
    let display = || {
        coding
            .into_iter()
            .flatten()
            .find_map(|coding| coding["display"].as_str())
    };
    let code = || {
        coding
            .into_iter()
            .flatten()
            .find_map(|coding| coding["code"].as_str())
    };
    let text = value["text"]
        .as_str()
        .filter(|text| !text.trim().is_empty())
        .or_else(display)
        .or_else(code)?;
    Some(without_tag(text.trim()).to_owned()).filter(|text| !text.is_empty())
}

const TAGS: &[&str] = &[
    "disorder",
    "finding",
    "procedure",
    "situation",
    "substance",
    "physical object",
    "observable entity",
    "event",
    "regime/therapy",
    "morphologic abnormality",
    "qualifier value",
    "context-dependent category",
    "organism",
    "product",
    "medicinal product",
    "clinical drug",
    "person",
    "environment",
    "record artifact",
];

fn without_tag(text: &str) -> &str {
    let tag = text
        .strip_suffix(')')
        .and_then(|text| text.rsplit_once(" ("));
    match tag {
        Some((before, tag)) if TAGS.contains(&tag) => before,
        _ => text,
    }
}

/// The first code of a `CodeableConcept`.
pub(super) fn code(value: &Value) -> Option<&str> {
    value["coding"][0]["code"].as_str()
}

/// `entered-in-error` and the like for a reader; `None` for what goes without saying.
pub(super) fn status(kind: &str, code: &str) -> Option<&'static str> {
    let words = match (kind, code) {
        (_, "entered-in-error") => "Entered in error",
        ("Condition" | "AllergyIntolerance", "inactive" | "remission")
        | ("AllergyIntolerance", "resolved") => "Not current",
        ("Condition", "resolved") => "Resolved",
        ("Immunization", "completed") => "Given",
        ("Immunization", "not-done") => "Not given",
        ("Observation" | "DiagnosticReport", "preliminary" | "registered" | "partial") => {
            "Not final yet"
        }
        ("Observation" | "DiagnosticReport", "amended" | "corrected" | "appended") => "Corrected",
        (_, "active" | "recurrence" | "relapse") => "Current",
        (_, "on-hold") => "On hold",
        (_, "stopped") => "Stopped",
        (_, "cancelled") => "Cancelled",
        (_, "completed" | "finished") => "Finished",
        (_, "draft" | "intended") => "Planned",
        // `final` results among them: that a result is final is what everybody expects.
        _ => return None,
    };
    Some(words)
}

/// Words for an interpretation flag of a result.
pub(super) fn interpretation(code: &str) -> Option<&'static str> {
    let words = match code {
        "H" | "HU" => "High",
        "HH" => "Very high",
        "L" | "LU" => "Low",
        "LL" => "Very low",
        "A" | "AA" => "Outside the usual range",
        "POS" => "Positive",
        "NEG" => "Negative",
        _ => return None,
    };
    Some(words)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn concepts_lose_their_semantic_tag_and_nothing_else() {
        let shown = |text: &str| concept(&json!({ "text": text })).unwrap();
        assert_eq!(shown("Sepsis (disorder)"), "Sepsis");
        assert_eq!(shown("Vitamin B12 (cobalamin)"), "Vitamin B12 (cobalamin)");
        assert_eq!(
            concept(&json!({"coding": [{"code": "1"}, {"display": "One"}]})).unwrap(),
            "One"
        );
        assert_eq!(concept(&json!({"text": " "})), None);
        assert_eq!(concept(&json!(7)), None);
    }
}
