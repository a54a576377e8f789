//! Frames between portal and keeper, in both directions.
//!
//! Input: the size of the pieces they arrive in, the direction, then the connection's bytes. However they are cut, the
//! same messages come out; and what was read is written and read again as it was.

use super::feed::Feed;
use candour_keeper_wire::frame::{Frames, append};
use candour_keeper_wire::wire::{
    Call, EntriesAfter, Hello, Open, Refused, Reply, Request, Response, StatusQuestion,
};
use candour_keeper_wire::words::{Purpose, Reason};
use prost::Message;
use std::fmt::Debug;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, ReadBuf};

pub fn feed(bytes: &[u8]) {
    let mut feed = Feed(bytes);
    let piece = usize::from(feed.byte()) + 1;
    match feed.byte() % 2 {
        0 => hold::<Request>(feed.0, piece),
        _ => hold::<Response>(feed.0, piece),
    }
}

fn hold<M: Message + Default + PartialEq + Debug>(bytes: &[u8], piece: usize) {
    let (messages, is_whole) = read::<M>(bytes, usize::MAX);
    let (cut, cut_is_whole) = read::<M>(bytes, piece);
    assert_eq!((&cut, cut_is_whole), (&messages, is_whole));
    for message in messages {
        let mut frame = Vec::new();
        if append(&message, &mut frame).is_ok() {
            assert_eq!(read::<M>(&frame, usize::MAX), (vec![message], true));
        }
    }
}

/// The messages, and whether the connection ended between two of them.
fn read<M: Message + Default>(bytes: &[u8], piece: usize) -> (Vec<M>, bool) {
    let mut frames = Frames::new(Pieces { bytes, piece });
    let mut messages = Vec::new();
    loop {
        let mut next = pin!(frames.next::<M>());
        match next.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(Some(message))) => messages.push(message),
            Poll::Ready(Ok(None)) => return (messages, true),
            Poll::Ready(Err(_)) => return (messages, false),
            Poll::Pending => unreachable!("its bytes are all there"),
        }
    }
}

/// A connection that gives a piece at a time.
struct Pieces<'a> {
    bytes: &'a [u8],
    piece: usize,
}

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let length = self.piece.min(into.remaining()).min(self.bytes.len());
        let (given, rest) = self.bytes.split_at(length);
        into.put_slice(given);
        self.bytes = rest;
        Poll::Ready(Ok(()))
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let calls = [
        Call::Hello(Hello {
            credential: vec![7; 32],
        }),
        Call::Status(StatusQuestion {}),
        Call::Open(Open {
            token: vec![3; 32],
            purpose: Purpose::OwnRecord.into(),
            network: "192.0.2.7".to_owned(),
            ..Open::default()
        }),
        Call::EntriesAfter(EntriesAfter {
            from: 1_000,
            limit: 10,
            wait_ms: 5,
        }),
    ];
    let requests = (1..).zip(calls).map(|(id, call)| Request {
        id,
        call: Some(call),
    });
    let refused = Refused {
        reason: Reason::Frozen.into(),
        retry_after_seconds: 9,
        index: Some(4),
    };
    let response = Response {
        id: 3,
        reply: Some(Reply::Refused(refused)),
    };
    let mut seeds = vec![vec![2, 0], vec![3, 1, 255, 255, 255, 255]];
    seeds[0].extend(framed(requests));
    seeds.push([vec![200, 1], framed([response].into_iter())].concat());
    seeds
}

fn framed<M: Message>(messages: impl Iterator<Item = M>) -> Vec<u8> {
    let mut frames = Vec::new();
    for message in messages {
        assert!(append(&message, &mut frames).is_ok(), "it is short");
    }
    frames
}
