//! Framing: a little-endian `u32` length, then that many bytes of one prost message.

use prost::Message;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};
use zeroize::{Zeroize, Zeroizing};

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

/// Room for what is read at once: some hundred ordinary frames.
const ROOM: usize = 64 * 1024;

/// The receiving side of a connection. As many frames as came are read with one call to the system, and the bytes of
/// each are wiped as soon as it is a message: frames carry keys.
pub struct Frames<R> {
    from: R,
    buffer: Zeroizing<Vec<u8>>,
    /// What was read and not taken yet lies from here…
    begins: usize,
    /// …to here.
    ends: usize,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    /// Frames that come from there.
    pub fn new(from: R) -> Self {
        Self {
            from,
            buffer: Zeroizing::new(vec![0; ROOM]),
            begins: 0,
            ends: 0,
        }
    }

    /// The next message; `None` when the other side closed between frames. Dropping the future loses nothing.
    ///
    /// # Errors
    /// When the connection fails or what comes is no frame; nothing more can be read then.
    pub async fn next<M: Message + Default>(&mut self) -> Result<Option<M>, FrameError> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(Some(message));
            }
            self.make_room()?;
            let length = self.from.read(&mut self.buffer[self.ends..]).await?;
            self.ends += length;
            match (length, self.ends - self.begins) {
                (0, 0..4) => return Ok(None),
                (0, _) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                _ => {}
            }
        }
    }

    /// Length of the frame that comes next, without its prefix; `None` before the prefix is there.
    fn length(&self) -> Result<Option<usize>, FrameError> {
        let Some(prefix) = self.buffer[self.begins..self.ends].first_chunk::<4>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_le_bytes(*prefix)).unwrap_or(usize::MAX);
        if length > LONGEST {
            return Err(FrameError::TooLong(length));
        }
        Ok(Some(length))
    }

    /// The message of the next frame, if all of it is there.
    fn take<M: Message + Default>(&mut self) -> Result<Option<M>, FrameError> {
        let Some(length) = self.length()? else {
            return Ok(None);
        };
        let (begins, ends) = (self.begins + 4, self.begins + 4 + length);
        if ends > self.ends {
            return Ok(None);
        }
        let frame = &mut self.buffer[begins..ends];
        let message = M::decode(&*frame);
        frame.zeroize();
        self.begins = ends;
        Ok(Some(message?))
    }

    /// Makes sure that the rest of the next frame fits behind what is there.
    fn make_room(&mut self) -> Result<(), FrameError> {
        if self.begins == self.ends {
            (self.begins, self.ends) = (0, 0);
        }
        let needed = 4 + self.length()?.unwrap_or_default();
        let has_room = self.ends < self.buffer.len() && self.begins + needed <= self.buffer.len();
        // A frame of megabytes was the exception: its room is given back.
        let is_too_large = self.buffer.len() > ROOM && needed <= ROOM && self.begins == self.ends;
        if has_room && !is_too_large {
            return Ok(());
        }
        // The old buffer is wiped when it is dropped.
        let mut moved = Zeroizing::new(vec![0; needed.max(ROOM)]);
        let held = &self.buffer[self.begins..self.ends];
        moved[..held.len()].copy_from_slice(held);
        (self.begins, self.ends) = (0, held.len());
        self.buffer = moved;
        Ok(())
    }
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
    use crate::wire::{Call, Hello, Request};
    use tokio::io::AsyncWriteExt;

    fn request(id: u64, length: usize) -> Request {
        Request {
            id,
            call: Some(Call::Hello(Hello {
                credential: vec![7; length],
            })),
        }
    }

    fn frames(lengths: &[usize]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (id, length) in (0..).zip(lengths) {
            append(&request(id, *length), &mut bytes).unwrap();
        }
        bytes
    }

    /// Short ones, one that is longer than the room, and more after it than fits at once.
    const LENGTHS: [usize; 8] = [0, 32, 200_000, 5, 60_000, 60_000, 1, 2_000_000];

    #[tokio::test]
    async fn frames_read_back_in_order_however_they_are_cut() {
        for piece in [1, 3, 4, 5, 4096, 70_000, usize::MAX] {
            let bytes = frames(&LENGTHS);
            let (mut into, from) = tokio::io::duplex(100_000);
            let writes = async move {
                // One byte at a time would take long for the large ones; their ends are cut like that.
                let (head, rest) = bytes.split_at(500);
                for some in head.chunks(piece).chain(rest.chunks(piece.max(1000))) {
                    into.write_all(some).await.unwrap();
                }
            };
            let reads = async move {
                let mut frames = Frames::new(from);
                for (id, length) in (0..).zip(LENGTHS) {
                    let read: Request = frames.next().await.unwrap().unwrap();
                    assert_eq!(read, request(id, length), "piece of {piece}");
                }
                assert!(frames.next::<Request>().await.unwrap().is_none());
            };
            tokio::join!(writes, reads);
        }
    }

    #[tokio::test]
    async fn nothing_of_a_message_stays_in_the_buffer() {
        let bytes = frames(&[32, 100, 40_000]);
        let mut frames = Frames::new(bytes.as_slice());
        while frames.next::<Request>().await.unwrap().is_some() {}
        assert!(!frames.buffer.contains(&7));
    }

    #[tokio::test]
    async fn a_connection_that_ends_within_a_frame_is_a_failure() {
        let bytes = frames(&[32]);
        let mut frames = Frames::new(&bytes[..bytes.len() - 1]);
        assert!(matches!(
            frames.next::<Request>().await,
            Err(FrameError::Io(_))
        ));
    }

    #[tokio::test]
    async fn a_length_beyond_the_limit_is_refused_before_room_is_made_for_it() {
        let bytes = u32::MAX.to_le_bytes();
        let mut frames = Frames::new(bytes.as_slice());
        let error = frames.next::<Request>().await.unwrap_err();
        assert!(matches!(error, FrameError::TooLong(_)));
        assert_eq!(frames.buffer.len(), ROOM);
    }
}
