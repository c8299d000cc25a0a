"""All checks of conversations, in their order: sessions before their entries, and these before all other rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.log.verify.entries import EntryCheck
from sessions.log.verify.loose import loose_checks
from sessions.log.verify.records import record_checks
from sessions.log.verify.sessions import SessionCheck
from sessions.log.verify.settings import SettingsCheck

if TYPE_CHECKING:
    from sessions.db.verification import Check
    from sessions.log.verify.reading import Reading


def checks_of(reading: Reading) -> list[Check]:
    """Return the checks of all conversations, or of one."""
    of_sessions: list[Check] = [SessionCheck(reading), EntryCheck(reading), *record_checks(reading)]
    return of_sessions if reading.session_id is not None else [SettingsCheck(), *of_sessions, *loose_checks()]
