"""Embedding models in the database: each vector has the number of the model that made it.

A model is known again by its name, its dimensions, and the vector of a fixed text: a model that was replaced under its
name gets another number. So vectors of two models are never compared. The name of a function is another one after it
was moved, or in the module that was run: one that has the same vector under any name is the same model.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sessions.clock import now
from sessions.embedding.vectors import pack, unpack
from sessions.memory.statements import searching as statements

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sessions.db import Backend
    from sessions.db.transaction import Transaction
    from sessions.embedding.model import EmbeddingModel

_SAME: Final = 0.99
"""The least cosine of the vectors that one model returns for one text: services are exact to some digits only."""

_EQUAL: Final = 0.9999
"""The same for a model without a name of its own: some models of one family differ little."""


class KnownModel(NamedTuple):
    """A row of the table of embedding models."""

    id: int
    name: str
    dims: int
    probe: bytes


def models_of(tx: Transaction) -> list[KnownModel]:
    """Return the embedding models that have made vectors."""
    rows = tx.all(statements.EMBEDDERS)
    return [KnownModel(id_, _text(name), dims, bytes(probe or b"")) for id_, name, dims, probe in rows]


async def find_model(backend: Backend, model: EmbeddingModel) -> int | None:
    """Return the number of a model in the database; ``None`` if it has made no vectors here.

    Raises:
        EmbeddingError: The model failed.
    """
    known = await backend.read(models_of, _SUBJECT)
    if not known or (model.is_named and not any(_is_called(one, model.name) for one in known)):
        return None
    return _matching(known, model, await model.probe())


async def note_model(backend: Backend, model: EmbeddingModel) -> int:
    """Return the number of a model in the database, which is noted there if it is new.

    Raises:
        EmbeddingError: The model failed.
    """
    probe = await model.probe()
    while True:
        known = await backend.read(models_of, _SUBJECT)
        found = _matching(known, model, probe)
        if found is not None:
            return found
        names = {one.name for one in known}
        others = (f"{model.name} ({number})" for number in range(2, len(names) + 3))
        name = next(one for one in (model.name, *others) if one not in names)
        values = {"name": name, "dims": len(probe), "probe": pack(probe), "now": now()}
        await backend.write(lambda tx, values=values: tx.run(statements.ADD_EMBEDDER, **values), _SUBJECT)  # type: ignore[misc]


def _matching(known: list[KnownModel], model: EmbeddingModel, probe: NDArray[np.float32]) -> int | None:
    called = [one for one in known if _is_called(one, model.name)]
    found = _first_like(called, probe, _SAME)
    return _first_like(known, probe, _EQUAL) if found is None and not model.is_named else found


def _first_like(known: list[KnownModel], probe: NDArray[np.float32], least: float) -> int | None:
    """Return the first of some models whose vector has at least this cosine with a probe."""
    for one in known:
        if one.dims == len(probe) and len(one.probe) == 2 * one.dims:
            (vector,) = unpack([one.probe], one.dims)
            if float(np.dot(vector, probe)) >= least * float(np.linalg.norm(vector)):
                return one.id
    return None


def _is_called(known: KnownModel, name: str) -> bool:
    return name in (known.name, _base(known.name))


def _base(name: str) -> str:
    """Return the name that a user gave: that of the second model of a name has a number behind it."""
    return re.sub(r" \(\d+\)$", "", name)


def _text(name: str | bytes) -> str:
    return name if isinstance(name, str) else bytes(name).decode()


_SUBJECT: Final = "memories"
