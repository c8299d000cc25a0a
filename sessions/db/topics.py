"""Topics: the things that can be watched in a database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

AT_ONCE: Final = 100
"""Topics that one look is at, at most."""

Look: TypeAlias = Callable[[Any, Sequence[str]], Mapping[str, object]]
"""A function of a transaction and of topics' names, up to `AT_ONCE`. For each topic that is there, it returns a value
that is another one once the topic has changed."""


class Topic(NamedTuple):
    """Something that can be watched. On Postgres, its changes tell its name (`telling`); elsewhere it is looked at.

    Attributes:
        name: Identifies it. If two topics had the same name, each would wake the other's watchers, too.
        look: Looks at topics of its kind.
    """

    name: str
    look: Look
