//! Enrolling people: matched by NHI with agreeing birth date, never by name, and never telling who was known.

mod matching;

use self::matching::{Matched, Matcher, Person};
use super::Caller;
use super::reach::{self, PatientView};
use crate::core::Core;
use crate::decision::{Action, Decision, Relation};
use crate::draft::{Draft, Effect, Guard};
use crate::facts::{self, Fact, FactBody, SubjectFacts};
use crate::instances::Instance;
use crate::keys::{KeyedToken, LookupKind};
use crate::ledger::{LedgerError, Refusal};
use crate::names::{self, Named};
use crate::session::Principal;
use crate::subject_keys::NewSubjectKeys;
use candour_keeper_wire::wire::{self, Enrolled, EnrolledPerson, Reply};
use candour_keeper_wire::words::{EntryKind, Purpose, Reason};
use candour_seal::{MacKey, PatientId, PracticeId};
use prost::Message;
use std::sync::Arc;

/// Most people of one call.
const MOST: usize = 512;
/// How often the same call is tried when another one enrols the same.
const TRIES: u32 = 4;

/// Enrols people at the session's practice.
pub async fn enrol(core: &Core, instance: &Instance, call: wire::Enrol) -> Result<Reply, Refusal> {
    let purpose = i32::from(Purpose::Deposit);
    let caller = Caller::of(core, instance, &call.token, purpose, "").await?;
    caller.refuse_new()?;
    let practice = caller.session.practice.ok_or(Reason::NotAllowed)?;
    if call.people.is_empty() || call.people.len() > MOST {
        return Err(Reason::Invalid.into());
    }
    let decision = core.policy.decide(&reach::decision_facts(
        &caller.session,
        caller.purpose,
        Action::Enrol,
        Relation::OwnPractice,
        caller.now,
    ));
    if !decision.is_allowed {
        let draft = Draft::of_session(EntryKind::Change, &caller.session, Some(caller.purpose));
        let appended = core
            .ledger
            .append_one(draft.refused(Reason::NotAllowed))
            .await?;
        return Err(Refusal {
            index: Some(appended.index),
            ..Reason::NotAllowed.into()
        });
    }
    let is_person = matches!(caller.session.principal, Principal::Person(_));
    let people = call
        .people
        .iter()
        .map(|person| match Person::read(core, practice, person) {
            // A program keeps its practice's list. Of a person that a patient died, left, or must not be written to, is an
            // act: it ends that others reach them.
            Ok(person) if is_person && person.says_more() => Err(Reason::NotAllowed),
            person => person,
        })
        .collect::<Vec<_>>();
    let names = core.subject_keys.names_key(core.keys.practice(practice));
    let names = names.map_err(Reason::from)?;
    for _ in 0..TRIES {
        let work = Work {
            core,
            caller: &caller,
            practice,
            names: names.clone(),
            decision: &decision,
        };
        match work.carry_out(&people).await {
            Err(Trouble::Conflict) => {}
            Err(Trouble::Refused(refusal)) => return Err(refusal),
            Ok(people) => return Ok(Reply::Enrolled(Enrolled { people })),
        }
    }
    Err(Reason::Invalid.into())
}

enum Trouble {
    Conflict,
    Refused(Refusal),
}

impl<E: Into<Refusal>> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

struct Work<'a> {
    core: &'a Core,
    caller: &'a Caller,
    practice: PracticeId,
    names: MacKey,
    decision: &'a Decision,
}

impl Work<'_> {
    async fn carry_out(
        &self,
        people: &[Result<Person<'_>, Reason>],
    ) -> Result<Vec<EnrolledPerson>, Trouble> {
        let mut matcher = Matcher::load(self.core, people).await?;
        let mut drafts = Vec::new();
        let mut answers = Vec::with_capacity(people.len());
        for person in people {
            let matched = match person {
                Ok(person) => matcher.find(self.core, person, &self.caller.session),
                Err(reason) => Matched::Refused(*reason),
            };
            match (person, matched) {
                (Ok(person), Matched::Done(token)) => {
                    let facts = matcher.facts_of(token);
                    let added = facts.and_then(|facts| self.marked(person, token, facts));
                    answers.push((Some(token), 0, added.is_some()));
                    drafts.extend(added);
                }
                (Ok(person), Matched::Known(token, facts)) => {
                    let nhis = matcher.unknown_nhis(person);
                    drafts.push(self.known(person, token, &facts, &nhis));
                    matcher.taken(person, token);
                    answers.push((Some(token), 0, true));
                }
                (Ok(person), Matched::Again(token)) => {
                    let nhis = matcher.unknown_nhis(person);
                    drafts.push(self.again(person, token, &nhis));
                    matcher.taken(person, token);
                    answers.push((Some(token), 0, true));
                }
                (Ok(person), Matched::New) => {
                    let (token, draft) = self.admit(person)?;
                    drafts.push(draft);
                    matcher.taken(person, token);
                    answers.push((Some(token), 0, true));
                }
                (_, Matched::Refused(reason)) => {
                    drafts.push(self.draft().refused(reason));
                    answers.push((None, i32::from(reason), true));
                }
                (Err(reason), _) => answers.push((None, i32::from(*reason), false)),
            }
        }
        self.commit(drafts, answers).await
    }

    async fn commit(
        &self,
        drafts: Vec<Draft>,
        answers: Vec<(Option<KeyedToken>, i32, bool)>,
    ) -> Result<Vec<EnrolledPerson>, Trouble> {
        let outcomes = match self.core.ledger.append(drafts).await {
            Err(LedgerError::Conflict) => return Err(Trouble::Conflict),
            other => other?,
        };
        let mut outcomes = outcomes.into_iter();
        let mut people = Vec::with_capacity(answers.len());
        for (token, refused, has_entry) in answers {
            let outcome = if has_entry { outcomes.next() } else { None };
            let refused = match outcome {
                Some(Err(error)) => i32::from(error.reason()),
                Some(Ok(appended)) => appended
                    .refused
                    .map_or(refused, |refusal| i32::from(refusal.reason)),
                None => refused,
            };
            let patient = token
                .filter(|_| refused == 0)
                .map(|token| self.core.keys.patient_id(token).as_bytes().to_vec());
            people.push(EnrolledPerson {
                patient: patient.unwrap_or_default(),
                refused,
            });
        }
        Ok(people)
    }

    fn draft(&self) -> Draft {
        let caller = self.caller;
        let mut draft = Draft::of_session(EntryKind::Change, &caller.session, Some(caller.purpose));
        "enrolled".clone_into(&mut draft.body.text);
        reach::decided(&mut draft, self.decision);
        draft
    }

    fn enrolment(&self) -> Fact {
        Fact::Enrolment(facts::Enrolment {
            practice: self.practice.as_bytes().to_vec(),
            since: self.caller.now.as_microsecond(),
        })
    }

    fn admit(&self, person: &Person<'_>) -> Result<(KeyedToken, Draft), Refusal> {
        let patient = PatientId::from_bytes(crate::identity::sign_in::random_id());
        let token = self.core.keys.patient(patient);
        let (keys, _): (NewSubjectKeys, _) = self
            .core
            .subject_keys
            .make(token)
            .map_err(|_| Reason::LedgerUnavailable)?;
        let mut draft = self.draft().about(patient, token);
        draft
            .effects
            .push(Effect::InsertSubjectKeys(Box::new(keys)));
        let fact = Fact::Patient(facts::Patient {
            birth_year: person.birth_year,
            birth: self.core.keys.birth(token, person.birth_date).to_vec(),
            region: person.wire.region.clone(),
            country: person.wire.country.clone(),
            is_deceased: person.wire.is_deceased,
            is_unsafe_to_write: person.wire.is_unsafe_to_write,
        });
        for fact in [fact, self.enrolment()] {
            draft.effects.push(Effect::fact(token, fact));
        }
        if !person.wire.left_on.is_empty() {
            draft.effects.push(end(token, 2));
        }
        self.describe(&mut draft);
        self.index(person, token, &mut draft, &person.nhis);
        Ok((token, draft))
    }

    /// Somebody the keeper knows already, new to this practice or come back to it, or with new words.
    fn known(
        &self,
        person: &Person<'_>,
        token: KeyedToken,
        facts: &Arc<SubjectFacts>,
        nhis: &[[u8; 16]],
    ) -> Draft {
        let patient = self.core.keys.patient_id(token);
        let mut draft = self.draft().about(patient, token);
        draft.guards.push(Guard::Facts {
            subject: token,
            version: facts.version(),
        });
        let mut next = facts.version();
        let enrolled = facts.live().find_map(|row| match &row.fact {
            Fact::Enrolment(enrolment) if enrolment.practice == self.practice.as_bytes() => {
                Some(row.version)
            }
            _ => None,
        });
        let has_left = !person.wire.left_on.is_empty();
        let ended = match enrolled {
            Some(version) => has_left.then_some(version),
            None => {
                next += 1;
                draft.effects.push(Effect::fact(token, self.enrolment()));
                has_left.then_some(next)
            }
        };
        if let Some(version) = ended {
            draft.effects.push(end(token, version));
        }
        let added = added_marks(person, facts);
        let added = added.map(|added| Effect::fact(token, added));
        draft.effects.extend(added);
        self.describe(&mut draft);
        self.index(person, token, &mut draft, nhis);
        draft
    }

    /// Marks that the sender adds under the key it used before: that somebody must not be written to waits for no new one.
    fn marked(
        &self,
        person: &Person<'_>,
        token: KeyedToken,
        facts: &SubjectFacts,
    ) -> Option<Draft> {
        let added = added_marks(person, facts)?;
        let patient = self.core.keys.patient_id(token);
        let mut draft = self.draft().about(patient, token);
        draft.guards.push(Guard::Facts {
            subject: token,
            version: facts.version(),
        });
        draft.effects.push(Effect::fact(token, added));
        self.describe(&mut draft);
        Some(draft)
    }

    /// The same person twice in one call: only the words and the caller's own key are added.
    fn again(&self, person: &Person<'_>, token: KeyedToken, nhis: &[[u8; 16]]) -> Draft {
        let patient = self.core.keys.patient_id(token);
        let mut draft = self.draft().about(patient, token);
        self.describe(&mut draft);
        self.index(person, token, &mut draft, nhis);
        draft
    }

    fn describe(&self, draft: &mut Draft) {
        draft.body.details = FactBody {
            fact: Some(self.enrolment()),
        }
        .encode_to_vec();
    }

    fn index(&self, person: &Person<'_>, token: KeyedToken, draft: &mut Draft, nhis: &[[u8; 16]]) {
        for nhi in nhis {
            draft.effects.push(Effect::InsertLookup {
                kind: LookupKind::Nhi,
                token: *nhi,
                subject: token,
            });
        }
        draft.effects.push(Effect::InsertLookup {
            kind: LookupKind::Enrolment,
            token: person.enrolment,
            subject: token,
        });
        let wire = person.wire;
        let mut typed = vec![wire.nhi.as_str()];
        typed.extend(wire.dormant_nhis.iter().map(String::as_str));
        let named = Named {
            nhis: typed,
            surname: &wire.surname,
            given: &wire.given,
            birth_date: person.birth_date,
            phones: wire.phones.iter().map(String::as_str).collect(),
        };
        draft.effects.push(Effect::InsertNames {
            patient: token,
            terms: names::terms(&self.names, &named),
        });
    }
}

fn end(subject: KeyedToken, version: i64) -> Effect {
    Effect::fact(subject, Fact::End(facts::End { version }))
}

/// The marks of somebody known with those that come in addition; nothing where none does.
fn added_marks(person: &Person<'_>, facts: &SubjectFacts) -> Option<Fact> {
    let PatientView {
        is_deceased,
        is_unsafe_to_write,
        ..
    } = PatientView::marks(facts);
    let added = facts::PatientMarks {
        is_deceased: is_deceased || person.wire.is_deceased,
        is_unsafe_to_write: is_unsafe_to_write || person.wire.is_unsafe_to_write,
    };
    let is_more =
        (added.is_deceased, added.is_unsafe_to_write) != (is_deceased, is_unsafe_to_write);
    is_more.then_some(Fact::PatientMarks(added))
}
