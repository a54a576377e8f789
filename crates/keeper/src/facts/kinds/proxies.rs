//! Facts about who acts for a patient.

use crate::facts::is_before;
use crate::keys::KeyedToken;
use candour_keeper_wire::words::{ProxyAction, Section};
use jiff::Timestamp;

/// The person acts for a patient.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Proxy {
    /// The patient's token.
    #[prost(bytes = "vec", tag = "1")]
    pub patient: Vec<u8>,
    /// Sections within reach; empty means all.
    #[prost(int32, repeated, tag = "2")]
    pub sections: Vec<i32>,
    /// When it ends; 0 without end.
    #[prost(int64, tag = "3")]
    pub until: i64,
    /// Why, sealed.
    #[prost(bytes = "vec", tag = "4")]
    pub sealed_reason: Vec<u8>,
    /// What they may do beside reading; absent in what was made before that was asked: everything.
    #[prost(message, optional, tag = "5")]
    pub may: Option<ProxyMay>,
    /// As what, a [`candour_keeper_wire::words::ProxyKind`]; 0 in what was made before that was written down.
    #[prost(int32, tag = "6")]
    pub kind: i32,
    /// As of a [`crate::facts::SelfPatient`].
    #[prost(bytes = "vec", tag = "12")]
    pub invited_at: Vec<u8>,
    /// As of a [`crate::facts::SelfPatient`].
    #[prost(int64, tag = "13")]
    pub opens_from: i64,
}

/// What a proxy may do beside reading.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ProxyMay {
    /// Each a [`ProxyAction`].
    #[prost(int32, repeated, tag = "1")]
    pub actions: Vec<i32>,
}

/// Somebody acts for the patient.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ProxiedBy {
    /// The person's token.
    #[prost(bytes = "vec", tag = "1")]
    pub person: Vec<u8>,
    /// When it ends; 0 without end.
    #[prost(int64, tag = "2")]
    pub until: i64,
    /// As what, as of the proxy.
    #[prost(int32, tag = "3")]
    pub kind: i32,
}

impl Proxy {
    /// It is for this patient, and has not ended.
    pub fn acts_for(&self, patient: KeyedToken, now: Timestamp) -> bool {
        self.patient == patient.0 && is_before(self.until, now)
    }

    /// Whether the sections reach this one. Documents belong to the shelf; whoever may see any section may see whose it
    /// is.
    pub fn covers(&self, section: Section) -> bool {
        let asked = match section {
            Section::None => Section::Shelf,
            Section::Identity => return true,
            other => other,
        };
        self.sections.is_empty() || self.sections.contains(&i32::from(asked))
    }

    /// Whether they may do this.
    pub fn allows(&self, action: ProxyAction) -> bool {
        let may = self.may.as_ref();
        may.is_none_or(|may| may.actions.contains(&i32::from(action)))
    }

    /// All that they may do beside reading, by number.
    pub fn actions(&self) -> Vec<i32> {
        let all = ProxyAction::ALL.iter();
        let those = all.filter(|action| self.allows(**action));
        those.map(|action| i32::from(*action)).collect()
    }
}

/// Whether a scope is made of sections and actions that there are.
pub fn is_scope(sections: &[i32], may: &[i32]) -> bool {
    sections.iter().all(|it| Section::try_from(*it).is_ok())
        && may.iter().all(|it| ProxyAction::try_from(*it).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_reaches_its_sections_documents_with_the_shelf_and_the_name() {
        let of = |sections: &[Section]| Proxy {
            sections: sections.iter().map(|it| i32::from(*it)).collect(),
            ..Proxy::default()
        };
        let medicines = of(&[Section::Medicines]);
        assert!(medicines.covers(Section::Medicines));
        assert!(medicines.covers(Section::Identity));
        assert!(!medicines.covers(Section::None));
        assert!(!medicines.covers(Section::Results));
        assert!(of(&[Section::Shelf]).covers(Section::None));
        assert!(of(&[]).covers(Section::Results));
    }

    #[test]
    fn what_was_given_before_actions_were_asked_keeps_all_of_them() {
        let before = Proxy::default();
        assert_eq!(before.actions(), [1, 2, 3]);
        let booking = Proxy {
            may: Some(ProxyMay { actions: vec![2] }),
            ..Proxy::default()
        };
        assert!(booking.allows(ProxyAction::Book) && !booking.allows(ProxyAction::Write));
        let reading = Proxy {
            may: Some(ProxyMay::default()),
            ..Proxy::default()
        };
        assert!(reading.actions().is_empty());
    }
}
