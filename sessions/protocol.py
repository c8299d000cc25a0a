"""The interface between a conversation and whoever runs agents on it.

`Session` is what an agent runner needs: an id, settings and four methods. It is a structural type: any object with
these members is one. Every session of this package fits the protocol of the same name in the OpenAI Agents SDK, and
every session of the SDK fits this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from sessions.items.window import Window
    from sessions.settings import Compaction, SettingsDict
    from sessions.types import Item


class SessionSettings(dict[str, Any]):
    """How a session is read when the caller does not say.

    They are a dictionary too, because what reads settings in the OpenAI Agents SDK (`RunConfig`, `EncryptedSession`)
    takes its own class or a dictionary, and nothing that only looks like its class.

    Args:
        limit: `get_items()` returns at most so many items, the latest; ``None`` means all.
        window: `get_items()` returns such a window, which every provider accepts. A limit that comes from settings, the
            session's or a run's, makes the window smaller then, rather than cut anywhere.
        repair: `get_items()` first repairs what a crash left in the last turn, as `LogSession.repair` does. It cannot
            tell a crash from a run in progress, unless that run holds a lease. So only one run
            at a time may work on the session without one.
        compaction: When to let a summary stand for the older part of the session: `get_items()` does so first, and a
            runner of the OpenAI Agents SDK after each run.

    `window`, `repair` and `compaction` are attributes, and no entries of the dictionary, for the OpenAI Agents SDK
    refuses entries that it does not know. They stay with the session when a run has settings of its own.

    Raises:
        TypeError: `limit` is neither an integer nor ``None``, `window` is no `Window`, `repair` no truth value, or
            `compaction` no `Compaction`.
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
        if not isinstance(repair, bool):
            raise TypeError(f"repair must be True or False, not {type(repair).__name__}")
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
        """`get_items()` returns at most so many items; ``None`` means all."""
        limit: int | None = self["limit"]
        is_plain = not (self.window or self.repair or self.compaction)
        return limit if limit is None or is_plain else SettingsLimit(limit)

    @limit.setter
    def limit(self, limit: int | None) -> None:
        self["limit"] = limit

    def resolve(self, override: Settings | None) -> SessionSettings:
        """Return these settings, overlaid with what `override` sets.

        Args:
            override: Settings of this package or of the OpenAI Agents SDK, a dictionary, or ``None``. Values that
                are ``None`` override nothing.

        Raises:
            TypeError: `override` is none of these, or names a setting that does not exist.
            ValueError: A value is out of range.
        """
        values = {name: value for name, value in _values(override).items() if value is not None}
        own = {name: getattr(self, name) for name in _KNOWN}
        return SessionSettings(**{**own, **values})

    def to_dict(self) -> dict[str, Any]:
        """Return the settings by name."""
        return dict(self)


class _SDKSettings(Protocol):
    """The class `SessionSettings` of the OpenAI Agents SDK, as far as it is used here."""

    @property
    def limit(self) -> int | None: ...


Settings: TypeAlias = "SettingsDict | SessionSettings | _SDKSettings"
"""What is taken for settings: a dictionary, ours, or the OpenAI Agents SDK's, which stay the object that they are."""


class SettingsLimit(int):
    """A limit that comes from settings. A runner passes it on to `get_items`, which tells it so from an exact one."""


@runtime_checkable
class Session(Protocol):
    """A conversation that an agent runner reads and extends.

    Order is the order of adding. Each method is atomic: it has happened wholly or not at all, also when the caller is
    cancelled or the process ends.
    """

    session_id: str
    # `Settings | None`. But a mutable attribute must have exactly the declared type, and only `Any` is exactly that of
    # the protocol in the OpenAI Agents SDK.
    session_settings: Any

    async def get_items(self, limit: int | None = None) -> list[Item]:
        """Return the latest `limit` items, oldest first.

        Args:
            limit: ``None`` means `session_settings.limit`; 0 gives an empty list.

        Raises:
            TypeError: `limit` is not an integer.
            ValueError: `limit` is negative.
        """
        ...

    async def add_items(self, items: list[Item]) -> None:
        """Append `items`, all or none, next to each other.

        Args:
            items: JSON objects, oldest first.

        Raises:
            InvalidItemError: An item is not a JSON object; nothing was added.
        """
        ...

    async def pop_item(self) -> Item | None:
        """Remove the last item and return it, or return ``None`` if there is none."""
        ...

    async def clear_session(self) -> None:
        """Remove all items."""
        ...


_KNOWN: Final = ("limit", "window", "repair", "compaction")


def check_limit(limit: object) -> None:
    """Refuse what cannot be a number of items.

    Raises:
        TypeError: `limit` is neither an integer nor ``None``; ``True`` and ``False`` are not integers here.
        ValueError: `limit` is negative.
    """
    if limit is None:
        return
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise TypeError(f"limit must be an integer or None, not {type(limit).__name__}")
    if limit < 0:
        raise ValueError(f"limit must be non-negative, got {limit}; 0 gives no items, None gives all")


def as_given(settings: Settings | None) -> Any:
    """Return settings as a session keeps them: an object stays the one it is, a dictionary or ``None`` becomes ours.

    Raises:
        TypeError: They are no settings.
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
            raise TypeError(f"Unknown session settings: {', '.join(unknown)}; there are {', '.join(_KNOWN)}")
        return settings
    found = {name: getattr(settings, name) for name in _KNOWN if hasattr(settings, name)}
    if not found:
        raise TypeError(f"session_settings must be SessionSettings or a dict, not {type(settings).__name__}")
    return found


def _check_window(window: object) -> None:
    from sessions.items.window import Window  # noqa: PLC0415 - few sessions have one

    if not isinstance(window, Window):
        raise TypeError(f"window must be a Window or None, not {type(window).__name__}")


def _check_compaction(compaction: object) -> None:
    from sessions.settings import Compaction  # noqa: PLC0415 - as above

    if not isinstance(compaction, Compaction):
        raise TypeError(f"compaction must be a Compaction or None, not {type(compaction).__name__}")
