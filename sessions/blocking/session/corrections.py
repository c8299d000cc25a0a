"""Corrections: redacting and removing items that should never have been in the conversation.

Made by scripts/build_blocking.py from sessions/session/corrections.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.driving import run
from sessions.blocking.objects import SessionPart

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    import sessions.session.corrections
    from sessions.types import Sibling
    from sessions.types.receipts import CorrectionReceipt


class Corrections(SessionPart):
    """Corrections."""

    _async: sessions.session.corrections.Corrections

    def redact(
        self,
        position: int | None = None,
        item: Mapping[str, object] | None = None,
        *,
        id: str | None = None,
        key: str | None = None,
        summaries: Literal["refuse", "drop"] = "refuse",
        force: bool = False,
        actor: str | None = None,
        scrub: bool = True,
    ) -> CorrectionReceipt:
        """Replace an entry's content, or empty it, in the entry and in every copy of it in the session.

        Example: ``receipt = session.redact(1)``

        The entry keeps its id, position, kind, turn, author, times and ids of calls, so every provider accepts the
        conversation as before. Its copies, for example those that `repair` made, and all entries with the same item key
        are redacted too, on every branch and in undone turns. A title that was made of the message is removed. All of
        this is one transaction. Then the bytes are removed from the files, as `Store.erase` does it. Watchers get
        ``redacted``. A retry of the original append, with its idempotency key or item keys, changes nothing.

        Give exactly one of `position`, `id` and `key`, as for `entry`; an expired entry is found too, until it is
        purged.

        Args:
            position: The entry's position on this object's branch.
            item: The new item, of the same kind and with the same ids of calls; ``None`` to empty the entry. The page
                on corrections shows the empty forms.
            id: The entry's `Entry.id`.
            key: The key that `add_items` was given for the item.
            summaries: The fate of summaries that stand for the entry, as they may repeat it. ``"refuse"``: raise.
                ``"drop"``: remove them; models see the original entries again.
            force: Whether to redact although another caller holds an exclusive lease on a branch with the entry.
            actor: The person or program that corrects, for the audit row: text of 1 to 255 bytes in UTF-8.
            scrub: Whether to call `Store.scrub`. To redact many entries, call it once, after the last one.

        Returns:
            The receipt: the redacted entries and the pending work.

        Raises:
            UnknownEntryError: The session has no such entry.
            ReplacementError: `item` is of another kind or has other ids of calls; or the entry has no empty form.
            SummarizedError: A summary stands for the entry, and `summaries` is ``"refuse"``.
            SessionBusyError: Another caller holds an exclusive lease on a branch with the entry.
            LeaseLostError: This object's lease was lost.
            InvalidItemError: `item` cannot be stored.
            UndecodableItemError: The stored item cannot be read, and `item` was not given.
            InAttemptError: This is the session of an attempt.
            DecryptionError: The session is encrypted with another key, or the stored entry was altered.
            UnknownBranchError: The branch no longer exists.
            TypeError: An argument has the wrong type, or not exactly one of `position`, `id` and `key` was given.
            ValueError: An argument is out of range.
            StoreError: The database refused the operation; nothing was changed.
            SessionClosedError: The session has been closed.
        """
        return run(
            self._async.redact(
                position, item, id=id, key=key, summaries=summaries, force=force, actor=actor, scrub=scrub
            )
        )

    def remove(
        self,
        position: int | None = None,
        *,
        id: str | None = None,
        key: str | None = None,
        way: Sibling | str | None = None,
        summaries: Literal["refuse", "drop"] = "refuse",
        force: bool = False,
        actor: str | None = None,
        scrub: bool = True,
    ) -> CorrectionReceipt:
        """Remove an entry with every copy of it in the session; or a way that was left, with all that only it has.

        Example: ``receipt = session.remove(1)``

        Unlike `pop_item`, this removes an entry anywhere. All other entries keep their ids, positions and turns, as
        when an item expires. Related entries are not removed with it: an entry whose call, output or reasoning
        would be left alone is not removed unless forced. Copies, titles, summaries, bytes and retries are treated as by
        `redact`. Watchers get ``removed``.

        Give exactly one of `position`, `id`, `key` and `way`.

        Args:
            position: The entry's position on this object's branch.
            id: The entry's `Entry.id`.
            key: The key that `add_items` was given for the item.
            way: One of `siblings` or `ways_on`, or the id of an entry: the turns that were undone, or replaced, from
                there on. Entries that other ways share stay.
            summaries: The fate of summaries that stand for the entry, as for `redact`. Not for a way: its
                summaries go with it.
            force: Whether to remove although that leaves a call without its output, for example; or although another
                caller holds an exclusive lease; or a way although an attempt goes there.
            actor: The person or program that corrects, for the audit row: text of 1 to 255 bytes in UTF-8.
            scrub: Whether to call `Store.scrub`. To remove many entries, call it once, after the last one.

        Returns:
            The receipt: the removed entries and the pending work.

        Raises:
            UnknownEntryError: The session has no such entry, or no way leads through it.
            PairingError: Something belongs to the entry that providers would refuse without it.
            SummarizedError: A summary stands for the entry, and `summaries` is ``"refuse"``.
            BranchInUseError: A branch goes that way, or an attempt does.
            TurnNotFoundError: The sibling no longer exists.
            SessionBusyError: Another caller holds an exclusive lease on a branch with the entry.
            LeaseLostError: This object's lease was lost.
            InAttemptError: This is the session of an attempt.
            DecryptionError: The session is encrypted with another key; or, without `force`, a stored entry was altered.
            UnknownBranchError: The branch no longer exists.
            TypeError: An argument has the wrong type, or not exactly one of the four was given.
            ValueError: An argument is out of range.
            StoreError: The database refused the operation; nothing was changed.
            SessionClosedError: The session has been closed.
        """
        return run(
            self._async.remove(
                position, id=id, key=key, way=way, summaries=summaries, force=force, actor=actor, scrub=scrub
            )
        )
