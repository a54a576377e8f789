use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use candour::Problem;
use candour::parts::Ready;
use candour::supervisor::{Job, Supervisor};
use rustix::process::{Pid, Signal, kill_process};

fn job(name: &'static str, folder: &Path, script: &str) -> Job {
    let script = script.replace("FOLDER", &folder.display().to_string());
    Job {
        name,
        command: Box::new(move || {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", &script]);
            Ok(command)
        }),
        log: folder.join(format!("{name}.log")),
        end: Signal::TERM,
        grace: Duration::from_secs(5),
        notes_itself: false,
    }
}

/// Ends by itself at the end of each test; says what happened to it in one file.
const LOYAL: &str = "trap 'echo NAME ended >>FOLDER/story; exit 0' TERM; echo NAME started >>FOLDER/story; \
    while true; do sleep 0.05; done";

fn loyal(name: &'static str, folder: &Path) -> Job {
    job(name, folder, &LOYAL.replace("NAME", name))
}

async fn until(what: impl Fn() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "it never happened"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn story(folder: &Path) -> String {
    fs::read_to_string(folder.join("story")).unwrap_or_default()
}

fn on_one_thread(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, work);
}

#[test]
fn a_killed_part_is_started_again_and_all_end_in_reverse_order() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    on_one_thread(async {
        let mut supervisor = Supervisor::new(&folder.join("processes")).unwrap();
        for name in ["keeper", "portal"] {
            supervisor.keep(loyal(name, folder)).unwrap();
            until(|| story(folder).contains(&format!("{name} started"))).await;
        }
        let first = supervisor.process("keeper").unwrap();
        let pid = Pid::from_raw(i32::try_from(first).unwrap()).unwrap();
        kill_process(pid, Signal::KILL).unwrap();
        until(|| story(folder).matches("keeper started").count() == 2).await;
        assert_ne!(supervisor.process("keeper"), Some(first));
        supervisor.end().await;
        assert!(
            story(folder).ends_with("portal ended\nkeeper ended\n"),
            "{}",
            story(folder)
        );
        assert!(!folder.join("processes").exists());
    });
}

#[test]
fn a_part_that_dies_at_its_start_is_named_with_its_last_words() {
    let place = tempfile::tempdir().unwrap();
    on_one_thread(async {
        let mut supervisor = Supervisor::new(&place.path().join("processes")).unwrap();
        supervisor
            .keep(job(
                "keeper",
                place.path(),
                "echo the root key is missing >&2; exit 1",
            ))
            .unwrap();
        let never = Ready::Socket(place.path().join("never.sock"));
        let problem = supervisor
            .wait_until_ready(&never, Duration::from_secs(10))
            .await
            .unwrap_err();
        let text = problem.to_string();
        assert!(
            text.contains("keeper did not start: the root key is missing"),
            "{text}"
        );
        supervisor.end().await;
    });
}

#[test]
fn a_part_counts_as_ready_when_it_accepts() {
    let place = tempfile::tempdir().unwrap();
    on_one_thread(async {
        let mut supervisor = Supervisor::new(&place.path().join("processes")).unwrap();
        supervisor.keep(loyal("keeper", place.path())).unwrap();
        let socket = place.path().join("keeper.sock");
        let ready = Ready::Socket(socket.clone());
        let early = supervisor
            .wait_until_ready(&ready, Duration::from_millis(100))
            .await;
        assert!(matches!(early, Err(Problem::PartNotStarted { .. })));
        let _listener = UnixListener::bind(&socket).unwrap();
        supervisor
            .wait_until_ready(&ready, Duration::from_secs(10))
            .await
            .unwrap();
        supervisor.end().await;
    });
}

#[test]
fn a_part_that_does_not_want_to_end_is_killed() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    on_one_thread(async {
        let mut supervisor = Supervisor::new(&folder.join("processes")).unwrap();
        let mut stubborn = job(
            "portal",
            folder,
            "trap '' TERM; echo portal started >>FOLDER/story; while true; do sleep 0.05; done",
        );
        stubborn.grace = Duration::from_millis(200);
        supervisor.keep(stubborn).unwrap();
        until(|| story(folder).contains("started")).await;
        let process = supervisor.process("portal").unwrap();
        supervisor.end().await;
        assert!(!Path::new(&format!("/proc/{process}")).exists());
    });
}

#[test]
fn what_a_killed_supervisor_left_is_ended_by_the_next() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let mut orphan = Command::new("/bin/sh")
        .args([
            "-c",
            "trap 'exit 0' TERM; echo ready; while true; do sleep 0.05; done",
        ])
        .stdout(fs::File::create(folder.join("orphan.log")).unwrap())
        .spawn()
        .unwrap();
    on_one_thread(async {
        until(|| fs::read_to_string(folder.join("orphan.log")).is_ok_and(|text| !text.is_empty()))
            .await;
        let stat = fs::read_to_string(format!("/proc/{}/stat", orphan.id())).unwrap();
        let started = stat
            .rsplit_once(") ")
            .unwrap()
            .1
            .split(' ')
            .nth(19)
            .unwrap()
            .to_owned();
        fs::write(
            folder.join("processes"),
            format!("portal {} {started}\n", orphan.id()),
        )
        .unwrap();
        let supervisor = Supervisor::new(&folder.join("processes")).unwrap();
        let end = supervisor.end_left_over();
        let gone = tokio::task::spawn_blocking(move || orphan.wait().unwrap());
        end.await;
        assert!(gone.await.unwrap().success());
    });
}
