"""The machine that compares a session's history with the model in `tree_model.py`."""

from __future__ import annotations

from sessions.testing.tree_machine.attempts import Attempts
from sessions.testing.tree_machine.branching import Branching
from sessions.testing.tree_machine.choosing import Choosing
from sessions.testing.tree_machine.comparing import Comparing
from sessions.testing.tree_machine.moving import Moving


class TreeMachine(Moving, Attempts, Branching, Choosing, Comparing):
    """Any sequence of operations has the same effects on a session as on the model.

    Two objects of the session follow its current branch; a third kind stays on a branch of its own.
    """
