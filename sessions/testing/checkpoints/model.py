"""The model of threads: a dictionary of namespaces with dictionaries of checkpoints and writes."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Kept(NamedTuple):
    """A checkpoint of the model."""

    parent_id: str | None
    run_id: str | None
    metadata: bytes
    versions: dict[str, int]
    values: dict[str, Any]


@dataclass
class Line:
    """A namespace of a thread."""

    generation: int
    root_id: str | None = None
    checkpoints: dict[str, Kept] = field(default_factory=dict)
    writes: dict[str, dict[tuple[str, int], tuple[str, Any]]] = field(default_factory=dict)


class Threads:
    """All threads, by id and namespace."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, str], Line] = {}
        self._numbers: dict[str, int] = {}
        self._made = 0

    def line(self, thread_id: str, ns: str) -> Line:
        """Return a line, made if it is missing."""
        key = thread_id, ns
        if key not in self.lines:
            self._made += 1
            if not self.of(thread_id):
                self._numbers[thread_id] = self._made
            self.lines[key] = Line(self._made)
        return self.lines[key]

    def number(self, thread_id: str) -> int | None:
        """Return the number of a thread; one that begins anew has another."""
        return self._numbers[thread_id] if self.of(thread_id) else None

    def of(self, thread_id: str) -> dict[str, Line]:
        """Return the lines of a thread."""
        return {ns: line for (one, ns), line in self.lines.items() if one == thread_id}

    def put_writes(self, line: Line, checkpoint_id: str, task_id: str, given: list[tuple[int, str, Any]]) -> None:
        """Store writes: ordinary ones once, special ones each time."""
        there = line.writes.setdefault(checkpoint_id, {})
        for index, channel, content in given:
            if index < 0 or (task_id, index) not in there:
                there[task_id, index] = channel, content

    def delete(self, thread_id: str) -> bool:
        """Delete a thread."""
        found = self.of(thread_id)
        for ns in found:
            del self.lines[thread_id, ns]
        return bool(found)

    def delete_for_runs(self, run_ids: list[str]) -> None:
        """Delete the checkpoints of runs."""
        for line in self.lines.values():
            self._remove(line, [one for one, kept in line.checkpoints.items() if kept.run_id in run_ids])

    def copy(self, source_id: str, target_id: str) -> None:
        """Copy a thread."""
        for ns, line in self.of(source_id).items():
            made = self.line(target_id, ns)
            made.root_id = line.root_id
            made.checkpoints, made.writes = deepcopy(line.checkpoints), deepcopy(line.writes)

    def prune(self, thread_id: str, keep_last: int) -> int:
        """Keep the latest checkpoints of each namespace; return how many go."""
        gone = 0
        root = self.of(thread_id).get("")
        before = set(root.checkpoints) if root else set()
        if root is not None:
            gone += self._remove(root, sorted(root.checkpoints, reverse=True)[keep_last:])
        left = set(root.checkpoints) if root else set()
        for ns, line in self.of(thread_id).items():
            if ns and line.root_id in before - left:
                gone += len(line.checkpoints)
                del self.lines[thread_id, ns]
            elif ns:
                gone += self._remove(line, sorted(line.checkpoints, reverse=True)[keep_last:])
        return gone

    @staticmethod
    def _remove(line: Line, checkpoint_ids: list[str]) -> int:
        for checkpoint_id in checkpoint_ids:
            del line.checkpoints[checkpoint_id]
            line.writes.pop(checkpoint_id, None)
        return len(checkpoint_ids)
