"""Counting tokens with tiktoken, for windows and compaction. It is an extra: ``agent-session-store[tiktoken]``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sessions.errors import CounterError

if TYPE_CHECKING:
    from collections.abc import Callable

    import tiktoken


def token_counter(encoding: str | tiktoken.Encoding) -> Callable[[Any], int]:
    """Return a function that counts an item's tokens, for `Window` and `Compaction`.

    Example: ``Window(tokens=50_000, counter=token_counter("gpt-4o"))``

    It counts the item's compact JSON, which is a few tokens more than the provider counts. Content other than text
    counts as its JSON: an image inside the item counts as base64. The counter raises `CounterError` for an item on
    which tiktoken fails.

    Args:
        encoding: A model's name, or one of tiktoken's encodings. For a name, tiktoken downloads the encoding the first
            time, and keeps it in the folder ``TIKTOKEN_CACHE_DIR``.

    Raises:
        ImportError: tiktoken is not installed.
        ValueError: tiktoken knows no model of that name.
    """
    try:
        import tiktoken  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ImportError(
            "token_counter needs tiktoken, which is not installed. No counter was made. Run: pip install "
            "'agent-session-store[tiktoken]'"
        ) from error
    if isinstance(encoding, str):
        try:
            encoding = tiktoken.encoding_for_model(encoding)
        except KeyError:
            raise ValueError(
                f"tiktoken knows no model {encoding!r}. No counter was made. Pass one of its encodings: "
                "tiktoken.get_encoding('o200k_base')."
            ) from None
    # Text that looks like a special token is ordinary text: users may write it.
    encode = encoding.encode_ordinary

    def count(item: Any) -> int:
        text = json.dumps(item, ensure_ascii=False, separators=(",", ":"), default=str)
        try:
            return len(encode(text))
        except BaseException as error:
            # A panic in Rust is not an `Exception`. tiktoken panics on long stretches without a space.
            if type(error).__module__ != "pyo3_runtime":
                raise
            raise CounterError(
                f"tiktoken cannot count an item of {len(text)} characters ({type(error).__name__}). Nothing was "
                "changed. Give the window a counter of your own, which counts such an item by its characters."
            ) from None

    return count
