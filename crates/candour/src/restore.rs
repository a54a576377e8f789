//! `candour restore`: a backup into an empty directory, read twice: first whether it is whole, then for good.

mod survey;
mod survived;
mod unpack;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use candour_core::tested::{self, Restore, Tested};
use candour_embedded::Binaries;
use candour_embedded::cluster::{Client, connect};
use candour_embedded::secret::{bytes, hand_out, hand_over};
use candour_seal::{RootKey, Zeroizing};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio_util::sync::CancellationToken;

use crate::backup::epoch_keys::EpochKeys;
use crate::backup::files::{CHECKPOINTS, ROOT_KEY, TOMBSTONES};
use crate::backup::first_few;
use crate::backup::key::BackupKey;
use crate::backup::problem::BackupProblem;
use crate::data_folder::RESTORING;
use crate::installation::Installation;
use crate::problem::sentence;
use crate::secrets::issued;
use crate::{Configuration, DataFolder, Problem, serve, terminal};
use survey::Survey;
use survived::Survived;

/// Where the backup's own checkpoints go when none survived. They say how long the ledger was before the backup and
/// nothing of how long it became; among the keeper's they would make a ledger rolled back to that day look whole.
const ONLY_OF_THE_BACKUP: &str = "keeper/checkpoints/of-the-backup";

/// What was asked on the command line.
#[derive(Debug, Clone, clap::Args)]
pub struct Wishes {
    /// The backup.
    #[arg(long)]
    pub from: PathBuf,
    /// The backup key, as candour backup-key made it.
    #[arg(long)]
    pub key: PathBuf,
    /// Only check that the backup is whole and opens; nothing is written.
    #[arg(long)]
    pub check: bool,
    /// The data directory to make: new or empty.
    #[arg(long, required_unless_present = "check")]
    pub data: Option<PathBuf>,
    /// Your copy of the keeper's root key (keeper/root.key); no backup holds it.
    #[arg(long)]
    pub root_key: Option<PathBuf>,
    /// The keeper's epoch keys, which no backup holds; the file beside the backup when it is left out.
    #[arg(long)]
    pub epoch_keys: Option<PathBuf>,
    /// What survived of the old data directory: it, its keeper folder, or a copy of that.
    #[arg(long, conflicts_with = "nothing_survived")]
    pub survived: Option<PathBuf>,
    /// Nothing of it survived. The keeper then opens nothing until two operators accept the loss.
    #[arg(long)]
    pub nothing_survived: bool,
    /// The data directory of the running installation whose backup this is: its trust page then says that it was tried.
    #[arg(long)]
    pub note: Option<PathBuf>,
}

/// Restores; or, when only a check is asked for, reads everything and writes nothing.
///
/// # Errors
/// When the backup is not whole, the key is another, or the target is not empty; then nothing was written.
pub fn restore(wishes: &Wishes, clock: fn() -> Timestamp) -> Result<ExitCode, Problem> {
    let key = BackupKey::read(&wishes.key)?;
    let survey = Survey::of(&wishes.from, &wishes.key, &key)?;
    survey.say()?;
    let keys = epoch_keys(wishes, &survey)?;
    let Some(target) = wishes.data.as_ref().filter(|_| !wishes.check) else {
        note(wishes, &survey, clock(), false)?;
        return Ok(ExitCode::SUCCESS);
    };
    let root = Root::read(wishes.root_key.as_deref())?;
    let survived = match (&wishes.survived, wishes.nothing_survived) {
        (Some(folder), _) => Survived::in_folder(folder)?,
        (None, true) => Survived::default(),
        (None, false) => return Err(BackupProblem::SurvivedUnsaid.into()),
    };
    root.fits(&survey, &survived)?;
    if let Some((keys, file)) = &keys
        && !keys.are_of(&root.key)
    {
        return Err(BackupProblem::ForeignEpochKeys(file.clone()).into());
    }
    let installation = prepare(target, &survey)?;
    let restored = serve::with_databases(&installation, async |stop| {
        let work = Work {
            wishes,
            key,
            survey: &survey,
            survived: &survived,
            installation: &installation,
        };
        work.put_back(&root, keys, stop).await
    });
    restored?;
    finish(&installation)?;
    afterwards(&survey, &survived, &installation)?;
    note(wishes, &survey, clock(), true)?;
    Ok(ExitCode::SUCCESS)
}

/// Leaves word for the trust page of the installation whose backup it is.
fn note(wishes: &Wishes, survey: &Survey, now: Timestamp, put_back: bool) -> Result<(), Problem> {
    let Some(folder) = &wishes.note else {
        return Ok(());
    };
    let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let file = folder.join(tested::FILE);
    let mut tested =
        fs::read_to_string(&file).map_or_else(|_| Tested::default(), |text| Tested::read(&text));
    tested.restore = Some(Restore {
        on: day(now),
        backup_of: day(survey.manifest.begun_at),
        put_back,
    });
    hand_out(&file, &tested.text())?;
    Ok(())
}

/// An empty data directory with the configuration of the backup; it cannot be started before the restore has ended.
fn prepare(target: &Path, survey: &Survey) -> Result<Installation, Problem> {
    let path = std::path::absolute(target).map_err(Problem::file("could not find", target))?;
    let is_taken = fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_some());
    if is_taken {
        return Err(BackupProblem::TargetNotEmpty(path).into());
    }
    let made_by = survey.manifest.postgres;
    let found = Binaries::find(&path, None)?.major;
    if found < made_by {
        return Err(BackupProblem::NewerPostgres { made_by, found }.into());
    }
    let (data, _) = DataFolder::open_or_create(&path)?;
    let mark = data.join(RESTORING);
    fs::write(&mark, "").map_err(Problem::file("could not write", &mark))?;
    let file = data.join(crate::configuration::FILE);
    fs::write(&file, &survey.configuration).map_err(Problem::file("could not write", &file))?;
    let configuration = Configuration::read(data.path())?;
    Installation::prepare(data, configuration)
}

/// The operator's copy of the root key.
struct Root {
    file: PathBuf,
    key: RootKey,
    text: Zeroizing<String>,
}

impl Root {
    fn read(file: Option<&Path>) -> Result<Self, Problem> {
        let file = file.ok_or(BackupProblem::NoRootKey)?;
        let text = fs::read(file).map_err(Problem::file("could not read", file))?;
        let text = Zeroizing::new(text);
        let digits = std::str::from_utf8(&text).unwrap_or_default().trim();
        let bytes =
            bytes::<32>(digits).ok_or_else(|| BackupProblem::NotARootKey(file.to_path_buf()))?;
        Ok(Self {
            file: file.to_path_buf(),
            key: RootKey::from_bytes(&bytes),
            text: Zeroizing::new(format!("{digits}\n")),
        })
    }

    /// Known before anything is written: the backup's newest checkpoint was signed with what this key gives.
    fn fits(&self, survey: &Survey, survived: &Survived) -> Result<(), Problem> {
        if let Some(signed) = &survey.checkpoint
            && !signed.is_by(&self.key)
        {
            return Err(BackupProblem::OtherRootKey(self.file.clone()).into());
        }
        match &survived.checkpoint {
            Some(signed) if !signed.is_by(&self.key) => {
                Err(BackupProblem::OtherCheckpoints(survived.folder.clone()).into())
            }
            _ => Ok(()),
        }
    }
}

struct Work<'a> {
    wishes: &'a Wishes,
    key: BackupKey,
    survey: &'a Survey,
    survived: &'a Survived,
    installation: &'a Installation,
}

impl Work<'_> {
    async fn put_back(
        self,
        root: &Root,
        keys: Option<(EpochKeys, PathBuf)>,
        stop: CancellationToken,
    ) -> Result<(), Problem> {
        let installation = self.installation;
        let mut tombstones = self.survey.tombstones.clone();
        tombstones.extend(self.survived.tombstones.iter().copied());
        let unpacking = unpack::Unpacking::new(
            (&self.wishes.from, &self.wishes.key),
            self.key,
            installation,
            tombstones.clone(),
            stop,
        )?
        .with_checkpoints_in(if self.survived.checkpoint.is_some() {
            CHECKPOINTS
        } else {
            ONLY_OF_THE_BACKUP
        });
        tokio::task::spawn_blocking(move || unpacking.run())
            .await
            .map_err(|error| Problem::Machine(format!("the restore broke off: {error}")))??;
        if let Some((keys, file)) = keys {
            let client = client(installation, "keeper").await?;
            keys.put_back(&client, file).await?;
        }
        let keeper = &installation.accounts.keeper;
        let data = &installation.data;
        self.survived
            .keep(&data.join(CHECKPOINTS), &data.join(TOMBSTONES), keeper)?;
        forget(installation, tombstones.into_iter().collect()).await?;
        hand_over(&data.join(ROOT_KEY), &root.text, keeper)?;
        Ok(())
    }
}

/// What was erased stays erased: the rows go as well; the files were not put back.
async fn forget(
    installation: &Installation,
    items: Vec<candour_seal::ItemId>,
) -> Result<(), Problem> {
    if items.is_empty() {
        return Ok(());
    }
    let client = client(installation, "migrator").await?;
    let gone = candour_store::backup::forget(&client, &items)
        .await
        .map_err(|error| Problem::Machine(sentence(&error)))?;
    terminal::say(&format!(
        "{} items are named by tombstones; {gone} of them were in the backup and were not put back.",
        items.len()
    ))
}

async fn client(installation: &Installation, way_in: &str) -> Result<Client, Problem> {
    let client = connect(&issued::config(installation.data.name(), way_in)?).await;
    Ok(client.map_err(candour_embedded::Problem::from)?)
}

/// The epoch keys that the backup needs; `None` for one that was made before they stood beside it.
fn epoch_keys(wishes: &Wishes, survey: &Survey) -> Result<Option<(EpochKeys, PathBuf)>, Problem> {
    let Some(name) = &survey.manifest.epoch_keys else {
        return Ok(None);
    };
    // A name and not a way through other folders.
    let name = Path::new(name).file_name().unwrap_or_default();
    let file = match &wishes.epoch_keys {
        Some(file) => file.clone(),
        None => wishes.from.with_file_name(name),
    };
    if !file.exists() {
        return Err(BackupProblem::NoEpochKeys(file).into());
    }
    Ok(Some((EpochKeys::read(&file)?, file)))
}

/// Everything becomes durable in one go; only then the directory counts as restored.
fn finish(installation: &Installation) -> Result<(), Problem> {
    let data = installation.data.path();
    let folder = fs::File::open(data).map_err(Problem::file("could not open", data))?;
    rustix::fs::syncfs(&folder)
        .map_err(|error| Problem::file("could not write", data)(error.into()))?;
    let mark = data.join(RESTORING);
    fs::remove_file(&mark)
        .and_then(|()| folder.sync_all())
        .map_err(Problem::file("could not remove", &mark))
}

fn afterwards(
    survey: &Survey,
    survived: &Survived,
    installation: &Installation,
) -> Result<(), Problem> {
    let data = installation.data.path().display();
    terminal::say(&format!("Restored into {data}."))?;
    if !survey.contents.missing.is_empty() {
        terminal::say(&format!(
            "The content of {} items was missing when the backup was made and is missing now: {}",
            survey.contents.missing.len(),
            first_few(&survey.contents.missing)
        ))?;
    }
    let backed_up = survey.checkpoint.as_ref().map_or(0, |signed| signed.size);
    match survived.checkpoint.as_ref().map(|signed| signed.size) {
        Some(signed) if signed > backed_up => terminal::say(&format!(
            "A checkpoint that survived was signed over {signed} entries, the newest one in the backup over {backed_up}. \
             If the ledger in the backup is shorter than {signed}, the keeper opens nothing and names what is missing \
             until two people accept the loss: see docs/operate/backup.md."
        ))?,
        Some(_) => {}
        None => terminal::say(
            "Nothing survived that shows how long the ledger was, so nobody can know which entries are missing, and \
             with them who opened what. The keeper opens nothing until two operators accept that, each with their own \
             recovery code; it then stands in the ledger, and an incident opens. Start it, and candour doctor names the \
             command: see docs/operate/backup.md.",
        )?,
    }
    terminal::say(&format!("Start it with: candour serve --data '{data}'"))
}
