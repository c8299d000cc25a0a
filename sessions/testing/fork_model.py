"""The model of sessions that are forked: each is a list of entries, and a fork is the beginning of one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sessions.errors import ItemKeyConflictError, SessionExistsError, UnknownSessionError
from sessions.testing.refusals import refused
from sessions.testing.verified import check_verified

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.expiry_model import OpenStore

_IDS: Final = tuple(f"fork-{number}" for number in range(5))

_ROLES: Final = st.lists(st.sampled_from(["user", "assistant"]), min_size=1, max_size=4)


@dataclass
class Line:
    """A session of the model.

    Attributes:
        entries: Its entries, each with its item, its key and its turn.
        undone: The ways forward of `redo`, the last of them last.
    """

    entries: list[tuple[dict[str, Any], str | None, int]] = field(default_factory=list)
    undone: list[list[tuple[dict[str, Any], str | None, int]]] = field(default_factory=list)

    @property
    def turn(self) -> int:
        """The number of turns."""
        return self.entries[-1][2] if self.entries else 0


class ForkMachine(RuleBasedStateMachine):
    """Any sequence of appends, pops, undos, forks and deletions: no session sees what happens to another one."""

    def __init__(self, open_here: OpenStore) -> None:
        super().__init__()
        self._store = open_here()
        self._runner = asyncio.Runner()
        self._lines: dict[str, Line] = {}
        self._count = 0
        for session_id in _IDS:
            self._runner.run(self._store.delete(session_id))

    @rule(session_id=st.sampled_from(_IDS), roles=_ROLES, keyed=st.booleans())
    def add(self, session_id: str, roles: list[str], *, keyed: bool) -> None:
        line = self._lines.setdefault(session_id, Line())
        items, keys = [], []
        for role in roles:
            self._count += 1
            items.append({"role": role, "content": f"item {self._count}"})
            keys.append(f"key {self._count}" if keyed else None)
        self._runner.run(self._session(session_id).add_items(items, keys=keys if keyed else None))
        for item, key in zip(items, keys, strict=True):
            line.entries.append((item, key, line.turn + (item["role"] == "user")))
        line.undone.clear()

    @precondition(lambda self: self._lines)
    @rule(data=st.data())
    def add_again(self, data: st.DataObject) -> None:
        """What a session has under its key is skipped; another item under the key is refused."""
        session_id = data.draw(st.sampled_from(sorted(self._lines)))
        keyed = [(item, key) for item, key, _ in self._lines[session_id].entries if key is not None]
        if not keyed:
            return
        item, key = data.draw(st.sampled_from(keyed))
        self._runner.run(self._session(session_id).add_items([item], keys=[key]))
        adding = self._session(session_id).add_items([{"role": "user", "content": "another"}], keys=[key])
        refused(self._runner, adding, ItemKeyConflictError)
        found = self._runner.run(self._session(session_id).entry(key=key))
        assert (found.item, found.key) == (item, key)

    @precondition(lambda self: any(line.entries for line in self._lines.values()))
    @rule(data=st.data())
    def pop(self, data: st.DataObject) -> None:
        session_id = data.draw(st.sampled_from(sorted(one for one, line in self._lines.items() if line.entries)))
        line = self._lines[session_id]
        assert self._runner.run(self._session(session_id).pop_item()) == line.entries.pop()[0]
        line.undone.clear()

    @precondition(lambda self: any(line.turn for line in self._lines.values()))
    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        session_id = data.draw(st.sampled_from(sorted(one for one, line in self._lines.items() if line.turn)))
        line = self._lines[session_id]
        turn = data.draw(st.integers(1, line.turn))
        self._runner.run(self._session(session_id).rewind(turn))
        line.undone.append(list(line.entries))
        line.entries = [entry for entry in line.entries if entry[2] < turn]

    @precondition(lambda self: any(line.undone for line in self._lines.values()))
    @rule(data=st.data())
    def redo(self, data: st.DataObject) -> None:
        session_id = data.draw(st.sampled_from(sorted(one for one, line in self._lines.items() if line.undone)))
        line = self._lines[session_id]
        self._runner.run(self._session(session_id).redo())
        line.entries = line.undone.pop()

    @rule(data=st.data(), source=st.sampled_from(_IDS), new=st.sampled_from(_IDS))
    def fork(self, data: st.DataObject, source: str, new: str) -> None:
        forking = self._store.fork(source, new)
        if source not in self._lines:
            refused(self._runner, forking, UnknownSessionError)
            return
        if new in self._lines:
            refused(self._runner, forking, SessionExistsError)
            return
        forking.close()
        entries = self._lines[source].entries
        where = data.draw(st.integers(0, len(entries)))
        self._runner.run(self._store.fork(source, new, at=where or None))
        self._lines[new] = Line(entries[:where] if where else list(entries))

    @rule(session_id=st.sampled_from(_IDS))
    def delete(self, session_id: str) -> None:
        existed = self._lines.pop(session_id, None) is not None
        assert self._runner.run(self._store.delete(session_id)) == existed

    @invariant()
    def sessions_are_as_in_the_model(self) -> None:
        assert self._runner.run(self._store.count()) == len(self._lines)
        for session_id, line in self._lines.items():
            found = self._runner.run(self._session(session_id).entries())
            assert [(entry.item, entry.key, entry.turn) for entry in found] == line.entries
            assert [entry.position for entry in found] == list(range(1, len(found) + 1))

    def teardown(self) -> None:
        for session_id in self._lines:
            self._runner.run(check_verified(self._session(session_id)))
        self._runner.close()

    def _session(self, session_id: str) -> LogSession:
        return self._store.session(session_id)
