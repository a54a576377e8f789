//! A document's bytes on their way out.

use super::content::{self, DocumentFace};
use crate::{FirstByte, ReadError};
use bytes::Bytes;
use candour_keeper_api::{ItemPermit, UnsealError};
use candour_seal::{Digest, Digester, Opener};
use candour_store::{Ciphertext, ObjectFile, StoreError};
use futures_util::{Stream, StreamExt, stream};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::AsyncReadExt;
use zeroize::Zeroizing;

/// Ciphertext bytes read at once.
const PIECE: usize = 256 * 1024;

/// Why a document ends before its end.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The file cannot be read further.
    #[error("the stored document cannot be read")]
    Read(#[from] std::io::Error),
    /// It is not what was deposited.
    #[error("the stored document is not what was deposited")]
    Unseal(#[from] UnsealError),
}

type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, StreamError>> + Send>>;

/// The bytes of an opened document, as a stream. The first piece reports the delivery.
///
/// Dropped before that, nothing was delivered and nothing is reported.
pub struct Body {
    content: Content,
    first_byte: Option<FirstByte>,
}

enum Content {
    Whole(Bytes),
    Pieces(Pieces),
}

impl Body {
    /// All of it at once, where it is small and checked already; the delivery counts as reported. Else itself.
    pub fn into_whole(mut self) -> Result<Bytes, Self> {
        match self.content {
            Content::Whole(bytes) => {
                if let Some(first_byte) = self.first_byte.take() {
                    first_byte.sent();
                }
                Ok(bytes)
            }
            Content::Pieces(_) => Err(self),
        }
    }
}

impl Stream for Body {
    type Item = Result<Bytes, StreamError>;

    fn poll_next(mut self: Pin<&mut Self>, waker: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = match &mut self.content {
            Content::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Content::Whole(bytes) => Poll::Ready(Some(Ok(std::mem::take(bytes)))),
            Content::Pieces(pieces) => pieces.as_mut().poll_next(waker),
        };
        if let Poll::Ready(Some(Ok(_))) = &next
            && let Some(first_byte) = self.first_byte.take()
        {
            first_byte.sent();
        }
        next
    }
}

/// Opens a document far enough to know its face.
pub(super) async fn open(
    permit: ItemPermit,
    ciphertext: Ciphertext,
    first_byte: FirstByte,
) -> Result<(DocumentFace, Body), ReadError> {
    let (face, content) = match ciphertext {
        Ciphertext::Whole(sealed) => {
            let (face, file) = permit.open(&sealed)?.try_map(whole)?.into_inner();
            (face, Content::Whole(file))
        }
        Ciphertext::File(file) => {
            let (opener, expected) = permit.into_opener();
            let (face, pieces) = pieces(opener, expected, file).await?;
            (face, Content::Pieces(pieces))
        }
    };
    let first_byte = Some(first_byte);
    Ok((
        face,
        Body {
            content,
            first_byte,
        },
    ))
}

fn not_a_document() -> ReadError {
    ReadError::Content(candour_core::block::BlockError::Kind)
}

/// The file's bytes are those that were opened, not a copy; they are wiped when the answer is sent.
fn whole(content: Zeroizing<Vec<u8>>) -> Result<(DocumentFace, Bytes), ReadError> {
    let (face, begins) = content::read_face(&content)?.ok_or_else(not_a_document)?;
    let file_bytes = content.len().saturating_sub(begins);
    if u64::try_from(file_bytes).ok() != Some(face.size_bytes) {
        return Err(not_a_document());
    }
    Ok((face, Bytes::from_owner(content).slice(begins..)))
}

/// A document that is being opened piece by piece.
struct Flow {
    file: tokio::fs::File,
    opener: Option<Opener>,
    digester: Digester,
    expected: Digest,
    /// File bytes still to come; what follows them is padding.
    left: u64,
    /// Opened and not yet given out.
    held: Vec<u8>,
}

async fn pieces(
    opener: Opener,
    expected: Digest,
    file: ObjectFile,
) -> Result<(DocumentFace, Pieces), ReadError> {
    let mut flow = Flow {
        file: tokio::fs::File::from_std(file.file),
        opener: Some(opener),
        digester: Digester::new(),
        expected,
        left: u64::MAX,
        held: Vec::new(),
    };
    let (face, begins) = loop {
        if let Some(read) = content::read_face(&flow.held)? {
            break read;
        }
        let is_more = flow.read_on().await.map_err(|error| match error {
            StreamError::Read(error) => ReadError::Store(StoreError::File(error)),
            StreamError::Unseal(error) => ReadError::Unseal(error),
        })?;
        if !is_more {
            return Err(not_a_document());
        }
    };
    flow.held.drain(..begins);
    flow.left = face.size_bytes;
    let pieces = stream::try_unfold(flow, |mut flow| async move {
        let piece = flow.next().await?;
        Ok(piece.map(|piece| (piece, flow)))
    });
    Ok((face, pieces.boxed()))
}

impl Flow {
    /// Reads and opens one piece; `false` at the end, where the whole was compared with what was deposited.
    async fn read_on(&mut self) -> Result<bool, StreamError> {
        let Some(opener) = &mut self.opener else {
            return Ok(false);
        };
        let mut sealed = vec![0; PIECE];
        let length = self.file.read(&mut sealed).await?;
        let sealed = &sealed[..length];
        if length > 0 {
            self.digester.push(sealed);
            opener
                .push(sealed, &mut self.held)
                .map_err(UnsealError::from)?;
            return Ok(true);
        }
        if let Some(opener) = self.opener.take() {
            opener.finish(&mut self.held).map_err(UnsealError::from)?;
        }
        if std::mem::take(&mut self.digester).finish() != self.expected {
            return Err(UnsealError::OtherDigest.into());
        }
        Ok(false)
    }

    /// The next piece. The last one is held back until the whole was compared, so that an altered document never
    /// ends as if it were complete.
    async fn next(&mut self) -> Result<Option<Bytes>, StreamError> {
        loop {
            let length = u64::try_from(self.held.len()).unwrap_or(u64::MAX);
            let is_last = length >= self.left;
            if self.left == 0 && self.opener.is_none() {
                return Ok(None);
            }
            if is_last {
                // Whatever comes out now is padding; only the comparison at the end matters.
                self.held
                    .truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
                let last = std::mem::take(&mut self.held);
                while self.read_on().await? {
                    self.held.clear();
                }
                self.held.clear();
                self.left = 0;
                return Ok((!last.is_empty()).then(|| Bytes::from(last)));
            }
            if length > 0 {
                self.left -= length;
                return Ok(Some(Bytes::from(std::mem::take(&mut self.held))));
            }
            if !self.read_on().await? && self.held.is_empty() {
                return Err(UnsealError::Sealed.into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candour_core::document::{MediaType, Title};
    use candour_seal::{ItemKey, SystemRandom, pad, seal};
    use std::io::{Seek, Write};

    const PLACE: &[u8] = b"a place";

    /// A document that is longer than several pieces and no multiple of anything.
    fn file() -> Vec<u8> {
        (0..3_000_017_u32)
            .map(|number| number.to_le_bytes()[0] ^ number.to_le_bytes()[1])
            .collect()
    }

    fn sealed(key: &ItemKey, file: &[u8]) -> Vec<u8> {
        let face = DocumentFace {
            title: Title::of("Scan"),
            date: None,
            media_type: MediaType::Tiff,
            size_bytes: file.len() as u64,
        };
        let content = content::write(&face, file).unwrap();
        seal(key, PLACE, &pad(&content), &mut SystemRandom)
    }

    fn stored(bytes: &[u8]) -> ObjectFile {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        let length = bytes.len() as u64;
        ObjectFile { file, length }
    }

    /// What comes out, and how it ends.
    async fn shown(
        key: &ItemKey,
        expected: Digest,
        stored_bytes: &[u8],
    ) -> (Vec<u8>, Result<(), StreamError>) {
        let opener = Opener::new(key, PLACE);
        let (face, mut pieces) = pieces(opener, expected, stored(stored_bytes))
            .await
            .unwrap();
        assert_eq!(face.title.as_str(), "Scan");
        let mut out = Vec::new();
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(piece) => out.extend_from_slice(&piece),
                Err(error) => return (out, Err(error)),
            }
        }
        (out, Ok(()))
    }

    #[tokio::test]
    async fn a_large_document_streams_out_as_it_went_in() {
        let key = ItemKey::generate(&mut SystemRandom);
        let sealed = sealed(&key, &file());
        let (out, end) = shown(&key, Digest::of(&sealed), &sealed).await;
        assert!(end.is_ok());
        assert_eq!(out, file());
    }

    #[tokio::test]
    async fn an_altered_or_cut_document_never_ends_as_if_it_were_whole() {
        let key = ItemKey::generate(&mut SystemRandom);
        let whole = sealed(&key, &file());
        let expected = Digest::of(&whole);
        let mut altered_padding = whole.clone();
        *altered_padding.last_mut().unwrap() ^= 1;
        let mut altered_middle = whole.clone();
        altered_middle[1_500_000] ^= 1;
        let resealed = sealed(&key, &file());
        let longer = [whole.as_slice(), b"more"].concat();
        let cut = &whole[..2_000_000];
        let wrongs: [&[u8]; 5] = [&altered_padding, &altered_middle, &resealed, &longer, cut];
        for wrong in wrongs {
            let (out, end) = shown(&key, expected, wrong).await;
            assert!(end.is_err());
            assert!(out.len() < file().len());
            assert!(file().starts_with(&out));
        }
    }
}
