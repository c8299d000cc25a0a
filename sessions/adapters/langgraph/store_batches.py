"""Batches of LangGraph's operations on memories: first all reads, then all puts in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import nsmallest
from typing import TYPE_CHECKING, Any, Final, cast

from langgraph.store.base import (
    GetOp,
    InvalidNamespaceError,
    ListNamespacesOp,
    PutOp,
    SearchOp,
    validate_op_namespace,
)

from sessions.adapters.langgraph.items import found, stored
from sessions.clock import now
from sessions.errors import InvalidItemError
from sessions.memories.indexing import index
from sessions.memories.writing import prepare
from sessions.memory.by_age import ByAge
from sessions.memory.filters import compile_filter
from sessions.memory.listing import ListMemories, Place
from sessions.types.memories import Put
from sessions.validation import DEFAULT, MAX_TTL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langgraph.store.base import Op, Result

    from sessions.adapters.langgraph.items import FoundItem
    from sessions.memories.memories import Memories
    from sessions.memories.searching import SearchMode
    from sessions.memory.listing import Below
    from sessions.memory.prepared import Changed, PreparedDelete, PreparedPut
    from sessions.memory.rows import MemoryRow
    from sessions.memory.settings import Settings
    from sessions.types.memories import Labels, Memory

_PAGE: Final = 256
_AT_ONCE: Final = 4096
"""Memories that are read in one transaction, at most."""

_MINUTE: Final = 60


async def run_batch(memories: Memories, ops: Sequence[Op], *, hybrid: bool) -> list[Result]:
    """Do operations and return their results.

    Args:
        memories: The memories.
        ops: The operations.
        hybrid: Whether a query finds by words as well as by meaning.
    """
    _check(memories, ops)
    results: list[Any] = [None] * len(ops)
    for refresh in (True, False):
        gets = [(at, op) for at, op in enumerate(ops) if isinstance(op, GetOp) and bool(op.refresh_ttl) is refresh]
        keys = [(op.namespace, str(op.key)) for _, op in gets]
        for (at, _), memory in zip(gets, await memories.get_many(keys, refresh=refresh), strict=True):
            results[at] = None if memory is None else stored(memory)
    for at, op in enumerate(ops):
        if isinstance(op, SearchOp):
            results[at] = await _search(memories, op, hybrid=hybrid)
        elif isinstance(op, ListNamespacesOp):
            results[at] = await _namespaces(memories, op)
    # The last put of a key counts, in the order of the first ones.
    puts = {(tuple(op.namespace), str(op.key)): op for op in ops if isinstance(op, PutOp)}
    if puts:
        await _put(memories, puts)
    return results


def _check(memories: Memories, ops: Sequence[Op]) -> None:
    for op in ops:
        if isinstance(op, (GetOp, PutOp, SearchOp)):
            check_labels(op.namespace_prefix if isinstance(op, SearchOp) else op.namespace)
        validate_op_namespace(op)
        if isinstance(op, (GetOp, PutOp)) and not op.namespace:
            raise InvalidNamespaceError("a namespace must have a label. Nothing was done. Write ('users', 'alice').")
        if isinstance(op, PutOp):
            _check_put(op)
        if isinstance(op, SearchOp):
            compile_filter(op.filter, memories._hold.common.codec)  # noqa: SLF001 - it is one of ours


def check_labels(namespace: object) -> None:
    """Refuse a namespace of a wrong type: the characters of a text would become labels.

    Raises:
        InvalidNamespaceError: It is neither a tuple nor a list.
    """
    if not isinstance(namespace, (tuple, list)):
        raise InvalidNamespaceError(
            f"a namespace must be a tuple of strings, not {type(namespace).__name__}. Nothing was done. Write "
            "('users', 'alice'), or ('users',) for one label."
        )


def _check_put(op: PutOp) -> None:
    subject = f"memory {op.key!r} of namespace {tuple(op.namespace)!r}"
    if op.value is not None and not isinstance(op.value, Mapping):
        raise InvalidItemError(
            f"{subject}: its value must be a dictionary, not {type(op.value).__name__}. Nothing was put. Write "
            '{"text": …}.'
        )
    if op.ttl is None:
        return
    if isinstance(op.ttl, bool) or not isinstance(op.ttl, (int, float)):
        raise TypeError(
            f"{subject}: ttl must be a number of minutes, not {type(op.ttl).__name__}. Nothing was put. Leave it out, "
            "or use None for ever."
        )
    if not 0 < op.ttl * _MINUTE <= MAX_TTL:
        raise ValueError(
            f"{subject}: ttl must be a positive number of minutes, at most those of a hundred years, got {op.ttl}. "
            "Nothing was put. Leave it out, or use None for ever."
        )


async def _put(memories: Memories, ops: dict[tuple[Labels, str], PutOp]) -> None:
    """Put and delete in one transaction."""
    hold = memories._hold  # noqa: SLF001 - it is one of ours
    puts = [_as_put(place, op) for place, op in ops.items() if op.value is not None]
    deletions = [
        memories._delete(namespace, key, None, DEFAULT)  # noqa: SLF001 - as above
        for (namespace, key), op in ops.items()
        if op.value is None
    ]
    prepared = prepare(hold, puts)

    async def attempt(settings: Settings) -> Sequence[Changed]:
        changes: list[PreparedPut | PreparedDelete] = [*await index(hold, prepared, settings), *deletions]
        return await memories._change(changes, settings)  # noqa: SLF001 - as above

    await hold.by_settings(attempt)


def _as_put(place: tuple[Labels, str], op: PutOp) -> Put:
    namespace, key = place
    ttl = None if op.ttl is None else op.ttl * _MINUTE
    wanted = True if op.index is None else op.index
    return Put(namespace, key, dict(op.value or {}), ttl=ttl, index=wanted)


async def _search(memories: Memories, op: SearchOp, *, hybrid: bool) -> list[FoundItem]:
    wanted = op.limit + op.offset
    if op.limit <= 0:
        return []
    if not (op.query and op.query.strip()):
        return [found(memory) for memory in await _oldest(memories, op, wanted, set())][op.offset :]
    model = memories._hold.common.model  # noqa: SLF001 - it is one of ours
    mode: SearchMode = "text" if model is None else "both" if hybrid else "vector"
    best = await memories.search(
        op.namespace_prefix, op.query, filter=op.filter, limit=wanted, mode=mode, refresh=bool(op.refresh_ttl)
    )
    items = [found(one, one.score) for one in best]
    if len(items) < wanted:
        # Memories that it does not find follow, as in LangGraph's store in memory those without a vector.
        known = {(one.namespace, one.key) for one in best}
        items += [found(memory) for memory in await _oldest(memories, op, wanted - len(items), known)]
    return items[op.offset :]


async def _oldest(memories: Memories, op: SearchOp, wanted: int, known: set[tuple[Labels, str]]) -> list[Memory]:
    """Return the memories that were put first and match, without those that are known, first things first."""
    hold = memories._hold  # noqa: SLF001 - it is one of ours
    below = hold.below(op.namespace_prefix, now())
    if op.filter or known or wanted > _AT_ONCE:
        rows = await _oldest_of_all(memories, below, op, wanted, known)
    else:
        rows = await hold.read(ByAge(below, wanted, newest=False))
    refreshed = await memories._refreshed(rows, refresh=bool(op.refresh_ttl))  # noqa: SLF001 - as above
    return [hold.memory(row) for row in await hold.opened(refreshed)]


async def _oldest_of_all(
    memories: Memories, below: Below, op: SearchOp, wanted: int, known: set[tuple[Labels, str]]
) -> list[MemoryRow]:
    """Do so looking at every memory, in the order of keys: this needs no more space than the result."""
    hold = memories._hold  # noqa: SLF001 - it is one of ours
    compiled = compile_filter(op.filter, hold.common.codec)
    best: list[MemoryRow] = []
    place: Place | None = None
    while True:
        page = await hold.read(ListMemories(below, place, _PAGE))
        rows = [
            row
            for row, plain in zip(page, await hold.opened(page), strict=True)
            if (hold.relative(row.path), row.name) not in known
            and (compiled is None or compiled.matches(plain.payload))
        ]
        best += rows
        if len(page) < _PAGE:
            return sorted(best, key=_age)[:wanted]
        if len(best) > wanted + _AT_ONCE:
            best = nsmallest(wanted, best, key=_age)
        place = Place(page[-1].path, page[-1].name)


def _age(row: MemoryRow) -> tuple[int, int]:
    return row.created_at, row.id


async def _namespaces(memories: Memories, op: ListNamespacesOp) -> list[Labels]:
    conditions = [(one.match_type, tuple(one.path)) for one in op.match_conditions or ()]
    prefixes = [path for kind, path in conditions if kind == "prefix"]
    suffixes = [path for kind, path in conditions if kind == "suffix"]
    more = len(prefixes) > 1 or len(suffixes) > 1
    names: dict[Labels, None] = {}
    after: str | None = None
    while len(names) < op.offset + op.limit:
        page = await memories.namespaces(
            next(iter(prefixes), ()),
            suffix=next(iter(suffixes), ()),
            max_depth=None if more else op.max_depth,
            limit=_PAGE,
            after=after,
        )
        for one in page:
            if not more or _fits(one.namespace, prefixes, suffixes):
                names[one.namespace[: op.max_depth]] = None
        if len(page) < _PAGE:
            break
        after = page[-1].cursor
    return cast("list[Labels]", list(names))[op.offset : op.offset + op.limit]


def _fits(labels: Labels, prefixes: list[Labels], suffixes: list[Labels]) -> bool:
    return all(_alike(path, labels[: len(path)]) for path in prefixes) and all(
        len(path) <= len(labels) and _alike(path, labels[len(labels) - len(path) :]) for path in suffixes
    )


def _alike(pattern: Labels, labels: Labels) -> bool:
    return len(pattern) == len(labels) and all(one in ("*", label) for one, label in zip(pattern, labels, strict=True))
