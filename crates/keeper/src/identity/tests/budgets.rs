use super::*;
use crate::calls::history;
use crate::harness::{Inside, PORTAL, inside};
use crate::instances::{Instance, InstanceKind};
use crate::practice::Command;
use candour_keeper_wire::wire::{self, Reply};
use candour_keeper_wire::words::{Purpose, Reason, Role};
use candour_seal::PatientId;
use jiff::SignedDuration;

/// A pace at which no rule but the budget has anything to say.
const PACE: SignedDuration = SignedDuration::from_secs(9);

async fn opened(inside: &Inside, token: &[u8], patient: PatientId) -> Result<(), Reason> {
    inside.clock.advance(PACE);
    opening(inside, token, patient, Purpose::DirectCare).await
}

#[tokio::test]
async fn a_clinician_s_budget_asks_for_a_passkey_at_four_fifths_and_reopens_by_thirty_three_times()
{
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let kind = invite(office.practice, Role::Clinician, Vec::new());
    let code = manager.signs(&inside, kind).await.unwrap().code;
    let mut clinician = person(&inside, &code, "hemi").await;
    let mut patients = Vec::new();
    for byte in 1..=160 {
        patients.push(inside.patient(office.practice, byte).await);
    }
    let mut next = patients.iter().copied();
    // Four fifths of sixty, on the passkey of the sign-in, which is stale by then.
    for _ in 0..48 {
        let patient = next.next().unwrap();
        assert_eq!(opened(&inside, &clinician.token, patient).await, Ok(()));
    }
    let patient = next.next().unwrap();
    let asked = opened(&inside, &clinician.token, patient).await;
    assert_eq!(asked, Err(Reason::StepUpNeeded));
    prove(&inside, &mut clinician, "").await.unwrap();
    assert_eq!(opened(&inside, &clinician.token, patient).await, Ok(()));
    for _ in 0..11 {
        let patient = next.next().unwrap();
        assert_eq!(opened(&inside, &clinician.token, patient).await, Ok(()));
    }
    for reopening in 0..4 {
        let patient = next.next().unwrap();
        let over = Err(Reason::OverBudget);
        assert_eq!(opened(&inside, &clinician.token, patient).await, over);
        // A passkey without a reason reopens nothing.
        prove(&inside, &mut clinician, "").await.unwrap();
        assert_eq!(opened(&inside, &clinician.token, patient).await, over);
        // Somebody seen before is not one more.
        assert_eq!(
            opened(&inside, &clinician.token, patients[59]).await,
            Ok(())
        );
        let reopened = prove(&inside, &mut clinician, "results day").await;
        if reopening == 3 {
            assert_eq!(reopened, over);
            assert_eq!(opened(&inside, &clinician.token, patient).await, over);
            break;
        }
        reopened.unwrap();
        assert_eq!(opened(&inside, &clinician.token, patient).await, Ok(()));
        for _ in 0..29 {
            let patient = next.next().unwrap();
            assert_eq!(opened(&inside, &clinician.token, patient).await, Ok(()));
        }
    }
    // Each reopening is an entry with its charge, from which a restart counts.
    let client = inside.core.pool.get().await.unwrap();
    let question = "select count(*) from entry where charge = 5 and decision = 0 and practice = $1";
    let practice = office.practice.as_bytes().as_slice();
    let row = client.query_one(question, &[&practice]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 3);
    // The manager reads each; the clinician and another practice's manager do not.
    let again = sign_in(&inside, &mut manager.device, "mere", true).await;
    let again = again.unwrap().token;
    let page = reopenings(&inside, &again, 2).await.unwrap();
    let read = |event: &wire::HistoryEvent| {
        let (name, reason) = (event.actor_name.clone(), event.reason.clone());
        (event.count, name, reason)
    };
    let told = |count| (count, "Hēmi Pere".to_owned(), "results day".to_owned());
    assert!(page.has_more);
    assert_eq!(
        page.events.iter().map(read).collect::<Vec<_>>(),
        [told(3), told(2)]
    );
    let refused = reopenings(&inside, &clinician.token, 2).await;
    assert_eq!(refused.unwrap_err(), Reason::NotAllowed);
    let other = Command::AddPractice {
        name: "Rimu Health".to_owned(),
        region: "Waikato".to_owned(),
        manager: "Ana Rangi".to_owned(),
    };
    let other = ordered(&inside, &office.codes, other).await.unwrap();
    let other = person(&inside, &other.invitation, "ana").await;
    let page = reopenings(&inside, &other.token, 2).await.unwrap();
    assert!(page.events.is_empty() && !page.has_more);
}

/// What the session's practice has of reopened budgets, newest first.
async fn reopenings(
    inside: &Inside,
    token: &[u8],
    limit: u32,
) -> Result<wire::HistoryPage, Reason> {
    let portal = Instance {
        id: PORTAL,
        kind: InstanceKind::Portal,
    };
    let call = wire::History {
        token: token.to_vec(),
        limit,
        ..wire::History::default()
    };
    match history::history(&inside.core, &portal, call).await {
        Ok(Reply::History(page)) => Ok(page),
        Ok(_) => panic!("not an answer to history"),
        Err(refusal) => Err(refusal.reason),
    }
}
