"""The lines of an export as bytes, and back."""

from __future__ import annotations

from typing import Any, Final, cast

import msgspec

from sessions.log.exports.lines import FORMAT, Header, Line, is_item

_encode: Final = msgspec.json.Encoder().encode
_decoder: Final = msgspec.json.Decoder(Line)


class _Beginning(msgspec.Struct):
    type: str
    format: int = 0


_decode_beginning: Final = msgspec.json.Decoder(_Beginning).decode


def encode_line(line: Line) -> bytes:
    """Return a line with its end."""
    return _encode(line) + b"\n"


def decode_line(line: bytes) -> Line:
    """Return the line that some bytes are.

    Raises:
        ValueError: This format has no such line. The text gives the reason without quoting content.
    """
    try:
        return cast("Line", _decoder.decode(line))
    except msgspec.ValidationError as error:
        raise ValueError(_without_values(str(error))) from None
    except (msgspec.DecodeError, RecursionError):
        raise ValueError("it is not JSON") from None


def decode_header(line: bytes) -> Header:
    """Return the first line of a file.

    Raises:
        ValueError: It is not one, or of another format.
    """
    try:
        found = _decode_beginning(line)
    except (msgspec.DecodeError, RecursionError):
        found = _Beginning("")
    if found.type != "export":
        raise ValueError("the file does not begin as an export does")
    if found.format != FORMAT:
        raise ValueError(f"the file has format {found.format}, but this version of agent-session-store reads {FORMAT}")
    return cast("Header", decode_line(line))


def entry_content(payload: bytes) -> dict[str, Any]:
    """Return a payload as the fields of an `EntryLine`: an item that can be read in the file, or else bytes."""
    return {"item": msgspec.Raw(payload)} if is_item(payload) else {"payload": payload}


def _without_values(text: str) -> str:
    """Return msgspec's message without a value of the line; it quotes those of tags and enumerations."""
    if text.startswith("Invalid value"):
        return "its type is unknown"
    return text[:1].lower() + text[1:]
