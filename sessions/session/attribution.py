"""Who is speaking through a session object, as a framework's hooks tell it."""

from __future__ import annotations


class Speaker:
    """The agent whose items are added next through one session object; set by hooks, as a run goes from agent to agent.

    What users say is not the agent's, whoever is active.

    Attributes:
        name: The agent's name; ``None`` if nobody said.
    """

    __slots__ = ("_ends", "name")

    def __init__(self) -> None:
        self.name: str | None = None
        self._ends = False

    def begins(self, name: str | None) -> None:
        """Say that what is added from now on is an agent's."""
        self.name, self._ends = name, False

    def ends(self) -> None:
        """Say that what is added next is the last that it adds: frameworks tell of a run's end before they store it."""
        self._ends = True

    def has_spoken(self) -> None:
        """Note that something of its was added."""
        if self._ends:
            self.name, self._ends = None, False
