"""Checking the values and the words of memories, in Python, with the namespaces' keys. A finding has none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from sessions.crypto.unlocking import Locked
from sessions.db.dialect import text_of_key
from sessions.db.ids import owner_of
from sessions.db.transaction import Statement
from sessions.db.verification import Checked, number_of
from sessions.errors import DecryptionError
from sessions.labels import as_stored
from sessions.memory.sealing import Place, open_search, open_value, subject_of
from sessions.text_search.rows import unpack_counts
from sessions.types.verify import found

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sessions.crypto.subject_keys import SubjectKeys
    from sessions.crypto.unlocking import Unlocking
    from sessions.db.transaction import Transaction
    from sessions.types.verify import Finding, FindingCode

_PAGE: Final = 64
"""Memories of a page: each may have a value of any size."""

_VALUES: Final = Statement(
    "The next memories, with what search knows of them and their namespaces' keys.",
    """
    select m.id, m.name, m.version, m.created_at, m.payload, s.path, s.wrapped_keys, r.words, r.sealed
    from {memories} m join {spaces} s on s.id = m.space left join {search_rows} r on r.memory = m.id
    where m.id > :after order by m.id limit :count
    """,
)

_NEXT: Final = Statement("The number of the next memory.", "select min(id) from {memories} where id > :after")


class Codec(Protocol):
    """How values are read."""

    def decode(self, payload: bytes) -> Any:
        """Return the value of a payload; raise `ValueError` if it cannot be read."""
        ...


class Reading(Protocol):
    """How values are read, and the keys of namespaces, as a verification gives them."""

    codec: Codec
    unlocking: Unlocking

    def allows_plain_text(self) -> bool:
        """Return whether encrypted namespaces may hold values in the clear."""
        ...


class _Row(NamedTuple):
    """A memory with its row for search."""

    id: int
    name: str | bytes
    version: int
    created_at: int
    payload: bytes
    path: str | bytes
    wrapped_keys: bytes | None
    words: bytes | None
    sealed: bytes | None

    @property
    def place(self) -> Place:
        """The columns that its payloads are bound to."""
        return Place(as_stored(self.path), self.id, self.version, self.created_at, text_of_key(self.name))


class ValueCheck:
    """Checks that each value can be read, and opens with its namespace's key at its place; and so its words.

    Args:
        reading: How values are read.
    """

    name = "memory_values"
    tables = ("memories", "spaces", "search_rows")

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def page(self, tx: Transaction, after: str) -> Checked:
        """Check some memories.

        Raises:
            KeyWanted: A namespace's keys have to be fetched first.
        """
        first = number_of(after)
        rows = [_Row(*row) for row in tx.all(_VALUES, after=first, count=_PAGE)]
        findings: list[Finding] = []
        locked, last = 0, owner_of(first) if after else None
        for row in rows:
            space = owner_of(row.id)
            keys = self._keys(row)
            if isinstance(keys, Locked):
                locked += 1
                if keys.reason and space != last:
                    problem = f"The given keys do not open the memories of a namespace: {keys.reason}"
                    findings.append(found("keys-locked", problem, table="spaces", place=f"namespace number {space}"))
            else:
                findings += self._damages(row, keys)
            last = space
        return Checked(findings, str(rows[-1].id) if rows else None, {"memories": len(rows), "locked": locked})

    def skip(self, tx: Transaction, after: str) -> str | None:
        """Go on behind the next memory."""
        (memory,) = tx.the(_NEXT, after=number_of(after))
        return None if memory is None else str(memory)

    def _keys(self, row: _Row) -> SubjectKeys | Locked | None:
        if row.wrapped_keys is None:
            return None
        return self._reading.unlocking.keys_of(subject_of(as_stored(row.path)), bytes(row.wrapped_keys))

    def _damages(self, row: _Row, keys: SubjectKeys | None) -> Iterator[Finding]:
        payload = bytes(row.payload)
        if keys is not None:
            try:
                payload = open_value(keys, row.place, payload)
            except ValueError:
                if not keys.is_plain(payload):
                    yield _finding(row, "payload-altered", "A value was altered or moved")
                    return
                if not self._reading.allows_plain_text():
                    yield _finding(row, "payload-plain", "A value in an encrypted namespace is not encrypted")
                    return
        try:
            self._reading.codec.decode(payload)
        except ValueError:
            yield _finding(row, "memory-damaged", "A value cannot be read")
        yield from _damages_of_words(row, keys)


def _damages_of_words(row: _Row, keys: SubjectKeys | None) -> Iterator[Finding]:
    words = row.words or b""
    if row.sealed is not None and keys is not None:
        try:
            words = open_search(keys, row.place, bytes(row.sealed)).words
        except DecryptionError:
            yield _finding(row, "payload-altered", "What search knows of a memory was altered or moved", "search_rows")
            return
    try:
        unpack_counts(bytes(words))
    except ValueError:
        yield _finding(row, "memory-damaged", "The words of a memory cannot be read", "search_rows")


def _finding(row: _Row, code: FindingCode, problem: str, table: str = "memories") -> Finding:
    return found(code, f"{problem}.", table=table, place=f"namespace number {owner_of(row.id)}, row number {row.id}")


def checks_of_values(reading: object) -> Sequence[ValueCheck]:
    """Return the checks of values, if a verification says how to read them."""
    return () if reading is None else (ValueCheck(reading),)  # type: ignore[arg-type] # a store's verification does
