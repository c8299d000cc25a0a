"""What a process remembers of an encrypted session while another one deletes it, makes it again or rotates its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions import DecryptionError, EncryptedSession, KeyRing, generate_key, open_store
from sessions.testing.encrypted.key_provider import KeptKeys
from sessions.testing.tree_model import item

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions import Store

_OLD, _NEW = generate_key(), generate_key()


@pytest.fixture
async def stores(url: str) -> tuple[Store, Store]:
    """Two stores on one database, which share nothing, as they have other options: as in two processes."""
    first = open_store(url, create_tables=True)
    await first.session("s").get_items()
    return first, open_store(url)


def _encrypted(store: Store, key: Any) -> EncryptedSession:
    return EncryptedSession("s", store.session("s"), key, None)


async def _texts(session: EncryptedSession) -> list[object]:
    return [found["content"] for found in await session.get_items()]


@pytest.mark.parametrize("made", [1, 2, 3])
async def test_a_session_that_was_made_anew(stores: tuple[Store, Store], made: int) -> None:
    """It comes to have the version that the first process remembers, but another data key and other segments."""
    first, second = (_encrypted(store, _OLD) for store in stores)
    for text in ("u1", "u2"):
        await first.add_items([item(text)])
    assert await _texts(first) == ["u1", "u2"]
    await stores[1].delete("s")
    texts = [f"u{number}" for number in range(10, 10 + made)]
    for text in texts:
        await second.add_items([item(text)])
    await first.add_items([item("u9")], idempotency_key="k")
    assert await _texts(second) == [*texts, "u9"]
    assert await first.pop_item() == item("u9")
    assert await _texts(second) == texts


@pytest.mark.parametrize("change", ["add", "pop", "clear"])
@pytest.mark.parametrize("reencrypt", [False, True], ids=["rewrapped", "reencrypted"])
async def test_a_session_that_was_rotated(stores: tuple[Store, Store], change: str, *, reencrypt: bool) -> None:
    first = _encrypted(stores[0], KeyRing({"old": _OLD}))
    for text in ("u1", "u2"):
        await first.add_items([item(text)])
    both = KeyRing({"old": _OLD, "new": _NEW}, current="new")
    assert (await _encrypted(stores[1], both).rotate(reencrypt=reencrypt)).rewrapped == 1
    # The first process has read again what its keys are: the old one is retired.
    retired = _encrypted(stores[0], KeyRing({"new": _NEW}))
    changes: dict[str, tuple[Callable[[], Any], list[str]]] = {
        "add": (lambda: retired.add_items([item("u3")]), ["u1", "u2", "u3"]),
        "pop": (retired.pop_item, ["u1"]),
        "clear": (retired.clear_session, []),
    }
    operation, expected = changes[change]
    await operation()
    assert await _texts(retired) == expected
    assert await _texts(_encrypted(stores[1], KeyRing({"new": _NEW}))) == expected


async def test_a_session_whose_provider_has_destroyed_the_old_key(stores: tuple[Store, Store]) -> None:
    kept = KeptKeys()
    for text in ("u0", "u1"):
        await _encrypted(stores[0], kept).add_items([item(text)])
    kept.current = "second"
    assert (await _encrypted(stores[1], kept.restarted()).rotate()).rewrapped == 1
    for place in [place for place in kept.kept if place[0] == "first"]:
        del kept.kept[place]
    await _encrypted(stores[0], kept.restarted()).add_items([item("u2")])
    assert await _texts(_encrypted(stores[1], kept.restarted())) == ["u0", "u1", "u2"]


async def test_a_key_that_is_wrong_stays_wrong(stores: tuple[Store, Store]) -> None:
    await _encrypted(stores[0], KeyRing({"k": _OLD})).add_items([item("u1")])
    for _ in range(3):
        with pytest.raises(DecryptionError, match="'k'"):
            await _encrypted(stores[0], KeyRing({"k": _NEW})).add_items([item("u2")])
    assert await _texts(_encrypted(stores[0], KeyRing({"k": _OLD}))) == ["u1"]
