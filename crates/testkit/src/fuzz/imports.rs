//! What practices send: Bundles and resources of FHIR R4, and the numbers and dates in them.
//!
//! Input: which, then the text.

use super::feed::Feed;
use candour_core::fhir::{
    Directory, FhirDate, Reference, Resource, contact, identity, read_bundle, read_resource,
    segments,
};
use candour_core::hpi::Hpi;
use candour_core::nhi::Nhi;

/// A small segment, so that a short input fills several.
const SEGMENT_BYTES: usize = 200;

pub fn feed(bytes: &[u8]) {
    let mut feed = Feed(bytes);
    match feed.byte() % 3 {
        0 => bundle(feed.0),
        1 => {
            if let Ok(resource) = read_resource(feed.0) {
                use_all(vec![resource]);
            }
        }
        _ => words(feed.text()),
    }
}

fn bundle(bytes: &[u8]) {
    let Ok((entries, faults)) = read_bundle(bytes) else {
        return;
    };
    let ends = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let lines = bytes.split(ends).count();
    let said = faults.iter().map(|fault| fault.line);
    for line in said.chain(entries.iter().map(|entry| entry.line)) {
        assert!((1..=lines).contains(&line), "line {line} of {lines}");
    }
    use_all(entries.into_iter().map(|entry| entry.resource).collect());
}

/// Everything that an import asks of a resource; and nothing of it is lost on its way into segments.
fn use_all(resources: Vec<Resource>) {
    let mut directory = Directory::default();
    for resource in &resources {
        directory.add(None, resource);
        let _ = (identity(resource), contact(resource));
    }
    let sent: usize = resources.len();
    let segments = segments(resources, &directory, SEGMENT_BYTES);
    let kept: usize = segments.iter().map(|one| one.resources.len()).sum();
    assert_eq!(kept, sent);
}

fn words(text: Option<&str>) {
    let Some(text) = text else { return };
    if let Some(date) = FhirDate::parse(text) {
        let _ = (date.exact_day(), date.sort_key(), date.to_string());
    }
    let _ = Reference::parse(text);
    if let Ok(number) = Nhi::parse(text) {
        let again = Nhi::parse(number.as_str());
        assert_eq!(
            again.map(|again| again.as_str().to_owned()).ok().as_deref(),
            Some(number.as_str())
        );
    }
    if let Ok(number) = Hpi::parse(text) {
        let again = Hpi::parse(number.as_str());
        assert_eq!(
            again.map(|again| again.as_str().to_owned()).ok().as_deref(),
            Some(number.as_str())
        );
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let patient = r#"{"resourceType":"Patient","id":"p1","identifier":[{"system":"https://standards.digital.health.nz/ns/nhi-id","value":"ZZZ0016"}],"name":[{"family":"Kōrero","given":["Mia"]}],"birthDate":"1980-02-29","telecom":[{"system":"phone","value":"021 123 4567"}]}"#;
    let condition = r#"{"resourceType":"Condition","id":"c1","subject":{"reference":"Patient/p1"},"onsetDateTime":"2020-02","code":{"text":"asthma"}}"#;
    let bundle = format!(
        "{{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[\n{{\"fullUrl\":\"urn:uuid:a\",\"resource\":{patient}}},\n{{\"resource\":{condition}}},\n{{}}]}}"
    );
    [
        (0, bundle.as_str()),
        (1, patient),
        (1, condition),
        (2, "2020-02-29T10:30:00+13:00"),
        (2, "ZZZ0016"),
        (2, "Patient/p1/_history/2"),
    ]
    .map(|(first, text)| [&[first], text.as_bytes()].concat())
    .to_vec()
}
