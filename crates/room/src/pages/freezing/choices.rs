//! What an officer can freeze, by name: parts of the installation from the keeper's lists, people from open cases.

use super::LONGEST_REASON;
use crate::database::DatabaseError;
use crate::incidents::{self, Incident};
use crate::pages::Problem;
use crate::pages::cases::moment;
use crate::room::Room;
use crate::scope;
use candour_keeper_api::wire::{self, FreezeChange};
use candour_keeper_api::words::{Level, Purpose, Role};
use candour_seal::IncidentId;
use jiff::Timestamp;

/// A rung as forms and addresses name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct What {
    pub(super) level: Level,
    pub(super) surrogate: i64,
}

impl What {
    pub(super) fn of(one: &wire::FrozenRung) -> Option<Self> {
        let what = one.what.as_ref()?;
        Some(Self {
            level: Level::try_from(what.level).ok()?,
            surrogate: what.surrogate,
        })
    }

    /// Its level's word and its number, as in `practice-0123456789abcdef`.
    pub(super) fn word(self) -> String {
        format!("{}-{:016x}", self.level.word(), self.surrogate)
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        let (level, number) = word.split_once('-')?;
        let mut levels = Level::ALL.iter().copied();
        let level = levels.find(|known| known.word() == level)?;
        let surrogate = u64::from_str_radix(number, 16).ok()?.cast_signed();
        let what = Self { level, surrogate };
        (what.word() == word).then_some(what)
    }

    /// What pages call it, with the name that the keeper knows of it.
    pub(super) fn named(self, name: &str) -> String {
        let number = format!("{:016x}", self.surrogate);
        match self.level {
            Level::Installation => "The whole installation".to_owned(),
            Level::Practice => format!("The practice {name}"),
            Level::Instance => format!("The process “{name}”"),
            Level::Proof => format!("Proof mode of the process “{name}”"),
            Level::Purpose => format!("The purpose “{}”", self.purpose().replace('_', " ")),
            Level::Session => format!("A session, number {number}"),
            Level::Principal => format!("A person or program, number {number}"),
            Level::Client => format!("A program, number {number}"),
        }
    }

    fn purpose(self) -> &'static str {
        let purpose = i32::try_from(self.surrogate).ok();
        let purpose = purpose.and_then(|number| Purpose::try_from(number).ok());
        purpose.map_or("unknown", Purpose::word)
    }

    /// Whether it stops what officers do here too, so that they cannot let it go.
    pub(super) fn stops_room(self, name: &str) -> bool {
        match self.level {
            Level::Installation => true,
            Level::Instance => name.split('-').next() == Some("room"),
            Level::Purpose => self.purpose() == Purpose::AccountCare.word(),
            _ => false,
        }
    }

    /// The change that freezes it or lets it go, once somebody has said why.
    pub(super) fn change(self, name: &str, reason: &str) -> Result<FreezeChange, Problem> {
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > LONGEST_REASON {
            return Err(Problem::refused(
                "Say why, in at most 500 characters. Nothing was done. Go back and write it.",
            ));
        }
        Ok(FreezeChange {
            level: self.level.into(),
            surrogate: self.surrogate,
            reason: format!("{name}. Reason: {reason}"),
        })
    }
}

/// Something that can be frozen.
#[derive(Clone)]
pub(super) struct Choice {
    pub(super) what: What,
    pub(super) name: String,
    pub(super) group: &'static str,
    pub(super) stops_room: bool,
    /// The open case that it is of.
    pub(super) incident: Option<IncidentId>,
}

impl Choice {
    fn of(level: Level, surrogate: i64, name: &str, group: &'static str) -> Self {
        let what = What { level, surrogate };
        Self {
            what,
            name: what.named(name),
            group,
            stops_room: what.stops_room(name),
            incident: None,
        }
    }
}

/// Everything that can be frozen here, in the order of the page: groups stand together.
pub(super) async fn choices(
    room: &Room,
    freezes: &wire::Freezes,
    now: Timestamp,
) -> Result<Vec<Choice>, DatabaseError> {
    let known = |level: Level| {
        let rungs = freezes.known.iter();
        rungs.filter(move |rung| rung.level == i32::from(level))
    };
    let mut all = Vec::new();
    for rung in known(Level::Instance) {
        let group = "Processes";
        all.push(Choice::of(
            Level::Instance,
            rung.surrogate,
            &rung.name,
            group,
        ));
    }
    for rung in known(Level::Instance) {
        // Nothing is opened through the others.
        if rung.name.split('-').next() == Some("portal") {
            let group = "Proof mode: ask everybody for a passkey or code again";
            all.push(Choice::of(Level::Proof, rung.surrogate, &rung.name, group));
        }
    }
    for incident in incidents::all(&room.pool).await? {
        if incident.closed_at.is_none() {
            all.extend(of_case(room, &incident, now).await?);
        }
    }
    let mut practices: Vec<_> = known(Level::Practice).collect();
    practices.sort_by_key(|rung| rung.name.to_lowercase());
    for rung in practices {
        all.push(Choice::of(
            Level::Practice,
            rung.surrogate,
            &rung.name,
            "Practices",
        ));
    }
    // Emergency access is stopped by the installation's freeze only.
    for purpose in Purpose::ALL
        .iter()
        .filter(|purpose| **purpose != Purpose::Emergency)
    {
        let number = i64::from(purpose.number());
        all.push(Choice::of(
            Level::Purpose,
            number,
            "",
            "Purposes, for everybody",
        ));
    }
    let group = "Everything";
    all.push(Choice::of(Level::Installation, 0, "", group));
    Ok(all)
}

/// Who an open case is about, and their sessions that may still be open.
async fn of_case(
    room: &Room,
    incident: &Incident,
    now: Timestamp,
) -> Result<Vec<Choice>, DatabaseError> {
    let opened = moment(room, incident.opened_at);
    let mut all = Vec::new();
    let mut push = |level, surrogate, name| {
        all.push(Choice {
            name,
            incident: Some(incident.id),
            ..Choice::of(level, surrogate, "", "Of open incidents")
        });
    };
    if incident.principal != 0 {
        let of = format!("of the incident opened {opened}");
        match incidents::role_of(&room.pool, incident.principal).await? {
            Some(Role::PracticeClient) => {
                push(
                    Level::Client,
                    incident.principal,
                    format!("The program {of}"),
                );
            }
            _ => push(
                Level::Principal,
                incident.principal,
                format!("The person {of}"),
            ),
        }
    }
    for session in scope::sessions(&room.pool, incident).await? {
        if session.may_be_open(now) {
            let began = moment(room, session.at);
            let name = format!(
                "The session that began {began} (entry {}), of the incident opened {opened}",
                session.index
            );
            push(Level::Session, session.session, name);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rung_s_word_leads_back_to_it_and_nothing_else_does() {
        for level in Level::ALL {
            for surrogate in [0, 7, -1, i64::MIN] {
                let what = What {
                    level: *level,
                    surrogate,
                };
                assert_eq!(What::parse(&what.word()), Some(what));
            }
        }
        for word in [
            "",
            "practice",
            "practice-7",
            "practice-+000000000000007",
            "list-0000000000000000",
            "Practice-0000000000000007",
        ] {
            assert_eq!(What::parse(word), None, "{word}");
        }
    }

    #[test]
    fn what_shuts_the_room_is_told_apart() {
        let stops = |level, surrogate, name| What { level, surrogate }.stops_room(name);
        let care = i64::from(Purpose::AccountCare.number());
        assert!(stops(Level::Installation, 0, ""));
        assert!(stops(Level::Instance, 7, "room"));
        assert!(stops(Level::Instance, 7, "room-2"));
        assert!(stops(Level::Purpose, care, ""));
        assert!(!stops(Level::Instance, 7, "portal"));
        assert!(!stops(Level::Purpose, 1, ""));
        assert!(!stops(Level::Practice, 7, "room"));
    }
}
