"""The parameters of statements that are sent alone, by name; and fragments that several statements have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.db.sqlalchemy.brief import BRIEFLY
from sessions.db.transaction import Statement
from sessions.log.statements.fragments import (
    active_at,
    end_lapsed_lease,
    is_meant,
    is_owners,
    may_change,
    tags_stay,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class OneAppend(NamedTuple):
    """The parameters of `APPEND` and `BEGIN`.

    Attributes:
        session_id: The session.
        now: The time.
        item_count: How many items are added.
        turns: How many turns begin with them.
        key: The idempotency key, if any.
        digest: The digest of its items.
        key_life: How long the key is remembered.
        turn_starts: Which of the items begin a turn, from 1.
        kind_numbers: For each item a byte: the place of its kind and tool name among the next two, from 0.
        kinds: Kinds.
        tool_names: Names of tools, as many as kinds.
        payloads: The items.
        branch: The branch; the current one if ``None``.
        version: The version that the session must have, if not any will do.
        expires_at: When the items expire.
        never: The value of `expires_at` for items that never expire.
        wrapped_keys: Those that an encrypted session must have.
        author: Whose the items are.
        lease: The lease that is held; 0 without one.
        branch_number: The number that the branch must have; 0 for any.
        owner: The owner that the session must have, or gets; ``None`` for any.
    """

    session_id: str
    now: int
    item_count: int
    turns: int
    key: str | None
    digest: bytes | None
    key_life: int
    turn_starts: list[int]
    kind_numbers: bytes
    kinds: list[str]
    tool_names: list[str | None]
    payloads: list[bytes]
    branch: str | None
    version: int | None
    expires_at: int | None
    never: int
    wrapped_keys: bytes | None
    author: str | None
    lease: int
    branch_number: int
    owner: str | None


class ItemKeys(NamedTuple):
    """The further parameters of `APPEND_KEYED`.

    Attributes:
        item_keys: Each item's key; ``None`` for one without.
        item_digests: The digest that tells each item from others with its key.
        item_key_life: How long the keys are known without their entries.
    """

    item_keys: list[str | None]
    item_digests: list[bytes | None]
    item_key_life: int


class ManyAppends(NamedTuple):
    """The parameters of `APPEND_MANY`: columns of sessions, of keys, and of items; see `OneAppend` for their meaning.

    Keys and items have the numbers of their sessions, from 1.
    """

    now: int
    session_ids: list[str]
    counts: list[int]
    turns: list[int]
    branches: list[str | None]
    branch_numbers: list[int]
    leases: list[int]
    versions: list[int | None]
    all_wrapped_keys: list[bytes | None]
    owners: list[str | None]
    key_sessions: list[int]
    keys: list[str]
    digests: list[bytes]
    key_lives: list[int]
    item_sessions: list[int]
    positions: list[int]
    item_turns: list[int]
    kinds: list[str]
    tool_names: list[str | None]
    payloads: list[bytes]
    expiries: list[int | None]
    authors: list[str | None]
    expiring_sessions: list[int]


class OneTail(NamedTuple):
    """The parameters of the statements that read a tail.

    Attributes:
        session_id: The session.
        wanted: How many entries are wanted.
        branch: The branch; the current one if ``None``.
        branch_number: The number that the branch must have; 0 for any.
        now: The time: expired entries are not read.
        oldest: Entries added by then are too old for this reader.
        owner: The owner that the session must have; ``None`` for any.
    """

    session_id: str
    wanted: int
    branch: str | None
    branch_number: int
    now: int
    oldest: int
    owner: str | None = None


_NAMED: Final = re.compile(r"(?<![:\w]):([a-z_]+)")
# With their types: a value compared with 0 would be taken for an integer of 32 bits.
_NUMBER: Final = ":branch_number::bigint"
_LEASE: Final = ":lease::bigint"
_NOW: Final = ":now::bigint"
_OF_ONE: Final = {
    "briefly": BRIEFLY,
    "is_owners": is_owners(":owner::text"),
    "active_at": active_at(_NOW),
    "tags_stay": tags_stay(_NOW),
    "may_change": may_change(lease=_LEASE, now=":now", number=_NUMBER),
    "end_lapsed_lease": end_lapsed_lease(_LEASE, ":now"),
    "is_meant": is_meant(_NUMBER),
}
_OF_MANY: Final = {
    "briefly": BRIEFLY,
    "is_owners": is_owners("i.owner"),
    "active_at": active_at(_NOW),
    "tags_stay": tags_stay(_NOW),
    "may_change": may_change(lease="i.lease", now=":now", number="i.branch_number"),
    "may_still_change": may_change(lease="r.lease", now=":now", number="r.branch_number"),
    "end_lapsed_lease": end_lapsed_lease("r.lease", ":now"),
}
_FRAGMENTS: Final[Mapping[type, Mapping[str, str]]] = {OneAppend: _OF_ONE, ManyAppends: _OF_MANY, OneTail: _OF_ONE}


def alone(
    parameters: type[OneAppend | ManyAppends | OneTail], purpose: str, sql: str, *, more: type[ItemKeys] | None = None
) -> Statement:
    """Return a statement with numbers in place of ``:names``, as the driver wants them, and with its fragments.

    Args:
        parameters: The class with the names, in the order of the numbers.
        purpose: The statement's purpose.
        sql: Its text.
        more: The class with the names of the parameters behind these.
    """
    for name, fragment in _FRAGMENTS[parameters].items():
        sql = sql.replace(f"{{{name}}}", fragment)
    names = parameters._fields + (more._fields if more else ())
    return Statement(purpose, _NAMED.sub(lambda found: f"${names.index(found[1]) + 1}", sql))
