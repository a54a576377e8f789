//! The messages on disk: one file each, named by arrival, written aside, synced and then renamed.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use mail_parser::MessageParser;

/// Lines of the envelope stand before the message and end with an empty line.
const SENDER: &str = "Return-Path: <";
const RECIPIENT: &str = "Delivered-To: ";

/// A folder of captured messages.
#[derive(Debug, Clone)]
pub struct MailFolder {
    path: PathBuf,
    counter: Arc<AtomicU64>,
}

/// The name of one message's file: digits and dots only, made by this module or parsed by it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LetterName(String);

impl LetterName {
    /// Takes a name from outside, such as a web address; anything but digits and dots is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
        let has_digit_first = text
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_digit());
        (is_plain && has_digit_first && text.len() <= 60).then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for LetterName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// One captured message, read back.
#[derive(Debug, Clone)]
pub struct Letter {
    /// The name of its file.
    pub name: LetterName,
    /// When it arrived.
    pub arrived: Timestamp,
    /// The sender of the envelope; empty for a bounce.
    pub sender: String,
    /// The recipients of the envelope.
    pub recipients: Vec<String>,
    /// The subject, decoded; empty when it has none.
    pub subject: String,
    /// The text part, decoded; empty when it has none.
    pub text: String,
    /// How many attachments it carries.
    pub attachments: usize,
    /// The message as it came, without the envelope.
    pub source: Vec<u8>,
}

impl MailFolder {
    /// Opens a folder, making it when missing; only its owner may look into it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(path: &Path) -> io::Result<Self> {
        for part in ["", "new", "tmp"] {
            let folder = path.join(part);
            match fs::DirBuilder::new()
                .mode(0o700)
                .recursive(part.is_empty())
                .create(&folder)
            {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        Ok(Self {
            path: path.to_path_buf(),
            counter: Arc::default(),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps a message; when this returns, it survives a loss of power.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(
        &self,
        arrived: Timestamp,
        sender: &str,
        recipients: &[String],
        content: &[u8],
    ) -> io::Result<LetterName> {
        let order = self.counter.fetch_add(1, Ordering::Relaxed);
        // The process number keeps names apart when two servers ever share the folder.
        let name = LetterName(format!(
            "{:020}.{}.{order}",
            arrived.as_microsecond(),
            std::process::id()
        ));
        let aside = self.path.join("tmp").join(&name.0);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&aside)?;
        let mut envelope = format!("{SENDER}{sender}>\r\n");
        for recipient in recipients {
            envelope.push_str(RECIPIENT);
            envelope.push_str(recipient);
            envelope.push_str("\r\n");
        }
        // INVARIANT: the envelope ends here; nothing that the message says can add to it.
        envelope.push_str("\r\n");
        file.write_all(envelope.as_bytes())?;
        file.write_all(content)?;
        file.sync_all()?;
        let folder = self.path.join("new");
        fs::rename(&aside, folder.join(&name.0))?;
        File::open(&folder)?.sync_all()?;
        Ok(name)
    }

    /// The names of all messages, newest first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn names(&self) -> io::Result<Vec<LetterName>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.path.join("new"))? {
            if let Some(name) = entry?.file_name().to_str().and_then(LetterName::parse) {
                names.push(name);
            }
        }
        names.sort_unstable_by(|one, other| other.cmp(one));
        Ok(names)
    }

    /// The recipients of one message, without reading its content.
    ///
    /// # Errors
    /// When there is no such message.
    pub fn recipients(&self, name: &LetterName) -> io::Result<Vec<String>> {
        let mut file = BufReader::new(File::open(self.path.join("new").join(&name.0))?);
        Ok(envelope(&mut file)?.1)
    }

    /// One message.
    ///
    /// # Errors
    /// When there is no such message, or what is there is not one.
    pub fn read(&self, name: &LetterName) -> io::Result<Letter> {
        let mut file = BufReader::new(File::open(self.path.join("new").join(&name.0))?);
        let (sender, recipients) = envelope(&mut file)?;
        let mut source = Vec::new();
        file.read_to_end(&mut source)?;
        let arrived = name
            .0
            .split('.')
            .next()
            .and_then(|microseconds| microseconds.parse().ok())
            .and_then(|microseconds| Timestamp::from_microsecond(microseconds).ok())
            .ok_or(io::ErrorKind::InvalidData)?;
        let parsed = MessageParser::default().parse(&source);
        let part = |index| {
            let text = parsed.as_ref().and_then(|message| message.body_text(index));
            text.map(std::borrow::Cow::into_owned).unwrap_or_default()
        };
        let text = part(0);
        let subject = parsed.as_ref().and_then(|message| message.subject());
        let subject = subject.unwrap_or_default().to_owned();
        let attachments = parsed
            .as_ref()
            .map_or(0, mail_parser::Message::attachment_count);
        Ok(Letter {
            name: name.clone(),
            arrived,
            sender,
            recipients,
            subject,
            text,
            attachments,
            source,
        })
    }

    /// All messages to one address (compared without case), newest first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn to(&self, address: &str) -> io::Result<Vec<Letter>> {
        let mut letters = Vec::new();
        for name in self.names()? {
            let recipients = self.recipients(&name)?;
            if recipients
                .iter()
                .any(|one| one.eq_ignore_ascii_case(address))
            {
                letters.push(self.read(&name)?);
            }
        }
        Ok(letters)
    }
}

/// Reads exactly the lines that [`MailFolder::keep`] wrote and stops before the message itself.
fn envelope(file: &mut BufReader<File>) -> io::Result<(String, Vec<String>)> {
    let mut line = String::new();
    file.read_line(&mut line)?;
    let sender = line
        .trim_end()
        .strip_prefix(SENDER)
        .and_then(|rest| rest.strip_suffix('>'))
        .ok_or(io::ErrorKind::InvalidData)?
        .to_owned();
    let mut recipients = Vec::new();
    loop {
        line.clear();
        file.read_line(&mut line)?;
        match line.trim_end() {
            "" => return Ok((sender, recipients)),
            text => {
                let address = text.strip_prefix(RECIPIENT);
                recipients.push(address.ok_or(io::ErrorKind::InvalidData)?.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] = b"From: practice@example.nz\r\nTo: rewi@example.nz\r\n\
        Subject: =?utf-8?Q?T=C4=93n=C4=81_koe?=\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
        Please sign in.\r\n";

    fn folder() -> (tempfile::TempDir, MailFolder) {
        let place = tempfile::tempdir().unwrap();
        let folder = MailFolder::open(&place.path().join("mail box")).unwrap();
        (place, folder)
    }

    fn noon() -> Timestamp {
        "2026-02-01T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_kept_message_comes_back_decoded_with_its_envelope() {
        let (_place, folder) = folder();
        let to = ["rewi@example.nz".to_owned(), "aroha@example.nz".to_owned()];
        let name = folder
            .keep(noon(), "bounce@example.nz", &to, MESSAGE)
            .unwrap();
        let letter = folder.read(&name).unwrap();
        assert_eq!(letter.subject, "Tēnā koe");
        assert_eq!(letter.text.trim(), "Please sign in.");
        assert_eq!(letter.recipients, to);
        assert_eq!(letter.sender, "bounce@example.nz");
        assert_eq!((letter.arrived, letter.attachments), (noon(), 0));
        assert_eq!(letter.source, MESSAGE);
    }

    #[test]
    fn messages_are_found_by_recipient_without_regard_to_case() {
        let (_place, folder) = folder();
        folder
            .keep(noon(), "", &["Rewi@example.nz".to_owned()], MESSAGE)
            .unwrap();
        folder
            .keep(noon(), "", &["other@example.nz".to_owned()], MESSAGE)
            .unwrap();
        assert_eq!(folder.to("rewi@example.nz").unwrap().len(), 1);
        assert_eq!(folder.names().unwrap().len(), 2);
    }

    #[test]
    fn a_header_of_the_message_cannot_pass_for_a_recipient() {
        let (_place, folder) = folder();
        let forged = b"Delivered-To: victim@example.nz\r\nSubject: x\r\n\r\nhello\r\n";
        folder
            .keep(noon(), "", &["real@example.nz".to_owned()], forged)
            .unwrap();
        assert!(folder.to("victim@example.nz").unwrap().is_empty());
    }

    #[test]
    fn a_name_that_leaves_the_folder_is_no_name() {
        for text in ["../secret", "..", ".", "", "1/2", "a"] {
            assert_eq!(LetterName::parse(text), None, "{text}");
        }
    }
}
