"""The state shared by a session object and its parts (branches, usage): conversation, database and branch."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, TypeVar, cast, runtime_checkable

from sessions.clock import now
from sessions.crypto.subject import KeyWanted
from sessions.errors import (
    DamagedSessionError,
    InAttemptError,
    InvalidItemError,
    SessionsError,
    StoreError,
    UndecodableItemError,
    UnknownBranchError,
    sentence,
)
from sessions.log.append import Append
from sessions.log.core.changing import take_over
from sessions.log.core.cleared import was_cleared_away
from sessions.log.core.elsewhere import AdoptFirst
from sessions.log.core.heads import MAIN, BranchName, find_head, number_of
from sessions.session.attribution import Speaker
from sessions.waits.ending import is_finalizing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sessions.codecs import Codec
    from sessions.db import Backend
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.encryption.session_encryption import SessionEncryption
    from sessions.memories.hold import Hold
    from sessions.session.leases import Lease
    from sessions.session.titles import Titles

T = TypeVar("T")

_log = logging.getLogger("sessions")

_UNEXPLAINED: Final = (ArithmeticError, AttributeError, LookupError, StoreError, TypeError, ValueError)
"""The errors of an operation that finds unexpected rows, or whose values a database refuses."""


@runtime_checkable
class OfBranch(Protocol):
    """Work that names the branch which it changes. Other work asks the handle for it each time it runs."""

    def on_current_branch(self) -> Self:
        """Return the same work for the session's current branch."""
        ...


class Handle:
    """A hold on one conversation, with all the state that a session object has.

    Attributes:
        backend: Where transactions run.
        strict: Raise for a stored item that cannot be read, rather than log a warning.
        pinned: The branch to stay on, regardless of the session's current one. From the first operation on, this is the
            very branch that was found then, and no other one that has its name later.
        followed: The branch that was read last. Changes go there, so a switch by another process never lands between a
            run's read and its write. It, too, is the very branch that was found.
        author: The author of additions, unless a hook reports an agent.
        speaker: The agent that speaks, as hooks tell.
        lease: The lease under which the branch is changed.
        titles: Makes titles of first messages; ``None`` to make none.
        memories: Returns a hold on the memories of the store; ``None`` without a store.
        lifetime: How long additions live, in microseconds, unless the caller says; ``None``: until they are purged by
            age; `NEVER`: purging spares them, too.
    """

    __slots__ = (
        "_conversation", "_followed", "author", "backend", "lease", "lifetime", "memories", "pinned", "speaker",
        "strict", "subject", "titles",
    )  # fmt: skip

    def __init__(
        self, conversation: Conversation, backend: Backend, *, strict: bool, pinned: str | None = None
    ) -> None:
        self._conversation = conversation
        self.backend = backend
        self.strict = strict
        self.pinned = pinned
        self._followed: str | None = None
        self.author: str | None = None
        self.speaker = Speaker()
        self.lease: Lease | None = None
        self.lifetime = conversation.ttl
        self.titles: Titles | None = None
        self.memories: Callable[[], Hold] | None = None
        self.subject = f"session {conversation.session_id!r}"

    def pinned_to(self, branch: str) -> Handle:
        """Return a hold on the same conversation that stays on a branch."""
        return self._changed(self._conversation._replace(lease=None, attempt=None), branch)

    def by_author(self, author: str | None) -> Handle:
        """Return a hold on the same conversation for an author, which goes its own way from this one's branch."""
        made = self._changed(self._conversation, self.pinned)
        made._followed = self._followed  # noqa: SLF001 - it is one of ours
        made.lease = self.lease
        made.author = author
        return made

    def leased(self, lease: Lease) -> Handle:
        """Return a hold on the same conversation that stays on a branch and changes it under a lease."""
        made = self._changed(self._conversation._replace(lease=lease.token), lease.branch)
        made.lease = lease
        return made

    def attempting(self, name: str) -> Handle:
        """Return a hold on the same conversation that stays in an attempt, and is held to this one's lease."""
        token = self._conversation.lease or 0
        made = self._changed(self._conversation._replace(lease=None, attempt=token), name)
        made.lease = self.lease
        made.titles = self.titles and self.titles.in_attempt()
        return made

    def refuse_in_attempt(self, what: str) -> None:
        """Refuse an operation that an attempt's session does not support.

        Raises:
            InAttemptError: This is one.
        """
        if self._conversation.attempt is not None:
            raise InAttemptError(
                f"{self.subject}: an attempt's session cannot {what}. Nothing was changed. Leave the attempt's block "
                "first, or use the session that began it."
            )

    def of_session(self, session_id: str) -> Handle:
        """Return a hold on another conversation of the same store, with the same keys and codec, for any owner."""
        conversation = self._conversation._replace(session_id=session_id, owner=None, lease=None, attempt=None)
        return self._changed(conversation, None)

    @property
    def is_encrypted(self) -> bool:
        """Whether the conversation is opened with a key."""
        return self._conversation.encryption is not None

    def encrypted(self, encryption: SessionEncryption, ttl: int | None) -> Handle:
        """Return a hold on the same conversation that encrypts and decrypts it.

        Args:
            encryption: How that is done.
            ttl: The age, in microseconds, from which entries are not there any more.
        """
        made = self._changed(self._conversation._replace(encryption=encryption, ttl=ttl), self.pinned)
        made.lease = self.lease
        made.lifetime = ttl
        return made

    def _changed(self, conversation: Conversation, pinned: str | None) -> Handle:
        """Return a hold with a speaker of its own, as agents speak through objects."""
        made = Handle(conversation, self.backend, strict=self.strict, pinned=pinned)
        made.author = self.author
        made.lifetime = self.lifetime
        made.titles = self.titles
        made.memories = self.memories
        return made

    @property
    def agent(self) -> str | None:
        """The author of everything added except user messages."""
        return self.speaker.name or self.author

    @property
    def codec(self) -> Codec:
        """How the conversation's items become payloads, and back."""
        # The log asks less of it than sessions do.
        return cast("Codec", self._conversation.codec)

    def encoded(self, item: dict[str, Any], what: str) -> bytes:
        """Return the payload of one item.

        Raises:
            InvalidItemError: It cannot be stored; the message calls it `what`.
        """
        try:
            (payload,) = self.codec.encode_all([item])
        except InvalidItemError as error:
            raise InvalidItemError(f"{self.subject}: {what}: {sentence(error)} Nothing was changed.") from None
        return payload

    @property
    def conversation(self) -> Conversation:
        """The conversation as of now."""
        return self._conversation._replace(now=now())

    @property
    def followed(self) -> str | None:
        """The branch that was read last."""
        return self._followed

    @followed.setter
    def followed(self, branch: str | None) -> None:
        self._followed = branch
        if self.pinned == branch:
            self.pinned = branch

    @property
    def _seeks_branch(self) -> bool:
        """Whether this stays on a branch that was not found yet."""
        return self.pinned is not None and self.pinned != MAIN and not number_of(self.pinned)

    async def append(self, append: Callable[[Transaction], int | None], backend: Backend | None = None) -> None:
        """Do an append as one transaction, of `backend` if that is given: a hold on the same database."""
        number = await self._with_key((backend or self.backend).write, append)
        if number is not None and self._seeks_branch:
            self.pinned = BranchName(str(self.pinned), number)

    @property
    def target(self) -> str | None:
        """The branch for changes; ``None`` means the session's current one."""
        return self.pinned or self.followed

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Return the result of `work`, run in one snapshot."""
        return await self._with_key(self.backend.read, work)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Do `work` as one transaction."""
        if self._seeks_branch and not isinstance(work, Append):
            head = await self.read(lambda tx: find_head(tx, self._conversation, self.pinned))
            self.pinned = head.branch if head else self.pinned
        return await self._with_key(self.backend.write, work)

    async def _with_key(
        self, run: Callable[[Callable[[Transaction], T], str], Awaitable[T]], work: Callable[[Transaction], T]
    ) -> T:
        """Run `work`; on the current branch if the one that was followed went when the session was cleared."""
        try:
            return await self._unlocked(run, work)
        except UnknownBranchError:
            lost = self.followed
            if lost is None or self.pinned is not None:
                raise
            session_id = self._conversation.session_id
            if not await self.backend.read(lambda tx: was_cleared_away(tx, session_id, lost), self.subject):
                raise
        self.followed = None
        return await self._unlocked(run, work.on_current_branch() if isinstance(work, OfBranch) else work)

    async def _unlocked(
        self, run: Callable[[Callable[[Transaction], T], str], Awaitable[T]], work: Callable[[Transaction], T]
    ) -> T:
        """Run `work`, and run it again after fetching a missing key or copying a session from other tables."""
        while True:
            try:
                return await run(work, self.subject)
            except AdoptFirst:
                await self._with_key(self.backend.write, lambda tx: take_over(tx, self.conversation, now()))
            except KeyWanted as wanted:
                await wanted.fetch()
            except DamagedSessionError as error:
                raise error.about(self.subject) from error.__cause__
            except _UNEXPLAINED as error:
                if isinstance(error, SessionsError) and type(error) is not StoreError:
                    raise
                await self._explain(error)
                raise

    async def _explain(self, error: Exception) -> None:
        """Check whether an operation failed because stored rows contradict each other.

        Raises:
            DamagedSessionError: It cannot be; the error is its cause.
        """
        if is_finalizing():
            return  # The rows cannot be read, and nothing can be imported.
        # Few operations fail so.
        from sessions.log.core.damage import find_damage  # noqa: PLC0415
        from sessions.log.core.heads import damaged  # noqa: PLC0415

        found = await self.backend.read(lambda tx: find_damage(tx, self._conversation.session_id), self.subject)
        if found is not None:
            raise damaged(found).about(self.subject) from error

    async def change(self, work: Callable[[Transaction], tuple[T, list[int]]]) -> T:
        """Do `work`, which also returns the positions of items that could not be read; if strict, only without any."""

        def unless_unreadable(tx: Transaction) -> tuple[T, list[int]]:
            result, undecodable = work(tx)
            if self.strict:
                self.report(undecodable)
            return result, undecodable

        result, undecodable = await self.write(unless_unreadable)
        self.report(undecodable)
        return result

    def report(self, undecodable: list[int]) -> None:
        """Tell of stored items that could not be read.

        Raises:
            UndecodableItemError: There are some, and this handle is strict.
        """
        if not undecodable:
            return
        where = ", ".join(map(str, sorted(undecodable)))
        if self.strict:
            raise UndecodableItemError(
                f"{self.subject}: the stored items at positions {where} cannot be read. Nothing was changed. Open "
                "the session with strict=False to skip them."
            )
        _log.warning("%s: the stored items at positions %s cannot be read and are skipped", self.subject, where)
