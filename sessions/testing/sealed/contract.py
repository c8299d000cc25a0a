"""The contract for sealed sessions, as tests to run on your own store.

As `sessions.testing.history.HistoryContract`: `make` returns sessions that are not encrypted, on one new database for
each test. The contract puts `EncryptedSession` over them, and alters what is stored through the session's own backend.
"""

from __future__ import annotations

from sessions.testing.sealed.keys import KeysContract
from sessions.testing.sealed.older_formats import OlderFormatsContract
from sessions.testing.sealed.rotation import RotationContract
from sessions.testing.sealed.tampering import TamperingContract


class SealedContract(TamperingContract, RotationContract, KeysContract, OlderFormatsContract):
    """What a sealed session promises. Subclass it, name the subclass ``Test…`` and give it the fixture `make`."""
