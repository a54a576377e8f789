//! What each page that waits for a passkey's answer was shown for.

use candour_seal::{Digest, IncidentId};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// More pages that wait for an answer are not kept: the oldest ceremonies are over long before.
const MOST: usize = 1_000;

/// What a ceremony was begun for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    /// The case; none for what is let go outside of one.
    pub(crate) incident: Option<IncidentId>,
    /// The act, as its address names it.
    pub(crate) act: String,
    /// What is approved, where two must approve exactly the same.
    pub(crate) attested: Option<Digest>,
}

/// The ceremonies whose answers are awaited. The keeper binds an answer to what was signed, and knows nothing of the
/// address that it is sent to: an answer counts for the act and the case that its page showed, and for nothing else.
#[derive(Default)]
pub(crate) struct Ceremonies {
    awaited: Mutex<BTreeMap<Vec<u8>, Shown>>,
}

impl Ceremonies {
    /// Keeps what a page shows.
    pub(crate) fn begin(&self, ceremony: Vec<u8>, shown: Shown) {
        let mut all = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(ceremony, shown);
    }

    /// What the page showed, once, if it was for this act in this case.
    pub(crate) fn end(
        &self,
        ceremony: &[u8],
        incident: Option<IncidentId>,
        act: &str,
    ) -> Option<Shown> {
        let mut all = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(ceremony)
            .is_some_and(|shown| shown.incident == incident && shown.act == act)
            .then(|| all.remove(ceremony))
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASE: Option<IncidentId> = Some(IncidentId::from_bytes([9; 16]));
    const OTHER: Option<IncidentId> = Some(IncidentId::from_bytes([8; 16]));

    #[test]
    fn an_answer_counts_once_and_only_for_the_act_and_the_case_of_its_page() {
        let ceremonies = Ceremonies::default();
        for act in ["unlock", "approve", "run", "take-in-7"] {
            let shown = Shown {
                incident: CASE,
                act: act.to_owned(),
                attested: None,
            };
            ceremonies.begin(vec![1], shown.clone());
            for elsewhere in ["unlock", "approve", "run", "take-in-7", "take-in--7"] {
                if elsewhere != act {
                    assert_eq!(ceremonies.end(&[1], CASE, elsewhere), None, "{act}");
                }
            }
            assert_eq!(ceremonies.end(&[1], OTHER, act), None, "{act}");
            assert_eq!(ceremonies.end(&[1], None, act), None, "{act}");
            assert_eq!(ceremonies.end(&[2], CASE, act), None, "{act}");
            assert_eq!(ceremonies.end(&[1], CASE, act), Some(shown), "{act}");
            assert_eq!(ceremonies.end(&[1], CASE, act), None, "{act}");
        }
    }
}
