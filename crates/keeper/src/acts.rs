//! Acts: changes that a person answers for with a passkey whose challenge is the hash of exactly this act.
//!
//! Who has no passkey gives a fresh code instead; the act then waits a day and every old channel is told, unless it
//! only ends that somebody reads.

use crate::changes::{self, Plan, Prepared, Proof, letting_in, pending, plan, sentence};
use crate::core::Core;
use crate::draft::{Effect, Guard};
use crate::identity::accounts::{Account, HeldPasskey};
use crate::identity::codes::TotpSecret;
use crate::identity::invitations::{Added, passkey_effects};
use crate::identity::passkeys::{Answer, AskedNew, Offered};
use crate::identity::sign_in::{checked, code_account, random_id};
use crate::identity::ways::new_until;
use crate::identity::{Waiting, standing};
use crate::keys::KeyedToken;
use crate::ledger::Refusal;
use crate::notifications::Owes;
use crate::session::{Principal, Session};
use candour_keeper_wire::wire::{self, ChangeKind};
use candour_keeper_wire::words::{Notification, Origin, Reason};
use candour_seal::{Digester, InstallationId, InstanceId};
use jiff::Timestamp;
use prost::Message;
use webauthn_rs_core::proto::{AuthenticationState, Credential, RegistrationState};

/// Who began something, and in which session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doer {
    /// The subject of their facts.
    pub subject: KeyedToken,
    /// The session's surrogate.
    pub session: i64,
}

impl Doer {
    /// Whoever has this session.
    pub fn of(session: &Session) -> Self {
        Self {
            subject: session.subject,
            session: session.surrogate,
        }
    }
}

/// An act that awaits its answer.
pub struct Act {
    kind: ChangeKind,
    text: String,
    session: i64,
    /// A code may answer.
    code_accepted: bool,
    /// Together with the account's password.
    needs_password: bool,
    /// What the passkey's answer is checked against; `None` where only a code answers.
    state: Option<AuthenticationState>,
    /// For a new passkey.
    new: Option<RegistrationState>,
}

/// What is signed: everything that makes this act this one and no other.
///
/// Lengths stand before the two parts of variable length, so no two acts have the same bytes.
pub fn challenge(
    installation: InstallationId,
    session: i64,
    ceremony: &[u8; 16],
    change: &[u8],
    text: &str,
) -> [u8; 32] {
    let mut digester = Digester::new();
    digester.push(b"candour/v1/act");
    digester.push(installation.as_bytes());
    digester.push(&session.to_be_bytes());
    digester.push(ceremony);
    for part in [change, text.as_bytes()] {
        digester.push(&(part.len() as u64).to_be_bytes());
        digester.push(part);
    }
    *digester.finish().as_bytes()
}

/// Begins an act: the reply is what the person's passkey is asked, or that a code is needed.
pub async fn start(
    core: &Core,
    instance: InstanceId,
    call: &wire::ActStart,
) -> Result<wire::Ceremony, Refusal> {
    let now = core.clock.now();
    let kind = changes::kind_of(call.change.as_ref())?;
    let (session, facts) = standing::session(core, &call.token, instance, "", now).await?;
    let Principal::Person(person) = session.principal else {
        return Err(Reason::NotAllowed.into());
    };
    session.is_settled(now)?;
    let account = Account {
        person,
        subject: session.subject,
        facts,
    };
    if matches!(kind, ChangeKind::Recall(_) | ChangeKind::EndRecall(_)) {
        // What is counted for it is counted for nobody else.
        changes::authorize(core, &session, &kind, plan(&kind, session.role)?, now).await?;
    }
    let kind = changes::settled(core, &account, kind, now).await?;
    let (signed, text) = described(core, &session, &kind, now).await?;
    let passkeys = account.passkeys(core);
    let existing = passkeys.iter().map(|held| held.credential.cred_id.clone());
    let existing = existing.collect();
    let first = passkeys.iter().map(|held| held.fact.opens_from).min();
    let held = old_enough(passkeys, now);
    if held.is_empty() && !account.has_codes() {
        return Err(first.map_or(Reason::NotAllowed.into(), |first| {
            Refusal::until(Reason::CredentialIsNew, first, now)
        }));
    }
    let new = match &kind {
        ChangeKind::AddPasskey(_) => Some(
            core.identity
                .passkeys
                .ask_new(person, "account", existing)?,
        ),
        _ => None,
    };
    let id = random_id();
    // Whoever lost the device with their passkey, and has a password too, takes that passkey away by a code, in a day.
    let code_accepted =
        held.is_empty() || (changes::is_about_ways(&kind) && account.has_typed_ways(now));
    // Whoever found somebody's browser open, and their sheet beside it, changes nothing of how they sign in. Stopping what
    // waits changes nothing either.
    let needs_password = code_accepted
        && changes::is_about_ways(&kind)
        && !matches!(kind, ChangeKind::StopWaiting(_))
        && account.settled_password(now).is_some();
    let asked = if held.is_empty() {
        None
    } else {
        let bytes = challenge(
            core.config.installation,
            session.surrogate,
            &id,
            &signed,
            &text,
        );
        let offered = Offered::Credentials(held);
        Some(core.identity.passkeys.ask(offered, Some(bytes))?)
    };
    let options_json = options(
        asked.as_ref().map(|asked| asked.options_json.as_str()),
        new.as_ref(),
    )?;
    let otpauth = match &kind {
        ChangeKind::SetApp(app) => otpauth(app),
        _ => String::new(),
    };
    let act = Act {
        kind,
        text: text.clone(),
        session: session.surrogate,
        code_accepted,
        needs_password,
        state: asked.map(|asked| asked.state),
        new: new.map(|new| new.state),
    };
    core.identity
        .ceremonies
        .begin(id, Waiting::Act(Box::new(act)), now);
    Ok(wire::Ceremony {
        ceremony: id.to_vec(),
        options_json,
        text,
        code_accepted,
        otpauth,
        needs_password,
    })
}

/// The passkeys that may answer: what is new signs in, and changes nothing. Else whoever adds one to an account shares
/// its record with themselves, or takes the older ones away.
fn old_enough(passkeys: Vec<HeldPasskey>, now: Timestamp) -> Vec<Credential> {
    let old = passkeys
        .into_iter()
        .filter(|held| held.signed_by().is_new_until(now).is_none());
    old.map(|held| held.credential).collect()
}

fn otpauth(app: &wire::SetApp) -> String {
    let secret = <[u8; 20]>::try_from(app.secret.as_slice()).map(TotpSecret::from_bytes);
    secret.map_or_else(|_| String::new(), |secret| secret.otpauth("account"))
}

/// The bytes and the sentence that are signed, once it is sure that this person may begin the act.
async fn described(
    core: &Core,
    session: &Session,
    kind: &ChangeKind,
    now: Timestamp,
) -> Result<(Vec<u8>, String), Refusal> {
    let bytes = |kind: &ChangeKind| {
        wire::Change {
            kind: Some(kind.clone()),
        }
        .encode_to_vec()
    };
    if let ChangeKind::Approve(id) = kind {
        let held = pending::load(core, id, now).await?;
        pending::may_approve(core, session, &held, now).await?;
        // The waiting change itself is signed too, not only its name.
        let signed = [bytes(kind), bytes(&held.kind)].concat();
        return Ok((signed, format!("Approve: {}", sentence(&held.kind))));
    }
    let plan = plan(kind, session.role)?;
    changes::authorize(core, session, kind, plan, now).await?;
    Ok((bytes(kind), sentence(kind)))
}

/// Both questions in one text: `publicKey` for the answer, `create.publicKey` for a passkey to be added.
fn options(asked: Option<&str>, new: Option<&AskedNew>) -> Result<String, Refusal> {
    let read = |text: &str| {
        serde_json::from_str::<serde_json::Value>(text).map_err(|_| Refusal::from(Reason::Invalid))
    };
    if asked.is_none() && new.is_none() {
        return Ok(String::new());
    }
    let mut whole = match asked {
        Some(asked) => read(asked)?,
        None => serde_json::json!({}),
    };
    if let (Some(new), Some(fields)) = (new, whole.as_object_mut()) {
        fields.insert("create".to_owned(), read(&new.options_json)?);
    }
    Ok(whole.to_string())
}

/// Answers an act. `is_room`: the connection is the incident room's, which alone may be given the room's key.
pub async fn finish(
    core: &Core,
    instance: InstanceId,
    is_room: bool,
    call: &wire::ActFinish,
) -> Result<wire::Changed, Refusal> {
    let now = core.clock.now();
    let (session, facts) = standing::session(core, &call.token, instance, "", now).await?;
    let Some(Waiting::Act(act)) = core.identity.ceremonies.end(&call.ceremony, now) else {
        return Err(Reason::WrongCredentials.into());
    };
    let Principal::Person(person) = session.principal else {
        return Err(Reason::NotAllowed.into());
    };
    if act.session != session.surrogate {
        return Err(Reason::WrongCredentials.into());
    }
    if let (ChangeKind::SetApp(app), Ok(id)) = (&act.kind, call.ceremony.as_slice().try_into())
        && !changes::shows(app, &call.new_app_code, now)
    {
        // A slip of the hand must not force the app to be set up again; the ceremony's five minutes begin again.
        core.identity.ceremonies.begin(id, Waiting::Act(act), now);
        return Err(Reason::Invalid.into());
    }
    let asked = act.state.as_ref().filter(|_| !call.answer_json.is_empty());
    let (account, way, proof) = match asked {
        Some(state) => {
            let account = Account {
                person,
                subject: session.subject,
                facts,
            };
            let answer = Answer::parse(&call.answer_json)?;
            let (by, proof) = checked(core, &account, &answer, state)?;
            by.refuse_new(now)?;
            (account, by.ways[0], proof)
        }
        None if act.code_accepted => {
            let password = act.needs_password.then_some(call.password.as_str());
            let (account, used) = code_account(core, &session, &call.code, password, now).await?;
            let password = account.settled_password(now);
            account.typed_by(password, &used).refuse_new(now)?;
            let proof = vec![Effect::fact(account.subject, used)];
            (account, None, proof)
        }
        None => return Err(Reason::WrongCredentials.into()),
    };
    let by_passkey = way.is_some();
    let credential_json = new_credential(core, &act, &call.new_credential_json)?;
    letting_in::may_try(core, &session, &act.kind, now)?;
    let prepared = answered(
        core,
        &session,
        &act,
        by_passkey,
        is_room,
        &credential_json,
        now,
    )
    .await;
    let mut prepared = match prepared {
        Ok(prepared) => prepared,
        Err(refusal) => {
            return Err(letting_in::refused(core, &session, &act.kind, refusal, now).await);
        }
    };
    // A counter that went on would write the passkey anew that this very act takes away.
    let goes = way.is_some_and(|way| prepared.ended.contains(&way));
    if !proof.is_empty() && !goes {
        prepared.effects.extend(proof);
        prepared.guards.push(Guard::Facts {
            subject: account.subject,
            version: account.facts.version(),
        });
    }
    // An answer to an act proves that act, and makes the session no fresher for anything else.
    changes::write(core, &session, prepared, act.text.clone()).await
}

/// What the answered act writes: the change itself, or the change put aside for a second person or a day.
async fn answered(
    core: &Core,
    session: &Session,
    act: &Act,
    by_passkey: bool,
    is_room: bool,
    credential_json: &str,
    now: Timestamp,
) -> Result<Prepared, Refusal> {
    let doer = Doer::of(session);
    if let ChangeKind::Approve(id) = &act.kind {
        if !by_passkey {
            return Err(Reason::NotAllowed.into());
        }
        let held = pending::load(core, id, now).await?;
        if matches!(held.kind, ChangeKind::UnlockRoom(_)) && !is_room {
            return Err(Reason::NotAllowed.into());
        }
        pending::may_approve(core, session, &held, now).await?;
        return pending::finish(core, session, &held, now).await;
    }
    let Plan { proof, .. } = plan(&act.kind, session.role)?;
    // A day's wait stands for a passkey, and never for a second person.
    if !by_passkey && proof == Proof::Two {
        return Err(Reason::NotAllowed.into());
    }
    let waits = !by_passkey && proof != Proof::End;
    if proof == Proof::Two || waits {
        if proof == Proof::Two {
            // What cannot be done is not put before a second person.
            changes::prepare(core, session, &doer, &act.kind, now).await?;
        }
        return pending::put_aside(core, session, &act.kind, credential_json, waits, now).await;
    }
    match &act.kind {
        ChangeKind::AddPasskey(passkey) => {
            added_passkey(core, session, credential_json, &passkey.name, now).await
        }
        kind => changes::prepare(core, session, &doer, kind, now).await,
    }
}

/// The new passkey's credential, checked against what was asked; empty where the act adds none.
fn new_credential(core: &Core, act: &Act, answer_json: &str) -> Result<String, Refusal> {
    let Some(state) = &act.new else {
        return Ok(String::new());
    };
    let credential = core.identity.passkeys.accept_new(answer_json, state)?;
    serde_json::to_string(&credential).map_err(|_| Reason::Invalid.into())
}

/// What a passkey added to an existing account writes.
pub(crate) async fn added_passkey(
    core: &Core,
    session: &Session,
    credential_json: &str,
    name: &str,
    now: Timestamp,
) -> Result<Prepared, Refusal> {
    let credential = serde_json::from_str(credential_json).map_err(|_| Reason::Invalid)?;
    let account = Account::of(core, session).await?;
    changes::has_room(core, &account)?;
    let added = Added {
        name,
        origin: Origin::Holder,
        at: now,
        opens_from: new_until(now)?,
        recovered_at: &[],
    };
    let effects = passkey_effects(core, account.subject, &credential, added);
    let details = effects.iter().find_map(|effect| match effect {
        Effect::InsertFact { fact, .. } => Some(fact.clone()),
        _ => None,
    });
    Ok(Prepared {
        details,
        effects,
        guards: vec![changes::unchanged(&account)],
        owes: Some(Owes {
            what: Notification::WayAdded,
            to: account.subject,
        }),
        ..Prepared::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_act_session_ceremony_text_or_installation_is_another_challenge() {
        let here = InstallationId::from_bytes([1; 16]);
        let one = challenge(here, 7, &[2; 16], b"change", "text");
        let others = [
            challenge(
                InstallationId::from_bytes([9; 16]),
                7,
                &[2; 16],
                b"change",
                "text",
            ),
            challenge(here, 8, &[2; 16], b"change", "text"),
            challenge(here, 7, &[3; 16], b"change", "text"),
            challenge(here, 7, &[2; 16], b"changed", "text"),
            challenge(here, 7, &[2; 16], b"change", "Text"),
            challenge(here, 7, &[2; 16], b"changet", "ext"),
        ];
        for other in others {
            assert_ne!(other, one);
        }
    }
}
