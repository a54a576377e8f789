//! Mail through the operator's relay: one message to one mailbox, plain text, never a link or an attachment of ours.

use jiff::Timestamp;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use std::time::Duration;
use zeroize::Zeroizing;

/// How the connection to the relay is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Not at all: a relay on this machine, or the demonstration's mailbox.
    None,
    /// By STARTTLS, where the relay offers it; then it must succeed.
    Offered,
    /// By STARTTLS, which must succeed.
    StartTls,
    /// By TLS from the first byte.
    Tls,
}

/// The operator's relay.
#[derive(Clone)]
pub struct Relay {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the connection is protected.
    pub protection: Protection,
    /// User name and password, where the relay asks for them.
    pub credentials: Option<(String, Zeroizing<String>)>,
    /// The sender's name.
    pub from_name: String,
    /// The sender's mailbox.
    pub from: String,
}

/// A message to one mailbox.
#[derive(Clone, Copy)]
pub struct Letter<'a> {
    /// The mailbox.
    pub to: &'a str,
    /// The subject, one line.
    pub subject: &'a str,
    /// The text, lines ended by newlines.
    pub text: &'a str,
    /// Names the message in `Message-ID`, the same at each attempt: letters, digits, `.` and `-`.
    pub id: &'a str,
}

/// Why a message was not taken.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The relay's settings, or the sender's or recipient's mailbox, make no message.
    #[error("no message can be made of this")]
    Message,
    /// The relay said never: this mailbox or this message is refused. Another channel is needed.
    #[error("the relay refused the message: {0}")]
    Refused(String),
    /// The relay could not be reached or said later: try again. The message may still have been taken.
    #[error("the relay did not take the message")]
    Later(#[source] lettre::transport::smtp::Error),
}

/// How long one command of the conversation may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends mail.
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    domain: String,
}

impl Mailer {
    /// A mailer for a relay; connects for each message.
    ///
    /// # Errors
    /// [`MailError::Message`] when the sender's mailbox or the relay's name make no sense.
    pub fn new(relay: &Relay) -> Result<Self, MailError> {
        let address: Address = relay.from.parse().map_err(|_| MailError::Message)?;
        let parameters = || TlsParameters::new(relay.host.clone()).map_err(|_| MailError::Message);
        let tls = match relay.protection {
            Protection::None => Tls::None,
            Protection::Offered => Tls::Opportunistic(parameters()?),
            Protection::StartTls => Tls::Required(parameters()?),
            Protection::Tls => Tls::Wrapper(parameters()?),
        };
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(relay.host.clone())
                .port(relay.port)
                .tls(tls)
                .timeout(Some(PATIENCE));
        if let Some((user, password)) = &relay.credentials {
            builder = builder.credentials(Credentials::new(user.clone(), password.to_string()));
        }
        Ok(Self {
            transport: builder.build(),
            domain: address.domain().to_owned(),
            from: Mailbox::new(Some(relay.from_name.clone()), address),
        })
    }

    /// Whether the relay answers at all.
    pub async fn is_reachable(&self) -> bool {
        matches!(self.transport.test_connection().await, Ok(true))
    }

    /// Hands one message to the relay; gives its answer, which is evidence that it was taken.
    pub async fn send(&self, letter: &Letter<'_>, now: Timestamp) -> Result<String, MailError> {
        let message = self.message(letter, now)?;
        match self.transport.send(message).await {
            Ok(response) => Ok(format!(
                "{} {}",
                response.code(),
                response.message().collect::<Vec<_>>().join(" ")
            )),
            Err(error) if error.is_permanent() => Err(MailError::Refused(error.to_string())),
            Err(error) => Err(MailError::Later(error)),
        }
    }

    fn message(&self, letter: &Letter<'_>, now: Timestamp) -> Result<Message, MailError> {
        let is_plain =
            |character: char| character.is_ascii_alphanumeric() || ".-".contains(character);
        if letter.id.is_empty() || !letter.id.chars().all(is_plain) {
            return Err(MailError::Message);
        }
        let to: Address = letter.to.parse().map_err(|_| MailError::Message)?;
        // RFC 3834: holiday answers must not come back to a machine.
        let generated = HeaderName::new_from_ascii_str("Auto-Submitted");
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(letter.subject)
            .date(now.into())
            .message_id(Some(format!("<{}@{}>", letter.id, self.domain)))
            .raw_header(HeaderValue::new(generated, "auto-generated".into()))
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text.to_owned())
            .map_err(|_| MailError::Message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailer() -> Mailer {
        Mailer::new(&Relay {
            host: "127.0.0.1".into(),
            port: 25,
            protection: Protection::None,
            credentials: None,
            from_name: "Candour".into(),
            from: "notices@example.nz".into(),
        })
        .unwrap()
    }

    fn written(letter: &Letter<'_>) -> Result<String, MailError> {
        let now = Timestamp::from_second(1_773_446_400).unwrap();
        let message = mailer().message(letter, now)?;
        Ok(String::from_utf8(message.formatted()).unwrap())
    }

    #[test]
    fn a_message_is_the_same_at_each_attempt_and_names_nobody_else() {
        let letter = Letter {
            to: "aroha@example.nz",
            subject: "About your record",
            text: "Kia ora\n\nPlease ring your practice.\n",
            id: "0123.aroha-1",
        };
        let once = written(&letter).unwrap();
        assert_eq!(once, written(&letter).unwrap());
        for line in [
            "Message-ID: <0123.aroha-1@example.nz>\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "To: aroha@example.nz\r\n",
            "Date: Sat, 14 Mar 2026 00:00:00 +0000\r\n",
        ] {
            assert!(once.contains(line), "{line} {once}");
        }
    }

    #[test]
    fn a_line_break_in_a_subject_or_mailbox_makes_no_header() {
        let hostile = Letter {
            to: "aroha@example.nz",
            subject: "About\r\nBcc: everybody@example.nz",
            text: "",
            id: "1",
        };
        assert!(!written(&hostile).unwrap().contains("\r\nBcc:"));
        for to in ["a@b.nz\r\nBcc: c@d.nz", "a@b.nz, c@d.nz", ""] {
            assert!(written(&Letter { to, ..hostile }).is_err(), "{to}");
        }
        assert!(
            written(&Letter {
                id: "a> b",
                ..hostile
            })
            .is_err()
        );
    }
}
