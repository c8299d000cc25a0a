"""Checking the settings of the store: the SDK's tables that it belongs to, and the salt for passphrases."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from sessions.db.dialect import text_of_key
from sessions.db.transaction import Statement
from sessions.db.verification import Checked
from sessions.errors import DecryptionError
from sessions.log.adopt.table_pair import SETTING
from sessions.verify_types import found

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction

_SETTINGS: Final = Statement("All settings.", "select name, value from {settings} order by name")

_PAIR: Final = 2


class SettingsCheck:
    """Checks that the settings can be read."""

    name = "settings"
    tables = ("settings",)

    def page(self, tx: Transaction, after: str) -> Checked:
        """Check all: they are few."""
        del after
        rows = tx.all(_SETTINGS)
        findings = [
            found("setting-damaged", "The setting has an impossible value.", table="settings", place=f"setting {name}")
            for name, value in ((text_of_key(name), bytes(value)) for name, value in rows)
            if not _is_possible(name, value)
        ]
        return Checked(findings, None, {"rows": len(rows)})

    def skip(self, tx: Transaction, after: str) -> None:
        """Give up: there is one page."""
        del tx, after


def _is_possible(name: str, value: bytes) -> bool:
    if name == SETTING:
        try:
            tables = json.loads(value)
        except (ValueError, RecursionError):
            return False
        return isinstance(tables, list) and len(tables) == _PAIR and all(isinstance(one, str) for one in tables)
    from sessions.crypto.key_sources import PARAMETERS  # noqa: PLC0415 - it imports the cipher
    from sessions.crypto.passphrase import Stretcher  # noqa: PLC0415 - as above

    if name == PARAMETERS:
        try:
            Stretcher(value)
        except DecryptionError:
            return False
    return bool(value)
