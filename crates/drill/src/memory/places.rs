//! Where it is looked for: the memory of a process, files, a dump of a database.

use super::needles::{Needles, Seen};
use crate::Problem;
use candour_embedded::cluster::SUPERUSER;
use candour_embedded::{Account, Cluster, Durability, Layout, Secret};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::settle::owner_of;

/// Bytes read at once.
const PIECE: usize = 4 * 1024 * 1024;

/// Searches everything that a process may read of its own memory, as a core image would hold it.
///
/// # Errors
/// When its memory cannot be opened: this must run as root or as the process's own user.
pub fn process(pid: u32, needles: &Needles) -> Result<Seen, Problem> {
    let maps = PathBuf::from(format!("/proc/{pid}/maps"));
    let memory = PathBuf::from(format!("/proc/{pid}/mem"));
    let text = std::fs::read_to_string(&maps).map_err(Problem::file("could not read", &maps))?;
    let file = File::open(&memory).map_err(Problem::file("could not read", &memory))?;
    let mut seen = Seen::default();
    for (from, until) in text.lines().filter_map(region) {
        pieces(&file, from, until, needles, &mut seen);
    }
    Ok(seen)
}

/// Address range of a line of `/proc/PID/maps`; `None` for what cannot be read.
fn region(line: &str) -> Option<(u64, u64)> {
    let mut words = line.split_whitespace();
    let (from, until) = words.next()?.split_once('-')?;
    let may_read = words.next()?.starts_with('r');
    // The kernel's own pages: the same for everybody, and some cannot be read.
    let is_kernel =
        line.ends_with("[vvar]") || line.ends_with("[vsyscall]") || line.ends_with("[vvar_vclock]");
    let from = u64::from_str_radix(from, 16).ok()?;
    let until = u64::from_str_radix(until, 16).ok()?;
    (may_read && !is_kernel).then_some((from, until))
}

fn pieces(file: &File, from: u64, until: u64, needles: &Needles, seen: &mut Seen) {
    let mut piece = vec![0; PIECE];
    let overlap = u64::try_from(needles.longest()).unwrap_or(0);
    let mut at = from;
    while at < until {
        let want = usize::try_from(until - at).unwrap_or(PIECE).min(PIECE);
        // A page of a file that was cut off cannot be read: there is nothing.
        let Ok(length @ 1..) = file.read_at(&mut piece[..want], at) else {
            at += 4096;
            continue;
        };
        needles.search(&piece[..length], seen);
        let length = u64::try_from(length).unwrap_or(0);
        seen.bytes += length;
        at += if at + length < until {
            length.saturating_sub(overlap).max(1)
        } else {
            length
        };
    }
}

/// Searches every file below a folder, except below those left out.
///
/// # Errors
/// When a folder or file that is there cannot be read.
pub fn files(
    folder: &Path,
    left_out: &[PathBuf],
    needles: &Needles,
    seen: &mut Seen,
) -> Result<(), Problem> {
    let entries = std::fs::read_dir(folder).map_err(Problem::file("could not read", folder))?;
    for entry in entries {
        let entry = entry.map_err(Problem::file("could not read", folder))?;
        let path = entry.path();
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if left_out.contains(&path) {
            continue;
        }
        if kind.is_dir() {
            files(&path, left_out, needles, seen)?;
        } else if kind.is_file() {
            one_file(&path, needles, seen)?;
        }
    }
    Ok(())
}

fn one_file(path: &Path, needles: &Needles, seen: &mut Seen) -> Result<(), Problem> {
    let file = match File::open(path) {
        Ok(file) => file,
        // A running database removes files.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Problem::file("could not read", path)(error)),
    };
    let length = file
        .metadata()
        .map_err(Problem::file("could not look at", path))?
        .len();
    pieces(&file, 0, length, needles, seen);
    Ok(())
}

/// Dumps the portal's database as text and searches that.
///
/// # Errors
/// When it cannot be dumped.
pub fn database(data: &Path, needles: &Needles) -> Result<Seen, Problem> {
    let unexpected = |problem: candour_embedded::Problem| Problem::Unexpected(problem.to_string());
    let file = data.join("secrets/postgres.password");
    let text = std::fs::read_to_string(&file).map_err(Problem::file("could not read", &file))?;
    let password = Secret::parse(text.trim())
        .ok_or_else(|| Problem::Unexpected(format!("{} holds no password", file.display())))?;
    let account: Account = owner_of(&data.join("postgres"))?;
    let cluster = Cluster::locate(Layout {
        folder: data.join("postgres"),
        sockets: data.join("run/postgres"),
        access: data.join("postgres.access"),
        account: account.clone(),
        durability: Durability::Durable,
    })
    .map_err(unexpected)?;
    let port = cluster.config(SUPERUSER, &password, "candour_portal");
    let port = port.get_ports().first().copied().unwrap_or(5432);
    let program = cluster.binaries().program("pg_dump");
    let mut command = std::process::Command::new(&program);
    command
        .arg("--host")
        .arg(&cluster.layout().sockets)
        .args(["--port", &port.to_string(), "--username", SUPERUSER])
        .arg("candour_portal")
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("PGPASSWORD", password.reveal())
        .current_dir("/");
    account.run(&mut command);
    let output = command
        .output()
        .map_err(Problem::file("could not start", &program))?;
    if !output.status.success() {
        return Err(Problem::Child {
            name: "pg_dump".to_owned(),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
        });
    }
    let mut seen = Seen::default();
    seen.bytes += u64::try_from(output.stdout.len()).unwrap_or(u64::MAX);
    needles.search(&output.stdout, &mut seen);
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::super::needles::Kind;
    use super::*;

    #[test]
    fn this_process_s_own_memory_is_searched() {
        let mark: String = ["held", "in", "memory", "of", "a", "test"].join("~");
        let mut needles = Needles::default();
        needles.add_text(Kind::Content, &mark);
        let seen = process(std::process::id(), &needles).unwrap();
        assert_eq!(seen.found().get(&Kind::Content), Some(&1));
        assert!(mark.len() > 8);
    }

    #[test]
    fn files_are_searched_across_pieces_and_those_left_out_are_not() {
        let place = tempfile::tempdir().unwrap();
        let (one, other) = (place.path().join("one"), place.path().join("other"));
        for folder in [&one, &other] {
            std::fs::create_dir(folder).unwrap();
        }
        let mut text = vec![b'.'; PIECE - 5];
        text.extend_from_slice(b"a mark at the seam");
        std::fs::write(one.join("file"), text).unwrap();
        std::fs::write(other.join("file"), "another mark of ours").unwrap();
        let mut needles = Needles::default();
        needles.add_text(Kind::Content, "a mark at the seam");
        needles.add_text(Kind::Title, "another mark of ours");
        let mut seen = Seen::default();
        files(place.path(), &[other], &needles, &mut seen).unwrap();
        assert_eq!(
            seen.found().into_iter().collect::<Vec<_>>(),
            [(Kind::Content, 1)]
        );
    }

    #[test]
    fn lines_of_maps_are_read() {
        assert_eq!(
            region("7f00-7f20 rw-p 00000000 00:00 0  [heap]"),
            Some((0x7f00, 0x7f20))
        );
        assert_eq!(region("7f00-7f20 ---p 00000000 00:00 0"), None);
        assert_eq!(region("7f00-7f20 r--p 00000000 00:00 0 [vvar]"), None);
    }
}
