//! The scorecard: one page, one picture, the real event's figures beside ours.

use super::{Run, Score};
use crate::browser::ids_in;
use std::fmt::Write;

const DAY: f64 = 86_400.0;

/// What happened in the real event, in seconds after the operator became aware (30 December 2025).
///
/// Source: statements of the operator and of the Privacy Commissioner, as gathered in the project's research,
/// breach-and-law 1.1 and 1.2.
const REAL: [(f64, &str); 5] = [
    (1.5 * DAY, "first public statement"),
    (4.0 * DAY, "a list of people who “may” be affected"),
    (9.0 * DAY, "first patients told"),
    (34.0 * DAY, "patients still being told"),
    (148.0 * DAY, "final number"),
];

/// Rows of the table: what, and how it was in the real event.
const REAL_FIGURES: [(&str, &str); 8] = [
    ("Found by", "a partner, who rang"),
    ("Documents lost", "428,337"),
    ("People lost", "99,416; announced as 108,000 to 126,000"),
    ("Noticed after", "at least a day"),
    (
        "List of who lost what",
        "day 4 as “may”; final count on day 148",
    ),
    ("Told although not affected", "yes"),
    ("Affected and told otherwise", "yes"),
    ("Last person told", "after day 34"),
];

/// The whole page.
pub fn page(run: &Run<'_>, score: &Score, faults: &[String]) -> String {
    let mut page = String::new();
    let title = match (score.control, score.scenario.as_str()) {
        (true, name) => format!("Control run: {name} with a keeper that grants everything"),
        (false, name) => format!("Drill: {name}"),
    };
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head><body><main>\
         <h1>{title}</h1><p class=\"lead\">{}</p>",
        lead(score),
    );
    page.push_str(&picture(run, score));
    page.push_str(&table(run, score));
    page.push_str(&traffic(run));
    if faults.is_empty() {
        page.push_str(
            "<p>No message broke a rule: no link, no clinical word, every code confirmed.</p>",
        );
    } else {
        page.push_str("<h2>What is wrong</h2><ul>");
        for fault in faults {
            let _ = write!(page, "<li>{}</li>", escaped(fault));
        }
        page.push_str("</ul>");
    }
    page.push_str(
        "<p class=\"small\">Loss is counted by the thief's own book; a document counts from its first byte. \
         Figures of the real event: statements of Manage My Health and of the Privacy Commissioner, 2025 and 2026.</p>\
         </main></body></html>\n",
    );
    page
}

fn lead(score: &Score) -> String {
    let Score {
        documents_lost,
        documents,
        people_lost,
        people_listed,
        ..
    } = score;
    format!(
        "A thief got {documents_lost} of {documents} documents, opened the records of {people_lost} people and saw the \
         name line of {people_listed}."
    )
}

fn table(run: &Run<'_>, score: &Score) -> String {
    let seconds = |value: Option<f64>| value.map_or("never".to_owned(), spoken);
    let part =
        |value: Option<f64>| value.map_or("no answer".to_owned(), |value| format!("{value:.3}"));
    let found_by = if score.control {
        "nobody"
    } else {
        "the keeper itself"
    };
    let ours = [
        found_by.to_owned(),
        format!("{} of {}", score.documents_lost, score.documents),
        format!(
            "{} opened, {} listed",
            score.people_lost, score.people_listed
        ),
        seconds(score.seconds_to_detect),
        seconds(score.seconds_to_list),
        format!("precision {}", part(score.precision)),
        format!("recall {}", part(score.recall)),
        seconds(score.seconds_to_last_mail),
    ];
    let mut table = String::from(
        "<table><thead><tr><th scope=\"col\"></th><th scope=\"col\">this run</th>\
         <th scope=\"col\">Manage My Health, 2025</th></tr></thead><tbody>",
    );
    for ((what, real), ours) in REAL_FIGURES.iter().zip(&ours) {
        let _ = write!(
            table,
            "<tr><th scope=\"row\">{what}</th><td>{ours}</td><td>{real}</td></tr>"
        );
    }
    let more = [
        ("Frozen after", seconds(score.seconds_to_freeze)),
        ("Practices told", score.practices_told.to_string()),
        ("People told by mail", score.people_told.to_string()),
        (
            "Of that, officers' reading and approving",
            spoken(run.approval_seconds),
        ),
        ("Requests of the thief", run.loot.requests.to_string()),
    ];
    for (what, ours) in more {
        let _ = write!(
            table,
            "<tr><th scope=\"row\">{what}</th><td>{ours}</td><td></td></tr>"
        );
    }
    table.push_str("</tbody></table>");
    table
}

fn traffic(run: &Run<'_>) -> String {
    let refused: u64 = run.met.refused.values().sum();
    format!(
        "<p>Meanwhile {} ordinary people read {} pages; {refused} were refused.</p>",
        run.met.people, run.met.shown
    )
}

/// Two lanes on one logarithmic axis, from a tenth of a second to half a year.
fn picture(run: &Run<'_>, score: &Score) -> String {
    let ours: Vec<(f64, &str)> = [
        (score.seconds_to_detect, "noticed"),
        (score.seconds_to_freeze, "frozen"),
        (score.seconds_to_list, "exact list"),
        (
            run.mails
                .last_practice_at
                .map(|at| crate::clock::seconds_between(run.zero(), at)),
            "practices told",
        ),
        (score.seconds_to_last_mail, "last person told"),
    ]
    .into_iter()
    .filter_map(|(at, what)| Some((at?, what)))
    .collect();
    let mut svg = String::from(
        "<svg viewBox=\"0 0 960 300\" role=\"img\" aria-label=\"Timeline of this run above that of the real event, \
         on one logarithmic scale\">",
    );
    for (seconds, name) in [
        (0.1, "0.1 s"),
        (1.0, "1 s"),
        (10.0, "10 s"),
        (60.0, "1 min"),
        (600.0, "10 min"),
        (3600.0, "1 h"),
        (DAY, "1 day"),
        (10.0 * DAY, "10 days"),
        (148.0 * DAY, "148 days"),
    ] {
        let x = place(seconds);
        let _ = write!(
            svg,
            "<line x1=\"{x:.0}\" x2=\"{x:.0}\" y1=\"20\" y2=\"270\" class=\"grid\"/>\
             <text x=\"{x:.0}\" y=\"290\" class=\"axis\">{name}</text>"
        );
    }
    svg.push_str(&lane(90.0, "ours", "this run", &ours));
    svg.push_str(&lane(200.0, "real", "the real event", &REAL));
    svg.push_str("</svg>");
    svg
}

fn lane(y: f64, class: &str, name: &str, events: &[(f64, &str)]) -> String {
    let mut lane = format!(
        "<line x1=\"40\" x2=\"930\" y1=\"{y}\" y2=\"{y}\" class=\"{class}\"/>\
         <text x=\"40\" y=\"{:.0}\" class=\"name\">{name}</text>",
        y - 52.0
    );
    for (number, (seconds, what)) in events.iter().enumerate() {
        let x = place(*seconds);
        // Neighbours on a logarithmic axis are close: their words stand on three levels.
        let words = y + [-14.0, 26.0, -32.0, 44.0, -14.0][number % 5];
        let anchor = if x > 780.0 { "end" } else { "start" };
        let _ = write!(
            lane,
            "<circle cx=\"{x:.0}\" cy=\"{y}\" r=\"6\" class=\"{class}\"/>\
             <text x=\"{x:.0}\" y=\"{words:.0}\" text-anchor=\"{anchor}\">{what}, {}</text>",
            spoken(*seconds)
        );
    }
    lane
}

/// Where a time stands on the axis.
fn place(seconds: f64) -> f64 {
    let (first, last) = (0.1_f64.log10(), (200.0 * DAY).log10());
    40.0 + (seconds.max(0.1).log10() - first) / (last - first) * 890.0
}

fn spoken(seconds: f64) -> String {
    if seconds < 10.0 {
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

const STYLE: &str = "body{font:17px/1.5 system-ui,sans-serif;color:#1d2a33;margin:0;background:#fff}\
    main{max-width:960px;margin:0 auto;padding:24px}h1{font-size:28px;margin:0 0 8px}.lead{font-size:20px}\
    svg{width:100%;height:auto;margin:16px 0}svg text{font-size:13px;fill:#1d2a33}.axis{fill:#5a6872;text-anchor:middle}\
    .name{font-weight:600}.grid{stroke:#dde3e8}line.ours{stroke:#00695c;stroke-width:3}circle.ours{fill:#00695c}\
    line.real{stroke:#a13b2b;stroke-width:3}circle.real{fill:#a13b2b}table{border-collapse:collapse;width:100%}\
    th,td{text-align:left;padding:6px 10px;border-bottom:1px solid #dde3e8;vertical-align:top}\
    td{font-variant-numeric:tabular-nums}.small{color:#5a6872;font-size:14px}";

/// Nobody's id may stand on a page that is shown around.
pub fn names_nobody(page: &str) -> bool {
    ids_in(page, ">").is_empty() && ids_in(page, " ").is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_runs_from_a_tenth_of_a_second_to_half_a_year() {
        assert!((place(0.1) - 40.0).abs() < 1e-9);
        assert!(place(1.0) < place(60.0) && place(148.0 * DAY) < 930.0);
        assert!((place(0.0) - 40.0).abs() < 1e-9);
    }

    #[test]
    fn times_are_said_as_people_say_them() {
        assert_eq!(spoken(0.42), "0.4 s");
        assert_eq!(spoken(75.0), "75 s");
        assert_eq!(spoken(600.0), "10 min");
        assert_eq!(spoken(148.0 * DAY), "148 days");
    }
}
