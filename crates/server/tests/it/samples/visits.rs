//! Lines of the list of who opened a record.

use super::PATIENT;
use candour_server::pages::access_history::VisitView;

fn visit(who: &str, when: &str, deeds: &[&str], why: Option<&str>) -> VisitView {
    VisitView {
        who: who.to_owned(),
        when: when.to_owned(),
        why: why.map(str::to_owned),
        deeds: deeds.iter().map(|deed| (*deed).to_owned()).collect(),
        folded: None,
        is_refused: false,
        keep: None,
        receipts: format!("/patients/{PATIENT}/history/receipts?from=7&to=9"),
    }
}

pub fn visits() -> Vec<VisitView> {
    vec![
        visit(
            "Dr Aroha Ngata, doctor or nurse at Kauri Health",
            "3 November 2026, 9:14 am to 9:20 am",
            &[
                "Opened your results, 2 times",
                "Opened your document “Letter from the heart clinic”",
            ],
            Some("Reason given: to care for you."),
        ),
        VisitView {
            is_refused: true,
            ..visit(
                "Somebody who may not see this record",
                "2 November 2026 at 11:40 pm",
                &["Tried to open your document “Blood test”, and was refused"],
                Some("Reason given: to read their own record."),
            )
        },
        VisitView {
            keep: Some("/sharing/keep?entry=9".to_owned()),
            ..visit(
                "Somebody at the front desk of Kauri Health",
                "2 November 2026 at 9:02 am",
                &["Opened your list of documents"],
                Some("Reason given: to run the practice."),
            )
        },
        VisitView {
            folded: Some("3 openings".to_owned()),
            ..visit(
                "You, or somebody with your sign-in",
                "2 November 2026 at 8:02 am",
                &[
                    "Opened your list of documents",
                    "Opened your conditions, 2 times",
                ],
                None,
            )
        },
    ]
}
