//! The ladder of what can be frozen, and proof mode.

use std::collections::BTreeSet;
use std::fmt;

use crate::keys::{Client, Instance, Practice, Principal, Purpose, Session};
use crate::time::{Micros, Span};

/// The rungs, narrowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Proof mode of one process of the portal: it stops nothing, and asks for a factor before each opening.
    Proof,
    /// One sign-in.
    Session,
    /// One person or client, in all sessions.
    Principal,
    /// Everything through one client's credential.
    Client,
    /// One purpose, for everybody.
    Purpose,
    /// One practice: its staff, its clients and what it deposited.
    Practice,
    /// One process of the portal.
    Instance,
    /// Everything, emergency access included.
    Installation,
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Proof => "proof",
            Self::Session => "session",
            Self::Principal => "principal",
            Self::Client => "client",
            Self::Purpose => "purpose",
            Self::Practice => "practice",
            Self::Instance => "instance",
            Self::Installation => "installation",
        })
    }
}

/// One thing on the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Frozen {
    /// See [`Level::Proof`].
    Proof(Instance),
    /// See [`Level::Session`].
    Session(Session),
    /// See [`Level::Principal`].
    Principal(Principal),
    /// See [`Level::Client`].
    Client(Client),
    /// See [`Level::Purpose`].
    Purpose(Purpose),
    /// See [`Level::Practice`].
    Practice(Practice),
    /// See [`Level::Instance`].
    Instance(Instance),
    /// See [`Level::Installation`].
    Installation,
}

impl Frozen {
    /// The rung this stands on.
    #[must_use]
    pub const fn level(self) -> Level {
        match self {
            Self::Proof(_) => Level::Proof,
            Self::Session(_) => Level::Session,
            Self::Principal(_) => Level::Principal,
            Self::Client(_) => Level::Client,
            Self::Purpose(_) => Level::Purpose,
            Self::Practice(_) => Level::Practice,
            Self::Instance(_) => Level::Instance,
            Self::Installation => Level::Installation,
        }
    }

    /// Whether a request with these guards is stopped by this.
    #[must_use]
    pub fn stops(self, guards: &Guards) -> bool {
        if guards.is_emergency && self != Self::Installation {
            return false;
        }
        match self {
            Self::Proof(_) => false,
            Self::Session(session) => guards.session == Some(session),
            Self::Principal(principal) => guards.principal == Some(principal),
            Self::Client(client) => guards.client == Some(client),
            Self::Purpose(purpose) => guards.purpose == Some(purpose),
            Self::Practice(practice) => guards.practices.contains(&practice),
            Self::Instance(instance) => guards.instance == Some(instance),
            Self::Installation => true,
        }
    }
}

/// Every rung of the ladder one request belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    /// The session it came in.
    pub session: Option<Session>,
    /// Who acts.
    pub principal: Option<Principal>,
    /// The client whose credential was used, if any.
    pub client: Option<Client>,
    /// What for.
    pub purpose: Option<Purpose>,
    /// The practice acted for, and the practices that deposited what is asked for.
    pub practices: Vec<Practice>,
    /// The portal process it came through.
    pub instance: Option<Instance>,
    /// Emergency access whose own passkey answer was verified; only the installation's freeze stops it.
    pub is_emergency: bool,
}

/// What is frozen now, and which instances are in proof mode.
#[derive(Clone, Debug, Default)]
pub struct FreezeSet {
    frozen: BTreeSet<Frozen>,
}

/// The oldest factor that counts as proof: 5 minutes (design, section 2).
pub const PROOF_AGE: Span = Span::minutes(5);

impl FreezeSet {
    /// Freezes; false if it was frozen already.
    pub fn freeze(&mut self, what: Frozen) -> bool {
        self.frozen.insert(what)
    }

    /// Unfreezes; false if it was not frozen. That two people agreed is the caller's to check.
    pub fn unfreeze(&mut self, what: Frozen) -> bool {
        self.frozen.remove(&what)
    }

    /// Whether exactly this is frozen.
    #[must_use]
    pub fn is_frozen(&self, what: Frozen) -> bool {
        self.frozen.contains(&what)
    }

    /// Everything frozen, narrowest first.
    pub fn iter(&self) -> impl Iterator<Item = Frozen> + '_ {
        self.frozen.iter().copied()
    }

    /// The widest frozen rung that stops a request with these guards.
    #[must_use]
    pub fn blocks(&self, guards: &Guards) -> Option<Level> {
        if self.frozen.is_empty() {
            return None;
        }
        let named = [
            Some(Frozen::Installation),
            guards.instance.map(Frozen::Instance),
            guards.purpose.map(Frozen::Purpose),
            guards.client.map(Frozen::Client),
            guards.principal.map(Frozen::Principal),
            guards.session.map(Frozen::Session),
        ];
        let practices = guards
            .practices
            .iter()
            .map(|practice| Frozen::Practice(*practice));
        named
            .into_iter()
            .flatten()
            .chain(practices)
            .filter(|what| self.frozen.contains(what) && what.stops(guards))
            .map(Frozen::level)
            .max()
    }

    /// Whether the instance is in proof mode.
    #[must_use]
    pub fn needs_proof(&self, instance: Instance) -> bool {
        self.frozen.contains(&Frozen::Proof(instance))
    }

    /// Whether an opening through `instance` may go on, given when the session last gave a passkey or code.
    ///
    /// A factor from the future proves nothing.
    #[must_use]
    pub fn is_proven(&self, instance: Instance, factor_at: Option<Micros>, now: Micros) -> bool {
        !self.needs_proof(instance) || factor_at.is_some_and(|at| is_fresh(at, now, PROOF_AGE))
    }
}

impl FromIterator<Frozen> for FreezeSet {
    fn from_iter<I: IntoIterator<Item = Frozen>>(frozen: I) -> Self {
        Self {
            frozen: frozen.into_iter().collect(),
        }
    }
}

/// Whether a factor given at `at` is younger than `age` at `now`.
pub(crate) fn is_fresh(at: Micros, now: Micros, age: Span) -> bool {
    at <= now && now.since(at) < age
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guards() -> Guards {
        Guards {
            session: Some(Session(1)),
            principal: Some(Principal(2)),
            client: Some(Client(3)),
            purpose: Some(Purpose(4)),
            practices: vec![Practice(5), Practice(6)],
            instance: Some(Instance(7)),
            is_emergency: false,
        }
    }

    fn ladder() -> [Frozen; 8] {
        [
            Frozen::Session(Session(1)),
            Frozen::Principal(Principal(2)),
            Frozen::Client(Client(3)),
            Frozen::Purpose(Purpose(4)),
            Frozen::Practice(Practice(5)),
            Frozen::Practice(Practice(6)),
            Frozen::Instance(Instance(7)),
            Frozen::Installation,
        ]
    }

    #[test]
    fn every_rung_stops_what_belongs_to_it_and_nothing_after_it_is_lifted() {
        let mut set = FreezeSet::default();
        for what in ladder() {
            assert!(set.freeze(what));
            assert!(!set.freeze(what), "frozen twice is frozen once");
            assert_eq!(set.blocks(&guards()), Some(what.level()));
            assert!(set.unfreeze(what));
            assert_eq!(set.blocks(&guards()), None);
        }
    }

    #[test]
    fn another_session_goes_on() {
        let set: FreezeSet = [Frozen::Session(Session(9)), Frozen::Practice(Practice(1))]
            .into_iter()
            .collect();
        assert_eq!(set.blocks(&guards()), None);
    }

    #[test]
    fn the_widest_rung_is_named() {
        let set: FreezeSet = ladder().into_iter().take(5).collect();
        assert_eq!(set.blocks(&guards()), Some(Level::Practice));
    }

    #[test]
    fn emergency_access_passes_everything_but_the_installation() {
        let emergency = Guards {
            is_emergency: true,
            ..guards()
        };
        for what in ladder() {
            let set: FreezeSet = [what].into_iter().collect();
            let expected = (what == Frozen::Installation).then_some(Level::Installation);
            assert_eq!(set.blocks(&emergency), expected, "{what:?}");
        }
    }

    #[test]
    fn proof_mode_needs_a_factor_younger_than_five_minutes() {
        let now = Micros(1_000_000_000_000);
        let mut set = FreezeSet::default();
        assert!(set.is_proven(Instance(7), None, now));
        assert!(set.freeze(Frozen::Proof(Instance(7))));
        assert_eq!(set.blocks(&guards()), None, "it stops nothing");
        assert!(!set.is_proven(Instance(7), None, now));
        assert!(!set.is_proven(Instance(7), Some(now - Span::minutes(5)), now));
        assert!(
            !set.is_proven(Instance(7), Some(now + Span::seconds(1)), now),
            "a factor from the future"
        );
        assert!(set.is_proven(Instance(7), Some(now - Span::seconds(299)), now));
        assert!(
            set.is_proven(Instance(8), None, now),
            "another instance is not in it"
        );
        set.unfreeze(Frozen::Proof(Instance(7)));
        assert!(set.is_proven(Instance(7), None, now));
    }
}
