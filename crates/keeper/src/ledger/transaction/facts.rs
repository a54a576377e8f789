//! The columns of new facts and of their subjects' heads.

use super::Writer;
use crate::facts::{Fact, FactBody, fact_mac_data, kind_number};
use crate::keys::{KeyedToken, Keys};
use prost::Message;
use tokio_postgres::Error;

#[derive(Default)]
pub(super) struct FactColumns {
    pub(super) subject: Vec<Vec<u8>>,
    pub(super) version: Vec<i64>,
    pub(super) at: Vec<i64>,
    pub(super) kind: Vec<i16>,
    pub(super) body: Vec<Vec<u8>>,
    pub(super) mac: Vec<Vec<u8>>,
    pub(super) heads: (Vec<Vec<u8>>, Vec<i64>, Vec<Vec<u8>>),
}

impl FactColumns {
    pub(super) fn push(
        &mut self,
        keys: &Keys,
        subject: KeyedToken,
        version: i64,
        at: i64,
        fact: &Fact,
    ) {
        let kind = kind_number(fact);
        let body = FactBody {
            fact: Some(fact.clone()),
        }
        .encode_to_vec();
        let mac = keys.mac("fact", &fact_mac_data(subject, version, at, kind, &body));
        self.subject.push(subject.0.to_vec());
        self.version.push(version);
        self.at.push(at);
        self.kind.push(kind);
        self.body.push(body);
        self.mac.push(mac.to_vec());
    }

    pub(super) async fn insert(&self, writer: &Writer) -> Result<(), Error> {
        writer
            .execute(
                &writer.statements().insert_facts,
                &[
                    &self.subject,
                    &self.version,
                    &self.at,
                    &self.kind,
                    &self.body,
                    &self.mac,
                ],
            )
            .await
    }

    pub(super) async fn move_heads(&self, writer: &Writer) -> Result<(), Error> {
        writer
            .execute(
                &writer.statements().move_fact_heads,
                &[&self.heads.0, &self.heads.1, &self.heads.2],
            )
            .await
    }
}
