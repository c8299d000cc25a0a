"""The parameters of `APPEND` and `APPEND_MANY`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from sessions.clock import NEVER
from sessions.items.kinds import USER
from sessions.log.core.heads import number_of as number_of_branch
from sessions.log.core.idempotency import KEY_LIFE, life_of
from sessions.log.fast.parameters import ItemKeys, ManyAppends, OneAppend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.log.append import Append

Required: TypeAlias = tuple[int | None, bytes | None]
"""The version that a session must have, if not any will do, and its wrapped keys, if it has some."""

_MAX_NUMBERS: Final = 256
"""What a byte can tell apart."""


class _Columns:
    """The items of one session's appends, as the columns that the statements unnest."""

    def __init__(self) -> None:
        self.turns: list[int] = []
        self.kinds: list[str] = []
        self.tool_names: list[str | None] = []
        self.payloads: list[bytes] = []
        self.expiries: list[int | None] = []
        self.authors: list[str | None] = []
        self.turn = 0

    def add(self, append: Append) -> None:
        for entry in append.entries:
            self.turn += entry.kind == USER
            self.turns.append(self.turn)
            self.kinds.append(entry.kind)
            self.tool_names.append(entry.tool_name)
            self.payloads.append(entry.payload)
            self.expiries.append(append.expires_at)
            self.authors.append(entry.author)

    @property
    def expiring(self) -> bool:
        """Whether some of them will expire."""
        return any(expires_at is not None and expires_at < NEVER for expires_at in self.expiries)


def append_values(append: Append, required: Required) -> OneAppend | None:
    """Return the parameters of `APPEND`.

    ``None`` if the items have too many kinds and tool names for it, or several authors: `APPEND_MANY` takes any.
    """
    entries, (version, wrapped_keys) = append.entries, required
    turn_starts = [position for position, entry in enumerate(entries, 1) if entry.kind == USER]
    numbers: dict[tuple[str, str | None], int] = {}
    number_of = [numbers.setdefault((entry.kind, entry.tool_name), len(numbers)) for entry in entries]
    authors = {entry.author for entry in entries} or {None}
    if len(numbers) > _MAX_NUMBERS or len(authors) > 1:
        return None
    (author,) = authors
    kinds = [kind for kind, _ in numbers]
    tool_names = [tool_name for _, tool_name in numbers]
    key, digest = append.idempotency or (None, None)
    return OneAppend(
        session_id=append.conversation.session_id,
        now=append.now,
        item_count=len(entries),
        turns=len(turn_starts),
        key=key,
        digest=digest,
        key_life=life_of(key or ""),
        turn_starts=turn_starts,
        kind_numbers=bytes(number_of),
        kinds=kinds,
        tool_names=tool_names,
        payloads=[entry.payload for entry in entries],
        branch=append.branch,
        version=version,
        expires_at=append.expires_at,
        never=NEVER,
        wrapped_keys=wrapped_keys,
        author=author,
        lease=append.conversation.lease or 0,
        branch_number=number_of_branch(append.branch),
        owner=append.conversation.owner,
    )


def item_keys_values(append: Append) -> ItemKeys:
    """Return the further parameters of `APPEND_KEYED`."""
    keys = [entry.key for entry in append.entries]
    names, digests = [key and key.key for key in keys], [key and key.digest for key in keys]
    return ItemKeys(names, digests, KEY_LIFE)


def append_many_values(appends: Sequence[Append], required: Sequence[Required]) -> tuple[ManyAppends, list[int]]:
    """Return the parameters of `APPEND_MANY`, and for each append the number of its session.

    One branch of each session; appends to another one have number 0, and those that expect a version behind others.
    """
    sessions: dict[str, _Columns] = {}
    numbers: dict[str, int] = {}
    branches: dict[str, tuple[str | None, int]] = {}
    expected: dict[str, Required] = {}
    leases: dict[str, int] = {}
    owners: dict[str, str | None] = {}
    number_of = []
    for append, wanted in zip(appends, required, strict=True):
        session_id = append.conversation.session_id
        number = numbers.setdefault(session_id, len(numbers) + 1)
        branch = append.branch, number_of_branch(append.branch)
        together = branches.setdefault(session_id, branch) == branch
        together = together and expected.setdefault(session_id, wanted) == wanted
        owner = append.conversation.owner
        together = together and owners.setdefault(session_id, owner) == owner
        lease = append.conversation.lease or 0
        together = together and leases.setdefault(session_id, lease) == lease
        # Of two that expect the same version, the second one comes too late.
        together = together and (append.expected_version is None or session_id not in sessions)
        number_of.append(number if together else 0)
        if together:
            sessions.setdefault(session_id, _Columns()).add(append)
    keyed = [
        (number, *append.idempotency)
        for number, append in zip(number_of, appends, strict=True)
        if number and append.idempotency
    ]
    columns = list(sessions.values())
    values = ManyAppends(
        now=max(append.now for append in appends),
        session_ids=list(sessions),
        counts=[len(column.kinds) for column in columns],
        turns=[column.turn for column in columns],
        branches=[name for name, _ in branches.values()],
        branch_numbers=[number for _, number in branches.values()],
        leases=list(leases.values()),
        versions=[version for version, _ in expected.values()],
        all_wrapped_keys=[wrapped_keys for _, wrapped_keys in expected.values()],
        owners=list(owners.values()),
        key_sessions=[number for number, _, _ in keyed],
        keys=[key for _, key, _ in keyed],
        digests=[digest for _, _, digest in keyed],
        key_lives=[life_of(key) for _, key, _ in keyed],
        item_sessions=[number for number, column in enumerate(columns, 1) for _ in column.kinds],
        positions=[position for column in columns for position in range(1, len(column.kinds) + 1)],
        item_turns=[turn for column in columns for turn in column.turns],
        kinds=[kind for column in columns for kind in column.kinds],
        tool_names=[tool_name for column in columns for tool_name in column.tool_names],
        payloads=[payload for column in columns for payload in column.payloads],
        expiries=[expires_at for column in columns for expires_at in column.expiries],
        authors=[author for column in columns for author in column.authors],
        expiring_sessions=[number for number, column in enumerate(columns, 1) if column.expiring],
    )
    return values, number_of
