"""The part of a store that makes sessions of other ones: forking, and copying from and to any store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from sessions.db.closed import ClosedBackend
from sessions.labels import encode_owner, given_owner
from sessions.session.base import LogSession
from sessions.validation import (
    DEFAULT,
    MAX_KEY_BYTES,
    Default,
    check_count,
    check_flags,
    check_progress,
    check_session_id,
    check_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.db import Backend
    from sessions.labels import Owner
    from sessions.log.core.one_entry import Wanted
    from sessions.session.handle import Handle
    from sessions.types import Entry
    from sessions.types.receipts import Copied


class Moving(ABC):
    """Forking and copying. The rest is `Store`."""

    _backend: Backend

    @abstractmethod
    def session(self, session_id: str, *, owner: Owner | Default = DEFAULT) -> LogSession:
        """Return the session with an id, as `Store.session` does.

        Example: ``session = store.session("user_123")``
        """

    @abstractmethod
    def _forget_title(self, session_id: str) -> None: ...

    async def fork(
        self,
        source: str | LogSession,
        new_id: str,
        *,
        at: int | str | Entry | None = None,
        key: str | None = None,
        owner: Owner | Default = DEFAULT,
    ) -> LogSession:
        """Make a session of its own of a conversation's beginning, and return it.

        Example: ``draft = await store.fork("user_123", "draft", at=2)``

        It gets the entries of one branch up to one of them: with their positions, turns, kinds, authors, times, expiry
        and item keys. It also gets the title, tags and metadata. It has one branch, ``main``. Leases, idempotency keys
        and usage stay behind, and it is not archived. In an encrypted store, it is encrypted with a data key of its
        own.

        The entries are copied page by page: memory does not grow with their number, and other callers wait for no more
        than one page. A lease on the source changes nothing. Later appends by others are not part of the fork. If
        they clear the source, or remove or replace one of these entries, copying begins again. The new session becomes
        visible when it is whole; a failed or killed call leaves nothing visible, and upkeep removes the rest.

        Args:
            source: The conversation: its id, or a session object of this store, which also says whose it has to be and
                on which branch. By its id, the current branch is meant.
            new_id: The id of the new session.
            at: The last entry of the fork: its position on the branch; its id or the `Entry` itself, from any branch or
                undone turn. The branch's last one by default.
            key: In place of `at`, the key that `add_items` was given for that entry's item.
            owner: The new session's owner; the source's by default.

        Returns:
            The new session.

        Raises:
            SessionExistsError: There is a session `new_id`.
            UnknownSessionError: There is no session `source`.
            UnknownEntryError: The source has no such entry, or it has expired.
            OwnerError: The source belongs to another owner than `source` was opened for.
            ConflictError: The source lost or replaced entries again and again.
            InAttemptError: `source` is the session of an attempt.
            TypeError: An argument has the wrong type, or both `at` and `key` are given.
            ValueError: An id, `key` or `owner` is not allowed, or `source` belongs to another store.
            DecryptionError: The source is encrypted with another key, or was altered.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        from sessions.store.transfer import Plan, transfer  # noqa: PLC0415 - few programs fork

        check_session_id(new_id)
        wanted = _wanted(at, key)
        handle = self._handle_of(source)
        encoded = None if (given := given_owner(owner)) is None else encode_owner(given)
        self._forget_title(new_id)
        await transfer(Plan(handle, handle.of_session(new_id), wanted, is_fork=True, owner=encoded))
        return self.session(new_id) if given is None else self.session(new_id, owner=given)

    async def forks(self, session_id: str) -> list[str]:
        """Return the ids of the sessions that were forked from a session, and of those that were forked from these.

        Example: ``copies = await store.forks("user_123")``

        Its own forks come first, the oldest first. They have copies of its items, so look there, too, after you have
        removed something from a session for good. If a session is deleted, its forks count as forks of the session that
        it was forked from.

        Raises:
            TypeError: `session_id` is not a string.
            ValueError: `session_id` is not allowed.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        from sessions.log.lifetime.forks import forks_of_named  # noqa: PLC0415 - few programs ask

        session_id = check_session_id(session_id)
        found = await self._backend.read(lambda tx: forks_of_named(tx, session_id), f"session {session_id!r}")
        return [fork.session_id for fork in found]

    async def copy(
        self,
        source: Any,
        target: Any,
        *,
        owner: Owner | Default = DEFAULT,
        plain: bool = False,
        progress: Callable[[Copied], object] | None = None,
    ) -> Copied:
        """Copy a conversation from and to any session: of this store, of another one, or of another library.

        Example: ``copied = await store.copy("user_123", "user_456")``

        Each is an object with the four methods `get_items`, `add_items`, `pop_item` and `clear_session`; or the id of a
        session of this store. The items of one branch are copied: of a session of this package, the one that the object
        reads. To move whole conversations with their branches, export and import them.

        - Between sessions of this package, entries keep their positions, turns, kinds, authors, times, expiry and item
          keys, and the session keeps its owner, title, tags, metadata and times. Handovers and summaries go along. The
          target is encrypted with a data key of its own, if its store is encrypted. Usage, leases and idempotency keys
          stay behind.
        - From another library's session, the target gets the items, which count as added now.
        - To another library's session, the items go 20 at a time, without handovers and summaries.

        A target of this package becomes visible when it is whole. A target of another library has the items that were
        added before a failure. In both cases, call it again to go on: the items that the target has already are
        compared and not added again. A finished copy adds nothing, and adds the source's later items to a target of
        another library.

        Memory does not grow with the number of items of a source of this package. Other libraries return all items at
        once. Change neither session while they are copied, and run one copy at a time to a target of another library.

        Args:
            source: The conversation.
            target: Where it goes.
            owner: The owner of a new session of this package; the source's by default.
            plain: Whether items of an encrypted session may be stored unencrypted, where the target is not encrypted.
            progress: Called after every few items with the result so far.

        Returns:
            How many items were added, and how many were there.

        Raises:
            SessionExistsError: The target is a session of this package, and does not have all items of a source of this
                package.
            ConflictError: The target has other items than the source; or the source lost items again and again.
            UnknownSessionError: The source is a session of this package that does not exist.
            InvalidItemError: An item of the source cannot be stored by the target.
            UndecodableItemError: An item cannot be read, the target is of another library, and the source is strict.
            OwnerError: A session belongs to another owner than it was opened for.
            InAttemptError: A session is that of an attempt.
            TypeError: An argument has the wrong type: for example, an object without the four methods.
            ValueError: An id or `owner` is not allowed, both are the same session, the target stays on a branch, or the
                source is encrypted and the target is not.
            DecryptionError: A session is encrypted with another key, or was altered.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        from sessions.store.copying import Wish, check_wish, copy, the_four_methods  # noqa: PLC0415 - few programs copy

        check_flags(plain=plain)
        check_progress(progress)
        wish = Wish(
            self.session(source) if isinstance(source, str) else the_four_methods(source, "source"),
            self.session(target) if isinstance(target, str) else the_four_methods(target, "target"),
            None if (given := given_owner(owner)) is None else encode_owner(given),
            progress,
        )
        check_wish(wish, plain=plain)
        return await copy(wish)

    def _handle_of(self, source: str | LogSession) -> Handle:
        """Return the hold of a session of this store.

        Raises:
            TypeError: It is not one.
            ValueError: It is of another store.
        """
        session = self.session(source) if isinstance(source, str) else source
        if not isinstance(session, LogSession):
            raise TypeError(
                f"source must be the id of a session of this store or such a session, not {type(source).__name__}. "
                "Nothing was done. To copy a session of another library, use store.copy(source, new_id)."
            )
        handle: Handle = session._handle  # noqa: SLF001 - it is one of ours
        handle.refuse_in_attempt("be forked")
        if handle.backend is not self._backend and not isinstance(handle.backend, ClosedBackend):
            raise ValueError(
                f"{handle.subject} was not opened by this store. Nothing was done. Pass its id or "
                "store.session(id); to copy it from another store, use store.copy(source, new_id)."
            )
        return handle


def _wanted(at: int | str | Entry | None, key: str | None) -> Wanted | None:
    """Return the entry that a fork ends with; ``None`` for the branch's last one."""
    from sessions.log.core.one_entry import Wanted  # noqa: PLC0415 - as above
    from sessions.types import Entry  # noqa: PLC0415 - as above

    if at is not None and key is not None:
        raise TypeError("at and key cannot be combined. Nothing was done. Give one of them.")
    if key is not None:
        return Wanted(key=check_text(key, "key", MAX_KEY_BYTES))
    if at is None:
        return None
    if isinstance(at, Entry):
        return Wanted(id=at.id)
    return Wanted(id=at) if isinstance(at, str) else Wanted(check_count(at, "at", least=1))
