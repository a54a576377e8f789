//! The part that runs as the portal's user: deposits the marked documents, and learns which keys the portal was given.

use super::marked::Marked;
use crate::settle::{bytes_of, open_app};
use crate::{Problem, clock};
use candour_app::documents::{self, Deposit};
use candour_app::{App, Refusal};
use candour_keeper_api::Token;
use candour_keeper_api::wire::{Call, Open, Outcome, Reply, SectionOf, Target, TargetKind};
use candour_keeper_api::words::{Purpose, Section};
use candour_seal::{ItemId, PatientId};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Targets of one call.
const TOGETHER: usize = 32;

/// What the desk is to do.
#[derive(Serialize, Deserialize)]
pub struct Order {
    /// The installation's data directory.
    pub data: PathBuf,
    /// The token of a doctor's session, 64 hexadecimal digits.
    pub token: String,
    /// What to deposit.
    pub deposit: Vec<Marked>,
    /// Documents whose keys to ask for as well.
    pub ask: Vec<String>,
    /// Patients whose shelves' keys to ask for.
    pub shelves: Vec<String>,
}

/// What it did.
#[derive(Default, Serialize, Deserialize)]
pub struct Report {
    /// Keys of documents and of lines of shelves, hexadecimal.
    pub keys: Vec<String>,
    /// How many were asked for and refused.
    pub refused: usize,
}

/// Reads the order from standard input, does it, and writes its report to standard output.
///
/// # Errors
/// When something cannot be done.
pub async fn run() -> Result<(), Problem> {
    let mut line = String::new();
    let pipe = Path::new("standard input");
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(Problem::file("could not read", pipe))?;
    let order: Order = serde_json::from_str(&line).map_err(Problem::json(pipe))?;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let app = open_app(&order.data, "portal", &tasks, stop.clone())?;
    let report = work(&app, &order).await;
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    let text = serde_json::to_string(&report?).map_err(Problem::json(pipe))?;
    writeln!(std::io::stdout(), "{text}").map_err(Problem::file("could not write", pipe))
}

fn unreadable(what: &str) -> Problem {
    Problem::Unexpected(format!("{what} does not read"))
}

async fn work(app: &App, order: &Order) -> Result<Report, Problem> {
    let bytes = bytes_of(&order.token).ok_or_else(|| unreadable("a token"))?;
    let token = Token::from_bytes(&bytes).ok_or_else(|| unreadable("a token"))?;
    // As from the browser that signed in, which says nothing of itself: no other goes on with the session.
    let token = token.with_client("");
    let mut deposits = Vec::with_capacity(order.deposit.len());
    for marked in &order.deposit {
        deposits.push(Deposit {
            patient: marked
                .patient
                .parse()
                .map_err(|_| unreadable("a patient's id"))?,
            key: marked
                .once
                .parse()
                .map_err(|_| unreadable("a deposit key"))?,
            document: marked.document()?,
        });
    }
    let mut report = Report::default();
    let mut targets = Vec::new();
    for answer in documents::deposit(app, &token, deposits, clock::now()).await? {
        match answer {
            Ok(item) => targets.push(TargetKind::Item(item.as_bytes().to_vec())),
            Err(_) => report.refused += 1,
        }
    }
    for item in &order.ask {
        let item: ItemId = item.parse().map_err(|_| unreadable("a document's id"))?;
        targets.push(TargetKind::Item(item.as_bytes().to_vec()));
    }
    for patient in &order.shelves {
        let patient: PatientId = patient.parse().map_err(|_| unreadable("a patient's id"))?;
        targets.push(TargetKind::Section(SectionOf {
            patient: patient.as_bytes().to_vec(),
            section: Section::Shelf.into(),
        }));
    }
    for some in targets.chunks(TOGETHER) {
        ask(app, &token, some, &mut report).await?;
    }
    Ok(report)
}

async fn ask(
    app: &App,
    token: &Token,
    targets: &[TargetKind],
    report: &mut Report,
) -> Result<(), Problem> {
    let targets = targets
        .iter()
        .cloned()
        .map(|kind| Target { kind: Some(kind) });
    let call = Call::Open(Open {
        token: token.expose().to_vec(),
        purpose: Purpose::DirectCare.into(),
        targets: targets.collect(),
        network: "127.0.0.1".to_owned(),
        ..Open::default()
    });
    let Reply::Opened(opened) = app.keeper.call(call).await? else {
        return Err(Problem::refused("keys could not be asked for")(
            Refusal::Invalid,
        ));
    };
    for answer in opened.answers {
        match answer.outcome {
            Some(Outcome::Granted(granted)) => report.keys.extend(
                granted
                    .items
                    .iter()
                    .map(|item| base16ct::lower::encode_string(&item.key)),
            ),
            Some(Outcome::Denied(_)) | None => report.refused += 1,
        }
    }
    Ok(())
}
