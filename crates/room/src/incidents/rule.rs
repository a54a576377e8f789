//! The keeper's rules as officers read them.

/// What a rule of detection found, by its number in the ledger.
pub const fn words(number: i16) -> &'static str {
    match number {
        1 => "A record that nobody has a reason to open was touched.",
        2 => "Records of strangers were asked for, one after another.",
        3 => "Many documents that do not exist were asked for.",
        4 => "Somebody went on asking after a limit was reached.",
        5 => "Documents of many patients were opened, one each.",
        6 => "Documents were opened in the order in which they were deposited.",
        7 => "Records were opened faster than hands can.",
        8 => "Records of patients who have been away for a year were opened.",
        9 => "Emergency access was used often.",
        10 => "More documents were opened than ever in ordinary use.",
        11 => "Many patients signed in from one network.",
        12 => "Several sessions of one instance were stopped.",
        13 => "Signing in to one account failed from many networks.",
        14 => "Signing in to many accounts failed from one network.",
        100 => "A row of the keeper's database was put in or changed past the keeper.",
        101 => "Entries of the ledger are lost. Two operators accepted that.",
        102 => "There is little room left for the ledger. When it is full nothing opens.",
        103 => "A witness saw another past of the ledger than the one that stands there now.",
        104 => {
            "Somebody did not ask for the recovery of their account at a practice's counter, and stopped it."
        }
        110 => {
            "The policies in force cannot be used, so nothing is permitted. At the keeper's machine two operators put the program's own back (candour policies built-in), or restore a backup where rows were changed."
        }
        165 => {
            "Two records were read as one person's, and are two people's: one of them opened what is the other's. The practice that linked them has the list, and tells both."
        }
        _ => "The keeper stopped something by itself.",
    }
}

/// Whether somebody must look at once. What a rule stopped by itself can wait for the day; it has a case, or needs none.
pub const fn wakes(number: i16) -> bool {
    matches!(number, 1 | 10 | 12 | 100..=i16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_that_the_keeper_has_is_said_in_words_of_its_own() {
        let all: std::collections::BTreeSet<_> = (1..=14)
            .chain(100..=104)
            .chain([110, 165, 0])
            .map(words)
            .collect();
        assert_eq!(all.len(), 22);
    }
}
