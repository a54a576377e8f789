//! The hand: the process that reads. It runs under the portal's account, because the keeper answers that account, and
//! apart from the bench, so that its own work is told from the installation's.

use super::crowd::Crowd;
use super::http::{Readers, Site};
use super::order::{Ask, Load, Preparation, Said, Tally, Work};
use super::people;
use super::socket::{Opening, Paced, Reporting, Socket};
use crate::Problem;
use crate::settle::credential_of;
use std::cell::RefCell;
use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Duration;

/// Longer than any warming takes.
const WARMING: Duration = Duration::from_mins(2);

/// Does what it is asked on standard input, line by line, until that ends.
///
/// # Errors
/// What went wrong; it was said as well.
pub fn run() -> Result<(), Problem> {
    // One thread: a second one would take from what is measured, and the answers need none.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::Unexpected(format!("the hand cannot start: {error}")))?;
    let outcome = runtime.block_on(work());
    if let Err(problem) = &outcome {
        say(&Said::Failed(problem.sentence()))?;
    }
    outcome
}

struct Hand {
    order: Preparation,
    crowd: RefCell<Crowd>,
    socket: Socket,
    granted: Vec<u64>,
}

async fn work() -> Result<(), Problem> {
    let Some(Ask::Prepare(order)) = asked()? else {
        return Err(out_of_turn());
    };
    let (people, verifier_key) = people::prepare(&order).await?;
    let crowd = RefCell::new(Crowd::new(people));
    let credential = credential_of(&order.data, "portal")?;
    let mut hand = Hand {
        socket: Socket::connect(&order.data, credential).await?,
        granted: Vec::new(),
        crowd,
        order,
    };
    say(&Said::Prepared(verifier_key))?;
    while let Some(ask) = asked()? {
        match ask {
            Ask::Warm => {
                hand.warm().await?;
                say(&Said::Warm)?;
            }
            Ask::Size => {
                let status = hand.socket.status().await?;
                say(&Said::Size(status.ledger_size))?;
            }
            Ask::WaitForKeeper => {
                hand.socket = Socket::to_writing_keeper(&hand.order.data, WARMING).await?;
                say(&Said::Back)?;
            }
            Ask::Load(load) => say(&Said::Done(hand.load(load).await?))?,
            Ask::Prepare(_) | Ask::Go => return Err(out_of_turn()),
        }
    }
    Ok(())
}

impl Hand {
    async fn warm(&mut self) -> Result<(), Problem> {
        let most = self.order.people;
        self.grant(most, 64, WARMING, None).await.map(drop)
    }

    async fn grant(
        &mut self,
        most: usize,
        in_flight: usize,
        length: Duration,
        per_second: Option<u32>,
    ) -> Result<Tally, Problem> {
        self.granted.clear();
        let crowd = self.crowd.get_mut();
        let mut opening = Opening {
            crowd: &mut *crowd,
            granted: &mut self.granted,
            most,
        };
        let tally = match per_second {
            None => self.socket.load(&mut opening, in_flight, length).await?,
            Some(per_second) => {
                let mut paced = Paced::new(opening, per_second);
                self.socket.load(&mut paced, in_flight, length).await?
            }
        };
        let held = crowd.take_held();
        Ok(Tally { held, ..tally })
    }

    async fn load(&mut self, load: Load) -> Result<Tally, Problem> {
        let length = Duration::from_millis(load.milliseconds);
        let (site, address) = match load.work {
            Work::Open => (Site::Portal, self.order.portal),
            Work::ReferenceRead => (Site::Reference, self.order.reference),
            Work::Grant => {
                begin()?;
                let (most, at_once) = (usize::MAX, load.connections);
                return self.grant(most, at_once, length, load.per_second).await;
            }
            Work::Append => {
                begin()?;
                let granted = &mut self.granted;
                let mut reporting = Reporting { granted };
                let socket = &mut self.socket;
                return socket.load(&mut reporting, load.connections, length).await;
            }
        };
        let readers = Readers::connect(site, address, load.connections).await?;
        begin()?;
        readers.read(&self.crowd, length).await
    }
}

/// Says that the load may begin, and waits until it is to.
fn begin() -> Result<(), Problem> {
    say(&Said::Ready)?;
    match asked()? {
        Some(Ask::Go) => Ok(()),
        _ => Err(out_of_turn()),
    }
}

fn out_of_turn() -> Problem {
    Problem::Unexpected("the hand was asked out of turn".to_owned())
}

fn asked() -> Result<Option<Ask>, Problem> {
    let place = Path::new("standard input");
    let mut line = String::new();
    let length = std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(Problem::file("could not read", place))?;
    if length == 0 {
        return Ok(None);
    }
    serde_json::from_str(&line)
        .map(Some)
        .map_err(Problem::json(place))
}

fn say(said: &Said) -> Result<(), Problem> {
    let place = Path::new("standard output");
    let text = serde_json::to_string(said).map_err(Problem::json(place))?;
    let mut output = std::io::stdout().lock();
    writeln!(output, "{text}")
        .and_then(|()| output.flush())
        .map_err(Problem::file("could not write to", place))
}
