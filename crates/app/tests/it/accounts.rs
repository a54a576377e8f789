use crate::viewer;
use crate::with_keeper::Clinic;
use candour_app::invitations::{self, About, Credential};
use candour_app::sign_in::{self, Acting, Proof};
use candour_app::{Refusal, acts, documents};
use candour_keeper_api::words::{Purpose, Role};
use candour_seal::PatientId;
use candour_testkit::passkey::SoftwarePasskey;
use zeroize::Zeroizing;

const ORIGIN: &str = "http://localhost:8080";
const NETWORK: &str = "192.0.2.7";

/// The code that reception signs for.
async fn invited(clinic: &Clinic, patient: PatientId) -> Zeroizing<String> {
    let app = &clinic.portal.app;
    let staff = clinic.keeper.staff(clinic.practice, Role::Reception).await;
    let mut device = clinic.keeper.give_passkey(staff.person).await;
    let about = About {
        practice: clinic.practice,
        patient,
        who: "Hēmi Walker".to_owned(),
    };
    let asked = invitations::invite_patient(app, &staff.token, about).await;
    let asked = asked.unwrap();
    assert_eq!(asked.text, "Invite Hēmi Walker to their own record.");
    let answer = device.get(&asked.options_json, ORIGIN).unwrap();
    let proof = Proof::Passkey(asked.id, answer);
    let changed = acts::finish(app, &staff.token, asked.id, proof).await;
    changed.unwrap().code.unwrap()
}

#[tokio::test]
async fn an_invited_patient_makes_a_passkey_signs_in_and_reads() {
    let clinic = Clinic::new().await;
    let patient = clinic.patient(1).await;
    let app = &clinic.portal.app;
    let code = invited(&clinic, patient).await;

    let invitation = invitations::look(app, &code, "aroha", NETWORK)
        .await
        .unwrap();
    assert_eq!(
        (invitation.practice, invitation.role),
        (Some(clinic.practice), Role::Patient)
    );
    let ceremony = invitation.ceremony.unwrap();
    let mut passkey = SoftwarePasskey::new().unwrap();
    let answer = passkey.create(&ceremony.options_json, ORIGIN).unwrap();
    let credential = Credential::Passkey(ceremony.id, answer);
    invitations::register(app, &code, "1980-02-02", "aroha", credential, NETWORK)
        .await
        .unwrap();

    let ceremony = sign_in::passkey_start(app, "aroha", NETWORK).await.unwrap();
    let answer = passkey.get(&ceremony.options_json, ORIGIN).unwrap();
    let signed_in = sign_in::passkey_finish(app, ceremony.id, answer, Acting::AsPatient, NETWORK)
        .await
        .unwrap();
    assert!(signed_in.session.by_passkey);
    assert_eq!(signed_in.session.patients[0].patient, patient);
    let viewer = viewer(signed_in.token.clone(), Purpose::OwnRecord);
    assert!(documents::shelf(app, &viewer, patient).await.is_ok());

    sign_in::sign_out(app, &signed_in.token, "").await.unwrap();
    let session = sign_in::session(app, &signed_in.token, "").await;
    assert_eq!(session.err(), Some(Refusal::SessionEnded));
}

#[tokio::test]
async fn an_invitation_is_worth_nothing_without_the_birth_date() {
    let clinic = Clinic::new().await;
    let patient = clinic.patient(1).await;
    let app = &clinic.portal.app;
    let code = invited(&clinic, patient).await;
    let ceremony = invitations::look(app, &code, "aroha", NETWORK)
        .await
        .unwrap()
        .ceremony
        .unwrap();
    let answer = SoftwarePasskey::new()
        .unwrap()
        .create(&ceremony.options_json, ORIGIN)
        .unwrap();
    let credential = Credential::Passkey(ceremony.id, answer);
    let refused =
        invitations::register(app, &code, "1980-03-02", "aroha", credential, NETWORK).await;
    assert!(refused.is_err());
}
