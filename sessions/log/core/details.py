"""Title, tags and metadata of a session: one payload in JSON, encrypted in an encrypted session.

The payload is bound to the columns beside it: how often it was set, the owner, and whether the session is archived.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from sessions.codecs.json import JSONCodec
from sessions.labels import as_stored, decode_owner
from sessions.log.core.heads import damaged
from sessions.types.info import Info

if TYPE_CHECKING:
    from sessions.log.encryption.payloads import Payloads

_JSON: Final = JSONCodec()
_encode: Final = msgspec.json.Encoder().encode


class Details(NamedTuple):
    """The content of the payload.

    Attributes:
        title: The title.
        tags: The tags.
        metadata: The metadata.
        title_of: The entry of whose item the title was made, as `EntryId` has it; ``None`` if a caller gave the title.
    """

    title: str | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}  # noqa: RUF012 - it is never changed
    title_of: tuple[int, int] | None = None


class StoredInfo(NamedTuple):
    """A session's info as it is stored.

    Attributes:
        owner: As `labels.py` writes it.
        archived: 1 or 0.
        version: How often it was set; ``None`` for 0.
        payload: The rest of it; ``None`` if nothing was ever set.
    """

    owner: str | bytes | None
    archived: int
    version: int | None = None
    payload: bytes | None = None

    @property
    def bound(self) -> bytes:
        """The associated data of the payload's cipher."""
        owner = None if self.owner is None else as_stored(self.owner)
        return _encode(("info", self.version, owner, self.archived))

    def with_details(self, details: Details, key: Payloads | None) -> StoredInfo:
        """Return the same with a payload."""
        content = details._asdict() | {"tags": list(details.tags)}
        title_of = content.pop("title_of")
        (payload,) = _JSON.encode_all([content | ({"title_of": list(title_of)} if title_of else {})])
        return self._replace(payload=payload if key is None else key.encrypt_info(payload, self.bound))

    def details(self, key: Payloads | None) -> Details:
        """Return the content of the payload.

        Raises:
            DecryptionError: It was altered.
            DamagedSessionError: It cannot be read.
        """
        if self.payload is None:
            return Details()
        payload = bytes(self.payload)
        if key is not None:
            payload = key.open_info(payload, self.bound)
        try:
            found = _JSON.decode(payload)
            title_of = found.get("title_of")
            made_of = None if title_of is None else (int(title_of[0]), int(title_of[1]))
            return Details(found["title"], tuple(found["tags"]), found["metadata"], made_of)
        except (ValueError, LookupError, TypeError):
            raise damaged("its info cannot be read") from None

    def as_info(self, details: Details) -> Info:
        """Return it as users get it."""
        owner, archived = decode_owner(self.owner), bool(self.archived)
        told: dict[str, Any] = {"title": details.title, "tags": details.tags, "metadata": details.metadata}
        return Info(owner=owner, archived=archived, version=self.version or 0, **told)
