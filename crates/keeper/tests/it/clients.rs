//! A practice's program reads what two of its managers let it, of its own practice's patients, within its budget, and until
//! the day they signed.

use crate::arrange::{Scene, denied, key, new_item, person, scene, viewer};
use crate::merges::{Signer, signer};
use candour_keeper::draft::Effect;
use candour_keeper::facts::{AddressProtection, Fact, RecordPart, Restriction};
use candour_keeper_api::wire::{self, Call, ChangeKind, ClientView, Reply};
use candour_keeper_api::words::{ItemKind, Purpose, Reason, Role, Section, Tag};
use candour_keeper_api::{CallError, Item, Keeper, Section as SectionOf, Target, Token};
use candour_rules::freeze::Frozen;
use candour_rules::keys;
use candour_seal::PatientId;
use candour_testkit::keeper::acts::act;
use candour_testkit::keeper::{InstanceKind, instance};
use jiff::SignedDuration;

/// A practice with two managers and one program.
struct Programs {
    scene: Scene,
    managers: [Signer; 2],
    /// The program, as it was listed at first.
    client: ClientView,
}

async fn programs() -> Programs {
    let scene = scene().await;
    let managers = [
        signer(&scene, scene.practice, Role::Manager).await,
        signer(&scene, scene.practice, Role::Manager).await,
    ];
    let client = listed(&scene, &managers[0].0.token).await.unwrap();
    Programs {
        client: client.into_iter().next().unwrap(),
        scene,
        managers,
    }
}

impl Programs {
    async fn by(&mut self, manager: usize, kind: ChangeKind) -> Result<wire::Changed, Reason> {
        let (person, device) = &mut self.managers[manager];
        let signed = act(&self.scene.portal, &person.token, device, kind).await;
        signed.map_err(|error| denied(&error))
    }

    async fn list(&self) -> Vec<ClientView> {
        listed(&self.scene, &self.managers[0].0.token)
            .await
            .unwrap()
    }

    /// For an hour.
    /// As the list has it now.
    async fn reading(&self, sections: &[Section]) -> wire::LetClientRead {
        let mut listed = self.list().await.into_iter();
        let client = listed.find(|one| one.client == self.client.client);
        let client = client.unwrap();
        let until = self.scene.keeper.core.clock.now() + SignedDuration::from_hours(1);
        wire::LetClientRead {
            practice: self.scene.practice.as_bytes().to_vec(),
            client: client.client,
            name: client.name,
            sections: sections.iter().copied().map(i32::from).collect(),
            until: until.as_microsecond(),
            reason: "letters are printed there".to_owned(),
            since: client.since,
            version: client.version,
        }
    }

    /// Both sign.
    async fn let_read(&mut self, sections: &[Section]) {
        let reading = ChangeKind::LetClientRead(self.reading(sections).await);
        let begun = self.by(0, reading).await.unwrap();
        let approve = ChangeKind::Approve(begun.pending);
        self.by(1, approve).await.unwrap();
    }

    fn ending(&self, only_reading: bool) -> ChangeKind {
        let client = self.client.clone();
        ChangeKind::EndClient(wire::EndClient {
            practice: self.scene.practice.as_bytes().to_vec(),
            client: client.client,
            name: client.name,
            only_reading,
            since: client.since,
        })
    }

    async fn opens<T: Target>(&self, purpose: Purpose, target: T) -> Result<(), Reason> {
        let viewer = viewer(&self.scene.program, purpose);
        let opened = self.scene.import.open(&viewer, target).await;
        opened.map(drop).map_err(|error| denied(&error))
    }

    async fn reads(&self, patient: PatientId, section: Section) -> Result<usize, Reason> {
        let viewer = viewer(&self.scene.program, Purpose::Administration);
        let target = SectionOf { patient, section };
        let opened = self.scene.import.open(&viewer, target).await;
        opened
            .map(|permit| permit.items().len())
            .map_err(|error| denied(&error))
    }
}

async fn listed(scene: &Scene, token: &Token) -> Result<Vec<ClientView>, Reason> {
    let call = Call::Clients(wire::WithToken {
        token: token.expose().to_vec(),
        ..wire::WithToken::default()
    });
    match scene.portal.call(call).await {
        Ok(Reply::Clients(clients)) => Ok(clients.clients),
        Ok(_) => panic!("not an answer"),
        Err(error) => Err(denied(&error)),
    }
}

#[tokio::test]
async fn a_program_reads_the_sections_that_two_managers_signed_and_until_then() {
    let mut all = programs().await;
    let patient = all.scene.patient(1).await;
    let pills = all.scene.segment(1, patient, Section::Medicines).await;
    all.scene.segment(2, patient, Section::Results).await;
    let letter = all.scene.document(3, patient).await.item;
    let mut private = new_item(4, patient, ItemKind::Segment, Section::Medicines);
    private.tags = vec![Tag::Mental.into()];
    let private = all.scene.store(vec![private]).await.remove(0).item;

    let no = Err(Reason::NotAllowed);
    assert_eq!(all.reads(patient, Section::Medicines).await, no);
    let reading = ChangeKind::LetClientRead(all.reading(&[Section::Medicines]).await);
    let begun = all.by(0, reading.clone()).await.unwrap();
    assert_eq!(all.reads(patient, Section::Medicines).await, no);
    // Nobody is both.
    let own = all.by(0, ChangeKind::Approve(begun.pending.clone())).await;
    assert!(own.is_err());
    assert_eq!(all.reads(patient, Section::Medicines).await, no);
    all.by(1, ChangeKind::Approve(begun.pending)).await.unwrap();
    let client = all.list().await.remove(0);
    assert_eq!(client.sections, [i32::from(Section::Medicines)]);
    assert_eq!(client.reason, "letters are printed there");

    // Not what is sensitive, and not what was not named.
    assert_eq!(all.reads(patient, Section::Medicines).await, Ok(1));
    let administration = Purpose::Administration;
    assert_eq!(all.opens(administration, Item(pills.item)).await, Ok(()));
    assert_eq!(
        all.opens(administration, Item(private)).await.map(drop),
        Err(Reason::NotAllowed)
    );
    assert_eq!(all.reads(patient, Section::Results).await, no);
    assert_eq!(
        all.opens(administration, Item(letter)).await,
        Err(Reason::NotAllowed)
    );
    for purpose in [Purpose::AccountCare, Purpose::OwnRecord, Purpose::Deposit] {
        let refused = all.opens(purpose, Item(pills.item)).await;
        assert_eq!(refused, Err(Reason::NotAllowed), "{purpose:?}");
    }
    let found = all.scene.import.call(Call::Find(wire::Find {
        token: all.scene.program.expose().to_vec(),
        purpose: administration.into(),
        practice: all.scene.practice.as_bytes().to_vec(),
        terms: Some(wire::FindTerms {
            nhi: "ZZZ0001".to_owned(),
            ..wire::FindTerms::default()
        }),
        ..wire::Find::default()
    }));
    assert_eq!(denied(&found.await.unwrap_err()), Reason::NotAllowed);

    // What is let next takes the place of this.
    all.let_read(&[Section::Shelf]).await;
    assert_eq!(all.reads(patient, Section::Medicines).await, no);
    assert_eq!(all.opens(administration, Item(letter)).await, Ok(()));
    all.scene
        .keeper
        .clock
        .advance(SignedDuration::from_mins(14));
    assert_eq!(all.opens(administration, Item(letter)).await, Ok(()));
}

#[tokio::test]
async fn a_day_that_is_over_lets_nothing_be_read() {
    let mut all = programs().await;
    let patient = all.scene.patient(1).await;
    all.scene.segment(1, patient, Section::Medicines).await;
    let mut reading = all.reading(&[Section::Medicines]).await;
    let minute = SignedDuration::from_mins(1);
    let until = all.scene.keeper.core.clock.now() + minute;
    reading.until = until.as_microsecond();
    let begun = all.by(0, ChangeKind::LetClientRead(reading)).await.unwrap();
    all.by(1, ChangeKind::Approve(begun.pending)).await.unwrap();
    assert_eq!(all.reads(patient, Section::Medicines).await, Ok(1));
    all.scene.keeper.clock.advance(minute);
    let over = all.reads(patient, Section::Medicines).await;
    assert_eq!(over, Err(Reason::NotAllowed));
    assert!(all.list().await.remove(0).sections.is_empty());
}

#[tokio::test]
async fn a_program_reads_of_its_own_practice_s_patients_what_they_do_not_keep_from_it() {
    let mut all = programs().await;
    let (patient, left) = (all.scene.patient(1).await, all.scene.patient(2).await);
    for (number, patient) in [(1, patient), (2, left)] {
        all.scene.segment(number, patient, Section::Medicines).await;
    }
    // The same person at another practice, with what that one put in.
    let elsewhere = all.scene.keeper.practice().await;
    let here = all.scene.program.clone();
    all.scene.program = all
        .scene
        .keeper
        .program(elsewhere, InstanceKind::Import)
        .await;
    let mut known = person(1);
    known.enrolment_key = key(77).to_vec();
    let program = all.scene.program.clone();
    assert_eq!(
        all.scene.enrol_as(&program, vec![known]).await,
        [Ok(patient)]
    );
    let foreign = all.scene.segment(3, patient, Section::Medicines).await.item;
    let stranger = all
        .scene
        .enrol_as(&program, vec![person(9)])
        .await
        .remove(0)
        .unwrap();
    all.scene.program = here;

    all.let_read(&[Section::Medicines]).await;
    assert_eq!(all.reads(patient, Section::Medicines).await, Ok(1));
    assert_eq!(
        all.reads(stranger, Section::Medicines).await,
        Err(Reason::NotFound)
    );
    let of_others = all.opens(Purpose::Administration, Item(foreign)).await;
    assert_eq!(of_others, Err(Reason::NotFound));
    let kept = Fact::Restriction(Restriction {
        practice: all.scene.practice.as_bytes().to_vec(),
        what: Some(RecordPart {
            section: Section::Medicines.into(),
            ..RecordPart::default()
        }),
        ..Restriction::default()
    });
    let subject = all.scene.keeper.core.keys.patient(patient);
    all.scene
        .keeper
        .arrange(vec![Effect::fact(subject, kept)])
        .await;
    assert_eq!(all.reads(patient, Section::Medicines).await, Ok(0));
}

#[tokio::test]
async fn a_program_that_reads_is_counted() {
    let mut all = programs().await;
    let people = (1..=41).map(person).collect();
    let program = all.scene.program.clone();
    let patients = all.scene.enrol_as(&program, people).await;
    let patients: Vec<PatientId> = patients.into_iter().map(Result::unwrap).collect();
    let segments = (1..).zip(&patients);
    let segments = segments
        .map(|(number, patient)| new_item(number, *patient, ItemKind::Segment, Section::Medicines));
    all.scene.store(segments.collect()).await;
    all.let_read(&[Section::Medicines]).await;
    for patient in &patients[..40] {
        // Faster than that is what detection stops.
        all.scene.keeper.clock.advance(SignedDuration::from_mins(1));
        assert_eq!(all.reads(*patient, Section::Medicines).await, Ok(1));
    }
    let more = all.reads(patients[40], Section::Medicines).await;
    assert_eq!(more, Err(Reason::OverBudget));
}

#[tokio::test]
async fn one_manager_ends_what_a_program_reads_and_the_program_itself() {
    let mut all = programs().await;
    let patient = all.scene.patient(1).await;
    all.scene.segment(1, patient, Section::Medicines).await;
    let (client, secret) = all
        .scene
        .keeper
        .program_credential(all.scene.practice)
        .await;
    assert_eq!(all.list().await.len(), 2);
    all.let_read(&[Section::Medicines]).await;
    let ending = all.ending(true);
    all.by(1, ending.clone()).await.unwrap();
    let refused = all.reads(patient, Section::Medicines).await;
    assert_eq!(refused, Err(Reason::NotAllowed));
    assert_eq!(all.by(1, ending).await, Err(Reason::NotAsShown));
    all.scene.segment(2, patient, Section::Medicines).await;

    let ending = all.ending(false);
    all.by(1, ending).await.unwrap();
    let item = new_item(3, patient, ItemKind::Segment, Section::Medicines);
    let deposit = all
        .scene
        .import
        .deposit(&all.scene.program, vec![item])
        .await;
    assert!(matches!(deposit, Err(CallError::Denied(_))));

    // The other one signs in until it ends too.
    let signs_in = || {
        all.scene
            .import
            .call(Call::ClientSignIn(wire::ClientSignIn {
                client: client.as_bytes().to_vec(),
                secret: secret.to_vec(),
            }))
    };
    assert!(signs_in().await.is_ok());
    let (person, device) = &mut all.managers[0];
    let ending = ChangeKind::EndClient(wire::EndClient {
        practice: all.scene.practice.as_bytes().to_vec(),
        client: client.as_bytes().to_vec(),
        name: "practice system".to_owned(),
        only_reading: false,
        since: all.client.since,
    });
    act(&all.scene.portal, &person.token, device, ending)
        .await
        .unwrap();
    assert_eq!(
        denied(&signs_in().await.unwrap_err()),
        Reason::WrongCredentials
    );
}

#[tokio::test]
async fn nobody_but_a_manager_says_what_a_program_reads_and_only_as_it_is_named() {
    let mut all = programs().await;
    let reading = all.reading(&[Section::Medicines]).await;
    let elsewhere = all.scene.keeper.practice().await;
    for (practice, role) in [
        (all.scene.practice, Role::Reception),
        (all.scene.practice, Role::Clinician),
        (elsewhere, Role::Manager),
    ] {
        let (staff, mut device) = signer(&all.scene, practice, role).await;
        let kind = ChangeKind::LetClientRead(reading.clone());
        let refused = act(&all.scene.portal, &staff.token, &mut device, kind).await;
        assert_eq!(
            denied(&refused.unwrap_err()),
            Reason::NotAllowed,
            "{role:?}"
        );
        let seen = listed(&all.scene, &staff.token).await;
        match role {
            Role::Manager => assert!(seen.unwrap().is_empty()),
            _ => assert_eq!(seen, Err(Reason::NotAllowed)),
        }
    }
    // What a practice names and is another's is not there.
    let (staff, mut device) = signer(&all.scene, elsewhere, Role::Manager).await;
    let theirs = wire::LetClientRead {
        practice: elsewhere.as_bytes().to_vec(),
        ..reading.clone()
    };
    let kind = ChangeKind::LetClientRead(theirs);
    let refused = act(&all.scene.portal, &staff.token, &mut device, kind).await;
    assert_eq!(denied(&refused.unwrap_err()), Reason::NotAsShown);

    let year = SignedDuration::from_hours(367 * 24);
    let too_late = (all.scene.keeper.core.clock.now() + year).as_microsecond();
    let wrong = [
        (
            Reason::NotAsShown,
            wire::LetClientRead {
                name: "printer".to_owned(),
                ..reading.clone()
            },
        ),
        (
            Reason::Invalid,
            wire::LetClientRead {
                sections: Vec::new(),
                ..reading.clone()
            },
        ),
        (
            Reason::Invalid,
            wire::LetClientRead {
                sections: vec![0],
                ..reading.clone()
            },
        ),
        (
            Reason::Invalid,
            wire::LetClientRead {
                sections: vec![2, 2],
                ..reading.clone()
            },
        ),
        (
            Reason::Invalid,
            wire::LetClientRead {
                until: 0,
                ..reading.clone()
            },
        ),
        (
            Reason::Invalid,
            wire::LetClientRead {
                until: too_late,
                ..reading.clone()
            },
        ),
        (
            Reason::Invalid,
            wire::LetClientRead {
                reason: " ".to_owned(),
                ..reading
            },
        ),
    ];
    for (reason, change) in wrong {
        let refused = all.by(0, ChangeKind::LetClientRead(change.clone())).await;
        assert_eq!(refused.map(drop), Err(reason), "{change:?}");
    }
}

#[tokio::test]
async fn what_was_begun_before_a_reading_ended_brings_none_back() {
    let mut all = programs().await;
    let patient = all.scene.patient(1).await;
    all.scene.segment(1, patient, Section::Medicines).await;
    all.let_read(&[Section::Medicines]).await;
    let wide = all.reading(&[Section::Medicines, Section::Results]).await;
    let begun = all.by(0, ChangeKind::LetClientRead(wide)).await.unwrap();
    let ending = all.ending(true);
    all.by(1, ending).await.unwrap();
    let late = all.by(1, ChangeKind::Approve(begun.pending)).await;
    assert_eq!(late.map(drop), Err(Reason::NotAsShown));
    let refused = all.reads(patient, Section::Medicines).await;
    assert_eq!(refused, Err(Reason::NotAllowed));
}

#[tokio::test]
async fn a_program_reads_nothing_through_a_portal_and_nothing_in_proof_mode() {
    let mut all = programs().await;
    let patient = all.scene.patient(1).await;
    let pills = all.scene.segment(1, patient, Section::Medicines).await.item;
    let (client, secret) = all
        .scene
        .keeper
        .program_credential(all.scene.practice)
        .await;
    let list = all.list().await;
    let other = list.iter().find(|one| one.client == client.as_bytes());
    all.client = other.unwrap().clone();
    all.let_read(&[Section::Medicines]).await;
    let signs_in = async |keeper: &Keeper| {
        let call = Call::ClientSignIn(wire::ClientSignIn {
            client: client.as_bytes().to_vec(),
            secret: secret.to_vec(),
        });
        match keeper.call(call).await.unwrap() {
            Reply::SignedIn(signed_in) => Token::from_bytes(&signed_in.token).unwrap(),
            _ => panic!("not an answer"),
        }
    };
    let opens = async |keeper: &Keeper| {
        let viewer = viewer(&signs_in(keeper).await, Purpose::Administration);
        let opened = keeper.open(&viewer, Item(pills)).await;
        opened.map(drop).map_err(|error| denied(&error))
    };
    assert_eq!(opens(&all.scene.portal).await, Err(Reason::NotAllowed));
    assert_eq!(opens(&all.scene.import).await, Ok(()));
    let import = all
        .scene
        .keeper
        .core
        .keys
        .instance(instance(InstanceKind::Import));
    all.scene
        .keeper
        .freeze(Frozen::Proof(keys::Instance(import.surrogate())))
        .await;
    assert_eq!(opens(&all.scene.import).await, Err(Reason::StepUpNeeded));
}

#[tokio::test]
async fn a_program_reads_nobody_who_left_and_takes_no_mark_away() {
    let mut all = programs().await;
    let (patient, left) = (all.scene.patient(1).await, all.scene.patient(2).await);
    let mut addresses = Vec::new();
    for (number, patient) in [(1, patient), (2, left)] {
        let block = new_item(number, patient, ItemKind::Contact, Section::Contact);
        addresses.push(all.scene.store(vec![block]).await.remove(0).item);
    }
    all.let_read(&[Section::Contact]).await;
    let administration = Purpose::Administration;
    for address in &addresses {
        assert_eq!(all.opens(administration, Item(*address)).await, Ok(()));
    }
    let program = all.scene.program.clone();
    let changes = async |kind: ChangeKind| {
        let call = Call::Change(wire::ChangeCall {
            token: program.expose().to_vec(),
            change: Some(wire::Change { kind: Some(kind) }),
        });
        let changed = all.scene.import.call(call).await;
        changed.map(drop).map_err(|error| denied(&error))
    };
    let gone = ChangeKind::EndEnrolment(wire::EnrolmentChange {
        practice: all.scene.practice.as_bytes().to_vec(),
        patient: left.as_bytes().to_vec(),
    });
    assert_eq!(changes(gone).await, Ok(()));
    let of_left = all.opens(administration, Item(addresses[1])).await;
    assert_eq!(of_left, Err(Reason::NotFound));
    let mark = |is_unsafe_to_write| {
        ChangeKind::MarkPatient(wire::MarkPatient {
            patient: patient.as_bytes().to_vec(),
            is_unsafe_to_write,
            ..wire::MarkPatient::default()
        })
    };
    assert_eq!(changes(mark(true)).await, Ok(()));
    assert_eq!(changes(mark(false)).await, Err(Reason::NotAllowed));
}

#[tokio::test]
async fn a_program_reads_no_protected_address() {
    let mut all = programs().await;
    let patient = all.scene.patient(1).await;
    let block = new_item(1, patient, ItemKind::Contact, Section::Contact);
    let address = all.scene.store(vec![block]).await.remove(0).item;
    all.let_read(&[Section::Contact]).await;
    assert_eq!(
        all.opens(Purpose::Administration, Item(address)).await,
        Ok(())
    );
    let fact = Fact::AddressProtection(AddressProtection {
        is_protected: true,
        by_account: true,
    });
    let subject = all.scene.keeper.core.keys.patient(patient);
    all.scene
        .keeper
        .arrange(vec![Effect::fact(subject, fact)])
        .await;
    let protected = all.opens(Purpose::Administration, Item(address)).await;
    assert_eq!(protected, Err(Reason::NotFound));
}
