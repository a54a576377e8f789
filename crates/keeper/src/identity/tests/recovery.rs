//! Recovery at the counter: the scene, and how it is played.

mod ending;
mod limits;

use super::*;
use crate::calls::{authorize, deposit, history, open, sealed};
use crate::draft::{Draft, Effect};
use crate::facts::{Canary, Enrolment, Fact, PatientMarks, StaffRole};
use crate::harness::{Inside, ORIGIN, PORTAL, inside, real};
use crate::identity::{commit, invitations, sessions, sign_in as calls};
use crate::instances::{Instance, InstanceKind};
use crate::practice::Command;
use candour_keeper_wire::wire::{self, ChangeKind, Outcome, Reply, Target, TargetKind};
use candour_keeper_wire::words::{
    Action, EntryKind, Identified, ItemKind, Purpose, Reason, RecoveryStep, Role, Section, Tag,
};
use candour_seal::{ClientId, PatientId, PracticeId};
use candour_testkit::passkey::SoftwarePasskey;
use jiff::SignedDuration;

const PORTAL_INSTANCE: Instance = Instance {
    id: PORTAL,
    kind: InstanceKind::Portal,
};
const NEW_PASSWORD: &str = "five kererū in a row";

/// A patient with an account and a document each from two practices, and two people of the first one.
pub(super) struct Scene {
    pub(super) inside: Inside,
    pub(super) office: Office,
    /// Who begins.
    pub(super) manager: Person,
    /// Who agrees.
    pub(super) clinician: Person,
    pub(super) patient: PatientId,
    /// The codes of the patient's old sheet.
    pub(super) sheet: Vec<String>,
    /// What the first practice put in.
    pub(super) here: Vec<u8>,
    /// What another did.
    pub(super) elsewhere: Vec<u8>,
}

async fn scene() -> Scene {
    scene_in(inside().await).await
}

pub(super) async fn scene_in(inside: Inside) -> Scene {
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let kind = invite(office.practice, Role::Clinician, Vec::new());
    let code = manager.signs(&inside, kind).await.unwrap().code;
    let clinician = person(&inside, &code, "hemi").await;
    let patient = inside.patient(office.practice, 40).await;
    let sheet = with_sheet(&inside, &office, &mut manager, patient).await;
    let here = deposited(&inside, &office.made, patient, 1).await;
    let other = another_practice(&inside, &office).await;
    enrol(&inside, patient, other.practice.parse().unwrap()).await;
    let elsewhere = deposited(&inside, &other, patient, 2).await;
    Scene {
        inside,
        office,
        manager,
        clinician,
        patient,
        sheet,
        here,
        elsewhere,
    }
}

pub(super) async fn another_practice(inside: &Inside, office: &Office) -> crate::practice::Made {
    let command = Command::AddPractice {
        name: "Rimu Health".to_owned(),
        region: "Waikato".to_owned(),
        manager: "Ana Rangi".to_owned(),
    };
    ordered(inside, &office.codes, command).await.unwrap()
}

/// Facts about a patient, as an import would leave them.
pub(super) async fn note(inside: &Inside, patient: PatientId, fact: Fact) {
    let subject = inside.core.keys.patient(patient);
    let mut draft = Draft::of_keeper(EntryKind::Change);
    draft.effects = vec![Effect::fact(subject, fact)];
    let draft = draft.about(patient, subject);
    commit(&inside.core, draft).await.unwrap();
}

pub(super) async fn enrol(inside: &Inside, patient: PatientId, practice: PracticeId) {
    let enrolment = Enrolment {
        practice: practice.as_bytes().to_vec(),
        since: 0,
    };
    note(inside, patient, Fact::Enrolment(enrolment)).await;
}

/// A document and a segment of medicines that a practice's program puts in; the document's id.
pub(super) async fn deposited(
    inside: &Inside,
    made: &crate::practice::Made,
    patient: PatientId,
    number: u8,
) -> Vec<u8> {
    put_in(inside, made, patient, number, Vec::new()).await
}

/// The same, marked as sensitive.
pub(super) async fn deposited_tagged(
    inside: &Inside,
    made: &crate::practice::Made,
    patient: PatientId,
    number: u8,
) -> Vec<u8> {
    let tags = vec![Tag::Mental.into()];
    put_in(inside, made, patient, number, tags).await
}

async fn put_in(
    inside: &Inside,
    made: &crate::practice::Made,
    patient: PatientId,
    number: u8,
    tags: Vec<i32>,
) -> Vec<u8> {
    let import = Instance {
        id: PORTAL,
        kind: InstanceKind::Import,
    };
    let secret = &made.client_secret;
    let call = wire::ClientSignIn {
        client: made.client.parse::<ClientId>().unwrap().as_bytes().to_vec(),
        secret: (0..32)
            .map(|at| u8::from_str_radix(&secret[2 * at..2 * at + 2], 16).unwrap())
            .collect(),
    };
    let token = calls::client(&inside.core, PORTAL, &call)
        .await
        .unwrap()
        .token;
    let item = |kind: ItemKind, section: Section| wire::NewItem {
        deposit_key: vec![
            number,
            kind.number(),
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
        ],
        patient: patient.as_bytes().to_vec(),
        kind: kind.into(),
        section: section.into(),
        tags: tags.clone(),
        ..wire::NewItem::default()
    };
    let items = vec![
        item(ItemKind::Document, Section::None),
        item(ItemKind::Segment, Section::Medicines),
    ];
    let call = wire::Deposit {
        token: token.clone(),
        items,
    };
    let Ok(Reply::Deposited(granted)) = deposit::deposit(&inside.core, &import, call).await else {
        panic!("not deposited")
    };
    let stored = granted.items.iter().map(|granted| wire::SealedItem {
        item: granted.item.clone(),
        sealed_size: 100,
        ciphertext_digest: vec![number; 32],
        plaintext_digest: vec![number; 32],
    });
    let call = wire::Sealed {
        token,
        items: stored.collect(),
    };
    sealed::sealed(&inside.core, &import, call).await.unwrap();
    granted.items[0].item.clone()
}

fn recover(practice: PracticeId, patient: PatientId) -> ChangeKind {
    ChangeKind::Recover(wire::Recover {
        practice: practice.as_bytes().to_vec(),
        patient: patient.as_bytes().to_vec(),
        identified: Identified::KnownInPerson.into(),
    })
}

const STOP: ChangeKind = ChangeKind::StopRecovery(wire::StopRecovery {});

impl Scene {
    fn kind(&self) -> ChangeKind {
        recover(self.office.practice, self.patient)
    }

    /// Both sign; the code that is handed over.
    async fn code(&mut self) -> Result<String, Reason> {
        let kind = self.kind();
        self.code_for(kind).await
    }

    async fn code_for(&mut self, kind: ChangeKind) -> Result<String, Reason> {
        let begun = self.manager.signs(&self.inside, kind).await;
        let begun = begun.map_err(|refusal| refusal.reason)?;
        assert!(begun.code.is_empty() && begun.pending.len() == 16);
        let approve = ChangeKind::Approve(begun.pending);
        let done = self.clinician.signs(&self.inside, approve).await;
        Ok(done.map_err(|refusal| refusal.reason)?.code)
    }

    /// A code, used for a new password with a sheet; the codes of that.
    async fn recovered(&mut self) -> Vec<String> {
        let code = self.code().await.unwrap();
        with_password(&self.inside, &code, "1980-01-31")
            .await
            .unwrap()
    }

    pub(super) async fn old(&self, code: usize) -> Result<wire::SignedIn, Reason> {
        let signed_in = by_password(&self.inside, &self.sheet[code]).await;
        signed_in.map_err(|refusal| refusal.reason)
    }

    pub(super) async fn opened(&self, token: &[u8], item: &[u8]) -> Result<usize, Reason> {
        let kind = TargetKind::Item(item.to_vec());
        opened(&self.inside, token, kind, Purpose::OwnRecord).await
    }

    pub(super) async fn medicines(&self, token: &[u8]) -> Result<usize, Reason> {
        let section = wire::SectionOf {
            patient: self.patient.as_bytes().to_vec(),
            section: Section::Medicines.into(),
        };
        let kind = TargetKind::Section(section);
        opened(&self.inside, token, kind, Purpose::OwnRecord).await
    }

    async fn steps(&self, token: &[u8]) -> Vec<(RecoveryStep, bool)> {
        let page = history_of(&self.inside, token, self.patient).await.unwrap();
        let steps = page.events.iter().rev().filter_map(|event| {
            let step = RecoveryStep::try_from(event.recovery).ok()?;
            assert_eq!(event.practice, self.office.practice.as_bytes());
            Some((step, event.is_viewer))
        });
        steps.collect()
    }
}

/// How many items were released.
pub(super) async fn opened(
    inside: &Inside,
    token: &[u8],
    kind: TargetKind,
    purpose: Purpose,
) -> Result<usize, Reason> {
    let call = wire::Open {
        token: token.to_vec(),
        purpose: purpose.into(),
        targets: vec![Target { kind: Some(kind) }],
        ..wire::Open::default()
    };
    let answered = open::open(&inside.core, &PORTAL_INSTANCE, call).await;
    let Reply::Opened(mut opened) = answered.map_err(|refusal| refusal.reason)? else {
        panic!("not an answer to opening")
    };
    match opened.answers.pop().unwrap().outcome.unwrap() {
        Outcome::Granted(granted) => Ok(granted.items.len()),
        Outcome::Denied(refused) => Err(Reason::try_from(refused.reason).unwrap()),
    }
}

pub(super) async fn history_of(
    inside: &Inside,
    token: &[u8],
    patient: PatientId,
) -> Result<wire::HistoryPage, Reason> {
    let call = wire::History {
        token: token.to_vec(),
        patient: patient.as_bytes().to_vec(),
        limit: 100,
        ..wire::History::default()
    };
    match history::history(&inside.core, &PORTAL_INSTANCE, call).await {
        Ok(Reply::History(page)) => Ok(page),
        Ok(_) => panic!("not an answer to history"),
        Err(refusal) => Err(refusal.reason),
    }
}

/// Uses a code with a new password and a printed sheet, under the sign-in name that the account has.
async fn with_password(
    inside: &Inside,
    code: &str,
    birth_date: &str,
) -> Result<Vec<String>, Reason> {
    named(inside, code, birth_date, "aroha").await
}

async fn named(
    inside: &Inside,
    code: &str,
    birth_date: &str,
    login: &str,
) -> Result<Vec<String>, Reason> {
    let call = wire::Register {
        code: code.to_owned(),
        birth_date: birth_date.to_owned(),
        login: login.to_owned(),
        password: NEW_PASSWORD.to_owned(),
        wants_sheet: true,
        network: "192.0.2.9".to_owned(),
        ..wire::Register::default()
    };
    let made = invitations::recover(&inside.core, PORTAL, &call).await;
    made.map(|made| made.sheet)
        .map_err(|refusal| refusal.reason)
}

/// Uses a code with a new passkey.
async fn with_passkey(inside: &Inside, code: &str) -> SoftwarePasskey {
    let mut device = SoftwarePasskey::new().unwrap();
    let look = wire::InvitationOpen {
        code: code.to_owned(),
        network: "192.0.2.9".to_owned(),
        login: "aroha".to_owned(),
    };
    let view = invitations::open_recovery(&inside.core, PORTAL, &look).await;
    let ceremony = view.unwrap().ceremony.unwrap();
    let call = wire::Register {
        code: code.to_owned(),
        birth_date: "1980-01-31".to_owned(),
        login: "aroha".to_owned(),
        ceremony: ceremony.ceremony,
        answer_json: device.create(&ceremony.options_json, ORIGIN).unwrap(),
        ..wire::Register::default()
    };
    invitations::recover(&inside.core, PORTAL, &call)
        .await
        .unwrap();
    device
}

async fn by_new_password(
    inside: &Inside,
    login: &str,
    code: &str,
) -> Result<wire::SignedIn, Reason> {
    let call = wire::PasswordSignIn {
        login: login.to_owned(),
        password: NEW_PASSWORD.to_owned(),
        code: code.to_owned(),
        network: "192.0.2.9".to_owned(),
        client: None,
    };
    let signed_in = calls::password(&inside.core, PORTAL, &call).await;
    signed_in.map_err(|refusal| refusal.reason)
}

fn recovery(signed_in: &wire::SignedIn) -> Option<wire::RecoveryView> {
    signed_in.session.clone().unwrap().recovery
}

impl Scene {
    async fn manager_again(&mut self) -> Reason {
        let manager = sign_in(&self.inside, &mut self.manager.device, "mere", true).await;
        self.manager.token = manager.unwrap().token;
        self.code().await.unwrap_err()
    }
}
