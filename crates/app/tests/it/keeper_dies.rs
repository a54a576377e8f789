use crate::with_keeper::{Clinic, document};
use candour_app::documents::{self, Deposit};
use candour_app::{ReadError, Refusal};
use candour_keeper_api::words::{EntryKind, Purpose, Role};
use candour_seal::{DepositKey, ItemId, PatientId};
use futures_util::StreamExt;
use std::time::Duration;

async fn deposited(clinic: &Clinic, patient: PatientId) -> ItemId {
    let deposit = Deposit {
        patient,
        key: DepositKey::from_bytes([1; 16]),
        document: document("Letter", b"Kia ora".to_vec()),
    };
    let app = &clinic.portal.app;
    let answers = documents::deposit(app, &clinic.program, vec![deposit], clinic.now()).await;
    answers.unwrap()[0].unwrap()
}

#[tokio::test]
async fn when_the_keeper_dies_nothing_is_shown_until_it_is_back_and_no_delivery_is_lost() {
    let mut clinic = Clinic::new().await;
    let patient = clinic.patient(1).await;
    let item = deposited(&clinic, patient).await;
    let viewer = clinic.as_clinician().await;
    let mut opened = documents::open(&clinic.portal.app, &viewer, item)
        .await
        .unwrap();

    clinic.keeper.stop().await;
    // Released before it died: the first byte goes out, and is reported when the keeper is back.
    assert!(opened.body.next().await.unwrap().is_ok());
    let away = documents::open(&clinic.portal.app, &viewer, item)
        .await
        .err();
    assert!(
        matches!(away, Some(ReadError::Refused(Refusal::KeeperUnavailable))),
        "{away:?}"
    );

    clinic = clinic.restarted().await;
    let staff = clinic.keeper.staff(clinic.practice, Role::Clinician).await;
    let viewer = crate::viewer(staff.token, Purpose::DirectCare);
    assert!(
        documents::open(&clinic.portal.app, &viewer, item)
            .await
            .is_ok()
    );
    let delivered = (i16::from(EntryKind::Delivered.number()), 0);
    let mut count = 0;
    for _ in 0..80 {
        count = clinic
            .keeper
            .entries()
            .await
            .get(&delivered)
            .copied()
            .unwrap_or(0);
        if count > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(count, 1);
}
