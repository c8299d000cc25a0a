"""`EncryptedSerializer`: LangGraph's, which refuses unencrypted state and takes a key of any length."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any, Final, Self

from langgraph.checkpoint.serde.encrypted import EncryptedSerializer as OfficialEncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from sessions.crypto.key_texts import parse_key
from sessions.crypto.passphrase import Passphrase, Stretcher, new_parameters
from sessions.errors import DecryptionError

if TYPE_CHECKING:
    from langgraph.checkpoint.serde.base import SerializerProtocol

_VARIABLE: Final = "LANGGRAPH_AES_KEY"
_AES_KEYS: Final = (16, 24, 32)
_SALT: Final = hashlib.sha256(b"sessions/langgraph/1/LANGGRAPH_AES_KEY").digest()[:16]
"""The same for all: a serializer knows no database that could keep one of its own."""


class EncryptedSerializer(OfficialEncryptedSerializer):
    """Encrypts the bytes of another serializer, with a cipher of LangGraph's interface.

    Example: ``saver = SqliteSaver.from_conn_string("state.db", serde=EncryptedSerializer.from_pycryptodome_aes())``

    LangGraph's own class reads rows that are not encrypted as if they were; this one refuses them. A saver of this
    package encrypts everything of a user's with it, metadata included.

    Args:
        cipher: An object with ``encrypt(plaintext)``, which returns the cipher's name and the ciphertext, and
            ``decrypt(name, ciphertext)``.
        serde: The serializer of the plaintext; `JsonPlusSerializer` by default.
    """

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Return a value.

        Raises:
            DecryptionError: It is not encrypted.
        """
        if "+" not in data[0]:
            raise DecryptionError(
                "the stored state is not encrypted, so it was not written with this serializer. Nothing was read. If "
                "it is old state of yours, read it with the serializer that wrote it, and store it again with this one."
            )
        return super().loads_typed(data)

    @classmethod
    def from_pycryptodome_aes(cls, serde: SerializerProtocol | None = None, **kwargs: Any) -> Self:
        """Return a serializer that encrypts with AES, in the mode EAX.

        Example: ``serde = EncryptedSerializer.from_pycryptodome_aes(key=os.urandom(32))``

        Args:
            serde: The serializer of the plaintext; `JsonPlusSerializer` by default.
            kwargs: ``key``, and further arguments of pycryptodome's ``AES.new``. Without a key, the environment
                variable ``LANGGRAPH_AES_KEY`` has it: text of 16, 24 or 32 bytes is the key, as for LangGraph. Of
                other text a key is made with scrypt, as of the store's passphrases, and a `WeakKeyWarning` is given.

        Raises:
            ImportError: pycryptodome is not installed.
            ValueError: The key is missing or empty.
        """
        if "key" not in kwargs:
            kwargs["key"] = _key_of(os.environ.get(_VARIABLE))
        made = super().from_pycryptodome_aes(serde or JsonPlusSerializer(), **kwargs)
        return cls(made.cipher, made.serde)


def _key_of(text: str | None) -> bytes:
    if not text:
        raise ValueError(
            f"the environment variable {_VARIABLE} is not set, or empty. Nothing was opened. Set it to a key of 32 "
            "bytes, or pass key=…"
        )
    if len(raw := text.encode()) in _AES_KEYS:
        return raw
    key = parse_key(text, _VARIABLE, stacklevel=3)
    return Stretcher(new_parameters(_SALT))(key) if isinstance(key, Passphrase) else key
