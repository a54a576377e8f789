//! Accounts: from a login name or a person to verified facts and what stands in them.

use crate::core::Core;
use crate::facts::{Fact, SubjectFacts, is_before};
use crate::identity::codes::TotpSecret;
use crate::identity::passwords::PasswordHash;
use crate::identity::recovery;
use crate::identity::secrets::{self, Secret};
use crate::identity::sheets::TypedCode;
use crate::keys::{KeyedToken, LookupKind};
use crate::ledger::Refusal;
use crate::session::{Principal, Session, SignedBy, Way};
use candour_keeper_wire::words::{Reason, Role};
use candour_seal::{PatientId, PersonId, PracticeId};
use jiff::Timestamp;
use std::sync::Arc;
use unicode_normalization::UnicodeNormalization;
use webauthn_rs_core::proto::Credential;

/// A person with verified facts.
#[derive(Clone)]
pub struct Account {
    /// Who.
    pub person: PersonId,
    /// The subject of the facts.
    pub subject: KeyedToken,
    /// The facts.
    pub facts: Arc<SubjectFacts>,
}

/// A live passkey of an account.
pub struct HeldPasskey {
    /// The version of its fact; a counter that goes on makes it a new one.
    pub version: i64,
    /// The keyed hash of its credential id, which stays.
    pub id: [u8; 16],
    /// Its fact.
    pub fact: crate::facts::Passkey,
    /// What signatures are checked against.
    pub credential: Credential,
}

/// A role that a person has now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRole {
    /// The version of its fact.
    pub version: i64,
    /// Which.
    pub role: Role,
    /// At which practice; `None` for the operator's.
    pub practice: Option<PracticeId>,
    /// The name as released, sealed.
    pub sealed_name: Vec<u8>,
}

/// A login name as it is compared: folded, without surrounding space; 3 to 64 characters without control or space.
pub fn normal_login(typed: &str) -> Option<String> {
    let login: String = typed.trim().nfkc().collect::<String>().to_lowercase();
    let length = login.chars().count();
    let is_plain = login.chars().all(|c| !c.is_control() && !c.is_whitespace());
    ((3..=64).contains(&length) && is_plain).then_some(login)
}

impl Account {
    /// The account of a login name.
    pub async fn by_login(core: &Core, login: &str) -> Result<Option<Self>, Refusal> {
        let named = Self::named(core, login).await?;
        Ok(named.filter(|account| account.has_login(core, login)))
    }

    /// The account that a login name was ever given to: it is nobody else's, also once it ended with a recovery.
    pub async fn named(core: &Core, login: &str) -> Result<Option<Self>, Refusal> {
        let token = core.keys.lookup(LookupKind::Login, login.as_bytes());
        match core.lookups.find(LookupKind::Login, token).await? {
            Some(subject) => Self::by_person(core, core.keys.person_id(subject)).await,
            None => Ok(None),
        }
    }

    /// Whether this login name leads to it now.
    pub fn has_login(&self, core: &Core, login: &str) -> bool {
        let token = core.keys.lookup(LookupKind::Login, login.as_bytes());
        self.facts.live().any(|row| match &row.fact {
            Fact::Account(account) => account.login == token,
            _ => false,
        })
    }

    /// The account of a person.
    pub async fn by_person(core: &Core, person: PersonId) -> Result<Option<Self>, Refusal> {
        let subject = core.keys.person(person);
        let facts = recovery::settled(core, core.facts.load(subject).await?).await?;
        let has_account = facts.live().any(|row| matches!(row.fact, Fact::Account(_)));
        Ok(has_account.then_some(Self {
            person,
            subject,
            facts,
        }))
    }

    /// The account of the person who has this session.
    pub async fn of(core: &Core, session: &Session) -> Result<Self, Refusal> {
        let Principal::Person(person) = session.principal else {
            return Err(Reason::NotAllowed.into());
        };
        let account = Self::by_person(core, person).await?;
        account.ok_or_else(|| Reason::SessionEnded.into())
    }

    /// The live passkeys.
    pub fn passkeys(&self, core: &Core) -> Vec<HeldPasskey> {
        self.facts
            .live()
            .filter_map(|row| match &row.fact {
                Fact::Passkey(fact) => {
                    let credential: Credential =
                        serde_json::from_str(&fact.credential_json).ok()?;
                    let named = credential.cred_id.as_slice();
                    Some(HeldPasskey {
                        version: row.version,
                        id: core.keys.lookup(LookupKind::Credential, named),
                        credential,
                        fact: fact.clone(),
                    })
                }
                _ => None,
            })
            .collect()
    }

    /// The passwords with the versions of their facts, newest first: two while a recovery is not over, else one at most.
    pub fn passwords(&self) -> Vec<(i64, PasswordHash)> {
        let held = self.facts.live().rev().filter_map(|row| match &row.fact {
            Fact::Password(password) => Some((row.version, PasswordHash::from_phc(&password.phc)?)),
            _ => None,
        });
        held.collect()
    }

    /// The version of the password that no recovery made which is not over.
    pub fn settled_password(&self, now: Timestamp) -> Option<i64> {
        let mut passwords = self.facts.live().rev().filter(|row| {
            matches!(row.fact, Fact::Password(_)) && !recovery::is_recovering(&row.fact, now)
        });
        passwords.next().map(|row| row.version)
    }

    /// The patient that this person is.
    pub fn own_patient(&self, core: &Core) -> Option<PatientId> {
        self.facts.live().find_map(|row| match &row.fact {
            Fact::SelfPatient(own) => {
                let token = KeyedToken::try_from(own.patient.as_slice()).ok()?;
                Some(core.keys.patient_id(token))
            }
            _ => None,
        })
    }

    /// The staff and operator roles that hold now.
    pub fn roles(&self, now: Timestamp) -> Vec<HeldRole> {
        roles(&self.facts, now)
    }

    /// The fact to be written when a code is right and unused: authenticator first, then the printed sheet.
    pub fn code_fact(&self, core: &Core, typed: &TypedCode<'_>, now: Timestamp) -> Option<Fact> {
        self.facts.live().find_map(|row| {
            let position = match &row.fact {
                Fact::Totp(totp) => {
                    let secret =
                        secrets::open(&core.keys, Secret::Totp, self.subject, &totp.sealed_secret)?;
                    let secret = TotpSecret::from_bytes(secret.as_slice().try_into().ok()?);
                    let step = i64::try_from(secret.step_of(typed.as_typed(), now)?).ok()?;
                    // A step, once used, uses up those before it too.
                    (self.used(row.version).max() < Some(step)).then_some(step)?
                }
                Fact::CodeSheet(sheet) => {
                    let position = i64::try_from(typed.position_on(sheet)?).ok()?;
                    (!self.used(row.version).any(|used| used == position)).then_some(position)?
                }
                _ => return None,
            };
            Some(Fact::CodeUsed(crate::facts::CodeUsed {
                of_version: row.version,
                position,
            }))
        })
    }

    /// Has a second factor that is typed.
    pub fn has_codes(&self) -> bool {
        self.facts
            .live()
            .any(|row| matches!(row.fact, Fact::Totp(_) | Fact::CodeSheet(_)))
    }

    /// Has a password with a second factor that still works, neither of them new: a sheet whose codes are used up is
    /// none.
    pub fn has_typed_ways(&self, now: Timestamp) -> bool {
        let has = |is_it: &dyn Fn(&Fact) -> bool| {
            self.facts
                .live()
                .any(|row| row.fact.opens_from() <= now.as_microsecond() && is_it(&row.fact))
        };
        has(&|fact| matches!(fact, Fact::Password(_)))
            && (has(&|fact| matches!(fact, Fact::Totp(_)))
                || (has(&|fact| matches!(fact, Fact::CodeSheet(_))) && self.codes_left(now) > 0))
    }

    /// How many codes of the printed sheet were not used yet. One that a recovery made counts when that is over.
    pub fn codes_left(&self, now: Timestamp) -> u32 {
        let sheets = self.facts.live().filter_map(|row| match &row.fact {
            Fact::CodeSheet(sheet) if !recovery::is_recovering(&row.fact, now) => {
                let used = self.used(row.version).count();
                Some(sheet.hashes.len().saturating_sub(used))
            }
            _ => None,
        });
        u32::try_from(sheets.sum::<usize>()).unwrap_or(u32::MAX)
    }

    /// By what somebody signed in who gave the password of this version and used this code.
    pub fn typed_by(&self, password: Option<i64>, used: &Fact) -> SignedBy {
        let of_version = match used {
            Fact::CodeUsed(used) => used.of_version,
            _ => 0,
        };
        let row = |version| self.facts.live().find(|row| row.version == version);
        let typed = [password.and_then(row), row(of_version)];
        let opens_from = typed.iter().flatten().map(|row| row.fact.opens_from());
        let mut recovered = typed.iter().flatten().map(|row| row.fact.recovered_at());
        SignedBy {
            ways: typed.map(|row| row.map(|row| Way::Typed(row.version))),
            opens_from: opens_from.max().unwrap_or(0),
            recovered_at: recovered.find_map(|practice| PracticeId::try_from(practice).ok()),
        }
    }

    fn used(&self, of_version: i64) -> impl Iterator<Item = i64> + '_ {
        self.facts.live().filter_map(move |row| match &row.fact {
            Fact::CodeUsed(used) if used.of_version == of_version => Some(used.position),
            _ => None,
        })
    }
}

/// The staff and operator roles that hold now.
pub fn roles(facts: &SubjectFacts, now: Timestamp) -> Vec<HeldRole> {
    facts
        .live()
        .filter_map(|row| match &row.fact {
            Fact::StaffRole(staff) if is_before(staff.until, now) => Some(HeldRole {
                version: row.version,
                role: Role::try_from(staff.role).ok()?,
                practice: Some(PracticeId::try_from(staff.practice.as_slice()).ok()?),
                sealed_name: staff.sealed_name.clone(),
            }),
            Fact::OperatorRole(operator) if is_before(operator.until, now) => Some(HeldRole {
                version: row.version,
                role: Role::try_from(operator.role).ok()?,
                practice: None,
                sealed_name: operator.sealed_name.clone(),
            }),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_name_is_one_however_it_is_written() {
        assert_eq!(
            normal_login(" Aroha.Ngata "),
            Some("aroha.ngata".to_owned())
        );
        assert_eq!(normal_login("ＡＲＯＨＡ"), Some("aroha".to_owned()));
        for refused in ["", "ab", "a b c", "a\u{0}bc"] {
            assert_eq!(normal_login(refused), None, "{refused:?}");
        }
    }
}
