-- What says that a grant was delivered or withheld is found by the grant's index alone.

alter table entry add column of_grant bigint;
comment on column entry.of_grant is 'The grant that was delivered or withheld, as the sealed body says too; empty for all else, and in entries written before there was this column.';
create index entry_of_grant on entry (of_grant) where of_grant is not null;
