//! What is said to open and to close, and which sets break the floor.

use super::*;
use crate::policy::FILES;
use candour_keeper_wire::words::ItemKind;

/// The built-in files with a piece of one of them replaced.
fn changed(file: &str, from: &str, to: &str) -> PolicySet {
    let files: Vec<(&str, String)> = FILES
        .iter()
        .map(|(name, text)| {
            if *name != file {
                return (*name, (*text).to_owned());
            }
            assert_eq!(text.matches(from).count(), 1, "{from}");
            (*name, text.replace(from, to))
        })
        .collect();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    PolicySet::of(&files).unwrap()
}

fn texts(old: &PolicySet, new: &PolicySet) -> Vec<String> {
    let lines = difference(old, new);
    lines.into_iter().map(|line| line.text).collect()
}

const NOTES: &str = r#"[Part::"identity", Part::"contact", Part::"shelf"].contains(context.part)"#;

#[test]
fn what_opens_for_reception_is_said_by_class_and_closes_again() {
    let built_in = PolicySet::built_in().unwrap();
    let with_more = changed(
        "practice.cedar",
        NOTES,
        r#"[Part::"identity", Part::"contact", Part::"shelf", Part::"allergies"].contains(context.part)"#,
    );
    let whose = "their practice put it in, the patient is enrolled there, not sensitive";
    let line = format!(
        "reception · open section (allergies) · {whose} · administration by fresh passkey or passkey"
    );
    assert_eq!(texts(&built_in, &with_more), [format!("opens: {line}")]);
    assert_eq!(texts(&with_more, &built_in), [format!("closes: {line}")]);
    assert!(texts(&built_in, &built_in).is_empty());
}

#[test]
fn a_condition_on_the_patient_is_said_with_its_words() {
    let built_in = PolicySet::built_in().unwrap();
    let not_of_the_dead = changed(
        "practice.cedar",
        r#"&& context.purpose == Purpose::"administration" };

@id("reception-files"#,
        r#"&& context.purpose == Purpose::"administration" && !context.is_deceased };

@id("reception-files"#,
    );
    let lines = texts(&built_in, &not_of_the_dead);
    assert_eq!(lines.len(), 3, "{lines:?}");
    for line in lines {
        assert!(
            line.starts_with("closes: reception · open section ("),
            "{line}"
        );
        let ends = "· administration (who has died) by fresh passkey or passkey";
        assert!(line.ends_with(ends), "{line}");
    }
}

#[test]
fn the_same_rules_under_another_name_open_and_close_nothing() {
    let built_in = PolicySet::built_in().unwrap();
    let renamed = changed("patient.cedar", "a-patient-reads-their-own-record", "own");
    assert_ne!(built_in.hash(), renamed.hash());
    assert!(texts(&built_in, &renamed).is_empty());
}

/// The built-in set without one of its policies.
fn without(id: &str) -> PolicySet {
    let (file, text) = FILES
        .iter()
        .flat_map(|(name, text)| text.split("\n\n").map(move |one| (*name, one)))
        .find(|(_, text)| text.contains(&format!("@id(\"{id}\")")))
        .unwrap();
    changed(file, text, "")
}

#[test]
fn a_policy_about_several_actions_is_told_for_each_of_them_and_not_for_the_first_alone() {
    let built_in = PolicySet::built_in().unwrap();
    let lines = texts(
        &built_in,
        &without("a-person-keeps-the-passkeys-of-their-own-account"),
    );
    let told: BTreeSet<&str> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("closes: patient · ")?.split(" · ").next())
        .collect();
    let all = ["add passkey", "remove passkey", "stop waiting"];
    assert_eq!(told, BTreeSet::from(all));
}

#[test]
fn the_difference_is_that_of_asking_both_sets_everything() {
    let old = PolicySet::built_in().unwrap();
    for id in [
        "reception-files-documents-that-are-not-sensitive",
        "a-clinician-sees-who-opened-the-record",
    ] {
        let new = without(id);
        let mut told = std::collections::HashSet::new();
        each_change(&old, &new, Reads::ALL, &mut |_, facts, is| {
            told.insert((*facts, is));
            ControlFlow::Continue(())
        });
        let says = |set: &PolicySet, facts: &DecisionFacts| {
            let request = set.request(facts);
            request.is_some_and(|request| set.says(&request).0)
        };
        let mut differing = 0;
        for role in [Role::Clinician, Role::Reception] {
            for action in [Action::OpenItem(ItemKind::Document), Action::History] {
                for facts in Reads::ALL.vary(plain(role, action)) {
                    let (was, is) = (says(&old, &facts), says(&new, &facts));
                    differing += u32::from(was != is);
                    assert_eq!(told.contains(&(facts, is)), was != is, "{id}: {facts:?}");
                }
            }
        }
        assert!(differing > 0, "{id}");
    }
}

#[test]
fn no_set_breaks_the_floor() {
    let built_in = PolicySet::built_in().unwrap();
    for (text, words) in [
        (
            r#"@id("x") permit (principal is SecurityOfficer, action == Action::"open_item", resource);"#,
            "An officer of the operator reads and writes nothing about patients.",
        ),
        (
            r#"@id("x") permit (principal is Clinician, action == Action::"open_section", resource)
               when { context.relation == Relation::"stranger" };"#,
            "Nobody reads about somebody who has nothing to do with them.",
        ),
        (
            r#"@id("x") permit (principal is Manager, action == Action::"unfreeze", resource);"#,
            "Only officers let go what is frozen, unlock the room, name officers and open runs.",
        ),
    ] {
        let more = format!("{}\n{text}", FILES[0].1);
        let mut files = FILES;
        let more: &'static str = Box::leak(more.into_boxed_str());
        files[0].1 = more;
        let set = PolicySet::of(&files).unwrap();
        assert_eq!(broken(&built_in, &set), Some(words), "{text}");
    }
    // The one of the program keeps it: at a million questions it says what the rules written a second time say.
    // A rule that forbids is missed, not only one that permits too much.
    let program = changed(
        "everyone.cedar",
        r#"@id("a-program-looks-nobody-up")
forbid"#,
        r#"@id("a-program-reads")
permit"#,
    );
    let words =
        Some("A practice's program reads what two of its people let it, and nothing sensitive.");
    assert_eq!(broken(&built_in, &program), words);
    // And whatever is in force, the floor is asked at each decision too.
    let reads = DecisionFacts {
        role: Role::PracticeClient,
        purpose: Purpose::DirectCare,
        action: Action::Find,
        relation: Relation::OwnPractice,
        tags: 0,
        age: Age::Grown,
        assurance: crate::decision::Assurance::Secret,
        is_deceased: false,
        is_unsafe_to_write: false,
        has_reason: false,
    };
    let request = program.request(&reads).unwrap();
    assert!(program.says(&request).0);
    assert_eq!(forbids(&reads), words);
    assert!(!program.decide(&reads).is_allowed);
}

#[test]
fn every_action_of_the_schema_is_asked_about_and_no_other() {
    let set = PolicySet::built_in().unwrap();
    let known: BTreeSet<String> = set
        .schema
        .actions()
        .map(|uid| uid.id().unescaped().to_owned())
        .collect();
    let asked: BTreeSet<String> = actions()
        .into_iter()
        .map(|one| action(one).to_owned())
        .collect();
    assert_eq!(asked, known);
}
