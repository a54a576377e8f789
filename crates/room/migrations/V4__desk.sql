-- Whoever of a practice looks at its list is named in the timeline.

comment on column timeline.author is 'Candour, or the role of the officer or of whoever works at a practice';
comment on column timeline.detail is 'a sentence with numbers; no patient''s name';
