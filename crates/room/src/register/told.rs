//! Who was told by a person: by phone, in person, by letter; people, and practices that no mail reaches. Written down by whoever told them; a mistake is corrected
//! by another row.

use crate::database::DatabaseError;
use candour_keeper_api::words::Role;
use candour_seal::{IncidentId, PatientId, PersonId, PracticeId};
use deadpool_postgres::Pool;
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::BTreeMap;
use tokio_postgres::types::ToSql;

/// How somebody was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// On the phone.
    Phone,
    /// At the counter, in a consultation, at home.
    InPerson,
    /// By a letter of the practice's own.
    Letter,
}

impl How {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Phone, Self::InPerson, Self::Letter];

    /// The word in the database and in forms.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::InPerson => "in_person",
            Self::Letter => "letter",
        }
    }

    /// The one with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|how| how.word() == word)
    }
}

/// What somebody writes down of one person.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    /// False: what was written before was wrong.
    pub is_told: bool,
    /// How.
    pub how: How,
    /// On which day.
    pub day: Date,
    /// Who writes it down.
    pub author: PersonId,
    /// In which role.
    pub role: Role,
    /// For which practice.
    pub practice: Option<PracticeId>,
    /// When.
    pub at: Timestamp,
    /// The keeper's ledger entry of the leave.
    pub entry_index: i64,
}

/// Writes it down. Nothing is written where it says what the newest row says already, or corrects what nobody wrote;
/// whether a row was added.
pub async fn mark(
    pool: &Pool,
    incident: IncidentId,
    patient: PatientId,
    mark: &Mark,
) -> Result<bool, DatabaseError> {
    let (incident, patient) = (
        incident.as_bytes().as_slice(),
        patient.as_bytes().as_slice(),
    );
    let author = mark.author.as_bytes().as_slice();
    let practice = mark.practice.as_ref().map(|id| id.as_bytes().as_slice());
    let values: [&(dyn ToSql + Sync); 10] = [
        &incident,
        &patient,
        &mark.is_told,
        &mark.how.word(),
        &mark.day,
        &author,
        &i16::from(mark.role.number()),
        &practice,
        &mark.at,
        &mark.entry_index,
    ];
    let count = pool.get().await?.execute(MARK, &values).await?;
    Ok(count == 1)
}

/// That somebody was told, as it stands now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// How.
    pub how: How,
    /// On which day.
    pub day: Date,
    /// The practice that wrote it down.
    pub practice: Option<PracticeId>,
}

/// Everybody of a case who was told by a person.
pub async fn told(
    pool: &Pool,
    incident: IncidentId,
) -> Result<BTreeMap<PatientId, Told>, DatabaseError> {
    let incident = incident.as_bytes().as_slice();
    let rows = pool.get().await?.query(TOLD, &[&incident]).await?;
    rows.iter()
        .map(|row| {
            let patient: &[u8] = row.try_get("patient")?;
            let practice: Option<&[u8]> = row.try_get("practice")?;
            let told = Told {
                how: How::from_word(row.try_get("how")?).ok_or(DatabaseError::Row)?,
                day: row.try_get("told_on")?,
                practice: practice
                    .map(PracticeId::try_from)
                    .transpose()
                    .map_err(|_| DatabaseError::Row)?,
            };
            let patient = PatientId::try_from(patient).map_err(|_| DatabaseError::Row)?;
            Ok((patient, told))
        })
        .collect()
}

/// Writes down that a practice itself was told, as [`mark`] does of a person.
pub async fn mark_practice(
    pool: &Pool,
    incident: IncidentId,
    practice: PracticeId,
    mark: &Mark,
) -> Result<bool, DatabaseError> {
    let (incident, practice) = (
        incident.as_bytes().as_slice(),
        practice.as_bytes().as_slice(),
    );
    let author = mark.author.as_bytes().as_slice();
    let values: [&(dyn ToSql + Sync); 9] = [
        &incident,
        &practice,
        &mark.is_told,
        &mark.how.word(),
        &mark.day,
        &author,
        &i16::from(mark.role.number()),
        &mark.at,
        &mark.entry_index,
    ];
    let count = pool.get().await?.execute(MARK_PRACTICE, &values).await?;
    Ok(count == 1)
}

/// Every practice of a case that was told by a person.
pub async fn practices_told(
    pool: &Pool,
    incident: IncidentId,
) -> Result<BTreeMap<PracticeId, Told>, DatabaseError> {
    let incident = incident.as_bytes().as_slice();
    let rows = pool
        .get()
        .await?
        .query(PRACTICES_TOLD, &[&incident])
        .await?;
    rows.iter()
        .map(|row| {
            let practice: &[u8] = row.try_get("practice")?;
            let told = Told {
                how: How::from_word(row.try_get("how")?).ok_or(DatabaseError::Row)?,
                day: row.try_get("told_on")?,
                practice: None,
            };
            let practice = PracticeId::try_from(practice).map_err(|_| DatabaseError::Row)?;
            Ok((practice, told))
        })
        .collect()
}

/// How many practices know: our mail left for them, or a person told them.
pub async fn practices_reached(pool: &Pool, incident: IncidentId) -> Result<i64, DatabaseError> {
    let incident = incident.as_bytes().as_slice();
    let row = pool
        .get()
        .await?
        .query_one(PRACTICES_REACHED, &[&incident])
        .await?;
    Ok(row.try_get(0)?)
}

/// How many people stand on a call list and nobody has told yet.
pub async fn still_to_ring(pool: &Pool, incident: IncidentId) -> Result<i64, DatabaseError> {
    let incident = incident.as_bytes().as_slice();
    let row = pool
        .get()
        .await?
        .query_one(STILL_TO_RING, &[&incident])
        .await?;
    Ok(row.try_get(0)?)
}

pub(crate) const MARK: &str = "
    with newest as (
        select number, is_told, how, told_on from told
        where incident = $1 and patient = $2 order by number desc limit 1
    )
    insert into told (incident, patient, number, is_told, how, told_on, author, role, practice, at, entry_index)
    select $1, $2, coalesce((select number from newest), 0) + 1, $3, $4, $5, $6, $7, $8, $9, $10
    where case when $3 then not exists (select 1 from newest where is_told and how = $4 and told_on = $5)
               else exists (select 1 from newest where is_told) end
    on conflict do nothing";

pub(crate) const TOLD: &str = "
    select patient, how, told_on, practice from (
        select distinct on (told.patient) told.patient, is_told, how, told_on, practice
        from told join register on register.incident = told.incident and register.patient = told.patient
        where told.incident = $1 and register.state <> 'cleared'
        order by told.patient, number desc
    ) newest where is_told order by patient";

pub(crate) const MARK_PRACTICE: &str = "
    with newest as (
        select number, is_told, how, told_on from practice_told
        where incident = $1 and practice = $2 order by number desc limit 1
    )
    insert into practice_told (incident, practice, number, is_told, how, told_on, author, role, at, entry_index)
    select $1, $2, coalesce((select number from newest), 0) + 1, $3, $4, $5, $6, $7, $8, $9
    where case when $3 then not exists (select 1 from newest where is_told and how = $4 and told_on = $5)
               else exists (select 1 from newest where is_told) end
    on conflict do nothing";

pub(crate) const PRACTICES_TOLD: &str = "
    select practice, how, told_on from (
        select distinct on (practice) practice, is_told, how, told_on from practice_told
        where incident = $1 order by practice, number desc
    ) newest where is_told order by practice";

pub(crate) const PRACTICES_REACHED: &str = "
    select count(*) from (
        select recipient_id from notice
        where incident = $1 and recipient = 'practice' and channel = 'mail' and state = 'handed_over'
        union
        select practice from (
            select distinct on (practice) practice, is_told from practice_told
            where incident = $1 order by practice, number desc
        ) newest where is_told
    ) reached";

pub(crate) const STILL_TO_RING: &str = "
    select count(distinct recipient_id) from notice
    where incident = $1 and recipient = 'patient' and state = 'on_call_list'
      and not coalesce((select is_told from told
                        where told.incident = notice.incident and told.patient = notice.recipient_id
                        order by number desc limit 1), false)
      and exists (select 1 from register
                  where register.incident = notice.incident and register.patient = notice.recipient_id
                    and register.state <> 'cleared')";
