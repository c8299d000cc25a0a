"""Namespaces as paths: the one text in which a namespace is stored, and ranges of the namespaces below a prefix.

A path is made as an owner is (`labels.py`): each label followed by U+0001. So paths sort label by label, byte by byte,
``("a",)`` is no prefix of ``("ab",)``, and a prefix is a range of paths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.labels import MAX_OWNER_BYTES, below_owner, decode_owner, encode_owner

if TYPE_CHECKING:
    from sessions.types.memories import Labels

ALL: Final = ("\x02", "\U0010ffff" * (MAX_OWNER_BYTES // 4 + 1))
"""The range of all paths: none begins with less than U+0002, and none is as long as the last one."""


def check_namespace(namespace: object, name: str = "namespace") -> str:
    """Return the path of a namespace.

    Raises:
        TypeError: It is not a tuple or list of texts.
        ValueError: It has no label, more than 16, or more than 1,024 bytes; or a label is empty, has a NUL character
            or is not Unicode text.
    """
    if isinstance(namespace, (str, bytes)) or not isinstance(namespace, tuple | list):
        raise TypeError(
            f"{name} must be a tuple of strings, not {type(namespace).__name__}. Nothing was done. Pass a tuple such "
            "as ('users', 'alice')."
        )
    return encode_owner(namespace, name)


def check_prefix(prefix: object, name: str = "prefix") -> str:
    """Return the path of a prefix; ``""`` for the empty one, below which all namespaces are.

    Raises:
        TypeError: It is not a tuple or list of texts.
        ValueError: As for `check_namespace`, except that it may be empty.
    """
    return "" if isinstance(prefix, tuple | list) and not prefix else check_namespace(prefix, name)


def range_of(path: str) -> tuple[str, str]:
    """Return the range of the paths that begin with a path: from the first on, before the second."""
    return below_owner(path) if path else ALL


def labels_of(path: str | bytes) -> Labels:
    """Return the labels of a path."""
    labels = decode_owner(path)
    return (labels,) if isinstance(labels, str) else labels or ()


def joined(prefix: Labels, namespace: Labels) -> Labels:
    """Return a namespace that is relative to a prefix as a whole."""
    return (*prefix, *namespace)
