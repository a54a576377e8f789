//! Making an installation: schema, root key, room key, first epoch key, an empty ledger.

use crate::identity::sign_in::random_id;
use crate::keys::{Keys, OwnSubject};
use crate::sql::making as sql;
use crate::subject_keys::{PEOPLE, epoch_context, make_under};
use candour_ledger::Frontier;
use candour_seal::{
    EpochKey, InstallationId, ItemKey, RoomPrivateKey, RoomPublicKey, RootKey, SystemRandom,
    Zeroizing, open, seal, wrap,
};
use jiff::Timestamp;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use tokio_postgres::{Client, Config, NoTls};

mod migrations {
    refinery::embed_migrations!("migrations");
}

/// Why an installation cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// The database does not answer.
    #[error("the keeper's database cannot be reached")]
    Unreachable,
    /// The database refuses.
    #[error("the keeper's database refuses: {0}")]
    Refused(String),
    /// The schema cannot be brought up to date.
    #[error("the keeper's schema cannot be brought up to date: {0}")]
    Schema(String),
    /// There is an installation in this database.
    #[error("this database holds an installation already")]
    AlreadyMade,
    /// There is none.
    #[error("no installation was made in this database: run `candour-keeper init` first")]
    NotMade,
    /// The row does not verify: another root key, or changed past the keeper.
    #[error("the installation's row does not fit this root key")]
    Foreign,
    /// The root key's file fails.
    #[error("the root key's file cannot be used")]
    RootFile(#[from] io::Error),
    /// The root key's file holds something else.
    #[error("the root key's file holds neither 64 hexadecimal digits nor a sealed key")]
    RootText,
}

impl From<tokio_postgres::Error> for MakeError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Refused(crate::ledger::describe(&error))
    }
}

/// What a commit of the keeper's database waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// Nothing: what is acknowledged may be lost with the power.
    Nothing,
    /// The disk.
    Disk,
    /// And a second machine's.
    TwoMachines,
}

/// What was fixed when the installation was made.
pub struct Installation {
    /// Its id.
    pub id: InstallationId,
    /// Made as a demonstration.
    pub is_demonstration: bool,
    /// Others have a database in the same cluster.
    pub shares_cluster: bool,
    /// What a commit waits for.
    pub durability: Durability,
    /// The room's public key.
    pub room_public: RoomPublicKey,
    /// The room's private key, sealed under the root.
    pub room_sealed: Vec<u8>,
}

/// Connects for making, reading or migrating; the connection ends with the client.
async fn connect(config: &Config) -> Result<Client, MakeError> {
    let (client, connection) = config
        .connect(NoTls)
        .await
        .map_err(|_| MakeError::Unreachable)?;
    #[expect(
        clippy::disallowed_methods,
        reason = "the connection's own half ends with its client"
    )]
    tokio::spawn(connection);
    Ok(client)
}

/// Brings a database to the newest schema.
pub async fn migrate(config: &Config) -> Result<(), MakeError> {
    let mut client = connect(config).await?;
    migrations::migrations::runner()
        .run_async(&mut client)
        .await
        .map(drop)
        .map_err(|error| MakeError::Schema(error.to_string()))
}

/// Makes an installation in a database that has none.
pub async fn make(
    config: &Config,
    root: &RootKey,
    is_demonstration: bool,
    now: Timestamp,
) -> Result<InstallationId, MakeError> {
    migrate(config).await?;
    let mut client = connect(config).await?;
    if client
        .query_opt(sql::SELECT_INSTALLATION, &[])
        .await?
        .is_some()
    {
        return Err(MakeError::AlreadyMade);
    }
    let keys = Keys::new(root.clone()).map_err(|_| MakeError::Foreign)?;
    let rng = &mut SystemRandom;
    let id = InstallationId::from_bytes(random_id());
    let room = RoomPrivateKey::generate(rng);
    let public = room.public();
    let private = seal(
        &room_key(root),
        id.as_bytes(),
        room.to_bytes().as_slice(),
        rng,
    );
    let at = now.as_microsecond();
    let mac = keys.mac(
        "installation",
        &mac_data(id, is_demonstration, at, public, &private),
    );
    let epoch = EpochKey::generate(rng);
    let wrapped = wrap(root, &epoch_context(PEOPLE, 1), &epoch, rng);
    let (own, _) = make_under(&epoch, keys.own(OwnSubject::Installation), PEOPLE, 1);
    let everything = client.transaction().await?;
    everything
        .execute(
            sql::INSERT_INSTALLATION,
            &[
                &id.as_bytes().as_slice(),
                &is_demonstration,
                &at,
                &public.as_bytes().as_slice(),
                &private,
                &mac.as_slice(),
            ],
        )
        .await?;
    everything
        .execute(
            crate::sql::ledger::INSERT_EPOCH_KEY,
            &[&PEOPLE.as_slice(), &1_i32, &at, &wrapped.as_slice()],
        )
        .await?;
    everything
        .execute(
            sql::INSERT_SUBJECT_KEY,
            &[
                &own.subject.0.as_slice(),
                &own.scope.as_slice(),
                &own.epoch,
                &own.reading.as_slice(),
                &own.audit.as_slice(),
            ],
        )
        .await?;
    everything
        .execute(sql::INSERT_HEAD, &[&Frontier::new().to_bytes()])
        .await?;
    everything.commit().await?;
    Ok(id)
}

/// Reads what was made, and brings the schema up to date.
pub async fn read(config: &Config, keys: &Keys) -> Result<Installation, MakeError> {
    migrate(config).await?;
    let client = connect(config).await?;
    let row = client
        .query_opt(sql::SELECT_INSTALLATION, &[])
        .await?
        .ok_or(MakeError::NotMade)?;
    let id = InstallationId::try_from(row.get::<_, &[u8]>(0)).map_err(|_| MakeError::Foreign)?;
    let (is_demonstration, at): (bool, i64) = (row.get(1), row.get(2));
    let public: [u8; 32] = row
        .get::<_, &[u8]>(3)
        .try_into()
        .map_err(|_| MakeError::Foreign)?;
    let public = RoomPublicKey::from_bytes(public);
    let private: &[u8] = row.get(4);
    let data = mac_data(id, is_demonstration, at, public, private);
    if !keys.mac_fits("installation", &data, row.get::<_, &[u8]>(5)) {
        return Err(MakeError::Foreign);
    }
    let root = keys.root().ok_or(MakeError::Foreign)?;
    room_private(&root, id, private).ok_or(MakeError::Foreign)?;
    let shares_cluster = client.query_one(sql::SHARES_CLUSTER, &[]).await?.get(0);
    let durability = client.query_one(sql::DURABILITY, &[]).await?;
    Ok(Installation {
        id,
        is_demonstration,
        shares_cluster,
        durability: match (durability.get(0), durability.get(1)) {
            (false, _) => Durability::Nothing,
            (true, false) => Durability::Disk,
            (true, true) => Durability::TwoMachines,
        },
        room_public: public,
        room_sealed: private.to_vec(),
    })
}

fn room_key(root: &RootKey) -> ItemKey {
    root.derive(b"room private key")
}

/// Opens the room's private key; `None` when it is not this root's and this installation's.
pub(crate) fn room_private(
    root: &RootKey,
    id: InstallationId,
    sealed: &[u8],
) -> Option<Zeroizing<[u8; 32]>> {
    let opened = Zeroizing::new(open(&room_key(root), id.as_bytes(), sealed).ok()?);
    opened.as_slice().try_into().ok().map(Zeroizing::new)
}

fn mac_data(
    id: InstallationId,
    is_demonstration: bool,
    at: i64,
    public: RoomPublicKey,
    private: &[u8],
) -> Vec<u8> {
    [
        id.as_bytes().as_slice(),
        &[u8::from(is_demonstration)],
        &at.to_be_bytes(),
        public.as_bytes(),
        private,
    ]
    .concat()
}

/// Draws a root key and writes it to a file that only its owner can read; an existing file is read instead.
pub fn root_key(path: &Path) -> Result<RootKey, MakeError> {
    match fs::read_to_string(path) {
        Ok(text) => return parse_root(&Zeroizing::new(text)),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        Err(_) => {}
    }
    let root = RootKey::generate(&mut SystemRandom);
    let mut text = Zeroizing::new([b'\n'; 65]);
    base16ct::lower::encode(root.expose(), &mut text[..64]).map_err(|_| MakeError::RootText)?;
    keep(path, text.as_slice(), OpenOptions::new().create_new(true))?;
    Ok(root)
}

/// Writes a file that only its owner can read, durably.
pub(crate) fn keep(path: &Path, text: &[u8], how: &mut OpenOptions) -> io::Result<()> {
    let mut file = how.write(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    file.sync_all()?;
    path.parent()
        .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Reads 64 hexadecimal digits.
pub(crate) fn parse_root(text: &str) -> Result<RootKey, MakeError> {
    let mut bytes = Zeroizing::new([0; 32]);
    match base16ct::mixed::decode(text.trim(), bytes.as_mut_slice()) {
        Ok(decoded) if decoded.len() == 32 => Ok(RootKey::from_bytes(&bytes)),
        _ => Err(MakeError::RootText),
    }
}
