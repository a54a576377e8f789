//! What a patient keeps from somebody does not exist for them; what they share with a practice is read there.

mod address;
mod segments;

use crate::arrange::{Scene, Stored, denied, new_item, scene};
use candour_keeper::instances::InstanceKind;
use candour_keeper_api::wire::{self, Call, ChangeKind, Reply, SharingRule};
use candour_keeper_api::words::{ItemKind, Purpose, Reason, Role, Section, Tag};
use candour_keeper_api::{CallError, Token};
use candour_seal::{ItemId, PatientId};
use candour_testkit::keeper::Staff;
use candour_testkit::keeper::acts::act;
use candour_testkit::passkey::SoftwarePasskey;
use jiff::SignedDuration;

/// A patient who can sign, with a letter and its line on the shelf, another letter, medicines, and an address.
struct Sharing {
    scene: Scene,
    patient: PatientId,
    own: Staff,
    device: SoftwarePasskey,
    letter: Stored,
    other: Stored,
}

async fn sharing() -> Sharing {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let letter = scene.document(1, patient).await;
    let mut line = new_item(2, patient, ItemKind::Segment, Section::Shelf);
    line.of_document = letter.item.as_bytes().to_vec();
    scene.store(vec![line]).await;
    let other = scene.document(3, patient).await;
    scene.segment(4, patient, Section::Medicines).await;
    let own = scene.keeper.as_patient(patient).await;
    let device = scene.keeper.give_passkey(own.person).await;
    Sharing {
        scene,
        patient,
        own,
        device,
        letter,
        other,
    }
}

impl Sharing {
    fn rule(&self) -> SharingRule {
        SharingRule {
            patient: self.patient.as_bytes().to_vec(),
            practice: self.scene.practice.as_bytes().to_vec(),
            ..SharingRule::default()
        }
    }

    fn of_document(&self, item: ItemId) -> SharingRule {
        SharingRule {
            item: item.as_bytes().to_vec(),
            ..self.rule()
        }
    }

    async fn sign(&mut self, kind: ChangeKind) -> Result<wire::Changed, Reason> {
        let signed = act(&self.scene.portal, &self.own.token, &mut self.device, kind).await;
        signed.map_err(|error| denied(&error))
    }

    async fn listed(&self) -> wire::Sharing {
        listed(&self.scene, &self.own.token).await.unwrap()
    }

    /// Somebody who acts for the patient, in everything and without an end.
    async fn proxy(&self) -> Staff {
        let keeper = &self.scene.keeper;
        let proxy = keeper.as_proxy(self.patient, &[], 0).await;
        let by = candour_keeper::facts::Fact::ProxiedBy(candour_keeper::facts::ProxiedBy {
            kind: 0,
            person: keeper.core.keys.person(proxy.person).0.to_vec(),
            until: 0,
        });
        let subject = keeper.core.keys.patient(self.patient);
        let effect = candour_keeper::draft::Effect::InsertFact { subject, fact: by };
        keeper.arrange(vec![effect]).await;
        proxy
    }

    /// Ends the newest rule.
    async fn end(&mut self) -> Result<wire::Changed, Reason> {
        let rule = self.listed().await.rules.pop().unwrap();
        let ended = wire::EndSharingRule {
            patient: self.patient.as_bytes().to_vec(),
            rule: rule.rule,
            ..wire::EndSharingRule::default()
        };
        self.sign(if rule.is_share {
            ChangeKind::EndShare(ended)
        } else {
            ChangeKind::EndRestriction(ended)
        })
        .await
    }

    async fn reads(&self, token: &Token, item: ItemId) -> Result<(), Reason> {
        let opened = self.scene.open_document(token, Purpose::DirectCare, item);
        opened.await.map(drop)
    }

    async fn sees(&self, token: &Token, section: Section) -> Result<usize, Reason> {
        let (purpose, patient) = (Purpose::DirectCare, self.patient);
        let opened = self.scene.open_section(token, purpose, patient, section);
        opened.await.map(|permit| permit.items().len())
    }

    /// Opens a section in an emergency, by a passkey answer of its own.
    async fn in_an_emergency(&self, staff: &Staff, section: Section) -> Result<usize, Reason> {
        self.scene
            .in_an_emergency(staff, self.patient, section)
            .await
    }

    /// The patient's history: index, whether granted, and the document.
    async fn history_of(&self, token: &Token) -> Result<Vec<wire::HistoryEvent>, Reason> {
        let call = Call::History(wire::History {
            token: token.expose().to_vec(),
            patient: self.patient.as_bytes().to_vec(),
            limit: 50,
            ..wire::History::default()
        });
        match self.scene.portal.call(call).await {
            Ok(Reply::History(page)) => Ok(page.events),
            Ok(_) => panic!("not an answer to history"),
            Err(error) => Err(denied(&error)),
        }
    }
}

async fn listed(scene: &Scene, token: &Token) -> Result<wire::Sharing, CallError> {
    let call = Call::Sharing(wire::SharingQuestion {
        token: token.expose().to_vec(),
        ..wire::SharingQuestion::default()
    });
    match scene.portal.call(call).await? {
        Reply::Sharing(list) => Ok(list),
        _ => panic!("not an answer to sharing"),
    }
}

#[tokio::test]
async fn a_document_kept_from_a_practice_is_not_there_for_it_nor_its_line_and_its_patient_reads_it()
{
    let mut all = sharing().await;
    let clinician = all.scene.clinician.token.clone();
    let rule = all.of_document(all.letter.item);
    all.sign(ChangeKind::Restrict(rule)).await.unwrap();
    assert_eq!(
        all.reads(&clinician, all.letter.item).await,
        Err(Reason::NotFound)
    );
    assert_eq!(all.sees(&clinician, Section::Shelf).await, Ok(0));
    assert_eq!(all.reads(&clinician, all.other.item).await, Ok(()));
    let own = all
        .scene
        .open_document(&all.own.token, Purpose::OwnRecord, all.letter.item);
    assert!(own.await.is_ok());
    // That it was tried is seen by the patient, and not by the practice.
    let tried = |events: &[wire::HistoryEvent]| {
        let of_letter = |event: &&wire::HistoryEvent| event.item == all.letter.item.as_bytes();
        let tries = events.iter().filter(of_letter);
        tries.filter(|event| !event.is_granted).count()
    };
    assert_eq!(tried(&all.history_of(&all.own.token).await.unwrap()), 1);
    let seen = all.history_of(&clinician).await.unwrap();
    assert_eq!(tried(&seen), 0);
    // It is listed, in words, and comes back when it ends.
    let list = all.listed().await;
    assert_eq!(list.rules.len(), 1);
    assert_eq!(list.rules[0].words, "Kauri Health: one document");
    assert_eq!(list.rules[0].item, all.letter.item.as_bytes());
    all.end().await.unwrap();
    assert_eq!(all.reads(&clinician, all.letter.item).await, Ok(()));
    assert_eq!(all.listed().await.rules, []);
}

#[tokio::test]
async fn everything_kept_from_a_practice_leaves_it_the_name_and_an_emergency_opens_it() {
    let mut all = sharing().await;
    let clinician = all.scene.clinician.token.clone();
    let address = new_item(9, all.patient, ItemKind::Contact, Section::Contact);
    all.scene.store(vec![address]).await;
    let rule = all.rule();
    all.sign(ChangeKind::Restrict(rule)).await.unwrap();
    for section in [Section::Medicines, Section::Shelf] {
        assert_eq!(all.sees(&clinician, section).await, Ok(0), "{section:?}");
    }
    assert_eq!(
        all.reads(&clinician, all.other.item).await,
        Err(Reason::NotFound)
    );
    assert_eq!(all.sees(&clinician, Section::Contact).await, Ok(1));
    let opened = all
        .in_an_emergency(&all.scene.clinician, Section::Medicines)
        .await;
    assert_eq!(opened, Ok(1));
}

#[tokio::test]
async fn a_person_who_was_in_the_history_finds_no_such_patient_any_more_not_even_in_an_emergency() {
    let mut all = sharing().await;
    let practice = all.scene.practice;
    let former = all.scene.keeper.staff(practice, Role::Clinician).await;
    let opened = all
        .scene
        .open_document(&former.token, Purpose::DirectCare, all.other.item);
    let index = opened.await.unwrap().index();
    let rule = SharingRule {
        practice: Vec::new(),
        of_entry: index + 1,
        ..all.rule()
    };
    let done = all.sign(ChangeKind::Restrict(rule)).await.unwrap();
    assert!(done.pending.is_empty() && done.waits_until == 0);
    let gone = Err(Reason::NotFound);
    assert_eq!(all.reads(&former.token, all.other.item).await, gone);
    for section in [Section::Medicines, Section::Identity, Section::Contact] {
        let seen = all.sees(&former.token, section).await;
        assert_eq!(seen, Err(Reason::NotFound), "{section:?}");
    }
    let history = all.history_of(&former.token).await;
    assert_eq!(history.map(|_| ()), Err(Reason::NotFound));
    let found = async |token: &Token| {
        let call = Call::Find(wire::Find {
            token: token.expose().to_vec(),
            purpose: Purpose::DirectCare.into(),
            practice: practice.as_bytes().to_vec(),
            terms: Some(wire::FindTerms {
                nhi: "ZZZ0001".to_owned(),
                ..wire::FindTerms::default()
            }),
            ..wire::Find::default()
        });
        match all.scene.portal.call(call).await.unwrap() {
            Reply::Found(found) => found.patients.len(),
            _ => panic!("not an answer to finding"),
        }
    };
    assert_eq!(found(&former.token).await, 0);
    let invite = ChangeKind::Invite(wire::Invite {
        practice: practice.as_bytes().to_vec(),
        role: Role::Proxy.into(),
        patient: all.patient.as_bytes().to_vec(),
        ..wire::Invite::default()
    });
    let call = Call::ActStart(wire::ActStart {
        token: former.token.expose().to_vec(),
        change: Some(wire::Change { kind: Some(invite) }),
    });
    let invited = all.scene.portal.call(call).await.unwrap_err();
    assert_eq!(denied(&invited), Reason::NotFound);
    // Nor by enrolling them: it is answered as an NHI number with another birth date is.
    let enrolled = async |birth_date: &str| {
        let mut person = crate::arrange::person(1);
        person.enrolment_key = crate::arrange::key(99).to_vec();
        birth_date.clone_into(&mut person.birth_date);
        let call = Call::Enrol(wire::Enrol {
            token: former.token.expose().to_vec(),
            people: vec![person],
        });
        match all.scene.portal.call(call).await.unwrap() {
            Reply::Enrolled(mut enrolled) => enrolled.people.pop().unwrap(),
            _ => panic!("not an answer to enrolling"),
        }
    };
    let known = enrolled("1980-02-29").await;
    assert_eq!(known, enrolled("1981-03-01").await);
    assert_eq!(Reason::try_from(known.refused), Ok(Reason::Invalid));
    // That somebody tried is seen by the patient.
    let events = all.history_of(&all.own.token).await.unwrap();
    assert!(events.iter().any(|event| !event.is_granted));
    // Whoever else works there reads on.
    let clinician = &all.scene.clinician.token;
    assert_eq!(all.reads(clinician, all.other.item).await, Ok(()));
    assert_eq!(found(clinician).await, 1);
    let urgent = all.in_an_emergency(&former, Section::Medicines).await;
    assert_eq!(urgent, Err(Reason::NotFound));
    let words = format!("the clinician of Kauri Health in entry {index} of my access history");
    let list = all.listed().await;
    assert_eq!(list.rules[0].words, format!("{words}: everything"));
}

/// A second practice where the patient is enrolled, and one of its clinicians.
async fn elsewhere(all: &Sharing) -> (candour_seal::PracticeId, Staff) {
    let keeper = &all.scene.keeper;
    let practice = keeper.practice().await;
    let program = keeper.program(practice, InstanceKind::Import).await;
    let mut person = crate::arrange::person(1);
    person.enrolment_key = crate::arrange::key(77).to_vec();
    let enrolled = all.scene.enrol_as(&program, vec![person]).await;
    assert_eq!(enrolled, [Ok(all.patient)]);
    (practice, keeper.staff(practice, Role::Clinician).await)
}

#[tokio::test]
async fn another_practice_reads_what_is_shared_with_it_and_nothing_else_until_it_ends() {
    let mut all = sharing().await;
    let (practice, doctor) = elsewhere(&all).await;
    let mut private = new_item(8, all.patient, ItemKind::Segment, Section::Medicines);
    private.tags = vec![Tag::Mental.into()];
    all.scene.store(vec![private]).await;
    assert_eq!(all.sees(&doctor.token, Section::Medicines).await, Ok(0));
    let now = all.scene.keeper.core.clock.now();
    let until = now.saturating_add(SignedDuration::from_hours(48)).unwrap();
    let medicines = SharingRule {
        practice: practice.as_bytes().to_vec(),
        section: Section::Medicines.into(),
        until: until.as_microsecond(),
        ..all.rule()
    };
    all.sign(ChangeKind::Share(medicines.clone()))
        .await
        .unwrap();
    // Nothing sensitive, and no documents.
    assert_eq!(all.sees(&doctor.token, Section::Medicines).await, Ok(1));
    let gone = Err(Reason::NotFound);
    assert_eq!(all.reads(&doctor.token, all.letter.item).await, gone);
    // The same again, with what is sensitive, takes the older one's place.
    let whole = SharingRule {
        with_sensitive: true,
        ..medicines
    };
    all.sign(ChangeKind::Share(whole)).await.unwrap();
    assert_eq!(all.sees(&doctor.token, Section::Medicines).await, Ok(2));
    let list = all.listed().await;
    assert_eq!(list.rules.len(), 1);
    let words = "Kauri Health: medicines, also what is marked sensitive, for 2 days";
    assert_eq!(list.rules[0].words, words);
    assert_eq!(list.practices.len(), 2);
    // Only clinicians read what is shared.
    let keeper = &all.scene.keeper;
    let reception = keeper.staff(practice, Role::Reception).await;
    let document = SharingRule {
        practice: practice.as_bytes().to_vec(),
        ..all.of_document(all.letter.item)
    };
    all.sign(ChangeKind::Share(document)).await.unwrap();
    assert_eq!(all.reads(&doctor.token, all.letter.item).await, Ok(()));
    assert_eq!(all.reads(&doctor.token, all.other.item).await, gone);
    assert_eq!(all.sees(&doctor.token, Section::Shelf).await, Ok(1));
    let filed = all
        .scene
        .open_document(&reception.token, Purpose::Administration, all.letter.item);
    assert_eq!(filed.await.map(drop), Err(Reason::NotAllowed));
    let listed = all.scene.open_section(
        &reception.token,
        Purpose::Administration,
        all.patient,
        Section::Shelf,
    );
    assert_eq!(listed.await.map(|permit| permit.items().len()), Ok(0));
    // What its patient ends is over, and so is what ends by itself.
    all.end().await.unwrap();
    assert_eq!(all.reads(&doctor.token, all.letter.item).await, gone);
    assert_eq!(all.sees(&doctor.token, Section::Medicines).await, Ok(2));
    let clock = &all.scene.keeper.clock;
    clock.advance(SignedDuration::from_hours(48));
    let again = all
        .scene
        .keeper
        .sign_in_staff(doctor.person, practice, Role::Clinician);
    assert_eq!(all.sees(&again.token, Section::Medicines).await, Ok(0));
}

#[tokio::test]
async fn what_is_kept_from_a_practice_is_not_shared_with_it_and_the_register_names_each_item() {
    let mut all = sharing().await;
    let (practice, doctor) = elsewhere(&all).await;
    let with = practice.as_bytes().to_vec();
    let everything = SharingRule {
        practice: with.clone(),
        ..all.rule()
    };
    all.sign(ChangeKind::Share(everything)).await.unwrap();
    assert_eq!(all.reads(&doctor.token, all.letter.item).await, Ok(()));
    let kept = SharingRule {
        practice: with,
        ..all.of_document(all.letter.item)
    };
    all.sign(ChangeKind::Restrict(kept)).await.unwrap();
    let gone = Err(Reason::NotFound);
    assert_eq!(all.reads(&doctor.token, all.letter.item).await, gone);
    assert_eq!(all.reads(&doctor.token, all.other.item).await, Ok(()));
    // Its address is not part of "everything".
    let address = new_item(9, all.patient, ItemKind::Contact, Section::Contact);
    all.scene.store(vec![address]).await;
    assert_eq!(all.sees(&doctor.token, Section::Contact).await, Ok(0));
    let (purpose, section) = (Purpose::DirectCare, Section::Medicines);
    let opened = all
        .scene
        .open_section(&doctor.token, purpose, all.patient, section)
        .await
        .unwrap();
    let room = all.scene.keeper.client(InstanceKind::Room);
    let question = Call::SectionAt(wire::SectionAt {
        index: opened.index(),
        patient: all.patient.as_bytes().to_vec(),
    });
    let Reply::SectionAt(covered) = room.call(question).await.unwrap() else {
        panic!("not an answer to the section");
    };
    let ids = opened.items().iter();
    let ids: Vec<Vec<u8>> = ids.map(|item| item.item().as_bytes().to_vec()).collect();
    assert_eq!((covered.items.len(), covered.items), (1, ids));
}

#[tokio::test]
async fn nobody_but_the_patient_makes_a_rule_and_none_about_what_is_not_theirs() {
    let mut all = sharing().await;
    let stranger = all.scene.keeper.practice().await;
    let foreign = SharingRule {
        practice: stranger.as_bytes().to_vec(),
        ..all.rule()
    };
    for kind in [
        ChangeKind::Share(foreign.clone()),
        ChangeKind::Restrict(foreign),
        ChangeKind::Restrict(all.of_document(ItemId::from_bytes([7; 16]))),
        ChangeKind::Restrict(SharingRule {
            practice: Vec::new(),
            person: all.scene.clinician.person.as_bytes().to_vec(),
            ..all.rule()
        }),
        ChangeKind::Restrict(SharingRule {
            practice: Vec::new(),
            of_entry: 1,
            ..all.rule()
        }),
        ChangeKind::EndShare(wire::EndSharingRule {
            patient: all.patient.as_bytes().to_vec(),
            rule: 1,
            ..wire::EndSharingRule::default()
        }),
    ] {
        assert_eq!(all.sign(kind).await.map(|_| ()), Err(Reason::NotFound));
    }
    for wrong in [
        SharingRule {
            section: Section::Identity.into(),
            ..all.rule()
        },
        SharingRule {
            section: Section::Medicines.into(),
            ..all.of_document(all.letter.item)
        },
        SharingRule {
            practice: Vec::new(),
            ..all.rule()
        },
        SharingRule {
            practice: Vec::new(),
            person: all.own.person.as_bytes().to_vec(),
            ..all.rule()
        },
    ] {
        let refused = all.sign(ChangeKind::Restrict(wrong.clone())).await;
        assert_eq!(refused.map(|_| ()), Err(Reason::Invalid), "{wrong:?}");
    }
    // A proxy, staff, and another patient.
    let keeper = &all.scene.keeper;
    let neighbour = all.scene.patient(2).await;
    let others = [
        (
            keeper.as_proxy(all.patient, &[], 0).await,
            Reason::NotAllowed,
        ),
        (keeper.as_patient(neighbour).await, Reason::NotAllowed),
    ];
    let staff = keeper.staff(all.scene.practice, Role::Manager).await;
    for person in [&others[0].0, &others[1].0, &staff] {
        let mut device = keeper.give_passkey(person.person).await;
        for kind in [
            ChangeKind::Share(all.rule()),
            ChangeKind::Restrict(all.rule()),
        ] {
            let refused = act(&all.scene.portal, &person.token, &mut device, kind).await;
            let reason = denied(&refused.unwrap_err());
            assert!(matches!(reason, Reason::NotFound | Reason::NotAllowed));
        }
    }
    for (person, reason) in [&others[0], &(staff, Reason::NotAllowed)] {
        let list = listed(&all.scene, &person.token).await;
        assert_eq!(denied(&list.unwrap_err()), *reason);
    }
    assert_eq!(all.listed().await.rules, []);
}

#[tokio::test]
async fn a_rule_is_ended_as_what_it_is() {
    let mut all = sharing().await;
    let rule = all.rule();
    all.sign(ChangeKind::Restrict(rule)).await.unwrap();
    let rule = all.listed().await.rules.pop().unwrap();
    // Ending a share needs no wait; what keeps from somebody is not ended that way.
    let ended = wire::EndSharingRule {
        patient: all.patient.as_bytes().to_vec(),
        rule: rule.rule,
        ..wire::EndSharingRule::default()
    };
    let refused = all.sign(ChangeKind::EndShare(ended)).await;
    assert_eq!(refused.map(|_| ()), Err(Reason::NotFound));
    assert_eq!(all.listed().await.rules.len(), 1);
}

#[tokio::test]
async fn a_patient_sees_who_acts_for_them_and_keeps_a_section_from_one_of_them() {
    let mut all = sharing().await;
    let proxy = all.proxy().await;
    let list = all.listed().await;
    assert_eq!(list.proxies.len(), 1);
    assert_eq!(list.proxies[0].person, proxy.person.as_bytes());
    let rule = SharingRule {
        practice: Vec::new(),
        person: proxy.person.as_bytes().to_vec(),
        section: Section::Medicines.into(),
        ..all.rule()
    };
    all.sign(ChangeKind::Restrict(rule)).await.unwrap();
    let seen = async |section| {
        let (purpose, patient) = (Purpose::ProxyAccess, all.patient);
        let opened = all
            .scene
            .open_section(&proxy.token, purpose, patient, section);
        opened.await.map(|permit| permit.items().len())
    };
    assert_eq!(seen(Section::Medicines).await, Ok(0));
    assert_eq!(seen(Section::Shelf).await, Ok(1));
}
