//! Who works and reads during the test, and on whose records.

use super::book::Book;
use super::dice::Dice;
use super::people::{Depositor, Invitee, Reader, Registrar, Somebody};
use crate::accounts::{Account, Accounts};
use crate::browser::{Acting, Site};
use crate::drill::Settled;
use crate::installation::Installation;
use crate::population::{Plan, Population};
use crate::{Problem, clock, settle};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Patients of the installation.
const PATIENTS: u32 = 110;
/// Patients who read their own record.
const VISITORS: usize = 9;

/// Everybody.
pub struct Crew {
    /// The portal.
    pub site: Site,
    /// Patients with accounts, who read.
    pub visitors: Vec<Account>,
    /// Doctors, one for each practice in its order.
    pub doctors: Vec<Account>,
    /// Reception, one for each practice in its order.
    pub receptions: Vec<Account>,
    /// Patients of each practice who can be invited.
    invitees: Vec<Vec<Invitee>>,
}

impl Crew {
    /// Fills the installation and gives everybody their part.
    ///
    /// # Errors
    /// When the installation cannot be filled.
    pub async fn settle(installation: &Installation, seed: u64) -> Result<Self, Problem> {
        let list = installation.desk().join("settled.jsonl");
        settle::settle(&settle::Wishes {
            data: installation.data(),
            patients: PATIENTS,
            seed,
            visitors: VISITORS,
            list: Some(list.clone()),
            programs: Some(installation.programs()),
            is_quiet: true,
        })
        .await?;
        let settled = Settled::read(&list)?;
        let accounts = Accounts::read(&installation.data().join(Accounts::FILE))?;
        let visitors = Accounts::read(&installation.data().join(Accounts::VISITORS))?.accounts;
        let with = |role: &str| -> Vec<Account> {
            let of_role = accounts.accounts.iter().filter(|one| one.role == role);
            of_role.cloned().collect()
        };
        let (doctors, receptions) = (with("clinician"), with("reception"));
        let have_accounts: Vec<&str> = accounts
            .accounts
            .iter()
            .chain(&visitors)
            .map(|account| account.patient.as_str())
            .collect();
        let invitees = invitees(&settled, PATIENTS, seed, &have_accounts, receptions.len())?;
        Ok(Self {
            site: installation.portal(),
            visitors,
            doctors,
            receptions,
            invitees,
        })
    }

    /// The visitors who are patients of a practice.
    pub fn patients_of(&self, practice: usize) -> Vec<String> {
        let id = self.doctors.get(practice).map(|doctor| &doctor.practice_id);
        self.visitors
            .iter()
            .filter(|visitor| Some(&visitor.practice_id) == id)
            .map(|visitor| visitor.patient.clone())
            .collect()
    }

    /// Sends everybody to work.
    ///
    /// # Errors
    /// When somebody gets no browser.
    pub fn work(
        &self,
        book: &Arc<Book>,
        seed: u64,
        stop: &CancellationToken,
        tasks: &TaskTracker,
    ) -> Result<(), Problem> {
        let mut stream = 0;
        let mut somebody = |account: &Account, acting| {
            stream += 1;
            Somebody::new(
                &self.site,
                account,
                acting,
                book,
                Dice::new(seed, stream),
                stop,
            )
        };
        for visitor in &self.visitors {
            let reader = Reader {
                somebody: somebody(visitor, Acting::Patient)?,
                patients: vec![visitor.patient.clone()],
            };
            tasks.spawn(reader.read());
        }
        for (practice, doctor) in self.doctors.iter().enumerate() {
            let patients = self.patients_of(practice);
            let reader = Reader {
                somebody: somebody(doctor, Acting::Staff)?,
                patients: patients.clone(),
            };
            tasks.spawn(reader.read());
            let depositor = Depositor {
                somebody: somebody(doctor, Acting::Staff)?,
                practice,
                patients,
            };
            tasks.spawn(depositor.deposit());
        }
        for (reception, invitees) in self.receptions.iter().zip(&self.invitees) {
            let registrar = Registrar {
                somebody: somebody(reception, Acting::Staff)?,
                site: self.site.clone(),
                invitees: invitees.clone(),
            };
            tasks.spawn(registrar.register());
        }
        Ok(())
    }
}

/// Adults without an account, by practice; `patients` and `seed` are those that the installation was filled with.
///
/// # Errors
/// When the population cannot be made again.
pub fn invitees(
    settled: &Settled,
    patients: u32,
    seed: u64,
    have_accounts: &[&str],
    practices: usize,
) -> Result<Vec<Vec<Invitee>>, Problem> {
    let today = clock::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let population = Population::new(Plan::new(patients, seed, Plan::DAY))?;
    let mut invitees = vec![Vec::new(); practices];
    for patient in &settled.patients {
        let Some(of_practice) = invitees.get_mut(patient.practice) else {
            continue;
        };
        if patient.is_canary || have_accounts.contains(&patient.patient.as_str()) {
            continue;
        }
        let made = population.patient(patient.number)?;
        let born = made.identity.birth_date.date();
        let is_adult = today.year() - born.year() > 18;
        let is_enrolled = made
            .enrolments
            .iter()
            .any(|had| had.practice == patient.practice && had.until.is_none());
        if is_adult && is_enrolled && made.identity.deceased.is_none() {
            of_practice.push(Invitee {
                patient: patient.patient.clone(),
                born,
            });
        }
    }
    Ok(invitees)
}
