//! Mail to one person: words, no link, no attachment; handed to the operator's relay.

use crate::config::Smtp;
use jiff::Timestamp;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use std::time::{Duration, SystemTime};

/// Why a mail did not leave; a fixed word each, nothing personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// `From` or `To` is not a mailbox that mail can be sent to.
    #[error("the address cannot be written to")]
    Address,
    /// The relay refused for good.
    #[error("the relay refuses the mail")]
    Refused,
    /// The relay does not answer, or asked to try later; the mail may have left all the same.
    #[error("the relay cannot be reached")]
    Unreachable,
}

impl MailError {
    /// The word in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
        }
    }
}

/// One mail.
pub struct Letter<'a> {
    /// Whom.
    pub to: &'a str,
    /// Neutral: it says nothing about the person.
    pub subject: &'a str,
    /// Words and code.
    pub body: String,
    /// Unique part of the `Message-ID`; the same each time this mail is handed over.
    pub message_id: String,
    /// Goes into `Date`.
    pub now: Timestamp,
}

/// The relay.
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mailer {
    /// A relay; to another machine mail goes encrypted where the relay offers it.
    pub fn new(smtp: &Smtp) -> Result<Self, MailError> {
        let from: Mailbox = smtp.from.parse().map_err(|_| MailError::Address)?;
        let is_here = matches!(smtp.host.as_str(), "localhost" | "127.0.0.1" | "::1");
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(smtp.host.as_str())
                .port(smtp.port)
                .timeout(Some(Duration::from_secs(20)));
        if !is_here {
            let parameters =
                TlsParameters::new(smtp.host.clone()).map_err(|_| MailError::Unreachable)?;
            builder = builder.tls(Tls::Opportunistic(parameters));
        }
        Ok(Self {
            transport: builder.build(),
            from,
        })
    }

    /// Whether the relay answers at all.
    pub async fn is_reachable(&self) -> bool {
        matches!(self.transport.test_connection().await, Ok(true))
    }

    /// Hands over one mail.
    pub async fn send(&self, letter: Letter<'_>) -> Result<(), MailError> {
        let to: Mailbox = letter.to.parse().map_err(|_| MailError::Address)?;
        let host = self.from.email.domain();
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(letter.subject)
            .message_id(Some(format!("<{}@{host}>", letter.message_id)))
            .date(SystemTime::from(letter.now))
            .header(ContentType::TEXT_PLAIN)
            .body(letter.body)
            .map_err(|_| MailError::Address)?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() => Err(MailError::Refused),
            Err(_) => Err(MailError::Unreachable),
        }
    }
}
