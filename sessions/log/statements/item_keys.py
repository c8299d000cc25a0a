"""Statements about item keys.

A row says that an item with this key was added as an entry. If a pop takes that entry off a branch, a row with the
negative id says that this branch has seen the key. If the entry is redacted or removed, such a row says it of all.
"""

from __future__ import annotations

from typing import Final

from sessions.db.dialect import POSTGRES
from sessions.db.lists import parameters
from sessions.db.transaction import Statement

EVERYWHERE: Final = -1
"""In place of a branch's number: every way has seen the key."""

AT_ONCE: Final = 32
"""Keys that `KNOWN_KEYS` asks for."""

_IDENTITY = "item_key = :item_key and session = :session and entry = :entry and branch = :branch and version = :version"

KNOWN_KEYS = Statement(
    """What is known of some keys, the parameters `k0`, `k1` and so on: until their time ends and no entry is left.

    The first column is the database's time: if nothing is known, there is one row with nulls in the others. The last is
    1 if the session was cleared since.
    """,
    f"""
    select {{clock}}, k.item_key, k.entry, k.branch, k.digest, case when k.version <= s.cleared_in then 1 else 0 end
    from {{sessions}} s left join {{item_keys}} k on k.session = s.id
    and k.item_key in ({parameters("k", AT_ONCE)})
    and (k.until > {{clock}} or exists (select 1 from {{entries}} e where e.id = k.entry and {{live}}))
    where s.id = :session
    """,  # noqa: S608 - words of this module.
)

ADD_KEY = Statement(
    "Store the key of an item.",
    # Drivers for MariaDB send rows together if all values are parameters.
    """
    insert into {item_keys} (item_key, session, entry, version, digest, until, due)
    values (:item_key, :session, :entry, :version, :digest, :until, :due)
    """,
)

FLAG_KEYED = Statement(
    "Note that a session has item keys.",
    "update {sessions} set keyed = 1 where id = :session",
)

KEYS_OF_ENTRIES = Statement(
    "The keys of a range of entries.",
    """
    select entry, item_key, digest, until from {item_keys}
    where session = :session and entry > :low and entry <= :high
    """,
)

PLACES_OF_KEY = Statement(
    "The entries of a session that have a key, the newest first.",
    """
    select k.entry, k.version from {item_keys} k join {entries} e on e.id = k.entry
    where k.session = :session and k.item_key = :item_key and {live} order by k.version desc
    """,
)

FIND_KEY = Statement(
    "Sessions with an entry that has a key, the latest made first.",
    """
    select s.session_id from {sessions} s where s.id in (
        select k.session from {item_keys} k join {entries} e on e.id = k.entry where k.item_key = :item_key and {live}
    ) and (:any_owner = 1 or s.owner = :owner) order by s.id desc limit :count
    """,
)

KEEP_KEYS = Statement(
    "Note for a branch that it has seen the keys of a range of entries, which leave it.",
    """
    insert into {item_keys} (item_key, session, entry, branch, version, digest, until, due)
    select k.item_key, k.session, -k.entry, k.branch + :branch, k.version, k.digest, k.until, k.due from {item_keys} k
    where k.session = :session and k.entry > :low and k.entry <= :high and not exists (
        select 1 from {item_keys} o where o.item_key = k.item_key and o.session = k.session
        and o.entry = -k.entry and o.branch = :branch and o.version = k.version
    )
    """,
)

SHARE_POPPED = Statement(
    "Note for a branch that it has seen the keys of what was popped in an attempt, whose way it goes on.",
    """
    insert into {item_keys} (item_key, session, entry, branch, version, digest, until, due)
    select k.item_key, k.session, k.entry, k.branch - :attempt + :branch, k.version, k.digest, k.until, k.due
    from {item_keys} k where k.session = :session and k.entry < 0 and k.branch = :attempt and not exists (
        select 1 from {item_keys} o where o.item_key = k.item_key and o.session = k.session
        and o.entry = k.entry and o.branch = :branch and o.version = k.version
    )
    """,
)

BARRED_KEYS = Statement(
    "The keys that no way of a session adds, as their entries were redacted or removed, until their time ends.",
    f"""
    select item_key, digest, until from {{item_keys}}
    where session = :session and entry < 0 and branch = {EVERYWHERE} and until > {{clock}} order by item_key, until
    """,  # noqa: S608 - a number of this module.
)

FORGET_PLACES = Statement(
    "Remove the keys of a range of entries, whose places others will take.",
    "delete from {item_keys} where session = :session and entry > :low and entry <= :high",
)

FORGET_KEYS_OF_SESSION = Statement(
    "Remove a session's item keys.",
    "delete from {item_keys} where session = :session",
)

_DUE = """
    select k.item_key, k.session, k.entry, k.branch, k.version,
    case when exists (select 1 from {entries} e where e.id = k.entry) then 1 else 0 end
    from {item_keys} k where k.due <= {clock} order by k.due limit :count
"""

DUE_KEYS = Statement(
    "Item keys that it is time to look at, of whatever sessions, each with whether its entry is there.",
    _DUE,
    # Those that another process is looking at are left to it.
    {POSTGRES: _DUE + " for update of k skip locked"},
)

FORGET_KEY = Statement(
    "Remove an item key, unless a correction has prolonged it since.",
    f"delete from {{item_keys}} where {_IDENTITY} and due <= {{clock}}",  # noqa: S608 - as above.
)

LOOK_LATER = Statement(
    "Look at an item key, whose entry is there, when that is twice as old; not sooner than in a month.",
    f"update {{item_keys}} set due = {{clock}} + :life + {{clock}} - until where {_IDENTITY}",  # noqa: S608
)

RAW_DIGESTS = Statement(
    "Item keys of a session with digests that need no key to be computed.",
    """
    select item_key, session, entry, branch, version, digest from {item_keys}
    where session = :session and length(digest) = :length limit :count
    """,
)

SET_DIGEST = Statement(
    "Store an item key's other digest.",
    f"update {{item_keys}} set digest = :digest where {_IDENTITY}",  # noqa: S608
)
