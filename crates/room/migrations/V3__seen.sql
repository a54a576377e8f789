-- What an unlocked room read in the bodies of entries, so that a scope is exact and stays so after a restart; and
-- the sections that were opened, whether or not anything stood in them.

create table entry_read (
    index bigint primary key references entry,
    section smallint not null,
    of_grant bigint not null
);
comment on table entry_read is 'what two officers'' key let the room read in an entry''s body and a scope needs: nobody''s name';
comment on column entry_read.index is 'the entry';
comment on column entry_read.section is 'number of the section it is about, 11 for a document';
comment on column entry_read.of_grant is 'for a delivery or a held-back release: ledger index of the grant; 0 for a grant itself';

create table register_section (
    incident bytea not null,
    patient bytea not null,
    section smallint not null,
    items integer not null,
    is_listing boolean not null,
    state text not null check (state in ('confirmed', 'probable', 'under_review', 'cleared')),
    first_grant bigint not null,
    primary key (incident, patient, section),
    foreign key (incident, patient) references register
);
comment on table register_section is 'which parts of one person''s record were opened; a part with nothing in it says something too';
comment on column register_section.incident is 'the case';
comment on column register_section.patient is 'the patient';
comment on column register_section.section is 'number of the section';
comment on column register_section.items is 'how many items it held when it was opened, at most';
comment on column register_section.is_listing is 'only a name line or shelf';
comment on column register_section.state is 'as in register';
comment on column register_section.first_grant is 'ledger index of the first release';
