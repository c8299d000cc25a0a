"""The usage of a session, in tokens and money: `session.usage`."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, localcontext
from typing import TYPE_CHECKING, Final

from sessions.clock import now
from sessions.log.tool_use import read_tools
from sessions.log.usage import CALLERS_KEY, Amounts, Call, Record
from sessions.log.usage_sums import read_session
from sessions.session.usage.prices import Money, Price, as_money, check_prices
from sessions.session.usage.result_identity import key_for, new_key
from sessions.session.usage.results import Said, as_name, check_amount, read_result
from sessions.session.usage.rows import BILLIONTHS, as_rows, as_usage, check_keys
from sessions.types.usage import ToolUse, Usage, UsageRow
from sessions.validation import MAX_KEY_BYTES, MAX_NAME_BYTES, check_branch_name, check_count, check_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessions.log.usage import Run
    from sessions.log.usage_sums import Sums
    from sessions.session.handle import Handle

_MAX_COST: Final = 1_000_000
_KEYS: Final = ("turn", "model", "agent", "author", "day", "branch")


class SessionUsage:
    """The tokens and cost of a session's model calls. Get it from `session.usage`.

    Example: ``print((await session.usage.total()).total_tokens)``

    Records belong to the session and stay until the session itself is deleted, even if its items are undone, popped,
    cleared or deleted. Each record also has a place: the last item that its branch had at the time. A branch's usage is
    that of all places on it. So inherited usage counts, undone usage does not, and the branches' usage does not add up
    to the session's.
    """

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    async def record(
        self,
        result: object = None,
        *,
        input_tokens: int = 0,
        output_tokens: int = 0,
        cached_tokens: int = 0,
        cache_write_tokens: int = 0,
        reasoning_tokens: int = 0,
        requests: int = 1,
        model: str | None = None,
        agent: str | None = None,
        cost: Money | None = None,
        turn: int | None = None,
        key: str | None = None,
    ) -> None:
        """Record the usage of model calls, all or nothing. It is on disk when this returns.

        Example: ``await session.usage.record(result)``

        A call without requests, tokens or a cost is not recorded: its provider reported no usage.

        A response counts once by its id, else by `key`, else by its usage and the ids of its output's items and calls,
        within its turn; without any of these it counts each time. A run of the OpenAI Agents SDK counts once in any
        case, recorded by hooks, by hand or by both: each model call is recorded, and the rest of the run's usage, such
        as that of agents used as tools. If a part was recorded before, only the rest is added.

        Args:
            result: A result or `ModelResponse` of the OpenAI Agents SDK, its usage, a response of the Responses API,
                the Chat Completions API or Anthropic's, its usage, or one of these as a dictionary.
            input_tokens: Without a result: all input, including cached.
            output_tokens: Without a result: all output, including reasoning.
            cached_tokens: Without a result: input read from a cache.
            cache_write_tokens: Without a result: input written to a cache.
            reasoning_tokens: Without a result: output that was reasoning.
            requests: Without a result: the number of calls.
            model: The model's name, if the result lacks it or should not decide.
            agent: The agent's name, if the result lacks it or should not decide.
            cost: The cost of one call: at most a million, rounded to billionths. It takes precedence over prices.
            turn: The turn that it belongs to; the branch's end by default.
            key: Text of 1 to 255 bytes without control characters. Records with the same key count once, from any
                process.

        Raises:
            IdempotencyKeyReusedError: The key was used before for other amounts.
            TurnNotFoundError: The branch has no such turn.
            UnknownBranchError: The branch no longer exists.
            TypeError: An argument, or a number in the result, has the wrong type.
            ValueError: A number is out of range, the result has no usage, or both a result and numbers are given.
            StoreError: The database refused the operation.
        """
        said = Said(_name(model, "model"), _name(agent, "agent"), _billionths(cost), _key(key))
        if turn is not None:
            turn = check_count(turn, "turn", least=0)
        amounts = _checked(
            Amounts(requests, input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens)
        )
        run: Run | None = None
        if result is not None:
            if amounts != Amounts(requests=1):
                raise ValueError("a result and numbers cannot be combined. Nothing was recorded. Give one of them.")
            calls, run = read_result(result, said)
            calls = [call for call in calls if any(call.amounts) or call.cost is not None]
            if not calls and run is None:
                return
        elif amounts == Amounts(requests=1) and cost is None:
            raise ValueError(
                "record was given no result, no tokens and no cost. Nothing was recorded. Write record(result) "
                "or record(input_tokens=…, output_tokens=…)."
            )
        else:
            calls = [Call((said.key or new_key(),), amounts, said.model, said.agent, said.cost)]
        handle = self._handle
        record = Record(handle.conversation, now(), calls, run, branch=handle.target, turn=turn, author=handle.author)
        await handle.write(record)

    async def total(
        self,
        *,
        branch: str | None = None,
        turn: int | None = None,
        author: str | None = None,
        prices: Mapping[str, Price] | None = None,
    ) -> Usage:
        """Sum up the session's usage, each record once; or the usage of a branch, including its inherited turns.

        Example: ``usage = await session.usage.total(prices={"gpt-5": Price(1.25, 10)})``

        Args:
            branch: Only usage on this branch.
            turn: Only usage of the turn with this number, on every branch unless `branch` is given.
            author: Only usage that was recorded through an object of this author: ``session.as_author("ann")``.
            prices: Prices by model, for records without a cost of their own.

        Raises:
            UnknownBranchError: The branch does not exist.
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range.
            StoreError: The database refused the operation.
        """
        table = check_prices(prices)
        if turn is not None:
            turn = check_count(turn, "turn", least=0)
        rows = await self._read(() if turn is None else ("turn",), branch, author)
        return sum((as_usage(row, table) for row in rows if turn is None or row.values["turn"] == turn), Usage())

    async def by(
        self,
        *keys: str,
        branch: str | None = None,
        author: str | None = None,
        prices: Mapping[str, Price] | None = None,
    ) -> list[UsageRow]:
        """Sum up the session's usage in rows, ordered by the keys' values; unknown values come first.

        Example: ``rows = await session.usage.by("model", "turn")``

        Args:
            keys: Any of "turn", "model", "agent", "author", "day" (in UTC) and "branch". By "branch" alone, each
                existing branch gets a row that includes its inherited turns, so the rows do not add up to the total.
            branch: Only usage on this branch.
            author: As for `total`.
            prices: Prices by model, for records without a cost of their own.

        Raises:
            UnknownBranchError: The branch does not exist.
            TypeError: An argument has the wrong type.
            ValueError: A key is unknown.
            StoreError: The database refused the operation.
        """
        table = check_prices(prices)
        return as_rows(await self._read(check_keys(keys, _KEYS), branch, author), keys, table)

    async def tools(self, branch: str | None = None) -> list[ToolUse]:
        """Count the tool calls on a branch, in the order of turns, then names.

        Example: ``failures = [tool for tool in await session.usage.tools() if tool.failures]``

        A call failed if the call or its output has the status "failed" or "incomplete", an ``error`` that is not null,
        or a true ``is_error``; or if a shell command ended with an exit code other than 0, or timed out. The text of an
        output is not examined. Outputs without a call on the branch do not count.

        Args:
            branch: The branch; by default the one that this session object is on.

        Raises:
            UnknownBranchError: The branch does not exist.
            UndecodableItemError: A stored item cannot be read, and the session is strict.
            TypeError: `branch` is not a string.
            StoreError: The database refused the operation.
        """
        if branch is not None:
            check_branch_name(branch, "branch")
        handle = self._handle
        wanted = handle.pinned if branch is None else branch
        tools, undecodable, _ = await handle.read(lambda tx: read_tools(tx, handle.conversation, wanted))
        handle.report(undecodable)
        return tools

    async def _read(self, columns: tuple[str, ...], branch: str | None, author: str | None) -> list[Sums]:
        if branch is not None:
            check_branch_name(branch, "branch")
        if author is not None:
            author = check_text(author, "author", MAX_NAME_BYTES)
        handle = self._handle
        return await handle.read(lambda tx: read_session(tx, handle.conversation, columns, branch, author))


def _checked(given: Amounts) -> Amounts:
    for name, value in given._asdict().items():
        check_amount(value, name)
    if given.cached_tokens + given.cache_write_tokens > given.input_tokens:
        raise ValueError(
            "cached_tokens and cache_write_tokens are together above input_tokens, which counts all input. "
            "Nothing was recorded. Pass all input as input_tokens."
        )
    if given.reasoning_tokens > given.output_tokens:
        raise ValueError(
            "reasoning_tokens is above output_tokens, which counts all output. Nothing was recorded. Pass "
            "all output as output_tokens."
        )
    return given


def _billionths(cost: Money | None) -> int | None:
    if cost is None:
        return None
    money = as_money(cost, "cost")
    if money > _MAX_COST:
        raise ValueError(f"cost must be at most {_MAX_COST}, got {money}. Nothing was recorded. Check its unit.")
    # The stored amount must not depend on the caller's decimal context.
    with localcontext(prec=60):
        return int((money * BILLIONTHS).to_integral_value(ROUND_HALF_EVEN))


def _name(text: str | None, name: str) -> str | None:
    return None if text is None else as_name(check_text(text, name, MAX_KEY_BYTES))


def _key(key: str | None) -> str | None:
    if key is None:
        return None
    if not check_text(key, "key", MAX_KEY_BYTES).isprintable():
        raise ValueError(
            "key must not contain a control character. Nothing was recorded. Use a printable key such as a "
            "request's id."
        )
    return key_for(CALLERS_KEY, key)
