"""Any sequence of operations on threads, by several stores on one database, compared with the model."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sessions.checkpoints.values import Place, Query
from sessions.errors import ThreadExistsError, ThreadGoneError
from sessions.testing.checkpoints.model import Kept, Threads
from sessions.testing.checkpoints.shared import check_rows, check_verified, contents, new, write, writes

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from sessions.testing.checkpoints.shared import OpenThreads

_THREADS: Final = st.sampled_from(["a", "b"])
_PLACES: Final = st.tuples(_THREADS, st.sampled_from(["", "", "n:1"]))
_TEXT: Final = "".join(f"line {number} of a document\n" for number in range(60))
_EDITS: Final = st.sampled_from(["append", "append", "drop", "window", "file", "text", "number", "shape", "gone"])
_STORES: Final = 3


def _edited(values: dict[str, Any], edit: str, number: int) -> dict[str, Any]:
    """Return other values, as a step of a graph makes them."""
    made = dict(values)
    messages = list(made.get("messages", []))
    files = dict(made.get("files", {}))
    match edit:
        case "append":
            made["messages"] = [*messages, {"role": "user", "content": f"message {number} " * 20}]
        case "drop":
            made["messages"] = [one for at, one in enumerate(messages) if at != number % 3]
        case "window":
            made["messages"] = [*messages[-3:], {"content": str(number)}]
        case "file":
            made["files"] = files | {f"f{number % 4}": _TEXT[number:], f"g{number % 3}": str(number)}
        case "text":
            text = made.get("text", _TEXT)
            at = number * 37 % len(text)
            made["text"] = f"{text[:at]}changed {number}{text[at + 5 :]}"
        case "number":
            made["number"] = number
        case "shape":
            made["shape"] = [number, {"a": number, "b": "x" * 200}, ["x" * 200, number], None][number % 4]
        case "gone":
            made.pop("files", None)
    return made


class CheckpointMachine(RuleBasedStateMachine):
    """Several stores, one of which remembers nothing, agree with the model."""

    def __init__(self, open_threads: OpenThreads) -> None:
        super().__init__()
        self._stores = [open_threads(remembered=0 if number == 0 else 1 << 20) for number in range(_STORES)]
        self._seen: list[dict[tuple[str, str, str], int]] = [{} for _ in self._stores]
        self._threads: list[dict[str, int | None]] = [{} for _ in self._stores]
        self._model = Threads()
        self._runner = asyncio.Runner()
        self._count = 0
        for thread_id in ("a", "b"):
            self._run(self._stores[0].delete(thread_id))

    def _run(self, operation: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(operation)

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _is_gone(self, store: int, place: tuple[str, str], checkpoint_id: str | None, *, may_begin: bool) -> bool:
        """Tell whether a store saw a checkpoint in a line that is gone, or, if it did not, last used another thread."""
        seen = None if checkpoint_id is None else self._seen[store].get((*place, checkpoint_id))
        line = self._model.lines.get(place)
        if seen is not None:
            return line is None or seen != line.generation
        used = self._threads[store]
        return not may_begin and place[0] in used and used[place[0]] != self._model.number(place[0])

    def _note(self, store: int, place: tuple[str, str], checkpoint_id: str) -> None:
        self._seen[store][(*place, checkpoint_id)] = self._model.lines[place].generation
        self._threads[store][place[0]] = self._model.number(place[0])

    @rule(
        store=st.integers(0, _STORES - 1), place=_PLACES, edit=_EDITS, pick=st.integers(0, 9), again=st.booleans(),
        back=st.sampled_from([0, 0, 0, 0, 1, 3]),
    )  # fmt: skip
    def put(self, store: int, place: tuple[str, str], edit: str, pick: int, back: int, *, again: bool) -> None:
        line = self._model.lines.get(place)
        known = sorted(line.checkpoints) if line else []
        parent_id = known[-1 - back] if len(known) > back and pick else None
        parent = line.checkpoints[parent_id] if line and parent_id else None
        number = self._next()
        run = f"r{number % 3}"
        checkpoint_id = known[pick] if pick < len(known) and again and known[pick] != parent_id else f"{number:06}"
        old = parent.values if parent else {}
        values = _edited(old, edit, number)
        versions = {channel: (parent.versions.get(channel, 0) if parent else 0) for channel in values}
        changed = [channel for channel in values if channel not in old or values[channel] != old[channel]]
        versions |= {channel: versions[channel] + 1 for channel in changed}
        roots = sorted(self._model.of(place[0])[""].checkpoints) if "" in self._model.of(place[0]) else []
        root_id = roots[-1] if place[1] and roots else None
        given = new(
            checkpoint_id, parent_id, values, versions=versions, run_id=run, root_id=root_id,
            unchanged=[channel for channel in values if channel not in changed], metadata=str(number).encode(),
        )  # fmt: skip
        putting = self._stores[store].put(Place(*place), given)
        if self._is_gone(store, place, parent_id, may_begin=not place[1]):
            with pytest.raises(ThreadGoneError):
                self._run(putting)
            self._seen[store][(*place, checkpoint_id)] = 0
            self._threads[store].setdefault(place[0], 0)
            return
        self._run(putting)
        line = self._model.line(*place)
        line.root_id = line.root_id or root_id
        line.checkpoints[checkpoint_id] = Kept(parent_id, run, given.metadata, versions, values)
        self._note(store, place, checkpoint_id)
        if pick % 3 == 0:  # The answer was lost, and it is repeated.
            self._run(self._stores[store].put(Place(*place), given))

    @rule(
        store=st.integers(0, _STORES - 1), place=_PLACES, pick=st.integers(0, 3), task=st.sampled_from(["x", "y"]),
        edits=st.lists(st.tuples(st.sampled_from([0, 1, 2, -1, -3]), _EDITS), min_size=1, max_size=3),
    )  # fmt: skip
    def put_writes(
        self, store: int, place: tuple[str, str], pick: int, task: str, edits: list[tuple[int, str]]
    ) -> None:
        line = self._model.lines.get(place)
        known = sorted(line.checkpoints, reverse=True) if line else []
        checkpoint_id = known[pick] if pick < len(known) else f"{self._next():06}"
        values = line.checkpoints[checkpoint_id].values if line and pick < len(known) else {}
        given = []
        for index, edit in dict(edits).items():
            made = _edited(values, edit, self._next())
            channel = next((one for one in made if made[one] != values.get(one)), "other")
            given.append((index, channel, made.get(channel)))
        putting = self._stores[store].put_writes(
            Place(*place), checkpoint_id, task, "path", [write(*one) for one in given]
        )
        if self._is_gone(store, place, checkpoint_id, may_begin=False):
            with pytest.raises(ThreadGoneError):
                self._run(putting)
            return
        self._run(putting)
        self._model.put_writes(self._model.line(*place), checkpoint_id, task, given)

    @rule(store=st.integers(0, _STORES - 1), place=_PLACES, pick=st.integers(-1, 3))
    def read(self, store: int, place: tuple[str, str], pick: int) -> None:
        line = self._model.lines.get(place)
        known = sorted(line.checkpoints, reverse=True) if line else []
        checkpoint_id = None if pick < 0 else known[pick] if pick < len(known) else "missing"
        found = self._run(self._stores[store].read(Place(*place), checkpoint_id))
        wanted = known[0] if checkpoint_id is None and known else checkpoint_id
        if line is None or wanted not in line.checkpoints:
            assert found is None
            if checkpoint_id is None and not place[1]:
                self._threads[store].pop(place[0], None)
            return
        assert found.checkpoint_id == wanted
        self._compare(store, place, found)

    def _compare(self, store: int, place: tuple[str, str], found: Any) -> None:
        line = self._model.lines[place]
        kept = line.checkpoints[found.checkpoint_id]
        assert (found.parent_id, found.run_id, found.metadata, found.versions) == kept[:4]
        assert contents(found) == kept.values
        there = line.writes.get(found.checkpoint_id, {})
        assert writes(found) == [(task, *there[task, index], "path", index) for task, index in sorted(there)]
        self._note(store, place, found.checkpoint_id)

    @rule(store=st.integers(0, _STORES - 1), thread_id=_THREADS, limit=st.sampled_from([None, 1, 3]))
    def list_all(self, store: int, thread_id: str, limit: int | None) -> None:
        async def all_of() -> list[Any]:
            return [one async for one in self._stores[store].list(Query(thread_id=thread_id, limit=limit))]

        found = self._run(all_of())
        lines = self._model.of(thread_id).values()
        wanted = sorted((one for line in lines for one in line.checkpoints), reverse=True)
        assert [one.checkpoint_id for one in found] == wanted[:limit]
        for one in found:
            self._compare(store, (thread_id, one.ns), one)

    @rule(store=st.integers(0, _STORES - 1), thread_id=_THREADS)
    def delete(self, store: int, thread_id: str) -> None:
        assert self._run(self._stores[store].delete(thread_id)) == self._model.delete(thread_id)

    @rule(store=st.integers(0, _STORES - 1), run_ids=st.lists(st.sampled_from(["r0", "r1", "r2"]), max_size=2))
    def delete_for_runs(self, store: int, run_ids: list[str]) -> None:
        self._run(self._stores[store].delete_for_runs(run_ids))
        self._model.delete_for_runs(run_ids)

    @rule(store=st.integers(0, _STORES - 1), thread_id=_THREADS, keep=st.integers(1, 3), dry=st.booleans())
    def prune(self, store: int, thread_id: str, keep: int, *, dry: bool) -> None:
        said = self._run(self._stores[store].prune([thread_id], keep_last=keep, dry_run=True))
        if not dry:
            assert self._run(self._stores[store].prune([thread_id], keep_last=keep)) == said
            assert self._model.prune(thread_id, keep) == said.checkpoints

    @rule(store=st.integers(0, _STORES - 1))
    def copy(self, store: int) -> None:
        copying = self._stores[store].copy("a", "b")
        if self._model.of("a") and self._model.of("b"):
            with pytest.raises(ThreadExistsError):
                self._run(copying)
            return
        self._run(copying)
        self._model.copy("a", "b")

    @invariant()
    def check_rows(self) -> None:
        self._run(check_rows(self._stores[0]))

    def teardown(self) -> None:
        self._run(check_verified(self._stores[0]))
        self._runner.close()
