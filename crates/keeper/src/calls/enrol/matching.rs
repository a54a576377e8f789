//! Who is meant: the caller's own key first, then live and dormant NHI numbers with agreeing birth date.

use crate::calls::id;
use crate::core::Core;
use crate::facts::{Fact, SubjectFacts};
use crate::keys::{KeyedToken, LookupKind};
use crate::ledger::Refusal;
use crate::merges::{self, Records};
use crate::names::fold;
use crate::session::Session;
use candour_keeper_wire::wire::NewEnrolment;
use candour_keeper_wire::words::Reason;
use candour_seal::PracticeId;
use std::collections::HashMap;
use std::sync::Arc;

/// Somebody to enrol, as read.
pub(super) struct Person<'a> {
    pub wire: &'a NewEnrolment,
    pub birth_date: &'a str,
    pub birth_year: i32,
    /// Keyed hash of practice and enrolment key.
    pub enrolment: [u8; 16],
    /// Keyed hashes of the NHI numbers.
    pub nhis: Vec<[u8; 16]>,
}

impl<'a> Person<'a> {
    pub fn read(core: &Core, practice: PracticeId, wire: &'a NewEnrolment) -> Result<Self, Reason> {
        let key = id(&wire.enrolment_key)?;
        let date: jiff::civil::Date = wire.birth_date.parse().map_err(|_| Reason::Invalid)?;
        if !wire.left_on.is_empty() && wire.left_on.parse::<jiff::civil::Date>().is_err() {
            return Err(Reason::Invalid);
        }
        let mut nhis: Vec<[u8; 16]> = std::iter::once(&wire.nhi)
            .chain(&wire.dormant_nhis)
            .map(|nhi| fold(nhi))
            .filter(|nhi| !nhi.is_empty())
            .map(|nhi| core.keys.lookup(LookupKind::Nhi, nhi.as_bytes()))
            .collect();
        nhis.sort_unstable();
        nhis.dedup();
        let own = [practice.as_bytes().as_slice(), &key].concat();
        Ok(Self {
            wire,
            birth_date: &wire.birth_date,
            birth_year: i32::from(date.year()),
            enrolment: core.keys.lookup(LookupKind::Enrolment, &own),
            nhis,
        })
    }
}

impl Person<'_> {
    /// More than who it is is said of them.
    pub fn says_more(&self) -> bool {
        let said = self.wire;
        said.is_deceased || said.is_unsafe_to_write || !said.left_on.is_empty()
    }
}

/// What matching gave.
pub(super) enum Matched {
    /// The same enrolment was done before: nothing is to be written but marks that came since.
    Done(KeyedToken),
    /// The keeper knows the person.
    Known(KeyedToken, Arc<SubjectFacts>),
    /// The person stood earlier in this very call.
    Again(KeyedToken),
    /// Nobody knows the person.
    New,
    /// It does not fit what is known.
    Refused(Reason),
}

/// What the database knows of everybody in one call, and what the call itself has added so far.
pub(super) struct Matcher {
    found: HashMap<(LookupKind, [u8; 16]), KeyedToken>,
    facts: HashMap<KeyedToken, Option<Arc<SubjectFacts>>>,
    earlier: HashMap<[u8; 16], (KeyedToken, String)>,
    enrolled: HashMap<[u8; 16], KeyedToken>,
}

impl Matcher {
    pub async fn load(core: &Core, people: &[Result<Person<'_>, Reason>]) -> Result<Self, Refusal> {
        let mut asked = Vec::new();
        for person in people.iter().flatten() {
            asked.push((LookupKind::Enrolment, person.enrolment));
            asked.extend(person.nhis.iter().map(|nhi| (LookupKind::Nhi, *nhi)));
        }
        asked.sort_unstable();
        asked.dedup();
        let found = core.lookups.find_all(&asked).await?;
        let mut subjects: Vec<KeyedToken> = found.values().copied().collect();
        subjects.sort_unstable();
        subjects.dedup();
        Ok(Self {
            facts: merges::load_all(core, &subjects).await?,
            found,
            earlier: HashMap::new(),
            enrolled: HashMap::new(),
        })
    }

    /// Who is meant, as far as it is the session's to know: whoever keeps their record from its person is no more than an
    /// NHI number with another birth date.
    pub fn find(&self, core: &Core, person: &Person<'_>, viewer: &Session) -> Matched {
        let matched = self.matched(core, person);
        let (Matched::Done(token) | Matched::Known(token, _) | Matched::Again(token)) = &matched
        else {
            return matched;
        };
        match Records::among(&self.facts, *token) {
            Some(records) if records.keep_out(viewer) => Matched::Refused(Reason::Invalid),
            _ => matched,
        }
    }

    fn matched(&self, core: &Core, person: &Person<'_>) -> Matched {
        let done = self
            .found
            .get(&(LookupKind::Enrolment, person.enrolment))
            .or_else(|| self.enrolled.get(&person.enrolment));
        if let Some(token) = done {
            return Matched::Done(*token);
        }
        let mut known: Vec<KeyedToken> = person
            .nhis
            .iter()
            .filter_map(|nhi| self.found.get(&(LookupKind::Nhi, *nhi)).copied())
            .collect();
        known.sort_unstable();
        known.dedup();
        let earlier = person.nhis.iter().find_map(|nhi| self.earlier.get(nhi));
        match (known.as_slice(), earlier) {
            ([], None) => Matched::New,
            ([], Some((token, birth_date))) if birth_date == person.birth_date => {
                Matched::Again(*token)
            }
            ([token], earlier) => {
                let is_same = earlier.is_none_or(|(other, _)| other == token);
                match self.facts.get(token) {
                    Some(Some(facts)) if is_same && agrees(core, *token, facts, person) => {
                        if earlier.is_some() {
                            Matched::Again(*token)
                        } else {
                            Matched::Known(*token, Arc::clone(facts))
                        }
                    }
                    Some(None) => Matched::Refused(Reason::SubjectClosed),
                    _ => Matched::Refused(Reason::Invalid),
                }
            }
            // Two people who are said to be one: a human must look.
            _ => Matched::Refused(Reason::Invalid),
        }
    }

    /// What is known of somebody who was known before this call; nothing where it does not verify.
    pub fn facts_of(&self, token: KeyedToken) -> Option<&Arc<SubjectFacts>> {
        self.facts.get(&token)?.as_ref()
    }

    /// The NHI numbers of a person that nobody had, here or earlier in this call.
    pub fn unknown_nhis(&self, person: &Person<'_>) -> Vec<[u8; 16]> {
        let is_new = |nhi: &&[u8; 16]| {
            !self.found.contains_key(&(LookupKind::Nhi, **nhi)) && !self.earlier.contains_key(*nhi)
        };
        person.nhis.iter().filter(is_new).copied().collect()
    }

    /// Notes what this call adds.
    pub fn taken(&mut self, person: &Person<'_>, token: KeyedToken) {
        for nhi in &person.nhis {
            self.earlier
                .insert(*nhi, (token, person.birth_date.to_owned()));
        }
        self.enrolled.insert(person.enrolment, token);
    }
}

fn agrees(core: &Core, token: KeyedToken, facts: &SubjectFacts, person: &Person<'_>) -> bool {
    let birth = core.keys.birth(token, person.birth_date);
    facts.live().any(|row| match &row.fact {
        Fact::Patient(patient) => patient.birth == birth,
        _ => false,
    })
}
