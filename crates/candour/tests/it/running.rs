//! A demonstration that runs, from the outside.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use rustix::process::{Pid, Signal, kill_process};

/// A demonstration that runs; asked to end when dropped.
pub struct Demonstration {
    pub child: Child,
    pub said: String,
}

impl Demonstration {
    pub fn start(data: &Path, port: u16) -> Self {
        Self::of(candour(&[]), data, port)
    }

    /// Under another user, from a copy of the programs that it may run. For root.
    pub fn start_as(user: u32, program: &Path, data: &Path, port: u16) -> Self {
        let mut command = Command::new(program);
        command.uid(user).gid(user).current_dir("/");
        Self::of(command, data, port)
    }

    fn of(mut command: Command, data: &Path, port: u16) -> Self {
        let child = command
            .args(["demo", "--port", &port.to_string(), "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut demonstration = Self {
            child,
            said: String::new(),
        };
        for line in BufReader::new(demonstration.child.stdout.take().unwrap()).lines() {
            demonstration.said.push_str(&line.unwrap());
            demonstration.said.push('\n');
            if demonstration.said.contains("Ctrl-C ends everything") {
                return demonstration;
            }
        }
        let mut complaint = String::new();
        demonstration
            .child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut complaint)
            .unwrap();
        panic!(
            "the demonstration did not start: {}{complaint}",
            demonstration.said
        );
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    pub fn end(mut self) -> bool {
        self.signal(Signal::INT);
        self.child.wait().unwrap().success()
    }
}

impl Drop for Demonstration {
    fn drop(&mut self) {
        if self.child.try_wait().unwrap().is_none() {
            self.signal(Signal::TERM);
            self.child.wait().unwrap();
        }
    }
}

pub fn candour(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_candour"));
    command.args(arguments);
    command
}

pub fn run(arguments: &[&str], data: &Path) -> Output {
    candour(arguments).arg(data).output().unwrap()
}

/// What a command said that did what it was told.
pub fn done(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    said
}

/// Everything that was said.
pub fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|bytes| String::from_utf8_lossy(bytes))
        .concat()
}

/// A folder that the accounts of the parts may enter, with a space in its name.
pub fn place() -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let data = place.path().join("a demo");
    (place, data)
}

/// Five free ports in a row, below those that the system gives to outgoing connections; never the same twice.
pub fn ports() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let own = 20_000 + u16::try_from(std::process::id() % 600).unwrap() * 20;
    for _ in 0..100 {
        let first = own + NEXT.fetch_add(5, Ordering::Relaxed);
        if (first..first + 5).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return first;
        }
    }
    panic!("no five free ports in a row");
}
