//! Two records of one person are linked by two people of a practice, read as one, and taken apart again without a trace.

mod refused;
mod taken_apart;

use crate::arrange::{Scene, Stored, denied, key, new_item, person, scene};
use candour_keeper::draft::Effect;
use candour_keeper::facts::{Fact, Merged, PatientMarks, StaffRole};
use candour_keeper::instances::InstanceKind;
use candour_keeper::session::{NewSession, Principal, SignedBy};
use candour_keeper_api::wire::{self, Call, ChangeKind, Reply};
use candour_keeper_api::words::{Action, ItemKind, MergeStep, Purpose, Reason, Role, Section, Tag};
use candour_keeper_api::{CallError, Token};
use candour_seal::{ItemId, PatientId, PracticeId};
use candour_testkit::keeper::acts::act;
use candour_testkit::keeper::{Staff, instance};
use candour_testkit::passkey::SoftwarePasskey;
use jiff::SignedDuration;

pub type Signer = (Staff, SoftwarePasskey);

/// Somebody with two numbers: the practice put something in under each, and another practice under the older one.
pub struct Merging {
    pub scene: Scene,
    manager: Signer,
    clinician: Signer,
    live: PatientId,
    dormant: PatientId,
    /// Under the number that stays.
    letter: Stored,
    /// Under the older number.
    old: Stored,
    /// The same, marked as sensitive.
    private: Stored,
    elsewhere: PracticeId,
    /// Under the older number, by another practice.
    foreign: ItemId,
    own: Staff,
}

pub async fn signer(scene: &Scene, practice: PracticeId, role: Role) -> Signer {
    let staff = scene.keeper.staff(practice, role).await;
    let device = scene.keeper.give_passkey(staff.person).await;
    (staff, device)
}

pub async fn merging() -> Merging {
    let mut scene = scene().await;
    let (live, dormant) = (scene.patient(1).await, scene.patient(2).await);
    let letter = scene.document(1, live).await;
    let old = scene.document(2, dormant).await;
    let mut private = new_item(3, dormant, ItemKind::Document, Section::None);
    private.tags = vec![Tag::Mental.into()];
    let private = scene.store(vec![private]).await.pop().unwrap();
    scene.segment(4, live, Section::Medicines).await;
    scene.segment(5, dormant, Section::Medicines).await;
    let elsewhere = scene.keeper.practice().await;
    let here = scene.program.clone();
    scene.program = scene.keeper.program(elsewhere, InstanceKind::Import).await;
    let mut known = person(2);
    known.enrolment_key = key(77).to_vec();
    let enrolled = scene.enrol_as(&scene.program, vec![known]).await;
    assert_eq!(enrolled, [Ok(dormant)]);
    let foreign = scene.document(6, dormant).await.item;
    scene.program = here;
    let own = scene.keeper.as_patient(live).await;
    Merging {
        manager: signer(&scene, scene.practice, Role::Manager).await,
        clinician: signer(&scene, scene.practice, Role::Clinician).await,
        live,
        dormant,
        letter,
        old,
        private,
        elsewhere,
        foreign,
        own,
        scene,
    }
}

fn end_of(patient: PatientId, are_two_people: bool) -> ChangeKind {
    ChangeKind::EndMerge(wire::EndMerge {
        patient: patient.as_bytes().to_vec(),
        are_two_people,
        reason: "they met in the waiting room".to_owned(),
    })
}

impl Merging {
    fn merge_of(&self, patient: PatientId, replaced: PatientId) -> ChangeKind {
        ChangeKind::Merge(wire::Merge {
            practice: self.scene.practice.as_bytes().to_vec(),
            patient: patient.as_bytes().to_vec(),
            replaced: replaced.as_bytes().to_vec(),
            who: "Mia Kōrero (ZZZ0001)".to_owned(),
            replaced_who: "Mia Kōrero (ZZZ0002)".to_owned(),
            reason: "the Ministry says so".to_owned(),
        })
    }

    fn merge(&self) -> ChangeKind {
        self.merge_of(self.live, self.dormant)
    }

    async fn by_manager(&mut self, kind: ChangeKind) -> Result<wire::Changed, Reason> {
        let (person, device) = &mut self.manager;
        let signed = act(&self.scene.portal, &person.token, device, kind).await;
        signed.map_err(|error| denied(&error))
    }

    async fn by_clinician(&mut self, kind: ChangeKind) -> Result<wire::Changed, Reason> {
        let (person, device) = &mut self.clinician;
        let signed = act(&self.scene.portal, &person.token, device, kind).await;
        signed.map_err(|error| denied(&error))
    }

    /// Both sign.
    async fn merged(&mut self) {
        let begun = self.by_manager(self.merge()).await.unwrap();
        let approve = ChangeKind::Approve(begun.pending);
        self.by_clinician(approve).await.unwrap();
    }

    /// The same as facts alone, so that other practices' deposits wait.
    async fn merged_with_a_wait(&self) -> i64 {
        let core = &self.scene.keeper.core;
        let opens_from = core.clock.now().as_microsecond() + 72 * 3_600_000_000;
        let (one, other) = (
            core.keys.patient(self.live),
            core.keys.patient(self.dormant),
        );
        let effects = [(one, other, true), (other, one, false)].map(|(of, other, stays)| {
            Effect::fact(
                of,
                Fact::Merged(Merged {
                    other: other.0.to_vec(),
                    stays,
                    practice: self.scene.practice.as_bytes().to_vec(),
                    opens_from,
                    from: core.ledger.size(),
                    sealed_reason: Vec::new(),
                }),
            )
        });
        self.scene.keeper.arrange(effects.into()).await;
        opens_from
    }

    async fn reads(&self, token: &Token, purpose: Purpose, item: ItemId) -> Result<(), Reason> {
        let opened = self.scene.open_document(token, purpose, item).await;
        opened.map(drop)
    }

    async fn own_reads(&self, item: ItemId) -> Result<(), Reason> {
        let token = &self.own.token;
        self.reads(token, Purpose::OwnRecord, item).await
    }

    async fn own_sees(&self, patient: PatientId, section: Section) -> Result<usize, Reason> {
        let token = &self.own.token;
        let opened = self
            .scene
            .open_section(token, Purpose::OwnRecord, patient, section)
            .await;
        opened.map(|permit| permit.items().len())
    }

    async fn patients(&self, token: &Token) -> Vec<wire::Reachable> {
        let call = Call::Session(wire::WithToken {
            token: token.expose().to_vec(),
            ..wire::WithToken::default()
        });
        match self.scene.portal.call(call).await.unwrap() {
            Reply::Session(view) => view.patients,
            _ => panic!("not an answer to a session"),
        }
    }

    async fn history(
        &self,
        token: &Token,
        patient: PatientId,
    ) -> Result<Vec<wire::HistoryEvent>, Reason> {
        let call = Call::History(wire::History {
            token: token.expose().to_vec(),
            patient: patient.as_bytes().to_vec(),
            limit: 50,
            ..wire::History::default()
        });
        match self.scene.portal.call(call).await {
            Ok(Reply::History(page)) => Ok(page.events),
            Ok(_) => panic!("not an answer to history"),
            Err(error) => Err(denied(&error)),
        }
    }

    async fn list(&self, token: &Token, patient: PatientId) -> Result<wire::Merges, CallError> {
        let call = Call::Merges(wire::MergesQuestion {
            token: token.expose().to_vec(),
            patient: patient.as_bytes().to_vec(),
        });
        match self.scene.portal.call(call).await? {
            Reply::Merges(list) => Ok(list),
            _ => panic!("not an answer about merges"),
        }
    }
}

#[tokio::test]
async fn one_person_links_nothing_and_two_let_the_patient_read_both_records() {
    let mut all = merging().await;
    assert_eq!(all.own_reads(all.old.item).await, Err(Reason::NotFound));
    let begun = all.by_manager(all.merge()).await.unwrap();
    assert_eq!(begun.pending.len(), 16);
    assert_eq!(all.own_reads(all.old.item).await, Err(Reason::NotFound));
    let again = all
        .by_manager(ChangeKind::Approve(begun.pending.clone()))
        .await;
    assert_eq!(again.unwrap_err(), Reason::NotAllowed);
    all.by_clinician(ChangeKind::Approve(begun.pending))
        .await
        .unwrap();
    for item in [all.letter.item, all.old.item, all.private.item, all.foreign] {
        assert_eq!(all.own_reads(item).await, Ok(()));
    }
    assert_eq!(all.own_sees(all.dormant, Section::Medicines).await, Ok(1));
    let patients = all.patients(&all.own.token).await;
    assert_eq!(patients.len(), 2);
    assert_eq!(patients[0].patient, all.live.as_bytes());
    assert!(patients[0].merged_with.is_empty());
    let other = &patients[1];
    assert_eq!(other.patient, all.dormant.as_bytes());
    assert_eq!(other.merged_with, all.live.as_bytes());
    assert_eq!(other.merged_by, all.scene.practice.as_bytes());
    assert!(!other.stays && !other.is_proxied && other.opens_from == 0);
}

#[tokio::test]
async fn it_is_the_same_the_other_way_round_where_the_account_is_on_the_older_number() {
    let mut all = merging().await;
    let kind = all.merge_of(all.dormant, all.live);
    let begun = all.by_manager(kind).await.unwrap();
    all.by_clinician(ChangeKind::Approve(begun.pending))
        .await
        .unwrap();
    assert_eq!(all.own_reads(all.old.item).await, Ok(()));
    assert!(all.patients(&all.own.token).await[1].stays);
}

#[tokio::test]
async fn each_entry_stays_with_its_own_patient_and_both_histories_are_shown() {
    let mut all = merging().await;
    all.merged().await;
    all.own_reads(all.old.item).await.unwrap();
    all.own_reads(all.letter.item).await.unwrap();
    let own = &all.own.token;
    let (live, dormant) = (
        all.history(own, all.live).await.unwrap(),
        all.history(own, all.dormant).await.unwrap(),
    );
    let opened = |events: &[wire::HistoryEvent], item: ItemId| {
        let found = events.iter().find(|event| event.item == item.as_bytes());
        found.map(|event| (event.is_viewer, event.is_by_merge))
    };
    assert_eq!(opened(&live, all.letter.item), Some((true, false)));
    assert_eq!(opened(&live, all.old.item), None);
    assert_eq!(opened(&dormant, all.old.item), Some((true, true)));
    for events in [&live, &dormant] {
        let made = i32::from(MergeStep::Made);
        let noted = events.iter().filter(|event| event.merge == made).count();
        assert_eq!(noted, 1);
    }
}

#[tokio::test]
async fn practices_read_what_they_put_in_as_before_and_nothing_more() {
    let mut all = merging().await;
    let there = all.scene.keeper.staff(all.elsewhere, Role::Clinician).await;
    all.merged().await;
    let here = all.scene.clinician.token.clone();
    let care = Purpose::DirectCare;
    assert_eq!(all.reads(&here, care, all.old.item).await, Ok(()));
    assert_eq!(all.reads(&here, care, all.letter.item).await, Ok(()));
    let foreign = all.reads(&here, care, all.foreign).await;
    assert_eq!(foreign, Err(Reason::NotFound));
    assert_eq!(all.reads(&there.token, care, all.foreign).await, Ok(()));
    for item in [all.letter.item, all.old.item] {
        let refused = all.reads(&there.token, care, item).await;
        assert_eq!(refused, Err(Reason::NotFound));
    }
    // Where the other record's patient is not enrolled, nobody learns that there is one.
    assert!(
        all.list(&there.token, all.dormant)
            .await
            .unwrap()
            .merges
            .is_empty()
    );
    assert!(all.list(&there.token, all.live).await.is_err());
}

#[tokio::test]
async fn for_three_days_what_other_practices_put_in_and_what_is_sensitive_waits() {
    let all = merging().await;
    let opens_from = all.merged_with_a_wait().await;
    let new = Err(Reason::CredentialIsNew);
    assert_eq!(all.own_reads(all.old.item).await, Ok(()));
    assert_eq!(all.own_reads(all.foreign).await, new);
    assert_eq!(all.own_reads(all.private.item).await, Err(Reason::NotFound));
    // One's own record is as it was.
    assert_eq!(all.own_reads(all.letter.item).await, Ok(()));
    let own = all.own.token.clone();
    let looked = all.history(&own, all.dormant).await;
    assert_eq!(looked.map(drop), new);
    assert!(all.history(&own, all.live).await.is_ok());
    let other = all.patients(&own).await.pop().unwrap();
    assert_eq!(other.only_from, all.scene.practice.as_bytes());
    assert_eq!(other.opens_from, opens_from);

    all.scene
        .keeper
        .clock
        .advance(SignedDuration::from_hours(72));
    let own = all
        .scene
        .keeper
        .sign_in_patient(all.own.person, Some(all.live));
    for item in [all.old.item, all.foreign, all.private.item] {
        assert_eq!(
            all.reads(&own.token, Purpose::OwnRecord, item).await,
            Ok(())
        );
    }
    assert!(all.history(&own.token, all.dormant).await.is_ok());
}

#[tokio::test]
async fn who_acts_for_all_of_one_record_reads_the_other_and_who_acts_for_a_part_does_not() {
    let mut all = merging().await;
    all.merged().await;
    let whole = all.scene.keeper.as_proxy(all.live, &[], 0).await;
    let part = [Section::Shelf, Section::Medicines];
    let part = all.scene.keeper.as_proxy(all.live, &part, 0).await;
    let of_other = all.scene.keeper.as_proxy(all.dormant, &[], 0).await;
    let acting = Purpose::ProxyAccess;
    for (staff, item, expected) in [
        (&whole, all.old.item, Ok(())),
        (&part, all.old.item, Err(Reason::NotFound)),
        (&part, all.letter.item, Ok(())),
        (&of_other, all.letter.item, Ok(())),
    ] {
        assert_eq!(all.reads(&staff.token, acting, item).await, expected);
    }
    assert_eq!(all.patients(&whole.token).await.len(), 2);
    assert_eq!(all.patients(&part.token).await.len(), 1);
}

#[tokio::test]
async fn both_records_together_are_within_the_budget_of_people_and_a_third_is_not_there() {
    let mut all = merging().await;
    all.merged().await;
    // The other first: the own record must not be the one too many after it.
    assert_eq!(all.own_sees(all.dormant, Section::Medicines).await, Ok(1));
    assert_eq!(all.own_sees(all.live, Section::Medicines).await, Ok(1));
    let third = all.scene.patient(3).await;
    all.scene.segment(9, third, Section::Medicines).await;
    let refused = all.own_sees(third, Section::Medicines).await;
    assert_eq!(refused, Err(Reason::NotFound));
}

#[tokio::test]
async fn by_way_of_a_link_nobody_acts_and_gives_no_right() {
    let mut all = merging().await;
    all.merged().await;
    let asks = |patient: PatientId, action: Action| {
        Call::Authorize(wire::Authorize {
            token: all.own.token.expose().to_vec(),
            action: action.into(),
            purpose: Purpose::OwnRecord.into(),
            patient: patient.as_bytes().to_vec(),
            ..wire::Authorize::default()
        })
    };
    for action in [Action::Send, Action::Book] {
        assert!(all.scene.portal.call(asks(all.live, action)).await.is_ok());
        let refused = all.scene.portal.call(asks(all.dormant, action)).await;
        assert_eq!(denied(&refused.unwrap_err()), Reason::NotFound);
    }
    let mut device = all.scene.keeper.give_passkey(all.own.person).await;
    let share = ChangeKind::Share(wire::SharingRule {
        patient: all.dormant.as_bytes().to_vec(),
        practice: all.elsewhere.as_bytes().to_vec(),
        ..wire::SharingRule::default()
    });
    let refused = act(&all.scene.portal, &all.own.token, &mut device, share).await;
    assert_eq!(denied(&refused.unwrap_err()), Reason::NotFound);
}

#[tokio::test]
async fn what_is_kept_on_either_record_is_kept_on_both() {
    let mut all = merging().await;
    all.merged().await;
    let mut device = all.scene.keeper.give_passkey(all.own.person).await;
    let here = all.scene.clinician.token.clone();
    let care = Purpose::DirectCare;
    assert_eq!(all.reads(&here, care, all.old.item).await, Ok(()));
    all.reads(&here, care, all.letter.item).await.unwrap();
    let events = all.history(&all.own.token, all.live).await.unwrap();
    let mut looks = events
        .iter()
        .filter(|event| event.kind == 1 && !event.is_viewer);
    let index = looks.next().unwrap().index;
    // From the one who looked, everything: on the other record too, whose name they then do not find.
    let keep = ChangeKind::Restrict(wire::SharingRule {
        patient: all.live.as_bytes().to_vec(),
        of_entry: index + 1,
        ..wire::SharingRule::default()
    });
    act(&all.scene.portal, &all.own.token, &mut device, keep)
        .await
        .unwrap();
    for item in [all.letter.item, all.old.item] {
        let refused = all.reads(&here, care, item).await;
        assert_eq!(refused, Err(Reason::NotFound));
    }
    assert!(found(&all, &here).await.is_empty());
    let colleague = all.clinician.0.token.clone();
    assert_eq!(all.reads(&colleague, care, all.old.item).await, Ok(()));
    let mut both = found(&all, &colleague).await;
    both.sort();
    let mut expected = [all.live, all.dormant].map(|id| id.as_bytes().to_vec());
    expected.sort();
    assert_eq!(both, expected);
    // Apart again, the rule is about the record that it was made for.
    let end = end_of(all.live, false);
    all.by_clinician(end).await.unwrap();
    assert_eq!(all.reads(&here, care, all.old.item).await, Ok(()));
    assert_eq!(
        all.reads(&here, care, all.letter.item).await,
        Err(Reason::NotFound)
    );
}

async fn found(all: &Merging, token: &Token) -> Vec<Vec<u8>> {
    let call = Call::Find(wire::Find {
        token: token.expose().to_vec(),
        practice: all.scene.practice.as_bytes().to_vec(),
        terms: Some(wire::FindTerms {
            surname: "Kōrero".to_owned(),
            given: "M".to_owned(),
            ..wire::FindTerms::default()
        }),
        purpose: Purpose::DirectCare.into(),
        ..wire::Find::default()
    });
    match all.scene.portal.call(call).await.unwrap() {
        Reply::Found(found) => found.patients,
        _ => panic!("not an answer to a search"),
    }
}

#[tokio::test]
async fn who_works_at_the_practice_opens_neither_record_of_their_own() {
    let mut all = merging().await;
    all.merged().await;
    // A colleague who is the patient: by the practice's right neither record opens, and neither is found.
    let token = {
        let core = &all.scene.keeper.core;
        let role = Fact::StaffRole(StaffRole {
            practice: all.scene.practice.as_bytes().to_vec(),
            role: Role::Clinician.into(),
            ..StaffRole::default()
        });
        let subject = core.keys.person(all.own.person);
        all.scene
            .keeper
            .arrange(vec![Effect::fact(subject, role)])
            .await;
        let new = NewSession {
            principal: Principal::Person(all.own.person),
            role: Role::Clinician,
            practice: Some(all.scene.practice),
            instance: instance(InstanceKind::Portal),
            by_passkey: true,
            own_patient: Some(all.live),
            signed_by: SignedBy::default(),
        };
        let now = core.clock.now();
        let rng = &mut candour_seal::SystemRandom;
        core.sessions.begin(&core.keys, new, now, rng).unwrap().0
    };
    for item in [all.letter.item, all.old.item] {
        let refused = all.reads(&token, Purpose::DirectCare, item).await;
        assert_eq!(refused, Err(Reason::NotFound));
    }
    assert!(found(&all, &token).await.is_empty());
    let list = all.list(&token, all.dormant).await;
    assert_eq!(denied(&list.unwrap_err()), Reason::NotFound);
}

#[tokio::test]
async fn nothing_is_written_to_somebody_whose_other_record_says_so() {
    let mut all = merging().await;
    let block = new_item(60, all.live, ItemKind::Contact, Section::Contact);
    let address = all.scene.store(vec![block]).await.pop().unwrap().item;
    let mut device = all.scene.keeper.give_passkey(all.own.person).await;
    let sheet = ChangeKind::NewSheet(wire::NewSheet {});
    let changed = act(&all.scene.portal, &all.own.token, &mut device, sheet).await;
    let index = changed.unwrap().index;
    let worker = all.scene.keeper.client(InstanceKind::Worker);
    let addresses = async || {
        let owed = worker.notifications_owed().await.unwrap();
        let mut all = owed.all().iter();
        all.find(|one| one.index == index).unwrap().items.clone()
    };
    let marks = Fact::PatientMarks(PatientMarks {
        is_unsafe_to_write: true,
        ..PatientMarks::default()
    });
    let other = all.scene.keeper.core.keys.patient(all.dormant);
    all.scene
        .keeper
        .arrange(vec![Effect::fact(other, marks)])
        .await;
    assert_eq!(addresses().await, [address], "they are two people yet");
    all.merged().await;
    assert!(addresses().await.is_empty());
}
