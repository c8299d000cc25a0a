"""Statements about words of sessions, by which entries are searched.

A row of `session_words` has the words of a block: neighbouring entries of one segment. Its id is the first id that an
entry of the block can have, so the rows of a segment are a range of ids, as its entries are.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from sessions.db.dialect import MARIADB, POSTGRES, SQLITE
from sessions.db.lists import parameters
from sessions.db.transaction import Statement

if TYPE_CHECKING:
    from sessions.log.statements.listing import Shape

BLOCK: Final = 32
"""Ids of a block: it begins with a multiple of this, and no segment does in a block's middle."""

FORGET_WORDS = Statement(
    "Remove the words of some blocks. They stay as blocks of which nothing is known.",
    "update {session_words} set words = null where id > :low and id <= :high and words is not null",
)

DELETE_WORDS = Statement(
    "Remove the blocks of a segment.",
    "delete from {session_words} where id >= :low and id <= :high",
)

DELETE_WORDS_OF_SESSION = Statement(
    "Remove all blocks of a session.",
    "delete from {session_words} where session = :session",
)

DELETE_BLOCK = Statement(
    "Remove a block.",
    "delete from {session_words} where id = :id",
)

_PUT = "insert into {session_words} (id, session, sealed, words) values (:id, :session, :sealed, :words)"

PUT_BLOCK = Statement(
    "Store the words of a block.",
    f"""
    {_PUT} on conflict (id) do update
    set session = excluded.session, sealed = excluded.sealed, words = excluded.words
    """,  # noqa: S608 - words of this module.
    {
        # Not by parameters: aiomysql sends many rows at once, and finds none behind them.
        MARIADB: f"""
        {_PUT} on duplicate key update session = values(session), sealed = values(sealed), words = values(words)
        """
    },
)

# --- Making words ------------------------------------------------------------------------------------------------

AT_ONCE: Final = 64
"""Sessions whose segments are looked at together."""

SEGMENTS = Statement(
    "The segments of sessions, with the version of the last entry of each, and its last block.",
    f"""
    select g.session, g.id, (
        select e.version from {{entries}} e
        where e.id > g.id * {{positions}} and e.id <= g.id * {{positions}} + {{last_position}}
        order by e.id desc limit 1
    ), (
        select max(w.id) from {{session_words}} w
        where w.id >= g.id * {{positions}} and w.id <= g.id * {{positions}} + {{last_position}}
    ) from {{segments}} g
    where g.session in ({parameters("s", AT_ONCE)}) and g.id between 1 and {{max_owner}} order by g.session, g.id
    """,  # noqa: S608 - words of this module.
)

SIZES = Statement(
    "The sizes of entries of a range, the oldest first, so many at most; also of those that have expired.",
    "select id, length(payload) from {entries} where id > :low and id <= :high order by id limit :count",
)

STORED = Statement(
    "All entries of a range, the oldest first; also those that have expired.",
    "select {entry} from {entries} where id > :low and id <= :high order by id",
)

UNKNOWN_BLOCKS = Statement(
    "The blocks of a session of which nothing is known.",
    "select id from {session_words} where session = :session and words is null order by id",
)

_VERSIONS = f"select id, version, wrapped_keys from {{sessions}} where id in ({parameters('s', AT_ONCE)})"  # noqa: S608

LOCK_SESSIONS = Statement(
    "Lock those of some sessions that nobody else has locked, and return their versions.",
    _VERSIONS,
    dict.fromkeys((POSTGRES, MARIADB), f"{_VERSIONS} order by id for update skip locked"),
)

NOTE_MADE = Statement(
    "Note the version up to which the words of a session were made.",
    "update {sessions} set words_in = :version where id = :session",
)

# --- Searching ---------------------------------------------------------------------------------------------------

MAX_NARROWED: Final = 8
"""So many of a query's words narrow a search in the database; reading the entries decides in any case."""

_HAS: Final = {
    POSTGRES: "position(cast(:h{} as bytea) in w.words) > 0",
    MARIADB: "locate(:h{}, w.words) > 0",
}


def _may_have(database: str, count: int) -> str:
    """Return the condition of blocks that may have some words.

    Bytes are found at any place, also where one hash ends and the next begins: that is looked at in vain. SQLite's
    ``instr`` takes ten times as long as Python's `bytes.find`, so there all blocks may have them, and their words are
    returned.
    """
    if database == SQLITE:
        return "1 = 1"
    return " and ".join(_HAS[database].format(number) for number in range(count))


def _words(database: str) -> str:
    return "w.words" if database == SQLITE else "case when w.sealed = 1 then w.words end"


@cache
def candidates(shape: Shape, count: int) -> Statement:
    """Return the statement for a page of sessions, each with its blocks that may have some words, the latest first.

    A session without such a block has one row without a block. The last columns are the words, if it is still to be
    looked whether the block may have them, and whether they are encrypted: then only the session's key tells.

    Args:
        shape: Which sessions.
        count: How many words narrow the search: the parameters ``h0``, ``h1`` …
    """

    def text(database: str) -> str:
        return f"""
            select k.id, k.active_at, s.session_id, s.wrapped_keys, w.id, {_words(database)}, w.sealed
            from ({shape.page}) k join {{sessions}} s on s.id = k.id left join {{session_words}} w
            on w.session = k.id and (w.words is null or w.sealed = 1 or ({_may_have(database, count)}))
            order by k.active_at desc, k.id desc, w.id desc
        """  # noqa: S608 - words of this module.

    here = text(MARIADB).replace("s.session_id,", "convert(s.session_id using utf8mb4),")
    return Statement("Blocks to look at.", text(SQLITE), {POSTGRES: text(POSTGRES), MARIADB: here})


@cache
def without(count: int) -> Statement:
    """Return the statement for the blocks of a range that have not all of some words, with words as in `candidates`."""

    def text(database: str) -> str:
        return f"""
            select w.id, {_words(database)}, w.sealed from {{session_words}} w
            where w.id >= :low and w.id <= :high and w.words is not null
            and (w.sealed = 1 or {"1 = 1" if database == SQLITE else f"not ({_may_have(database, count)})"})
        """  # noqa: S608 - words of this module.

    return Statement("Blocks to pass over.", text(SQLITE), {POSTGRES: text(POSTGRES), MARIADB: text(MARIADB)})


MADE_UP_TO = Statement(
    "The version up to which the words of a session were made.",
    "select words_in from {sessions} where id = :session",
)


@cache
def behind(shape: Shape) -> Statement:
    """Return the statement for a page of sessions whose words are to be made, the latest made first."""
    text = f"""
        select s.id, s.session_id, s.version, s.words_in, s.wrapped_keys {shape.source}
        and s.version > s.words_in and s.id < :before and (s.wrapped_keys is null or :keyed = 1)
        order by s.id desc limit :count
    """
    return Statement(
        "Sessions whose words are to be made.",
        text,
        {MARIADB: text.replace("s.session_id,", "convert(s.session_id using utf8mb4),", 1)},
    )


@cache
def count_encrypted(shape: Shape) -> Statement:
    """Return the statement that counts the encrypted sessions."""
    return Statement(
        "How many sessions are encrypted.", f"select count(*) {shape.source} and s.wrapped_keys is not null"
    )


@cache
def count_behind(shape: Shape) -> Statement:
    """Return the statement that counts them, and the encrypted sessions: of those behind, and of all."""
    text = f"""
        select count(case when s.version > s.words_in then 1 end),
        count(case when s.version > s.words_in and s.wrapped_keys is not null then 1 end),
        count(case when s.wrapped_keys is not null then 1 end) {shape.source}
    """
    return Statement("How many sessions have no words of their last entries.", text)
