-- The incident room's own database. Names, addresses and texts about people are never stored here in clear:
-- what is personal stands in sealed bodies, or is opened for the moment of sending.

create table entry (
    index bigint primary key,
    at timestamptz not null,
    kind smallint not null,
    decision smallint not null,
    purpose smallint not null,
    role smallint not null,
    practice bytea,
    item_kind smallint not null,
    session bigint not null,
    principal bigint not null,
    patient bigint not null,
    item bigint not null,
    leaf bytea not null check (length(leaf) = 32),
    body bytea not null,
    room_wrap bytea not null,
    hour integer not null
);
create index entry_session on entry (session, index);
create index entry_principal on entry (principal, index);
create index entry_notable on entry (index) where kind in (10, 11, 12);
comment on table entry is 'the records keeper''s ledger as the room received it, by index and without gap';
comment on column entry.index is 'position in the ledger, from 0';
comment on column entry.at is 'when the keeper wrote it';
comment on column entry.kind is 'number of the entry kind';
comment on column entry.decision is '0 granted, else the reason of the refusal; for an alarm the number of the rule';
comment on column entry.purpose is 'number of the purpose, 0 for none';
comment on column entry.role is 'number of the role';
comment on column entry.practice is 'the practice that acted, 16 bytes';
comment on column entry.item_kind is 'number of the item kind, 0 for none';
comment on column entry.session is 'surrogate of the session, 0 for none';
comment on column entry.principal is 'surrogate of the principal, 0 for none';
comment on column entry.patient is 'surrogate of the patient, 0 for none';
comment on column entry.item is 'surrogate of the item, 0 for none';
comment on column entry.leaf is 'leaf hash, 32 bytes';
comment on column entry.body is 'body of the entry (sealed)';
comment on column entry.room_wrap is 'key of the body under the hour''s key (sealed)';
comment on column entry.hour is 'number of the hour''s key';

create table hour_key (
    hour integer primary key,
    sealed bytea not null
);
comment on table hour_key is 'keys of the hours, each for the holder of the room''s private key';
comment on column hour_key.hour is 'number of the key';
comment on column hour_key.sealed is 'the key by HPKE to the room''s public key (sealed)';

create table incident (
    id bytea primary key check (length(id) = 16),
    opened_at timestamptz not null,
    trigger_index bigint not null unique,
    rule smallint not null,
    session bigint not null,
    principal bigint not null,
    unlocked_at timestamptz,
    closed_at timestamptz
);
comment on table incident is 'a case; one for each principal whose alarm is not yet part of an open case';
comment on column incident.id is 'random id, 16 bytes';
comment on column incident.opened_at is 'when the room opened it';
comment on column incident.trigger_index is 'ledger index of the alarm that opened it';
comment on column incident.rule is 'number of the rule of detection that struck';
comment on column incident.session is 'surrogate of the session the alarm named, 0 for none';
comment on column incident.principal is 'surrogate of the principal the alarm named, 0 for none';
comment on column incident.unlocked_at is 'when two officers first unlocked the room''s key for it';
comment on column incident.closed_at is 'when it was closed after review';

create table timeline (
    incident bytea not null references incident,
    number integer not null,
    at timestamptz not null,
    word text not null,
    author text not null,
    detail text not null,
    entry_index bigint,
    primary key (incident, number),
    unique (incident, word, entry_index)
);
comment on table timeline is 'what happened and when; rows are added, never changed';
comment on column timeline.incident is 'the case';
comment on column timeline.number is 'order in the case, from 1';
comment on column timeline.at is 'when it happened';
comment on column timeline.word is 'closed list: first_grant, alarm, freeze, opened, suspect, aware, scope, unlock, approved, published, practice_told, run, patient_told, finished';
comment on column timeline.author is 'Candour, or the role of the officer';
comment on column timeline.detail is 'a sentence with numbers; nobody''s name';
comment on column timeline.entry_index is 'ledger index it was read from';

create table scope (
    incident bytea not null references incident,
    version integer not null,
    computed_at timestamptz not null,
    sessions bigint[] not null,
    principals bigint[] not null,
    from_index bigint not null,
    to_index bigint not null,
    checkpoint text not null,
    hash bytea not null check (length(hash) = 32),
    people_opened integer not null,
    people_listed integer not null,
    documents_granted integer not null,
    documents_delivered integer not null,
    primary key (incident, version)
);
comment on table scope is 'a saved query over the ledger with its answer; a version is never changed';
comment on column scope.incident is 'the case';
comment on column scope.version is 'from 1';
comment on column scope.computed_at is 'when it was computed';
comment on column scope.sessions is 'surrogates of the sessions asked about';
comment on column scope.principals is 'surrogates of the principals asked about, all their sessions';
comment on column scope.from_index is 'first ledger index asked about';
comment on column scope.to_index is 'ledger size when it was computed: entries below it are covered';
comment on column scope.checkpoint is 'the signed checkpoint of the ledger at that time, as text';
comment on column scope.hash is 'SHA-256 over the rows in canonical order';
comment on column scope.people_opened is 'people with a document or record section opened';
comment on column scope.people_listed is 'people whose name line or shelf was shown and nothing more';
comment on column scope.documents_granted is 'documents whose key was released';
comment on column scope.documents_delivered is 'documents of which a first byte was sent, by the portal''s word';

create table scope_row (
    incident bytea not null,
    version integer not null,
    patient bigint not null,
    item bigint not null,
    section smallint not null,
    is_listing boolean not null,
    grant_index bigint not null,
    granted_at timestamptz not null,
    is_delivered boolean not null,
    primary key (incident, version, grant_index),
    foreign key (incident, version) references scope
);
comment on table scope_row is 'one release of keys within a scope';
comment on column scope_row.incident is 'the case';
comment on column scope_row.version is 'the scope''s version';
comment on column scope_row.patient is 'surrogate of the patient';
comment on column scope_row.item is 'surrogate of the item, 0 for a section';
comment on column scope_row.section is 'number of the section, 0 until the room is unlocked or for an item';
comment on column scope_row.is_listing is 'only a name line or shelf';
comment on column scope_row.grant_index is 'ledger index of the release';
comment on column scope_row.granted_at is 'when the key was released';
comment on column scope_row.is_delivered is 'a first byte was sent, by the portal''s word';

create table register (
    incident bytea not null references incident,
    patient bytea not null check (length(patient) = 16),
    surrogate bigint not null,
    state text not null check (state in ('confirmed', 'probable', 'under_review', 'cleared')),
    route text not null check (route in ('mail', 'call', 'representative', 'guardian', 'canary')),
    reason text not null,
    practices bytea[] not null,
    is_deceased boolean not null,
    is_unsafe_to_write boolean not null,
    birth_year integer not null,
    country text not null,
    scope_version integer not null,
    primary key (incident, patient)
);
comment on table register is 'the affected people with their state; the one source of every list, mail and count';
comment on column register.incident is 'the case';
comment on column register.patient is 'the patient, 16 random bytes';
comment on column register.surrogate is 'the patient''s surrogate in the ledger';
comment on column register.state is 'confirmed: delivered or seen in a leak; probable: key released only; cleared needs positive evidence';
comment on column register.route is 'how the person is told';
comment on column register.reason is 'why this route, as a fixed word';
comment on column register.practices is 'practices concerned: enrolled at now, or source of an opened item; 16 bytes each';
comment on column register.is_deceased is 'the patient has died';
comment on column register.is_unsafe_to_write is 'nothing may be sent to the address or mailbox';
comment on column register.birth_year is 'year of birth, 0 when unknown';
comment on column register.country is 'country as ISO 3166-1 alpha-2, empty when unknown';
comment on column register.scope_version is 'the scope version the state comes from';

create table register_item (
    incident bytea not null,
    patient bytea not null,
    item bytea not null check (length(item) = 16),
    section smallint not null,
    is_listing boolean not null,
    state text not null check (state in ('confirmed', 'probable', 'under_review', 'cleared')),
    source_practice bytea,
    first_grant bigint not null,
    primary key (incident, patient, item),
    foreign key (incident, patient) references register
);
comment on table register_item is 'what was opened of one person';
comment on column register_item.incident is 'the case';
comment on column register_item.patient is 'the patient';
comment on column register_item.item is 'the item, 16 random bytes';
comment on column register_item.section is 'number of the section, 11 for a document';
comment on column register_item.is_listing is 'only a name line or shelf';
comment on column register_item.state is 'as in register';
comment on column register_item.source_practice is 'the practice that deposited it, 16 bytes';
comment on column register_item.first_grant is 'ledger index of the first release';

create table text_version (
    incident bytea not null references incident,
    kind text not null check (kind in ('statement', 'practice_notice', 'patient_notice', 'call_script')),
    version integer not null,
    scope_version integer not null,
    subject text not null,
    words text not null,
    hash bytea not null check (length(hash) = 32),
    made_at timestamptz not null,
    published_at timestamptz,
    primary key (incident, kind, version)
);
comment on table text_version is 'texts bound to a scope version; never changed once two people have approved';
comment on column text_version.incident is 'the case';
comment on column text_version.kind is 'which text';
comment on column text_version.version is 'from 1; a correction is a new version';
comment on column text_version.scope_version is 'the scope whose numbers it states';
comment on column text_version.subject is 'subject or heading';
comment on column text_version.words is 'the text, without anybody''s name';
comment on column text_version.hash is 'SHA-256 over kind, version, subject and words';
comment on column text_version.made_at is 'when it was drafted';
comment on column text_version.published_at is 'when it was published or first sent';

create table approval (
    incident bytea not null references incident,
    hash bytea not null check (length(hash) = 32),
    officer bytea not null check (length(officer) = 16),
    role smallint not null,
    at timestamptz not null,
    entry_index bigint not null,
    primary key (incident, hash, officer)
);
comment on table approval is 'an officer''s act-bound answer to exactly one text or list';
comment on column approval.incident is 'the case';
comment on column approval.hash is 'SHA-256 of what was approved';
comment on column approval.officer is 'the person, 16 random bytes';
comment on column approval.role is 'number of the officer''s role';
comment on column approval.at is 'when';
comment on column approval.entry_index is 'the keeper''s ledger entry of the answer';

create table run (
    id bytea primary key check (length(id) = 16),
    incident bytea not null references incident,
    text_version integer not null,
    scope_version integer not null,
    begun_at timestamptz not null,
    finished_at timestamptz
);
comment on table run is 'a bulk lane approved by two people in the keeper';
comment on column run.id is 'the keeper''s id of the run, 16 random bytes';
comment on column run.incident is 'the case';
comment on column run.text_version is 'version of the patient notice';
comment on column run.scope_version is 'scope version the members come from';
comment on column run.begun_at is 'when the second person approved';
comment on column run.finished_at is 'when no member was left to write to';

create table notice (
    id bytea primary key check (length(id) = 16),
    incident bytea not null references incident,
    recipient text not null check (recipient in ('practice', 'patient')),
    recipient_id bytea not null check (length(recipient_id) = 16),
    text_version integer not null,
    channel text not null check (channel in ('mail', 'portal', 'call')),
    state text not null check (state in ('waiting', 'sending', 'handed_over', 'on_call_list', 'failed', 'stuck')),
    attempts integer not null default 0,
    lease_until timestamptz,
    last_error text,
    code_hash bytea not null check (length(code_hash) = 32),
    made_at timestamptz not null,
    handed_over_at timestamptz,
    grant_index bigint,
    unique (incident, recipient, recipient_id, text_version, channel)
);
create index notice_waiting on notice (state, lease_until) where state in ('waiting', 'sending', 'failed');
comment on table notice is 'one row, one effect: one recipient, one text version, one channel';
comment on column notice.id is 'random id, 16 bytes; the message code is derived from it';
comment on column notice.incident is 'the case';
comment on column notice.recipient is 'practice or patient';
comment on column notice.recipient_id is 'the recipient''s id, 16 random bytes';
comment on column notice.text_version is 'version of the text';
comment on column notice.channel is 'how';
comment on column notice.state is 'waiting, sending (leased), handed_over to a foreign mail server or stored in the portal, on_call_list, failed (will be tried again), stuck after ten attempts';
comment on column notice.attempts is 'tries so far';
comment on column notice.lease_until is 'until when one sender holds it';
comment on column notice.last_error is 'a fixed word for the last failure; nothing personal';
comment on column notice.code_hash is 'keyed hash of the message code, for the check page';
comment on column notice.made_at is 'when the row was made';
comment on column notice.handed_over_at is 'when it left our systems';
comment on column notice.grant_index is 'ledger index of the opening of the contact block';

create table statement (
    number integer primary key,
    incident bytea not null references incident,
    text_version integer not null,
    published_at timestamptz not null,
    next_update_at timestamptz not null,
    unique (incident, text_version)
);
comment on table statement is 'published statements, numbered, never changed';
comment on column statement.number is 'from 1, over all incidents';
comment on column statement.incident is 'the case';
comment on column statement.text_version is 'version of the statement text';
comment on column statement.published_at is 'when it was published';
comment on column statement.next_update_at is 'when the next one is due';

create table clock (
    incident bytea not null references incident,
    regime text not null,
    duty text not null,
    starts_at timestamptz not null,
    due_at timestamptz,
    done_at timestamptz,
    primary key (incident, regime, duty)
);
comment on table clock is 'a legal duty with its start, limit and state';
comment on column clock.incident is 'the case';
comment on column clock.regime is 'id of the regime in the law data';
comment on column clock.duty is 'regulator or person';
comment on column clock.starts_at is 'when it began to run';
comment on column clock.due_at is 'fixed limit, null where the law says as soon as practicable';
comment on column clock.done_at is 'when the duty was done';
