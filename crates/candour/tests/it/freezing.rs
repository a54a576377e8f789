//! What one person types at the machine, while everybody reads.

use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use candour_keeper_api::words::{EntryKind, Purpose};
use serde_json::Value;

use crate::reader::{Reader, shelf};
use crate::running::{Demonstration, candour, done, place, ports, said};

/// Openings that are seen before somebody types.
const BEFORE: usize = 20;
/// People who read at once.
const READERS: usize = 3;

fn typed(words: &[&str], data: &Path) -> Output {
    let mut command = candour(words);
    command.arg("--data").arg(data).output().unwrap()
}

fn freeze(words: &[&str], data: &Path) -> String {
    let mut command = candour(&["freeze"]);
    done(command.args(words).arg("--data").arg(data))
}

/// A program reads faster than anybody: no budget and no rule stops it, so that only the freeze does.
fn out_of_the_way(data: &Path) {
    let file = data.join("candour.json");
    let text = fs::read_to_string(&file).unwrap();
    let mut settings: Value = serde_json::from_str(&text).unwrap();
    let of_the_test = candour_drill::crash::settings();
    settings.as_object_mut().unwrap().extend(of_the_test);
    fs::write(&file, settings.to_string()).unwrap();
}

/// The ledger's entries, as the keeper's database has them: kind and decision, in their order.
fn entries(data: &Path) -> Vec<(EntryKind, i16)> {
    let line = fs::read_to_string(data.join("secrets/keeper.database")).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let config = line.parse().unwrap();
        let keeper = candour_embedded::cluster::connect(&config).await.unwrap();
        // The worker goes on telling people by mail: it is another process than the frozen one.
        let text = "select kind, decision from entry where purpose <> $1 order by index";
        let mail = i16::from(Purpose::Notification.number());
        let rows = keeper.query(text, &[&mail]).await.unwrap();
        rows.iter()
            .map(|row| {
                let kind = i32::from(row.get::<_, i16>(0));
                (EntryKind::try_from(kind).unwrap(), row.get(1))
            })
            .collect()
    })
}

/// Reads until nothing is shown any more, counting what was; ends when it never stops.
fn read_on(reader: &Reader, shown: &AtomicUsize) {
    reader.in_a_browser(async |browser| {
        reader.sign_in(browser).await.unwrap();
        for _ in 0..20_000 {
            if shelf(browser).await.is_empty() || !browser.get("/home").await.unwrap().is_success()
            {
                return;
            }
            shown.fetch_add(1, Ordering::Relaxed);
        }
        panic!("nothing stopped it");
    });
}

#[test]
fn what_is_typed_while_everybody_reads_stops_them_and_the_ledger_has_no_opening_after_it() {
    let (_place, data) = place();
    let port = ports();
    drop(Demonstration::start(&data, port));
    out_of_the_way(&data);
    let demonstration = Demonstration::start(&data, port);
    let shown = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| read_on(&Reader::of(&data, port), &shown));
        }
        while shown.load(Ordering::Relaxed) < BEFORE {
            thread::yield_now();
        }
        let said = freeze(
            &["instance", "portal", "--reason", "somebody is in it"],
            &data,
        );
        assert!(said.contains("is frozen since"), "{said}");
        assert!(
            said.contains("Stopped: everything that comes through this process"),
            "{said}"
        );
    });
    let all = entries(&data);
    let is_freeze = |entry: &(EntryKind, i16)| entry.0 == EntryKind::Freeze;
    let typed_at = all.iter().position(is_freeze).unwrap();
    let opened = |entry: &&(EntryKind, i16)| **entry == (EntryKind::Open, 0);
    assert!(all[..typed_at].iter().filter(opened).count() >= BEFORE);
    assert_eq!(all[typed_at..].iter().filter(opened).count(), 0);

    // Again changes nothing.
    let again = freeze(&["instance", "portal", "--reason", "again"], &data);
    assert!(again.contains("is frozen already, since"), "{again}");
    let listed = freeze(&["list"], &data);
    assert!(listed.starts_with("instance portal, since "), "{listed}");
    for (words, complaint) in [
        (
            &["practice", "No Such Practice", "--reason", "r"][..],
            "no practice is found by this",
        ),
        (
            &["session", "999999999", "--reason", "r"],
            "no session is found by this",
        ),
        (&["installation"], "say why with --reason"),
    ] {
        let output = typed(&[&["freeze"], words].concat(), &data);
        assert!(!output.status.success());
        let said = said(&output);
        assert!(
            said.contains(complaint) && said.contains("Nothing was changed"),
            "{said}"
        );
    }
    let freezes = entries(&data)
        .iter()
        .filter(|entry| is_freeze(entry))
        .count();
    assert_eq!(freezes, 1);

    // The demonstration's two codes lie beside the keeper.
    let reader = Reader::of(&data, port);
    assert!(!reader.sees_anything());
    let output = typed(
        &["unfreeze", "instance", "portal", "--reason", "it was us"],
        &data,
    );
    assert!(output.status.success(), "{}", said(&output));
    assert!(reader.sees_anything());
    assert!(demonstration.end());
}

#[test]
fn without_a_keeper_nothing_is_frozen_and_that_is_said() {
    let (_place, data) = place();
    let output = typed(&["freeze", "installation", "--reason", "r"], &data);
    assert!(!output.status.success());
    assert!(
        said(&output).contains("is the keeper running"),
        "{}",
        said(&output)
    );
}
