-- What waits for a second officer, and an index by which a large scope is computed.

create table act (
    incident bytea not null references incident,
    kind text not null check (kind in ('unlock', 'run')),
    pending bytea not null check (length(pending) = 16),
    officer bytea not null check (length(officer) = 16),
    begun_at timestamptz not null,
    primary key (incident, kind)
);
comment on table act is 'an act that one officer has begun and that waits for another; gone when it is done';
comment on column act.incident is 'the case';
comment on column act.kind is 'unlock: the room''s private key; run: the mails to people';
comment on column act.pending is 'the keeper''s id of the pending change, 16 random bytes';
comment on column act.officer is 'who began it, 16 random bytes: somebody else must answer';
comment on column act.begun_at is 'when';

create index entry_release on entry (session, patient, item, kind, index) where kind in (1, 2, 17);
