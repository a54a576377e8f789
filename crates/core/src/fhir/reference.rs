//! References between resources, in the four spellings that senders use.

use std::fmt;

/// Where a `Reference.reference` points.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reference {
    /// `urn:uuid:…`, an entry's `fullUrl` in the same or an earlier Bundle.
    Urn(String),
    /// `Practitioner/1`, or the end of an absolute address.
    Relative {
        /// Resource type.
        kind: String,
        /// Its id.
        id: String,
    },
    /// `Practitioner?identifier=system|value`.
    Conditional {
        /// Resource type.
        kind: String,
        /// Identifier system; may be empty.
        system: String,
        /// Identifier value.
        value: String,
    },
    /// `#1`, inside the resource itself.
    Contained(String),
    /// None of these.
    Other(String),
}

fn is_type(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl Reference {
    /// Reads a reference; never fails, since an odd one must not lose the resource that holds it.
    pub fn parse(text: &str) -> Self {
        if let Some(id) = text.strip_prefix('#') {
            return Self::Contained(id.to_owned());
        }
        if text.starts_with("urn:") {
            return Self::Urn(text.to_owned());
        }
        if let Some((kind, query)) = text.split_once('?') {
            let kind = kind.rsplit('/').next().unwrap_or(kind);
            if let (true, Some(token)) = (is_type(kind), query.strip_prefix("identifier=")) {
                let (system, value) = token.split_once('|').unwrap_or(("", token));
                return Self::identifier(kind, system, value);
            }
            return Self::Other(text.to_owned());
        }
        let without_version = text.split("/_history/").next().unwrap_or(text);
        let mut parts = without_version.rsplit('/');
        match (parts.next(), parts.next()) {
            (Some(id), Some(kind)) if is_type(kind) && !id.is_empty() => Self::Relative {
                kind: kind.to_owned(),
                id: id.to_owned(),
            },
            _ => Self::Other(text.to_owned()),
        }
    }

    /// A reference by identifier.
    pub fn identifier(kind: &str, system: &str, value: &str) -> Self {
        Self::Conditional {
            kind: kind.to_owned(),
            system: system.to_owned(),
            value: value.to_owned(),
        }
    }
}

/// The reference in its own spelling; absolute addresses lose their base.
impl fmt::Display for Reference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Urn(text) | Self::Other(text) => out.write_str(text),
            Self::Relative { kind, id } => write!(out, "{kind}/{id}"),
            Self::Conditional {
                kind,
                system,
                value,
            } => write!(out, "{kind}?identifier={system}|{value}"),
            Self::Contained(id) => write!(out, "#{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_read() {
        let relative = |kind: &str, id: &str| Reference::Relative {
            kind: kind.into(),
            id: id.into(),
        };
        assert_eq!(Reference::parse("Patient/1"), relative("Patient", "1"));
        assert_eq!(
            Reference::parse("https://a.nz/fhir/Patient/1/_history/2"),
            relative("Patient", "1")
        );
        assert_eq!(
            Reference::parse("urn:uuid:a"),
            Reference::Urn("urn:uuid:a".into())
        );
        assert_eq!(
            Reference::parse("Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|9999"),
            Reference::identifier("Practitioner", "http://hl7.org/fhir/sid/us-npi", "9999")
        );
        assert_eq!(Reference::parse("#1"), Reference::Contained("1".into()));
        for text in ["", "Patient", "patient/1", "Patient?name=x", "Patient/"] {
            assert_eq!(
                Reference::parse(text),
                Reference::Other(text.into()),
                "{text}"
            );
        }
    }
}
