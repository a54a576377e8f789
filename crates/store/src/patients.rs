//! That patients exist and which practices know them.

use crate::{Store, StoreError, sql};
use candour_keeper_api::wire;
use candour_seal::{PatientId, PracticeId};
use jiff::civil::Date;

/// Who was enrolled, read from the keeper's answer and nowhere else.
pub struct Enrolments {
    practice: PracticeId,
    patients: Vec<PatientId>,
}

impl Enrolments {
    /// The people of the answer who were not refused.
    pub fn of(practice: PracticeId, answer: &wire::Enrolled) -> Self {
        let patients = answer
            .people
            .iter()
            .filter_map(|person| PatientId::try_from(person.patient.as_slice()).ok())
            .collect();
        Self { practice, patients }
    }
}

impl Store {
    /// Notes that these patients exist and are known at their practice. Safe to repeat.
    pub async fn put_enrolments(
        &self,
        enrolments: &Enrolments,
        day: Date,
    ) -> Result<(), StoreError> {
        let patients: Vec<&[u8]> = enrolments
            .patients
            .iter()
            .map(|patient| patient.as_bytes().as_slice())
            .collect();
        let practice = enrolments.practice.as_bytes().as_slice();
        let mut connection = self.connection().await?;
        let put = connection.prepare_cached(sql::PUT_PATIENTS).await?;
        let link = connection.prepare_cached(sql::LINK_PATIENTS).await?;
        let transaction = connection.transaction().await?;
        transaction.execute(&put, &[&patients, &day]).await?;
        transaction.execute(&link, &[&patients, &practice]).await?;
        transaction.commit().await?;
        Ok(())
    }
}
