"""A codec whose items can raise, or take a while."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sessions.codecs.json import JSONCodec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class FaultyCodec:
    """JSON, but a "slow" item takes a while, and a "bad" one raises while `fault` is set.

    No subclass of `JSONCodec`, for which stores may know shorter ways.
    """

    fault: type[BaseException] | None = None

    def __init__(self) -> None:
        self._json = JSONCodec()

    def encode_all(self, items: Sequence[Any]) -> list[bytes]:
        """Return each item's payload."""
        payloads = self._json.encode_all(items)
        if self.fault and any(b"unwritable" in payload for payload in payloads):
            raise self.fault("by a codec")
        return payloads

    def decode_all(self, payloads: Iterable[bytes]) -> list[Any]:
        """Return the items of payloads."""
        return [self.decode(payload) for payload in payloads]

    def decode(self, payload: bytes) -> Any:
        """Return the item of a payload."""
        if b"slow" in payload:
            time.sleep(0.05)
        if self.fault and b"bad" in payload:
            raise self.fault("by a codec")
        return self._json.decode(payload)

    def digest(self, items: Sequence[Any]) -> bytes:
        """Return the digest of a list of items."""
        return self._json.digest(items)
