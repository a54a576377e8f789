//! Witnesses: programs of others that saw the ledger grow, and what nobody saw grow is not added to for ever.
//!
//! Whoever brings their cosignatures (`candour witness-client`) is not believed: each is verified here with the key of
//! the keeper's own configuration, over a checkpoint that the ledger continues. Bytes and files: `docs/formats/tiles.md`.

use crate::checkpoint::keep;
use crate::draft::Draft;
use crate::ledger::{WITNESS, incident};
use crate::tiles::{COSIGNED, PublicTiles, PublishError, failed, gone, set_aside};
use candour_keeper_wire::wire;
use candour_ledger::checkpoint::LARGEST_NOTE;
use candour_ledger::{Checkpoint, KeyError, Note, WitnessVerifier};
use rustix::fs::{Mode, OFlags, open};
use serde::Deserialize;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where the one who brings them says which witness refused, and how many entries that one has seen.
const CONFLICTS: &str = "conflicts";

/// Who must have seen the ledger; in `candour.json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct WitnessTable {
    /// The witnesses; none.
    pub witnesses: Vec<Named>,
    /// How many must have cosigned; more than half of them. 0: nothing waits for them.
    pub witness_quorum: Option<usize>,
    /// Most entries beyond the newest that so many cosigned, before nothing opens; 50,000.
    pub most_unwitnessed_entries: u64,
}

impl Default for WitnessTable {
    fn default() -> Self {
        Self {
            witnesses: Vec::new(),
            witness_quorum: None,
            most_unwitnessed_entries: 50_000,
        }
    }
}

/// A witness in the configuration; where it is asked is not the keeper's.
#[derive(Debug, Clone, Deserialize)]
pub struct Named {
    /// What people call it.
    pub name: String,
    /// Its verifier key.
    pub key: String,
}

/// Why the configured witnesses do not serve.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// A key.
    #[error(
        "candour.json: the key of the witness {0}: {1}. Take the line that the witness prints when it starts"
    )]
    Key(String, KeyError),
    /// One key twice would count twice.
    #[error(
        "candour.json names the key of the witness {0} twice. Take one of them away: a key counts once"
    )]
    Twice(String),
    /// Nothing would ever open.
    #[error(
        "candour.json sets witness_quorum to {quorum} with {count} witnesses and most_unwitnessed_entries to {most}, \
         so nothing would ever open. Set a quorum of at most {count} and a limit of at least 1"
    )]
    Never {
        /// Needed.
        quorum: usize,
        /// Configured.
        count: usize,
        /// The limit.
        most: u64,
    },
}

/// What one witness is known to have seen.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    size: u64,
    at_seconds: u64,
    /// It saw so many entries of another past of this ledger, as its own cosignature shows.
    proved: u64,
    /// The same, or what whoever brings cosignatures says of its refusal; 0 where nothing is wrong.
    conflict: u64,
    is_alarmed: bool,
}

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    /// The size that enough of them cosigned.
    cosigned: u64,
    /// What was brought last, once it was looked at.
    brought: Option<String>,
    stops: bool,
    trouble: String,
}

/// What a cosigned checkpoint comes to.
struct Taken {
    size: u64,
    /// The ledger continues it.
    is_ours: bool,
    /// As many witnesses cosigned it as are needed.
    is_enough: bool,
}

/// The configured witnesses and what they have seen.
pub struct Witnesses {
    known: Vec<(String, WitnessVerifier)>,
    quorum: usize,
    most: u64,
    folder: PathBuf,
    tiles: Arc<PublicTiles>,
    state: Mutex<State>,
    /// Something opens while the ledger has fewer entries.
    ends: AtomicU64,
}

impl Witnesses {
    /// The witnesses of a configuration; `folder` is where cosignatures are brought to. Knows what was cosigned before.
    pub fn new(
        table: &WitnessTable,
        folder: PathBuf,
        tiles: Arc<PublicTiles>,
    ) -> Result<Self, WitnessError> {
        let mut known: Vec<(String, WitnessVerifier)> = Vec::new();
        for Named { name, key } in &table.witnesses {
            let key = WitnessVerifier::parse(key);
            let key = key.map_err(|error| WitnessError::Key(name.clone(), error))?;
            if known.iter().any(|(_, other)| other.is_key_of(&key)) {
                return Err(WitnessError::Twice(name.clone()));
            }
            known.push((name.clone(), key));
        }
        let (count, most) = (known.len(), table.most_unwitnessed_entries);
        let more_than_half = if count == 0 { 0 } else { count / 2 + 1 };
        let quorum = table.witness_quorum.unwrap_or(more_than_half);
        if quorum > count || (quorum > 0 && most == 0) {
            return Err(WitnessError::Never {
                quorum,
                count,
                most,
            });
        }
        let state = State {
            seen: vec![Seen::default(); count],
            ..State::default()
        };
        let witnesses = Self {
            known,
            quorum,
            most,
            folder,
            tiles,
            state: Mutex::new(state),
            ends: AtomicU64::new(u64::MAX),
        };
        witnesses.refresh(&mut witnesses.state());
        Ok(witnesses)
    }

    /// Whether something may be released with so many entries in the ledger.
    pub fn let_open(&self, entries: u64) -> bool {
        entries < self.ends.load(Ordering::Acquire)
    }

    /// Reads what was brought, publishes what enough witnesses cosigned, and answers the alarms that are to be written.
    /// Waits for the disk.
    pub fn look(&self, entries: u64) -> Vec<Draft> {
        let state = &mut *self.state();
        self.refresh(state);
        let (cosigned, stops) = (state.cosigned, !self.let_open(entries));
        if stops && !state.stops {
            tracing::error!(
                entries,
                cosigned,
                most = self.most,
                "too few witnesses have seen the newest entries, so nothing opens until they have. Look at the log \
                 of witness-client, and ring who runs the witnesses"
            );
        } else if state.stops && !stops {
            tracing::info!(
                entries,
                cosigned,
                "witnesses have seen enough: records open again"
            );
        }
        state.stops = stops;
        self.alarms(state)
    }

    fn refresh(&self, state: &mut State) {
        let followed = self.follow(state);
        let trouble = followed.map_or_else(|error| error.to_string(), |()| String::new());
        if trouble != state.trouble && !trouble.is_empty() {
            tracing::error!(error = %trouble, "cosignatures of witnesses cannot be taken over");
        }
        state.trouble = trouble;
        self.hear(state);
        if self.quorum > 0 {
            let ends = state.cosigned.saturating_add(self.most);
            self.ends.store(ends, Ordering::Release);
        }
    }

    /// What the trust page says; `None` where no witness is configured.
    pub(crate) fn status(&self) -> Option<wire::Witnessing> {
        let state = self.state();
        let witnesses = self.known.iter().zip(&state.seen);
        (!self.known.is_empty()).then(|| wire::Witnessing {
            witnesses: witnesses
                .map(|((name, key), seen)| wire::Witness {
                    name: name.clone(),
                    key: key.to_string(),
                    size: seen.size,
                    at_seconds: seen.at_seconds,
                    conflict: seen.conflict,
                })
                .collect(),
            quorum: u32::try_from(self.quorum).unwrap_or(u32::MAX),
            most_entries: self.most,
            cosigned: state.cosigned,
            stops: state.stops,
        })
    }

    /// Who must have seen the ledger, for the entry of the start: one person can set it, so it cannot be hidden.
    pub(crate) fn in_words(&self) -> String {
        let (quorum, count, most) = (self.quorum, self.known.len(), self.most);
        let keys = self.known.iter();
        keys.fold(String::new(), |words, (_, key)| match words.as_str() {
            "" => format!("; {quorum} of {count} witnesses within {most} entries: {key}"),
            _ => format!("{words}, {key}"),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follow(&self, state: &mut State) -> Result<(), PublishError> {
        let path = self.tiles.folder.join(COSIGNED);
        if self.known.is_empty() {
            // What was cosigned once says nothing of today.
            return gone(&path, fs::remove_file(&path));
        }
        // INVARIANT: only the file that is public counts, so a start knows what the keeper before it knew.
        let own = read(&path);
        state.cosigned = match own
            .as_deref()
            .map(|note| self.take(state, note))
            .transpose()?
        {
            Some(Some(taken)) if !taken.is_ours => {
                set_aside(&self.tiles.folder, COSIGNED, taken.size)?;
                0
            }
            Some(Some(taken)) if taken.is_enough => taken.size,
            _ => 0,
        };
        let brought = read(&self.folder.join(COSIGNED));
        if brought == state.brought {
            return Ok(());
        }
        if let Some(note) = &brought {
            match self.take(state, note)? {
                Some(taken) if taken.is_ours && taken.is_enough => {
                    if taken.size >= state.cosigned && brought != own {
                        keep(&path, note.as_bytes()).map_err(|error| failed(&path, error))?;
                        state.cosigned = taken.size;
                    }
                }
                Some(_) => {}
                None => {
                    tracing::error!(
                        "what was brought is no cosigned checkpoint; it is passed over"
                    );
                }
            }
        }
        state.brought = brought;
        Ok(())
    }

    /// Looks at a checkpoint that has no signatures but the log's and witnesses'. `None` where one of them is not good.
    fn take(&self, state: &mut State, note: &str) -> Result<Option<Taken>, PublishError> {
        let Some((checkpoint, times)) = self.cosigned(note) else {
            return Ok(None);
        };
        let (size, is_ours) = (checkpoint.size, self.tiles.continues(&checkpoint)?);
        for (seen, at) in state.seen.iter_mut().zip(&times) {
            // The newest word of each, so that one which was made to forget another past can be heard again.
            if let Some(at_seconds) = at.filter(|at| *at >= seen.at_seconds) {
                seen.at_seconds = at_seconds;
                (seen.size, seen.proved) = if is_ours {
                    (size, 0)
                } else {
                    (seen.size, size)
                };
            }
        }
        let is_enough = times.iter().flatten().count() >= self.quorum.max(1);
        Ok(Some(Taken {
            size,
            is_ours,
            is_enough,
        }))
    }

    /// What a note says, and when each witness cosigned it, if it did.
    fn cosigned(&self, text: &str) -> Option<(Checkpoint, Vec<Option<u64>>)> {
        let checkpoint = self.tiles.verifier.open(text).ok()?;
        let note = Note::parse(text).ok()?;
        let times = self.known.iter().map(|(_, key)| key.cosigned(&note));
        let times: Vec<Option<u64>> = times.collect::<Result<_, _>>().ok()?;
        let are_known = note.signatures() == 1 + times.iter().flatten().count();
        (are_known && note.signatures() > 1).then_some((checkpoint, times))
    }

    /// Takes over which witnesses refused. That is the word of whoever brings it, so nothing but an alarm follows.
    fn hear(&self, state: &mut State) {
        let refused = read(&self.folder.join(CONFLICTS)).unwrap_or_default();
        for ((_, key), seen) in self.known.iter().zip(&mut state.seen) {
            let of_this = |line: &str| {
                line.strip_prefix(key.name())?
                    .strip_prefix(' ')?
                    .parse()
                    .ok()
            };
            let said = refused.lines().find_map(of_this).unwrap_or(0);
            seen.conflict = seen.proved.max(said);
        }
    }

    /// One entry for each witness and start, however often it is said.
    fn alarms(&self, state: &mut State) -> Vec<Draft> {
        let seen = self.known.iter().zip(&mut state.seen);
        let new = seen.filter(|(_, seen)| seen.conflict > 0 && !seen.is_alarmed);
        let alarm = |((name, _), seen): (&(String, _), &mut Seen)| {
            seen.is_alarmed = true;
            let size = seen.conflict;
            let text = format!(
                "the witness {name} has seen {size} entries of this ledger that are not these"
            );
            tracing::error!(
                "{text}: the ledger may have been rolled back; docs/operate/witness.md says what to do"
            );
            incident(WITNESS, "witness", text)
        };
        new.map(alarm).collect()
    }
}

/// What somebody else left there, whoever that is by now: never a pipe to wait at, a link elsewhere, or more than a note.
fn read(path: &Path) -> Option<String> {
    let how = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(open(path, how, Mode::empty()).ok()?);
    let (most, mut text) = (u64::try_from(LARGEST_NOTE).ok()?, String::new());
    file.take(most).read_to_string(&mut text).ok()?;
    Some(text)
}
