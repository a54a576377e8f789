//! The practices' lists in the room, as an officer who is rung by a practice reads them.

use super::{rows, text};
use crate::Problem;
use crate::browser::{Browser, ids_in};
use std::collections::{BTreeMap, BTreeSet};

/// How each practice's people must be told: full name and birth date as the list shows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// They are rung.
    pub rung: BTreeSet<(String, String)>,
    /// They get a mail.
    pub mailed: BTreeSet<(String, String)>,
}

/// Reads every practice's list and says where it differs from what it must be.
///
/// # Errors
/// When the room does not answer.
pub async fn look(
    room: &Browser,
    expected: &BTreeMap<String, Told>,
) -> Result<Vec<String>, Problem> {
    let list = room
        .visit("/incidents")
        .await?
        .expect("the list of incidents")?;
    let incident = ids_in(&list.text(), "/incidents/")
        .into_iter()
        .next()
        .ok_or_else(|| Problem::Unexpected("the room shows no incident".to_owned()))?;
    let base = format!("/incidents/{incident}");
    let register = room
        .visit(&format!("{base}/register"))
        .await?
        .expect("the register")?
        .text();
    let mut found = BTreeMap::new();
    for practice in ids_in(&register, &format!("{base}/practices/")) {
        let page = room
            .visit(&format!("{base}/practices/{practice}"))
            .await?
            .expect("a practice's list")?
            .text();
        found.insert(heading(&page), read(&page));
    }
    Ok(differences(expected, &found))
}

fn heading(page: &str) -> String {
    let heading = page
        .split("<h1>")
        .nth(1)
        .and_then(|rest| rest.split("</h1>").next());
    text(heading.unwrap_or_default())
}

fn read(page: &str) -> Told {
    let (calls, mails) = page.split_once("id=\"told\"").unwrap_or((page, ""));
    let people = |piece: &str| {
        rows(piece)
            .into_iter()
            .filter_map(|cells| Some((cells.first()?.clone(), cells.get(1)?.clone())))
            .collect()
    };
    Told {
        rung: people(calls),
        mailed: people(mails),
    }
}

fn differences(expected: &BTreeMap<String, Told>, found: &BTreeMap<String, Told>) -> Vec<String> {
    let mut faults = Vec::new();
    let nobody = Told::default();
    let practices: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    for practice in practices {
        let (wanted, shown) = (
            expected.get(practice).unwrap_or(&nobody),
            found.get(practice).unwrap_or(&nobody),
        );
        for (what, wanted, shown) in [
            ("to ring", &wanted.rung, &shown.rung),
            ("told by us", &wanted.mailed, &shown.mailed),
        ] {
            let (missing, extra) = (
                wanted.difference(shown).count(),
                shown.difference(wanted).count(),
            );
            if missing + extra > 0 {
                faults.push(format!(
                    "the list of {practice}, {what}: {missing} people are missing and {extra} should not be there"
                ));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "<h1>Kauri Clinic</h1><h2 id=\"call\">Call list</h2><table><tr><th>Name</th></tr>\
        <tr><td>Ana Reid</td><td>1 May 1980</td><td>021</td></tr></table>\
        <h2 id=\"told\">Told by us</h2><table><tr><td>Ben Ro</td><td>2 May 1981</td></tr></table>";

    fn one(name: &str, born: &str) -> BTreeSet<(String, String)> {
        BTreeSet::from([(name.to_owned(), born.to_owned())])
    }

    #[test]
    fn somebody_who_must_be_rung_and_stands_among_the_mailed_is_two_faults() {
        let right = Told {
            rung: one("Ana Reid", "1 May 1980"),
            mailed: one("Ben Ro", "2 May 1981"),
        };
        assert_eq!(read(PAGE), right);
        let found = BTreeMap::from([(heading(PAGE), read(PAGE))]);
        let expected = BTreeMap::from([("Kauri Clinic".to_owned(), right.clone())]);
        assert!(differences(&expected, &found).is_empty());
        let wrong = Told {
            rung: right.mailed,
            mailed: right.rung,
        };
        let expected = BTreeMap::from([("Kauri Clinic".to_owned(), wrong)]);
        assert_eq!(differences(&expected, &found).len(), 2);
    }

    #[test]
    fn a_practice_without_its_list_is_a_fault() {
        let told = Told {
            rung: one("Ana Reid", "1 May 1980"),
            ..Told::default()
        };
        let expected = BTreeMap::from([("Kauri Clinic".to_owned(), told)]);
        assert_eq!(differences(&expected, &BTreeMap::new()).len(), 1);
    }
}
