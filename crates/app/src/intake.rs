//! Taking in what a practice's program sends: people, their records, their documents. Twice equals once.
//!
//! Every deposit key is derived from the practice, the sender's own ids and the content. So an intake that was
//! interrupted is simply run again: what is sealed already is skipped by the keeper, and a changed content is a new
//! item.

use crate::deposits::{self, NewBlock};
use crate::documents::{self, NewDocument};
use crate::enrolment::{self, NewPatient};
use crate::sign_in::{self, ClientCredential};
use crate::{App, DepositError, Refusal, words};
use bytes::Bytes;
use candour_core::block::Block;
use candour_core::document::DocumentMeta;
use candour_core::fhir::{Segment, Sensitivities};
use candour_core::people::{Contact, Identity};
use candour_keeper_api::words::ItemKind;
use candour_keeper_api::{Token, wire};
use candour_seal::{Digest, PatientId, PracticeId};
use jiff::Timestamp;
use jiff::civil::Date;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A person as a sender knows them.
pub struct IncomingPerson {
    /// The sender's own id for the person; unique within the practice.
    pub source_id: String,
    /// Who they are.
    pub identity: Identity,
    /// How they are reached.
    pub contact: Contact,
    /// The day on which they left the practice, if they did.
    pub left_on: Option<Date>,
    /// Their record.
    pub segments: Vec<Segment>,
    /// Their documents.
    pub documents: Vec<IncomingDocument>,
}

/// A document as a sender knows it.
pub struct IncomingDocument {
    /// The sender's own id for it; unique within the practice.
    pub source_id: String,
    /// Which attachment of it, from 0.
    pub place: u16,
    /// What the shelf will say.
    pub meta: DocumentMeta,
    /// How sensitive it is.
    pub tags: Sensitivities,
    /// The file.
    pub file: Bytes,
}

/// Something that was not taken in, and why.
#[derive(Debug, Clone)]
pub struct LeftOut {
    /// The sender's id of the person.
    pub person: String,
    /// The sender's id of the document, when it is one.
    pub document: Option<String>,
    /// Why.
    pub refusal: Refusal,
}

/// What was taken in; what an earlier run had taken in counts again.
#[derive(Debug, Clone, Default)]
pub struct Taken {
    /// People enrolled.
    pub people: usize,
    /// Groups of resources.
    pub segments: usize,
    /// Resources in them.
    pub resources: usize,
    /// Documents.
    pub documents: usize,
    /// What was refused.
    pub left_out: Vec<LeftOut>,
}

impl Taken {
    /// These and those together.
    pub fn add(&mut self, other: Self) {
        self.people += other.people;
        self.segments += other.segments;
        self.resources += other.resources;
        self.documents += other.documents;
        self.left_out.extend(other.left_out);
    }
}

/// A practice's program that is depositing.
pub struct Intake {
    app: Arc<App>,
    credential: ClientCredential,
    token: Token,
    practice: PracticeId,
}

impl Intake {
    /// Signs the program in; it deposits for the practice it belongs to.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`] when the session is not one of a practice.
    pub async fn begin(app: Arc<App>, credential: ClientCredential) -> Result<Self, Refusal> {
        let signed_in = sign_in::as_client(&app, &credential).await?;
        let practice = signed_in.session.practice.ok_or(Refusal::NotAllowed)?;
        Ok(Self {
            app,
            credential,
            token: signed_in.token,
            practice,
        })
    }

    /// The practice it deposits for.
    pub fn practice(&self) -> PracticeId {
        self.practice
    }

    /// Takes in some people with all that belongs to them: enrolled and deposited when this returns.
    ///
    /// A session that has ended is begun anew, once.
    pub async fn take(
        &mut self,
        people: &[IncomingPerson],
        now: Timestamp,
    ) -> Result<Taken, DepositError> {
        match self.take_once(people, now).await {
            Err(DepositError::Refused(Refusal::SessionEnded)) => {
                self.token = sign_in::as_client(&self.app, &self.credential).await?.token;
                self.take_once(people, now).await
            }
            taken => taken,
        }
    }

    async fn take_once(
        &self,
        people: &[IncomingPerson],
        now: Timestamp,
    ) -> Result<Taken, DepositError> {
        let mut taken = Taken::default();
        let enrolled = self.enrol(people, now, &mut taken).await?;
        self.deposit_segments(&enrolled, now, &mut taken).await?;
        self.deposit_documents(&enrolled, now, &mut taken).await?;
        Ok(taken)
    }

    async fn enrol<'a>(
        &self,
        people: &'a [IncomingPerson],
        now: Timestamp,
        taken: &mut Taken,
    ) -> Result<Vec<(PatientId, &'a IncomingPerson)>, DepositError> {
        let new = people
            .iter()
            .map(|person| NewPatient {
                key: deposits::key(&[
                    b"person",
                    self.practice.as_bytes(),
                    person.source_id.as_bytes(),
                ]),
                identity: person.identity.clone(),
                contact: person.contact.clone(),
                left_on: person.left_on,
            })
            .collect();
        let answers = enrolment::enrol(&self.app, &self.token, self.practice, new, now).await?;
        let mut enrolled = Vec::with_capacity(people.len());
        for (person, answer) in people.iter().zip(answers) {
            match answer {
                Ok(patient) => enrolled.push((patient, person)),
                Err(refusal) => taken.left_out.push(person.left_out(None, ended(refusal)?)),
            }
        }
        taken.people += enrolled.len();
        Ok(enrolled)
    }

    async fn deposit_segments(
        &self,
        people: &[(PatientId, &IncomingPerson)],
        now: Timestamp,
        taken: &mut Taken,
    ) -> Result<(), DepositError> {
        let mut blocks = Vec::new();
        let mut whose = Vec::new();
        for (patient, person) in people {
            for segment in &person.segments {
                blocks.push(self.segment(*patient, person, segment)?);
                whose.push((person, segment.resources.len()));
            }
        }
        let answers = deposits::blocks(&self.app, &self.token, blocks, now).await?;
        for ((person, resources), answer) in whose.into_iter().zip(answers) {
            match answer {
                Ok(_) => {
                    taken.segments += 1;
                    taken.resources += resources;
                }
                Err(refusal) => taken.left_out.push(person.left_out(None, ended(refusal)?)),
            }
        }
        Ok(())
    }

    fn segment(
        &self,
        patient: PatientId,
        person: &IncomingPerson,
        segment: &Segment,
    ) -> Result<NewBlock, DepositError> {
        let content = Zeroizing::new(segment.to_block()?);
        let key = deposits::key(&[
            b"segment",
            self.practice.as_bytes(),
            person.source_id.as_bytes(),
            &content,
        ]);
        Ok(NewBlock {
            item: wire::NewItem {
                deposit_key: key.as_bytes().to_vec(),
                patient: patient.as_bytes().to_vec(),
                kind: ItemKind::Segment.into(),
                section: words::section(segment.section).into(),
                tags: words::tags(segment.tags),
                month: 0,
                of_document: Vec::new(),
            },
            kind: ItemKind::Segment,
            content,
        })
    }

    async fn deposit_documents(
        &self,
        people: &[(PatientId, &IncomingPerson)],
        now: Timestamp,
        taken: &mut Taken,
    ) -> Result<(), DepositError> {
        let mut documents = Vec::new();
        let mut whose = Vec::new();
        for (patient, person) in people {
            for document in &person.documents {
                documents.push(self.document(*patient, document));
                whose.push((person, document));
            }
        }
        let answers = documents::deposit(&self.app, &self.token, documents, now).await?;
        for ((person, document), answer) in whose.into_iter().zip(answers) {
            match answer {
                Ok(_) => taken.documents += 1,
                Err(refusal) => {
                    let document = Some(document.source_id.clone());
                    taken
                        .left_out
                        .push(person.left_out(document, ended(refusal)?));
                }
            }
        }
        Ok(())
    }

    fn document(&self, patient: PatientId, document: &IncomingDocument) -> NewDocument {
        let key = deposits::key(&[
            b"document",
            self.practice.as_bytes(),
            document.source_id.as_bytes(),
            &document.place.to_be_bytes(),
            Digest::of(&document.file).as_bytes(),
        ]);
        NewDocument {
            patient,
            key,
            meta: document.meta.clone(),
            tags: document.tags,
            file: document.file.clone(),
        }
    }
}

impl IncomingPerson {
    fn left_out(&self, document: Option<String>, refusal: Refusal) -> LeftOut {
        LeftOut {
            person: self.source_id.clone(),
            document,
            refusal,
        }
    }
}

/// A refusal of one item is listed; one that will meet every further item ends the intake.
fn ended(refusal: Refusal) -> Result<Refusal, Refusal> {
    match refusal {
        Refusal::NotFound
        | Refusal::NotAllowed
        | Refusal::Invalid
        | Refusal::SubjectClosed
        | Refusal::WrongCredentials
        | Refusal::StepUpNeeded
        | Refusal::SecondPersonNeeded => Ok(refusal),
        Refusal::SessionEnded
        | Refusal::OverBudget { .. }
        | Refusal::Frozen
        | Refusal::LedgerUnavailable
        | Refusal::TooMany { .. }
        | Refusal::KeeperUnavailable => Err(refusal),
    }
}
