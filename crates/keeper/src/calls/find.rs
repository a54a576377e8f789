//! Finding one's own patients: at most ten, never a canary, one entry without the words typed.

use super::reach;
use super::{Caller, id};
use crate::core::Core;
use crate::decision::{Action, Assurance, Relation};
use crate::draft::Draft;
use crate::instances::Instance;
use crate::keys::KeyedToken;
use crate::ledger::Refusal;
use crate::merges::{self, Records};
use crate::names::{self, Named};
use crate::reader;
use crate::sql::calls as sql;
use candour_keeper_wire::wire::{self, FindTerms, Found, Reply};
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
    let mut draft = allowed(core, &caller, practice, false).await?;
    let key = core
        .subject_keys
        .names_key(core.keys.practice(practice))
        .map_err(Reason::from)?;
    let terms = call.terms.ok_or(Reason::Invalid)?;
    let term = names::asked(&key, &terms).ok_or(Reason::Invalid)?;
    let (patients, has_more) = found(core, &caller, term).await?;
    draft.body.count = u32::try_from(patients.len()).unwrap_or_default();
    write(core, draft).await?;
    caller.refuse_frozen(core, false)?;
    let patients = patients
        .into_iter()
        .map(|token| core.keys.patient_id(token).as_bytes().to_vec())
        .collect();
    Ok(Reply::Found(Found { patients, has_more }))
}

/// Whether the practice of an emergency knows the patient by this very name, birth date and number. It tells as much as
/// finding does, and is the same entry.
pub(super) async fn is_named(
    core: &Core,
    caller: &Caller,
    practice: PracticeId,
    patient: KeyedToken,
    who: &FindTerms,
) -> Result<bool, Refusal> {
    let mut draft = allowed(core, caller, practice, true).await?;
    let key = core
        .subject_keys
        .names_key(core.keys.practice(practice))
        .map_err(Reason::from)?;
    let terms = names::terms(
        &key,
        &Named {
            nhis: vec![&who.nhi],
            surname: &who.surname,
            given: &who.given,
            birth_date: &who.birth_date,
            phones: Vec::new(),
        },
    );
    let asked: Vec<&[u8]> = terms.iter().map(<[u8; 16]>::as_slice).collect();
    let known = reader::rows(&core.pool, sql::NAMED, &[&patient.0.as_slice(), &asked]).await?;
    let known = usize::try_from(known.first().map_or(0, |row| row.get::<_, i64>(0)));
    let records = merges::load(core, patient).await?;
    let is_named =
        !terms.is_empty() && known == Ok(terms.len()) && is_findable(core, caller, &records);
    draft.body.count = u32::from(is_named);
    write(core, draft).await?;
    Ok(is_named)
}

/// The draft of a look-up that this session may make; a refusal is an entry.
async fn allowed(
    core: &Core,
    caller: &Caller,
    practice: PracticeId,
    is_emergency: bool,
) -> Result<Draft, Refusal> {
    let session = &caller.session;
    let relation = match session.practice {
        Some(own) if own == practice => Relation::OwnPractice,
        _ => Relation::Stranger,
    };
    let mut question =
        reach::decision_facts(session, caller.purpose, Action::Find, relation, caller.now);
    if is_emergency {
        // Its own answer is still to come, and nothing opens without it.
        question.assurance = Assurance::FreshPasskey;
    }
    let decision = core.policy.decide(&question);
    let mut draft = Draft::of_session(EntryKind::Find, session, Some(caller.purpose));
    if let Some(guards) = &mut draft.stops {
        guards.is_emergency = is_emergency;
    }
    reach::decided(&mut draft, &decision);
    let mut draft = reach::from_network(draft, &caller.network);
    let network = core.keys.network(&caller.network);
    let now = caller.now.as_microsecond();
    if !decision.is_allowed {
        return Err(reach::refused(core, draft, Reason::NotAllowed).await);
    }
    if !is_emergency && core.freezes.must_prove(session, network, now) {
        // Whoever goes on asking without the passkey is noticed here too, not only where records open.
        let seen = reach::seen(caller, core.next_request(), network, Lane::Ordinary);
        draft.observation = Some(Box::new(Observation {
            decision: rules::Decision::Denied(rules::Reason::StepUp(None)),
            ..seen
        }));
        return Err(reach::refused(core, draft, Reason::StepUpNeeded).await);
    }
    Ok(draft)
}

async fn write(core: &Core, draft: Draft) -> Result<(), Refusal> {
    let appended = core.ledger.append_one(draft).await?;
    appended.refused.map_or(Ok(()), Err)
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
            let records = Records::among(&facts, *token);
            records.is_some_and(|records| is_findable(core, caller, &records))
        })
        .collect();
    let has_more = patients.len() > MOST;
    patients.truncate(MOST);
    Ok((patients, has_more))
}

/// Whether the practice of the session has this patient, who is not the session's own person and not kept from them.
fn is_findable(core: &Core, caller: &Caller, records: &Records) -> bool {
    let session = &caller.session;
    let view = records.view(core, session, caller.now);
    view.is_known && view.is_enrolled && !view.is_canary && !records.are_own(core, session)
}
