//! Reading documents over HTTP: as little work as a client can do, because it shares the machine with what it measures.

use super::crowd::{Crowd, Next};
use super::order::Tally;
use super::people::is_document_of;
use crate::Problem;
use candour_embedded::secret::digits;
use futures_util::future::try_join_all;
use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Room for a head and a document.
const ROOM: usize = 96 * 1024;

/// What is asked for at which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    /// The portal: the answer is the document.
    Portal,
    /// The reference: the answer is the ciphertext, and longer than the document.
    Reference,
}

/// One connection that is kept open.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// Connections that wait for their load.
pub struct Readers {
    site: Site,
    connections: Vec<Connection>,
}

fn malformed(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

impl Connection {
    async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let buffer = vec![0; ROOM];
        Ok(Self { stream, buffer })
    }

    /// Sends a request and gives the status and body of the answer.
    async fn ask(&mut self, request: &[u8]) -> io::Result<(u16, &[u8])> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        let begins = loop {
            filled += self.read(filled).await?;
            let head = &self.buffer[..filled.min(8192)];
            if let Some(place) = head.windows(4).position(|four| four == b"\r\n\r\n") {
                break place + 4;
            }
        };
        let head = std::str::from_utf8(&self.buffer[..begins])
            .map_err(|_| malformed("the answer's head is no text"))?;
        let status = head
            .get(9..12)
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| malformed("the answer has no status"))?;
        let length: usize = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, value)| value.trim().parse().ok())
            .ok_or_else(|| malformed("the answer has no length"))?;
        let ends = begins + length;
        while filled < ends {
            filled += self.read(filled).await?;
        }
        let body = self.buffer.get(begins..ends);
        Ok((
            status,
            body.ok_or_else(|| malformed("the answer is too long"))?,
        ))
    }

    async fn read(&mut self, filled: usize) -> io::Result<usize> {
        match self.buffer.get_mut(filled..) {
            None | Some([]) => Err(malformed("the answer is too long")),
            Some(room) => match self.stream.read(room).await? {
                0 => Err(ErrorKind::UnexpectedEof.into()),
                length => Ok(length),
            },
        }
    }
}

impl Readers {
    /// Connects.
    ///
    /// # Errors
    /// When the server is not there.
    pub async fn connect(site: Site, address: SocketAddr, count: usize) -> Result<Self, Problem> {
        let connections = try_join_all((0..count).map(|_| Connection::open(address)))
            .await
            .map_err(|error| Problem::Unexpected(format!("no connection to {address}: {error}")))?;
        Ok(Self { site, connections })
    }

    /// Reads until the time is over.
    ///
    /// # Errors
    /// At the first answer that is not the document.
    pub async fn read(self, crowd: &RefCell<Crowd>, length: Duration) -> Result<Tally, Problem> {
        let begun = Instant::now();
        let ends = begun + length;
        let site = self.site;
        let loops = self
            .connections
            .into_iter()
            .map(|mut connection| async move {
                let mut micros = Vec::with_capacity(4096);
                while let Some(number) = somebody(site, crowd, ends).await? {
                    let asked = Instant::now();
                    visit(&mut connection, site, crowd, number).await?;
                    let answered = Instant::now();
                    if site == Site::Portal {
                        crowd.borrow_mut().done(number, answered);
                    }
                    let took = answered.duration_since(asked).as_micros();
                    micros.push(u32::try_from(took).unwrap_or(u32::MAX));
                }
                Ok::<_, Problem>(micros)
            });
        let micros = try_join_all(loops).await?.concat();
        let held = crowd.borrow_mut().take_held();
        Ok(Tally::of(micros, begun.elapsed().as_secs_f64(), held))
    }
}

/// Somebody who may read; `None` when the time is over.
async fn somebody(
    site: Site,
    crowd: &RefCell<Crowd>,
    ends: Instant,
) -> Result<Option<usize>, Problem> {
    loop {
        let now = Instant::now();
        if now >= ends {
            return Ok(None);
        }
        if site == Site::Reference {
            return Ok(Some(crowd.borrow_mut().anybody()));
        }
        let next = crowd.borrow_mut().next(now);
        match next {
            Next::Person(number) => return Ok(Some(number)),
            Next::NotBefore(time) => tokio::time::sleep_until(time.min(ends).into()).await,
            Next::Spent => return Err(spent()),
        }
    }
}

/// What to say when everybody has read enough.
pub(super) fn spent() -> Problem {
    Problem::Unexpected(
        "everybody has read as much as a patient may: measure with more --people, or for a shorter time".to_owned(),
    )
}

async fn visit(
    connection: &mut Connection,
    site: Site,
    crowd: &RefCell<Crowd>,
    number: usize,
) -> Result<(), Problem> {
    let request = {
        let crowd = crowd.borrow();
        let person = &crowd.people()[number];
        match site {
            Site::Portal => format!(
                "GET /documents/{} HTTP/1.1\r\nhost: localhost\r\nsec-fetch-site: same-origin\r\n\
                 x-forwarded-for: {}\r\ncookie: __Host-candour={}; __Host-candour-visit=patient\r\n\r\n",
                person.document,
                person.network,
                digits(&person.token),
            ),
            Site::Reference => {
                format!(
                    "GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n",
                    person.document
                )
            }
        }
    };
    let (status, body) = connection.ask(request.as_bytes()).await.map_err(|error| {
        Problem::Unexpected(format!("a document did not come over HTTP: {error}"))
    })?;
    let is_right = match site {
        Site::Portal => is_document_of(number, body),
        Site::Reference => body.len() > super::people::DOCUMENT_BYTES,
    };
    match status {
        200 if is_right => Ok(()),
        200 => Err(Problem::Unexpected(
            "the portal answered with something that is not the document".to_owned(),
        )),
        status => Err(Problem::Answer {
            what: "opening a document".to_owned(),
            status,
        }),
    }
}
