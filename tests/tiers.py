"""Which combinations of contract and store every run tests, and which only a run with ``--everything``.

| contract | SQLite file, Postgres, MariaDB; encrypted in a SQLite file | other drivers, versions, settings; encrypted on a server |
| -------- | ---------------------------------------------------------- | -------------------------------------------------------- |
| session  | always                                                     | always, but for what it refuses                          |
| others   | always                                                     | any sequence of operations                               |

A store's meaning is one piece of code, and encryption is another above it. So a driver or a setting (the marker
``variant``) can only break how statements reach the database. The contract of sessions shows that for what all programs
do, and a contract's state machine for all of its operations. Bad input is refused before there is a statement. Other
tests say by the marker ``everything`` that they repeat what a run tests elsewhere.
"""  # noqa: E501 - a table

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pytest

_MACHINE: Final = "test_any_sequence_of_"
_REFUSAL: Final = "test_refuses_"
_SERVERS: Final = {"postgres", "mariadb"}


def only_with_everything(item: pytest.Item) -> bool:
    """Tell whether a test is left out of an ordinary run."""
    if item.get_closest_marker("everything"):
        return True
    if not (contracts := _contracts(item)) or not (is_variant(item) or (_is_encrypted(item) and _server(item))):
        return False
    if "SessionContract" in contracts:
        return item.name.startswith(_REFUSAL)
    return not item.name.startswith(_MACHINE)


def is_variant(item: pytest.Item) -> bool:
    """Tell whether a test's store is none of the three that each run tests in full."""
    return item.get_closest_marker("variant") is not None or _parameter(item, "url") == "sqlite"


def examples_left_out(item: pytest.Item) -> int:
    """Return by which number the examples of Hypothesis are divided: those on SQLite files show what all stores share.

    On Postgres it tries half of them; on MariaDB, encrypted and in a variant a quarter; with ``--everything``, all.
    """
    if not _contracts(item) or item.config.getoption("everything"):
        return 1
    if is_variant(item) or _is_encrypted(item) or _server(item) == "mariadb":
        return 4
    return 2 if _server(item) else 1


def examples_are_random(config: pytest.Config) -> bool:
    """Tell whether Hypothesis tries other examples in each run; where it does not, its failures are those of a change.

    In CI an ordinary run tries the same ones each time, so that it fails for what a change breaks, and not by chance
    for what was there before. New examples are for a developer's runs and for ``--everything``, in CI also.
    """
    return bool(config.getoption("everything")) or os.environ.get("CI") != "true"


def _contracts(item: pytest.Item) -> set[str]:
    made = getattr(item, "cls", None)
    return {base.__name__ for base in made.__mro__ if base.__name__.endswith("Contract")} if made else set()


def _is_encrypted(item: pytest.Item) -> bool:
    """Tell it by the class: `TestEncrypted` runs a contract encrypted, `TestEncryption` the one about encryption."""
    made = getattr(item, "cls", None)
    return made is not None and "Encrypted" in made.__name__


def _server(item: pytest.Item) -> str | None:
    """Return the kind of server that a test runs on, if any."""
    named = {_parameter(item, "url"), _parameter(item, "anywhere"), *getattr(item, "fixturenames", ())}
    return next(iter(sorted(_SERVERS & named)), None)


def _parameter(item: pytest.Item, fixture: str) -> object:
    """Return the parameter of `url`, where SQLite is one through SQLAlchemy, or of `anywhere`, where it is a file."""
    call = getattr(item, "callspec", None)
    return call.params.get(fixture) if call else None
