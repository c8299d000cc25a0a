"""Whatever a database or an object underneath holds, decoding it ends in an item or in an error of ours."""

from __future__ import annotations

import asyncio
import base64
import json
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.fernet import Fernet
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sessions import DecryptionError, EncryptedSession, KeyRing
from sessions.codecs.json import ObjectTexts
from sessions.compat.sdk_encryption import envelope_token, open_token
from sessions.crypto.data_keys import new_data_key
from sessions.crypto.key_manager import KeyManager
from sessions.crypto.passphrase import Passphrase, Stretcher, new_parameters
from sessions.crypto.subject import Subject
from sessions.crypto.subject_keys import SubjectKeys
from sessions.crypto.wrapped_keys import WrappedKey, read_wrapped_keys
from sessions.errors import SessionsError, UndecodableItemError, WeakKeyWarning
from sessions.log.encryption.associated_data import associated_data
from sessions.log.encryption.payloads import EncryptedPayloads, PlainPayloads
from sessions.testing.list_model import json_values

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

pytestmark = pytest.mark.filterwarnings("ignore::sessions.WeakKeyWarning")

MASTER = bytes(range(32))
RING = KeyRing({"k": MASTER})
KEY = new_data_key()
INTEGERS = st.integers(-(2**70), 2**70) | st.none()
TEXTS = st.text(max_size=5) | st.none()
SUBJECT = Subject("session", "s")
_NO_SETTINGS: Any = None
MANAGER = KeyManager(RING, _NO_SETTINGS)
WRAPPED = MANAGER.new_keys(SUBJECT)
ENTRY = (5 << 28 | 1, 1, 1, "tool_call", "look", None, 10**15, None, None, b'{"a":1}')


def _plain(payload: bytes, _: str) -> bytes:
    return payload


def _refuse(payload: bytes, place: str) -> bytes:
    raise DecryptionError(f"in the clear: {len(payload)} bytes at {place}")


def payloads(*, hide: bool, plain: Callable[[bytes, str], bytes] = _refuse) -> EncryptedPayloads:
    return EncryptedPayloads(SubjectKeys(SUBJECT, [KEY], "k"), hide_tool_names=hide, plain=plain)


def joined(key: EncryptedPayloads, rows: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Return what SQLite makes of rows: how many, payloads, lengths, and columns."""
    encrypted = [row[9] for row in rows]
    lengths = key.cut.join(str(len(payload) - key.overhead) for payload in encrypted)
    return [len(rows), b"".join(encrypted), lengths, b"\n".join(associated_data(row) for row in rows)]


def mutated(valid: bytes) -> st.SearchStrategy[bytes]:
    """Bytes cut, lengthened, or with some replaced."""

    @st.composite
    def strategy(draw: st.DrawFn) -> bytes:
        changed = bytearray(valid[: draw(st.integers(0, len(valid)))] if draw(st.booleans()) else valid)
        for _ in range(draw(st.integers(0, 3))):
            if changed:
                changed[draw(st.integers(0, len(changed) - 1))] = draw(st.integers(0, 255))
        return bytes(changed) + draw(st.binary(max_size=4))

    return strategy()


# --- Payloads --------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=80), st.booleans(), st.booleans())
def test_any_payload(payload: bytes, hide: bool, mixed: bool) -> None:  # noqa: FBT001
    key = payloads(hide=hide, plain=_plain if mixed else _refuse)
    for prefix in (b"", key.header):
        entry = (*ENTRY[:9], prefix + payload)
        for operation in (key.open, key.open_with_name, lambda entry, key=key: key.open_all([entry, entry])):
            _ends_well(partial(operation, entry))
    _ends_well(partial(PlainPayloads("s", _plain).open, (*ENTRY[:9], payload)))


@given(st.data(), st.booleans())
def test_any_mutated_payload(data: st.DataObject, hide: bool) -> None:  # noqa: FBT001
    key = payloads(hide=hide)
    encrypted = key.encrypt(ENTRY)
    changed = data.draw(mutated(encrypted[9]))
    entry = (*encrypted[:9], changed)
    if changed == encrypted[9]:
        assert key.open(entry) == ENTRY[9]
        return
    for operation in (key.open, lambda entry: key.open_all([entry])):
        with pytest.raises(DecryptionError, match=r"'s'|is not encrypted|in the clear"):
            operation(entry)


@given(st.tuples(INTEGERS, INTEGERS, INTEGERS, st.text(max_size=5), TEXTS, TEXTS, INTEGERS, INTEGERS, TEXTS))
def test_any_columns(columns: tuple[Any, ...]) -> None:
    """Numbers that no database holds, too: SQLite's columns are as wide as ours, an envelope's are not."""
    key = payloads(hide=False)
    encrypted = key.encrypt(ENTRY)
    if None in (columns[0], columns[1], columns[2], columns[6]) or columns == encrypted[:9]:
        return
    for operation in (key.open, lambda entry: key.open_all([entry])):
        with pytest.raises(DecryptionError):
            operation((*columns, encrypted[9]))


# Fails without: log/encryption/payloads.py, `return plain_texts` and `in map(_split, plain_texts)]`
def test_many_are_opened_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = (("user", None, "a"), ("k", "t", "b"))
    entries = [
        ENTRY,
        *((*ENTRY[:3], *columns, *ENTRY[6:]) for columns in texts),
        (7, 6, 5, *ENTRY[3:6], 4, 3, None, b"{}"),
    ]
    keys = [payloads(hide=hide) for hide in (False, True)]
    encrypted = [list(map(key.encrypt, entries)) for key in keys]
    expected = [entry[9] for entry in entries]

    assert (
        keys[0].open_all([*encrypted[0], *encrypted[1]])
        == keys[1].open_all([*encrypted[0], *encrypted[1]])
        == expected * 2
    )
    monkeypatch.setattr(EncryptedPayloads, "open", None)
    for key, rows in zip(keys, encrypted, strict=True):
        assert key.open_all(rows) == expected
        assert key.open_joined(*joined(key, rows)) == expected
        assert key.open_all([]) == []


@pytest.mark.parametrize("hide", [False, True])
def test_what_an_older_key_encrypted_is_opened_at_once_too(monkeypatch: pytest.MonkeyPatch, *, hide: bool) -> None:
    older, newer = payloads(hide=hide), new_data_key()
    rows = [older.encrypt(ENTRY)] * 2
    key = EncryptedPayloads(SubjectKeys(SUBJECT, [KEY, newer], "k"), hide_tool_names=hide, plain=_refuse)
    both = [*rows, key.encrypt(ENTRY)]

    assert key.open_all(both) == [ENTRY[9]] * 3
    with pytest.raises(ValueError, match="several ways"):
        key.open_joined(*joined(key, both))
    other = EncryptedPayloads(SubjectKeys(SUBJECT, [newer], "k"), hide_tool_names=hide, plain=_refuse)
    with pytest.raises(ValueError, match="none of these keys"):
        other.open_joined(*joined(key, rows))
    monkeypatch.setattr(EncryptedPayloads, "open", None)
    assert key.open_all(rows) == key.open_joined(*joined(key, rows)) == [ENTRY[9]] * 2


# Fails without: log/encryption/payloads.py, `elif not is_object_text(payload)`
@pytest.mark.parametrize("hide", [False, True])
@pytest.mark.parametrize("payload", [b"", b"[1]", b"{", b"}", b"{} ", b"\xff\xff\xff\xff"])
def test_what_is_no_object_is_encrypted_apart(payload: bytes, *, hide: bool) -> None:
    key = payloads(hide=hide)
    for name in ("look", "", None):
        encrypted = key.encrypt((*ENTRY[:4], name, *ENTRY[5:9], payload))
        assert encrypted[4] == (None if hide else name)
        assert key.open_with_name(encrypted) == (name, payload)
        opened = key.open_joined(*joined(key, [encrypted]))
        assert opened == [payload]
        assert not isinstance(opened, ObjectTexts)


# Fails without: log/encryption/payloads.py, `if not len(bound) == count == len(parts) // 3`
@given(st.data(), st.booleans(), st.integers(0, 3))
def test_what_is_wrong_with_a_joined_page_is_told(data: st.DataObject, hide: bool, part: int) -> None:  # noqa: FBT001
    key = payloads(hide=hide)
    page = joined(key, [key.encrypt(ENTRY)] * 2)
    lengths = st.lists(st.integers(-(2**63), 2**63) | st.integers(-20, 60)).map(
        lambda some: key.cut.join(map(str, some))
    )
    changes = [st.integers(0, 5), mutated(page[1]), lengths, mutated(page[3])]
    before = page[part]
    page[part] = data.draw(changes[part].filter(lambda changed: changed != before))
    with pytest.raises(ValueError, match="payload"):
        key.open_joined(*page)


def _ends_well(operation: Callable[[], object]) -> None:
    try:
        operation()
    except SessionsError as error:
        _tells_nothing(error)


def _tells_nothing(error: BaseException) -> None:
    assert KEY.key.hex() not in str(error)
    assert repr(KEY.key)[2:-1] not in repr(error)


# --- Wrapped keys ----------------------------------------------------------------------------------------------------

_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "id": json_values() | st.just("0a0b0c0d"),
        "at": json_values() | st.just(1) | st.floats() | st.just(10**400),
        "by": json_values() | st.just("k"),
        "wrapped": json_values() | st.just("AAAA"),
    },
)


@settings(max_examples=300)
@given(st.binary(max_size=60) | mutated(WRAPPED))
@example(b"[" * 100_000)
@example(b'{"v":2,"keys":[{"id":"00000000","at":1e400,"by":"k","wrapped":""}],"mac":""}')
@example(b'{"v":2,"keys":[{"id":"00 00 00 00","at":1,"by":"k","wrapped":""}],"mac":""}')
def test_any_wrapped_keys(wrapped: bytes) -> None:
    if wrapped == WRAPPED:
        MANAGER.unlock(SUBJECT, wrapped)
        return
    with pytest.raises(DecryptionError, match="'s'"):
        MANAGER.unlock(SUBJECT, wrapped)
    _ends_well(partial(read_wrapped_keys, SUBJECT, wrapped))
    with pytest.raises(DecryptionError, match="'s'"):
        MANAGER.newest_only(SUBJECT, wrapped)


@settings(max_examples=300)
@given(st.fixed_dictionaries({}, optional={"v": json_values() | st.just(2), "keys": st.lists(_FIELDS) | json_values()}))
def test_any_json_as_wrapped_keys(found: dict[str, Any]) -> None:
    wrapped = json.dumps(found).encode(errors="surrogatepass")
    with pytest.raises(DecryptionError, match="'s'"):
        MANAGER.unlock(SUBJECT, wrapped)


@given(st.binary(max_size=60) | mutated(new_parameters(b"0" * 16)))
@example(b"[" * 100_000)
@example(b'{"kdf":"scrypt","log2_n":17.0,"r":8,"p":1,"salt":"30303030303030303030303030303030"}')
@example(b'{"kdf":"scrypt","log2_n":40,"r":8,"p":1,"salt":"30303030303030303030303030303030"}')
@example(b'{"kdf":"scrypt","log2_n":2,"r":8,"p":1,"salt":"30303030303030303030303030303030"}')
def test_any_parameters_for_stretching(parameters: bytes) -> None:
    try:
        Stretcher(parameters)
    except DecryptionError:
        return
    found = json.loads(parameters)
    assert found["log2_n"] in range(17, 21)


# --- Envelopes -------------------------------------------------------------------------------------------------------


_NOTHING: Any = object()


class _One:
    """An object that holds one item, and lets go of none."""

    def __init__(self, item: Any) -> None:
        self.item = item

    async def get_items(self, limit: int | None = None) -> list[Any]:
        return [] if limit == 0 or self.item is _NOTHING else [self.item]

    async def add_items(self, items: list[Any]) -> None:
        self.item = items[-1]

    async def pop_item(self) -> Any:
        raise AssertionError("it was popped")

    async def clear_session(self) -> None:
        raise AssertionError("it was cleared")


def _envelope() -> dict[str, Any]:
    under = _One(_NOTHING)
    asyncio.run(EncryptedSession("s", under, RING, 10**9).add_items([{"a": 1}]))
    return dict(under.item)


ENVELOPE = _envelope()


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(
    json_values()
    | st.dictionaries(st.sampled_from(list(ENVELOPE)), json_values() | st.text() | INTEGERS).map(
        lambda changed: {**ENVELOPE, **changed}
    )
    | mutated(base64.b64decode(ENVELOPE["payload"])).map(
        lambda payload: {**ENVELOPE, "payload": base64.b64encode(payload).decode()}
    )
)
def test_any_envelope(envelope: Any) -> None:
    session = EncryptedSession("s", _One(envelope), RING, None)
    if envelope == ENVELOPE:
        assert asyncio.run(session.get_items()) == [{"a": 1}]
        return
    for operation in (session.get_items, session.pop_item):
        with pytest.raises(DecryptionError, match="'s'"):
            asyncio.run(operation())


@given(st.binary(max_size=40) | st.text().map(lambda text: f'{{"__enc__":1,"payload":{json.dumps(text)}}}'.encode()))
def test_any_envelope_of_the_sdk(payload: bytes) -> None:
    token = envelope_token(payload)
    if token is not None:
        assert open_token(token, "s", [MASTER, "text", "é" * 40]) is None


@given(st.binary(max_size=60))
def test_whatever_a_token_holds(content: bytes) -> None:
    """It was encrypted with the right key, but is no item."""
    from sessions.compat.sdk_encryption import _fernet  # noqa: PLC0415 - the key that the SDK derives

    token = _fernet(MASTER, "s").encrypt(content).decode()
    session = EncryptedSession("s", _One({"__enc__": 1, "v": 1, "kid": "hkdf-v1", "payload": token}), RING, None)
    try:
        asyncio.run(session.get_items())
    except (DecryptionError, UndecodableItemError):
        pass
    else:
        assert isinstance(json.loads(content), dict)
    assert open_token(Fernet(Fernet.generate_key()).encrypt(content), "s", [MASTER]) is None


# --- Keys ------------------------------------------------------------------------------------------------------------


@settings(max_examples=300)
@given(
    st.text(max_size=70)
    | st.binary(max_size=70)
    | st.text("0123456789abcdefABCDEF \n", min_size=64, max_size=64)
    | st.text("ABCabc019+/-_=", min_size=42, max_size=45)
    | json_values()
)
@example(" " * 64)
@example("00" * 16 + " " * 32)
@example("\ud800" * 44)
@example("=" * 44)
def test_any_key(key: Any) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            rings = [KeyRing({"k": key}), KeyRing.of(key)]
        except (TypeError, ValueError) as error:
            _is_about(error, key)
            return
    for ring in rings:
        assert ring.needs_stretching == bool(caught)
        keys = ring.ready(lambda passphrase: passphrase.text.encode().ljust(32, b"\0")[:32])
        secret = keys.wrap(SUBJECT, b"\1" * 64)
        whole = WrappedKey(b"1234", 1, keys.current, secret)
        assert keys.unwrap(SUBJECT, whole) == b"\1" * 64
        for wrapped in (secret[:-1], secret[:11], b""):
            with pytest.raises(DecryptionError):
                keys.unwrap(SUBJECT, whole._replace(wrapped=wrapped))
    # What is no passphrase has 32 bytes at least.
    for warning in caught:
        assert warning.category is WeakKeyWarning
        assert len(key) < 8 or str(key) not in str(warning.message)


def _is_about(error: Exception, key: Any) -> None:
    assert not isinstance(error, UnicodeError)
    assert not isinstance(key, (str, bytes)) or len(key) < 8 or str(key) not in str(error)


@given(json_values() | st.dictionaries(st.text(max_size=3), st.binary(min_size=32, max_size=33)), json_values())
def test_any_ring(keys: Any, current: Any) -> None:
    try:
        ring = KeyRing(keys, current)
    except (TypeError, ValueError):
        return
    assert "\\x" not in repr(ring) or any("\\x" in repr(id_) for id_ in keys)


def test_passphrases_are_not_shown() -> None:
    assert repr(Passphrase("hunter2")) == "Passphrase(…)"
