-- At start the keeper counts 28 days of deposits; this finds them among all that was opened.

create index entry_of_deposit on entry (index) where charge = 4;
