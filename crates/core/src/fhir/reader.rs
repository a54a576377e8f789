//! Reading Bundles and lines of NDJSON. Faults are named by line and reason; what reads goes on.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::resource::Resource;

/// Why something could not be read; quotes nothing of the content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Not JSON; says what was expected and in which column.
    #[error("not JSON: {0}")]
    Syntax(String),
    /// The text stops in the middle.
    #[error("the text stops in the middle")]
    CutOff,
    /// JSON, but a field has another type than FHIR gives it.
    #[error("a field has another type than FHIR gives it, or stands there twice")]
    Shape,
    /// No `resourceType`.
    #[error("no resourceType")]
    NoType,
    /// A Bundle entry without a resource.
    #[error("an entry without a resource")]
    NoResource,
    /// Not a Bundle.
    #[error("not a Bundle")]
    NoBundle,
    /// Nested more than 128 levels deep, or a number that does not fit.
    #[error("nested too deeply, or a number too large")]
    Limits,
    /// Not UTF-8.
    #[error("not UTF-8")]
    Encoding,
}

impl Reason {
    pub(super) fn of(error: &serde_json::Error) -> Self {
        use serde_json::error::Category;
        match error.classify() {
            Category::Eof => Self::CutOff,
            // Syntax messages name what was expected and never quote the text.
            Category::Syntax => Self::Syntax(error.to_string()),
            Category::Data | Category::Io => Self::Shape,
        }
    }
}

/// Something that could not be read, with its line from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct Fault {
    /// Line in the file, from 1.
    pub line: usize,
    /// Why.
    pub reason: Reason,
}

/// One entry of a Bundle that was read.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its `fullUrl`.
    pub full_url: Option<String>,
    /// Its line in the file, from 1.
    pub line: usize,
    /// Its resource.
    pub resource: Resource,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenBundle<'a> {
    resource_type: Option<String>,
    #[serde(borrow, default)]
    entry: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenEntry<'a> {
    full_url: Option<String>,
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
}

/// Counts lines up to places that only move forward.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl Lines<'_> {
    fn of(&mut self, part: &str) -> usize {
        let place = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        if let Some(between) = self.text.as_bytes().get(self.at..place) {
            self.line += line_ends(between);
            self.at = place;
        }
        self.line
    }
}

/// Reads a Bundle of any type, with the faults of single entries beside the entries that read.
///
/// # Errors
/// [`Fault`] when the file as a whole is not a Bundle in JSON; nothing of it is taken then.
pub fn read_bundle(bytes: &[u8]) -> Result<(Vec<Entry>, Vec<Fault>), Fault> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| Fault {
        line: line_of(&bytes[..error.valid_up_to()]),
        reason: Reason::Encoding,
    })?;
    let bundle: WrittenBundle<'_> = serde_json::from_str(text).map_err(|error| Fault {
        line: error.line(),
        reason: Reason::of(&error),
    })?;
    if bundle.resource_type.as_deref() != Some("Bundle") {
        return Err(Fault {
            line: 1,
            reason: Reason::NoBundle,
        });
    }
    let mut lines = Lines {
        text,
        at: 0,
        line: 1,
    };
    let (mut entries, mut faults) = (Vec::with_capacity(bundle.entry.len()), Vec::new());
    for raw in bundle.entry {
        let line = lines.of(raw.get());
        match read_entry(raw) {
            Ok((full_url, resource)) => entries.push(Entry {
                full_url,
                line,
                resource,
            }),
            Err(reason) => faults.push(Fault { line, reason }),
        }
    }
    Ok((entries, faults))
}

fn line_ends(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').count() - 1
}

fn line_of(before: &[u8]) -> usize {
    line_ends(before) + 1
}

fn read_entry(raw: &RawValue) -> Result<(Option<String>, Resource), Reason> {
    let entry: WrittenEntry<'_> =
        serde_json::from_str(raw.get()).map_err(|error| Reason::of(&error))?;
    let resource = entry.resource.ok_or(Reason::NoResource)?;
    Ok((entry.full_url, Resource::read(resource.to_owned())?))
}

/// Reads one resource: a line of NDJSON, or a file that holds one.
///
/// # Errors
/// [`Reason`] when it is not JSON or not a resource.
pub fn read_resource(bytes: &[u8]) -> Result<Resource, Reason> {
    let text = std::str::from_utf8(bytes).map_err(|_| Reason::Encoding)?;
    let raw: Box<RawValue> = serde_json::from_str(text).map_err(|error| Reason::of(&error))?;
    Resource::read(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUNDLE: &str = "{\"resourceType\":\"Bundle\",\"entry\":[\n\
        {\"fullUrl\":\"urn:uuid:1\",\"resource\":{\"resourceType\":\"Patient\",\"id\":\"1\"}},\n\
        {\"fullUrl\":\"urn:uuid:2\"},\n\
        {\"resource\":{\"id\":\"Smith\"}},\n\
        {\"resource\":{\"resourceType\":\"Condition\"}}]}";

    #[test]
    fn a_faulty_entry_is_named_by_its_line_and_the_others_are_read() {
        let (entries, faults) = read_bundle(BUNDLE.as_bytes()).unwrap();
        assert_eq!(
            entries.iter().map(|entry| entry.line).collect::<Vec<_>>(),
            [2, 5]
        );
        assert_eq!(
            faults,
            [
                Fault {
                    line: 3,
                    reason: Reason::NoResource
                },
                Fault {
                    line: 4,
                    reason: Reason::Shape
                },
            ]
        );
    }

    #[test]
    fn a_broken_file_is_refused_as_a_whole_with_its_line() {
        let cut = &BUNDLE.as_bytes()[..BUNDLE.len() - 20];
        assert_eq!(
            read_bundle(cut).unwrap_err(),
            Fault {
                line: 5,
                reason: Reason::CutOff
            }
        );
        let comma = BUNDLE.replace(
            "{\"fullUrl\":\"urn:uuid:2\"},",
            "{\"fullUrl\":\"urn:uuid:2\"}",
        );
        let fault = read_bundle(comma.as_bytes()).unwrap_err();
        assert!(
            fault.line == 4 && matches!(fault.reason, Reason::Syntax(_)),
            "{fault}"
        );
        assert_eq!(
            read_bundle(b"{\"resourceType\":\"Patient\"}")
                .unwrap_err()
                .reason,
            Reason::NoBundle
        );
        assert_eq!(
            read_bundle(b"\n\xff").unwrap_err(),
            Fault {
                line: 2,
                reason: Reason::Encoding
            }
        );
        assert!(read_resource(b"{\"resourceType\":\"Patient\"} x").is_err());
    }

    #[test]
    fn deep_nesting_is_refused_and_does_not_exhaust_the_stack() {
        let deep = format!(
            "{{\"resourceType\":\"Patient\",\"extension\":{}{}}}",
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        assert_eq!(read_resource(deep.as_bytes()).unwrap_err(), Reason::Limits);
    }
}
