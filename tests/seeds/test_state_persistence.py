"""The blocks of `state_persistence.txt`, each alone on an empty database and all as one program."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest

from sessions import (
    AdvancedSQLAlchemySession,
    DecryptionError,
    EncryptedSession,
    MissingKeyError,
    SQLAlchemySession,
    TurnNotFoundError,
    WeakKeyWarning,
    generate_key,
)
from tests.runner.dialogue import asked, inputs, said

if TYPE_CHECKING:
    from agents.testing import ScriptedModel

    from .conftest import RunBlock

pytestmark = [
    pytest.mark.filterwarnings("ignore::sessions.WeakKeyWarning"),
    # The lesson closes no session of the SDK's. From 3.13 on, Python warns of their connections.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

LESSON = "state_persistence.txt"
RUN, TYPES, OPERATIONS, AGENTS, ENCRYPTED = range(1, 6)
TWO_TURNS = [asked("What is state management?"), said("Answer 1"), asked("Give me an example"), said("Answer 2")]


def session_of(url: str) -> AdvancedSQLAlchemySession:
    return AdvancedSQLAlchemySession.from_url("user_123", url=url, create_tables=True)


async def test_a_session_remembers(
    run_block: RunBlock, url: str, model: ScriptedModel, capsys: pytest.CaptureFixture[str]
) -> None:
    known = await run_block(LESSON, RUN)

    assert capsys.readouterr().out == "Answer 1\nAnswer 2\n"
    assert inputs(model)[1] == TWO_TURNS[:3]
    assert await known["session"].get_items() == await session_of(url).get_items() == TWO_TURNS


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_what_is_stored_is_what_the_sdk_stores(run_block: RunBlock, model: ScriptedModel) -> None:
    theirs = await run_block(LESSON, RUN, ours=False)
    stored = await theirs["session"].get_items()
    theirs["session"].close()

    # The SDK's file is the lesson's, too: ours goes on with it.
    ours = await run_block(LESSON, RUN)
    assert stored == TWO_TURNS
    assert (await ours["session"].get_items())[:4] == stored
    assert inputs(model)[2] == [*stored, asked("What is state management?")]


async def test_types_of_sessions_alone(run_block: RunBlock, url: str) -> None:
    """There is no second turn to branch from on an empty database; the SDK raises, too."""
    known: dict[str, Any] = {}
    await run_block(LESSON, RUN, known)
    await known["session"].clear_session()

    with pytest.raises(
        TurnNotFoundError,
        match=r"session 'user_123': branch 'main' has no turn 2; it has turn 1\. Nothing was changed",
    ):
        await run_block(LESSON, TYPES, known)
    assert await session_of(url).get_items() == [asked("Hello"), said("Answer 3")]
    usage = await session_of(url).get_session_usage()
    assert usage is None or usage["total_turns"] == 1

    # The cure: a second turn.
    await run_block(LESSON, RUN, known)
    await run_block(LESSON, TYPES, known)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_the_sdk_has_no_second_turn_either(run_block: RunBlock) -> None:
    known = await run_block(LESSON, RUN, ours=False)
    await known["session"].clear_session()
    known["session"].close()
    with pytest.raises(ValueError, match="Turn 2 does not contain a user message"):
        await run_block(LESSON, TYPES, known, ours=False)


async def test_types_of_sessions_after_two_turns(run_block: RunBlock, url: str, model: ScriptedModel) -> None:
    known = await run_block(LESSON, RUN)
    await run_block(LESSON, TYPES, known)

    assert inputs(model)[2] == [*TWO_TURNS, asked("Hello")], "one conversation, whatever the class is"
    kept = session_of(url)
    assert await kept.get_items(branch_id="main") == [*TWO_TURNS, asked("Hello"), said("Answer 3")]
    assert await kept.get_items() == TWO_TURNS[:2]
    main, branch = await kept.list_branches()
    assert (main["user_turns"], branch["user_turns"], branch["is_current"]) == (3, 1, True)

    # The last of the block's sessions is encrypted, over a conversation that is in the clear.
    with pytest.raises(DecryptionError, match=r"session 'user_123'.*(is not encrypted|has unencrypted entries)"):
        await known["session"].get_items()
    # The cure: encrypt what is there.
    once = EncryptedSession("user_123", known["underlying"], "your-secret-key", 600, allow_plain_text=True)
    await once.rotate(reencrypt=True)
    assert await known["session"].get_items() == TWO_TURNS[:2]


async def test_operations(run_block: RunBlock, url: str) -> None:
    known = await run_block(LESSON, OPERATIONS)

    assert known["items"] == []
    assert known["last_item"] == {"role": "assistant", "content": "Hi there!"}
    assert await known["session"].get_items() == await session_of(url).get_items() == []


async def test_two_agents_share_a_session(run_block: RunBlock, url: str, model: ScriptedModel) -> None:
    await run_block(LESSON, AGENTS)

    first, second = asked("I have a question about my account"), asked("What are my charges?")
    assert inputs(model) == [[first], [first, said("Answer 1"), second]]
    assert [call.system_instructions for call in model.calls] == [
        "Handle general questions",
        "Handle payment questions",
    ]
    assert await session_of(url).get_items() == [first, said("Answer 1"), second, said("Answer 2")]


@pytest.mark.filterwarnings("default::sessions.WeakKeyWarning")
async def test_an_encrypted_session(run_block: RunBlock, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.crypto.keys._rings", {})  # What was warned of in this process.
    with pytest.warns(WeakKeyWarning, match="passphrase"):
        known = await run_block(LESSON, ENCRYPTED)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # The cure: a random key.
        EncryptedSession("user_123", known["underlying"], generate_key())
    session = known["session"]
    await session.add_items([asked("My card is 4111")])

    assert await session.get_items() == [asked("My card is 4111")]
    with pytest.raises(MissingKeyError, match=r"session 'user_123' is encrypted.*Open it with EncryptedSession"):
        await known["underlying"].get_items()
    with pytest.raises(DecryptionError, match="session 'user_123'"):
        await EncryptedSession("user_123", session_of(url), generate_key()).get_items()


async def test_all_of_it_as_one_program(run_block: RunBlock, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    known = await run_block(LESSON, RUN)
    await run_block(LESSON, TYPES, known)
    await run_block(LESSON, OPERATIONS, known)
    assert len(known["items"]) == 2, "the branch's"
    await run_block(LESSON, AGENTS, known)
    assert await session_of(url).get_items() == [
        asked("I have a question about my account"),
        said("Answer 4"),
        asked("What are my charges?"),
        said("Answer 5"),
    ]
    assert capsys.readouterr().out == "Answer 1\nAnswer 2\n"
    await run_block(LESSON, ENCRYPTED, known)
    with pytest.raises(DecryptionError, match=r"is not encrypted|has unencrypted entries"):
        await known["session"].get_items()
    # The cure where nothing is to be kept.
    await known["underlying"].clear_session()
    await known["session"].add_items([asked("Hello")])
    assert await known["session"].get_items() == [asked("Hello")]
    assert isinstance(known["underlying"], SQLAlchemySession)
