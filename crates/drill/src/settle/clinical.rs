//! What a record says about somebody's health, as words: no message may repeat one of them.

use crate::population::SyntheticPatient;
use serde_json::Value;
use std::collections::BTreeSet;

/// Fields of FHIR that name something clinical.
const NAMED: [&str; 5] = [
    "code",
    "medicationCodeableConcept",
    "vaccineCode",
    "manifestation",
    "reasonReference",
];

/// Titles of documents, and the names of everything in the record, each once.
pub(super) fn words(patient: &SyntheticPatient) -> Vec<String> {
    let mut words: BTreeSet<String> = patient
        .letters
        .iter()
        .map(|letter| letter.meta.title.to_string())
        .collect();
    for resource in &patient.resources {
        if !resource.is_patient()
            && let Ok(resource) = serde_json::from_str(resource.raw.get())
        {
            find(&resource, false, &mut words);
        }
    }
    words.into_iter().collect()
}

/// Texts and displays below a clinical field.
fn find(value: &Value, is_named: bool, words: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text)
                        if is_named && matches!(name.as_str(), "text" | "display") =>
                    {
                        words.insert(text.clone());
                    }
                    _ => find(value, is_named || NAMED.contains(&name.as_str()), words),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| find(value, is_named, words)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_somebody_has_is_found_and_who_wrote_it_is_not() {
        let resource = json!({
            "resourceType": "AllergyIntolerance",
            "code": { "coding": [{ "display": "Penicillin", "code": "7" }], "text": "Penicillin V" },
            "recorder": { "display": "Dr Mere Te Aho" },
            "reaction": [{ "manifestation": [{ "text": "Rash" }] }]
        });
        let mut words = BTreeSet::new();
        find(&resource, false, &mut words);
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        assert_eq!(words, ["Penicillin", "Penicillin V", "Rash"]);
    }
}
