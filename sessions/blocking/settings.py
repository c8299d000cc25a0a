"""`Compaction` with a summariser that need not be asynchronous."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sessions import settings
from sessions.blocking.driving import as_summariser

if TYPE_CHECKING:
    from sessions.blocking.driving import Summariser


@dataclass(frozen=True)
class Compaction(settings.Compaction):
    """A setting that compacts a session automatically: `SessionSettings(compaction=…)`.

    Example: ``Compaction(summarise, above=Window(items=200))``

    The arguments are those of `sessions.Compaction`, except that `summarise` may be a plain function. It is called on
    the thread that reads the session.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: `keep_turns` or `keep_items` is negative, or `above` has no bound.
    """

    summarise: Summariser

    def __post_init__(self) -> None:
        object.__setattr__(self, "summarise", as_summariser(self.summarise))
        super().__post_init__()
