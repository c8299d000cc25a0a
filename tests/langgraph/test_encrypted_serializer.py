"""`EncryptedSerializer` refuses plain text, and takes a key of any length."""

from __future__ import annotations

import warnings

import pytest
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer as OfficialEncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

import sessions
from sessions.adapters.langgraph.encrypted import EncryptedSerializer
from sessions.errors import DecryptionError, WeakKeyWarning


@pytest.mark.parametrize("length", [16, 24, 32])
def test_a_key_of_aes_means_what_it_means_to_langgraph(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """State that either of the two wrote is read by the other."""
    monkeypatch.setenv("LANGGRAPH_AES_KEY", "k" * length)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours = EncryptedSerializer.from_pycryptodome_aes()
    theirs = OfficialEncryptedSerializer.from_pycryptodome_aes()
    assert theirs.loads_typed(ours.dumps_typed([1])) == [1]
    assert ours.loads_typed(theirs.dumps_typed([1])) == [1]


def test_other_text_is_stretched_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same text gives the same key, and another text another one."""
    made = []
    for text in ("your-32-byte-encryption-key-here!!", "your-32-byte-encryption-key-here!!", "short"):
        monkeypatch.setenv("LANGGRAPH_AES_KEY", text)
        with pytest.warns(WeakKeyWarning, match="LANGGRAPH_AES_KEY"):
            made.append(EncryptedSerializer.from_pycryptodome_aes())
    stored = made[0].dumps_typed({"a": 1})
    assert made[1].loads_typed(stored) == {"a": 1}
    with pytest.raises(ValueError, match="MAC check failed"):
        made[2].loads_typed(stored)


def test_a_generated_key_needs_no_stretching(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of this package's is used without a warning."""
    monkeypatch.setenv("LANGGRAPH_AES_KEY", sessions.generate_key())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        serde = EncryptedSerializer.from_pycryptodome_aes()
    assert serde.loads_typed(serde.dumps_typed("x")) == "x"


@pytest.mark.parametrize("text", [None, ""])
def test_no_key_is_refused(text: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable is as good as none."""
    monkeypatch.delenv("LANGGRAPH_AES_KEY", raising=False)
    if text is not None:
        monkeypatch.setenv("LANGGRAPH_AES_KEY", text)
    with pytest.raises(ValueError, match="LANGGRAPH_AES_KEY is not set, or empty"):
        EncryptedSerializer.from_pycryptodome_aes()


def test_plain_state_is_refused() -> None:
    """LangGraph's own hands it to the serializer."""
    serde = EncryptedSerializer.from_pycryptodome_aes(key=bytes(32))
    with pytest.raises(DecryptionError, match="not encrypted"):
        serde.loads_typed(JsonPlusSerializer().dumps_typed("x"))
