-- Which practice was told by a person and not by our mail: a row for each time an officer wrote it down.

create table practice_told (
    incident bytea not null references incident,
    practice bytea not null check (length(practice) = 16),
    number integer not null,
    is_told boolean not null,
    how text not null check (how in ('phone', 'in_person', 'letter')),
    told_on date not null,
    author bytea not null check (length(author) = 16),
    role smallint not null,
    at timestamptz not null,
    entry_index bigint not null,
    primary key (incident, practice, number)
);
comment on table practice_told is 'which practice was told by phone, in person or by letter; rows are added, never changed: the newest counts';
comment on column practice_told.incident is 'the case';
comment on column practice_told.practice is 'the practice, 16 random bytes';
comment on column practice_told.number is 'order for this practice, from 1';
comment on column practice_told.is_told is 'false: the row before was wrong';
comment on column practice_told.how is 'how it was told';
comment on column practice_told.told_on is 'on which day, as whoever wrote it down says';
comment on column practice_told.author is 'who wrote it down, 16 random bytes';
comment on column practice_told.role is 'number of the author''s role';
comment on column practice_told.at is 'when it was written down';
comment on column practice_told.entry_index is 'the keeper''s ledger entry of the author''s leave to write it';
