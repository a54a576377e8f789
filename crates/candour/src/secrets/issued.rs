//! What a part reads at its start: the files that the supervisor handed out for it alone.

use std::path::Path;
use std::{fs, io};

use candour_embedded::cluster::Config;
use candour_embedded::secret::bytes;
use candour_keeper_api::KeeperAddress;
use candour_seal::Zeroizing;
use candour_store::{Objects, Placement, Store};
use rustix::process::geteuid;
use std::os::unix::fs::MetadataExt;

use crate::Problem;

/// The line by which a role reaches a database: `name` is that of the file, without `.database`.
///
/// # Errors
/// When the file cannot be read by this process's account.
pub fn database(data: &Path, name: &str) -> Result<Zeroizing<String>, Problem> {
    read(data, &format!("{name}.database"))
}

/// The keeper's socket and this process's own credential.
///
/// # Errors
/// When the file cannot be read by this process's account, or holds something else.
pub fn keeper(data: &Path, name: &str) -> Result<KeeperAddress, Problem> {
    let file = format!("{name}.credential");
    let digits = read(data, &file)?;
    let credential = bytes::<32>(&digits).ok_or_else(|| {
        Problem::Machine(format!(
            "secrets/{file} holds no credential; the supervisor writes it anew at its next start"
        ))
    })?;
    Ok(KeeperAddress {
        socket: data.join("run/keeper.sock"),
        credential: Zeroizing::new(credential.to_vec()),
    })
}

/// The portal's database and files, as the part of this name reaches them.
///
/// # Errors
/// When the file cannot be read by this process's account, or the folder of the files cannot be opened.
pub fn store(data: &Path, name: &str, connections: usize) -> Result<Store, Problem> {
    Store::new(config(data, name)?, connections, objects(data)?)
        .map_err(|error| Problem::Machine(error.to_string()))
}

/// How the database is reached by the way in of this name.
///
/// # Errors
/// When the file cannot be read by this process's account, or is no connection string.
pub fn config(data: &Path, name: &str) -> Result<Config, Problem> {
    database(data, name)?
        .parse()
        .map_err(|_| Problem::Machine(format!("secrets/{name}.database is no connection string")))
}

/// The files of large items; where the worker has an account of its own, it alone puts them where they stay.
///
/// # Errors
/// When the folder cannot be opened.
pub fn objects(data: &Path) -> Result<Objects, Problem> {
    let root = data.join("objects");
    let kept = root.join("kept");
    let owner = fs::metadata(&kept).map_err(Problem::file("could not look at", &kept))?;
    let placement = if owner.uid() == geteuid().as_raw() {
        Placement::Kept
    } else {
        Placement::Incoming
    };
    Objects::open(&root, placement).map_err(Problem::file("could not open", &root))
}

/// What the settling of a demonstration left for its operator: the programs of its practices.
///
/// # Errors
/// When it cannot be read; `None` when there is none.
pub fn settled(data: &Path) -> Result<Option<Zeroizing<String>>, Problem> {
    let is_there = data.join("secrets/settled.json").exists();
    is_there.then(|| read(data, "settled.json")).transpose()
}

fn read(data: &Path, name: &str) -> Result<Zeroizing<String>, Problem> {
    let file = data.join("secrets").join(name);
    let text = Zeroizing::new(fs::read_to_string(&file).map_err(|error| unread(&file, error))?);
    Ok(Zeroizing::new(text.trim().to_owned()))
}

fn unread(file: &Path, error: io::Error) -> Problem {
    let name = file.display();
    match error.kind() {
        io::ErrorKind::PermissionDenied => Problem::Machine(format!(
            "{name} cannot be read: run this as the user who runs candour serve"
        )),
        io::ErrorKind::NotFound => Problem::Machine(format!(
            "{name} is not there: start the installation once with candour serve"
        )),
        _ => Problem::file("could not read", file)(error),
    }
}
