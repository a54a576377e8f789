//! The keeper's epoch keys, which a backup does not copy: read from one database and put into another.

use tokio_postgres::{Client, Error};

/// An epoch key of the keeper's database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// For people, or for one practice.
    pub scope: [u8; 16],
    /// Its number.
    pub epoch: i32,
    /// When it was made, microseconds.
    pub made_at: i64,
    /// The keeper destroyed it.
    pub is_destroyed: bool,
    /// The key under the root; none where it is not there.
    pub wrapped: Option<Vec<u8>>,
}

const INSTALLATION: &str =
    "select id from installation where to_regclass('epoch_secret') is not null";

const ALL: &str = "\
select k.scope, k.epoch, k.made_at, k.destroyed_at is not null, s.wrapped
from epoch_key k left join epoch_secret s on s.scope = k.scope and s.epoch = k.epoch
order by k.scope, k.epoch";

const PUT_ROW: &str = "\
insert into epoch_key (scope, epoch, made_at) values ($1, $2, $3) on conflict do nothing";

const PUT_SECRET: &str = "\
insert into epoch_secret (scope, epoch, wrapped)
select $1::bytea, $2::integer, $3::bytea
where not exists (select from epoch_key where scope = $1 and epoch = $2 and destroyed_at is not null)
on conflict do nothing";

const MISSING: &str = "\
select distinct k.epoch from subject_key k
where not exists (select from epoch_secret s where s.scope = k.scope and s.epoch = k.epoch)
order by k.epoch";

/// The installation's id; `None` where an older keeper holds its epoch keys among everything else.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn installation(keeper: &Client) -> Result<Option<Vec<u8>>, Error> {
    let row = keeper.query_opt(INSTALLATION, &[]).await?;
    Ok(row.map(|row| row.get(0)))
}

/// All that there ever were.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn all(keeper: &Client) -> Result<Vec<Row>, Error> {
    let rows = keeper.query(ALL, &[]).await?;
    Ok(rows
        .iter()
        .map(|row| Row {
            scope: row.get::<_, &[u8]>(0).try_into().unwrap_or_default(),
            epoch: row.get(1),
            made_at: row.get(2),
            is_destroyed: row.get(3),
            wrapped: row.get(4),
        })
        .collect())
}

/// Puts them in. Gives the numbers of those that something in the database hangs on and that are not there now.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn put_back(keeper: &Client, rows: &[Row]) -> Result<Vec<i32>, Error> {
    for row in rows {
        let scope = row.scope.as_slice();
        keeper
            .execute(PUT_ROW, &[&scope, &row.epoch, &row.made_at])
            .await?;
        keeper
            .execute(PUT_SECRET, &[&scope, &row.epoch, &row.wrapped])
            .await?;
    }
    let missing = keeper.query(MISSING, &[]).await?;
    Ok(missing.iter().map(|row| row.get(0)).collect())
}
