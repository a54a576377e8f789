//! Values with units, shown as they were sent.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::words::concept;

/// A quantity with the number exactly as it was written: `5.10` stays `5.10`.
#[derive(Deserialize)]
struct Quantity<'a> {
    #[serde(borrow)]
    value: &'a RawValue,
    #[serde(default)]
    comparator: Option<&'a str>,
    #[serde(default)]
    unit: Option<String>,
    #[serde(default)]
    code: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Valued<'a> {
    #[serde(borrow)]
    value_quantity: Option<&'a RawValue>,
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow, default)]
    component: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    reference_range: Vec<Range<'a>>,
}

#[derive(Deserialize)]
struct Range<'a> {
    #[serde(borrow)]
    low: Option<&'a RawValue>,
    #[serde(borrow)]
    high: Option<&'a RawValue>,
    text: Option<String>,
}

/// A number beyond four decimals is a calculation's noise and is rounded to two; any other stands as it was sent.
fn number(text: &str) -> String {
    let decimals = text
        .split_once('.')
        .map_or(0, |(_, decimals)| decimals.len());
    let has_exponent = text.contains(['e', 'E']);
    match text.parse::<f64>() {
        Ok(value) if decimals > 4 && !has_exponent => {
            let rounded = format!("{value:.2}");
            let short = rounded.trim_end_matches('0').trim_end_matches('.');
            if short == "0" || short == "-0" {
                text.to_owned()
            } else {
                short.to_owned()
            }
        }
        _ => text.to_owned(),
    }
}

fn unit(quantity: &Quantity<'_>) -> Option<String> {
    let unit = quantity.unit.as_deref().or(quantity.code.as_deref())?;
    let shown = match unit {
        "mm[Hg]" => "mmHg",
        "Cel" => "°C",
        "1" => return None,
        _ if unit.starts_with('{') && unit.ends_with('}') => return None,
        "kg/m2" => "kg/m²",
        "mL/min/{1.73_m2}" => "mL/min/1.73 m²",
        other => other,
    };
    Some(shown.to_owned())
}

fn parts(raw: &str) -> Option<(String, Option<String>)> {
    let quantity: Quantity<'_> = serde_json::from_str(raw).ok()?;
    let digits = number(quantity.value.get().trim_matches('"'));
    let comparator = quantity
        .comparator
        .map(|sign| format!("{sign} "))
        .unwrap_or_default();
    Some((format!("{comparator}{digits}"), unit(&quantity)))
}

fn joined((digits, unit): (String, Option<String>)) -> String {
    match unit.as_deref() {
        None => digits,
        Some("%") => format!("{digits} %"),
        Some(unit) => format!("{digits} {unit}"),
    }
}

/// The value of an Observation: a quantity, words, or its components.
pub(super) fn value(text: &str, read: &Value) -> Option<String> {
    let valued: Valued<'_> = serde_json::from_str(text).ok()?;
    if let Some(raw) = valued.value_quantity {
        return parts(raw.get()).map(joined);
    }
    if let Some(pressure) = blood_pressure(&valued.component) {
        return Some(pressure);
    }
    if let Some(simple) = simple(read) {
        return Some(simple);
    }
    let components: Vec<String> = valued
        .component
        .iter()
        .filter_map(|raw| {
            let read: Value = serde_json::from_str(raw.get()).ok()?;
            let shown = value(raw.get(), &read)?;
            Some(format!("{}: {shown}", concept(&read["code"])?))
        })
        .collect();
    (!components.is_empty()).then(|| components.join("; "))
}

fn simple(read: &Value) -> Option<String> {
    concept(&read["valueCodeableConcept"])
        .or_else(|| read["valueString"].as_str().map(str::to_owned))
        .or_else(|| {
            read["valueInteger"]
                .as_i64()
                .map(|number| number.to_string())
        })
        .or_else(|| {
            read["valueBoolean"]
                .as_bool()
                .map(|yes| if yes { "Yes" } else { "No" }.to_owned())
        })
        .or_else(|| {
            read["valueDateTime"]
                .as_str()
                .and_then(crate::fhir::FhirDate::parse)
                .map(|date| date.to_string())
        })
        .filter(|text| !text.trim().is_empty())
}

/// Systolic and diastolic components as people say them: `120/80 mmHg`.
fn blood_pressure(components: &[&RawValue]) -> Option<String> {
    let of = |code: &str| {
        components.iter().find_map(|raw| {
            let valued: Valued<'_> = serde_json::from_str(raw.get()).ok()?;
            let concept: Value = serde_json::from_str(valued.code?.get()).ok()?;
            let is_it = concept["coding"]
                .as_array()?
                .iter()
                .any(|coding| coding["code"] == code);
            if is_it {
                parts(valued.value_quantity?.get())
            } else {
                None
            }
        })
    };
    let (systolic, unit) = of("8480-6")?;
    let (diastolic, _) = of("8462-4")?;
    Some(joined((format!("{systolic}/{diastolic}"), unit)))
}

/// `Usual range 3.5 to 5.2 mmol/L`, where the sender gave one.
pub(super) fn usual_range(text: &str) -> Option<String> {
    let valued: Valued<'_> = serde_json::from_str(text).ok()?;
    let range = valued.reference_range.into_iter().next()?;
    let limit = |raw: Option<&RawValue>| raw.and_then(|raw| parts(raw.get()));
    match (limit(range.low), limit(range.high), range.text) {
        (Some((low, _)), Some(high), _) => Some(format!("Usual range {low} to {}", joined(high))),
        (Some(low), None, _) => Some(format!("Usual range from {}", joined(low))),
        (None, Some(high), _) => Some(format!("Usual range up to {}", joined(high))),
        (None, None, Some(text)) => Some(format!("Usual range {text}")),
        (None, None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        value(text, &serde_json::from_str(text).unwrap())
    }

    #[test]
    fn a_number_is_shown_as_it_was_sent_unless_it_is_noise() {
        for (sent, expected) in [
            ("5.10", "5.10"),
            ("178.83981355877862", "178.84"),
            ("0.000012345", "0.000012345"),
            ("7", "7"),
            ("62.00000001", "62"),
            ("1.5e3", "1.5e3"),
        ] {
            assert_eq!(
                shown(&format!(
                    r#"{{"valueQuantity":{{"value":{sent},"unit":"cm"}}}}"#
                ))
                .unwrap(),
                format!("{expected} cm")
            );
        }
        assert_eq!(
            shown(r#"{"valueQuantity":{"value":5,"comparator":"<","unit":"{score}"}}"#).unwrap(),
            "< 5"
        );
    }

    #[test]
    fn blood_pressure_reads_as_people_say_it() {
        let text = r#"{"component":[
            {"code":{"coding":[{"code":"8462-4","display":"Diastolic"}]},"valueQuantity":{"value":80,"unit":"mm[Hg]"}},
            {"code":{"coding":[{"code":"8480-6","display":"Systolic"}]},"valueQuantity":{"value":120,"unit":"mm[Hg]"}}]}"#;
        assert_eq!(shown(text).unwrap(), "120/80 mmHg");
    }

    #[test]
    fn words_components_and_ranges_are_shown() {
        assert_eq!(
            shown(r#"{"valueCodeableConcept":{"text":"Never smoker (finding)"}}"#).unwrap(),
            "Never smoker"
        );
        assert_eq!(
            shown(r#"{"component":[{"code":{"text":"Pain"},"valueInteger":3}]}"#).unwrap(),
            "Pain: 3"
        );
        assert_eq!(shown(r#"{"valueQuantity":"odd"}"#), None);
        let range =
            r#"{"referenceRange":[{"low":{"value":3.5},"high":{"value":5.20,"unit":"mmol/L"}}]}"#;
        assert_eq!(
            usual_range(range).unwrap(),
            "Usual range 3.5 to 5.20 mmol/L"
        );
    }
}
