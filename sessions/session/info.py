"""Notes of people and programs about a session: its owner, title, tags, metadata, and whether it is archived."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from sessions.clock import now
from sessions.codecs.json import JSONCodec
from sessions.errors import InvalidItemError, sentence
from sessions.labels import encode_owner
from sessions.session.part import SessionPart
from sessions.types.info import MAX_METADATA_BYTES, MAX_TAG_BYTES, MAX_TAGS, MAX_TITLE_BYTES
from sessions.validation import DEFAULT, Default, check_count, check_flags, check_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessions.labels import Owner
    from sessions.types.info import Info

_JSON: Final = JSONCodec()


class Description(SessionPart):
    """Info."""

    async def info(self) -> Info:
        """Return the session's owner, title, tags and metadata, and whether it is archived.

        Example: ``info = await session.info()``

        Returns:
            The info; an empty one with version 0 for a session that does not exist yet.

        Raises:
            OwnerError: The session belongs to another owner, or has none, and this object was opened for an owner.
            MissingKeyError: The session is encrypted but was opened without a key.
            DecryptionError: The key is wrong, or the stored info was altered.
            StoreError: The database refused the operation.
            SessionClosedError: The session has been closed.
        """
        from sessions.log.info import read_info

        handle = self._handle
        return await handle.read(lambda tx: read_info(tx, handle.conversation))

    async def set_info(
        self,
        *,
        title: str | Default | None = DEFAULT,
        tags: Iterable[str] | Default | None = DEFAULT,
        metadata: Mapping[str, Any] | Default | None = DEFAULT,
        archived: bool | Default = DEFAULT,
        owner: Owner | Default | None = DEFAULT,
        expected_version: int | None = None,
    ) -> Info:
        """Set parts of the session's info in one transaction. Other parts stay as they are, and ``None`` clears one.

        Example: ``await session.set_info(title="Trip to Rome", tags=["travel"], archived=False)``

        This also creates a session. It raises the session's version, and watchers get ``info_changed``. It does not
        make the session active, so its place in lists stays. Leases do not prevent it, as it changes no branch.
        Clearing the session keeps its info; deleting and erasing remove it.

        Args:
            title: The title: text of 1 to 1,024 bytes in UTF-8.
            tags: All tags, instead of the present ones: at most 64 of 1 to 255 bytes each. Repeated tags count once.
            metadata: A JSON object, instead of the present one: at most 65,536 bytes.
            archived: Whether the session is archived.
            owner: The new owner. Objects that were opened for the former owner raise `OwnerError` from then on.
            expected_version: The `version` of the info as it was read: if another caller has set the info since,
                nothing is changed. 0 stands for info that was never set.

        Returns:
            All of the info as it is now.

        Raises:
            ConflictError: The info has another version than `expected_version`. Its own version is the error's.
            OwnerError: The session belongs to another owner, or has none, and this object was opened for an owner.
            InvalidItemError: `metadata` is not a JSON object.
            MissingKeyError: The session is encrypted but was opened without a key.
            DecryptionError: The key is wrong, or the stored info was altered.
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range, or nothing is to be set.
            StoreError: The database refused the operation.
            SessionClosedError: The session has been closed.
        """
        from sessions.log.info import SetInfo

        columns: dict[str, Any] = {}
        details: dict[str, Any] = {}
        if owner is not DEFAULT:
            columns["owner"] = None if owner is None else encode_owner(owner)
        if archived is not DEFAULT:
            check_flags(archived=archived)
            columns["archived"] = int(archived)
        if title is not DEFAULT:
            details["title"] = None if title is None else check_text(title, "title", MAX_TITLE_BYTES)
        if tags is not DEFAULT:
            details["tags"] = () if tags is None else _checked_tags(tags)
        if metadata is not DEFAULT:
            details["metadata"] = {} if metadata is None else _checked_metadata(metadata)
        if not columns and not details:
            raise ValueError(
                "set_info was given nothing to set. Nothing was changed. Give title, tags, metadata, archived or owner."
            )
        if expected_version is not None:
            expected_version = check_count(expected_version, "expected_version", least=0)
        handle = self._handle
        return await handle.write(SetInfo(handle.conversation, now(), columns, details, expected_version))


def check_tag(tag: object) -> str:
    """Return a text that can be a tag.

    Raises:
        TypeError: It is not text.
        ValueError: It is empty, too long, no Unicode text, or has a NUL character in it.
    """
    return check_text(tag, "tag", MAX_TAG_BYTES)


def _checked_tags(tags: object) -> tuple[str, ...]:
    if isinstance(tags, str | bytes) or not hasattr(tags, "__iter__"):
        raise TypeError(
            f"tags must be a list of strings, not {type(tags).__name__}. Nothing was changed. Write ['vip']."
        )
    checked = tuple(dict.fromkeys(map(check_tag, tags)))
    if len(checked) > MAX_TAGS:
        raise ValueError(f"tags must be at most {MAX_TAGS}, got {len(checked)}. Nothing was changed. Pass fewer.")
    return checked


def _checked_metadata(metadata: object) -> dict[str, Any]:
    if not isinstance(metadata, Mapping):
        raise InvalidItemError(
            f"metadata must be a dict, not {type(metadata).__name__}. Nothing was changed. Pass a dict."
        )
    try:
        (payload,) = _JSON.encode_all([dict(metadata)])
    except InvalidItemError as error:
        raise InvalidItemError(f"metadata: {sentence(error)} Nothing was changed.") from None
    if len(payload) > MAX_METADATA_BYTES:
        raise ValueError(
            f"metadata must be at most {MAX_METADATA_BYTES} bytes in JSON, but has {len(payload)}. "
            "Nothing was changed. Store less."
        )
    # As of now, whatever the caller does with it meanwhile.
    return dict(_JSON.decode(payload))
