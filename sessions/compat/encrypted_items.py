"""`EncryptedSession` over objects whose own methods are to be called: they get each item in an envelope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.compat.encryptable import check_settings, takes_wrapper
from sessions.compat.envelopes import Envelopes
from sessions.protocol import check_limit
from sessions.session.base import as_listed
from sessions.validation import DEFAULT, Default

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import timedelta

    from sessions.crypto.keys import KeyProvider, KeyRing
    from sessions.types import Item, Rotation


class ItemByItem:
    """Part of `EncryptedSession` over any other object with the four methods: it has these, and no more.

    The run's context goes on to the other object if its four methods take it, as the OpenAI Agents SDK's runner does.
    """

    session_id: str
    max_scan_items: int | None
    _underlying: Any

    def _encrypt(
        self, keys: KeyRing | KeyProvider, ttl: int | None, *, allow_plain_text: bool, hide_tool_names: bool
    ) -> None:
        del hide_tool_names  # Nothing is in the clear there.
        self._envelopes = Envelopes(self.session_id, self._underlying, keys, ttl, allow_plain_text=allow_plain_text)

    def _refuse_more(self) -> None:
        """Leave it to the session underneath."""

    def __getattr__(self, name: str) -> Any:
        """Say why there is no such method."""
        if name.startswith("_"):
            # Copying and pickling ask for some before there is a session underneath.
            raise AttributeError(name)
        raise AttributeError(f"{name}: {self._limits}")

    @property
    def _limits(self) -> str:
        return (
            f"session {self.session_id!r} is kept by {type(self._underlying).__name__}, which knows the four methods "
            "of a session alone; branches, undo, turns, usage and rotation need a session of this package underneath"
        )

    async def rotate(self, **_: object) -> Rotation:
        """Refuse: to rotate keys, copy the items into another session.

        Raises:
            TypeError: In any case.
        """
        raise TypeError(self._limits)

    @property
    def run_compaction(self) -> Callable[..., Awaitable[None]]:
        """The other session's, if it has one: it works on encrypted items."""
        run = getattr(self._underlying, "run_compaction", None)
        if run is None:
            raise AttributeError(f"{type(self._underlying).__name__} has no run_compaction")
        return run  # type: ignore[no-any-return]  # It is another object's.

    def _context(self, wrapper: object) -> dict[str, object]:
        """Return the run's context as the other session's methods take it, if they do."""
        return {"wrapper": wrapper} if wrapper is not None and takes_wrapper(self._underlying) else {}

    async def get_items(self, limit: int | None = None, *, wrapper: object = None) -> list[Item]:
        """Return the latest `limit` items that have not expired, oldest first.

        Raises:
            DecryptionError: A key is wrong, or an item is not what was stored.
            ScanLimitError: The answer is not complete within `max_scan_items`.
            TypeError: `limit` is not an integer.
            ValueError: `limit` is negative, or the settings have a window, repair or compaction.
        """
        settings = check_settings(self._underlying)
        wanted = settings.limit if limit is None else limit
        check_limit(wanted)
        return await self._envelopes.read(wanted, self.max_scan_items, **self._context(wrapper))

    async def add_items(
        self,
        items: Sequence[Mapping[str, object]],
        *,
        idempotency_key: str | None = None,
        ttl: float | timedelta | Default | None = DEFAULT,
        expected_version: int | None = None,
        wrapper: object = None,
    ) -> None:
        """Append `items`, encrypted, as the other session appends them.

        Raises:
            DecryptionError: A key is wrong, or the last item is not what was stored; nothing was added.
            InvalidItemError: An item is not a JSON object; nothing was added.
            ValueError: There is an idempotency key, a `ttl` or a version, which the other session does not know.
        """
        if ttl is not DEFAULT:
            raise ValueError(f"session {self.session_id!r}: the session underneath keeps no times to live of items")
        if idempotency_key is not None:
            raise ValueError(f"session {self.session_id!r}: the session underneath keeps no idempotency keys")
        if expected_version is not None:
            raise ValueError(f"session {self.session_id!r}: the session underneath has no versions")
        await self._envelopes.add(as_listed(items), **self._context(wrapper))

    async def pop_item(self, *, wrapper: object = None) -> Item | None:
        """Remove the last item that has not expired, and those after it, and return it; ``None`` if there is none.

        If all that is there is only too old for this object's own ``ttl``, nothing is removed.

        Raises:
            DecryptionError: A key is wrong, or the item is not what was stored; nothing was removed.
        """
        return await self._envelopes.pop(**self._context(wrapper))

    async def clear_session(self, *, wrapper: object = None) -> None:
        """Remove all items.

        Raises:
            DecryptionError: A key is wrong, or the last item is not what was stored; nothing was removed.
        """
        await self._envelopes.check(**self._context(wrapper))
        await self._underlying.clear_session(**self._context(wrapper))
