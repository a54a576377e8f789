//! Who is killed in a cycle, when, and how long the supervisor is kept from starting it again.

use super::dice::Dice;
use std::time::Duration;

/// What may be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Victim {
    /// The keeper.
    Keeper,
    /// The portal.
    Portal,
    /// PostgreSQL's first process, and with it the server.
    Postmaster,
    /// One of PostgreSQL's other processes: the server ends all sessions and repairs itself.
    Backend,
}

impl Victim {
    /// Its name in a report.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Keeper => "keeper",
            Self::Portal => "portal",
            Self::Postmaster => "postgres",
            Self::Backend => "a backend",
        }
    }

    /// While it is away, nothing can be opened.
    pub const fn closes_records(self) -> bool {
        matches!(self, Self::Keeper | Self::Postmaster)
    }
}

/// One blow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strike {
    /// Killed at once, in this order.
    pub victims: Vec<Victim>,
    /// How long the load runs before.
    pub after: Duration,
    /// How long nothing is started again; `None`: the supervisor does what it always does.
    pub hold: Option<Duration>,
}

/// Where the streams of strikes begin; the load has the lower ones.
const STREAM: u64 = 1 << 32;

impl Strike {
    /// The strike of a cycle, counted from 1. The first four cycles meet each victim once.
    pub fn of(seed: u64, cycle: u32) -> Self {
        let mut dice = Dice::new(seed, STREAM + u64::from(cycle));
        let all = [
            Victim::Keeper,
            Victim::Postmaster,
            Victim::Backend,
            Victim::Portal,
        ];
        let chosen = match cycle {
            1..=4 => usize::try_from(cycle - 1).unwrap_or(0),
            _ => dice.below(all.len()),
        };
        let mut victims = vec![all[chosen]];
        // Misfortunes that come together: a machine without memory kills more than one.
        if cycle > 4 && dice.percent(25) {
            let other = all[dice.below(all.len())];
            if !victims.contains(&other) && other != Victim::Backend {
                victims.push(other);
            }
        }
        let after = dice.time(Duration::from_millis(300), Duration::from_secs(2));
        let is_held = victims.iter().any(|victim| victim.closes_records())
            && (cycle <= 2 || dice.percent(50));
        let hold =
            is_held.then(|| dice.time(Duration::from_millis(400), Duration::from_millis(1_200)));
        Self {
            victims,
            after,
            hold,
        }
    }

    /// In words.
    pub fn words(&self) -> String {
        let victims: Vec<&str> = self.victims.iter().map(|victim| victim.word()).collect();
        let held = match self.hold {
            Some(hold) => format!(", kept away for {} ms", hold.as_millis()),
            None => String::new(),
        };
        format!(
            "{} after {} ms{held}",
            victims.join(" and "),
            self.after.as_millis()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_seed_repeats_its_strikes_and_the_first_four_meet_everybody() {
        assert_eq!(Strike::of(7, 9), Strike::of(7, 9));
        let met: BTreeSet<Victim> = (1..=4)
            .flat_map(|cycle| Strike::of(7, cycle).victims)
            .collect();
        assert_eq!(met.len(), 4);
        assert!((1..=2).all(|cycle| Strike::of(7, cycle).hold.is_some()));
    }

    #[test]
    fn only_an_absence_that_closes_records_is_held() {
        for strike in (1..500).map(|cycle| Strike::of(11, cycle)) {
            let closes = strike.victims.iter().any(|victim| victim.closes_records());
            assert!(closes || strike.hold.is_none());
        }
    }
}
