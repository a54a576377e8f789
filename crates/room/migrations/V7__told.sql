-- Who was told by a person and not by a message: a row for each time somebody wrote it down.

create table told (
    incident bytea not null,
    patient bytea not null,
    number integer not null,
    is_told boolean not null,
    how text not null check (how in ('phone', 'in_person', 'letter')),
    told_on date not null,
    author bytea not null check (length(author) = 16),
    role smallint not null,
    practice bytea,
    at timestamptz not null,
    entry_index bigint not null,
    primary key (incident, patient, number),
    foreign key (incident, patient) references register
);
comment on table told is 'who was told by phone, in person or by letter; rows are added, never changed: the newest counts';
comment on column told.incident is 'the case';
comment on column told.patient is 'who was told';
comment on column told.number is 'order for this person, from 1';
comment on column told.is_told is 'false: the row before was wrong';
comment on column told.how is 'how they were told';
comment on column told.told_on is 'on which day, as whoever wrote it down says';
comment on column told.author is 'who wrote it down, 16 random bytes';
comment on column told.role is 'number of the author''s role';
comment on column told.practice is 'the author''s practice, 16 bytes; null for an officer of the operator';
comment on column told.at is 'when it was written down';
comment on column told.entry_index is 'the keeper''s ledger entry of the author''s leave to write it';
