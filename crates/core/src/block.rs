//! The envelope of every sealed JSON: kind and version first, so that one block is never read as another.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Why sealed JSON cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    /// It is not JSON, or a field is missing or of another type.
    #[error("the block's JSON does not read")]
    Json(#[from] serde_json::Error),
    /// It is a block of another kind.
    #[error("the block is of another kind")]
    Kind,
    /// It was written by a newer version of Candour.
    #[error("the block's version is not known here")]
    Version,
}

/// A value that is sealed as versioned JSON: `{"kind": …, "version": …, "body": …}`.
pub trait Block: Serialize + DeserializeOwned {
    /// The block's kind, for example `identity`.
    const KIND: &'static str;
    /// The version written; older ones that still read are accepted.
    const VERSION: u32;

    /// The JSON to be sealed.
    ///
    /// # Errors
    /// When the value has no JSON form; the types of this crate all have one.
    fn to_block(&self) -> Result<Vec<u8>, BlockError> {
        #[derive(Serialize)]
        struct Written<'a, T> {
            kind: &'a str,
            version: u32,
            body: &'a T,
        }
        Ok(serde_json::to_vec(&Written {
            kind: Self::KIND,
            version: Self::VERSION,
            body: self,
        })?)
    }

    /// Reads opened JSON.
    ///
    /// # Errors
    /// [`BlockError`] when it is not JSON, of another kind or of a newer version.
    fn from_block(bytes: &[u8]) -> Result<Self, BlockError> {
        #[derive(Deserialize)]
        struct Read<'a> {
            kind: &'a str,
            version: u32,
            #[serde(borrow)]
            body: &'a RawValue,
        }
        let read: Read<'_> = serde_json::from_slice(bytes)?;
        if read.kind != Self::KIND {
            return Err(BlockError::Kind);
        }
        if read.version == 0 || read.version > Self::VERSION {
            return Err(BlockError::Version);
        }
        Ok(serde_json::from_str(read.body.get())?)
    }
}
