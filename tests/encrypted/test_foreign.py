"""`EncryptedSession` over objects that are none of ours: the OpenAI Agents SDK's, and a list with the four methods."""

from __future__ import annotations

import asyncio
import base64
import copy
import json
from typing import TYPE_CHECKING, Any

import agents
import pytest
from agents.extensions.memory.encrypt_session import EncryptedSession as SDKEncryptedSession

from sessions import (
    DecryptionError,
    EncryptedSession,
    InvalidItemError,
    KeyRing,
    LogSession,
    SessionSettings,
    generate_key,
)
from sessions.clock import now
from sessions.testing.encrypted.fixtures import raised
from sessions.testing.encrypted.key_provider import KeptKeys
from sessions.testing.tree_model import item

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

KEYS = {"old": generate_key(), "new": generate_key()}
SECOND = 1_000_000
_WORK = {
    "get_items", "add_items", "pop_item", "clear_session", "session_settings", "close", "aclose",
}  # fmt: skip


class Listed:
    """The four methods, and nothing else."""

    def __init__(self) -> None:
        self.stored: list[Any] = []

    async def get_items(self, limit: int | None = None) -> list[Any]:
        return copy.deepcopy(self.stored if limit is None else self.stored[max(0, len(self.stored) - limit) :])

    async def add_items(self, items: list[Any]) -> None:
        self.stored += json.loads(json.dumps(items))

    async def pop_item(self) -> Any:
        return self.stored.pop() if self.stored else None

    async def clear_session(self) -> None:
        self.stored.clear()


@pytest.fixture(params=["Listed", "SQLiteSession"])
async def under(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    if request.param == "Listed":
        yield Listed()
    else:
        session = agents.SQLiteSession("s", tmp_path / "sdk.db")
        yield session
        session.close()


def make_encrypted(under: Any, key: Any = None, session_id: str = "s", ttl: float | None = None, **options: Any) -> Any:
    return EncryptedSession(session_id, under, key or KeyRing({"old": KEYS["old"]}), ttl, **options)


async def replace(under: Any, items: list[Any]) -> None:
    await under.clear_session()
    await under.add_items(items)


# --- What works ------------------------------------------------------------------------------------------------------


async def test_the_four_methods(under: Any) -> None:
    session = make_encrypted(under)
    assert await session.pop_item() is None
    await session.add_items([])
    await session.add_items([item("u 1"), item("a 1")])
    await make_encrypted(under).add_items([item("Grüße \N{GRINNING FACE}")])
    assert await session.get_items() == [item("u 1"), item("a 1"), item("Grüße \N{GRINNING FACE}")]
    assert await session.get_items(2) == [item("a 1"), item("Grüße \N{GRINNING FACE}")]
    assert await session.get_items(limit=0) == []
    stored = json.dumps(await under.get_items())
    assert not any(word in stored for word in ("u 1", "a 1", "Grüße", "Gr\\u00fc"))
    assert await session.pop_item() == item("Grüße \N{GRINNING FACE}")
    assert await make_encrypted(under).get_items() == [item("u 1"), item("a 1")]
    await session.clear_session()
    assert await session.get_items() == await under.get_items() == []


async def test_settings_are_those_of_the_other_object(tmp_path: Path) -> None:
    under: Any = agents.SQLiteSession("s", tmp_path / "sdk.db")
    session = make_encrypted(under)
    await session.add_items([item("u1"), item("a1"), item("u2")])
    session.session_settings = SessionSettings(limit=2)
    assert under.session_settings == SessionSettings(limit=2)
    assert await session.get_items() == [item("a1"), item("u2")]
    assert make_encrypted(Listed()).session_settings is None
    under.close()


async def test_only_the_four_methods(under: Any) -> None:
    session = make_encrypted(under)
    await session.add_items([item("u1")])
    assert isinstance(session, EncryptedSession)
    assert not isinstance(session, LogSession)
    for name in {name for name in dir(LogSession) if name[0] != "_"} - _WORK:
        with pytest.raises(AttributeError, match=f"{name}: session 's' .*four methods"):
            getattr(session, name)
    with pytest.raises(TypeError, match="four methods"):
        await session.rotate()
    assert await copy.copy(session).get_items() == [item("u1")]
    with pytest.raises(ValueError, match="idempotency"):
        await session.add_items([item("u2")], idempotency_key="k")
    for name in ("stored", "underlying_session", "_get_connection", "db_path"):
        assert not hasattr(session, name)
    with pytest.raises(InvalidItemError):
        await session.add_items([{"a": object()}])
    for bad in (object(), Listed, 1):
        with pytest.raises(TypeError):
            EncryptedSession("s", bad, KEYS["old"])
    assert len(await under.get_items()) == 1


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
async def test_limits_count_what_has_not_expired(under: Any, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    moment = now()
    monkeypatch.setattr("sessions.compat.envelopes.now", lambda: moment)
    await make_encrypted(under, ttl=100).add_items([item("u1"), item("a1")])
    await make_encrypted(under, ttl=1).add_items([item(f"x{n}") for n in range(9)])
    await make_encrypted(under, ttl=100).add_items([item("u2")])
    await make_encrypted(under, ttl=1).add_items([item(f"y{n}") for n in range(4)])
    monkeypatch.setattr("sessions.compat.envelopes.now", lambda: moment + 1 * SECOND)
    expected = [item("u1"), item("a1"), item("u2")]
    assert await make_encrypted(under).get_items(limit) == expected[-limit:]
    assert await make_encrypted(under).get_items() == expected
    assert await make_encrypted(under).pop_item() == item("u2")
    assert await make_encrypted(under).pop_item() == item("a1")
    assert len(await under.get_items()) == 1
    # Whoever reads may want younger ones than whoever wrote.
    assert await make_encrypted(under, ttl=0.5).get_items(limit) == []
    assert await make_encrypted(under, ttl=0.5).pop_item() is None


# --- Wrong keys and altered envelopes ---------------------------------------------------------------------------------


async def _assert_refused(under: Any, session: EncryptedSession, what: str) -> None:
    before = await under.get_items()
    for operation in (session.get_items, lambda: session.get_items(1), session.pop_item):
        caught = await raised(DecryptionError, operation(), what)
        assert "'s'" in str(caught)
        assert await under.get_items() == before, what


async def test_pop_spares_what_is_only_too_old_for_its_own_object(under: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Fails without: envelopes.py, `pop`.
    """
    kept = make_encrypted(under)
    await kept.add_items([item("u1"), item("u2")])
    later = now() + 700_000_000
    monkeypatch.setattr("sessions.compat.envelopes.now", lambda: later)
    forgetful = make_encrypted(under, ttl=600)
    assert await forgetful.pop_item() is None
    assert await kept.get_items() == [item("u1"), item("u2")]
    assert await kept.pop_item() == item("u2")


@pytest.mark.parametrize("ids", [{"old": "new"}, {"another": "new"}], ids=["same id", "other id"])
async def test_a_wrong_key_takes_nothing(under: Any, ids: dict[str, str]) -> None:
    await make_encrypted(under).add_items([item("u1")])
    wrong = KeyRing({id_: KEYS[key] for id_, key in ids.items()})
    await _assert_refused(under, make_encrypted(under, wrong), "a wrong key")
    before = await under.get_items()
    await raised(DecryptionError, make_encrypted(under, wrong).add_items([item("u2")]), "a wrong key adds")
    await raised(DecryptionError, make_encrypted(under, wrong).clear_session(), "a wrong key clears")
    assert await under.get_items() == before
    assert "'old'" in str(await raised(DecryptionError, make_encrypted(under, wrong).get_items(), "a wrong key"))
    assert await make_encrypted(under).get_items() == [item("u1")]


async def test_plain_text_is_refused(under: Any) -> None:
    await make_encrypted(under).add_items([item("u1")])
    await under.add_items([item("forged")])
    await _assert_refused(under, make_encrypted(under), "plain text")
    # There is no `rotate` that could encrypt it.
    assert "rotate" not in str(await raised(DecryptionError, make_encrypted(under).get_items(), "plain text"))
    assert await make_encrypted(under, allow_plain_text=True).get_items() == [item("u1"), item("forged")]
    assert await make_encrypted(under, allow_plain_text=True).pop_item() == item("forged")


async def test_altered_envelopes_are_refused() -> None:
    under = Listed()
    await make_encrypted(under, ttl=1000).add_items([item("u1")])
    (envelope,) = await under.get_items()
    values: tuple[Any, ...] = (None, 0, "", "é", [], {}, 1.5, 2**70)
    altered: list[Any] = [{**envelope, name: value} for name in envelope for value in values]
    altered += [{other: envelope[other] for other in envelope if other != name} for name in envelope]
    altered += [
        {**envelope, "created_at": envelope["created_at"] + 1},
        {**envelope, "expires_at": envelope["expires_at"] + 1},
        {**envelope, "expires_at": None},
        {**envelope, "keys": envelope["keys"][:-1]},
        {**envelope, "payload": envelope["payload"] + "AAAA"},
        "text", 1, [], {}, {"__encrypted__": 1},
    ]  # fmt: skip
    for bad in altered:
        under.stored = [bad]
        await _assert_refused(under, make_encrypted(under), f"{bad}")


@pytest.mark.parametrize("mixed", [False, True])
async def test_older_envelopes_are_refused(*, mixed: bool) -> None:
    """Fails without: compat/envelopes.py, `_OLDER_MARK`: with plain text allowed, it would be an item."""
    under = Listed()
    older = {"__sealed__": 1, "seal": "{}", "created_at": 1, "expires_at": None, "payload": "AwoLDA0="}
    under.stored = [older]
    with pytest.raises(DecryptionError, match="24a519a"):
        await make_encrypted(under, allow_plain_text=mixed).get_items()
    assert under.stored == [older]


async def test_each_altered_bit_of_an_envelope_is_refused() -> None:
    under = Listed()
    await make_encrypted(under).add_items([{}])
    (envelope,) = await under.get_items()
    payload = base64.b64decode(envelope["payload"])
    for bit in range(8 * len(payload)):
        flipped = bytearray(payload)
        flipped[bit // 8] ^= 1 << bit % 8
        under.stored = [{**envelope, "payload": base64.b64encode(flipped).decode()}]
        await _assert_refused(under, make_encrypted(under), f"bit {bit}")
    for length in range(len(payload)):
        under.stored = [{**envelope, "payload": base64.b64encode(payload[:length]).decode()}]
        await _assert_refused(under, make_encrypted(under), f"{length} bytes")
    for index in range(len(envelope["keys"])):
        text = envelope["keys"]
        under.stored = [{**envelope, "keys": f"{text[:index]}{chr(ord(text[index]) ^ 2)}{text[index + 1 :]}"}]
        await _assert_refused(under, make_encrypted(under), f"byte {index} of the make_encrypted")


async def test_envelopes_of_another_session_are_refused() -> None:
    one, other = Listed(), Listed()
    await make_encrypted(one).add_items([item("u1")])
    await make_encrypted(other, session_id="other").add_items([item("u2")])
    (mine,), (theirs,) = one.stored, other.stored
    for mixed in (theirs, {**mine, "payload": theirs["payload"]}, {**mine, "keys": theirs["keys"]}):
        one.stored = [mixed]
        await _assert_refused(one, make_encrypted(one), "another session's")


# --- Pop --------------------------------------------------------------------------------------------------------------


class Overtaken(Listed):
    """Somebody adds an item between the look at the last one and the pop."""

    def __init__(self, other: Any) -> None:
        super().__init__()
        self.other = other

    async def pop_item(self) -> Any:
        self.stored.append(self.other)
        return await super().pop_item()


@pytest.mark.parametrize("other", [item("plain"), {"__encrypted__": 1}, {"__encrypted__": 1, "keys": "{}"}])
async def test_pop_puts_back_what_it_cannot_open(other: Any) -> None:
    under = Overtaken(other)
    await make_encrypted(under).add_items([item("u1")])
    before = copy.deepcopy(under.stored)
    with pytest.raises(DecryptionError):
        await make_encrypted(under).pop_item()
    assert under.stored == [*before, other]


@pytest.mark.parametrize("fault", ["failure", "cancellation", "two cancellations"])
async def test_pop_puts_back_what_its_provider_does_not_open_now(fault: str) -> None:
    kept = KeptKeys()
    elsewhere = Listed()
    await make_encrypted(elsewhere, kept.restarted()).add_items([item("u2")])
    under = Overtaken(elsewhere.stored[0])
    session = make_encrypted(under, kept)
    await session.add_items([item("u1")])
    asked = asyncio.Event()
    before = copy.deepcopy(under.stored)

    def fail(_: str) -> None:
        raise ConnectionError("the service is away")

    if fault == "failure":
        kept.fault = fail
        with pytest.raises(ConnectionError):
            await session.pop_item()
    else:
        waiting: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def wait(*_: Any, **__: Any) -> bytes:
            asked.set()
            return await waiting

        kept.unwrap = wait  # type: ignore[method-assign]
        task = asyncio.ensure_future(session.pop_item())
        await asked.wait()
        put_back = under.add_items

        async def slowly(items: list[Any]) -> None:
            await asyncio.sleep(0.01)
            await put_back(items)

        under.add_items = slowly  # type: ignore[method-assign]
        task.cancel()
        if fault == "two cancellations":
            await asyncio.sleep(0)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert under.stored == [*before, elsewhere.stored[0]]


# --- What the SDK encrypted -------------------------------------------------------------------------------------------


async def test_items_that_the_sdk_encrypted(tmp_path: Path) -> None:
    under = agents.SQLiteSession("s", tmp_path / "sdk.db")
    theirs = SDKEncryptedSession("s", under, KEYS["old"], ttl=1000)
    await theirs.add_items([{"role": "user", "content": "Grüße"}])
    session = make_encrypted(under)
    assert await session.get_items() == [{"role": "user", "content": "Grüße"}]
    await session.add_items([item("a1")])
    assert [found["content"] for found in await session.get_items()] == ["Grüße", "a1"]
    # The SDK leaves out what it cannot open.
    found: list[Any] = await theirs.get_items()
    assert [one["content"] for one in found] == ["Grüße"]
    assert await session.pop_item() == item("a1")
    await _assert_refused(under, make_encrypted(under, KeyRing({"old": KEYS["new"]})), "a wrong key")
    await _assert_refused(
        under, make_encrypted(under, KeyRing({"old": KEYS["new"]}), allow_plain_text=True), "a wrong key"
    )
    under.close()


async def test_what_the_sdk_encrypted_expires_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    under = agents.SQLiteSession("s", tmp_path / "sdk.db")
    await SDKEncryptedSession("s", under, KEYS["old"]).add_items([{"role": "user", "content": "u1"}])
    moment = now() + 50 * SECOND
    monkeypatch.setattr("sessions.compat.envelopes.now", lambda: moment)
    assert await make_encrypted(under, ttl=100).get_items() == [item("u1")]
    assert await make_encrypted(under, ttl=40).get_items() == []
    under.close()
