//! A portal, its keeper, one practice and one patient.

use crate::{Portal, viewer};
use candour_app::intake::{IncomingPerson, Intake};
use candour_app::sign_in::ClientCredential;
use candour_core::document::{DocumentKind, DocumentMeta, MediaType, NewDocument, Title};
use candour_core::fhir::Sensitivities;
use candour_core::people::{Contact, Gender, Identity, PersonName};
use candour_keeper_api::words::{Purpose, Role};
use candour_keeper_api::{Token, Viewer};
use candour_seal::{DepositKey, PatientId, PracticeId};
use candour_store::{Objects, Placement, Practice, Store};
use candour_testkit::TestDatabase;
use candour_testkit::keeper::{InstanceKind, TestKeeper};
use jiff::Timestamp;
use std::sync::Arc;

pub(crate) struct Clinic {
    pub(crate) portal: Portal,
    pub(crate) keeper: TestKeeper,
    pub(crate) practice: PracticeId,
    pub(crate) program: Token,
    pub(crate) credential: ClientCredential,
    _database: TestDatabase,
}

impl Clinic {
    pub(crate) async fn new() -> Self {
        let (database, keeper) = TestKeeper::fresh().await;
        let address = keeper.address(InstanceKind::Portal);
        let portal = Portal::at(&address.socket, address.credential.to_vec()).await;
        let practice = keeper.practice().await;
        put_practice(&portal, practice).await;
        let program = keeper.program(practice, InstanceKind::Portal).await;
        let credential = keeper.program_credential(practice).await;
        let credential = ClientCredential {
            client: credential.0,
            secret: credential.1.to_vec().into(),
        };
        Self {
            portal,
            keeper,
            practice,
            program,
            credential,
            _database: database,
        }
    }

    /// The same with its keeper started anew; sessions are gone.
    pub(crate) async fn restarted(self) -> Self {
        Self {
            keeper: self.keeper.restart().await,
            ..self
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.keeper.core.clock.now()
    }

    pub(crate) async fn intake(&self) -> Intake {
        let app = Arc::clone(&self.portal.app);
        Intake::begin(app, self.credential.clone()).await.unwrap()
    }

    /// Enrols somebody who has nothing yet.
    pub(crate) async fn patient(&self, number: u8) -> PatientId {
        let person = person(number);
        let new = candour_app::enrolment::NewPatient {
            key: person.key,
            identity: person.identity,
            contact: person.contact,
            left_on: None,
        };
        let app = &self.portal.app;
        let enrolled =
            candour_app::enrolment::enrol(app, &self.program, self.practice, vec![new], self.now())
                .await
                .unwrap();
        enrolled[0].unwrap()
    }

    pub(crate) async fn as_patient(&self, patient: PatientId) -> Viewer {
        viewer(
            self.keeper.as_patient(patient).await.token,
            Purpose::OwnRecord,
        )
    }

    pub(crate) async fn as_clinician(&self) -> Viewer {
        let staff = self.keeper.staff(self.practice, Role::Clinician).await;
        viewer(staff.token, Purpose::DirectCare)
    }
}

async fn put_practice(portal: &Portal, id: PracticeId) {
    let objects = Objects::open(portal.folder.path(), Placement::Kept).unwrap();
    let worker = Store::new(portal.database.config_as("candour_worker"), 1, objects).unwrap();
    let practice = Practice {
        id,
        name: "Kauri Health".into(),
        region: "Northland".into(),
        phone: "09 430 0000".into(),
        email: "reception@example.nz".into(),
        address: "1 Bank Street".into(),
        out_of_hours: "0800 611 116".into(),
        hpi: None,
    };
    worker.put_practice(&practice).await.unwrap();
}

pub(crate) fn person(number: u8) -> IncomingPerson {
    let mut contact = Contact::unknown("NZ");
    contact.region = Some("Northland".into());
    IncomingPerson {
        reference: format!("Patient/{number}"),
        key: DepositKey::from_bytes([number; 16]),
        identity: Identity {
            name: PersonName::new(&format!("Aroha{number}"), "Ngāta"),
            other_names: Vec::new(),
            birth_date: format!("1980-02-{:02}", number % 28 + 1).parse().unwrap(),
            gender: Gender::Female,
            nhi: None,
            dormant: Vec::new(),
            deceased: None,
        },
        contact,
        left_on: None,
        segments: Vec::new(),
        documents: Vec::new(),
    }
}

pub(crate) fn document(title: &str, bytes: Vec<u8>) -> NewDocument {
    NewDocument {
        meta: DocumentMeta {
            title: Title::of(title),
            kind: DocumentKind::ClinicLetter,
            date: Some(jiff::civil::date(2026, 2, 27)),
            media_type: MediaType::Unknown,
            size_bytes: 0,
            source: "Kauri Health".into(),
            author: None,
            envelope: None,
        },
        tags: Sensitivities::NONE,
        bytes,
    }
}
