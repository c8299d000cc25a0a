"""`Memories`: an agent's memories across conversations, as users hold them: `store.memories`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from sessions.memories.declaring import Declaring
from sessions.memories.embedding import Embedding
from sessions.memories.erasing import Erasing
from sessions.memories.reading import Reading
from sessions.memories.searching import Searching
from sessions.memories.watching import Watching
from sessions.memories.writing import Writing
from sessions.validation import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.labels import Owner
    from sessions.memories.hold import Hold
    from sessions.validation import Default


class Memories(Writing, Reading, Searching, Watching, Declaring, Embedding, Erasing):
    """JSON objects under namespaces and keys, in the database of a store. Get it from `store.memories`.

    Example: ``await store.memories.put(("users", "alice"), "style", {"text": "prefers short answers"})``

    A namespace is a tuple of labels, as ``("users", "alice")``. Any number of tasks, threads and event loops may use
    one object.
    """

    def __init__(self, hold: Hold) -> None:
        self._hold = hold

    def under(self, prefix: Sequence[str], *, owner: Owner | Default = DEFAULT) -> Self:
        """Return the memories below a prefix: an object that cannot reach beyond it. This does no I/O.

        Example: ``mine = store.memories.under(("users", "alice"), owner="alice")``

        Its methods are the same, with namespaces that are relative to the prefix.

        Args:
            prefix: The first labels of all its namespaces.
            owner: The owner of all its namespaces: new ones get it. A namespace that belongs to another owner, or has
                none, raises `OwnerError`, and is in no list. ``None`` is refused, as it may come from a login that
                failed.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: A label or `owner` is not allowed.
        """
        return type(self)(self._hold.under(prefix, owner))
