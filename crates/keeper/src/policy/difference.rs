//! What another policy set opens and closes, by class, over everything that can be asked.
//!
//! Two sets can only differ where a policy speaks that one has and the other has not: so those few are asked first, and
//! both whole sets only where one of them speaks.

use super::classes::{AGES, PROOFS, RELATIONS, actions};
use super::{PolicySet, action, forbids, part, proof, uid};
use crate::decision::{Action, DecisionFacts, Relation};
use candour_keeper_wire::words::{Age, Purpose, Role};
use candour_seal::Digester;
use cedar_policy::{ActionConstraint, Entities, EntityUid, Policy, PrincipalConstraint, Request};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// One class of what opens or closes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// In which role.
    pub role: Role,
    /// Standing how to it.
    pub relation: Relation,
    /// With a sensitivity tag.
    pub is_sensitive: bool,
    /// What opens or closes, and for which purposes.
    pub text: String,
}

/// Which parts of a question are read by a policy: the rest is one value in every question.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent part of a question"
)]
#[derive(Clone, Copy)]
struct Reads {
    relation: bool,
    purpose: bool,
    proof: bool,
    tags: bool,
    age: bool,
    deceased: bool,
    unsafe_to_write: bool,
    reason: bool,
}

/// Where, within a class, a purpose and an age: proof; deceased, unsafe to write to, with words.
type Place = (usize, [bool; 3]);

/// By opens, role, action, relation and sensitive: where for which purpose.
type Classes =
    BTreeMap<(bool, Role, usize, usize, bool), BTreeMap<Purpose, BTreeSet<(usize, Place)>>>;

/// What changes when one set takes the place of another.
pub fn difference(old: &PolicySet, new: &PolicySet) -> Vec<Line> {
    let reads = Reads {
        relation: true,
        purpose: true,
        proof: true,
        ..Reads::of(old.policies.policies().chain(new.policies.policies()))
    };
    let mut classes = Classes::new();
    each_change(old, new, reads, &mut |action_at, facts, is_permitted| {
        let relation = place(&RELATIONS, &facts.relation);
        let class = (
            is_permitted,
            facts.role,
            action_at,
            relation,
            facts.tags != 0,
        );
        let flags = [
            facts.is_deceased,
            facts.is_unsafe_to_write,
            facts.has_reason,
        ];
        let purposes = classes.entry(class).or_default();
        let places = purposes.entry(facts.purpose).or_default();
        let age = place(&AGES, &facts.age);
        places.insert((age, (place(&PROOFS, &facts.assurance), flags)));
        ControlFlow::Continue(())
    });
    let all = actions();
    let lines = classes.iter().map(|(class, purposes)| {
        let (opens, role, action_at, relation_at, is_sensitive) = *class;
        let relation = RELATIONS[relation_at];
        let purposes: Vec<String> = purposes
            .iter()
            .map(|(purpose, places)| reads.words(*purpose, places))
            .collect();
        let sensitive = match (reads.tags, is_sensitive) {
            (true, true) => ", sensitive",
            (true, false) => ", not sensitive",
            (false, _) => "",
        };
        Line {
            role,
            relation,
            is_sensitive,
            text: format!(
                "{}: {} · {} · {}{sensitive} · {}",
                if opens { "opens" } else { "closes" },
                role.word().replace('_', " "),
                what(all[action_at]),
                whose(relation),
                purposes.join("; ")
            ),
        }
    });
    lines.collect()
}

/// The sentence of the floor that a set means to break, where it breaks one; `kept` is a set that keeps it.
pub fn broken(kept: &PolicySet, new: &PolicySet) -> Option<&'static str> {
    let mut broken = None;
    each_change(kept, new, Reads::ALL, &mut |_, facts, is_permitted| {
        broken = forbids(facts).filter(|_| is_permitted);
        broken.map_or(ControlFlow::Continue(()), |_| ControlFlow::Break(()))
    });
    broken
}

/// What two people agree to: the same lines have the same digest, whatever they are called by.
pub fn digest(lines: &[Line]) -> [u8; 32] {
    let mut digester = Digester::new();
    for line in lines {
        digester.push(&(line.text.len() as u64).to_be_bytes());
        digester.push(line.text.as_bytes());
    }
    *digester.finish().as_bytes()
}

fn place<T: PartialEq>(all: &[T], one: &T) -> usize {
    all.iter().position(|known| known == one).unwrap_or(0)
}

/// Tells of everything that one set permits and the other does not; with whether the new one does. First only what the
/// touched policies read is varied; where one of them speaks, the rest of what `reads` says, for both whole sets. Ends
/// early when it is told to.
fn each_change(
    old: &PolicySet,
    new: &PolicySet,
    reads: Reads,
    tell: &mut dyn FnMut(usize, &DecisionFacts, bool) -> ControlFlow<()>,
) {
    let touched = [old.lacking_in(new), new.lacking_in(old)];
    let first = Reads::of(touched.iter().flatten());
    for role in Role::ALL {
        for (at, asked) in actions().into_iter().enumerate() {
            let Some(near) = near(&touched, *role, asked) else {
                continue;
            };
            for facts in first.vary(plain(*role, asked)) {
                let request = old.request(&facts);
                let is_near = |request: &Request| near.iter().any(|set| speaks(set, request));
                if !request.as_ref().is_some_and(is_near) {
                    continue;
                }
                for facts in reads.without(first).vary(facts) {
                    let Some(request) = old.request(&facts) else {
                        continue;
                    };
                    let (was, is) = (old.says(&request).0, new.says(&request).0);
                    if was != is && tell(at, &facts, is).is_break() {
                        return;
                    }
                }
            }
        }
    }
}

/// The question with the first value of everything that varies.
const fn plain(role: Role, action: Action) -> DecisionFacts {
    DecisionFacts {
        role,
        purpose: Purpose::ALL[0],
        action,
        relation: RELATIONS[0],
        tags: 0,
        age: AGES[0],
        assurance: PROOFS[0],
        is_deceased: false,
        is_unsafe_to_write: false,
        has_reason: false,
    }
}

/// Those of the touched policies whose scope has this role and action.
fn near(
    touched: &[Vec<Policy>; 2],
    role: Role,
    asked: Action,
) -> Option<Vec<cedar_policy::PolicySet>> {
    let kind = uid(super::role(role)?, "it")?;
    let action = uid("Action", action(asked))?;
    let mut sets = Vec::new();
    for policies in touched {
        let near = policies
            .iter()
            .filter(|policy| is_near(policy, &kind, &action));
        let set = cedar_policy::PolicySet::from_policies(near.cloned()).ok()?;
        if !set.is_empty() {
            sets.push(set);
        }
    }
    (!sets.is_empty()).then_some(sets)
}

fn is_near(policy: &Policy, who: &EntityUid, action: &EntityUid) -> bool {
    let for_role = match policy.principal_constraint() {
        PrincipalConstraint::Is(kind) => kind == *who.type_name(),
        _ => true,
    };
    // The schema has no groups of actions.
    let for_action = match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(only) => only == *action,
        ActionConstraint::In(list) => list.contains(action),
    };
    for_role && for_action
}

/// Whether one of these policies has a say, or fails over it.
fn speaks(set: &cedar_policy::PolicySet, request: &Request) -> bool {
    let authorizer = cedar_policy::Authorizer::new();
    let answer = authorizer.is_authorized(request, set, &Entities::empty());
    let diagnostics = answer.diagnostics();
    diagnostics.reason().next().is_some() || diagnostics.errors().next().is_some()
}

impl PolicySet {
    /// The policies that another set has not, or has otherwise.
    fn lacking_in(&self, other: &Self) -> Vec<Policy> {
        let own = self.policies.policies();
        own.filter(|policy| other.policies.policy(policy.id()) != Some(*policy))
            .cloned()
            .collect()
    }
}

/// Whether a policy names this attribute. Its parsed form is asked, in which no escape hides a name.
fn names(policy: &Policy, attribute: &str) -> bool {
    let text = policy.to_json().map(|json| json.to_string());
    text.map_or(true, |text| text.contains(&format!("\"{attribute}\"")))
}

impl Reads {
    const ALL: Self = Self {
        relation: true,
        purpose: true,
        proof: true,
        tags: true,
        age: true,
        deceased: true,
        unsafe_to_write: true,
        reason: true,
    };

    /// What any of these policies reads.
    fn of<'a>(policies: impl Iterator<Item = &'a Policy>) -> Self {
        let policies: Vec<&Policy> = policies.collect();
        let reads = |attribute| policies.iter().any(|policy| names(policy, attribute));
        Self {
            relation: reads("relation"),
            purpose: reads("purpose"),
            proof: reads("proof"),
            tags: reads("is_sensitive"),
            age: reads("age"),
            deceased: reads("is_deceased"),
            unsafe_to_write: reads("is_unsafe_to_write"),
            reason: reads("has_reason"),
        }
    }

    /// What of this was not varied before.
    const fn without(self, before: Self) -> Self {
        Self {
            relation: self.relation && !before.relation,
            purpose: self.purpose && !before.purpose,
            proof: self.proof && !before.proof,
            tags: self.tags && !before.tags,
            age: self.age && !before.age,
            deceased: self.deceased && !before.deceased,
            unsafe_to_write: self.unsafe_to_write && !before.unsafe_to_write,
            reason: self.reason && !before.reason,
        }
    }

    /// The question in every variation of what is read.
    fn vary(self, plain: DecisionFacts) -> Vec<DecisionFacts> {
        let mut all = vec![plain];
        each(&mut all, self.relation, &RELATIONS, |facts, one| {
            facts.relation = one;
        });
        each(&mut all, self.purpose, Purpose::ALL, |facts, one| {
            facts.purpose = one;
        });
        each(&mut all, self.proof, &PROOFS, |facts, one| {
            facts.assurance = one;
        });
        each(&mut all, self.tags, &[0, 1], |facts, one| {
            facts.tags = one;
        });
        each(&mut all, self.age, &AGES, |facts, one| {
            facts.age = one;
        });
        let both = [false, true];
        each(&mut all, self.deceased, &both, |facts, one| {
            facts.is_deceased = one;
        });
        each(&mut all, self.unsafe_to_write, &both, |facts, one| {
            facts.is_unsafe_to_write = one;
        });
        each(&mut all, self.reason, &both, |facts, one| {
            facts.has_reason = one;
        });
        all
    }

    /// A purpose, and where within it where it is not everywhere.
    fn words(self, purpose: Purpose, places: &BTreeSet<(usize, Place)>) -> String {
        let name = purpose.word().replace('_', " ");
        let of_age = |at| {
            let of_age = places.iter().filter(move |(age, _)| *age == at);
            of_age.map(|(_, place)| *place).collect::<BTreeSet<Place>>()
        };
        let by_age: Vec<BTreeSet<Place>> = (0..AGES.len()).map(of_age).collect();
        if !self.age || by_age.iter().all(|places| *places == by_age[0]) {
            return self.places(&name, &by_age[0]);
        }
        let parts = AGES.iter().zip(&by_age);
        let parts = parts
            .filter(|(_, places)| !places.is_empty())
            .map(|(age, places)| self.places(&format!("{name} of {}", age_words(*age)), places));
        parts.collect::<Vec<_>>().join("; ")
    }

    fn places(self, name: &str, places: &BTreeSet<Place>) -> String {
        let read = [self.deceased, self.unsafe_to_write, self.reason];
        let flipped = |(proof, mut flags): Place, at: usize| {
            flags[at] = !flags[at];
            (proof, flags)
        };
        // What may be either way need not be said.
        let said = [0, 1, 2].map(|at| {
            let is_either = places
                .iter()
                .all(|place| places.contains(&flipped(*place, at)));
            read[at] && !is_either
        });
        let mut by_flags: BTreeMap<[bool; 3], BTreeSet<usize>> = BTreeMap::new();
        for (proof, flags) in places {
            let flags = [0, 1, 2].map(|at| said[at] && flags[at]);
            by_flags.entry(flags).or_default().insert(*proof);
        }
        let parts = by_flags.iter().map(|(flags, proofs)| {
            let words = FLAG_WORDS.iter().zip(flags).zip(said);
            let words: Vec<&str> = words
                .filter(|(_, is_said)| *is_said)
                .map(|((words, is_so), _)| words[usize::from(!is_so)])
                .collect();
            let place = match words.as_slice() {
                [] => String::new(),
                words => format!(" ({})", words.join(", ")),
            };
            format!("{name}{place}{}", by_proofs(proofs))
        });
        parts.collect::<Vec<_>>().join("; ")
    }
}

const fn age_words(age: Age) -> &'static str {
    match age {
        Age::Child => "a child",
        Age::Young => "a young person",
        Age::Grown => "a grown person",
    }
}

/// Where a flag is set, and where not.
const FLAG_WORDS: [[&str; 2]; 3] = [
    ["who has died", "who is alive"],
    ["to whom nobody may write", "who may be written to"],
    ["with words", "without words"],
];

/// Every question with every one of these values, where they are read.
fn each<T: Copy>(
    all: &mut Vec<DecisionFacts>,
    is_read: bool,
    values: &[T],
    set: impl Fn(&mut DecisionFacts, T),
) {
    if !is_read {
        return;
    }
    let varied = all.iter().flat_map(|facts| {
        let set = &set;
        values.iter().map(move |value| {
            let mut facts = *facts;
            set(&mut facts, *value);
            facts
        })
    });
    *all = varied.collect();
}

fn by_proofs(proofs: &BTreeSet<usize>) -> String {
    if proofs.len() == PROOFS.len() {
        return String::new();
    }
    let words: Vec<String> = proofs
        .iter()
        .map(|at| proof(PROOFS[*at]).replace('_', " "))
        .collect();
    format!(" by {}", words.join(" or "))
}

fn what(asked: Action) -> String {
    let name = action(asked).replace('_', " ");
    match part(asked) {
        "none" => name,
        part => format!("{name} ({part})"),
    }
}

const fn whose(relation: Relation) -> &'static str {
    match relation {
        Relation::Own => "their own",
        Relation::Proxy => "of whom they act for",
        Relation::ProxyOutOfScope => "of whom they act for, outside the scope",
        Relation::EnrolledSource => "their practice put it in, the patient is enrolled there",
        Relation::LetRead => {
            "their practice put it in and let them read it, the patient is enrolled there"
        }
        Relation::Shared => "shared with their practice, the patient is enrolled there",
        Relation::FormerSource => "their practice put it in, the patient left",
        Relation::Enrolled => "the patient is enrolled at their practice",
        Relation::OwnPractice => "their practice, no patient",
        Relation::RunMember => "a member of their run",
        Relation::Installation => "the installation, no patient",
        Relation::Stranger => "anybody else",
    }
}

#[cfg(test)]
mod tests;
