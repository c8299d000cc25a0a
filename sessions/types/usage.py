"""Frozen records: usage of model calls, and counts of tool calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal

    from sessions.labels import Owner


@dataclass(frozen=True)
class Usage:
    """The usage of model calls.

    Example: ``usage = await session.usage.total()``

    Attributes:
        requests: The number of calls.
        input_tokens: All input, including input read from a cache or written to one.
        cached_tokens: Input read from a cache.
        cache_write_tokens: Input written to a cache.
        output_tokens: All output, including reasoning.
        reasoning_tokens: Output that was reasoning.
        cost: The cost in the currency of the prices; ``None`` if no record has a cost or a price.
        unpriced_tokens: Input and output of records without a cost or a price; `cost` does not include them.
    """

    requests: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost: Decimal | None = None
    unpriced_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """Get the sum of input and output tokens.

        Example: ``tokens = (await session.usage.total()).total_tokens``
        """
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        """Return the sums. An unknown cost adds nothing."""
        if not isinstance(other, Usage):
            return NotImplemented
        costs = [cost for cost in (self.cost, other.cost) if cost is not None]
        return Usage(
            self.requests + other.requests,
            self.input_tokens + other.input_tokens,
            self.cached_tokens + other.cached_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            self.output_tokens + other.output_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
            sum(costs[1:], costs[0]) if costs else None,
            self.unpriced_tokens + other.unpriced_tokens,
        )


@dataclass(frozen=True, init=False)
class UsageRow:
    """The usage of model calls that share the values of some keys. Its fields are flat: a list of rows is a table.

    Example: ``table = pandas.DataFrame(await session.usage.by("model", "day"))``

    Attributes:
        session: The session's id. This and the next seven are set only if asked for.
        owner: The session's owner; ``None`` also if it has none.
        branch: The branch that the usage is on.
        turn: The turn's number.
        model: The model's name; ``None`` also if it is unknown.
        agent: The agent's name; ``None`` also if it is unknown.
        author: The author of the object that recorded it; ``None`` also if it had none.
        day: The day of recording, in UTC.
        requests: The number of calls.
        input_tokens: All input, including input read from a cache or written to one.
        cached_tokens: Input read from a cache.
        cache_write_tokens: Input written to a cache.
        output_tokens: All output, including reasoning.
        reasoning_tokens: Output that was reasoning.
        total_tokens: The sum of input and output.
        cost: The cost, rounded to a float; ``None`` if no record has a cost or a price. The exact one is `usage.cost`.
        unpriced_tokens: Input and output of records without a cost or a price; `cost` does not include them.
    """

    session: str | None
    owner: Owner | None
    branch: str | None
    turn: int | None
    model: str | None
    agent: str | None
    author: str | None
    day: date | None
    requests: int
    input_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    total_tokens: int
    cost: float | None
    unpriced_tokens: int

    def __init__(
        self,
        usage: Usage,
        *,
        session: str | None = None,
        owner: Owner | None = None,
        branch: str | None = None,
        turn: int | None = None,
        model: str | None = None,
        agent: str | None = None,
        author: str | None = None,
        day: date | None = None,
    ) -> None:
        keys: dict[str, object] = {"session": session, "owner": owner, "branch": branch, "turn": turn, "model": model}
        keys |= {"agent": agent, "author": author, "day": day}
        cost = None if usage.cost is None else float(usage.cost)
        # The exact usage is no field: tables are made of the fields.
        self.__dict__.update(vars(usage) | keys | {"total_tokens": usage.total_tokens, "cost": cost, "_usage": usage})

    @property
    def usage(self) -> Usage:
        """Get the usage with its exact cost.

        Example: ``costs = {row.model: row.usage.cost for row in await session.usage.by("model")}``
        """
        return cast("Usage", vars(self)["_usage"])


@dataclass(frozen=True)
class ToolUse:
    """The calls of one tool in one turn.

    Example: ``calls = {use.tool: use.calls for use in await session.usage.tools()}``

    Attributes:
        tool: Its name; ``unknown`` if a call has none.
        turn: The turn's number; 0 before the first user message.
        calls: The number of calls.
        failures: The number of calls known to have failed.
        unanswered: The number of calls without an output. Calls that the provider executes need no output.
    """

    tool: str
    turn: int
    calls: int
    failures: int
    unanswered: int
