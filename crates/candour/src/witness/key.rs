//! A witness's own key: made at its first start, in a file that nobody else reads.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use candour_embedded::Secret;
use candour_ledger::WitnessSigner;
use zeroize::Zeroizing;

use crate::Problem;

const FILE: &str = "witness.key";

/// Reads the key of this folder, or makes one under this name. One line: the name, and 32 bytes in base64.
///
/// # Errors
/// When it cannot be read or made, others may read it, or it has another name than the one asked for.
pub fn read_or_make(folder: &Path, name: Option<&str>) -> Result<WitnessSigner, Problem> {
    let file = folder.join(FILE);
    if !file.exists() {
        make(&file, name)?;
    }
    let found = file
        .metadata()
        .map_err(Problem::file("could not look at", &file))?;
    if found.mode() & 0o077 != 0 {
        return Err(Problem::Machine(format!(
            "{} can be read by others: whoever has read it can cosign in this witness's name. Make a new one in an \
             empty directory, and give its verifier key to the logs. If you know that nobody has read it: chmod 600",
            file.display()
        )));
    }
    let text = fs::read_to_string(&file).map_err(Problem::file("could not read", &file))?;
    let text = Zeroizing::new(text);
    let signer = parse(&text).ok_or_else(|| {
        Problem::Machine(format!(
            "{} holds no witness key. Put the file back from where you keep a copy of it; without one, make a new key \
             in an empty directory and give its verifier key to the logs",
            file.display()
        ))
    })?;
    match name {
        Some(name) if name != signer.name() => Err(Problem::Machine(format!(
            "the key in {} is named {}. Leave --name out, or name another directory with --data",
            file.display(),
            signer.name()
        ))),
        _ => Ok(signer),
    }
}

fn parse(text: &str) -> Option<WitnessSigner> {
    let (name, seed) = text.trim_end().split_once(' ')?;
    let seed = Zeroizing::new(STANDARD.decode(seed).ok()?);
    WitnessSigner::from_seed(name, seed.as_slice().try_into().ok()?).ok()
}

fn make(file: &Path, name: Option<&str>) -> Result<(), Problem> {
    let seed = candour_embedded::secret::bytes::<32>(Secret::random()?.reveal())
        .ok_or_else(|| Problem::Machine("the system gave no random bytes".to_owned()))?;
    let made_up = || {
        let random = Secret::random()?;
        let few = random.reveal().get(..16).unwrap_or_default().to_owned();
        Ok::<_, Problem>(format!("witness.invalid/{few}"))
    };
    let name = name.map_or_else(made_up, |name| Ok(name.to_owned()))?;
    if WitnessSigner::from_seed(&name, &seed).is_err() {
        return Err(Problem::Machine(format!(
            "{name:?} is no name for a witness: it has spaces or plus signs, or is empty. Name another one with --name, \
             such as witness.example.org/w1"
        )));
    }
    let line = Zeroizing::new(format!("{name} {}\n", STANDARD.encode(seed.as_slice())));
    keep(file, line.as_bytes(), 0o600).map_err(Problem::file("could not write", file))
}

/// Writes a file durably, whole or not at all: once this returns, it is there after a power cut.
///
/// # Errors
/// When the system refuses any step.
pub fn keep(file: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let draft: PathBuf = file.with_extension("incoming");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut out = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&draft)?;
    out.write_all(content)?;
    out.sync_all()?;
    fs::rename(&draft, file)?;
    file.parent()
        .map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
}
