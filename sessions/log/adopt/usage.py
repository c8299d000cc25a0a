"""Adopting the usage of the turns of a session of the OpenAI Agents SDK.

Its ``user_turn_number`` counts along the branch, as ours does. Each of its records goes to the last entry of its turn
on its branch, and so to every branch that has this entry.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from sessions.log.adopt.branches import entries_of_turns
from sessions.log.statements.usage import ADD_USAGE
from sessions.log.usage import INPUT_DETAILS, MAX_AMOUNT, OUTPUT_DETAILS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessions.db.transaction import Transaction
    from sessions.log.adopt.branches import ForeignBranch
    from sessions.log.adopt.sdk_tables import Spent
    from sessions.log.conversation import Codec
    from sessions.log.core.locking import LockedSession

_NOWHERE: Final = 1
"""The place of what was spent on a turn that is gone: an entry that cannot be, as no segment has the number 0."""


def put_usage(
    tx: Transaction, locked: LockedSession, branches: Iterable[ForeignBranch], spent: Iterable[Spent], codec: Codec
) -> None:
    """Store the usage in a session whose branches have just been stored."""
    by_key = {branch.key: branch for branch in branches}
    turns: dict[bytes, dict[Any, tuple[int, int]]] = {}
    for number, row in enumerate(spent):
        branch = by_key.get(row.branch)
        if row.branch not in turns:
            turns[row.branch] = entries_of_turns(tx, locked.conversation, branch) if branch else {}
        place, turn = turns[row.branch].get(row.turn, (_NOWHERE, _amount(row.turn)))
        details_in, details_out = _details(row.input_details, codec), _details(row.output_details, codec)
        input_tokens, output_tokens = _amount(row.input_tokens), _amount(row.output_tokens)
        cached = min(_amount(details_in.get("cached_tokens")), input_tokens)
        tx.run(
            ADD_USAGE,
            session=locked.session,
            usage_key=_key(row, number),
            place=place,
            turn=turn,
            model=None,
            agent=None,
            requests=_amount(row.requests),
            input_tokens=input_tokens,
            cached_tokens=cached,
            cache_write_tokens=min(_amount(details_in.get("cache_write_tokens")), input_tokens - cached),
            output_tokens=output_tokens,
            reasoning_tokens=min(_amount(details_out.get("reasoning_tokens")), output_tokens),
            cost=None,
            untold=INPUT_DETAILS * (not details_in) + OUTPUT_DETAILS * (not details_out),
            now=row.created_at,
            author=None,
        )


def _key(row: Spent, number: int) -> str:
    """Return the record's key: short for any name of a branch, and never one that a caller could give."""
    return f"\x01sdk:{sha256(row.branch).hexdigest()}:{_amount(row.turn)}:{number}"


def _amount(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value <= MAX_AMOUNT else 0


def _details(payload: bytes, codec: Codec) -> dict[str, Any]:
    try:
        found = codec.decode(payload)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
