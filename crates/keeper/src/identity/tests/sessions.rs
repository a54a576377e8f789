//! Sessions: their tokens, how many there are, and who ends them.

use super::ways::is_signed_in;
use super::*;
use crate::harness::{Inside, PORTAL, inside};
use crate::identity::{sessions, sign_in as calls};
use crate::reader;
use crate::session::MOST;
use candour_keeper_wire::Token;
use candour_keeper_wire::wire;
use candour_keeper_wire::words::{EntryKind, Reason, Role};
use jiff::SignedDuration;

async fn ends_all_others(inside: &Inside, token: &[u8]) -> Result<(), Reason> {
    let call = wire::EndSessions {
        token: token.to_vec(),
        ..wire::EndSessions::default()
    };
    let ended = sessions::end(&inside.core, PORTAL, &call).await;
    ended.map_err(|refusal| refusal.reason)
}

async fn surrogate(inside: &Inside, token: &[u8]) -> i64 {
    let view = calls::session(&inside.core, PORTAL, &with(token)).await;
    view.unwrap().session
}

#[tokio::test]
async fn a_token_is_32_bytes_of_its_own_for_every_sign_in() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let again = sign_in(&inside, &mut manager.device, "mere", true).await;
    let again = again.unwrap().token;
    assert_eq!((manager.token.len(), again.len()), (32, 32));
    assert_ne!(manager.token, again);
}

#[tokio::test]
async fn a_session_that_is_proved_again_goes_on_under_a_new_token_and_the_old_one_is_worth_nothing()
{
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let (before, session) = (
        manager.token.clone(),
        surrogate(&inside, &manager.token).await,
    );
    prove(&inside, &mut manager, "").await.unwrap();
    assert_ne!(manager.token, before);
    assert_eq!(surrogate(&inside, &manager.token).await, session);
    let old = calls::session(&inside.core, PORTAL, &with(&before)).await;
    assert_eq!(old.unwrap_err().reason, Reason::SessionEnded);

    let patient = inside.patient(office.practice, 40).await;
    let sheet = with_sheet(&inside, &office, &mut manager, patient).await;
    let before = by_password(&inside, &sheet[0]).await.unwrap().token;
    let call = wire::StepUp {
        token: before.clone(),
        code: sheet[1].clone(),
        ..wire::StepUp::default()
    };
    let proved = calls::step_up(&inside.core, PORTAL, &call).await.unwrap();
    assert!(is_signed_in(&inside, &proved.token).await);
    assert!(!is_signed_in(&inside, &before).await);
}

#[tokio::test]
async fn to_sign_out_everywhere_else_takes_a_fresh_proof_and_an_act_s_answer_is_none() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let other = sign_in(&inside, &mut manager.device, "mere", true).await;
    let other = other.unwrap().token;
    inside.clock.advance(SignedDuration::from_mins(5));
    let kind = invite(office.practice, Role::Reception, Vec::new());
    manager.signs(&inside, kind).await.unwrap();
    let refused = ends_all_others(&inside, &manager.token).await;
    assert_eq!(refused, Err(Reason::StepUpNeeded));
    assert!(is_signed_in(&inside, &other).await);
    prove(&inside, &mut manager, "").await.unwrap();
    assert_eq!(ends_all_others(&inside, &manager.token).await, Ok(()));
    assert!(!is_signed_in(&inside, &other).await);
}

#[tokio::test]
async fn a_person_has_twenty_sessions_and_with_one_more_the_one_unused_longest_ends() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let mut tokens = vec![manager.token.clone()];
    for _ in 1..MOST {
        let more = sign_in(&inside, &mut manager.device, "mere", true).await;
        tokens.push(more.unwrap().token);
    }
    inside.clock.advance(SignedDuration::from_mins(1));
    for (at, token) in tokens.iter().enumerate().filter(|(at, _)| *at != 7) {
        assert!(is_signed_in(&inside, token).await, "{at}");
    }
    let officer = officer(&inside, &office, "security_officer", "sione").await;
    let more = sign_in(&inside, &mut manager.device, "mere", true).await;
    tokens.push(more.unwrap().token);
    for (at, token) in tokens.iter().enumerate() {
        assert_eq!(is_signed_in(&inside, token).await, at != 7, "{at}");
    }
    assert!(is_signed_in(&inside, &officer.token).await);
}

#[tokio::test]
async fn a_password_is_as_good_after_two_years_as_on_the_first_day() {
    let inside = inside().await;
    let (_, sheet) = patient_with_sheet(&inside).await;
    inside
        .clock
        .advance(SignedDuration::from_hours(2 * 365 * 24));
    assert!(by_password(&inside, &sheet[0]).await.is_ok());
}

/// A patient's session that a browser with this description signed in.
async fn bound(inside: &Inside, code: &str, client: &str) -> Token {
    let call = wire::PasswordSignIn {
        login: "aroha".to_owned(),
        password: PASSWORD.to_owned(),
        code: code.to_owned(),
        network: "192.0.2.1".to_owned(),
        client: Some(client.to_owned()),
    };
    let signed_in = calls::password(&inside.core, PORTAL, &call).await.unwrap();
    Token::from_bytes(&signed_in.token).unwrap()
}

#[tokio::test]
async fn a_token_that_comes_with_another_browser_is_refused_and_its_session_ends_on_the_ledger() {
    let inside = inside().await;
    let (_, sheet) = patient_with_sheet(&inside).await;
    let stolen = [
        Some("Firefox/141.0 on another machine"),
        Some(""),
        // What has none is no way round it.
        None,
    ];
    for (thief, code) in stolen.into_iter().zip(&sheet) {
        let token = bound(&inside, code, "Firefox/140.0").await;
        let own = token.with_client("Firefox/140.0");
        assert!(is_signed_in(&inside, own.expose()).await);
        let foreign = thief.map_or(token.clone(), |client| token.with_client(client));
        let size = inside.core.ledger.size();
        assert!(!is_signed_in(&inside, foreign.expose()).await, "{thief:?}");
        assert_eq!(inside.core.ledger.size(), size + 1);
        assert!(!is_signed_in(&inside, own.expose()).await, "{thief:?}");
        assert_eq!(inside.core.ledger.size(), size + 1, "once");
    }
    let select = "select kind, decision from entry order by index desc limit 1";
    let rows = reader::rows(&inside.core.pool, select, &[]).await.unwrap();
    let refused = [EntryKind::SignOut.number(), Reason::SessionEnded.number()].map(i16::from);
    assert_eq!([rows[0].get::<_, i16>(0), rows[0].get(1)], refused);
}

#[tokio::test]
async fn a_session_that_is_proved_again_stays_with_its_browser() {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let patient = inside.patient(office.practice, 40).await;
    let sheet = with_sheet(&inside, &office, &mut manager, patient).await;
    let token = bound(&inside, &sheet[0], "Firefox/140.0").await;
    let call = wire::StepUp {
        token: token.with_client("Firefox/140.0").expose().to_vec(),
        code: sheet[1].clone(),
        ..wire::StepUp::default()
    };
    let proved = calls::step_up(&inside.core, PORTAL, &call).await.unwrap();
    let proved = Token::from_bytes(&proved.token).unwrap();
    let own = proved.with_client("Firefox/140.0");
    assert!(is_signed_in(&inside, own.expose()).await);
    assert!(!is_signed_in(&inside, proved.expose()).await);
}
