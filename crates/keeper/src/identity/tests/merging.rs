//! Two records of one person, in a real installation.

use super::recovery::scene_in;
use super::*;
use crate::harness::real;
use crate::merges::link_of;
use candour_keeper_wire::wire::{self, ChangeKind};
use candour_keeper_wire::words::Reason;
use jiff::SignedDuration;

#[tokio::test]
async fn the_second_person_is_no_newcomer_and_what_others_put_in_waits_three_days() {
    let mut scene = scene_in(real().await).await;
    let other = scene.inside.patient(scene.office.practice, 41).await;
    let kind = ChangeKind::Merge(wire::Merge {
        practice: scene.office.practice.as_bytes().to_vec(),
        patient: scene.patient.as_bytes().to_vec(),
        replaced: other.as_bytes().to_vec(),
        who: "Aroha Ngata (ZAA0067)".to_owned(),
        replaced_who: "Aroha Ngata (ZAA0075)".to_owned(),
        reason: "the Ministry says so".to_owned(),
    });
    let begun = scene.manager.signs(&scene.inside, kind.clone()).await;
    let approve = ChangeKind::Approve(begun.unwrap().pending);
    let refused = scene.clinician.signs(&scene.inside, approve).await;
    assert_eq!(refused.unwrap_err().reason, Reason::NotAllowed);
    scene.inside.clock.advance(SignedDuration::from_hours(24));
    for (person, login) in [(&mut scene.manager, "mere"), (&mut scene.clinician, "hemi")] {
        let again = sign_in(&scene.inside, &mut person.device, login, true).await;
        person.token = again.unwrap().token;
    }
    let begun = scene.manager.signs(&scene.inside, kind).await.unwrap();
    let approve = ChangeKind::Approve(begun.pending);
    scene.clinician.signs(&scene.inside, approve).await.unwrap();
    let core = &scene.inside.core;
    let until = scene.inside.now().as_microsecond() + 72 * 3_600_000_000;
    for (patient, stays) in [(scene.patient, true), (other, false)] {
        let facts = core.facts.load(core.keys.patient(patient)).await.unwrap();
        let (_, link) = link_of(&facts).unwrap();
        assert_eq!((link.opens_from, link.stays), (until, stays));
    }
}
