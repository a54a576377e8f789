-- The incident room puts the words of a notice where the patient's portal finds them: notice items and nothing else.

create view room_notice as
    select id, patient, kind, deposit_day, padded_size, stored, sealed, room_wrap from item
    where kind = 5 and stored = 'row'
    with check option;

comment on view room_notice is 'Notice items as the incident room inserts them; it can insert no other kind.';
comment on column room_notice.id is 'As item.id.';
comment on column room_notice.patient is 'As item.patient.';
comment on column room_notice.kind is 'As item.kind: 5.';
comment on column room_notice.deposit_day is 'As item.deposit_day.';
comment on column room_notice.padded_size is 'As item.padded_size.';
comment on column room_notice.stored is 'As item.stored: row.';
comment on column room_notice.sealed is '(sealed) As item.sealed.';
comment on column room_notice.room_wrap is '(sealed) As item.room_wrap.';

grant insert, select on room_notice to candour_room;
