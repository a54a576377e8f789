//! Whoever says a name is that person: the open keeper checks nothing.

use super::{refused, vault::random};
use candour_core::people::search_key;
use candour_keeper_api::Token;
use candour_keeper_api::wire::{
    EnrolledPerson, FindTerms, InvitationView, Invite, NewEnrolment, Reachable, Reply, SessionView,
    SignedIn,
};
use candour_keeper_api::words::{Reason, Role};
use candour_seal::PracticeId;
use std::collections::HashMap;

/// Invitations of the open keeper's command line: `manager-` and the practice, or `officer-` and anything.
fn by_code(code: &str) -> Invite {
    let practice = code
        .strip_prefix("manager-")
        .and_then(|id| id.parse::<PracticeId>().ok());
    match practice {
        Some(practice) => Invite {
            practice: practice.as_bytes().to_vec(),
            role: Role::Manager.into(),
            ..Invite::default()
        },
        None => Invite {
            role: Role::SecurityOfficer.into(),
            ..Invite::default()
        },
    }
}

/// A day and more, in microseconds: no session of a drill ends by time.
const LONG: i64 = 30 * 3_600 * 1_000_000;

#[derive(Default)]
pub(super) struct People {
    patients: HashMap<Vec<u8>, Vec<u8>>,
    names: HashMap<Vec<u8>, (String, String)>,
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
        self.names.insert(
            patient.clone(),
            (search_key(&new.surname), search_key(&new.given)),
        );
        EnrolledPerson {
            patient,
            refused: 0,
        }
    }

    pub(super) fn invite(&mut self, invite: Invite) -> String {
        let code = base16ct::lower::encode_string(&random::<10>());
        self.invitations.insert(code.clone(), invite);
        code
    }

    /// Everybody whose name begins so, of every practice.
    pub(super) fn find(&self, terms: &FindTerms) -> Vec<Vec<u8>> {
        let (surname, given) = (search_key(&terms.surname), search_key(&terms.given));
        let fits = |(family, first): &(String, String)| {
            !surname.is_empty() && family.starts_with(&surname) && first.starts_with(&given)
        };
        self.names
            .iter()
            .filter(|(_, name)| fits(name))
            .map(|(patient, _)| patient.clone())
            .collect()
    }

    /// What an invitation offers; codes that were made elsewhere say themselves whom they invite.
    pub(super) fn invitation(&self, code: &str) -> InvitationView {
        let invite = self
            .invitations
            .get(code)
            .cloned()
            .unwrap_or_else(|| by_code(code));
        let practice = if invite.practice.is_empty() {
            vec![0; 16]
        } else {
            invite.practice
        };
        InvitationView {
            practice,
            role: invite.role,
            ..InvitationView::default()
        }
    }

    pub(super) fn register(&mut self, code: &str, login: &str) -> Vec<u8> {
        let invite = self
            .invitations
            .remove(code)
            .unwrap_or_else(|| by_code(code));
        let principal = random::<16>().to_vec();
        let is_patient = invite.role == i32::from(Role::Patient);
        let reachable = Reachable {
            patient: invite.patient,
            is_proxied: !is_patient,
            ..Reachable::default()
        };
        let has_patient = !reachable.patient.is_empty();
        let view = SessionView {
            principal: principal.clone(),
            role: invite.role,
            practice: if has_patient {
                Vec::new()
            } else {
                invite.practice
            },
            patients: has_patient.then_some(reachable).into_iter().collect(),
            ends_at: i64::MAX - LONG,
            staff_name: invite.staff_name,
            ..SessionView::default()
        };
        self.accounts.insert(login.to_owned(), view);
        principal
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
        self.begin(SessionView {
            principal: client.clone(),
            practice: client,
            role,
            ..SessionView::default()
        })
    }

    pub(super) fn session(&self, token: &[u8]) -> Reply {
        match self.sessions.get(secret(token)) {
            Some(view) => Reply::Session(view.clone()),
            None => refused(Reason::SessionEnded),
        }
    }

    /// The session of a token goes on under a new one.
    pub(super) fn step_up(&mut self, token: &[u8]) -> Reply {
        match self.sessions.remove(secret(token)) {
            Some(view) => self.begin(view),
            None => refused(Reason::SessionEnded),
        }
    }

    fn begin(&mut self, view: SessionView) -> Reply {
        let token = random::<32>().to_vec();
        self.sessions.insert(token.clone(), view.clone());
        Reply::SignedIn(SignedIn {
            token,
            session: Some(view),
        })
    }
}

/// It looks at no browser.
fn secret(token: &[u8]) -> &[u8] {
    token.get(..Token::SECRET).unwrap_or(token)
}
