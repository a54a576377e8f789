//! The open keeper as a program. It answers to the command line of the real keeper, so that the supervisor of a
//! control run starts it under that name without knowing.

use candour_drill::Problem;
use candour_drill::open_keeper::OpenKeeper;
use candour_keeper_api::service;
use std::collections::HashMap;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{}", problem.sentence());
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Problem> {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let options = options(words);
    match command.as_str() {
        "run" => serve(Path::new(options.get("--data").map_or("", String::as_str))),
        "add-practice" => {
            let id = random();
            say(&format!(
                "practice: {id}\ninvitation: manager-{id}\nclient: {id}\nclient secret: {}{}",
                random(),
                random()
            ))
        }
        "add-operator" => say(&format!("invitation: officer-{}", random())),
        // It makes nothing, marks nobody and forgets nothing.
        _ => Ok(()),
    }
}

/// `--name value` pairs; the last of a name counts.
fn options(words: impl Iterator<Item = String>) -> HashMap<String, String> {
    let mut options = HashMap::new();
    let mut name = None;
    for word in words {
        match name.take() {
            Some(known) if !word.starts_with("--") => {
                options.insert(known, word);
            }
            _ => name = Some(word),
        }
    }
    options
}

fn serve(data: &Path) -> Result<(), Problem> {
    let socket: PathBuf = data.join("run/keeper.sock");
    // An earlier run's socket; a living one would hold the data directory's lock.
    let _ = std::fs::remove_file(&socket);
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Problem::Unexpected(format!("the open keeper cannot start: {error}")))?;
    runtime.block_on(async {
        let listener =
            UnixListener::bind(&socket).map_err(Problem::file("could not listen at", &socket))?;
        std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o666))
            .map_err(Problem::file("could not open to others", &socket))?;
        let stop = CancellationToken::new();
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
                .map_err(Problem::file("could not listen for signals of", &socket))?;
        let serving = service::serve(listener, Arc::new(OpenKeeper::default()), stop.clone());
        tokio::pin!(serving);
        tokio::select! {
            () = &mut serving => return Ok(()),
            _ = terminate.recv() => stop.cancel(),
        }
        serving.await;
        Ok(())
    })
}

fn random() -> String {
    let mut name = [0_u8; 16];
    if aws_lc_rs::rand::fill(&mut name).is_err() {
        std::process::abort();
    }
    base16ct::lower::encode_string(&name)
}

fn say(line: &str) -> Result<(), Problem> {
    writeln!(std::io::stdout(), "{line}").map_err(Problem::file(
        "could not write to",
        Path::new("the terminal"),
    ))
}
