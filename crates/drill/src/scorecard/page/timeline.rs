//! The picture: what happened when, in this run and in the real event, on one logarithmic axis. Each event has a line
//! of its own, so that no words ever stand on others, on a wide screen or on a phone.

use super::{DAY, real, spoken};
use crate::clock;
use crate::scorecard::{Run, Score};
use std::fmt::Write;

/// The axis: a hundredth of a second to 200 days.
const FIRST: f64 = 0.01;
const LAST: f64 = 200.0 * DAY;

/// Marks on the axis; the second value says whether a phone has room for it.
const MARKS: [(f64, &str, bool); 8] = [
    (FIRST, "0.01 s", true),
    (1.0, "1 s", true),
    (60.0, "1 min", true),
    (3600.0, "1 h", true),
    (DAY, "1 day", true),
    (10.0 * DAY, "10 days", false),
    (0.1, "0.1 s", false),
    (10.0, "10 s", false),
];

pub(super) fn picture(run: &Run<'_>, score: &Score) -> String {
    let ours: Vec<(f64, String, &str)> = [
        (score.seconds_to_detect, "noticed"),
        (score.seconds_to_freeze, "session frozen"),
        (score.seconds_to_list, "exact list"),
        (
            run.mails
                .last_practice_at
                .map(|at| clock::seconds_between(run.zero(), at)),
            "last practice told",
        ),
        (score.seconds_to_last_mail, "last person told"),
    ]
    .into_iter()
    .filter_map(|(at, what)| Some((at?, spoken(at?), what)))
    .collect();
    let mut picture = String::from(
        "<figure class=\"timeline\"><figcaption>What happened when, on one scale from hundredths of a second to \
         months.</figcaption>",
    );
    picture.push_str(&lane("ours", "This run", &ours));
    picture.push_str(&lane(
        "real",
        "Manage My Health, 2025–26",
        &real::EVENTS.map(|(at, said, what)| (at, said.to_owned(), what)),
    ));
    picture.push_str("<div class=\"axis\" aria-hidden=\"true\">");
    for (seconds, name, is_for_phones) in MARKS {
        let class = if is_for_phones { "" } else { " class=\"wide\"" };
        let _ = write!(
            picture,
            "<span{class} style=\"left:{:.1}%\">{name}</span>",
            place(seconds)
        );
    }
    picture.push_str("</div></figure>");
    picture
}

fn lane(class: &str, name: &str, events: &[(f64, String, &str)]) -> String {
    if events.is_empty() {
        return String::new();
    }
    let mut lane = format!("<h2>{name}</h2><ol class=\"{class}\">");
    for (seconds, said, what) in events {
        let at = place(*seconds);
        // The time stands to the right of its dot, and to the left of it where the axis ends.
        let side = if at > 70.0 { " class=\"before\"" } else { "" };
        let _ = write!(
            lane,
            "<li><span class=\"what\">{what}</span><span class=\"track\"><b{side} style=\"left:{at:.1}%\">{said}</b></span></li>"
        );
    }
    lane + "</ol>"
}

/// Where a time stands on the axis, in percent.
fn place(seconds: f64) -> f64 {
    let (first, last) = (FIRST.log10(), LAST.log10());
    (seconds.clamp(FIRST, LAST).log10() - first) / (last - first) * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_runs_from_a_hundredth_of_a_second_to_half_a_year() {
        assert!(place(FIRST).abs() < 1e-9 && place(0.0).abs() < 1e-9);
        assert!(place(1.0) < place(60.0) && place(148.0 * DAY) < 100.0);
    }

    #[test]
    fn every_event_has_a_line_of_its_own() {
        let events = [
            (0.01, "0.01 s".to_owned(), "noticed"),
            (0.011, "0.01 s".to_owned(), "frozen"),
        ];
        let lane = lane("ours", "This run", &events);
        assert_eq!(lane.matches("<li>").count(), 2);
        assert!(lane.contains("noticed</span>") && lane.contains("0.01 s</b>"));
    }
}
