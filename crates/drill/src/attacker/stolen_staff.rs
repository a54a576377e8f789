//! A live session of a member of staff: search by common names, open whatever is found, as fast as it goes.

use super::loot::{Kind, Sack};
use crate::browser::{Browser, attribute, ids_in};
use crate::{Problem, clock};
use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

/// The thief gives up after so many refusals in a row.
const PATIENCE: u32 = 150;

struct Search {
    surname: String,
    initial: char,
}

struct Work {
    searches: VecDeque<Search>,
    /// Found, and not opened yet.
    found: VecDeque<String>,
    seen: HashSet<String>,
    refused_in_a_row: u32,
}

pub(super) async fn steal(
    browser: &Browser,
    sack: &Sack,
    surnames: &[String],
    hands: usize,
) -> Result<(), Problem> {
    let searches = surnames
        .iter()
        .flat_map(|surname| ('A'..='Z').map(move |initial| (surname, initial)))
        .map(|(surname, initial)| Search {
            surname: surname.clone(),
            initial,
        })
        .collect();
    let work = Mutex::new(Work {
        searches,
        found: VecDeque::new(),
        seen: HashSet::new(),
        refused_in_a_row: 0,
    });
    sack.reaches_out(clock::now());
    let hands = (0..hands.max(1)).map(|_| hand(browser, sack, &work));
    futures_util::future::join_all(hands).await;
    Ok(())
}

enum Next {
    Open(String),
    Search(Search),
    GiveUp,
}

fn next(work: &Mutex<Work>) -> Next {
    let mut work = work.lock().unwrap_or_else(PoisonError::into_inner);
    if work.refused_in_a_row > PATIENCE {
        return Next::GiveUp;
    }
    if let Some(patient) = work.found.pop_front() {
        return Next::Open(patient);
    }
    work.searches.pop_front().map_or(Next::GiveUp, Next::Search)
}

async fn hand(browser: &Browser, sack: &Sack, work: &Mutex<Work>) {
    loop {
        let got = match next(work) {
            Next::GiveUp => return,
            Next::Open(patient) => open(browser, sack, &patient).await,
            Next::Search(search) => find(browser, sack, work, &search).await,
        };
        let mut work = work.lock().unwrap_or_else(PoisonError::into_inner);
        work.refused_in_a_row = if got { 0 } else { work.refused_in_a_row + 1 };
    }
}

/// True when the portal answered at all, found or not.
async fn find(browser: &Browser, sack: &Sack, work: &Mutex<Work>, search: &Search) -> bool {
    let initial = search.initial.to_string();
    let form = [
        ("nhi", ""),
        ("surname", search.surname.as_str()),
        ("given", initial.as_str()),
        ("day", ""),
        ("month", ""),
        ("year", ""),
        ("phone", ""),
    ];
    let Ok(answer) = browser.post("/practice/find", &form).await else {
        sack.unanswered();
        return false;
    };
    sack.answered(&answer);
    if answer.status >= 300 {
        return false;
    }
    let page = answer.text();
    let at = answer.first_byte_at.unwrap_or_else(clock::now);
    for patient in named(&page) {
        sack.name(&patient, at);
    }
    let mut work = work.lock().unwrap_or_else(PoisonError::into_inner);
    for patient in ids_in(&page, "/patients/") {
        if work.seen.insert(patient.clone()) {
            work.found.push_back(patient);
        }
    }
    true
}

/// Patients on a result page whose link shows a name.
fn named(page: &str) -> Vec<String> {
    page.split("<a ")
        .skip(1)
        .filter_map(|rest| {
            let (tag, after) = rest.split_once('>')?;
            let id = attribute(tag, "href")?
                .strip_prefix("/patients/")?
                .to_owned();
            let name = after.split('<').next()?.trim();
            (id.len() == 32 && !name.is_empty()).then_some(id)
        })
        .collect()
}

/// Record, list of documents, and each document of one patient.
async fn open(browser: &Browser, sack: &Sack, patient: &str) -> bool {
    let mut got = false;
    let mut documents = Vec::new();
    for (kind, path) in [(Kind::Record, "record"), (Kind::Shelf, "documents")] {
        match browser
            .get(&format!("/api/patients/{patient}/{path}"))
            .await
        {
            Ok(answer) => {
                sack.answered(&answer);
                if sack.take(kind, patient, &answer) {
                    got = true;
                    if matches!(kind, Kind::Shelf) {
                        documents = ids_in(&answer.text(), "\"document\":\"");
                    }
                }
            }
            Err(_) => sack.unanswered(),
        }
    }
    for id in documents {
        match browser.get(&format!("/api/documents/{id}")).await {
            Ok(answer) => {
                sack.answered(&answer);
                got |= sack.take(Kind::Document, &id, &answer);
            }
            Err(_) => sack.unanswered(),
        }
    }
    got
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_without_a_name_shows_nobody() {
        let (one, two) = ("1".repeat(32), "2".repeat(32));
        let page = format!(
            "<li><a class=\"x\" href=\"/patients/{one}\">Hēnare Te Aho</a></li>\
             <li><a class=\"x\" href=\"/patients/{two}\"> </a></li><a href=\"/home\">Home</a>"
        );
        assert_eq!(named(&page), [one]);
    }
}
