"""Protection against counting a run twice: a note on its own objects, and the keys of responses."""

from __future__ import annotations

import hashlib
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

if TYPE_CHECKING:
    from sessions.log.usage import Call

_NOTE: Final = "_sessions_usage_note"
"""The attribute that carries a note. It is no field, so an object with it prints, compares and serialises as before."""

_OF_RUNS: Final = ("requests", "response_id")
"""Fields that tell usage and responses of the OpenAI Agents SDK from a provider's own, which have ids."""

_MAX_BYTES: Final = 240
"""Of a key: the column holds 255, and a run's key is followed by a number."""


class Note:
    """The recorded, or possibly recorded, parts of a run or of one of its calls.

    Attributes:
        key: Its first key, which nothing else has.
        keys: All keys that it may have been recorded under.
        is_call: Whether it is one call of a model, or the usage of one.
        calls: If it is a run's usage: the calls that are part of it, by their first keys.
    """

    __slots__ = ("calls", "is_call", "key", "keys")

    def __init__(self, key: str) -> None:
        self.key = key
        self.keys: tuple[str, ...] = (key,)
        self.is_call = False
        self.calls: dict[str, Call] = {}

    def __deepcopy__(self, _memo: dict[int, Any]) -> Note:
        """Return a note of the same run, whose calls are then noted apart."""
        made = Note(self.key)
        made.keys, made.is_call, made.calls = self.keys, self.is_call, dict(self.calls)
        return made

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        """Go into a pickle as the key: the program that reads it need not have this package."""
        return str, (self.key,)

    def also(self, *keys: str | None) -> tuple[str, ...]:
        """Know it by more keys, and return all, these first."""
        self.keys = tuple(dict.fromkeys(key for key in (*keys, *self.keys) if key))
        return self.keys


def note_of(thing: object) -> Note | None:
    """Return the note that an object carries."""
    found = getattr(thing, _NOTE, None)
    if isinstance(found, str):  # It came from a pickle.
        return Note(found)
    return found if isinstance(found, Note) else None


def put_note(thing: object, note: Note) -> None:
    """Have an object of a run carry a note from now on; do nothing for objects that belong to no run.

    An agent used as a tool shares its run's usage object, and a run that stops for an approval goes on with a copy of
    it: so both carry the same note.
    """
    if is_dataclass(thing) and hasattr(thing, "__dict__") and any(hasattr(thing, field) for field in _OF_RUNS):
        object.__setattr__(thing, _NOTE, note)


def key_for(prefix: str, text: str) -> str:
    """Return a key made of a text; of its digest if it is too long, as some gateways' ids are."""
    key = f"{prefix}:{text}"
    # A lone surrogate is not printable, so a key with one is its digest.
    data = key.encode(errors="surrogatepass")
    return key if len(data) <= _MAX_BYTES and key.isprintable() else f"{prefix}#:{hashlib.sha256(data).hexdigest()}"


def new_key() -> str:
    """Return a key that nothing else has."""
    return f"new:{uuid4().hex}"
