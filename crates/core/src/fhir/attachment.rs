//! Documents inside a `DocumentReference`: taken out, so that the shelf never holds a document, and put back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::date::FhirDate;

/// One document taken out of a resource.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// Its place in `content`, from 0.
    pub index: u16,
    /// Its own title.
    pub title: Option<String>,
    /// When it was made.
    pub creation: Option<FhirDate>,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// A resource without its documents, and the documents.
#[derive(Debug, Clone)]
pub struct Detached {
    /// The exact JSON with `null` where data stood.
    pub envelope: Box<RawValue>,
    /// The documents in order; never empty.
    pub attachments: Vec<Attachment>,
}

#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow, default)]
    content: Vec<Content<'a>>,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow)]
    attachment: Option<WrittenAttachment<'a>>,
}

#[derive(Deserialize)]
struct WrittenAttachment<'a> {
    title: Option<String>,
    creation: Option<String>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

fn offset(whole: &str, part: &RawValue) -> usize {
    (part.get().as_ptr() as usize).saturating_sub(whole.as_ptr() as usize)
}

/// Takes the documents out of a `DocumentReference`.
///
/// `None` when it holds none, or when its base64 is not the one way to write its bytes (putting it back would change
/// the resource): such a resource is kept whole in section *other*.
pub fn detach(raw: &RawValue) -> Option<Detached> {
    let text = raw.get();
    let written: Written<'_> = serde_json::from_str(text).ok()?;
    let (mut envelope, mut attachments, mut copied) = (String::new(), Vec::new(), 0);
    for (index, content) in written.content.into_iter().enumerate() {
        let Some(attachment) = content.attachment else {
            continue;
        };
        let Some(data) = attachment.data.filter(|data| data.get() != "null") else {
            continue;
        };
        let encoded = data.get().strip_prefix('"')?.strip_suffix('"')?;
        let bytes = STANDARD.decode(encoded).ok()?;
        let at = offset(text, data);
        envelope.push_str(text.get(copied..at)?);
        envelope.push_str("null");
        copied = at + data.get().len();
        attachments.push(Attachment {
            index: u16::try_from(index).ok()?,
            title: attachment.title,
            creation: attachment.creation.as_deref().and_then(FhirDate::parse),
            bytes,
        });
    }
    if attachments.is_empty() {
        return None;
    }
    envelope.push_str(text.get(copied..)?);
    Some(Detached {
        envelope: RawValue::from_string(envelope).ok()?,
        attachments,
    })
}

/// Puts documents back where they were; those that are not given stay `null`.
///
/// `None` when the envelope does not read as one.
pub fn attach(envelope: &RawValue, documents: &[(u16, &[u8])]) -> Option<Box<RawValue>> {
    let text = envelope.get();
    let mut resource = String::with_capacity(text.len());
    let mut copied = 0;
    for (index, at) in places(text)? {
        let Some((_, bytes)) = documents.iter().find(|(document, _)| *document == index) else {
            continue;
        };
        resource.push_str(text.get(copied..at)?);
        resource.push('"');
        STANDARD.encode_string(bytes, &mut resource);
        resource.push('"');
        copied = at + "null".len();
    }
    resource.push_str(text.get(copied..)?);
    RawValue::from_string(resource).ok()
}

/// The places of `"data": null`. An `Option<&RawValue>` would read `null` as absent, hence a type of its own.
fn places(text: &str) -> Option<Vec<(u16, usize)>> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow, default)]
        content: Vec<Slot<'a>>,
    }
    #[derive(Deserialize)]
    struct Slot<'a> {
        #[serde(borrow)]
        attachment: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Data<'a> {
        #[serde(borrow)]
        data: &'a RawValue,
    }
    let envelope: Envelope<'_> = serde_json::from_str(text).ok()?;
    let mut places = Vec::new();
    for (index, slot) in envelope.content.into_iter().enumerate() {
        let Some(attachment) = slot.attachment else {
            continue;
        };
        if let Ok(Data { data }) = serde_json::from_str::<Data<'_>>(attachment.get())
            && data.get() == "null"
        {
            places.push((u16::try_from(index).ok()?, offset(text, data)));
        }
    }
    Some(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"resourceType":"DocumentReference", "content":[
        {"attachment":{"contentType":"text/plain","data":"a2lhIG9yYQ==","title":"One"}},
        {"attachment":{"url":"https://a.nz/x"}},
        {"attachment":{"data" : "AAEC"}}], "status":"current"}"#;

    #[test]
    fn documents_come_out_and_go_back_without_changing_a_byte() {
        let raw = RawValue::from_string(TEXT.to_owned()).unwrap();
        let detached = detach(&raw).unwrap();
        assert!(!detached.envelope.get().contains("a2lhIG9yYQ"));
        let bytes: Vec<_> = detached
            .attachments
            .iter()
            .map(|a| (a.index, a.bytes.as_slice()))
            .collect();
        assert_eq!(bytes, [(0, b"kia ora".as_slice()), (2, &[0, 1, 2])]);
        assert_eq!(attach(&detached.envelope, &bytes).unwrap().get(), TEXT);
        assert!(
            attach(&detached.envelope, &bytes[..1])
                .unwrap()
                .get()
                .contains("\"data\" : null")
        );
    }

    #[test]
    fn a_resource_that_could_not_be_put_back_exactly_is_left_whole() {
        for data in ["a2lhIG9yYQ", "a2lhIG9yYR==", "a2lh\\nIG9yYQ==", "!"] {
            let text = TEXT.replace("a2lhIG9yYQ==", data);
            assert!(
                detach(&RawValue::from_string(text).unwrap()).is_none(),
                "{data}"
            );
        }
        assert!(detach(&RawValue::from_string("{\"content\":[]}".into()).unwrap()).is_none());
    }
}
