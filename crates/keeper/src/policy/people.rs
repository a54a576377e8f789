//! How many people a class of the policies has: counts, and never who.
//!
//! Roles are counted from verified facts. Patients are counted by the database, unverified: a number that informs two
//! people, and decides nothing.

use super::difference::Line;
use crate::core::Core;
use crate::decision::Relation;
use crate::facts::{Fact, SubjectFacts, is_before};
use crate::identity::accounts;
use crate::keys::KeyedToken;
use crate::ledger::Refusal;
use crate::reader;
use crate::sql::calls as sql;
use candour_keeper_wire::words::{Reason, Role};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// How many subjects are read at once.
const AT_ONCE: usize = 1_000;

/// How many there are.
pub struct People {
    roles: BTreeMap<Role, u64>,
    have: BTreeMap<i16, u64>,
    sensitive: u64,
}

impl People {
    /// Counts everybody now.
    pub async fn count(core: &Core, now: Timestamp) -> Result<Self, Refusal> {
        let mut roles: BTreeMap<Role, u64> = BTreeMap::new();
        let rows = reader::rows(&core.pool, sql::WITH_ROLES, &[]).await?;
        let mut subjects = Vec::with_capacity(rows.len());
        for row in &rows {
            let subject = KeyedToken::try_from(row.get::<_, &[u8]>(0));
            subjects.push(subject.map_err(|_| Reason::SubjectClosed)?);
        }
        subjects.sort_unstable();
        subjects.dedup();
        for some in subjects.chunks(AT_ONCE) {
            // Whose facts do not verify has no role.
            for facts in core.facts.load_all(some).await?.into_values().flatten() {
                for role in held(&facts, now) {
                    *roles.entry(role).or_default() += 1;
                }
            }
        }
        let mut have = BTreeMap::new();
        for row in reader::rows(&core.pool, sql::HAVE_FACTS, &[]).await? {
            have.insert(row.get::<_, i16>(0), number(row.get(1)));
        }
        let sensitive = reader::rows(&core.pool, sql::HAVE_SENSITIVE, &[]).await?;
        // Whoever has an account is a patient in it.
        roles.insert(Role::Patient, have.get(&8).copied().unwrap_or_default());
        Ok(Self {
            roles,
            have,
            sensitive: sensitive.first().map_or(0, |row| number(row.get(0))),
        })
    }

    /// A line with the numbers of its class.
    pub fn with_numbers(&self, line: &Line) -> String {
        let who = self.roles.get(&line.role).copied().unwrap_or_default();
        let who = match line.role {
            Role::Keeper => "runs that two people approve".to_owned(),
            _ => format!("in this role: {who}"),
        };
        let Some(patients) = self.patients(line.relation) else {
            return format!("{} [{who}]", line.text);
        };
        let patients = if line.is_sensitive {
            patients.min(self.sensitive)
        } else {
            patients
        };
        format!("{} [{who}; patients: at most {patients}]", line.text)
    }

    fn patients(&self, relation: Relation) -> Option<u64> {
        let kind = match relation {
            Relation::Own => 8,
            Relation::Proxy | Relation::ProxyOutOfScope => 16,
            Relation::Shared => 39,
            Relation::EnrolledSource
            | Relation::LetRead
            | Relation::FormerSource
            | Relation::Enrolled => 13,
            Relation::RunMember | Relation::Stranger => 12,
            Relation::OwnPractice | Relation::Installation => return None,
        };
        Some(self.have.get(&kind).copied().unwrap_or_default())
    }
}

/// In which roles somebody may act now, each once.
fn held(facts: &SubjectFacts, now: Timestamp) -> Vec<Role> {
    let mut roles: Vec<Role> = accounts::roles(facts, now)
        .iter()
        .map(|held| held.role)
        .collect();
    for row in facts.live() {
        match &row.fact {
            Fact::Proxy(proxy) if is_before(proxy.until, now) => roles.push(Role::Proxy),
            Fact::Client(_) => roles.push(Role::PracticeClient),
            _ => {}
        }
    }
    roles.sort_unstable();
    roles.dedup();
    roles
}

fn number(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}
