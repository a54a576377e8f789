//! People for tests: made as real ones are, by invitation.

use crate::acts;
use crate::calls::{emergency, open};
use crate::changes;
use crate::harness::{Inside, ORIGIN, PORTAL};
use crate::identity::{invitations, sign_in};
use crate::instances::{Instance, InstanceKind};
use crate::ledger::Refusal;
use crate::practice::{Command, Made, Ordered, carry_out, name_operators};
use candour_keeper_wire::wire::{
    self, Change, ChangeKind, Outcome, Reply, SectionOf, Target, TargetKind,
};
use candour_keeper_wire::words::{Purpose, Reason, Role, Section};
use candour_seal::{PatientId, PracticeId};
use candour_testkit::passkey::SoftwarePasskey;

/// A practice, and the two operators who can make more.
pub struct Office {
    pub practice: PracticeId,
    pub made: Made,
    pub codes: [String; 2],
}

pub async fn office(inside: &Inside) -> Office {
    let codes = name_operators(&inside.core).await.unwrap();
    let made = ordered(
        inside,
        &codes,
        Command::AddPractice {
            name: "Kōwhai Health".to_owned(),
            region: "Waikato".to_owned(),
            manager: "Mere Tūhoe".to_owned(),
        },
    )
    .await
    .unwrap();
    Office {
        practice: made.practice.parse().unwrap(),
        made,
        codes,
    }
}

pub async fn ordered(
    inside: &Inside,
    codes: &[String; 2],
    command: Command,
) -> Result<Made, Refusal> {
    let ordered = Ordered {
        codes: codes.clone(),
        command,
    };
    carry_out(&inside.core, &ordered).await
}

/// Accepts an invitation with a new passkey.
pub async fn register(
    inside: &Inside,
    code: &str,
    login: &str,
    birth_date: &str,
) -> Result<(SoftwarePasskey, Vec<u8>), Refusal> {
    let mut device = SoftwarePasskey::new().unwrap();
    let view = invitations::open(
        &inside.core,
        PORTAL,
        &wire::InvitationOpen {
            code: code.to_owned(),
            network: "192.0.2.1".to_owned(),
            login: login.to_owned(),
        },
    )
    .await?;
    let ceremony = view.ceremony.unwrap();
    let registered = invitations::register(
        &inside.core,
        PORTAL,
        &wire::Register {
            code: code.to_owned(),
            birth_date: birth_date.to_owned(),
            login: login.to_owned(),
            ceremony: ceremony.ceremony,
            answer_json: device.create(&ceremony.options_json, ORIGIN).unwrap(),
            ..wire::Register::default()
        },
    )
    .await?;
    Ok((device, registered.person))
}

/// Signs in with a passkey.
pub async fn sign_in(
    inside: &Inside,
    device: &mut SoftwarePasskey,
    login: &str,
    as_staff: bool,
) -> Result<wire::SignedIn, Refusal> {
    let asked = sign_in::passkey_start(
        &inside.core,
        PORTAL,
        &wire::PasskeyStart {
            login: login.to_owned(),
            network: String::new(),
        },
    )
    .await?;
    sign_in::passkey_finish(
        &inside.core,
        PORTAL,
        &wire::PasskeyFinish {
            ceremony: asked.ceremony,
            answer_json: device.get(&asked.options_json, ORIGIN).unwrap_or_default(),
            acting: Some(wire::Acting {
                as_staff,
                practice: Vec::new(),
            }),
            network: "192.0.2.1".to_owned(),
            client: None,
        },
    )
    .await
}

/// A call about a session.
pub fn with(token: &[u8]) -> wire::WithToken {
    wire::WithToken {
        token: token.to_vec(),
        network: "192.0.2.1".to_owned(),
    }
}

/// Begins an act.
pub async fn asked(
    inside: &Inside,
    token: &[u8],
    kind: ChangeKind,
) -> Result<wire::Ceremony, Refusal> {
    let start = wire::ActStart {
        token: token.to_vec(),
        change: Some(Change { kind: Some(kind) }),
    };
    acts::start(&inside.core, PORTAL, &start).await
}

/// Answers one, and nothing yet with what.
pub fn answer_to(token: &[u8], asked: &wire::Ceremony) -> wire::ActFinish {
    wire::ActFinish {
        token: token.to_vec(),
        ceremony: asked.ceremony.clone(),
        ..wire::ActFinish::default()
    }
}

/// The answer arrives.
pub async fn finished(inside: &Inside, finish: &wire::ActFinish) -> Result<wire::Changed, Refusal> {
    acts::finish(&inside.core, PORTAL, false, finish).await
}

/// Does an act with a passkey.
pub async fn act(
    inside: &Inside,
    token: &[u8],
    device: &mut SoftwarePasskey,
    kind: ChangeKind,
) -> Result<wire::Changed, Refusal> {
    let asked = asked(inside, token, kind).await?;
    let finish = wire::ActFinish {
        answer_json: device.get(&asked.options_json, ORIGIN).unwrap(),
        ..answer_to(token, &asked)
    };
    finished(inside, &finish).await
}

/// Does an act with a code of the printed sheet.
pub async fn act_by_code(
    inside: &Inside,
    token: &[u8],
    code: &str,
    kind: ChangeKind,
) -> Result<wire::Changed, Refusal> {
    act_by_code_and(inside, token, [code, PASSWORD], kind).await
}

/// The same with a code and a password.
pub async fn act_by_code_and(
    inside: &Inside,
    token: &[u8],
    [code, password]: [&str; 2],
    kind: ChangeKind,
) -> Result<wire::Changed, Refusal> {
    let asked = asked(inside, token, kind).await?;
    assert!(asked.code_accepted);
    let finish = wire::ActFinish {
        code: code.to_owned(),
        password: password.to_owned(),
        ..answer_to(token, &asked)
    };
    finished(inside, &finish).await
}

/// What a device makes of the part of an act's options that asks for a new passkey.
pub fn created(device: &mut SoftwarePasskey, asked: &wire::Ceremony) -> String {
    let options: serde_json::Value = serde_json::from_str(&asked.options_json).unwrap();
    let create = options["create"].to_string();
    device.create(&create, ORIGIN).unwrap()
}

/// A patient with a password and a printed sheet: its 40 codes.
pub async fn with_sheet(
    inside: &Inside,
    office: &Office,
    manager: &mut Person,
    patient: PatientId,
) -> Vec<String> {
    let kind = invite(office.practice, Role::Patient, patient.as_bytes().to_vec());
    let code = manager.signs(inside, kind).await.unwrap().code;
    let register = wire::Register {
        code,
        birth_date: "1980-01-31".to_owned(),
        login: "aroha".to_owned(),
        password: PASSWORD.to_owned(),
        wants_sheet: true,
        ..wire::Register::default()
    };
    let registered = invitations::register(&inside.core, PORTAL, &register);
    registered.await.unwrap().sheet
}

/// A patient of a practice of its own, with a password and a sheet.
pub async fn patient_with_sheet(inside: &Inside) -> (PatientId, Vec<String>) {
    let office = office(inside).await;
    let mut manager = manager(inside, &office).await;
    let patient = inside.patient(office.practice, 40).await;
    let sheet = with_sheet(inside, &office, &mut manager, patient).await;
    (patient, sheet)
}

/// The password of that patient.
pub const PASSWORD: &str = "three tūī at dawn";

/// Signs that patient in.
pub async fn by_password(inside: &Inside, code: &str) -> Result<wire::SignedIn, Refusal> {
    let call = wire::PasswordSignIn {
        login: "aroha".to_owned(),
        password: PASSWORD.to_owned(),
        code: code.to_owned(),
        network: "192.0.2.1".to_owned(),
        client: None,
    };
    sign_in::password(&inside.core, PORTAL, &call).await
}

/// Makes a change without an act.
pub async fn change(
    inside: &Inside,
    token: &[u8],
    kind: ChangeKind,
) -> Result<wire::Changed, Refusal> {
    changes::change(
        &inside.core,
        PORTAL,
        &wire::ChangeCall {
            token: token.to_vec(),
            change: Some(Change { kind: Some(kind) }),
        },
    )
    .await
}

/// A signed-in person of the practice or the operator.
pub struct Person {
    pub device: SoftwarePasskey,
    pub token: Vec<u8>,
    pub id: Vec<u8>,
}

impl Person {
    /// An act that they sign with their own passkey, in their own session.
    pub async fn signs(
        &mut self,
        inside: &Inside,
        kind: ChangeKind,
    ) -> Result<wire::Changed, Refusal> {
        act(inside, &self.token, &mut self.device, kind).await
    }
}

pub async fn manager(inside: &Inside, office: &Office) -> Person {
    person(inside, &office.made.invitation, "mere").await
}

pub async fn person(inside: &Inside, code: &str, login: &str) -> Person {
    let (mut device, id) = register(inside, code, login, "").await.unwrap();
    let token = sign_in(inside, &mut device, login, true)
        .await
        .unwrap()
        .token;
    Person { device, token, id }
}

pub async fn officer(inside: &Inside, office: &Office, role: &str, login: &str) -> Person {
    let made = ordered(
        inside,
        &office.codes,
        Command::AddOperator {
            role: role.to_owned(),
            name: login.to_owned(),
        },
    )
    .await
    .unwrap();
    person(inside, &made.invitation, login).await
}

pub fn invite(practice: PracticeId, role: Role, patient: Vec<u8>) -> ChangeKind {
    let staff_name = if patient.is_empty() { "Hēmi Pere" } else { "" };
    ChangeKind::Invite(wire::Invite {
        practice: practice.as_bytes().to_vec(),
        role: role.into(),
        patient,
        staff_name: staff_name.to_owned(),
        ..wire::Invite::default()
    })
}

/// The portal that everybody here comes through.
pub fn portal() -> Instance {
    Instance {
        id: PORTAL,
        kind: InstanceKind::Portal,
    }
}

/// A patient's medicines.
pub fn medicines(patient: PatientId) -> Target {
    Target {
        kind: Some(TargetKind::Section(SectionOf {
            patient: patient.as_bytes().to_vec(),
            section: Section::Medicines.into(),
        })),
    }
}

/// Opens one thing.
pub async fn opened(inside: &Inside, call: wire::Open) -> Result<u64, Reason> {
    let answered = open::open(&inside.core, &portal(), call).await;
    let Reply::Opened(mut opened) = answered.map_err(|refusal| refusal.reason)? else {
        panic!("not an answer to opening")
    };
    match opened.answers.pop().unwrap().outcome.unwrap() {
        Outcome::Granted(granted) => Ok(granted.index),
        Outcome::Denied(refused) => Err(Reason::try_from(refused.reason).unwrap()),
    }
}

/// Opens a patient's medicines, with words and without a passkey's answer over them.
pub async fn opening(
    inside: &Inside,
    token: &[u8],
    patient: PatientId,
    purpose: Purpose,
) -> Result<(), Reason> {
    let call = wire::Open {
        token: token.to_vec(),
        purpose: purpose.into(),
        targets: vec![medicines(patient)],
        reason: "chest pain".to_owned(),
        ..wire::Open::default()
    };
    opened(inside, call).await.map(drop)
}

/// A question about an emergency opening of a patient's record.
pub fn chest_pain(person: &Person, patient: PatientId) -> wire::EmergencyStart {
    wire::EmergencyStart {
        token: person.token.clone(),
        patient: patient.as_bytes().to_vec(),
        words: "chest pain".to_owned(),
        ..wire::EmergencyStart::default()
    }
}

/// The opening of a patient's medicines that a passkey signed with these words, and the sentence.
pub async fn signed(
    inside: &Inside,
    person: &mut Person,
    asked: wire::EmergencyStart,
) -> Result<(wire::Open, String), Reason> {
    let patient = PatientId::try_from(asked.patient.as_slice()).unwrap();
    let asked = emergency::start(&inside.core, &portal(), asked).await;
    let asked = asked.map_err(|refusal| refusal.reason)?;
    let answer = person.device.get(&asked.options_json, ORIGIN);
    let call = wire::Open {
        token: person.token.clone(),
        purpose: Purpose::Emergency.into(),
        targets: vec![medicines(patient)],
        ceremony: asked.ceremony,
        answer_json: answer.unwrap(),
        ..wire::Open::default()
    };
    Ok((call, asked.text))
}

/// Opens a patient's medicines in an emergency.
pub async fn in_an_emergency(
    inside: &Inside,
    person: &mut Person,
    patient: PatientId,
) -> Result<(), Reason> {
    let asked = chest_pain(person, patient);
    let (call, _) = signed(inside, person, asked).await?;
    opened(inside, call).await.map(drop)
}

/// A fresh passkey, with a reason or without one; the session goes on under a new token.
pub async fn prove(inside: &Inside, person: &mut Person, reason: &str) -> Result<(), Reason> {
    let asked = wire::PasskeyStart::default();
    let asked = sign_in::passkey_start(&inside.core, PORTAL, &asked)
        .await
        .unwrap();
    let answer_json = person.device.get(&asked.options_json, ORIGIN);
    let call = wire::StepUp {
        token: person.token.clone(),
        ceremony: asked.ceremony,
        answer_json: answer_json.unwrap(),
        reason: reason.to_owned(),
        ..wire::StepUp::default()
    };
    let proved = sign_in::step_up(&inside.core, PORTAL, &call).await;
    person.token = proved.map_err(|refusal| refusal.reason)?.token;
    Ok(())
}
