"""Embedding models: each way to give one, and each way in which one fails."""

from __future__ import annotations

import asyncio
import logging
import math
import socket
import subprocess
import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings

from sessions import Embedder, EmbeddingError
from sessions.embedding import local, named
from sessions.embedding.model import EmbeddingModel
from sessions.waits.blocking import without_loop

if TYPE_CHECKING:
    from collections.abc import Callable


def lengths(texts: list[str]) -> list[list[float]]:
    return [[len(text), 1.0] for text in texts]


async def lengths_later(texts: list[str]) -> list[list[float]]:
    await asyncio.sleep(0)
    return lengths(texts)


class Callable_:  # noqa: N801 - a callable object
    async def __call__(self, texts: list[str]) -> list[list[float]]:
        return await lengths_later(texts)


def unmarked(texts: list[str]) -> Any:
    """Return what can be awaited, without being asynchronous."""
    return lengths_later(texts)


@pytest.mark.parametrize("embed", [lengths, lengths_later, partial(lengths_later), unmarked, Callable_()])
async def test_a_function_may_be_asynchronous_or_not(embed: Any) -> None:
    found = await EmbeddingModel(embed).documents(["four", "a", "four"])
    assert found.dtype == np.float32
    assert np.allclose(found, [[4 / math.sqrt(17), 1 / math.sqrt(17)], [math.sqrt(0.5)] * 2, found[0]], atol=1e-6)


@pytest.mark.parametrize("embed", [lengths, lengths_later])
def test_a_blocking_caller_gets_the_same(embed: Any) -> None:
    assert without_loop(EmbeddingModel(embed).documents(["a"])).shape == (1, 2)


async def test_a_blocking_caller_in_a_loop_gets_the_same() -> None:
    assert without_loop(EmbeddingModel(lengths_later).documents(["a"])).shape == (1, 2)


async def test_equal_texts_are_embedded_once_and_in_batches() -> None:
    batches: list[list[str]] = []

    def embed(texts: list[str]) -> list[list[float]]:
        batches.append(texts)
        return lengths(texts)

    found = await EmbeddingModel(Embedder(documents=embed, batch=2)).documents(["a", "bb", "a", "ccc"])
    assert batches == [["a", "bb"], ["ccc"]]
    assert (found[0] == found[2]).all()


async def test_questions_may_have_a_function_of_their_own() -> None:
    model = EmbeddingModel(Embedder(documents=lengths, query=lambda text: [0.0, 3.0] if text == "?" else [1.0, 0.0]))
    assert (await model.query("?")).tolist() == [0.0, 1.0]


async def test_the_vector_of_a_repeated_query_is_remembered() -> None:
    asked: list[str] = []

    def ask(text: str) -> list[float]:
        asked.append(text)
        return [1.0, 0.0]

    model = EmbeddingModel(Embedder(documents=lengths, query=ask))
    for _ in range(3):
        await model.query("?")
    assert asked == ["?"]


async def test_langchain_embeddings() -> None:
    model = EmbeddingModel(DeterministicFakeEmbedding(size=8))
    (document,) = await model.documents(["a"])
    assert np.allclose(document, await model.query("a"))
    assert "DeterministicFakeEmbedding" in model.name


async def test_langchain_embeddings_with_asynchronous_methods_are_awaited() -> None:
    threads: list[str] = []

    class Later(Embeddings):
        model = "small"

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            raise NotImplementedError

        embed_query: Any = embed_documents

        async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
            threads.append(threading.current_thread().name)
            return lengths(texts)

    model = EmbeddingModel(Later())
    await model.documents(["a"])
    assert threads == [threading.current_thread().name]
    assert model.name.endswith("Later:small")


def _hang(_: list[str]) -> Any:
    time.sleep(600)


async def _hang_later(_: list[str]) -> Any:
    await asyncio.sleep(600)


FAULTS: dict[str, tuple[Any, str]] = {
    "hangs": (_hang, "did not answer within 0.1 seconds"),
    "hangs asynchronously": (_hang_later, "did not answer within 0.1 seconds"),
    "NaN": (lambda texts: [[math.nan, 1.0]] * len(texts), "NaN"),
    "infinity": (lambda texts: [[math.inf, 1.0]] * len(texts), "infinity"),
    "zero": (lambda texts: [[0.0, 0.0]] * len(texts), "zero vector"),
    "denormal": (lambda texts: [[1e-40, 0.0]] * len(texts), "zero vector"),
    "empty": (lambda texts: [[]] * len(texts), "empty vectors"),
    "too few": (lambda _: [[1.0, 0.0]], r"shape \(1, 2\) for 2 texts"),
    "huge": (lambda texts: [[10**400, 1.0]] * len(texts), "the same length"),
    "ragged": (lambda _: [[1.0], [1.0, 2.0]], "the same length"),
    "other dimensions": (lambda texts: [[1.0, 0.0, 0.0]] * len(texts), "3 dimensions, but has 2"),
    "a text": (lambda _: "vectors", "the same length"),
    "nothing": (lambda _: None, "shape"),
    "texts": (lambda texts: texts, "the same length"),
    "a mistake": (lambda texts: texts[2], "failed with IndexError"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_is_a_typed_error_without_contents(fault: str) -> None:
    embed, words = FAULTS[fault]
    model = EmbeddingModel(Embedder(documents=embed, name="model-1", dims=2, timeout=0.1))
    with pytest.raises(EmbeddingError, match=words) as caught:
        await model.documents(["secret", "other"])
    assert "secret" not in str(caught.value)
    assert "'model-1'" in str(caught.value)
    assert "Nothing was changed" in str(caught.value)


@pytest.mark.parametrize("fault", ["hangs", "hangs asynchronously", "NaN"])
def test_a_blocking_caller_gets_the_same_errors(fault: str) -> None:
    embed, words = FAULTS[fault]
    with pytest.raises(EmbeddingError, match=words):
        without_loop(EmbeddingModel(Embedder(documents=embed, timeout=0.1)).documents(["a"]))


async def test_dimensions_may_not_change_between_two_calls() -> None:
    dims = iter([2, 3])
    model = EmbeddingModel(lambda texts: [[1.0] * next(dims)] * len(texts))
    await model.documents(["a"])
    with pytest.raises(EmbeddingError, match="3 dimensions, but has 2"):
        await model.documents(["b"])


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the pauses between attempts, which take no time."""
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr("sessions.embedding.calling.pause", pause)
    return pauses


async def test_a_failure_that_may_pass_is_repeated(hasty: list[float]) -> None:
    left = [OSError("a"), ConnectionError("b")]

    def embed(texts: list[str]) -> list[list[float]]:
        if left:
            raise left.pop()
        return lengths(texts)

    assert len(await EmbeddingModel(embed).documents(["a"])) == 1
    assert len(hasty) == 2


async def test_a_failure_that_stays_is_the_cause(hasty: list[float]) -> None:
    def embed(_: list[str]) -> Any:
        raise OSError("secret")

    with pytest.raises(EmbeddingError, match="failed with OSError") as caught:
        await EmbeddingModel(embed).documents(["a"])
    assert isinstance(caught.value.__cause__, OSError)
    assert "secret" not in str(caught.value)
    assert len(hasty) == 3


async def test_a_cancelled_caller_is_cancelled() -> None:
    task = asyncio.create_task(EmbeddingModel(_hang_later).documents(["a"]))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_hanging_function_does_not_keep_the_program_from_ending() -> None:
    program = (
        "import asyncio, time\nfrom sessions import Embedder, EmbeddingError\n"
        "from sessions.embedding.model import EmbeddingModel\n"
        "model = EmbeddingModel(Embedder(documents=lambda _: time.sleep(600), timeout=0.1))\n"
        "try: asyncio.run(model.documents(['a']))\n"
        "except EmbeddingError: print('typed')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "typed\n"


@pytest.mark.parametrize(
    ("embed", "kind", "words"),
    [
        (3, TypeError, "of type int"),
        ("small", ValueError, "names no model"),
        ("openai:", ValueError, "names no model"),
        ("nobody:model", ImportError, "pip install langchain langchain-nobody"),
    ],
)
def test_what_is_no_model_is_refused(embed: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        EmbeddingModel(embed)


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: Embedder(documents=3), TypeError),  # type: ignore[arg-type]
        (lambda: Embedder(documents=lengths, query="a"), TypeError),  # type: ignore[arg-type]
        (lambda: Embedder(documents=lengths, dims=0), ValueError),
        (lambda: Embedder(documents=lengths, dims="3"), TypeError),  # type: ignore[arg-type]
        (lambda: Embedder(documents=lengths, batch=0), ValueError),
        (lambda: Embedder(documents=lengths, batch=True), TypeError),
        (lambda: Embedder(documents=lengths, timeout=-1), ValueError),
        (lambda: Embedder(documents=lengths, name="n" * 256), ValueError),
    ],
)
def test_arguments_are_checked(make: Callable[[], Embedder], kind: type[Exception]) -> None:
    with pytest.raises(kind, match="Nothing was"):
        make()


def test_openai_is_asked_with_its_own_client(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    class Client:
        class embeddings:  # noqa: N801 - as the client has it
            @staticmethod
            def create(**arguments: Any) -> Any:
                asked.append(arguments)
                data = [type("One", (), {"index": at, "embedding": [at + 1.0, 1.0]}) for at in (1, 0)]
                return type("Answer", (), {"data": data})

    monkeypatch.setattr(named, "_openai", Client)
    found = without_loop(EmbeddingModel("openai:text-embedding-3-small").documents(["a", "b"]))
    assert asked == [{"model": "text-embedding-3-small", "input": ["a", "b"]}]
    assert np.allclose(found[0], math.sqrt(0.5))


async def test_the_local_model_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network is used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    model = EmbeddingModel("local")
    cat, kitten, tax = await model.documents(["a cat", "a small kitten", "income tax"])
    assert len(cat) == model.dims == 256
    assert cat @ kitten > cat @ tax + 0.2
    (long,) = await model.documents(["word " * 100_000])
    assert np.isfinite(long).all()


def test_the_local_model_reads_the_beginning_of_long_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails without: embedding/local.py, `_MOST_CHARACTERS`: its tokenizer would read all of them."""
    read: list[int] = []

    class Model:
        def embed(self, texts: list[str]) -> list[list[float]]:
            read.extend(map(len, texts))
            return [[1.0] for _ in texts]

    monkeypatch.setattr(local, "_model", Model)
    local.embed_locally(["a" * 10_000_000, "a"])
    assert read == [8192, 1]


def test_the_local_model_leaves_logging_alone() -> None:
    program = (
        "import asyncio, logging\nfrom sessions.embedding.model import EmbeddingModel\n"
        "asyncio.run(EmbeddingModel('local').documents(['a']))\n"
        "print(logging.getLogger().handlers, logging.getLogger().level)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == f"[] {logging.WARNING}\n"
