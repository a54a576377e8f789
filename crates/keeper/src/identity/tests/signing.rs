use super::*;
use crate::harness::{OTHER_PORTAL, PORTAL, inside};
use crate::identity::codes::TotpSecret;
use crate::identity::{invitations, sign_in as calls};
use candour_keeper_wire::wire;
use candour_keeper_wire::words::{Reason, Role};
use jiff::SignedDuration;

async fn patient_invitation(
    inside: &crate::harness::Inside,
    office: &Office,
    manager: &mut Person,
    byte: u8,
) -> String {
    let patient = inside.patient(office.practice, byte).await;
    let kind = invite(office.practice, Role::Patient, patient.as_bytes().to_vec());
    manager.signs(inside, kind).await.unwrap().code
}

fn password(code: &str) -> wire::PasswordSignIn {
    wire::PasswordSignIn {
        login: "aroha".to_owned(),
        password: "three tūī at dawn".to_owned(),
        code: code.to_owned(),
        network: "192.0.2.1".to_owned(),
        client: None,
    }
}

#[tokio::test]
async fn a_first_manager_signs_in_and_acts_in_exactly_that_role() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let view = calls::session(&inside.core, PORTAL, &with(&manager.token))
        .await
        .unwrap();
    assert_eq!(Role::try_from(view.role), Ok(Role::Manager));
    assert_eq!(view.practice, office.practice.as_bytes());
    assert_eq!(view.staff_name, "Mere Tūhoe");
    assert!(view.patients.is_empty());
    // Without a login name, the passkey names its person.
    let again = sign_in(&inside, &mut manager.device, "", true)
        .await
        .unwrap();
    assert_eq!(again.session.unwrap().principal, manager.id);
}

#[tokio::test]
async fn a_token_works_only_through_its_instance_and_ends_in_time() {
    let inside = inside().await;
    let office = office(&inside).await;
    let manager = manager(&inside, &office).await;
    let elsewhere = calls::session(&inside.core, OTHER_PORTAL, &with(&manager.token)).await;
    assert_eq!(elsewhere.unwrap_err().reason, Reason::SessionEnded);
    for _ in 0..34 {
        inside.clock.advance(SignedDuration::from_mins(14));
        calls::session(&inside.core, PORTAL, &with(&manager.token))
            .await
            .unwrap();
    }
    // Eight hours are over, and it was used four minutes ago.
    inside.clock.advance(SignedDuration::from_mins(4));
    let over = calls::session(&inside.core, PORTAL, &with(&manager.token)).await;
    assert_eq!(over.unwrap_err().reason, Reason::SessionEnded);
}

#[tokio::test]
async fn a_patient_registers_with_a_passkey_and_reaches_their_own_record_only() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let code = patient_invitation(&inside, &office, &mut manager, 40).await;
    let wrong = register(&inside, &code, "aroha", "1980-02-01").await;
    assert_eq!(wrong.err().unwrap().reason, Reason::WrongCredentials);
    let (mut device, _) = register(&inside, &code, "aroha", "1980-01-31")
        .await
        .unwrap();
    let signed_in = sign_in(&inside, &mut device, "Aroha", false).await.unwrap();
    let view = signed_in.session.unwrap();
    assert_eq!(Role::try_from(view.role), Ok(Role::Patient));
    assert_eq!(view.patients.len(), 1);
    assert_eq!(view.patients[0].patient, [40; 16]);
    // An invitation is used once, and a patient has no staff role to act in.
    let twice = register(&inside, &code, "aroha2", "1980-01-31").await;
    assert_eq!(twice.err().unwrap().reason, Reason::WrongCredentials);
    let staff = sign_in(&inside, &mut device, "aroha", true).await;
    assert_eq!(staff.err().unwrap().reason, Reason::NotAllowed);
}

#[tokio::test]
async fn five_wrong_birth_dates_end_an_invitation() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let code = patient_invitation(&inside, &office, &mut manager, 40).await;
    for day in 1..=5 {
        let wrong = register(&inside, &code, "aroha", &format!("1980-02-0{day}")).await;
        assert_eq!(wrong.err().unwrap().reason, Reason::WrongCredentials);
    }
    let late = register(&inside, &code, "aroha", "1980-01-31").await;
    assert_eq!(late.err().unwrap().reason, Reason::WrongCredentials);
}

#[tokio::test]
async fn an_invitation_is_worth_nothing_after_fourteen_days() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let code = patient_invitation(&inside, &office, &mut manager, 40).await;
    inside.clock.advance(SignedDuration::from_hours(14 * 24));
    let late = register(&inside, &code, "aroha", "1980-01-31").await;
    assert_eq!(late.err().unwrap().reason, Reason::WrongCredentials);
}

#[tokio::test]
async fn a_new_installation_has_no_account_and_no_invitation() {
    let inside = inside().await;
    crate::practice::name_operators(&inside.core).await.unwrap();
    let client = inside.core.pool.get().await.unwrap();
    let row = client.query_one("select count(*) from lookup", &[]).await;
    assert_eq!(row.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test]
async fn wrong_tries_delay_the_next_from_there_and_neither_other_networks_nor_passkeys() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let patient = inside.patient(office.practice, 40).await;
    let sheet = with_sheet(&inside, &office, &mut manager, patient).await;
    let call = |code: &str, network: &str| wire::PasswordSignIn {
        network: network.to_owned(),
        ..password(code)
    };
    for _ in 0..5 {
        let call = call("0000-0000", "198.51.100.7");
        let wrong = calls::password(&inside.core, PORTAL, &call).await;
        assert_eq!(wrong.unwrap_err().reason, Reason::WrongCredentials);
    }
    // Not even the right answer is looked at, and it is not used up.
    let right = call(&sheet[0], "198.51.100.7");
    let early = calls::password(&inside.core, PORTAL, &right).await;
    let early = early.unwrap_err();
    assert_eq!(
        (early.reason, early.retry_after_seconds),
        (Reason::TooMany, 1)
    );
    let elsewhere = call(&sheet[1], "192.0.2.1");
    calls::password(&inside.core, PORTAL, &elsewhere)
        .await
        .unwrap();
    let asked = wire::PasskeyStart {
        login: "aroha".to_owned(),
        network: "198.51.100.7".to_owned(),
    };
    calls::passkey_start(&inside.core, PORTAL, &asked)
        .await
        .unwrap();
    inside.clock.advance(SignedDuration::from_secs(1));
    calls::password(&inside.core, PORTAL, &right).await.unwrap();
}

#[tokio::test]
async fn a_sheet_of_codes_opens_the_door_once_for_each_code() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let code = patient_invitation(&inside, &office, &mut manager, 40).await;
    let registered = invitations::register(
        &inside.core,
        PORTAL,
        &wire::Register {
            code,
            birth_date: "1980-01-31".to_owned(),
            login: "aroha".to_owned(),
            password: "three tūī at dawn".to_owned(),
            wants_sheet: true,
            ..wire::Register::default()
        },
    )
    .await
    .unwrap();
    assert_eq!(registered.sheet.len(), 40);
    let first = password(&registered.sheet[3]);
    let signed_in = calls::password(&inside.core, PORTAL, &first).await.unwrap();
    assert!(!signed_in.session.unwrap().by_passkey);
    let again = calls::password(&inside.core, PORTAL, &first).await;
    assert_eq!(again.unwrap_err().reason, Reason::WrongCredentials);
    let without = calls::password(&inside.core, PORTAL, &password("")).await;
    assert_eq!(without.unwrap_err().reason, Reason::WrongCredentials);
    calls::password(&inside.core, PORTAL, &password(&registered.sheet[4]))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_authenticator_code_is_good_once_and_a_wrong_password_never() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let code = patient_invitation(&inside, &office, &mut manager, 40).await;
    let view = invitations::open(
        &inside.core,
        PORTAL,
        &wire::InvitationOpen {
            code: code.clone(),
            network: String::new(),
            login: "aroha".to_owned(),
        },
    )
    .await
    .unwrap();
    let secret = decoded(&view.otpauth);
    let code_now = |inside: &crate::harness::Inside| secret.code_at(inside.now());
    let mut asked = wire::Register {
        code,
        birth_date: "1980-01-31".to_owned(),
        login: "aroha".to_owned(),
        ceremony: view.ceremony.unwrap().ceremony,
        password: "three tūī at dawn".to_owned(),
        totp_code: "000000".to_owned(),
        ..wire::Register::default()
    };
    let slip = invitations::register(&inside.core, PORTAL, &asked).await;
    assert_eq!(slip.unwrap_err().reason, Reason::WrongCredentials);
    asked.totp_code = code_now(&inside);
    invitations::register(&inside.core, PORTAL, &asked)
        .await
        .unwrap();

    let current = code_now(&inside);
    let wrong = wire::PasswordSignIn {
        password: "three tui at dawn".to_owned(),
        ..password(&current)
    };
    assert_eq!(
        calls::password(&inside.core, PORTAL, &wrong)
            .await
            .unwrap_err()
            .reason,
        Reason::WrongCredentials
    );
    calls::password(&inside.core, PORTAL, &password(&current))
        .await
        .unwrap();
    let again = calls::password(&inside.core, PORTAL, &password(&current)).await;
    assert_eq!(again.unwrap_err().reason, Reason::WrongCredentials);
    inside.clock.advance(SignedDuration::from_secs(30));
    calls::password(&inside.core, PORTAL, &password(&code_now(&inside)))
        .await
        .unwrap();
}

pub fn decoded(otpauth: &str) -> TotpSecret {
    let text = otpauth
        .split("secret=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    let (mut held, mut bits, mut out) = (0_u32, 0, Vec::new());
    for letter in text.bytes() {
        let value = if letter >= b'A' {
            letter - b'A'
        } else {
            letter - b'2' + 26
        };
        held = (held << 5 | u32::from(value)) & 0xffff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from(held >> bits & 0xff).unwrap());
        }
    }
    TotpSecret::from_bytes(out.try_into().unwrap())
}

#[tokio::test]
async fn the_practice_program_signs_in_with_its_secret_only() {
    let inside = inside().await;
    let office = office(&inside).await;
    let client: candour_seal::ClientId = office.made.client.parse().unwrap();
    let secret: Vec<u8> = (0..32)
        .map(|at| u8::from_str_radix(&office.made.client_secret[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    let mut call = wire::ClientSignIn {
        client: client.as_bytes().to_vec(),
        secret,
    };
    let view = calls::client(&inside.core, PORTAL, &call)
        .await
        .unwrap()
        .session
        .unwrap();
    assert_eq!(Role::try_from(view.role), Ok(Role::PracticeClient));
    assert_eq!(view.practice, office.practice.as_bytes());
    call.secret[0] ^= 1;
    assert_eq!(
        calls::client(&inside.core, PORTAL, &call)
            .await
            .unwrap_err()
            .reason,
        Reason::WrongCredentials
    );
}

#[tokio::test]
async fn failures_before_sign_in_are_one_entry_for_each_network_account_and_minute() {
    let inside = inside().await;
    let from = |login: &str, network: &str| wire::PasswordSignIn {
        login: login.to_owned(),
        password: "not the password".to_owned(),
        code: "000000".to_owned(),
        network: network.to_owned(),
        client: None,
    };
    let before = inside.core.ledger.size();
    // Nobody has these names: the answer is that of a wrong password.
    for (login, network, times) in [
        ("aroha", "192.0.2.1", 3),
        ("aroha", "198.51.100.7", 2),
        ("wiremu", "192.0.2.1", 2),
    ] {
        for _ in 0..times {
            let refused = calls::password(&inside.core, PORTAL, &from(login, network)).await;
            assert_eq!(refused.unwrap_err().reason, Reason::WrongCredentials);
        }
    }
    assert_eq!(inside.core.ledger.size(), before);
    inside.clock.advance(SignedDuration::from_mins(1));
    crate::identity::write_failures(&inside.core, inside.now(), false)
        .await
        .unwrap();
    let client = inside.core.pool.get().await.unwrap();
    let question = "select index, body, audit_wrap from entry where kind = 16 and index >= $1";
    let before = i64::try_from(before).unwrap();
    let own = inside.core.keys.own(crate::keys::OwnSubject::Installation);
    let mut counts = Vec::new();
    for row in client.query(question, &[&before]).await.unwrap() {
        let index = u64::try_from(row.get::<_, i64>(0)).unwrap();
        let body = inside
            .core
            .open_body(own, index, row.get(1), row.get(2))
            .await
            .unwrap();
        counts.push((body.network, body.count));
    }
    counts.sort();
    let one = ("192.0.2.1".to_owned(), 2);
    let two = ("192.0.2.1".to_owned(), 3);
    assert_eq!(counts, [one, two, ("198.51.100.7".to_owned(), 2)]);
}

#[test]
fn failures_that_could_not_be_written_are_counted_in_again() {
    use crate::identity::{count_in_again, failures::Failures, failures::Tried};
    use crate::ledger::{Appended, LedgerError};
    let failures = Failures::default();
    let at = |seconds| jiff::Timestamp::from_second(seconds).unwrap();
    for who in [1, 2] {
        let what = [who; 16];
        let network = "192.0.2.1".to_owned();
        failures.failed(Tried { network, what }, at(0));
    }
    let over = failures.take_minutes(at(60), false);
    // Nothing was written; then the first was, and the second was not; then that was.
    let none = count_in_again(&failures, &over, Err(LedgerError::Unavailable));
    assert_eq!(none, Err(LedgerError::Unavailable));
    assert_eq!(failures.take_minutes(at(61), false), over);
    let written = Ok(Appended {
        index: 7,
        at: at(61),
        refused: None,
    });
    let outcomes = vec![written, Err(LedgerError::Unavailable)];
    let one = count_in_again(&failures, &over, Ok(outcomes));
    assert_eq!(one, Err(LedgerError::Unavailable));
    let rest = failures.take_minutes(at(62), false);
    assert_eq!(rest, over[1..]);
    assert_eq!(count_in_again(&failures, &rest, Ok(vec![written])), Ok(()));
    assert!(failures.take_minutes(at(63), false).is_empty());
}
