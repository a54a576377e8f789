-- What the keeper noticed by itself: whoever is on call is told of each.

create table alarm (
    index bigint primary key references entry,
    at timestamptz not null,
    rule smallint not null,
    due_at timestamptz not null,
    attempts integer not null default 0,
    next_at timestamptz not null,
    last_error text,
    told_at timestamptz
);
create index alarm_untold on alarm (next_at) where told_at is null;
comment on table alarm is 'one row for each alarm of the keeper, and whether whoever is on call was told';
comment on column alarm.index is 'ledger index of the alarm';
comment on column alarm.at is 'when the rule spoke';
comment on column alarm.rule is 'the rule''s number';
comment on column alarm.due_at is 'when a mail with it is due';
comment on column alarm.attempts is 'tries so far';
comment on column alarm.next_at is 'when the next try may begin; while one sender holds the row, when its lease ends';
comment on column alarm.last_error is 'a fixed word for the last failure; nothing personal';
comment on column alarm.told_at is 'when the mail left our systems';
