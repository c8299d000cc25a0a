"""The model ``local``: WordLlama, whose weights are in its wheel, so that it needs no network.

It averages a vector of each token: 256 dimensions, trained for English. The package is under the MIT licence; its
weights were derived from the token embeddings of larger models, among them Llama 2, which has a licence of its own.
"""

from __future__ import annotations

import logging
import threading
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

MODEL: Final = "wordllama:l2_supercat_256"
DIMS: Final = 256
BATCH: Final = 64

_MOST_TOKENS: Final = 512
"""Of longer texts, the beginning is embedded: an average of more tokens tells less and less."""

_MOST_CHARACTERS: Final = 16 * _MOST_TOKENS
"""Longer texts are cut before they become tokens: that takes 4 seconds for each megabyte, and stops all other calls."""

_lock: Final = threading.Lock()


def embed_locally(texts: list[str]) -> Any:
    """Return the vectors of texts, a row each."""
    with _lock:
        # Its tokenizer is one object for all threads, and is set up at the first call.
        return _model().embed([text[:_MOST_CHARACTERS] for text in texts])


@cache
def _model() -> Any:
    wordllama = _import_quietly()
    # By its own search, it would look for the tokenizer under a folder that the wheel does not have, and download it.
    folder = Path(wordllama.__file__).parent
    model = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)
    model.tokenizer.enable_truncation(max_length=_MOST_TOKENS)
    return model


def _import_quietly() -> Any:
    """Import it without its `logging.basicConfig`, which does nothing to a root logger that has a handler."""
    root, handler = logging.getLogger(), logging.NullHandler()
    root.addHandler(handler)
    try:
        return import_module("wordllama")
    finally:
        root.removeHandler(handler)
