//! Facts and lookups.

/// Head and all rows of subjects ($1: bytea[]), of one snapshot.
pub const LOAD: &str = "\
select coalesce(h.subject, f.subject), h.version, h.mac, f.version, f.at, f.kind, f.body, f.mac
from (select subject, version, mac from subject_head where subject = any($1)) h
full join (select subject, version, at, kind, body, mac from fact where subject = any($1)) f
  on f.subject = h.subject";

/// Every statement of this module.
pub const ALL: &[&str] = &[LOAD];
