//! A file system in memory that knows what it was told to keep, and fails or waits as a test wants.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

/// Nothing is remembered outside: after a loss of power everything is asked for anew.
const NOT_REMEMBERED: Duration = Duration::ZERO;

/// How the disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It is well.
    None,
    /// Every write fails (`EIO`).
    WritesFail,
    /// Every sync fails (`EIO`), and keeps nothing.
    SyncsFail,
    /// Every sync of a folder fails (`EIO`), so that no new name is kept.
    FolderSyncsFail,
    /// A sync waits until the disk is otherwise.
    SyncsWait,
}

/// The disk; its clones are the same one.
#[derive(Debug, Clone)]
pub(super) struct Disk(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// By number, less one: the root is the first.
    nodes: Vec<Node>,
    trouble: Trouble,
    waiting: Vec<(INodeNo, ReplyEmpty)>,
}

#[derive(Debug)]
struct Node {
    content: Content,
    mode: u16,
    uid: u32,
    gid: u32,
}

/// As it is now, and as it was when the disk was last told to keep it.
#[derive(Debug)]
enum Content {
    File {
        now: Vec<u8>,
        kept: Vec<u8>,
        /// What was written since.
        written: Range<usize>,
    },
    Folder {
        now: BTreeMap<OsString, INodeNo>,
        kept: BTreeMap<OsString, INodeNo>,
    },
}

impl Content {
    fn file() -> Self {
        Self::File {
            now: Vec::new(),
            kept: Vec::new(),
            written: 0..0,
        }
    }

    fn folder() -> Self {
        Self::Folder {
            now: BTreeMap::new(),
            kept: BTreeMap::new(),
        }
    }

    fn keep(&mut self) {
        match self {
            Self::File { now, kept, written } => {
                kept.resize(now.len(), 0);
                let end = written.end.min(now.len());
                let start = written.start.min(end);
                kept[start..end].copy_from_slice(&now[start..end]);
                *written = 0..0;
            }
            Self::Folder { now, kept } => kept.clone_from(now),
        }
    }

    fn forget(&mut self) {
        match self {
            Self::File { now, kept, written } => {
                now.clone_from(kept);
                *written = 0..0;
            }
            Self::Folder { now, kept } => now.clone_from(kept),
        }
    }

    /// A file's bytes become so many.
    fn resize(&mut self, size: usize) {
        if let Self::File { now, written, .. } = self {
            let old = now.len();
            now.resize(size, 0);
            if size > old {
                mark(written, old..size);
            }
        }
    }

    fn write(&mut self, offset: usize, data: &[u8]) {
        let end = offset + data.len();
        if let Self::File { now, .. } = self
            && end > now.len()
        {
            self.resize(end);
        }
        if let Self::File { now, written, .. } = self {
            now[offset..end].copy_from_slice(data);
            mark(written, offset..end);
        }
    }
}

fn mark(written: &mut Range<usize>, more: Range<usize>) {
    *written = if written.start == written.end {
        more
    } else {
        written.start.min(more.start)..written.end.max(more.end)
    };
}

impl Disk {
    /// An empty disk whose root belongs to an account.
    pub fn of(uid: u32, gid: u32) -> Self {
        let root = Node {
            content: Content::folder(),
            mode: 0o700,
            uid,
            gid,
        };
        Self(Arc::new(Mutex::new(State {
            nodes: vec![root],
            trouble: Trouble::None,
            waiting: Vec::new(),
        })))
    }

    pub fn turn(&self, trouble: Trouble) {
        let mut state = self.state();
        state.trouble = trouble;
        for (node, reply) in std::mem::take(&mut state.waiting) {
            state.sync(node, reply);
        }
    }

    pub fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// As if it had been told to keep everything; every file is the account's.
    pub fn keep_all(&self) {
        let mut state = self.state();
        let (uid, gid) = state
            .nodes
            .first()
            .map_or((0, 0), |root| (root.uid, root.gid));
        for node in &mut state.nodes {
            node.content.keep();
            (node.uid, node.gid) = (uid, gid);
        }
    }

    /// The power goes: only what was kept is there.
    pub fn forget(&self) {
        let mut state = self.state();
        for node in &mut state.nodes {
            node.content.forget();
        }
        state.trouble = Trouble::None;
        for (_, reply) in state.waiting.drain(..) {
            reply.error(Errno::EIO);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn node(&mut self, number: INodeNo) -> Result<&mut Node, Errno> {
        let at = usize::try_from(number.0).map_err(|_| Errno::ENOENT)?;
        let at = at.checked_sub(1).ok_or(Errno::ENOENT)?;
        self.nodes.get_mut(at).ok_or(Errno::ENOENT)
    }

    fn names(&mut self, folder: INodeNo) -> Result<&mut BTreeMap<OsString, INodeNo>, Errno> {
        match &mut self.node(folder)?.content {
            Content::Folder { now, .. } => Ok(now),
            Content::File { .. } => Err(Errno::ENOTDIR),
        }
    }

    fn named(&mut self, folder: INodeNo, name: &OsStr) -> Result<INodeNo, Errno> {
        let found = self.names(folder)?.get(name).copied();
        found.ok_or(Errno::ENOENT)
    }

    fn attributes(&mut self, number: INodeNo) -> Result<FileAttr, Errno> {
        let node = self.node(number)?;
        let (kind, size) = match &node.content {
            Content::File { now, .. } => (FileType::RegularFile, now.len() as u64),
            Content::Folder { .. } => (FileType::Directory, 0),
        };
        let never = SystemTime::UNIX_EPOCH;
        Ok(FileAttr {
            ino: number,
            size,
            blocks: size.div_ceil(512),
            atime: never,
            mtime: never,
            ctime: never,
            crtime: never,
            kind,
            perm: node.mode,
            nlink: 1,
            uid: node.uid,
            gid: node.gid,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        })
    }

    fn make(
        &mut self,
        request: &Request,
        (folder, name): (INodeNo, &OsStr),
        content: Content,
        mode: u32,
    ) -> Result<FileAttr, Errno> {
        if self.trouble == Trouble::WritesFail {
            return Err(Errno::EIO);
        }
        let number = INodeNo(self.nodes.len() as u64 + 1);
        if self.names(folder)?.contains_key(name) {
            return Err(Errno::EEXIST);
        }
        self.names(folder)?.insert(name.to_owned(), number);
        self.nodes.push(Node {
            content,
            mode: u16::try_from(mode & 0o7777).unwrap_or(0o600),
            uid: request.uid(),
            gid: request.gid(),
        });
        self.attributes(number)
    }

    fn sync(&mut self, number: INodeNo, reply: ReplyEmpty) {
        let is_folder = self.names(number).is_ok();
        match self.trouble {
            Trouble::SyncsWait => self.waiting.push((number, reply)),
            Trouble::SyncsFail => reply.error(Errno::EIO),
            Trouble::FolderSyncsFail if is_folder => reply.error(Errno::EIO),
            Trouble::None | Trouble::WritesFail | Trouble::FolderSyncsFail => {
                match self.node(number) {
                    Ok(node) => {
                        node.content.keep();
                        reply.ok();
                    }
                    Err(error) => reply.error(error),
                }
            }
        }
    }
}

fn done(outcome: Result<(), Errno>, reply: ReplyEmpty) {
    match outcome {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error),
    }
}

fn entry(outcome: Result<FileAttr, Errno>, reply: ReplyEntry) {
    match outcome {
        Ok(found) => reply.entry(&NOT_REMEMBERED, &found, Generation(0)),
        Err(error) => reply.error(error),
    }
}

impl Filesystem for Disk {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let mut state = self.state();
        let found = state.named(parent, name);
        entry(found.and_then(|number| state.attributes(number)), reply);
    }

    fn getattr(&self, _: &Request, number: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.state().attributes(number) {
            Ok(found) => reply.attr(&NOT_REMEMBERED, &found),
            Err(error) => reply.error(error),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        number: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut state = self.state();
        let changed = state.node(number).map(|node| {
            if let Some(mode) = mode.and_then(|mode| u16::try_from(mode & 0o7777).ok()) {
                node.mode = mode;
            }
            node.uid = uid.unwrap_or(node.uid);
            node.gid = gid.unwrap_or(node.gid);
            if let Some(size) = size.and_then(|size| usize::try_from(size).ok()) {
                node.content.resize(size);
            }
        });
        match changed.and_then(|()| state.attributes(number)) {
            Ok(found) => reply.attr(&NOT_REMEMBERED, &found),
            Err(error) => reply.error(error),
        }
    }

    fn mkdir(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        let place = (parent, name);
        let made = self
            .state()
            .make(request, place, Content::folder(), mode & !umask);
        entry(made, reply);
    }

    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let place = (parent, name);
        let made = self
            .state()
            .make(request, place, Content::file(), mode & !umask);
        match made {
            Ok(found) => reply.created(
                &NOT_REMEMBERED,
                &found,
                Generation(0),
                FileHandle(0),
                FopenFlags::empty(),
            ),
            Err(error) => reply.error(error),
        }
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let mut state = self.state();
        let gone = state.named(parent, name).and_then(|_| {
            state.names(parent)?.remove(name);
            Ok(())
        });
        done(gone, reply);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        _: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let mut state = self.state();
        if state.trouble == Trouble::WritesFail {
            return reply.error(Errno::EIO);
        }
        let moved = state.named(parent, name).and_then(|number| {
            state.names(parent)?.remove(name);
            state.names(new_parent)?.insert(new_name.to_owned(), number);
            Ok(())
        });
        done(moved, reply);
    }

    fn link(
        &self,
        _: &Request,
        number: INodeNo,
        new_parent: INodeNo,
        new_name: &OsStr,
        reply: ReplyEntry,
    ) {
        let mut state = self.state();
        if state.trouble == Trouble::WritesFail {
            return reply.error(Errno::EIO);
        }
        let linked = match state.names(new_parent) {
            Ok(names) if names.contains_key(new_name) => Err(Errno::EEXIST),
            Ok(names) => {
                names.insert(new_name.to_owned(), number);
                Ok(())
            }
            Err(error) => Err(error),
        };
        entry(linked.and_then(|()| state.attributes(number)), reply);
    }

    fn read(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let mut state = self.state();
        match state.node(number).map(|node| &node.content) {
            Ok(Content::File { now, .. }) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(now.len());
                let end = start.saturating_add(size as usize).min(now.len());
                reply.data(&now[start..end]);
            }
            Ok(Content::Folder { .. }) => reply.error(Errno::EISDIR),
            Err(error) => reply.error(error),
        }
    }

    fn write(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let mut state = self.state();
        if state.trouble == Trouble::WritesFail {
            return reply.error(Errno::EIO);
        }
        let offset = usize::try_from(offset).map_err(|_| Errno::EFBIG);
        let written = offset.and_then(|offset| {
            state.node(number)?.content.write(offset, data);
            u32::try_from(data.len()).map_err(|_| Errno::EFBIG)
        });
        match written {
            Ok(size) => reply.written(size),
            Err(error) => reply.error(error),
        }
    }

    fn fsync(&self, _: &Request, number: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.state().sync(number, reply);
    }

    fn fsyncdir(&self, _: &Request, number: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.state().sync(number, reply);
    }

    fn readdir(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let mut state = self.state();
        let names: Vec<(OsString, INodeNo)> = match state.names(number) {
            Ok(names) => names.clone().into_iter().collect(),
            Err(error) => return reply.error(error),
        };
        let skipped = usize::try_from(offset).unwrap_or(usize::MAX);
        for (place, (name, number)) in names.into_iter().enumerate().skip(skipped) {
            let kind = state
                .attributes(number)
                .map_or(FileType::RegularFile, |found| found.kind);
            if reply.add(number, place as u64 + 1, kind, name) {
                break;
            }
        }
        reply.ok();
    }
}
