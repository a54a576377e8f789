//! Under which accounts a demonstration runs, what it says about that, and that nothing of it is left.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use crate::running::{Demonstration, place, ports};

const FOOTER: &str = "Keeper not isolated: for demonstration only.";

/// What the system says of a process.
#[derive(Debug, PartialEq)]
struct Process {
    user: u32,
    /// How large a core file may become.
    core_file: String,
    /// No debugger of the same user is let in: then its memory is root's.
    is_guarded: bool,
    /// Memory that stays out of swap.
    locked_kib: u64,
    /// No program that it starts has more rights than it has.
    gains_nothing: bool,
}

impl Process {
    fn read(folder: &Path) -> Option<Self> {
        let user = word_after(folder, "status", "Uid:")?.parse().ok()?;
        Some(Self {
            user,
            core_file: word_after(folder, "limits", "Max core file size")?,
            is_guarded: folder.join("mem").metadata().ok()?.uid() != user,
            locked_kib: word_after(folder, "status", "VmLck:")?.parse().ok()?,
            gains_nothing: word_after(folder, "status", "NoNewPrivs:")? == "1",
        })
    }
}

/// The first word behind `name` in a file of a process's folder.
fn word_after(folder: &Path, file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(folder.join(file)).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next().map(ToOwned::to_owned)
}

/// Processes that have a path below `data` on their command line, as program and arguments.
fn processes_of(data: &Path) -> BTreeMap<String, Process> {
    let name = data.as_os_str().as_encoded_bytes();
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(line) = fs::read(entry.path().join("cmdline")) else {
            continue;
        };
        let is_ours = line.windows(name.len()).any(|part| part == name);
        if let (true, Some(process)) = (is_ours, Process::read(&entry.path())) {
            let words = String::from_utf8_lossy(&line).replace('\0', " ");
            found.insert(words, process);
        }
    }
    found
}

fn process<'a>(processes: &'a BTreeMap<String, Process>, part: &str) -> &'a Process {
    let found = processes.iter().find(|(words, _)| words.contains(part));
    found
        .unwrap_or_else(|| panic!("no {part} among {processes:?}"))
        .1
}

fn page(port: u16) -> String {
    get(port, "/trust")
}

fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// What each part's command line says, for all of them.
const PARTS: [&str; 7] = [
    "bin/postgres -D",
    "candour-keeper run",
    "candour portal",
    "candour worker",
    "candour room",
    "candour status",
    "candour mailbox",
];

#[test]
fn started_by_root_each_part_has_its_own_user_and_after_an_interrupt_none_is_left() {
    if !rustix::process::geteuid().is_root() {
        // Nobody else can give a process to another user; the test below is about them.
        return;
    }
    let (_place, data) = place();
    let port = ports();
    let demonstration = Demonstration::start(&data, port);
    let running = processes_of(&data);
    let mut users: Vec<u32> = PARTS.map(|part| process(&running, part).user).to_vec();
    users.sort_unstable();
    users.dedup();
    assert_eq!(users.len(), PARTS.len(), "{running:?}");
    assert!(!users.contains(&0), "{running:?}");
    assert!(
        running.values().all(|process| process.core_file == "0"),
        "{running:?}"
    );
    let keeper = process(&running, "candour-keeper run");
    assert!(keeper.is_guarded, "{keeper:?}");
    let room = process(&running, "candour room");
    assert!(room.is_guarded, "{room:?}");
    assert!(
        running.values().all(|process| process.gains_nothing),
        "{running:?}"
    );
    let says_locked = page(port).contains("memory is never written to disk");
    assert_eq!(says_locked, keeper.locked_kib > 0, "{keeper:?}");
    // The status site is another user than the keeper, and reads what the keeper writes for everybody.
    let checkpoint = get(port + 2, "/checkpoint");
    assert!(
        checkpoint.contains(".candour.invalid/ledger\n"),
        "{checkpoint}"
    );
    // One cluster holds both databases, so whoever owns it could change the keeper's.
    assert!(page(port).contains(FOOTER));
    assert!(demonstration.said.contains("keeper not isolated"));
    assert!(demonstration.end());
    assert_eq!(processes_of(&data), BTreeMap::new());
}

#[test]
fn started_by_an_ordinary_user_it_runs_under_that_user_and_every_page_says_what_that_means() {
    let (place, data) = place();
    let port = ports();
    let demonstration = if rustix::process::geteuid().is_root() {
        let programs = place.path().join("programs");
        fs::create_dir(&programs).unwrap();
        let built = Path::new(env!("CARGO_BIN_EXE_candour")).parent().unwrap();
        for name in ["candour", "candour-keeper", "candour-drill"] {
            fs::copy(built.join(name), programs.join(name)).unwrap();
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(programs.join(name), mode).unwrap();
        }
        fs::create_dir(&data).unwrap();
        // "nobody": every system has it, and it owns nothing.
        chown(&data, Some(65_534), Some(65_534)).unwrap();
        Demonstration::start_as(65_534, &programs.join("candour"), &data, port)
    } else {
        Demonstration::start(&data, port)
    };
    let owner = data.metadata().unwrap().uid();
    let running = processes_of(&data);
    for part in PARTS {
        assert_eq!(process(&running, part).user, owner, "{part}");
    }
    assert!(page(port).contains(FOOTER));
    assert!(demonstration.said.contains("keeper not isolated"));
    assert!(demonstration.end());
    assert_eq!(processes_of(&data), BTreeMap::new());
}

#[test]
fn two_demonstrations_run_side_by_side_and_the_end_of_one_leaves_the_other() {
    let ((_one_place, one), (_other_place, other)) = (place(), place());
    let (one_port, other_port) = (ports(), ports());
    let first = Demonstration::start(&one, one_port);
    let second = Demonstration::start(&other, other_port);
    assert!(page(one_port).starts_with("HTTP/1.1 "));
    assert!(first.end());
    assert_eq!(processes_of(&one), BTreeMap::new());
    assert!(page(other_port).starts_with("HTTP/1.1 "));
    assert!(second.end());
}
