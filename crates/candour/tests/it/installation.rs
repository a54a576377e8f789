//! A data directory as a running installation leaves it, with the real keeper behind it, for tests of `candour import`.

use candour::import::{Wishes, import};
use candour_app::patients::Terms;
use candour_app::{App, documents, patients, record};
use candour_core::fhir::attach;
use candour_core::people::Identity;
use candour_embedded::secret::digits;
use candour_keeper_api::words::{Purpose, Role};
use candour_keeper_api::{Keeper, Viewer};
use candour_seal::{ItemId, PatientId, PracticeId};
use candour_store::{Housekeeping, Objects, Placement, Store};
use candour_testkit::keeper::{InstanceKind, Settings, TestKeeper};
use candour_testkit::portal::PORTAL;
use candour_testkit::shared_data::shared_data;
use candour_testkit::{TestCluster, TestDatabase};
use futures_util::StreamExt;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio_postgres::config::Host;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The practice that most tests import for.
pub const PRACTICE: &str = "Kauri Health";

pub struct Installation {
    folder: TempDir,
    pub keeper: TestKeeper,
    pub practice: PracticeId,
    pub app: App,
    database: TestDatabase,
    stop: CancellationToken,
    _keeper_database: TestDatabase,
}

impl Installation {
    pub async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    /// With other budgets or thresholds than the ordinary ones.
    pub async fn with(settings: Settings) -> Self {
        let keeper_database = TestCluster::shared()
            .database(&candour_testkit::keeper::KEEPER)
            .await;
        let keeper = TestKeeper::start_with(&keeper_database, settings).await;
        let database = TestCluster::shared().database(&PORTAL).await;
        let practice = keeper.practice().await;
        let folder = tempfile::tempdir().unwrap();
        for name in ["secrets", "run", "objects/kept", "data"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        let write = |name: &str, text: String| {
            std::fs::write(folder.path().join(name), text).unwrap();
        };
        write("CANDOUR_VERSION", "1\n".into());
        write("secrets/portal.database", line(&database));
        let address = keeper.address(InstanceKind::Import);
        write("secrets/import.credential", digits(&address.credential));
        symlink(keeper.socket(), folder.path().join("run/keeper.sock")).unwrap();

        let objects = Objects::open(folder.path().join("objects"), Placement::Kept).unwrap();
        let store = Store::new(database.config_as("candour_portal"), 4, objects).unwrap();
        let portal = Arc::new(Keeper::new(keeper.address(InstanceKind::Portal)));
        let stop = CancellationToken::new();
        let installation = Self {
            app: App::start(portal, store, &TaskTracker::new(), stop.clone()),
            folder,
            keeper,
            practice,
            database,
            stop,
            _keeper_database: keeper_database,
        };
        installation.client_of(practice, "client").await;
        installation
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of the data to be imported.
    pub fn put(&self, name: &str, text: &str) {
        std::fs::write(self.path("data").join(name), text).unwrap();
    }

    /// Makes a program of a practice and leaves what `add-practice` would have printed of it in a file.
    pub async fn client_of(
        &self,
        practice: PracticeId,
        file: &str,
    ) -> (candour_seal::ClientId, [u8; 32]) {
        let (client, secret) = self.keeper.program_credential(practice).await;
        let printed = format!("client: {client}\nclient secret: {}\n", digits(&secret));
        std::fs::write(self.path(file), printed).unwrap();
        (client, secret)
    }

    /// Imports for the first practice; whether the exit code says that nothing was left out.
    pub async fn import(&self, path: &Path, patient: Option<PatientId>) -> bool {
        self.import_as("client", path, patient).await
    }

    /// Imports with the program of this file.
    pub async fn import_as(&self, client: &str, path: &Path, patient: Option<PatientId>) -> bool {
        let wishes = Wishes {
            path: path.to_owned(),
            practice: PRACTICE.into(),
            data: self.folder.path().to_owned(),
            client: Some(self.path(client)),
            patient: patient.map(|patient| patient.to_string()),
        };
        let code = import(&wishes, now).await.unwrap();
        // An exit code shows itself only so.
        format!("{code:?}") == format!("{:?}", ExitCode::SUCCESS)
    }

    /// The command itself, as a process of its own.
    pub fn command(&self, path: &Path, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_candour"));
        command
            .arg("import")
            .arg(path)
            .args(["--practice", PRACTICE, "--data"])
            .arg(self.folder.path())
            .arg("--client")
            .arg(self.path("client"))
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// What the command prints, and its exit code.
    pub async fn told(&self, path: &Path, more: &[&str]) -> (String, Option<i32>) {
        let output = self.command(path, more).output().await.unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        (told, output.status.code())
    }

    /// Starts the command and kills it as soon as something of it is in.
    pub async fn kill_in_the_middle(&self, path: &Path) -> (u64, u64) {
        let mut child: Child = self.command(path, &[]).spawn().unwrap();
        loop {
            assert!(child.try_wait().unwrap().is_none(), "it was over before");
            let counts = self.counts().await;
            if counts.1 > 0 {
                child.kill().await.unwrap();
                return self.counts().await;
            }
        }
    }

    /// How many patients there are, and how many items.
    pub async fn counts(&self) -> (u64, u64) {
        let count = |what| self.app.store.count(what);
        (
            count(Housekeeping::Patients).await.unwrap(),
            count(Housekeeping::Items).await.unwrap(),
        )
    }

    /// The ids of all patients.
    pub async fn everybody(&self) -> Vec<PatientId> {
        let (client, connection) = self
            .database
            .config()
            .connect(tokio_postgres::NoTls)
            .await
            .unwrap();
        let (rows, _) = tokio::join!(
            async move {
                let rows = client
                    .query("select id from patient order by id", &[])
                    .await;
                drop(client);
                rows.unwrap()
            },
            connection
        );
        rows.iter()
            .map(|row| PatientId::try_from(row.get::<_, &[u8]>(0)).unwrap())
            .collect()
    }

    pub async fn clinician(&self) -> Viewer {
        self.clinician_of(self.practice).await
    }

    pub async fn clinician_of(&self, practice: PracticeId) -> Viewer {
        let staff = self.keeper.staff(practice, Role::Clinician).await;
        Viewer {
            token: staff.token,
            purpose: Purpose::DirectCare,
            network: "192.0.2.1".into(),
        }
    }

    /// The patient's own eyes.
    pub async fn patient(&self, patient: PatientId) -> Viewer {
        Viewer {
            token: self.keeper.as_patient(patient).await.token,
            purpose: Purpose::OwnRecord,
            network: "192.0.2.1".into(),
        }
    }

    /// The practice's patients of a surname and birth date.
    pub async fn find_all(
        &self,
        viewer: &Viewer,
        practice: PracticeId,
        surname: &str,
        birth_date: &str,
    ) -> Vec<PatientId> {
        let terms = Terms {
            surname: surname.to_owned(),
            birth_date: birth_date.to_owned(),
            ..Terms::default()
        };
        let found = patients::find(&self.app, viewer, practice, terms).await;
        let found = found.unwrap().0.into_inner();
        found.people.iter().map(|line| line.patient).collect()
    }

    pub async fn find(&self, viewer: &Viewer, identity: &Identity) -> PatientId {
        let birth_date = identity.birth_date.to_string();
        let found = self
            .find_all(viewer, self.practice, &identity.name.family, &birth_date)
            .await;
        assert_eq!(found.len(), 1);
        found[0]
    }

    /// The bytes of a document as the viewer gets them.
    pub async fn document(&self, viewer: &Viewer, document: ItemId) -> Vec<u8> {
        let mut body = documents::open(&self.app, viewer, document)
            .await
            .unwrap()
            .body;
        let mut bytes = Vec::new();
        while let Some(piece) = body.next().await {
            bytes.extend_from_slice(&piece.unwrap());
        }
        bytes
    }

    /// Every resource of a patient's record, documents put back where they were, sorted.
    pub async fn resources(&self, viewer: &Viewer, patient: PatientId) -> Vec<String> {
        let mut resources = Vec::new();
        for section in record::SECTIONS {
            let (opened, _) = record::open(&self.app, viewer, patient, section)
                .await
                .unwrap();
            let opened = opened.into_inner();
            assert_eq!(opened.unreadable, 0);
            let segments = opened.parts.into_iter().map(|part| part.block);
            resources.extend(
                segments
                    .flat_map(|segment| segment.resources)
                    .map(|raw| raw.get().to_owned()),
            );
        }
        for line in self.shelf(viewer, patient).await {
            let bytes = self.document(viewer, line.document).await;
            if let Some(envelope) = &line.meta.envelope {
                let whole = attach(&envelope.resource, &[(envelope.attachment, &bytes)]);
                resources.push(whole.unwrap().get().to_owned());
            }
        }
        resources.sort();
        resources
    }

    pub async fn shelf(&self, viewer: &Viewer, patient: PatientId) -> Vec<documents::ShelfLine> {
        let (shelf, _) = documents::shelf(&self.app, viewer, patient).await.unwrap();
        let shelf = shelf.into_inner();
        assert_eq!(shelf.unreadable, 0);
        shelf.lines
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub fn now() -> Timestamp {
    "2026-03-02T21:00:00Z".parse().unwrap()
}

/// The file of secrets that the supervisor would write.
fn line(database: &TestDatabase) -> String {
    let config = database.config_as("candour_portal");
    let [Host::Unix(sockets)] = config.get_hosts() else {
        unreachable!("the cluster for tests has a socket only")
    };
    format!(
        "host='{}' port=5432 user='candour_portal' dbname='{}'\n",
        sockets.display(),
        database.name()
    )
}

/// Some small Bundles of patients with notes, and the Bundles of practitioners and hospitals they point to.
pub fn some_patients(into: &Path) -> Option<Vec<PathBuf>> {
    let folder = shared_data("synthea/r4-2021-notes")?;
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort_by_key(|file| file.metadata().unwrap().len());
    let (directories, patients): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|file| is_directory(file));
    let patients: Vec<PathBuf> = patients.into_iter().take(3).collect();
    for file in directories.iter().chain(&patients) {
        std::fs::copy(file, into.join(file.file_name().unwrap())).unwrap();
    }
    Some(patients)
}

/// Whether a file of Synthea's holds organisations or health workers only.
pub fn is_directory(file: &Path) -> bool {
    let name = file.file_name().unwrap().to_string_lossy().to_lowercase();
    name.starts_with("hospital") || name.starts_with("practitioner")
}

pub fn unpacked(file: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(file).unwrap();
    flate2::read::GzDecoder::new(file)
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

/// How many resources there are of each type, for a readable failure.
pub fn kinds(resources: &[String]) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for resource in resources {
        let read: serde_json::Value = serde_json::from_str(resource).unwrap();
        *kinds.entry(read["resourceType"].to_string()).or_default() += 1;
    }
    kinds
}
