//! The scorecard: one page that a board can read, the real event's figures beside ours.

mod real;
mod timeline;

use super::{Run, Score};
use crate::browser::ids_in;
use std::fmt::Write;

/// The whole page.
pub fn page(run: &Run<'_>, score: &Score, faults: &[String]) -> String {
    let mut page = String::new();
    let title = match (score.control, score.scenario.as_str()) {
        (true, name) => format!("Control run: {name}, with a keeper that grants everything"),
        (false, "stolen-login") => "Drill: a patient’s sign-in is stolen".to_owned(),
        (false, _) => "Drill: a doctor’s session is stolen".to_owned(),
    };
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en-NZ\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><style>{STYLE}</style></head><body><main>\
         {verdict}<h1>{title}</h1><p class=\"lead\">{lead}</p>",
        verdict = verdict(score, faults),
        lead = lead(score),
    );
    page.push_str(&headline(score));
    page.push_str(&timeline::picture(run, score));
    page.push_str(&table(run, score));
    if !faults.is_empty() {
        page.push_str("<section><h2>What is wrong</h2><ul>");
        for fault in faults {
            let _ = write!(page, "<li>{}</li>", escaped(fault));
        }
        page.push_str("</ul></section>");
    }
    page.push_str(&how(run, score, faults.is_empty()));
    page.push_str("</main></body></html>\n");
    page
}

fn verdict(score: &Score, faults: &[String]) -> String {
    let (class, words) = match (faults.len(), score.control) {
        (0, false) => ("good", "Passed: every check held".to_owned()),
        (0, true) => (
            "control",
            "Control: this is what is lost without the keeper".to_owned(),
        ),
        (1, _) => ("bad", "Failed: one thing is wrong".to_owned()),
        (many, _) => ("bad", format!("Failed: {many} things are wrong")),
    };
    format!("<p class=\"verdict {class}\">{words}</p>")
}

fn lead(score: &Score) -> String {
    let Score {
        documents_lost,
        documents,
        people_lost,
        people_listed,
        patients,
        ..
    } = score;
    let people = |number: usize, what: &str| match number {
        0 => format!("{what} of nobody"),
        1 => format!("{what} of one person"),
        many => format!("{what} of {many} people"),
    };
    format!(
        "A real thief attacked a portal with {patients} made-up patients. It got {documents_lost} of {documents} \
         documents, opened {}, and saw {}.",
        people(*people_lost, "the record"),
        people(*people_listed, "a name or a list of titles"),
    )
}

/// The four numbers that a board asks for.
fn headline(score: &Score) -> String {
    if score.control {
        return String::new();
    }
    let time = |seconds: Option<f64>| seconds.map_or_else(|| "never".to_owned(), spoken);
    let share = |part: Option<f64>| part.map_or_else(|| "no answer".to_owned(), percent);
    let figures = [
        (
            time(score.seconds_to_freeze),
            "until the session was frozen",
        ),
        (
            time(score.seconds_to_list),
            "until the list of who lost what",
        ),
        (share(score.recall), "of what was lost is on that list"),
        (time(score.seconds_to_last_mail), "until the last mail"),
    ];
    let mut all = String::from("<ul class=\"figures\">");
    for (figure, words) in figures {
        let _ = write!(all, "<li><strong>{figure}</strong> {words}</li>");
    }
    all + "</ul>"
}

fn table(run: &Run<'_>, score: &Score) -> String {
    let seconds = |value: Option<f64>| value.map_or("never".to_owned(), spoken);
    let share = |value: Option<f64>| value.map_or("no answer".to_owned(), percent);
    let found_by = if score.control {
        "nobody"
    } else {
        "the keeper’s own rules"
    };
    let ours = [
        found_by.to_owned(),
        format!("{} of {}", score.documents_lost, score.documents),
        format!("{} of {}", score.people_lost, score.patients),
        seconds(score.seconds_to_detect),
        seconds(score.seconds_to_list),
        share(score.recall),
        share(score.precision),
        seconds(score.seconds_to_last_mail),
    ];
    let mut table = String::from(
        "<table><caption>This run beside the real event</caption><thead><tr><td></td><th scope=\"col\">This run</th>\
         <th scope=\"col\">Manage My Health, 2025–26</th></tr></thead><tbody>",
    );
    for (row, ours) in real::FIGURES.iter().zip(&ours) {
        let _ = write!(
            table,
            "<tr><th scope=\"row\">{}</th><td data-of=\"This run\">{ours}</td>\
             <td data-of=\"Manage My Health\">{} <sup>{}</sup></td></tr>",
            row.what, row.value, row.source
        );
    }
    let more = [
        (
            "Of that time, two officers reading and approving (scripted)",
            spoken(run.approval_seconds),
        ),
        ("Frozen after", seconds(score.seconds_to_freeze)),
        (
            "Practices told, before their patients",
            score.practices_told.to_string(),
        ),
        ("People told by mail", score.people_told.to_string()),
        ("Requests of the thief", run.loot.requests.to_string()),
        (
            "Ordinary people meanwhile",
            format!(
                "{} people, {} pages, {} refused",
                run.met.people,
                run.met.shown,
                run.met.refused.values().sum::<u64>()
            ),
        ),
    ];
    for (what, ours) in more {
        let _ = write!(
            table,
            "<tr><th scope=\"row\">{what}</th><td data-of=\"This run\">{ours}</td><td class=\"none\"></td></tr>"
        );
    }
    table.push_str("</tbody></table>");
    table
}

/// How it was measured, and where the real figures are from.
fn how(run: &Run<'_>, score: &Score, is_good: bool) -> String {
    let mut how = String::from("<section class=\"small\"><h2>How this was measured</h2><p>");
    how.push_str(
        "Loss is counted by the thief’s own book; a document counts from its first byte. Times run from the thief’s \
         first reach beyond what the stolen account or search page shows by itself. ",
    );
    if !score.control && is_good {
        how.push_str(
            "Checked as people would see it: every mail (no link, no attachment, nothing that stands in a record), its \
             code on the status site, the public statement and its numbers, each practice’s list of people to ring, \
             and a told person’s own page. ",
        );
    }
    let _ = write!(
        how,
        "Everything ran on one machine: real portal, keeper, ledger, room and mail server; only the people are made \
         up, and {} officers’ clicks were scripted.</p><p>Sources of the real event:</p><ol>",
        if run.case.is_some() { "two" } else { "no" }
    );
    for source in real::SOURCES {
        let _ = write!(how, "<li>{source}</li>");
    }
    how.push_str("</ol></section>");
    how
}

fn percent(part: f64) -> String {
    if part >= 1.0 {
        "100 %".to_owned()
    } else {
        // Rounded down: 99.97 % must not read as all.
        format!("{:.1} %", (part * 1000.0).floor() / 10.0)
    }
}

const DAY: f64 = 86_400.0;

fn spoken(seconds: f64) -> String {
    if seconds < 1.0 {
        format!("{seconds:.2} s")
    } else if seconds < 10.0 {
        format!("{seconds:.1} s")
    } else if seconds < 120.0 {
        format!("{seconds:.0} s")
    } else if seconds < 2.0 * 3600.0 {
        format!("{:.0} min", seconds / 60.0)
    } else if seconds < 2.0 * DAY {
        format!("{:.0} h", seconds / 3600.0)
    } else {
        format!("{:.0} days", seconds / DAY)
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

const STYLE: &str = include_str!("page/page.css");

/// Nobody's id may stand on a page that is shown around.
pub fn names_nobody(page: &str) -> bool {
    ids_in(page, ">").is_empty() && ids_in(page, " ").is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_as_people_say_them() {
        assert_eq!(spoken(0.013), "0.01 s");
        assert_eq!(spoken(4.2), "4.2 s");
        assert_eq!(spoken(75.0), "75 s");
        assert_eq!(spoken(600.0), "10 min");
        assert_eq!(spoken(148.0 * DAY), "148 days");
    }

    #[test]
    fn an_id_of_somebody_on_the_page_is_noticed() {
        let id = "0123456789abcdef".repeat(2);
        assert!(!names_nobody(&format!("<li>message of {id}</li>")));
        assert!(!names_nobody(&format!("<td>{id}</td>")));
        assert!(names_nobody("<td>17 people</td>"));
    }

    #[test]
    fn nearly_all_is_not_rounded_up_to_all() {
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(0.9999), "99.9 %");
        assert_eq!(percent(0.765), "76.5 %");
    }

    #[test]
    fn a_fault_is_said_first_and_escaped() {
        let score = Score {
            scenario: "stolen-login".to_owned(),
            patients: 60,
            documents: 180,
            documents_lost: 3,
            people_lost: 1,
            people_listed: 1,
            seconds_to_detect: None,
            seconds_to_freeze: None,
            seconds_to_list: None,
            recall: None,
            precision: None,
            practices_told: 0,
            people_told: 0,
            seconds_to_last_mail: None,
            control: false,
        };
        let faults = ["nothing was <frozen>".to_owned()];
        assert!(verdict(&score, &faults).contains("Failed: one thing"));
        assert!(verdict(&score, &[]).contains("Passed"));
        assert!(lead(&score).contains("the record of one person"));
        assert!(headline(&score).contains("<strong>never</strong> until the session was frozen"));
        assert!(headline(&score).contains("<strong>no answer</strong> of what was lost"));
    }
}
