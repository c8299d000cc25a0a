"""Every code block of every page is run by a test, or compared with what one prints."""

from __future__ import annotations

import re
import tomllib

import pytest

from scripts.build_site import DOCS, PROJECT_PAGES
from tests.pages import ROOT, all_blocks

RUN_BY = {
    "../README.md": "tests/site/test_readme.py",
    "../CONTRIBUTING.md": "tests/site/test_blocks.py",
    "alembic.md": "tests/life/test_alembic_page.py",
    "azure.md": "tests/site/test_azure.py",
    "branches.md": "tests/history/test_branches_page.py",
    "chat-ui.md": "tests/site/test_chat_ui.py",
    "choosing.md": "tests/test_reference_pages.py",
    "coming-from-langgraph.md": "tests/langgraph/test_page.py",
    "coming-from-openai-agents.md": "tests/site/test_single_examples.py",
    "command-line.md": "tests/cli/test_page.py",
    "compaction.md": "tests/history/test_compaction_page.py",
    "conversations.md": "tests/info/test_conversations_page.py",
    "corrections.md": "tests/corrections/test_page.py",
    "encryption.md": "tests/site/test_single_examples.py",
    "engines.md": "tests/site/test_single_examples.py",
    "errors.md": "tests/test_reference_pages.py",
    "expiry.md": "tests/expiry/test_documentation.py",
    "filters.md": "tests/memory/test_pages.py",
    "memory-search.md": "tests/memory_search/test_page.py",
    "mistakes.md": "tests/mistakes/test_mistakes.py",
    "memories.md": "tests/memory/test_pages.py",
    "methods.md": "tests/test_reference_pages.py",
    "moving.md": "tests/moving/test_moving_page.py",
    "notebook.md": "tests/site/test_notebook.py",
    "operating.md": "tests/site/test_operating.py",
    "quickstart.md": "tests/site/test_quickstart.py",
    "retention.md": "tests/retention/test_page.py",
    "search.md": "tests/search/test_page.py",
    "serialization.md": "tests/site/test_single_examples.py",
    "sharing.md": "tests/site/test_single_examples.py",
    "switching.md": "tests/takeover/test_switching_page.py",
    "trying-again.md": "tests/history/test_trying_again_page.py",
    "usage.md": "tests/usage/test_documentation.py",
    "verify.md": "tests/verify/test_verify_page.py",
    "watching.md": "tests/watch/test_watching_page.py",
    "web-service.md": "tests/site/test_web_service.py",
    "windows.md": "tests/windows/test_windows_page.py",
    "without-asyncio.md": "tests/blocking/test_without_asyncio_page.py",
}
"""Pages with code blocks, and the tests that run them."""

DIAGRAMS = {"sharing.md": 1}
"""How many blocks of text on a page are drawings, and not what a program prints."""

_PAGES = [*(path.name for path in DOCS.glob("*.md")), "../README.md", *(f"../{name}" for name in PROJECT_PAGES)]


@pytest.mark.parametrize("page", _PAGES)
def test_a_page_with_code_has_a_test_that_runs_it(page: str) -> None:
    """Pages that `run_page` is given are run whole; the tests of others take their blocks one by one."""
    languages = {block.language for block in all_blocks(page)}
    assert languages <= {"python", "text", "sh", "json", "html"}
    if not languages:
        assert page not in RUN_BY
        return
    test = (ROOT / RUN_BY[page]).read_text(encoding="utf-8")
    assert f'"{page}"' in test
    assert re.search(r"\b(?:run_page|run_block|\w*blocks|_python)\(", test)
    for language in languages - {"python"}:
        texts = [block.text for block in all_blocks(page) if block.language == language]
        if len(texts) > DIAGRAMS.get(page, 0) * (language == "text"):
            assert "printed=True" in test or f'"{language}"' in test, f"{page}: {language}"


def test_the_commands_of_contributors_are_there() -> None:
    """Scripts exist; the lock is made by what makes it."""
    commands = [line.split()[0] for block in all_blocks("../CONTRIBUTING.md") for line in block.text.splitlines()]
    assert commands == ["scripts/setup", "scripts/test", "scripts/site", "uv"]
    assert all((ROOT / command).is_file() for command in commands[:3])


def test_what_pages_tell_to_install_is_installed_here() -> None:
    """So each name is one of a distribution that exists, and that the examples were run with."""
    pages = [(DOCS / page).read_text(encoding="utf-8") for page in _PAGES]
    named = {
        re.split(r"\[", name.strip("'"))[0]
        for page in pages
        for line in re.findall(r"^    pip install ([^#\n]+)", page, re.MULTILINE)
        for name in line.split()
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = {re.split(r"[^\w-]", wanted)[0] for wanted in project["dependency-groups"]["dev"]}
    assert named - needed == {project["project"]["name"], "jupyter"}
