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
];
