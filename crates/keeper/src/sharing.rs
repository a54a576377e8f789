//! What a patient decided about who reads: what is kept from a practice or a person, and what is shared with a practice
//! that did not put it in. What is kept from somebody does not exist for them.

mod changes;
mod list;

pub(crate) use changes::{end, settled, start};
pub use list::{acting, sharing};

use crate::calls::Caller;
use crate::facts::{Fact, RecordPart, Restriction, Share, SubjectFacts, is_before};
use crate::items::ItemRow;
use crate::keys::KeyedToken;
use crate::merges::Records;
use crate::notifications;
use crate::session::Session;
use candour_keeper_wire::words::{ItemKind, Role, Section, Tag};
use candour_seal::PracticeId;

/// What of a patient's rules concerns one session: gathered once, and nothing for nearly everybody.
#[derive(Default)]
pub(crate) struct Rules<'a> {
    restrictions: Vec<&'a Restriction>,
    shares: Vec<&'a Share>,
    /// The practice whose deposits alone the session sees.
    only: Option<PracticeId>,
    /// Somebody whom that practice let in lately, and who may not be whom it says.
    is_let_in: bool,
    /// The practice whose people it is: they see the addresses that it protects, and its programs do not.
    people_of: Option<PracticeId>,
    /// The patient's own session, or a mail to them.
    is_themself: bool,
    is_emergency: bool,
    /// What was decided about the patient's address, if anything was.
    protection: Option<bool>,
}

/// What was decided about the address; that it is protected holds for both records of one person.
fn protection(records: &Records) -> Option<bool> {
    let all = records.all().filter_map(SubjectFacts::address_protection);
    all.max()
}

/// A mail of a change goes to the person themself; a practice's word about the address stops it to the last.
fn is_told(records: &Records, caller: &Caller) -> bool {
    let is_let = |facts: &SubjectFacts| {
        facts.address_protection() != Some(true) || facts.own_protection().is_some()
    };
    notifications::is_lane(caller.session.principal, caller.purpose) && records.all().all(is_let)
}

impl<'a> Rules<'a> {
    /// Of a record. What is kept on the other record of the same person is kept here too; what is shared there is not. In an
    /// emergency nothing is kept from a practice, and what is kept from a person still is.
    /// `only`: the practice whose deposits alone the session sees.
    pub fn of(
        records: &'a Records,
        caller: &Caller,
        only: Option<PracticeId>,
        is_emergency: bool,
    ) -> Self {
        let (viewer, now) = (&caller.session, caller.now);
        let mut rules = Self {
            only,
            is_let_in: only.is_some() && viewer.practice.is_none(),
            people_of: viewer
                .practice
                .filter(|_| viewer.role != Role::PracticeClient),
            is_themself: is_told(records, caller)
                || (viewer.practice.is_none()
                    && records.facts.account_holder() == Some(viewer.subject)),
            is_emergency,
            protection: protection(records),
            ..Self::default()
        };
        let token = records.facts.subject();
        let rows = records.all().flat_map(|facts| {
            let is_other = facts.subject() != token;
            facts.live().map(move |row| (is_other, row))
        });
        // Nobody is kept from their own record by what stands on another.
        let is_holder = records.rules_of_other(viewer).is_none();
        for (is_other, row) in rows {
            match &row.fact {
                Fact::Restriction(held) => {
                    // Whom a practice let in sees no more than that practice does.
                    let is_practice = is_practice(only, &held.practice) && !is_emergency;
                    let is_person = is_person(viewer, held) && !(is_other && is_holder);
                    if is_practice || is_person {
                        rules.restrictions.push(held);
                    }
                }
                Fact::Share(held) if !is_other => {
                    let is_with = is_practice(viewer.practice, &held.practice);
                    if is_with && is_before(held.until, now) {
                        rules.shares.push(held);
                    }
                }
                _ => {}
            }
        }
        rules
    }

    /// Another practice put it in than the one whose deposits alone the session sees.
    pub fn is_of_others(&self, item: &ItemRow) -> bool {
        self.only.is_some_and(|own| item.new.practice != own)
    }

    /// Whether an item is kept from this session. What is sensitive is kept from whom a practice let in: not everybody
    /// there reads it.
    pub fn hide(&self, item: &ItemRow) -> bool {
        let is_sensitive = self.is_let_in && item.new.tags != 0;
        is_sensitive || self.restrict(item) || self.protect(item)
    }

    /// Whether it is, or tells, a protected address: for the person themself and the people of the practice that put it in, and
    /// for nobody else. In an emergency nobody needs to know where somebody lives, and a program never.
    fn protect(&self, item: &ItemRow) -> bool {
        let is_tagged = item.new.tags & 1 << (Tag::ProtectedAddress.number() - 1) != 0;
        let is_contact = item.new.section == Section::Contact;
        let is_protected = match self.protection {
            Some(is_protected) if is_contact => is_protected,
            _ => is_tagged,
        };
        let is_source = self.people_of == Some(item.new.practice);
        let is_seen = self.is_themself || (is_source && !(is_contact && self.is_emergency));
        is_protected && !is_seen
    }

    fn restrict(&self, item: &ItemRow) -> bool {
        self.restrictions.iter().any(|held| {
            let is_practice = held.person.is_empty();
            reaches(held.what.as_ref(), item) && !(is_practice && is_address(item.new.section))
        })
    }

    /// Whether what concerns a section as a whole, or one document, is kept from this session.
    pub fn hide_part(&self, section: Section, document: Option<KeyedToken>) -> bool {
        self.restrictions.iter().any(|held| {
            let (of, what) = part(held.what.as_ref());
            let is_practice = held.person.is_empty();
            if !what.is_empty() {
                return document.is_some_and(|document| document.0 == what);
            }
            let is_whole = of == Section::None && !(is_practice && is_address(section));
            is_whole || of == shelved(section)
        })
    }

    /// Whether an item of another practice is shared with the session's.
    pub fn share(&self, item: &ItemRow) -> bool {
        let is_clinical = !is_address(item.new.section) && item.new.section != Section::Notices;
        is_clinical
            && self.shares.iter().any(|held| {
                (held.with_sensitive || item.new.tags == 0) && reaches(held.what.as_ref(), item)
            })
    }
}

/// Whether the whole record is kept from the person of a session.
pub(crate) fn keeps_out(facts: &SubjectFacts, viewer: &Session) -> bool {
    facts.live().any(|row| match &row.fact {
        Fact::Restriction(held) => {
            let (section, item) = part(held.what.as_ref());
            section == Section::None && item.is_empty() && is_person(viewer, held)
        }
        _ => false,
    })
}

/// Whether anything is kept from a person, or everything from a practice: neither lets anybody into the account.
pub(crate) fn are_kept_from(facts: &SubjectFacts, people: &[KeyedToken], practice: &[u8]) -> bool {
    facts.live().any(|row| match &row.fact {
        Fact::Restriction(held) => {
            let (section, item) = part(held.what.as_ref());
            let is_whole = section == Section::None && item.is_empty();
            people.iter().any(|person| held.person == person.0)
                || (is_whole && held.practice == practice)
        }
        _ => false,
    })
}

fn is_practice(seen: Option<PracticeId>, practice: &[u8]) -> bool {
    seen.is_some_and(|seen| seen.as_bytes().as_slice() == practice)
}

fn is_person(viewer: &Session, held: &Restriction) -> bool {
    held.person == viewer.subject.0
}

/// Name and address are not kept from a practice: it must know whom it cares for.
const fn is_address(section: Section) -> bool {
    matches!(section, Section::Identity | Section::Contact)
}

/// Documents belong to the shelf.
const fn shelved(section: Section) -> Section {
    match section {
        Section::None => Section::Shelf,
        other => other,
    }
}

fn part(what: Option<&RecordPart>) -> (Section, &[u8]) {
    what.map_or((Section::None, &[]), |what| {
        let section = Section::try_from(what.section).unwrap_or(Section::None);
        (section, &what.item)
    })
}

fn reaches(what: Option<&RecordPart>, item: &ItemRow) -> bool {
    let (section, document) = part(what);
    let new = &item.new;
    if !document.is_empty() {
        return new.item.0 == document || new.of_document.is_some_and(|of| of.0 == document);
    }
    let of = match new.kind {
        ItemKind::Document => Section::Shelf,
        _ => new.section,
    };
    section == Section::None || section == of
}
