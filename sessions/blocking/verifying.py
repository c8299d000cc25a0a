"""The iterator of findings that `verify` returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.driving import Steps
from sessions.types.verify import Finding

if TYPE_CHECKING:
    import sessions.session.verifying
    from sessions.types.verify import Verified


class Verification(Steps[Finding]):
    """A verification in progress: an iterator of findings, and a summary.

    Example: ``findings = list(store.verify())``
    """

    def __init__(self, asynchronous: sessions.session.verifying.Verification) -> None:
        super().__init__(asynchronous)
        self._verification = asynchronous

    @property
    def summary(self) -> Verified:
        """Get the state so far: the numbers of checked rows and of findings, and where to resume.

        Example: ``print(store.verify().summary.entries)``
        """
        return self._verification.summary
