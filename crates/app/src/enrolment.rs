//! Enrolling people at a practice: with the keeper, in the portal's lists, and with their sealed blocks.

use crate::deposits::{self, NewBlock};
use crate::{App, DepositError, Refusal, words};
use candour_core::block::Block;
use candour_core::people::{Contact, Identity};
use candour_keeper_api::wire::{self, Call, Reply};
use candour_keeper_api::words::{ItemKind, Reason, Section, Tag};
use candour_keeper_api::{CallError, Token};
use candour_seal::{DepositKey, PatientId, PracticeId};
use candour_store::Enrolments;
use jiff::Timestamp;
use jiff::civil::Date;
use zeroize::Zeroizing;

/// Somebody to enrol.
pub struct NewPatient {
    /// The caller's own key: the same key gives the same patient again.
    pub key: DepositKey,
    /// Who they are. NHI numbers and birth date match them; a name never does.
    pub identity: Identity,
    /// How they are reached.
    pub contact: Contact,
    /// The day on which they left this practice, if they did.
    pub left_on: Option<Date>,
}

/// Enrols people at the session's practice; one answer for each, the patient or why they were refused.
///
/// Safe to repeat: the same keys give the same patients, and unchanged identity and contact blocks are not
/// deposited again. A changed one is a new item beside the old.
pub async fn enrol(
    app: &App,
    token: &Token,
    practice: PracticeId,
    people: Vec<NewPatient>,
    now: Timestamp,
) -> Result<Vec<Result<PatientId, Refusal>>, DepositError> {
    let mut answers = Vec::with_capacity(people.len());
    for together in people.chunks(deposits::MOST_TOGETHER) {
        answers.extend(enrol_some(app, token, practice, together, now).await?);
    }
    Ok(answers)
}

async fn enrol_some(
    app: &App,
    token: &Token,
    practice: PracticeId,
    people: &[NewPatient],
    now: Timestamp,
) -> Result<Vec<Result<PatientId, Refusal>>, DepositError> {
    let call = Call::Enrol(wire::Enrol {
        token: token.expose().to_vec(),
        people: people.iter().map(enrolment).collect(),
    });
    let Reply::Enrolled(enrolled) = app.keeper.call(call).await? else {
        return Err(CallError::Unexpected.into());
    };
    if enrolled.people.len() != people.len() {
        return Err(CallError::Unexpected.into());
    }
    let enrolments = Enrolments::of(practice, &enrolled);
    app.store
        .put_enrolments(&enrolments, words::day(now))
        .await?;

    let mut answers = enrolled
        .people
        .iter()
        .map(answer)
        .collect::<Result<Vec<_>, CallError>>()?;
    let mut blocks = Vec::with_capacity(people.len() * 2);
    let mut whose = Vec::with_capacity(people.len() * 2);
    for (number, (person, patient)) in people.iter().zip(&answers).enumerate() {
        let Ok(patient) = patient else { continue };
        blocks.push(block(practice, *patient, person, &person.identity)?);
        blocks.push(block(practice, *patient, person, &person.contact)?);
        whose.extend([number, number]);
    }
    let deposited = deposits::blocks(app, token, blocks, now).await?;
    for (number, deposited) in whose.into_iter().zip(deposited) {
        if let Err(refusal) = deposited {
            answers[number] = Err(refusal);
        }
    }
    Ok(answers)
}

fn enrolment(person: &NewPatient) -> wire::NewEnrolment {
    let (identity, contact) = (&person.identity, &person.contact);
    let phones = [&contact.mobile, &contact.phone];
    wire::NewEnrolment {
        enrolment_key: person.key.as_bytes().to_vec(),
        nhi: identity
            .nhi
            .as_ref()
            .map_or_else(String::new, |nhi| nhi.as_str().to_owned()),
        dormant_nhis: identity
            .dormant
            .iter()
            .map(|nhi| nhi.as_str().to_owned())
            .collect(),
        birth_date: identity.birth_date.to_string(),
        surname: identity.name.family.clone(),
        given: identity.name.given.clone(),
        phones: phones
            .into_iter()
            .flatten()
            .map(|phone| phone.as_str().to_owned())
            .collect(),
        is_deceased: identity.deceased.is_some(),
        is_unsafe_to_write: contact.unsafe_to_write,
        region: contact.region.clone().unwrap_or_default(),
        country: contact.country.clone(),
        left_on: person
            .left_on
            .map_or_else(String::new, |day| day.to_string()),
    }
}

fn answer(person: &wire::EnrolledPerson) -> Result<Result<PatientId, Refusal>, CallError> {
    if let Ok(reason) = Reason::try_from(person.refused) {
        let denied = candour_keeper_api::Denied {
            reason,
            retry_after_seconds: 0,
        };
        return Ok(Err(denied.into()));
    }
    PatientId::try_from(person.patient.as_slice())
        .map(Ok)
        .map_err(|_| CallError::Unexpected)
}

/// Blocks that enrolment deposits.
trait Enrolled: Block {
    const ITEM: ItemKind;
    const SECTION: Section;

    fn tags(&self) -> Vec<i32> {
        Vec::new()
    }
}

impl Enrolled for Identity {
    const ITEM: ItemKind = ItemKind::Identity;
    const SECTION: Section = Section::Identity;
}

impl Enrolled for Contact {
    const ITEM: ItemKind = ItemKind::Contact;
    const SECTION: Section = Section::Contact;

    fn tags(&self) -> Vec<i32> {
        let tag = self.unsafe_to_write.then_some(Tag::ProtectedAddress);
        tag.map(i32::from).into_iter().collect()
    }
}

fn block<B: Enrolled>(
    practice: PracticeId,
    patient: PatientId,
    person: &NewPatient,
    block: &B,
) -> Result<NewBlock, DepositError> {
    let content = Zeroizing::new(block.to_block()?);
    let key = deposits::key(&[
        B::KIND.as_bytes(),
        practice.as_bytes(),
        person.key.as_bytes(),
        &content,
    ]);
    Ok(NewBlock {
        item: wire::NewItem {
            deposit_key: key.as_bytes().to_vec(),
            patient: patient.as_bytes().to_vec(),
            kind: B::ITEM.into(),
            section: B::SECTION.into(),
            tags: block.tags(),
            month: 0,
            of_document: Vec::new(),
        },
        kind: B::ITEM,
        content,
    })
}
