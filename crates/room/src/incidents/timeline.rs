//! What happened and when; rows are added, never changed.

use crate::database::DatabaseError;
use candour_seal::IncidentId;
use deadpool_postgres::GenericClient;
use deadpool_postgres::Pool;
use jiff::Timestamp;

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident $word:literal),+ $(,)?) => {
        /// The kinds of events in a case.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Event { $($(#[$doc])* $name),+ }

        impl Event {
            /// The word in the database.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }
        }
    };
}

events! {
    /// The first release within the scope.
    FirstGrant "first_grant",
    /// A rule of detection struck.
    Alarm "alarm",
    /// Something was frozen.
    Freeze "freeze",
    /// The case was opened.
    Opened "opened",
    /// Stamp: reasonable grounds to suspect.
    Suspect "suspect",
    /// Stamp: aware, with reasonable certainty.
    Aware "aware",
    /// A scope version was computed.
    Scope "scope",
    /// Two officers unlocked the room's key.
    Unlock "unlock",
    /// A text or list was approved by an officer.
    Approved "approved",
    /// A statement was published.
    Published "published",
    /// A practice was told.
    PracticeTold "practice_told",
    /// A run began.
    Run "run",
    /// A person was told.
    PatientTold "patient_told",
    /// Nobody is left to be told by mail or portal.
    Finished "finished",
    /// Two officers closed the case.
    Closed "closed",
}

/// Adds an event; an event of the same kind read from the same ledger entry is added once.
pub async fn note(
    pool: &Pool,
    incident: IncidentId,
    at: Timestamp,
    event: Event,
    author: &str,
    detail: &str,
) -> Result<(), DatabaseError> {
    let client = pool.get().await?;
    add(&client, incident, at, event, author, detail, None).await
}

/// Adds an event that a ledger entry stands for, unless the same sentence was added within the hour before.
pub async fn note_once_an_hour(
    pool: &Pool,
    incident: IncidentId,
    at: Timestamp,
    event: Event,
    author: &str,
    detail: &str,
    entry_index: i64,
) -> Result<(), DatabaseError> {
    let incident = incident.as_bytes().as_slice();
    pool.get()
        .await?
        .execute(
            ADD_ONCE_AN_HOUR,
            &[
                &incident,
                &at,
                &event.word(),
                &author,
                &detail,
                &entry_index,
            ],
        )
        .await?;
    Ok(())
}

/// Adds an event, within a transaction too.
pub(crate) async fn add(
    client: &impl GenericClient,
    incident: IncidentId,
    at: Timestamp,
    event: Event,
    author: &str,
    detail: &str,
    entry_index: Option<i64>,
) -> Result<(), DatabaseError> {
    let incident = incident.as_bytes().as_slice();
    client
        .execute(
            ADD,
            &[
                &incident,
                &at,
                &event.word(),
                &author,
                &detail,
                &entry_index,
            ],
        )
        .await?;
    Ok(())
}

/// One row of a case's timeline.
#[derive(Debug, Clone)]
pub struct TimelineRow {
    /// When it happened.
    pub at: Timestamp,
    /// The event's word.
    pub word: String,
    /// `Candour`, or the officer's role.
    pub author: String,
    /// A sentence with numbers.
    pub detail: String,
}

/// The timeline of a case in the order in which things happened.
pub async fn events(pool: &Pool, incident: IncidentId) -> Result<Vec<TimelineRow>, DatabaseError> {
    let incident = incident.as_bytes().as_slice();
    let rows = pool.get().await?.query(EVENTS, &[&incident]).await?;
    rows.iter()
        .map(|row| {
            Ok(TimelineRow {
                at: row.try_get("at")?,
                word: row.try_get("word")?,
                author: row.try_get("author")?,
                detail: row.try_get("detail")?,
            })
        })
        .collect()
}

pub(crate) const ADD: &str = "
    insert into timeline (incident, number, at, word, author, detail, entry_index)
    select $1::bytea, coalesce(max(number), 0) + 1, $2::timestamptz, $3::text, $4::text, $5::text, $6::bigint
    from timeline where incident = $1
    on conflict (incident, word, entry_index) do nothing";

pub(crate) const ADD_ONCE_AN_HOUR: &str = "
    insert into timeline (incident, number, at, word, author, detail, entry_index)
    select $1::bytea, coalesce(max(number), 0) + 1, $2::timestamptz, $3::text, $4::text, $5::text, $6::bigint
    from timeline where incident = $1
    having not exists (
        select 1 from timeline earlier
        where earlier.incident = $1 and earlier.word = $3 and earlier.author = $4 and earlier.detail = $5
          and earlier.at > $2::timestamptz - interval '1 hour')
    on conflict (incident, word, entry_index) do nothing";

pub(crate) const EVENTS: &str =
    "select at, word, author, detail from timeline where incident = $1 order by at, number";
