//! A practice's own patients: finding them, and whom a record belongs to.

use crate::{App, FirstByte, ReadError, parts};
use candour_core::people::Identity;
use candour_keeper_api::wire::{self, Call, Reply};
use candour_keeper_api::words::Section;
use candour_keeper_api::{CallError, Denied, Opened, Permit, Viewer};
use candour_seal::{PatientId, PracticeId};

/// What was typed to find somebody; fill what one kind of search needs (NHI; surname and birth date; surname and
/// initial; telephone). The keeper normalises.
#[derive(Clone, Default)]
pub struct Terms {
    /// An NHI number.
    pub nhi: String,
    /// A surname, or the start of one: three letters at least.
    pub surname: String,
    /// A first name or initial.
    pub given: String,
    /// `YYYY-MM-DD`.
    pub birth_date: String,
    /// A telephone number in any spelling.
    pub phone: String,
}

/// The name line of one patient.
#[derive(Debug, Clone)]
pub struct NameLine {
    /// The patient.
    pub patient: PatientId,
    /// Who they are; `None` when this viewer may not see it, or it cannot be read.
    pub identity: Option<Identity>,
    /// The practice that says so.
    pub practice: Option<PracticeId>,
}

/// Who was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// At most 10 people.
    pub people: Vec<NameLine>,
    /// There were more: ask for a narrower search.
    pub has_more: bool,
}

/// Looks people up among one practice's own patients, and opens their names in one batch.
pub async fn find(
    app: &App,
    viewer: &Viewer,
    practice: PracticeId,
    terms: Terms,
) -> Result<(Opened<Found>, FirstByte), ReadError> {
    let call = Call::Find(wire::Find {
        token: viewer.token.expose().to_vec(),
        practice: practice.as_bytes().to_vec(),
        terms: Some(wire::FindTerms {
            nhi: terms.nhi,
            surname: terms.surname,
            given: terms.given,
            birth_date: terms.birth_date,
            phone: terms.phone,
        }),
        purpose: viewer.purpose.into(),
        network: viewer.network.clone(),
    });
    let Reply::Found(found) = app.keeper.call(call).await? else {
        return Err(CallError::Unexpected.into());
    };
    let patients = found
        .patients
        .iter()
        .map(|patient| PatientId::try_from(patient.as_slice()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| CallError::Unexpected)?;
    let (names, delivery) = names(app, viewer, &patients).await?;
    let has_more = found.has_more;
    let found = names.try_map(|people| Ok::<_, ReadError>(Found { people, has_more }))?;
    Ok((found, delivery))
}

/// The names of patients the viewer already knows of, in order, in one round trip (at most 64 at once).
///
/// # Errors
/// When not one of them may be seen, the refusal of the first.
pub async fn names(
    app: &App,
    viewer: &Viewer,
    patients: &[PatientId],
) -> Result<(Opened<Vec<NameLine>>, FirstByte), ReadError> {
    let mut lines = Vec::with_capacity(patients.len());
    let mut grants = Vec::new();
    let mut refusals = Vec::new();
    for together in patients.chunks(64) {
        let targets = together
            .iter()
            .map(|patient| candour_keeper_api::Section {
                patient: *patient,
                section: Section::Identity,
            })
            .collect();
        let answers = app.keeper.open_batch(viewer, targets, "").await?;
        for (patient, answer) in together.iter().zip(answers) {
            match name_line(app, *patient, answer).await? {
                Ok((grant, line)) => {
                    grants.push(grant);
                    lines.push(line);
                }
                Err(denied) => {
                    refusals.push(denied);
                    lines.push(nobody(*patient)?);
                }
            }
        }
    }
    match refusals.first() {
        Some(first) if grants.is_empty() => Err((*first).into()),
        _ => Ok((Opened::all(lines), app.deliveries.first_byte(grants))),
    }
}

/// Whose record this is.
pub async fn name(
    app: &App,
    viewer: &Viewer,
    patient: PatientId,
) -> Result<(Opened<NameLine>, FirstByte), ReadError> {
    let (lines, delivery) = names(app, viewer, &[patient]).await?;
    let line = lines.try_map(|mut lines| lines.pop().ok_or(CallError::Unexpected))?;
    Ok((line, delivery))
}

type Answer = Result<Permit<candour_keeper_api::Section>, Denied>;

pub(crate) async fn name_line(
    app: &App,
    patient: PatientId,
    answer: Answer,
) -> Result<Result<(u64, Opened<NameLine>), Denied>, ReadError> {
    let permit = match answer {
        Ok(permit) => permit,
        Err(denied) => return Ok(Err(denied)),
    };
    let grant = permit.index();
    let blocks = parts::open_all::<Identity>(app, permit.into_items()).await?;
    // The newest deposit comes last.
    let line = blocks.try_map(|mut blocks| {
        let (practice, identity) = blocks
            .parts
            .pop()
            .map(|part| (part.source, part.block))
            .unzip();
        Ok::<_, ReadError>(NameLine {
            patient,
            identity,
            practice: practice.flatten(),
        })
    })?;
    Ok(Ok((grant, line)))
}

/// A line without a name, for somebody whose name this viewer does not get.
fn nobody(patient: PatientId) -> Result<Opened<NameLine>, ReadError> {
    Opened::<()>::all(Vec::new()).try_map(|_| {
        Ok(NameLine {
            patient,
            identity: None,
            practice: None,
        })
    })
}
