//! Processes that may call: a credential each, issued by the supervisor, kept here as a hash.

use candour_seal::{Digest, InstanceId};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What a process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InstanceKind {
    /// Faces the internet.
    Portal,
    /// Jobs, mail, letters.
    Worker,
    /// The incident room.
    Room,
    /// The operator's bulk import.
    Import,
    /// A drill's own traffic; a portal in everything.
    Drill,
}

impl InstanceKind {
    /// The kind that a process's name begins with: `portal`, `portal-2`, `worker`, `room`, `import`, `drill`.
    fn named(name: &str) -> Option<Self> {
        Some(match name.split('-').next()? {
            "portal" => Self::Portal,
            "worker" => Self::Worker,
            "room" => Self::Room,
            "import" => Self::Import,
            "drill" => Self::Drill,
            _ => return None,
        })
    }
}

/// One process that may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Names it in the ledger.
    pub id: InstanceId,
    /// What it is for.
    pub kind: InstanceKind,
}

/// One line of `instances.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InstanceLine {
    /// A name for people.
    pub name: String,
    /// What it is for; absent: as its name says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<InstanceKind>,
    /// 32 hexadecimal digits; names it in the ledger.
    pub instance: String,
    /// SHA-256 of its credential, 64 hexadecimal digits.
    pub credential_sha256: String,
    /// The only OS user it may run as; absent: any that reaches the socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
}

impl InstanceLine {
    /// The line of a process with this credential.
    pub fn of(
        name: &str,
        kind: InstanceKind,
        instance: InstanceId,
        credential: &[u8],
        uid: Option<u32>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            kind: Some(kind),
            instance: instance.to_string(),
            credential_sha256: Digest::of(credential).to_string(),
            uid,
        }
    }
}

/// The file of processes that may call; read at each greeting, so that the supervisor can add one.
#[derive(Debug, Clone)]
pub struct Instances(PathBuf);

impl Instances {
    /// The file at this path.
    pub fn at(path: &Path) -> Self {
        Self(path.to_path_buf())
    }

    /// The process with this credential that runs as `uid`.
    pub fn find(&self, credential: &[u8], uid: Option<u32>) -> Option<Instance> {
        let asked = Digest::of(credential);
        let line = self.lines().into_iter().find(|line| {
            // Digests of 32 random bytes: comparing them tells nothing.
            line.credential_sha256 == asked.to_string()
                && line.uid.is_none_or(|only| Some(only) == uid)
        })?;
        Some(Instance {
            id: line.instance.parse().ok()?,
            kind: line.kind.or_else(|| InstanceKind::named(&line.name))?,
        })
    }

    /// The OS users of the processes that may call.
    pub fn users(&self) -> Vec<u32> {
        self.lines()
            .into_iter()
            .filter_map(|line| line.uid)
            .collect()
    }

    /// Every line; none where the file does not read.
    pub(crate) fn lines(&self) -> Vec<InstanceLine> {
        let read = fs::read(&self.0).ok();
        read.and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }

    /// Writes the file anew: what the supervisor does before it starts its children.
    pub fn write(&self, lines: &[InstanceLine]) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(lines).map_err(io::Error::other)?;
        let draft = self.0.with_extension("incoming");
        fs::write(&draft, text)?;
        fs::rename(draft, &self.0)
    }
}
