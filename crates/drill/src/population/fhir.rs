//! A made-up record as FHIR R4 resources in NZ Base's spelling.

use candour_core::fhir::{Resource, read_resource};
use candour_core::people::{Contact, Deceased, Gender, Identity};
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use super::chance::{Chance, days_after};
use super::clinic::{Allergy, Given, Had};
use super::practice::SyntheticPractice;
use super::results::{Panel, Reading, Vitals};

const SNOMED: &str = "http://snomed.info/sct";
const LOINC: &str = "http://loinc.org";
const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
const NHI: &str = "https://standards.digital.health.nz/ns/nhi-id";
const UCUM: &str = "http://unitsofmeasure.org";

/// Writes one patient's resources; ids count up within the patient.
pub(super) struct Writer<'a> {
    patient: String,
    practice: &'a SyntheticPractice,
    resources: Vec<Resource>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(patient: String, practice: &'a SyntheticPractice) -> Self {
        Self {
            patient,
            practice,
            resources: Vec::new(),
        }
    }

    pub(super) fn finish(self) -> Vec<Resource> {
        self.resources
    }

    /// Adds a resource with type, id and the reference to its patient under `about`.
    fn add(&mut self, kind: &str, about: &str, fields: Value) -> String {
        let id = format!("{}-{}", self.patient, self.resources.len());
        let mut resource = Map::new();
        resource.insert("resourceType".into(), kind.into());
        resource.insert("id".into(), id.clone().into());
        resource.insert(
            about.into(),
            json!({ "reference": format!("Patient/{}", self.patient) }),
        );
        if let Value::Object(fields) = fields {
            resource.extend(fields);
        }
        self.push(&Value::Object(resource));
        format!("{kind}/{id}")
    }

    fn push(&mut self, resource: &Value) {
        // What was just written as JSON with a type always reads.
        self.resources
            .extend(read_resource(resource.to_string().as_bytes()));
    }

    pub(super) fn patient(&mut self, identity: &Identity, contact: &Contact) {
        let mut identifiers: Vec<Value> = identity
            .nhi
            .iter()
            .map(|nhi| json!({ "use": "official", "system": NHI, "value": nhi.as_str() }))
            .collect();
        identifiers.extend(
            identity
                .dormant
                .iter()
                .map(|nhi| json!({ "use": "old", "system": NHI, "value": nhi.as_str() })),
        );
        let given: Vec<&str> = identity.name.given.split(' ').collect();
        let mut telecom = Vec::new();
        telecom.extend(
            contact
                .email
                .iter()
                .map(|email| json!({ "system": "email", "value": email.as_str() })),
        );
        telecom.extend(
            contact.mobile.iter().map(
                |mobile| json!({ "system": "phone", "use": "mobile", "value": mobile.as_str() }),
            ),
        );
        telecom.extend(
            contact
                .phone
                .iter()
                .map(|phone| json!({ "system": "phone", "use": "home", "value": phone.as_str() })),
        );
        let mut resource = json!({
            "resourceType": "Patient", "id": self.patient, "identifier": identifiers, "active": identity.deceased.is_none(),
            "name": [{ "use": "official", "family": identity.name.family, "given": given }], "telecom": telecom,
            "gender": gender(identity.gender), "birthDate": identity.birth_date.to_string(),
            "communication": [{ "language": { "coding": [{ "system": "urn:ietf:bcp:47", "code": contact.language }] }, "preferred": true }],
            "generalPractitioner": [{ "display": self.practice.clinicians.first().map(|doctor| &doctor.name) }],
            "managingOrganization": { "identifier": { "system": "https://standards.digital.health.nz/ns/hpi-organisation-id", "value": self.practice.organisation.as_str() }, "display": self.practice.name },
        });
        if let Some(Deceased::On(day)) = identity.deceased {
            resource["deceasedDateTime"] = day.to_string().into();
        }
        if let Some(postal) = &contact.postal {
            resource["address"] = json!([{ "line": postal.lines, "city": postal.city, "postalCode": postal.postcode, "country": postal.country }]);
            if let Some(suburb) = &postal.suburb {
                resource["address"][0]["extension"] = json!([{ "url": "http://hl7.org.nz/fhir/StructureDefinition/suburb", "valueString": suburb }]);
            }
            if let Some(region) = &contact.region {
                resource["address"][0]["state"] = region.as_str().into();
            }
        }
        self.push(&resource);
    }

    fn doctor(&self, chance: &mut Chance) -> Value {
        json!({ "display": chance.one_of(&self.practice.clinicians).name })
    }

    /// A condition and its usual medicine.
    pub(super) fn condition(&mut self, chance: &mut Chance, had: &Had, end: Date) {
        let ailment = had.ailment;
        let state = if had.until.is_some() {
            "resolved"
        } else {
            "active"
        };
        let doctor = self.doctor(chance);
        let mut fields = json!({
            "clinicalStatus": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": state }] },
            "verificationStatus": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "confirmed" }] },
            "code": { "coding": [{ "system": SNOMED, "code": ailment.snomed, "display": ailment.name }], "text": ailment.name },
            "onsetDateTime": had.since.to_string(), "recordedDate": had.since.to_string(), "recorder": doctor,
        });
        if let Some(until) = had.until {
            fields["abatementDateTime"] = until.to_string().into();
        }
        let condition = self.add("Condition", "subject", fields);
        let Some(medicine) = &ailment.medicine else {
            return;
        };
        let latest = had.until.unwrap_or(end);
        let authored = if had.until.is_some() {
            had.since
        } else {
            chance.day(days_after(latest, -180).max(had.since), latest)
        };
        let mut concept = json!({ "text": medicine.name });
        if let Some(code) = medicine.rxnorm {
            concept["coding"] = json!([{ "system": RXNORM, "code": code }]);
        }
        self.add("MedicationRequest", "subject", json!({
            "status": if had.until.is_some() { "completed" } else { "active" }, "intent": "order",
            "medicationCodeableConcept": concept, "authoredOn": authored.to_string(), "requester": doctor,
            "reasonReference": [{ "reference": condition, "display": ailment.name }],
            "dosageInstruction": [{ "text": medicine.dosage }],
        }));
    }

    pub(super) fn allergy(
        &mut self,
        chance: &mut Chance,
        allergy: Allergy,
        first: Date,
        end: Date,
    ) {
        let (name, code, reaction, is_severe) = allergy;
        let recorder = self.doctor(chance);
        self.add("AllergyIntolerance", "patient", json!({
            "clinicalStatus": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active" }] },
            "type": "allergy", "criticality": if is_severe { "high" } else { "low" },
            "code": { "coding": [{ "system": SNOMED, "code": code, "display": name }], "text": name },
            "recordedDate": chance.day(first, end).to_string(), "recorder": recorder,
            "reaction": [{ "manifestation": [{ "text": reaction }] }],
        }));
    }

    pub(super) fn immunisation(&mut self, chance: &mut Chance, given: Given) {
        let (day, vaccine, dose) = given;
        let nurse = self
            .practice
            .clinicians
            .last()
            .map(|nurse| nurse.name.as_str());
        let mut fields = json!({
            "status": "completed", "vaccineCode": { "text": vaccine }, "occurrenceDateTime": day.to_string(), "primarySource": true,
            "lotNumber": format!("{}{:04}", chance.one_of(&["A", "K", "MX", "T"]), chance.within(1..=9999)),
            "performer": [{ "actor": { "display": nurse } }],
        });
        if let Some(dose) = dose {
            fields["protocolApplied"] = json!([{ "doseNumberPositiveInt": dose }]);
        }
        self.add("Immunization", "patient", fields);
    }

    pub(super) fn vitals(&mut self, vitals: &Vitals) {
        let part = |code: &str, name: &str, value: i32| {
            json!({ "code": { "coding": [{ "system": LOINC, "code": code, "display": name }] },
                "valueQuantity": { "value": value, "unit": "mmHg", "system": UCUM, "code": "mm[Hg]" } })
        };
        self.add("Observation", "subject", json!({
            "status": "final", "category": category("vital-signs"),
            "code": { "coding": [{ "system": LOINC, "code": "85354-9", "display": "Blood pressure" }], "text": "Blood pressure" },
            "effectiveDateTime": vitals.day.to_string(), "performer": [{ "display": self.practice.name }],
            "component": [part("8480-6", "Systolic blood pressure", vitals.systolic), part("8462-4", "Diastolic blood pressure", vitals.diastolic)],
        }));
        for reading in &vitals.readings {
            self.observation(
                reading,
                vitals.day,
                "vital-signs",
                &self.practice.name.clone(),
            );
        }
    }

    fn observation(&mut self, reading: &Reading, day: Date, group: &str, performer: &str) -> Value {
        let measure = reading.measure;
        // The number as the laboratory wrote it, so that 5.0 stays 5.0.
        let number =
            |value: f64| serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number);
        let mut fields = json!({
            "status": "final", "category": category(group),
            "code": { "coding": [{ "system": LOINC, "code": measure.loinc, "display": measure.name }], "text": measure.name },
            "effectiveDateTime": day.to_string(), "performer": [{ "display": performer }],
            "valueQuantity": { "value": number(reading.value), "unit": measure.unit, "system": UCUM, "code": measure.ucum },
        });
        if let Some((low, high)) = measure.usual {
            fields["referenceRange"] = json!([{ "low": { "value": number(low), "unit": measure.unit }, "high": { "value": number(high), "unit": measure.unit } }]);
        }
        if !reading.flag().is_empty() {
            fields["interpretation"] = json!([{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "code": reading.flag() }] }]);
        }
        let reference = self.add("Observation", "subject", fields);
        json!({ "reference": reference, "display": measure.name })
    }

    pub(super) fn panel(&mut self, panel: &Panel, laboratory: &str) {
        let results: Vec<Value> = panel
            .readings
            .iter()
            .map(|reading| self.observation(reading, panel.day, "laboratory", laboratory))
            .collect();
        self.add("DiagnosticReport", "subject", json!({
            "status": "final", "category": [{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "LAB", "display": "Laboratory" }] }],
            "code": { "coding": [{ "system": LOINC, "code": panel.loinc }], "text": panel.name },
            "effectiveDateTime": panel.day.to_string(), "performer": [{ "display": laboratory }], "result": results,
        }));
    }
}

fn category(code: &str) -> Value {
    json!([{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": code }] }])
}

const fn gender(gender: Gender) -> &'static str {
    match gender {
        Gender::Female => "female",
        Gender::Male => "male",
        Gender::Other => "other",
        Gender::Unknown => "unknown",
    }
}
