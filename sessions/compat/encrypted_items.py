"""`EncryptedSession` over objects whose own methods have to be called: each item is encrypted into an envelope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.compat.encryptable import check_settings, takes_wrapper
from sessions.compat.envelopes import Envelopes
from sessions.protocol import check_limit
from sessions.session.adding import as_listed
from sessions.validation import DEFAULT, Default

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import timedelta

    from sessions.crypto.keys import KeyProvider, KeyRing
    from sessions.types import Item
    from sessions.types.memories import Put
    from sessions.types.receipts import Rotation


class ItemByItem:
    """The part of `EncryptedSession` over any other object with the four methods: it has these and no more.

    A run's context, as the OpenAI Agents SDK's runner passes it, goes on to the other object if its four methods accept
    it.
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
        """Do nothing: the underlying session refuses calls itself after it is closed."""

    def __getattr__(self, name: str) -> Any:
        """Raise an error that explains why the method is missing."""
        if name.startswith("_"):
            # Copying and pickling look for some before the underlying session is set.
            raise AttributeError(name)
        raise AttributeError(f"{name}: {self._limits}")

    @property
    def _limits(self) -> str:
        return (
            f"session {self.session_id!r} is stored by {type(self._underlying).__name__}, which has only the "
            "four methods of a session. Nothing was done. For branches, undo, turns, usage, info and "
            "rotation, use a session "
            "of this package underneath."
        )

    async def rotate(self, **_: object) -> Rotation:
        """Refuse: to rotate keys, copy the items into another session.

        Raises:
            TypeError: Always.
        """
        raise TypeError(self._limits)

    @property
    def run_compaction(self) -> Callable[..., Awaitable[None]]:
        """Get the underlying session's method, if it has one: it works on encrypted items."""
        run = getattr(self._underlying, "run_compaction", None)
        if run is None:
            raise AttributeError(
                f"{type(self._underlying).__name__} has no run_compaction. Nothing was done. Use a session of "
                "this package underneath."
            )
        return run  # type: ignore[no-any-return]  # It is another object's.

    def _context(self, wrapper: object) -> dict[str, object]:
        """Return a run's context as the underlying session's methods take it, if they do."""
        return {"wrapper": wrapper} if wrapper is not None and takes_wrapper(self._underlying) else {}

    async def get_items(self, limit: int | None = None, *, wrapper: object = None) -> list[Item]:
        """Return the latest `limit` items that have not expired, oldest first.

        Example: ``items = await encrypted.get_items(limit=20)``

        Raises:
            DecryptionError: A key is wrong, or a stored item was altered.
            ScanLimitError: The answer may have more items than `max_scan_items`, so it could be incomplete.
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
        keys: Sequence[str | None] | None = None,
        ttl: float | timedelta | Default | None = DEFAULT,
        expected_version: int | None = None,
        memories: Sequence[Put] = (),
        wrapper: object = None,
    ) -> None:
        """Append items, encrypted, as the underlying session appends them.

        Example: ``await encrypted.add_items([{"role": "user", "content": "Hello"}])``

        Raises:
            DecryptionError: A key is wrong, or the last stored item was altered; nothing was added.
            InvalidItemError: An item is not a JSON object; nothing was added.
            ValueError: An idempotency key, a `ttl`, a version or memories are given, which the underlying session does
                not support.
        """
        if ttl is not DEFAULT:
            raise ValueError(
                f"session {self.session_id!r}: the underlying session does not support a ttl of items. Nothing "
                "was added. Leave ttl out, or pass it to EncryptedSession."
            )
        if idempotency_key is not None:
            raise ValueError(
                f"session {self.session_id!r}: the underlying session does not support idempotency keys. Nothing was "
                "added. Use a session of this package underneath."
            )
        if keys is not None:
            raise ValueError(
                f"session {self.session_id!r}: the underlying session does not support item keys. Nothing was added. "
                "Use a session of this package underneath."
            )
        if expected_version is not None:
            raise ValueError(
                f"session {self.session_id!r}: the underlying session has no versions. Nothing was added. Use a "
                "session of this package underneath."
            )
        if memories:
            raise ValueError(
                f"session {self.session_id!r}: the underlying session has no memories. Nothing was added. Use a "
                "session of a store."
            )
        await self._envelopes.add(as_listed(items), **self._context(wrapper))

    async def pop_item(self, *, wrapper: object = None) -> Item | None:
        """Remove the last unexpired item and all items after it, and return it; or return ``None``.

        Example: ``last = await encrypted.pop_item()``

        If the remaining items are only too old for this object's own ``ttl``, nothing is removed.

        Raises:
            DecryptionError: A key is wrong, or the item was altered; nothing was removed.
        """
        return await self._envelopes.pop(**self._context(wrapper))

    async def clear_session(self, *, wrapper: object = None) -> None:
        """Remove all items.

        Example: ``await encrypted.clear_session()``

        Raises:
            DecryptionError: A key is wrong, or the last stored item was altered; nothing was removed.
        """
        await self._envelopes.check(**self._context(wrapper))
        await self._envelopes.clear(**self._context(wrapper))
