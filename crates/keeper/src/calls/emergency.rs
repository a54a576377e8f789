//! Emergency access as an act: a clinician's passkey signs which patient, which document if one, and the words why. Its
//! answer comes with the opening itself, and opens exactly that, once.

use super::open::Planned;
use super::{Caller, find, id};
use crate::acts::challenge;
use crate::core::Core;
use crate::draft::{Effect, Guard};
use crate::identity::Waiting;
use crate::identity::accounts::Account;
use crate::identity::passkeys::{Answer, Offered};
use crate::identity::sign_in::{checked, random_id};
use crate::instances::Instance;
use crate::ledger::Refusal;
use crate::session::Principal;
use candour_keeper_wire::wire::{self, EmergencyStart, FindTerms, TargetKind};
use candour_keeper_wire::words::{Purpose, Reason};
use candour_seal::PatientId;
use jiff::civil::Date;
use prost::Message;
use std::sync::Arc;
use webauthn_rs_core::proto::AuthenticationState;

/// Most letters of the words.
const MOST: usize = 300;

/// Longest name that a sentence has, in letters.
const LONGEST_NAME: usize = 80;

/// An emergency opening that awaits its answer.
pub struct Emergency {
    session: i64,
    patient: PatientId,
    item: Vec<u8>,
    text: String,
    state: AuthenticationState,
}

impl Emergency {
    /// Whether this is what was signed: sections of that patient's record, or that one document.
    fn covers(&self, call: &wire::Open) -> bool {
        let mut kinds = call.targets.iter().map(|target| target.kind.as_ref());
        if self.item.is_empty() {
            kinds.all(|kind| match kind {
                Some(TargetKind::Section(of)) => of.patient == self.patient.as_bytes(),
                _ => false,
            })
        } else {
            matches!((kinds.next(), kinds.next()),
                (Some(Some(TargetKind::Item(item))), None) if *item == self.item)
        }
    }
}

/// An answer that fits, with what is committed beside the opening.
pub(super) struct Answered {
    patient: PatientId,
    effects: Vec<Effect>,
}

/// Begins: the reply is the sentence, and what the clinician's passkey is asked.
pub async fn start(
    core: &Core,
    instance: &Instance,
    call: EmergencyStart,
) -> Result<wire::Ceremony, Refusal> {
    let purpose = Purpose::Emergency.into();
    let caller = Caller::read(core, instance, &call.token, purpose, &call.network).await?;
    // It releases nothing; the opening looks again.
    caller.refuse_frozen(core, true)?;
    let practice = caller.session.practice.ok_or(Reason::NotAllowed)?;
    let patient = PatientId::from_bytes(id(&call.patient)?);
    let words = call.words.trim();
    let is_worded = (1..=MOST).contains(&words.chars().count());
    if !is_worded || !(call.item.is_empty() || call.item.len() == 16) {
        return Err(Reason::Invalid.into());
    }
    let passkeys = account(&caller).map(|account| account.passkeys(core));
    let held: Vec<_> = passkeys
        .into_iter()
        .flatten()
        .map(|held| held.credential)
        .collect();
    if held.is_empty() {
        return Err(Reason::NotAllowed.into());
    }
    let who = call.who.clone().unwrap_or_default();
    let token = core.keys.patient(patient);
    let born = who.birth_date.parse::<Date>().ok();
    let born = born.filter(|_| is_name(&who));
    let is_named = find::is_named(core, &caller, practice, token, &who).await?;
    let born = born.filter(|_| is_named);
    let text = sentence(born.map(|born| (&who, born)), !call.item.is_empty(), words);
    let signed = EmergencyStart {
        token: Vec::new(),
        network: String::new(),
        ..call.clone()
    };
    let (ceremony, session) = (random_id(), caller.session.surrogate);
    let bytes = challenge(
        core.config.installation,
        session,
        &ceremony,
        &signed.encode_to_vec(),
        &text,
    );
    let passkeys = &core.identity.passkeys;
    let asked = passkeys.ask(Offered::Credentials(held), Some(bytes))?;
    let waiting = Emergency {
        session,
        patient,
        item: call.item,
        text: text.clone(),
        state: asked.state,
    };
    let waiting = Waiting::Emergency(Box::new(waiting));
    core.identity
        .ceremonies
        .begin(ceremony, waiting, caller.now);
    Ok(wire::Ceremony {
        ceremony: ceremony.to_vec(),
        options_json: asked.options_json,
        text,
        ..wire::Ceremony::default()
    })
}

/// Whether these are names and a number, and no sentences of somebody's own: of a given name the index knows only how it
/// begins.
fn is_name(who: &FindTerms) -> bool {
    let is_letter = |letter: char| letter.is_alphabetic() || " -'’.".contains(letter);
    let names = [&who.given, &who.surname];
    names
        .iter()
        .all(|name| name.chars().count() <= LONGEST_NAME && name.chars().all(is_letter))
        && who.nhi.chars().all(|letter| letter.is_ascii_alphanumeric())
}

/// What is signed, in words. It names a patient as the practice knows them, or nobody: an answer about one of them is
/// never one about another.
fn sentence(who: Option<(&FindTerms, Date)>, is_document: bool, words: &str) -> String {
    let what = if is_document {
        "one document of"
    } else {
        "the record of"
    };
    let who = who.map_or_else(
        || "a patient whose name cannot be shown here".to_owned(),
        |(who, born)| {
            let nhi = match who.nhi.as_str() {
                "" => String::new(),
                nhi => format!(", NHI {nhi}"),
            };
            let (name, born) = (
                format!("{} {}", who.given, who.surname),
                born.strftime("%-d %B %Y"),
            );
            format!("{}, born {born}{nhi}", name.trim())
        },
    );
    format!("Open in an emergency {what} {who}. What has happened: {words}")
}

fn account(caller: &Caller) -> Option<Account> {
    match caller.session.principal {
        Principal::Person(person) => Some(Account {
            person,
            subject: caller.session.subject,
            facts: Arc::clone(&caller.own),
        }),
        Principal::Client(_) | Principal::Run(_) => None,
    }
}

/// Takes the answer that came with an opening; right or wrong, it is taken once. What it proves, it proves for this one
/// call: the session is no fresher for anything else.
pub(super) fn answered(
    core: &Core,
    caller: &mut Caller,
    call: &mut wire::Open,
) -> Option<Answered> {
    if caller.purpose != Purpose::Emergency {
        return None;
    }
    let now = caller.now;
    let Some(Waiting::Emergency(act)) = core.identity.ceremonies.end(&call.ceremony, now) else {
        return None;
    };
    if act.session != caller.session.surrogate || !act.covers(call) {
        return None;
    }
    let answer = Answer::parse(&call.answer_json).ok()?;
    let (by, effects) = checked(core, &account(caller)?, &answer, &act.state).ok()?;
    // What was made at a counter is a patient's. What is newer than the session's own ways lends it nothing.
    let own = caller.session.signed_by.opens_from;
    let is_newer = by.opens_from > own && by.is_new_until(now).is_some();
    if by.recovered_at.is_some() || is_newer {
        return None;
    }
    caller.session.proved_at = now;
    caller.session.by_passkey = true;
    call.reason = act.text;
    Some(Answered {
        patient: act.patient,
        effects,
    })
}

/// Lets through what was answered for, and of nobody else.
pub(super) fn allow(answered: Option<Answered>, caller: &Caller, planned: &mut [Planned]) {
    let is_of = |of: PatientId| {
        planned
            .iter()
            .all(|one| one.patient.is_none_or(|it| it == of))
    };
    let Some(answered) = answered.filter(|answered| is_of(answered.patient)) else {
        // Without its answer the policies refuse it too; what helps is to answer again.
        for one in planned {
            if one.is_granted() || one.reason() == Reason::NotAllowed {
                one.deny(Reason::StepUpNeeded);
            }
        }
        return;
    };
    if let Some(first) = planned.iter_mut().find(|one| one.is_granted())
        && !answered.effects.is_empty()
    {
        let guard = Guard::Facts {
            subject: caller.session.subject,
            version: caller.own.version(),
        };
        first.with(answered.effects, guard);
    }
}
