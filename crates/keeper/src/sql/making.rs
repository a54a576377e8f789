//! Making an installation and reading what was made.

super::statements! {
    /// The installation.
    INSERT_INSTALLATION = "\
insert into installation (id, is_demonstration, made_at, room_public, room_private, mac)
values ($1, $2, $3, $4, $5, $6)";

    /// Reads it.
    SELECT_INSTALLATION = "\
select id, is_demonstration, made_at, room_public, room_private, mac from installation";

    /// Whether others have a database in the same cluster: its owner could then change the keeper's.
    SHARES_CLUSTER = "\
select exists (select from pg_database where not datistemplate and datname not in (current_database(), 'postgres'))";

    /// Whether a commit waits for the disk, and for that of a second machine.
    DURABILITY = "\
select current_setting('fsync') = 'on' and current_setting('full_page_writes') = 'on'
    and current_setting('synchronous_commit') <> 'off',
  current_setting('synchronous_standby_names') <> '' and current_setting('synchronous_commit') not in ('off', 'local')";

    /// An empty ledger.
    INSERT_HEAD = "insert into ledger_head (epoch, size, frontier, at) values (0, 0, $1, 0)";

    /// All epoch keys there ever were; those that are there with their wrapped form.
    SELECT_EPOCH_KEYS = "\
select k.scope, k.epoch, k.made_at, k.left_at, k.destroyed_at, s.wrapped
from epoch_key k left join epoch_secret s on s.scope = k.scope and s.epoch = k.epoch
order by k.scope, k.epoch";

    /// Keys of one subject, at the very beginning.
    INSERT_SUBJECT_KEY = "\
insert into subject_key (subject, scope, epoch, reading, audit) values ($1, $2, $3, $4, $5)";
}
