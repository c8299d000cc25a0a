"""URLs of databases on the command line, and options of drivers."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

FROM_VARIABLE: Final = "env:"
"""The beginning of the name of a variable that has the URL, so that no list of processes shows its password."""


_NUMBERS: Final = frozenset(
    {
        "timeout", "command_timeout", "connect_timeout", "port", "statement_cache_size",
        "prepared_statement_cache_size", "max_cached_statement_lifetime", "max_cacheable_statement_size",
    }
)  # fmt: skip
"""Options of the drivers that are numbers: with a text, a driver fails somewhere else, and with other words."""


def url_of(given: str) -> str:
    """Return the URL that was given, or that a variable has.

    Raises:
        ValueError: The variable is not set.
    """
    if not given.startswith(FROM_VARIABLE):
        return given
    name = given.removeprefix(FROM_VARIABLE)
    found = os.environ.get(name, "")
    if not found:
        raise ValueError(f"the variable {name} is not set. Nothing was done. Set it to the database's URL.")
    return found


def file_of(url: str) -> Path | None:
    """Return the file of a SQLite database; ``None`` for other databases, and for one in memory."""
    scheme, found, path = url.partition("://")
    if not found or scheme.partition("+")[0] != "sqlite" or not path.startswith("/"):
        return None
    path = path[1:].partition("?")[0]
    return Path(path) if path and path != ":memory:" else None


def is_in_memory(url: str) -> bool:
    """Tell whether a URL is of a SQLite database in memory, as it is without a path: it would end with the command."""
    scheme, found, path = url.partition("://")
    is_sqlite = bool(found) and scheme.partition("+")[0] == "sqlite"
    return is_sqlite and path.partition("?")[0].removeprefix("/") in ("", ":memory:")


def option_of_driver(text: str) -> tuple[str, Any]:
    """Return the name and the value of NAME=VALUE; a value that is not JSON is text.

    Raises:
        ValueError: It has another form, or is no number where the driver needs one.
    """
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise ValueError("write an option of the driver as NAME=VALUE")
    try:
        found = json.loads(value)
    except ValueError:
        found = value
    if name in _NUMBERS and (isinstance(found, bool) or not isinstance(found, int | float)):
        raise ValueError(f"the driver's option {name} takes a number. Nothing was done. Write {name}=10.")
    return name, found
