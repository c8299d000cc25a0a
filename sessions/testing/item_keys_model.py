"""What sessions with item keys are compared with: a tree of histories, and the keys that each of its ways has seen.

The tree is that of `tree_model.py`. Its paths hold labels: "u1" and so on for items, each a turn of its own, and "s1"
and so on for the entries of summaries.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from sessions.testing.tree_model import Attempt, TreeModel

if TYPE_CHECKING:
    from sessions.testing.tree_model import Path


@dataclass(eq=False)
class Keyed:
    """An item of the model."""

    key: str | None
    text: str
    expires: float | None


@dataclass(eq=False)
class Summary:
    """A summary of the model.

    Attributes:
        first: The label of the first item of its range.
        last: The label of the last one.
        shows: Whether it shows an item in place of the range: not once that was popped.
    """

    first: str
    last: str
    shows: bool


@dataclass(eq=False)
class KeyedAttempt(Attempt):
    """An attempt, with the keys of what was popped in it."""

    popped: set[str | None] = field(default_factory=set)


class KeyModel(TreeModel):
    """The expected history of a session with item keys.

    Attributes:
        items: The items by their labels.
        summaries: The summaries by their labels.
        texts: What the item with each key says; a key never belongs to another item.
        popped: By branch, the keys of what was popped from it, or in an attempt that it goes on from.
        popped_aside: By the way that a failed attempt left, the keys of what was popped in it.
        cleared: The keys that every way has seen, as the session was cleared since.
    """

    def __init__(self) -> None:
        super().__init__()
        self.items: dict[str, Keyed] = {}
        self.summaries: dict[str, Summary] = {}
        self.texts: dict[str, str] = {}
        self.popped: dict[str, set[str | None]] = {}
        self.popped_aside: dict[Path, set[str | None]] = {}
        self.cleared: set[str] = set()
        self._labels = count()

    # --- Views of a way -----------------------------------------------------------------------------------------

    def keys(self, path: Path) -> set[str | None]:
        """Return the keys of all items of a way, also of expired ones."""
        return {self.items[label].key for label in path if label in self.items}

    def there(self, path: Path, now: float) -> list[str]:
        """Return the labels of the items of a way that have not expired."""
        items = [label for label in path if label in self.items]
        return [label for label in items if (ends := self.items[label].expires) is None or now < ends]

    def shown(self, path: Path, now: float) -> list[str]:
        """Return the labels of what models see: items, and summaries in place of their ranges."""
        hidden: dict[str, str] = {}
        for label in reversed(path):
            if label in self.summaries and self.summaries[label].first not in hidden:
                covered = self._range(path, label)
                hidden |= {
                    item: label if item == covered[0] and self.summaries[label].shows else "" for item in covered
                }
        seen = (hidden.get(label, label) for label in self.there(path, now))
        return [label for label in seen if label]

    def _range(self, path: Path, summary: str) -> Path:
        ends = self.summaries[summary]
        return path[path.index(ends.first) : path.index(ends.last) + 1]

    # --- Changes ------------------------------------------------------------------------------------------------

    def new_item(self, key: str | None, text: str, expires: float | None) -> str:
        """Return the label of a new item."""
        label = f"u{next(self._labels)}"
        self.items[label] = Keyed(key, text, expires)
        if key is not None:
            self.texts[key] = text
        return label

    def new_summary(self, first: str, last: str, *, shows: bool) -> str:
        """Return the label of a new summary."""
        label = f"s{next(self._labels)}"
        self.summaries[label] = Summary(first, last, shows)
        return label

    def summarise(self, path: Path, now: float) -> str | None:
        """Return the label of a summary of all but the last turn that models see; ``None`` if there is no such part."""
        shown = self.shown(path, now)
        items = [number for number, label in enumerate(shown) if label in self.items]
        part = shown[: items[-1]] if items else []
        if not part or (len(part) == 1 and part[0] in self.summaries):
            return None
        begin, end = part[0], part[-1]
        first = self.summaries[begin].first if begin in self.summaries else begin
        last = self.summaries[end].last if end in self.summaries else end
        return self.new_summary(first, last, shows=True)

    def without_last(self, path: Path, now: float) -> tuple[Path, set[str | None]]:
        """Return a way after a pop of the last item that models see, and the keys of the items that left it."""
        last = self.shown(path, now)[-1]
        if last in self.summaries:
            # The range stays hidden.
            summary = self.summaries[last]
            return (*path, self.new_summary(summary.first, summary.last, shows=False)), set()
        cut = path.index(last)
        # Summaries of what is left stay, unless another one has taken their place. What has expired behind it goes.
        kept: dict[str, Summary] = {}
        for label in path[cut:]:
            summary_behind = self.summaries.get(label)
            if summary_behind and summary_behind.last in path[:cut]:
                kept[summary_behind.first] = summary_behind
        again = (self.new_summary(one.first, one.last, shows=one.shows) for one in kept.values())
        return (*path[:cut], *again), self.keys(path[cut:])

    def commit(self, attempt: Attempt) -> bool:
        """As for any tree; the branch has seen then what was popped in the attempt."""
        owner = attempt.owner
        done = super().commit(attempt)
        if done and owner and isinstance(attempt, KeyedAttempt):
            self.popped.setdefault(owner, set()).update(attempt.popped)
        return done

    def keep(self, attempt: Attempt) -> None:
        """As for any tree; who chooses the way has seen then what was popped in the attempt."""
        before = len(self.left)
        super().keep(attempt)
        if isinstance(attempt, KeyedAttempt) and len(self.left) > before:
            self.popped_aside[attempt.path] = attempt.popped

    def choose(self, name: str, path: Path) -> None:
        """As for any tree; the branch has seen then what was popped on that way, if it is an attempt's."""
        tried = (one.popped for one in self.attempts if isinstance(one, KeyedAttempt) and one.path == path)
        self.popped.setdefault(name, set()).update(self.popped_aside.get(path, ()), *tried)
        super().choose(name, path)

    def delete(self, name: str) -> None:
        """As for any tree; a later branch of the same name has seen nothing."""
        super().delete(name)
        self.popped.pop(name, None)

    def rename(self, name: str, new: str) -> None:
        """As for any tree."""
        super().rename(name, new)
        if name in self.popped:
            self.popped[new] = self.popped.pop(name)

    def forget_ways_that_are_gone(self) -> None:
        """A way that is left again is no attempt's."""
        left = {path for _, path in self.left}
        self.popped_aside = {path: keys for path, keys in self.popped_aside.items() if path in left}

    def clear(self) -> None:
        """Remove everything but what is known of keys."""
        self.branches = {"main": ()}
        self.undone, self.left, self.popped, self.popped_aside = {}, [], {}, {}
        self.cleared = {*self.texts}
        for attempt in self.attempts:
            attempt.owner = None
