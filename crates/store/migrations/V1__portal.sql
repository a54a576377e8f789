-- The portal's database: ciphertext, and in clear only what docs/formats/clear.md lists.
-- Roles are made by the installation; candour_migrator owns everything here.

create table practice (
    id           bytea primary key check (octet_length(id) = 16),
    name         text not null check (name <> ''),
    region       text not null,
    phone        text not null,
    email        text not null,
    address      text not null,
    out_of_hours text not null,
    hpi          text
);

comment on table practice is 'Practices as they present themselves in public.';
comment on column practice.id is '16 random bytes.';
comment on column practice.name is 'Name as the practice writes it.';
comment on column practice.region is 'Health region, from the closed list of the directory.';
comment on column practice.phone is 'Telephone number for patients, as written.';
comment on column practice.email is 'Public mailbox of the practice.';
comment on column practice.address is 'Street address, lines separated by newlines.';
comment on column practice.out_of_hours is 'Telephone number to ring when the practice is closed.';
comment on column practice.hpi is 'Facility number in the Health Provider Index, if it has one.';

create table patient (
    id          bytea primary key check (octet_length(id) = 16),
    created_day date not null
);

comment on table patient is 'Patients: that they exist.';
comment on column patient.id is '16 random bytes.';
comment on column patient.created_day is 'Day (UTC) on which this installation first heard of the patient.';

create table patient_practice (
    patient  bytea not null references patient (id),
    practice bytea not null check (octet_length(practice) = 16),
    primary key (practice, patient)
);

comment on table patient_practice is 'Which practices a patient is or was enrolled at; who is enrolled now is the keeper''s to say.';
comment on column patient_practice.patient is 'The patient.';
comment on column patient_practice.practice is 'The practice; the keeper knows it before its public facts stand in table practice.';

create index patient_practice_by_patient on patient_practice (patient);

create table item (
    id          bytea primary key check (octet_length(id) = 16),
    patient     bytea not null references patient (id),
    kind        smallint not null check (kind between 1 and 5),
    deposit_day date not null,
    padded_size bigint not null check (padded_size > 0),
    stored      text not null check (stored in ('row', 'file')),
    sealed      bytea,
    room_wrap   bytea,
    check ((stored = 'row') = (sealed is not null))
);

-- Ciphertext does not compress; trying costs time on every write.
alter table item alter column sealed set storage external;
alter table item alter column room_wrap set storage external;

comment on table item is 'Sealed things. Which section, type, title, author or practice: not here.';
comment on column item.id is '16 random bytes, given by the keeper; also names the file.';
comment on column item.patient is 'Of whom it is.';
comment on column item.kind is 'Kind of item: 1 document, 2 segment, 3 identity, 4 contact, 5 notice.';
comment on column item.deposit_day is 'Day (UTC) of the deposit.';
comment on column item.padded_size is 'Size of the ciphertext in bytes; its content was padded to a size class.';
comment on column item.stored is 'Where the ciphertext is: row (up to 16 KiB) or file.';
comment on column item.sealed is '(sealed) The ciphertext, when it is in the row.';
comment on column item.room_wrap is '(sealed) The item''s key for the incident room (HPKE), for identity, contact and notice items.';

create index item_by_patient on item (patient);

-- What the incident room may see of items while portal and keeper are frozen or down: what it can be given keys for.
create view room_item as
    select id, patient, kind, deposit_day, sealed, room_wrap from item where kind in (3, 4, 5);

comment on view room_item is 'Identity, contact and notice items, for the incident room.';
comment on column room_item.id is 'As item.id.';
comment on column room_item.patient is 'As item.patient.';
comment on column room_item.kind is 'As item.kind.';
comment on column room_item.deposit_day is 'As item.deposit_day.';
comment on column room_item.sealed is '(sealed) As item.sealed.';
comment on column room_item.room_wrap is '(sealed) As item.room_wrap.';

-- A portal that is taken over can add ciphertext; it cannot change or destroy any.
revoke all on all tables in schema public from public;
grant usage on schema public to candour_portal, candour_worker, candour_room;
grant select on practice to candour_portal, candour_room;
grant select, insert, update on practice to candour_worker;
grant select, insert on patient, patient_practice, item to candour_portal, candour_worker;
grant select on patient_practice, room_item to candour_room;
