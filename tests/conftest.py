"""What a run of the suite could not test is said in its last lines; where everything must run, it fails."""

from __future__ import annotations

import gc
import os
import sys
from collections import Counter
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings

from sessions.crypto import passphrase
from sessions.db.upkeep import Upkeep

from .life.quiet import collect_for_others
from .lived_in import move_in
from .sql.counts import counts
from .sql.databases import (
    anywhere,
    drop_old_databases,
    empty_url,
    is_contract,
    lend,
    make_public_folder,
    mariadb,
    postgres,
    public_folder,
    url,
)
from .tiers import examples_are_random, examples_left_out, only_with_everything
from .verified import DAMAGING, verified_afterwards

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

# Servers belong to the whole run, or to one of its workers: whichever folder asks for one first starts it.
__all__ = ["anywhere", "counts", "empty_url", "lend", "mariadb", "postgres", "public_folder", "url"]

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

# No test passes or fails by being fast, with others beside it least of all.
settings.register_profile(
    "patient", settings.get_profile("default"), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "repeatable", settings.get_profile("patient"), derandomize=True, database=None, print_blob=True
)
settings.load_profile("patient")

_EVERYTHING_MUST_RUN = os.environ.get("CI") == "true"


@pytest.fixture(autouse=True)
def lived_in(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Every database that a test's own process makes has large ids, and another session where a contract is tested."""
    move_in(monkeypatch, stays=is_contract(request))
    yield
    drop_old_databases()


@pytest.fixture(autouse=True)
def verified(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """After a test of a contract or of adopting, verification finds nothing in the files that it wrote."""
    adopts = request.path.parent.name == "takeover" and "damaged" not in request.path.name
    if not (adopts or is_contract(request)) or request.function.__module__ in DAMAGING:
        yield
        return
    with verified_afterwards(monkeypatch):
        yield


@pytest.fixture(autouse=True)
def sdk_sessions_are_closed(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """The SDK's own sessions end with their test: of connections left open, Python 3.13 warns at any later moment."""
    if (module := sys.modules.get("agents.memory.sqlite_session")) is None:
        yield
        return
    init, made = module.SQLiteSession.__init__, []

    @wraps(init)
    def noted(self: Any, *given: Any, **named: Any) -> None:
        init(self, *given, **named)
        made.append(self)

    monkeypatch.setattr(module.SQLiteSession, "__init__", noted)
    yield
    for session in made:
        session.close()


@pytest.fixture(autouse=True)
def own_garbage(request: pytest.FixtureRequest) -> None:
    """A test that collects garbage finds its own: that of earlier tests is gone, and its errors are not this test's."""
    if not {"gc", "gc_quietly"}.isdisjoint(vars(request.module)):
        collect_for_others()


@pytest.fixture(autouse=True)
def few_examples(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `tiers.py` says so, Hypothesis tries fewer."""
    for name in ("EXAMPLES", "FILTER_EXAMPLES"):
        if hasattr(request.cls, name):
            fewer = getattr(request.cls, name) // examples_left_out(request.node)
            monkeypatch.setattr(request.cls, name, max(fewer, 1))


@pytest.fixture
def quick_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stretch passphrases quickly, in tests that are not about it and in which no other process opens the store."""
    monkeypatch.setattr(passphrase, "_LOG2_N", 4)


@pytest.fixture
def no_upkeep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nothing go by itself, for a test that counts rows or connections on a slow machine."""
    monkeypatch.setattr(Upkeep, "is_due", lambda *_: False)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--everything", action="store_true", help="run every combination that tests/tiers.py leaves out")


def pytest_xdist_auto_num_workers() -> int:
    """Have two workers for each processor: nearly half of the time, a test waits for a disk, a server or a clock."""
    return 2 * (os.cpu_count() or 1)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "everything: runs with --everything only; see tests/tiers.py")
    config.addinivalue_line("markers", "variant: another driver, version or setting; see tests/tiers.py")
    make_public_folder(config)
    if not examples_are_random(config):
        settings.load_profile("repeatable")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without collecting garbage: what the tests are made of stays, and looking through it takes seconds."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what `tiers.py` says, unless tests were named one by one."""
    if config.getoption("everything") or any("::" in argument for argument in config.args):
        return
    if left_out := [item for item in items if only_with_everything(item)]:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not only_with_everything(item)]


def pytest_collection_finish() -> None:
    """Have the garbage collector leave alone what collecting the tests made, a million objects.

    Otherwise each `gc.collect()` of a test takes half a second. Full collections that nobody asks for stay as rare as
    they were: one in the middle of a test may meet a connection that an earlier test has left.
    """
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, 100)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return _refuse(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return _refuse(report)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    """Speak after everybody else: pytest's own summary is printed by this hook too."""
    yield
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and (skipped := reporter.stats.get("skipped")):
        reporter.write_sep("=", "what this run had to skip", yellow=True)
        for reason, count in Counter(map(_reason, skipped)).items():
            reporter.write_line(f"{count} {'test' if count == 1 else 'tests'}: {reason}")
    if reporter is not None and (again := [*_tried_again(reporter.stats.get("passed", []))]):
        reporter.write_sep("=", "what passed when this run tried it again", yellow=True)
        for line in again:
            reporter.write_line(line)


def _refuse(report: Report) -> Report:
    """Make a skip a failure where everything must run. What is expected to fail is no skip, though pytest says so."""
    if _EVERYTHING_MUST_RUN and report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but CI=true asks for every test: {_reason(report)}"
    return report


def _tried_again(reports: list[pytest.TestReport]) -> Iterator[str]:
    """Yield the notes of tests, "tried again", with the tests' names."""
    for report in reports:
        yield from (f"{report.nodeid}: {note}" for name, note in report.user_properties if name == "tried again")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return why a test was skipped; pytest keeps it as (file, line, "Skipped: reason")."""
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")
