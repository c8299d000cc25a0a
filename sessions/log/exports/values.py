"""Checking single values of the lines of an export, and its first line of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.clock import FIRST, NEVER
from sessions.codecs.json import JSONCodec
from sessions.errors import InvalidItemError
from sessions.labels import encode_owner
from sessions.types.info import MAX_METADATA_BYTES, MAX_TAG_BYTES, MAX_TAGS, MAX_TITLE_BYTES
from sessions.validation import check_branch_name, check_session_id, check_text

if TYPE_CHECKING:
    from sessions.log.exports.lines import SessionInfoLine, SessionLine

_MAX_VERSION: Final = (1 << 62) - 1
MAX_BYTES: Final = 1 << 30
"""The longest text, if nothing else limits it."""


def check_session(line: SessionLine) -> None:
    """Check the first line of a session.

    Raises:
        ValueError: A value in it cannot be true.
    """
    check_session_id(line.id)
    check_branch_name(line.branch, "branch")
    within("version", line.version, 1, _MAX_VERSION)
    within("cleared_in", line.cleared_in, 0, line.version)
    check_times(line.created_at, line.updated_at, line.active_at)
    if line.owner is not None:
        encode_owner(line.owner)
    if line.info is not None:
        _check_info(line.info)


def _check_info(info: SessionInfoLine) -> None:
    within("version of the info", info.version, 1, _MAX_VERSION)
    if info.title is not None:
        check_text(info.title, "title", MAX_TITLE_BYTES)
    for tag in info.tags:
        check_text(tag, "tag", MAX_TAG_BYTES)
    if not len(set(info.tags)) == len(info.tags) <= MAX_TAGS:
        raise ValueError("a tag is there twice, or there are too many")
    try:
        (metadata,) = JSONCodec().encode_all([info.metadata])
    except InvalidItemError:
        raise ValueError("its metadata is not a JSON object") from None
    if len(metadata) > MAX_METADATA_BYTES:
        raise ValueError("its metadata is too large")


def within(name: str, number: int, least: int, most: int) -> None:
    """Raise a `ValueError` if a number is out of range."""
    if not least <= number <= most:
        raise ValueError(f"{name} is {_shown(number)}, which cannot be")


def _shown(number: int) -> str:
    return str(number) if abs(number) < 1 << 64 else "a very large number"


def check_optional(name: str, text: str | None, most: int = MAX_BYTES) -> None:
    """Raise a `ValueError` for a text that no database holds, or of more than `most` bytes."""
    if text:
        check_text(text, name, most)


def check_times(*times: int) -> None:
    """Raise a `ValueError` for a time that cannot be."""
    for time in times:
        within("a time", time, FIRST, NEVER)


def check_digest(digest: bytes | None) -> None:
    """Raise a `ValueError` for bytes that are no digest."""
    if digest is not None and len(digest) != 32:  # noqa: PLR2004 - of SHA-256
        raise ValueError("its digest has the wrong length")
