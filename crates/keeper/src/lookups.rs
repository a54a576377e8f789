//! Texts that find a subject: NHI numbers, login names, credential ids, invitation codes.

use crate::facts::FactsError;
use crate::foreign::ForeignRows;
use crate::keys::{KeyedToken, Keys, LookupKind};
use crate::reader;
use crate::sql::facts as sql;
use deadpool_postgres::Pool;
use std::collections::HashMap;
use std::sync::Arc;

/// Reads lookups; every row's MAC is checked.
pub struct Lookups {
    pool: Pool,
    keys: Arc<Keys>,
    foreign: ForeignRows,
}

/// The bytes a lookup's MAC is over.
pub(crate) fn lookup_mac_data(kind: LookupKind, token: [u8; 16], subject: KeyedToken) -> Vec<u8> {
    [&(kind as i16).to_be_bytes(), token.as_slice(), &subject.0].concat()
}

impl Lookups {
    /// Over this database.
    pub fn new(pool: Pool, keys: Arc<Keys>, foreign: ForeignRows) -> Self {
        Self {
            pool,
            keys,
            foreign,
        }
    }

    /// Whom a text finds ([`Keys::lookup`] gives the token).
    pub async fn find(
        &self,
        kind: LookupKind,
        token: [u8; 16],
    ) -> Result<Option<KeyedToken>, FactsError> {
        Ok(self
            .find_all(&[(kind, token)])
            .await?
            .remove(&(kind, token)))
    }

    /// Whom several texts find, in one round trip; those that find nobody are not in the answer.
    ///
    /// # Errors
    /// [`FactsError::Closed`] when a row was put in or changed past the keeper.
    pub async fn find_all(
        &self,
        asked: &[(LookupKind, [u8; 16])],
    ) -> Result<HashMap<(LookupKind, [u8; 16]), KeyedToken>, FactsError> {
        if asked.is_empty() {
            return Ok(HashMap::new());
        }
        let kinds: Vec<i16> = asked.iter().map(|(kind, _)| *kind as i16).collect();
        let tokens: Vec<&[u8]> = asked.iter().map(|(_, token)| token.as_slice()).collect();
        let rows = reader::rows(&self.pool, sql::LOOK_UP, &[&kinds, &tokens]).await?;
        let mut found = HashMap::new();
        for row in rows {
            let kind = LookupKind::of(row.get(0)).ok_or(FactsError::Unavailable)?;
            let token = KeyedToken::try_from(row.get::<_, &[u8]>(1))
                .map_err(|_| FactsError::Unavailable)?;
            let subject = KeyedToken::try_from(row.get::<_, &[u8]>(2))
                .map_err(|_| FactsError::Unavailable)?;
            let data = lookup_mac_data(kind, token.0, subject);
            if !self.keys.mac_fits("lookup", &data, row.get::<_, &[u8]>(3)) {
                self.foreign.note("lookup", KeyedToken(token.0));
                return Err(FactsError::Closed(subject));
            }
            found.insert((kind, token.0), subject);
        }
        Ok(found)
    }
}
