//! What the calls read.

/// Entries, each with the subject under whose audit key its body is.
macro_rules! with_subject {
    () => {
        "
from entry e left join lateral (
  select subject from subject_key
  where e.patient <> 0 and subject between int8send(e.patient) || '\\x0000000000000000'::bytea
    and int8send(e.patient) || '\\xffffffffffffffff'::bytea
  limit 1
) k on true
"
    };
}

/// Those of which somebody is to be told, and nobody was.
macro_rules! owing {
    () => {
        concat!(
            "select e.index, e.at, e.body, e.audit_wrap, k.subject",
            with_subject!(),
            "\
where e.owes is not null and e.decision = 0
  and not exists (select from entry t where t.of_grant = e.index and t.kind = 80)
"
        )
    };
}

super::statements! {
    /// Wrapped keys of subjects ($1: bytea[]).
    SUBJECT_KEYS = "\
select subject, scope, epoch, reading, audit from subject_key where subject = any($1)";

    /// Subjects of a scope ($1) that hang on an older epoch key than $2; at most $3.
    SUBJECTS_LEFT_BEHIND = "\
select subject, scope, epoch, reading, audit from subject_key where scope = $1 and epoch < $2 limit $3";

    /// Whether any subject hangs on an epoch key ($1 scope, $2 epoch).
    IS_HUNG_ON = "\
select exists (select from subject_key where scope = $1 and epoch = $2)";

    /// The wrapped keys of a subject and of one of its items ($1), of one instant.
    KEYS_OF_ITEM = "\
select k.subject, k.scope, k.epoch, k.reading, k.audit, i.wrapped
from item i join subject_key k on k.subject = i.patient where i.item = $1 and i.erased_index is null";

    /// Everything of a patient whose key was not destroyed, sealed or not.
    ITEMS_OF_PATIENT = "\
select item, patient, kind, section, tags, month, practice, deposit, of_document, wrapped, deposited_at,
  is_canary, sealed_index, size, digest, mac, erased_index
from item where patient = $1 and erased_index is null";

    /// Items by token ($1: bytea[]).
    ITEMS = "\
select item, patient, kind, section, tags, month, practice, deposit, of_document, wrapped, deposited_at,
  is_canary, sealed_index, size, digest, mac, erased_index
from item where item = any($1)";

    /// Items by deposit ($1: bytea[]).
    ITEMS_OF_DEPOSITS = "\
select item, patient, kind, section, tags, month, practice, deposit, of_document, wrapped, deposited_at,
  is_canary, sealed_index, size, digest, mac, erased_index
from item where deposit = any($1)";

    /// The visible items of a patient's section ($1 patient, $2 section); a shelf segment is visible once its
    /// document is, and from then on.
    SECTION = "\
select i.item, i.patient, i.kind, i.section, i.tags, i.month, i.practice, i.deposit, i.of_document, i.wrapped,
  i.deposited_at, i.is_canary, i.sealed_index, i.size, i.digest, i.mac, i.erased_index,
  greatest(i.sealed_index, d.sealed_index)
from item i left join item d on d.item = i.of_document
where i.patient = $1 and i.section = $2 and i.sealed_index is not null
  and (i.of_document is null or d.sealed_index is not null)
order by i.sealed_index, i.item";

    /// Deposits older than $1 that were never sealed; at most $2.
    STALE_DEPOSITS = "\
select item, patient, kind, section, tags, month, practice, deposit, of_document, wrapped, deposited_at,
  is_canary, sealed_index, size, digest, mac, erased_index
from item where sealed_index is null and deposited_at < $1 order by deposited_at limit $2";

    /// What a practice ($2) deposited about a patient ($1) and did not erase; with $3 that document and what names it.
    KEPT_ITEMS = "\
select item, patient, kind, section, tags, month, practice, deposit, of_document, wrapped, deposited_at,
  is_canary, sealed_index, size, digest, mac, erased_index
from item where patient = $1 and practice = $2 and sealed_index is not null and erased_index is null
  and ($3::bytea is null or item = $3 or of_document = $3)";

    /// Whether anybody but this practice ($2) has something of a patient ($1) that was not erased, or is about to.
    OTHERS_KEEP = "\
select exists (
  select from item where patient = $1 and practice <> $2 and erased_index is null
)";

    /// What was erased by entries after $1 and before $2; whole entries, in their order.
    ERASED_AFTER = "\
select item, patient, kind, section, tags, month, practice, deposit, of_document, wrapped, deposited_at,
  is_canary, sealed_index, size, digest, mac, erased_index
from item where erased_index > $1 and erased_index <= (
  select max(erased_index) from (
    select erased_index from item where erased_index > $1 and erased_index < $2 order by erased_index limit 500
  ) as next
) order by erased_index, item";

    /// Whether this principal ($2) was ever granted something of this patient ($1).
    GRANTED_BEFORE = "\
select exists (
  select from entry where patient = $1 and principal = $2 and kind = 1 and decision = 0
)";

    /// Whether nobody but this principal ($3) sealed or changed anything about this patient ($1), and they or their
    /// proxies opened nothing, since $2. By the newest such entry: whoever has a long history is answered as fast.
    HAS_SLEPT = "\
select coalesce((
  select at < $2 from entry
  where patient = $1 and decision = 0
    and (kind in (4, 6) and principal <> $3 or kind = 1 and role in (1, 2))
  order by index desc limit 1
), true)";

    /// Patients whom all of these words find ($1: bytea[]), at most $2.
    FIND = "\
select distinct patient from name_term where term = any($1) order by patient limit $2";

    /// How many of these words find this patient.
    NAMED = "\
select count(*) from name_term where patient = $1 and term = any($2)";

    /// A member of a run.
    RUN_MEMBER = "\
select identity_opens, contact_opens, mac from run_member where run = $1 and patient = $2";

    /// A patient's entries before index $2, newest first.
    HISTORY = "\
select index, at, kind, decision, purpose, role, practice, item_kind, session, principal, patient, item, leaf,
  sequence, body, audit_wrap
from entry where patient = $1 and index < $2 order by index desc limit $3";

    /// What was opened of a patient ($1) by patients and whoever acts for them, who looked at who had, and what became of it,
    /// from index $2 on.
    RELEASES = "\
select index, at, kind, role, purpose, body, audit_wrap
from entry where patient = $1 and index >= $2
  and (kind in (1, 15) and decision = 0 and role in (1, 2) or kind in (2, 17))
order by index limit $3";

    /// A practice's reopened budgets before index $2, newest first, each with how many it makes within a day by the
    /// same principal.
    REOPENINGS = "\
select e.index, e.at, e.role, e.practice, e.body, e.audit_wrap, (
  select count(*) from entry o
  where o.principal = e.principal and o.at > e.at - 86400000000 and o.at <= e.at and o.kind = 20
    and o.decision = 0 and o.index <= e.index
)
from entry e where e.kind = 20 and e.decision = 0 and e.practice = $1 and e.index < $2
order by e.index desc limit $3";

    /// Committed entries from an index on.
    ENTRIES_FROM = "\
select index, at, kind, decision, purpose, role, practice, item_kind, session, principal, patient, item, hour,
  leaf, body, room_wrap
from entry where index >= $1 order by index limit $2";

    /// Hourly keys by number.
    HOUR_KEYS = "select hour, sealed from room_hour_key where hour = any($1) order by hour";

    /// Grants at these indexes ($1), not older than $2, with the subject under whose audit key the body is.
    GRANTS = concat!(
        "\
select e.index, e.purpose, e.role, e.practice, e.item_kind, e.session, e.principal, e.patient, e.item, e.body,
  e.audit_wrap, k.subject",
        with_subject!(),
        "\
where e.index = any($1) and e.at >= $2 and e.kind = 1 and e.decision = 0"
    );

    /// What says of the grant at index $1 that it was delivered or withheld.
    ANSWERS = "\
select index, body, audit_wrap from entry where of_grant = $1 and kind in (2, 17)";

    /// Entries after $1 and before index $2 that somebody is to be told of, and nobody was: changed addresses last,
    /// because there may be many at once, else everybody's first before anybody's second, the oldest first; each with the
    /// subject under whose audit key the body is.
    OWED = concat!(
        owing!(),
        "\
and e.at > $1 and e.index < $2
order by e.owes = 14, row_number() over (
  partition by case e.patient when 0 then e.principal else e.patient end order by e.at, e.index
), e.at, e.index limit $3"
    );

    /// The same at index $1, where it is not older than $2.
    OWED_AT = concat!(owing!(), "and e.index = $1 and e.at > $2");

    /// How often addresses were opened to tell of entry $1, and by $2 at all since $3, and of patient $4 among them.
    TOLD_OPENINGS = "\
select (select count(*) from entry where of_grant = $1 and kind = 1),
  count(*), count(*) filter (where patient = $4 or (patient = 0 and item = $4))
from entry where principal = $2 and at > $3 and kind = 1 and decision = 0 and purpose = 80";

    /// Of how many entries since $1 nobody could be told: refused or tried often enough, or older than $2 by now.
    NOT_TOLD = "\
select count(*) from entry e
where e.owes is not null and e.at > $1 and e.decision = 0 and (
  exists (select from entry t where t.of_grant = e.index and t.kind = 80 and t.decision in (8, 10))
  or (e.at <= $2 and not exists (select from entry t where t.of_grant = e.index and t.kind = 80)))";

    /// What a practice erased, before index $2, newest first.
    ERASURES = "\
select index, at, role, body, audit_wrap, (
  select subject from subject_key
  where subject between int8send(e.patient) || '\\x0000000000000000'::bytea
    and int8send(e.patient) || '\\xffffffffffffffff'::bytea
  limit 1
)
from entry e where kind = 18 and decision = 0 and practice = $1 and index < $2
order by index desc limit $3";

    /// What a practice ($1) made visible after entry ($2 time, $3 index) until before the time $4, in entries before $5; at
    /// most $6.
    SEALED_BETWEEN = "\
select i.item, i.patient, i.kind, i.section, i.tags, i.month, i.practice, i.deposit, i.of_document, i.wrapped,
  i.deposited_at, i.is_canary, i.sealed_index, i.size, i.digest, i.mac, i.erased_index,
  e.index, e.at, e.role, e.body, e.audit_wrap
from entry e join item i on i.item between int8send(e.item) || '\\x0000000000000000'::bytea
    and int8send(e.item) || '\\xffffffffffffffff'::bytea and i.sealed_index = e.index
where e.kind = 4 and e.decision = 0 and e.practice = $1 and (e.at, e.index) > ($2, $3) and e.at < $4
  and e.index < $5 and i.practice = $1 and i.erased_index is null
order by e.at, e.index limit $6";

    /// What became visible by these entries ($1: indexes).
    SEALED_AT = "\
select i.item, i.patient, i.kind, i.section, i.tags, i.month, i.practice, i.deposit, i.of_document, i.wrapped,
  i.deposited_at, i.is_canary, i.sealed_index, i.size, i.digest, i.mac, i.erased_index
from entry e join item i on i.item between int8send(e.item) || '\\x0000000000000000'::bytea
    and int8send(e.item) || '\\xffffffffffffffff'::bytea and i.sealed_index = e.index
where e.index = any($1) and e.kind = 4";

    /// Lines on the shelves of patients ($1) that name one of these documents ($2).
    LINES_OF = "\
select item, patient, kind, section, tags, month, practice, deposit, of_document, wrapped, deposited_at,
  is_canary, sealed_index, size, digest, mac, erased_index
from item where patient = any($1) and section = 1 and sealed_index is not null and of_document = any($2)";

    /// What was released of patients ($1: surrogates) by entries after $2 and before $3, and not held back.
    OPENINGS = "\
select index, patient, body, audit_wrap from entry e
where patient = any($1) and index > $2 and index < $3 and kind = 1 and decision = 0
  and not exists (select from entry w where w.of_grant = e.index and w.kind = 17)";

    /// The entry at index $2, if by it this practice ($1) took something back.
    RECALL_AT = "\
select index, body, audit_wrap from entry
where index = $2 and kind = 60 and patient = 0 and decision = 0 and practice = $1";

    /// Every act by which something was taken back or put back, with how many patients were told.
    RECALLS_TOLD = "\
select index, kind, role, practice, session, principal, body, audit_wrap,
  (select count(*) from entry t where t.of_grant = e.index) as told
from entry e where kind in (60, 61) and patient = 0 and decision = 0 order by index";

    /// Who was told of the act at index $1.
    TOLD = "select patient from entry where of_grant = $1";

    /// What a practice took back or put back, before index $2, newest first.
    RECALLS = "\
select index, at, kind, role, body, audit_wrap from entry
where kind in (60, 61) and patient = 0 and decision = 0 and practice = $1 and index < $2
order by index desc limit $3";

    /// Whom the recall of a practice ($1) at index $2 concerned, told before index $3, newest first.
    RECALLED_OF = "\
select index, at, role, body, audit_wrap, (
  select subject from subject_key
  where subject between int8send(e.patient) || '\\x0000000000000000'::bytea
    and int8send(e.patient) || '\\xffffffffffffffff'::bytea
  limit 1
)
from entry e where of_grant = $2 and kind = 60 and practice = $1 and index < $3
order by index desc limit $4";

    /// Who made one entry.
    MADE_BY = "select session, principal, role from entry where index = $1";

    /// Everybody with a role, a proxy right or a program's credential, also of the past.
    WITH_ROLES = "select distinct subject, kind from fact where kind in (9, 10, 11, 18)";

    /// How long the rest of the transaction waits for a lock.
    WAIT_SHORTLY = "set local lock_timeout = '2s'";

    /// Keeps everybody from the secrets of the epoch keys until the transaction ends.
    LOCK_SECRETS = "lock table epoch_secret in access exclusive mode";

    /// All of them.
    SECRETS = "select scope, epoch, wrapped from epoch_secret";

    /// Gives them a new file, with nothing in it.
    EMPTY_SECRETS = "truncate epoch_secret";

    /// Puts one in: scope ($1), number ($2), the key under the root ($3).
    PUT_SECRET = "insert into epoch_secret (scope, epoch, wrapped) values ($1, $2, $3)";

    /// Every program that any practice ever had.
    CLIENTS = "select subject from fact where kind = 18";

    /// How many have a fact of a kind: an account of their own, a record, an enrolment, a proxy, something shared.
    HAVE_FACTS = "\
select kind, count(distinct subject) from fact where kind in (8, 12, 13, 16, 39) group by kind";

    /// How many patients have something with a sensitivity tag.
    HAVE_SENSITIVE = "\
select count(distinct patient) from item where tags <> 0 and sealed_index is not null and erased_index is null";

    /// One entry with its body.
    ENTRY = "\
select index, kind, decision, patient, body, audit_wrap from entry where index = $1";
}
