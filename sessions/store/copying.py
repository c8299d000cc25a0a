"""Copying a conversation from and to any object with the four methods of a session: `store.copy`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from sessions.encrypted import EncryptedSession
from sessions.errors import ConflictError, SessionExistsError
from sessions.items.calls import hosted_form, is_kept_as
from sessions.log.moving.source import SourceChanged
from sessions.session.base import LogSession
from sessions.store.item_pages import Pages, of_handle, of_object
from sessions.store.new_session import make_session
from sessions.store.same_branch import has_all_of
from sessions.store.transfer import Plan, transfer
from sessions.types.receipts import Copied
from sessions.waits.portal import foreign

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.session.handle import Handle

METHODS: Final = ("get_items", "add_items", "pop_item", "clear_session")

BATCH: Final = 20
"""Items that an object of another library is given at once: as many as OpenAI's hosted conversations take in one
request, so that each call adds all of them or none."""

_HOSTED: Final = "OpenAIConversationsSession"
"""The name of the OpenAI Agents SDK's class for hosted conversations."""

_TRIES: Final = 5


class AnySession(Protocol):
    """An object with the four methods of a session, of any library."""

    async def get_items(self, limit: int | None = None) -> list[Any]:
        """Return the latest items, oldest first; all of them without a limit."""
        ...

    async def add_items(self, items: list[Any]) -> None:
        """Append items."""
        ...

    async def pop_item(self) -> Any:
        """Remove the last item and return it."""
        ...

    async def clear_session(self) -> None:
        """Delete all items."""
        ...


class Wish(NamedTuple):
    """The wishes of a caller of `store.copy`; `owner` is as `labels.py` writes it."""

    source: AnySession
    target: AnySession
    owner: str | None = None
    progress: Callable[[Copied], object] | None = None


def the_four_methods(session: Any, name: str) -> AnySession:
    """Return an object with the four methods.

    Raises:
        TypeError: It does not have them.
    """
    if isinstance(session, type) or not all(callable(getattr(session, method, None)) for method in METHODS):
        given = f"the class {session.__name__}" if isinstance(session, type) else type(session).__name__
        raise TypeError(
            f"{name} must be the id of a session of this store, or a session: an object with {', '.join(METHODS)}; not "
            f"{given}. Nothing was done."
        )
    made: AnySession = session
    return made


def check_wish(wish: Wish, *, plain: bool) -> None:
    """Refuse a source or target that cannot be copied.

    Raises:
        InAttemptError: A session is that of an attempt.
        ValueError: Both are the same session; or the target stays on a branch, or is not encrypted as the source is.
    """
    source, target = handle_of(wish.source), handle_of(wish.target)
    for handle in (source, target):
        if handle is not None:
            handle.refuse_in_attempt("be copied")
    if wish.source is wish.target or (
        source and target and (source.backend, source.subject) == (target.backend, target.subject)
    ):
        raise ValueError("source and target are the same session. Nothing was done. Copy to another id.")
    if target is not None and target.pinned is not None:
        raise ValueError(
            f"{target.subject}: the target stays on branch {target.pinned!r}, but a copy makes a whole session. "
            "Nothing was done. Pass the session without on_branch(…) or lease()."
        )
    if not plain and _is_encrypted(source, wish.source) and not _is_encrypted(target, wish.target):
        raise ValueError(
            f"{_named(wish.source)} is encrypted, but {_named(wish.target)} is not. Nothing was copied. Copy to an "
            "encrypted session, or allow plain text with plain=True."
        )


def _is_encrypted(handle: Handle | None, session: object) -> bool:
    return isinstance(session, EncryptedSession) or (handle is not None and handle.is_encrypted)


async def copy(wish: Wish) -> Copied:
    """Copy a conversation, or go on where an earlier copy ended."""
    source, target = handle_of(wish.source), handle_of(wish.target)
    if target is not None:
        return await (_within_the_log(wish, source, target) if source else _into_the_log(wish, target))
    for _ in range(_TRIES):
        pages = of_handle(source) if source else of_object(wish.source)
        try:
            return await _append(wish, pages, _Existing(await of_object(wish.target).all()))
        except SourceChanged:
            continue  # Added items stay; the next try compares them.
    raise ConflictError(
        f"{_named(wish.source)} lost or replaced items {_TRIES} times while it was copied. The items that were added "
        "stay. Try again when it changes less."
    )


def handle_of(session: object) -> Handle | None:
    """Return the hold of a session of this package; ``None`` if its own four methods have to be called."""
    if not isinstance(session, LogSession):
        return None
    ours = all(getattr(type(session), name).__module__.startswith("sessions.") for name in METHODS)
    return session._handle if ours else None  # noqa: SLF001 - it is one of ours


async def _within_the_log(wish: Wish, source: Handle, target: Handle) -> Copied:
    plan = Plan(source, target, owner=wish.owner or target.conversation.owner, progress=wish.progress)
    try:
        return await transfer(plan)
    except SessionExistsError as error:
        there = await has_all_of(source, target)
        if there is None:
            raise SessionExistsError(
                f"{target.subject} exists already, and does not have all items of {source.subject}. Nothing was "
                "changed. Copy to another id, or delete that session first."
            ) from error
        return Copied(already=there)


async def _into_the_log(wish: Wish, target: Handle) -> Copied:
    """Copy another library's items into a session of ours; if that is there, add those that it does not have."""
    items = await of_object(wish.source).all()
    try:
        return await make_session(target, items, wish.owner, wish.progress)
    except SessionExistsError:
        there = _Existing(await of_handle(target).all())
    return await _append(wish, Pages.of(items), there)


async def _append(wish: Wish, pages: Pages, there: _Existing) -> Copied:
    """Give a target the items that it does not have, a few at a time."""
    added = 0
    left_out = 0
    is_hosted = any(cls.__name__ == _HOSTED for cls in type(wish.target).__mro__)
    async for page in pages:
        given = [form for item in page if (form := hosted_form(item) if is_hosted else item) is not None]
        left_out += len(page) - len(given)
        new = [item for item in given if not there.has(item, wish)]
        for first in range(0, len(new), BATCH):
            batch = new[first : first + BATCH]
            await foreign(partial(wish.target.add_items, batch), "the copy")
            added += len(batch)
            if wish.progress is not None:
                wish.progress(Copied(added, there.passed, left_out + pages.unreadable))
    return Copied(added, there.passed, left_out + pages.unreadable)


class _Existing:
    """The items that a target has already: they have to be the first ones of the source."""

    def __init__(self, items: list[Any]) -> None:
        self._items = items
        self.passed = 0

    def has(self, item: Any, wish: Wish) -> bool:
        """Tell whether the target has an item: each one is asked for in turn.

        Raises:
            ConflictError: It has another one there.
        """
        if self.passed == len(self._items):
            return False
        if not is_kept_as(item, self._items[self.passed]):
            raise ConflictError(
                f"{_named(wish.target)} has another item than {_named(wish.source)} at place {self.passed + 1}. "
                "Nothing was added. Copy to an empty session."
            )
        self.passed += 1
        return True


def _named(session: Any) -> str:
    """Return a session's name in errors: its id, if it says one."""
    try:
        session_id = session.session_id
    except Exception:  # noqa: BLE001 - a hosted conversation that has no id yet raises an error of its own
        session_id = None
    return f"session {session_id!r}" if isinstance(session_id, str) else f"the {type(session).__name__}"
