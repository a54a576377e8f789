//! Checks one checkpoint: signed by its log, and cosigned by as many witnesses as somebody asks for.

use candour_ledger::{CheckpointError, LogVerifier, Note, WitnessVerifier};
use jiff::Timestamp;

/// What was found, as sentences, and whether it is what was asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// A sentence each.
    pub said: Vec<String>,
    /// The log signed it, nothing is forged, and enough witnesses cosigned it.
    pub is_well: bool,
}

/// Holds a checkpoint against the log's key and those of witnesses, `quorum` of which must have cosigned it.
///
/// # Errors
/// A sentence when so many can never have cosigned it.
pub fn check(
    text: &str,
    log: &LogVerifier,
    witnesses: &[WitnessVerifier],
    quorum: usize,
) -> Result<Cosigned, String> {
    if quorum > witnesses.len() {
        let count = witnesses.len();
        return Err(format!(
            "--quorum asks for {quorum} witnesses, and the keys of {count} are named. Name more with --witness."
        ));
    }
    for (at, key) in witnesses.iter().enumerate() {
        if witnesses[..at].iter().any(|other| other.is_key_of(key)) {
            let name = key.name();
            return Err(format!(
                "The key of {name} is named twice, and would count twice. Name it once."
            ));
        }
    }
    let opened = log
        .open(text)
        .and_then(|checkpoint| Ok((checkpoint, Note::parse(text)?)));
    let (checkpoint, note) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            let said = vec![format!("This is no checkpoint of {}: {error}.", log.name())];
            let is_well = false;
            return Ok(Cosigned { said, is_well });
        }
    };
    let mut said = vec![format!(
        "{}: {} entries, root {}. The log signed it.",
        checkpoint.origin, checkpoint.size, checkpoint.root
    )];
    let (mut count, mut is_well) = (0, true);
    for witness in witnesses {
        let name = witness.name();
        said.push(match witness.cosigned(&note) {
            Ok(Some(at)) => {
                count += 1;
                format!("{name} cosigned it at {}.", time(at))
            }
            Ok(None) => format!("{name} has not cosigned it."),
            Err(CheckpointError::Forged) => {
                is_well = false;
                format!("A cosignature of {name} is forged or damaged.")
            }
            Err(error) => {
                is_well = false;
                format!("{name}: {error}.")
            }
        });
    }
    if count < quorum {
        is_well = false;
        said.push(format!("{count} have cosigned it; {quorum} are asked for."));
    }
    Ok(Cosigned { said, is_well })
}

fn time(at_seconds: u64) -> String {
    let at = i64::try_from(at_seconds).ok();
    let at = at.and_then(|at| Timestamp::from_second(at).ok());
    at.map_or_else(|| format!("second {at_seconds}"), |at| at.to_string())
}
