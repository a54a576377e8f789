//! A FHIR `Patient` as our identity and contact.

use serde_json::Value;

use super::date::FhirDate;
use super::resource::Resource;
use crate::nhi::Nhi;
use crate::people::{
    BirthDate, Channel, Contact, Deceased, EmailAddress, Gender, Identity, PersonName, PhoneKind,
    PhoneNumber, PostalAddress,
};

/// Why a `Patient` cannot become one of our patients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatientError {
    /// Not a `Patient` resource.
    #[error("not a Patient resource")]
    Kind,
    /// No name at all.
    #[error("the patient has no name")]
    Name,
    /// No full birth date: without it nobody can be matched.
    #[error("the patient has no full birth date")]
    BirthDate,
}

/// NZ Base's system and the spellings it replaces.
const NHI_SYSTEMS: &[&str] = &[
    "https://standards.digital.health.nz/ns/nhi-id",
    "https://standards.digital.health.nz/id/nhi",
    "urn:oid:2.16.840.1.113883.2.18.2",
];

/// Who the patient is. NHI numbers that are not valid are left out here; the resource itself keeps them.
///
/// # Errors
/// [`PatientError`] when name or birth date are missing.
pub fn identity(patient: &Resource) -> Result<Identity, PatientError> {
    let value = read(patient)?;
    let mut names: Vec<_> = list(&value["name"])
        .filter_map(|name| Some((name_rank(name), person_name(name)?)))
        .collect();
    names.sort_by_key(|(rank, _)| *rank);
    let mut names = names.into_iter().map(|(_, name)| name);
    let name = names.next().ok_or(PatientError::Name)?;
    let birth_date: BirthDate = value["birthDate"]
        .as_str()
        .and_then(|date| date.parse().ok())
        .ok_or(PatientError::BirthDate)?;
    let (nhi, dormant) = nhi_numbers(&value);
    Ok(Identity {
        other_names: names.filter(|other| *other != name).collect(),
        name,
        birth_date,
        gender: match value["gender"].as_str() {
            Some("female") => Gender::Female,
            Some("male") => Gender::Male,
            Some("other") => Gender::Other,
            _ => Gender::Unknown,
        },
        nhi,
        dormant,
        deceased: match (
            &value["deceasedBoolean"],
            value["deceasedDateTime"].as_str(),
        ) {
            (_, Some(date)) => Some(
                FhirDate::parse(date)
                    .and_then(FhirDate::exact_day)
                    .map_or(Deceased::DayUnknown, Deceased::On),
            ),
            (Value::Bool(true), None) => Some(Deceased::DayUnknown),
            _ => None,
        },
    })
}

/// How the patient is reached. What does not read as an address or number is left out here; the resource keeps it.
///
/// # Errors
/// [`PatientError::Kind`] when it is not a `Patient`.
pub fn contact(patient: &Resource) -> Result<Contact, PatientError> {
    let value = read(patient)?;
    let address = list(&value["address"]).min_by_key(|address| {
        // Home and postal addresses in use come before temporary and old ones.
        match address["use"].as_str() {
            Some("old") => 2,
            Some("temp" | "work" | "billing") => 1,
            _ => 0,
        }
    });
    let country = country(
        address
            .and_then(|address| address["country"].as_str())
            .unwrap_or("NZ"),
    );
    let mut contact = Contact::unknown(&country);
    contact.region = address.and_then(|address| text(&address["state"]));
    contact.postal = address.and_then(|address| postal(address, &country));
    for telecom in list(&value["telecom"]) {
        let Some(written) = telecom["value"].as_str() else {
            continue;
        };
        if telecom["use"].as_str() == Some("old") {
            continue;
        }
        match telecom["system"].as_str() {
            Some("email") => {
                contact.email = contact.email.or_else(|| EmailAddress::parse(written).ok());
            }
            Some("phone" | "sms") => {
                let Some(number) = phone(written, &country) else {
                    continue;
                };
                let is_mobile =
                    number.kind() == PhoneKind::Mobile || telecom["use"].as_str() == Some("mobile");
                let place = if is_mobile {
                    &mut contact.mobile
                } else {
                    &mut contact.phone
                };
                place.get_or_insert(number);
            }
            _ => {}
        }
    }
    let spoken = list(&value["communication"]);
    let language = spoken.max_by_key(|language| language["preferred"].as_bool() == Some(true));
    if let Some(code) =
        language.and_then(|language| text(&language["language"]["coding"][0]["code"]))
    {
        contact.language = code;
    }
    contact.preferred = match &contact {
        Contact { email: Some(_), .. } => Channel::Email,
        Contact {
            postal: Some(_), ..
        } => Channel::Post,
        _ => Channel::Portal,
    };
    Ok(contact)
}

fn read(patient: &Resource) -> Result<Value, PatientError> {
    if !patient.is_patient() {
        return Err(PatientError::Kind);
    }
    serde_json::from_str(patient.raw.get()).map_err(|_| PatientError::Kind)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> Option<String> {
    value
        .as_str()
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn name_rank(name: &Value) -> u8 {
    match name["use"].as_str() {
        Some("official") => 0,
        Some("usual") | None => 1,
        Some("old" | "maiden") => 3,
        Some(_) => 2,
    }
}

fn person_name(name: &Value) -> Option<PersonName> {
    let given: Vec<_> = list(&name["given"]).filter_map(Value::as_str).collect();
    let family = name["family"].as_str().unwrap_or_default();
    let read = match (given.is_empty() && family.is_empty(), name["text"].as_str()) {
        (false, _) => PersonName::new(&given.join(" "), family),
        (true, Some(text)) => PersonName::new(text, ""),
        (true, None) => return None,
    };
    (!read.full().is_empty()).then_some(read)
}

fn nhi_numbers(value: &Value) -> (Option<Nhi>, Vec<Nhi>) {
    let (mut live, mut dormant) = (None, Vec::new());
    for identifier in list(&value["identifier"]) {
        let is_nhi = identifier["system"]
            .as_str()
            .is_some_and(|system| NHI_SYSTEMS.contains(&system));
        let Some(number) = identifier["value"]
            .as_str()
            .filter(|_| is_nhi)
            .and_then(|number| Nhi::parse(number).ok())
        else {
            continue;
        };
        if identifier["use"].as_str() == Some("old") || live.is_some_and(|live| live != number) {
            dormant.push(number);
        } else {
            live = Some(number);
        }
    }
    (live, dormant)
}

fn country(written: &str) -> String {
    match written.trim().to_ascii_uppercase().as_str() {
        "NZ" | "NZL" | "NEW ZEALAND" | "AOTEAROA" => "NZ".into(),
        "AU" | "AUS" | "AUSTRALIA" => "AU".into(),
        "US" | "USA" => "US".into(),
        "GB" | "GBR" | "UK" => "GB".into(),
        other if other.len() == 2 && other.bytes().all(|byte| byte.is_ascii_uppercase()) => {
            other.into()
        }
        // ISO 3166-1 leaves ZZ to its users: here, a country that was not understood.
        _ => "ZZ".into(),
    }
}

fn phone(written: &str, country: &str) -> Option<PhoneNumber> {
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    if country == "US" && digits.len() == 10 && !written.trim_start().starts_with('+') {
        return PhoneNumber::parse(&format!("+1{digits}")).ok();
    }
    PhoneNumber::parse(written).ok()
}

fn postal(address: &Value, country: &str) -> Option<PostalAddress> {
    let lines: Vec<String> = list(&address["line"]).filter_map(text).collect();
    let city = text(&address["city"])?;
    let suburb = list(&address["extension"])
        .find(|extension| {
            extension["url"]
                .as_str()
                .is_some_and(|url| url.ends_with("/suburb"))
        })
        .and_then(|extension| text(&extension["valueString"]))
        .or_else(|| text(&address["district"]).filter(|_| country == "NZ"));
    Some(PostalAddress {
        lines,
        suburb,
        city,
        postcode: text(&address["postalCode"]).unwrap_or_default(),
        country: country.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::read_resource;

    const PATIENT: &str = r#"{"resourceType":"Patient","id":"1",
        "identifier":[{"use":"old","system":"https://standards.digital.health.nz/ns/nhi-id","value":"ZNK28DJ"},
            {"use":"official","system":"https://standards.digital.health.nz/ns/nhi-id","value":"zkp3424"},
            {"system":"https://standards.digital.health.nz/ns/nhi-id","value":"ZZZ0017"},
            {"system":"http://other","value":"ZAC5361"}],
        "name":[{"use":"maiden","family":"Rewi","given":["Aroha"]},{"use":"official","family":"Ngāta","given":["Aroha","Mere"]}],
        "gender":"female","birthDate":"1980-02-01","deceasedDateTime":"2025-06",
        "telecom":[{"system":"email","value":"aroha@example.nz"},{"system":"phone","value":"021 123 4567"},{"system":"phone","value":"09 300 1234"},{"system":"phone","value":"none"}],
        "address":[{"use":"old","city":"Paihia"},{"line":["1 Kauri Road"],"city":"Whangārei","postalCode":"0110","country":"NZL"}],
        "communication":[{"language":{"coding":[{"code":"en"}]}},{"language":{"coding":[{"code":"mi"}]},"preferred":true}]}"#;

    #[test]
    fn a_new_zealand_patient_is_read_whole() {
        let patient = read_resource(PATIENT.as_bytes()).unwrap();
        let who = identity(&patient).unwrap();
        assert_eq!(who.name, PersonName::new("Aroha Mere", "Ngāta"));
        assert_eq!(who.other_names, [PersonName::new("Aroha", "Rewi")]);
        assert_eq!(who.nhi.unwrap().as_str(), "ZKP3424");
        assert_eq!(
            who.dormant.iter().map(Nhi::as_str).collect::<Vec<_>>(),
            ["ZNK28DJ"]
        );
        assert_eq!(who.deceased, Some(Deceased::DayUnknown));
        let contact = contact(&patient).unwrap();
        assert_eq!(contact.mobile.unwrap().as_str(), "+64211234567");
        assert_eq!(contact.phone.unwrap().as_str(), "+6493001234");
        assert_eq!(contact.postal.unwrap().postcode, "0110");
        assert_eq!(
            (contact.language.as_str(), contact.country.as_str()),
            ("mi", "NZ")
        );
    }

    #[test]
    fn a_patient_without_name_or_full_birth_date_is_refused_with_the_reason() {
        let read = |text: &str| identity(&read_resource(text.as_bytes()).unwrap());
        assert_eq!(
            read(r#"{"resourceType":"Patient","birthDate":"1980-02-01"}"#),
            Err(PatientError::Name)
        );
        assert_eq!(
            read(r#"{"resourceType":"Patient","name":[{"family":"A"}],"birthDate":"1980"}"#),
            Err(PatientError::BirthDate)
        );
        assert_eq!(
            read(r#"{"resourceType":"Practitioner"}"#),
            Err(PatientError::Kind)
        );
    }
}
