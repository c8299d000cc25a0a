"""The lines of an export as bytes, and back."""

from __future__ import annotations

from typing import Any, Final, cast

import msgspec

from sessions.codecs.lines import ExportLine, is_item
from sessions.log.exports.lines import FORMAT, WITH_MEMORIES, Header, Line

_encode: Final = msgspec.json.Encoder().encode
_decoder: Final = msgspec.json.Decoder(Line)


class _Beginning(msgspec.Struct):
    type: str
    format: int = 0


_decode_beginning: Final = msgspec.json.Decoder(_Beginning).decode


def encode_line(line: ExportLine) -> bytes:
    """Return a line with its end."""
    return _encode(line) + b"\n"


def decode_line(line: bytes, decoder: msgspec.json.Decoder[Any] = _decoder) -> Line:
    """Return the line that some bytes are, by a decoder of the wanted types of lines.

    Raises:
        ValueError: This format has no such line. The text gives the reason without quoting content.
    """
    try:
        return cast("Line", decoder.decode(line))
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
    if found.format not in (FORMAT, WITH_MEMORIES):
        raise ValueError(
            f"the file has format {found.format}, but this version of agent-session-store reads {FORMAT} and "
            f"{WITH_MEMORIES}"
        )
    return cast("Header", decode_line(line))


def entry_content(payload: bytes) -> dict[str, Any]:
    """Return a payload as the fields of an `EntryLine`: an item that can be read in the file, or else bytes."""
    return {"item": msgspec.Raw(payload)} if is_item(payload) else {"payload": payload}


def _without_values(text: str) -> str:
    """Return msgspec's message without a value of the line; it quotes those of tags and enumerations."""
    if text.startswith("Invalid value"):
        return "its type is unknown"
    return text[:1].lower() + text[1:]
