//! Passphrases and recovery sheets, typed and shown at a terminal.

use crate::making::{self, MakeError};
use crate::practice::CommandError;
use crate::root::{COST, RootFile, SHORTEST, SealedRoot, read, sheet};
use crate::unlock;
use candour_seal::{RootKey, SystemRandom, Zeroizing};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::fs::OpenOptions;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

/// Groups of the sheet that are typed back, from 1.
const ASKED_BACK: [usize; 3] = [3, 8, 14];

/// Why a passphrase or sheet came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum PassphraseError {
    /// It cannot be read or written.
    #[error("the terminal cannot be used")]
    Terminal(#[from] io::Error),
    /// A sheet is shown to a person and to nothing that keeps it.
    #[error("run this at a terminal: the recovery sheet is shown there and nowhere else")]
    NoTerminal,
    /// Too short.
    #[error(
        "a passphrase has at least {SHORTEST} characters: five or six words that nobody would put together"
    )]
    Short,
    /// The second time it was another.
    #[error("the two passphrases differ; nothing was changed")]
    Differs,
    /// It does not fit.
    #[error("the passphrase does not fit. Try again; nothing was opened")]
    Wrong,
    /// The sheet was not copied.
    #[error("that is not what the recovery sheet says; nothing was changed. Begin again")]
    Sheet,
    /// It is sealed already.
    #[error("the root key's file is sealed already")]
    Sealed,
    /// The file fails.
    #[error(transparent)]
    File(#[from] MakeError),
    /// No sealed keeper waits.
    #[error("no sealed keeper waits for a passphrase here; is it running, and is this its user?")]
    NoneWaits(#[source] CommandError),
}

/// Typed without being shown, where it is a terminal.
fn hidden(prompt: &str) -> io::Result<Zeroizing<String>> {
    let (input, mut output) = (io::stdin(), io::stdout());
    write!(output, "{prompt}: ")?;
    output.flush()?;
    let shown = tcgetattr(&input).ok();
    if let Some(shown) = &shown {
        let mut unseen: Termios = shown.clone();
        unseen.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&input, OptionalActions::Flush, &unseen)?;
    }
    let mut line = Zeroizing::new(String::new());
    let typed = input.lock().read_line(&mut line);
    if let Some(shown) = &shown {
        tcsetattr(&input, OptionalActions::Flush, shown)?;
        writeln!(output)?;
    }
    typed?;
    Ok(Zeroizing::new(line.trim().to_owned()))
}

fn new_passphrase() -> Result<Zeroizing<String>, PassphraseError> {
    let passphrase = hidden("New passphrase of the root key")?;
    if passphrase.chars().count() < SHORTEST {
        return Err(PassphraseError::Short);
    }
    if *hidden("The same again")? != *passphrase {
        return Err(PassphraseError::Differs);
    }
    Ok(passphrase)
}

/// Shows the sheet and asks some of it back: a sheet that nobody wrote down is none.
fn confirm_sheet(root: &RootKey) -> Result<(), PassphraseError> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(PassphraseError::NoTerminal);
    }
    let (groups, mut output) = (sheet(root), io::stdout());
    writeln!(
        output,
        "Recovery sheet. Write it on paper and lock it away: with it and without the passphrase the root"
    )?;
    writeln!(
        output,
        "key can be made again; without both, nothing in this installation can ever be read."
    )?;
    for (number, group) in (1..).zip(groups.iter()) {
        writeln!(output, "{number:>4}  {group}")?;
    }
    for asked in ASKED_BACK {
        write!(output, "Group {asked} of what you wrote: ")?;
        output.flush()?;
        let mut line = Zeroizing::new(String::new());
        io::stdin().lock().read_line(&mut line)?;
        if line.trim().to_lowercase() != groups[asked - 1] {
            return Err(PassphraseError::Sheet);
        }
    }
    Ok(())
}

fn seal_into(path: &Path, root: &RootKey) -> Result<(), PassphraseError> {
    confirm_sheet(root)?;
    let passphrase = new_passphrase()?;
    let sealed = SealedRoot::seal(root, &passphrase, COST, &mut SystemRandom)?;
    let draft = path.with_extension("sealing");
    let how = &mut OpenOptions::new();
    making::keep(
        &draft,
        sealed.to_text().as_bytes(),
        how.create(true).truncate(true),
    )?;
    std::fs::rename(&draft, path)?;
    if let Some(folder) = path.parent() {
        crate::checkpoint::sync_folder(folder)?;
    }
    Ok(())
}

/// Seals a file that holds the key in clear.
pub(super) fn seal_file(path: &Path) -> Result<(), PassphraseError> {
    let RootFile::Open(root) = read(path)? else {
        return Err(PassphraseError::Sealed);
    };
    seal_into(path, &root)?;
    writeln!(
        io::stdout(),
        "Sealed. From its next start the keeper opens nothing before you type the passphrase: candour-keeper unlock.\n\
         The disk may still hold the old file's blocks, and so may copies that you made: destroy those."
    )?;
    Ok(())
}

/// The root key of an installation that is being made: a new one, sealed, or that of an earlier try.
pub(super) fn sealed_root(path: &Path) -> Result<RootKey, PassphraseError> {
    if path.exists() {
        return match read(path)? {
            RootFile::Sealed(sealed) => opened(&sealed),
            RootFile::Open(root) => seal_into(path, &root).map(|()| root),
        };
    }
    let root = RootKey::generate(&mut SystemRandom);
    seal_into(path, &root)?;
    Ok(root)
}

/// Asks for the passphrase of a sealed key.
pub(super) fn opened(sealed: &SealedRoot) -> Result<RootKey, PassphraseError> {
    let passphrase = hidden("Passphrase of the root key")?;
    sealed.open(&passphrase).ok_or(PassphraseError::Wrong)
}

/// Asks for the passphrase and gives it to the keeper that waits.
pub(super) async fn unlock(data: &Path) -> Result<(), PassphraseError> {
    let passphrase = hidden("Passphrase of the root key")?;
    let fits = unlock::unlock(data, &passphrase)
        .await
        .map_err(PassphraseError::NoneWaits)?;
    if !fits {
        return Err(PassphraseError::Wrong);
    }
    writeln!(io::stdout(), "The keeper is open.")?;
    Ok(())
}

/// The two operators' codes of a new installation, to be given to two people.
pub(super) fn print_codes(codes: &[String; 2]) -> Result<(), PassphraseError> {
    for (number, code) in (1..).zip(codes) {
        writeln!(io::stdout(), "Recovery code of operator {number}: {code}")?;
    }
    Ok(())
}
