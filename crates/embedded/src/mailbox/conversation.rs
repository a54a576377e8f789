//! One SMTP conversation (RFC 5321): EHLO, HELO, MAIL, RCPT, DATA, RSET, NOOP, VRFY and QUIT.

use std::io;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{LARGEST_MESSAGE_BYTES, Service};

/// RFC 5321 section 4.5.3.1: a command line has at most 512 bytes; extensions may add some.
const LONGEST_LINE_BYTES: u64 = 2048;

/// RFC 5321 asks for at least 100.
const MOST_RECIPIENTS: usize = 100;

#[derive(Default)]
struct Envelope {
    sender: Option<String>,
    recipients: Vec<String>,
}

enum Step {
    Say(String),
    TakeData,
    Leave,
}

pub(super) async fn hold(stream: TcpStream, service: &Service) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    say(&mut stream, "220 localhost Candour demonstration mailbox").await?;
    let mut envelope = Envelope::default();
    loop {
        let Some(line) = read_line(&mut stream).await? else {
            return Ok(());
        };
        match step(&line, &mut envelope) {
            Step::Say(reply) => say(&mut stream, &reply).await?,
            Step::Leave => return say(&mut stream, "221 goodbye").await,
            Step::TakeData => {
                let taken = std::mem::take(&mut envelope);
                say(&mut stream, "354 end with a line of one dot").await?;
                let reply = take(&mut stream, &taken, service).await?;
                say(&mut stream, &reply).await?;
            }
        }
    }
}

fn step(line: &str, envelope: &mut Envelope) -> Step {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    let reply = match verb.to_ascii_uppercase().as_str() {
        "EHLO" => {
            *envelope = Envelope::default();
            format!(
                "250-localhost\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE {LARGEST_MESSAGE_BYTES}"
            )
        }
        "HELO" => {
            *envelope = Envelope::default();
            "250 localhost".to_owned()
        }
        "MAIL" => sender(rest, envelope),
        "RCPT" => recipient(rest, envelope),
        "DATA" if envelope.sender.is_some() && !envelope.recipients.is_empty() => {
            return Step::TakeData;
        }
        "DATA" => "503 first MAIL and RCPT".to_owned(),
        "RSET" => {
            *envelope = Envelope::default();
            "250 forgotten".to_owned()
        }
        "NOOP" => "250 fine".to_owned(),
        "VRFY" => "252 send and see".to_owned(),
        "QUIT" => return Step::Leave,
        _ => "502 not a command of this server".to_owned(),
    };
    Step::Say(reply)
}

fn sender(rest: &str, envelope: &mut Envelope) -> String {
    let Some((address, parameters)) = path(rest, "FROM:") else {
        return "501 MAIL FROM:<address>".to_owned();
    };
    let announced = parameters
        .split_whitespace()
        .filter_map(|parameter| {
            parameter
                .to_ascii_uppercase()
                .strip_prefix("SIZE=")
                .map(str::to_owned)
        })
        .find_map(|size| size.parse::<usize>().ok());
    if announced.is_some_and(|size| size > LARGEST_MESSAGE_BYTES) {
        return "552 larger than this server takes".to_owned();
    }
    *envelope = Envelope {
        sender: Some(address),
        recipients: Vec::new(),
    };
    "250 sender noted".to_owned()
}

fn recipient(rest: &str, envelope: &mut Envelope) -> String {
    if envelope.sender.is_none() {
        return "503 first MAIL".to_owned();
    }
    if envelope.recipients.len() >= MOST_RECIPIENTS {
        return "452 too many recipients".to_owned();
    }
    match path(rest, "TO:") {
        Some((address, _)) if address.contains('@') => {
            envelope.recipients.push(address);
            "250 recipient noted".to_owned()
        }
        _ => "501 RCPT TO:<name@place>".to_owned(),
    }
}

/// Reads `FROM:<address> PARAMETERS`; the address may be empty (a bounce has no sender).
fn path(rest: &str, keyword: &str) -> Option<(String, String)> {
    let start = rest.get(..keyword.len())?;
    if !start.eq_ignore_ascii_case(keyword) {
        return None;
    }
    let inside = rest.get(keyword.len()..)?.trim_start().strip_prefix('<')?;
    let (address, parameters) = inside.split_once('>')?;
    let is_clean = !address.chars().any(|one| one.is_control() || one == '<');
    is_clean.then(|| (address.to_owned(), parameters.to_owned()))
}

async fn take(
    stream: &mut BufReader<TcpStream>,
    envelope: &Envelope,
    service: &Service,
) -> io::Result<String> {
    let Some(content) = read_message(stream).await? else {
        return Ok("552 larger than this server takes".to_owned());
    };
    let sender = envelope.sender.clone().unwrap_or_default();
    let recipients = envelope.recipients.clone();
    let folder = service.folder.clone();
    let arrived = (service.clock)();
    let kept =
        tokio::task::spawn_blocking(move || folder.keep(arrived, &sender, &recipients, &content))
            .await
            .map_err(io::Error::other)?;
    match kept {
        Ok(name) => {
            service.received.fetch_add(1, Ordering::AcqRel);
            Ok(format!("250 kept as {name}"))
        }
        Err(_) => Ok("452 could not be kept; try again".to_owned()),
    }
}

/// Reads to the line of one dot and undoes the doubling of dots; `None` when it was too large, after
/// reading it all the same so that the conversation can go on.
async fn read_message(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Vec<u8>>> {
    let mut content = Vec::new();
    let mut is_too_large = false;
    loop {
        let mut line = Vec::new();
        let limit = u64::try_from(LARGEST_MESSAGE_BYTES).unwrap_or(u64::MAX);
        let read = (&mut *stream)
            .take(limit)
            .read_until(b'\n', &mut line)
            .await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line == b".\r\n" {
            return Ok((!is_too_large).then_some(content));
        }
        let line = line.strip_prefix(b".").unwrap_or(&line);
        is_too_large |= content.len() + line.len() > LARGEST_MESSAGE_BYTES;
        if !is_too_large {
            content.extend_from_slice(line);
        }
    }
}

async fn read_line(stream: &mut BufReader<TcpStream>) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let read = (&mut *stream)
        .take(LONGEST_LINE_BYTES)
        .read_until(b'\n', &mut line)
        .await?;
    if read == 0 {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "line too long"));
    }
    Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()))
}

async fn say(stream: &mut BufReader<TcpStream>, reply: &str) -> io::Result<()> {
    stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
    stream.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(line: &str, envelope: &mut Envelope) -> String {
        match step(line, envelope) {
            Step::Say(reply) => reply,
            Step::TakeData => "354".to_owned(),
            Step::Leave => "221".to_owned(),
        }
    }

    #[test]
    fn a_message_needs_a_sender_and_a_recipient_first() {
        let mut envelope = Envelope::default();
        assert!(reply("DATA", &mut envelope).starts_with("503"));
        assert!(reply("RCPT TO:<a@b.example>", &mut envelope).starts_with("503"));
        assert!(reply("MAIL FROM:<x@y.example>", &mut envelope).starts_with("250"));
        assert!(reply("DATA", &mut envelope).starts_with("503"));
        assert!(reply("rcpt to:<a@b.example>", &mut envelope).starts_with("250"));
        assert_eq!(reply("DATA", &mut envelope), "354");
    }

    #[test]
    fn an_announced_size_beyond_the_limit_is_refused_at_once() {
        let line = format!("MAIL FROM:<x@y.example> SIZE={}", LARGEST_MESSAGE_BYTES + 1);
        assert!(reply(&line, &mut Envelope::default()).starts_with("552"));
    }

    #[test]
    fn a_bounce_without_a_sender_is_taken() {
        assert!(reply("MAIL FROM:<>", &mut Envelope::default()).starts_with("250"));
    }

    #[test]
    fn an_address_with_a_line_break_is_refused() {
        let mut envelope = Envelope::default();
        reply("MAIL FROM:<x@y.example>", &mut envelope);
        assert!(reply("RCPT TO:<a\r@b.example>", &mut envelope).starts_with("501"));
    }
}
