//! The capturing mail server, spoken to as a mail program would.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use candour_embedded::Mailbox;
use candour_embedded::mailbox::LARGEST_MESSAGE_BYTES;
use jiff::Timestamp;

/// One conversation; every line that is sent gets its answer read.
struct Talk {
    stream: TcpStream,
    answers: BufReader<TcpStream>,
}

impl Talk {
    fn with(mailbox: &Mailbox) -> Self {
        let stream = TcpStream::connect(mailbox.address()).unwrap();
        let answers = BufReader::new(stream.try_clone().unwrap());
        let mut talk = Self { stream, answers };
        assert!(talk.answer().starts_with("220"));
        talk
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        while line.is_empty() || line.as_bytes().get(3) == Some(&b'-') {
            line.clear();
            assert_ne!(
                self.answers.read_line(&mut line).unwrap(),
                0,
                "the server hung up"
            );
        }
        line
    }

    fn say(&mut self, line: &str) -> String {
        self.stream
            .write_all(format!("{line}\r\n").as_bytes())
            .unwrap();
        self.answer()
    }
}

fn noon() -> Timestamp {
    "2026-02-01T12:00:00Z".parse().unwrap()
}

fn with_mailbox(talk: impl FnOnce(&Mailbox) + Send + 'static) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let place = tempfile::tempdir().unwrap();
        let mailbox = Mailbox::start("127.0.0.1:0".parse().unwrap(), place.path(), noon)
            .await
            .unwrap();
        let mailbox = tokio::task::spawn_blocking(move || {
            talk(&mailbox);
            mailbox
        });
        mailbox.await.unwrap().stop().await;
    });
}

#[test]
fn a_message_for_two_is_kept_once_and_found_for_both() {
    with_mailbox(|mailbox| {
        let mut talk = Talk::with(mailbox);
        assert!(talk.say("EHLO candour").starts_with("250"));
        assert!(
            talk.say("MAIL FROM:<practice@example.nz> SIZE=100")
                .starts_with("250")
        );
        assert!(talk.say("RCPT TO:<rewi@example.nz>").starts_with("250"));
        assert!(talk.say("RCPT TO:<aroha@example.nz>").starts_with("250"));
        assert!(talk.say("DATA").starts_with("354"));
        assert!(
            talk.say("Subject: one\r\n\r\n..a line that starts with a dot\r\n.")
                .starts_with("250")
        );
        assert!(talk.say("QUIT").starts_with("221"));
        assert_eq!(mailbox.received(), 1);
        for address in ["rewi@example.nz", "aroha@example.nz"] {
            let letters = mailbox.folder().to(address).unwrap();
            assert_eq!(letters.len(), 1);
            assert_eq!(letters[0].text.trim_end(), ".a line that starts with a dot");
            assert_eq!(letters[0].arrived, noon());
        }
    });
}

#[test]
fn a_message_that_is_too_large_is_refused_and_the_conversation_goes_on() {
    with_mailbox(|mailbox| {
        let mut talk = Talk::with(mailbox);
        for line in ["HELO candour", "MAIL FROM:<>", "RCPT TO:<rewi@example.nz>"] {
            assert!(talk.say(line).starts_with("250"));
        }
        assert!(talk.say("DATA").starts_with("354"));
        let line = format!("{}\r\n", "x".repeat(998));
        for _ in 0..=LARGEST_MESSAGE_BYTES / line.len() {
            talk.stream.write_all(line.as_bytes()).unwrap();
        }
        assert!(talk.say(".").starts_with("552"));
        assert!(talk.say("NOOP").starts_with("250"));
        assert!(
            talk.say("DATA").starts_with("503"),
            "the envelope is not kept"
        );
        assert!(mailbox.folder().names().unwrap().is_empty());
    });
}

#[test]
fn a_message_that_breaks_off_is_not_kept() {
    with_mailbox(|mailbox| {
        let mut talk = Talk::with(mailbox);
        for line in [
            "HELO candour",
            "MAIL FROM:<>",
            "RCPT TO:<rewi@example.nz>",
            "DATA",
        ] {
            talk.say(line);
        }
        talk.stream.write_all(b"Subject: half\r\n").unwrap();
        drop(talk);
        let mut next = Talk::with(mailbox);
        assert!(next.say("QUIT").starts_with("221"));
        assert!(mailbox.folder().names().unwrap().is_empty());
    });
}

#[test]
fn the_mail_server_refuses_to_listen_beyond_this_machine() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let place = tempfile::tempdir().unwrap();
    let started = runtime.block_on(Mailbox::start(
        "0.0.0.0:0".parse().unwrap(),
        place.path(),
        noon,
    ));
    assert!(started.unwrap_err().to_string().contains("loopback"));
}
