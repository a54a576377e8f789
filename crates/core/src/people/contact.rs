//! How a person is reached, and whether it is safe to.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::phone::PhoneNumber;
use crate::block::Block;

/// A channel a notice can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// In the portal only.
    Portal,
    /// E-mail.
    Email,
    /// Text message to the mobile.
    Text,
    /// A letter.
    Post,
    /// A call.
    Phone,
}

/// Why a text is not an e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an e-mail address has one @ with a name before and a domain behind it, and no spaces")]
pub struct EmailError;

/// An e-mail address that a mail system can be handed without harm: one line, one `@`, at most 254 bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Reads an address; surrounding space is dropped.
    ///
    /// # Errors
    /// [`EmailError`] when it has no name, no domain with a dot, or characters that could end a mail header.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        let (name, domain) = text.split_once('@').ok_or(EmailError)?;
        let refused = |character: char| {
            character.is_control()
                || character.is_whitespace()
                || "<>()[]\\,;:\"@".contains(character)
        };
        let fits = (3..=254).contains(&text.len())
            && (1..=64).contains(&name.len())
            && !name.contains(refused)
            && domain.split('.').count() > 1
            && domain.split('.').all(|label| {
                !label.is_empty()
                    && label
                        .chars()
                        .all(|character| character.is_alphanumeric() || character == '-')
            });
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(EmailError)
        }
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Shows nothing of the address.
impl fmt::Debug for EmailAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("EmailAddress(…)")
    }
}

impl Serialize for EmailAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for EmailAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Where letters go.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PostalAddress {
    /// Street, PO Box or RD lines in order.
    pub lines: Vec<String>,
    /// Suburb.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suburb: Option<String>,
    /// Town or city.
    pub city: String,
    /// Post code as text: leading zeros are real.
    pub postcode: String,
    /// ISO 3166-1 alpha-2 country, `NZ` at home.
    pub country: String,
}

/// Shows nothing of the address.
impl fmt::Debug for PostalAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("PostalAddress(…)")
    }
}

/// How a person is reached; sealed as the contact block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// E-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<EmailAddress>,
    /// Mobile telephone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mobile: Option<PhoneNumber>,
    /// Other telephone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<PhoneNumber>,
    /// Postal address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal: Option<PostalAddress>,
    /// The channel the person chose.
    pub preferred: Channel,
    /// BCP 47 language the person reads best, for example `en-NZ`, `mi`.
    pub language: String,
    /// Nothing is written, mailed or texted to this person: somebody else may read it.
    pub unsafe_to_write: bool,
    /// ISO 3166-1 alpha-2 country of residence; the law that applies follows it.
    pub country: String,
    /// Region or state of residence, where the law asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

impl Block for Contact {
    const KIND: &'static str = "contact";
    const VERSION: u32 = 1;
}

impl Contact {
    /// A contact with nothing known but the country.
    pub fn unknown(country: &str) -> Self {
        Self {
            email: None,
            mobile: None,
            phone: None,
            postal: None,
            preferred: Channel::Portal,
            language: "en-NZ".into(),
            unsafe_to_write: false,
            country: country.into(),
            region: None,
        }
    }

    /// The channels that may be used and have an address, the preferred one first.
    ///
    /// Empty for a person who is unsafe to write to: they stand on their practice's call list.
    pub fn channels(&self) -> Vec<Channel> {
        if self.unsafe_to_write {
            return Vec::new();
        }
        let usable = |channel: &Channel| match channel {
            Channel::Portal => true,
            Channel::Email => self.email.is_some(),
            Channel::Text => self.mobile.is_some(),
            Channel::Post => self.postal.is_some(),
            Channel::Phone => self.mobile.is_some() || self.phone.is_some(),
        };
        let mut channels: Vec<_> = [self.preferred].into_iter().filter(usable).collect();
        let order = [Channel::Email, Channel::Text, Channel::Post, Channel::Phone];
        channels.extend(
            order
                .into_iter()
                .filter(|channel| *channel != self.preferred && usable(channel)),
        );
        channels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_could_break_a_mail_header_are_refused() {
        for text in [
            "a@b.nz\r\nBcc: x@y.nz",
            "a b@c.nz",
            "a@@b.nz",
            "@b.nz",
            "a@b",
            "a@b..nz",
            "<a@b.nz>",
            "a@b.nz,c@d.nz",
        ] {
            assert_eq!(EmailAddress::parse(text), Err(EmailError), "{text}");
        }
        for text in [
            "aroha.ngata@example.nz",
            " hemi+portal@mail.example.co.nz ",
            "o'brien@example.com",
        ] {
            assert!(EmailAddress::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn nothing_is_written_to_a_person_who_is_unsafe_to_write_to() {
        let mut contact = Contact::unknown("NZ");
        contact.email = EmailAddress::parse("a@example.nz").ok();
        contact.preferred = Channel::Email;
        assert_eq!(contact.channels(), [Channel::Email]);
        contact.unsafe_to_write = true;
        assert!(contact.channels().is_empty());
    }

    #[test]
    fn a_contact_reads_back_and_is_never_taken_for_an_identity() {
        let mut contact = Contact::unknown("AU");
        contact.mobile = PhoneNumber::parse("021 123 4567").ok();
        let block = contact.to_block().unwrap();
        assert_eq!(Contact::from_block(&block).unwrap(), contact);
        assert!(super::super::Identity::from_block(&block).is_err());
    }
}
