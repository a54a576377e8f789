//! Making the people: each a patient with one document of 64 KiB, an account with a passkey, and a session.
//!
//! Everything goes the ordinary way: the practice's program deposits, its manager invites, the patient registers a
//! passkey and signs in with it. No check is left out, here or later.

use super::crowd::Person;
use super::order::Preparation;
use super::others;
use crate::accounts::Keys;
use crate::passkey::SoftwarePasskey;
use crate::settle::{Desk, client_of, open_app};
use crate::{Problem, clock};
use candour_app::App;
use candour_app::acts;
use candour_app::deposits::key;
use candour_app::intake::{IncomingPerson, Intake, TakenPerson};
use candour_app::invitations::{self, About, Credential};
use candour_app::sign_in::{self, Acting, Proof};
use candour_core::document::{DocumentKind, DocumentMeta, MediaType, NewDocument, Title};
use candour_core::fhir::Sensitivities;
use candour_core::people::{BirthDate, Contact, Gender, Identity, PersonName};
use candour_keeper_api::Token;
use candour_seal::{ItemId, PatientId, PracticeId};
use futures_util::StreamExt;
use futures_util::stream;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The size of everybody's document.
pub const DOCUMENT_BYTES: usize = 64 * 1024;
/// People who are deposited together.
const TOGETHER: usize = 32;
/// Accounts of one practice that are made at once.
const AT_ONCE: usize = 4;
/// The day everybody was born; typed when an invitation is accepted.
const BORN: &str = "1980-01-01";

/// Makes everybody; gives the ledger's verifier key beside them, by the keeper's word.
///
/// # Errors
/// When somebody cannot be deposited, invited or signed in.
pub async fn prepare(order: &Preparation) -> Result<(Vec<Person>, String), Problem> {
    let tasks = TaskTracker::new();
    let stop = CancellationToken::new();
    let app = Arc::new(open_app(&order.data, "portal", &tasks, stop.clone())?);
    // First: nobody who reads is signed in for so long without reading.
    if let Some(others) = order.others {
        others::enrol(&app, order, others).await?;
    }
    let share = order.people.div_ceil(order.desks.len().max(1));
    let practices = order.desks.iter().enumerate().map(|(place, desk)| {
        let begins = place * share;
        let ends = (begins + share).min(order.people);
        let practice = Practice {
            app: Arc::clone(&app),
            desk,
            origin: &order.origin,
        };
        async move { practice.make(begins..ends).await }
    });
    let mut people: Vec<(usize, Person)> = stream::iter(practices)
        .buffer_unordered(order.desks.len().max(1))
        .collect::<Vec<_>>()
        .await
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?
        .concat();
    people.sort_unstable_by_key(|(number, _)| *number);
    let status = candour_app::installation::status(&app)
        .await
        .map_err(Problem::refused(
            "the keeper's state could not be asked for",
        ))?;
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    let people = people.into_iter().map(|(_, person)| person).collect();
    Ok((people, status.verifier_key))
}

struct Practice<'a> {
    app: Arc<App>,
    desk: &'a Desk,
    origin: &'a str,
}

impl Practice<'_> {
    async fn make(&self, numbers: std::ops::Range<usize>) -> Result<Vec<(usize, Person)>, Problem> {
        let practice: PracticeId = self
            .desk
            .practice
            .parse()
            .map_err(|_| Problem::Unexpected("a practice's id does not read".to_owned()))?;
        let manager = self.manager(practice).await?;
        let mut intake = Intake::begin(Arc::clone(&self.app), client_of(self.desk)?)
            .await
            .map_err(Problem::refused("a practice's program could not sign in"))?;
        let numbers: Vec<usize> = numbers.collect();
        let mut made = Vec::with_capacity(numbers.len());
        for some in numbers.chunks(TOGETHER) {
            let people: Vec<_> = some.iter().map(|number| incoming(*number)).collect();
            let taken = intake.take(&people, clock::now()).await?;
            let accounts = some.iter().zip(&people).map(|(number, person)| {
                let ids = taken
                    .ids
                    .iter()
                    .find(|ids| ids.key.as_bytes() == person.key.as_bytes());
                let manager = &manager;
                async move {
                    let ids =
                        ids.ok_or_else(|| Problem::Unexpected("a person was left out".to_owned()))?;
                    let person = self.account(practice, manager, *number, ids).await?;
                    Ok::<_, Problem>((*number, person))
                }
            });
            let accounts: Vec<_> = stream::iter(accounts)
                .buffer_unordered(AT_ONCE)
                .collect()
                .await;
            for person in accounts {
                made.push(person?);
            }
        }
        Ok(made)
    }

    /// The practice's first manager, registered and signed in.
    async fn manager(&self, practice: PracticeId) -> Result<(Token, Keys), Problem> {
        let login = format!("manager-{practice}");
        let mut passkey = self
            .register(&self.desk.manager_invitation, "", &login, "127.0.0.1")
            .await?;
        let acting = Acting::AsStaff(Some(practice));
        let token = self.sign_in(&login, &mut passkey, acting, "127.0.0.1");
        Ok((token.await?, Keys::of_passkey(&passkey)?))
    }

    async fn account(
        &self,
        practice: PracticeId,
        (manager, passkey): &(Token, Keys),
        number: usize,
        ids: &TakenPerson,
    ) -> Result<Person, Problem> {
        let document: ItemId = *ids
            .documents
            .first()
            .ok_or_else(|| Problem::Unexpected("a document was left out".to_owned()))?;
        let patient: PatientId = ids.patient;
        let about = About {
            practice,
            patient,
            who: format!("Reader Number {number}"),
        };
        let ceremony = invitations::invite_patient(&self.app, manager, about)
            .await
            .map_err(Problem::refused("a patient could not be invited"))?;
        let answer = passkey
            .passkey()?
            .get(&ceremony.options_json, self.origin)?;
        let proof = Proof::Passkey(ceremony.id, answer);
        let invited = acts::finish(&self.app, manager, ceremony.id, proof)
            .await
            .map_err(Problem::refused("a patient could not be invited"))?;
        let code = invited
            .code
            .ok_or_else(|| Problem::Unexpected("an invitation has no code".to_owned()))?;
        let (login, network) = (format!("reader-{number}"), network(number));
        let mut passkey = self.register(&code, BORN, &login, &network).await?;
        let token = self
            .sign_in(&login, &mut passkey, Acting::AsPatient, &network)
            .await?;
        Ok(Person {
            token: token.secret().try_into().unwrap_or_default(),
            document,
            network,
        })
    }

    async fn register(
        &self,
        code: &str,
        born: &str,
        login: &str,
        network: &str,
    ) -> Result<SoftwarePasskey, Problem> {
        let offer = invitations::look(&self.app, code, login, network)
            .await
            .map_err(Problem::refused("an invitation could not be looked at"))?;
        let ceremony = offer
            .ceremony
            .ok_or_else(|| Problem::Unexpected("an invitation offers no passkey".to_owned()))?;
        let mut passkey = SoftwarePasskey::new()?;
        let answer = passkey.create(&ceremony.options_json, self.origin)?;
        let credential = Credential::Passkey(ceremony.id, answer);
        invitations::register(&self.app, code, born, login, credential, network)
            .await
            .map_err(Problem::refused("an account could not be made"))?;
        Ok(passkey)
    }

    async fn sign_in(
        &self,
        login: &str,
        passkey: &mut SoftwarePasskey,
        acting: Acting,
        network: &str,
    ) -> Result<Token, Problem> {
        let ceremony = sign_in::passkey_start(&self.app, login, network)
            .await
            .map_err(Problem::refused("nobody was asked to sign in"))?;
        let answer = passkey.get(&ceremony.options_json, self.origin)?;
        let signed_in =
            sign_in::passkey_finish(&self.app, ceremony.id, answer, acting, network).await;
        let signed_in = signed_in.map_err(Problem::refused("signing in was refused"))?;
        Ok(signed_in.token)
    }
}

/// Everybody comes from an address of their own, as patients do.
fn network(number: usize) -> String {
    let [.., high, middle, low] = number.to_be_bytes();
    format!("10.{high}.{middle}.{low}")
}

fn incoming(number: usize) -> IncomingPerson {
    let reference = format!("reader-{number}");
    let person = key(&[b"bench/person", reference.as_bytes()]);
    let document = key(&[b"bench/document", reference.as_bytes()]);
    IncomingPerson {
        identity: Identity {
            name: PersonName::new("Reader", &format!("Number {number}")),
            other_names: Vec::new(),
            birth_date: BirthDate::new(jiff::civil::Date::constant(1980, 1, 1)),
            gender: Gender::Unknown,
            nhi: None,
            dormant: Vec::new(),
            deceased: None,
        },
        contact: Contact::unknown("NZ"),
        left_on: None,
        segments: Vec::new(),
        documents: vec![(document, letter(number))],
        key: person,
        reference,
    }
}

fn letter(number: usize) -> NewDocument {
    let bytes = document_of(number);
    NewDocument {
        meta: DocumentMeta {
            title: Title::of("Clinic letter"),
            kind: DocumentKind::ClinicLetter,
            date: Some(jiff::civil::Date::constant(2026, 3, 14)),
            media_type: MediaType::Text,
            size_bytes: DOCUMENT_BYTES as u64,
            source: "Bench".to_owned(),
            author: None,
            envelope: None,
        },
        tags: Sensitivities::NONE,
        bytes,
    }
}

/// Bytes at the start of a document that say whose it is.
const HEAD: usize = 64;

fn head(number: usize) -> [u8; HEAD] {
    let mut head = [b' '; HEAD];
    let words = format!("Letter to reader {number}.");
    for (place, byte) in head.iter_mut().zip(words.bytes()) {
        *place = byte;
    }
    head
}

const LINE: &[u8; 64] = b"Kia ora. This line of a letter says nothing about anybody alive\n";

fn document_of(number: usize) -> Vec<u8> {
    let mut bytes = head(number).to_vec();
    while bytes.len() < DOCUMENT_BYTES {
        bytes.extend_from_slice(LINE);
    }
    bytes
}

/// Whether these bytes are this person's document, all of it.
pub fn is_document_of(number: usize, bytes: &[u8]) -> bool {
    let Some((first, rest)) = bytes.split_first_chunk::<HEAD>() else {
        return false;
    };
    let (lines, odd) = rest.as_chunks::<64>();
    bytes.len() == DOCUMENT_BYTES
        && *first == head(number)
        && odd.is_empty()
        && lines.iter().all(|line| line == LINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_told_from_another_and_from_a_part_of_itself() {
        let bytes = document_of(7);
        assert_eq!(bytes.len(), DOCUMENT_BYTES);
        assert!(is_document_of(7, &bytes));
        assert!(!is_document_of(8, &bytes));
        assert!(!is_document_of(7, &bytes[..DOCUMENT_BYTES - 64]));
        let mut altered = bytes.clone();
        altered[40_000] ^= 1;
        assert!(!is_document_of(7, &altered));
    }
}
