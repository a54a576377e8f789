-- The room follows every opening. What was released is found by session, principal and kind.

drop index entry_release;
