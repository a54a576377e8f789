//! The status site as a reporter reads it: the statement, the numbers, and what a wrong code is answered.

use super::text;
use crate::Problem;
use crate::browser::{Browser, Site};
use serde::Deserialize;

/// The numbers that must stand there, counted from the thief's book and the mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// People with a record or document opened.
    pub opened: usize,
    /// People only listed.
    pub listed: usize,
    /// Documents that were sent out.
    pub documents: usize,
    /// Practices that got a mail.
    pub practices: usize,
    /// People who got a mail.
    pub mailed: usize,
    /// People for whom a message waits in the portal.
    pub in_portal: usize,
    /// People whom their practice rings.
    pub on_call_lists: usize,
}

/// The site's own file of numbers.
#[derive(Debug, Deserialize)]
struct Counters {
    incident: i32,
    people_opened: String,
    people_listed: String,
    documents: String,
    practices_told: String,
    people_mailed: String,
    people_in_portal: String,
    people_on_call_lists: String,
    waiting: String,
}

/// A number as the public may see it. Written here a second time on purpose: the drill must not ask the room how the
/// room should count.
fn public(number: usize) -> String {
    match number {
        0 => "none".to_owned(),
        1..10 => "fewer than 10".to_owned(),
        _ => number.to_string(),
    }
}

/// How many people are told in one way: that nobody is must not be readable.
fn public_way(number: usize) -> String {
    public(number.max(1))
}

impl Numbers {
    fn differences(&self, counters: &Counters) -> Vec<String> {
        let (in_portal, to_ring) = (public(self.in_portal), public_way(self.on_call_lists));
        [
            (
                "people opened",
                public(self.opened),
                &counters.people_opened,
            ),
            (
                "people listed",
                public(self.listed),
                &counters.people_listed,
            ),
            ("documents", public(self.documents), &counters.documents),
            (
                "practices told",
                public(self.practices),
                &counters.practices_told,
            ),
            (
                "people mailed",
                public_way(self.mailed),
                &counters.people_mailed,
            ),
            (
                "people in the portal",
                in_portal,
                &counters.people_in_portal,
            ),
            ("people to ring", to_ring, &counters.people_on_call_lists),
        ]
        .into_iter()
        .filter(|(_, ours, theirs)| ours != *theirs)
        .map(|(what, ours, theirs)| {
            format!("the status site says “{theirs}” for {what}, and it should be “{ours}”")
        })
        .collect()
    }

    /// What the statement's words must hold.
    fn sentences(&self) -> [String; 3] {
        let sentence = |number, none: &str, some: String| match number {
            0 => none.to_owned(),
            _ => some,
        };
        let [opened, listed, documents] = [self.opened, self.listed, self.documents].map(public);
        [
            sentence(
                self.opened,
                "Nobody’s record was opened.",
                format!("Records of {opened} people were opened."),
            ),
            sentence(
                self.listed,
                "Nobody else’s name line or list of titles was shown.",
                match self.opened {
                    0 => format!("Of {listed} people, only"),
                    _ => format!("Of {listed} people more, only"),
                },
            ),
            sentence(
                self.documents,
                "No document was sent out.",
                format!("Documents that were sent out: {documents}."),
            ),
        ]
    }
}

/// Reads the site and says what is wrong with it.
///
/// # Errors
/// When it does not answer.
pub async fn look(status: &Site, numbers: &Numbers) -> Result<Vec<String>, Problem> {
    let browser = Browser::new(status)?;
    let file = browser
        .get("/counters.json")
        .await?
        .expect("the site's numbers")?;
    let all: Vec<Counters> = serde_json::from_slice(&file.body)
        .map_err(|error| Problem::Unexpected(format!("the site's numbers do not read: {error}")))?;
    let [counters] = all.as_slice() else {
        return Ok(vec![format!(
            "the status site has {} incidents and not one",
            all.len()
        )]);
    };
    let mut faults = numbers.differences(counters);
    if counters.waiting != "none" {
        faults.push(format!(
            "the status site says that {} messages wait",
            counters.waiting
        ));
    }
    let path = format!("/incident-{}.html", counters.incident);
    let start = browser.get("/").await?.expect("the status site")?.text();
    if !start.contains(path.trim_start_matches('/')) {
        faults.push("the status site's first page does not lead to the incident".to_owned());
    }
    let page = browser
        .get(&path)
        .await?
        .expect("the incident's page")?
        .text();
    faults.extend(on_the_page(&page, numbers, counters));
    faults.extend(a_wrong_code(&browser).await?);
    Ok(faults)
}

fn on_the_page(page: &str, numbers: &Numbers, counters: &Counters) -> Vec<String> {
    let words = text(page);
    let mut faults: Vec<String> = numbers
        .sentences()
        .iter()
        .filter(|sentence| !words.contains(sentence.as_str()))
        .map(|sentence| format!("the statement does not say “{sentence}”"))
        .collect();
    if !words.contains("Statement ") || !words.contains("What happened") {
        faults.push("the status site shows no statement".to_owned());
    }
    let shown: Vec<String> = page
        .split("<dd>")
        .skip(1)
        .filter_map(|rest| Some(text(rest.split("</dd>").next()?)))
        .collect();
    for number in [
        &counters.people_opened,
        &counters.people_listed,
        &counters.documents,
        &counters.practices_told,
        &counters.people_mailed,
        &counters.people_in_portal,
        &counters.people_on_call_lists,
    ] {
        if !shown.contains(number) {
            faults.push(format!(
                "the incident's page does not show the number “{number}”"
            ));
        }
    }
    faults
}

/// A code that nobody was sent must not be confirmed, or the confirmation of the real ones says nothing.
async fn a_wrong_code(browser: &Browser) -> Result<Option<String>, Problem> {
    let answer = browser
        .post("/check", &[("code", "2222-3333-4444")])
        .await?;
    Ok(answer
        .text()
        .contains("We sent this message")
        .then(|| "the status site confirms a code that nobody was sent".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: Numbers = Numbers {
        opened: 12,
        listed: 9,
        documents: 30,
        practices: 1,
        mailed: 15,
        in_portal: 21,
        on_call_lists: 6,
    };

    fn counters(people_opened: &str) -> Counters {
        let few = || "fewer than 10".to_owned();
        Counters {
            incident: 1,
            people_opened: people_opened.to_owned(),
            people_listed: few(),
            documents: "30".to_owned(),
            practices_told: few(),
            people_mailed: "15".to_owned(),
            people_in_portal: "21".to_owned(),
            people_on_call_lists: few(),
            waiting: "none".to_owned(),
        }
    }

    #[test]
    fn one_wrong_number_is_named_and_small_ones_are_hidden() {
        assert!(NUMBERS.differences(&counters("12")).is_empty());
        let differences = NUMBERS.differences(&counters("13"));
        assert_eq!(differences.len(), 1);
        assert!(differences[0].contains("“13”") && differences[0].contains("“12”"));
    }

    #[test]
    fn a_page_without_its_statement_is_a_fault() {
        let page =
            "<dl><dt>x</dt><dd>12</dd><dd>fewer than 10</dd><dd>30</dd><dd>15</dd><dd>21</dd></dl>";
        let faults = on_the_page(page, &NUMBERS, &counters("12"));
        assert_eq!(faults.len(), 4, "{faults:?}");
    }
}
