-- At start the keeper counts what each portal process opened in the last hour.

alter table entry add column instance bigint not null default 0;
comment on column entry.instance is 'The portal process it came through, first 8 bytes of its keyed token, as the sealed body says too; 0 without, and in entries written before there was this column.';
