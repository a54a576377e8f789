//! The file: who may open it, then one sealed stream of entries. Byte for byte: `docs/formats/backup.md`.

use std::io::{self, Read, Write};

use candour_seal::{Digest, Digester, ItemKey, OpenError, Opener, Sealer, SystemRandom, Zeroizing};

use super::key::{BackupKey, BackupSeal, SEALED_KEY};

/// The version of the format that this program writes and reads.
pub const VERSION: u32 = 1;

const WORD: &str = "candour-backup ";
const CONTEXT: &[u8] = b"candour/v1/backup";
const MOST_RECIPIENTS: usize = 16;
/// No entry has a longer name, in bytes: the writer refuses it as the reader does.
pub const LONGEST_NAME: usize = 512;
const LONGEST_PIECE: usize = 1 << 20;
const STEP: usize = 64 * 1024;

/// Why an archive does not read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The file cannot be read.
    #[error("the backup cannot be read")]
    Io(#[from] io::Error),
    /// It begins with something else.
    #[error("it is not a backup")]
    NotABackup,
    /// It has a version that is not known yet.
    #[error("it has version {0}")]
    Newer(u32),
    /// The key opens other backups.
    #[error("the key does not open it")]
    WrongKey,
    /// Altered or cut short, near this byte.
    #[error("it is altered or cut short near byte {0}")]
    Damaged(u64),
}

/// Writes an archive.
pub struct Writer<W: Write> {
    out: W,
    sealer: Sealer,
    sealed: Vec<u8>,
    digester: Digester,
}

impl<W: Write> Writer<W> {
    /// Begins an archive.
    ///
    /// # Errors
    /// When it cannot be written, or a recipient's key is no key.
    pub fn begin(mut out: W, seal: &BackupSeal) -> io::Result<Self> {
        let (key, recipients) = seal
            .draw()
            .ok_or_else(|| io::Error::other("a recipient's key cannot be used"))?;
        let head = head(&recipients);
        out.write_all(&head)?;
        Ok(Self {
            out,
            sealer: Sealer::new(&key, &context(&head), &mut SystemRandom),
            sealed: Vec::with_capacity(2 * STEP),
            digester: Digester::new(),
        })
    }

    /// Begins an entry.
    ///
    /// # Errors
    /// When it cannot be written, or the name is longer than [`LONGEST_NAME`].
    pub fn entry(&mut self, name: &str, mode: u32) -> io::Result<()> {
        if name.len() > LONGEST_NAME {
            return Err(io::Error::other("the name of an entry is too long"));
        }
        let length = u16::try_from(name.len()).map_err(io::Error::other)?;
        self.digester = Digester::new();
        self.put(&length.to_be_bytes())?;
        self.put(name.as_bytes())?;
        self.put(&mode.to_be_bytes())
    }

    /// Adds to the entry that was begun.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn push(&mut self, content: &[u8]) -> io::Result<()> {
        for piece in content.chunks(LONGEST_PIECE) {
            self.digester.push(piece);
            self.put(&u32::try_from(piece.len()).unwrap_or(0).to_be_bytes())?;
            self.put(piece)?;
        }
        Ok(())
    }

    /// Ends the entry that was begun.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn close(&mut self) -> io::Result<()> {
        let digest = self.digester.clone().finish();
        self.put(&[0; 4])?;
        self.put(digest.as_bytes())
    }

    /// Ends the archive; without it, it counts as cut short.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.sealer.finish(&mut self.sealed);
        self.out.write_all(&self.sealed)?;
        Ok(self.out)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sealer.push(bytes, &mut self.sealed);
        if self.sealed.len() >= STEP {
            self.out.write_all(&self.sealed)?;
            self.sealed.clear();
        }
        Ok(())
    }
}

/// The clear beginning: version, and the content key sealed for each recipient.
fn head(recipients: &[Vec<u8>]) -> Vec<u8> {
    let mut head = format!("{WORD}{VERSION}\n").into_bytes();
    head.push(u8::try_from(recipients.len()).unwrap_or(0));
    head.extend(recipients.iter().flatten());
    head
}

/// The sealed stream opens only behind the very head it was sealed with.
fn context(head: &[u8]) -> Vec<u8> {
    [CONTEXT, Digest::of(head).as_bytes()].concat()
}

/// Reads an archive; what it gives is authentic, and complete once [`Reader::next_entry`] gave `None`.
pub struct Reader<R: Read> {
    from: R,
    at: u64,
    opener: Option<Opener>,
    sealed: Vec<u8>,
    plain: Zeroizing<Vec<u8>>,
    used: usize,
    digester: Digester,
    in_entry: bool,
}

/// An entry: its name, and the mode of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub name: String,
    /// The permission bits of a file; 0 elsewhere.
    pub mode: u32,
}

impl<R: Read> Reader<R> {
    /// Begins to read.
    ///
    /// # Errors
    /// When it is no backup, a newer one, or the key does not open it.
    pub fn begin(mut from: R, key: &BackupKey) -> Result<Self, ArchiveError> {
        let version = version(&mut from)?;
        if version != VERSION {
            return Err(ArchiveError::Newer(version));
        }
        let recipients = recipients(&mut from)?;
        let head = head(&recipients);
        let key: ItemKey = key.open(&recipients).ok_or(ArchiveError::WrongKey)?;
        let mut reader = Self {
            from,
            at: head.len() as u64,
            opener: Some(Opener::new(&key, &context(&head))),
            sealed: vec![0; STEP],
            plain: Zeroizing::new(Vec::with_capacity(2 * STEP)),
            used: 0,
            digester: Digester::new(),
            in_entry: false,
        };
        // The key is known to fit before anybody asks for an entry.
        reader.more()?;
        Ok(reader)
    }

    /// The next entry; the content of the one before is passed over. `None` at the true end.
    ///
    /// # Errors
    /// When the file cannot be read, or is altered or cut short.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, ArchiveError> {
        while self.in_entry {
            self.piece(&mut Vec::new())?;
        }
        while self.available() == 0 {
            if self.opener.is_none() {
                return Ok(None);
            }
            self.more()?;
        }
        let length = usize::from(u16::from_be_bytes(self.fixed()?));
        if length > LONGEST_NAME {
            return Err(ArchiveError::Damaged(self.at));
        }
        let mut name = vec![0; length];
        self.exactly(&mut name)?;
        let name = String::from_utf8(name).map_err(|_| ArchiveError::Damaged(self.at))?;
        let mode = u32::from_be_bytes(self.fixed()?);
        self.digester = Digester::new();
        self.in_entry = true;
        Ok(Some(Entry { name, mode }))
    }

    /// The next piece of the entry's content, in place of what was in `out`; false at its end.
    ///
    /// # Errors
    /// As [`Reader::next_entry`].
    pub fn piece(&mut self, out: &mut Vec<u8>) -> Result<bool, ArchiveError> {
        out.clear();
        if !self.in_entry {
            return Ok(false);
        }
        let length = u32::from_be_bytes(self.fixed()?) as usize;
        if length > LONGEST_PIECE {
            return Err(ArchiveError::Damaged(self.at));
        }
        if length > 0 {
            out.resize(length, 0);
            self.exactly(out)?;
            self.digester.push(out);
            return Ok(true);
        }
        self.in_entry = false;
        let stated: [u8; 32] = self.fixed()?;
        if self.digester.clone().finish() != Digest::from_bytes(stated) {
            return Err(ArchiveError::Damaged(self.at));
        }
        Ok(false)
    }

    /// The whole content of a small entry.
    ///
    /// # Errors
    /// As [`Reader::next_entry`]; also when it is longer than `most` bytes.
    pub fn whole(&mut self, most: usize) -> Result<Zeroizing<Vec<u8>>, ArchiveError> {
        let mut whole = Zeroizing::new(Vec::new());
        let mut piece = Zeroizing::new(Vec::new());
        while self.piece(&mut piece)? {
            if whole.len() + piece.len() > most {
                return Err(ArchiveError::Damaged(self.at));
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    }

    fn available(&self) -> usize {
        self.plain.len() - self.used
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], ArchiveError> {
        let mut bytes = [0; N];
        self.exactly(&mut bytes)?;
        Ok(bytes)
    }

    fn exactly(&mut self, mut out: &mut [u8]) -> Result<(), ArchiveError> {
        while !out.is_empty() {
            if self.available() == 0 {
                if self.opener.is_none() {
                    return Err(ArchiveError::Damaged(self.at));
                }
                self.more()?;
                continue;
            }
            let count = self.available().min(out.len());
            let (head, rest) = out.split_at_mut(count);
            head.copy_from_slice(&self.plain[self.used..self.used + count]);
            self.used += count;
            out = rest;
        }
        Ok(())
    }

    /// Opens the next bytes of the file; at its end, opens the last chunk.
    fn more(&mut self) -> Result<(), ArchiveError> {
        let Some(mut opener) = self.opener.take() else {
            return Ok(());
        };
        self.plain.clear();
        self.used = 0;
        let count = read_some(&mut self.from, &mut self.sealed)?;
        let opened = if count == 0 {
            opener.finish(&mut self.plain)
        } else {
            self.at += count as u64;
            let opened = opener.push(&self.sealed[..count], &mut self.plain);
            self.opener = Some(opener);
            opened
        };
        opened.map_err(|error| match error {
            OpenError::Key => ArchiveError::WrongKey,
            _ => ArchiveError::Damaged(self.at),
        })
    }
}

/// The content of the entry that was begun, as a stream.
pub struct Content<'a, R: Read> {
    reader: &'a mut Reader<R>,
    piece: Zeroizing<Vec<u8>>,
    used: usize,
    /// Why it broke off, if it did.
    pub failure: Option<ArchiveError>,
}

impl<'a, R: Read> Content<'a, R> {
    /// Of the entry that [`Reader::next_entry`] gave last.
    pub fn of(reader: &'a mut Reader<R>) -> Self {
        Self {
            reader,
            piece: Zeroizing::new(Vec::new()),
            used: 0,
            failure: None,
        }
    }
}

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.used == self.piece.len() {
            self.used = 0;
            match self.reader.piece(&mut self.piece) {
                Ok(true) => {}
                Ok(false) => return Ok(0),
                Err(failure) => {
                    self.failure = Some(failure);
                    return Err(io::Error::other("the backup broke off"));
                }
            }
        }
        let count = out.len().min(self.piece.len() - self.used);
        out[..count].copy_from_slice(&self.piece[self.used..self.used + count]);
        self.used += count;
        Ok(count)
    }
}

fn version(from: &mut impl Read) -> Result<u32, ArchiveError> {
    let mut word = [0; WORD.len()];
    from.read_exact(&mut word)
        .map_err(|_| ArchiveError::NotABackup)?;
    if word != WORD.as_bytes() {
        return Err(ArchiveError::NotABackup);
    }
    let mut number = String::new();
    loop {
        let mut byte = [0];
        from.read_exact(&mut byte)
            .map_err(|_| ArchiveError::NotABackup)?;
        match byte[0] {
            b'\n' => break,
            digit @ b'0'..=b'9' if number.len() < 9 => number.push(char::from(digit)),
            _ => return Err(ArchiveError::NotABackup),
        }
    }
    number.parse().map_err(|_| ArchiveError::NotABackup)
}

fn recipients(from: &mut impl Read) -> Result<Vec<Vec<u8>>, ArchiveError> {
    let cut = |_| ArchiveError::Damaged((WORD.len() + 2) as u64);
    let mut count = [0];
    from.read_exact(&mut count).map_err(cut)?;
    let count = usize::from(count[0]);
    if count > MOST_RECIPIENTS {
        return Err(ArchiveError::WrongKey);
    }
    (0..count)
        .map(|_| {
            let mut sealed = vec![0; SEALED_KEY];
            from.read_exact(&mut sealed).map_err(cut)?;
            Ok(sealed)
        })
        .collect()
}

fn read_some(from: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match from.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests;
