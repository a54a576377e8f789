//! What is typed at the keeper's machine: who is stopped, what is written, what goes on.

use super::{
    Office, Person, change, chest_pain, in_an_emergency, invite, manager, office, officer, opened,
    opening, ordered, person, prove, signed, with,
};
use crate::freezing::{Rung, Unfit, What, freeze, unfreeze, view};
use crate::harness::{Inside, PORTAL, inside};
use crate::identity::sign_in as calls;
use crate::instances::{InstanceKind, InstanceLine, Instances};
use crate::keys::OwnSubject;
use crate::practice::Command;
use crate::reader;
use candour_keeper_wire::wire::{self, ChangeKind, EntryBody, FreezeChange};
use candour_keeper_wire::words::{Level, Purpose, Reason, Role};
use jiff::SignedDuration;

const BY: &str = "user mere (1001)";

struct Machine {
    inside: Inside,
    office: Office,
    instances: Instances,
    _folder: tempfile::TempDir,
}

async fn machine() -> Machine {
    let inside = inside().await;
    let office = office(&inside).await;
    let folder = tempfile::tempdir().unwrap();
    let instances = Instances::at(&folder.path().join("keeper.instances.json"));
    let line = InstanceLine::of("portal", InstanceKind::Portal, PORTAL, &[1; 32], None);
    instances.write(&[line]).unwrap();
    Machine {
        inside,
        office,
        instances,
        _folder: folder,
    }
}

fn rung(what: What, which: &str) -> Rung {
    Rung {
        what,
        which: (!which.is_empty()).then(|| which.to_owned()),
        reason: "a lost laptop".to_owned(),
    }
}

impl Machine {
    async fn freeze(&self, what: What, which: &str) -> Result<Vec<String>, Unfit> {
        freeze(&self.inside.core, &self.instances, &rung(what, which), BY).await
    }

    async fn seen_by(&self, person: &Person) -> Result<wire::Freezes, Reason> {
        let core = &self.inside.core;
        let seen = view(core, &self.instances, PORTAL, &with(&person.token)).await;
        seen.map_err(|refusal| refusal.reason)
    }

    async fn unfreeze(&self, what: What, which: &str) -> Result<Vec<String>, Unfit> {
        let (core, rung) = (&self.inside.core, rung(what, which));
        unfreeze(core, &self.instances, &self.office.codes, &rung, BY).await
    }

    /// The last entry of a session: what one reads on a page and types.
    async fn entry_of(&self, person: &Person) -> (i64, i64) {
        let view = calls::session(&self.inside.core, PORTAL, &with(&person.token)).await;
        let session = view.unwrap().session;
        let text = "select max(index) from entry where session = $1";
        let rows = reader::rows(&self.inside.core.pool, text, &[&session]).await;
        (rows.unwrap()[0].get(0), session)
    }

    async fn last_freeze(&self) -> (EntryBody, i16, usize) {
        let core = &self.inside.core;
        let text = "select index, role, body, audit_wrap from entry where kind = 11 order by index";
        let rows = reader::rows(&core.pool, text, &[]).await.unwrap();
        let row = rows.last().unwrap();
        let (index, own) = (
            row.get::<_, i64>(0),
            core.keys.own(OwnSubject::Installation),
        );
        let index = u64::try_from(index).unwrap();
        let body = core.open_body(own, index, row.get(2), row.get(3)).await;
        (body.unwrap(), row.get(1), rows.len())
    }
}

/// Whether somebody of a practice still works.
async fn works(machine: &Machine, person: &mut Person, patient: u8) -> Result<(), Reason> {
    let marks = wire::MarkPatient {
        patient: vec![patient; 16],
        is_unsafe_to_write: true,
        ..wire::MarkPatient::default()
    };
    let marked = person.signs(&machine.inside, ChangeKind::MarkPatient(marks));
    marked.await.map(drop).map_err(|refusal| refusal.reason)
}

#[tokio::test]
async fn every_rung_stops_the_manager_and_says_who_stopped_it_and_why() {
    let machine = machine().await;
    let mut manager = manager(&machine.inside, &machine.office).await;
    machine.inside.patient(machine.office.practice, 40).await;
    let (entry, session) = machine.entry_of(&manager).await;
    let id = machine.office.practice.to_string();
    let entry = entry.to_string();
    for (what, which) in [
        (What::Session, entry.as_str()),
        (What::Person, &entry),
        (What::Purpose, "account_care"),
        (What::Practice, &id),
        (What::Practice, "kōwhai health"),
        (What::Instance, "portal"),
        (What::Installation, ""),
    ] {
        assert_eq!(works(&machine, &mut manager, 40).await, Ok(()), "{what:?}");
        let said = machine.freeze(what, which).await.unwrap();
        assert!(
            said[0].contains("is frozen since 2026-03-02T00:00"),
            "{said:?}"
        );
        assert_eq!(
            works(&machine, &mut manager, 40).await,
            Err(Reason::Frozen),
            "{what:?}"
        );
        let (body, role, count) = machine.last_freeze().await;
        assert_eq!(role, i16::from(Role::Anonymous.number()));
        let ends = format!("Reason: a lost laptop By {BY}.");
        assert!(body.text.ends_with(&ends), "{}", body.text);

        let again = machine.freeze(what, which).await.unwrap();
        assert!(
            again[0].contains("is frozen already, since 2026-03-02T00:00"),
            "{again:?}"
        );
        assert_eq!(machine.last_freeze().await.2, count, "nothing was written");

        // The list says what to type.
        let listed = machine.freeze(What::List, "").await.unwrap();
        let [line] = listed.as_slice() else {
            panic!("{listed:?}");
        };
        let words = line.split(", since").next().unwrap();
        let which = words.split_once(' ').map_or("", |(_, which)| which);
        machine.unfreeze(what, which).await.unwrap();
        let listed = machine.freeze(What::List, "").await.unwrap();
        assert_eq!(listed, ["Nothing is frozen."]);
        let twice = machine.unfreeze(what, which).await;
        assert!(
            matches!(twice, Err(Unfit::NotFrozen | Unfit::Unknown(..))),
            "{twice:?}"
        );
    }
    let view = calls::session(&machine.inside.core, PORTAL, &with(&manager.token)).await;
    assert_eq!(
        view.unwrap().session,
        session,
        "the session itself was never ended"
    );
    prove(&machine.inside, &mut manager, "").await.unwrap();
}

#[tokio::test]
async fn what_nobody_knows_is_a_sentence_and_changes_nothing() {
    let machine = machine().await;
    let before = machine.inside.core.ledger.size();
    let command = Command::AddPractice {
        name: "Kōwhai Health".to_owned(),
        region: "Otago".to_owned(),
        manager: "Another".to_owned(),
    };
    let nobody = "00112233445566778899aabbccddeeff";
    for (what, which) in [
        (What::Session, "999999"),
        (What::Session, "0"),
        (What::Session, "0123456789abcdef"),
        (What::Person, nobody),
        (What::Person, "0"),
        (What::Client, nobody),
        (What::Client, "1"),
        (What::Purpose, "curiosity"),
        (What::Practice, nobody),
        (What::Practice, ""),
        (What::Instance, "portal-9"),
        (What::Installation, "portal"),
    ] {
        let refused = machine.freeze(what, which).await;
        let Err(Unfit::Unknown(..)) = refused else {
            panic!("{what:?} {which}: {refused:?}");
        };
    }
    for reason in [String::new(), "  ".to_owned(), "x".repeat(501)] {
        let rung = Rung {
            reason,
            ..rung(What::Installation, "")
        };
        let (core, instances) = (&machine.inside.core, &machine.instances);
        let refused = freeze(core, instances, &rung, BY).await;
        assert!(matches!(refused, Err(Unfit::Reason)), "{refused:?}");
    }
    assert_eq!(machine.inside.core.ledger.size(), before);

    ordered(&machine.inside, &machine.office.codes, command)
        .await
        .unwrap();
    let several = machine.freeze(What::Practice, "Kōwhai Health").await;
    assert!(matches!(several, Err(Unfit::Several(2))), "{several:?}");
    let id = machine.office.practice.to_string();
    machine.freeze(What::Practice, &id).await.unwrap();
}

#[tokio::test]
async fn a_program_is_frozen_by_the_id_that_was_printed_with_its_secret() {
    let machine = machine().await;
    let made = machine.office.made.clone();
    let secret = base16ct::lower::decode_vec(&made.client_secret).unwrap();
    let client: candour_seal::ClientId = made.client.parse().unwrap();
    let call = candour_keeper_wire::wire::ClientSignIn {
        client: client.as_bytes().to_vec(),
        secret,
    };
    let core = &machine.inside.core;
    calls::client(core, PORTAL, &call).await.unwrap();
    machine.freeze(What::Client, &made.client).await.unwrap();
    let refused = calls::client(core, PORTAL, &call).await;
    assert_eq!(refused.map(drop).unwrap_err().reason, Reason::Frozen);
}

#[tokio::test]
async fn one_operator_alone_lets_nothing_go() {
    let machine = machine().await;
    machine.freeze(What::Installation, "").await.unwrap();
    let twice = [
        machine.office.codes[0].clone(),
        machine.office.codes[0].clone(),
    ];
    let rung = rung(What::Installation, "");
    let refused = unfreeze(&machine.inside.core, &machine.instances, &twice, &rung, BY).await;
    assert!(matches!(refused, Err(Unfit::Codes(_))), "{refused:?}");
    let listed = machine.freeze(What::List, "").await.unwrap();
    assert!(listed[0].starts_with("installation, since"), "{listed:?}");
}

#[tokio::test]
async fn emergency_access_goes_on_with_a_passkey_answer_of_its_own_unless_everything_is_frozen() {
    let machine = machine().await;
    let inside = &machine.inside;
    let mut clinician = clinician(&machine).await;
    let patient = inside.patient(machine.office.practice, 40).await;
    let entry = machine.entry_of(&clinician).await.0.to_string();
    let id = machine.office.practice.to_string();
    machine.freeze(What::Session, &entry).await.unwrap();
    machine.freeze(What::Person, &entry).await.unwrap();
    machine.freeze(What::Practice, &id).await.unwrap();
    machine.freeze(What::Instance, "portal").await.unwrap();
    // Without a new answer of the passkey a frozen session is a frozen session, whatever it asks for.
    let opens = async |clinician: &Person, purpose| {
        opening(inside, &clinician.token, patient, purpose).await
    };
    for purpose in [Purpose::Emergency, Purpose::DirectCare] {
        assert_eq!(opens(&clinician, purpose).await, Err(Reason::Frozen));
    }
    // Nor is one that was given for something else.
    inside.clock.advance(SignedDuration::from_secs(5));
    prove(inside, &mut clinician, "").await.unwrap();
    for purpose in [Purpose::Emergency, Purpose::DirectCare] {
        assert_eq!(opens(&clinician, purpose).await, Err(Reason::Frozen));
    }
    assert_eq!(
        in_an_emergency(inside, &mut clinician, patient).await,
        Ok(())
    );
    assert_eq!(
        opens(&clinician, Purpose::DirectCare).await,
        Err(Reason::Frozen)
    );

    let asked = chest_pain(&clinician, patient);
    let (call, _) = signed(inside, &mut clinician, asked).await.unwrap();
    machine.freeze(What::Installation, "").await.unwrap();
    assert_eq!(opened(inside, call).await, Err(Reason::Frozen));
    assert_eq!(
        in_an_emergency(inside, &mut clinician, patient).await,
        Err(Reason::Frozen)
    );
}

/// Somebody who works there as a doctor.
async fn clinician(machine: &Machine) -> Person {
    let mut manager = manager(&machine.inside, &machine.office).await;
    let kind = invite(machine.office.practice, Role::Clinician, Vec::new());
    let invited = manager.signs(&machine.inside, kind).await.unwrap();
    person(&machine.inside, &invited.code, "hemi").await
}

#[tokio::test]
async fn proof_mode_asks_everybody_again_until_two_operators_end_it() {
    let machine = machine().await;
    let inside = &machine.inside;
    let mut clinician = clinician(&machine).await;
    let patient = inside.patient(machine.office.practice, 40).await;
    let opens = async |clinician: &Person| {
        opening(inside, &clinician.token, patient, Purpose::DirectCare).await
    };
    inside.clock.advance(SignedDuration::from_mins(6));
    assert_eq!(opens(&clinician).await, Ok(()));
    let said = machine.freeze(What::Proof, "portal").await.unwrap();
    assert!(said[0].contains("is in proof mode since"), "{said:?}");
    let what = "Stopped: every opening through this process by whoever gave no passkey";
    assert!(said[1].starts_with(what), "{said:?}");
    assert_eq!(opens(&clinician).await, Err(Reason::StepUpNeeded));
    prove(inside, &mut clinician, "").await.unwrap();
    assert_eq!(opens(&clinician).await, Ok(()));
    let listed = machine.freeze(What::List, "").await.unwrap();
    assert!(listed[0].starts_with("proof portal, since"), "{listed:?}");
    inside.clock.advance(SignedDuration::from_mins(6));
    machine.unfreeze(What::Proof, "portal").await.unwrap();
    assert_eq!(opens(&clinician).await, Ok(()));
}

#[tokio::test]
async fn officers_see_what_is_frozen_why_and_by_whom_and_find_what_waits_for_the_second() {
    let machine = machine().await;
    let (inside, office) = (&machine.inside, &machine.office);
    let mut one = officer(inside, office, "security_officer", "Ngaire").await;
    let mut two = officer(inside, office, "privacy_officer", "Tomasi").await;
    let manager = manager(inside, office).await;
    assert_eq!(
        machine.seen_by(&manager).await.err(),
        Some(Reason::NotAllowed)
    );
    let seen = machine.seen_by(&one).await.unwrap();
    assert!(seen.frozen.is_empty() && seen.waiting.is_empty());
    let named = |name: &str| seen.known.iter().find(|rung| rung.name == name).cloned();
    let practice = named("Kōwhai Health").unwrap();
    assert_eq!(practice.level, i32::from(Level::Practice));
    assert!(named("portal").is_some());
    let rung = FreezeChange {
        level: practice.level,
        surrogate: practice.surrogate,
        reason: "Kōwhai Health. Reason: a lost laptop".to_owned(),
    };
    let kind = ChangeKind::Freeze(rung.clone());
    change(inside, &one.token, kind).await.unwrap();
    machine.freeze(What::Proof, "portal").await.unwrap();

    let seen = machine.seen_by(&two).await.unwrap();
    let [frozen, proof] = seen.frozen.as_slice() else {
        panic!("{seen:?}");
    };
    assert_eq!(frozen.what.as_ref(), Some(&practice));
    assert_eq!(frozen.since, inside.now().as_microsecond());
    assert_eq!((frozen.reason.as_str(), frozen.rule), (&*rung.reason, 0));
    assert_eq!(
        (frozen.by_name.as_str(), frozen.is_by_session),
        ("Ngaire", true)
    );
    assert_eq!(proof.what.as_ref().unwrap().name, "portal");
    assert!(!proof.is_by_session && proof.reason.ends_with(&format!("By {BY}.")));

    let kind = ChangeKind::Unfreeze(rung);
    let begun = one.signs(inside, kind).await.unwrap();
    let waits = |seen: wire::Freezes| {
        let mut waiting = seen.waiting.into_iter();
        waiting.next().map(|waits| (waits.id, waits.is_own))
    };
    let seen = machine.seen_by(&one).await.unwrap();
    assert_eq!(seen.waiting[0].author_name, "Ngaire");
    assert_eq!(waits(seen), Some((begun.pending.clone(), true)));
    let seen = machine.seen_by(&two).await.unwrap();
    assert_eq!(seen.frozen.len(), 2, "one officer lets nothing go");
    assert_eq!(waits(seen), Some((begun.pending.clone(), false)));
    let approve = ChangeKind::Approve(begun.pending);
    two.signs(inside, approve).await.unwrap();
    let seen = machine.seen_by(&two).await.unwrap();
    assert_eq!((seen.frozen.len(), seen.waiting.len()), (1, 0));
}
