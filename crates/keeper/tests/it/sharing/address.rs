//! A protected address: for the person themself and the practice that put it in.

use super::*;
use candour_keeper_api::Section as SectionOf;

impl Sharing {
    async fn contact(&self, number: u64, tags: &[Tag]) -> Stored {
        let mut item = new_item(number, self.patient, ItemKind::Contact, Section::Contact);
        item.tags = tags.iter().map(|tag| i32::from(*tag)).collect();
        self.scene.store(vec![item]).await.pop().unwrap()
    }

    fn protect(&self, is_protected: bool, is_by_staff: bool) -> ChangeKind {
        let practice = self.scene.practice.as_bytes().to_vec();
        ChangeKind::ProtectAddress(wire::ProtectAddress {
            patient: self.patient.as_bytes().to_vec(),
            practice: if is_by_staff { practice } else { Vec::new() },
            is_protected,
        })
    }

    /// How many addresses somebody sees.
    async fn addresses(&self, token: &Token, purpose: Purpose) -> Result<usize, Reason> {
        let section = Section::Contact;
        let opened = self
            .scene
            .open_section(token, purpose, self.patient, section);
        opened.await.map(|permit| permit.items().len())
    }

    async fn own_addresses(&self) -> Result<usize, Reason> {
        self.addresses(&self.own.token, Purpose::OwnRecord).await
    }

    async fn at_the_practice(&self) -> Result<usize, Reason> {
        let clinician = &self.scene.clinician.token;
        self.addresses(clinician, Purpose::DirectCare).await
    }
}

#[tokio::test]
async fn a_protected_address_is_seen_by_the_person_and_the_practice_and_by_nobody_else() {
    let mut all = sharing().await;
    let address = all.contact(20, &[]).await;
    let proxy = all.scene.keeper.as_proxy(all.patient, &[], 0).await.token;
    let acting = Purpose::ProxyAccess;
    assert_eq!(all.addresses(&proxy, acting).await, Ok(1));
    let urgent = all
        .in_an_emergency(&all.scene.clinician, Section::Contact)
        .await;
    assert_eq!(urgent, Ok(1));
    let kind = all.protect(true, false);
    all.sign(kind).await.unwrap();

    assert_eq!(all.addresses(&proxy, acting).await, Ok(0));
    let alone = all.scene.open_document(&proxy, acting, address.item).await;
    assert_eq!(alone.map(drop), Err(Reason::NotFound));
    let urgent = all
        .in_an_emergency(&all.scene.clinician, Section::Contact)
        .await;
    assert_eq!(urgent, Ok(0));
    let urgent = all
        .in_an_emergency(&all.scene.clinician, Section::Medicines)
        .await;
    assert_eq!(urgent, Ok(1), "an emergency opens everything else");
    assert_eq!(all.own_addresses().await, Ok(1));
    assert_eq!(all.at_the_practice().await, Ok(1));
    // Nothing is sent there, and the patient alone is told that it is protected.
    let room = all.scene.keeper.client(InstanceKind::Room);
    let question = Call::RoomFacts(wire::RoomFacts {
        patients: vec![all.patient.as_bytes().to_vec()],
    });
    let Reply::RoomFacts(facts) = room.call(question).await.unwrap() else {
        panic!("not an answer to the room");
    };
    assert!(facts.patients[0].is_unsafe_to_write);
    assert!(all.listed().await.is_address_protected);
    for (token, is_told) in [(&all.own.token, true), (&proxy, false)] {
        let call = Call::Session(wire::WithToken {
            token: token.expose().to_vec(),
            ..wire::WithToken::default()
        });
        let Reply::Session(session) = all.scene.portal.call(call).await.unwrap() else {
            panic!("not an answer to the session");
        };
        let told = session.patients.iter().map(|it| it.is_address_protected);
        assert_eq!(told.collect::<Vec<_>>(), [is_told]);
    }
    let kind = all.protect(false, false);
    all.sign(kind).await.unwrap();
    assert_eq!(all.addresses(&proxy, acting).await, Ok(1));
    assert!(!all.listed().await.is_address_protected);
}

#[tokio::test]
async fn an_entry_names_what_a_proxy_was_given_where_an_address_is_protected() {
    let mut all = sharing().await;
    all.contact(20, &[]).await;
    let proxy = all.scene.keeper.as_proxy(all.patient, &[], 0).await.token;
    let kind = all.protect(true, false);
    all.sign(kind).await.unwrap();
    let target = SectionOf {
        patient: all.patient,
        section: Section::Contact,
    };
    let opened = all.scene.open(&proxy, Purpose::ProxyAccess, target).await;
    let index = opened.unwrap().index();
    let kind = all.protect(false, false);
    all.sign(kind).await.unwrap();
    let room = all.scene.keeper.client(InstanceKind::Room);
    let question = Call::SectionAt(wire::SectionAt {
        index,
        patient: all.patient.as_bytes().to_vec(),
    });
    let Reply::SectionAt(covered) = room.call(question).await.unwrap() else {
        panic!("not an answer to the section");
    };
    assert_eq!(covered.items, Vec::<Vec<u8>>::new());
}

#[tokio::test]
async fn an_address_that_comes_in_with_the_tag_protects_those_before_it_too() {
    let all = sharing().await;
    all.contact(20, &[]).await;
    let proxy = all.scene.keeper.as_proxy(all.patient, &[], 0).await.token;
    let acting = Purpose::ProxyAccess;
    // Another tag says nothing of the address.
    all.contact(21, &[Tag::Violence]).await;
    assert_eq!(all.addresses(&proxy, acting).await, Ok(2));
    all.contact(22, &[Tag::ProtectedAddress]).await;
    assert_eq!(all.addresses(&proxy, acting).await, Ok(0));
    // Nor does a later one without it show where the patient is.
    all.contact(23, &[]).await;
    assert_eq!(all.addresses(&proxy, acting).await, Ok(0));
    assert_eq!(all.own_addresses().await, Ok(4));
}

#[tokio::test]
async fn what_names_a_protected_address_is_neither_shared_nor_read_by_who_acts() {
    let mut all = sharing().await;
    let mut letter = new_item(24, all.patient, ItemKind::Document, Section::None);
    letter.tags = vec![Tag::ProtectedAddress.into()];
    let letter = all.scene.store(vec![letter]).await.pop().unwrap();
    let (practice, doctor) = elsewhere(&all).await;
    let everything = SharingRule {
        practice: practice.as_bytes().to_vec(),
        with_sensitive: true,
        ..all.rule()
    };
    all.sign(ChangeKind::Share(everything)).await.unwrap();
    let gone = Err(Reason::NotFound);
    assert_eq!(all.reads(&doctor.token, letter.item).await, gone);
    assert_eq!(all.reads(&doctor.token, all.other.item).await, Ok(()));
    let proxy = all.scene.keeper.as_proxy(all.patient, &[], 0).await.token;
    let acting = Purpose::ProxyAccess;
    let read = all.scene.open_document(&proxy, acting, letter.item).await;
    assert_eq!(read.map(drop), gone);
    let clinician = all.scene.clinician.token.clone();
    assert_eq!(all.reads(&clinician, letter.item).await, Ok(()));
}

#[tokio::test]
async fn staff_protect_an_address_alone_and_take_that_back_by_two_or_not_at_all() {
    let all = sharing().await;
    all.contact(20, &[]).await;
    let keeper = &all.scene.keeper;
    let proxy = keeper.as_proxy(all.patient, &[], 0).await;
    let (protect, end) = (all.protect(true, true), all.protect(false, true));
    let clinician = all.scene.clinician.token.clone();
    let mut first = keeper.give_passkey(all.scene.clinician.person).await;
    let manager = keeper.staff(all.scene.practice, Role::Manager).await;
    let mut second = keeper.give_passkey(manager.person).await;
    let portal = &all.scene.portal;
    let begun = act(portal, &clinician, &mut first, protect).await.unwrap();
    assert!(begun.pending.is_empty());
    let sees = async |all: &Sharing| all.addresses(&proxy.token, Purpose::ProxyAccess).await;
    assert_eq!(sees(&all).await, Ok(0));

    let begun = act(portal, &clinician, &mut first, end.clone())
        .await
        .unwrap();
    assert_eq!((begun.pending.len(), sees(&all).await), (16, Ok(0)));
    // Whoever began it does not agree to it.
    let approve = ChangeKind::Approve(begun.pending);
    let own = act(portal, &clinician, &mut first, approve.clone()).await;
    assert_eq!(denied(&own.unwrap_err()), Reason::NotAllowed);
    act(portal, &manager.token, &mut second, approve)
        .await
        .unwrap();
    assert_eq!(sees(&all).await, Ok(1));

    // Another practice, somebody who acts, and a program that takes it back.
    let (_, elsewhere) = elsewhere(&all).await;
    let mut device = all.scene.keeper.give_passkey(elsewhere.person).await;
    let theirs = act(portal, &elsewhere.token, &mut device, end.clone()).await;
    assert_eq!(denied(&theirs.unwrap_err()), Reason::NotFound);
    let mut device = all.scene.keeper.give_passkey(proxy.person).await;
    for is_protected in [true, false] {
        let kind = all.protect(is_protected, false);
        let theirs = act(portal, &proxy.token, &mut device, kind).await;
        assert_eq!(denied(&theirs.unwrap_err()), Reason::NotFound);
    }
    for (kind, expected) in [
        (end, Err(Reason::StepUpNeeded)),
        (all.protect(true, true), Ok(())),
    ] {
        let call = Call::Change(wire::ChangeCall {
            token: all.scene.program.expose().to_vec(),
            change: Some(wire::Change { kind: Some(kind) }),
        });
        let by_program = all.scene.import.call(call).await;
        assert_eq!(
            by_program.map(drop).map_err(|error| denied(&error)),
            expected
        );
    }
    assert_eq!(sees(&all).await, Ok(0));
}
