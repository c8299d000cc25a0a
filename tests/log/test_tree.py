"""The tree of a session, read from the log: every turn that something sees, once, and what ends where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions.errors import UnknownBranchError
from sessions.log.conversation import Conversation
from sessions.log.history.siblings import choose_sibling, list_siblings
from sessions.log.history.tree import PREVIEW_LENGTH, End, Node, Preview, Tree, read_tree
from sessions.log.history.undo import undo

from .bare_log import MAIN, BareLog, assistant, conversation, user

if TYPE_CHECKING:
    from collections.abc import Iterable


def tree_of(log: BareLog, branch: str | None = None) -> Tree:
    return read_tree(log.tx, conversation("s"), branch)


def go_back(log: BareLog, turns: int = 1) -> None:
    undo(log.tx, conversation("s"), log.now(), branch=None, turns=turns)


def told(tree: Tree) -> list[str]:
    """Each node as "parent>turn:what is said:what ends there"; a turn that begins in the parent has a plus."""
    return [
        f"{'' if node.parent is None else node.parent}>{node.turn}{'+' * node.continues}"
        f":{''.join(str(preview.text) for preview in node.said)}:{named(node.ends)}"
        for node in tree.nodes
    ]


def named(ends: Iterable[End]) -> str:
    """What ends somewhere; in the order of names, as that of time is the clock's, and this log's goes backwards."""
    marks = {"branch": "", "undone": "~", "left": "-"}
    return ",".join(
        marks[end.what] + end.branch + "!" * end.current for end in sorted(ends, key=lambda end: end.branch)
    )


def test_a_session_that_is_not_there_is_an_empty_main(log: BareLog) -> None:
    assert tree_of(log) == Tree("s", MAIN, [], [End(MAIN, "branch", current=True)])
    with pytest.raises(UnknownBranchError):
        tree_of(log, "other")


def test_a_chain_has_a_node_for_each_turn(log: BareLog) -> None:
    call = {"type": "function_call", "name": "f", "call_id": "1", "arguments": "{}"}
    log.append({"role": "system", "content": "S"}, user("a"), call, assistant("b"), assistant("no"), user("c"))

    tree = tree_of(log)

    assert told(tree) == [">0:S:", "0>1:ab:", "1>2:c:main!"]
    assert tree.nodes[1] == Node(
        1, 0, continues=False, items=4, tool_calls=1, said=[Preview("user", "a"), Preview("assistant", "b")], ends=[]
    )
    assert tree.branches == 1
    assert tree.ends == []


# Fails without: log/history/tree.py, `growth.cut(parent, fork_position)`
def test_a_turn_that_is_shared_is_there_once(log: BareLog) -> None:
    log.append(user("a"), assistant("b"), user("c"), assistant("d"))
    for number in range(100):
        log.fork(f"f{number:02}", position=2, turn=1)
    log.switch("f07")
    log.append(user("X"))

    tree = tree_of(log)

    others = ",".join(f"f{number:02}" for number in range(100) if number != 7)
    assert sorted(told(tree)) == sorted([f">1:ab:{others}", "0>2:cd:main", "0>2:X:f07!"])
    assert tree.branches == 101


# Fails without: log/history/tree.py, `growth.cut(segment, tip)`
def test_a_fork_in_the_middle_of_a_turn_cuts_it(log: BareLog) -> None:
    log.append(user("a"), assistant("b"), assistant("c"))
    log.fork("again", position=1, turn=1)
    log.switch("again")
    log.append(assistant("B"))
    log.fork("short", position=1, turn=1)

    assert told(tree_of(log)) == [">1:a:short", "0>1+:b:main", "0>1+:B:again!"]


def test_what_was_undone_and_what_was_left_is_there(log: BareLog) -> None:
    log.append(user("a"), assistant("b"), user("c"), assistant("d"))
    go_back(log)
    assert told(tree_of(log)) == [">1:ab:main!", "0>2:cd:~main"]

    log.append(user("C"))
    assert told(tree_of(log)) == [">1:ab:", "0>2:cd:-main", "0>2:C:main!"]

    first, _ = list_siblings(log.tx, conversation("s"), 2, None)
    choose_sibling(log.tx, conversation("s"), log.now(), first, None, pinned=False)
    assert told(tree_of(log)) == [">1:ab:", "0>2:cd:main!", "0>2:C:-main"]


def test_several_undone_ways_each_end_where_they_were(log: BareLog) -> None:
    log.append(*map(user, "abcd"))
    go_back(log)
    go_back(log, 2)

    assert told(tree_of(log)) == [">1:a:main!", "0>2:b:", "1>3:c:~main", "2>4:d:~main"]


def test_a_conversation_may_begin_in_several_ways(log: BareLog) -> None:
    log.append(user("a"))
    log.fork("fresh", position=0, turn=0)
    log.fork("empty", position=0, turn=0)
    log.switch("fresh")
    log.append(user("A"))

    tree = tree_of(log)

    assert told(tree) == [">1:a:main", ">1:A:fresh!"]
    assert named(tree.ends) == "empty"


def test_the_branch_that_is_read_is_marked_and_named_first(log: BareLog) -> None:
    log.append(user("a"))
    log.fork("b", position=1, turn=1)
    log.fork("c", position=1, turn=1)

    for branch in (MAIN, "b", "c"):
        tree = tree_of(log, branch)
        assert tree.branch == branch
        assert [end for end in tree.nodes[0].ends if end.current] == [End(branch, "branch", current=True)]
        assert tree.nodes[0].ends[0].current


def test_three_segments_deep(log: BareLog) -> None:
    log.append(user("a"), assistant("b"), user("c"), assistant("d"))
    log.fork("two", position=4, turn=2)
    log.append(user("e"))
    log.switch("two")
    log.append(user("X"), assistant("Y"))
    log.fork("three", position=5, turn=3)
    log.fork("back", position=3, turn=2)
    log.switch("three")
    log.append(assistant("Z"))

    assert told(tree_of(log)) == [
        ">1:ab:", "0>2:c:back", "1>2+:d:", "2>3:e:main", "2>3:X:", "4>3+:Y:two", "4>3+:Z:three!"
    ]  # fmt: skip


# Fails without: log/history/tree.py, `if position > fork_position:`
def test_a_branch_that_was_popped_to_before_its_own_segment_ends_there(log: BareLog) -> None:
    log.append(user("a"), assistant("b"), assistant("c"))
    log.fork("two", position=3, turn=1)
    log.switch("two")
    log.append(user("X"))
    log.pop()
    log.pop()

    assert told(tree_of(log)) == [">1:ab:two!", "0>1+:c:main"]


# Fails without: log/history/tree.py, `position = min(position, fork_position)`
def test_where_a_segment_has_holes_what_ends_there_ends_before_them(log: BareLog) -> None:
    log.append(user("a"), assistant("b"), user("c"))
    log.fork("two", position=2, turn=1)
    log.switch("two")
    log.append(user("X"))
    log.connection.execute("delete from agent_log_entries where cast(payload as text) like '%X%'")
    log.connection.execute("update agent_log_segments set holes = 1")

    assert told(tree_of(log)) == [">1:ab:two!", "0>2:c:main"]


# Fails without: log/history/tree.py, `or kind == USER`
# Fails without: log/history/tree.py, `and kind != USER`
def test_two_turns_of_one_number_are_two(log: BareLog) -> None:
    """As they were left when popping the message before what cannot be decoded gave its turn's number to the next."""
    log.append(user("a"), assistant("b"))
    log.spoil(2)
    log.pop()
    log.connection.execute("update agent_log_branches set turn = 0")
    log.append(user("c"))

    assert told(tree_of(log)) == [">1:None:", "0>1:c:main!"]


def test_what_cannot_be_decoded_says_so_and_hides_nothing(log: BareLog) -> None:
    log.append(user("a"), assistant("b"), user("c"))
    log.spoil(1)
    assert told(tree_of(log)) == [">1:Noneb:", "0>2:c:main!"]

    log.spoil(2, 3)
    assert told(tree_of(log)) == [">1:NoneNone:", "0>2:None:main!"]
    assert [node.items for node in tree_of(log).nodes] == [2, 1]


# Fails without: items/text.py, `one_line`
def test_previews_are_one_line_of_letters(log: BareLog) -> None:
    log.append(user("\x1b[31m a\n\n\tb\u202ec \x07\u200bd" + "e" * 10_000))

    (preview,) = tree_of(log).nodes[0].said

    assert preview.text == ("\ufffd[31m a bc \ufffdd" + "e" * 10_000)[:PREVIEW_LENGTH]


def test_messages_of_many_parts_and_without_text(log: BareLog) -> None:
    log.append(
        {
            "role": "user",
            "content": [{"type": "input_text", "text": "a"}, {"type": "input_image"}, {"type": "text", "text": "b"}],
        }
    )
    log.append({"role": "user", "content": [{"type": "input_image"}]})

    assert told(tree_of(log)) == [">1:a b:", "0>2::main!"]


# Fails without: log/statements/entries.py, FIRST_MESSAGES
def test_only_first_messages_are_decoded(log: BareLog) -> None:
    class Counting:
        decoded = 0

        def decode(self, payload: bytes) -> object:
            Counting.decoded += 1
            return conversation("s").codec.decode(payload)

        decode_all = None

    output = {"type": "function_call_output", "call_id": "1", "output": "x"}
    log.append(user("a"), *[assistant("b"), output] * 50, user("c"))

    tree = read_tree(log.tx, Conversation("s", Counting(), conversation("s").elsewhere), None)  # type: ignore[arg-type]

    assert [node.items for node in tree.nodes] == [101, 1]
    assert Counting.decoded == 3
