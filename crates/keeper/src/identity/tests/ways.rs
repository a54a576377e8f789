//! The ways by which somebody signs in: adding, listing, removing.

use super::*;
use crate::harness::{Inside, ORIGIN, PORTAL, inside};
use crate::identity::sign_in as calls;
use crate::identity::ways::{self, MOST_PASSKEYS};
use candour_keeper_wire::wire::{self, ChangeKind};
use candour_keeper_wire::words::{self, Origin, Purpose, Reason, Role};
use candour_testkit::passkey::SoftwarePasskey;
use jiff::SignedDuration;

pub async fn listed(inside: &Inside, token: &[u8]) -> wire::SignInWays {
    ways::list(&inside.core, PORTAL, &with(token))
        .await
        .unwrap()
}

fn add(name: &str) -> ChangeKind {
    ChangeKind::AddPasskey(wire::AddPasskey {
        name: name.to_owned(),
    })
}

pub fn remove(ways: &wire::SignInWays, at: usize) -> ChangeKind {
    ChangeKind::RemovePasskey(wire::RemovePasskey {
        passkey: ways.passkeys[at].passkey.clone(),
        name: "something harmless".to_owned(),
    })
}

/// Adds a passkey, answered by another.
async fn added(
    inside: &Inside,
    token: &[u8],
    device: &mut SoftwarePasskey,
    mut new: SoftwarePasskey,
    name: &str,
) -> SoftwarePasskey {
    let asked = asked(inside, token, add(name)).await.unwrap();
    let finish = wire::ActFinish {
        answer_json: device.get(&asked.options_json, ORIGIN).unwrap(),
        new_credential_json: created(&mut new, &asked),
        ..answer_to(token, &asked)
    };
    finished(inside, &finish).await.unwrap();
    new
}

pub async fn is_signed_in(inside: &Inside, token: &[u8]) -> bool {
    calls::session(&inside.core, PORTAL, &with(token))
        .await
        .is_ok()
}

#[tokio::test]
async fn a_second_passkey_is_listed_and_removing_it_ends_its_sessions_at_once() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    inside.clock.advance(SignedDuration::from_mins(1));
    let new = SoftwarePasskey::new().unwrap().counting();
    let mut second = added(&inside, &manager.token, &mut manager.device, new, "Phone").await;
    let elsewhere = sign_in(&inside, &mut second, "mere", true).await.unwrap();

    let ways = listed(&inside, &manager.token).await;
    let seen: Vec<_> = ways
        .passkeys
        .iter()
        .map(|held| {
            (
                held.name.as_str(),
                Origin::try_from(held.origin).unwrap(),
                held.is_own,
            )
        })
        .collect();
    let expected = [
        ("passkey", Origin::Account, true),
        ("Phone", Origin::Holder, false),
    ];
    assert_eq!(seen, expected);
    assert_eq!(ways.passkeys[1].added_at, inside.now().as_microsecond());
    assert!(ways.passkeys_only && ways.has_room && !ways.has_password);

    // What is signed names the passkey as its owner does, whatever the portal sent.
    let kind = remove(&ways, 1);
    let sentence = asked(&inside, &manager.token, kind.clone())
        .await
        .unwrap()
        .text;
    assert_eq!(sentence, "Remove the passkey “Phone” from my account.");
    manager.signs(&inside, kind.clone()).await.unwrap();
    assert!(!is_signed_in(&inside, &elsewhere.token).await);
    assert!(is_signed_in(&inside, &manager.token).await);
    assert!(sign_in(&inside, &mut second, "", true).await.is_err());
    let again = manager.signs(&inside, kind).await;
    assert_eq!(again.unwrap_err().reason, Reason::NotFound);
}

#[tokio::test]
async fn a_passkey_that_counts_takes_itself_away_for_good() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let new = SoftwarePasskey::new().unwrap().counting();
    let mut second = added(&inside, &manager.token, &mut manager.device, new, "Phone").await;
    inside.clock.advance(SignedDuration::from_hours(24));
    let first = sign_in(&inside, &mut manager.device, "mere", true)
        .await
        .unwrap();
    let own = sign_in(&inside, &mut second, "mere", true).await.unwrap();
    let ways = listed(&inside, &own.token).await;
    assert!(ways.passkeys[1].is_own);
    act(&inside, &own.token, &mut second, remove(&ways, 1))
        .await
        .unwrap();
    assert!(!is_signed_in(&inside, &own.token).await);
    assert_eq!(listed(&inside, &first.token).await.passkeys.len(), 1);
}

#[tokio::test]
async fn nobody_removes_another_person_s_passkey() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let new = SoftwarePasskey::new().unwrap();
    added(&inside, &manager.token, &mut manager.device, new, "Phone").await;
    let mut other = officer(&inside, &office, "security_officer", "sione").await;
    let theirs = remove(&listed(&inside, &manager.token).await, 1);
    let refused = other.signs(&inside, theirs).await;
    assert_eq!(refused.unwrap_err().reason, Reason::NotFound);
}

#[tokio::test]
async fn an_account_has_ten_passkeys_at_most_and_their_names_are_plain() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    for name in ["", "  ", "a\nb", &"long".repeat(11)] {
        let refused = asked(&inside, &manager.token, add(name)).await;
        assert_eq!(refused.unwrap_err().reason, Reason::Invalid, "{name:?}");
    }
    for number in 2..=MOST_PASSKEYS {
        let name = format!("key {number}");
        let new = SoftwarePasskey::new().unwrap();
        added(&inside, &manager.token, &mut manager.device, new, &name).await;
    }
    assert!(!listed(&inside, &manager.token).await.has_room);
    let refused = asked(&inside, &manager.token, add("one more")).await;
    assert_eq!(refused.unwrap_err().reason, Reason::NotAllowed);
}

#[tokio::test]
async fn two_passkeys_added_at_the_same_time_do_not_pass_the_cap() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    for number in 2..MOST_PASSKEYS {
        let new = SoftwarePasskey::new().unwrap();
        let name = format!("key {number}");
        added(&inside, &manager.token, &mut manager.device, new, &name).await;
    }
    let mut answers = Vec::new();
    for name in ["one", "other"] {
        let asked = asked(&inside, &manager.token, add(name)).await.unwrap();
        let mut new = SoftwarePasskey::new().unwrap();
        answers.push(wire::ActFinish {
            answer_json: manager.device.get(&asked.options_json, ORIGIN).unwrap(),
            new_credential_json: created(&mut new, &asked),
            ..answer_to(&manager.token, &asked)
        });
    }
    let (one, other) = tokio::join!(
        finished(&inside, &answers[0]),
        finished(&inside, &answers[1])
    );
    assert!(one.is_ok() != other.is_ok());
    let ways = listed(&inside, &manager.token).await;
    assert_eq!(ways.passkeys.len(), MOST_PASSKEYS);
}

#[tokio::test]
async fn the_last_passkey_stays_unless_a_patient_has_a_password_and_codes() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let ways = listed(&inside, &manager.token).await;
    assert!(!ways.passkeys[0].may_go);
    let refused = manager.signs(&inside, remove(&ways, 0)).await;
    assert_eq!(refused.unwrap_err().reason, Reason::NotAllowed);

    let patient = inside.patient(office.practice, 40).await;
    let sheet = with_sheet(&inside, &office, &mut manager, patient).await;
    let token = by_password(&inside, &sheet[0]).await.unwrap().token;
    let begun = begin_adding(&inside, &token, &sheet[1]).await;
    inside.clock.advance(SignedDuration::from_hours(24));
    let token = by_password(&inside, &sheet[2]).await.unwrap().token;
    change(&inside, &token, ChangeKind::Approve(begun.pending))
        .await
        .unwrap();
    let ways = listed(&inside, &token).await;
    assert!(ways.passkeys[0].may_go && ways.has_password && ways.has_sheet);
    assert_eq!(ways.codes_left, 37);
    // The device is lost: a code takes its passkey away, a day later.
    let kind = remove(&ways, 0);
    let begun = act_by_code(&inside, &token, &sheet[3], kind).await.unwrap();
    assert!(begun.waits_until > 0);
    inside.clock.advance(SignedDuration::from_hours(24));
    let token = by_password(&inside, &sheet[4]).await.unwrap().token;
    change(&inside, &token, ChangeKind::Approve(begun.pending))
        .await
        .unwrap();
    assert!(listed(&inside, &token).await.passkeys.is_empty());
}

/// A patient with a sheet begins to add a passkey; it waits a day.
async fn begin_adding(inside: &Inside, token: &[u8], code: &str) -> wire::Changed {
    let asked = asked(inside, token, add("Phone")).await.unwrap();
    let mut new = SoftwarePasskey::new().unwrap();
    let finish = wire::ActFinish {
        code: code.to_owned(),
        password: PASSWORD.to_owned(),
        new_credential_json: created(&mut new, &asked),
        ..answer_to(token, &asked)
    };
    let begun = finished(inside, &finish).await.unwrap();
    assert!(begun.waits_until > 0);
    begun
}

#[tokio::test]
async fn a_sheet_whose_codes_are_used_up_is_no_second_way() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let patient = inside.patient(office.practice, 40).await;
    let sheet = with_sheet(&inside, &office, &mut manager, patient).await;
    let token = by_password(&inside, &sheet[0]).await.unwrap().token;
    let begun = begin_adding(&inside, &token, &sheet[1]).await;
    inside.clock.advance(SignedDuration::from_hours(24));
    let token = by_password(&inside, &sheet[2]).await.unwrap().token;
    change(&inside, &token, ChangeKind::Approve(begun.pending))
        .await
        .unwrap();
    let mut token = token;
    for code in &sheet[3..] {
        token = by_password(&inside, code).await.unwrap().token;
    }
    let ways = listed(&inside, &token).await;
    assert_eq!((ways.codes_left, ways.passkeys[0].may_go), (0, false));
}

/// A clinician with a second passkey, added just now; signed in by the first and by the second.
async fn two_keys(inside: &Inside, office: &Office) -> (Person, Person) {
    let mut manager = manager(inside, office).await;
    let kind = invite(office.practice, Role::Clinician, Vec::new());
    let code = manager.signs(inside, kind).await.unwrap().code;
    let mut first = person(inside, &code, "hemi").await;
    let new = SoftwarePasskey::new().unwrap();
    let mut device = added(inside, &first.token, &mut first.device, new, "Phone").await;
    let token = sign_in(inside, &mut device, "hemi", true)
        .await
        .unwrap()
        .token;
    let id = first.id.clone();
    (first, Person { device, token, id })
}

#[tokio::test]
async fn a_passkey_added_later_opens_nothing_for_a_day_and_the_older_one_does() {
    let inside = inside().await;
    let office = office(&inside).await;
    let (first, second) = two_keys(&inside, &office).await;
    let patient = inside.patient(office.practice, 40).await;
    let care = Purpose::DirectCare;
    let new = Err(Reason::CredentialIsNew);
    assert_eq!(opening(&inside, &second.token, patient, care).await, new);
    assert_eq!(opening(&inside, &first.token, patient, care).await, Ok(()));
    // Whoever is no patient of the practice stays unknown, whatever the session was signed in by.
    let elsewhere = candour_seal::PracticeId::from_bytes([77; 16]);
    let stranger = inside.patient(elsewhere, 41).await;
    let unknown = Err(Reason::NotFound);
    assert_eq!(
        opening(&inside, &second.token, stranger, care).await,
        unknown
    );

    let view = calls::session(&inside.core, PORTAL, &with(&second.token)).await;
    let a_day = inside.now().as_microsecond() + 24 * 3_600_000_000;
    assert_eq!(view.unwrap().opens_from, a_day);
    assert_eq!(
        listed(&inside, &first.token).await.passkeys[1].opens_from,
        a_day
    );

    let mut second = second;
    inside.clock.advance(SignedDuration::from_hours(24));
    let later = sign_in(&inside, &mut second.device, "hemi", true)
        .await
        .unwrap();
    assert_eq!(later.session.unwrap().opens_from, 0);
    assert_eq!(opening(&inside, &later.token, patient, care).await, Ok(()));
}

#[tokio::test]
async fn who_opens_nothing_yet_lists_finds_and_writes_nothing_and_finds_in_an_emergency() {
    let inside = inside().await;
    let office = office(&inside).await;
    let (first, second) = two_keys(&inside, &office).await;
    let patient = inside.patient(office.practice, 40).await;
    let (core, portal) = (&inside.core, portal());
    let practice = office.practice.as_bytes().to_vec();
    let find = async |token: &[u8], purpose: Purpose| {
        let call = wire::Find {
            token: token.to_vec(),
            practice: practice.clone(),
            terms: Some(wire::FindTerms {
                surname: "Walker".to_owned(),
                given: "H".to_owned(),
                ..wire::FindTerms::default()
            }),
            purpose: purpose.into(),
            ..wire::Find::default()
        };
        let found = crate::calls::find::find(core, &portal, call).await;
        found.map(|_| ()).map_err(|refusal| refusal.reason)
    };
    let new = Err(Reason::CredentialIsNew);
    let (old, token) = (first.token, second.token);
    assert_eq!(find(&token, Purpose::DirectCare).await, new);
    assert_eq!(find(&token, Purpose::Emergency).await, Ok(()));
    assert_eq!(find(&old, Purpose::DirectCare).await, Ok(()));
    let history = wire::History {
        token: token.clone(),
        patient: patient.as_bytes().to_vec(),
        limit: 1,
        ..wire::History::default()
    };
    let authorize = wire::Authorize {
        token: token.clone(),
        patient: patient.as_bytes().to_vec(),
        action: words::Action::Book.into(),
        purpose: Purpose::DirectCare.into(),
        ..wire::Authorize::default()
    };
    let deposit = wire::Deposit {
        token: token.clone(),
        ..wire::Deposit::default()
    };
    let enrol = wire::Enrol {
        token,
        people: Vec::new(),
    };
    for answer in [
        crate::calls::history::history(core, &portal, history).await,
        crate::calls::authorize::authorize(core, &portal, authorize).await,
        crate::calls::deposit::deposit(core, &portal, deposit).await,
        crate::calls::enrol::enrol(core, &portal, enrol).await,
    ] {
        let reason = answer.map(|_| ()).map_err(|refusal| refusal.reason);
        assert_eq!(reason, new);
    }
}

#[tokio::test]
async fn an_emergency_does_not_wait_for_a_new_passkey() {
    let inside = inside().await;
    let office = office(&inside).await;
    let (_, mut second) = two_keys(&inside, &office).await;
    let patient = inside.patient(office.practice, 40).await;
    let opened = in_an_emergency(&inside, &mut second, patient).await;
    assert_eq!(opened, Ok(()));
}

#[tokio::test]
async fn a_new_passkey_proves_no_older_session() {
    let inside = inside().await;
    let office = office(&inside).await;
    let (first, second) = two_keys(&inside, &office).await;
    // Whoever found somebody's browser open, and added a passkey to their account in another one.
    let mut thief = Person {
        token: first.token.clone(),
        ..second
    };
    let proved = prove(&inside, &mut thief, "").await;
    assert_eq!(proved, Err(Reason::CredentialIsNew));
    let reopened = prove(&inside, &mut thief, "a full waiting room").await;
    assert!(reopened.is_err());
    assert!(is_signed_in(&inside, &first.token).await);
    let patient = inside.patient(office.practice, 40).await;
    let opened = in_an_emergency(&inside, &mut thief, patient).await;
    assert_eq!(opened, Err(Reason::StepUpNeeded));
    // In the session that it signed in itself it proves what it may.
    let own = sign_in(&inside, &mut thief.device, "hemi", true).await;
    thief.token = own.unwrap().token;
    prove(&inside, &mut thief, "").await.unwrap();
    inside.clock.advance(SignedDuration::from_hours(24));
    let older = sign_in(&inside, &mut thief.device, "hemi", true).await;
    thief.token = older.unwrap().token;
    prove(&inside, &mut thief, "").await.unwrap();
}

#[tokio::test]
async fn a_new_passkey_answers_no_act_invites_nobody_and_is_no_way_to_keep() {
    let inside = inside().await;
    let office = office(&inside).await;
    let (mut first, mut second) = two_keys(&inside, &office).await;
    // By an act of its own it would take the older one away, or let somebody else read.
    let asked = asked(&inside, &second.token, add("Third")).await.unwrap();
    assert!(second.device.get(&asked.options_json, ORIGIN).is_err());
    let unlisted = asked.options_json.replace("allowCredentials", "ignored");
    let finish = wire::ActFinish {
        answer_json: second.device.get(&unlisted, ORIGIN).unwrap(),
        new_credential_json: created(&mut SoftwarePasskey::new().unwrap(), &asked),
        ..answer_to(&second.token, &asked)
    };
    let refused = finished(&inside, &finish).await;
    assert_eq!(refused.unwrap_err().reason, Reason::CredentialIsNew);
    let patient = inside.patient(office.practice, 40).await;
    let kind = invite(office.practice, Role::Patient, patient.as_bytes().to_vec());
    let invitation = super::asked(&inside, &second.token, kind.clone()).await;
    let options = invitation.unwrap().options_json;
    assert!(second.device.get(&options, ORIGIN).is_err());
    first.signs(&inside, kind).await.unwrap();

    // The older one cannot go while the other is new; the new one can.
    let ways = listed(&inside, &first.token).await;
    assert_eq!(
        ways.passkeys
            .iter()
            .map(|held| held.may_go)
            .collect::<Vec<_>>(),
        [false, true]
    );
    let refused = first.signs(&inside, remove(&ways, 0)).await;
    let refused = refused.unwrap_err();
    assert_eq!(
        (refused.reason, refused.retry_after_seconds),
        (Reason::CredentialIsNew, 24 * 3_600 + 1)
    );
    inside.clock.advance(SignedDuration::from_hours(24));
    let again = sign_in(&inside, &mut second.device, "hemi", true)
        .await
        .unwrap();
    act(&inside, &again.token, &mut second.device, remove(&ways, 0))
        .await
        .unwrap();
}
