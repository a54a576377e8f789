-- What somebody of a practice put in within a time is found by practice and time, so that it can be taken back as a batch;
-- and what was taken back by the practice. Both indexes leave out almost everything.

create index entry_of_sealing on entry (practice, at, index) where kind = 4;
create index entry_of_recall on entry (practice, index) where kind in (60, 61) and patient = 0;
comment on column entry.of_grant is 'The grant that was delivered or withheld, or the act that took back or put back what this entry tells a patient of, as the sealed body says too; empty for all else, and in entries written before there was this column.';
