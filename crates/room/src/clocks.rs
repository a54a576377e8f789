//! Legal duties of an incident: law as data, started by the stamps of the timeline.

use crate::database::DatabaseError;
use candour_core::incidents::{Basis, Duty, Regime, Whom, regimes as known_regimes};
use candour_core::incidents::{Calendar, Clock, ClockState, Limit, Moment, Moments};
use candour_seal::IncidentId;
use deadpool_postgres::Pool;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Where the people of an installation live, as `law/` names places, and the time zone whose days count there.
const PLACES: [(&str, &str); 1] = [("NZ", "Pacific/Auckland")];

/// The regimes that apply here, each with the calendar of its place.
fn regimes() -> Vec<(Regime, Calendar)> {
    // The files are part of the binary; a test of the core reads every one.
    let known = known_regimes().unwrap_or_default();
    let here = known.into_iter().filter_map(|regime| {
        let (_, zone) = PLACES.iter().find(|(place, _)| *place == regime.place)?;
        let calendar = Calendar {
            zone: TimeZone::get(zone).unwrap_or(TimeZone::UTC),
            holidays: Vec::new(),
        };
        Some((regime, calendar))
    });
    here.collect()
}

/// The word in the database and in addresses of pages.
const fn word(whom: Whom) -> &'static str {
    match whom {
        Whom::Person => "person",
        Whom::Regulator => "regulator",
        Whom::Media => "media",
        Whom::Ourselves => "ourselves",
    }
}

/// What is to be done, as a sentence.
fn words(duty: &Duty) -> String {
    let (number, unit) = match duty.limit {
        None => return format!("Tell: {}, as soon as practicable.", duty.name),
        Some(Limit::Hours(number)) => (number, "hours"),
        Some(Limit::Days(number)) => (number, "days"),
        Some(Limit::BusinessDays(number)) => (number, "business days"),
        Some(Limit::Months(number)) => (number, "months"),
    };
    let rests_on = match duty.basis {
        Basis::Statute => "the law's limit",
        Basis::Guide => "the regulator's guide",
        Basis::Unverified => "a limit that nobody has verified",
    };
    format!("Tell: {}, within {number} {unit} ({rests_on}).", duty.name)
}

/// Starts every clock that becoming aware starts. Safe to repeat.
pub async fn start(
    pool: &Pool,
    incident: IncidentId,
    aware_at: Timestamp,
) -> Result<(), DatabaseError> {
    let client = pool.get().await?;
    let id = incident.as_bytes().as_slice();
    for (regime, calendar) in regimes() {
        for duty in &regime.duties {
            let clock = clock(&regime, duty, None);
            let due = clock.due(&moments(duty.start, aware_at), &calendar);
            let whom = word(duty.whom);
            client
                .execute(START, &[&id, &regime.id, &whom, &aware_at, &due])
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
        let (name, whom): (&str, &str) = (row.try_get("regime")?, row.try_get("duty")?);
        let Some((regime, calendar)) = regimes.iter().find(|(regime, _)| regime.id == name) else {
            continue;
        };
        let owed = |duty: &&Duty| self::word(duty.whom) == whom;
        let Some(duty) = regime.duties.iter().find(owed) else {
            continue;
        };
        let clock = clock(regime, duty, row.try_get("done_at")?);
        let moments = moments(duty.start, row.try_get("starts_at")?);
        running.push(Running {
            regime: regime.name.clone(),
            duty: whom.to_owned(),
            words: words(duty),
            state: clock.state(&moments, calendar, now),
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
    fn the_duties_here_are_sentences_and_their_place_has_a_calendar() {
        let regimes = regimes();
        assert_eq!(regimes.len(), PLACES.len());
        let duties: Vec<_> = regimes[0].0.duties.iter().map(words).collect();
        assert_eq!(
            duties,
            [
                "Tell: Office of the Privacy Commissioner, within 72 hours (the regulator's guide).",
                "Tell: Affected individual, as soon as practicable."
            ]
        );
        assert_ne!(regimes[0].1.zone, TimeZone::UTC);
    }
}
