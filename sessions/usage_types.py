"""Frozen records: what model calls took, and how often tools were called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal


@dataclass(frozen=True)
class Usage:
    """What model calls took.

    Attributes:
        requests: How many calls.
        input_tokens: All input, what came from a cache or was written to one included.
        cached_tokens: Input that came from a cache.
        cache_write_tokens: Input that was written to a cache.
        output_tokens: All output, reasoning included.
        reasoning_tokens: Output that was reasoning.
        cost: In the currency of the prices; ``None`` if nothing of this has a cost or a price.
        unpriced_tokens: Input and output that have neither a cost nor a price, and are not part of `cost`.
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
        """Input and output."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        """Return the sums; a cost that is not known adds nothing."""
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


@dataclass(frozen=True)
class UsageRow:
    """What model calls took that have something in common.

    Attributes:
        usage: What they took.
        session: The session's id, where asked for; so are the others.
        branch: The branch that sees them.
        turn: The turn's number.
        model: The model's name; ``None`` also where it is not known.
        agent: The agent's name; ``None`` also where it is not known.
        day: The day when they were recorded, in UTC.
    """

    usage: Usage
    session: str | None = None
    branch: str | None = None
    turn: int | None = None
    model: str | None = None
    agent: str | None = None
    day: date | None = None


@dataclass(frozen=True)
class ToolUse:
    """The calls of a tool in a turn.

    Attributes:
        tool: Its name; ``unknown`` if a call has none.
        turn: The turn's number; 0 for what comes before the first message of a user.
        calls: How often it was called.
        failures: How many of these calls are known to have failed.
        unanswered: How many have no output; those that the model's provider executes need none.
    """

    tool: str
    turn: int
    calls: int
    failures: int
    unanswered: int
