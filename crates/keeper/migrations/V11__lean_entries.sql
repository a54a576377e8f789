-- Each opening writes an entry, so an entry carries no index that nothing asks for, and its hour is not looked up once more
-- for each: the keeper stores an hour's key before it uses its number.

alter table entry drop constraint entry_hour_fkey;
drop index entry_of_session;
drop index entry_of_principal;
-- How often addresses were opened to tell people (purpose notification).
create index entry_of_notification on entry (principal, at) where purpose = 80;
comment on column entry.hour is 'Which hourly key wraps room_wrap; its row was stored before.';
