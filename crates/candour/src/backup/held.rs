//! Folders that are held open: what is reached through them is reached without following a link.
//!
//! A backup runs as root through folders in which the parts' accounts write. Whoever took one of those accounts over
//! could put a link where a file was, before root looks or between its looking and its opening, and root would copy the
//! root key into the backup as one of theirs. Here a name is looked up in a folder that is open already and stands for
//! nothing but what lies in it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, open, openat, statat};

/// An open folder.
pub struct Held(OwnedFd);

/// A plain file, open, as it was when it was opened.
pub struct Plain {
    /// Open for reading from its start.
    pub file: File,
    /// Its length in bytes.
    pub length: u64,
    /// Its mode, without the kind of file.
    pub mode: u32,
    /// The number of the user it belongs to.
    pub owner: u32,
}

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

impl Held {
    /// The folder from which everything is looked up; links on the way to it are the operator's own.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(open(path, FOLDER, Mode::empty())?))
    }

    /// A folder in it.
    pub fn folder(&self, name: &OsStr) -> io::Result<Self> {
        let flags = FOLDER | OFlags::NOFOLLOW;
        Ok(Self(openat(&self.0, one(name)?, flags, Mode::empty())?))
    }

    /// What has that name; a link is a link.
    pub fn kind(&self, name: &OsStr) -> io::Result<FileType> {
        let about = statat(&self.0, one(name)?, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(kind_of(&about))
    }

    /// A plain file in it; anything else is refused, without waiting for whoever might be at the other end of a pipe.
    pub fn file(&self, name: &OsStr) -> io::Result<Plain> {
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = openat(&self.0, one(name)?, flags, Mode::empty())?;
        let about = fstat(&opened)?;
        if kind_of(&about) != FileType::RegularFile {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(Plain {
            file: opened.into(),
            length: u64::try_from(about.st_size).unwrap_or(0),
            mode: about.st_mode & 0o777,
            owner: about.st_uid,
        })
    }

    /// What lies in it, in order.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let name = OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }
}

fn kind_of(about: &Stat) -> FileType {
    FileType::from_raw_mode(about.st_mode)
}

/// A name and not a way through other folders.
fn one(name: &OsStr) -> io::Result<&OsStr> {
    if name == ".." || name.as_bytes().contains(&b'/') {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn place() -> (tempfile::TempDir, Held) {
        let place = tempfile::tempdir().unwrap();
        for folder in ["keeper", "room"] {
            fs::create_dir(place.path().join(folder)).unwrap();
        }
        fs::write(place.path().join("keeper/root.key"), "secret").unwrap();
        fs::write(place.path().join("room/code.key"), "mine").unwrap();
        let held = Held::open(place.path()).unwrap();
        (place, held)
    }

    #[test]
    fn a_link_put_in_place_of_a_file_or_folder_is_not_followed() {
        let (place, held) = place();
        let room = held.folder("room".as_ref()).unwrap();
        symlink("../keeper/root.key", place.path().join("room/planted")).unwrap();
        symlink("keeper", place.path().join("planted")).unwrap();
        assert!(room.file("planted".as_ref()).is_err());
        assert!(held.folder("planted".as_ref()).is_err());
        assert_eq!(held.kind("planted".as_ref()).unwrap(), FileType::Symlink);
        for name in ["../keeper/root.key", "..", "keeper/root.key"] {
            assert!(room.file(name.as_ref()).is_err(), "{name}");
            assert!(held.folder(name.as_ref()).is_err(), "{name}");
        }
    }

    #[test]
    fn a_folder_swapped_for_a_link_while_it_is_held_stays_the_one_that_was_opened() {
        let (place, held) = place();
        let room = held.folder("room".as_ref()).unwrap();
        fs::rename(place.path().join("room"), place.path().join("away")).unwrap();
        symlink("keeper", place.path().join("room")).unwrap();
        assert_eq!(room.names().unwrap(), ["code.key"]);
        assert!(room.file("root.key".as_ref()).is_err());
        assert_eq!(room.file("code.key".as_ref()).unwrap().length, 4);
    }

    #[test]
    fn a_pipe_is_refused_at_once() {
        let (place, held) = place();
        let pipe = place.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert!(held.file("pipe".as_ref()).is_err());
    }
}
