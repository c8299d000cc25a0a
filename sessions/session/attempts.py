"""Attempts at another answer: beginning, ending, and handling a block that fails."""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING

from sessions.clock import now
from sessions.db.uncancelled import settle
from sessions.errors import ConflictError, OutcomeUnknownError, SessionsError
from sessions.log.history.attempt import Refused, abandon_attempt, begin_attempt, commit_attempt, end_attempt
from sessions.log.lifetime.remove import delete_unbegun

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.db.transaction import Transaction
    from sessions.log.history.attempt import Attempt
    from sessions.session.handle import Handle

_log = logging.getLogger("sessions")


async def begin(handle: Handle, turn: int | None) -> Attempt:
    """Begin an attempt of the branch to which a handle's changes go; if that fails, nothing of it stays."""
    claim = secrets.token_hex(8)
    try:
        return await handle.write(
            lambda tx: begin_attempt(tx, handle.conversation, now(), branch=handle.target, turn=turn, claim=claim)
        )
    except BaseException as error:
        if not isinstance(error, SessionsError) or isinstance(error, OutcomeUnknownError):
            # The answer was lost or the caller was cancelled, so the attempt may have begun.
            await settle(_quietly(handle, lambda tx: _abandon(tx, handle, claim)))
        raise


async def commit(handle: Handle, attempt: Attempt) -> None:
    """Make an attempt the branch's way; if that fails, it stays as a sibling.

    Raises:
        ConflictError: The branch was changed during the attempt.
    """

    def commit(tx: Transaction) -> str | Refused:
        done = commit_attempt(tx, handle.conversation, now(), attempt)
        _forget_unbegun(tx, handle, attempt)
        return done

    try:
        done = await handle.write(commit)
    except BaseException:
        await end(handle, attempt, drop=False)
        raise
    if isinstance(done, Refused):
        if done.kept:
            what, choose = ", which stays as a sibling. The branch was left as it is", ", or choose() the attempt"
        else:
            what, choose = ". The attempt added nothing and was removed. The branch was left as it is", ""
        raise ConflictError(
            f"{handle.subject}: branch {done.branch!r} was changed during the attempt{what}. If this block changed it, "
            f"write through the attempt's session. If others did, read the branch and try again{choose}.",
            done.version,
        )
    handle.followed = done


async def end(handle: Handle, attempt: Attempt, *, drop: bool) -> None:
    """End an attempt that failed, even if the caller is cancelled, again and again."""

    def end(tx: Transaction) -> None:
        end_attempt(tx, handle.conversation, now(), attempt.name, drop=drop)
        _forget_unbegun(tx, handle, attempt)

    await settle(_quietly(handle, end))


def _forget_unbegun(tx: Transaction, handle: Handle, attempt: Attempt) -> None:
    """Delete the session if the attempt made it and added nothing that stays: it is in no list then."""
    if not attempt.entry:
        delete_unbegun(tx, handle.conversation.session_id, now())


def _abandon(tx: Transaction, handle: Handle, claim: str) -> None:
    abandon_attempt(tx, handle.conversation, now(), claim)
    delete_unbegun(tx, handle.conversation.session_id, now())


async def _quietly(handle: Handle, work: Callable[[Transaction], None]) -> None:
    """Do `work` after an error, which is the one to tell; without it, an attempt stays as a sibling."""
    try:
        await handle.write(work)
    except SessionsError as error:
        _log.warning(
            "%s: an attempt was not ended (%s); what was written stays as a sibling",
            handle.subject,
            type(error).__name__,
        )
