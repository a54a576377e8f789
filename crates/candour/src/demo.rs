//! `candour demo`: one command from nothing to a running demonstration.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use candour_embedded::Account;

use crate::configuration::DEFAULT_PORT;
use crate::data_folder::closed_to_others;
use crate::installation::Installation;
use crate::parts::Part;
use crate::people::{self, People};
use crate::terminal::say;
use crate::{Configuration, DataFolder, Problem, serve};

/// Where a demonstration lives when root starts it below a folder that the parts' accounts may not enter.
const OF_ROOT: &str = "/var/lib/candour/demo";

/// What may be said on the command line.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// The data directory.
    pub data: Option<PathBuf>,
    /// The first of five ports.
    pub port: Option<u16>,
}

/// Makes the data directory when it is new, starts everything, prints where it is, and serves until asked to end.
///
/// # Errors
/// When something is missing, taken or full; the text says what to do.
pub fn demo(wishes: &Wishes, started: Instant) -> Result<(), Problem> {
    let path = match &wishes.data {
        Some(path) => std::path::absolute(path).map_err(Problem::file("could not find", path))?,
        None => default_folder()?,
    };
    let (data, is_new) = DataFolder::open_or_create(&path)?;
    let configuration = configuration(&data, wishes.port)?;
    // Written only now: ports that are taken must not be what the next start tries.
    configuration.ports_come_free(if is_new { Duration::ZERO } else { serve::GRACE })?;
    configuration.write(data.path())?;
    if is_new {
        say(&format!(
            "Making a new demonstration in {} …",
            data.path().display()
        ))?;
    }
    let installation = Installation::prepare(data, configuration)?;
    serve::run(&installation, People::Demonstration, |parts| {
        announce(&installation, parts, started)
    })
}

/// What an earlier start wrote, moved to other ports when some are named.
fn configuration(data: &DataFolder, port: Option<u16>) -> Result<Configuration, Problem> {
    let file = data.path().join(crate::configuration::FILE);
    match (port, file.exists()) {
        (None, true) => Configuration::read(data.path()),
        (None, false) => Configuration::demonstration(DEFAULT_PORT),
        (Some(port), false) => Configuration::demonstration(port),
        (Some(port), true) => Configuration::read(data.path())?.moved_to(port),
    }
}

fn default_folder() -> Result<PathBuf, Problem> {
    let here = std::env::current_dir().map_err(|error| {
        Problem::Machine(format!("the current folder cannot be found: {error}"))
    })?;
    if Account::may_separate() && closed_to_others(&here).is_some() {
        return Ok(PathBuf::from(OF_ROOT));
    }
    Ok(here.join(".candour/demo"))
}

fn announce(installation: &Installation, parts: &[Part], started: Instant) -> Result<(), Problem> {
    let configuration = &installation.configuration;
    let seconds = started.elapsed().as_secs_f64();
    let mut lines = vec![
        String::new(),
        format!("Candour runs, {seconds:.1} s after it was started."),
        String::new(),
    ];
    for (part, title, address) in [
        ("portal", "portal", Some(configuration.portal)),
        ("room", "incident room", Some(configuration.room)),
        ("status", "status site", Some(configuration.status)),
        ("mailbox", "mail", configuration.mailbox_page),
    ] {
        if let Some(address) = address.filter(|_| parts.iter().any(|one| one.name == part)) {
            lines.push(format!("  {title:<15}http://localhost:{}", address.port()));
        }
    }
    lines.push(format!(
        "  {:<15}{}",
        "data",
        installation.data.path().display()
    ));
    lines.extend(people::lines(installation)?);
    lines.push(String::new());
    lines.push(if installation.accounts.are_separate() {
        "  Each part runs under its own account, and one PostgreSQL holds every database: keeper not isolated, for demonstration only.".to_owned()
    } else {
        "  Every part runs under your own account: keeper not isolated, for demonstration only.".to_owned()
    });
    lines.push(String::new());
    lines.push("  Ctrl-C ends everything.".to_owned());
    for line in lines {
        say(&line)?;
    }
    Ok(())
}
