-- What one practice may know of a person: what it deposited itself, and how to reach those enrolled with it now.

alter table register add column enrolled bytea[] not null default '{}';
comment on column register.enrolled is 'those of the practices where the patient is enrolled now; 16 bytes each';

alter table register_section add column source_practice bytea;
comment on column register_section.source_practice is 'the practice whose part alone was opened, 16 bytes; null where the parts of all practices were shown as one';

create index entry_block on entry (patient, index) where kind = 4 and item_kind in (3, 4);
