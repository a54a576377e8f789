//! Invitations: looking at one, making an account from one, linking one to an account.
//!
//! An invitation never adds a credential to an account that exists. The code of a recovery is kept as an invitation is, and
//! neither does for the other (`recover.rs`).

mod grant;
mod recover;

pub use recover::{open_recovery, recover};

use crate::changes::{guard, works};
use crate::core::Core;
use crate::draft::{Draft, Effect, Guard};
use crate::facts::{
    Account as AccountFact, CodeSheet, Fact, Invitation, Password, SubjectFacts, Totp, Used,
    is_before,
};
use crate::identity::accounts::{Account, normal_login};
use crate::identity::codes::{InvitationCode, TotpSecret};
use crate::identity::failures::Tried;
use crate::identity::passwords::acceptable;
use crate::identity::secrets::{self, Secret};
use crate::identity::sheets::{NewSheet, new_sheet};
use crate::identity::sign_in::{failed, may_try, random, random_id};
use crate::identity::{Waiting, commit, recovery, standing};
use crate::keys::{KeyedToken, LookupKind, practice_number};
use crate::ledger::Refusal;
use crate::network;
use crate::session::Principal;
use candour_keeper_wire::wire;
use candour_keeper_wire::words::{EntryKind, Origin, Reason, Role};
use candour_rules::freeze;
use candour_seal::{InstanceId, PersonId, PracticeId, SystemRandom};
use jiff::Timestamp;
use std::sync::{Arc, PoisonError};
use webauthn_rs_core::proto::{Credential, RegistrationState};

/// Wrong birth dates after which an invitation ends.
const MOST_BIRTH_DATES: u32 = 5;

/// What is remembered between looking at an invitation and registering.
#[derive(Clone)]
pub struct NewAccount {
    person: PersonId,
    login: String,
    state: RegistrationState,
    totp: [u8; 20],
    invitation: KeyedToken,
    instance: InstanceId,
}

/// A live invitation.
struct Held {
    subject: KeyedToken,
    facts: Arc<SubjectFacts>,
    fact: crate::facts::Invitation,
    role: Role,
    patient: Option<KeyedToken>,
    /// Whose account its code recovers; `None` for an invitation.
    recovers: Option<KeyedToken>,
}

impl Held {
    /// The facts of the account that it recovers.
    async fn recovering(&self, core: &Core) -> Result<Option<Arc<SubjectFacts>>, Refusal> {
        match self.recovers {
            Some(person) => Ok(Some(core.facts.load(person).await?)),
            None => Ok(None),
        }
    }
}

/// How the new account signs in.
enum Credentials {
    Passkey(Box<Credential>),
    PasswordAndTotp {
        phc: String,
        secret: [u8; 20],
        /// Where one comes with it.
        sheet: Option<NewSheet>,
    },
    PasswordAndSheet {
        phc: String,
        sheet: NewSheet,
    },
}

/// Shows what an invitation offers; with a login name also what is needed to make the account.
pub async fn open(
    core: &Core,
    instance: InstanceId,
    call: &wire::InvitationOpen,
) -> Result<wire::InvitationView, Refusal> {
    let now = core.clock.now();
    let network = network::of(&call.network);
    let held = Code::Invites.find(core, &call.code, &network, now).await?;
    offered(core, instance, call, &held, now)
}

fn offered(
    core: &Core,
    instance: InstanceId,
    call: &wire::InvitationOpen,
    held: &Held,
    now: Timestamp,
) -> Result<wire::InvitationView, Refusal> {
    let mut view = wire::InvitationView {
        practice: held.fact.practice.clone(),
        role: held.fact.role,
        ..wire::InvitationView::default()
    };
    if call.login.is_empty() {
        return Ok(view);
    }
    let login = normal_login(&call.login).ok_or(Reason::Invalid)?;
    let person = match held.recovers {
        Some(person) => core.keys.person_id(person),
        None => PersonId::from_bytes(random_id()),
    };
    let totp = random();
    let asked = core.identity.passkeys.ask_new(person, &login, Vec::new())?;
    if is_own_role(held.role) {
        view.otpauth = TotpSecret::from_bytes(totp).otpauth(&login);
    }
    let id = random_id();
    let waiting = NewAccount {
        person,
        login,
        state: asked.state,
        totp,
        invitation: held.subject,
        instance,
    };
    core.identity
        .ceremonies
        .begin(id, Waiting::Register(Box::new(waiting)), now);
    view.ceremony = Some(wire::Ceremony {
        ceremony: id.to_vec(),
        options_json: asked.options_json,
        ..wire::Ceremony::default()
    });
    Ok(view)
}

/// Makes an account: with a passkey, or (patients and proxies) a password and a second factor.
pub async fn register(
    core: &Core,
    instance: InstanceId,
    call: &wire::Register,
) -> Result<wire::Registered, Refusal> {
    let now = core.clock.now();
    let network = network::of(&call.network);
    let held = Code::Invites.find(core, &call.code, &network, now).await?;
    check_birth_date(core, &held, &call.birth_date, now).await?;
    let login = normal_login(&call.login).ok_or(Reason::Invalid)?;
    if Account::named(core, &login).await?.is_some() {
        return Err(Reason::Invalid.into());
    }
    let (person, credentials) = credentials(core, instance, call, &held, &login, now).await?;
    let subject = core.keys.person(person);
    let mut registered = wire::Registered {
        person: person.as_bytes().to_vec(),
        ..wire::Registered::default()
    };
    let mut effects = account_effects(core, subject, &login);
    effects.extend(credential_effects(
        core,
        subject,
        credentials,
        Added::with_account(now),
        &mut registered,
    ));

    let mut draft = draft_of(core, instance, &held, subject);
    draft.body.principal = person.as_bytes().to_vec();
    draft.body.network = network;
    "an account was made from an invitation".clone_into(&mut draft.body.text);
    draft.guards.push(Guard::Facts {
        subject,
        version: 0,
    });
    draft.effects = effects;
    finish(core, draft, &held, subject, now).await?;
    Ok(registered)
}

/// Links an invitation to the account that is signed in.
pub async fn link(
    core: &Core,
    instance: InstanceId,
    call: &wire::InvitationLink,
) -> Result<(), Refusal> {
    let now = core.clock.now();
    let (session, facts) = standing::session(core, &call.token, instance, "", now).await?;
    session.is_settled(now)?;
    let Principal::Person(person) = session.principal else {
        return Err(Reason::NotAllowed.into());
    };
    let network = format!("session {}", session.surrogate);
    let held = Code::Invites.find(core, &call.code, &network, now).await?;
    check_birth_date(core, &held, &call.birth_date, now).await?;
    let account = Account {
        person,
        subject: session.subject,
        facts: Arc::clone(&facts),
    };
    // Staff and officers sign in by passkey only: an account with a password never becomes theirs.
    // Nor does one that is being recovered: whoever recovers it is not known yet.
    let is_patient_s =
        !account.passwords().is_empty() || !session.by_passkey || recovery::is_running(&facts, now);
    if !is_own_role(held.role) && is_patient_s {
        return Err(Reason::NotAllowed.into());
    }
    let mut draft = draft_of(core, instance, &held, session.subject);
    draft.row.session = session.surrogate;
    draft.row.role = session.role;
    draft.body.principal = person.as_bytes().to_vec();
    "an invitation was linked to an account".clone_into(&mut draft.body.text);
    draft.stops = Some(session.freeze_guards(None));
    draft.guards.push(guard(&facts));
    finish(core, draft, &held, session.subject, now).await
}

async fn finish(
    core: &Core,
    mut draft: Draft,
    held: &Held,
    person: KeyedToken,
    now: Timestamp,
) -> Result<(), Refusal> {
    grant::add(core, &mut draft, held, person, now).await?;
    draft.effects.push(Effect::fact(
        held.subject,
        Fact::Used(Used {
            by: person.0.to_vec(),
        }),
    ));
    match commit(core, draft).await?.refused {
        Some(refusal) => Err(refusal),
        None => Ok(()),
    }
}

fn draft_of(core: &Core, instance: InstanceId, held: &Held, person: KeyedToken) -> Draft {
    let mut draft = Draft::of_keeper(EntryKind::Change);
    draft.row.role = Role::Anonymous;
    draft.row.practice = held.fact.practice.as_slice().try_into().ok();
    draft.row.principal = person.surrogate();
    draft.body.instance = instance.as_bytes().to_vec();
    draft.guards = vec![Guard::Facts {
        subject: held.subject,
        version: held.facts.version(),
    }];
    draft.stops = Some(freeze::Guards {
        session: None,
        principal: Some(candour_rules::keys::Principal(person.surrogate())),
        client: None,
        purpose: None,
        practices: draft
            .row
            .practice
            .map(|practice| candour_rules::keys::Practice(practice_number(practice)))
            .into_iter()
            .collect(),
        instance: Some(candour_rules::keys::Instance(
            core.keys.instance(instance).surrogate(),
        )),
        is_emergency: false,
    });
    draft
}

fn is_own_role(role: Role) -> bool {
    matches!(role, Role::Patient | Role::Proxy)
}

/// What a code is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Code {
    Invites,
    Recovers,
}

impl Code {
    /// The live invitation of a code; wrong codes are counted by network.
    async fn find(
        self,
        core: &Core,
        typed: &str,
        network: &str,
        now: Timestamp,
    ) -> Result<Held, Refusal> {
        let secret = InvitationCode::parse(typed).ok_or(Reason::Invalid)?;
        let token = core
            .keys
            .lookup(LookupKind::Invitation, secret.expose().as_bytes());
        let tried = Tried {
            network: network.to_owned(),
            what: token,
        };
        may_try(core, &tried, now)?;
        let live = match core.lookups.find(LookupKind::Invitation, token).await? {
            Some(subject) => live_invitation(core, subject, now).await?,
            None => None,
        };
        let fits = |held: &Held| held.recovers.is_some() == (self == Self::Recovers);
        live.filter(fits)
            .ok_or_else(|| failed(core, tried, Reason::WrongCredentials.into(), now))
    }
}

async fn live_invitation(
    core: &Core,
    subject: KeyedToken,
    now: Timestamp,
) -> Result<Option<Held>, Refusal> {
    let facts = core.facts.load(subject).await?;
    let is_used = facts.live().any(|row| matches!(row.fact, Fact::Used(_)));
    let fact = facts.live().find_map(|row| match &row.fact {
        Fact::Invitation(fact) if is_before(fact.until, now) => Some(fact.clone()),
        _ => None,
    });
    let Some(fact) = fact.filter(|_| !is_used) else {
        return Ok(None);
    };
    if !is_given(core, &fact, now).await? {
        return Ok(None);
    }
    let role = Role::try_from(fact.role).map_err(|_| Reason::SubjectClosed)?;
    let patient = KeyedToken::try_from(fact.patient.as_slice()).ok();
    let recovers = KeyedToken::try_from(fact.recovers.as_slice()).ok();
    Ok(Some(Held {
        subject,
        facts,
        fact,
        role,
        patient,
        recovers,
    }))
}

/// Whether whoever of a practice, or of the operator, gave a code out still works there: it ends with their role. What a
/// patient gave out, and two operators at the machine, hangs on none.
async fn is_given(core: &Core, fact: &Invitation, now: Timestamp) -> Result<bool, Refusal> {
    let Ok(by) = KeyedToken::try_from(fact.invited_by.as_slice()) else {
        return Ok(true);
    };
    if let Ok(patient) = KeyedToken::try_from(fact.patient.as_slice())
        && core.facts.load(patient).await?.account_holder() == Some(by)
    {
        return Ok(true);
    }
    let practice = PracticeId::try_from(fact.practice.as_slice()).ok();
    let author = core.facts.load(by).await?;
    Ok(works(&author, practice, now))
}

/// Who holds the letter with the code knows the patient's birth date too, which the letter does not say.
async fn check_birth_date(
    core: &Core,
    held: &Held,
    typed: &str,
    now: Timestamp,
) -> Result<(), Refusal> {
    let Some(patient) = held.patient else {
        return Ok(());
    };
    let facts = core.facts.load(patient).await?;
    let expected = core.keys.birth(patient, typed.trim());
    let fits = facts.live().any(|row| match &row.fact {
        Fact::Patient(known) => known.birth == expected,
        _ => false,
    });
    if fits {
        return Ok(());
    }
    let count = {
        let mut wrong = core
            .identity
            .wrong_birth_dates
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let count = wrong.entry(held.subject.0).or_insert(0);
        *count += 1;
        *count
    };
    if count >= MOST_BIRTH_DATES {
        let mut draft = Draft::of_keeper(EntryKind::Change);
        "a code ended after too many wrong birth dates".clone_into(&mut draft.body.text);
        draft.effects = vec![Effect::fact(held.subject, Fact::Used(Used::default()))];
        commit(core, draft).await?;
    }
    let tried = Tried {
        network: "invitation".to_owned(),
        what: held.subject.0,
    };
    Err(failed(core, tried, Reason::WrongCredentials.into(), now))
}

async fn credentials(
    core: &Core,
    instance: InstanceId,
    call: &wire::Register,
    held: &Held,
    login: &str,
    now: Timestamp,
) -> Result<(PersonId, Credentials), Refusal> {
    let waiting = || -> Result<NewAccount, Refusal> {
        match core.identity.ceremonies.end(&call.ceremony, now) {
            Some(Waiting::Register(new))
                if new.instance == instance
                    && new.invitation == held.subject
                    && new.login == login =>
            {
                Ok(*new)
            }
            _ => Err(Reason::WrongCredentials.into()),
        }
    };
    if !call.answer_json.is_empty() {
        let new = waiting()?;
        let credential = core
            .identity
            .passkeys
            .accept_new(&call.answer_json, &new.state)?;
        return Ok((new.person, Credentials::Passkey(Box::new(credential))));
    }
    if !is_own_role(held.role) {
        return Err(Reason::NotAllowed.into());
    }
    acceptable(&call.password, login)?;
    if call.wants_sheet {
        let phc = hashed(core, &call.password).await?;
        let account = held.recovering(core).await?;
        let sheet = new_sheet(core, held.subject, account.as_deref()).await?;
        let person = PersonId::from_bytes(random_id());
        return Ok((person, Credentials::PasswordAndSheet { phc, sheet }));
    }
    let new = waiting()?;
    let secret = TotpSecret::from_bytes(new.totp);
    if secret.step_of(&call.totp_code, now).is_none() {
        // A slip of the hand must not force the app to be set up again; the ceremony's five minutes go on.
        let id = call
            .ceremony
            .as_slice()
            .try_into()
            .map_err(|_| Reason::Invalid)?;
        core.identity
            .ceremonies
            .begin(id, Waiting::Register(Box::new(new)), now);
        return Err(Reason::WrongCredentials.into());
    }
    let phc = hashed(core, &call.password).await?;
    let secret = new.totp;
    // Whoever lost everything once gets paper, too.
    let sheet = match held.recovering(core).await? {
        Some(account) => Some(new_sheet(core, held.subject, Some(&account)).await?),
        None => None,
    };
    Ok((
        new.person,
        Credentials::PasswordAndTotp { phc, secret, sheet },
    ))
}

async fn hashed(core: &Core, password: &str) -> Result<String, Refusal> {
    let hash = core.identity.passwords.hash(password, random_id()).await?;
    Ok(hash.to_phc())
}

fn account_effects(core: &Core, subject: KeyedToken, login: &str) -> Vec<Effect> {
    let token = core.keys.lookup(LookupKind::Login, login.as_bytes());
    vec![
        Effect::fact(
            subject,
            Fact::Account(AccountFact {
                login: token.to_vec(),
            }),
        ),
        Effect::InsertLookup {
            kind: LookupKind::Login,
            token,
            subject,
        },
    ]
}

fn credential_effects(
    core: &Core,
    subject: KeyedToken,
    credentials: Credentials,
    added: Added<'_>,
    registered: &mut wire::Registered,
) -> Vec<Effect> {
    let (phc, secret, sheet) = match credentials {
        Credentials::Passkey(credential) => {
            return passkey_effects(core, subject, &credential, added);
        }
        Credentials::PasswordAndTotp { phc, secret, sheet } => (phc, Some(secret), sheet),
        Credentials::PasswordAndSheet { phc, sheet } => (phc, None, Some(sheet)),
    };
    let (opens_from, recovered_at) = (added.opens_from, added.recovered_at.to_vec());
    let mut facts = vec![Fact::Password(Password {
        phc,
        opens_from,
        recovered_at: recovered_at.clone(),
    })];
    if let Some(secret) = secret {
        let rng = &mut SystemRandom;
        facts.push(Fact::Totp(Totp {
            sealed_secret: secrets::seal(&core.keys, Secret::Totp, subject, &secret, rng),
            opens_from,
            recovered_at: recovered_at.clone(),
        }));
    }
    if let Some((sheet, printed)) = sheet {
        registered.sheet = printed;
        facts.push(Fact::CodeSheet(CodeSheet {
            opens_from,
            recovered_at,
            ..sheet
        }));
    }
    facts
        .into_iter()
        .map(|fact| Effect::fact(subject, fact))
        .collect()
}

/// How a way of signing in comes to an account.
#[derive(Clone, Copy)]
pub(crate) struct Added<'a> {
    /// Its name in the list.
    pub name: &'a str,
    /// With the account, or later.
    pub origin: Origin,
    /// When.
    pub at: Timestamp,
    /// Until when it is new.
    pub opens_from: i64,
    /// At whose counter a recovery made it; else empty.
    pub recovered_at: &'a [u8],
}

impl Added<'_> {
    /// With a new account.
    const fn with_account(at: Timestamp) -> Self {
        Self {
            name: "passkey",
            origin: Origin::Account,
            at,
            opens_from: 0,
            recovered_at: &[],
        }
    }
}

/// The facts of a new passkey; its credential id must not be anybody's already.
pub(crate) fn passkey_effects(
    core: &Core,
    subject: KeyedToken,
    credential: &Credential,
    added: Added<'_>,
) -> Vec<Effect> {
    let Ok(credential_json) = serde_json::to_string(credential) else {
        return Vec::new();
    };
    let token = core
        .keys
        .lookup(LookupKind::Credential, credential.cred_id.as_slice());
    let sealed_name = secrets::seal(
        &core.keys,
        Secret::Name,
        subject,
        added.name.as_bytes(),
        &mut SystemRandom,
    );
    vec![
        Effect::fact(
            subject,
            Fact::Passkey(crate::facts::Passkey {
                credential_json,
                sealed_name,
                added_at: added.at.as_microsecond(),
                added_by: subject.0.to_vec(),
                origin: added.origin.into(),
                opens_from: added.opens_from,
                recovered_at: added.recovered_at.to_vec(),
            }),
        ),
        Effect::InsertLookup {
            kind: LookupKind::Credential,
            token,
            subject,
        },
    ]
}
