//! Letting somebody act for a patient, and ending it.

use crate::acts;
use crate::sign_in::Ceremony;
use crate::{App, Refusal};
use candour_keeper_api::Token;
use candour_keeper_api::wire::{ChangeKind, ProxyChange};
use candour_keeper_api::words::Section;
use candour_seal::{PatientId, PersonId};
use jiff::Timestamp;

/// A person who acts for a patient.
pub struct Proxy {
    /// Who acts.
    pub person: PersonId,
    /// For whom.
    pub patient: PatientId,
    /// The sections within reach; empty means all.
    pub sections: Vec<Section>,
    /// When it ends; `None` without end.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: String,
}

impl From<Proxy> for ProxyChange {
    fn from(proxy: Proxy) -> Self {
        Self {
            person: proxy.person.as_bytes().to_vec(),
            patient: proxy.patient.as_bytes().to_vec(),
            sections: proxy.sections.into_iter().map(i32::from).collect(),
            until: proxy.until.map_or(0, Timestamp::as_microsecond),
            reason: proxy.reason,
        }
    }
}

/// Begins the act of letting somebody act for a patient; finished with [`acts::finish`].
pub async fn grant(app: &App, token: &Token, proxy: Proxy) -> Result<Ceremony, Refusal> {
    acts::start(app, token, ChangeKind::GrantProxy(proxy.into())).await
}

/// Begins the act of ending it; finished with [`acts::finish`], it ends at once, and the proxy is not told.
pub async fn withdraw(
    app: &App,
    token: &Token,
    person: PersonId,
    patient: PatientId,
) -> Result<Ceremony, Refusal> {
    let change = ProxyChange {
        person: person.as_bytes().to_vec(),
        patient: patient.as_bytes().to_vec(),
        ..ProxyChange::default()
    };
    acts::start(app, token, ChangeKind::EndProxy(change)).await
}
