//! Random 128-bit ids, one type each, so that a patient's id never travels as a document's.

use std::fmt;
use std::str::FromStr;

/// Why a text or a byte string is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is not 32 lower-case hexadecimal digits.
    #[error("an id is 32 lower-case hexadecimal digits")]
    Text,
    /// The byte string is not 16 bytes long.
    #[error("an id is 16 bytes")]
    Length,
}

fn digit(byte: u8) -> Result<u8, IdError> {
    match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(IdError::Text),
    }
}

fn parse(text: &str) -> Result<[u8; 16], IdError> {
    let text = text.as_bytes();
    if text.len() != 32 {
        return Err(IdError::Text);
    }
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Ok(bytes)
}

fn write(bytes: &[u8; 16], out: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        ///
        /// 16 random bytes; as text, 32 lower-case hexadecimal digits.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The id with these bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The id's bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = IdError;

            fn try_from(bytes: &[u8]) -> Result<Self, IdError> {
                bytes.try_into().map(Self).map_err(|_| IdError::Length)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write(&self.0, out)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write(&self.0, out)
            }
        }
    )+};
}

ids! {
    /// One installation of Candour.
    InstallationId,
    /// One running copy of a portal, worker or room process.
    InstanceId,
    /// The person a record is about.
    PatientId,
    /// A human with an account.
    PersonId,
    /// An organisation that provides care.
    PracticeId,
    /// A program with its own credential.
    ClientId,
    /// One sealed thing: document, segment, identity block, contact block.
    ItemId,
    /// A bulk lane with named members.
    RunId,
    /// An incident in the room.
    IncidentId,
    /// The caller's own key that makes a deposit or an enrolment safe to repeat.
    DepositKey,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_its_text() {
        let id = ItemId::from_bytes(*b"0123456789abcdef");
        assert_eq!(id.to_string(), "30313233343536373839616263646566");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn upper_case_short_and_long_texts_are_refused() {
        for text in [
            "",
            "30",
            "3031323334353637383961626364656F",
            "303132333435363738396162636465666",
        ] {
            assert_eq!(text.parse::<ItemId>(), Err(IdError::Text), "{text}");
        }
    }
}
