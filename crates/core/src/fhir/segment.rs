//! Segments: sealed groups of resources of one patient, section and set of sensitivity tags, from one deposit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::directory::Directory;
use super::resource::{Resource, Section};
use super::sensitivity::Sensitivities;
use crate::block::Block;

/// How many bytes of resources a segment takes before the next one begins.
pub const SEGMENT_BYTES: usize = 128 << 10;

/// A group of resources that is sealed and opened as one.
///
/// Patient, source practice and deposit are not repeated inside: the place it is sealed to names them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Segment {
    /// The section of all its resources.
    pub section: Section,
    /// The sensitivity tags all its resources have.
    #[serde(default)]
    pub tags: Sensitivities,
    /// Names of what its resources point to without saying the name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, String>,
    /// The resources exactly as they came.
    pub resources: Vec<Box<RawValue>>,
}

impl Block for Segment {
    const KIND: &'static str = "segment";
    const VERSION: u32 = 1;
}

/// Groups resources of *one* patient (or of nobody) into segments, in their order.
///
/// A new segment begins when `limit_bytes` would be passed; a single larger resource has a segment of its own.
pub fn segments(
    resources: Vec<Resource>,
    directory: &Directory,
    limit_bytes: usize,
) -> Vec<Segment> {
    let mut open: BTreeMap<(Section, Sensitivities), (Segment, usize)> = BTreeMap::new();
    let mut full = Vec::new();
    for resource in resources {
        let size = resource.raw.get().len();
        let (section, tags) = (resource.section, resource.tags);
        let empty = || Segment {
            section,
            tags,
            names: BTreeMap::new(),
            resources: Vec::new(),
        };
        let (segment, bytes) = open.entry((section, tags)).or_insert_with(|| (empty(), 0));
        if *bytes > 0 && *bytes + size > limit_bytes {
            full.push(std::mem::replace(segment, empty()));
            *bytes = 0;
        }
        for reference in resource.unnamed {
            if let Some(name) = directory.name(&reference) {
                segment.names.insert(reference, name.to_owned());
            }
        }
        segment.resources.push(resource.raw);
        *bytes += size;
    }
    full.extend(open.into_values().map(|(segment, _)| segment));
    full
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::{Sensitivity, read_resource};

    fn observation(id: usize, code: &str) -> Resource {
        let text = format!(
            r#"{{"resourceType":"Observation","id":"{id}","code":{{"coding":[{{"system":"http://loinc.org","code":"{code}"}}]}},"performer":[{{"reference":"Practitioner/1"}}],"valueQuantity":{{"value":1.50}}}}"#
        );
        read_resource(text.as_bytes()).unwrap()
    }

    #[test]
    fn sensitive_resources_stand_in_segments_of_their_own() {
        let mut resources: Vec<_> = (0..10).map(|id| observation(id, "8302-2")).collect();
        resources.push(observation(10, "55277-8"));
        let mut directory = Directory::default();
        let practitioner =
            br#"{"resourceType":"Practitioner","id":"1","name":[{"family":"Te Aho"}]}"#;
        directory.add(None, &read_resource(practitioner).unwrap());
        let segments = segments(resources, &directory, SEGMENT_BYTES);
        assert_eq!(segments.len(), 2);
        assert!(segments[0].tags.is_empty() && segments[0].resources.len() == 10);
        assert!(segments[1].tags.contains(Sensitivity::Sexual));
        assert_eq!(segments[1].names["Practitioner/1"], "Te Aho");
    }

    #[test]
    fn a_segment_is_split_at_its_limit_and_reads_back_exactly() {
        let resources: Vec<_> = (0..10).map(|id| observation(id, "8302-2")).collect();
        let size = resources[0].raw.get().len();
        let whole: Vec<String> = resources
            .iter()
            .map(|resource| resource.raw.get().to_owned())
            .collect();
        let segments = segments(resources, &Directory::default(), size * 3);
        assert_eq!(
            segments
                .iter()
                .map(|segment| segment.resources.len())
                .collect::<Vec<_>>(),
            [3, 3, 3, 1]
        );
        let back: Vec<String> = segments
            .iter()
            .flat_map(|segment| {
                Segment::from_block(&segment.to_block().unwrap())
                    .unwrap()
                    .resources
            })
            .map(|raw| raw.get().to_owned())
            .collect();
        assert_eq!(back, whole);
    }
}
