//! Households: who lives together, so that children have guardians and families share name and address.
//!
//! Five neighbouring numbers make a block; its households follow from the block alone. Adults come before their
//! children, so a guardian's number is always smaller.

use candour_core::people::Gender;

use super::chance::{Chance, Stream};
use super::names::Origin;
use super::practice::SyntheticPractice;

/// How many neighbouring numbers are made together.
const BLOCK: u32 = 5;

/// What follows for one person from the household they live in.
pub(super) struct Place {
    /// Practice of the household.
    pub practice: usize,
    /// Tells households of one block apart; members share what is drawn for it.
    pub household: u32,
    pub origin: Origin,
    pub family: String,
    pub age: i32,
    pub gender: Gender,
    /// Who acts for them: a guardian for a child, a son or daughter or partner for some of the old.
    pub helper: Option<u32>,
    /// Whoever would act for them if they could no longer decide.
    pub next_of_kin: Option<u32>,
    /// Their partner in the household.
    pub partner: bool,
}

struct Member {
    household: u32,
    age: i32,
    gender: Gender,
    helper: Option<u32>,
    next_of_kin: Option<u32>,
    partner: bool,
}

#[derive(Clone, Copy)]
enum Kind {
    Family,
    OneParent,
    Couple,
    Single,
    OldCouple,
    Old,
}

const KINDS: &[(u32, Kind)] = &[
    (26, Kind::Family),
    (10, Kind::OneParent),
    (18, Kind::Couple),
    (24, Kind::Single),
    (12, Kind::OldCouple),
    (10, Kind::Old),
];

fn gender(chance: &mut Chance) -> Gender {
    *chance.weighted(&[
        (498, Gender::Female),
        (495, Gender::Male),
        (7, Gender::Other),
    ])
}

fn members(chance: &mut Chance, first: u32) -> Vec<Member> {
    let mut members: Vec<Member> = Vec::new();
    let mut household = 0;
    while members.len() < BLOCK as usize {
        let head = first + u32::try_from(members.len()).unwrap_or(0);
        let one = |age: i32, gender: Gender| Member {
            household,
            age,
            gender,
            helper: None,
            next_of_kin: None,
            partner: false,
        };
        let (mine, theirs) = *chance.one_of(&[
            (Gender::Female, Gender::Male),
            (Gender::Male, Gender::Female),
        ]);
        match *chance.weighted(KINDS) {
            kind @ (Kind::Family | Kind::OneParent) => {
                let age = chance.within(22..=52);
                members.push(Member {
                    partner: matches!(kind, Kind::Family),
                    ..one(age, mine)
                });
                if matches!(kind, Kind::Family) {
                    let other = (age + chance.within(-4..=6)).max(20);
                    members.push(Member {
                        partner: true,
                        ..one(other, theirs)
                    });
                }
                let oldest = (age - 18).min(17);
                for _ in 0..chance.within(1..=3) {
                    let child = chance.within(0..=oldest);
                    let helper = (child < 16).then_some(head);
                    members.push(Member {
                        helper,
                        ..one(child, gender(chance))
                    });
                }
            }
            kind @ (Kind::Couple | Kind::OldCouple) => {
                let is_old = matches!(kind, Kind::OldCouple);
                let age = if is_old {
                    chance.within(63..=88)
                } else {
                    chance.within(19..=66)
                };
                members.push(Member {
                    partner: true,
                    ..one(age, mine)
                });
                let other = (age + chance.within(-6..=5)).max(18);
                let helper = (is_old && chance.in_thousand(90)).then_some(head);
                members.push(Member {
                    partner: true,
                    helper,
                    next_of_kin: is_old.then_some(head),
                    ..one(other, theirs)
                });
            }
            Kind::Single => members.push(one(chance.within(17..=70), gender(chance))),
            Kind::Old => {
                // Some of the old are helped by the nearest adult already in the block.
                let near = members
                    .iter()
                    .position(|member| (25..65).contains(&member.age));
                let next_of_kin = near
                    .and_then(|at| u32::try_from(at).ok())
                    .map(|at| first + at);
                let helper = next_of_kin.filter(|_| chance.in_thousand(350));
                members.push(Member {
                    helper,
                    next_of_kin,
                    ..one(chance.within(68..=97), gender(chance))
                });
            }
        }
        household += 1;
    }
    members.truncate(BLOCK as usize);
    members
}

/// The place of a person in their household.
pub(super) fn place(seed: u64, practices: &[SyntheticPractice], number: u32) -> Place {
    let block = number / BLOCK;
    let mut chance = Chance::new(seed, Stream::Household, block);
    let practice = chance.below(practices.len());
    let region = practices[practice].region_index;
    let mut members = members(&mut chance, block * BLOCK);
    let member = members.swap_remove((number % BLOCK) as usize);
    let mut shared = Chance::new(
        seed,
        Stream::Household,
        u32::MAX - (block * BLOCK + member.household),
    );
    let origin = Origin::of_region(&mut shared, region == 0, region == 1);
    Place {
        practice,
        household: block * BLOCK + member.household,
        origin,
        family: origin.family(&mut shared),
        age: member.age,
        gender: member.gender,
        helper: member.helper,
        next_of_kin: member.next_of_kin,
        partner: member.partner,
    }
}
