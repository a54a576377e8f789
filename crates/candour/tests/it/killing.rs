//! A keeper that is killed in the middle of what it bounds.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use candour_drill::browser::{Browser, ids_in};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::reader::{Reader, shelf};
use crate::running::{Demonstration, place, ports};

/// What the budget is set to, so that a page or two spend it.
const BUDGET: usize = 5;
/// The same of an instance.
const CEILING: usize = 1;

/// The process that is the keeper of this installation.
fn keeper(data: &Path) -> Pid {
    let data = data.to_str().unwrap();
    let mut found = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let entry = entry.unwrap();
        let number: i32 = entry.file_name().to_str()?.parse().ok()?;
        let line = fs::read_to_string(entry.path().join("cmdline")).ok()?;
        let words: Vec<&str> = line.split('\0').collect();
        let is_ours = words[0].ends_with("candour-keeper")
            && words.get(1) == Some(&"run")
            && words.contains(&data);
        is_ours.then(|| Pid::from_raw(number).unwrap())
    });
    let only = found.next().unwrap();
    assert_eq!(found.next(), None);
    only
}

/// How many openings of documents are answered with one before a page says `why`; `most` at most.
async fn opened(browser: &Browser, most: usize, why: &str) -> usize {
    let ids = ids_in(&shelf(browser).await, "/documents/");
    for number in 0..most {
        let id = &ids[number % ids.len()];
        let answer = browser
            .get(&format!("/documents/{id}/download"))
            .await
            .unwrap();
        if !answer.is_success() {
            let text = answer.text();
            assert!(text.contains(why), "{text}");
            return number;
        }
    }
    most
}

/// Kills the keeper as a power cut would, and waits for the next one.
fn kill_the_keeper(data: &Path, reader: &Reader) {
    let killed = keeper(data);
    kill_process(killed, Signal::KILL).unwrap();
    let waited = Instant::now();
    while !reader.sees_anything() {
        assert!(waited.elapsed() < Duration::from_mins(1));
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_ne!(keeper(data), killed);
}

/// A demonstration with the limits of the drills, and then these budgets.
fn demonstration_with(data: &Path, port: u16, budgets: &[(&str, &str, usize)]) -> Demonstration {
    drop(Demonstration::start(data, port));
    let file = data.join("candour.json");
    let mut settings: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let of_the_test = candour_drill::crash::settings();
    settings.as_object_mut().unwrap().extend(of_the_test);
    // The ceilings of the drills are for a country; these are for the design's number of people.
    settings["budgets"]["enrolled"] = json!(80_000);
    for (whose, what, most) in budgets {
        settings["budgets"][whose][what] = json!(most);
    }
    fs::write(&file, settings.to_string()).unwrap();
    Demonstration::start(data, port)
}

#[test]
fn a_keeper_that_is_killed_in_the_middle_of_an_attack_gives_no_budget_back() {
    let (_place, data) = place();
    let port = ports();
    let budget = [("patient", "documents_ten_minutes", BUDGET)];
    let demonstration = demonstration_with(&data, port, &budget);
    let reader = Reader::of(&data, port);
    let why = "You have opened very many records";
    let before = reader.in_a_browser(async |browser| {
        reader.sign_in(browser).await.unwrap();
        opened(browser, BUDGET - 2, why).await
    });
    assert_eq!(before, BUDGET - 2);

    kill_the_keeper(&data, &reader);
    let after = reader.in_a_browser(async |browser| {
        reader.sign_in(browser).await.unwrap();
        opened(browser, BUDGET, why).await
    });
    assert_eq!(after, 2, "what was spent before it was killed is spent");
    assert!(demonstration.end());
}

#[test]
fn a_keeper_that_is_killed_remembers_what_came_through_each_process_of_the_portal() {
    let (_place, data) = place();
    let port = ports();
    let ceiling = [("instance", "documents_hour", CEILING)];
    let demonstration = demonstration_with(&data, port, &ceiling);
    let reader = Reader::of(&data, port);
    let why = "Very much is being opened at the moment";
    // Half as many again, which a fresh factor opens, is none of so few.
    let most = CEILING;
    let before = reader.in_a_browser(async |browser| {
        reader.sign_in(browser).await.unwrap();
        opened(browser, most + 1, why).await
    });
    assert_eq!(before, most);

    kill_the_keeper(&data, &reader);
    let after = reader.in_a_browser(async |browser| {
        reader.sign_in(browser).await.unwrap();
        opened(browser, most + 1, why).await
    });
    assert_eq!(after, most, "the same documents again, and none besides");
    assert!(demonstration.end());
}
