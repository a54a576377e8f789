//! Every statement of the portal's database. A test prepares each against the migrated schema.

pub(crate) const PRACTICES: &str = "\
select id, name, region, phone, email, address, out_of_hours, hpi from practice order by name, id";

pub(crate) const PRACTICE: &str = "\
select id, name, region, phone, email, address, out_of_hours, hpi from practice where id = $1";

pub(crate) const PUT_PRACTICE: &str = "\
insert into practice (id, name, region, phone, email, address, out_of_hours, hpi) \
values ($1, $2, $3, $4, $5, $6, $7, $8) \
on conflict (id) do update set name = excluded.name, region = excluded.region, phone = excluded.phone, \
email = excluded.email, address = excluded.address, out_of_hours = excluded.out_of_hours, hpi = excluded.hpi";

pub(crate) const PUT_PATIENTS: &str = "\
insert into patient (id, created_day) select id, $2 from unnest($1::bytea[]) as new (id) \
on conflict (id) do nothing";

pub(crate) const LINK_PATIENTS: &str = "\
insert into patient_practice (patient, practice) select patient, $2 from unnest($1::bytea[]) as new (patient) \
on conflict (practice, patient) do nothing";

pub(crate) const PUT_ITEMS: &str = "\
insert into item (id, patient, kind, deposit_day, padded_size, stored, sealed, room_wrap) \
select id, patient, kind, $3, padded_size, stored, sealed, room_wrap \
from unnest($1::bytea[], $2::bytea[], $4::smallint[], $5::bigint[], $6::text[], $7::bytea[], $8::bytea[]) \
as new (id, patient, kind, padded_size, stored, sealed, room_wrap) \
on conflict (id) do nothing returning id";

pub(crate) const ITEMS_STORED: &str = "\
select id, patient, kind, stored, sealed from item where id = any($1)";

pub(crate) const SEALED: &str = "select sealed from item where id = $1 and stored = 'row'";

pub(crate) const SEALED_MANY: &str =
    "select id, sealed from item where id = any($1) and stored = 'row'";

pub(crate) const PUT_READ: &str = "\
insert into notice_read (mark) select mark from unnest($1::bytea[]) as new (mark) on conflict (mark) do nothing";

pub(crate) const READ: &str = "select mark from notice_read where mark = any($1)";

pub(crate) const COUNT_PRACTICES: &str = "select count(*) from practice";
pub(crate) const COUNT_PATIENTS: &str = "select count(*) from patient";
pub(crate) const COUNT_ITEMS: &str = "select count(*) from item";

pub(crate) const FILES_AFTER: &str = "\
select id, padded_size from item where stored = 'file' and id > $1 order by id limit $2";

pub(crate) const FORGET_ITEMS: &str = "delete from item where id = any($1)";

pub(crate) const ERASED_UP_TO: &str = "select up_to from erasure_done";

pub(crate) const ERASED: &str = "update erasure_done set up_to = greatest(up_to, $1)";

pub(crate) const OWE: &str = "\
insert into notification (entry, item, what, at, next_at) \
select entry, item, what, at, $5 \
from unnest($1::bigint[], $2::bytea[], $3::smallint[], $4::timestamptz[]) as new (entry, item, what, at) \
on conflict (entry, item) do nothing";

pub(crate) const NOTIFICATION_DUE: &str = "\
select exists (select from notification where state = 'waiting' and next_at <= $1)";

pub(crate) const LEASE_NOTIFICATIONS: &str = "\
update notification set attempts = attempts + 1, next_at = $2, lease = $3 \
where state = 'waiting' and next_at <= $1 and (entry, item) in ( \
select entry, item from notification where state = 'waiting' and next_at <= $1 and entry = ( \
select entry from notification where state = 'waiting' and next_at <= $1 order by next_at, entry limit 1) \
for update skip locked) \
returning entry, item, what, at, attempts";

pub(crate) const SETTLE_NOTIFICATION: &str = "\
update notification set state = $4, lease = null \
where entry = $1 and item = $2 and lease = $3 and state = 'waiting'";

pub(crate) const PUT_OFF_NOTIFICATION: &str = "\
update notification set next_at = $4, lease = null, attempts = attempts - $5 \
where entry = $1 and item = $2 and lease = $3 and state = 'waiting'";

/// The numbers of `Telling`: that one address failed counts, whatever became of the others; else that one got it.
pub(crate) const SETTLED_NOTIFICATIONS: &str = "\
select entry, case when bool_or(state = 'stuck') then 4 when bool_or(state = 'refused') then 3 \
when bool_or(state = 'sent') then 1 else 2 end \
from notification group by entry having not bool_or(state = 'waiting')";

pub(crate) const FORGET_NOTIFICATION: &str = "delete from notification where entry = $1";

/// Every statement by name.
pub const ALL: &[(&str, &str)] = &[
    ("practices", PRACTICES),
    ("practice", PRACTICE),
    ("put practice", PUT_PRACTICE),
    ("put patients", PUT_PATIENTS),
    ("link patients", LINK_PATIENTS),
    ("put items", PUT_ITEMS),
    ("items stored", ITEMS_STORED),
    ("sealed", SEALED),
    ("sealed many", SEALED_MANY),
    ("put read", PUT_READ),
    ("read", READ),
    ("count practices", COUNT_PRACTICES),
    ("count patients", COUNT_PATIENTS),
    ("count items", COUNT_ITEMS),
    ("files after", FILES_AFTER),
    ("forget items", FORGET_ITEMS),
    ("erased up to", ERASED_UP_TO),
    ("erased", ERASED),
    ("owe", OWE),
    ("notification due", NOTIFICATION_DUE),
    ("lease notifications", LEASE_NOTIFICATIONS),
    ("settle notification", SETTLE_NOTIFICATION),
    ("put off notification", PUT_OFF_NOTIFICATION),
    ("settled notifications", SETTLED_NOTIFICATIONS),
    ("forget notification", FORGET_NOTIFICATION),
];
