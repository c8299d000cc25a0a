"""Looking for memories whose payloads have a fragment: the database leaves out others, a window of keys at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sessions.db.dialect import MARIADB, POSTGRES, SQLITE, text_of_key
from sessions.db.lists import parts
from sessions.labels import as_stored
from sessions.memory.listing import PayloadPage, Place, scan_payloads
from sessions.memory.statements import filtering as statements
from sessions.memory.statements import listing as listing_statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sessions.db.transaction import Row, Transaction
    from sessions.memory.listing import Below

WINDOW: Final = 4096
"""Memories that one statement looks at."""

_BEHIND: Final = "\U0010ffff" * 129
"""A text behind all keys: these have up to 512 bytes."""


class Step(NamedTuple):
    """Some memories that were looked at.

    Attributes:
        pages: Those that may match.
        place: Where to go on.
        looked: How many were looked at, at most.
    """

    pages: Sequence[PayloadPage]
    place: Place | None
    looked: int


class _Space(NamedTuple):
    """A namespace, with the number of memories that it had at most."""

    id: int
    path: str
    wrapped_keys: bytes | None
    last: int


def steps(tx: Transaction, below: Below, after: Place | None, page: int) -> Iterator[Step]:
    """Yield all memories behind a place, in the order of paths and keys."""
    place = after
    for pages in scan_payloads(tx, below, after, page):
        place = Place(pages[-1].path, pages[-1].name) if pages else place
        yield Step(pages, place, sum(len(one.rows) for one in pages))


def steps_with(tx: Transaction, below: Below, after: Place | None, fragment: str) -> Iterator[Step]:
    """Do the same, without those whose payloads are in the clear and lack a fragment."""
    having = {"fragment": fragment.encode(), "brace": b"{", "now": below.now}
    together = statements.SPACES_AT_ONCE if tx.database == MARIADB else statements.NEXT_SPACES
    path, name = (below.low, "") if after is None else after
    row = tx.one(listing_statements.THE_SPACE, path=path)
    if row is not None and (below.owner is None or (row[2] is not None and as_stored(row[2]) == below.owner)):
        yield from _windows(tx, _Space(row[0], path, row[3], 0), name, having)
    while True:
        found = tx.all(
            statements.spaces_after(owned=below.is_owned), after=path, count=statements.NEXT_SPACES, **below.values
        )
        spaces = [_Space(number, as_stored(path), wrapped, last) for number, path, wrapped, last in found]
        small: list[_Space] = []
        room = WINDOW
        for space in spaces:
            is_small = space.wrapped_keys is None and space.last <= WINDOW
            if small and (not is_small or space.last > room or len(small) == together):
                yield _together(tx, small, below, having)
                small, room = [], WINDOW
            if is_small:
                small.append(space)
                room -= space.last
            else:
                yield from _windows(tx, space, "", having)
        if small:
            yield _together(tx, small, below, having)
        if len(spaces) < statements.NEXT_SPACES:
            return
        path = spaces[-1].path


def _together(tx: Transaction, spaces: Sequence[_Space], below: Below, having: dict[str, Any]) -> Step:
    """Look at all memories of some namespaces, which follow one another."""
    if tx.database == SQLITE:
        owner = {} if below.owner is None else {"owner": below.owner}
        paths = {"first": spaces[0].path, "last": spaces[-1].path}
        rows = tx.all(statements.between_paths(owned=below.is_owned), **paths, **owner, **having)
    elif tx.database == POSTGRES:
        rows = tx.all(statements.IN_SPACES, spaces=[space.id for space in spaces], **having)
    else:
        (values,) = parts("s", statements.SPACES_AT_ONCE, [space.id for space in spaces])
        rows = tx.all(statements.IN_SPACES, **values, **having)
    found: dict[int, list[Row]] = {}
    for space, *row in rows:
        found.setdefault(space, []).append(tuple(row))
    pages = [PayloadPage(space.path, None, _by_key(found[space.id])) for space in spaces if space.id in found]
    return Step(pages, Place(spaces[-1].path, _BEHIND), sum(space.last for space in spaces))


def _windows(tx: Transaction, space: _Space, after: str, having: dict[str, Any]) -> Iterator[Step]:
    """Look at the memories of a namespace behind a key."""
    while True:
        row = tx.one(statements.END_OF_WINDOW, space=space.id, after=after, count=WINDOW - 1)
        last = _BEHIND if row is None else text_of_key(row[0])
        keys = {"space": space.id, "after": after, "last": last}
        # Encrypted values have no fragments: reading them raises the error that tells so.
        statement = statements.IN_WINDOW if space.wrapped_keys is None else statements.ALL_IN_WINDOW
        values = having if space.wrapped_keys is None else {"now": having["now"]}
        rows = tx.all(statement, **keys, **values)
        wrapped = None if space.wrapped_keys is None else bytes(space.wrapped_keys)
        pages = [PayloadPage(space.path, wrapped, _by_key(rows))] if rows else []
        yield Step(pages, Place(space.path, last), WINDOW)
        if row is None:
            return
        after = last


def _by_key(rows: Iterable[Row]) -> list[Row]:
    """Return rows in the order of the UTF-8 bytes of their keys, which is that of code points."""
    return sorted(rows, key=lambda row: text_of_key(row[1]))
