//! How a printed sheet's codes are kept, and what a guess at them costs.

use super::*;
use crate::draft::{Draft, Effect};
use crate::facts::{CodeSheet, End, Fact};
use crate::harness::{Inside, PORTAL, inside};
use crate::identity::accounts::Account;
use crate::identity::codes::as_sheet_code;
use crate::identity::{commit, sign_in as calls};
use argon2::{Algorithm, Argon2, Params, Version};
use candour_keeper_wire::wire;
use candour_keeper_wire::words::{EntryKind, Reason};

fn typed(login: &str, password: &str, code: &str) -> wire::PasswordSignIn {
    wire::PasswordSignIn {
        login: login.to_owned(),
        password: password.to_owned(),
        code: code.to_owned(),
        network: "192.0.2.1".to_owned(),
        client: None,
    }
}

async fn account(inside: &Inside) -> Account {
    let found = Account::by_login(&inside.core, "aroha").await;
    found.unwrap().unwrap()
}

fn sheet(account: &Account) -> CodeSheet {
    let mut sheets = account.facts.live().filter_map(|row| match &row.fact {
        Fact::CodeSheet(sheet) => Some(sheet.clone()),
        _ => None,
    });
    sheets.next().unwrap()
}

fn keyed(inside: &Inside, code: &str) -> [u8; 32] {
    *as_sheet_code(&inside.core.identity.codes_key, code).unwrap()
}

#[tokio::test]
async fn the_codes_of_a_sheet_are_kept_under_a_salt_and_a_slow_hash() {
    let inside = inside().await;
    let (_, printed) = patient_with_sheet(&inside).await;
    let kept = sheet(&account(&inside).await);
    assert_eq!((kept.salt.len(), kept.hashes.len()), (16, 40));
    // As another program would say it, of whoever has the database and the key.
    let cost = Params::new(19 * 1024, 2, 1, Some(32)).unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost);
    for place in [0, 39] {
        let mut hash = [0; 32];
        let keyed = keyed(&inside, &printed[place]);
        argon2
            .hash_password_into(&keyed, &kept.salt, &mut hash)
            .unwrap();
        assert_eq!(kept.hashes[place], hash);
        assert_ne!(kept.hashes[place], keyed);
    }
}

/// Keeps the sheet as it was kept before there was a salt.
async fn as_before(inside: &Inside, printed: &[String]) {
    let account = account(inside).await;
    let row = account
        .facts
        .live()
        .find(|row| matches!(row.fact, Fact::CodeSheet(_)));
    let version = row.unwrap().version;
    let hashes = printed.iter().map(|code| keyed(inside, code).to_vec());
    let older = CodeSheet {
        hashes: hashes.collect(),
        ..CodeSheet::default()
    };
    let mut draft = Draft::of_keeper(EntryKind::Change);
    draft.effects = vec![
        Effect::fact(account.subject, Fact::End(End { version })),
        Effect::fact(account.subject, Fact::CodeSheet(older)),
    ];
    commit(&inside.core, draft).await.unwrap();
}

#[tokio::test]
async fn a_sheet_from_before_there_was_a_salt_still_opens_the_door() {
    let inside = inside().await;
    let (_, printed) = patient_with_sheet(&inside).await;
    as_before(&inside, &printed).await;
    by_password(&inside, &printed[7]).await.unwrap();
    let again = by_password(&inside, &printed[7]).await;
    assert_eq!(again.unwrap_err().reason, Reason::WrongCredentials);
}

#[tokio::test]
async fn a_guess_costs_the_same_work_whatever_of_it_is_right() {
    let inside = inside().await;
    let (_, printed) = patient_with_sheet(&inside).await;
    let passwords = &inside.core.identity.passwords;
    let wrong = "0000-0000";
    for (login, password, code, fits) in [
        ("nobody", PASSWORD, wrong, false),
        ("aroha", "three kererū at dawn", &printed[1], false),
        ("aroha", PASSWORD, wrong, false),
        ("aroha", PASSWORD, &printed[1], true),
    ] {
        let before = passwords.hashed();
        let answer = calls::password(&inside.core, PORTAL, &typed(login, password, code)).await;
        assert_eq!(answer.is_ok(), fits, "{login} {password}");
        assert_eq!(passwords.hashed() - before, 2, "{login} {password}");
    }
    // Nor does it tell how old the sheet is, or that there are two.
    let salted = account(&inside).await;
    as_before(&inside, &printed).await;
    let subject = salted.subject;
    for _ in 0..2 {
        let before = passwords.hashed();
        assert!(by_password(&inside, wrong).await.is_err());
        assert_eq!(passwords.hashed() - before, 2);
        let mut draft = Draft::of_keeper(EntryKind::Change);
        for _ in 0..2 {
            let again = Fact::CodeSheet(sheet(&salted));
            draft.effects.push(Effect::fact(subject, again));
        }
        commit(&inside.core, draft).await.unwrap();
    }
}
