"""Entries that would be left alone without another one: a call without its output, reasoning without its answer.

The rules are those of `items/rounds.py`. They are checked on each way that leads through the entry, as far as they are
about it: a removal that breaks nothing leaves nothing that a repair would find, and found not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sessions.db.ids import position_of
from sessions.errors import PairingError
from sessions.items.calls import answers_of, calls_of, part_of, program_begun, program_of
from sessions.items.kinds import KNOWN, PLACEHOLDER, REFERENCE
from sessions.items.parts import Part
from sessions.items.repair import LONE_REASONING, OPEN_CALL, ORPHAN_CALL, ORPHAN_OUTPUT, Damage
from sessions.items.rounds import is_one_round
from sessions.log.context.annotations import is_mark
from sessions.log.core.reader import UNREADABLE
from sessions.log.history.ways import leads_through
from sessions.log.statements import corrections as statements
from sessions.log.statements import entries as entry_statements
from sessions.log.words import EntryRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sessions.items.parts import Call
    from sessions.log.corrections.begin import Correction
    from sessions.log.history.ways import Tip

TORN_REASONING: Final = "torn_reasoning"
UNKNOWN_SHAPE: Final = "unknown_shape"
_BETWEEN: Final = frozenset({Part.USER, Part.CONTEXT})
_TOLD: Final = 5
"""Of what would be left alone, an error tells so many; it has all of them as an attribute."""


class _Item(NamedTuple):
    """An entry that is read for its calls and outputs, with its turn; nothing is known of an unreadable one."""

    id: int
    turn: int
    calls: list[Call]
    answers: list[Call]
    program: str
    is_unknown: bool


def check_pairing(correction: Correction, family: list[EntryRow]) -> None:
    """Allow the removal of entries if nothing that belongs to them stays without them.

    Raises:
        PairingError: Something does.
        DecryptionError: A payload was altered.
    """
    broken = sorted(set(_Pairing(correction, family).broken()), key=lambda damage: (damage.position, damage.kind))
    if broken:
        told = ", ".join(f"{damage.kind} at position {damage.position}" for damage in broken[:_TOLD])
        more = "" if len(broken) <= _TOLD else f" and {len(broken) - _TOLD} more"
        raise PairingError(
            f"session {correction.conversation.session_id!r}: without the entry, providers would refuse what belongs "
            f"to it: {told}{more}. Nothing was changed. Redact the entry instead; or pass force=True and remove these "
            "too.",
            tuple(broken),
        )


class _Pairing:
    def __init__(self, correction: Correction, family: list[EntryRow]) -> None:
        self._correction = correction
        self._reader = correction.head.reader
        self._family = family
        self._gone = {row.id for row in family}
        self._rows: dict[int, EntryRow | None] = {}
        self._items: dict[int, Any] = {}
        self._paired: list[_Item] | None = None

    def broken(self) -> Iterator[Damage]:
        """Yield the entries that would be left alone, perhaps several times."""
        lineages = self._correction.lineages
        for row in self._family:
            if is_mark(row.kind) or self._item(row) is UNREADABLE or self._row(row.id) is None:
                continue  # Models do not see it.
            item = self._item(row)
            tips = [tip for tip in self._correction.tips if leads_through(lineages, tip, row.id)]
            makes, answers = calls_of(item), answers_of(item)
            if makes or answers or program_begun(item):
                related = self._related({*makes, *answers})
                for tip in tips:
                    way = [one for one in related if leads_through(lineages, tip, one.id)]
                    yield from self._of_calls(row, item, way, makes)
                    yield from self._of_outputs(row, way, answers)
            for older, newer in {self._neighbours(row, tip) for tip in tips}:
                yield from self._of_neighbours(part_of(item), older, newer)

    def _of_calls(self, row: EntryRow, item: Any, way: list[_Item], makes: list[Call]) -> Iterator[Damage]:
        """Yield the outputs of calls, and the items of a program, that have nothing but this to belong to."""
        later = [one for one in way if one.id != row.id and _is_behind(one.id, row.id)]
        for call in makes:
            answered = False
            for one in later:
                if call in one.calls:
                    break  # The id is used again, for another call.
                if call in one.answers:
                    answered = True
                    if one.id not in self._gone:
                        yield Damage(ORPHAN_OUTPUT, position_of(one.id), call.call_id)
            if not answered:
                yield from self._unknown(one for one in later if one.turn == row.turn)
        if program := program_begun(item):
            for one in later:
                if one.program == program and one.id not in self._gone:
                    yield Damage(ORPHAN_CALL, position_of(one.id), program)

    def _of_outputs(self, row: EntryRow, way: list[_Item], answers: list[Call]) -> Iterator[Damage]:
        """Yield the calls that nothing but this answers."""
        for call in answers:
            earlier = [one for one in way if _is_behind(row.id, one.id)]
            made = next((one for one in reversed(earlier) if call in one.calls), None)
            if made is None:
                yield from self._unknown(earlier)
                continue
            if made.id in self._gone:
                continue
            behind = (one for one in way if _is_behind(one.id, made.id))
            others = []
            for one in behind:
                if call in one.calls:
                    break
                others.append(one)
            if not any(call in one.answers and one.id not in self._gone for one in others):
                yield Damage(OPEN_CALL, position_of(made.id), call.call_id)

    def _unknown(self, items: Iterable[_Item]) -> Iterator[Damage]:
        """Yield items of an unknown shape, which may be the call or the output that is missing."""
        for one in items:
            if one.is_unknown and one.id not in self._gone:
                yield Damage(UNKNOWN_SHAPE, position_of(one.id))

    def _of_neighbours(self, part: Part, older: EntryRow | None, newer: EntryRow | None) -> Iterator[Damage]:
        """Yield reasoning without its answer, an answer without its reasoning, and neighbours of an unknown shape."""
        before = self._part(older)
        after = self._part(newer)
        if part is Part.REASONING and newer is not None and after and is_one_round(part, after):
            yield Damage(TORN_REASONING, newer.position)
        goes_on = part is Part.REASONING and after is not None and is_one_round(part, after)
        if older is not None and before is Part.REASONING and part not in _BETWEEN and not goes_on:
            yield Damage(LONE_REASONING, older.position)
        if part is Part.UNKNOWN:
            if older is not None and before and is_one_round(before, part):
                yield Damage(UNKNOWN_SHAPE, older.position)
            if newer is not None and after and is_one_round(part, after):
                yield Damage(UNKNOWN_SHAPE, newer.position)

    def _neighbours(self, row: EntryRow, tip: Tip) -> tuple[EntryRow | None, EntryRow | None]:
        """Return the items before and behind an entry on a way, as if the entries to be removed were gone."""
        at = self._correction.lineages.entry_at
        before = range(row.position - 1, 0, -1)
        behind = range(row.position + 1, tip.tip + 1)
        older, newer = (
            next(
                (found for position in positions if (found := self._shown(at(tip.segment, position))) is not None), None
            )
            for positions in (before, behind)
        )
        return older, newer

    def _shown(self, entry: int) -> EntryRow | None:
        """Return an entry if it is an item that models may see, and stays."""
        row = None if entry in self._gone else self._row(entry)
        return None if row is None or is_mark(row.kind) or self._item(row) is UNREADABLE else row

    def _row(self, entry: int) -> EntryRow | None:
        """Return an entry that is there, and has not expired."""
        if entry not in self._rows:
            row = self._correction.tx.one(entry_statements.ENTRY, id=entry)
            found = None if row is None else EntryRow._make(row)
            if found and found.expires_at is not None and found.expires_at <= self._correction.now:
                found = None
            self._rows[entry] = found
        return self._rows[entry]

    def _item(self, row: EntryRow) -> Any:
        if row.id not in self._items:
            self._items[row.id] = self._reader.open_or_unreadable(row)
        return self._items[row.id]

    def _part(self, row: EntryRow | None) -> Part | None:
        return None if row is None else part_of(self._item(row))

    def _related(self, calls: set[Call]) -> list[_Item]:
        """Return the items of all ways that make or answer one of some calls, or may do so, or are of a program."""
        return [
            one
            for one in self._all_paired()
            if one.is_unknown or one.program or not calls.isdisjoint([*one.calls, *one.answers])
        ]

    def _all_paired(self) -> list[_Item]:
        if self._paired is None:
            rows = self._correction.tx.all(
                statements.PAIRED, session=self._correction.session, now=self._correction.now
            )
            found = [self._as_item(EntryRow._make(row)) for row in rows]
            # By positions: on each way, this is the order of the way.
            self._paired = sorted((one for one in found if one is not None), key=lambda one: position_of(one.id))
        return self._paired

    def _as_item(self, row: EntryRow) -> _Item | None:
        item = self._item(row)
        if item is UNREADABLE:
            return None
        is_unknown = row.kind not in KNOWN - {REFERENCE} and row.kind != PLACEHOLDER
        return _Item(row.id, row.turn, calls_of(item), answers_of(item), program_of(item), is_unknown)


def _is_behind(newer: int, older: int) -> bool:
    """Tell whether an entry is behind another one of the same way."""
    return position_of(newer) > position_of(older)
