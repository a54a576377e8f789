//! Messages that wait for somebody, and that they read.

use crate::installation::{Installation, cookies, now};
use candour_core::block::Block;
use candour_core::notices::WaitingNotice;
use candour_keeper::instances::InstanceKind;
use candour_keeper_api::wire::{self, Call};
use candour_keeper_api::words::{ItemKind, Section};
use candour_keeper_api::{DepositOutcome, Token};
use candour_seal::{Digest, PatientId, SystemRandom};
use candour_server::session::Visit;
use candour_store::NewItem;
use jiff::civil::date;

const WAITING: &str = "A message is waiting for you";

/// Puts a message into a patient's record.
async fn message(installation: &Installation, patient: PatientId, program: &Token, subject: &str) {
    let keeper = installation.keeper.client(InstanceKind::Portal);
    let new = wire::NewItem {
        deposit_key: installation.keeper.next_id("message").to_vec(),
        patient: patient.as_bytes().to_vec(),
        kind: ItemKind::Notice.into(),
        section: Section::Notices.into(),
        ..wire::NewItem::default()
    };
    let granted = keeper.deposit(program, vec![new]).await.unwrap().remove(0);
    let DepositOutcome::New(permit) = granted.unwrap() else {
        panic!("sealed already");
    };
    let notice = WaitingNotice {
        subject: subject.to_owned(),
        at: now(),
        paragraphs: vec!["Kia ora.".to_owned()],
        about: Vec::new(),
        code: String::new(),
        documents: Vec::new(),
        sections: Vec::new(),
        incident: String::new(),
    };
    let plain = notice.to_block().unwrap();
    let sealed = permit.seal(&plain, &mut SystemRandom);
    let call = Call::Sealed(wire::Sealed {
        token: program.expose().to_vec(),
        items: vec![wire::SealedItem {
            item: permit.item().as_bytes().to_vec(),
            sealed_size: sealed.len() as u64,
            ciphertext_digest: Digest::of(&sealed).as_bytes().to_vec(),
            plaintext_digest: Digest::of(&plain).as_bytes().to_vec(),
        }],
    });
    let item = NewItem::of(&permit, ItemKind::Notice, sealed);
    let store = &installation.app().store;
    store.keep(&[item], date(2026, 3, 3)).await.unwrap();
    keeper.call(call).await.unwrap();
}

#[tokio::test]
async fn a_message_waits_until_it_was_read_and_for_each_reader_by_itself() {
    let installation = Installation::fresh().await;
    let (keeper, practice) = (&installation.keeper, installation.practice);
    let program = keeper.program(practice, InstanceKind::Portal).await;
    let patient = installation.patient(1, practice, &program).await;
    let own = keeper.as_patient(patient).await;
    let proxy = keeper.as_proxy(patient, &[], 0).await;
    let [own, proxy] = [own, proxy].map(|one| cookies(&one.token, Visit::Patient));
    let home = async |reader: &str| installation.get("/home", reader).await.body;
    let messages = format!("/patients/{patient}/notices");
    assert!(!home(&own).await.contains(WAITING));

    message(&installation, patient, &program, "The first").await;
    assert!(home(&own).await.contains(WAITING));
    let page = installation.get(&messages, &own).await.body;
    assert!(page.contains("The first"), "{page}");
    let after = home(&own).await;
    assert!(!after.contains(WAITING), "{after}");
    assert!(after.contains(&format!("href=\"{messages}\"")), "{after}");
    assert!(
        home(&proxy).await.contains(WAITING),
        "the proxy has not read it"
    );

    message(&installation, patient, &program, "The second").await;
    assert!(home(&own).await.contains(WAITING));
    assert!(
        home(&proxy)
            .await
            .contains("2 messages are waiting for you")
    );
}
