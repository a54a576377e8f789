//! A backup of a whole installation that runs, and what comes back from it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use candour_core::tested::{FILE, Tested};

use crate::reader::{Documents, Reader};
use crate::running::{Demonstration, candour, done, place, ports, said};

/// What an operator keeps away from the machine, and the backup.
struct Kept {
    key: PathBuf,
    root: PathBuf,
    backup: PathBuf,
}

impl Kept {
    fn restore(&self, data: &Path) -> Command {
        let mut command = candour(&["restore", "--from"]);
        command
            .arg(&self.backup)
            .arg("--key")
            .arg(&self.key)
            .arg("--root-key")
            .arg(&self.root)
            .arg("--data")
            .arg(data);
        command
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy_folder(&entry.path(), &to.join(entry.file_name()));
        } else if kind.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// More people and letters, deposited by ordinary calls while somebody else works.
fn life_goes_on(data: &Path) -> std::process::Child {
    candour(&["synth", "--patients", "260", "--seed", "1", "--data"])
        .arg(data)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Every row of the restored portal that names a file has it; every item the keeper shows has its row.
fn nothing_is_named_and_missing(data: &Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = async |name: &str| {
            let line = fs::read_to_string(data.join(format!("secrets/{name}.database"))).unwrap();
            candour_embedded::cluster::connect(&line.parse().unwrap())
                .await
                .unwrap()
        };
        let (portal, keeper) = (client("migrator").await, client("keeper").await);
        let files = "select encode(id, 'hex'), padded_size from item where stored = 'file'";
        let rows = portal.query(files, &[]).await.unwrap();
        assert!(!rows.is_empty(), "no content was large enough to be a file");
        for row in rows {
            let (id, size): (String, i64) = (row.get(0), row.get(1));
            let kept = data
                .join("objects/kept")
                .join(&id[..2])
                .join(&id[2..4])
                .join(&id);
            let length = kept.metadata().map(|about| about.len());
            assert_eq!(length.ok(), u64::try_from(size).ok(), "{id}");
        }
        let count = async |client: &tokio_postgres::Client, of: &str| -> i64 {
            client.query_one(of, &[]).await.unwrap().get(0)
        };
        let shown = count(
            &keeper,
            "select count(*) from item where sealed_index is not null",
        )
        .await;
        let rows = count(&portal, "select count(*) from item").await;
        assert!(shown > 0 && rows >= shown, "{shown} shown, {rows} rows");
    });
}

#[test]
fn a_backup_of_a_running_installation_comes_back_with_the_same_bytes_and_what_was_erased_stays_erased()
 {
    let (place, data) = place();
    let port = ports();
    let demonstration = Demonstration::start(&data, port);
    let reader = Reader::of(&data, port);
    let before = reader.documents();
    assert!(before.len() > 1, "{:?}", before.keys());
    assert!(
        before.values().all(|bytes| bytes.starts_with(b"%PDF")),
        "{:?}",
        before.keys()
    );
    let kept = Kept {
        key: place.path().join("backup key"),
        root: place.path().join("root key"),
        backup: place.path().join("one.backup"),
    };
    fs::copy(data.join("keeper/root.key"), &kept.root).unwrap();
    done(
        candour(&["backup-key", "--data"])
            .arg(&data)
            .arg("--to")
            .arg(&kept.key),
    );

    a_planted_link_is_left_out(&data, place.path(), &kept.key);
    let mut life = life_goes_on(&data);
    done(
        candour(&["backup", "--data"])
            .arg(&data)
            .arg("--to")
            .arg(&kept.backup),
    );
    life.kill().unwrap();
    life.wait().unwrap();
    let early = place.path().join("survived early");
    copy_folder(&data.join("keeper"), &early);
    assert_eq!(reader.documents(), before);
    assert!(demonstration.end());
    let late = place.path().join("survived late");
    copy_folder(&data.join("keeper"), &late);
    fs::remove_dir_all(&data).unwrap();
    done(
        candour(&["restore", "--check", "--from"])
            .arg(&kept.backup)
            .arg("--key")
            .arg(&kept.key)
            .arg("--note")
            .arg(place.path()),
    );
    let noted = Tested::read(&fs::read_to_string(place.path().join(FILE)).unwrap());
    assert!(noted.restore.is_some_and(|restore| !restore.put_back));

    its_epoch_keys_stand_beside_it(&kept, place.path());
    // Nothing is known of the time after the backup; one document was erased meanwhile.
    let erased = before.keys().next().unwrap().clone();
    only_what_the_backup_has(&kept, &early);
    fs::create_dir(early.join("tombstones")).unwrap();
    fs::write(early.join("tombstones").join(&erased), "").unwrap();
    let restored = place.path().join("restored");
    let mut restore = kept.restore(&restored);
    let told = done(
        restore
            .arg("--survived")
            .arg(&early)
            .arg("--note")
            .arg(place.path()),
    );
    let noted = Tested::read(&fs::read_to_string(place.path().join(FILE)).unwrap());
    assert!(noted.restore.is_some_and(|restore| restore.put_back));
    assert!(
        told.contains("1 items are named by tombstones; 1 of them"),
        "{told}"
    );
    let demonstration = Demonstration::start(&restored, port);
    let after = reader.documents();
    for (id, bytes) in &before {
        let found = after.get(id).cloned().unwrap_or_default();
        if *id == erased {
            assert!(found.is_empty(), "the erased document came back");
        } else {
            assert!(found == *bytes, "{id} has other bytes");
        }
    }
    drop(demonstration);

    // A checkpoint that was signed after the backup shows that entries are missing.
    let behind = place.path().join("behind");
    let told = done(kept.restore(&behind).arg("--survived").arg(&late));
    assert!(told.contains("opens nothing"), "{told}");
    let demonstration = Demonstration::start(&behind, port);
    assert!(!reader.sees_anything());
    let found = what_the_doctor_says(&behind);
    assert!(found.contains("wrong: the keeper opens nothing"), "{found}");
    nothing_is_named_and_missing(&behind);

    two_operators_accept(&behind, &found);
    eventually(|| reader.sees_anything());
    assert_eq!(reader.documents(), before);
    drop(demonstration);

    nothing_survived(&kept, &reader, &before, &place.path().join("blank"));
}

/// They are not in it, and without them it is not restored.
fn its_epoch_keys_stand_beside_it(kept: &Kept, place: &Path) {
    let names = fs::read_dir(place).unwrap();
    let mut beside = names
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "epoch-keys"));
    let keys = beside.next().unwrap();
    assert_eq!(beside.next(), None, "one file for all backups");
    let text = fs::read_to_string(&keys).unwrap();
    assert!(
        text.starts_with("candour-epoch-keys-1\n") && text.ends_with("\nend\n"),
        "{text}"
    );
    let check = || {
        let mut command = candour(&["restore", "--check", "--from"]);
        command.arg(&kept.backup).arg("--key").arg(&kept.key);
        command
    };
    let away = place.join("kept elsewhere");
    fs::rename(&keys, &away).unwrap();
    let output = check().output().unwrap();
    let told = said(&output);
    assert!(
        !output.status.success() && told.contains("not in a backup but beside it"),
        "{told}"
    );
    done(check().arg("--epoch-keys").arg(&away));
    fs::rename(&away, &keys).unwrap();
}

/// Nothing survived that shows how much is missing: that is a loss as well, and the backup's own checkpoints, which the
/// ledger agrees with, do not hide it.
fn nothing_survived(kept: &Kept, reader: &Reader, before: &Documents, blank: &Path) {
    let told = done(kept.restore(blank).arg("--nothing-survived"));
    assert!(
        told.contains("opens nothing until two operators accept"),
        "{told}"
    );
    let demonstration = Demonstration::start(blank, reader.port);
    assert!(!reader.sees_anything());
    let found = what_the_doctor_says(blank);
    assert!(found.contains("no checkpoint is left"), "{found}");
    assert_eq!(counted(blank), (0, 0));
    two_operators_accept(blank, &found);
    eventually(|| reader.sees_anything());
    assert_eq!(reader.documents(), *before);
    // It is an entry, and an incident of its own.
    eventually(|| counted(blank) == (1, 1));
    drop(demonstration);
}

fn what_the_doctor_says(data: &Path) -> String {
    said(&candour(&["doctor", "--data"]).arg(data).output().unwrap())
}

/// The command that the doctor names; in a demonstration both operators' codes lie with the keeper.
fn two_operators_accept(data: &Path, found: &str) {
    let number = |after: &str| -> String {
        let rest = found
            .split(after)
            .nth(1)
            .unwrap_or_else(|| panic!("{found}"));
        rest.chars().take_while(char::is_ascii_digit).collect()
    };
    let keeper = Path::new(env!("CARGO_BIN_EXE_candour")).with_file_name("candour-keeper");
    let range = [number("--from "), number("--to ")];
    done(
        Command::new(keeper)
            .args([
                "accept-loss",
                "--from",
                &range[0],
                "--to",
                &range[1],
                "--data",
            ])
            .arg(data),
    );
}

/// Entries that say a loss was accepted, and incidents of a ledger that lost something.
fn counted(data: &Path) -> (i64, i64) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let count = async |name: &str, of: &str| -> i64 {
            let line = fs::read_to_string(data.join(format!("secrets/{name}.database"))).unwrap();
            let client = candour_embedded::cluster::connect(&line.parse().unwrap())
                .await
                .unwrap();
            client.query_one(of, &[]).await.unwrap().get(0)
        };
        (
            count("keeper", "select count(*) from entry where kind = 19").await,
            count("room", "select count(*) from incident where rule = 101").await,
        )
    })
}

/// A part that was taken over plants a link to the root key where its own files lie. The backup leaves it out, says so,
/// and holds everything else.
fn a_planted_link_is_left_out(data: &Path, place: &Path, key: &Path) {
    let planted = data.join("room/planted.key");
    std::os::unix::fs::symlink(data.join("keeper/root.key"), &planted).unwrap();
    let to = place.join("with a planted link.backup");
    let output = candour(&["backup", "--data"])
        .arg(data)
        .arg("--to")
        .arg(&to)
        .output()
        .unwrap();
    fs::remove_file(&planted).unwrap();
    let told = said(&output);
    assert!(!output.status.success(), "{told}");
    assert!(told.contains("room/planted.key (a link)"), "{told}");
    assert!(!told.contains("not saved, because this version"), "{told}");
    done(
        candour(&["restore", "--check", "--from"])
            .arg(&to)
            .arg("--key")
            .arg(key),
    );
}

/// The keeper starts again when the loss was accepted; asked for at most a minute.
fn eventually(what: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !what() {
        assert!(
            begun.elapsed() < std::time::Duration::from_mins(1),
            "it never happened"
        );
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// Leaves those checkpoints that are not newer than the backup.
fn only_what_the_backup_has(kept: &Kept, keeper: &Path) {
    let told = done(
        candour(&["restore", "--check", "--from"])
            .arg(&kept.backup)
            .arg("--key")
            .arg(&kept.key),
    );
    let size: u64 = told
        .split("Its ledger has ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next())
        .unwrap()
        .parse()
        .unwrap();
    for entry in fs::read_dir(keeper.join("checkpoints")).unwrap() {
        let path = entry.unwrap().path();
        let signed: u64 = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        if signed > size {
            fs::remove_file(path).unwrap();
        }
    }
}
