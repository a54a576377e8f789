//! From which ages a person decides for themself; a configuration may set each.

/// The ages, in years.
///
/// New Zealand's Health Information Privacy Code 2020 makes parents the representatives of whoever is under 16. From where
/// on a young person has a say, no law fixes; portals elsewhere change what a parent sees at 12 or 13.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AgeTable {
    /// From this age on a person may have an account of their own, and what is sensitive and messages are not there for
    /// whoever acts for them; 12.
    pub own_say: u16,
    /// From this age on others act only if the person themself let them, or a practice for somebody who is grown; 16.
    pub grown: u16,
}

impl Default for AgeTable {
    fn default() -> Self {
        Self {
            own_say: 12,
            grown: 16,
        }
    }
}
