//! What the numbers of an entry mean, in words. A number, once used, never means anything else, so an old program reads
//! new entries as far as it knows them.

use std::fmt::Write as _;

use candour_ledger::Entry;

use super::Proved;

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($number:literal $words:literal),+ $(,)? })+) => {$(
        $(#[$doc])*
        pub const fn $name(number: u8) -> Option<&'static str> {
            match number { $($number => Some($words),)+ _ => None }
        }
    )+};
}

words! {
    /// What an entry records.
    kind {
        1 "something was opened",
        2 "what was opened was sent out",
        3 "something was being added",
        4 "something was added",
        5 "somebody was looked up",
        6 "a right, a sign-in or a practice's link was changed",
        7 "somebody signed in",
        8 "somebody signed out",
        9 "something was done without opening anything",
        10 "an alarm",
        11 "something was frozen",
        12 "something was unfrozen",
        13 "a key was used",
        14 "the keeper started",
        15 "the list of openings was looked at",
        16 "several refusals, summed up",
        17 "what was to be opened was held back",
        18 "a key was destroyed",
        19 "an entry that was here is lost, and two operators accepted that",
        20 "a spent budget was reopened",
        60 "a practice took back something that it had put in",
        61 "a practice put back what it had taken back",
        80 "the patient was told of an earlier entry by mail, or could not be",
    }

    /// What for.
    purpose {
        1 "own record",
        2 "on behalf of the patient",
        3 "care",
        4 "administration of care",
        5 "adding to the record",
        6 "emergency",
        7 "telling people about an incident",
        8 "finding out whom an incident concerns",
        9 "seeing who opened the record",
        10 "accounts and rights",
        80 "telling the patient of a change",
    }

    /// In which role.
    role {
        1 "the patient",
        2 "somebody who acts for the patient",
        3 "doctor or nurse",
        4 "reception",
        5 "practice manager",
        6 "privacy officer of the operator",
        7 "security officer of the operator",
        8 "communications officer of the operator",
        9 "a practice's program",
        10 "nobody who was signed in",
        11 "the keeper itself",
    }

    /// What kind of item.
    item_kind {
        1 "a document",
        2 "part of the record",
        3 "name and birth date",
        4 "contact details",
        5 "a notice",
    }

    /// How it was decided: granted, or why not.
    decision {
        0 "granted",
        1 "refused: not theirs, or not there",
        2 "refused: the session had ended",
        3 "refused: not allowed in this role for this purpose",
        4 "refused: a budget was used up",
        5 "refused: a fresh proof of identity was needed",
        6 "refused: frozen",
        7 "refused: the ledger could not be written",
        8 "refused: the request made no sense",
        9 "refused: the credentials did not fit",
        10 "refused: too many tries",
        11 "refused: what is known of the subject could not be verified",
        12 "refused: somebody else had to approve first",
        13 "refused: the sign-in had been added to the account too lately",
        14 "refused: the practice must keep it",
        15 "refused: the patient has no account",
        19 "refused: the root key was not at hand",
        20 "refused: the patient has an account already",
        65 "refused: the two records do not fit one person",
        66 "refused: one of the two records is read together with another already",
        67 "refused: each of the two records has an account",
        26 "refused: the patient is too young for it",
        27 "refused: the patient was marked as having died",
        60 "refused: what had been shown before was something else by then",
        75 "refused: the sign-in had opened or written as much as one may",
        76 "refused: everybody together had opened or written as much as they may",
    }
}

/// What a proved entry says, one fact a line.
pub fn said(proved: &Proved) -> String {
    let Entry {
        index,
        at,
        kind: what,
        decision: how,
        purpose: why,
        role: who,
        practice,
        item_kind: item,
        patient,
        ..
    } = proved.entry;
    let or_number = |words: Option<&str>, number: u8| {
        words.map_or_else(
            || format!("number {number}, which this program does not know"),
            str::to_owned,
        )
    };
    let time = jiff::Timestamp::from_microsecond(at);
    let time = time.map_or_else(
        |_| format!("{at} microseconds after 1970"),
        |at| format!("{at:.0}"),
    );
    let mut lines = format!("Entry {index}\n  time: {time}\n");
    let mut line = |name: &str, words: String| {
        // Writing to a string does not fail.
        let _ = writeln!(lines, "  {name}: {words}");
    };
    line("what happened", or_number(kind(what), what));
    line("decision", or_number(decision(how), how));
    if why != 0 {
        line("purpose", or_number(purpose(why), why));
    }
    line("who", or_number(role(who), who));
    if let Some(practice) = practice {
        line(
            "practice",
            practice.iter().fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            }),
        );
    }
    if item != 0 {
        line("about", or_number(item_kind(item), item));
    }
    if patient != 0 {
        line("patient", format!("{patient:016x}"));
    }
    let number = match (proved.number, patient) {
        (None, _) => "it shows none, so what is missing around it cannot be seen".to_owned(),
        (Some(0), 0) => "none: it is about nobody".to_owned(),
        (Some(number), 0) => format!("{number}, although it is about nobody"),
        (Some(0), _) => "0, although it is about a patient".to_owned(),
        (Some(number), _) => format!("{number} of the entries about this patient"),
    };
    line("number", number);
    lines
}
