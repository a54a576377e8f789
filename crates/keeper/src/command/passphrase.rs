//! Passphrases and recovery sheets, typed and shown at a terminal.

use crate::checkpoint;
use crate::keys::Keys;
use crate::making::{self, MakeError};
use crate::practice::CommandError;
use crate::root::{COST, RootFile, SHORTEST, SealedRoot, TokenRoot, read, sheet};
use crate::token::{Fault, TokenTable, module, read_pin};
use crate::unlock;
use candour_seal::{RootKey, SystemRandom, Zeroizing};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::fs::OpenOptions;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

/// Groups of the sheet that are typed back, from 1.
const ASKED_BACK: [usize; 3] = [3, 8, 14];
/// What is asked for.
const PASSPHRASE: &str = "Passphrase of the root key";
const PIN: &str = "PIN of the token";

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
    #[error(
        "the root key's file is sealed already. To seal it by another passphrase: candour-keeper seal-root --again"
    )]
    Sealed,
    /// A token sealed it already.
    #[error(
        "a token seals the root key's file already. To seal it by a new key of that token: candour-keeper root-to-token \
         --again. By another token: type the recovery sheet, with --from-sheet"
    )]
    InToken,
    /// What was typed is not the sheet of this installation.
    #[error(
        "that is not the recovery sheet of this installation; nothing was changed. Begin again"
    )]
    OtherSheet,
    /// The token cannot be used.
    #[error("{0}. Nothing was changed")]
    Token(Fault),
    /// The keeper that waits says what is wrong.
    #[error("{0}")]
    Refused(String),
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
    let shown = tcgetattr(&input).ok();
    if let Some(shown) = &shown {
        let mut unseen: Termios = shown.clone();
        unseen.local_modes.remove(LocalModes::ECHO);
        // Before it is asked: whoever types fast shows nothing either.
        tcsetattr(&input, OptionalActions::Flush, &unseen)?;
    }
    let mut line = Zeroizing::new(String::new());
    let typed = write!(output, "{prompt}: ")
        .and_then(|()| output.flush())
        .and_then(|()| input.lock().read_line(&mut line));
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
        "Recovery sheet. Write it on paper and lock it away: with it and without passphrase or token the root"
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
    seal_again(path, root)
}

fn seal_again(path: &Path, root: &RootKey) -> Result<(), PassphraseError> {
    let passphrase = new_passphrase()?;
    let sealed = SealedRoot::seal(root, &passphrase, COST, &mut SystemRandom)?;
    replace(path, &sealed.to_text())
}

fn replace(path: &Path, text: &str) -> Result<(), PassphraseError> {
    let draft = path.with_extension("sealing");
    let how = &mut OpenOptions::new();
    making::keep(&draft, text.as_bytes(), how.create(true).truncate(true))?;
    std::fs::rename(&draft, path)?;
    if let Some(folder) = path.parent() {
        crate::checkpoint::sync_folder(folder)?;
    }
    Ok(())
}

/// Seals a file that holds the key in clear; or, where it is to be sealed again, one that a passphrase or token opens.
/// The key stays the same, and so does its sheet.
pub(super) fn seal_file(
    path: &Path,
    is_again: bool,
    table: impl FnOnce() -> Result<TokenTable, Fault>,
) -> Result<(), PassphraseError> {
    match read(path)? {
        RootFile::Open(root) => seal_into(path, &root)?,
        _ if !is_again => return Err(PassphraseError::Sealed),
        RootFile::Sealed(sealed) => seal_again(path, &opened(&sealed)?)?,
        RootFile::Token(sealed) => {
            let table = table().map_err(PassphraseError::Token)?;
            seal_again(path, &of_token(&table, &sealed)?)?;
        }
    }
    writeln!(
        io::stdout(),
        "Sealed. From its next start the keeper opens nothing before you type the passphrase: candour-keeper unlock.\n\
         The disk may still hold the old file's blocks, and so may copies that you made: destroy those."
    )?;
    Ok(())
}

/// Seals the file by a new key in a token.
pub(super) fn to_token(
    path: &Path,
    table: &TokenTable,
    (from_sheet, is_again): (bool, bool),
) -> Result<(), PassphraseError> {
    let root = if from_sheet {
        typed_sheet(path)?
    } else {
        let root = match read(path)? {
            RootFile::Open(root) => root,
            RootFile::Sealed(sealed) => opened(&sealed)?,
            // Whoever put it there had its sheet.
            RootFile::Token(sealed) if is_again => {
                return sealed_by(path, table, &of_token(table, &sealed)?);
            }
            RootFile::Token(_) => return Err(PassphraseError::InToken),
        };
        confirm_sheet(&root)?;
        root
    };
    sealed_by(path, table, &root)
}

/// Seals the root key by a new key in the token and puts that in its place.
fn sealed_by(path: &Path, table: &TokenTable, root: &RootKey) -> Result<(), PassphraseError> {
    let pin = hidden(PIN)?;
    let sealed = module::seal(table, &pin, root, &mut SystemRandom);
    let sealed = sealed.map_err(PassphraseError::Token)?;
    replace(path, &sealed.to_text())?;
    writeln!(
        io::stdout(),
        "Sealed by the token with the serial number {}. From its next start the keeper opens nothing without it.\n\
         The disk may still hold the old file's blocks, and so may copies that you made: destroy those.",
        sealed.serial
    )?;
    Ok(())
}

/// The sheet typed anew. The newest checkpoint shows whether it is this installation's: a typing error seals nothing.
fn typed_sheet(path: &Path) -> Result<RootKey, PassphraseError> {
    let typed = hidden("The 16 groups of the recovery sheet, in one line")?;
    let digits: Zeroizing<String> = Zeroizing::new(typed.split_ascii_whitespace().collect());
    let root = making::parse_root(&digits).map_err(|_| PassphraseError::OtherSheet)?;
    let keys = Keys::new(root.clone()).map_err(|_| PassphraseError::OtherSheet)?;
    if checkpoint::was_signed_by(path.parent().unwrap_or(path), &keys)? {
        Ok(root)
    } else {
        Err(PassphraseError::OtherSheet)
    }
}

/// The root key that a token seals, for a command that a person runs.
pub(super) fn of_token(table: &TokenTable, sealed: &TokenRoot) -> Result<RootKey, PassphraseError> {
    let pin = match &table.pin_file {
        Some(file) => read_pin(file).map_err(PassphraseError::Token)?,
        None => hidden(PIN)?,
    };
    module::open(table, sealed, pin).map_err(PassphraseError::Token)
}

/// The root key of an installation that is being made: a new one, sealed, or that of an earlier try.
pub(super) fn sealed_root(path: &Path) -> Result<RootKey, PassphraseError> {
    if path.exists() {
        return match read(path)? {
            RootFile::Sealed(sealed) => opened(&sealed),
            RootFile::Open(root) => seal_into(path, &root).map(|()| root),
            RootFile::Token(_) => Err(PassphraseError::InToken),
        };
    }
    let root = RootKey::generate(&mut SystemRandom);
    seal_into(path, &root)?;
    Ok(root)
}

/// Asks for the passphrase of a sealed key.
pub(super) fn opened(sealed: &SealedRoot) -> Result<RootKey, PassphraseError> {
    let passphrase = hidden(PASSPHRASE)?;
    sealed.open(&passphrase).ok_or(PassphraseError::Wrong)
}

/// Asks for the passphrase or PIN and gives it to the keeper that waits.
pub(super) async fn unlock(data: &Path, path: &Path) -> Result<(), PassphraseError> {
    let typed = hidden(match read(path)? {
        RootFile::Token(_) => PIN,
        RootFile::Open(_) | RootFile::Sealed(_) => PASSPHRASE,
    })?;
    let fits = unlock::unlock(data, &typed).await;
    let fits = fits.map_err(|error| match error {
        CommandError::Trouble(trouble) => PassphraseError::Refused(trouble),
        error => PassphraseError::NoneWaits(error),
    })?;
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
