-- Who has read which waiting message, so that it is not announced to them again. Neither of them stands here.

create table notice_read (
    mark bytea primary key check (octet_length(mark) = 16)
);

comment on table notice_read is 'A row for each message that somebody read: whose, and which message, cannot be read from it.';
comment on column notice_read.mark is 'First 16 bytes of SHA-256 over a fixed word, the reader''s random id, which this database does not hold, and the message''s id.';

grant select, insert on notice_read to candour_portal;
