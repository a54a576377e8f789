use candour_app::mail::{Letter, MailError, Mailer, Protection, Relay};
use candour_embedded::Mailbox;
use jiff::Timestamp;
use std::net::SocketAddr;

fn mailer(relay: SocketAddr) -> Mailer {
    Mailer::new(&Relay {
        host: relay.ip().to_string(),
        port: relay.port(),
        protection: Protection::None,
        credentials: None,
        from_name: "Whangārei Health".into(),
        from: "notices@example.nz".into(),
    })
    .unwrap()
}

const LETTER: Letter<'static> = Letter {
    to: "aroha@example.nz",
    subject: "Panui: about your record at Whangārei Health",
    text: "Kia ora Aroha\n\n.A line that begins with a stop.\nNgā mihi\n",
    id: "0a1b.1",
};

#[tokio::test]
async fn a_letter_arrives_as_it_was_written_and_the_relays_answer_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let listen = "127.0.0.1:0".parse().unwrap();
    let mailbox = Mailbox::start(listen, folder.path(), || Timestamp::UNIX_EPOCH)
        .await
        .unwrap();
    let evidence = mailer(mailbox.address())
        .send(&LETTER, Timestamp::UNIX_EPOCH)
        .await
        .unwrap();
    assert!(evidence.starts_with("250"), "{evidence}");
    assert_eq!(mailbox.received(), 1);
    let letters = mailbox.folder().to(LETTER.to).unwrap();
    let [letter] = letters.as_slice() else {
        unreachable!("one letter, not {}", letters.len())
    };
    assert_eq!(letter.subject, LETTER.subject);
    // The line end before the final stop of SMTP is not part of the text.
    assert_eq!(
        letter.text.replace("\r\n", "\n").trim_end(),
        LETTER.text.trim_end()
    );
    mailbox.stop().await;
}

#[tokio::test]
async fn a_relay_that_is_away_means_later_and_not_never() {
    // Bound and dropped: nobody listens there now.
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    drop(socket);
    let answer = mailer(address).send(&LETTER, Timestamp::UNIX_EPOCH).await;
    assert!(matches!(answer, Err(MailError::Later(_))), "{answer:?}");
}
