-- An erased item keeps its row, so that the same deposit sent again is known, and has no key any more.

alter table item add column erased_index bigint;
comment on column item.erased_index is 'Index of the entry that destroyed the key; from then on wrapped holds zeros. Null for what is kept.';
create index item_of_erasure on item (erased_index) where erased_index is not null;

-- A practice reads what it erased; few entries are of this kind and of a practice.
create index entry_of_erasure on entry (practice, index) where kind = 18;
