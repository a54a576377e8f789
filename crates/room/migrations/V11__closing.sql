-- A case can be closed, and between its statements there are updates that say that the numbers still hold.

alter table incident add column closed_index bigint;
comment on column incident.closed_index is 'ledger size that was looked at when it was closed: a later signal is another case';
comment on column incident.closed_at is 'when two officers closed it after review';

comment on column timeline.word is 'closed list: first_grant, alarm, freeze, opened, suspect, aware, scope, unlock, approved, published, practice_told, run, patient_told, finished, closed';
comment on column approval.hash is 'SHA-256 of what was approved: a list, an update, or the closing of the case';

alter table text_version drop constraint text_version_kind_check;
alter table text_version add constraint text_version_kind_check
    check (kind in ('statement', 'practice_notice', 'patient_notice', 'holder_notice', 'call_script', 'update'));
alter table text_version add column next_update_at timestamptz;
comment on column text_version.next_update_at is 'of an update: when it promises the next one; null for every other text';

alter table statement add column kind text not null default 'statement' check (kind in ('statement', 'update'));
comment on column statement.kind is 'which text it is: a statement with its numbers, or an update that says that they still hold';
comment on column statement.text_version is 'version of that text';
alter table statement drop constraint statement_incident_text_version_key;
alter table statement add unique (incident, kind, text_version);
