//! Sessions: tokens bound to one instance, 15 minutes idle, 8 hours at most.

use crate::keys::{IdKind, KeyedToken, Keys, practice_number};
use crate::ledger::Refusal;
use candour_keeper_wire::Token;
use candour_keeper_wire::words::{Reason, Role};
use candour_seal::{
    ClientId, CryptoRng, Digest, InstanceId, PatientId, PersonId, PracticeId, RunId, hmac,
};
use jiff::{SignedDuration, Timestamp};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Longest time between two calls.
pub const IDLE: SignedDuration = SignedDuration::from_mins(15);
/// Longest life.
pub const LIFE: SignedDuration = SignedDuration::from_hours(8);

/// Most sessions of one person at once. Nobody needs more, and whoever has somebody's passkey fills no memory with them.
pub const MOST: usize = 20;

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Principal {
    /// A human.
    Person(PersonId),
    /// A practice's program.
    Client(ClientId),
    /// A bulk lane.
    Run(RunId),
}

impl Principal {
    /// The 16 bytes of the id.
    pub fn bytes(&self) -> &[u8; 16] {
        match self {
            Self::Person(id) => id.as_bytes(),
            Self::Client(id) => id.as_bytes(),
            Self::Run(id) => id.as_bytes(),
        }
    }

    /// The subject of the principal's facts.
    pub fn subject(&self, keys: &Keys) -> KeyedToken {
        match self {
            Self::Person(id) => keys.person(*id),
            Self::Client(id) => keys.client(*id),
            Self::Run(id) => keys.run(*id),
        }
    }
}

/// One way of signing in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A passkey: the keyed hash of its credential id.
    Passkey([u8; 16]),
    /// What is typed: the version of its fact.
    Typed(i64),
}

/// By what a session was signed in: a passkey, or a password and a second factor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SignedBy {
    /// Each of them; none for programs and runs.
    pub ways: [Option<Way>; 2],
    /// When the last of them is no longer new, in microseconds; 0 where none ever was.
    pub opens_from: i64,
    /// At whose counter a recovery made one of them.
    pub recovered_at: Option<PracticeId>,
}

impl SignedBy {
    /// When they open records and answer acts, where they do not yet.
    pub fn is_new_until(&self, now: Timestamp) -> Option<i64> {
        (self.opens_from > now.as_microsecond()).then_some(self.opens_from)
    }

    /// Refuses what waits until they are new no more.
    pub fn refuse_new(&self, now: Timestamp) -> Result<(), Refusal> {
        let refused = |until| Refusal::until(Reason::CredentialIsNew, until, now);
        self.is_new_until(now)
            .map_or(Ok(()), |until| Err(refused(until)))
    }

    /// At whose counter they were made, while that recovery can still be objected to.
    pub fn recovering_at(&self, now: Timestamp) -> Option<PracticeId> {
        self.recovered_at
            .filter(|_| self.is_new_until(now).is_some())
    }
}

/// A running session, as it was at its last call.
#[derive(Debug, Clone)]
pub struct Session {
    /// Names the session in the ledger.
    pub surrogate: i64,
    /// Who acts.
    pub principal: Principal,
    /// The subject of the principal's facts.
    pub subject: KeyedToken,
    /// In which role: exactly one. A patient's session reaches proxied records too.
    pub role: Role,
    /// For staff and clients: the practice.
    pub practice: Option<PracticeId>,
    /// Surrogate of the practice.
    pub practice_surrogate: Option<i64>,
    /// Through which instance, and no other.
    pub instance: InstanceId,
    /// Surrogate of the instance.
    pub instance_surrogate: i64,
    /// When it began.
    pub began_at: Timestamp,
    /// When the last passkey or code was given.
    pub proved_at: Timestamp,
    /// Whether that was a passkey.
    pub by_passkey: bool,
    /// When it was last used.
    pub used_at: Timestamp,
    /// A patient this person is: staff rights never apply to it.
    pub own_patient: Option<PatientId>,
    /// By what it was signed in.
    pub signed_by: SignedBy,
    /// Keyed hash of the browser that signed in, where the portal named one: no other goes on with it.
    pub client: Option<[u8; 32]>,
}

impl Session {
    /// Refuses what nobody does by a recovery that can still be objected to: everything but reading what that practice
    /// deposited.
    pub fn is_settled(&self, now: Timestamp) -> Result<(), Refusal> {
        let recovering = self.signed_by.recovering_at(now);
        recovering.map_or(Ok(()), |_| {
            let (why, until) = (Reason::CredentialIsNew, self.signed_by.opens_from);
            Err(Refusal::until(why, until, now))
        })
    }

    fn is_over(&self, now: Timestamp) -> bool {
        now.duration_since(self.used_at) >= IDLE || now.duration_since(self.began_at) >= LIFE
    }
}

/// What begins a session.
#[derive(Debug, Clone, Copy)]
pub struct NewSession {
    /// Who acts.
    pub principal: Principal,
    /// In which role.
    pub role: Role,
    /// For staff and clients: the practice.
    pub practice: Option<PracticeId>,
    /// Through which instance.
    pub instance: InstanceId,
    /// Whether a passkey was given.
    pub by_passkey: bool,
    /// A patient this person is.
    pub own_patient: Option<PatientId>,
    /// By what it was signed in.
    pub signed_by: SignedBy,
}

/// The running sessions; they end with the keeper.
#[derive(Default)]
pub struct Sessions(Mutex<HashMap<[u8; 32], Session>>);

fn name(token: &[u8]) -> [u8; 32] {
    *Digest::of(token.get(..Token::SECRET).unwrap_or(token)).as_bytes()
}

/// Keyed, so that nobody who finds it in memory tries descriptions on it.
fn client_hash(keys: &Keys, client: &[u8]) -> [u8; 32] {
    hmac(
        keys.codes(),
        &[b"candour/v1/browser".as_slice(), client].concat(),
    )
}

fn new_token(rng: &mut dyn CryptoRng) -> Option<Token> {
    let mut bytes = Zeroizing::new([0; 32]);
    rng.fill_bytes(bytes.as_mut_slice());
    Token::from_bytes(bytes.as_slice())
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a session; only a digest of the token is kept.
    pub fn begin(
        &self,
        keys: &Keys,
        new: NewSession,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Option<(Token, Session)> {
        let token = new_token(rng)?;
        let name = name(token.expose());
        let mut id = [0; 16];
        id.copy_from_slice(&name[..16]);
        let session = Session {
            surrogate: keys.token(IdKind::Session, &id).surrogate(),
            principal: new.principal,
            subject: new.principal.subject(keys),
            role: new.role,
            practice: new.practice,
            practice_surrogate: new.practice.map(practice_number),
            instance: new.instance,
            instance_surrogate: keys.instance(new.instance).surrogate(),
            began_at: now,
            proved_at: now,
            by_passkey: new.by_passkey,
            used_at: now,
            own_patient: new.own_patient,
            signed_by: new.signed_by,
            client: None,
        };
        self.lock().insert(name, session.clone());
        Some((token, session))
    }

    /// Lets a session that begins go on only with the browser that describes itself so.
    pub fn bind(&self, keys: &Keys, token: &Token, description: &str) {
        let client = client_hash(keys, Digest::of(description.as_bytes()).as_bytes());
        if let Some(session) = self.lock().get_mut(&name(token.expose())) {
            session.client = Some(client);
        }
    }

    /// Ends the session of a token that comes with another browser than signed in; it comes back. Who says which browser it
    /// is, is the portal, whose word may cause a refusal and nothing else.
    pub fn end_of_another_client(
        &self,
        keys: &Keys,
        token: &[u8],
        instance: InstanceId,
    ) -> Option<Session> {
        let name = name(token);
        let mut sessions = self.lock();
        let session = sessions.get(&name)?;
        let bound = session.client.filter(|_| session.instance == instance)?;
        let client = client_hash(keys, token.get(Token::SECRET..).unwrap_or_default());
        if bool::from(bound.ct_eq(&client)) {
            return None;
        }
        sessions.remove(&name)
    }

    /// The session of a token that comes through `instance`; it counts as used.
    pub fn look_up(
        &self,
        token: &[u8],
        instance: InstanceId,
        now: Timestamp,
    ) -> Result<Session, Reason> {
        let name = name(token);
        let mut sessions = self.lock();
        let session = sessions.get_mut(&name).ok_or(Reason::SessionEnded)?;
        if session.is_over(now) {
            sessions.remove(&name);
            return Err(Reason::SessionEnded);
        }
        if session.instance != instance {
            return Err(Reason::SessionEnded);
        }
        session.used_at = now;
        Ok(session.clone())
    }

    /// Notes a fresh passkey or code. The session goes on under a new token: whoever took the old one before its holder
    /// proved themself has no part in what that opens.
    pub fn prove(
        &self,
        token: &[u8],
        by_passkey: bool,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Option<Token> {
        let new = new_token(rng)?;
        let mut sessions = self.lock();
        let session = sessions.remove(&name(token))?;
        let proved = Session {
            proved_at: now,
            by_passkey,
            ..session
        };
        sessions.insert(name(new.expose()), proved);
        Some(new)
    }

    /// Ends a session; it comes back if there was one.
    pub fn end(&self, token: &[u8]) -> Option<Session> {
        self.lock().remove(&name(token))
    }

    /// Drops sessions that are over.
    pub fn sweep(&self, now: Timestamp) {
        self.lock().retain(|_, session| !session.is_over(now));
    }

    /// The running sessions of a principal.
    pub fn of(&self, principal: Principal, now: Timestamp) -> Vec<Session> {
        let sessions = self.lock();
        let running = sessions
            .values()
            .filter(|session| session.principal == principal && !session.is_over(now));
        running.cloned().collect()
    }

    /// Ends those of the principal's sessions that were unused longest, so that [`MOST`] are left, `own` among them. They
    /// come back. What was signed in by something new ends none that was not, nor the other way round: whoever added it to
    /// somebody's account does not push them out.
    pub fn end_beyond(&self, own: &Session, now: Timestamp) -> Vec<Session> {
        let is_new = |session: &Session| session.signed_by.is_new_until(now).is_some();
        let mut others = self.of(own.principal, now);
        others
            .retain(|session| session.surrogate != own.surrogate && is_new(session) == is_new(own));
        others.sort_by_key(|session| Reverse(session.used_at));
        let too_many: Vec<i64> = others
            .iter()
            .skip(MOST - 1)
            .map(|session| session.surrogate)
            .collect();
        self.end_those(own.principal, |session| {
            too_many.contains(&session.surrogate)
        })
    }

    /// Ends other sessions of the principal of `own`: the one with this surrogate, or with 0 all. They come back.
    pub fn end_others(&self, own: &Session, surrogate: i64) -> Vec<Session> {
        self.end_those(own.principal, |session| {
            session.surrogate != own.surrogate && (surrogate == 0 || session.surrogate == surrogate)
        })
    }

    /// Ends the sessions of a principal that are meant. They come back.
    pub fn end_those(
        &self,
        principal: Principal,
        is_meant: impl Fn(&Session) -> bool,
    ) -> Vec<Session> {
        let mut sessions = self.lock();
        let ended =
            sessions.extract_if(|_, session| session.principal == principal && is_meant(session));
        ended.map(|(_, session)| session).collect()
    }
}
