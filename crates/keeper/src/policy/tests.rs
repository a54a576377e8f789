#![expect(
    clippy::match_same_arms,
    clippy::unnested_or_patterns,
    reason = "the oracle is one arm for each rule, as a person would say it"
)]

use super::classes::{PROOFS, RELATIONS, actions};
use super::*;
use candour_keeper_wire::words::{Age, Purpose};
use proptest::prelude::*;
use std::fmt::Write as _;

fn plain(role: Role, action: Action, relation: Relation) -> DecisionFacts {
    let is_program = matches!(role, Role::PracticeClient | Role::Keeper);
    DecisionFacts {
        role,
        purpose: Purpose::OwnRecord,
        action,
        relation,
        tags: 0,
        assurance: if is_program {
            Assurance::Secret
        } else {
            Assurance::FreshPasskey
        },
        age: Age::Grown,
        is_deceased: false,
        is_unsafe_to_write: false,
        has_reason: true,
    }
}

/// Who the patient has to be for a decision that is a yes of a grown, living one about whom nothing is sensitive.
fn limits_of(set: &PolicySet, facts: &DecisionFacts) -> String {
    let facts = *facts;
    let young = DecisionFacts {
        age: Age::Young,
        ..facts
    };
    let others = [
        ("not sensitive", DecisionFacts { tags: 2, ..facts }),
        (
            "not where nobody may write",
            DecisionFacts {
                is_unsafe_to_write: true,
                ..facts
            },
        ),
        ("not of the young", young),
        (
            "not what is sensitive of the young",
            DecisionFacts { tags: 2, ..young },
        ),
        (
            "not of the dead",
            DecisionFacts {
                is_deceased: true,
                ..facts
            },
        ),
    ];
    let no: Vec<&str> = others
        .iter()
        .filter(|(_, other)| !set.decide(other).is_allowed)
        .map(|(words, _)| *words)
        .collect();
    match no.as_slice() {
        [] => String::new(),
        no => format!(" ({})", no.join(", ")),
    }
}

/// Every role, action and relation with a fresh passkey: which purposes are let through, and by which policy.
/// A change of this text is a change of who may do what: read it line by line before accepting it.
/// Each line agrees with the rules written a second time; random facts below reach what is not a fresh passkey.
#[test]
fn the_access_matrix_is_the_reviewed_one() {
    let set = PolicySet::built_in().unwrap();
    let mut text = String::new();
    for role in Role::ALL {
        writeln!(text, "{}", role.word()).unwrap();
        let mut has_any = false;
        for asked in actions() {
            for relation_of in RELATIONS {
                let mut line = String::new();
                for purpose in Purpose::ALL {
                    let facts = DecisionFacts {
                        purpose: *purpose,
                        ..plain(*role, asked, relation_of)
                    };
                    let decision = set.decide(&facts);
                    assert_eq!(decision.is_allowed, oracle(&facts), "{facts:?}");
                    let child = DecisionFacts {
                        age: Age::Child,
                        ..facts
                    };
                    if !decision.is_allowed && set.decide(&child).is_allowed {
                        write!(line, "; {} (of a child)", purpose.word()).unwrap();
                    }
                    if decision.is_allowed {
                        let mark = limits_of(&set, &facts);
                        write!(line, "; {}{mark}", purpose.word()).unwrap();
                    }
                }
                if let Some(line) = line.strip_prefix("; ") {
                    has_any = true;
                    let part_of = part(asked);
                    let what = if part_of == "none" {
                        String::new()
                    } else {
                        format!(" {part_of}")
                    };
                    writeln!(
                        text,
                        "  {}{what} · {}: {line}",
                        action(asked),
                        relation(relation_of)
                    )
                    .unwrap();
                }
            }
        }
        if !has_any {
            writeln!(text, "  nothing").unwrap();
        }
    }
    insta::assert_snapshot!("access_matrix", text);
}

#[test]
fn a_policy_with_an_unknown_word_keeps_the_keeper_from_starting() {
    for text in [
        r#"@id("a") permit (principal is Patient, action == Action::"find", resource) when { context.purpose == Purpose::"curiosity" };"#,
        r#"@id("a") permit (principal is Nurse, action == Action::"find", resource);"#,
        r#"@id("a") permit (principal is Patient, action == Action::"peek", resource);"#,
        r#"@id("a") permit (principal is Patient, action == Action::"find", resource) when { context.is_friend };"#,
    ] {
        let refused = PolicySet::from_files(&[("one.cedar", text)], SCHEMA);
        assert!(matches!(refused, Err(PolicyError::Unfit(_))), "{text}");
    }
    let unnamed = r#"permit (principal is Patient, action == Action::"find", resource);"#;
    let refused = PolicySet::from_files(&[("one.cedar", unnamed)], SCHEMA);
    assert!(matches!(refused, Err(PolicyError::Unnamed(_))));
    let template = r#"@id("nobody") forbid (principal == ?principal, action, resource);"#;
    let refused = PolicySet::of(&[("one.cedar", template)]);
    assert!(matches!(refused, Err(PolicyError::Template(_))));
}

#[test]
fn another_policy_is_another_hash() {
    let text = r#"@id("a") permit (principal is Patient, action == Action::"find", resource);"#;
    let one = PolicySet::from_files(&[("one.cedar", text)], SCHEMA).unwrap();
    assert_ne!(one.hash(), PolicySet::built_in().unwrap().hash());
}

#[test]
fn nobody_is_let_in_without_a_role_and_staff_never_by_a_code() {
    let set = PolicySet::built_in().unwrap();
    for asked in actions() {
        for relation_of in RELATIONS {
            for purpose in Purpose::ALL {
                let anonymous = DecisionFacts {
                    purpose: *purpose,
                    ..plain(Role::Anonymous, asked, relation_of)
                };
                assert!(!set.decide(&anonymous).is_allowed);
                let by_code = DecisionFacts {
                    purpose: *purpose,
                    assurance: Assurance::FreshCode,
                    ..plain(Role::Clinician, asked, relation_of)
                };
                assert!(!set.decide(&by_code).is_allowed);
            }
        }
    }
}

fn is_officer(role: Role) -> bool {
    matches!(
        role,
        Role::PrivacyOfficer | Role::SecurityOfficer | Role::CommunicationsOfficer
    )
}

fn is_practice_staff(role: Role) -> bool {
    matches!(role, Role::Clinician | Role::Reception | Role::Manager)
}

/// The same rules written a second time, as plainly as Rust allows and without looking at the policies' form.
fn oracle(f: &DecisionFacts) -> bool {
    let by_passkey = matches!(f.assurance, Assurance::FreshPasskey | Assurance::Passkey);
    if (is_practice_staff(f.role) || is_officer(f.role)) && !by_passkey {
        return false;
    }
    let opens = matches!(f.action, Action::OpenSection(_) | Action::OpenItem(_));
    let has_words = f.has_reason || !opens;
    if f.purpose == Purpose::Emergency && (f.assurance != Assurance::FreshPasskey || !has_words) {
        return false;
    }
    let is_message = f.action == Action::OpenItem(ItemKind::Notice);
    if is_message && f.is_unsafe_to_write && f.relation != Relation::Own {
        return false;
    }
    let does = opens
        || matches!(
            f.action,
            Action::History
                | Action::Receipts
                | Action::Authorize(words::Action::Send | words::Action::Book)
        );
    if does && f.is_deceased && f.relation == Relation::Own {
        return false;
    }
    let for_young = f.age == Age::Young && f.relation == Relation::Proxy;
    if for_young && ((opens && f.tags != 0) || is_message) {
        return false;
    }
    if let Action::Change(
        ChangeAction::AddPasskey | ChangeAction::RemovePasskey | ChangeAction::StopWaiting,
    ) = f.action
    {
        return f.role != Role::Anonymous
            && f.relation == Relation::Own
            && f.purpose == Purpose::AccountCare;
    }
    match f.role {
        Role::Anonymous => false,
        Role::Patient | Role::Proxy => oracle_patient(f),
        Role::Clinician | Role::Reception | Role::Manager => oracle_practice(f),
        Role::PracticeClient => oracle_program(f),
        Role::Keeper if f.purpose == Purpose::Notification => {
            f.action == Action::OpenRunMember(Section::Contact)
                && f.relation == Relation::RunMember
                && f.assurance == Assurance::Secret
                && !f.is_deceased
                && !f.is_unsafe_to_write
        }
        Role::Keeper => {
            let reaches = [
                Action::OpenRunMember(Section::Identity),
                Action::OpenRunMember(Section::Contact),
                Action::Deposit(ItemKind::Notice),
            ];
            reaches.contains(&f.action)
                && f.relation == Relation::RunMember
                && f.purpose == Purpose::IncidentNotice
                && f.assurance == Assurance::Secret
        }
        _ => oracle_officer(f),
    }
}

fn oracle_patient(f: &DecisionFacts) -> bool {
    let for_own = f.role == Role::Patient && f.relation == Relation::Own;
    let for_other = f.relation == Relation::Proxy;
    match f.action {
        Action::OpenSection(_) | Action::OpenItem(_) => {
            (for_own && f.purpose == Purpose::OwnRecord)
                || (for_other && f.purpose == Purpose::ProxyAccess)
        }
        Action::Receipts => {
            for_own && matches!(f.purpose, Purpose::OwnRecord | Purpose::AccessHistory)
        }
        Action::History => {
            (for_own && matches!(f.purpose, Purpose::OwnRecord | Purpose::AccessHistory))
                || (for_other
                    && f.age != Age::Young
                    && matches!(f.purpose, Purpose::ProxyAccess | Purpose::AccessHistory))
        }
        Action::Authorize(words::Action::Send | words::Action::Book) => {
            (for_own && f.purpose == Purpose::OwnRecord)
                || (for_other && f.purpose == Purpose::ProxyAccess)
        }
        Action::Change(
            ChangeAction::InviteProxy
            | ChangeAction::GrantProxy
            | ChangeAction::Share
            | ChangeAction::EndShare,
        ) => for_own && f.purpose == Purpose::AccountCare,
        Action::Change(ChangeAction::Restrict) => {
            (for_own || (for_other && f.age == Age::Child)) && f.purpose == Purpose::AccountCare
        }
        Action::Change(ChangeAction::EndRestriction) => {
            (for_own || for_other) && f.purpose == Purpose::AccountCare
        }
        Action::Change(
            ChangeAction::SetPassword
            | ChangeAction::SetApp
            | ChangeAction::NewSheet
            | ChangeAction::StopRecovery,
        ) => f.relation == Relation::Own && f.purpose == Purpose::AccountCare,
        Action::Change(ChangeAction::EndMerge) => for_own && f.purpose == Purpose::AccountCare,
        Action::Change(ChangeAction::EndProxy) => {
            f.purpose == Purpose::AccountCare
                && (for_own || matches!(f.relation, Relation::Proxy | Relation::ProxyOutOfScope))
        }
        _ => false,
    }
}

fn oracle_practice(f: &DecisionFacts) -> bool {
    let source = f.relation == Relation::EnrolledSource;
    let theirs = source || f.relation == Relation::Enrolled;
    let own_practice = f.relation == Relation::OwnPractice;
    let care = f.purpose == Purpose::AccountCare;
    match (f.role, f.action) {
        (
            Role::Clinician,
            Action::OpenSection(Section::Identity | Section::Contact | Section::Notices)
            | Action::OpenItem(ItemKind::Identity | ItemKind::Contact | ItemKind::Notice),
        ) if f.relation == Relation::Shared => false,
        (Role::Clinician, Action::OpenSection(_) | Action::OpenItem(_)) => {
            (source || (f.relation == Relation::Shared && f.purpose != Purpose::Administration))
                && matches!(
                    f.purpose,
                    Purpose::DirectCare | Purpose::Administration | Purpose::Emergency
                )
        }
        (
            Role::Reception,
            Action::OpenSection(Section::Identity | Section::Contact | Section::Shelf),
        )
        | (Role::Reception, Action::OpenItem(ItemKind::Document)) => {
            source && f.tags == 0 && f.purpose == Purpose::Administration
        }
        (Role::Manager, Action::OpenSection(Section::Identity | Section::Contact)) => {
            source && matches!(f.purpose, Purpose::Administration | Purpose::AccountCare)
        }
        (Role::Clinician, Action::History) => theirs && f.purpose == Purpose::AccessHistory,
        (Role::Manager, Action::History) => own_practice && f.purpose == Purpose::AccessHistory,
        (
            Role::Clinician | Role::Reception | Role::Manager,
            Action::Find | Action::OpenWorklist | Action::Authorize(words::Action::Worklist),
        ) => {
            own_practice
                && matches!(
                    f.purpose,
                    Purpose::DirectCare
                        | Purpose::Administration
                        | Purpose::Emergency
                        | Purpose::AccountCare
                )
        }
        (
            Role::Clinician | Role::Reception,
            Action::Authorize(words::Action::Send | words::Action::Book),
        ) => theirs && matches!(f.purpose, Purpose::DirectCare | Purpose::Administration),
        (Role::Clinician | Role::Reception, Action::Deposit(_) | Action::Enrol) => {
            (theirs || own_practice) && f.purpose == Purpose::Deposit
        }
        (
            _,
            Action::Change(
                ChangeAction::InvitePatient
                | ChangeAction::InviteProxy
                | ChangeAction::EndEnrolment
                | ChangeAction::MarkPatient
                | ChangeAction::EndProxy
                | ChangeAction::Recover,
            ),
        ) => theirs && care,
        (
            Role::Clinician | Role::Manager,
            Action::Change(ChangeAction::Erase | ChangeAction::Hold),
        ) => (theirs || f.relation == Relation::FormerSource) && care,
        (
            Role::Clinician | Role::Reception | Role::Manager,
            Action::Change(ChangeAction::EndMerge),
        ) => (theirs || f.relation == Relation::FormerSource) && care,
        (Role::Manager, Action::Change(ChangeAction::Merge))
        | (Role::Clinician, Action::Change(ChangeAction::Approve)) => theirs && care,
        (Role::Manager, Action::Change(change)) => {
            own_practice
                && care
                && matches!(
                    change,
                    ChangeAction::InviteStaff
                        | ChangeAction::GrantRole
                        | ChangeAction::EndRole
                        | ChangeAction::GrantManager
                        | ChangeAction::AddClient
                        | ChangeAction::Freeze
                        | ChangeAction::Approve
                        | ChangeAction::Recall
                )
        }
        _ => false,
    }
}

fn oracle_program(f: &DecisionFacts) -> bool {
    let theirs = matches!(f.relation, Relation::EnrolledSource | Relation::Enrolled);
    match f.action {
        Action::OpenSection(_) | Action::OpenItem(_) => {
            f.relation == Relation::LetRead
                && f.tags == 0
                && matches!(f.purpose, Purpose::DirectCare | Purpose::Administration)
        }
        Action::Deposit(_) | Action::Enrol => {
            (theirs || f.relation == Relation::OwnPractice) && f.purpose == Purpose::Deposit
        }
        Action::Change(ChangeAction::EndEnrolment | ChangeAction::MarkPatient) => {
            theirs && f.purpose == Purpose::AccountCare
        }
        _ => false,
    }
}

fn oracle_officer(f: &DecisionFacts) -> bool {
    if f.relation != Relation::Installation {
        return false;
    }
    let communications = f.role == Role::CommunicationsOfficer;
    let security = f.role == Role::SecurityOfficer;
    let care = f.purpose == Purpose::AccountCare;
    match f.action {
        Action::Authorize(words::Action::Room) => {
            matches!(f.purpose, Purpose::IncidentScope | Purpose::IncidentNotice)
        }
        Action::Change(change) => {
            care && match change {
                ChangeAction::StartRun | ChangeAction::UnlockRoom | ChangeAction::Attest => true,
                ChangeAction::Freeze | ChangeAction::Unfreeze | ChangeAction::Approve => {
                    !communications
                }
                ChangeAction::GrantOfficer | ChangeAction::EndRole | ChangeAction::InviteStaff => {
                    security
                }
                _ => false,
            }
        }
        _ => false,
    }
}

/// A million requests, or as many as `PROPTEST_CASES` says.
fn cases() -> u32 {
    let asked = std::env::var_os("PROPTEST_CASES").and_then(|text| text.to_str()?.parse().ok());
    asked.unwrap_or(1_000_000)
}

prop_compose! {
    fn any_facts()(
        role in prop::sample::select(Role::ALL),
        purpose in prop::sample::select(Purpose::ALL),
        action in prop::sample::select(actions()),
        relation in prop::sample::select(&RELATIONS[..]),
        tags in prop::sample::select(&[0_u8, 1, 64][..]),
        assurance in prop::sample::select(&PROOFS[..]),
        age in prop::sample::select(Age::ALL),
        is_deceased: bool,
        is_unsafe_to_write: bool,
        has_reason: bool,
    ) -> DecisionFacts {
        DecisionFacts {
            role, purpose, action, relation, tags, assurance, age, is_deceased, is_unsafe_to_write, has_reason,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]
    #[test]
    fn the_policies_agree_with_the_rules_written_a_second_time(facts in any_facts()) {
        thread_local!(static SET: PolicySet = PolicySet::built_in().unwrap());
        SET.with(|set| {
            let decision = set.decide(&facts);
            prop_assert_eq!(decision.is_allowed, oracle(&facts), "{:?} by {}", facts, decision.policy);
            Ok(())
        })?;
    }
}
