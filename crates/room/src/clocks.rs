//! Legal duties of an incident: law as data, started by the stamps of the timeline.

use crate::database::DatabaseError;
use candour_core::incidents::{Calendar, Clock, ClockState, Limit, Moment, Moments};
use candour_seal::IncidentId;
use deadpool_postgres::Pool;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;

/// A regime as its file in `law/` says it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Regime {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The time zone whose days count.
    pub zone: String,
    /// Where the duties were read.
    pub source: String,
    /// When somebody last read it there.
    pub reviewed: jiff::civil::Date,
    /// The duties.
    pub duties: Vec<Duty>,
}

/// One duty of a regime.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Duty {
    /// `regulator` or `person`.
    pub duty: String,
    /// What is to be done.
    pub words: String,
    /// What starts it.
    pub start: Moment,
    /// Its limit; `None` means as soon as practicable.
    pub limit: Option<Limit>,
    /// The limit is a regulator's guide and not in the law.
    pub is_guide: bool,
}

const NEW_ZEALAND: &str = include_str!("../../../law/NZ-PA2020.json");

/// The regimes that apply here.
pub fn regimes() -> Vec<Regime> {
    // The files are part of the binary; a test reads every one.
    [NEW_ZEALAND]
        .into_iter()
        .filter_map(|text| serde_json::from_str(text).ok())
        .collect()
}

impl Regime {
    fn calendar(&self) -> Calendar {
        Calendar {
            zone: TimeZone::get(&self.zone).unwrap_or(TimeZone::UTC),
            holidays: Vec::new(),
        }
    }
}

/// Starts every clock that becoming aware starts. Safe to repeat.
pub async fn start(
    pool: &Pool,
    incident: IncidentId,
    aware_at: Timestamp,
) -> Result<(), DatabaseError> {
    let client = pool.get().await?;
    let id = incident.as_bytes().as_slice();
    for regime in regimes() {
        for duty in &regime.duties {
            let clock = clock(&regime, duty, None);
            let due = clock.due(&moments(duty.start, aware_at), &regime.calendar());
            client
                .execute(START, &[&id, &regime.id, &duty.duty, &aware_at, &due])
                .await?;
        }
    }
    Ok(())
}

fn clock(regime: &Regime, duty: &Duty, done: Option<Timestamp>) -> Clock {
    Clock {
        regime: regime.id.clone(),
        start: duty.start,
        limit: duty.limit,
        done,
    }
}

fn moments(start: Moment, at: Timestamp) -> Moments {
    Moments::from([(start, at)])
}

/// A duty is done; the first time counts.
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

/// A clock as a page shows it.
#[derive(Debug, Clone)]
pub struct Running {
    /// The regime's name.
    pub regime: String,
    /// `regulator` or `person`.
    pub duty: String,
    /// What is to be done.
    pub words: String,
    /// Where it stands.
    pub state: ClockState,
}

/// The clocks of a case at a time.
pub async fn running(
    pool: &Pool,
    incident: IncidentId,
    now: Timestamp,
) -> Result<Vec<Running>, DatabaseError> {
    let id = incident.as_bytes().as_slice();
    let rows = pool.get().await?.query(CLOCKS, &[&id]).await?;
    let regimes = regimes();
    let mut running = Vec::new();
    for row in rows {
        let (name, word): (&str, &str) = (row.try_get("regime")?, row.try_get("duty")?);
        let Some(regime) = regimes.iter().find(|regime| regime.id == name) else {
            continue;
        };
        let Some(duty) = regime.duties.iter().find(|duty| duty.duty == word) else {
            continue;
        };
        let clock = clock(regime, duty, row.try_get("done_at")?);
        let moments = moments(duty.start, row.try_get("starts_at")?);
        running.push(Running {
            regime: regime.name.clone(),
            duty: duty.duty.clone(),
            words: duty.words.clone(),
            state: clock.state(&moments, &regime.calendar(), now),
        });
    }
    Ok(running)
}

pub(crate) const START: &str = "
    insert into clock (incident, regime, duty, starts_at, due_at) values ($1, $2, $3, $4, $5)
    on conflict (incident, regime, duty) do nothing";

pub(crate) const DONE: &str = "
    update clock set done_at = $3 where incident = $1 and duty = $2 and done_at is null";

pub(crate) const CLOCKS: &str = "
    select regime, duty, starts_at, done_at from clock
    where incident = $1 order by regime, duty desc";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_regime_reads_and_names_its_source_and_zone() {
        let regimes = regimes();
        assert_eq!(regimes.len(), 1);
        for regime in regimes {
            assert!(!regime.source.is_empty());
            assert!(TimeZone::get(&regime.zone).is_ok(), "{}", regime.zone);
        }
    }
}
