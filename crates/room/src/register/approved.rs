//! Whom the list names that two officers approved last. A newer version of the register waits for them; until they
//! have approved it nobody is told from it, and who works through the list keeps it.

use super::rows::{Member, of_a_member, read_members};
use crate::database::DatabaseError;
use candour_keeper_api::words::Purpose;
use candour_seal::{IncidentId, PracticeId};
use deadpool_postgres::Pool;

/// Which list of a case is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// What the register says now, approved or not.
    Newest,
    /// What was approved last, as far as the register still says it: whoever it has taken off since, and whatever it
    /// takes for less since, may never have been seen.
    Approved,
}

/// Keeps that exactly what the register says now is approved. Safe to repeat.
pub async fn keep_approved(pool: &Pool, incident: IncidentId) -> Result<(), DatabaseError> {
    let id = incident.as_bytes().as_slice();
    let mut client = pool.get().await?;
    let transaction = client.transaction().await?;
    for statement in [KEEP_PEOPLE, KEEP_ITEMS, KEEP_SECTIONS] {
        transaction.execute(statement, &[&id]).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// The people of the list that was approved last, by id; of each the practices on whose list they stand.
pub async fn approved_members(
    pool: &Pool,
    incident: IncidentId,
) -> Result<Vec<Member>, DatabaseError> {
    let id = incident.as_bytes().as_slice();
    let own = i16::from(Purpose::OwnRecord.number());
    let rows = pool
        .get()
        .await?
        .query(APPROVED_MEMBERS, &[&id, &own])
        .await?;
    read_members(&rows)
}

/// Whether a list was approved on which patients of this practice stand.
pub async fn has_approved_list(
    pool: &Pool,
    incident: IncidentId,
    practice: PracticeId,
) -> Result<bool, DatabaseError> {
    let (id, practice) = (
        incident.as_bytes().as_slice(),
        practice.as_bytes().as_slice(),
    );
    let row = pool
        .get()
        .await?
        .query_one(HAS_APPROVED_LIST, &[&id, &practice])
        .await?;
    Ok(row.try_get(0)?)
}

pub(crate) const KEEP_PEOPLE: &str = "
    update register set
        approved_practices = case when state = 'cleared' then '{}'::bytea[] else practices end,
        approved_state = nullif(state, 'cleared')
    where incident = $1";

pub(crate) const KEEP_ITEMS: &str = "
    update register_item set approved_as_listing = case when state <> 'cleared' then is_listing end
    where incident = $1";

pub(crate) const KEEP_SECTIONS: &str = "
    update register_section set approved_as_listing = case when state <> 'cleared' then is_listing end
    where incident = $1";

pub(crate) const APPROVED_MEMBERS: &str = concat!(
    "
    select register.patient, register.route, register.reason, register.enrolled,
           case when register.approved_state = 'confirmed' then register.state
                else register.approved_state end as state,
           array(select unnest(register.practices) intersect select unnest(register.approved_practices)
                 order by 1) as practices,
           ",
    of_a_member!(),
    "
    from register
    where register.incident = $1 and register.state <> 'cleared' and register.approved_state is not null
    order by register.patient"
);

pub(crate) const HAS_APPROVED_LIST: &str = "
    select exists (select 1 from register
                   where incident = $1 and route <> 'canary' and $2 = any(approved_practices))";
