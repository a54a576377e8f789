//! Legal duties of an incident: law as data (`law/`), started by the stamp that we are aware.

use crate::database::DatabaseError;
use candour_core::incidents::{
    Calendar, Clock, ClockState, Duty, Moment, Moments, Regime, Whom, regimes,
};
use candour_seal::IncidentId;
use deadpool_postgres::Pool;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;
use tracing::error;

/// Where the operator is; its law applies to every incident.
const HOME: &str = "NZ";

/// The duties of a regime that becoming aware starts, each with its word in the database.
fn duties(regime: &Regime) -> Vec<(String, &Duty)> {
    let mut words = BTreeSet::new();
    regime
        .duties
        .iter()
        .filter(|duty| duty.start == Moment::Aware)
        .map(|duty| {
            let word = word(duty.whom);
            let same = words.iter().filter(|(known, _)| *known == word).count();
            words.insert((word, same));
            let name = if same == 0 {
                word.to_owned()
            } else {
                format!("{word} {}", same + 1)
            };
            (name, duty)
        })
        .collect()
}

const fn word(whom: Whom) -> &'static str {
    match whom {
        Whom::Person => "person",
        Whom::Regulator => "regulator",
        Whom::Media => "media",
        Whom::Ourselves => "ourselves",
    }
}

fn all() -> Vec<Regime> {
    regimes().unwrap_or_else(|problem| {
        // The files are part of the binary and a test reads every one.
        error!(%problem, "the law's data does not read; no clock is shown");
        Vec::new()
    })
}

fn calendar(zone: &TimeZone) -> Calendar {
    Calendar {
        zone: zone.clone(),
        holidays: Vec::new(),
    }
}

fn clock(regime: &Regime, duty: &Duty, done: Option<Timestamp>) -> Clock {
    Clock {
        regime: regime.id.clone(),
        start: duty.start,
        limit: duty.limit,
        done,
    }
}

fn moments(at: Timestamp) -> Moments {
    Moments::from([(Moment::Aware, at)])
}

/// Starts every clock of the law at home and of the countries where affected people live. Safe to repeat.
pub async fn start(
    pool: &Pool,
    incident: IncidentId,
    aware_at: Timestamp,
    zone: &TimeZone,
) -> Result<(), DatabaseError> {
    let client = pool.get().await?;
    let id = incident.as_bytes().as_slice();
    let mut places = BTreeSet::from([HOME.to_owned()]);
    for row in client.query(COUNTRIES, &[&id]).await? {
        places.insert(row.try_get(0)?);
    }
    for regime in all().iter().filter(|regime| places.contains(&regime.place)) {
        for (name, duty) in duties(regime) {
            let due = clock(regime, duty, None).due(&moments(aware_at), &calendar(zone));
            client
                .execute(START, &[&id, &regime.id, &name, &aware_at, &due])
                .await?;
        }
    }
    Ok(())
}

/// A duty is done in every regime that has it; the first time counts, until it turns out not to be done.
pub async fn done(
    pool: &Pool,
    incident: IncidentId,
    duty: &str,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let id = incident.as_bytes().as_slice();
    let count = pool.get().await?.execute(DONE, &[&id, &duty, &now]).await?;
    Ok(count > 0)
}

/// A duty turns out not to be done; whether it was taken for done.
pub async fn not_done(
    pool: &Pool,
    incident: IncidentId,
    duty: &str,
) -> Result<bool, DatabaseError> {
    let id = incident.as_bytes().as_slice();
    let count = pool.get().await?.execute(NOT_DONE, &[&id, &duty]).await?;
    Ok(count > 0)
}

/// A clock as a page shows it.
#[derive(Debug, Clone)]
pub struct Running {
    /// The regime's name.
    pub regime: String,
    /// Its word in the database: begins with `regulator` or `person`, …
    pub duty: String,
    /// Whom it is owed to.
    pub to: String,
    /// Where it stands.
    pub state: ClockState,
}

/// The clocks of a case at a time.
pub async fn running(
    pool: &Pool,
    incident: IncidentId,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<Vec<Running>, DatabaseError> {
    let id = incident.as_bytes().as_slice();
    let rows = pool.get().await?.query(CLOCKS, &[&id]).await?;
    let regimes = all();
    let mut running = Vec::new();
    for row in rows {
        let (regime, duty): (&str, &str) = (row.try_get("regime")?, row.try_get("duty")?);
        let Some(regime) = regimes.iter().find(|known| known.id == regime) else {
            continue;
        };
        let duties = duties(regime);
        let Some((name, duty)) = duties.into_iter().find(|(name, _)| name == duty) else {
            continue;
        };
        let clock = clock(regime, duty, row.try_get("done_at")?);
        running.push(Running {
            regime: regime.name.clone(),
            duty: name,
            to: duty.name.clone(),
            state: clock.state(&moments(row.try_get("starts_at")?), &calendar(zone), now),
        });
    }
    Ok(running)
}

pub(crate) const COUNTRIES: &str =
    "select distinct country from register where incident = $1 and country <> ''";

pub(crate) const START: &str = "
    insert into clock (incident, regime, duty, starts_at, due_at) values ($1, $2, $3, $4, $5)
    on conflict (incident, regime, duty) do nothing";

pub(crate) const DONE: &str = "
    update clock set done_at = $3
    where incident = $1 and duty like $2 || '%' and done_at is null";

pub(crate) const NOT_DONE: &str = "
    update clock set done_at = null
    where incident = $1 and duty like $2 || '%' and done_at is not null";

pub(crate) const CLOCKS: &str = "
    select regime, duty, starts_at, done_at from clock
    where incident = $1 order by regime, duty desc";

pub(crate) const STATEMENTS: &[&str] = &[COUNTRIES, START, DONE, NOT_DONE, CLOCKS];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_law_at_home_has_a_clock_for_the_regulator_and_for_people() {
        let regimes = all();
        let home = regimes.iter().find(|regime| regime.place == HOME).unwrap();
        let names: Vec<_> = duties(home).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["regulator", "person"]);
    }
}
