//! New keys in the place of older ones, as somebody at the keeper's machine orders. Nothing is released by it.

use crate::core::Core;
use crate::ledger::Refusal;
use crate::{epochs, reading_keys};
use candour_keeper_wire::words::Reason;
use candour_seal::PatientId;

/// Which keys.
#[derive(Debug, Clone, clap::Args, serde::Serialize, serde::Deserialize)]
pub struct Rotation {
    /// Give one patient a new reading key, by their id of 32 hexadecimal digits; without it a new epoch key is made, for
    /// everybody.
    #[arg(long)]
    patient: Option<String>,
}

/// Does it, and says what was done.
pub(super) async fn rotate(core: &Core, what: &Rotation, by: &str) -> Result<String, Refusal> {
    if let Some(patient) = &what.patient {
        let patient: PatientId = patient.parse().map_err(|_| Reason::NotFound)?;
        let (count, index) = reading_keys::replace(core, patient, by).await?;
        return Ok(format!(
            "The patient has a new reading key with {count} items under it: entry {index} of the ledger, by {by}."
        ));
    }
    let made = epochs::make(core, by).await?;
    let (number, index) = made.first().copied().ok_or(Reason::Sealed)?;
    let days = u32::from(core.config.life.backups_kept_days) + 1;
    Ok(format!(
        "Epoch key {number} was made: entry {index} of the ledger, by {by}. Everybody is moved to it, some each second; \
         {days} days after the last the one before is destroyed. The trust page says how far it is."
    ))
}

/// Why nothing was done.
pub(super) const fn not_rotated(reason: Reason) -> &'static str {
    match reason {
        Reason::NotFound | Reason::SubjectClosed => {
            "no patient with keys that unwrap is found by this. Nothing was changed"
        }
        Reason::Sealed => {
            "the root key is not at hand. Nothing was changed. Unlock it, and type this again"
        }
        Reason::TooMany => {
            "the patient's items changed while this was done. Nothing was changed. Type it again"
        }
        _ => "the ledger cannot be written. When candour doctor finds it well, type this again",
    }
}
