//! How old a patient is, as far as it decides who acts for them.
//!
//! In clear the keeper has the year of birth alone. In a year in which an age is reached it tries the days that are still
//! to come against the keyed hash of the birth date: so it knows the day without holding it. Where the day cannot be
//! known, the age counts as reached.

use crate::calls::reach::PatientView;
use crate::core::Core;
use crate::facts::{Fact, Patient, SubjectFacts};
use crate::keys::{KeyedToken, Keys};
use crate::session::Session;
use candour_keeper_wire::words::{Age, Role};
use candour_rules::ages::AgeTable;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan};

/// What a session may know of a patient, with the age where that decides anything: to whoever acts for somebody else.
pub fn view(core: &Core, facts: &SubjectFacts, viewer: &Session, now: Timestamp) -> PatientView {
    let own = viewer.own_patient.map(|own| core.keys.patient(own));
    let may_act = matches!(viewer.role, Role::Patient | Role::Proxy);
    if may_act && own != Some(facts.subject()) {
        aged(core, facts, Some(viewer), now)
    } else {
        PatientView::of(facts, Some(viewer))
    }
}

/// The same with the age, whoever looks.
pub fn aged(
    core: &Core,
    facts: &SubjectFacts,
    viewer: Option<&Session>,
    now: Timestamp,
) -> PatientView {
    let mut view = PatientView::of(facts, viewer);
    (view.age, view.grown_year) = of(&core.keys, &core.config.ages, facts, now);
    view
}

/// The age, and the year in which the patient is grown. Of whom no year is known nobody acts as for a child.
fn of(keys: &Keys, table: &AgeTable, facts: &SubjectFacts, now: Timestamp) -> (Age, Option<i16>) {
    let known = facts.live().find_map(|row| match &row.fact {
        Fact::Patient(held) if held.birth_year > 0 => Some(held),
        _ => None,
    });
    let Some(born) = known else {
        return (Age::Grown, None);
    };
    let today = today(now);
    let year = |age: u16| i16::try_from(born.birth_year + i32::from(age)).unwrap_or(i16::MAX);
    let has = |age: u16| match today.year().cmp(&year(age)) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => is_past(keys, facts.subject(), born, today),
    };
    let age = if has(table.grown) {
        Age::Grown
    } else if has(table.own_say) {
        Age::Young
    } else {
        Age::Child
    };
    (age, Some(year(table.grown)))
}

/// The age of a patient for whom somebody acts without bounds; `None` where they do not, or not for all of the record.
pub fn of_charge(
    core: &Core,
    own: &SubjectFacts,
    patient: &SubjectFacts,
    now: Timestamp,
) -> Option<Age> {
    let view = aged(core, patient, None, now);
    let acts = own.live().any(|row| match &row.fact {
        Fact::Proxy(proxy) => {
            let acts = proxy.acts_for(patient.subject(), now) && view.lets_act(proxy.kind, row.at);
            acts && proxy.sections.is_empty()
        }
        _ => false,
    });
    acts.then_some(view.age)
}

/// Whether two patients were born on the same day. Their hashes cannot be compared, so each day of the year is tried; where a
/// day cannot be known the two do not count as one person's.
pub fn were_born_together(keys: &Keys, one: &SubjectFacts, other: &SubjectFacts) -> bool {
    let born = |facts: &SubjectFacts| {
        facts.live().find_map(|row| match &row.fact {
            Fact::Patient(held) if held.birth_year > 0 => Some(held.clone()),
            _ => None,
        })
    };
    let (Some(a), Some(b)) = (born(one), born(other)) else {
        return false;
    };
    let first = i16::try_from(a.birth_year)
        .ok()
        .and_then(|year| Date::new(year, 1, 1).ok());
    let Some(first) = first.filter(|_| a.birth_year == b.birth_year) else {
        return false;
    };
    let is_day = |of: KeyedToken, held: &Patient, day: Date| {
        keys.birth(of, &day.to_string()).as_slice() == held.birth
    };
    first
        .series(1.day())
        .take_while(|day| day.year() == first.year())
        .any(|day| is_day(one.subject(), &a, day) && is_day(other.subject(), &b, day))
}

/// The day where it begins first: nobody's birthday is missed for an hour.
fn today(now: Timestamp) -> Date {
    let first = Offset::constant(14);
    now.to_zoned(TimeZone::fixed(first)).date()
}

/// Whether this year's birthday is today or was before, or cannot be known.
fn is_past(keys: &Keys, patient: KeyedToken, born: &Patient, today: Date) -> bool {
    let Ok(year) = i16::try_from(born.birth_year) else {
        return true;
    };
    let Ok(first) = Date::new(year, 1, 1) else {
        return true;
    };
    let is_to_come = |day: &Date| (day.month(), day.day()) > (today.month(), today.day());
    let mut to_come = first
        .series(1.day())
        .take_while(|day| day.year() == year)
        .filter(is_to_come);
    !to_come.any(|day| keys.birth(patient, &day.to_string()).as_slice() == born.birth)
}
