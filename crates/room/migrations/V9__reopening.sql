-- A clinician who goes on past a spent budget: the practice's privacy officer is told of each.

create table reopening (
    index bigint primary key references entry,
    practice bytea not null check (length(practice) = 16),
    at timestamptz not null,
    attempts integer not null default 0,
    next_at timestamptz not null,
    last_error text,
    told_at timestamptz
);
create index reopening_untold on reopening (next_at) where told_at is null;
comment on table reopening is 'one row, one mail: a budget that was reopened, and whether the practice was told';
comment on column reopening.index is 'ledger index of the reopening';
comment on column reopening.practice is 'whom to tell: the practice''s id, 16 random bytes';
comment on column reopening.at is 'when the budget was reopened';
comment on column reopening.attempts is 'tries so far';
comment on column reopening.next_at is 'when the next try may begin; while one sender holds the row, when its lease ends';
comment on column reopening.last_error is 'a fixed word for the last failure; nothing personal';
comment on column reopening.told_at is 'when the mail left our systems';
