"""A store with a bit of everything, and the damages that are planted in it, each with the code that must be found."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sessions.db.dialect import MARIADB, POSTGRES, SQLITE
from sessions.db.ids import id_of
from sessions.db.transaction import Statement
from sessions.encrypted import handle_of
from sessions.log.schema import LOG

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.session.base import LogSession
    from sessions.store.store import Store

NAME: Final = "damaged"
OTHER: Final = "other"
EVERYWHERE: Final = (SQLITE, POSTGRES, MARIADB)


def user(text: str) -> dict[str, Any]:
    """Return a user's message."""
    return {"role": "user", "content": text}


def answer(text: str) -> dict[str, Any]:
    """Return an assistant's message."""
    return {"role": "assistant", "content": text}


CALL: Final = {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"}
OUTPUT: Final = {"type": "function_call_output", "call_id": "c1", "output": "sunny"}


async def fill(store: Store) -> None:
    """Put a bit of everything into one session, and a little into another."""
    other = store.session(OTHER)
    await other.add_items([user("o1"), answer("o2")], keys=["their key", None])
    await other.branches.create("b", position=1, switch=True)
    await other.add_items([answer("o3")])
    session = store.session(NAME)
    await session.add_items([user("1"), answer("1")], idempotency_key="first", keys=["k1", None])
    await session.add_items([user("2"), CALL, OUTPUT, answer("2")])
    await session.usage.record(input_tokens=5, model="m", key="once")
    await session.branches.create("b", turn=2)
    on_b = session.on_branch("b")
    await on_b.add_items([user("2b"), answer("2b")])
    await on_b.add_items([user("3b"), answer("3b")])
    await on_b.compact(_summary, keep_turns=1)
    await on_b.handover("billing")
    await session.add_items([user("3"), answer("3")])
    await session.undo()
    await session.add_items([user("4"), answer("4")])
    await session.add_items([user("5"), answer("5")], keys=["k5", "k5a"])
    await session.pop_item()
    await session.undo()
    await session.branches.create("c", turn=1)
    await session.on_branch("c").add_items([user("1c")], ttl=86_400)
    await session.set_info(title="Weather", tags=["red", "blue"], metadata={"a": 1})
    async with session.on_branch("b").lease(holder="somebody"):
        pass
    await store.session("erased").add_items([user("1")])
    await store.erase("erased", scrub=False)
    await store.index()
    await _run(session, [Statement("A ticket.", _WAIT), Statement("A copy.", _COPY)], **(await numbers(store)))


async def _summary(items: list[Any]) -> str:
    return f"{len(items)} items"


_WAIT: Final = """
    insert into {waiting} (session, ticket, branch, claim, until)
    values (:of, :lease, 'main', 'claim', 4000000000000000)
"""


_COPY: Final = """
    insert into {copies} (session, entry, version, source, source_version) values (:of, :s1_8, 8, :s1_7, 8)
"""


async def numbers(store: Store) -> dict[str, int]:
    """Return the numbers of the sessions' rows, which the statements of damages name."""

    def read(tx: Transaction) -> dict[str, int]:
        found: dict[str, int] = {}
        for prefix, session_id in (("", NAME), ("their_", OTHER)):
            (found[f"{prefix}of"],) = tx.the(_SESSION, session_id=session_id)
            segments = sorted(segment for (segment,) in tx.all(_SEGMENTS, session=found[f"{prefix}of"]))
            found |= {f"{prefix}s{number}": segment for number, segment in enumerate(segments, 1)}
        (found["lease"],) = tx.the(_LEASE, session=found["of"])
        found |= {"nowhere": 5000, "both": found["s2"] + found["s3"], "their_branch": (found["their_of"] << 24) + 1}
        return found

    return await handle_of(store.session(NAME)).backend.read(read, "test")


_SESSION: Final = Statement("A session.", "select id from {sessions} where session_id = :session_id")
_SEGMENTS: Final = Statement("Its segments.", "select id from {segments} where session = :session")
_LEASE: Final = Statement("Its last lease.", "select leases from {sessions} where id = :session")


class Damage(NamedTuple):
    """A damage to plant.

    Attributes:
        code: The code by which it has to be found.
        statements: The statements that do it. ``{s1}`` is the session's first segment, ``{their_s1}`` the other one's.
        where: The databases on which it can be done.
        plain: Whether it can be done to a session that is not encrypted.
        encrypted: Whether it can be found in one that is encrypted.
        about: The session that the finding has to name.
    """

    code: str
    statements: tuple[str, ...]
    where: tuple[str, ...] = EVERYWHERE
    plain: bool = True
    encrypted: bool = True
    about: str | None = NAME

    @property
    def is_of_schema(self) -> bool:
        """Whether it stays when all rows of conversations are removed."""
        return self.about is None and self.code.endswith(("-missing", "-damaged"))


def _entry(segment: str, position: int) -> str:
    """Return the parameter with the id of an entry."""
    return f"{segment}_{position}"


def _set(table: str, assignment: str, condition: str) -> tuple[str]:
    return (f"update {{{table}}} set {assignment} where {condition}",)  # noqa: S608 - words of this module


def _delete(table: str, condition: str) -> tuple[str]:
    return (f"delete from {{{table}}} where {condition}",)  # noqa: S608 - words of this module


_OF: Final = "session = :of"
_MAIN: Final = f"{_OF} and name = 'main'"
_B: Final = f"{_OF} and name = 'b'"
_SECOND: Final = f"id = {_entry(':s1', 2)}"
_CALL: Final = f"id = {_entry(':s1', 4)}"

DAMAGES: Final[dict[str, Damage]] = {
    # The schema.
    "a table is gone": Damage("table-missing", ("drop table {waiting}",), about=None),
    "a column is gone": Damage("column-missing", ("alter table {usage} drop column untold",), about=None),
    "an index is gone": Damage(
        "index-missing", ("drop index {sessions_by_activity}",), where=(SQLITE, POSTGRES), about=None
    ),
    "a migration is not recorded": Damage(
        "migration-missing", ("delete from {schema} where component = 'log' and number = 9",), about=None
    ),
    "a setting is no pair of tables": Damage(
        "setting-damaged", _set("settings", "value = :junk", "name = 'sdk_tables'"), about=None
    ),
    "the salt of the audit is gone": Damage("setting-damaged", _delete("settings", "name = 'audit_salt'"), about=None),
    "the salt of the audit is cut off": Damage(
        "setting-damaged", _set("settings", "value = :junk", "name = 'audit_salt'"), about=None
    ),
    # Sessions.
    "a version is 0": Damage("session-damaged", _set("sessions", "version = 0", "id = :of")),
    "a session was changed in no year": Damage("session-damaged", _set("sessions", "updated_at = :huge", "id = :of")),
    "the current branch is missing": Damage("branch-broken", _set("sessions", "branch = 'z'", "id = :of")),
    "an owner is in no form": Damage("session-damaged", _set("sessions", "owner = :text", "id = :of")),
    "an archive flag is 7": Damage("flag-wrong", _set("sessions", "archived = 7", "id = :of")),
    "a session says that it has no item keys": Damage("flag-wrong", _set("sessions", "keyed = 0", "id = :of")),
    "a session says that it has no marks": Damage("flag-wrong", _set("sessions", "annotated = 0", "id = :of")),
    "a session says that it has no tags": Damage(
        "flag-wrong", _set("sessions", "tagged = 0", "id = :of"), encrypted=False
    ),
    "a session was cleared in the future": Damage("session-damaged", _set("sessions", "cleared_in = 900", "id = :of")),
    "numbers of leases begin anew": Damage("lease-wrong", _set("sessions", "leases = 1", "id = :of")),
    "a session is gone": Damage("orphan", ("delete from {sessions} where id = :of",), about=None),
    # Lineages.
    "a segment is its own parent": Damage("lineage-broken", _set("segments", "parent = id", "id = :s3")),
    "two segments are each other's parents": Damage(
        "lineage-broken", _set("segments", "parent = :both - id", "id in (:s2, :s3)")
    ),
    "a parent is missing": Damage("lineage-broken", _set("segments", "parent = 4000000", "id = :s3")),
    "a parent is another session's": Damage("lineage-broken", _set("segments", "parent = :their_s1", "id = :s3")),
    "a segment forks off behind its parent's end": Damage(
        "lineage-broken", _set("segments", "fork_position = 0", "id = :s3")
    ),
    "a segment without parent forks off": Damage("lineage-broken", _set("segments", "fork_position = 1", "id = :s1")),
    "a segment forks off at a missing entry": Damage("entry-missing", _delete("entries", f"id = {_entry(':s1', 6)}")),
    "a segment has another number of turns": Damage("turn-wrong", _set("segments", "turn = 2", "id = :s2")),
    "a segment is another session's": Damage("branch-broken", _set("segments", "session = :their_of", "id = :s3")),
    "a segment is no session's": Damage("orphan", _set("segments", "session = 77", "id = :s3"), about=None),
    "a segment is gone": Damage("orphan", ("delete from {segments} where id = :s3",), about=None),
    "a flag for holes is gone": Damage("hole-unnoted", _set("segments", "holes = 0", f"{_OF} and holes = 1")),
    # Branches.
    "a branch is in another session's segment": Damage("branch-broken", _set("branches", "segment = :their_s1", _B)),
    "a branch has another fork position": Damage("branch-broken", _set("branches", "fork_position = 1", _B)),
    "a tip is far away": Damage("tip-wrong", _set("branches", "tip = tip + 1000", _MAIN)),
    "a tip is too low": Damage("growth-wrong", _set("branches", "tip = tip - 1", _B)),
    "a branch has a turn too many": Damage("turn-wrong", _set("branches", "turn = turn + 1", _B)),
    "a floor is too low": Damage(
        "floor-wrong", _set("branches", "floor = 0", "session = :their_of and name = 'main'"), about=OTHER
    ),
    "two branches grow in one segment": Damage(
        "growth-wrong",
        (
            """
            insert into {branches} (session, name, segment, parent, fork_position, tip, turn, floor, may_extend)
            select session, 'twin', segment, parent, fork_position, tip, turn, floor, 1 from {branches}
            where session = :of and name = 'b'
            """,
        ),
    ),
    "a left tip has no branch": Damage(
        "left-tip-wrong", _set("branches", "reflog_of = 'z'", f"{_OF} and reflog_of is not null")
    ),
    "a left tip says that it is a branch": Damage(
        "left-tip-wrong", _set("branches", "reflog_of = null", f"{_OF} and reflog_of is not null")
    ),
    "a branch was made from a missing one": Damage("wrong-reference", _set("branches", "forked_from = 'z'", _B)),
    "a branch was made in the future": Damage("impossible-value", _set("branches", "made_in = 900", _B)),
    "a lease was never given": Damage("lease-wrong", _set("branches", "lease_token = :huge", _B)),
    "a branch is no session's": Damage("orphan", _set("branches", "session = 77", _B), about=None),
    "a branch is gone": Damage("unreachable", _delete("branches", _B)),
    # Entries.
    "an entry in the middle is gone": Damage("entry-missing", _delete("entries", _SECOND)),
    "the first entry is gone": Damage("entry-missing", _delete("entries", f"id = {_entry(':s1', 1)}")),
    "the last entry of a branch is gone": Damage("tip-wrong", _delete("entries", f"id = {_entry(':s3', 8)}")),
    "an entry lies behind all branches": Damage(
        "unreachable", _set("entries", f"id = {_entry(':s1', 30)}", f"id = {_entry(':s1', 8)}")
    ),
    "an entry lies before its segment": Damage(
        "entry-misplaced", _set("entries", f"id = {_entry(':s3', 2)}", f"id = {_entry(':s3', 7)}")
    ),
    "an entry belongs to no segment": Damage(
        "orphan", _set("entries", f"id = {_entry(':nowhere', 1)}", f"id = {_entry(':s3', 8)}"), about=None
    ),
    "an entry was added in the future": Damage("impossible-value", _set("entries", "version = 900", _SECOND)),
    "entries are not in the order of versions": Damage(
        "order-wrong", _set("entries", "version = 1", f"id = {_entry(':s1', 7)}")
    ),
    "an entry is of another turn": Damage("turn-wrong", _set("entries", "turn = 2", _SECOND)),
    "an entry was made in no year": Damage("impossible-value", _set("entries", "created_at = :huge", _SECOND)),
    "an expiry is not noted": Damage("hole-unnoted", _set("entries", "expires_at = 4000000000000000", _SECOND)),
    "an entry has another kind": Damage("kind-wrong", _set("entries", "kind = 'system'", _SECOND), encrypted=False),
    "an encrypted entry has another kind": Damage(
        "payload-altered", _set("entries", "kind = 'system'", _SECOND), plain=False
    ),
    "a call has another tool": Damage("tool-name-wrong", _set("entries", "tool_name = 'rm'", _CALL), encrypted=False),
    "a message has a tool": Damage("tool-name-wrong", _set("entries", "tool_name = 'rm'", _SECOND), encrypted=False),
    "a summary has a tool": Damage(
        "tool-name-wrong", _set("entries", "tool_name = 'rm'", "kind = :summary"), encrypted=False
    ),
    "an encrypted call has another tool": Damage(
        "payload-altered", _set("entries", "tool_name = 'rm'", _CALL), plain=False
    ),
    "an encrypted entry has another author": Damage(
        "payload-altered", _set("entries", "author = 'eve'", _SECOND), plain=False
    ),
    "a payload is junk": Damage("payload-undecodable", _set("entries", "payload = :junk", _SECOND), encrypted=False),
    "a payload is empty": Damage("payload-undecodable", _set("entries", "payload = :empty", _SECOND), encrypted=False),
    "a payload is no object": Damage(
        "payload-undecodable", _set("entries", "payload = :number", _SECOND), encrypted=False
    ),
    "a payload was put in the clear": Damage("payload-plain", _set("entries", "payload = :item", _SECOND), plain=False),
    "a payload's end is cut off": Damage(
        "payload-altered", _set("entries", "payload = substr(payload, 1, 40)", _SECOND), plain=False
    ),
    "a summary is junk": Damage("mark-wrong", _set("entries", "payload = :item", "kind = :summary"), encrypted=False),
    "the wrapped keys are junk": Damage(
        "keys-damaged", _set("sessions", "wrapped_keys = :junk", "id = :of"), plain=False
    ),
    "the wrapped keys are gone": Damage(
        "payload-undecodable", _set("sessions", "wrapped_keys = null", "id = :of"), plain=False
    ),
    "the wrapped keys are the other session's": Damage(
        "keys-locked", _set("sessions", "wrapped_keys = :their_keys", "id = :of"), plain=False
    ),
    # Info.
    "an info is junk": Damage("info-undecodable", _set("infos", "payload = :junk", _OF), encrypted=False),
    "an encrypted info is junk": Damage("info-altered", _set("infos", "payload = :junk", _OF), plain=False),
    "an encrypted session has another owner": Damage(
        "info-altered", _set("sessions", "owner = :owner", "id = :of"), plain=False
    ),
    "an info is no session's": Damage("orphan", _set("infos", "session = 77", _OF), about=None),
    "an info was never set": Damage("impossible-value", _set("infos", "version = 0", _OF), encrypted=False),
    "a tag is missing": Damage(
        "tags-wrong", ("delete from {tags} where session = :of and tag = :red",), encrypted=False
    ),
    "a tag has another time": Damage("tags-wrong", _set("tags", "active_at = 5", _OF), encrypted=False),
    "a tag is no session's": Damage("orphan", _set("tags", "session = 77", _OF), encrypted=False, about=None),
    # Records.
    "a key is of the future": Damage("impossible-value", _set("appends", "version = 900", _OF)),
    "a key's digest is cut off": Damage("impossible-value", _set("appends", "digest = :junk", _OF)),
    "a key is no session's": Damage("orphan", _set("appends", "session = 77", _OF), about=None),
    "a change is of the future": Damage("impossible-value", _set("changes", "version = version + 900", _OF)),
    "a change is of no kind": Damage("impossible-value", _set("changes", "what = 'eaten'", _OF)),
    "a change is no session's": Damage("orphan", _set("changes", "session = 77", _OF), about=None),
    "tokens are negative": Damage("impossible-value", _set("usage", "input_tokens = -5", _OF)),
    "usage belongs to another session's entry": Damage(
        "wrong-reference", _set("usage", f"place = {_entry(':their_s1', 1)}", _OF)
    ),
    "usage is no session's": Damage("orphan", _set("usage", "session = 77", _OF), about=None),
    "a ticket was never given": Damage("impossible-value", _set("waiting", "ticket = ticket + 900", _OF)),
    "a copy is of the future": Damage("impossible-value", _set("copies", "version = version + 900", _OF)),
    "a copy is of another session's entry": Damage(
        "wrong-reference", _set("copies", f"source = {_entry(':their_s1', 1)}", _OF)
    ),
    "a session was corrected in the future": Damage(
        "session-damaged", _set("sessions", "corrected_in = 900", "id = :of")
    ),
    "a session was forked from itself": Damage("wrong-reference", _set("sessions", "forked_from = id", "id = :of")),
    "an audit was made in no year": Damage("impossible-value", _set("audits", "at = :huge", "id > 0"), about=None),
    "a session is there, and unfinished": Damage(
        "wrong-reference",
        (
            """
            insert into {unfinished} (session, session_id, until, life)
            select id, session_id, 4000000000000000, 1 from {sessions} where id = :of
            """,
        ),
        about=None,
    ),
    "keys of nobody are to be destroyed": Damage(
        "impossible-value", ("insert into {undestroyed} (kind, name) values ('session', :nothing)",), about=None
    ),
    "words are of another session's entries": Damage(
        "wrong-reference", _set("session_words", f"id = {_entry(':their_s1', 992)}", f"id = {_entry(':s1', 0)}")
    ),
    "words begin in the middle of a block": Damage(
        "impossible-value", _set("session_words", "id = id + 3", f"id = {_entry(':s1', 0)}")
    ),
    "words are cut off": Damage(
        "impossible-value", _set("session_words", "words = :junk", f"id = {_entry(':s1', 0)}"), encrypted=False
    ),
    "words have no such flag": Damage("flag-wrong", _set("session_words", "sealed = 7", _OF)),
    "words are encrypted without a key": Damage(
        "impossible-value", _set("session_words", "sealed = 1", _OF), encrypted=False
    ),
    "words are no session's": Damage("orphan", _set("session_words", "session = 77", _OF), about=None),
    "words were made in the future": Damage("session-damaged", _set("sessions", "words_in = 900", "id = :of")),
    "a ticket is no session's": Damage("orphan", _set("waiting", "session = 77", _OF), about=None),
    "an item key belongs to another session's entry": Damage(
        "wrong-reference", _set("item_keys", f"entry = {_entry(':their_s1', 1)}", f"{_OF} and entry > 0")
    ),
    "an item key belongs to a later entry": Damage(
        "wrong-reference", _set("item_keys", "version = version + 1", f"{_OF} and entry > 0")
    ),
    "an item key's branch is another session's": Damage(
        "wrong-reference", _set("item_keys", "branch = :their_branch", f"{_OF} and entry < 0")
    ),
    "an item key's digest is cut off": Damage("impossible-value", _set("item_keys", "digest = :junk", _OF)),
    "an item key is no session's": Damage("orphan", _set("item_keys", "session = 77", _OF), about=None),
}
"""What is done, by name."""


def damages(database: str, *, encrypted: bool) -> list[str]:
    """Return the names of the damages that can be done to a store and found there."""
    return [
        name
        for name, damage in DAMAGES.items()
        if database in damage.where and (damage.encrypted if encrypted else damage.plain)
    ]


_VALUES: Final[dict[str, Any]] = {
    "junk": b"\xff\xfe{",
    "empty": b"",
    "number": b"17",
    "item": b'{"role":"assistant","content":"forged"}',
    "huge": (1 << 63) - 2,
    "text": "without an end",
    "owner": "eve\x01",
    "red": "red",
    "nothing": "",
    "summary": "\x01summary",
}
_BYTES_ON_MARIADB: Final = ("text", "owner", "red", "nothing")


async def plant(store: Store, name: str) -> None:
    """Do a damage."""
    session = store.session(NAME)
    values = {**_VALUES, **(await numbers(store)), "their_keys": await _wrapped_keys(session)}
    await _run(session, [Statement("Damage.", text) for text in DAMAGES[name].statements], **values)


def _value(values: dict[str, Any], name: str) -> Any:
    """Return a value; ``s1_2`` is the id of the entry at position 2 of the segment ``s1``."""
    segment, _, position = name.rpartition("_")
    return id_of(values[segment], int(position)) if position.isdigit() else values[name]


async def empty(store: Store) -> None:
    """Remove all rows of conversations, also those that belong to none."""
    statements = [Statement("Empty a table.", f"delete from {{{table.name}}}") for table in LOG.tables]  # noqa: S608
    await _run(store.session(NAME), statements)


async def make_unfinished(store: Store) -> None:
    """Make the other session one that a fork or an import has not finished: all of it but its row."""
    statements = [
        Statement(
            "It is being written.",
            """
            insert into {unfinished} (session, session_id, wrapped_keys, until, life)
            select id, session_id, wrapped_keys, 4000000000000000, 1 from {sessions} where id = :their_of
            """,
        ),
        Statement("It is not there yet.", "delete from {sessions} where id = :their_of"),
    ]
    await _run(store.session(NAME), statements, **(await numbers(store)))


async def _wrapped_keys(session: LogSession) -> bytes | None:
    statement = Statement("Keys.", "select wrapped_keys from {sessions} where session_id = :session_id")

    def read(tx: Transaction) -> bytes | None:
        found: bytes | None = tx.the(statement, session_id=OTHER)[0]
        return found

    return await handle_of(session).backend.read(read, "test")


async def _run(session: LogSession, statements: list[Statement], **values: Any) -> None:
    def write(tx: Transaction) -> None:
        for statement in statements:
            used = {name: _value(values, name) for name in re.findall(r":(\w+)", statement.sql)}
            if tx.database == MARIADB:
                used |= {name: used[name].encode() for name in _BYTES_ON_MARIADB if name in used}
            tx.run(statement, **used)

    await handle_of(session).backend.write(write, "test")
