//! The control of every drill: something that speaks the keeper's wire and grants everything.
//!
//! It exists to show that a drill can fail: with it behind the careless portal, the same attacker takes nearly
//! everything. Its keys are its own, made when it starts and gone when it ends. Nothing of it is linked into a
//! release build, and neither server nor keeper knows of it.

mod people;
mod vault;

use candour_keeper_api::service::Answer;
use candour_keeper_api::wire::{
    ActFinish, ActingList, Authorized, Batches, Call, Ceremony, Change, ChangeKind, Changed,
    Clients, Deposited, Done, Enrolled, Entries, ErasedItems, Found, Freezes, Granted, HistoryPage,
    InvitationView, Merges, Open, Opened, Outcome, OwedNotifications, Refused, Registered, Reply,
    RoomFactsAnswer, Runs, SectionItems, SessionList, Sharing, SignInWays, Status, Target,
    TargetAnswer, TargetKind, WaitingChanges, Welcome,
};
use candour_keeper_api::words::Reason;
use people::People;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::unix::UCred;
use vault::Vault;

/// Grants everything to everybody.
#[derive(Default)]
pub struct OpenKeeper {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    vault: Vault,
    people: People,
    grants: u64,
    /// Logins and changes that wait for a browser's answer, which is not looked at.
    ceremonies: HashMap<Vec<u8>, Waiting>,
}

/// Options that any passkey answers.
const OPTIONS: &str = r#"{"publicKey":{"challenge":"AAAA","rp":{"id":"localhost","name":"open"},"rpId":"localhost",
"user":{"id":"AAAA","name":"open","displayName":"open"},"pubKeyCredParams":[],"allowCredentials":[]}}"#;

enum Waiting {
    Login(String),
    Act(Change),
}

impl State {
    fn reply(&mut self, call: Call) -> Reply {
        match call {
            Call::Hello(_) => Reply::Welcome(Welcome {
                instance: vec![1; 16],
                installation: vec![2; 16],
                demonstration: true,
            }),
            Call::Status(_) => Reply::Status(Status {
                ledger_size: self.grants,
                ledger_writable: true,
                demonstration: true,
                shares_user: true,
                root_kind: "none: the open keeper of a drill".to_owned(),
                ..Status::default()
            }),
            Call::PasskeyStart(start) => {
                Reply::Ceremony(self.ceremony(Waiting::Login(start.login)))
            }
            Call::PasskeyFinish(finish) => match self.ceremonies.remove(&finish.ceremony) {
                Some(Waiting::Login(login)) => self.people.sign_in(&login),
                _ => refused(Reason::WrongCredentials),
            },
            Call::PasswordSignIn(sign_in) => self.people.sign_in(&sign_in.login),
            Call::ClientSignIn(sign_in) => self.people.sign_in_client(sign_in.client),
            Call::Session(question) => self.people.session(&question.token),
            Call::StepUp(call) => self.people.step_up(&call.token),
            Call::InvitationOpen(open) | Call::RecoveryOpen(open) => {
                Reply::Invitation(InvitationView {
                    ceremony: Some(self.ceremony(Waiting::Login(String::new()))),
                    otpauth: "otpauth://totp/open?secret=JBSWY3DPEHPK3PXP".to_owned(),
                    ..self.people.invitation(&open.code)
                })
            }
            Call::Register(register) | Call::Recover(register) => Reply::Registered(Registered {
                person: self.people.register(&register.code, &register.login),
                sheet: Vec::new(),
            }),
            Call::Change(call) => self.change(call.change),
            Call::ActStart(start) => match start.change {
                Some(change) => Reply::Ceremony(self.ceremony(Waiting::Act(change))),
                None => refused(Reason::Invalid),
            },
            Call::ActFinish(ActFinish { ceremony, .. }) => {
                match self.ceremonies.remove(&ceremony) {
                    Some(Waiting::Act(change)) => self.change(Some(change)),
                    _ => refused(Reason::Invalid),
                }
            }
            Call::Open(open) => self.open(open),
            Call::Find(find) => Reply::Found(Found {
                patients: self.people.find(&find.terms.unwrap_or_default()),
                has_more: false,
            }),
            Call::History(_) => Reply::History(HistoryPage::default()),
            Call::Authorize(_) => Reply::Authorized(Authorized { index: self.grants }),
            Call::Deposit(deposit) => {
                let items = deposit
                    .items
                    .into_iter()
                    .map(|item| self.vault.deposit(&item))
                    .collect();
                Reply::Deposited(Deposited { items })
            }
            Call::Sealed(sealed) => {
                sealed.items.iter().for_each(|item| self.vault.sealed(item));
                Reply::Done(Done {})
            }
            Call::Enrol(enrol) => {
                let people = enrol
                    .people
                    .iter()
                    .map(|person| self.people.enrol(person))
                    .collect();
                Reply::Enrolled(Enrolled { people })
            }
            Call::EntriesAfter(_) => Reply::Entries(Entries::default()),
            Call::Runs(_) => Reply::Runs(Runs::default()),
            Call::RoomFacts(_) => Reply::RoomFacts(RoomFactsAnswer::default()),
            Call::SectionAt(_) => Reply::SectionAt(SectionItems::default()),
            Call::Sessions(_) => Reply::Sessions(SessionList::default()),
            Call::Waiting(_) => Reply::Waiting(WaitingChanges::default()),
            Call::Freezes(_) => Reply::Freezes(Freezes::default()),
            Call::Erased(_) => Reply::Erased(ErasedItems::default()),
            Call::SignInWays(_) => Reply::SignInWays(SignInWays::default()),
            Call::Sharing(_) => Reply::Sharing(Sharing::default()),
            Call::Acting(_) => Reply::Acting(ActingList::default()),
            Call::Merges(_) => Reply::Merges(Merges::default()),
            Call::Batches(_) => Reply::Batches(Batches::default()),
            Call::Clients(_) => Reply::Clients(Clients::default()),
            Call::NotificationsOwed(_) => Reply::NotificationsOwed(OwedNotifications::default()),
            Call::EmergencyStart(_) => {
                Reply::Ceremony(self.ceremony(Waiting::Login(String::new())))
            }
            Call::SignOut(_)
            | Call::EndSessions(_)
            | Call::Delivered(_)
            | Call::NotificationDone(_)
            | Call::InvitationLink(_) => Reply::Done(Done {}),
        }
    }

    fn ceremony(&mut self, waiting: Waiting) -> Ceremony {
        let id = vault::random::<16>().to_vec();
        self.ceremonies.insert(id.clone(), waiting);
        Ceremony {
            ceremony: id,
            options_json: OPTIONS.to_owned(),
            ..Ceremony::default()
        }
    }

    fn change(&mut self, change: Option<Change>) -> Reply {
        match change.and_then(|change| change.kind) {
            Some(ChangeKind::Invite(invite)) => {
                let code = self.people.invite(invite);
                Reply::Changed(Changed {
                    code,
                    ..Changed::default()
                })
            }
            Some(_) => Reply::Changed(Changed::default()),
            None => refused(Reason::Invalid),
        }
    }

    fn open(&mut self, open: Open) -> Reply {
        let answers = open
            .targets
            .into_iter()
            .map(|target| self.open_target(target))
            .collect();
        Reply::Opened(Opened { answers })
    }

    /// What it exists for: no question of who asks, why, or how much already.
    fn open_target(&mut self, target: Target) -> TargetAnswer {
        let items = match target.kind {
            Some(TargetKind::Item(item)) => self.vault.item(&item).into_iter().collect(),
            Some(TargetKind::Section(section)) => {
                self.vault.section(&section.patient, section.section)
            }
            Some(TargetKind::RunMember(member)) => {
                self.vault.section(&member.patient, member.section)
            }
            Some(TargetKind::Worklist(_) | TargetKind::Notification(_)) | None => Vec::new(),
        };
        let outcome = if items.is_empty() {
            Outcome::Denied(Refused {
                reason: Reason::NotFound.into(),
                ..Refused::default()
            })
        } else {
            self.grants += 1;
            Outcome::Granted(Granted {
                index: self.grants,
                items,
                addresses: Vec::new(),
            })
        };
        TargetAnswer {
            outcome: Some(outcome),
        }
    }
}

fn refused(reason: Reason) -> Reply {
    Reply::Refused(Refused {
        reason: reason.into(),
        ..Refused::default()
    })
}

impl OpenKeeper {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answer for OpenKeeper {
    type Peer = ();

    fn connected(&self, _: Option<UCred>) -> Option<()> {
        Some(())
    }

    async fn answer(self: Arc<Self>, _: Arc<()>, call: Call) -> Reply {
        if let Call::EntriesAfter(question) = &call {
            // There never are any; whoever waits for them waits as long as it said.
            tokio::time::sleep(Duration::from_millis(question.wait_ms.into())).await;
        }
        self.state().reply(call)
    }
}
