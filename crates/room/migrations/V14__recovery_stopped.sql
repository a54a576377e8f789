-- A recovery at a practice's counter that the account's holder stopped is told by the same rows.

comment on table reopening is 'one row, one mail: a budget that was reopened or a recovery that was stopped (the entry''s kind says which), and whether the practice was told';
comment on column reopening.index is 'ledger index of the reopening, or of the alarm about the recovery';
comment on column reopening.at is 'when that was';
