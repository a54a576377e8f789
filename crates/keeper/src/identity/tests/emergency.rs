//! Emergency access: what a clinician's passkey signed opens exactly that, once.

use super::{
    Person, chest_pain, in_an_emergency, invite, manager, medicines, office, opened, opening,
    person, prove, signed, with,
};
use crate::draft::{Draft, Effect};
use crate::harness::{Inside, PORTAL, inside};
use crate::identity::{commit, sign_in};
use crate::names::{Named, terms};
use crate::reader;
use candour_keeper_wire::wire::{self, Target, TargetKind};
use candour_keeper_wire::words::{EntryKind, Purpose, Reason, Role};
use candour_seal::PatientId;
use jiff::SignedDuration;

/// A practice, a doctor of it and two of its patients, of whom it knows the first by name.
struct Ward {
    inside: Inside,
    manager: Person,
    doctor: Person,
    mia: PatientId,
    other: PatientId,
}

async fn ward() -> Ward {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let kind = invite(office.practice, Role::Clinician, Vec::new());
    let code = manager.signs(&inside, kind).await.unwrap().code;
    let doctor = person(&inside, &code, "hemi").await;
    let mia = inside.patient(office.practice, 40).await;
    let other = inside.patient(office.practice, 41).await;
    let core = &inside.core;
    let key = core
        .subject_keys
        .names_key(core.keys.practice(office.practice));
    let named = Named {
        nhis: vec!["ZZZ0016"],
        surname: "Kōrero",
        given: "Mia Jane",
        birth_date: "1980-02-29",
        phones: Vec::new(),
    };
    let mut draft = Draft::of_keeper(EntryKind::Change);
    draft.effects = vec![Effect::InsertNames {
        patient: core.keys.patient(mia),
        terms: terms(&key.unwrap(), &named),
    }];
    commit(core, draft).await.unwrap();
    Ward {
        inside,
        manager,
        doctor,
        mia,
        other,
    }
}

fn is_mia() -> wire::FindTerms {
    wire::FindTerms {
        nhi: "ZZZ0016".to_owned(),
        surname: "Kōrero".to_owned(),
        given: "Mia Jane".to_owned(),
        birth_date: "1980-02-29".to_owned(),
        phone: String::new(),
    }
}

impl Ward {
    /// What a portal makes of an answer about the first patient that was to open something else.
    async fn turned(&mut self, turn: impl FnOnce(&mut wire::Open, &Self)) -> Result<u64, Reason> {
        let asked = chest_pain(&self.doctor, self.mia);
        let (mut call, _) = signed(&self.inside, &mut self.doctor, asked).await?;
        turn(&mut call, self);
        opened(&self.inside, call).await
    }

    /// The words of an entry about the first patient.
    async fn text_of(&self, index: u64) -> String {
        let core = &self.inside.core;
        let select = "select body, audit_wrap from entry where index = $1";
        let index_row = i64::try_from(index).unwrap();
        let rows = reader::rows(&core.pool, select, &[&index_row])
            .await
            .unwrap();
        let body = core.open_body(
            core.keys.patient(self.mia),
            index,
            rows[0].get(0),
            rows[0].get(1),
        );
        body.await.unwrap().text
    }
}

#[tokio::test]
async fn an_answer_about_one_patient_opens_nobody_elses_record() {
    let mut ward = ward().await;
    let refused = Err(Reason::StepUpNeeded);
    let other = ward
        .turned(|call, ward| call.targets = vec![medicines(ward.other)])
        .await;
    assert_eq!(other, refused);
    let both = ward
        .turned(|call, ward| call.targets.push(medicines(ward.other)))
        .await;
    assert_eq!(both, refused);
    let document = |call: &mut wire::Open, _: &Ward| {
        call.targets = vec![Target {
            kind: Some(TargetKind::Item(vec![7; 16])),
        }];
    };
    assert_eq!(ward.turned(document).await, Err(Reason::NotFound));
    // The same, for what was signed about one document: it opens no section, and no other document.
    let asked = wire::EmergencyStart {
        item: vec![8; 16],
        ..chest_pain(&ward.doctor, ward.mia)
    };
    let (call, text) = signed(&ward.inside, &mut ward.doctor, asked).await.unwrap();
    assert!(
        text.starts_with("Open in an emergency one document of"),
        "{text}"
    );
    assert_eq!(opened(&ward.inside, call).await, refused);
    // What was signed opens.
    assert!(ward.turned(|_, _| ()).await.is_ok());
}

#[tokio::test]
async fn an_answer_opens_once_in_its_own_session_and_five_minutes_long() {
    let mut ward = ward().await;
    let asked = chest_pain(&ward.doctor, ward.mia);
    let (call, _) = signed(&ward.inside, &mut ward.doctor, asked).await.unwrap();
    opened(&ward.inside, call.clone()).await.unwrap();
    assert_eq!(opened(&ward.inside, call).await, Err(Reason::StepUpNeeded));
    // Nor is one that was turned to something else there for what it was about.
    let asked = chest_pain(&ward.doctor, ward.mia);
    let (call, _) = signed(&ward.inside, &mut ward.doctor, asked).await.unwrap();
    let turned = wire::Open {
        targets: vec![medicines(ward.other)],
        ..call.clone()
    };
    opened(&ward.inside, turned).await.unwrap_err();
    assert_eq!(opened(&ward.inside, call).await, Err(Reason::StepUpNeeded));

    let second = super::sign_in(&ward.inside, &mut ward.doctor.device, "hemi", true).await;
    let second = second.unwrap().token;
    let elsewhere = ward.turned(|call, _| call.token = second).await;
    assert_eq!(elsewhere, Err(Reason::StepUpNeeded));

    let asked = chest_pain(&ward.doctor, ward.mia);
    let (call, _) = signed(&ward.inside, &mut ward.doctor, asked).await.unwrap();
    ward.inside.clock.advance(SignedDuration::from_secs(301));
    assert_eq!(opened(&ward.inside, call).await, Err(Reason::StepUpNeeded));
}

#[tokio::test]
async fn a_passkey_that_was_asked_for_anything_else_opens_no_emergency() {
    let mut ward = ward().await;
    ward.inside.clock.advance(SignedDuration::from_secs(5));
    prove(&ward.inside, &mut ward.doctor, "").await.unwrap();
    let (token, mia) = (ward.doctor.token.clone(), ward.mia);
    let opens = async |purpose| opening(&ward.inside, &token, mia, purpose).await;
    assert_eq!(opens(Purpose::Emergency).await, Err(Reason::StepUpNeeded));
    assert_eq!(opens(Purpose::DirectCare).await, Ok(()));
}

#[tokio::test]
async fn an_answer_to_an_emergency_makes_the_session_no_fresher_for_anything_else() {
    let mut ward = ward().await;
    ward.inside.clock.advance(SignedDuration::from_mins(6));
    assert!(ward.turned(|_, _| ()).await.is_ok());
    let session = with(&ward.doctor.token);
    let view = sign_in::session(&ward.inside.core, PORTAL, &session).await;
    let age = ward.inside.now().as_microsecond() - view.unwrap().proved_at;
    assert_eq!(age, 360_000_000);
}

#[tokio::test]
async fn the_entry_holds_the_sentence_that_was_signed_whatever_words_come_with_the_opening() {
    let mut ward = ward().await;
    let asked = wire::EmergencyStart {
        who: Some(is_mia()),
        ..chest_pain(&ward.doctor, ward.mia)
    };
    let (mut call, text) = signed(&ward.inside, &mut ward.doctor, asked).await.unwrap();
    assert_eq!(
        text,
        "Open in an emergency the record of Mia Jane Kōrero, born 29 February 1980, NHI ZZZ0016. \
         What has happened: chest pain"
    );
    "a research project".clone_into(&mut call.reason);
    let index = opened(&ward.inside, call).await.unwrap();
    assert_eq!(ward.text_of(index).await, text);
}

#[tokio::test]
async fn a_sentence_names_a_patient_as_the_practice_knows_them_or_nobody() {
    let mut ward = ward().await;
    let unnamed = "Open in an emergency the record of a patient whose name cannot be shown here. \
                   What has happened: chest pain";
    let wrong = [
        (ward.other, is_mia()),
        (ward.mia, wire::FindTerms::default()),
        (
            ward.mia,
            wire::FindTerms {
                surname: "Walker".to_owned(),
                ..is_mia()
            },
        ),
        (
            ward.mia,
            wire::FindTerms {
                given: "Ben".to_owned(),
                ..is_mia()
            },
        ),
        (
            ward.mia,
            wire::FindTerms {
                nhi: "ZZZ0024".to_owned(),
                ..is_mia()
            },
        ),
        (
            ward.mia,
            wire::FindTerms {
                birth_date: "1980-03-01".to_owned(),
                ..is_mia()
            },
        ),
        (
            ward.mia,
            wire::FindTerms {
                birth_date: String::new(),
                ..is_mia()
            },
        ),
        (
            ward.mia,
            wire::FindTerms {
                given: "Mia, or: the record of Ben".to_owned(),
                ..is_mia()
            },
        ),
    ];
    for (patient, who) in wrong {
        let asked = wire::EmergencyStart {
            who: Some(who.clone()),
            ..chest_pain(&ward.doctor, patient)
        };
        let (_, text) = signed(&ward.inside, &mut ward.doctor, asked).await.unwrap();
        assert_eq!(text, unnamed, "{who:?}");
    }
}

#[tokio::test]
async fn an_emergency_needs_words_a_practice_and_a_passkey() {
    let mut ward = ward().await;
    for words in ["", "  ", &"a".repeat(301)] {
        let asked = wire::EmergencyStart {
            words: words.to_owned(),
            ..chest_pain(&ward.doctor, ward.mia)
        };
        let refused = signed(&ward.inside, &mut ward.doctor, asked).await;
        assert_eq!(refused.map(drop), Err(Reason::Invalid));
    }
    // Somebody who is there as a patient themself opens none.
    let own = super::sign_in(&ward.inside, &mut ward.doctor.device, "hemi", false).await;
    let staff = std::mem::replace(&mut ward.doctor.token, own.unwrap().token);
    let refused = in_an_emergency(&ward.inside, &mut ward.doctor, ward.mia).await;
    assert_eq!(refused, Err(Reason::NotAllowed));
    ward.doctor.token = staff;
    // Who reads no records opens none in an emergency either.
    let refused = in_an_emergency(&ward.inside, &mut ward.manager, ward.mia).await;
    assert_eq!(refused, Err(Reason::NotAllowed));
}
