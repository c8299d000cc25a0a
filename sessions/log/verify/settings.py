"""Checking the settings of the store: the SDK's tables that it belongs to, and the salts of passphrases and audits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from sessions.db.dialect import text_of_key
from sessions.db.transaction import Statement
from sessions.db.verification import Checked
from sessions.errors import DecryptionError
from sessions.log.adopt.table_pair import SETTING
from sessions.log.lifetime.audit import SALT, SALT_BYTES
from sessions.types.verify import Finding, found

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction

_SETTINGS: Final = Statement("All settings.", "select name, value from {settings} order by name")

_PAIR: Final = 2


_AUDITED: Final = Statement("An audit row.", "select 1 from {audits} limit 1")


class SettingsCheck:
    """Checks that the settings can be read, and that no needed one is missing."""

    name = "settings"
    tables = ("settings", "audits")

    def page(self, tx: Transaction, after: str) -> Checked:
        """Check all: they are few."""
        del after
        settings = {text_of_key(name): bytes(value) for name, value in tx.all(_SETTINGS)}
        findings = [
            _damaged(name, "The setting has an impossible value.")
            for name, value in settings.items()
            if not _is_possible(name, value)
        ]
        # The salt for passphrases is not missed here: without it, a passphrase opens no session, which is found there.
        if SALT not in settings and tx.one(_AUDITED) is not None:
            findings.append(_damaged(SALT, "The setting is missing: no id can be found in the audit without it."))
        return Checked(findings, None, {"rows": len(settings)})

    def skip(self, tx: Transaction, after: str) -> None:
        """Give up: there is one page."""
        del tx, after


def _damaged(name: str, problem: str) -> Finding:
    return found("setting-damaged", problem, table="settings", place=f"setting {name}")


def _is_possible(name: str, value: bytes) -> bool:
    if name == SALT:
        return len(value) == SALT_BYTES
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
