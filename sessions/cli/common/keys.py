"""The keys of encrypted sessions: from files, a variable or a prompt, never from the command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sessions.cli.common.asking import ask_secret
from sessions.cli.common.failures import KeyProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.crypto.keys import KeyProvider, KeyRing

VARIABLE: Final = "SESSIONS_KEY"
_STRONG_BYTES: Final = 32


def read_keys(files: Sequence[str], *, ask: bool) -> KeyRing | KeyProvider | None:
    """Return the keys that were given; ``None`` without any.

    Args:
        files: Files with a key each, as ``FILE`` or ``ID=FILE``; the last one is the current key.
        ask: Whether to ask for the key instead.

    Raises:
        KeyProblem: A file cannot be read, or holds no key.
    """
    try:
        if len(files) > 1:
            from sessions.crypto.keys import KeyRing  # noqa: PLC0415 - cryptography takes as long as all the rest

            named = [_named(file) for file in files]
            if len({name for name, _ in named}) < len(named):
                raise KeyProblem("two key files have the same name. Nothing was done. Write --key-file ID=FILE.")
            return KeyRing({name: _read(path) for name, path in named})
        given: str | bytes | None = os.environ.get(VARIABLE)
        if files:
            given = _read(_named(files[0])[1]) if not _has_id(files[0]) else None
        elif ask:
            given = ask_secret("Key")
            if given is None:
                raise KeyProblem(f"nobody can be asked here. Nothing was done. Give --key-file FILE or {VARIABLE}.")
        if given is None and not files:
            return None
        from sessions.crypto.keys import KeyRing, keys_of  # noqa: PLC0415 - as above

        if given is None:
            name, path = _named(files[0])
            return KeyRing({name: _read(path)})
        return keys_of(given)
    except (ValueError, TypeError) as error:
        raise KeyProblem(str(error).replace("encryption_key", _source(files, ask=ask))) from None


def _has_id(file: str) -> bool:
    return "=" in file and not Path(file).exists()


def _named(file: str) -> tuple[str, Path]:
    """Return a key's id and its file. A file without an id gives its own name."""
    if _has_id(file):
        name, _, path = file.partition("=")
        return name, Path(path)
    return Path(file).stem, Path(file)


def _read(path: Path) -> str | bytes:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise KeyProblem(
            f"the key file {path} cannot be read: {error.strerror}. Nothing was done. Check the path and its "
            "permissions."
        ) from None
    if len(raw) >= _STRONG_BYTES:
        return raw
    try:
        # A short passphrase, as a program would read it.
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _source(files: Sequence[str], *, ask: bool) -> str:
    if files:
        return f"the key in {files[-1]}"
    return "the key" if ask else VARIABLE
