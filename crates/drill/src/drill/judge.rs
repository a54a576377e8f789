//! What is not as the specification says; a good drill leaves nothing here.

use super::Settled;
use super::shown::{Numbers, OwnPage, Told};
use crate::accounts::Accounts;
use crate::approvers::Approved;
use crate::attacker::Loot;
use crate::scorecard::{Lost, Run, Score, taken};
use crate::settle::{SettledPatient, VICTIM};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// Most people whom a stolen session of staff may open and list.
const MOST_OPENED: usize = 60;
const MOST_LISTED: usize = 300;

/// What the machinery must have done, by the thief's own book and the population.
pub struct Expected {
    /// People of whom anything was seen and who must be mailed.
    pub mailed: BTreeSet<String>,
    /// The numbers of the status site.
    pub numbers: Numbers,
    /// The practices' lists.
    pub lists: BTreeMap<String, Told>,
}

impl Expected {
    /// Computes it. `practices` are the practices' names in their order, `today` the day of the drill.
    pub fn of(loot: &Loot, settled: &Settled, practices: &[String], today: Date) -> Self {
        let lost = taken(loot, settled);
        let of_kind = |wanted: fn(&Lost) -> Option<&String>| -> BTreeSet<String> {
            lost.iter().filter_map(wanted).cloned().collect()
        };
        let opened = of_kind(|lost| match lost {
            Lost::Opened(patient) => Some(patient),
            _ => None,
        });
        let listed = of_kind(|lost| match lost {
            Lost::Listed(patient) => Some(patient),
            _ => None,
        });
        let documents = of_kind(|lost| match lost {
            Lost::Document(document) => Some(document),
            _ => None,
        });
        let told: BTreeSet<String> = opened.union(&listed).cloned().collect();
        let people: Vec<&SettledPatient> =
            told.iter().filter_map(|id| settled.patient(id)).collect();
        let mailed: BTreeSet<String> = people
            .iter()
            .filter(|person| may_be_mailed(person, today))
            .map(|person| person.patient.clone())
            .collect();
        let lists = lists(&people, &mailed, practices);
        let numbers = Numbers {
            opened: opened.len(),
            listed: listed.difference(&opened).count(),
            documents: documents.len(),
            practices: lists.len(),
            mailed: mailed.len(),
            in_portal: told.len(),
            on_call_lists: told.len() - mailed.len(),
        };
        Self {
            mailed,
            numbers,
            lists,
        }
    }

    /// What one person's page must say.
    pub fn own_page(loot: &Loot, settled: &Settled, patient: &str) -> OwnPage {
        OwnPage {
            documents: loot
                .documents
                .keys()
                .filter(|id| {
                    settled
                        .owners
                        .get(*id)
                        .is_some_and(|owner| owner == patient)
                })
                .cloned()
                .collect(),
            record: loot.records.contains_key(patient),
            shelf: loot.shelves.contains_key(patient),
            name: loot.names.contains_key(patient),
        }
    }
}

/// Alive, safe to write to, with a mailbox, and older than 16 whatever the day of birth.
pub fn may_be_mailed(person: &SettledPatient, today: Date) -> bool {
    !person.is_canary
        && !person.is_deceased
        && !person.is_unsafe_to_write
        && person.email.is_some()
        && today.year() - person.birth_date.year() > 16
}

fn lists(
    people: &[&SettledPatient],
    mailed: &BTreeSet<String>,
    practices: &[String],
) -> BTreeMap<String, Told> {
    let mut lists: BTreeMap<String, Told> = BTreeMap::new();
    for person in people {
        let line = (
            person.name.clone(),
            person.birth_date.strftime("%-d %B %Y").to_string(),
        );
        for name in person
            .practices
            .iter()
            .filter_map(|place| practices.get(*place))
        {
            let list = lists.entry(name.clone()).or_default();
            if mailed.contains(&person.patient) {
                list.mailed.insert(line.clone());
            } else {
                list.rung.insert(line.clone());
            }
        }
    }
    lists
}

/// What the score itself says against the run.
pub fn of_score(run: &Run<'_>, score: &Score, accounts: &Accounts) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, value) in [("recall", score.recall), ("precision", score.precision)] {
        match value {
            None => faults.push(format!(
                "there is no {name}: the thief got nothing, or nobody is confirmed"
            )),
            Some(value) if value < 1.0 => faults.push(format!("{name} is {value} and must be 1")),
            Some(_) => {}
        }
    }
    for (what, seconds) in [
        ("noticed", score.seconds_to_detect),
        ("frozen", score.seconds_to_freeze),
        ("listed", score.seconds_to_list),
        ("told", score.seconds_to_last_mail),
    ] {
        if seconds.is_none() {
            faults.push(format!("nothing was {what}"));
        }
    }
    if run.scenario == "stolen-login" {
        let own = accounts
            .by_login(VICTIM)
            .map(|account| account.patient.clone());
        let strangers = run
            .loot
            .documents
            .keys()
            .filter(|id| run.settled.owners.get(*id) != own.as_ref())
            .count();
        if strangers > 0 || score.people_lost > 1 || score.people_listed > 1 {
            faults.push(format!("{strangers} documents of others were lost"));
        }
    } else if score.people_lost > MOST_OPENED || score.people_listed > MOST_LISTED {
        faults.push(format!(
            "{} people were opened and {} listed: more than {MOST_OPENED} and {MOST_LISTED}",
            score.people_lost, score.people_listed
        ));
    }
    for (what, number) in &run.met.refused {
        faults.push(format!(
            "ordinary people were refused: {what}, {number} times"
        ));
    }
    faults
}

/// The control shows that the drill can fail: before a keeper that grants everything, nearly everything that the
/// thief can find is lost.
pub fn of_control(score: &Score, settled: &Settled) -> Vec<String> {
    let mut faults = Vec::new();
    let mut demand = |what: &str, lost: usize, of: usize| {
        if of == 0 || lost * 10 < of * 9 {
            faults.push(format!(
                "the control lost only {lost} of {of} {what}: this thief is no test"
            ));
        }
    };
    if score.scenario == "stolen-login" {
        demand("documents", score.documents_lost, score.documents);
        return faults;
    }
    // The telephone book has the surnames of one practice's people; a search before the open keeper finds everybody
    // of that name, of whatever practice.
    let known: BTreeSet<String> = settled.surnames(0).into_iter().collect();
    let findable: Vec<&SettledPatient> = settled
        .patients
        .iter()
        .filter(|patient| known.contains(&patient.surname))
        .collect();
    let documents = findable.iter().map(|patient| patient.documents.len()).sum();
    demand("people who can be found", score.people_lost, findable.len());
    demand("documents of theirs", score.documents_lost, documents);
    faults
}

/// Everybody who may be written to is, and nobody else; practices first; by a run.
pub fn of_telling(run: &Run<'_>, expected: &Expected) -> Vec<String> {
    let mut faults = Vec::new();
    let mailboxes = |people: &BTreeSet<String>| -> BTreeSet<String> {
        let people = people.iter().filter_map(|id| run.settled.patient(id));
        people.filter_map(|person| person.email.clone()).collect()
    };
    let wanted = mailboxes(&expected.mailed);
    let missing = wanted.difference(&run.mails.people).count();
    let extra = run.mails.people.difference(&wanted).count();
    if missing > 0 {
        faults.push(format!(
            "{missing} people should have been written to and were not"
        ));
    }
    if extra > 0 {
        faults.push(format!(
            "{extra} people were written to who should not have been"
        ));
    }
    let Some(case) = run.case else {
        return faults;
    };
    if run.mails.practices.len() != expected.lists.len() {
        faults.push(format!(
            "{} practices were told and {} are concerned",
            run.mails.practices.len(),
            expected.lists.len()
        ));
    }
    if let (Some(first), Some(last)) = (run.mails.first_person_at, run.mails.last_practice_at)
        && first < last
    {
        faults.push("a person was told before their practice".to_owned());
    }
    let mailed = i64::try_from(run.mails.to_people).unwrap_or(i64::MAX);
    if case.mailed_by_run != mailed {
        faults.push(format!(
            "{mailed} mails went to people and {} of them in a run",
            case.mailed_by_run
        ));
    }
    faults
}

/// Each act that needs two people was done by two, and nothing left before the second of them.
pub fn of_approval(run: &Run<'_>, approved: &Approved) -> Vec<String> {
    let mut faults = Vec::new();
    for act in ["unlock", "approve", "run"] {
        let people: BTreeSet<&str> = approved
            .pressed
            .iter()
            .filter(|(_, pressed)| pressed == act)
            .map(|(login, _)| login.as_str())
            .collect();
        if people.len() != 2 {
            faults.push(format!(
                "“{act}” was pressed by {} people and not by two",
                people.len()
            ));
        }
    }
    let Some(case) = run.case else {
        return faults;
    };
    let (approvers, second) = case.approvals();
    if approvers.len() != 2 {
        faults.push(format!(
            "the texts and lists were approved by {} and not by two",
            approvers.len()
        ));
    }
    let published = case.first("published");
    if published.is_none() || published < second {
        faults.push("the statement was published before the second approval".to_owned());
    }
    let first_mail = [run.mails.first_practice_at, run.mails.first_person_at]
        .into_iter()
        .flatten()
        .min();
    if first_mail.is_none() || first_mail < second {
        faults.push("a mail left before the second approval".to_owned());
    }
    if run.mails.first_person_at.is_some() && run.mails.first_person_at < case.first("run") {
        faults.push("a person was mailed before two officers opened the run".to_owned());
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(number: u32, email: Option<&str>) -> SettledPatient {
        SettledPatient {
            number,
            patient: format!("{number:032x}"),
            surname: "Reid".to_owned(),
            name: format!("Person {number}"),
            birth_date: Date::constant(1980, 5, 1),
            is_deceased: false,
            practice: 0,
            is_canary: false,
            is_unsafe_to_write: false,
            email: email.map(str::to_owned),
            practices: vec![0],
            documents: Vec::new(),
            clinical: Vec::new(),
        }
    }

    const TODAY: Date = Date::constant(2026, 11, 25);

    #[test]
    fn nobody_unsafe_dead_young_or_without_a_mailbox_may_be_mailed() {
        let fit = person(1, Some("one@example.nz"));
        assert!(may_be_mailed(&fit, TODAY));
        let unfit = [
            SettledPatient {
                is_unsafe_to_write: true,
                ..fit.clone()
            },
            SettledPatient {
                is_deceased: true,
                ..fit.clone()
            },
            SettledPatient {
                birth_date: Date::constant(2010, 1, 1),
                ..fit.clone()
            },
            SettledPatient {
                is_canary: true,
                ..fit
            },
            person(2, None),
        ];
        assert!(unfit.iter().all(|person| !may_be_mailed(person, TODAY)));
    }

    #[test]
    fn a_control_of_staff_that_finds_nobody_is_a_fault() {
        let mut settled = Settled::default();
        settled.patients.push(SettledPatient {
            documents: vec!["d".repeat(32)],
            ..person(1, None)
        });
        let score = |people_lost, documents_lost| Score {
            scenario: "stolen-staff".to_owned(),
            patients: 1,
            documents: 1,
            documents_lost,
            people_lost,
            people_listed: 1,
            seconds_to_detect: None,
            seconds_to_freeze: None,
            seconds_to_list: None,
            recall: None,
            precision: None,
            practices_told: 0,
            people_told: 0,
            seconds_to_last_mail: None,
            control: true,
        };
        assert_eq!(of_control(&score(0, 0), &settled).len(), 2);
        assert_eq!(of_control(&score(1, 0), &settled).len(), 1);
        assert!(of_control(&score(1, 1), &settled).is_empty());
    }
}
