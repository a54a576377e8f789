//! Framing: a little-endian `u32` length, then that many bytes of one prost message.

use prost::Message;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};
use zeroize::Zeroize;

/// The longest frame in bytes; a longer one ends the connection.
pub const LONGEST: usize = 4 * 1024 * 1024;

/// Why a frame cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The connection failed or ended within a frame.
    #[error("the connection to the keeper failed")]
    Io(#[from] io::Error),
    /// The length is over [`LONGEST`].
    #[error("a frame of {0} bytes is too long")]
    TooLong(usize),
    /// The bytes are not the message expected.
    #[error("a frame is not a message")]
    Decode(#[from] prost::DecodeError),
}

/// Reads one message; `None` when the other side closed between frames.
///
/// The buffer holds zeros afterwards: it lives as long as its connection, and what it held were keys.
pub async fn read<M: Message + Default>(
    from: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
) -> Result<Option<M>, FrameError> {
    let mut length = [0; 4];
    match from.read_exact(&mut length).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Err(FrameError::TooLong(length));
    }
    buffer.clear();
    buffer.resize(length, 0);
    from.read_exact(buffer).await?;
    let message = M::decode(buffer.as_slice());
    buffer.as_mut_slice().zeroize();
    Ok(Some(message?))
}

/// Appends one message as a frame; several may be appended before the buffer is written at once.
///
/// # Errors
/// [`FrameError::TooLong`]; the buffer is then as before.
pub fn append(message: &impl Message, out: &mut Vec<u8>) -> Result<(), FrameError> {
    let length = message.encoded_len();
    match u32::try_from(length) {
        Ok(prefix) if length <= LONGEST => {
            out.reserve(length + 4);
            out.extend_from_slice(&prefix.to_le_bytes());
            message.encode_raw(out);
            Ok(())
        }
        _ => Err(FrameError::TooLong(length)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Done, Reply, Response};

    #[tokio::test]
    async fn several_frames_in_one_write_read_back_in_order() {
        let mut bytes = Vec::new();
        for id in [7, 8] {
            append(
                &Response {
                    id,
                    reply: Some(Reply::Done(Done {})),
                },
                &mut bytes,
            )
            .unwrap();
        }
        let mut from = bytes.as_slice();
        let mut buffer = Vec::new();
        for id in [7, 8] {
            let response: Response = read(&mut from, &mut buffer).await.unwrap().unwrap();
            assert_eq!(response.id, id);
        }
        assert!(
            read::<Response>(&mut from, &mut buffer)
                .await
                .unwrap()
                .is_none()
        );
    }

    #[tokio::test]
    async fn what_was_read_does_not_stay_in_the_buffer() {
        let mut bytes = Vec::new();
        let said = Response {
            id: u64::MAX,
            reply: None,
        };
        append(&said, &mut bytes).unwrap();
        let mut buffer = Vec::new();
        let heard: Option<Response> = read(&mut bytes.as_slice(), &mut buffer).await.unwrap();
        assert_eq!(heard, Some(said));
        assert_eq!(buffer, vec![0; bytes.len() - 4]);
    }

    #[tokio::test]
    async fn a_length_beyond_the_limit_is_refused_before_anything_is_read() {
        let mut from: &[u8] = &u32::MAX.to_le_bytes();
        let error = read::<Response>(&mut from, &mut Vec::new())
            .await
            .unwrap_err();
        assert!(matches!(error, FrameError::TooLong(_)));
    }
}
