"""The interface between a conversation and an agent runner.

`Session` is all that a runner needs: an id, settings and four methods. It is a structural type: any object with these
members is a session. Every session of this package fits the OpenAI Agents SDK's protocol of the same name, and every
session of the SDK fits this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, runtime_checkable

from sessions.validation import check_flags

if TYPE_CHECKING:
    from sessions.items.window import Window
    from sessions.settings import Compaction, SettingsDict
    from sessions.types import Item


class SessionSettings(dict[str, Any]):
    """Defaults for reading a session, used where the caller gives no value.

    Example: ``SQLiteSession("user_123", "chat.db", session_settings=SessionSettings(limit=50))``

    The class is also a dictionary, because parts of the OpenAI Agents SDK (`RunConfig`, `EncryptedSession`) accept only
    their own class or a dictionary.

    Args:
        limit: `get_items()` returns at most this many items, the latest; ``None`` means all.
        window: `get_items()` returns this window, which every provider accepts. A limit from the settings of the
            session or of a run makes the window smaller; it never cuts inside it.
        repair: `get_items()` first repairs the last turn after a crash, as `LogSession.repair` does. Repair cannot tell
            a crashed run from one still in progress, unless that run holds a lease. So use it only if the runs on a
            session take turns or hold leases.
        compaction: When to replace the older part of the session by a summary: before `get_items()` reads, and after
            each run of the OpenAI Agents SDK's runner.

    `window`, `repair` and `compaction` are attributes, not dictionary entries, because the OpenAI Agents SDK refuses
    unknown entries. They stay with the session if a run has settings of its own.

    Raises:
        TypeError: `limit` is neither an integer nor ``None``, `window` is not a `Window`, `repair` is not a bool, or
            `compaction` is not a `Compaction`.
        ValueError: `limit` is negative.
    """

    window: Window | None
    repair: bool
    compaction: Compaction | None

    def __init__(
        self,
        limit: int | None = None,
        window: Window | None = None,
        *,
        repair: bool = False,
        compaction: Compaction | None = None,
    ) -> None:
        check_limit(limit)
        if window is not None:
            _check_window(window)
        check_flags(repair=repair)
        if compaction is not None:
            _check_compaction(compaction)
        super().__init__(limit=None if limit is None else int(limit))
        self.window = window
        self.repair = repair
        self.compaction = compaction

    def __repr__(self) -> str:
        window = "" if self.window is None else f", window={self.window!r}"
        repair = ", repair=True" if self.repair else ""
        compaction = "" if self.compaction is None else f", compaction={self.compaction!r}"
        return f"SessionSettings(limit={self.limit!r}{window}{repair}{compaction})"

    @property
    def limit(self) -> int | None:
        """Get the maximum number of items that `get_items()` returns; ``None`` means all.

        Example: ``settings.limit = 50``
        """
        limit: int | None = self["limit"]
        is_plain = not (self.window or self.repair or self.compaction)
        return limit if limit is None or is_plain else SettingsLimit(limit)

    @limit.setter
    def limit(self, limit: int | None) -> None:
        self["limit"] = limit

    def resolve(self, override: Settings | None) -> SessionSettings:
        """Return these settings with the values of `override` on top.

        Example: ``settings.resolve({"limit": 20})``

        Args:
            override: Settings of this package or of the OpenAI Agents SDK, a dictionary, or ``None``. Values that are
                ``None`` override nothing.

        Raises:
            TypeError: `override` is of another type, or names an unknown setting.
            ValueError: A value is out of range.
        """
        values = {name: value for name, value in _values(override).items() if value is not None}
        own = {name: getattr(self, name) for name in _KNOWN}
        return SessionSettings(**{**own, **values})

    def to_dict(self) -> dict[str, Any]:
        """Return the dictionary entries: ``{"limit": …}``.

        Example: ``settings.to_dict()``
        """
        return dict(self)


class _SDKSettings(Protocol):
    """The part of the OpenAI Agents SDK's `SessionSettings` that is used here."""

    @property
    def limit(self) -> int | None: ...


Settings: TypeAlias = "SettingsDict | SessionSettings | _SDKSettings"
"""Accepted settings: a dictionary, ours, or the OpenAI Agents SDK's. An object is kept as it is, not copied."""


class SettingsLimit(int):
    """A limit that comes from settings. A runner passes it to `get_items`, which must tell it from an exact limit."""


@runtime_checkable
class Session(Protocol):
    """A conversation that an agent runner reads and extends.

    Items keep the order in which they were added. Each method is atomic: it happens completely or not at all, even if
    the caller is cancelled or the process ends.
    """

    session_id: str
    # `Settings | None`. But a mutable attribute must have exactly the declared type, and only `Any` is exactly that of
    # the protocol in the OpenAI Agents SDK.
    session_settings: Any

    async def get_items(self, limit: int | None = None) -> list[Item]:
        """Return the latest `limit` items, oldest first.

        Example: ``items = await session.get_items(limit=20)``

        Args:
            limit: ``None`` means `session_settings.limit`; 0 returns an empty list.

        Raises:
            TypeError: `limit` is not an integer.
            ValueError: `limit` is negative.
        """
        ...

    async def add_items(self, items: list[Item]) -> None:
        """Append items, all or none, next to each other.

        Example: ``await session.add_items([{"role": "user", "content": "Hello"}])``

        Args:
            items: JSON objects, oldest first.

        Raises:
            InvalidItemError: An item is not a JSON object; nothing was added.
        """
        ...

    async def pop_item(self) -> Item | None:
        """Remove the last item and return it, or return ``None`` for an empty session.

        Example: ``last = await session.pop_item()``
        """
        ...

    async def clear_session(self) -> None:
        """Remove all items.

        Example: ``await session.clear_session()``
        """
        ...


_KNOWN: Final = ("limit", "window", "repair", "compaction")


def check_limit(limit: object) -> None:
    """Refuse an invalid number of items.

    Raises:
        TypeError: `limit` is neither an integer nor ``None``; ``True`` and ``False`` do not count as integers.
        ValueError: `limit` is negative.
    """
    if limit is None:
        return
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise TypeError(
            f"limit must be an integer or None, not {type(limit).__name__}. Nothing was done. "
            "Pass a whole number; None gives all items."
        )
    if limit < 0:
        raise ValueError(
            f"limit must be non-negative, got {limit}. Nothing was done. 0 gives no items, None gives all."
        )


def as_given(settings: Settings | None) -> Any:
    """Return settings as a session keeps them: an object is kept, a dictionary or ``None`` becomes `SessionSettings`.

    Raises:
        TypeError: They have the wrong type.
        ValueError: A value is out of range.
    """
    coerced = coerce_settings(settings)
    return coerced if settings is None or type(settings) is dict else settings


def coerce_settings(settings: Settings | None) -> SessionSettings:
    """Return `settings` (ours, the OpenAI Agents SDK's, a dictionary or ``None``) as ours."""
    if isinstance(settings, SessionSettings):
        return settings
    return SessionSettings() if settings is None else SessionSettings().resolve(settings)


def _values(settings: object) -> dict[str, Any]:
    """Return the known settings that `settings` has, by name."""
    if settings is None:
        return {}
    if isinstance(settings, dict) and not isinstance(settings, SessionSettings):
        unknown = sorted(str(name) for name in settings if name not in _KNOWN)
        if unknown:
            raise TypeError(
                f"Unknown session settings: {', '.join(unknown)}. Nothing was done. Use {', '.join(_KNOWN)}."
            )
        return settings
    found = {name: getattr(settings, name) for name in _KNOWN if hasattr(settings, name)}
    if not found:
        raise TypeError(
            f"session_settings must be SessionSettings or a dict, not {type(settings).__name__}. Nothing was "
            f"done. Write session_settings={{'limit': 50}}."
        )
    return found


def _check_window(window: object) -> None:
    from sessions.items.window import Window  # noqa: PLC0415 - few sessions have one

    if not isinstance(window, Window):
        raise TypeError(
            f"window must be a Window or None, not {type(window).__name__}. Nothing was done. Write "
            "window=Window(items=50)."
        )


def _check_compaction(compaction: object) -> None:
    from sessions.settings import Compaction  # noqa: PLC0415 - as above

    if not isinstance(compaction, Compaction):
        raise TypeError(
            f"compaction must be a Compaction or None, not {type(compaction).__name__}. Nothing was done. "
            "Write compaction=Compaction(summarise, above=Window(items=200))."
        )
