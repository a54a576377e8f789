-- What the keeper erased goes here too; the worker does it, and the portal still cannot.

grant delete on item to candour_worker;

create table erasure_done (
    only_one boolean primary key default true check (only_one),
    up_to    bigint not null check (up_to >= 0)
);

comment on table erasure_done is 'How far ciphertext of erased items was removed.';
comment on column erasure_done.only_one is 'There is one row.';
comment on column erasure_done.up_to is 'Index of the ledger entry up to which it was.';

insert into erasure_done (up_to) values (0);

grant select, update on erasure_done to candour_worker;
