//! Asking the keeper over its socket, many calls in flight on one connection, as a portal does.

use super::crowd::{Crowd, Next};
use super::http::spent;
use super::order::Tally;
use crate::Problem;
use crate::settle::credential_of;
use candour_keeper_api::frame;
use candour_keeper_api::wire::{
    Call, Delivered, Hello, Open, Outcome, Reply, Request, Response, Status, StatusQuestion,
    Target, TargetKind,
};
use candour_keeper_api::words::Purpose;
use prost::Message;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// Room for what is read at once.
const ROOM: usize = 256 * 1024;

/// A connection that said who it is.
pub struct Socket {
    stream: UnixStream,
    received: Vec<u8>,
    outgoing: Vec<u8>,
}

/// A load on the socket: what is asked next, and what an answer must be.
pub trait Asking {
    /// The next call; `None` when there is nothing more to ask for.
    fn next(&mut self, now: Instant) -> Result<Turn, Problem>;

    /// Takes the answer to the call that was given as number `number`.
    fn take(&mut self, number: usize, reply: Reply, now: Instant) -> Result<(), Problem>;

    /// From when on the call just given counts as asked: whoever was due earlier has waited since then.
    fn asked(&self, now: Instant) -> Instant {
        now
    }
}

/// What to do next.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every turn asks, and none is kept"
)]
pub enum Turn {
    /// Ask this; the number comes back with the answer.
    Ask(usize, Call),
    /// Nothing may be asked before this time.
    NotBefore(Instant),
    /// There is nothing left to ask.
    Nothing,
}

fn broken(error: &impl std::fmt::Display) -> Problem {
    Problem::Unexpected(format!("the keeper's socket failed: {error}"))
}

impl Socket {
    /// Connects and says who it is.
    ///
    /// # Errors
    /// When the keeper is not there or does not know the credential.
    pub async fn connect(data: &Path, credential: Vec<u8>) -> Result<Self, Problem> {
        let stream = UnixStream::connect(data.join("run/keeper.sock"))
            .await
            .map_err(|error| broken(&error))?;
        let mut socket = Self {
            stream,
            received: Vec::with_capacity(ROOM),
            outgoing: Vec::new(),
        };
        match socket.ask(Call::Hello(Hello { credential })).await? {
            Reply::Welcome(_) => Ok(socket),
            _ => Err(broken(&"it does not welcome us")),
        }
    }

    /// Connects as soon as there is a keeper that can write entries.
    ///
    /// # Errors
    /// When there is none for so long.
    pub async fn to_writing_keeper(data: &Path, patience: Duration) -> Result<Self, Problem> {
        let begun = Instant::now();
        while begun.elapsed() < patience {
            let credential = credential_of(data, "portal")?;
            if let Ok(mut socket) = Self::connect(data, credential).await
                && socket
                    .status()
                    .await
                    .is_ok_and(|status| status.ledger_writable)
            {
                return Ok(socket);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(Problem::TooLong {
            what: "the keeper's start".to_owned(),
            seconds: patience.as_secs(),
        })
    }

    /// What the keeper says of itself.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn status(&mut self) -> Result<Status, Problem> {
        match self.ask(Call::Status(StatusQuestion {})).await? {
            Reply::Status(status) => Ok(status),
            _ => Err(broken(&"it does not say how it is")),
        }
    }

    /// One call, while no other is on its way.
    async fn ask(&mut self, call: Call) -> Result<Reply, Problem> {
        self.put(0, call)?;
        self.send().await?;
        loop {
            if let Some((_, reply)) = self.answers().await?.pop() {
                return Ok(reply);
            }
        }
    }

    /// Asks until the time is over, `in_flight` calls at once, and waits for the last answers.
    ///
    /// # Errors
    /// At the first answer that is not the one that must come.
    pub async fn load(
        &mut self,
        asking: &mut impl Asking,
        in_flight: usize,
        length: Duration,
    ) -> Result<Tally, Problem> {
        let begun = Instant::now();
        let ends = begun + length;
        let mut micros = Vec::with_capacity(1 << 16);
        let mut slots: Vec<Option<(usize, Instant)>> = vec![None; in_flight];
        let mut free: Vec<usize> = (0..in_flight).collect();
        loop {
            let mut not_before = None;
            while Instant::now() < ends
                && let Some(slot) = free.pop()
            {
                let now = Instant::now();
                match asking.next(now)? {
                    Turn::Ask(number, call) => {
                        self.put(u64::try_from(slot).unwrap_or_default() + 1, call)?;
                        slots[slot] = Some((number, asking.asked(now)));
                        continue;
                    }
                    Turn::NotBefore(time) => not_before = Some(time.min(ends)),
                    Turn::Nothing => {}
                }
                free.push(slot);
                break;
            }
            self.send().await?;
            if free.len() == in_flight {
                match not_before {
                    Some(time) => tokio::time::sleep_until(time.into()).await,
                    None => break,
                }
                continue;
            }
            let answers = match not_before {
                None => self.answers().await?,
                // Whoever is due is not kept waiting for an answer to somebody else.
                Some(time) => tokio::time::timeout_at(time.into(), self.answers())
                    .await
                    .unwrap_or_else(|_| Ok(Vec::new()))?,
            };
            for (id, reply) in answers {
                let now = Instant::now();
                let slot = usize::try_from(id).unwrap_or_default().wrapping_sub(1);
                let (number, asked) = slots
                    .get_mut(slot)
                    .and_then(Option::take)
                    .ok_or_else(|| broken(&"an answer to nothing"))?;
                let took = now.duration_since(asked).as_micros();
                micros.push(u32::try_from(took).unwrap_or(u32::MAX));
                free.push(slot);
                asking.take(number, reply, now)?;
            }
        }
        Ok(Tally::of(micros, begun.elapsed().as_secs_f64(), 0))
    }

    fn put(&mut self, id: u64, call: Call) -> Result<(), Problem> {
        let request = Request {
            id,
            call: Some(call),
        };
        frame::append(&request, &mut self.outgoing).map_err(|error| broken(&error))
    }

    async fn send(&mut self) -> Result<(), Problem> {
        if !self.outgoing.is_empty() {
            let sent = self.stream.write_all(&self.outgoing).await;
            sent.map_err(|error| broken(&error))?;
            self.outgoing.clear();
        }
        Ok(())
    }

    /// Waits for something to come, and gives the whole frames of it.
    async fn answers(&mut self) -> Result<Vec<(u64, Reply)>, Problem> {
        let length = self
            .stream
            .read_buf(&mut self.received)
            .await
            .map_err(|error| broken(&error))?;
        if length == 0 {
            return Err(broken(&"the keeper went away"));
        }
        let mut answers = Vec::new();
        let mut begins = 0;
        while let Some((prefix, rest)) = self.received[begins..].split_first_chunk::<4>() {
            let length = usize::try_from(u32::from_le_bytes(*prefix)).unwrap_or(usize::MAX);
            let Some(frame) = rest.get(..length) else {
                break;
            };
            let response = Response::decode(frame).map_err(|error| broken(&error))?;
            let reply = response.reply.ok_or_else(|| broken(&"an empty answer"))?;
            answers.push((response.id, reply));
            begins += 4 + length;
        }
        self.received.drain(..begins);
        Ok(answers)
    }
}

/// Everybody opens their document at the keeper; what was granted is kept for [`Reporting`].
pub struct Opening<'a> {
    /// Who.
    pub crowd: &'a mut Crowd,
    /// Indexes of the grants.
    pub granted: &'a mut Vec<u64>,
    /// Nobody twice, and no more than this many.
    pub most: usize,
}

impl Asking for Opening<'_> {
    fn next(&mut self, now: Instant) -> Result<Turn, Problem> {
        if self.most == 0 {
            return Ok(Turn::Nothing);
        }
        let number = match self.crowd.next(now) {
            Next::Person(number) => number,
            Next::NotBefore(time) => return Ok(Turn::NotBefore(time)),
            Next::Spent => return Err(spent()),
        };
        self.most -= 1;
        let person = &self.crowd.people()[number];
        let item = TargetKind::Item(person.document.as_bytes().to_vec());
        let call = Call::Open(Open {
            token: person.token.to_vec(),
            purpose: Purpose::OwnRecord.into(),
            targets: vec![Target { kind: Some(item) }],
            network: person.network.clone(),
            ..Open::default()
        });
        Ok(Turn::Ask(number, call))
    }

    fn take(&mut self, number: usize, reply: Reply, now: Instant) -> Result<(), Problem> {
        self.crowd.done(number, now);
        let outcome = match reply {
            Reply::Opened(mut opened) => opened.answers.pop().and_then(|answer| answer.outcome),
            _ => None,
        };
        match outcome {
            Some(Outcome::Granted(granted)) if granted.items.len() == 1 => {
                self.granted.push(granted.index);
                Ok(())
            }
            other => Err(Problem::Unexpected(format!(
                "the keeper did not grant what it must: {}",
                match other {
                    Some(Outcome::Denied(refused)) => format!("reason {}", refused.reason),
                    _ => "another answer".to_owned(),
                }
            ))),
        }
    }
}

/// The same asked for at an even pace, whether what was asked before is answered or not.
pub struct Paced<A> {
    asking: A,
    every: Duration,
    due: Instant,
}

impl<A: Asking> Paced<A> {
    /// So many in each second, from now on.
    pub fn new(asking: A, per_second: u32) -> Self {
        Self {
            asking,
            every: Duration::from_secs(1) / per_second.max(1),
            due: Instant::now(),
        }
    }
}

impl<A: Asking> Asking for Paced<A> {
    fn next(&mut self, now: Instant) -> Result<Turn, Problem> {
        if now < self.due {
            return Ok(Turn::NotBefore(self.due));
        }
        let turn = self.asking.next(now)?;
        if let Turn::Ask(..) = turn {
            self.due += self.every;
        }
        Ok(turn)
    }

    fn take(&mut self, number: usize, reply: Reply, now: Instant) -> Result<(), Problem> {
        self.asking.take(number, reply, now)
    }

    fn asked(&self, _: Instant) -> Instant {
        self.due.checked_sub(self.every).unwrap_or(self.due)
    }
}

/// Reports grants as delivered, each in a call of its own.
pub struct Reporting<'a> {
    /// What was granted and not reported yet.
    pub granted: &'a mut Vec<u64>,
}

impl Asking for Reporting<'_> {
    fn next(&mut self, _: Instant) -> Result<Turn, Problem> {
        Ok(self.granted.pop().map_or(Turn::Nothing, |index| {
            let grants = vec![index];
            Turn::Ask(0, Call::Delivered(Delivered { grants }))
        }))
    }

    fn take(&mut self, _: usize, reply: Reply, _: Instant) -> Result<(), Problem> {
        match reply {
            Reply::Done(_) => Ok(()),
            _ => Err(broken(&"a delivery was not taken")),
        }
    }
}
