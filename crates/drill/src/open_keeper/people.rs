//! Whoever says a name is that person: the open keeper checks nothing.

use super::{refused, vault::random};
use candour_keeper_api::wire::{
    EnrolledPerson, Invite, NewEnrolment, Reachable, Reply, SessionView, SignedIn,
};
use candour_keeper_api::words::{Reason, Role};
use std::collections::HashMap;

/// A day and more, in microseconds: no session of a drill ends by time.
const LONG: i64 = 30 * 3_600 * 1_000_000;

#[derive(Default)]
pub(super) struct People {
    patients: HashMap<Vec<u8>, Vec<u8>>,
    invitations: HashMap<String, Invite>,
    accounts: HashMap<String, SessionView>,
    sessions: HashMap<Vec<u8>, SessionView>,
}

impl People {
    pub(super) fn enrol(&mut self, new: &NewEnrolment) -> EnrolledPerson {
        let patient = self
            .patients
            .entry(new.enrolment_key.clone())
            .or_insert_with(|| random::<16>().to_vec())
            .clone();
        EnrolledPerson { patient, refused: 0 }
    }

    pub(super) fn invite(&mut self, invite: Invite) -> String {
        let code: String = random::<10>().iter().map(|byte| format!("{byte:02x}")).collect();
        self.invitations.insert(code.clone(), invite);
        code
    }

    pub(super) fn register(&mut self, code: &str, login: &str) -> Option<Vec<u8>> {
        let invite = self.invitations.remove(code)?;
        let principal = random::<16>().to_vec();
        let is_patient = invite.role == i32::from(Role::Patient);
        let reachable =
            Reachable { patient: invite.patient, is_proxied: !is_patient, ..Reachable::default() };
        let has_patient = !reachable.patient.is_empty();
        let view = SessionView {
            principal: principal.clone(),
            role: invite.role,
            practice: if has_patient { Vec::new() } else { invite.practice },
            patients: has_patient.then_some(reachable).into_iter().collect(),
            ends_at: i64::MAX - LONG,
            staff_name: invite.staff_name,
            ..SessionView::default()
        };
        self.accounts.insert(login.to_owned(), view);
        Some(principal)
    }

    pub(super) fn sign_in(&mut self, login: &str) -> Reply {
        match self.accounts.get(login) {
            Some(view) => {
                let view = view.clone();
                self.begin(view)
            }
            None => refused(Reason::WrongCredentials),
        }
    }

    pub(super) fn sign_in_client(&mut self, client: Vec<u8>) -> Reply {
        let role = Role::PracticeClient.into();
        self.begin(SessionView { principal: client.clone(), practice: client, role, ..SessionView::default() })
    }

    pub(super) fn session(&self, token: &[u8]) -> Reply {
        match self.sessions.get(token) {
            Some(view) => Reply::Session(view.clone()),
            None => refused(Reason::SessionEnded),
        }
    }

    fn begin(&mut self, view: SessionView) -> Reply {
        let token = random::<32>().to_vec();
        self.sessions.insert(token.clone(), view.clone());
        Reply::SignedIn(SignedIn { token, session: Some(view) })
    }
}
