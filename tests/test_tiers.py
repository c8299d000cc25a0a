"""The table of `tests/tiers.py`, row by row."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import settings

from sessions.testing import EncryptedContract, HistoryContract, SessionContract

from .tiers import examples_are_random, examples_left_out, only_with_everything

_MACHINE = "test_any_sequence_of_operations"


def _item(
    contract: type | None, kind: str, name: str, *, markers: tuple[str, ...] = (), **parameters: Any
) -> pytest.Item:
    made: Any = SimpleNamespace(
        cls=contract and type(kind, (contract,), {}),
        name=name,
        fixturenames=list(parameters),
        callspec=SimpleNamespace(params=parameters),
        get_closest_marker=lambda marker: marker if marker in markers else None,
        config=SimpleNamespace(getoption=lambda _: False),
    )
    return made  # type: ignore[no-any-return]


@pytest.mark.parametrize("contract", [SessionContract, HistoryContract, EncryptedContract])
@pytest.mark.parametrize("database", ["file", "postgres", "mariadb"])
def test_three_stores_keep_contracts_in_full(contract: type, database: str) -> None:
    """Needs `is_variant(item) or` in `tiers.py`."""
    parameters: dict[str, Any] = {} if database == "file" else {"url": database}
    for name in ("test_refuses_what_is_no_key", "test_begins_empty", _MACHINE):
        assert not only_with_everything(_item(contract, "TestSQLAlchemy", name, **parameters))


@pytest.mark.parametrize(
    ("kind", "markers", "parameters"),
    [
        ("TestPsycopg", ("variant",), {}),
        ("TestSQLAlchemy", (), {"url": "sqlite"}),
        ("TestEncrypted", (), {"url": "postgres"}),
        ("TestEncrypted", (), {"anywhere": "mariadb"}),
        ("TestEncrypted", (), {"postgres": ""}),
    ],
)
def test_elsewhere_every_operation_is_tried(kind: str, markers: tuple[str, ...], parameters: dict[str, str]) -> None:
    """Needs `_parameter(item, "anywhere")` or `_MACHINE` in `tiers.py`."""

    def is_left_out(contract: type, name: str) -> bool:
        return only_with_everything(_item(contract, kind, name, markers=markers, **parameters))

    assert not is_left_out(SessionContract, "test_begins_empty")
    assert is_left_out(SessionContract, "test_refuses_what_is_no_key")
    assert is_left_out(HistoryContract, "test_undo")
    assert not is_left_out(HistoryContract, _MACHINE)
    assert examples_left_out(_item(HistoryContract, kind, _MACHINE, markers=markers, **parameters)) == 4


def test_what_is_encrypted_in_a_file_is_tested_in_full() -> None:
    """Needs `and _server(item)` in `tiers.py`."""
    for name in ("test_refuses_what_is_no_key", "test_undo"):
        assert not only_with_everything(_item(HistoryContract, "TestEncrypted", name, anywhere="sqlite"))


def test_what_is_no_contract_says_it_by_a_marker() -> None:
    """Needs `get_closest_marker("everything")` in `tiers.py`."""
    assert not only_with_everything(_item(None, "", "test_one", url="sqlite"))
    assert only_with_everything(_item(None, "", "test_one", markers=("everything",)))


@pytest.mark.parametrize("ci", [True, False])
@pytest.mark.parametrize("everything", [True, False])
def test_only_an_ordinary_run_in_ci_repeats_its_examples(
    monkeypatch: pytest.MonkeyPatch, *, ci: bool, everything: bool
) -> None:
    monkeypatch.setenv("CI", "true" if ci else "")
    config: Any = SimpleNamespace(getoption=lambda _: everything)
    assert examples_are_random(config) is (everything or not ci)


def test_this_run_does_so(pytestconfig: pytest.Config) -> None:
    """Needs `load_profile("repeatable")` in `conftest.py`; `settings.get_profile("default")` with ``--everything``."""
    used = settings()
    assert used.derandomize is not examples_are_random(pytestconfig)
    assert (used.database is None) is used.derandomize
    assert used.deadline is None


def test_settings_of_a_test_take_it_over() -> None:
    """As those of state machines do, which name a number of examples."""
    assert settings(max_examples=7, deadline=None).derandomize is settings().derandomize
