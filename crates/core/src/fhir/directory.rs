//! Names of the organisations, health workers, places and medicines that resources point to.

use std::collections::HashMap;

use serde_json::Value;

use super::reference::Reference;
use super::resource::{Resource, Section};

/// Display names by every reference that leads to them.
#[derive(Debug, Default)]
pub struct Directory {
    names: HashMap<String, String>,
}

impl Directory {
    /// Takes a resource in, if it is one that others point to by name.
    pub fn add(&mut self, full_url: Option<&str>, resource: &Resource) {
        if resource.section != Section::Directory {
            return;
        }
        let Ok(value) = serde_json::from_str::<Value>(resource.raw.get()) else {
            return;
        };
        let Some(name) = display_name(&value) else {
            return;
        };
        let kind = &resource.kind;
        let mut keys: Vec<String> = full_url.map(str::to_owned).into_iter().collect();
        keys.extend(resource.id.iter().map(|id| format!("{kind}/{id}")));
        for identifier in value["identifier"].as_array().into_iter().flatten() {
            if let Some(number) = identifier["value"].as_str() {
                let system = identifier["system"].as_str().unwrap_or_default();
                keys.push(Reference::identifier(kind, system, number).to_string());
            }
        }
        for key in keys {
            self.names.insert(key, name.clone());
        }
    }

    /// The name a reference leads to.
    pub fn name(&self, reference: &str) -> Option<&str> {
        self.names
            .get(reference)
            .or_else(|| self.names.get(&Reference::parse(reference).to_string()))
            .map(String::as_str)
    }
}

fn display_name(value: &Value) -> Option<String> {
    if let Some(name) = value["name"].as_str() {
        return Some(name.to_owned());
    }
    if let Some(name) = value["name"].get(0) {
        return Some(human_name(name)).filter(|name| !name.is_empty());
    }
    let code = &value["code"];
    code["text"]
        .as_str()
        .or_else(|| code["coding"][0]["display"].as_str())
        .or_else(|| value["practitioner"]["display"].as_str())
        .map(str::to_owned)
}

/// `Dr. Johnson Schmitt` of a FHIR `HumanName`.
pub(super) fn human_name(name: &Value) -> String {
    if let Some(text) = name["text"].as_str() {
        return text.to_owned();
    }
    let given = name["given"].as_array().into_iter().flatten();
    let parts = name["prefix"]
        .as_array()
        .into_iter()
        .flatten()
        .chain(given)
        .chain([&name["family"]]);
    parts
        .filter_map(Value::as_str)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::read_resource;

    #[test]
    fn a_name_is_found_by_address_id_and_identifier() {
        let text =
            br#"{"resourceType":"Practitioner","id":"7","identifier":[{"system":"s","value":"9"}],
            "name":[{"prefix":["Dr"],"given":["Mere"],"family":"Te Aho"}]}"#;
        let mut directory = Directory::default();
        directory.add(Some("urn:uuid:7"), &read_resource(text).unwrap());
        for reference in [
            "urn:uuid:7",
            "Practitioner/7",
            "https://a.nz/fhir/Practitioner/7",
            "Practitioner?identifier=s|9",
        ] {
            assert_eq!(
                directory.name(reference),
                Some("Dr Mere Te Aho"),
                "{reference}"
            );
        }
        assert_eq!(directory.name("Practitioner/8"), None);
    }
}
