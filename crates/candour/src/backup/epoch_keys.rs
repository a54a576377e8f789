//! The keeper's epoch keys, in a file of their own beside the backups: each backup replaces it.
//!
//! Everything about people hangs on them. The keeper destroys one when no backup that is still kept needs it; were it in
//! the backups too, whoever kept one too long would keep what was erased. Each is wrapped by the root key.

use std::fs;
use std::path::{Path, PathBuf};

use candour_embedded::cluster::epoch_keys::{Row, all, put_back};
use candour_embedded::cluster::{Client, Error};
use candour_seal::{EpochKey, RootKey, unwrap};

use super::Draft;
use super::problem::BackupProblem;
use crate::Problem;

/// How the file begins.
const FORM: &str = "candour-epoch-keys-1";

/// An epoch key as a line of the file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    scope: [u8; 16],
    epoch: i32,
    made_at: i64,
    wrapped: Vec<u8>,
}

/// The epoch keys of an installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochKeys(Vec<Line>);

/// The file's name beside the backups of an installation.
pub fn name(installation: &[u8]) -> String {
    let id = base16ct::lower::encode_string(installation);
    format!("candour-{}.epoch-keys", id.get(..16).unwrap_or(&id))
}

fn unread(error: &Error) -> Problem {
    BackupProblem::Database {
        database: "keeper",
        doing: "asked for its epoch keys",
        said: error.to_string(),
    }
    .into()
}

/// Writes the keys that the keeper's database has into the file, in the place of those before.
///
/// # Errors
/// When the file has keys that this database never had: nothing is replaced then.
pub async fn save(client: &Client, file: &Path) -> Result<(), Problem> {
    let rows = all(client).await.map_err(|error| unread(&error))?;
    if let Some(before) = read_if_there(file)?
        && !before.0.iter().all(|line| is_known(&rows, line))
    {
        return Err(BackupProblem::OtherEpochKeys(file.to_path_buf()).into());
    }
    let lines = rows.into_iter().filter_map(|row| {
        Some(Line {
            scope: row.scope,
            epoch: row.epoch,
            made_at: row.made_at,
            wrapped: row.wrapped?,
        })
    });
    let draft = Draft::beside(file)?;
    let text = EpochKeys(lines.collect()).to_text();
    let unwritten = Problem::file("could not write", file);
    std::io::Write::write_all(&mut &draft.file, text.as_bytes())
        .and_then(|()| draft.file.sync_all())
        .and_then(|()| fs::rename(&draft.path, file))
        .and_then(|()| fs::File::open(file.parent().unwrap_or(file))?.sync_all())
        .map_err(unwritten)
}

/// The same key, or one that was destroyed since.
fn is_known(rows: &[Row], line: &Line) -> bool {
    rows.iter().any(|row| {
        let is_its = row.scope == line.scope && row.epoch == line.epoch;
        let is_same = row.wrapped.as_ref() == Some(&line.wrapped);
        is_its && (is_same || row.wrapped.is_none() && row.is_destroyed)
    })
}

fn read_if_there(file: &Path) -> Result<Option<EpochKeys>, Problem> {
    if file.exists() {
        EpochKeys::read(file).map(Some)
    } else {
        Ok(None)
    }
}

impl EpochKeys {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or is none.
    pub fn read(file: &Path) -> Result<Self, Problem> {
        let text = fs::read_to_string(file).map_err(Problem::file("could not read", file))?;
        Self::parse(&text).ok_or_else(|| BackupProblem::NotEpochKeys(file.to_path_buf()).into())
    }

    fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(FORM)?.strip_prefix('\n')?;
        // Cut short, it would be a file of fewer keys.
        let rest = rest.strip_suffix("end\n")?;
        rest.lines()
            .map(Line::parse)
            .collect::<Option<_>>()
            .map(Self)
    }

    fn to_text(&self) -> String {
        let lines = self.0.iter().map(Line::to_text);
        format!("{FORM}\n{}end\n", lines.collect::<String>())
    }

    /// Whether each of them is wrapped by this root key.
    pub fn are_of(&self, root: &RootKey) -> bool {
        self.0.iter().all(|line| {
            // As the keeper wraps them; docs/formats/sealed.md has the rule.
            let place = [b"epoch".as_slice(), &line.scope, &line.epoch.to_be_bytes()].concat();
            unwrap::<_, EpochKey>(root, &place, &line.wrapped).is_ok()
        })
    }

    /// Puts them into a keeper's database that was filled from a backup.
    ///
    /// # Errors
    /// When something in it hangs on a key that is not among them.
    pub async fn put_back(self, client: &Client, file: PathBuf) -> Result<(), Problem> {
        let rows = self.0.into_iter().map(|line| Row {
            scope: line.scope,
            epoch: line.epoch,
            made_at: line.made_at,
            is_destroyed: false,
            wrapped: Some(line.wrapped),
        });
        let rows: Vec<Row> = rows.collect();
        let missing = put_back(client, &rows)
            .await
            .map_err(|error| unread(&error))?;
        if missing.is_empty() {
            return Ok(());
        }
        Err(BackupProblem::EpochKeysMissing { file, missing }.into())
    }
}

impl Line {
    fn parse(line: &str) -> Option<Self> {
        let mut parts = line.split(' ');
        let mut part = || parts.next();
        let bytes = |digits: &str| base16ct::lower::decode_vec(digits).ok();
        let read = Self {
            scope: bytes(part()?)?.try_into().ok()?,
            epoch: part()?.parse().ok()?,
            made_at: part()?.parse().ok()?,
            wrapped: bytes(part()?)?,
        };
        parts.next().is_none().then_some(read)
    }

    fn to_text(&self) -> String {
        let (scope, wrapped) = (
            base16ct::lower::encode_string(&self.scope),
            base16ct::lower::encode_string(&self.wrapped),
        );
        format!("{scope} {} {} {wrapped}\n", self.epoch, self.made_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candour_seal::{SystemRandom, wrap};

    fn keys(root: &RootKey) -> EpochKeys {
        let line = |epoch: i32| {
            let rng = &mut SystemRandom;
            let place = [b"epoch".as_slice(), &[0; 16], &epoch.to_be_bytes()].concat();
            let key = EpochKey::generate(rng);
            Line {
                scope: [0; 16],
                epoch,
                made_at: 1,
                wrapped: wrap(root, &place, &key, rng).to_vec(),
            }
        };
        EpochKeys(vec![line(2)])
    }

    #[test]
    fn a_file_reads_back_and_no_cut_or_other_root_goes_unseen() {
        let root = RootKey::from_bytes(&[7; 32]);
        let keys = keys(&root);
        let text = keys.to_text();
        assert_eq!(EpochKeys::parse(&text), Some(keys.clone()));
        assert!(keys.are_of(&root));
        assert!(!keys.are_of(&RootKey::from_bytes(&[8; 32])));
        for cut in 0..text.len() {
            assert_eq!(EpochKeys::parse(&text[..cut]), None, "{cut}");
        }
        let mut moved = keys;
        moved.0[0].epoch = 3;
        assert!(!moved.are_of(&root));
    }

    #[test]
    fn keys_of_another_branch_of_the_installation_are_not_replaced() {
        let root = RootKey::from_bytes(&[7; 32]);
        let line = keys(&root).0.remove(0);
        let row = |wrapped: Option<Vec<u8>>, is_destroyed| Row {
            scope: line.scope,
            epoch: line.epoch,
            made_at: 1,
            is_destroyed,
            wrapped,
        };
        assert!(is_known(&[row(Some(line.wrapped.clone()), false)], &line));
        assert!(is_known(&[row(None, true)], &line));
        assert!(!is_known(
            &[row(Some(keys(&root).0.remove(0).wrapped), false)],
            &line
        ));
        assert!(!is_known(&[row(None, false)], &line));
        assert!(!is_known(&[], &line));
    }
}
