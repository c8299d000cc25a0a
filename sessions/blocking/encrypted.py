"""`EncryptedSession`: a session that only holders of the key can read.

Made by scripts/build_blocking.py from sessions/encrypted.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sessions.encrypted
from sessions.blocking.compat.advanced import FlatMethods
from sessions.blocking.driving import Part, as_asynchronous, run
from sessions.blocking.session.base import LogSession

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta
    from typing import Any

    from sessions.crypto.keys import KeyProvider, KeyRing
    from sessions.types import Item
    from sessions.types.receipts import Rotation


class EncryptedSession(LogSession):
    """A session whose items are encrypted with AES-256-GCM before they reach the database.

    Example: ``session = EncryptedSession("user_123", SQLiteSession("user_123", "chat.db"), generate_key(), ttl=None)``

    Over a session of this package, encryption happens below the log: branches, undo, turns, usage and limits work as
    without it, and both objects share one hold on the database. Kinds, turns, tool names, times, sizes and branch names
    stay in the clear. docs/encryption.md lists the data visible to a reader of the database and the alterations that
    are detected.

    Over any other object with the four methods, only the four methods exist, plus `run_compaction` if the object has
    it. The same is true over a session of this package whose class overrides one of the four methods: it is called with
    encrypted items. A class that overrides any other method is refused. Subclasses of this class work over all of them.

    Args:
        session_id: The conversation's id; the same as the underlying session's.
        underlying_session: The session that stores the conversation.
        encryption_key: A key from `generate_key`; 32 or more random bytes; a `KeyRing`; or a `KeyProvider`. Any other
            text is a passphrase: it is stretched, and a `WeakKeyWarning` is issued.
        ttl: Time to live in seconds; older items are gone. Ten minutes by default, as in the OpenAI Agents SDK.
            ``None`` keeps items for ever.
        max_scan_items: The maximum number of items that `get_items` reads and decrypts; ``None`` for no maximum. If the
            answer could be incomplete because of it, `ScanLimitError` is raised.
        allow_plain_text: Also read unencrypted items, while a session is being converted; see `rotate`.
        hide_tool_names: Encrypt tool names as well, in items added from now on.

    Raises:
        TypeError: An argument has the wrong type; or the underlying session is already encrypted, overrides a method
            that would be bypassed, or is the OpenAI Agents SDK's `OpenAIResponsesCompactionSession`, which bypasses
            encryption.
        ValueError: An argument is out of range, or the ids differ.
    """

    _async: sessions.encrypted.EncryptedSession

    def __init__(
        self,
        session_id: str,
        underlying_session: Any,
        encryption_key: str | bytes | KeyRing | KeyProvider,
        ttl: float | timedelta | None = 600,
        max_scan_items: int | None = None,
        *,
        allow_plain_text: bool = False,
        hide_tool_names: bool = False,
    ) -> None:
        Part.__init__(
            self,
            sessions.encrypted.EncryptedSession(
                session_id,
                as_asynchronous(underlying_session),
                encryption_key,
                ttl,
                max_scan_items,
                allow_plain_text=allow_plain_text,
                hide_tool_names=hide_tool_names,
            ),
        )
        flat = isinstance(self._async, sessions.encrypted.EncryptedAdvancedSession)
        if flat and type(self) is EncryptedSession:
            self.__class__ = EncryptedAdvancedSession

    def get_items(self, limit: int | None = None, *, wrapper: object = None) -> list[Item]:
        """Return the latest `limit` items, as `LogSession.get_items` does, within `max_scan_items`.

        Example: ``items = encrypted.get_items(limit=20)``

        Raises:
            ScanLimitError: The answer may have more items than `max_scan_items`, so it could be incomplete.
            DecryptionError: A key is wrong, or a stored item was altered.
            TypeError: `limit` is not an integer.
            ValueError: `limit` is negative; or `max_scan_items` is set and the settings have a window, repair or
                compaction.
            StoreError: The database refused the operation.
            SessionClosedError: The session has been closed.
        """
        return run(self._async.get_items(limit, wrapper=wrapper))

    def rotate(
        self,
        *,
        reencrypt: bool = False,
        before: datetime | None = None,
        progress: Callable[[Rotation], object] | None = None,
    ) -> Rotation:
        """Wrap the session's keys with the current key of the key ring or provider, while others read and write.

        Example: ``rotation = encrypted.rotate()``

        Afterwards the session no longer needs the previous key. It takes one transaction, for a session of any length.

        Args:
            reencrypt: Also make a new data key and encrypt all entries with it, in short transactions. Unencrypted
                entries, which need `allow_plain_text`, are encrypted too.
            before: With `reencrypt`: only if the session's data key is older than this; now by default. To continue
                after an interruption, pass the time at which the first attempt began.
            progress: Called after each transaction with the result so far.

        Returns:
            The result.

        Raises:
            DecryptionError: A key is missing, or a stored entry was altered; finished transactions stay done.
            TypeError: `before` is not a datetime.
            ValueError: `before` has no time zone, or is given without `reencrypt`.
            StoreError: The database refused the operation.
        """
        return run(self._async.rotate(reencrypt=reencrypt, before=before, progress=progress))


class EncryptedAdvancedSession(FlatMethods, EncryptedSession):
    """`EncryptedSession` over a session with the flat methods, which it has too."""

    _async: sessions.encrypted.EncryptedAdvancedSession
