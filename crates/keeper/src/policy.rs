//! The policy set; until the Cedar set is merged, its first rules in plain code.

use crate::decision::{Action, Decision, DecisionFacts, Relation};
use candour_keeper_api::words::{Purpose, Role, Section};
use std::sync::Arc;

/// The policies in force and their hash.
pub struct PolicySet {
    hash: [u8; 32],
}

impl PolicySet {
    /// The policies built in.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "reading policies can fail; the signature is the one agreed"
    )]
    pub fn built_in() -> Result<Self, PolicyError> {
        let text = "candour/v1/policy/plain";
        Ok(Self {
            hash: *candour_seal::Digest::of(text.as_bytes()).as_bytes(),
        })
    }

    /// SHA-256 of the set.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// Decides.
    pub fn decide(&self, facts: &DecisionFacts) -> Decision {
        let policy = rule(facts);
        Decision {
            is_allowed: policy.is_some(),
            policy: Arc::from(policy.unwrap_or("")),
        }
    }
}

/// The policies do not read.
#[derive(Debug, thiserror::Error)]
#[error("the policies cannot be read")]
pub struct PolicyError;

fn rule(facts: &DecisionFacts) -> Option<&'static str> {
    let reads = matches!(
        facts.action,
        Action::OpenSection(_) | Action::OpenItem(_) | Action::History
    );
    match (facts.role, facts.relation) {
        (Role::Patient | Role::Proxy, Relation::Own) if reads => Some("own_record"),
        (Role::Patient | Role::Proxy, Relation::Proxy) if reads => Some("proxy"),
        (Role::Clinician, Relation::EnrolledSource)
            if reads && facts.purpose == Purpose::DirectCare =>
        {
            Some("practice_reads_its_own")
        }
        (Role::Reception, Relation::EnrolledSource)
            if facts.action == Action::OpenSection(Section::Identity) =>
        {
            Some("reception_sees_names")
        }
        (
            Role::PracticeClient | Role::Clinician | Role::Reception,
            Relation::Enrolled | Relation::EnrolledSource | Relation::OwnPractice,
        ) if matches!(facts.action, Action::Deposit(_) | Action::Enrol) => {
            Some("practice_deposits")
        }
        (Role::Clinician | Role::Reception, Relation::OwnPractice)
            if matches!(
                facts.action,
                Action::Find | Action::OpenWorklist | Action::Authorize(_)
            ) =>
        {
            Some("practice_works")
        }
        (_, Relation::RunMember) if matches!(facts.action, Action::OpenRunMember(_)) => Some("run"),
        _ => None,
    }
}
