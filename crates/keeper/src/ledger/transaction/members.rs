//! Members of runs: written, and counted.

use super::Writer;
use crate::runs::RunMemberRow;
use tokio_postgres::{Error, Statement};

pub(super) async fn write_members(
    writer: &Writer,
    statement: &Statement,
    members: &[(RunMemberRow, [u8; 32])],
) -> Result<(), Error> {
    let run: Vec<&[u8]> = members
        .iter()
        .map(|(row, _)| row.run.0.as_slice())
        .collect();
    let patient: Vec<&[u8]> = members
        .iter()
        .map(|(row, _)| row.patient.0.as_slice())
        .collect();
    let identity: Vec<i16> = members.iter().map(|(row, _)| row.identity).collect();
    let contact: Vec<i16> = members.iter().map(|(row, _)| row.contact).collect();
    let mac: Vec<&[u8]> = members.iter().map(|(_, mac)| mac.as_slice()).collect();
    writer
        .execute(statement, &[&run, &patient, &identity, &contact, &mac])
        .await
}
