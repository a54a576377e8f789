//! Reads `docs/asvs.md`: what security standards ask, and how each of it stands. `cargo xtask asvs` reads it with this too.

/// How a requirement stands; a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Done, and a test proves it or a reason stands in its place.
    Met,
    /// There is nothing here that it is about.
    NotApplicable,
    /// Something is missing.
    NotMet,
}

impl State {
    fn of(word: &str) -> Option<Self> {
        match word {
            "met" => Some(Self::Met),
            "not applicable" => Some(Self::NotApplicable),
            "not met" => Some(Self::NotMet),
            _ => None,
        }
    }
}

/// One requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    /// Its id: `V` for OWASP ASVS, `N` for NIST SP 800-63B-4.
    pub id: &'a str,
    /// The level at which it begins, or the section of the standard.
    pub place: &'a str,
    /// What is asked, in our words.
    pub asks: &'a str,
    /// How Candour answers.
    pub answer: &'a str,
    /// How it stands.
    pub state: State,
    /// The tests that prove it.
    pub proof: &'a str,
}

impl<'a> Row<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let cells = line.strip_prefix('|')?.strip_suffix('|')?;
        let cells: Vec<&str> = cells.split('|').map(str::trim).collect();
        let [id, place, asks, answer, state, proof] = cells[..] else {
            return None;
        };
        let state = State::of(state)?;
        let is_filled = [place, asks, answer].iter().all(|cell| !cell.is_empty());
        is_filled.then_some(Self {
            id,
            place,
            asks,
            answer,
            state,
            proof,
        })
    }
}

/// Every line of the page that begins like a requirement, with what it says; `None` where it cannot be read.
pub fn rows(page: &str) -> impl Iterator<Item = (&str, Option<Row<'_>>)> {
    let begins = |line: &&str| {
        let id = line.strip_prefix("| V").or(line.strip_prefix("| N"));
        id.is_some_and(|id| id.starts_with(|letter: char| letter.is_ascii_digit()))
    };
    let lines = page.lines().filter(begins);
    lines.map(|line| (line, Row::of(line)))
}

/// How many requirements of ASVS stand how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Score {
    /// Met.
    pub met: u32,
    /// Not applicable.
    pub not_applicable: u32,
    /// Not met, or not to be read.
    pub not_met: u32,
}

impl Score {
    /// Of the requirements of levels 1 and 2.
    pub fn of(page: &str) -> Self {
        let mut score = Self::default();
        for (line, row) in rows(page) {
            let counts = row.map_or(line.starts_with("| V"), |row| {
                row.id.starts_with('V') && row.place != "3"
            });
            let state = row.map_or(State::NotMet, |row| row.state);
            let counted = match state {
                State::Met => &mut score.met,
                State::NotApplicable => &mut score.not_applicable,
                State::NotMet => &mut score.not_met,
            };
            *counted += u32::from(counts);
        }
        score
    }

    /// Of all of them.
    pub const fn all(self) -> u32 {
        self.met + self.not_applicable + self.not_met
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_one_and_two_are_counted_and_what_cannot_be_read_is_not_met() {
        let page = "\
            # A page\n\
            | id | level | asks | Candour | state | proof |\n\
            |---|---|---|---|---|---|\n\
            | V6.1.1 | 1 | a | b | met | `one` |\n\
            | V6.1.2 | 2 | a | b | met | no test: c |\n\
            | V6.1.3 | 2 | a | b | not applicable | |\n\
            | V6.1.4 | 3 | a | b | met | `two` |\n\
            | V6.1.5 | 2 | a | b | nearly | |\n\
            | V6.1.6 | 2 | a | | met | `one` |\n\
            | N1 | 3.1 | a | b | not met | |\n";
        let score = Score::of(page);
        assert_eq!((score.met, score.not_applicable, score.not_met), (2, 1, 2));
        assert_eq!(score.all(), 5);
    }
}
