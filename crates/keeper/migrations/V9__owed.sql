-- People are told by mail of changes of their account and of who reads their record: of which, stands in the entry's body.

alter table entry add column owes smallint;
comment on column entry.owes is 'Of what somebody is to be told by mail, closed list Notification, as the sealed body says too; empty for all else.';
create index entry_owing on entry (at) where owes is not null;

comment on column entry.of_grant is 'The grant that was delivered or withheld, or the entry that somebody is told of, as the sealed body says too; empty for all else, and in entries written before there was this column.';
