//! Accounts, each made the way a person would make theirs: an invitation, a credential, a sign-in name.

use super::keeper_command::MANAGER;
use super::order::{Order, Report};
use super::register::{Candidate, Candidates};
use crate::accounts::{Account, Keys};
use crate::passkey::SoftwarePasskey;
use crate::totp::Authenticator;
use crate::{Problem, clock};
use candour_app::invitations::{self, About, Credential, ProxyScope};
use candour_app::sign_in::{self, Acting, Ceremony, Proof, SignedIn};
use candour_app::{App, acts};
use candour_keeper_api::Token;
use candour_keeper_api::words::{ProxyAction, Role};
use candour_seal::{PatientId, PracticeId};
use tokio::sync::mpsc;
use zeroize::Zeroizing;

/// What the desk says about the network it comes from.
const NETWORK: &str = "127.0.0.1";
/// Practices that get staff; invitations have a budget for each practice and day.
const PRACTICES: usize = 3;

/// Whose password and second factor a drill's thief has.
pub(crate) const VICTIM: &str = "thief";
/// The visitor who acts for the victim.
pub(crate) const HELPER: &str = "visitor-0";

/// What everybody may know: these are accounts of a demonstration.
const PASSWORD: &str = "kererū-beach-kettle-ladder";

pub(super) struct Clerk<'a> {
    pub app: &'a App,
    pub order: &'a Order,
    pub out: &'a mpsc::Sender<Report>,
}

/// An officer of the operator.
pub(super) struct Officer {
    pub login: &'static str,
    pub name: &'static str,
    pub about: &'static str,
}

/// Who has a role at the operator.
pub(super) fn officer(role: &str) -> Officer {
    let (login, name, about) = match role {
        "privacy_officer" => (
            "ngaire",
            "Ngaire Pōtiki",
            "Privacy officer of the operator.",
        ),
        "security_officer" => ("tomasi", "Tomasi Fale", "Security officer of the operator."),
        _ => (
            "grace",
            "Grace Lim",
            "Communications officer of the operator.",
        ),
    };
    Officer { login, name, about }
}

/// Somebody of a practice who is signed in and may invite patients.
struct Staff {
    practice: PracticeId,
    practice_name: String,
    token: Token,
    passkey: Keys,
}

impl Clerk<'_> {
    /// Makes everybody's accounts.
    pub(super) async fn make(&self, mut candidates: Candidates) -> Result<(), Problem> {
        for (role, invitation) in &self.order.officers {
            self.officer(role, invitation).await?;
        }
        let mut desks = Vec::new();
        for place in 0..PRACTICES.min(self.order.desks.len()) {
            desks.push(self.staff(place).await?);
        }
        let victim = match desks.first() {
            Some(first) => self.named_patients(first, &mut candidates).await?,
            None => None,
        };
        self.visitors(&desks, &mut candidates, victim).await
    }

    async fn officer(&self, role: &str, invitation: &str) -> Result<(), Problem> {
        let Officer { login, name, about } = officer(role);
        if self.known(login).is_some() {
            return Ok(());
        }
        let passkey = self.register_passkey(invitation, "", login).await?;
        self.tell(Account {
            login: login.to_owned(),
            name: name.to_owned(),
            about: about.to_owned(),
            role: role.to_owned(),
            practice: String::new(),
            practice_id: String::new(),
            patient: String::new(),
            keys: Keys::of_passkey(&passkey)?,
        })
        .await
    }

    /// Manager, clinician and reception of one practice; gives reception's session.
    async fn staff(&self, place: usize) -> Result<Staff, Problem> {
        let desk = &self.order.desks[place];
        let practice: PracticeId = desk
            .practice
            .parse()
            .map_err(|_| Problem::Unexpected("a practice's id does not read".to_owned()))?;
        let suffix = if place == 0 {
            String::new()
        } else {
            format!("-{}", place + 1)
        };
        let manager = format!("moana{suffix}");
        let mut passkey = match self.known(&manager) {
            Some(account) => account.keys.passkey()?,
            None => {
                let passkey = self
                    .register_passkey(&desk.manager_invitation, "", &manager)
                    .await?;
                self.tell(self.staff_account(place, &manager, MANAGER, Role::Manager, &passkey)?)
                    .await?;
                passkey
            }
        };
        let signed_in = self.sign_in_staff(&manager, &mut passkey, practice).await?;

        let mut desk_account = (signed_in.token.clone(), Keys::of_passkey(&passkey)?);
        for (login, name, role) in [
            (format!("aroha{suffix}"), "Dr Aroha Ngata", Role::Clinician),
            (format!("sam{suffix}"), "Sam Wilson", Role::Reception),
        ] {
            let mut own = match self.known(&login) {
                Some(account) => account.keys.passkey()?,
                None => {
                    let code = self
                        .invite_staff(&signed_in.token, &mut passkey, practice, role, name)
                        .await?;
                    let own = self.register_passkey(&code, "", &login).await?;
                    self.tell(self.staff_account(place, &login, name, role, &own)?)
                        .await?;
                    own
                }
            };
            if role == Role::Reception {
                let signed_in = self.sign_in_staff(&login, &mut own, practice).await?;
                desk_account = (signed_in.token, Keys::of_passkey(&own)?);
            }
        }
        Ok(Staff {
            practice,
            practice_name: desk.name.clone(),
            token: desk_account.0,
            passkey: desk_account.1,
        })
    }

    /// An account that an earlier run has made.
    fn known(&self, login: &str) -> Option<&Account> {
        self.order
            .known
            .iter()
            .find(|account| account.login == login)
    }

    /// The manager's act: the passkey answers exactly this invitation.
    async fn invite_staff(
        &self,
        token: &Token,
        passkey: &mut SoftwarePasskey,
        practice: PracticeId,
        role: Role,
        name: &str,
    ) -> Result<Zeroizing<String>, Problem> {
        let ceremony = invitations::invite_staff(self.app, token, practice, role, name.to_owned())
            .await
            .map_err(Problem::refused("a member of staff could not be invited"))?;
        self.signed(token, passkey, ceremony).await
    }

    /// The code of an invitation, once a passkey answers for it.
    async fn signed(
        &self,
        token: &Token,
        passkey: &mut SoftwarePasskey,
        ceremony: Ceremony,
    ) -> Result<Zeroizing<String>, Problem> {
        let answer = passkey.get(&ceremony.options_json, &self.order.origin)?;
        let proof = Proof::Passkey(ceremony.id, answer);
        let changed = acts::finish(self.app, token, ceremony.id, proof)
            .await
            .map_err(Problem::refused("somebody could not be invited"))?;
        changed
            .code
            .ok_or_else(|| Problem::Unexpected("an invitation has no code".to_owned()))
    }

    fn staff_account(
        &self,
        place: usize,
        login: &str,
        name: &str,
        role: Role,
        passkey: &SoftwarePasskey,
    ) -> Result<Account, Problem> {
        let desk = &self.order.desks[place];
        let what = match role {
            Role::Manager => "Manages",
            Role::Clinician => "Doctor at",
            _ => "Reception of",
        };
        Ok(Account {
            login: login.to_owned(),
            name: name.to_owned(),
            about: format!("{what} {}.", desk.name),
            role: role.word().to_owned(),
            practice: desk.name.clone(),
            practice_id: desk.practice.clone(),
            patient: String::new(),
            keys: Keys::of_passkey(passkey)?,
        })
    }

    async fn sign_in_staff(
        &self,
        login: &str,
        passkey: &mut SoftwarePasskey,
        practice: PracticeId,
    ) -> Result<SignedIn, Problem> {
        let ceremony = sign_in::passkey_start(self.app, login, NETWORK)
            .await
            .map_err(Problem::refused("staff could not ask for a challenge"))?;
        let answer = passkey.get(&ceremony.options_json, &self.order.origin)?;
        sign_in::passkey_finish(
            self.app,
            ceremony.id,
            answer,
            Acting::AsStaff(Some(practice)),
            NETWORK,
        )
        .await
        .map_err(Problem::refused("staff could not sign in"))
    }

    /// One of each way to sign in, a mother who acts for her child, and the one whose credentials get stolen: that one
    /// is given back.
    async fn named_patients(
        &self,
        staff: &Staff,
        candidates: &mut Candidates,
    ) -> Result<Option<(Candidate, PatientId)>, Problem> {
        let mut victim = None;
        if let Some([(child, child_id), (parent, parent_id)]) = candidates.family(0)
            && self.known("mere").is_none()
        {
            let about = format!("A parent, who also acts for {}.", child.given);
            let account = self
                .patient_with_passkey(staff, &parent, parent_id, "mere", &about)
                .await?;
            self.act_for(staff, &account, child_id, &child).await?;
            self.tell(account).await?;
        }
        if let Some((person, id)) = candidates.ordinary(0)
            && self.known("wiremu").is_none()
        {
            let about = "A patient who signs in with a passkey.";
            let account = self
                .patient_with_passkey(staff, &person, id, "wiremu", about)
                .await?;
            self.tell(account).await?;
        }
        for (login, about) in [
            (
                "ana",
                "A patient who signs in with a password and an authenticator app.",
            ),
            (
                VICTIM,
                "A patient whose password and second factor were stolen: the thief of the drill.",
            ),
        ] {
            if let Some((person, id)) = candidates.ordinary(0)
                && self.known(login).is_none()
            {
                self.patient_with_password(staff, &person, id, login, about)
                    .await?;
                if login == VICTIM {
                    victim = Some((person, id));
                }
            }
        }
        if let Some((person, id)) = candidates.ordinary(0)
            && self.known("pita").is_none()
        {
            self.patient_with_sheet(staff, &person, id).await?;
        }
        Ok(victim)
    }

    /// Patients for ordinary traffic, at every practice that has staff. The first of them also acts for the victim,
    /// whose own account is frozen once it was misused.
    async fn visitors(
        &self,
        desks: &[Staff],
        candidates: &mut Candidates,
        mut victim: Option<(Candidate, PatientId)>,
    ) -> Result<(), Problem> {
        for number in 0..self.order.visitors {
            let Some(place) = number.checked_rem(desks.len()) else {
                break;
            };
            let Some((person, id)) = candidates.ordinary(place) else {
                continue;
            };
            let login = format!("visitor-{number}");
            if self.known(&login).is_some() {
                continue;
            }
            let about = "A patient who reads now and then.";
            let account = self
                .patient_with_passkey(&desks[place], &person, id, &login, about)
                .await?;
            if login == HELPER
                && let Some((victim, id)) = victim.take()
            {
                self.act_for(&desks[place], &account, id, &victim).await?;
            }
            self.send(Report::Visitor(account)).await?;
        }
        Ok(())
    }

    async fn invite(
        &self,
        staff: &Staff,
        (person, patient): (&Candidate, PatientId),
    ) -> Result<Zeroizing<String>, Problem> {
        let about = about(staff, person, patient);
        let ceremony = invitations::invite_patient(self.app, &staff.token, about)
            .await
            .map_err(Problem::refused("a patient could not be invited"))?;
        self.signed(&staff.token, &mut staff.passkey.passkey()?, ceremony)
            .await
    }

    async fn patient_with_passkey(
        &self,
        staff: &Staff,
        person: &Candidate,
        patient: PatientId,
        login: &str,
        about: &str,
    ) -> Result<Account, Problem> {
        let code = self.invite(staff, (person, patient)).await?;
        let born = person.birth_date.to_string();
        let passkey = self.register_passkey(&code, &born, login).await?;
        Ok(patient_account(
            staff,
            person,
            patient,
            login,
            about,
            Keys::of_passkey(&passkey)?,
        ))
    }

    async fn patient_with_password(
        &self,
        staff: &Staff,
        person: &Candidate,
        patient: PatientId,
        login: &str,
        about: &str,
    ) -> Result<(), Problem> {
        let code = self.invite(staff, (person, patient)).await?;
        let offer = invitations::look(self.app, &code, login, NETWORK)
            .await
            .map_err(Problem::refused("an invitation could not be looked at"))?;
        let app = Authenticator::from_address(&offer.otpauth)?;
        // Registering uses a code up, and each code works once: the one of 30 seconds ago is still taken, so that
        // whoever signs in next does not have to wait.
        let seconds = u64::try_from(clock::now().as_second()).unwrap_or(0);
        let ceremony = offer
            .ceremony
            .ok_or_else(|| Problem::Unexpected("an invitation offers no ceremony".to_owned()))?;
        let credential = Credential::Authenticator {
            ceremony: ceremony.id,
            password: Zeroizing::new(PASSWORD.to_owned()),
            code: Zeroizing::new(app.digits(seconds.saturating_sub(30))),
        };
        invitations::register(
            self.app,
            &code,
            &person.birth_date.to_string(),
            login,
            credential,
            NETWORK,
        )
        .await
        .map_err(Problem::refused("a patient could not register"))?;
        let keys = Keys::Authenticator {
            password: PASSWORD.to_owned(),
            totp_secret: app.secret(),
        };
        self.tell(patient_account(staff, person, patient, login, about, keys))
            .await
    }

    async fn patient_with_sheet(
        &self,
        staff: &Staff,
        person: &Candidate,
        patient: PatientId,
    ) -> Result<(), Problem> {
        let code = self.invite(staff, (person, patient)).await?;
        let credential = Credential::Sheet {
            password: Zeroizing::new(PASSWORD.to_owned()),
        };
        let born = person.birth_date.to_string();
        let registered = invitations::register(self.app, &code, &born, "pita", credential, NETWORK)
            .await
            .map_err(Problem::refused("a patient could not register"))?;
        let keys = Keys::Sheet {
            password: PASSWORD.to_owned(),
            sheet: registered
                .sheet
                .iter()
                .map(|code| code.to_string())
                .collect(),
        };
        let about = "A patient who signs in with a password and a printed sheet of codes.";
        self.tell(patient_account(staff, person, patient, "pita", about, keys))
            .await
    }

    /// The practice invites the parent to act for the child; the parent, signed in, accepts.
    async fn act_for(
        &self,
        staff: &Staff,
        parent: &Account,
        child: PatientId,
        who: &Candidate,
    ) -> Result<(), Problem> {
        let scope = ProxyScope {
            sections: Vec::new(),
            may: ProxyAction::ALL.to_vec(),
            until: None,
            reason: "parent or guardian".to_owned(),
        };
        let about = about(staff, who, child);
        let ceremony = invitations::invite_proxy(self.app, &staff.token, about, scope)
            .await
            .map_err(Problem::refused("a parent could not be invited"))?;
        let code = self
            .signed(&staff.token, &mut staff.passkey.passkey()?, ceremony)
            .await?;
        let mut passkey = parent.keys.passkey()?;
        let ceremony = sign_in::passkey_start(self.app, &parent.login, NETWORK)
            .await
            .map_err(Problem::refused("a parent could not ask for a challenge"))?;
        let answer = passkey.get(&ceremony.options_json, &self.order.origin)?;
        let signed_in =
            sign_in::passkey_finish(self.app, ceremony.id, answer, Acting::AsPatient, NETWORK)
                .await
                .map_err(Problem::refused("a parent could not sign in"))?;
        invitations::link(
            self.app,
            &signed_in.token,
            &code,
            &who.birth_date.to_string(),
        )
        .await
        .map_err(Problem::refused("a parent could not accept"))
    }

    async fn register_passkey(
        &self,
        code: &str,
        born: &str,
        login: &str,
    ) -> Result<SoftwarePasskey, Problem> {
        let offer = invitations::look(self.app, code, login, NETWORK)
            .await
            .map_err(Problem::refused("an invitation could not be looked at"))?;
        let ceremony = offer
            .ceremony
            .ok_or_else(|| Problem::Unexpected("an invitation offers no passkey".to_owned()))?;
        let mut passkey = SoftwarePasskey::new()?;
        let answer = passkey.create(&ceremony.options_json, &self.order.origin)?;
        let credential = Credential::Passkey(ceremony.id, answer);
        invitations::register(self.app, code, born, login, credential, NETWORK)
            .await
            .map_err(Problem::refused("an account could not be made"))?;
        Ok(passkey)
    }

    async fn tell(&self, account: Account) -> Result<(), Problem> {
        self.send(Report::Account(account)).await
    }

    async fn send(&self, report: Report) -> Result<(), Problem> {
        self.out
            .send(report)
            .await
            .map_err(|_| Problem::Unexpected("nobody listens to the desk".to_owned()))
    }
}

fn about(staff: &Staff, person: &Candidate, patient: PatientId) -> About {
    About {
        practice: staff.practice,
        patient,
        who: format!("{} (born {})", person.name, person.birth_date),
    }
}

fn patient_account(
    staff: &Staff,
    person: &Candidate,
    patient: PatientId,
    login: &str,
    about: &str,
    keys: Keys,
) -> Account {
    Account {
        login: login.to_owned(),
        name: person.name.clone(),
        about: about.to_owned(),
        role: Role::Patient.word().to_owned(),
        practice: staff.practice_name.clone(),
        practice_id: staff.practice.to_string(),
        patient: patient.to_string(),
        keys,
    }
}
