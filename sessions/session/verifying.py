"""Verifying stored rows: `session.verify()`, and the iterator that it and `store.verify()` return."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Self

from sessions.session.part import SessionPart
from sessions.types.verify import NO_PLACE, Verified
from sessions.validation import check_progress

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from sessions.db.verification import Step
    from sessions.session.handle import Handle
    from sessions.types.verify import Finding


_PLACE: Final = re.compile(r"[a-z_]+:((?:-?[0-9]{1,19})?)")


def check_after(after: object) -> str:
    """Return the place behind which a verification begins; empty for the beginning.

    Raises:
        TypeError: It is no text.
        ValueError: It is not the `after` of a summary.
    """
    if not isinstance(after, str | None):
        raise TypeError(
            f"after must be a string or None, not {type(after).__name__}. Nothing was checked. Pass "
            "verification.summary.after."
        )
    found = _PLACE.fullmatch(after) if after else None
    if after and (found is None or abs(int(found[1] or 0)) >= 1 << 63):
        raise ValueError(NO_PLACE)
    return after or ""


class Verification:
    """A verification in progress: an asynchronous iterator of findings, and a summary.

    Example: ``findings = [finding async for finding in store.verify()]``

    Nothing is read before the first finding is asked for. `aclose` ends it early.
    """

    def __init__(self, steps: AsyncGenerator[Step], progress: Callable[[Verified], object] | None) -> None:
        check_progress(progress)
        self._steps = steps
        self._progress = progress
        self._summary = Verified()
        self._last: Step | None = None
        self._waiting: deque[Finding] = deque()

    @property
    def summary(self) -> Verified:
        """Get the state so far: the numbers of checked rows and of findings, and where to resume.

        Example: ``print(store.verify().summary.entries)``
        """
        return self._summary

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Finding:
        while not self._waiting:
            if self._last is not None:
                # Its findings have been taken, so a later run may go on behind them.
                self._summary = replace(self._summary, after=self._last.after)
                self._last = None
                if self._progress is not None:
                    self._progress(self._summary)
            self._last = await anext(self._steps)
            self._waiting.extend(self._last.findings)
            self._count(self._last)
        return self._waiting.popleft()

    async def aclose(self) -> None:
        """End the verification.

        Example: ``await store.verify().aclose()``
        """
        await self._steps.aclose()

    def _count(self, step: Step) -> None:
        so_far = self._summary
        errors = sum(finding.severity == "error" for finding in step.findings)
        self._summary = replace(
            so_far,
            errors=so_far.errors + errors,
            warnings=so_far.warnings + len(step.findings) - errors,
            **{word: getattr(so_far, word) + count for word, count in step.counts.items()},
        )


class Verifying(SessionPart):
    """Verification."""

    def verify(self, *, progress: Callable[[Verified], object] | None = None, after: str | None = None) -> Verification:
        """Check everything that is stored of this session, and yield each finding.

        Example: ``findings = [finding async for finding in session.verify()]``

        The checks are those of `Store.verify` that are about one session. Nothing is changed. `repair` is something
        else: it finds items that models do not accept, in rows that are sound.

        Args:
            progress: Called after each page with the summary so far.
            after: The `after` of an earlier verification's summary, to go on behind it.

        Returns:
            An iterator of findings, with a `summary`. A session that does not exist has no findings.

        Raises:
            OwnerError: The session belongs to another owner, or has none, and this object was opened for an owner.
            TypeError: `after` is no text.
            ValueError: `after` is not such a text.
            StoreError: The database cannot be reached, or is locked by others for too long.
            SessionClosedError: The session has been closed.
        """
        return Verification(_steps_of_session(self._handle, check_after(after)), progress)


async def _steps_of_session(handle: Handle, after: str) -> AsyncGenerator[Step]:
    from sessions.db.verify import verify  # noqa: PLC0415 - few programs verify
    from sessions.log.append import version_of  # noqa: PLC0415 - as above
    from sessions.log.component import conversations  # noqa: PLC0415 - as above
    from sessions.log.verify.reading import Reading  # noqa: PLC0415 - as above

    conversation = handle.conversation
    # Checks the owner, and adopts a session of the SDK's.
    await handle.read(lambda tx: version_of(tx, conversation))
    reading = Reading(handle.codec, conversation.encryption, conversation.session_id)
    component = conversations(conversation.elsewhere.tables)
    async for step in verify(handle.backend, [component], reading, handle.subject, after=after, whole=False):
        yield step
