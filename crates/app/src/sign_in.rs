//! Signing in, staying signed in, proving oneself again, signing out. The keeper verifies; we carry.

use crate::recoveries::Recovery;
use crate::words::{actions, time};
use crate::{App, Refusal};
use candour_keeper_api::wire::{self, Call, Reply};
use candour_keeper_api::words::{Age, ProxyAction, Role, Section};
use candour_keeper_api::{CallError, Token};
use candour_seal::{ClientId, PatientId, PersonId, PracticeId};
use jiff::Timestamp;
use zeroize::Zeroizing;

/// Names a ceremony between its start and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CeremonyId([u8; 16]);

impl CeremonyId {
    /// The ceremony with these bytes, as they came back from the form.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, for the form.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// What the browser is to answer within five minutes.
#[derive(Debug, Clone)]
pub struct Ceremony {
    /// Names the ceremony.
    pub id: CeremonyId,
    /// Options for `navigator.credentials` as JSON; empty where only a code answers.
    pub options_json: String,
    /// For an act: the sentence the person sees; it is part of what is signed.
    pub text: String,
    /// A fresh code may answer instead of a passkey.
    pub code_accepted: bool,
    /// With the code, the account's password.
    pub needs_password: bool,
    /// For a new authenticator app: its secret as `otpauth://` address.
    pub otpauth: Zeroizing<String>,
}

impl Ceremony {
    pub(crate) fn read(ceremony: wire::Ceremony) -> Result<Self, CallError> {
        let id = ceremony
            .ceremony
            .as_slice()
            .try_into()
            .map_err(|_| CallError::Unexpected)?;
        Ok(Self {
            id: CeremonyId(id),
            options_json: ceremony.options_json,
            text: ceremony.text,
            code_accepted: ceremony.code_accepted,
            needs_password: ceremony.needs_password,
            otpauth: Zeroizing::new(ceremony.otpauth),
        })
    }
}

/// How a session is to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acting {
    /// As oneself and for those one is proxy of.
    AsPatient,
    /// With a staff or operator role; of this practice, or of the only one there is.
    AsStaff(Option<PracticeId>),
}

impl From<Acting> for wire::Acting {
    fn from(acting: Acting) -> Self {
        match acting {
            Acting::AsPatient => Self::default(),
            Acting::AsStaff(practice) => Self {
                as_staff: true,
                practice: practice.map_or_else(Vec::new, |id| id.as_bytes().to_vec()),
            },
        }
    }
}

/// Where somebody signs in from.
#[derive(Debug, Clone, Copy)]
pub struct Browser<'a> {
    /// Its network address; ours is the only word for it.
    pub network: &'a str,
    /// How it describes itself: the session goes on with this one only. `None`: with any.
    pub client: Option<&'a str>,
}

impl<'a> From<&'a str> for Browser<'a> {
    fn from(network: &'a str) -> Self {
        Self {
            network,
            client: None,
        }
    }
}

impl<'a> From<&'a String> for Browser<'a> {
    fn from(network: &'a String) -> Self {
        network.as_str().into()
    }
}

impl Browser<'_> {
    fn bound(self, token: Token) -> Token {
        match self.client {
            Some(client) => token.with_client(client),
            None => token,
        }
    }
}

/// How somebody proves that it is still them.
pub enum Proof {
    /// A passkey's answer to a ceremony, as JSON.
    Passkey(CeremonyId, String),
    /// Six digits, or a code of the printed sheet.
    Code(Zeroizing<String>),
}

/// Who a token is.
#[derive(Debug, Clone)]
pub struct Session {
    /// The person; for a practice's program, the 16 bytes of its client id.
    pub principal: PersonId,
    /// The one role it acts in.
    pub role: Role,
    /// The practice of a staff or client session.
    pub practice: Option<PracticeId>,
    /// Patients within reach: oneself first.
    pub patients: Vec<Reachable>,
    /// When the last passkey answer or code was given.
    pub proved_at: Option<Timestamp>,
    /// Whether that was a passkey.
    pub by_passkey: bool,
    /// When the session ends whatever happens.
    pub ends_at: Option<Timestamp>,
    /// The session's surrogate in the ledger.
    pub surrogate: i64,
    /// How the person is named in the practice's list of staff; empty for patients.
    pub staff_name: String,
    /// What it was signed in by is new: it opens no records until then.
    pub opens_from: Option<Timestamp>,
    /// How the person signs in was changed within a day, or is about to be.
    pub ways_changed: bool,
    /// A recovery of the account that can still be stopped.
    pub recovery: Option<Recovery>,
}

/// A patient within reach of a patient session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent thing about a record within reach"
)]
pub struct Reachable {
    /// The patient.
    pub patient: PatientId,
    /// `false`: the person themself.
    pub is_proxied: bool,
    /// The sections within reach; empty means all.
    pub sections: Vec<Section>,
    /// What a proxy may do beside reading.
    pub may: Vec<ProxyAction>,
    /// When the proxy ends, if it does.
    pub until: Option<Timestamp>,
    /// A part of it is seen for now.
    pub part: Option<InPart>,
    /// The patient is a child: parents decide.
    pub is_child: bool,
    /// The patient is young: what is sensitive is theirs.
    pub is_young: bool,
    /// From which age on others act by the patient's own wish alone.
    pub grown_from: u32,
    /// To the person themself: their address is protected.
    pub is_address_protected: bool,
    /// It is within reach because another one is: the two are one person's.
    pub merged: Option<MergedWith>,
}

/// The record by way of which another one is within reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MergedWith {
    /// Which.
    pub patient: PatientId,
    /// The practice that noted it.
    pub practice: PracticeId,
    /// Since when.
    pub since: Timestamp,
    /// The number of the one that is reached so is the one that stays.
    pub stays: bool,
}

impl MergedWith {
    fn read(reachable: &wire::Reachable) -> Option<Self> {
        Some(Self {
            patient: PatientId::try_from(reachable.merged_with.as_slice()).ok()?,
            practice: PracticeId::try_from(reachable.merged_by.as_slice()).ok()?,
            since: time(reachable.merged_at)?,
            stays: reachable.stays,
        })
    }
}

/// For now only what one practice put in is seen: that practice let the reader in lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InPart {
    /// Which practice.
    pub practice: PracticeId,
    /// When everything is seen.
    pub until: Timestamp,
}

impl InPart {
    pub(crate) fn read(practice: &[u8], until: i64) -> Option<Self> {
        Some(Self {
            practice: PracticeId::try_from(practice).ok()?,
            until: time(until)?,
        })
    }
}

impl Reachable {
    /// Whether a section is within reach.
    pub fn covers(&self, section: Section) -> bool {
        self.sections.is_empty() || self.sections.contains(&section)
    }
}

impl Session {
    fn read(view: wire::SessionView) -> Result<Self, CallError> {
        let unexpected = |_| CallError::Unexpected;
        let mut patients = view
            .patients
            .into_iter()
            .map(|reachable| {
                Ok(Reachable {
                    merged: MergedWith::read(&reachable),
                    patient: PatientId::try_from(reachable.patient.as_slice())
                        .map_err(unexpected)?,
                    is_proxied: reachable.is_proxied,
                    sections: reachable
                        .sections
                        .into_iter()
                        .filter_map(|section| Section::try_from(section).ok())
                        .collect(),
                    may: actions(&reachable.may),
                    until: time(reachable.until),
                    part: InPart::read(&reachable.only_from, reachable.opens_from),
                    is_child: Age::try_from(reachable.age) == Ok(Age::Child),
                    is_young: Age::try_from(reachable.age) == Ok(Age::Young),
                    grown_from: reachable.grown_from,
                    is_address_protected: reachable.is_address_protected,
                })
            })
            .collect::<Result<Vec<_>, CallError>>()?;
        patients.sort_by_key(|reachable| reachable.is_proxied);
        Ok(Self {
            principal: PersonId::try_from(view.principal.as_slice()).map_err(unexpected)?,
            role: Role::try_from(view.role).map_err(|_| CallError::Unexpected)?,
            practice: PracticeId::try_from(view.practice.as_slice()).ok(),
            patients,
            proved_at: time(view.proved_at),
            by_passkey: view.by_passkey,
            ends_at: time(view.ends_at),
            surrogate: view.session,
            staff_name: view.staff_name,
            opens_from: time(view.opens_from),
            ways_changed: view.ways_changed,
            recovery: view.recovery.as_ref().and_then(Recovery::read),
        })
    }
}

/// A session began.
#[derive(Debug)]
pub struct SignedIn {
    /// Its token, for the cookie.
    pub token: Token,
    /// Who it is.
    pub session: Session,
}

/// Begins a passkey sign-in or step-up; an empty login lets the browser offer what it has.
pub async fn passkey_start(app: &App, login: &str, network: &str) -> Result<Ceremony, Refusal> {
    let call = Call::PasskeyStart(wire::PasskeyStart {
        login: login.to_owned(),
        network: network.to_owned(),
    });
    match app.keeper.call(call).await? {
        Reply::Ceremony(ceremony) => Ok(Ceremony::read(ceremony)?),
        _ => Err(CallError::Unexpected.into()),
    }
}

/// Signs in with the passkey's answer, `PublicKeyCredential` as JSON.
pub async fn passkey_finish(
    app: &App,
    ceremony: CeremonyId,
    answer_json: String,
    acting: Acting,
    from: impl Into<Browser<'_>>,
) -> Result<SignedIn, Refusal> {
    let from = from.into();
    let call = Call::PasskeyFinish(wire::PasskeyFinish {
        ceremony: ceremony.0.to_vec(),
        answer_json,
        acting: Some(acting.into()),
        network: from.network.to_owned(),
        client: from.client.map(str::to_owned),
    });
    let mut signed_in = signed_in(app.keeper.call(call).await?)?;
    signed_in.token = from.bound(signed_in.token);
    Ok(signed_in)
}

/// Signs a patient in with password and second factor.
pub async fn with_password(
    app: &App,
    login: &str,
    password: &Zeroizing<String>,
    code: &Zeroizing<String>,
    from: impl Into<Browser<'_>>,
) -> Result<SignedIn, Refusal> {
    let from = from.into();
    let call = Call::PasswordSignIn(wire::PasswordSignIn {
        login: login.to_owned(),
        password: password.to_string(),
        code: code.to_string(),
        network: from.network.to_owned(),
        client: from.client.map(str::to_owned),
    });
    let mut signed_in = signed_in(app.keeper.call(call).await?)?;
    signed_in.token = from.bound(signed_in.token);
    Ok(signed_in)
}

/// A practice's program and its secret.
#[derive(Clone)]
pub struct ClientCredential {
    /// The client.
    pub client: ClientId,
    /// Its 32 secret bytes.
    pub secret: Zeroizing<Vec<u8>>,
}

/// Signs a practice's program in.
pub async fn as_client(app: &App, credential: &ClientCredential) -> Result<SignedIn, Refusal> {
    let call = Call::ClientSignIn(wire::ClientSignIn {
        client: credential.client.as_bytes().to_vec(),
        secret: credential.secret.to_vec(),
    });
    signed_in(app.keeper.call(call).await?)
}

/// Who the token is; `Refusal::SessionEnded` when nobody any more.
pub async fn session(app: &App, token: &Token, network: &str) -> Result<Session, Refusal> {
    match app.keeper.call(Call::Session(with(token, network))).await? {
        Reply::Session(view) => Ok(Session::read(view)?),
        _ => Err(CallError::Unexpected.into()),
    }
}

/// Ends the session.
pub async fn sign_out(app: &App, token: &Token, network: &str) -> Result<(), Refusal> {
    done(&app.keeper.call(Call::SignOut(with(token, network))).await?)
}

/// Proves oneself again in a running session, which goes on under the token that comes back; `reason` is for clinicians
/// who go on past a full budget.
pub async fn step_up(
    app: &App,
    token: &Token,
    proof: Proof,
    reason: &str,
    network: &str,
) -> Result<SignedIn, Refusal> {
    let mut call = wire::StepUp {
        token: token.expose().to_vec(),
        reason: reason.to_owned(),
        network: network.to_owned(),
        ..wire::StepUp::default()
    };
    match proof {
        Proof::Passkey(ceremony, answer_json) => {
            call.ceremony = ceremony.0.to_vec();
            call.answer_json = answer_json;
        }
        Proof::Code(code) => call.code = code.to_string(),
    }
    let mut proved = signed_in(app.keeper.call(Call::StepUp(call)).await?)?;
    proved.token = token.beside(&proved.token);
    Ok(proved)
}

pub(crate) fn with(token: &Token, network: &str) -> wire::WithToken {
    wire::WithToken {
        token: token.expose().to_vec(),
        network: network.to_owned(),
    }
}

fn signed_in(reply: Reply) -> Result<SignedIn, Refusal> {
    let Reply::SignedIn(signed_in) = reply else {
        return Err(CallError::Unexpected.into());
    };
    let token = Token::from_bytes(&signed_in.token).ok_or(CallError::Unexpected)?;
    let view = signed_in.session.ok_or(CallError::Unexpected)?;
    Ok(SignedIn {
        token,
        session: Session::read(view)?,
    })
}

/// A reply that says no more than that it is done.
pub(crate) fn done(reply: &Reply) -> Result<(), Refusal> {
    match reply {
        Reply::Done(_) => Ok(()),
        _ => Err(CallError::Unexpected.into()),
    }
}
