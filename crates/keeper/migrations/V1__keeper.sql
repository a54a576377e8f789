-- The keeper's own database. Ids of people, patients and items stand here as keyed tokens only: without the
-- root key this database cannot be joined with the portal's. Times are microseconds since 1970-01-01T00:00:00Z.

create table installation (
  only_one boolean primary key default true check (only_one),
  id bytea not null check (length(id) = 16),
  is_demonstration boolean not null,
  made_at bigint not null,
  room_public bytea not null check (length(room_public) = 32),
  room_private bytea not null,
  mac bytea not null
);
comment on table installation is 'One row: what was fixed when this keeper was made.';
comment on column installation.only_one is 'Always true: there is one row.';
comment on column installation.id is 'The installation, random, 16 bytes.';
comment on column installation.is_demonstration is 'Whether it was made as a demonstration; cannot be changed, the MAC covers it.';
comment on column installation.made_at is 'When it was made, microseconds.';
comment on column installation.room_public is 'The incident room''s public key, 32 bytes.';
comment on column installation.room_private is 'The incident room''s private key under the root (sealed).';
comment on column installation.mac is 'MAC over the row, 32 bytes.';

create table epoch_key (
  scope bytea not null check (length(scope) = 16),
  epoch integer not null,
  wrapped bytea not null,
  made_at bigint not null,
  primary key (scope, epoch)
);
comment on table epoch_key is 'Keys that wrap subject keys; for people, or for one practice.';
comment on column epoch_key.scope is 'Zero bytes for people, else the practice''s keyed token, 16 bytes.';
comment on column epoch_key.epoch is 'Number of the key within its scope, from 1.';
comment on column epoch_key.wrapped is 'The key under the root (sealed).';
comment on column epoch_key.made_at is 'When it was made, microseconds.';

create table subject_key (
  subject bytea primary key check (length(subject) = 16),
  scope bytea not null check (length(scope) = 16),
  epoch integer not null,
  reading bytea not null,
  audit bytea not null,
  foreign key (scope, epoch) references epoch_key (scope, epoch)
);
comment on table subject_key is 'The keys of each patient, practice and of the installation. Deleting a row is erasure.';
comment on column subject_key.subject is 'Whose, keyed token, 16 bytes.';
comment on column subject_key.scope is 'Scope of the epoch key that wraps them.';
comment on column subject_key.epoch is 'Number of the epoch key that wraps them.';
comment on column subject_key.reading is 'The key that wraps item keys, under the epoch key (sealed).';
comment on column subject_key.audit is 'The key that wraps the keys of entry bodies, under the epoch key (sealed).';

create table subject_head (
  subject bytea primary key check (length(subject) = 16),
  version bigint not null check (version > 0),
  mac bytea not null
);
comment on table subject_head is 'How many facts there are of each subject; a missing fact shows here.';
comment on column subject_head.subject is 'About whom, keyed token, 16 bytes.';
comment on column subject_head.version is 'Number of facts.';
comment on column subject_head.mac is 'MAC over the row, 32 bytes.';

create table fact (
  subject bytea not null check (length(subject) = 16),
  version bigint not null check (version > 0),
  at bigint not null,
  kind smallint not null,
  body bytea not null,
  mac bytea not null,
  primary key (subject, version)
);
comment on table fact is 'What the keeper knows and decides by. Rows are only added; ending a fact adds a row.';
comment on column fact.subject is 'About whom, keyed token, 16 bytes.';
comment on column fact.version is 'Place among the subject''s facts, from 1 without gap.';
comment on column fact.at is 'When it was added, microseconds.';
comment on column fact.kind is 'Kind of fact: the number of its field in FactBody.';
comment on column fact.body is 'The fact as protocol buffer: keyed tokens, practice ids, roles, dates, region, country, birth year, marks, credential public keys, hashes; names, reasons and secrets inside are sealed.';
comment on column fact.mac is 'MAC over the row, 32 bytes.';

create table lookup (
  kind smallint not null,
  token bytea not null check (length(token) = 16),
  subject bytea not null check (length(subject) = 16),
  mac bytea not null,
  primary key (kind, token)
);
comment on table lookup is 'Texts that find a subject: NHI numbers, login names, credential ids, invitation codes.';
comment on column lookup.kind is 'What the text is: 1 NHI, 2 login, 3 credential, 4 invitation, 5 enrolment key.';
comment on column lookup.token is 'Keyed hash of the normalised text, 16 bytes.';
comment on column lookup.subject is 'Whom it finds, keyed token, 16 bytes.';
comment on column lookup.mac is 'MAC over the row, 32 bytes.';

create table name_term (
  term bytea not null check (length(term) = 16),
  patient bytea not null check (length(patient) = 16),
  primary key (term, patient)
);
comment on table name_term is 'Words by which a practice finds its own patients. A hit counts only if the facts say the patient is enrolled.';
comment on column name_term.term is 'Hash of the normalised words under the practice''s own key, 16 bytes.';
comment on column name_term.patient is 'Whom they find, keyed token, 16 bytes.';

create table item (
  item bytea primary key check (length(item) = 16),
  patient bytea not null check (length(patient) = 16),
  kind smallint not null,
  section smallint not null,
  tags smallint not null,
  month integer not null,
  practice bytea not null check (length(practice) = 16),
  deposit bytea not null unique check (length(deposit) = 16),
  of_document bytea check (length(of_document) = 16),
  wrapped bytea not null,
  deposited_at bigint not null,
  is_canary boolean not null,
  sealed_index bigint,
  size bigint,
  digest bytea check (length(digest) = 32),
  mac bytea not null
);
create index item_of_patient on item (patient, section) where sealed_index is not null;
create index item_unsealed on item (deposited_at) where sealed_index is null;
comment on table item is 'Every sealed thing: what it is in clear, and its wrapped key. Content is never here.';
comment on column item.item is 'The item, keyed token, 16 bytes.';
comment on column item.patient is 'Of whom, keyed token, 16 bytes.';
comment on column item.kind is 'What it is, closed list ItemKind.';
comment on column item.section is 'In which section, closed list Section.';
comment on column item.tags is 'Sensitivity tags: bit n - 1 is tag n.';
comment on column item.month is 'Month of the content as year * 12 + month - 1; 0 when unknown.';
comment on column item.practice is 'The practice that deposited it, 16 bytes.';
comment on column item.deposit is 'Keyed hash of practice and deposit key, 16 bytes: the same deposit twice is one item.';
comment on column item.of_document is 'For a segment of the shelf: the document it names, keyed token.';
comment on column item.wrapped is 'The item''s key under the patient''s reading key (sealed).';
comment on column item.deposited_at is 'When its key was given out, microseconds.';
comment on column item.is_canary is 'Nobody has a reason to open it.';
comment on column item.sealed_index is 'Ledger index from which on it is visible; null until it is sealed.';
comment on column item.size is 'Length of the ciphertext in bytes; null until it is sealed.';
comment on column item.digest is 'SHA-256 of the ciphertext; null until it is sealed.';
comment on column item.mac is 'MAC over the row, 32 bytes.';

create table run_member (
  run bytea not null check (length(run) = 16),
  patient bytea not null check (length(patient) = 16),
  identity_opens smallint not null,
  contact_opens smallint not null,
  mac bytea not null,
  primary key (run, patient)
);
comment on table run_member is 'Who may be opened within a run, and how often each section was.';
comment on column run_member.run is 'The run, keyed token, 16 bytes.';
comment on column run_member.patient is 'The member, keyed token, 16 bytes.';
comment on column run_member.identity_opens is 'Openings of the identity section; at most 3.';
comment on column run_member.contact_opens is 'Openings of the contact section; at most 3.';
comment on column run_member.mac is 'MAC over the row, 32 bytes.';

create table room_hour_key (
  hour integer primary key,
  sealed bytea not null
);
comment on table room_hour_key is 'Keys that wrap entry bodies for the incident room; a new one at each start and each hour.';
comment on column room_hour_key.hour is 'Number of the key, from 1.';
comment on column room_hour_key.sealed is 'The key by HPKE to the room''s public key (sealed).';

create table entry (
  index bigint primary key check (index >= 0),
  at bigint not null,
  kind smallint not null,
  decision smallint not null,
  purpose smallint not null,
  role smallint not null,
  practice bytea check (length(practice) = 16),
  item_kind smallint not null,
  session bigint not null,
  principal bigint not null,
  patient bigint not null,
  item bigint not null,
  charge smallint not null,
  sequence bigint not null,
  hour integer not null references room_hour_key (hour),
  leaf bytea not null check (length(leaf) = 32),
  body bytea not null,
  audit_wrap bytea not null,
  room_wrap bytea not null
);
create index entry_of_session on entry (session, patient, item);
create index entry_of_principal on entry (principal, at);
create index entry_of_patient on entry (patient, index);
comment on table entry is 'The ledger: one row for everything the keeper granted, refused or changed. Rows are only added.';
comment on column entry.index is 'Place in the ledger, from 0 without gap.';
comment on column entry.at is 'When, microseconds; never before the entry before.';
comment on column entry.kind is 'What it records, closed list EntryKind.';
comment on column entry.decision is '0 granted, else the number of the reason; for an alarm the rule''s number.';
comment on column entry.purpose is 'What for, closed list Purpose; 0 without.';
comment on column entry.role is 'In which role, closed list Role.';
comment on column entry.practice is 'The practice that acted, 16 bytes.';
comment on column entry.item_kind is 'What kind of item, closed list ItemKind; 0 without.';
comment on column entry.session is 'The session, first 8 bytes of its keyed token; 0 without.';
comment on column entry.principal is 'Who acted, first 8 bytes of the keyed token; 0 without.';
comment on column entry.patient is 'Whose, first 8 bytes of the keyed token; 0 without.';
comment on column entry.item is 'Which item, first 8 bytes of the keyed token; 0 without.';
comment on column entry.charge is 'What it cost: 0 nothing, 1 listed, 2 opened, 3 document, 4 deposited, 5 reopening, 6 invitation, 7 recovery.';
comment on column entry.sequence is 'This patient''s counter, from 1; 0 for entries about nobody.';
comment on column entry.hour is 'Which hourly key wraps room_wrap.';
comment on column entry.leaf is 'The leaf in the tree, 32 bytes.';
comment on column entry.body is 'The details (sealed).';
comment on column entry.audit_wrap is 'The body''s key under the patient''s or the installation''s audit key (sealed).';
comment on column entry.room_wrap is 'The body''s key under the hourly key (sealed).';

create table ledger_head (
  only_one boolean primary key default true check (only_one),
  epoch bigint not null,
  size bigint not null check (size >= 0),
  frontier bytea not null,
  at bigint not null
);
comment on table ledger_head is 'One row: who writes the ledger and how long it is. Each batch moves it, or is not written.';
comment on column ledger_head.only_one is 'Always true: there is one row.';
comment on column ledger_head.epoch is 'The writer''s epoch; each start takes the next.';
comment on column ledger_head.size is 'Number of entries.';
comment on column ledger_head.frontier is 'The right edge of the tree over them.';
comment on column ledger_head.at is 'Time of the last entry, microseconds.';
