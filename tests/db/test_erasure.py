"""A component has the rows of one subject erased, with a receipt, and without a line of its own for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sessions.db.component import Removed
from sessions.db.erasure import NOT_SCRUBBED, erase

from .key_values import KEY_VALUES, Get, Put
from .lists import LISTS, Elements, Push

if TYPE_CHECKING:
    from .conftest import Place

_SUBJECT = "a value"
_SECRET = b"a word that is in no other file"


async def test_the_rows_of_a_subject_go_and_no_others(place: Place) -> None:
    """Fails without: db/erasure.py, `erase_rows`."""
    backend = place.backend()
    for name in ("a", "b"):
        await backend.write(Put(name, _SECRET), _SUBJECT)
    removed, pending = await erase(backend, KEY_VALUES, "a", _SUBJECT, scrub=False)
    assert (removed, pending) == (Removed({"pairs": 1}), (NOT_SCRUBBED,))
    assert [await backend.read(Get(name), _SUBJECT) for name in ("a", "b")] == [None, _SECRET]
    removed, _ = await erase(backend, KEY_VALUES, "a", _SUBJECT)
    assert removed == Removed({"pairs": 0})
    await backend.aclose()


async def test_their_bytes_go_or_it_is_said_where_they_are(place: Place) -> None:
    """Fails without: db/erasure.py, `backend.vacuum`."""
    backend = place.backend()
    await backend.write(Put("a", _SECRET), _SUBJECT)
    _, pending = await erase(backend, KEY_VALUES, "a", _SUBJECT)
    if place.server is None:
        assert pending == ()
        files = Path(place.where).parent.glob("values.db*")
        assert not any(_SECRET in file.read_bytes() for file in files)
    else:
        wanted = {"postgres": "VACUUM FULL agent_values_pairs", "mariadb": "OPTIMIZE TABLE agent_values_pairs"}
        assert wanted[place.kind] in pending[0]
    await backend.aclose()


async def test_rows_that_are_found_by_those_of_another_table_go_first(place_of_lists: Place) -> None:
    """Fails without: db/erasure.py, `reversed(owned)`."""
    backend = place_of_lists.backend()
    for name, count in (("a", 3), ("b", 2)):
        for number in range(count):
            await backend.write(Push(name, str(number).encode()), _SUBJECT)
    removed, _ = await erase(backend, LISTS, "a", _SUBJECT)
    assert removed == Removed({"lists": 1, "elements": 3})
    assert await backend.read(Elements("a"), _SUBJECT) == []
    assert await backend.read(Elements("b"), _SUBJECT) == [b"0", b"1"]
    assert (await erase(backend, LISTS, "a", _SUBJECT))[0] == Removed({"lists": 0, "elements": 0})
    assert (await erase(backend, LISTS, "b", _SUBJECT))[0] == Removed({"lists": 1, "elements": 2})
    await backend.aclose()
