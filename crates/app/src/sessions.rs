//! Where somebody is signed in, and ending it from elsewhere.

use crate::sign_in::{done, with};
use crate::words::time;
use crate::{App, Refusal};
use candour_keeper_api::wire::{self, Call, Reply};
use candour_keeper_api::words::Role;
use candour_keeper_api::{CallError, Token};
use jiff::Timestamp;

/// A running session of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunningSession {
    /// Names it, for ending it.
    pub surrogate: i64,
    /// The one role it acts in.
    pub role: Role,
    /// When it began.
    pub began_at: Timestamp,
    /// When it was last used.
    pub used_at: Timestamp,
    /// The last proof was a passkey.
    pub by_passkey: bool,
    /// It is the session that asks.
    pub is_own: bool,
}

impl RunningSession {
    fn read(running: &wire::RunningSession) -> Option<Self> {
        Some(Self {
            surrogate: running.session,
            role: Role::try_from(running.role).ok()?,
            began_at: time(running.began_at)?,
            used_at: time(running.used_at)?,
            by_passkey: running.by_passkey,
            is_own: running.is_own,
        })
    }
}

/// Which other sessions end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The one with this surrogate.
    One(i64),
    /// All of them.
    AllOthers,
}

/// The running sessions of whoever asks, newest first.
pub async fn running(
    app: &App,
    token: &Token,
    network: &str,
) -> Result<Vec<RunningSession>, Refusal> {
    let call = Call::Sessions(with(token, network));
    let Reply::Sessions(list) = app.keeper.call(call).await? else {
        return Err(CallError::Unexpected.into());
    };
    let running = list.sessions.iter().map(RunningSession::read).collect();
    Option::ok_or(running, CallError::Unexpected.into())
}

/// Ends other sessions of whoever asks. One that is over already needs no ending.
pub async fn end(app: &App, token: &Token, ended: Ended, network: &str) -> Result<(), Refusal> {
    let call = Call::EndSessions(wire::EndSessions {
        token: token.expose().to_vec(),
        network: network.to_owned(),
        session: match ended {
            Ended::One(surrogate) => surrogate,
            Ended::AllOthers => 0,
        },
    });
    done(&app.keeper.call(call).await?)
}
