//! One segment of a section is kept from somebody.

use super::*;
use candour_keeper_api::Section as SectionOf;

impl Sharing {
    /// The medicines that came in together with a second deposit.
    async fn more_medicines(&self) -> Stored {
        self.scene
            .segment(10, self.patient, Section::Medicines)
            .await
    }
}

#[tokio::test]
async fn a_segment_kept_from_a_practice_is_left_out_of_its_section_until_it_is_seen_again() {
    let mut all = sharing().await;
    let more = all.more_medicines().await;
    let clinician = all.scene.clinician.token.clone();
    assert_eq!(all.sees(&clinician, Section::Medicines).await, Ok(2));
    let rule = all.of_document(more.item);
    all.sign(ChangeKind::Restrict(rule)).await.unwrap();
    assert_eq!(all.sees(&clinician, Section::Medicines).await, Ok(1));
    let gone = Err(Reason::NotFound);
    assert_eq!(all.reads(&clinician, more.item).await, gone);
    // The rest of the record is there, and all of it for the patient and in an emergency.
    assert_eq!(all.reads(&clinician, all.letter.item).await, Ok(()));
    let (purpose, section) = (Purpose::OwnRecord, Section::Medicines);
    let own = &all.own.token;
    let own = all
        .scene
        .open_section(own, purpose, all.patient, section)
        .await;
    assert_eq!(own.unwrap().items().len(), 2);
    let urgent = all.in_an_emergency(&all.scene.clinician, section).await;
    assert_eq!(urgent, Ok(2));

    let list = all.listed().await;
    let words = "Kauri Health: the medicines that Kauri Health put in on ";
    assert!(list.rules[0].words.starts_with(words), "{:?}", list.rules);
    assert!(list.rules[0].words.ends_with(" UTC"), "{:?}", list.rules);
    assert!(list.rules[0].item.is_empty(), "it is no document");
    all.end().await.unwrap();
    assert_eq!(all.sees(&clinician, Section::Medicines).await, Ok(2));
    assert_eq!(all.reads(&clinician, more.item).await, Ok(()));
}

#[tokio::test]
async fn an_entry_names_what_was_seen_of_a_section_of_which_a_segment_is_kept() {
    let mut all = sharing().await;
    let more = all.more_medicines().await;
    let rule = all.of_document(more.item);
    all.sign(ChangeKind::Restrict(rule)).await.unwrap();
    let target = SectionOf {
        patient: all.patient,
        section: Section::Medicines,
    };
    let clinician = &all.scene.clinician.token;
    let opened = all.scene.open(clinician, Purpose::DirectCare, target).await;
    let opened = opened.unwrap();
    // What is decided later changes nothing of what was seen.
    all.end().await.unwrap();
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
    assert!(!ids.contains(&more.item.as_bytes().to_vec()));
    assert_eq!((covered.items.len(), covered.items), (1, ids));
}

#[tokio::test]
async fn a_segment_is_kept_from_one_person_and_neither_shared_alone_nor_taken_from_elsewhere() {
    let mut all = sharing().await;
    let more = all.more_medicines().await;
    let neighbour = all.scene.patient(2).await;
    let theirs = all.scene.segment(11, neighbour, Section::Medicines).await;
    let mut others = Vec::new();
    for (number, kind, section) in [
        (12, ItemKind::Contact, Section::Contact),
        (13, ItemKind::Notice, Section::Notices),
        (14, ItemKind::Segment, Section::Shelf),
    ] {
        let mut item = new_item(number, all.patient, kind, section);
        if section == Section::Shelf {
            item.of_document = all.other.item.as_bytes().to_vec();
        }
        others.extend(all.scene.store(vec![item]).await);
    }
    let gone = Err(Reason::NotFound);
    for item in others.iter().chain([&theirs]) {
        let rule = all.of_document(item.item);
        assert_eq!(all.sign(ChangeKind::Restrict(rule)).await.map(drop), gone);
    }
    let shared = all.of_document(more.item);
    assert_eq!(all.sign(ChangeKind::Share(shared)).await.map(drop), gone);

    let proxy = all.proxy().await;
    let sees = async |all: &Sharing| {
        let (purpose, section) = (Purpose::ProxyAccess, Section::Medicines);
        let seen = all
            .scene
            .open_section(&proxy.token, purpose, all.patient, section);
        seen.await.map(|permit| permit.items().len())
    };
    assert_eq!(sees(&all).await, Ok(2));
    let rule = SharingRule {
        practice: Vec::new(),
        person: proxy.person.as_bytes().to_vec(),
        ..all.of_document(more.item)
    };
    all.sign(ChangeKind::Restrict(rule)).await.unwrap();
    assert_eq!(sees(&all).await, Ok(1));
    let clinician = all.scene.clinician.token.clone();
    assert_eq!(all.sees(&clinician, Section::Medicines).await, Ok(2));
}
