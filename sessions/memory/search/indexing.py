"""The row for search of a memory that is put: its words and its vectors, made before the transaction."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from sessions.db.dialect import text_of_key
from sessions.db.lists import parts
from sessions.labels import as_stored
from sessions.memory.prepared import SearchRow
from sessions.memory.sealing import Place
from sessions.memory.search.texts import check_paths, texts_of
from sessions.memory.statements import searching as statements
from sessions.text_search.rows import count_words, pack_counts
from sessions.waits.blocking import in_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.db import Backend
    from sessions.db.transaction import Row, Transaction
    from sessions.embedding.model import EmbeddingModel
    from sessions.memory.sealing import Sealing

_DIGEST_BYTES: Final = 16
_LONG: Final = 65_536
"""Characters of texts whose words are found in a thread, so that an event loop goes on."""

_SUBJECT: Final = "memories"


class ToIndex(NamedTuple):
    """A memory that is to be put.

    Attributes:
        path: The path of its namespace.
        key: Its key.
        texts: The texts that search is to find it by.
        places: The paths of these, in JSON, if they are its own.
    """

    path: str
    key: str
    texts: Sequence[str]
    places: bytes | None


def texts_to_index(value: Any, wanted: object, fields: Sequence[str]) -> tuple[Sequence[str], bytes | None]:
    """Return the texts that search is to find a value by, and their paths in JSON if they are its own.

    Args:
        value: The value.
        wanted: Whether search is to find it; or the paths of its texts.
        fields: The paths if `wanted` is true.

    Raises:
        TypeError: `wanted` is neither true nor false, nor a list of paths.
        ValueError: A path is not valid.
    """
    if isinstance(wanted, bool):
        return texts_of(value, fields if wanted else ()), None
    own = check_paths(wanted, "index")
    return texts_of(value, own), msgspec.json.encode(own)


def words_row(texts: Sequence[str]) -> bytes:
    """Return the words of texts, hashed, with their counts."""
    return pack_counts(count_words(texts))


class Indexer:
    """Makes the rows by which search knows memories.

    Args:
        backend: The database.
        model: The embedding model; ``None`` for words alone.
        sealing: Decrypts rows for search; ``None`` if nothing is encrypted.
    """

    def __init__(self, backend: Backend, model: EmbeddingModel | None, sealing: Sealing | None = None) -> None:
        self._backend = backend
        self._model = model
        self._sealing = sealing
        self._number: int | None = None

    async def index(self, puts: Sequence[ToIndex]) -> list[SearchRow | None]:
        """Return each memory's row for search; ``None`` for those that it is not to find.

        Texts that have not changed since they were put last are not embedded again. All others are, in batches.

        Raises:
            EmbeddingError: The embedding model failed. Nothing was changed.
            StoreError: The database refused.
        """
        vectors = await self._vectors(puts)
        rows: list[SearchRow | None] = []
        for put, (model, digest, packed) in zip(puts, vectors, strict=True):
            # Long texts take their time.
            is_long = sum(map(len, put.texts)) > _LONG
            words = await in_thread(words_row, put.texts) if is_long else words_row(put.texts)
            rows.append(SearchRow(model, put.places, digest, packed, words) if words or packed else None)
        return rows

    async def _vectors(self, puts: Sequence[ToIndex]) -> list[tuple[int | None, bytes | None, bytes | None]]:
        """Return the model, the digest and the vectors of each memory."""
        texts = [put.texts for put in puts]
        if self._model is None or not any(texts):
            return [(None, None, None)] * len(puts)
        # Only embedding needs it.
        from sessions.embedding.vectors import pack  # noqa: PLC0415
        from sessions.memory.search.models import note_model  # noqa: PLC0415

        if self._number is None:
            self._number = await note_model(self._backend, self._model)
        number = self._number
        digests = [digest_of(some) for some in texts]
        known = await self._known(puts, number)
        found = [known.get((put.path, put.key, digest)) for put, digest in zip(puts, digests, strict=True)]
        missing = [some for some, packed in zip(texts, found, strict=True) if packed is None]
        made = iter(await self._model.documents([text for some in missing for text in some]) if any(missing) else ())
        rows: list[tuple[int | None, bytes | None, bytes | None]] = []
        for some, digest, packed in zip(texts, digests, found, strict=True):
            if not some:
                rows.append((None, None, None))
            else:
                rows.append((number, digest, packed or b"".join(pack(next(made)) for _ in some)))
        return rows

    async def _known(self, puts: Sequence[ToIndex], model: int) -> dict[tuple[str, str, bytes], bytes]:
        """Return the vectors that memories have, by their place and the digest of their texts."""
        rows = await self._backend.read(lambda tx: _embedded(tx, puts, model), _SUBJECT)
        known: dict[tuple[str, str, bytes], bytes] = {}
        for path, name, digest, vectors, sealed, wrapped_keys, memory, version, created_at in rows:
            place = Place(as_stored(path), memory, version, created_at, text_of_key(name))
            made_of, packed = digest, vectors
            if sealed is not None and wrapped_keys is not None and self._sealing is not None:
                # For encrypted stores.
                from sessions.crypto.subject import with_keys  # noqa: PLC0415

                open_ = partial(self._sealing.open_search, bytes(wrapped_keys), place, bytes(sealed))
                opened = await with_keys(open_)
                made_of, packed = opened.digest, opened.vectors
            if made_of is not None and packed is not None:
                known[place.path, place.name, bytes(made_of)] = bytes(packed)
        return known


def digest_of(texts: Sequence[str]) -> bytes:
    """Return a digest of texts."""
    return hashlib.sha256(msgspec.json.encode(texts)).digest()[:_DIGEST_BYTES]


def _embedded(tx: Transaction, puts: Sequence[ToIndex], model: int) -> list[Row]:
    """Return the rows for search of memories that have the vectors of a model."""
    count = statements.AT_ONCE
    spots = parts("p", count, [put.path for put in puts])
    names = parts("n", count, [put.key for put in puts])
    return [
        row
        for some, keys in zip(spots, names, strict=True)
        for row in tx.all(statements.EMBEDDED, model=model, **some, **keys)
    ]
