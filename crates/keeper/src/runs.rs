//! Members of bulk lanes.

use crate::keys::{KeyedToken, Keys};
use crate::sql::calls as sql;
use candour_keeper_api::words::Section;
use deadpool_postgres::Pool;

/// How often a member's section may be opened within one run.
pub const MOST_OPENS: i16 = 3;

/// One member of a run, with how often each of its two sections was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunMemberRow {
    /// The run.
    pub run: KeyedToken,
    /// The member.
    pub patient: KeyedToken,
    /// Openings of the identity section.
    pub identity: i16,
    /// Openings of the contact section.
    pub contact: i16,
}

impl RunMemberRow {
    /// The row after one more opening of a section; `None` when it was opened often enough.
    pub fn opened(mut self, section: Section) -> Option<Self> {
        let count = match section {
            Section::Identity => &mut self.identity,
            Section::Contact => &mut self.contact,
            _ => return None,
        };
        *count += 1;
        (*count <= MOST_OPENS).then_some(self)
    }
}

/// The bytes a member's MAC is over.
pub(crate) fn member_mac_data(row: &RunMemberRow) -> Vec<u8> {
    [
        row.run.0.as_slice(),
        &row.patient.0,
        &row.identity.to_be_bytes(),
        &row.contact.to_be_bytes(),
    ]
    .concat()
}

/// Why a member cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum MemberError {
    /// The row was put in or changed past the keeper.
    #[error("a run's member does not verify")]
    Foreign,
    /// The database does not answer.
    #[error("members cannot be read")]
    Unavailable,
}

/// A member of a run; `None` for whoever is none.
pub async fn member(
    pool: &Pool,
    keys: &Keys,
    run: KeyedToken,
    patient: KeyedToken,
) -> Result<Option<RunMemberRow>, MemberError> {
    let unavailable = |_| MemberError::Unavailable;
    let client = pool.get().await.map_err(|_| MemberError::Unavailable)?;
    let statement = client
        .prepare_cached(sql::RUN_MEMBER)
        .await
        .map_err(unavailable)?;
    let names: [&[u8]; 2] = [&run.0, &patient.0];
    let Some(row) = client
        .query_opt(&statement, &[&names[0], &names[1]])
        .await
        .map_err(unavailable)?
    else {
        return Ok(None);
    };
    let member = RunMemberRow {
        run,
        patient,
        identity: row.get(0),
        contact: row.get(1),
    };
    if keys.mac_fits(
        "run_member",
        &member_mac_data(&member),
        row.get::<_, &[u8]>(2),
    ) {
        Ok(Some(member))
    } else {
        Err(MemberError::Foreign)
    }
}
