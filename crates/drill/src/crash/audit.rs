//! What must be so after every crash: the exported ledger holds everything that was served, and verifies.

use super::book::Served;
use crate::Problem;
use crate::installation::Installation;
use crate::settle::owner_of;
use candour_embedded::Account;
use candour_embedded::cluster::make_folder;
use candour_keeper::keys::Keys;
use candour_keeper::root::{self, RootFile};
use candour_keeper_api::words::EntryKind;
use candour_ledger::export::{ExportReader, Next};
use candour_ledger::{Entry, LogSigner, LogVerifier};
use candour_seal::{ItemId, PatientId};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// What the ledger says was granted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Granted {
    /// How often each item, by its surrogate.
    pub items: BTreeMap<i64, u64>,
    /// How often something of each patient that is no single item, by the patient's surrogate.
    pub sections: BTreeMap<i64, u64>,
    /// Entries of all kinds.
    pub entries: u64,
}

impl Granted {
    /// Counts one entry.
    pub fn count(&mut self, entry: &Entry) {
        self.entries += 1;
        let is_grant = i32::from(entry.kind) == i32::from(EntryKind::Open) && entry.decision == 0;
        if !is_grant {
            return;
        }
        if entry.item == 0 {
            *self.sections.entry(entry.patient).or_default() += 1;
        } else {
            *self.items.entry(entry.item).or_default() += 1;
        }
    }

    /// Everything that was served more often than it was granted.
    pub fn missing(&self, served: &Served, surrogates: &dyn Surrogates) -> Vec<String> {
        let documents = served.documents.iter().map(|(id, times)| {
            let granted = surrogates.item(id).and_then(|item| self.items.get(&item));
            ("document", id, *times, granted.copied().unwrap_or(0))
        });
        let pages = served.pages.iter().map(|(id, times)| {
            let granted = surrogates
                .patient(id)
                .and_then(|patient| self.sections.get(&patient));
            (
                "a page of patient",
                id,
                *times,
                granted.copied().unwrap_or(0),
            )
        });
        documents
            .chain(pages)
            .filter(|(_, _, times, granted)| times > granted)
            .map(|(what, id, times, granted)| {
                format!("{what} {id} was served {times} times, and the ledger has {granted} grants of it")
            })
            .collect()
    }
}

/// How the ledger names what the portal names by id.
pub trait Surrogates {
    /// An item.
    fn item(&self, id: &str) -> Option<i64>;
    /// A patient.
    fn patient(&self, id: &str) -> Option<i64>;
}

impl Surrogates for Keys {
    fn item(&self, id: &str) -> Option<i64> {
        let id: ItemId = id.parse().ok()?;
        Some(Self::item(self, id).surrogate())
    }

    fn patient(&self, id: &str) -> Option<i64> {
        let id: PatientId = id.parse().ok()?;
        Some(Self::patient(self, id).surrogate())
    }
}

/// Exports the ledger of one installation and checks it.
pub struct Auditor {
    keeper: Account,
    verifier: PathBuf,
    folder: PathBuf,
    checkpoints: PathBuf,
    keys: Keys,
    key: String,
}

impl Auditor {
    /// For an installation whose checkpoints a witness keeps in `checkpoints`.
    ///
    /// # Errors
    /// When the demonstration's root key cannot be read, or a folder cannot be made.
    pub fn of(installation: &Installation, checkpoints: &Path) -> Result<Self, Problem> {
        let unexpected = |what: &str| Problem::Unexpected(what.to_owned());
        let data = installation.data();
        let keeper = owner_of(&data.join("keeper"))?;
        let file = root::read(&data.join("keeper/root.key"))
            .map_err(|error| unexpected(&format!("the root key does not read: {error}")))?;
        let RootFile::Open(root) = file else {
            return Err(unexpected("the demonstration's root key is sealed"));
        };
        let keys = Keys::new(root).map_err(|_| unexpected("the root key does not serve"))?;
        let folder = installation.folder().join("audit");
        make_folder(&folder, 0o700, &keeper).map_err(|problem| unexpected(&problem.to_string()))?;
        let here = std::env::current_exe()
            .map_err(Problem::file("could not find", Path::new("this program")))?;
        Ok(Self {
            keeper,
            verifier: here.with_file_name("candour-verify"),
            folder,
            checkpoints: checkpoints.to_path_buf(),
            key: verifier_key(&keys, &data)?,
            keys,
        })
    }

    /// Exports, verifies with `candour-verify`, and compares with what was served before.
    ///
    /// # Errors
    /// When a program cannot be run. What is wrong with the ledger is in the findings.
    pub async fn audit(
        &self,
        installation: &Installation,
        served: &Served,
    ) -> Result<(Granted, Vec<String>), Problem> {
        // Before the export: the load goes on, and what is signed meanwhile covers entries that the export has not.
        let checkpoints = self.signed_until_now()?;
        let file = self.folder.join("ledger.export");
        let (data, out) = (installation.data(), file.display().to_string());
        let data = data.display().to_string();
        let arguments = ["export-ledger", "--data", &data, "--out", &out];
        let status = installation
            .command("candour-keeper", &arguments, &self.keeper)?
            .status()
            .await
            .map_err(Problem::file(
                "could not start",
                Path::new("candour-keeper"),
            ))?;
        if !status.success() {
            return Err(Problem::Child {
                name: "candour-keeper export-ledger".to_owned(),
                said: installation.last_words("candour-keeper"),
            });
        }
        let mut findings = self.verify(&file, &checkpoints).await?;
        let key = LogVerifier::parse(&self.key)
            .map_err(|error| Problem::Unexpected(format!("the log's key: {error}")))?;
        findings.extend(super::public::findings(
            &installation.data().join("ledger"),
            &key,
        ));
        let granted = read(&file)?;
        findings.extend(granted.missing(served, &self.keys));
        Ok((granted, findings))
    }

    /// A folder with every checkpoint that the witness has now; the next look has the later ones.
    fn signed_until_now(&self) -> Result<PathBuf, Problem> {
        let folder = self.folder.join("checkpoints");
        std::fs::create_dir_all(&folder).map_err(Problem::file("could not create", &folder))?;
        let kept = std::fs::read_dir(&self.checkpoints)
            .map_err(Problem::file("could not read", &self.checkpoints))?;
        for entry in kept.flatten() {
            let copy = folder.join(entry.file_name());
            std::fs::copy(entry.path(), &copy).map_err(Problem::file("could not write", &copy))?;
        }
        Ok(folder)
    }

    async fn verify(&self, file: &Path, checkpoints: &Path) -> Result<Vec<String>, Problem> {
        let output = tokio::process::Command::new(&self.verifier)
            .arg("--key")
            .arg(&self.key)
            .arg("--checkpoints")
            .arg(checkpoints)
            .arg("--ledger")
            .arg(file)
            .output()
            .await
            .map_err(Problem::file("could not start", &self.verifier))?;
        if output.status.success() {
            return Ok(Vec::new());
        }
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let said = said.lines().take(6).collect::<Vec<_>>().join(" ");
        Ok(vec![format!("candour-verify: {said}")])
    }
}

/// The key by which anybody checks the checkpoints, as the keeper shows it on the trust page.
fn verifier_key(keys: &Keys, data: &Path) -> Result<String, Problem> {
    let folder = candour_keeper::checkpoint::folder(&data.join("keeper"));
    let newest = std::fs::read_dir(&folder)
        .map_err(Problem::file("could not read", &folder))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|ending| ending == "checkpoint")
        })
        .find_map(|path| std::fs::read_to_string(path).ok());
    let name = newest
        .as_deref()
        .and_then(|text| text.lines().next())
        .unwrap_or_default()
        .to_owned();
    let signer = LogSigner::from_seed(&name, keys.checkpoint_seed().expose())
        .map_err(|error| Problem::Unexpected(format!("no checkpoint names its log: {error}")))?;
    Ok(signer.verifier().to_string())
}

fn read(file: &Path) -> Result<Granted, Problem> {
    let unreadable = |error: candour_ledger::export::ExportError| {
        Problem::Unexpected(format!("the export does not read: {error}"))
    };
    let opened = File::open(file).map_err(Problem::file("could not read", file))?;
    let mut reader = ExportReader::new(BufReader::new(opened)).map_err(unreadable)?;
    let mut granted = Granted::default();
    loop {
        match reader.read().map_err(unreadable)? {
            Next::Record { record, .. } => granted.count(&record.entry),
            Next::End { .. } => return Ok(granted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Plain;

    impl Surrogates for Plain {
        fn item(&self, id: &str) -> Option<i64> {
            id.parse().ok()
        }

        fn patient(&self, id: &str) -> Option<i64> {
            id.parse().ok()
        }
    }

    fn grant(item: i64, patient: i64) -> Entry {
        Entry {
            index: 0,
            at: 0,
            kind: 1,
            decision: 0,
            purpose: 1,
            role: 1,
            practice: None,
            item_kind: 1,
            session: 1,
            principal: 1,
            patient,
            item,
            body: candour_ledger::body_digest(b""),
        }
    }

    fn served(documents: &[(&str, u64)], pages: &[(&str, u64)]) -> Served {
        let counted = |of: &[(&str, u64)]| {
            of.iter()
                .map(|(id, times)| ((*id).to_owned(), *times))
                .collect()
        };
        Served {
            documents: counted(documents),
            pages: counted(pages),
        }
    }

    #[test]
    fn whatever_was_served_has_a_grant_for_each_time() {
        let mut granted = Granted::default();
        for entry in [grant(7, 1), grant(7, 1), grant(0, 1)] {
            granted.count(&entry);
        }
        assert!(
            granted
                .missing(&served(&[("7", 2)], &[("1", 1)]), &Plain)
                .is_empty()
        );
        assert_eq!(granted.entries, 3);
    }

    #[test]
    fn a_served_document_whose_entry_is_taken_out_is_named() {
        let mut granted = Granted::default();
        granted.count(&grant(7, 1));
        let wrong = granted.missing(&served(&[("7", 2), ("8", 1)], &[("1", 1)]), &Plain);
        assert_eq!(wrong.len(), 3, "{wrong:?}");
    }

    #[test]
    fn a_denied_entry_is_no_grant() {
        let mut granted = Granted::default();
        granted.count(&Entry {
            decision: 3,
            ..grant(7, 1)
        });
        assert_eq!(granted.missing(&served(&[("7", 1)], &[]), &Plain).len(), 1);
    }
}
