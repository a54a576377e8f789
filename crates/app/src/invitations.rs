//! Inviting somebody, and accepting: with a new account, or by linking the one that is signed in.

use crate::acts;
use crate::sign_in::{Ceremony, CeremonyId};
use crate::{App, Refusal};
use candour_keeper_api::wire::{self, Call, ChangeKind, Reply};
use candour_keeper_api::words::{ProxyAction, Role, Section};
use candour_keeper_api::{CallError, Token};
use candour_seal::{PatientId, PersonId, PracticeId};
use zeroize::Zeroizing;

/// A patient of a practice.
#[derive(Debug, Clone)]
pub struct About {
    /// The practice that invites.
    pub practice: PracticeId,
    /// Whose record it is.
    pub patient: PatientId,
    /// The patient as the page names them: part of what is signed.
    pub who: String,
}

/// Begins the act of inviting a patient to their own record; finished with [`acts::finish`]. The code in that answer is
/// handed over, with nothing else, by the practice.
pub async fn invite_patient(app: &App, token: &Token, about: About) -> Result<Ceremony, Refusal> {
    let invite = wire::Invite {
        role: Role::Patient.into(),
        ..about.into()
    };
    acts::start(app, token, ChangeKind::Invite(invite)).await
}

impl From<About> for wire::Invite {
    fn from(about: About) -> Self {
        Self {
            practice: about.practice.as_bytes().to_vec(),
            patient: about.patient.as_bytes().to_vec(),
            who: about.who,
            ..Self::default()
        }
    }
}

/// How far somebody who acts for a patient reaches.
#[derive(Debug, Default)]
pub struct ProxyScope {
    /// Sections within reach; empty for all.
    pub sections: Vec<Section>,
    /// What they may do beside reading.
    pub may: Vec<ProxyAction>,
    /// When it ends.
    pub until: Option<jiff::Timestamp>,
    /// Why.
    pub reason: String,
}

/// Begins the act of inviting somebody who is to act for a patient; finished with [`acts::finish`], whose answer has the
/// code.
pub async fn invite_proxy(
    app: &App,
    token: &Token,
    about: About,
    scope: ProxyScope,
) -> Result<Ceremony, Refusal> {
    let invite = of_scope(about.into(), scope);
    acts::start(app, token, ChangeKind::Invite(invite)).await
}

/// Begins the act by which a patient invites somebody who is to act for them; finished with [`acts::finish`], whose answer
/// has the code.
pub async fn ask_proxy(
    app: &App,
    token: &Token,
    patient: PatientId,
    scope: ProxyScope,
) -> Result<Ceremony, Refusal> {
    let invite = wire::Invite {
        patient: patient.as_bytes().to_vec(),
        ..wire::Invite::default()
    };
    let invite = of_scope(invite, scope);
    acts::start(app, token, ChangeKind::Invite(invite)).await
}

fn of_scope(invite: wire::Invite, scope: ProxyScope) -> wire::Invite {
    wire::Invite {
        role: Role::Proxy.into(),
        sections: scope.sections.into_iter().map(i32::from).collect(),
        may: scope.may.into_iter().map(i32::from).collect(),
        until: scope.until.map_or(0, jiff::Timestamp::as_microsecond),
        reason: scope.reason,
        ..invite
    }
}

/// Begins the act of inviting a member of staff; finished with [`acts::finish`], whose answer has the code.
pub async fn invite_staff(
    app: &App,
    token: &Token,
    practice: PracticeId,
    role: Role,
    staff_name: String,
) -> Result<Ceremony, Refusal> {
    let invite = wire::Invite {
        practice: practice.as_bytes().to_vec(),
        role: role.into(),
        staff_name,
        ..wire::Invite::default()
    };
    acts::start(app, token, ChangeKind::Invite(invite)).await
}

/// What an invitation offers.
#[derive(Debug)]
pub struct Invitation {
    /// The practice that invites; none for officers of the operator.
    pub practice: Option<PracticeId>,
    /// As what.
    pub role: Role,
    /// To make a passkey.
    pub ceremony: Option<Ceremony>,
    /// The authenticator app's secret as an `otpauth://` address; empty for staff.
    pub otpauth: Zeroizing<String>,
}

/// Looks at an invitation; `login` is the name wanted, so that a passkey can be made for it.
pub async fn look(
    app: &App,
    code: &str,
    login: &str,
    network: &str,
) -> Result<Invitation, Refusal> {
    let call = Call::InvitationOpen(asked(code, login, network));
    Invitation::read(app.keeper.call(call).await?)
}

pub(crate) fn asked(code: &str, login: &str, network: &str) -> wire::InvitationOpen {
    wire::InvitationOpen {
        code: code.to_owned(),
        network: network.to_owned(),
        login: login.to_owned(),
    }
}

impl Invitation {
    pub(crate) fn read(reply: Reply) -> Result<Self, Refusal> {
        let Reply::Invitation(view) = reply else {
            return Err(CallError::Unexpected.into());
        };
        Ok(Self {
            practice: PracticeId::try_from(view.practice.as_slice()).ok(),
            role: Role::try_from(view.role).map_err(|_| CallError::Unexpected)?,
            ceremony: view.ceremony.map(Ceremony::read).transpose()?,
            otpauth: Zeroizing::new(view.otpauth),
        })
    }
}

/// What a new account signs in with.
pub enum Credential {
    /// A passkey: the ceremony of [`look`] with its answer as JSON.
    Passkey(CeremonyId, String),
    /// A password, and the current six digits of the authenticator app set up from [`Invitation::otpauth`].
    Authenticator {
        /// The ceremony of [`look`]: the keeper remembers the secret under it.
        ceremony: CeremonyId,
        /// The password.
        password: Zeroizing<String>,
        /// Six digits.
        code: Zeroizing<String>,
    },
    /// A password, and a sheet of 40 codes to be printed.
    Sheet {
        /// The password.
        password: Zeroizing<String>,
    },
}

/// A new account.
pub struct Registered {
    /// Whose.
    pub person: PersonId,
    /// The 40 codes of the sheet, shown once; empty without one.
    pub sheet: Vec<Zeroizing<String>>,
}

/// Makes an account from an invitation. `birth_date` is `YYYY-MM-DD`: what the invitation does not say.
pub async fn register(
    app: &App,
    code: &str,
    birth_date: &str,
    login: &str,
    credential: Credential,
    network: &str,
) -> Result<Registered, Refusal> {
    let call = Call::Register(filled(code, birth_date, login, credential, network));
    Registered::read(app.keeper.call(call).await?)
}

pub(crate) fn filled(
    code: &str,
    birth_date: &str,
    login: &str,
    credential: Credential,
    network: &str,
) -> wire::Register {
    let mut call = wire::Register {
        code: code.to_owned(),
        birth_date: birth_date.to_owned(),
        login: login.to_owned(),
        network: network.to_owned(),
        ..wire::Register::default()
    };
    match credential {
        Credential::Passkey(ceremony, answer_json) => {
            call.ceremony = ceremony.as_bytes().to_vec();
            call.answer_json = answer_json;
        }
        Credential::Authenticator {
            ceremony,
            password,
            code,
        } => {
            call.ceremony = ceremony.as_bytes().to_vec();
            call.password = password.to_string();
            call.totp_code = code.to_string();
        }
        Credential::Sheet { password } => {
            call.password = password.to_string();
            call.wants_sheet = true;
        }
    }
    call
}

impl Registered {
    pub(crate) fn read(reply: Reply) -> Result<Self, Refusal> {
        let Reply::Registered(registered) = reply else {
            return Err(CallError::Unexpected.into());
        };
        Ok(Self {
            person: PersonId::try_from(registered.person.as_slice())
                .map_err(|_| CallError::Unexpected)?,
            sheet: registered.sheet.into_iter().map(Zeroizing::new).collect(),
        })
    }
}

/// Links an invitation to the account that is signed in; it adds no credential.
pub async fn link(app: &App, token: &Token, code: &str, birth_date: &str) -> Result<(), Refusal> {
    let call = Call::InvitationLink(wire::InvitationLink {
        token: token.expose().to_vec(),
        code: code.to_owned(),
        birth_date: birth_date.to_owned(),
    });
    match app.keeper.call(call).await? {
        Reply::Done(_) | Reply::Changed(_) | Reply::Session(_) => Ok(()),
        _ => Err(CallError::Unexpected.into()),
    }
}
