//! Finding one's own patients: at most ten, never a canary, one entry without the words typed.

use super::reach;
use super::{Caller, id};
use crate::core::Core;
use crate::decision::{Action, Relation};
use crate::draft::Draft;
use crate::instances::Instance;
use crate::keys::KeyedToken;
use crate::ledger::Refusal;
use crate::merges::{self, Records};
use crate::names;
use crate::reader;
use crate::sql::calls as sql;
use candour_keeper_wire::wire::{self, Found, Reply};
use candour_keeper_wire::words::{EntryKind, Reason};
use candour_rules::decision::{self as rules, Lane};
use candour_rules::detect::Observation;
use candour_seal::PracticeId;

/// Most patients in one answer.
const MOST: usize = 10;
/// Most rows looked at: those whose enrolment ended are left out.
const LOOKED_AT: i64 = 64;

/// Looks people up.
pub async fn find(core: &Core, instance: &Instance, call: wire::Find) -> Result<Reply, Refusal> {
    let caller = Caller::of(core, instance, &call.token, call.purpose, &call.network).await?;
    caller.refuse_new()?;
    let practice = PracticeId::from_bytes(id(&call.practice)?);
    let session = &caller.session;
    let relation = match session.practice {
        Some(own) if own == practice => Relation::OwnPractice,
        _ => Relation::Stranger,
    };
    let question =
        reach::decision_facts(session, caller.purpose, Action::Find, relation, caller.now);
    let decision = core.policy.decide(&question);
    let mut draft = Draft::of_session(EntryKind::Find, session, Some(caller.purpose));
    reach::decided(&mut draft, &decision);
    let mut draft = reach::from_network(draft, &caller.network);
    let network = core.keys.network(&caller.network);
    let refused = if !decision.is_allowed {
        Some(Reason::NotAllowed)
    } else if core
        .freezes
        .must_prove(session, network, caller.now.as_microsecond())
    {
        Some(Reason::StepUpNeeded)
    } else {
        None
    };
    if let Some(reason) = refused {
        if reason == Reason::StepUpNeeded {
            // Whoever goes on asking without the passkey is noticed here too, not only where records open.
            let seen = reach::seen(&caller, core.next_request(), network, Lane::Ordinary);
            draft.observation = Some(Box::new(Observation {
                decision: rules::Decision::Denied(rules::Reason::StepUp(None)),
                ..seen
            }));
        }
        return Err(reach::refused(core, draft, reason).await);
    }
    let key = core
        .subject_keys
        .names_key(core.keys.practice(practice))
        .map_err(Reason::from)?;
    let terms = call.terms.ok_or(Reason::Invalid)?;
    let term = names::asked(&key, &terms).ok_or(Reason::Invalid)?;
    let (patients, has_more) = found(core, &caller, term).await?;
    draft.body.count = u32::try_from(patients.len()).unwrap_or_default();
    let appended = core.ledger.append_one(draft).await?;
    if let Some(refusal) = appended.refused {
        return Err(refusal);
    }
    if core
        .freezes
        .is_stopped(&session.freeze_guards(Some(caller.purpose)))
    {
        return Err(caller.is_frozen(core));
    }
    let patients = patients
        .into_iter()
        .map(|token| core.keys.patient_id(token).as_bytes().to_vec())
        .collect();
    Ok(Reply::Found(Found { patients, has_more }))
}

async fn found(
    core: &Core,
    caller: &Caller,
    term: [u8; 16],
) -> Result<(Vec<KeyedToken>, bool), Refusal> {
    let terms = [term.as_slice()];
    let rows = reader::rows(&core.pool, sql::FIND, &[&terms.as_slice(), &LOOKED_AT]).await?;
    let hits: Vec<KeyedToken> = rows
        .iter()
        .filter_map(|row| KeyedToken::try_from(row.get::<_, &[u8]>(0)).ok())
        .collect();
    let facts = merges::load_all(core, &hits).await?;
    let mut patients: Vec<KeyedToken> = hits
        .into_iter()
        .filter(|token| {
            let Some(records) = Records::among(&facts, *token) else {
                return false;
            };
            let view = records.view(core, &caller.session, caller.now);
            let is_own = records.are_own(core, &caller.session);
            view.is_known && view.is_enrolled && !view.is_canary && !is_own
        })
        .collect();
    let has_more = patients.len() > MOST;
    patients.truncate(MOST);
    Ok((patients, has_more))
}
