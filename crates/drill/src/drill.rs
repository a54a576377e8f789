//! A drill: a real attack on an installation of its own, from settling to the last message, with nobody at the keyboard.

mod mails;
mod settled;
mod watch;

pub use crate::traffic::Met;
pub use mails::Mails;
pub use settled::Settled;
pub use watch::{Case, Watch};

use crate::accounts::{Account, Accounts};
use crate::approvers::{Approved, approve};
use crate::attacker::{Attack, Loot, Stolen};
use crate::browser::{Acting, Browser};
use crate::installation::Installation;
use crate::scorecard::{Run, Score, page};
use crate::settle;
use crate::traffic::Traffic;
use crate::{Problem, clock};
use candour_embedded::Account as User;
use candour_seal::IncidentId;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the room may take to open a case and compute its scope.
const CASE: Duration = Duration::from_mins(2);
/// How long officers and messages may take.
const TELLING: Duration = Duration::from_mins(10);
/// Ordinary patients who read meanwhile.
const VISITORS: usize = 6;

/// Which theft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// A patient's credentials and a leaked listing of every document.
    StolenLogin,
    /// A live session of a doctor.
    StolenStaff,
}

impl Scenario {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StolenLogin => "stolen-login",
            Self::StolenStaff => "stolen-staff",
        }
    }
}

/// What drill to run.
#[derive(Debug, Clone)]
pub struct Wishes {
    /// Which theft.
    pub scenario: Scenario,
    /// How many patients.
    pub patients: u32,
    /// The seed of the population.
    pub seed: u64,
    /// Before a keeper that grants everything.
    pub control: bool,
    /// How long the thief may go on, in seconds.
    pub seconds: u64,
    /// Where to write the figures.
    pub json: Option<PathBuf>,
    /// Where to write the scorecard.
    pub scorecard: Option<PathBuf>,
    /// Leave the installation's folder for somebody to look at.
    pub keep: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// The figures.
    pub score: Score,
    /// What is not as it must be; empty in a good drill.
    pub faults: Vec<String>,
}

/// Runs a drill from nothing to its scorecard.
///
/// # Errors
/// When it cannot be carried out. A bad score is no error: it is in the outcome.
pub async fn run(wishes: &Wishes) -> Result<Outcome, Problem> {
    let installation = Installation::raise(wishes.control, wishes.keep).await?;
    let outcome = attack_and_tell(wishes, &installation).await;
    let ended = installation.end().await;
    let outcome = outcome?;
    ended?;
    Ok(outcome)
}

async fn attack_and_tell(wishes: &Wishes, installation: &Installation) -> Result<Outcome, Problem> {
    let list = installation.desk().join("settled.jsonl");
    let to_settle = settle::Wishes {
        data: installation.data(),
        patients: wishes.patients,
        seed: wishes.seed,
        visitors: VISITORS,
        list: Some(list.clone()),
        programs: Some(installation.programs()),
        is_quiet: true,
    };
    let begun = clock::now();
    let done = settle::settle(&to_settle).await?;
    let seconds = clock::seconds_between(begun, clock::now());
    tracing::info!(
        people = done.people,
        documents = done.documents,
        seconds,
        "settled"
    );
    let mut settled = Settled::read(&list)?;
    let accounts = Accounts::read(&installation.data().join(Accounts::FILE))?;
    let visitors = Accounts::read(&installation.data().join(Accounts::VISITORS))?;
    settled.practice_mailboxes = practice_mailboxes(installation).await?;

    let staff: Vec<Account> = doctors(&accounts).into_iter().skip(1).cloned().collect();
    let traffic = Traffic::start(&installation.portal(), &visitors.accounts, &staff).await?;
    let loot = steal(wishes, installation, &settled, &accounts).await;
    let told = match (&loot, wishes.control) {
        (Ok(_), false) => Some(tell(installation, &accounts).await),
        _ => None,
    };
    let met = traffic.end().await;
    let loot = loot?;
    let (case, approved) = match told.transpose()? {
        Some((case, approved)) => (Some(case), Some(approved)),
        None => (None, None),
    };
    let mails = if wishes.control {
        Mails::default()
    } else {
        mails::read(
            &installation.data().join("mailbox"),
            &installation.status(),
            &settled,
        )
        .await?
    };
    let run = Run {
        scenario: wishes.scenario.name(),
        settled: &settled,
        loot: &loot,
        case: case.as_ref(),
        mails: &mails,
        met: &met,
        approval_seconds: approved.map_or(0.0, |approved| approved.seconds),
    };
    let score = run.score();
    let faults = faults(&run, &score, &accounts);
    write(wishes, &run, &score, &faults)?;
    Ok(Outcome { score, faults })
}

fn doctors(accounts: &Accounts) -> Vec<&Account> {
    accounts
        .accounts
        .iter()
        .filter(|account| account.role == "clinician")
        .collect()
}

async fn practice_mailboxes(
    installation: &Installation,
) -> Result<std::collections::BTreeSet<String>, Problem> {
    let store = settle::open_store(&installation.data(), "worker")?;
    Ok(store
        .practices()
        .await?
        .into_iter()
        .map(|practice| practice.email)
        .collect())
}

/// Hands the thief what was stolen, and waits until it is done.
async fn steal(
    wishes: &Wishes,
    installation: &Installation,
    settled: &Settled,
    accounts: &Accounts,
) -> Result<Loot, Problem> {
    let missing = |what: &str| Problem::Unexpected(format!("the installation has no {what}"));
    let stolen = match wishes.scenario {
        Scenario::StolenLogin => {
            let victim = accounts
                .by_login("thief")
                .ok_or_else(|| missing("account to steal"))?;
            let (password, app) = victim
                .keys
                .authenticator()
                .ok_or_else(|| missing("password to steal"))?;
            let documents = installation.desk().join("documents.txt");
            let text = settled.documents().join("\n");
            std::fs::write(&documents, text)
                .map_err(Problem::file("could not write", &documents))?;
            Stolen::StolenLogin {
                login: victim.login.clone(),
                password: password.to_owned(),
                totp_secret: app.secret(),
                documents,
            }
        }
        Scenario::StolenStaff => {
            let victim = *doctors(accounts).first().ok_or_else(|| missing("doctor"))?;
            let browser = Browser::new(&installation.portal())?;
            let passkey = &mut victim.keys.passkey()?;
            browser
                .sign_in_with_passkey(&victim.login, passkey, Acting::Staff)
                .await?;
            let purpose = [("purpose", "direct_care")];
            browser
                .post("/practice/purpose", &purpose)
                .await?
                .expect("choosing a purpose")?;
            Stolen::StolenStaff {
                cookies: browser.cookies(),
                surnames: settled.surnames(0),
            }
        }
    };
    let attack = Attack {
        portal: installation.portal(),
        seconds: wishes.seconds,
        hands: 16,
        addresses: 40,
        stolen,
    };
    let (order, book) = (
        installation.desk().join("attack.json"),
        installation.desk().join("loot.json"),
    );
    let text = serde_json::to_string(&attack).map_err(Problem::json(&order))?;
    std::fs::write(&order, text).map_err(Problem::file("could not write", &order))?;
    let arguments = [order.display().to_string(), book.display().to_string()];
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut thief = installation.command("attacker", &arguments, &User::current())?;
    let bound = Duration::from_secs(wishes.seconds + 60);
    let status = tokio::time::timeout(bound, thief.status())
        .await
        .map_err(|_| Problem::TooLong {
            what: "the thief's end".to_owned(),
            seconds: bound.as_secs(),
        })?
        .map_err(Problem::file("could not start", Path::new("attacker")))?;
    if !status.success() {
        return Err(Problem::Child {
            name: "attacker".to_owned(),
            said: installation.last_words("attacker"),
        });
    }
    let bytes = std::fs::read(&book).map_err(Problem::file("could not read", &book))?;
    serde_json::from_slice(&bytes).map_err(Problem::json(&book))
}

/// Waits for the room's case and scope, lets the officers work, and waits until nobody is left to be told.
async fn tell(
    installation: &Installation,
    accounts: &Accounts,
) -> Result<(Case, Approved), Problem> {
    let watch = Watch::open(&installation.data()).await?;
    let incident = wait_for_case(&watch).await?;
    let officers: Vec<&Account> = ["privacy_officer", "security_officer"]
        .iter()
        .filter_map(|role| accounts.with_role(role))
        .collect();
    let approved = approve(&installation.room(), &officers, TELLING, || {
        watch.has(incident, "finished")
    })
    .await?;
    Ok((watch.case(incident).await?, approved))
}

async fn wait_for_case(watch: &Watch) -> Result<IncidentId, Problem> {
    let begun = clock::now();
    loop {
        if let Some(incident) = watch.newest().await?
            && watch.has(incident, "scope").await?
        {
            return Ok(incident);
        }
        if clock::seconds_between(begun, clock::now()) > CASE.as_secs_f64() {
            return Err(Problem::TooLong {
                what: "an incident with its scope".to_owned(),
                seconds: CASE.as_secs(),
            });
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What is not as the specification says.
fn faults(run: &Run<'_>, score: &Score, accounts: &Accounts) -> Vec<String> {
    let mut faults = run.mails.faults.clone();
    if score.control {
        // The control shows that the drill can fail; in it nearly everything is lost.
        if score.documents_lost * 10 < score.documents * 9 && score.scenario == "stolen-login" {
            faults.push(format!(
                "the control lost only {} of {} documents: this thief is no test",
                score.documents_lost, score.documents
            ));
        }
        return faults;
    }
    for (name, value) in [("recall", score.recall), ("precision", score.precision)] {
        if value.is_none_or(|value| value < 1.0) {
            faults.push(format!("{name} is {value:?} and must be 1"));
        }
    }
    if score.seconds_to_freeze.is_none() {
        faults.push("nothing was frozen".to_owned());
    }
    match run.scenario {
        "stolen-login" => {
            let own = accounts
                .by_login("thief")
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
        }
        _ => {
            if score.people_lost > 60 || score.people_listed > 300 {
                let (opened, listed) = (score.people_lost, score.people_listed);
                faults.push(format!(
                    "{opened} people were opened and {listed} listed: more than 60 and 300"
                ));
            }
        }
    }
    faults.extend(wrongly_told(run));
    for (what, number) in &run.met.refused {
        faults.push(format!(
            "ordinary people were refused: {what}, {number} times"
        ));
    }
    faults
}

/// Everybody on the route of mail is written to, and nobody else.
fn wrongly_told(run: &Run<'_>) -> Vec<String> {
    let Some(case) = run.case else {
        return Vec::new();
    };
    let mailbox = |id: &str| {
        run.settled
            .patient(id)
            .and_then(|patient| patient.email.clone())
    };
    let mut faults = Vec::new();
    let mut expected = std::collections::BTreeSet::new();
    for (member, _) in case
        .people
        .iter()
        .filter(|(member, _)| member.route == "mail")
    {
        let id = member.patient.to_string();
        if run
            .settled
            .patient(&id)
            .is_some_and(|patient| patient.is_unsafe_to_write)
        {
            faults.push("somebody unsafe to write to is on the route of mail".to_owned());
        }
        expected.extend(mailbox(&id));
    }
    for address in run.mails.people.difference(&expected) {
        let _ = address;
        faults.push("somebody was written to who should not be".to_owned());
    }
    let missing = expected.difference(&run.mails.people).count();
    if missing > 0 {
        faults.push(format!(
            "{missing} people should have been written to and were not"
        ));
    }
    faults
}

fn write(wishes: &Wishes, run: &Run<'_>, score: &Score, faults: &[String]) -> Result<(), Problem> {
    if let Some(path) = &wishes.json {
        let text = serde_json::to_string_pretty(score).map_err(Problem::json(path))?;
        std::fs::write(path, text + "\n").map_err(Problem::file("could not write", path))?;
    }
    if let Some(path) = &wishes.scorecard {
        std::fs::write(path, page(run, score, faults))
            .map_err(Problem::file("could not write", path))?;
    }
    Ok(())
}
