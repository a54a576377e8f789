//! Everybody else: patients who are enrolled and never read, so that everything the keeper has is as large as a country's.
//!
//! The keeper is told of them in the ordinary way: by their practices' programs, in its own calls, each enrolment and each
//! document an entry. What is left out is what the keeper never sees, their files and the portal's lists.

use super::order::Preparation;
use crate::Problem;
use crate::settle::{Desk, client_of};
use candour_app::App;
use candour_app::deposits::key;
use candour_app::sign_in;
use candour_core::nhi::{Nhi, NhiFormat};
use candour_keeper_api::wire::{Call, Enrol, NewEnrolment, NewItem, Reply, Sealed, SealedItem};
use candour_keeper_api::words::{ItemKind, Reason, Section};
use candour_keeper_api::{CallError, DepositOutcome, Token};
use candour_seal::{Digest, ItemId};
use futures_util::StreamExt;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::time::{Duration, Instant};

/// How many there are to be.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Others {
    /// Patients beside those who read.
    pub patients: u32,
    /// Entries that they make: one for each of them, and two for each document.
    pub entries: u64,
}

/// Most in one call.
const TOGETHER: usize = 512;
/// Practices at once, each with one call: what waits for the ledger must be written within seconds.
const AT_ONCE: usize = 6;
/// How often a call is made: each may be repeated, and a busy ledger turns some away.
const TRIES: u32 = 20;
/// Between two times.
const PAUSE: Duration = Duration::from_millis(500);
/// Bytes of a sealed document, by its depositor's word.
const SEALED_BYTES: u64 = 65_664;

impl Others {
    /// Documents that it takes for so many entries.
    fn documents(self) -> u64 {
        self.entries.saturating_sub(u64::from(self.patients)) / 2
    }

    /// How many of them a patient has; all have the same, or one more.
    fn documents_of(self, number: u32) -> u64 {
        let patients = u64::from(self.patients.max(1));
        let more = u64::from(u64::from(number) < self.documents() % patients);
        self.documents() / patients + more
    }

    /// Whom a practice has of them.
    fn share(self, place: usize, of: usize) -> Range<u32> {
        let all = usize::try_from(self.patients).unwrap_or(usize::MAX);
        let at = |place: usize| u32::try_from(all * place / of.max(1)).unwrap_or(u32::MAX);
        at(place)..at(place + 1)
    }
}

/// Enrols all of them, and deposits what they have.
///
/// # Errors
/// At the first that is refused.
pub async fn enrol(app: &App, order: &Preparation, others: Others) -> Result<(), Problem> {
    let begun = Instant::now();
    let all = order.desks.len();
    let practices = order.desks.iter().enumerate().map(|(place, desk)| {
        let practice = Practice { app, desk, others };
        async move { practice.enrol(others.share(place, all)).await }
    });
    let mut working = stream::iter(practices).buffer_unordered(AT_ONCE);
    while let Some(done) = working.next().await {
        done?;
        let seconds = begun.elapsed().as_secs();
        tracing::info!(seconds, "one more practice is complete");
    }
    Ok(())
}

struct Practice<'a> {
    app: &'a App,
    desk: &'a Desk,
    others: Others,
}

impl Practice<'_> {
    async fn enrol(&self, numbers: Range<u32>) -> Result<(), Problem> {
        let numbers: Vec<u32> = numbers.collect();
        for some in numbers.chunks(TOGETHER) {
            let mut tries = 1;
            while let Err(problem) = self.complete(some).await {
                if tries == TRIES {
                    return Err(problem);
                }
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    /// Some people with everything they have. Each begins with a session of its own, so none grows old.
    async fn complete(&self, numbers: &[u32]) -> Result<(), Problem> {
        let token = sign_in::as_client(self.app, &client_of(self.desk)?)
            .await
            .map_err(Problem::refused("a practice's program could not sign in"))?
            .token;
        let call = Call::Enrol(Enrol {
            token: token.expose().to_vec(),
            people: numbers.iter().map(|number| enrolment(*number)).collect(),
        });
        let Reply::Enrolled(enrolled) = self
            .app
            .keeper
            .call(call)
            .await
            .map_err(|error| failed(&error))?
        else {
            return Err(failed(&CallError::Unexpected));
        };
        let mut documents = Vec::new();
        for (number, person) in numbers.iter().zip(enrolled.people) {
            if let Ok(reason) = Reason::try_from(person.refused) {
                return Err(refused(reason));
            }
            let each = 0..self.others.documents_of(*number);
            documents.extend(each.map(|place| document(*number, place, &person.patient)));
        }
        for some in documents.chunks(TOGETHER) {
            self.deposit(&token, some.to_vec()).await?;
        }
        Ok(())
    }

    async fn deposit(&self, token: &Token, documents: Vec<NewItem>) -> Result<(), Problem> {
        let keeper = &self.app.keeper;
        let granted = keeper
            .deposit(token, documents)
            .await
            .map_err(|error| failed(&error))?;
        let mut items = Vec::with_capacity(granted.len());
        for outcome in granted {
            match outcome {
                Ok(DepositOutcome::New(permit)) => {
                    items.push(sealed(permit.item()));
                }
                Ok(DepositOutcome::AlreadySealed(_)) => {}
                Err(denied) => return Err(refused(denied.reason)),
            }
        }
        let token = token.expose().to_vec();
        match keeper.call(Call::Sealed(Sealed { token, items })).await {
            Ok(_) => Ok(()),
            Err(error) => Err(failed(&error)),
        }
    }
}

fn failed(error: &CallError) -> Problem {
    Problem::Unexpected(format!("a population could not be enrolled: {error}"))
}

fn refused(reason: Reason) -> Problem {
    let reason = reason.word();
    Problem::Unexpected(format!("somebody could not be enrolled: {reason}"))
}

/// A person whom nobody is like: an NHI where the numbers for testing last, else none.
fn enrolment(number: u32) -> NewEnrolment {
    let letters = Nhi::test_numbers(NhiFormat::Letters);
    let nhi = match number.checked_sub(letters) {
        None => Nhi::test_number(NhiFormat::Letters, number),
        Some(number) => Nhi::test_number(NhiFormat::Digits, number),
    };
    let (year, month, day) = (1930 + number % 90, 1 + number % 12, 1 + number % 28);
    NewEnrolment {
        enrolment_key: of(number, b"person", 0),
        nhi: nhi.map_or_else(String::new, |nhi| nhi.as_str().to_owned()),
        birth_date: format!("{year:04}-{month:02}-{day:02}"),
        surname: format!("Family{}", number % 40_000),
        given: format!("Given{}", number % 3_000),
        phones: vec![format!("+6421{number:07}")],
        country: "NZ".to_owned(),
        ..NewEnrolment::default()
    }
}

fn document(number: u32, place: u64, patient: &[u8]) -> NewItem {
    NewItem {
        deposit_key: of(number, b"document", place),
        patient: patient.to_vec(),
        kind: ItemKind::Document.into(),
        section: Section::None.into(),
        month: 2026 * 12 + number % 6,
        ..NewItem::default()
    }
}

fn sealed(item: ItemId) -> SealedItem {
    let digest = Digest::of(item.as_bytes()).as_bytes().to_vec();
    SealedItem {
        item: item.as_bytes().to_vec(),
        sealed_size: SEALED_BYTES,
        ciphertext_digest: digest.clone(),
        plaintext_digest: digest,
    }
}

/// The key of one thing of theirs.
fn of(number: u32, kind: &[u8], place: u64) -> Vec<u8> {
    let (number, place) = (number.to_be_bytes(), place.to_be_bytes());
    key(&[b"bench/others", kind, &number, &place])
        .as_bytes()
        .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_entries_are_made_as_were_asked_for() {
        let others = Others {
            patients: 1_000,
            entries: 5_556,
        };
        let documents: u64 = (0..1_000).map(|number| others.documents_of(number)).sum();
        assert_eq!(1_000 + 2 * documents, 5_556);
        let practices: Vec<_> = (0..16).map(|place| others.share(place, 16)).collect();
        assert_eq!((practices[0].start, practices[15].end), (0, 1_000));
        assert!(practices.windows(2).all(|two| two[0].end == two[1].start));
    }
}
