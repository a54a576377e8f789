//! A drill: a real attack on an installation of its own, from settling to the last message, with nobody at the keyboard.

mod judge;
mod mails;
mod settled;
mod shown;
mod watch;

pub use crate::traffic::Met;
pub use mails::Mails;
pub use settled::Settled;
pub use watch::{Affected, Case, Watch};

use crate::accounts::{Account, Accounts};
use crate::approvers::{self, Approved, approve};
use crate::attacker::{Attack, Loot, Stolen};
use crate::browser::{Acting, Browser};
use crate::installation::Installation;
use crate::population::{Plan, Population};
use crate::scorecard::{Run, Score, names_nobody, page};
use crate::settle;
use crate::template::{Kind, Template};
use crate::traffic::Traffic;
use crate::{Problem, clock};
use candour_core::tested::{self, Tested};
use candour_embedded::Account as User;
use candour_embedded::secret::hand_out;
use candour_seal::IncidentId;
use jiff::tz::TimeZone;
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
    /// The data directory of the running installation that is drilled for: its trust page then says so.
    pub note: Option<PathBuf>,
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

/// Runs a drill: clones a settled installation, lets the thief in, and follows the case to its last message.
///
/// # Errors
/// When it cannot be carried out. A bad score is no error: it is in the outcome.
pub async fn run(wishes: &Wishes) -> Result<Outcome, Problem> {
    let (installation, settled) = if wishes.control {
        // The open keeper remembers nothing, so there is nothing to clone.
        let installation = Installation::raise(true, None, wishes.keep).await?;
        let settled = settle_fresh(wishes, &installation).await;
        (installation, settled)
    } else {
        let template = Template::of(Kind {
            patients: wishes.patients,
            seed: wishes.seed,
            visitors: VISITORS,
        })
        .await?;
        let begun = clock::now();
        let installation = Installation::raise(false, Some(&template), wishes.keep).await?;
        let seconds = clock::seconds_between(begun, clock::now());
        tracing::info!(seconds, "cloned and started");
        (installation, Settled::read(&template.list()))
    };
    let outcome = match settled {
        Ok(settled) => attack_and_tell(wishes, &installation, settled).await,
        Err(problem) => Err(problem),
    };
    let ended = installation.end().await;
    let outcome = outcome?;
    ended?;
    // A drill behind the open keeper says nothing about the installation.
    if let Some(folder) = wishes.note.as_ref().filter(|_| !wishes.control) {
        note(folder, wishes.scenario, outcome.faults.is_empty())?;
    }
    Ok(outcome)
}

/// Leaves word for the trust page of the installation that was drilled for.
fn note(folder: &Path, scenario: Scenario, passed: bool) -> Result<(), Problem> {
    let file = folder.join(tested::FILE);
    let mut tested = std::fs::read_to_string(&file)
        .map_or_else(|_| Tested::default(), |text| Tested::read(&text));
    tested.drill = Some(tested::Drill {
        on: clock::now().to_zoned(TimeZone::UTC).date(),
        scenario: scenario.name().to_owned(),
        passed,
    });
    hand_out(&file, &tested.text()).map_err(|error| Problem::Unexpected(error.to_string()))
}

async fn settle_fresh(wishes: &Wishes, installation: &Installation) -> Result<Settled, Problem> {
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
    settle::settle(&to_settle).await?;
    Settled::read(&list)
}

async fn attack_and_tell(
    wishes: &Wishes,
    installation: &Installation,
    mut settled: Settled,
) -> Result<Outcome, Problem> {
    let accounts = Accounts::read(&installation.data().join(Accounts::FILE))?;
    let visitors = Accounts::read(&installation.data().join(Accounts::VISITORS))?;
    let today = clock::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let population = Population::new(Plan::new(wishes.patients, wishes.seed, Plan::DAY))?;
    let practices = population.practices().iter();
    settled.practice_mailboxes = practices
        .map(|practice| practice.email.to_string())
        .collect();

    let staff: Vec<Account> = doctors(&accounts).into_iter().skip(1).cloned().collect();
    let traffic = Traffic::start(&installation.portal(), &visitors.accounts, &staff).await?;
    let loot = steal(wishes, installation, &settled, &accounts).await;
    let told = match (&loot, wishes.control) {
        (Ok(_), false) => Some(tell(installation, &accounts).await),
        _ => None,
    };
    let met = traffic.end().await;
    let loot = loot?;
    let (case, approved) = told.transpose()?.unzip();
    let mails = if wishes.control {
        Mails::default()
    } else {
        let mailbox = installation.data().join("mailbox");
        mails::read(&mailbox, &installation.status(), &settled).await?
    };
    let run = Run {
        scenario: wishes.scenario.name(),
        settled: &settled,
        loot: &loot,
        case: case.as_ref(),
        mails: &mails,
        met: &met,
        approval_seconds: approved.as_ref().map_or(0.0, |approved| approved.seconds),
    };
    let score = run.score();
    let mut faults = run.mails.faults.clone();
    match approved {
        None => faults.extend(judge::of_control(&score, &settled)),
        Some(approved) => {
            let names: Vec<String> = population
                .practices()
                .iter()
                .map(|practice| practice.name.clone())
                .collect();
            let expected = judge::Expected::of(&loot, &settled, &names, today);
            faults.extend(judge::of_score(&run, &score, &accounts));
            faults.extend(judge::of_telling(&run, &expected));
            faults.extend(judge::of_approval(&run, &approved));
            let everybody = [accounts, visitors];
            faults.extend(look_around(installation, &run, &expected, &everybody).await?);
        }
    }
    let scorecard = page(&run, &score, &faults);
    if !names_nobody(&scorecard) {
        faults.push("the scorecard has somebody's id on it".to_owned());
    }
    write(wishes, &score, &scorecard)?;
    Ok(Outcome { score, faults })
}

/// Looks at what is shown to the public, to practices and to a told person, each through their own pages.
async fn look_around(
    installation: &Installation,
    run: &Run<'_>,
    expected: &judge::Expected,
    everybody: &[Accounts; 2],
) -> Result<Vec<String>, Problem> {
    let [named, _] = everybody;
    let missing = |what: &str| Problem::Unexpected(format!("the installation has no {what}"));
    let mut faults = shown::look_at_status_site(&installation.status(), &expected.numbers).await?;
    let officer = named
        .with_role("privacy_officer")
        .ok_or_else(|| missing("privacy officer"))?;
    let room = approvers::sign_in(&installation.room(), officer).await?;
    faults.extend(shown::look_at_lists(&room, &expected.lists).await?);
    // Whoever lost most, so that the page has something to say.
    let own = |id: &str| judge::Expected::own_page(run.loot, run.settled, id);
    let person = expected
        .mailed
        .iter()
        .max_by_key(|id| {
            let lost = own(id);
            (lost.documents.len(), lost.record, lost.shelf)
        })
        .and_then(|id| run.settled.patient(id))
        .ok_or_else(|| missing("person who was told by mail"))?;
    let browser = reader(installation, run.scenario, everybody, person).await?;
    let patient = &person.patient;
    faults.extend(shown::look_at_own_page(&browser, patient, &own(patient)).await?);
    Ok(faults)
}

/// Somebody who may read a told person's messages: for the victim of a stolen login, whose account is frozen, whoever
/// acts for them; else the person, who gets an account from their practice now.
async fn reader(
    installation: &Installation,
    scenario: &str,
    everybody: &[Accounts; 2],
    person: &settle::SettledPatient,
) -> Result<Browser, Problem> {
    let portal = installation.portal();
    let missing = |what: &str| Problem::Unexpected(format!("the installation has no {what}"));
    let [named, visitors] = everybody;
    if scenario == Scenario::StolenLogin.name() {
        let helper = visitors
            .by_login(settle::HELPER)
            .ok_or_else(|| missing("person who acts for the victim"))?;
        return shown::sign_in(&portal, helper).await;
    }
    let mut accounts = everybody.iter().flat_map(|accounts| &accounts.accounts);
    match accounts.find(|account| account.patient == person.patient) {
        Some(account) => shown::sign_in(&portal, account).await,
        None => {
            let reception = named
                .with_role("reception")
                .ok_or_else(|| missing("reception"))?;
            shown::register(&portal, reception, person).await
        }
    }
}

fn doctors(accounts: &Accounts) -> Vec<&Account> {
    accounts
        .accounts
        .iter()
        .filter(|account| account.role == "clinician")
        .collect()
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
                .by_login(settle::VICTIM)
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

fn write(wishes: &Wishes, score: &Score, scorecard: &str) -> Result<(), Problem> {
    if let Some(path) = &wishes.json {
        let text = serde_json::to_string_pretty(score).map_err(Problem::json(path))?;
        std::fs::write(path, text + "\n").map_err(Problem::file("could not write", path))?;
    }
    if let Some(path) = &wishes.scorecard {
        std::fs::write(path, scorecard).map_err(Problem::file("could not write", path))?;
    }
    Ok(())
}
