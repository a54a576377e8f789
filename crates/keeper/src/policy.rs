//! The policy set: Cedar policies that an auditor can read, validated strictly before anything else happens.
//!
//! A decision depends on [`DecisionFacts`] and on nothing else, so it may be remembered by them.

mod active;
mod changing;
mod classes;
mod difference;
mod floor;
mod people;

pub use active::ActivePolicies;
pub use changing::{Order, Typed, Unfit};
pub(crate) use changing::{begin, carry_out, settle, tell};
pub use floor::forbids;

use crate::decision::{Action, Assurance, ChangeAction, Decision, DecisionFacts, Relation};
use candour_keeper_wire::words::{self, ItemKind, Role, Section};
use candour_seal::Digester;
use cedar_policy::{
    Authorizer, Context, Entities, EntityId, EntityTypeName, EntityUid, Policy, PolicyId, Request,
    RestrictedExpression, Schema, ValidationMode, Validator,
};
use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

/// The files by name, sorted; the set's hash is over names and contents in this order.
pub const FILES: [(&str, &str); 4] = [
    (
        "everyone.cedar",
        include_str!("../../../policies/everyone.cedar"),
    ),
    (
        "operator.cedar",
        include_str!("../../../policies/operator.cedar"),
    ),
    (
        "patient.cedar",
        include_str!("../../../policies/patient.cedar"),
    ),
    (
        "practice.cedar",
        include_str!("../../../policies/practice.cedar"),
    ),
];
const SCHEMA: (&str, &str) = (
    "schema.cedarschema",
    include_str!("../../../policies/schema.cedarschema"),
);
/// More remembered decisions than there are kinds of question in practice.
const REMEMBERED: usize = 50_000;

/// Why policies cannot be used: those of this binary, and the keeper does not start; others are not put in force.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// A file does not parse.
    #[error("the policies in {0} cannot be read: {1}")]
    Unreadable(String, String),
    /// A policy has no name of its own.
    #[error("a policy in {0} has no @id, or one that is taken")]
    Unnamed(String),
    /// A policy leaves open whom or what it is about: it would be in force for nobody, a `forbid` too.
    #[error("a policy in {0} is a template; say whom and what it is about")]
    Template(String),
    /// A policy says something the schema does not know.
    #[error("the policies do not fit their schema: {0}")]
    Unfit(String),
    /// Which set is in force cannot be read.
    #[error("which policies are in force cannot be read")]
    Unread,
}

/// The policies in force.
pub struct PolicySet {
    policies: cedar_policy::PolicySet,
    schema: Schema,
    authorizer: Authorizer,
    hash: [u8; 32],
    remembered: RwLock<HashMap<DecisionFacts, Decision>>,
}

impl PolicySet {
    /// Reads and validates the policies that are part of this binary.
    pub fn built_in() -> Result<Self, PolicyError> {
        Self::of(&FILES)
    }

    /// Reads and validates these files, each with its name.
    pub fn of(files: &[(&str, &str)]) -> Result<Self, PolicyError> {
        Self::from_files(files, SCHEMA)
    }

    fn from_files(
        files: &[(&str, &str)],
        schema_file: (&'static str, &'static str),
    ) -> Result<Self, PolicyError> {
        let (schema, _warnings) = Schema::from_cedarschema_str(schema_file.1).map_err(|error| {
            PolicyError::Unreadable(schema_file.0.to_owned(), error.to_string())
        })?;
        let mut policies = cedar_policy::PolicySet::new();
        for (name, text) in files {
            let parsed = cedar_policy::PolicySet::from_str(text)
                .map_err(|error| PolicyError::Unreadable((*name).to_owned(), error.to_string()))?;
            if parsed.templates().next().is_some() {
                return Err(PolicyError::Template((*name).to_owned()));
            }
            for policy in parsed.policies() {
                let named =
                    named(policy).ok_or_else(|| PolicyError::Unnamed((*name).to_owned()))?;
                policies
                    .add(named)
                    .map_err(|_| PolicyError::Unnamed((*name).to_owned()))?;
            }
        }
        let verdict = Validator::new(schema.clone()).validate(&policies, ValidationMode::Strict);
        if !verdict.validation_passed_without_warnings() {
            return Err(PolicyError::Unfit(verdict.to_string()));
        }
        Ok(Self {
            policies,
            schema,
            authorizer: Authorizer::new(),
            hash: hash(files, schema_file),
            remembered: RwLock::new(HashMap::new()),
        })
    }

    /// The name of each policy in force.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.policies.policies().map(|policy| policy.id().as_ref())
    }

    /// Whether it has no policy at all.
    pub fn is_nothing(&self) -> bool {
        self.policies.is_empty()
    }

    /// SHA-256 over the files.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// A set that permits nothing, for when nobody knows which is in force.
    pub fn nothing() -> Result<Self, PolicyError> {
        Self::of(&[])
    }

    /// What the policies say, as far as the floor lets them; the same facts get the same answer without being asked
    /// again.
    pub fn decide(&self, facts: &DecisionFacts) -> Decision {
        let held = self
            .remembered
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(decision) = held.get(facts) {
            return decision.clone();
        }
        drop(held);
        let said = self.request(facts).map(|request| self.says(&request));
        let (is_permitted, policy) = said.unwrap_or_else(|| (false, Arc::from("")));
        let decision = Decision {
            is_allowed: is_permitted && forbids(facts).is_none(),
            policy,
            set: self.hash,
        };
        let mut held = self
            .remembered
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if held.len() >= REMEMBERED {
            held.clear();
        }
        held.insert(*facts, decision.clone());
        decision
    }

    /// `None` (which is a no) where the question itself does not fit the schema.
    fn request(&self, facts: &DecisionFacts) -> Option<Request> {
        let word = |kind: &str, word: &str| {
            RestrictedExpression::new_entity_uid(uid(kind, word).unwrap_or_else(nothing))
        };
        let flag = RestrictedExpression::new_bool;
        let context = Context::from_pairs([
            ("purpose".to_owned(), word("Purpose", facts.purpose.word())),
            (
                "relation".to_owned(),
                word("Relation", relation(facts.relation)),
            ),
            ("part".to_owned(), word("Part", part(facts.action))),
            ("is_sensitive".to_owned(), flag(facts.tags != 0)),
            ("age".to_owned(), word("Age", facts.age.word())),
            ("is_deceased".to_owned(), flag(facts.is_deceased)),
            (
                "is_unsafe_to_write".to_owned(),
                flag(facts.is_unsafe_to_write),
            ),
            ("has_reason".to_owned(), flag(facts.has_reason)),
            ("proof".to_owned(), word("Proof", proof(facts.assurance))),
        ])
        .ok()?;
        let asked = Request::new(
            uid(role(facts.role)?, "it")?,
            uid("Action", action(facts.action))?,
            uid("Subject", "it")?,
            context,
            Some(&self.schema),
        );
        asked.ok()
    }

    /// Whether the policies permit it, and the one that decided.
    fn says(&self, request: &Request) -> (bool, Arc<str>) {
        let answer = self
            .authorizer
            .is_authorized(request, &self.policies, &Entities::empty());
        // A policy that fails to evaluate is a no, whatever the others say.
        let has_errors = answer.diagnostics().errors().next().is_some();
        let mut reasons: Vec<&PolicyId> = answer.diagnostics().reason().collect();
        reasons.sort_unstable();
        let is_allowed = answer.decision() == cedar_policy::Decision::Allow && !has_errors;
        let policy = reasons.first().map_or("", |id| id.as_ref());
        (is_allowed, Arc::from(policy))
    }
}

fn named(policy: &Policy) -> Option<Policy> {
    policy
        .annotation("id")
        .map(|id| policy.new_id(PolicyId::new(id)))
}

/// SHA-256 over the schema: the words that policies may use in this version.
pub(crate) fn schema_hash() -> [u8; 32] {
    hash(&[], SCHEMA)
}

fn hash(files: &[(&str, &str)], schema: (&str, &str)) -> [u8; 32] {
    let mut digester = Digester::new();
    for (name, text) in files.iter().chain([&schema]) {
        for part in [name, text] {
            digester.push(&(part.len() as u64).to_be_bytes());
            digester.push(part.as_bytes());
        }
    }
    *digester.finish().as_bytes()
}

/// The kinds of entities of the schema, parsed once: it takes longer than the rest of a question.
static KINDS: LazyLock<HashMap<&'static str, EntityTypeName>> = LazyLock::new(|| {
    let roles = Role::ALL.iter().filter_map(|known| role(*known));
    let others = [
        "Purpose", "Relation", "Part", "Proof", "Age", "Action", "Subject",
    ];
    let kinds = roles.chain(others);
    kinds
        .filter_map(|kind| Some((kind, EntityTypeName::from_str(kind).ok()?)))
        .collect()
});

fn uid(kind: &str, name: &str) -> Option<EntityUid> {
    let kind = KINDS.get(kind)?.clone();
    Some(EntityUid::from_type_name_and_id(kind, EntityId::new(name)))
}

/// An entity no policy and no schema knows: a request with it is refused.
fn nothing() -> EntityUid {
    EntityUid::from_type_name_and_id(
        EntityTypeName::from_str("Nothing").unwrap_or_else(|_| std::process::abort()),
        EntityId::new(""),
    )
}

fn role(role: Role) -> Option<&'static str> {
    Some(match role {
        Role::Patient => "Patient",
        Role::Proxy => "Proxy",
        Role::Clinician => "Clinician",
        Role::Reception => "Reception",
        Role::Manager => "Manager",
        Role::PrivacyOfficer => "PrivacyOfficer",
        Role::SecurityOfficer => "SecurityOfficer",
        Role::CommunicationsOfficer => "CommunicationsOfficer",
        Role::PracticeClient => "PracticeClient",
        Role::Keeper => "Keeper",
        Role::Anonymous => return None,
    })
}

fn relation(relation: Relation) -> &'static str {
    match relation {
        Relation::Own => "own",
        Relation::Proxy => "proxy",
        Relation::ProxyOutOfScope => "proxy_out_of_scope",
        Relation::EnrolledSource => "enrolled_source",
        Relation::LetRead => "let_read",
        Relation::Shared => "shared",
        Relation::FormerSource => "former_source",
        Relation::Enrolled => "enrolled",
        Relation::OwnPractice => "own_practice",
        Relation::RunMember => "run_member",
        Relation::Installation => "installation",
        Relation::Stranger => "stranger",
    }
}

fn proof(assurance: Assurance) -> &'static str {
    match assurance {
        Assurance::FreshPasskey => "fresh_passkey",
        Assurance::Passkey => "passkey",
        Assurance::FreshCode => "fresh_code",
        Assurance::Code => "code",
        Assurance::Secret => "secret",
    }
}

fn part(action: Action) -> &'static str {
    match action {
        Action::OpenSection(section) | Action::OpenRunMember(section) => match section {
            Section::None => "none",
            other => other.word(),
        },
        Action::OpenItem(kind) | Action::Deposit(kind) => match kind {
            ItemKind::Document => "document",
            ItemKind::Segment => "segment",
            ItemKind::Identity => "identity",
            ItemKind::Contact => "contact",
            ItemKind::Notice => "notice",
        },
        _ => "none",
    }
}

fn action(action: Action) -> &'static str {
    match action {
        Action::OpenSection(_) => "open_section",
        Action::OpenItem(_) => "open_item",
        Action::OpenWorklist => "open_worklist",
        Action::OpenRunMember(_) => "open_run_member",
        Action::Find => "find",
        Action::Deposit(_) => "deposit",
        Action::Enrol => "enrol",
        Action::History => "history",
        Action::Receipts => "receipts",
        Action::Authorize(words::Action::Send) => "send",
        Action::Authorize(words::Action::Book) => "book",
        Action::Authorize(words::Action::Worklist) => "worklist",
        Action::Authorize(words::Action::Room) => "room",
        Action::Change(change) => change.word(),
    }
}

impl ChangeAction {
    /// The action's name in the policies.
    pub const fn word(self) -> &'static str {
        match self {
            Self::InvitePatient => "invite_patient",
            Self::InviteProxy => "invite_proxy",
            Self::InviteStaff => "invite_staff",
            Self::GrantRole => "grant_role",
            Self::EndRole => "end_role",
            Self::GrantManager => "grant_manager",
            Self::GrantOfficer => "grant_officer",
            Self::GrantProxy => "grant_proxy",
            Self::EndProxy => "end_proxy",
            Self::EndEnrolment => "end_enrolment",
            Self::MarkPatient => "mark_patient",
            Self::Freeze => "freeze",
            Self::Unfreeze => "unfreeze",
            Self::AddClient => "add_client",
            Self::StartRun => "start_run",
            Self::UnlockRoom => "unlock_room",
            Self::AddPasskey => "add_passkey",
            Self::RemovePasskey => "remove_passkey",
            Self::SetPassword => "set_password",
            Self::SetApp => "set_app",
            Self::NewSheet => "new_sheet",
            Self::StopWaiting => "stop_waiting",
            Self::Attest => "attest",
            Self::Approve => "approve_change",
            Self::Erase => "erase",
            Self::Hold => "hold",
            Self::Restrict => "restrict",
            Self::EndRestriction => "end_restriction",
            Self::Share => "share",
            Self::EndShare => "end_share",
            Self::Recover => "recover",
            Self::StopRecovery => "stop_recovery",
            Self::Merge => "merge_records",
            Self::EndMerge => "end_merge",
            Self::Recall => "recall",
        }
    }
}

#[cfg(test)]
mod tests;
