//! By what somebody signs in: seeing it, beginning to change it, and what waits.

use crate::acts::{self, Changed};
use crate::sign_in::{Ceremony, with};
use crate::words::time;
use crate::{App, Refusal};
use candour_core::people::EmailAddress;
use candour_keeper_api::wire::{self, Call, ChangeKind, Reply};
use candour_keeper_api::words::Origin;
use candour_keeper_api::{CallError, Token};
use jiff::Timestamp;
use zeroize::Zeroizing;

/// By what somebody can sign in.
#[derive(Debug, Clone)]
pub struct Ways {
    /// Oldest first.
    pub passkeys: Vec<Passkey>,
    /// There is room for one more.
    pub has_room: bool,
    /// The password and second factors; `None` for staff and officers, who have passkeys only.
    pub typed: Option<Typed>,
    /// Acts that wait for their day to be over.
    pub waiting: Vec<Waiting>,
    /// Where they are told of changes, beside the addresses that their practices have.
    pub addresses: Vec<Address>,
    /// There is room for one more.
    pub has_room_for_address: bool,
}

/// An address of the account.
#[derive(Debug, Clone)]
pub struct Address {
    /// Names it.
    pub id: [u8; 16],
    /// The address.
    pub address: String,
    /// Whether anything but its code is written there.
    pub state: AddressState,
}

/// Whether mail is known to arrive at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressState {
    /// It does.
    Confirmed,
    /// A code was sent there and is taken until then.
    Sent(Timestamp),
    /// That was too long ago.
    TooLate,
}

/// What of a patient's is typed.
#[derive(Debug, Clone, Copy)]
pub struct Typed {
    /// There is a password.
    pub has_password: bool,
    /// There is an authenticator app.
    pub has_app: bool,
    /// How many codes of the printed sheet are left; `None` without a sheet.
    pub codes_left: Option<u32>,
}

/// One passkey.
#[derive(Debug, Clone)]
pub struct Passkey {
    /// Names it, for removing it.
    pub id: [u8; 16],
    /// What its owner calls it.
    pub name: String,
    /// When it was added.
    pub added_at: Timestamp,
    /// How it was added.
    pub origin: Origin,
    /// The session that asks was signed in with it.
    pub is_own: bool,
    /// It can be removed.
    pub may_go: bool,
    /// It is new until then.
    pub opens_from: Option<Timestamp>,
}

/// An act that waits.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Names it.
    pub pending: [u8; 16],
    /// What it does, in a sentence.
    pub text: String,
    /// When it may be done.
    pub not_before: Timestamp,
    /// That time has come.
    pub is_due: bool,
}

/// What is to change.
pub enum Wanted {
    /// One more passkey, under this name.
    Passkey(String),
    /// One passkey less.
    WithoutPasskey([u8; 16]),
    /// Another password.
    Password(Zeroizing<String>),
    /// Another authenticator app.
    App,
    /// Another printed sheet.
    Sheet,
    /// What waits is to be forgotten.
    Stop([u8; 16]),
    /// One more address.
    Address(EmailAddress),
    /// One address less.
    WithoutAddress([u8; 16]),
}

impl Wanted {
    fn kind(self) -> ChangeKind {
        match self {
            Self::Passkey(name) => ChangeKind::AddPasskey(wire::AddPasskey { name }),
            Self::WithoutPasskey(id) => ChangeKind::RemovePasskey(wire::RemovePasskey {
                passkey: id.to_vec(),
                ..wire::RemovePasskey::default()
            }),
            Self::Password(password) => ChangeKind::SetPassword(wire::SetPassword {
                password: password.to_string(),
                ..wire::SetPassword::default()
            }),
            Self::App => ChangeKind::SetApp(wire::SetApp::default()),
            Self::Sheet => ChangeKind::NewSheet(wire::NewSheet {}),
            Self::Stop(pending) => ChangeKind::StopWaiting(wire::StopWaiting {
                pending: pending.to_vec(),
                ..wire::StopWaiting::default()
            }),
            Self::Address(address) => {
                let address = address.as_str().to_owned();
                ChangeKind::AddNotificationAddress(wire::AddNotificationAddress { address })
            }
            Self::WithoutAddress(id) => {
                ChangeKind::RemoveNotificationAddress(wire::RemoveNotificationAddress {
                    id: id.to_vec(),
                    ..wire::RemoveNotificationAddress::default()
                })
            }
        }
    }
}

impl Ways {
    fn read(ways: wire::SignInWays) -> Option<Self> {
        let passkeys = ways.passkeys.into_iter().map(Passkey::read);
        let waiting = ways.waiting.into_iter().map(Waiting::read);
        let addresses = ways.addresses.into_iter().map(Address::read);
        Some(Self {
            passkeys: passkeys.collect::<Option<_>>()?,
            has_room: ways.has_room,
            typed: (!ways.passkeys_only).then_some(Typed {
                has_password: ways.has_password,
                has_app: ways.has_app,
                codes_left: ways.has_sheet.then_some(ways.codes_left),
            }),
            waiting: waiting.collect::<Option<_>>()?,
            addresses: addresses.collect::<Option<_>>()?,
            has_room_for_address: ways.has_room_for_address,
        })
    }
}

impl Passkey {
    fn read(view: wire::PasskeyView) -> Option<Self> {
        Some(Self {
            id: view.passkey.as_slice().try_into().ok()?,
            name: view.name,
            added_at: time(view.added_at)?,
            origin: Origin::try_from(view.origin).ok()?,
            is_own: view.is_own,
            may_go: view.may_go,
            opens_from: time(view.opens_from),
        })
    }
}

impl Address {
    fn read(view: wire::NotificationAddressView) -> Option<Self> {
        Some(Self {
            id: view.id.as_slice().try_into().ok()?,
            address: view.address,
            state: match (view.is_confirmed, time(view.code_until)) {
                (true, _) => AddressState::Confirmed,
                (false, Some(until)) => AddressState::Sent(until),
                (false, None) => AddressState::TooLate,
            },
        })
    }
}

impl Waiting {
    fn read(act: wire::WaitingAct) -> Option<Self> {
        Some(Self {
            pending: act.pending.as_slice().try_into().ok()?,
            text: act.text,
            not_before: time(act.not_before)?,
            is_due: act.is_due,
        })
    }
}

/// By what whoever asks can sign in.
pub async fn ways(app: &App, token: &Token, network: &str) -> Result<Ways, Refusal> {
    let call = Call::SignInWays(with(token, network));
    let Reply::SignInWays(ways) = app.keeper.call(call).await? else {
        return Err(CallError::Unexpected.into());
    };
    Ways::read(ways).ok_or_else(|| CallError::Unexpected.into())
}

/// Begins the act that changes it; finished with [`acts::finish_new`].
pub async fn begin(app: &App, token: &Token, wanted: Wanted) -> Result<Ceremony, Refusal> {
    acts::start(app, token, wanted.kind()).await
}

/// Says that mail arrives at an address: the code that was sent there. [`Refusal::WrongCredentials`] for another code, or one
/// that is too old.
pub async fn confirm(
    app: &App,
    token: &Token,
    id: [u8; 16],
    code: &str,
) -> Result<Changed, Refusal> {
    let sent = wire::ConfirmNotificationAddress {
        id: id.to_vec(),
        code: code.to_owned(),
    };
    acts::now(app, token, ChangeKind::ConfirmNotificationAddress(sent)).await
}

/// Does what waited, once its day is over.
pub async fn go_on(app: &App, token: &Token, pending: [u8; 16]) -> Result<Changed, Refusal> {
    acts::now(app, token, ChangeKind::Approve(pending.to_vec())).await
}
