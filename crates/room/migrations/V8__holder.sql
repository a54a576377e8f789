-- The person whose own sign-in was used is told so, in a text of their own.

alter table text_version drop constraint text_version_kind_check;
alter table text_version add constraint text_version_kind_check
    check (kind in ('statement', 'practice_notice', 'patient_notice', 'holder_notice', 'call_script'));

alter table notice add column is_holder boolean not null default false;
comment on column notice.is_holder is 'the recipient''s own sign-in was used: the text is the one for them';
