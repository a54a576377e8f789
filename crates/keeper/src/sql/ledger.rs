//! Writing the ledger: one transaction for each batch.

super::statements! {
    /// Takes the next epoch: whoever had the last one can write no more.
    TAKE_EPOCH = "\
update ledger_head set epoch = epoch + 1 returning epoch, size, frontier, at";

    /// The head, waiting for any transaction that still holds it.
    READ_HEAD = "select epoch, size, frontier, at from ledger_head for update";

    /// The head as it is.
    PEEK_HEAD = "select epoch, size, frontier, at from ledger_head";

    /// The head may be moved by epoch $1; to be rolled back.
    PROBE_HEAD = "update ledger_head set at = at where epoch = $1";

    /// There is room for one more entry; to be rolled back.
    PROBE_ENTRY = "\
insert into entry (index, at, kind, decision, purpose, role, practice, item_kind, session, principal,
  patient, item, charge, sequence, hour, leaf, body, audit_wrap, room_wrap)
select index + 1, at, kind, decision, purpose, role, practice, item_kind, session, principal,
  patient, item, charge, sequence, hour, leaf, body, audit_wrap, room_wrap
from entry order by index desc limit 1";

    /// This connection's process and when it began.
    WHO_AM_I = "\
select pid, extract(epoch from backend_start)::float8 from pg_stat_activity where pid = pg_backend_pid()";

    /// Ends a lost connection's process, so that its transaction is decided.
    END_BACKEND = "\
select count(pg_terminate_backend(pid)) from pg_stat_activity
where pid = $1 and extract(epoch from backend_start)::float8 = $2";

    /// Moves the head from epoch $1 and size $2; fails by division by zero when there is another writer.
    ADVANCE = "\
with moved as (
  update ledger_head set size = $3, frontier = $4, at = $5 where epoch = $1 and size = $2 returning 1
)
select 1 / count(*) from moved";

    /// Adds a batch of entries.
    INSERT_ENTRIES = "\
insert into entry (index, at, kind, decision, purpose, role, practice, item_kind, session, principal,
  patient, item, charge, sequence, hour, leaf, body, audit_wrap, room_wrap, of_grant, instance, owes)
select * from unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::smallint[], $5::smallint[],
  $6::smallint[], $7::bytea[], $8::smallint[], $9::bigint[], $10::bigint[], $11::bigint[],
  $12::bigint[], $13::smallint[], $14::bigint[], $15::integer[], $16::bytea[], $17::bytea[],
  $18::bytea[], $19::bytea[], $20::bigint[], $21::bigint[], $22::smallint[])";

    /// Numbers of facts of subjects about to get more.
    FACT_HEADS = "select subject, version, mac from subject_head where subject = any($1)";

    /// Adds facts.
    INSERT_FACTS = "\
insert into fact (subject, version, at, kind, body, mac)
select * from unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::smallint[], $5::bytea[], $6::bytea[])";

    /// Moves the heads of their subjects.
    MOVE_FACT_HEADS = "\
insert into subject_head (subject, version, mac)
select * from unnest($1::bytea[], $2::bigint[], $3::bytea[])
on conflict (subject) do update set version = excluded.version, mac = excluded.mac";

    /// Adds lookups.
    INSERT_LOOKUPS = "\
insert into lookup (kind, token, subject, mac)
select * from unnest($1::smallint[], $2::bytea[], $3::bytea[], $4::bytea[])";

    /// Adds words of the name index.
    INSERT_NAMES = "\
insert into name_term (term, patient)
select * from unnest($1::bytea[], $2::bytea[]) on conflict do nothing";

    /// Adds subjects' keys.
    INSERT_SUBJECT_KEYS = "\
insert into subject_key (subject, scope, epoch, reading, audit)
select * from unnest($1::bytea[], $2::bytea[], $3::integer[], $4::bytea[], $5::bytea[])";

    /// Adds items.
    INSERT_ITEMS = "\
insert into item (item, patient, kind, section, tags, month, practice, deposit, of_document, wrapped,
  deposited_at, is_canary, mac)
select * from unnest($1::bytea[], $2::bytea[], $3::smallint[], $4::smallint[], $5::smallint[],
  $6::integer[], $7::bytea[], $8::bytea[], $9::bytea[], $10::bytea[], $11::bigint[], $12::boolean[],
  $13::bytea[])";

    /// Makes items visible.
    SEAL_ITEMS = "\
update item set sealed_index = made.sealed_index, size = made.size, digest = made.digest, mac = made.mac
from unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[])
  as made(item, sealed_index, size, digest, mac)
where item.item = made.item and item.sealed_index is null";

    /// Drops deposits that were never sealed.
    DROP_ITEMS = "delete from item where item = any($1) and sealed_index is null";

    /// Destroys the keys of items.
    ERASE_ITEMS = "\
update item set wrapped = $2, erased_index = made.erased_index, mac = made.mac
from unnest($1::bytea[], $3::bigint[], $4::bytea[]) as made(item, erased_index, mac)
where item.item = made.item and item.erased_index is null";

    /// Puts the keys of items as they are under another reading key in the place of those before; what was erased stays so.
    REWRAP_ITEMS = "\
update item set wrapped = made.wrapped from unnest($1::bytea[], $2::bytea[]) as made(item, wrapped)
where item.item = made.item and item.erased_index is null";

    /// An epoch key ($1 scope, $2 epoch, $3 when), wrapped ($4).
    INSERT_EPOCH_KEY = "\
with made as (insert into epoch_key (scope, epoch, made_at) values ($1, $2, $3) returning scope, epoch)
insert into epoch_secret (scope, epoch, wrapped) select scope, epoch, $4 from made";

    /// Nothing hangs on an epoch key any more, since $3; null where something does again.
    LEAVE_EPOCH_KEY = "\
update epoch_key set left_at = $3 where scope = $1 and epoch = $2 and destroyed_at is null";

    /// Destroys an epoch key that nothing hangs on.
    DESTROY_EPOCH_KEY = "\
with gone as (
  update epoch_key set destroyed_at = $3 where scope = $1 and epoch = $2
    and not exists (select from subject_key where scope = $1 and epoch = $2)
  returning scope, epoch
)
delete from epoch_secret using gone where epoch_secret.scope = gone.scope and epoch_secret.epoch = gone.epoch";

    /// Puts subjects' keys as they are wrapped anew in the place of those before.
    REPLACE_SUBJECT_KEYS = "\
update subject_key set reading = made.reading, scope = made.scope, epoch = made.epoch, audit = made.audit
from unnest($1::bytea[], $2::bytea[], $3::integer[], $4::bytea[], $5::bytea[])
  as made(subject, scope, epoch, reading, audit)
where subject_key.subject = made.subject";

    /// Forgets by which words practices find patients.
    FORGET_NAMES = "delete from name_term where patient = any($1)";

    /// Forgets the numbers that find subjects.
    FORGET_NUMBERS = "delete from lookup where kind = 1 and subject = any($1)";

    /// Adds members of runs.
    INSERT_RUN_MEMBERS = "\
insert into run_member (run, patient, identity_opens, contact_opens, mac)
select * from unnest($1::bytea[], $2::bytea[], $3::smallint[], $4::smallint[], $5::bytea[])";

    /// Counts openings of members of runs.
    COUNT_RUN_MEMBERS = "\
update run_member set identity_opens = made.identity_opens, contact_opens = made.contact_opens, mac = made.mac
from unnest($1::bytea[], $2::bytea[], $3::smallint[], $4::smallint[], $5::bytea[])
  as made(run, patient, identity_opens, contact_opens, mac)
where run_member.run = made.run and run_member.patient = made.patient";

    /// Whether the keeper knows anything of anybody.
    HAS_FACTS = "select exists (select from fact)";

    /// The newest hourly key's number.
    LAST_HOUR = "select coalesce(max(hour), 0) from room_hour_key";

    /// A new hourly key.
    INSERT_HOUR = "insert into room_hour_key (hour, sealed) values ($1, $2)";

    /// The last entry of each of these patients, with its body to be hashed ($1: surrogates).
    LAST_OF_PATIENTS = "\
select e.patient, e.sequence, e.index, e.at, e.kind, e.decision, e.purpose, e.role, e.practice,
  e.item_kind, e.session, e.principal, e.item, e.body
from unnest($1::bigint[]) as asked(patient)
cross join lateral (
  select patient, sequence, index, at, kind, decision, purpose, role, practice, item_kind, session,
    principal, item, body
  from entry where entry.patient = asked.patient order by index desc limit 1
) e";

    /// Everything that cost something since $1, oldest first.
    CHARGES_SINCE = "\
select at, principal, patient, practice, charge, session, purpose, role, item, instance from entry
where index >= $1 and charge > 0 and decision = 0 order by index";

    /// Each day's busiest hour of each principal with role $2, by distinct patients charged by $3, since entry $1.
    DEPOSIT_PEAKS = "\
select principal, max(at), max(patients) from (
  select principal, max(at) as at, count(distinct patient) as patients from entry
  where index >= $1 and charge = $3 and role = $2 and decision = 0
  group by principal, at / 3600000000
) hours
group by principal, at / 86400000000";

    /// The time of an entry.
    AT_OF = "select at from entry where index = $1";

    /// Leaves from $1 to before $2, in order.
    LEAVES = "select index, leaf from entry where index >= $1 and index < $2 order by index";

    /// Entries from $1 to before $2, in order, for the export and the public tiles; of a body only its digest.
    EXPORT = "\
select index, at, kind, decision, purpose, role, practice, item_kind, session, principal, patient, item, leaf,
  sequence, sha256(body) as body
from entry where index >= $1 and index < $2 order by index";
}
