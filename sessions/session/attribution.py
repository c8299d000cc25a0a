"""The agent that currently speaks through a session object, as a framework's hooks report it."""

from __future__ import annotations


class Speaker:
    """The agent whose items are added next through one session object. Hooks set it as agents take over.

    User messages are never attributed to it.

    Attributes:
        name: The agent's name; ``None`` if unknown.
    """

    __slots__ = ("_ends", "name")

    def __init__(self) -> None:
        self.name: str | None = None
        self._ends = False

    def begins(self, name: str | None) -> None:
        """Attribute everything added from now on to an agent.

        Example: ``session.speaker.begins("triage")``
        """
        self.name, self._ends = name, False

    def ends(self) -> None:
        """Attribute only the next addition to the agent.

        Example: ``session.speaker.ends()``

        Frameworks report a run's end before they store its last items.
        """
        self._ends = True

    def has_spoken(self) -> None:
        """Note that the agent's items were added.

        Example: ``session.speaker.has_spoken()``
        """
        if self._ends:
            self.name, self._ends = None, False
