//! Numbers as the public may read them.

use crate::scope::Counts;

/// A count as the public may see it: from 1 to 9 it could point at somebody. That there is nobody may be said.
pub fn public_count(number: i32) -> String {
    match number {
        ..=0 => "none".to_owned(),
        _ => public_count_of_ways(number),
    }
}

/// A count of people who are told in one way: where few are concerned, that nobody is says how each of them is told,
/// so a nought is hidden too (docs/adr/public-noughts.md).
pub fn public_count_of_ways(number: i32) -> String {
    if number < 10 {
        "fewer than 10".to_owned()
    } else {
        number.to_string()
    }
}

/// Documents that were sent out. That a document was not is the portal's word alone, so a nought is said only where no
/// key of a document was released.
pub fn public_documents(counts: Counts) -> String {
    match counts.documents_granted {
        0 => public_count(0),
        _ => public_count_of_ways(counts.documents_delivered),
    }
}

/// What was lost, a sentence each; a nought has one of its own.
pub(super) fn lost(counts: Counts) -> String {
    let opened = match counts.people_opened {
        0 => "Nobody’s record was opened.".to_owned(),
        many => format!("Records of {} people were opened.", public_count(many)),
    };
    let listed = match (counts.people_listed, counts.people_opened) {
        (0, _) => "Nobody else’s name line or list of titles was shown.".to_owned(),
        (many, 0) => format!(
            "Of {} people, only a name line or a list of titles was shown.",
            public_count(many)
        ),
        (many, _) => format!(
            "Of {} people more, only a name line or a list of titles was shown.",
            public_count(many)
        ),
    };
    let documents = match counts.documents_granted {
        0 => "No document was sent out.".to_owned(),
        _ => format!(
            "Documents that were sent out: {}.",
            public_documents(counts)
        ),
    };
    [opened, listed, documents].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_are_not_published_and_a_nought_is_only_where_it_points_at_nobody() {
        let shown = |count: fn(i32) -> String| [0, 1, 9, 10].map(count).join(", ");
        assert_eq!(
            shown(public_count),
            "none, fewer than 10, fewer than 10, 10"
        );
        assert_eq!(
            shown(public_count_of_ways),
            "fewer than 10, fewer than 10, fewer than 10, 10"
        );
    }

    #[test]
    fn that_no_document_was_sent_out_is_said_only_where_no_key_was_released() {
        let counts = |documents_granted| Counts {
            documents_granted,
            ..Counts::default()
        };
        assert!(lost(counts(0)).ends_with("\nNo document was sent out."));
        assert!(lost(counts(50)).ends_with("\nDocuments that were sent out: fewer than 10."));
    }
}
