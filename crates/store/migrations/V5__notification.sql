-- Mails by which people are told of a change: one row for each mail, while it is on its way. A row goes when the keeper
-- has noted what became of it.

create table notification (
    entry    bigint not null check (entry > 0),
    item     bytea not null check (octet_length(item) = 16),
    what     smallint not null,
    at       timestamptz not null,
    state    text not null default 'waiting' check (state in ('waiting', 'sent', 'no_address', 'refused', 'stuck')),
    attempts smallint not null default 0,
    next_at  timestamptz not null,
    lease    bytea check (octet_length(lease) = 16),
    primary key (entry, item)
);

comment on table notification is 'A mail to one address about one entry of the ledger, from when it is owed until the keeper has noted what became of it.';
comment on column notification.entry is 'The ledger index of the entry that somebody is told of.';
comment on column notification.item is 'The contact block whose address it goes to, 16 bytes.';
comment on column notification.what is 'Of what they are told, closed list Notification.';
comment on column notification.at is 'When that happened.';
comment on column notification.state is 'waiting, sent, no_address (nothing to write to), refused (by the relay, for good) or stuck (tried ten times).';
comment on column notification.attempts is 'How often it was tried.';
comment on column notification.next_at is 'When it is tried next; while somebody tries, when somebody else may.';
comment on column notification.lease is 'Random, 16 bytes: whoever tries it now. Only they say what became of it.';

grant select, insert, update, delete on notification to candour_worker;
