//! Who acts for a patient: as long as their age, their life and their wish allow it, at every practice, and ended without a
//! word.

use crate::arrange::{Scene, Stored, denied, new_item, person, scene};
use candour_keeper::draft::Effect;
use candour_keeper::facts::{Fact, PatientMarks, ProxiedBy, Proxy, SelfPatient};
use candour_keeper::instances::InstanceKind;
use candour_keeper_api::Token;
use candour_keeper_api::wire::{self, Call, ChangeKind, Reply};
use candour_keeper_api::words::{
    Age, EntryKind, ItemKind, ProxyKind, Purpose, Reason, Role, Section, Tag,
};
use candour_seal::PatientId;
use candour_testkit::keeper::Staff;
use candour_testkit::keeper::acts::act;
use candour_testkit::passkey::SoftwarePasskey;

/// Somebody born on a day, with an ordinary letter and one about their mental health. It is 2 March 2026, 9 pm in UTC, and
/// 3 March where the day begins first.
struct Somebody {
    patient: PatientId,
    letter: Stored,
    private: Stored,
}

async fn born(scene: &Scene, number: u64, birth_date: &str) -> Somebody {
    let somebody = wire::NewEnrolment {
        birth_date: birth_date.to_owned(),
        ..person(number)
    };
    let mut enrolled = scene.enrol_as(&scene.program, vec![somebody]).await;
    let patient = enrolled.pop().unwrap().unwrap();
    let letter = scene.document(number * 100, patient).await;
    let mut private = new_item(number * 100 + 1, patient, ItemKind::Document, Section::None);
    private.tags = vec![Tag::Mental.into()];
    let private = scene.store(vec![private]).await.pop().unwrap();
    Somebody {
        patient,
        letter,
        private,
    }
}

async fn acts_as(scene: &Scene, patient: PatientId, kind: i32) -> Staff {
    let patient = scene.keeper.core.keys.patient(patient).0.to_vec();
    let proxy = Proxy {
        patient,
        kind,
        ..Proxy::default()
    };
    scene.keeper.as_proxy_by(proxy).await
}

/// What somebody who acts reads: the ordinary letter, the private one.
async fn reads(scene: &Scene, acting: &Staff, of: &Somebody) -> [Result<(), Reason>; 2] {
    let read = |item| scene.open_document(&acting.token, Purpose::ProxyAccess, item);
    let (letter, private) = (read(of.letter.item).await, read(of.private.item).await);
    [letter.map(drop), private.map(drop)]
}

async fn view(scene: &Scene, token: &Token) -> Result<wire::SessionView, Reason> {
    let call = Call::Session(wire::WithToken {
        token: token.expose().to_vec(),
        ..wire::WithToken::default()
    });
    match scene.portal.call(call).await {
        Ok(Reply::Session(view)) => Ok(view),
        Ok(_) => panic!("not an answer to a session"),
        Err(error) => Err(denied(&error)),
    }
}

async fn history(scene: &Scene, token: &Token, patient: PatientId) -> Result<(), Reason> {
    let call = Call::History(wire::History {
        token: token.expose().to_vec(),
        patient: patient.as_bytes().to_vec(),
        limit: 10,
        ..wire::History::default()
    });
    let seen = scene.portal.call(call).await;
    seen.map(drop).map_err(|error| denied(&error))
}

/// How many lines of the list somebody who acts sees.
async fn seen_by(scene: &Scene, acting: &Staff, patient: PatientId) -> usize {
    let call = Call::History(wire::History {
        token: acting.token.expose().to_vec(),
        patient: patient.as_bytes().to_vec(),
        limit: 50,
        ..wire::History::default()
    });
    match scene.portal.call(call).await.unwrap() {
        Reply::History(page) => page.events.len(),
        _ => panic!("not an answer"),
    }
}

fn in_three_days(scene: &Scene) -> i64 {
    scene.keeper.core.clock.now().as_microsecond() + 72 * 3_600_000_000
}

const NO: [Result<(), Reason>; 2] = [Err(Reason::NotFound), Err(Reason::NotFound)];

#[tokio::test]
async fn from_their_twelfth_birthday_on_what_is_sensitive_is_not_there_for_a_guardian() {
    let scene = scene().await;
    let (young, child) = (
        born(&scene, 1, "2014-03-03").await,
        born(&scene, 2, "2014-03-04").await,
    );
    for kind in [ProxyKind::Guardian.into(), ProxyKind::Wish.into(), 0] {
        let guardian = acts_as(&scene, child.patient, kind).await;
        assert_eq!(reads(&scene, &guardian, &child).await, [Ok(()), Ok(())]);
        assert_eq!(
            history(&scene, &guardian.token, child.patient).await,
            Ok(())
        );
        let acting = acts_as(&scene, young.patient, kind).await;
        let seen = reads(&scene, &acting, &young).await;
        assert_eq!(seen, [Ok(()), Err(Reason::NotFound)], "{kind}");
        // By who looked one would know where they went.
        let looked = history(&scene, &acting.token, young.patient).await;
        assert_eq!(looked, Err(Reason::NotAllowed));
        let view = view(&scene, &acting.token).await.unwrap();
        assert_eq!(view.patients[0].age, i32::from(Age::Young));
        assert_eq!(view.patients[0].grown_from, 16);
    }
    let own = scene.keeper.as_patient(young.patient).await;
    let opened = scene.open_document(&own.token, Purpose::OwnRecord, young.private.item);
    assert!(opened.await.is_ok());
}

#[tokio::test]
async fn at_sixteen_a_guardian_acts_no_more_and_whoever_the_person_let_does() {
    let scene = scene().await;
    let (grown, young) = (
        born(&scene, 1, "2010-03-03").await,
        born(&scene, 2, "2010-03-04").await,
    );
    // One of before kinds were written down was let by a practice, for all anybody knows.
    for kind in [ProxyKind::Guardian.into(), 0] {
        let guardian = acts_as(&scene, young.patient, kind).await;
        let seen = reads(&scene, &guardian, &young).await;
        assert_eq!(seen, [Ok(()), Err(Reason::NotFound)]);
        let guardian = acts_as(&scene, grown.patient, kind).await;
        assert_eq!(reads(&scene, &guardian, &grown).await, NO, "{kind}");
        assert!(
            view(&scene, &guardian.token)
                .await
                .unwrap()
                .patients
                .is_empty()
        );
    }
    for kind in [ProxyKind::Wish, ProxyKind::Helper] {
        let acting = acts_as(&scene, grown.patient, kind.into()).await;
        assert_eq!(reads(&scene, &acting, &grown).await, [Ok(()), Ok(())]);
    }
    let before = born(&scene, 3, "2009-12-31").await;
    let of_before = acts_as(&scene, before.patient, 0).await;
    assert_eq!(reads(&scene, &of_before, &before).await, [Ok(()), Ok(())]);
}

async fn own_list(scene: &Scene, token: &Token) -> wire::Sharing {
    let call = Call::Sharing(wire::SharingQuestion {
        token: token.expose().to_vec(),
        ..wire::SharingQuestion::default()
    });
    match scene.portal.call(call).await.unwrap() {
        Reply::Sharing(list) => list,
        _ => panic!("not an answer"),
    }
}

#[tokio::test]
async fn a_young_person_sees_who_acts_for_them_until_they_are_grown() {
    let scene = scene().await;
    for (number, birth_date, listed) in [(1, "2013-01-05", 1), (2, "2000-01-05", 0)] {
        let somebody = born(&scene, number, birth_date).await;
        let guardian = acts_as(&scene, somebody.patient, ProxyKind::Guardian.into()).await;
        let keys = &scene.keeper.core.keys;
        let fact = Fact::ProxiedBy(ProxiedBy {
            person: keys.person(guardian.person).0.to_vec(),
            kind: ProxyKind::Guardian.into(),
            ..ProxiedBy::default()
        });
        let subject = keys.patient(somebody.patient);
        let effect = Effect::InsertFact { subject, fact };
        scene.keeper.arrange(vec![effect]).await;
        let own = scene.keeper.as_patient(somebody.patient).await;
        let list = own_list(&scene, &own.token).await;
        assert_eq!(list.proxies.len(), listed, "{birth_date}");
    }
}

/// Another practice let them act for all of a patient just now: what others put in waits for three days.
async fn invited_elsewhere(scene: &Scene, acting: &Staff, patient: PatientId) {
    let elsewhere = scene.keeper.practice().await;
    let core = &scene.keeper.core;
    let fact = Fact::Proxy(Proxy {
        patient: core.keys.patient(patient).0.to_vec(),
        kind: ProxyKind::Helper.into(),
        invited_at: elsewhere.as_bytes().to_vec(),
        opens_from: in_three_days(scene),
        ..Proxy::default()
    });
    let subject = core.keys.person(acting.person);
    let effect = Effect::InsertFact { subject, fact };
    scene.keeper.arrange(vec![effect]).await;
}

#[tokio::test]
async fn an_older_right_to_some_of_a_record_lessens_no_wait_for_the_rest() {
    let scene = scene().await;
    let somebody = born(&scene, 1, "1950-01-31").await;
    let pills = new_item(1, somebody.patient, ItemKind::Segment, Section::Medicines);
    let pills = scene.store(vec![pills]).await.pop().unwrap();
    let read = async |acting: &Staff| {
        let open = |item| scene.open_document(&acting.token, Purpose::ProxyAccess, item);
        let (pills, letter) = (open(pills.item).await, open(somebody.letter.item).await);
        [pills.map(drop), letter.map(drop)]
    };
    let patient = scene.keeper.core.keys.patient(somebody.patient).0.to_vec();
    let of_medicines = Proxy {
        patient,
        kind: ProxyKind::Wish.into(),
        sections: vec![Section::Medicines.into()],
        ..Proxy::default()
    };
    let acting = scene.keeper.as_proxy_by(of_medicines).await;
    assert_eq!(read(&acting).await, [Ok(()), Err(Reason::NotFound)]);
    invited_elsewhere(&scene, &acting, somebody.patient).await;
    assert_eq!(read(&acting).await, [Ok(()), Err(Reason::CredentialIsNew)]);
    let before = seen_by(&scene, &acting, somebody.patient).await;
    // Nor does the list of who opened the record show more than that they looked at it.
    scene
        .open_document(
            &scene.clinician.token,
            Purpose::DirectCare,
            somebody.letter.item,
        )
        .await
        .unwrap();
    assert_eq!(seen_by(&scene, &acting, somebody.patient).await, before + 1);
    // Whoever acts for somebody is not them: an older right to act lifts no wait of being them.
    let fact = Fact::SelfPatient(SelfPatient {
        patient: scene.keeper.core.keys.patient(somebody.patient).0.to_vec(),
        invited_at: scene.keeper.practice().await.as_bytes().to_vec(),
        opens_from: in_three_days(&scene),
    });
    let subject = scene.keeper.core.keys.person(acting.person);
    scene
        .keeper
        .arrange(vec![Effect::fact(subject, fact)])
        .await;
    let looked = history(&scene, &acting.token, somebody.patient).await;
    assert_eq!(looked, Err(Reason::CredentialIsNew));
}

#[tokio::test]
async fn a_right_that_ended_with_the_patients_age_lessens_no_wait_of_a_new_one() {
    let scene = scene().await;
    for (number, birth_date, of_all) in [
        (1, "2000-01-05", Err(Reason::CredentialIsNew)),
        (2, "2013-01-05", Ok(())),
    ] {
        let somebody = born(&scene, number, birth_date).await;
        let acting = acts_as(&scene, somebody.patient, ProxyKind::Guardian.into()).await;
        invited_elsewhere(&scene, &acting, somebody.patient).await;
        let [letter, _] = reads(&scene, &acting, &somebody).await;
        assert_eq!(letter, of_all, "{birth_date}");
    }
}

/// Marks that somebody has died, or is alive after all.
async fn mark(scene: &Scene, patient: PatientId, is_deceased: bool) {
    let fact = Fact::PatientMarks(PatientMarks {
        is_deceased,
        is_unsafe_to_write: false,
    });
    let subject = scene.keeper.core.keys.patient(patient);
    scene
        .keeper
        .arrange(vec![Effect::InsertFact { subject, fact }])
        .await;
}

#[tokio::test]
async fn with_a_death_every_right_that_derived_from_the_living_ends_and_comes_back_if_it_was_none()
{
    let scene = scene().await;
    let somebody = born(&scene, 1, "1950-01-31").await;
    let own = scene.keeper.as_patient(somebody.patient).await;
    let daughter = acts_as(&scene, somebody.patient, ProxyKind::Wish.into()).await;
    let executor = acts_as(&scene, somebody.patient, ProxyKind::Representative.into()).await;
    let own_letter = || scene.open_document(&own.token, Purpose::OwnRecord, somebody.letter.item);
    for _ in 0..2 {
        assert!(own_letter().await.is_ok());
        assert_eq!(reads(&scene, &daughter, &somebody).await, [Ok(()), Ok(())]);
        assert_eq!(reads(&scene, &executor, &somebody).await, NO);
        mark(&scene, somebody.patient, true).await;
        assert_eq!(
            view(&scene, &own.token).await.map(drop),
            Err(Reason::Deceased)
        );
        let call = Call::Open(wire::Open {
            token: own.token.expose().to_vec(),
            purpose: Purpose::OwnRecord.into(),
            targets: vec![wire::Target {
                kind: Some(wire::TargetKind::Item(
                    somebody.letter.item.as_bytes().to_vec(),
                )),
            }],
            ..wire::Open::default()
        });
        let refused = scene.portal.call(call).await.unwrap_err();
        assert_eq!(denied(&refused), Reason::Deceased);
        assert_eq!(reads(&scene, &daughter, &somebody).await, NO);
        assert_eq!(reads(&scene, &executor, &somebody).await, [Ok(()), Ok(())]);
        mark(&scene, somebody.patient, false).await;
    }
}

impl Scene {
    async fn invited(&self, staff: &Staff, invite: wire::Invite) -> Result<String, Reason> {
        let kind = ChangeKind::Invite(wire::Invite {
            practice: self.practice.as_bytes().to_vec(),
            ..invite
        });
        let mut device = self.keeper.give_passkey(staff.person).await;
        match act(&self.portal, &staff.token, &mut device, kind).await {
            Ok(changed) => Ok(changed.code),
            Err(error) => Err(denied(&error)),
        }
    }
}

async fn acting(
    scene: &Scene,
    token: &Token,
    patient: PatientId,
) -> Result<wire::ActingList, Reason> {
    let call = Call::Acting(wire::ActingQuestion {
        token: token.expose().to_vec(),
        patient: patient.as_bytes().to_vec(),
    });
    match scene.portal.call(call).await {
        Ok(Reply::Acting(answer)) => Ok(answer),
        Ok(_) => panic!("not an answer"),
        Err(error) => Err(denied(&error)),
    }
}

#[tokio::test]
async fn a_parent_let_in_at_one_practice_reads_of_all_and_is_shut_out_at_another_without_a_word() {
    let mut scene = scene().await;
    let child = born(&scene, 1, "2019-05-05").await;
    let patient = child.patient.as_bytes().to_vec();
    let own = wire::Invite {
        role: Role::Patient.into(),
        patient: patient.clone(),
        ..wire::Invite::default()
    };
    let refused = scene.invited(&scene.clinician, own.clone()).await;
    assert_eq!(refused, Err(Reason::WrongAge));
    let mother = wire::Invite {
        role: Role::Proxy.into(),
        reason: "mother".to_owned(),
        // Whatever the form says: it follows from whose record it is.
        kind: ProxyKind::Wish.into(),
        ..own
    };
    let code = scene.invited(&scene.clinician, mother).await.unwrap();
    let parent = scene.patient(2).await;
    let parent = scene.keeper.as_patient(parent).await;
    let link = Call::InvitationLink(wire::InvitationLink {
        token: parent.token.expose().to_vec(),
        code,
        birth_date: "2019-05-05".to_owned(),
    });
    scene.portal.call(link).await.unwrap();

    let other = scene.keeper.practice().await;
    let program = scene.keeper.program(other, InstanceKind::Import).await;
    let known = wire::NewEnrolment {
        birth_date: "2019-05-05".to_owned(),
        ..person(1)
    };
    assert!(scene.enrol_as(&program, vec![known]).await[0].is_ok());
    scene.program = program;
    let theirs = scene.document(900, child.patient).await;
    let read = || scene.open_document(&parent.token, Purpose::ProxyAccess, theirs.item);
    assert!(read().await.is_ok());

    let there = scene.keeper.staff(other, Role::Reception).await;
    let list = acting(&scene, &there.token, child.patient).await.unwrap();
    assert_eq!(list.people.len(), 1);
    assert_eq!(list.people[0].kind, i32::from(ProxyKind::Guardian));
    assert_eq!(list.people[0].reason, "mother");
    let elsewhere = scene.keeper.practice().await;
    let stranger = scene.keeper.staff(elsewhere, Role::Reception).await;
    let refused = acting(&scene, &stranger.token, child.patient).await;
    assert_eq!(refused, Err(Reason::NotFound));
    let refused = acting(&scene, &parent.token, child.patient).await;
    assert!(refused.is_err());

    let before = view(&scene, &parent.token).await.unwrap();
    assert_eq!(before.patients.len(), 2);
    let mut device = scene.keeper.give_passkey(there.person).await;
    let end = ChangeKind::EndProxy(wire::ProxyChange {
        person: parent.person.as_bytes().to_vec(),
        patient,
        ..wire::ProxyChange::default()
    });
    act(&scene.portal, &there.token, &mut device, end)
        .await
        .unwrap();
    // For whoever acted it is as if they never had: the refusal is the stranger's, and nothing tells of it.
    let never = scene.patient(3).await;
    let never = scene.keeper.as_patient(never).await;
    let of_stranger = scene.open_document(&never.token, Purpose::ProxyAccess, theirs.item);
    assert_eq!(read().await.map(drop), of_stranger.await.map(drop));
    assert_eq!(read().await.map(drop), Err(Reason::NotFound));
    let after = view(&scene, &parent.token).await.unwrap();
    let expected = wire::SessionView {
        patients: before.patients[..1].to_vec(),
        ..before
    };
    assert_eq!(after, expected);
    let alarms = scene.count(EntryKind::Alarm, 0).await;
    assert_eq!(alarms, 0);
    let list = acting(&scene, &there.token, child.patient).await.unwrap();
    assert!(list.people.is_empty());
}

/// Somebody who acts, with a passkey to sign with.
struct Parent {
    staff: Staff,
    device: SoftwarePasskey,
}

impl Parent {
    async fn of(scene: &Scene, patient: PatientId, sections: Vec<i32>) -> Self {
        let staff = scene
            .keeper
            .as_proxy_by(Proxy {
                patient: scene.keeper.core.keys.patient(patient).0.to_vec(),
                kind: ProxyKind::Guardian.into(),
                sections,
                ..Proxy::default()
            })
            .await;
        let device = scene.keeper.give_passkey(staff.person).await;
        Self { staff, device }
    }

    async fn signs(&mut self, scene: &Scene, kind: ChangeKind) -> Result<(), Reason> {
        let signed = act(&scene.portal, &self.staff.token, &mut self.device, kind).await;
        signed.map(drop).map_err(|error| denied(&error))
    }

    async fn list(&self, scene: &Scene, patient: PatientId) -> Result<wire::Sharing, Reason> {
        let call = Call::Sharing(wire::SharingQuestion {
            token: self.staff.token.expose().to_vec(),
            patient: patient.as_bytes().to_vec(),
            ..wire::SharingQuestion::default()
        });
        match scene.portal.call(call).await {
            Ok(Reply::Sharing(list)) => Ok(list),
            Ok(_) => panic!("not an answer to sharing"),
            Err(error) => Err(denied(&error)),
        }
    }
}

#[tokio::test]
async fn a_guardian_keeps_a_section_of_a_child_from_a_practice_and_alone_lets_it_be_seen_again() {
    let scene = scene().await;
    let child = born(&scene, 1, "2019-05-05").await;
    scene.segment(700, child.patient, Section::Medicines).await;
    let seen = async || {
        let (token, purpose) = (&scene.clinician.token, Purpose::DirectCare);
        let opened = scene.open_section(token, purpose, child.patient, Section::Medicines);
        opened.await.map(|permit| permit.items().len())
    };
    let mut mother = Parent::of(&scene, child.patient, Vec::new()).await;
    let mut father = Parent::of(&scene, child.patient, Vec::new()).await;
    let rule = |patient: PatientId| wire::SharingRule {
        patient: patient.as_bytes().to_vec(),
        practice: scene.practice.as_bytes().to_vec(),
        section: Section::Medicines.into(),
        ..wire::SharingRule::default()
    };
    assert_eq!(seen().await, Ok(1));
    let keep = ChangeKind::Restrict(rule(child.patient));
    mother.signs(&scene, keep.clone()).await.unwrap();
    assert_eq!(seen().await, Ok(0));
    let list = mother.list(&scene, child.patient).await.unwrap();
    assert!(list.may_keep && list.proxies.is_empty() && list.rules.len() == 1);
    assert_eq!(list.rules[0].words, "Kauri Health: medicines");
    // The other parent neither sees nor ends it, and cannot be shut out.
    assert!(
        father
            .list(&scene, child.patient)
            .await
            .unwrap()
            .rules
            .is_empty()
    );
    let ended = ChangeKind::EndRestriction(wire::EndSharingRule {
        patient: child.patient.as_bytes().to_vec(),
        rule: list.rules[0].rule,
        ..wire::EndSharingRule::default()
    });
    assert_eq!(
        father.signs(&scene, ended.clone()).await,
        Err(Reason::NotFound)
    );
    let other = ChangeKind::Restrict(wire::SharingRule {
        practice: Vec::new(),
        person: father.staff.person.as_bytes().to_vec(),
        ..rule(child.patient)
    });
    assert_eq!(mother.signs(&scene, other).await, Err(Reason::NotFound));
    // Who acts for a part of the record decides nothing about it, and nobody for somebody young.
    let part = vec![Section::Medicines.into()];
    let mut aunt = Parent::of(&scene, child.patient, part).await;
    assert_eq!(aunt.signs(&scene, keep).await, Err(Reason::NotFound));
    let young = born(&scene, 2, "2013-01-05").await;
    let mut parent = Parent::of(&scene, young.patient, Vec::new()).await;
    let refused = parent
        .signs(&scene, ChangeKind::Restrict(rule(young.patient)))
        .await;
    assert_eq!(refused, Err(Reason::NotAllowed));
    assert!(!parent.list(&scene, young.patient).await.unwrap().may_keep);
    mother.signs(&scene, ended).await.unwrap();
    assert_eq!(seen().await, Ok(1));
}
