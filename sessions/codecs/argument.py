"""The argument `codec` of sessions and stores."""

from __future__ import annotations

from typing import Final

from sessions.codecs import Codec
from sessions.codecs.json import JSONCodec

_JSON: Final = JSONCodec()


def checked_codec(codec: Codec | None) -> Codec:
    """Return a codec that a caller gave; without one, the codec for JSON.

    Raises:
        TypeError: It is no codec, or the class of one.
    """
    if codec is None:
        return _JSON
    if isinstance(codec, type) or not isinstance(codec, Codec):
        kind = f"the class {codec.__name__}" if isinstance(codec, type) else type(codec).__name__
        raise TypeError(f"codec must be a codec, not {kind}. No session was made. Write codec=PlusCodec(types=[…]).")
    return codec
