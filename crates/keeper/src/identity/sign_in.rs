//! Signing in and out: passkey, password with a code, a program's secret; and proving oneself again.

use crate::calls::reach;
use crate::core::Core;
use crate::draft::{Draft, Effect, Guard};
use crate::facts::{End, Fact};
use crate::identity::accounts::{Account, HeldPasskey, normal_login};
use crate::identity::failures::Tried;
use crate::identity::passkeys::{Answer, Offered, made_up_credential};
use crate::identity::sheets::TypedCode;
use crate::identity::{Waiting, commit, sessions, standing};
use crate::keys::LookupKind;
use crate::ledger::{LedgerError, Refusal};
use crate::network;
use crate::session::{NewSession, Principal, Session, SignedBy};
use candour_keeper_wire::Token;
use candour_keeper_wire::wire;
use candour_keeper_wire::words::{EntryKind, Reason, Role};
use candour_rules::budget::{Charge, Context};
use candour_rules::decision::Lane;
use candour_rules::time::Micros;
use candour_seal::{ClientId, CryptoRng, Digest, InstanceId, PracticeId, SystemRandom};
use jiff::Timestamp;
use subtle::ConstantTimeEq;
use webauthn_rs_core::proto::AuthenticationState;

/// Reading facts and deciding again, when they changed between reading and writing.
const TRIES: u32 = 4;

/// Begins a sign-in by passkey. A login that nobody has is asked like any other.
pub async fn passkey_start(
    core: &Core,
    instance: InstanceId,
    call: &wire::PasskeyStart,
) -> Result<wire::Ceremony, Refusal> {
    let now = core.clock.now();
    let (offered, person) = if call.login.is_empty() {
        (Offered::Discoverable, None)
    } else {
        let login = normal_login(&call.login);
        let account = match &login {
            Some(login) => Account::by_login(core, login).await?,
            None => None,
        };
        let held: Vec<_> = account
            .iter()
            .flat_map(|account| account.passkeys(core))
            .map(|held| held.credential)
            .collect();
        let shown = login.unwrap_or_else(|| call.login.clone());
        match account {
            Some(account) if !held.is_empty() => (Offered::Credentials(held), Some(account.person)),
            _ => (
                Offered::Nobody(made_up_credential(&core.identity.codes_key, &shown)),
                None,
            ),
        }
    };
    let is_discoverable = call.login.is_empty();
    let asked = core.identity.passkeys.ask(offered, None)?;
    let id = random_id();
    core.identity.ceremonies.begin(
        id,
        Waiting::SignIn {
            state: Box::new(asked.state),
            person,
            is_discoverable,
            instance,
        },
        now,
    );
    Ok(wire::Ceremony {
        ceremony: id.to_vec(),
        options_json: asked.options_json,
        ..wire::Ceremony::default()
    })
}

/// Ends a sign-in by passkey.
pub async fn passkey_finish(
    core: &Core,
    instance: InstanceId,
    call: &wire::PasskeyFinish,
) -> Result<wire::SignedIn, Refusal> {
    let now = core.clock.now();
    let network = network::of(&call.network);
    let tried = Tried {
        network: network.clone(),
        what: [0; 16],
    };
    let answered = passkey_account(core, instance, &call.ceremony, &call.answer_json, now).await;
    let (account, signed_by, effects) = match answered {
        Ok(answered) => answered,
        Err(refusal) => return Err(failed(core, tried, refusal, now)),
    };
    let acting = call.acting.clone().unwrap_or_default();
    let (role, practice) = if acting.as_staff {
        // What was made at a counter is a patient's for ever: staff are invited by their manager.
        if signed_by.recovered_at.is_some() {
            return Err(Reason::NotAllowed.into());
        }
        let held = standing::chosen_role(&account.roles(now), &acting)?;
        (held.role, held.practice)
    } else {
        (Role::Patient, None)
    };
    let new = NewSession {
        principal: Principal::Person(account.person),
        role,
        practice,
        instance,
        by_passkey: true,
        own_patient: account.own_patient(core),
        signed_by,
    };
    let version = account.facts.version();
    let browser = Browser {
        network: &network,
        client: call.client.as_deref(),
    };
    begin(core, new, effects, version, browser, now).await
}

/// Which account a passkey's answer proves, and the facts to be written for it (a counter that went on).
async fn passkey_account(
    core: &Core,
    instance: InstanceId,
    ceremony: &[u8],
    answer_json: &str,
    now: Timestamp,
) -> Result<(Account, SignedBy, Vec<Effect>), Refusal> {
    let Some(Waiting::SignIn {
        state,
        person,
        is_discoverable,
        instance: asked_by,
    }) = core.identity.ceremonies.end(ceremony, now)
    else {
        return Err(Reason::WrongCredentials.into());
    };
    let answer = Answer::parse(answer_json)?;
    // An answer to a discoverable challenge names its person; to any other it must not name another one.
    let named = answer.person();
    let person = match (person, named) {
        (Some(asked), None) => asked,
        (Some(asked), Some(named)) if asked == named => asked,
        (None, Some(named)) if is_discoverable => named,
        _ => return Err(Reason::WrongCredentials.into()),
    };
    if asked_by != instance {
        return Err(Reason::WrongCredentials.into());
    }
    let account = Account::by_person(core, person)
        .await?
        .ok_or(Reason::WrongCredentials)?;
    let (signed_by, effects) = checked(core, &account, &answer, &state)?;
    Ok((account, signed_by, effects))
}

/// Checks a passkey's answer against the account; which it was, and the facts that its counter needs.
pub(crate) fn checked(
    core: &Core,
    account: &Account,
    answer: &Answer,
    state: &AuthenticationState,
) -> Result<(SignedBy, Vec<Effect>), Refusal> {
    let held = account
        .passkeys(core)
        .into_iter()
        .find(|held| held.credential.cred_id.as_slice() == answer.credential_id())
        .ok_or(Reason::WrongCredentials)?;
    let counter = core
        .identity
        .passkeys
        .accept(answer, state, &held.credential)?;
    Ok((held.signed_by(), counted(account, held, counter)))
}

fn counted(account: &Account, held: HeldPasskey, counter: u32) -> Vec<Effect> {
    if counter == 0 {
        return Vec::new();
    }
    let mut credential = held.credential;
    credential.counter = counter;
    let Ok(credential_json) = serde_json::to_string(&credential) else {
        return Vec::new();
    };
    let subject = account.subject;
    let next = crate::facts::Passkey {
        credential_json,
        ..held.fact
    };
    vec![
        Effect::fact(
            subject,
            Fact::End(End {
                version: held.version,
            }),
        ),
        Effect::fact(subject, Fact::Passkey(next)),
    ]
}

/// Signs a patient in by password and code. The same answer and the same work whatever was wrong.
pub async fn password(
    core: &Core,
    instance: InstanceId,
    call: &wire::PasswordSignIn,
) -> Result<wire::SignedIn, Refusal> {
    let now = core.clock.now();
    let login = normal_login(&call.login).unwrap_or_default();
    let tried = Tried {
        network: network::of(&call.network),
        what: core.keys.lookup(LookupKind::Login, login.as_bytes()),
    };
    may_try(core, &tried, now)?;
    let found = Account::by_login(core, &login).await?;
    let kept = found.as_ref().map(Account::passwords).unwrap_or_default();
    let fitting = core.identity.passwords.which_fits(&call.password, &kept);
    let fitting = fitting.await?;
    // Before anybody knows whether the password fits: what follows takes as long either way.
    let code = TypedCode::of(core, found.as_ref(), &call.code).await?;
    let Some((found, password)) = found.zip(fitting) else {
        return Err(failed(core, tried, Reason::WrongCredentials.into(), now));
    };
    for _ in 0..TRIES {
        let account = Account::by_person(core, found.person)
            .await?
            .ok_or(Reason::WrongCredentials)?;
        let Some(used) = account.code_fact(core, &code, now) else {
            return Err(failed(core, tried, Reason::WrongCredentials.into(), now));
        };
        let new = NewSession {
            principal: Principal::Person(account.person),
            role: Role::Patient,
            practice: None,
            instance,
            by_passkey: false,
            own_patient: account.own_patient(core),
            signed_by: account.typed_by(Some(password), &used),
        };
        let effects = vec![Effect::fact(account.subject, used)];
        let version = account.facts.version();
        let browser = Browser {
            network: &tried.network,
            client: call.client.as_deref(),
        };
        match begin_once(core, new, effects, version, browser, now).await {
            Err(BeginError::Conflict) => {}
            Err(BeginError::Refused(refusal)) => return Err(refusal),
            Ok(signed_in) => {
                core.identity.failures.succeeded(&tried, now);
                return Ok(signed_in);
            }
        }
    }
    Err(Reason::LedgerUnavailable.into())
}

/// Signs a practice's program in.
pub async fn client(
    core: &Core,
    instance: InstanceId,
    call: &wire::ClientSignIn,
) -> Result<wire::SignedIn, Refusal> {
    let now = core.clock.now();
    let client = ClientId::try_from(call.client.as_slice()).map_err(|_| Reason::Invalid)?;
    let subject = core.keys.client(client);
    let tried = Tried {
        network: String::new(),
        what: subject.0,
    };
    let facts = core.facts.load(subject).await?;
    let held = facts.live().find_map(|row| match &row.fact {
        Fact::Client(held) => Some(held.clone()),
        _ => None,
    });
    let hash = secret_hash(&call.secret);
    let practice = held
        .filter(|held| bool::from(held.secret_hash.as_slice().ct_eq(&hash)))
        .and_then(|held| PracticeId::try_from(held.practice.as_slice()).ok());
    let Some(practice) = practice else {
        return Err(failed(core, tried, Reason::WrongCredentials.into(), now));
    };
    let new = NewSession {
        principal: Principal::Client(client),
        role: Role::PracticeClient,
        practice: Some(practice),
        instance,
        by_passkey: false,
        own_patient: None,
        signed_by: SignedBy::default(),
    };
    let browser = Browser::default();
    begin(core, new, Vec::new(), facts.version(), browser, now).await
}

/// A client's secret is 32 random bytes, so a plain hash of it tells nothing.
pub(crate) fn secret_hash(secret: &[u8]) -> [u8; 32] {
    *Digest::of(&[b"candour/v1/client".as_slice(), secret].concat()).as_bytes()
}

/// Ends a session.
pub async fn sign_out(
    core: &Core,
    instance: InstanceId,
    call: &wire::WithToken,
) -> Result<(), Refusal> {
    let now = core.clock.now();
    let session = core.sessions.look_up(&call.token, instance, now);
    let session = session.inspect_err(|_| standing::count_stranger(core, &call.network, now))?;
    core.sessions.end(&call.token);
    let mut draft = Draft::of_session(EntryKind::SignOut, &session, None);
    draft.stops = None;
    commit(core, draft).await.map(drop).map_err(Into::into)
}

/// Who a token is.
pub async fn session(
    core: &Core,
    instance: InstanceId,
    call: &wire::WithToken,
) -> Result<wire::SessionView, Refusal> {
    let now = core.clock.now();
    let (session, facts) =
        standing::session(core, &call.token, instance, &call.network, now).await?;
    standing::view(core, &session, &facts, now).await
}

/// Takes a fresh passkey answer or code for a running session, which goes on under a new token; with a reason it reopens a
/// clinician's budget.
pub async fn step_up(
    core: &Core,
    instance: InstanceId,
    call: &wire::StepUp,
) -> Result<wire::SignedIn, Refusal> {
    let now = core.clock.now();
    let (session, facts) =
        standing::session(core, &call.token, instance, &call.network, now).await?;
    let Principal::Person(person) = session.principal else {
        return Err(Reason::Invalid.into());
    };
    if !call.reason.is_empty() && session.role != Role::Clinician {
        // Nobody else has a next step; a reason that nobody reads must not be asked for again and again.
        return Err(Reason::OverBudget.into());
    }
    let by_passkey = !call.ceremony.is_empty();
    for _ in 0..TRIES {
        let (account, by, effects) = if by_passkey {
            let answer = &call.answer_json;
            passkey_account(core, instance, &call.ceremony, answer, now).await?
        } else {
            let (account, used) = code_account(core, &session, &call.code, None, now).await?;
            let by = account.typed_by(None, &used);
            let effects = vec![Effect::fact(account.subject, used)];
            (account, by, effects)
        };
        if account.person != person {
            return Err(Reason::WrongCredentials.into());
        }
        if by.opens_from > session.signed_by.opens_from {
            // What is newer than the session's own ways lends it nothing that it does not do by itself.
            by.refuse_new(now)?;
        }
        let is_reopening = !call.reason.is_empty() && by_passkey;
        let mut draft = if is_reopening {
            let mut draft = Draft::of_session(EntryKind::Reopening, &session, None);
            draft.body.text.clone_from(&call.reason);
            let context = reach::budget_context(&session, &facts, Lane::Ordinary, now);
            let passkey_at = Some(Micros(now.as_microsecond()));
            let context = Context {
                passkey_at,
                ..context
            };
            draft.charge = Some((Charge::Reopening, context));
            draft
        } else {
            let mut draft = Draft::of_session(EntryKind::SignIn, &session, None);
            "step-up".clone_into(&mut draft.body.text);
            if let (true, Some(guards)) = (by_passkey, &mut draft.stops) {
                // It releases nothing, and is what emergency access begins with.
                guards.is_emergency = true;
            }
            draft
        };
        draft.effects = effects;
        draft.guards = vec![Guard::Facts {
            subject: account.subject,
            version: account.facts.version(),
        }];
        match commit(core, draft).await {
            Err(LedgerError::Conflict) if !by_passkey => {}
            Err(error) => return Err(error.into()),
            Ok(appended) => {
                if let Some(refused) = appended.refused {
                    return Err(refused);
                }
                let rng = &mut SystemRandom;
                let renewed = core.sessions.prove(&call.token, by_passkey, now, rng);
                let token = renewed.ok_or(Reason::SessionEnded)?;
                let client = call.token.get(Token::SECRET..).unwrap_or_default();
                let who = wire::WithToken {
                    token: [token.expose(), client].concat(),
                    network: call.network.clone(),
                };
                let view = self::session(core, instance, &who).await?;
                return Ok(wire::SignedIn {
                    token: token.expose().to_vec(),
                    session: Some(view),
                });
            }
        }
    }
    Err(Reason::LedgerUnavailable.into())
}

/// Takes a fresh code of the session's person; staff have none. With `password`, only together with the account's: whichever
/// does not fit, the work and the answer are the same. Wrong ones delay the next.
pub(crate) async fn code_account(
    core: &Core,
    session: &Session,
    typed: &str,
    password: Option<&str>,
    now: Timestamp,
) -> Result<(Account, Fact), Refusal> {
    let Principal::Person(person) = session.principal else {
        return Err(Reason::Invalid.into());
    };
    let tried = Tried::in_session(session);
    may_try(core, &tried, now)?;
    let account = Account::by_person(core, person)
        .await?
        .ok_or(Reason::SessionEnded)?;
    let fits = match password {
        Some(password) => {
            let settled = account.settled_password(now);
            let mut kept = account.passwords();
            kept.retain(|(version, _)| Some(*version) == settled);
            let fitting = core.identity.passwords.which_fits(password, &kept);
            fitting.await?.is_some()
        }
        None => true,
    };
    let code = TypedCode::of(core, Some(&account), typed).await?;
    let fact = account.code_fact(core, &code, now);
    let Some(fact) = fact.filter(|_| fits) else {
        return Err(failed(core, tried, Reason::WrongCredentials.into(), now));
    };
    core.identity.failures.succeeded(&tried, now);
    Ok((account, fact))
}

/// Refuses whoever failed too often a moment ago.
pub(crate) fn may_try(core: &Core, tried: &Tried, now: Timestamp) -> Result<(), Refusal> {
    match core.identity.failures.wait(tried, now) {
        0 => Ok(()),
        wait => Err(Refusal {
            retry_after_seconds: wait,
            ..Reason::TooMany.into()
        }),
    }
}

/// Notes a wrong answer; a keeper that cannot answer is not the caller's failure.
pub(crate) fn failed(core: &Core, tried: Tried, refusal: Refusal, now: Timestamp) -> Refusal {
    if matches!(refusal.reason, Reason::WrongCredentials | Reason::Invalid) {
        core.identity.failures.failed(tried, now);
    }
    refusal
}

/// Where somebody signs in from, in the portal's words.
#[derive(Clone, Copy, Default)]
struct Browser<'a> {
    network: &'a str,
    /// How it describes itself; `None` where the session goes on with any.
    client: Option<&'a str>,
}

/// Most letters of a browser's description that are written down.
const LONGEST_CLIENT: usize = 300;

enum BeginError {
    Conflict,
    Refused(Refusal),
}

async fn begin(
    core: &Core,
    new: NewSession,
    effects: Vec<Effect>,
    version: i64,
    browser: Browser<'_>,
    now: Timestamp,
) -> Result<wire::SignedIn, Refusal> {
    begin_once(core, new, effects, version, browser, now)
        .await
        .map_err(|error| match error {
            BeginError::Conflict => Reason::WrongCredentials.into(),
            BeginError::Refused(refusal) => refusal,
        })
}

/// The token leaves the keeper only after the sign-in is on the ledger.
async fn begin_once(
    core: &Core,
    new: NewSession,
    effects: Vec<Effect>,
    version: i64,
    browser: Browser<'_>,
    now: Timestamp,
) -> Result<wire::SignedIn, BeginError> {
    let has_died = standing::has_died(core, new.role, new.own_patient).await;
    let has_died = has_died.map_err(BeginError::Refused)?;
    let Some((token, session)) = core.sessions.begin(&core.keys, new, now, &mut SystemRandom)
    else {
        return Err(BeginError::Refused(Reason::Invalid.into()));
    };
    let mut draft = Draft::of_session(EntryKind::SignIn, &session, None);
    draft.body.network = browser.network.to_owned();
    if let Some(client) = browser.client {
        core.sessions.bind(&core.keys, &token, client);
        draft.body.client = client.chars().take(LONGEST_CLIENT).collect();
    }
    if !effects.is_empty() {
        draft.guards = vec![Guard::Facts {
            subject: session.subject,
            version,
        }];
    }
    draft.effects = effects;
    if has_died {
        draft = draft.refused(Reason::Deceased);
    }
    let refused = match commit(core, draft).await {
        Ok(_) if has_died => Some(Reason::Deceased.into()),
        Ok(appended) => appended.refused,
        Err(LedgerError::Conflict) => {
            core.sessions.end(token.expose());
            return Err(BeginError::Conflict);
        }
        Err(error) => Some(error.into()),
    };
    let facts = core.facts.load(session.subject).await;
    match (refused, facts) {
        // Whatever was removed while the entry was written signs nobody in.
        (None, Ok(facts)) if !standing::has_ways(core, &session, &facts) => {
            core.sessions.end(token.expose());
            Err(BeginError::Refused(Reason::WrongCredentials.into()))
        }
        (None, Ok(facts)) => {
            sessions::end_beyond(core, &session, now).await;
            let view = standing::view(core, &session, &facts, now).await;
            Ok(wire::SignedIn {
                token: token.expose().to_vec(),
                session: Some(view.map_err(BeginError::Refused)?),
            })
        }
        (refused, facts) => {
            core.sessions.end(token.expose());
            let refusal = refused.unwrap_or_else(|| {
                facts
                    .err()
                    .map_or(Reason::LedgerUnavailable.into(), Into::into)
            });
            Err(BeginError::Refused(refusal))
        }
    }
}

/// A random id, 16 bytes.
pub(crate) fn random_id() -> [u8; 16] {
    random()
}

/// Random bytes.
pub(crate) fn random<const LENGTH: usize>() -> [u8; LENGTH] {
    let rng: &mut dyn CryptoRng = &mut SystemRandom;
    let mut bytes = [0; LENGTH];
    rng.fill_bytes(&mut bytes);
    bytes
}
