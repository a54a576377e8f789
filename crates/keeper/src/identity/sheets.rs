//! Printed sheets of codes: made, and tried, at the cost of slow hashes.

use crate::core::Core;
use crate::facts::{CodeSheet, Fact, SubjectFacts};
use crate::identity::accounts::Account;
use crate::identity::codes::{Keyed, Sheet, as_sheet_code, position_on_sheet};
use crate::identity::sign_in::{random, random_id};
use crate::keys::KeyedToken;
use crate::ledger::Refusal;
use candour_keeper_wire::words::Reason;
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
    let salt = account.and_then(salt_of).unwrap_or_else(random_id);
    let hashes = core.identity.passwords.slow_each(sheet.keyed, salt);
    let hashes = one_at_a_time(core, whose, hashes).await??;
    let kept = CodeSheet {
        hashes: hashes.iter().map(|hash| hash.to_vec()).collect(),
        salt: salt.to_vec(),
        ..CodeSheet::default()
    };
    Ok((kept, sheet.printed))
}

/// A code as somebody typed it, with what it is on a sheet of the account.
pub struct TypedCode<'a> {
    typed: &'a str,
    /// `None` where it cannot be a sheet's.
    on_sheet: Option<OnSheet>,
}

/// What a code is on a sheet: under the account's salt, and as it was kept before there was one.
struct OnSheet {
    keyed: Keyed,
    salt: [u8; 16],
    slow: [u8; 32],
}

impl<'a> TypedCode<'a> {
    /// Hashes what looks like a code of a sheet; as slowly where there is no account, or no sheet.
    pub async fn of(
        core: &Core,
        account: Option<&Account>,
        typed: &'a str,
    ) -> Result<Self, Refusal> {
        let Some(keyed) = as_sheet_code(&core.identity.codes_key, typed) else {
            let on_sheet = None;
            return Ok(Self { typed, on_sheet });
        };
        let salt = account.and_then(|account| salt_of(&account.facts));
        let salt = salt.unwrap_or_default();
        let slow = core.identity.passwords.slow(keyed.clone(), salt).await?;
        let on_sheet = Some(OnSheet { keyed, salt, slow });
        Ok(Self { typed, on_sheet })
    }

    /// As it was typed.
    pub fn as_typed(&self) -> &str {
        self.typed
    }

    /// Its position on a sheet.
    pub fn position_on(&self, sheet: &CodeSheet) -> Option<u64> {
        let code = self.on_sheet.as_ref()?;
        if sheet.salt.is_empty() {
            position_on_sheet(&sheet.hashes, &code.keyed)
        } else if sheet.salt == code.salt {
            position_on_sheet(&sheet.hashes, &code.slow)
        } else {
            None
        }
    }
}

/// The salt of an account's sheets, which is one.
fn salt_of(facts: &SubjectFacts) -> Option<[u8; 16]> {
    facts.live().find_map(|row| match &row.fact {
        Fact::CodeSheet(sheet) => sheet.salt.as_slice().try_into().ok(),
        _ => None,
    })
}
