"""``embed="provider:model"``: the model is made by LangChain's registry, from a package of the provider.

The provider is a small package that the tests write. The registry is that of `langchain` where it is installed;
else one with the same interface: no dependency, as LangGraph's own tests count the packages that a model names.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import pytest

from sessions import EmbeddingError, open_store
from sessions.embedding.model import EmbeddingModel
from sessions.waits.blocking import without_loop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_REGISTRY: Final = """
from importlib import import_module
from importlib.util import find_spec

_SUPPORTED = {"ollama": ("langchain_ollama", "OllamaEmbeddings"), "cohere": ("langchain_cohere", "CohereEmbeddings")}


def init_embeddings(model, *, provider=None, **kwargs):
    if provider is None:
        provider, _, model = model.partition(":")
    if provider not in _SUPPORTED:
        raise ValueError(f"Provider {provider!r} is not supported.")
    package, name = _SUPPORTED[provider]
    if find_spec(package) is None:
        raise ImportError(f"Could not import {package} python package.")
    return getattr(import_module(package), name)(model=model, **kwargs)
"""

_PROVIDER: Final = """
from langchain_core.embeddings import Embeddings

made = []
asked = []


class OllamaEmbeddings(Embeddings):
    def __init__(self, model):
        made.append(model)

    def embed_documents(self, texts):
        asked.append(("documents", texts))
        return [self._vector(text) for text in texts]

    def embed_query(self, text):
        asked.append(("query", text))
        return self._vector(text)

    def _vector(self, text):
        return [text.count("cat") + 0.1, text.count("dog") + 0.1, 0.5]
"""


@pytest.fixture
def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install the provider's package, and a registry if there is none."""
    packages = {"langchain_ollama/__init__.py": _PROVIDER}
    if find_spec("langchain") is None:
        packages |= {"langchain/__init__.py": "", "langchain/embeddings/__init__.py": _REGISTRY}
    for name, text in packages.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in {"langchain", "langchain_ollama"}:
            del sys.modules[name]


@pytest.mark.usefixtures("provider")
async def test_a_model_of_langchain_is_named_by_its_provider(anywhere: str) -> None:
    """Fails without: embedding/named.py, `_langchain`, and one model for all calls."""
    name = "ollama:all-minilm"
    async with open_store(anywhere, create_tables=True, embed=name, embed_fields=["text"]) as store:
        assert "langchain_ollama" not in sys.modules
        await store.memories.put(("pets",), "cat", {"text": "a cat"})
        await store.memories.put(("pets",), "dog", {"text": "a dog"})
        found = await store.memories.search(query="dog", mode="vector", limit=1)
        assert [one.key for one in found] == ["dog"]
        assert list((await store.memories.status()).models) == [name]
    from langchain_ollama import asked, made  # type: ignore[import-not-found] # noqa: PLC0415 - made by the fixture

    assert made == ["all-minilm"]
    assert ("documents", ["a dog"]) in asked
    assert ("query", "dog") in asked


@pytest.mark.usefixtures("provider")
def test_a_blocking_caller_gets_the_same() -> None:
    """Fails without: embedding/named.py, `named_embedder`."""
    found = without_loop(EmbeddingModel("ollama:all-minilm").documents(["a cat", "a dog"]))
    assert found.shape == (2, 3)


@pytest.mark.usefixtures("provider")
@pytest.mark.parametrize(("name", "cause"), [("nobody:model", ValueError), ("cohere:embed-v3", ImportError)])
async def test_a_model_that_langchain_cannot_make_is_told(anywhere: str, name: str, cause: type[Exception]) -> None:
    """Fails without: embedding/named.py, `_langchain`, its error."""
    async with open_store(anywhere, create_tables=True, embed=name) as store:
        with pytest.raises(
            EmbeddingError, match=f"'{name}' could not be made by LangChain: {cause.__name__}"
        ) as caught:
            await store.memories.put(("pets",), "cat", {"text": "a secret cat"})
        assert isinstance(caught.value.__cause__, cause)
        assert "langchain-" + name.partition(":")[0] in str(caught.value)
        assert "secret" not in str(caught.value)
        assert await store.memories.count() == 0
