"""The kinds of items, as they are stored beside each one: the words that all dialects share.

A kind is one of these where the item's shape is known, else the item's own role or type (`own_word`). The names that
begin with ``mcp_`` or ``tool_search_`` are OpenAI's; a dialect that has the same thing under another name says it so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

USER: Final = "user"
ASSISTANT: Final = "assistant"
SYSTEM: Final = "system"
DEVELOPER: Final = "developer"
TOOL_CALL: Final = "tool_call"
"""A call that a `TOOL_OUTPUT` answers."""
TOOL_OUTPUT: Final = "tool_output"
HOSTED_TOOL_CALL: Final = "hosted_tool_call"
"""A call that the model's provider executes itself; it needs no output."""
REASONING: Final = "reasoning"
APPROVAL_REQUEST: Final = "mcp_approval_request"
APPROVAL_RESPONSE: Final = "mcp_approval_response"
SEARCH_OUTPUT: Final = "tool_search_output"
"""Tools that were found; the search is a `HOSTED_TOOL_CALL`, also where the agent itself executes it."""
REFERENCE: Final = "item_reference"
"""An item that only the provider has: it may be of any kind."""
LISTED_TOOLS: Final = "mcp_list_tools"
COMPACTED: Final = "compaction"
"""Stands for an older conversation."""
SETTINGS: Final = frozenset({"additional_tools", "configuration_update", "compaction_trigger"})
"""Kinds of items that tell the provider what holds from there on."""
PLACEHOLDER: Final = "placeholder"
"""Stands for an output that was never recorded; `LogSession.repair` adds it. No item is classified as one."""
UNKNOWN: Final = "unknown"
"""Of an unknown shape, and without a type or a role that could name its kind."""

CALLS: Final = frozenset({TOOL_CALL, HOSTED_TOOL_CALL, APPROVAL_REQUEST})
"""Kinds of items that may make a call."""
OUTPUTS: Final = frozenset({TOOL_OUTPUT, SEARCH_OUTPUT, APPROVAL_RESPONSE})
"""Kinds of items that may answer one."""
KNOWN: Final = frozenset(
    {USER, ASSISTANT, SYSTEM, DEVELOPER, REASONING, REFERENCE, LISTED_TOOLS, COMPACTED} | SETTINGS | CALLS | OUTPUTS
)
"""The kinds of items whose shape is known."""
ALL: Final = KNOWN | {PLACEHOLDER, UNKNOWN}
"""All kinds that are not an item's own word."""

_MAX_LENGTH: Final = 64

Classified: TypeAlias = "tuple[str, str | None]"
"""An item's kind, and the name of its tool.

The tool is the one that is called or has answered, with its namespace or server as in ``crm.look``; several calls in
one message are joined by commas. A hosted tool without a name is known by its type, as in ``web_search_call``.
"""


def own_word(word: str) -> str:
    """Return the role or type of an item of an unknown shape as its kind, if a database can hold it as a word.

    The kinds of known shapes, and of placeholders, are given to no other.
    """
    is_word = 0 < len(word) <= _MAX_LENGTH and word.isprintable() and word not in ALL
    return word if is_word else UNKNOWN


def storable(name: str) -> str:
    """Return a tool's name without characters that some databases cannot store: NUL characters and lone surrogates."""
    if name.isascii() and name.isprintable():
        return name
    return name.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def in_sql(kinds: Iterable[str]) -> str:
    """Return kinds as the list behind ``in`` in a statement."""
    words = ", ".join(f"'{kind}'" for kind in sorted(kinds))
    return f"({words})"
