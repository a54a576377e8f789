//! What a part reads at its start: the files that the supervisor handed out for it alone.

use std::fs;
use std::path::Path;

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
    let credential = bytes(&digits).ok_or_else(|| {
        Problem::Machine(format!(
            "secrets/{file} holds no credential; the supervisor writes it anew at its next start"
        ))
    })?;
    Ok(KeeperAddress {
        socket: data.join("run/keeper.sock"),
        credential,
    })
}

/// The portal's database and files, as the part of this name reaches them.
///
/// # Errors
/// When the file cannot be read by this process's account, or the folder of the files cannot be opened.
pub fn store(data: &Path, name: &str, connections: usize) -> Result<Store, Problem> {
    let line = database(data, name)?;
    let config = line.parse().map_err(|_| {
        Problem::Machine(format!("secrets/{name}.database is no connection string"))
    })?;
    Store::new(config, connections, objects(data)?)
        .map_err(|error| Problem::Machine(error.to_string()))
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

fn read(data: &Path, name: &str) -> Result<Zeroizing<String>, Problem> {
    let file = data.join("secrets").join(name);
    let text =
        Zeroizing::new(fs::read_to_string(&file).map_err(Problem::file("could not read", &file))?);
    Ok(Zeroizing::new(text.trim().to_owned()))
}

/// Hexadecimal digits as 32 bytes.
pub(crate) fn bytes(digits: &str) -> Option<Zeroizing<Vec<u8>>> {
    let pairs = digits.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> = pairs
        .map(|pair| {
            let pair = std::str::from_utf8(pair)
                .ok()
                .filter(|pair| pair.len() == 2)?;
            u8::from_str_radix(pair, 16).ok()
        })
        .collect();
    bytes.filter(|bytes| bytes.len() == 32).map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_thirty_two_bytes_in_hexadecimal() {
        assert_eq!(*bytes(&"0f".repeat(32)).unwrap(), [15; 32]);
        for wrong in ["", "0f", &"0".repeat(63), &"zz".repeat(32), &"ā".repeat(32)] {
            assert!(bytes(wrong).is_none(), "{wrong}");
        }
    }
}
