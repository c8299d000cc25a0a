"""The files of exports: their names, modes, and what is left of an interrupted one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from starlette.datastructures import UploadFile

from sessions import open_store
from sessions.store.export_files import ExportFile
from sessions.testing.export_model import comparable
from sessions.testing.exports import fill

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sessions import Store
    from sessions.types.exports import Exported

SESSIONS = 5


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    async with open_store("sqlite://") as made:
        for number in range(SESSIONS):
            await fill(made, f"session {number}")
        yield made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "export.jsonl"


def names(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir())


async def test_a_file_has_its_name_when_it_is_whole(store: Store, path: Path) -> None:
    seen: list[list[str]] = []
    steps: list[Exported] = []

    def progress(done: Exported) -> None:
        seen.append(names(path))
        steps.append(done)

    before = os.umask(0)
    try:
        done = await store.export_sessions(path, progress=progress)
    finally:
        os.umask(before)
    assert seen == [["export.jsonl.partial"]] * len(seen)
    assert names(path) == ["export.jsonl"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert steps[-1] == done
    assert (done.sessions, done.size) == (SESSIONS, path.stat().st_size)
    assert [step.sessions for step in steps] == [0, *range(1, SESSIONS + 1), SESSIONS]


async def test_a_file_that_exists_stays(store: Store, path: Path) -> None:
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="Nothing was exported"):
        await store.export_sessions(path)
    assert (path.read_text(), names(path)) == ("mine", ["export.jsonl"])
    path.unlink()

    def somebody_is_faster(done: Exported) -> None:
        path.write_text(str(done.sessions))

    with pytest.raises(FileExistsError, match="whole under its partial name"):
        await store.export_sessions(path, progress=somebody_is_faster)
    assert path.read_text() == str(SESSIONS)
    assert names(path) == ["export.jsonl", "export.jsonl.partial"]


async def test_a_partial_file_of_others_is_made_private_and_no_link_is_followed(
    store: Store, path: Path, tmp_path: Path
) -> None:
    partial = tmp_path / "export.jsonl.partial"
    partial.write_text("old")
    partial.chmod(0o644)
    await store.export_sessions(path)
    assert path.stat().st_mode & 0o777 == 0o600
    path.unlink()
    victim = tmp_path / "victim"
    victim.write_text("mine")
    partial.symlink_to(victim)
    with pytest.raises(OSError, match="symbolic link"):
        await store.export_sessions(path)
    assert victim.read_text() == "mine"


async def test_two_exports_do_not_write_one_file(store: Store, path: Path) -> None:
    first = ExportFile(str(path))
    with pytest.raises(BlockingIOError, match="another export is writing"):
        await store.export_sessions(path)
    assert names(path) == ["export.jsonl.partial"]
    first.close(keep=False)
    await store.export_sessions(path)
    assert names(path) == ["export.jsonl"]


async def test_an_interrupted_export_continues_from_any_byte(store: Store, path: Path, tmp_path: Path) -> None:
    """
    Fails without: store/export_files.py, `truncate(found.size)`.
    """
    await store.export_sessions(path)
    content = path.read_bytes()
    lines = content.splitlines(keepends=True)
    ends = [0]
    for line in lines:
        ends.append(ends[-1] + len(line))
    cuts = sorted({cut + more for cut in ends for more in (0, 1, 30)} & set(range(len(content) + 1)))
    # At beginnings of lines, behind their first byte and within them, in turns: each takes several disk syncs.
    for cut in cuts[::13]:
        again = tmp_path / f"{cut}.jsonl"
        (tmp_path / f"{cut}.jsonl.partial").write_bytes(content[:cut])
        done = await store.export_sessions(again, resume=True)
        assert comparable(again.read_bytes().splitlines()) == comparable(lines)
        assert (done.sessions, done.size) == (SESSIONS, again.stat().st_size)
        again.unlink()
    # Without it, an export begins anew.
    partial = tmp_path / "export.jsonl.partial"
    path.unlink()
    partial.write_bytes(content[: len(content) // 2])
    assert (await store.export_sessions(path)).sessions == SESSIONS


async def test_some_sessions_continue_with_those_that_are_missing(store: Store, path: Path, tmp_path: Path) -> None:
    ids = [f"session {number}" for number in (3, 1, 4)]
    await store.export_sessions(path, ids)
    lines = path.read_bytes().splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if line.startswith(b'{"type":"end"'))
    again = tmp_path / "again.jsonl"
    (tmp_path / "again.jsonl.partial").write_bytes(b"".join(lines[: first + 4]))
    assert (await store.export_sessions(again, ids, resume=True)).sessions == 3
    assert comparable(again.read_bytes().splitlines()) == comparable(lines)


@pytest.mark.parametrize(
    ("begun", "resumed"),
    [
        ({"owner": "acme"}, {"below": "acme"}),
        ({"below": "acme"}, {"owner": "acme"}),
        ({"owner": ("acme", "ann")}, {"owner": "acme / ann"}),
        ({"ids": ["session 1", "session 2"]}, {"ids": ["session 1", "session 3"]}),
        ({"ids": ["session 1", "session 2"]}, {}),
    ],
)
async def test_an_export_of_other_sessions_is_not_continued(
    store: Store, path: Path, begun: dict[str, Any], resumed: dict[str, Any]
) -> None:
    """Fails without: store/exporting.py, `Wanted.content`."""
    partial = path.with_name("export.jsonl.partial")
    partial.write_bytes(b"".join([piece async for piece in store.export_lines(**begun)][:1]))
    content = partial.read_bytes()
    with pytest.raises(ValueError, match=r"was begun for .*, not for .*Nothing was exported"):
        await store.export_sessions(path, resume=True, **resumed)
    assert partial.read_bytes() == content
    assert (await store.export_sessions(path, resume=True, **begun)).sessions == len(begun.get("ids", ()))


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"something else\n", "cannot be continued: the file does not begin as an export does"),
        (b'{"type":"export","format":7}\n', "cannot be continued: the file has format 7"),
        (b'{"type":"export","format":1,"content":"some sessions"}\n', "was begun for some sessions, not for all"),
    ],
)
async def test_a_partial_file_of_something_else_is_not_continued(
    store: Store, path: Path, content: bytes, refusal: str
) -> None:
    partial = path.with_name("export.jsonl.partial")
    partial.write_bytes(content)
    with pytest.raises(ValueError, match=refusal):
        await store.export_sessions(path, resume=True)
    assert partial.read_bytes() == content


async def test_a_failed_export_leaves_its_whole_sessions_or_nothing(store: Store, path: Path) -> None:
    class StopError(Exception):
        pass

    for at in (0, 3):

        def stop(done: Any, at: int = at) -> None:
            if done.sessions == at:
                raise StopError

        with pytest.raises(StopError):
            await store.export_sessions(path, progress=stop)
        assert names(path) == (["export.jsonl.partial"] if at else [])
    assert (await store.export_sessions(path, resume=True)).sessions == SESSIONS
    assert (await store.import_sessions(path, on_exists="skip")).skipped == SESSIONS


async def test_a_folder_that_is_missing(store: Store, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await store.export_sessions(tmp_path / "nowhere" / "export.jsonl")
    with pytest.raises(FileNotFoundError):
        await store.import_sessions(tmp_path / "nowhere")
    with pytest.raises(IsADirectoryError):
        await store.import_sessions(tmp_path)


async def test_an_open_file_is_imported(store: Store, path: Path) -> None:
    await store.export_sessions(path)
    async with open_store("sqlite://") as other:
        with path.open("rb") as file:
            assert (await other.import_sessions(file)).sessions == SESSIONS
        with path.open() as text:
            assert (await other.import_sessions(text, on_exists="skip")).skipped == SESSIONS
        # As a web framework gives an uploaded file.
        with path.open("rb") as file:
            upload = UploadFile(file)
            assert (await other.import_sessions(upload, on_exists="skip")).skipped == SESSIONS  # type: ignore[arg-type]
