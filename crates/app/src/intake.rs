//! Taking in what a practice's program sends: people, their records, their documents. Twice equals once.
//!
//! Every deposit key is derived from the practice, the sender's own ids and the content. So an intake that was
//! interrupted is simply run again: what is sealed already is skipped by the keeper, and a changed content is a new
//! item.

use crate::deposits::{self, NewBlock};
use crate::documents;
use crate::enrolment::{self, NewPatient};
use crate::sign_in::{self, ClientCredential};
use crate::{App, DepositError, Refusal, words};
use candour_core::block::Block;
use candour_core::document::NewDocument;
use candour_core::fhir::Segment;
use candour_core::people::{Contact, Identity};
use candour_keeper_api::words::ItemKind;
use candour_keeper_api::{Token, wire};
use candour_seal::{DepositKey, ItemId, PatientId, PracticeId};
use jiff::Timestamp;
use jiff::civil::Date;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A person as a sender knows them. Each key follows from the sender's ids and the content, so that sending the
/// same thing again is no new deposit; the practice is mixed into it here.
pub struct IncomingPerson {
    /// How the sender names the person, for the summary; never sent on.
    pub reference: String,
    /// The person's own key.
    pub key: DepositKey,
    /// Who they are.
    pub identity: Identity,
    /// How they are reached.
    pub contact: Contact,
    /// The day on which they left the practice, if they did.
    pub left_on: Option<Date>,
    /// Their record.
    pub segments: Vec<(DepositKey, Segment)>,
    /// Their documents.
    pub documents: Vec<(DepositKey, NewDocument)>,
}

/// What of a person was not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// All of them.
    Person,
    /// So many resources of the record.
    Resources(usize),
    /// A document, by its place among those that were sent, from 0.
    Document(usize),
}

/// Something that was not taken in, and why.
#[derive(Debug, Clone)]
pub struct LeftOut {
    /// How the sender names the person.
    pub person: String,
    /// What of theirs.
    pub what: What,
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
    /// Under which ids, of one call only: [`Taken::add`] does not gather them.
    pub ids: Vec<TakenPerson>,
}

/// A person who was taken in.
#[derive(Debug, Clone)]
pub struct TakenPerson {
    /// The person's own key, as it was sent.
    pub key: DepositKey,
    /// Under which id.
    pub patient: PatientId,
    /// Their documents that were taken in, in order.
    pub documents: Vec<ItemId>,
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

    /// Takes in documents of a patient whom the practice knows; keys as in [`IncomingPerson`].
    pub async fn take_documents(
        &mut self,
        patient: PatientId,
        documents: Vec<(DepositKey, NewDocument)>,
        now: Timestamp,
    ) -> Result<Taken, DepositError> {
        let new = |documents: &[(DepositKey, NewDocument)]| {
            documents
                .iter()
                .map(|(key, document)| documents::Deposit {
                    patient,
                    key: deposits::key(&[
                        b"document of",
                        self.practice.as_bytes(),
                        patient.as_bytes(),
                        key.as_bytes(),
                    ]),
                    document: document.clone(),
                })
                .collect()
        };
        let mut answers = documents::deposit(&self.app, &self.token, new(&documents), now).await;
        if let Err(DepositError::Refused(Refusal::SessionEnded)) = answers {
            let again = new(&documents);
            self.token = sign_in::as_client(&self.app, &self.credential).await?.token;
            answers = documents::deposit(&self.app, &self.token, again, now).await;
        }
        let mut taken = Taken::default();
        for (place, answer) in answers?.into_iter().enumerate() {
            match answer {
                Ok(_) => taken.documents += 1,
                Err(refusal) => taken.left_out.push(LeftOut {
                    person: patient.to_string(),
                    what: What::Document(place),
                    refusal: ended(refusal)?,
                }),
            }
        }
        Ok(taken)
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

    fn key(&self, kind: &[u8], key: DepositKey) -> DepositKey {
        deposits::key(&[kind, self.practice.as_bytes(), key.as_bytes()])
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
                key: self.key(b"person", person.key),
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
                Err(refusal) => taken
                    .left_out
                    .push(person.left_out(What::Person, ended(refusal)?)),
            }
        }
        taken.people += enrolled.len();
        taken.ids = enrolled
            .iter()
            .map(|(patient, person)| TakenPerson {
                key: person.key,
                patient: *patient,
                documents: Vec::new(),
            })
            .collect();
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
            for (key, segment) in &person.segments {
                blocks.push(self.segment(*patient, *key, segment)?);
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
                Err(refusal) => {
                    let what = What::Resources(resources);
                    taken.left_out.push(person.left_out(what, ended(refusal)?));
                }
            }
        }
        Ok(())
    }

    fn segment(
        &self,
        patient: PatientId,
        key: DepositKey,
        segment: &Segment,
    ) -> Result<NewBlock, DepositError> {
        let content = Zeroizing::new(segment.to_block()?);
        let key = self.key(b"segment", key);
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
        let mut new = Vec::new();
        let mut whose = Vec::new();
        for (number, (patient, person)) in people.iter().enumerate() {
            for (place, (key, document)) in person.documents.iter().enumerate() {
                new.push(documents::Deposit {
                    patient: *patient,
                    key: self.key(b"document", *key),
                    document: document.clone(),
                });
                whose.push((number, person, place));
            }
        }
        let answers = documents::deposit(&self.app, &self.token, new, now).await?;
        for ((number, person, place), answer) in whose.into_iter().zip(answers) {
            match answer {
                Ok(id) => {
                    taken.documents += 1;
                    taken.ids[number].documents.push(id);
                }
                Err(refusal) => {
                    let what = What::Document(place);
                    taken.left_out.push(person.left_out(what, ended(refusal)?));
                }
            }
        }
        Ok(())
    }
}

impl IncomingPerson {
    fn left_out(&self, what: What, refusal: Refusal) -> LeftOut {
        LeftOut {
            person: self.reference.clone(),
            what,
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
        | Refusal::CredentialIsNew { .. }
        | Refusal::SecondPersonNeeded
        | Refusal::OnHold
        | Refusal::NotAsShown
        | Refusal::NoAccount
        | Refusal::HasAccount
        | Refusal::RecordsDiffer
        | Refusal::AlreadyMerged
        | Refusal::TwoAccounts
        | Refusal::WrongAge
        | Refusal::Deceased => Ok(refusal),
        Refusal::SessionEnded
        | Refusal::OverBudget { .. }
        | Refusal::SessionSpent { .. }
        | Refusal::OverCeiling { .. }
        | Refusal::Frozen
        | Refusal::LedgerUnavailable
        | Refusal::TooMany { .. }
        | Refusal::KeeperUnavailable => Err(refusal),
    }
}
