"""Commands that read say what the library says."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from dataclasses import asdict, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sessions import open_store
from sessions.types.verify import Finding

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Chats, Run


def _lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_four_styles_of_a_list_have_the_same_rows(run: Run, chats: Chats) -> None:
    as_json, as_lines, as_csv = (run("list", chats.url, f"--{style}") for style in ("json", "nl", "csv"))
    rows = json.loads(as_json.out)
    assert [row["session_id"] for row in rows] == ["secret", "plain"]
    assert _lines(as_lines.out) == rows
    in_csv = list(csv.DictReader(io.StringIO(as_csv.out)))
    assert [row["session_id"] for row in in_csv] == ["secret", "plain"]
    assert in_csv[1].keys() == rows[1].keys()
    assert json.loads(in_csv[1]["owner"]) == rows[1]["owner"] == ["acme", "ann"]
    assert json.loads(in_csv[1]["metadata"]) == {"seats": 2}
    table = run("list", chats.url).out.splitlines()
    assert table[0].split("\t") == ["ID", "TITLE", "OWNER", "ITEMS", "ACTIVE (UTC)", "TAGS"]
    assert table[2].split("\t")[:4] == ["plain", "A trip", "acme / ann", "6"]


def test_a_list_has_all_sessions_once_however_they_are_paged(run: Run, tmp_path: Path) -> None:
    """Fails without: cli/list.py, `after = page[-1].cursor`."""
    url = f"sqlite:///{tmp_path}/many.db"

    async def fill() -> None:
        async with open_store(url, durability="normal") as store:
            await asyncio.gather(*(store.session(f"s{n}").add_items([{"n": n}]) for n in range(130)))

    asyncio.run(fill())
    listed = [row["session_id"] for row in _lines(run("list", url, "--nl").out)]
    assert sorted(listed) == sorted(f"s{n}" for n in range(130))
    assert len(_lines(run("list", url, "--nl", "-n", "77").out)) == 77
    first = _lines(run("list", url, "--nl", "-n", "60").out)
    rest = _lines(run("list", url, "--nl", "--after", first[-1]["cursor"]).out)
    assert [row["session_id"] for row in first + rest] == listed
    created = _lines(run("list", url, "--nl", "--sort", "created", "-n", "5").out)
    after = _lines(run("list", url, "--nl", "--sort", "created", "--after", created[-1]["cursor"]).out)
    assert len({row["session_id"] for row in created + after}) == 130


def test_filters_are_those_of_the_store(run: Run, chats: Chats) -> None:
    def ids(*options: str) -> list[str]:
        return [row["session_id"] for row in json.loads(run("list", chats.url, "--json", *options).out)]

    assert ids("--owner", "acme", "--owner", "ann") == ["plain"]
    assert ids("--owner", "acme") == []
    assert ids("--below", "acme") == ["plain"]
    assert ids("--tag", "travel") == ["plain"]
    assert ids("--archived") == []
    assert ids("--not-archived") == ["secret", "plain"]
    assert ids("--since", "1h") == ["secret", "plain"]
    assert ids("--since", "2999-01-01") == []


def test_a_conversation_is_shown_turn_by_turn(run: Run, chats: Chats) -> None:
    shown = run("show", chats.url, "plain")
    assert (shown.code, shown.err) == (0, "")
    for text in ("A trip", "acme / ann", "turn 1", "Where to?", "find_route", '{"to": "sea"}', "train", "By train."):
        assert text in shown.out
    assert "How cold" not in shown.out
    assert run("show", chats.url, "plain", "--branch", "draft").out.count("turn ") == 1


def test_parts_of_a_conversation(run: Run, chats: Chats) -> None:
    def positions(*options: str) -> list[int]:
        return [row["position"] for row in _lines(run("show", chats.url, "plain", "--nl", *options).out)]

    assert positions() == [1, 2, 3, 4, 5, 6]
    assert positions("--turn", "2") == [3, 4, 5, 6]
    assert positions("--last", "2") == [5, 6]
    assert positions("--kind", "tool_call", "--kind", "user") == [1, 3, 4]


def test_raw_items_are_those_that_were_added(run: Run, chats: Chats) -> None:
    async def items() -> list[Any]:
        async with open_store(chats.url) as store:
            return await store.session("plain").get_items()

    assert _lines(run("show", chats.url, "plain", "--raw").out) == asyncio.run(items())


def test_a_long_conversation_is_shown_whole(run: Run, tmp_path: Path) -> None:
    """Fails without: cli/show.py, `after = page[-1].position`."""
    url = f"sqlite:///{tmp_path}/long.db"

    async def fill() -> None:
        async with open_store(url) as store:
            await store.session("long").add_items([{"n": n} for n in range(450)])

    asyncio.run(fill())
    assert [item["n"] for item in _lines(run("show", url, "long", "--raw").out)] == list(range(450))


def test_the_tree_is_that_of_the_library(run: Run, chats: Chats, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    async def drawn() -> tuple[str, str, str, Any]:
        async with open_store(chats.url) as store:
            tree = await store.session("plain").tree()
            return str(tree), tree.to_mermaid(), tree.to_html(), asdict(tree)

    text, mermaid, html, data = asyncio.run(drawn())
    assert run("tree", chats.url, "plain").out == f"{text}\n"
    assert run("tree", chats.url, "plain", "--mermaid").out == f"{mermaid}\n"
    assert run("tree", chats.url, "plain", "--html").out == f"{html}\n"
    found = json.loads(run("tree", chats.url, "plain", "--json").out)
    assert [node["id"] for node in found["nodes"]] == [node["id"] for node in data["nodes"]]
    assert run("tree", chats.url, "plain", "--max-turns", "1").out != f"{text}\n"


def test_changes_are_followed_from_a_version(run: Run, chats: Chats) -> None:
    changes = _lines(run("watch", chats.url, "plain", "--after", "0", "-n", "3", "--nl").out)
    assert [change["version"] for change in changes] == [1, 2, 3]
    assert changes[0]["items"][0] == {"role": "user", "content": "Where to?"}
    lines = run("watch", chats.url, "plain", "--after", "0", "-n", "1").out
    assert "appended main" in lines
    assert "user: Where to?" in lines


def test_numbers_of_a_database(run: Run, chats: Chats) -> None:
    found = json.loads(run("stats", chats.url, "--json").out)
    assert (found["sessions"], found["encrypted"], found["entries"], found["usage"]) == (2, 1, 10, 1)
    assert found["bytes"] == chats.path.stat().st_size
    assert "sessions    2" in run("stats", chats.url).out


def test_usage_by_keys_and_with_prices(run: Run, chats: Chats, tmp_path: Path) -> None:
    prices = tmp_path / "prices.json"
    prices.write_text('{"gpt-5": {"input": 1.25, "output": 10}}')
    (row,) = json.loads(run("usage", chats.url, "--by", "model,agent,session", "--prices", prices, "--json").out)
    assert (row["model"], row["agent"], row["session"]) == ("gpt-5", "guide", "plain")
    assert (row["input_tokens"], row["total_tokens"], row["cost"]) == (1000, 1200, 0.00325)
    assert json.loads(run("usage", chats.url, "--by", "model", "--session", "secret", "--json").out) == []
    assert len(json.loads(run("usage", chats.url, "--below", "acme", "--since", "1h", "--json").out)) == 1
    prices.write_text("[]")
    wrong = run("usage", chats.url, "--prices", prices)
    assert (wrong.code, "has no prices" in wrong.err) == (2, True)
    assert run("usage", chats.url, "--by", "colour").code == 2


def test_branches_are_listed(run: Run, chats: Chats) -> None:
    rows = json.loads(run("branch", "list", chats.url, "plain", "--json").out)
    assert [(row["name"], row["current"], row["turns"]) for row in rows] == [("main", True, 2), ("draft", False, 1)]


@pytest.mark.parametrize("text", ["7 days", "x", "2026-13-01", ""])
def test_times_that_are_none(run: Run, chats: Chats, text: str) -> None:
    wrong = run("list", chats.url, "--since", text)
    assert wrong.code == 2
    assert "is not a time. Write a day as 2026-01-31" in wrong.err


def test_times_in_all_their_forms(run: Run, chats: Chats) -> None:
    for text in ("2026-01-31", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00+02:00", "2026-01-31 12:00", "90s", "1.5h"):
        assert run("list", chats.url, "--since", text).code == 0, text


def test_a_duration_is_a_number_with_its_unit() -> None:
    from sessions.cli.common.times import Duration  # noqa: PLC0415 - beside its only test

    assert Duration().convert("90m", None, None) == timedelta(minutes=90)
    assert Duration().convert("2w", None, None) == timedelta(days=14)


@pytest.mark.parametrize(
    ("some", "none"),
    [
        (["list"], ["list", "--tag", "none"]),
        (["show", "plain"], ["show", "plain", "--kind", "system"]),
        (["usage", "--by", "model"], ["usage", "--by", "model", "--author", "nobody"]),
    ],
)
def test_the_heading_of_csv_does_not_depend_on_the_rows(
    run: Run, chats: Chats, some: list[str], none: list[str]
) -> None:
    """Fails without: cli/common/rows.py, `_CSV(fields)`."""
    full, empty = (run(words[0], chats.url, *words[1:], "--csv") for words in (some, none))
    assert (full.code, empty.code, empty.out.count("\n")) == (0, 0, 1)
    assert full.out.count("\n") > 1
    assert full.out.startswith(empty.out)
    keys = json.loads(run(some[0], chats.url, *some[1:], "--nl").out.splitlines()[0])
    assert empty.out == ",".join(keys) + "\n"


def test_the_heading_of_findings_has_all_their_fields(run: Run, chats: Chats) -> None:
    healthy = run("verify", chats.url, "--csv").out
    assert healthy == ",".join(field.name for field in fields(Finding)) + "\n"
    assert run("repair", chats.url, "plain", "--csv").out.startswith("kind,")


def test_a_typo_in_a_kind_or_an_id_is_no_empty_answer(run: Run, chats: Chats) -> None:
    wrong = run("show", chats.url, "plain", "--kind", "toolcall")
    assert wrong.code == 2
    assert "the branch has no entry of kind 'toolcall'. It has assistant, tool_call, tool_output, user." in wrong.err
    assert "in turn 1 among the last 6. It has" in run(
        "show", chats.url, "plain", "--turn", "1", "--last", "6", "--kind", "x", "--nl"
    ).err  # fmt: skip
    assert run("show", chats.url, "plain", "--kind", "system", "--nl") == (0, "", "")
    wrong = run("usage", chats.url, "--session", "plian")
    assert (wrong.code, wrong.out) == (2, "")
    assert "there is no session 'plian'" in wrong.err
    assert run("usage", chats.url, "--session", "secret").code == 0
