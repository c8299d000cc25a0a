"""The contract for encrypted sessions, as tests to run on your own store.

As `sessions.testing.HistoryContract`: `make` returns sessions that are not encrypted, on one new database for
each test. The contract puts `EncryptedSession` over them, and alters stored rows through the session's own backend.
"""

from __future__ import annotations

from sessions.testing.encrypted.keys import KeysContract
from sessions.testing.encrypted.rotation import RotationContract
from sessions.testing.encrypted.tampering import TamperingContract


class EncryptedContract(TamperingContract, RotationContract, KeysContract):
    """The promises of an encrypted session. Subclass it as ``Test…`` and give it the fixture `make`."""
