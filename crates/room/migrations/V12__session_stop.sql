-- Sessions that an officer stopped, which the keeper did not stop by itself.

create table session_stop (
    incident bytea not null references incident,
    session bigint not null,
    officer bytea not null check (length(officer) = 16),
    role smallint not null,
    at timestamptz not null,
    entry_index bigint not null,
    primary key (incident, session)
);
comment on table session_stop is 'a session of the account that an officer stopped; rows are added, never changed';
comment on column session_stop.incident is 'the case';
comment on column session_stop.session is 'surrogate of the session';
comment on column session_stop.officer is 'who stopped it, 16 random bytes';
comment on column session_stop.role is 'number of the officer''s role';
comment on column session_stop.at is 'when';
comment on column session_stop.entry_index is 'the keeper''s ledger entry of the freeze';
