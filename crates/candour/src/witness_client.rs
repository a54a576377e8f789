//! `candour witness-client`: shows each new checkpoint to the configured witnesses, and brings what they cosigned.
//!
//! A process and an OS user of its own, because it is the one that goes out: it reads only what anybody may see of the
//! ledger, holds no key, and writes two files that the keeper reads and does not believe (`docs/formats/tiles.md`).

mod way;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use candour_ledger::{
    Checkpoint, FromTiles, Hash, Note, ProofError, Tile, WitnessVerifier, continued,
};
use futures_util::future::join_all;
use http::StatusCode;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::configuration::Witness;
use crate::{Configuration, Problem};
use way::{Unreached, Way};

/// How long between two looks at the ledger.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a witness that did not cosign is left alone at first, and at most.
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(30);

/// Why a witness did not cosign.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Unreached(#[from] Unreached),
    #[error("it answered {0}: {1}")]
    Refused(StatusCode, String),
    #[error("what it answered is no cosignature of its key")]
    Foreign,
    #[error(
        "it has seen {0} entries of this ledger that are not these: the ledger may have been rolled back"
    )]
    Conflict(u64),
    #[error("somebody else showed it a newer checkpoint")]
    Overtaken,
    #[error("the ledger's tiles do not lead to its checkpoint, so nothing can be shown to it")]
    Tiles(#[source] Unproved),
}

/// Why tiles give no proof.
#[derive(Debug, thiserror::Error)]
enum Unproved {
    #[error(transparent)]
    Proof(#[from] ProofError),
    #[error("{0}: {1}")]
    File(PathBuf, std::io::Error),
}

/// A checkpoint as it stands in the public folder. Whoever reads it does not know the log's key; witnesses do.
#[derive(Clone, PartialEq, Eq)]
struct Shown {
    note: String,
    checkpoint: Checkpoint,
}

/// One witness, and how it stands with it.
struct Asked {
    name: String,
    key: WitnessVerifier,
    way: Way,
    /// Entries of the newest checkpoint that it cosigned, as far as is known.
    size: u64,
    /// Its line below the checkpoint that is shown now.
    line: Option<String>,
    /// Entries that it saw of another past; 0 where nothing is wrong.
    conflict: u64,
    rest: Duration,
    rests_until: Option<Instant>,
    said: String,
}

/// Shows checkpoints until `stop`.
///
/// # Errors
/// When no witness is configured, or one of them wrongly.
pub async fn run(
    data: &Path,
    configuration: &Configuration,
    stop: CancellationToken,
) -> Result<(), Problem> {
    let connections = TaskTracker::new();
    let of = |witness: &Witness| Asked::of(witness, &connections);
    let mut asked: Vec<Asked> = configuration
        .witnesses
        .iter()
        .map(of)
        .collect::<Result<_, _>>()?;
    if asked.is_empty() {
        return Err(Problem::Machine(
            "candour.json names no witnesses, so there is nobody to ask".to_owned(),
        ));
    }
    let folder = Folder {
        ledger: data.join("ledger"),
        brought: data.join("witnesses"),
    };
    let mut shown = None;
    loop {
        if let Some(newest) = folder.newest() {
            if shown.as_ref() != Some(&newest) {
                for one in &mut asked {
                    one.line = None;
                }
                shown = Some(newest.clone());
            }
            round(&folder, &newest, &mut asked).await;
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// Shows one checkpoint to everybody who has not cosigned it, and brings what came.
async fn round(folder: &Folder, shown: &Shown, asked: &mut [Asked]) {
    let now = Instant::now();
    let waiting = asked
        .iter_mut()
        .filter(|one| one.line.is_none() && one.rests_until.is_none_or(|until| until <= now));
    let tried = join_all(waiting.map(|one| one.try_it(folder, shown))).await;
    if tried.is_empty() {
        return;
    }
    let conflicts = asked.iter().filter(|one| one.conflict > 0);
    let conflicts = conflicts.fold(String::new(), |mut text, one| {
        let _ = writeln!(text, "{} {}", one.key.name(), one.conflict);
        text
    });
    let lines: String = asked.iter().filter_map(|one| one.line.as_deref()).collect();
    let cosigned = (!lines.is_empty()).then(|| format!("{}{lines}", shown.note));
    let kept = folder
        .put("conflicts", &conflicts)
        .and_then(|()| cosigned.map_or(Ok(()), |note| folder.put("cosigned", &note)));
    if let Err(error) = kept {
        tracing::error!(%error, folder = %folder.brought.display(), "what witnesses cosigned cannot be brought");
    }
}

impl Asked {
    fn of(witness: &Witness, connections: &TaskTracker) -> Result<Self, Problem> {
        let Witness { name, url, key } = witness;
        let wrong = |why: String| {
            Problem::Machine(format!(
                "candour.json: the witness {name}: {why}. Take its address and its verifier key from whoever runs it"
            ))
        };
        Ok(Self {
            name: name.clone(),
            key: WitnessVerifier::parse(key).map_err(|error| wrong(error.to_string()))?,
            way: Way::to(url, connections.clone()).map_err(|error| wrong(error.to_string()))?,
            size: 0,
            line: None,
            conflict: 0,
            rest: FIRST_REST,
            rests_until: None,
            said: String::new(),
        })
    }

    async fn try_it(&mut self, folder: &Folder, shown: &Shown) {
        let failed = match self.ask(folder, shown).await {
            Ok(line) => {
                self.line = Some(line);
                (self.size, self.conflict) = (shown.checkpoint.size, 0);
                (self.rest, self.rests_until) = (FIRST_REST, None);
                if !self.said.is_empty() {
                    tracing::info!(witness = self.name, "a witness cosigns again");
                    self.said.clear();
                }
                return;
            }
            Err(failed) => failed,
        };
        if let Failed::Conflict(size) = failed {
            self.conflict = size;
        }
        self.rests_until = Some(Instant::now() + self.rest);
        self.rest = (self.rest * 2).min(LONGEST_REST);
        let said = crate::problem::sentence(&failed);
        // Said once and not every second.
        if said != self.said {
            tracing::error!(witness = self.name, why = said, "a witness did not cosign");
            self.said = said;
        }
    }

    /// The witness's signature line. Asked twice where it has another size than was thought.
    async fn ask(&mut self, folder: &Folder, shown: &Shown) -> Result<String, Failed> {
        let size = shown.checkpoint.size;
        for _ in 0..2 {
            if self.size > size {
                return Err(folder.ahead(self.size));
            }
            let proof = folder
                .proof(self.size, &shown.checkpoint)
                .map_err(Failed::Tiles)?;
            let body = body(self.size, &proof, &shown.note);
            let answered = self.way.post(body).await?;
            match answered.status {
                StatusCode::OK => return self.own_line(&answered.body, &shown.note),
                StatusCode::CONFLICT if answered.is_size => {
                    let has = answered.body.trim_end().parse();
                    self.size = has.map_err(|_| Failed::Foreign)?;
                }
                // The proof is right, so what the witness saw was another past.
                StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => {
                    return Err(Failed::Conflict(self.size));
                }
                status => {
                    let first = answered.body.lines().next().unwrap_or_default();
                    let few = first.chars().filter(|char| !char.is_control()).take(200);
                    return Err(Failed::Refused(status, few.collect()));
                }
            }
        }
        if self.size > size {
            return Err(folder.ahead(self.size));
        }
        Err(Failed::Overtaken)
    }

    /// Of the lines that were answered the one of the key that is configured.
    fn own_line(&self, lines: &str, note: &str) -> Result<String, Failed> {
        let is_own = |line: &&str| {
            let with = format!("{note}{line}");
            let with = Note::parse(&with);
            with.is_ok_and(|with| matches!(self.key.cosigned(&with), Ok(Some(_))))
        };
        let mut lines = lines.split_inclusive('\n');
        lines.find(is_own).map(str::to_owned).ok_or(Failed::Foreign)
    }
}

fn body(old: u64, proof: &[Hash], note: &str) -> String {
    let mut body = format!("old {old}\n");
    for hash in proof {
        let _ = writeln!(body, "{}", STANDARD.encode(hash.as_bytes()));
    }
    body + "\n" + note
}

/// The public folder, and where cosignatures are brought to.
struct Folder {
    ledger: PathBuf,
    brought: PathBuf,
}

impl Folder {
    fn newest(&self) -> Option<Shown> {
        let note = fs::read_to_string(self.ledger.join("checkpoint")).ok()?;
        let checkpoint = Checkpoint::parse(Note::parse(&note).ok()?.text).ok()?;
        Some(Shown { note, checkpoint })
    }

    /// A witness that has seen more than what is shown: by now there may be as much; else there once was.
    fn ahead(&self, size: u64) -> Failed {
        match self.newest() {
            Some(newest) if newest.checkpoint.size >= size => Failed::Overtaken,
            _ => Failed::Conflict(size),
        }
    }

    /// The proof that a checkpoint continues the first `old` entries, checked before anybody else does.
    fn proof(&self, old: u64, new: &Checkpoint) -> Result<Vec<Hash>, Unproved> {
        if old == 0 || old == new.size {
            return Ok(Vec::new());
        }
        let read = |tile: &Tile| {
            // A narrow one goes when the full one is there.
            let full = self.ledger.join(tile.filled().to_string());
            fs::read(self.ledger.join(tile.to_string()))
                .or_else(|_| fs::read(&full))
                .map_err(|error| Unproved::File(full, error))
        };
        let source = FromTiles {
            size: new.size,
            read,
        };
        Ok(continued(old, new.size, &new.root, &source)?.1)
    }

    /// Puts a file in place at once; the same content is not written again.
    fn put(&self, name: &str, content: &str) -> std::io::Result<()> {
        let file = self.brought.join(name);
        if fs::read_to_string(&file).is_ok_and(|there| there == content) {
            return Ok(());
        }
        let fresh = file.with_extension("incoming");
        fs::write(&fresh, content)?;
        fs::rename(&fresh, &file)
    }
}
