-- Epoch keys are replaced in turn, and destroyed once nothing needs them. The wrapped keys stand in a table of their own,
-- which a backup leaves out: candour backup writes them beside it, into one small file that each backup replaces.

create table epoch_secret (
  scope bytea not null check (length(scope) = 16),
  epoch integer not null,
  wrapped bytea not null,
  primary key (scope, epoch),
  foreign key (scope, epoch) references epoch_key (scope, epoch)
);
comment on table epoch_secret is 'The epoch keys that were not destroyed. In no backup of this database.';
comment on column epoch_secret.scope is 'Zero bytes for people, else the practice''s keyed token, 16 bytes.';
comment on column epoch_secret.epoch is 'Number of the key within its scope.';
comment on column epoch_secret.wrapped is 'The key under the root (sealed).';
insert into epoch_secret (scope, epoch, wrapped) select scope, epoch, wrapped from epoch_key;

alter table epoch_key drop column wrapped;
alter table epoch_key add column left_at bigint;
comment on column epoch_key.left_at is 'Since when nothing hangs on the key any more, microseconds; null while something does.';
alter table epoch_key add column destroyed_at bigint;
comment on column epoch_key.destroyed_at is 'When the key was destroyed, microseconds; null while it is there.';

create index subject_key_of_epoch on subject_key (scope, epoch);
