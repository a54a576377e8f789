-- A manager reads when budgets of the practice were reopened; few entries are of this kind.

create index entry_of_reopening on entry (practice, index) where kind = 20;
