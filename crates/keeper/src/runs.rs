//! Members of bulk lanes.

use crate::core::Core;
use crate::keys::KeyedToken;
use crate::reader;
use crate::sql::calls as sql;
use candour_keeper_wire::words::{Reason, Section};

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

/// A member of a run; `None` for whoever is none.
pub async fn member(
    core: &Core,
    run: KeyedToken,
    patient: KeyedToken,
) -> Result<Option<RunMemberRow>, Reason> {
    let (of_run, of_patient): (&[u8], &[u8]) = (&run.0, &patient.0);
    let rows = reader::rows(&core.pool, sql::RUN_MEMBER, &[&of_run, &of_patient]).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let member = RunMemberRow {
        run,
        patient,
        identity: row.get(0),
        contact: row.get(1),
    };
    if core.keys.mac_fits(
        "run_member",
        &member_mac_data(&member),
        row.get::<_, &[u8]>(2),
    ) {
        Ok(Some(member))
    } else {
        core.foreign.note("run_member", patient);
        Err(Reason::SubjectClosed)
    }
}
