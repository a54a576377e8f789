//! The set in force. A decision is of one set, whole: it is replaced between two decisions.

use super::PolicySet;
use crate::decision::{Decision, DecisionFacts};
use std::sync::{Arc, PoisonError, RwLock};

/// The set in force.
pub struct ActivePolicies(RwLock<Active>);

struct Active {
    set: Arc<PolicySet>,
    /// The version of the facts that say so.
    version: i64,
}

impl ActivePolicies {
    /// Begins with this set, as facts of this version say.
    pub(super) fn new(set: PolicySet, version: i64) -> Self {
        let set = Arc::new(set);
        Self(RwLock::new(Active { set, version }))
    }

    /// The set in force now.
    pub fn set(&self) -> Arc<PolicySet> {
        let active = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&active.set)
    }

    /// What it says.
    pub fn decide(&self, facts: &DecisionFacts) -> Decision {
        self.set().decide(facts)
    }

    /// SHA-256 over its files.
    pub fn hash(&self) -> [u8; 32] {
        self.set().hash()
    }

    /// Whether it is what facts of this version say.
    pub(super) fn is_of(&self, version: i64) -> bool {
        let active = self.0.read().unwrap_or_else(PoisonError::into_inner);
        active.version == version
    }

    /// From here on another set decides. What the old one decided is forgotten with it.
    pub(crate) fn replace(&self, set: PolicySet, version: i64) {
        let set = Arc::new(set);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Active { set, version };
    }
}
