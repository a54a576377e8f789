//! Printed sheets of codes: made, and tried, at the cost of slow hashes.

use crate::core::Core;
use crate::facts::{CodeSheet, Fact, SubjectFacts};
use crate::identity::accounts::Account;
use crate::identity::codes::{Sheet, as_sheet_code};
use crate::identity::sign_in::{random, random_id};
use crate::keys::KeyedToken;
use crate::ledger::Refusal;
use candour_keeper_wire::words::Reason;
use std::collections::HashMap;
use std::sync::PoisonError;

/// A new sheet as it is kept, and as it is printed.
pub(crate) type NewSheet = (CodeSheet, Vec<String>);

/// Slow work for somebody, once at a time: nobody fills the queue in which everybody's password waits.
pub(crate) async fn one_at_a_time<T>(
    core: &Core,
    whose: KeyedToken,
    work: impl Future<Output = T>,
) -> Result<T, Reason> {
    let working = || {
        let held = core.identity.slow_work.lock();
        held.unwrap_or_else(PoisonError::into_inner)
    };
    if !working().insert(whose) {
        return Err(Reason::TooMany);
    }
    let done = work.await;
    working().remove(&whose);
    Ok(done)
}

/// Makes a sheet of codes for whoever holds an account or an invitation; with the facts of an account that there is already. It has the salt of the sheet that is there: a
/// try costs one hash, and not one more where an account is being recovered and has two.
pub(crate) async fn new_sheet(
    core: &Core,
    whose: KeyedToken,
    account: Option<&SubjectFacts>,
) -> Result<NewSheet, Refusal> {
    let sheet = Sheet::from_random(&core.identity.codes_key, &random());
    let facts = account.iter().flat_map(|account| account.live());
    let salt = facts.into_iter().find_map(|row| match &row.fact {
        Fact::CodeSheet(sheet) => <[u8; 16]>::try_from(sheet.salt.as_slice()).ok(),
        _ => None,
    });
    let salt = salt.unwrap_or_else(random_id);
    let hashes = core.identity.passwords.slow_each(sheet.keyed, salt);
    let hashes = one_at_a_time(core, whose, hashes).await??;
    let kept = CodeSheet {
        hashes: hashes.iter().map(|hash| hash.to_vec()).collect(),
        salt: salt.to_vec(),
        ..CodeSheet::default()
    };
    Ok((kept, sheet.printed))
}

/// A code as somebody typed it, with its hash for each sheet that it may be on.
pub struct TypedCode<'a> {
    typed: &'a str,
    /// By the version of the sheet's fact.
    hashes: HashMap<i64, [u8; 32]>,
}

impl<'a> TypedCode<'a> {
    /// Hashes what looks like a code of a sheet; as slowly where there is no account, or no sheet.
    pub async fn of(
        core: &Core,
        account: Option<&Account>,
        typed: &'a str,
    ) -> Result<Self, Refusal> {
        let mut hashes = HashMap::new();
        let Some(keyed) = as_sheet_code(&core.identity.codes_key, typed) else {
            return Ok(Self { typed, hashes });
        };
        let live = account.iter().flat_map(|account| account.facts.live());
        let sheets: Vec<_> = live
            .filter_map(|row| match &row.fact {
                Fact::CodeSheet(sheet) => {
                    Some((row.version, sheet.salt.as_slice().try_into().ok()))
                }
                _ => None,
            })
            .collect();
        // An account's sheets have one salt.
        let salt: Option<[u8; 16]> = sheets.iter().find_map(|(_, salt)| *salt);
        let passwords = &core.identity.passwords;
        let slow = passwords.slow(keyed.clone(), salt.unwrap_or_default());
        let slow = slow.await?;
        for (version, own) in sheets {
            match own {
                None => drop(hashes.insert(version, *keyed)),
                own if own == salt => drop(hashes.insert(version, slow)),
                Some(_) => {}
            }
        }
        Ok(Self { typed, hashes })
    }

    /// As it was typed.
    pub fn as_typed(&self) -> &str {
        self.typed
    }

    /// Its hash for the sheet whose fact has this version.
    pub fn hash_for(&self, version: i64) -> Option<&[u8; 32]> {
        self.hashes.get(&version)
    }
}
