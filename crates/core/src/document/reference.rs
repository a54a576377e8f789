//! Documents that arrive inside a FHIR `DocumentReference`.

use serde_json::Value;

use super::media::sniff;
use super::shelf::{DocumentKind, DocumentMeta, Envelope, Title};
use crate::fhir::{FhirDate, Resource, Section, Sensitivities, detach};

/// A document with its shelf entry, ready to be sealed as two items.
#[derive(Debug, Clone)]
pub struct NewDocument {
    /// The shelf entry.
    pub meta: DocumentMeta,
    /// Sensitivity tags.
    pub tags: Sensitivities,
    /// The document.
    pub bytes: Vec<u8>,
}

/// What becomes of a resource of section *documents*.
#[derive(Debug, Clone)]
pub enum Shelved {
    /// Its documents; the first one's envelope gives the resource back.
    Documents(Vec<NewDocument>),
    /// It holds none that can be taken out: kept whole in section *other*.
    Whole(Box<Resource>),
}

/// Takes the documents out of a `DocumentReference` that came from the practice named `source`.
pub fn shelve(mut resource: Resource, source: &str) -> Shelved {
    let detached = (resource.section == Section::Documents)
        .then(|| detach(&resource.raw))
        .flatten();
    let Some(detached) = detached else {
        if resource.section == Section::Documents {
            resource.section = Section::Other;
        }
        return Shelved::Whole(Box::new(resource));
    };
    let read: Value = serde_json::from_str(detached.envelope.get()).unwrap_or_default();
    let author = read["author"][0]["display"]
        .as_str()
        .or_else(|| read["custodian"]["display"].as_str());
    let stated = read["description"].as_str().map(str::to_owned);
    let kind_words = type_words(&read);
    let kind = kind(&read);
    let date = read["context"]["period"]["start"]
        .as_str()
        .or_else(|| read["date"].as_str())
        .and_then(FhirDate::parse)
        .and_then(FhirDate::exact_day);
    let documents = detached
        .attachments
        .into_iter()
        .enumerate()
        .map(|(place, attachment)| {
            let title = stated
                .clone()
                .or(attachment.title)
                .or_else(|| kind_words.clone())
                .unwrap_or_else(|| kind.words().to_owned());
            NewDocument {
                meta: DocumentMeta {
                    title: Title::of(&title),
                    kind,
                    date: date.or_else(|| attachment.creation.and_then(FhirDate::exact_day)),
                    media_type: sniff(&attachment.bytes),
                    size_bytes: attachment.bytes.len() as u64,
                    source: source.to_owned(),
                    author: author.map(str::to_owned),
                    envelope: (place == 0).then(|| Envelope {
                        resource: detached.envelope.clone(),
                        attachment: attachment.index,
                    }),
                },
                tags: resource.tags,
                bytes: attachment.bytes,
            }
        });
    Shelved::Documents(documents.collect())
}

fn codings(read: &Value) -> impl Iterator<Item = &Value> {
    read["type"]["coding"].as_array().into_iter().flatten()
}

fn type_words(read: &Value) -> Option<String> {
    let text = read["type"]["text"].as_str();
    text.or_else(|| codings(read).find_map(|coding| coding["display"].as_str()))
        .map(str::to_owned)
}

fn kind(read: &Value) -> DocumentKind {
    codings(read)
        .filter_map(|coding| coding["code"].as_str())
        .find_map(DocumentKind::of_loinc)
        .unwrap_or(DocumentKind::Other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::MediaType;
    use crate::fhir::{attach, read_resource};

    const TEXT: &str = r#"{"resourceType":"DocumentReference","id":"1","type":{"coding":[{"system":"http://loinc.org","code":"34117-2","display":"History and physical note"}]},
        "date":"2020-02-03T10:00:00Z","author":[{"display":"Dr A"}],"content":[{"attachment":{"contentType":"application/pdf","data":"a2lhIG9yYQ=="}}]}"#;

    #[test]
    fn a_document_gets_its_shelf_entry_and_the_resource_can_be_given_back() {
        let Shelved::Documents(documents) =
            shelve(read_resource(TEXT.as_bytes()).unwrap(), "Kererū Doctors")
        else {
            panic!("not taken out");
        };
        let document = &documents[0];
        assert_eq!(document.meta.title.as_str(), "History and physical note");
        assert_eq!(document.meta.kind, DocumentKind::VisitNote);
        // The sender said PDF; the bytes say otherwise.
        assert_eq!(document.meta.media_type, MediaType::Text);
        assert_eq!(document.meta.date.unwrap().to_string(), "2020-02-03");
        let envelope = document.meta.envelope.as_ref().unwrap();
        let back = attach(
            &envelope.resource,
            &[(envelope.attachment, &document.bytes)],
        )
        .unwrap();
        assert_eq!(back.get(), TEXT);
    }

    #[test]
    fn a_reference_to_a_document_elsewhere_is_kept_whole() {
        let text = r#"{"resourceType":"DocumentReference","content":[{"attachment":{"url":"https://a.nz/x"}}]}"#;
        let Shelved::Whole(resource) = shelve(read_resource(text.as_bytes()).unwrap(), "") else {
            panic!("taken out");
        };
        assert_eq!(resource.section, Section::Other);
    }
}
