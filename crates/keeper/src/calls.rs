//! The calls that read and write what is about patients, and those of the room.

pub mod authorize;
pub mod delivered;
pub mod deposit;
pub mod emergency;
pub mod enrol;
pub mod find;
pub mod history;
pub mod open;
pub mod reach;
pub mod room;
pub mod sealed;

use self::reach::Limit;
use crate::core::Core;
use crate::facts::SubjectFacts;
use crate::identity::failures::Tried;
use crate::identity::standing;
use crate::instances::Instance;
use crate::ledger::Refusal;
use crate::merges::Who;
use crate::network;
use crate::session::Session;
use candour_keeper_wire::words::{Purpose, Reason};
use candour_seal::PracticeId;
use jiff::Timestamp;
use std::sync::Arc;

/// Who calls, and when: what every call with a token begins with.
pub struct Caller {
    /// The session.
    pub session: Session,
    /// The principal's own facts.
    pub own: Arc<SubjectFacts>,
    /// What for.
    pub purpose: Purpose,
    /// The browser's network as the portal names it; of an IPv6 address its /64.
    pub network: String,
    /// When.
    pub now: Timestamp,
}

impl Caller {
    /// Reads the token; refuses what is over, foreign or frozen.
    pub async fn of(
        core: &Core,
        instance: &Instance,
        token: &[u8],
        purpose: i32,
        network: &str,
    ) -> Result<Self, Refusal> {
        let caller = Self::read(core, instance, token, purpose, network).await?;
        // It finds people by it while things are frozen. What it opens asks for an answer of its own.
        let session = &caller.session;
        let is_emergency =
            caller.purpose == Purpose::Emergency && session.proved_at > session.began_at;
        caller.refuse_frozen(core, is_emergency)?;
        Ok(caller)
    }

    /// Reads the token; refuses what is over or foreign.
    pub async fn read(
        core: &Core,
        instance: &Instance,
        token: &[u8],
        purpose: i32,
        network: &str,
    ) -> Result<Self, Refusal> {
        let now = core.clock.now();
        let network = network::of(network);
        let (session, own) = standing::session(core, token, instance.id, &network, now).await?;
        let purpose = Purpose::try_from(purpose).map_err(|_| Reason::Invalid)?;
        Ok(Self {
            session,
            own,
            purpose,
            network,
            now,
        })
    }

    /// Refuses what is frozen; of what an emergency asks, only what the installation's freeze stops.
    pub fn refuse_frozen(&self, core: &Core, is_emergency: bool) -> Result<(), Refusal> {
        let mut guards = self.session.freeze_guards(Some(self.purpose));
        guards.is_emergency = is_emergency;
        if core.freezes.is_stopped(&guards) {
            return Err(self.is_frozen(core));
        }
        Ok(())
    }

    /// Refuses who was signed in by what is new: it opens nothing yet, and so lists, finds and writes nothing either. An
    /// emergency does not wait for it.
    pub fn refuse_new(&self) -> Result<(), Refusal> {
        match self.purpose {
            Purpose::Emergency => Ok(()),
            _ => self.session.signed_by.refuse_new(self.now),
        }
    }

    /// Who looks.
    pub(crate) fn who(&self) -> Who<'_> {
        Who {
            session: &self.session,
            own: &self.own,
            now: self.now,
        }
    }

    /// The practice whose deposits alone it sees with such a limit: one's own as staff, or the one that let a person in.
    pub fn sees_only(&self, limit: Option<Limit>) -> Option<PracticeId> {
        self.session.practice.or(limit.map(|limit| limit.practice))
    }

    /// A refusal to something that is frozen already: counted, not written one by one.
    pub fn is_frozen(&self, core: &Core) -> Refusal {
        let tried = Tried {
            network: self.network.clone(),
            what: self.session.subject.0,
        };
        core.refused_frozen.failed(tried, self.now);
        Reason::Frozen.into()
    }
}

/// 16 bytes of an id as they came.
pub(crate) fn id(bytes: &[u8]) -> Result<[u8; 16], Reason> {
    bytes.try_into().map_err(|_| Reason::Invalid)
}
