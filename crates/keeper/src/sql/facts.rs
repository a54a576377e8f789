//! Facts and lookups.

super::statements! {
    /// Head and all rows of subjects ($1: bytea[]), of one snapshot.
    LOAD = "\
select coalesce(h.subject, f.subject), h.version, h.mac, f.version, f.at, f.kind, f.body, f.mac
from (select subject, version, mac from subject_head where subject = any($1)) h
full join (select subject, version, at, kind, body, mac from fact where subject = any($1)) f
  on f.subject = h.subject";

    /// What texts find ($1: kinds, $2: tokens).
    LOOK_UP = "\
select l.kind, l.token, l.subject, l.mac
from unnest($1::smallint[], $2::bytea[]) as asked(kind, token)
join lookup l on l.kind = asked.kind and l.token = asked.token";
}
