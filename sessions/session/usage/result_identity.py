"""What keeps a result from being counted twice: each object is known by a key for as long as it lives."""

from __future__ import annotations

import hashlib
import weakref
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

if TYPE_CHECKING:
    from sessions.log.usage import Call

_MAX_BYTES: Final = 240
"""Of a key: the column holds 255, and a run's key is followed by a number."""


class Known:
    """What is known of an object that was recorded, or tried to be.

    Attributes:
        key: Its first key, which nothing else has.
        keys: All keys that it may have been recorded under.
        is_call: Whether it is one call of a model, or the usage of one.
        calls: If it is a run's usage: the calls that are part of it, by their first keys.
        run: If it is a call: the run it is part of. A run that was interrupted goes on with a copy of its usage.
    """

    __slots__ = ("calls", "is_call", "key", "keys", "run")

    def __init__(self, key: str) -> None:
        self.key = key
        self.keys: tuple[str, ...] = (key,)
        self.is_call = False
        self.calls: dict[str, Call] = {}
        self.run: Known | None = None

    def also(self, *keys: str | None) -> tuple[str, ...]:
        """Know it by more keys, and return all, these first."""
        self.keys = tuple(dict.fromkeys(key for key in (*keys, *self.keys) if key))
        return self.keys


# By the object's address, as equal objects are not the same result, and dataclasses that compare cannot be hashed. The
# reference's callback removes an object that dies before its address can be another's.
_known: dict[int, tuple[weakref.ref[Any], Known]] = {}


def recall(thing: object) -> Known | None:
    """Return what is known of this very object."""
    found = _known.get(id(thing))
    return None if found is None else found[1]


def remember(thing: object, known: Known) -> None:
    """Know an object from now on; not those that cannot be referred to weakly, such as dictionaries."""
    address = id(thing)
    try:
        _known[address] = (weakref.ref(thing, lambda _: _known.pop(address, None)), known)
    except TypeError:
        return


def key_for(prefix: str, text: str) -> str:
    """Return a key made of a text; of its digest if it is too long, as some gateways' ids are."""
    key = f"{prefix}:{text}"
    # A lone surrogate is not printable, so a key with one is its digest.
    data = key.encode(errors="surrogatepass")
    return key if len(data) <= _MAX_BYTES and key.isprintable() else f"{prefix}#:{hashlib.sha256(data).hexdigest()}"


def new_key() -> str:
    """Return a key that nothing else has."""
    return f"object:{uuid4().hex}"
