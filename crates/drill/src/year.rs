//! Ordinary life through budgets and detection: what the rules do to people who are no thieves.
//!
//! Everybody who visits is made up from `year/parameters.json`, and everything they do goes through the very budgets,
//! rules and freezes of the keeper, in simulated time. So each freeze and each proof mode of a year is a false one.

mod chance;
mod parameters;
mod patients;
mod play;
mod report;
mod special;
mod staff;
mod visit;
mod world;

pub use report::Report;

use crate::small_keeper::SmallKeeper;
use candour_rules::budget::BudgetTable;
use candour_rules::detect::DetectionTable;
use chance::{minutes, rounded};
use patients::Patients;
use play::Play;
use special::Special;
use staff::Practices;
use world::World;

/// What is wished for.
#[derive(Clone, Debug)]
pub struct Wishes {
    /// The seed of everything that is left to chance.
    pub seed: u64,
    /// People enrolled.
    pub patients: usize,
    /// Days, each with its nights; everything special is in any period.
    pub days: usize,
    /// The budgets.
    pub budgets: BudgetTable,
    /// The thresholds.
    pub detection: DetectionTable,
}

impl Wishes {
    /// With everything as designed.
    #[must_use]
    pub fn usual(seed: u64, patients: usize, days: usize) -> Self {
        Self {
            seed,
            patients,
            days,
            budgets: BudgetTable {
                enrolled: u32::try_from(patients).unwrap_or(u32::MAX),
                ..BudgetTable::default()
            },
            detection: DetectionTable::default(),
        }
    }
}

/// Plays it.
///
/// # Errors
/// The file of parameters is not readable.
pub fn run(wishes: &Wishes) -> Result<Report, serde_json::Error> {
    let parameters = parameters::read()?;
    let world = World::new(&parameters, wishes.seed, wishes.patients);
    let keeper = SmallKeeper::new(wishes.budgets.clone(), wishes.detection.clone(), &[]);
    let operator = &parameters.operator;
    let instances = rounded(*operator.instances) as u64;
    let (unfreeze, lift) = (
        minutes(*operator.principal_minutes),
        minutes(*operator.proof_minutes),
    );
    let mut play = Play::new(keeper, instances, unfreeze, lift);
    let special = Special {
        parameters: &parameters,
        world: &world,
        seed: wishes.seed,
        days: wishes.days,
    };
    for number in 0..wishes.days {
        let mut patients = Patients::of_day(&parameters, &world, wishes.seed, number);
        let mut practices = Practices::of_day(&parameters, &world, wishes.seed, number);
        let (surge, shelter) = special.surge(number);
        let mut visits = patients.come(number, surge, shelter);
        for house in &world.houses {
            visits.extend(practices.work(house, number));
        }
        let counted = &mut play.counted.report.special;
        visits.extend(special.happens(number, &mut patients, counted));
        for visit in visits {
            play.comes(visit);
        }
        play.until_the_end_of(number);
    }
    let mut report = play.counted.told();
    report.seed = wishes.seed;
    report.patients = wishes.patients;
    report.days = wishes.days;
    Ok(report)
}
