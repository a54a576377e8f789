-- What the list says that two officers approved last, so that a practice keeps it while a newer version waits for them.

alter table register add column approved_practices bytea[] not null default '{}';
comment on column register.approved_practices is 'practices on whose list, as approved last, the patient stands; 16 bytes each; none: on no approved list';

alter table register add column approved_state text
    check (approved_state in ('confirmed', 'probable', 'under_review'));
comment on column register.approved_state is 'the state that was approved last; null: on no approved list';

alter table register_item add column approved_as_listing boolean;
comment on column register_item.approved_as_listing is 'is_listing as it was approved last; null: on no approved list';

alter table register_section add column approved_as_listing boolean;
comment on column register_section.approved_as_listing is 'is_listing as it was approved last; null: on no approved list';
