use crate::{database, store};
use candour_seal::PracticeId;
use candour_store::{Housekeeping, Practice, StoreError};

fn practice(number: u8, name: &str) -> Practice {
    Practice {
        id: PracticeId::from_bytes([number; 16]),
        name: name.into(),
        region: "Te Tai Tokerau".into(),
        phone: "09 430 0000".into(),
        email: "reception@example.nz".into(),
        address: "1 Bank Street\nWhangārei 0110".into(),
        out_of_hours: "0800 611 116".into(),
        hpi: None,
    }
}

#[tokio::test]
async fn a_practice_that_moves_keeps_its_id_and_shows_its_new_address() {
    let database = database().await;
    let folder = tempfile::tempdir().unwrap();
    let worker = store(&database, "candour_worker", &folder);
    let mut practice = practice(1, "Whangārei Health");
    worker.put_practice(&practice).await.unwrap();
    practice.address = "2 Cameron Street\nWhangārei 0110".into();
    practice.hpi = Some("FZZ001-B".into());
    worker.put_practice(&practice).await.unwrap();

    let portal = store(&database, "candour_portal", &folder);
    let found = portal.practice(practice.id).await.unwrap();
    assert_eq!(found.as_ref(), Some(&practice));
    assert_eq!(portal.count(Housekeeping::Practices).await.unwrap(), 1);
    assert_eq!(portal.practices().await.unwrap(), [practice]);
}

#[tokio::test]
async fn the_portal_cannot_put_a_practice() {
    let database = database().await;
    let folder = tempfile::tempdir().unwrap();
    let portal = store(&database, "candour_portal", &folder);
    let refused = portal.put_practice(&practice(1, "Forged")).await;
    assert!(matches!(refused, Err(StoreError::Database(_))));
    assert_eq!(portal.practices().await.unwrap(), []);
}
