-- Sessions that an officer took into a scope, and an index by which the sessions of an account are found.

create table scope_session (
    incident bytea not null references incident,
    session bigint not null,
    officer bytea not null check (length(officer) = 16),
    role smallint not null,
    at timestamptz not null,
    entry_index bigint not null,
    primary key (incident, session)
);
comment on table scope_session is 'a session that the rule leaves out and an officer took into the scope; rows are added, never changed';
comment on column scope_session.incident is 'the case';
comment on column scope_session.session is 'surrogate of the session';
comment on column scope_session.officer is 'who took it in, 16 random bytes';
comment on column scope_session.role is 'number of the officer''s role';
comment on column scope_session.at is 'when';
comment on column scope_session.entry_index is 'the keeper''s ledger entry of the officer''s answer';

create index entry_sign_in on entry (principal, session, index) where kind = 7;
