//! The room's own answer: read from its database when everything is over, and polled while it goes on.

use crate::Problem;
use candour_room::database::{self, DatabaseError, Pool};
use candour_room::incidents::{self, TimelineRow};
use candour_room::notices;
use candour_room::register::{self, Member, MemberItem, MemberSection};
use candour_seal::IncidentId;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::path::Path;

/// The room's database, seen from outside.
pub struct Watch {
    pool: Pool,
}

/// One affected person, as the register has them.
#[derive(Debug, Clone)]
pub struct Affected {
    /// Who, and how they are told.
    pub member: Member,
    /// What was seen, item by item.
    pub items: Vec<MemberItem>,
    /// Which parts of the record were opened as a whole.
    pub sections: Vec<MemberSection>,
}

/// What the room says of the first case.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its timeline.
    pub events: Vec<TimelineRow>,
    /// Everybody affected, with what was seen of each.
    pub people: Vec<Affected>,
    /// Mails to people whose mailbox was opened by a run that two officers approved in the keeper.
    pub mailed_by_run: i64,
}

impl Case {
    /// Who approved texts and lists, each once, and when the second of them did.
    pub fn approvals(&self) -> (BTreeSet<&str>, Option<Timestamp>) {
        let mut authors = BTreeSet::new();
        let mut second_at = None;
        for event in self.events.iter().filter(|event| event.word == "approved") {
            if authors.insert(event.author.as_str()) && authors.len() == 2 {
                second_at = Some(event.at);
            }
        }
        (authors, second_at)
    }

    /// When something first happened.
    pub fn first(&self, word: &str) -> Option<Timestamp> {
        self.events
            .iter()
            .find(|event| event.word == word)
            .map(|event| event.at)
    }
}

fn unreadable(error: &DatabaseError) -> Problem {
    Problem::Unexpected(format!("the room's database cannot be read: {error}"))
}

impl Watch {
    /// Connects.
    ///
    /// # Errors
    /// When the room's connection cannot be read or used.
    pub async fn open(data: &Path) -> Result<Self, Problem> {
        let file = data.join("secrets/room.database");
        let line =
            std::fs::read_to_string(&file).map_err(Problem::file("could not read", &file))?;
        let pool = database::connect(line.trim(), false)
            .await
            .map_err(|error| unreadable(&error))?;
        Ok(Self { pool })
    }

    /// The newest case, if there is one.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn newest(&self) -> Result<Option<IncidentId>, Problem> {
        let all = incidents::all(&self.pool)
            .await
            .map_err(|error| unreadable(&error))?;
        Ok(all.first().map(|incident| incident.id))
    }

    /// Whether something has happened in a case.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn has(&self, incident: IncidentId, word: &str) -> Result<bool, Problem> {
        let events = incidents::events(&self.pool, incident)
            .await
            .map_err(|error| unreadable(&error))?;
        Ok(events.iter().any(|event| event.word == word))
    }

    /// Everything about a case.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn case(&self, incident: IncidentId) -> Result<Case, Problem> {
        let events = incidents::events(&self.pool, incident)
            .await
            .map_err(|error| unreadable(&error))?;
        let mut people = Vec::new();
        for member in register::members(&self.pool, incident)
            .await
            .map_err(|error| unreadable(&error))?
        {
            people.push(self.affected(incident, member).await?);
        }
        let mailed_by_run = notices::mailed_by_run(&self.pool, incident)
            .await
            .map_err(|error| unreadable(&error))?;
        Ok(Case {
            events,
            people,
            mailed_by_run,
        })
    }

    async fn affected(&self, incident: IncidentId, member: Member) -> Result<Affected, Problem> {
        let client = self
            .pool
            .get()
            .await
            .map_err(|error| unreadable(&error.into()))?;
        let items = register::items(&client, incident, member.patient)
            .await
            .map_err(|error| unreadable(&error))?;
        let sections = register::sections(&client, incident, member.patient)
            .await
            .map_err(|error| unreadable(&error))?;
        Ok(Affected {
            member,
            items,
            sections,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_officer_who_approves_twice_is_no_second_one() {
        let approved = |second: i64, author: &str| TimelineRow {
            at: Timestamp::from_second(second).unwrap(),
            word: "approved".to_owned(),
            author: author.to_owned(),
            detail: String::new(),
        };
        let mut case = Case {
            events: vec![
                approved(1, "Privacy officer"),
                approved(2, "Privacy officer"),
            ],
            people: Vec::new(),
            mailed_by_run: 0,
        };
        assert_eq!(case.approvals().1, None);
        case.events.push(approved(3, "Security officer"));
        case.events.push(approved(4, "Security officer"));
        let (authors, second_at) = case.approvals();
        assert_eq!(authors.len(), 2);
        assert_eq!(second_at, Timestamp::from_second(3).ok());
    }
}
