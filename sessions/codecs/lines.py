"""What all lines of exports have in common: how they are written, and the contents that fit in them as they are."""

from __future__ import annotations

from typing import Final

import msgspec

from sessions.codecs.json import decode_strictly, is_object_text

NOTHING: Final = msgspec.Raw(b"")
"""In place of an item or a value, if the line has a payload."""


class ExportLine(
    msgspec.Struct,
    tag_field="type",
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    gc=False,
):
    """A line. Times are in microseconds since 1970, UTC."""


def is_item(payload: bytes) -> bool:
    """Tell whether a payload is the text of a JSON object that fits in a line, byte for byte."""
    if not is_object_text(payload) or b"\n" in payload or b"\r" in payload:
        return False
    try:
        decode_strictly(payload)
    except (ValueError, RecursionError):
        return False
    return True
