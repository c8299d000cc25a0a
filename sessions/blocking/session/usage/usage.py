"""The usage of a session, in tokens and money: `session.usage`.

Made by scripts/build_blocking.py from sessions/session/usage/usage.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.driving import Part, run

if TYPE_CHECKING:
    from collections.abc import Mapping

    import sessions.session.usage.usage
    from sessions.session.usage.prices import Money, Price
    from sessions.types.usage import ToolUse, Usage, UsageRow


class SessionUsage(Part):
    """The tokens and cost of a session's model calls. Get it from `session.usage`.

    Example: ``print(session.usage.total().total_tokens)``

    Records belong to the session and stay until the session itself is deleted, even if its items are undone, popped,
    cleared or deleted. Each record also has a place: the last item that its branch had at the time. A branch's usage is
    that of all places on it. So inherited usage counts, undone usage does not, and the branches' usage does not add up
    to the session's.
    """

    _async: sessions.session.usage.usage.SessionUsage

    def record(
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

        Example: ``session.usage.record(result)``

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
        run(
            self._async.record(
                result,
                input_tokens=input_tokens,
                output_tokens=output_tokens,
                cached_tokens=cached_tokens,
                cache_write_tokens=cache_write_tokens,
                reasoning_tokens=reasoning_tokens,
                requests=requests,
                model=model,
                agent=agent,
                cost=cost,
                turn=turn,
                key=key,
            )
        )

    def total(
        self,
        *,
        branch: str | None = None,
        turn: int | None = None,
        author: str | None = None,
        prices: Mapping[str, Price] | None = None,
    ) -> Usage:
        """Sum up the session's usage, each record once; or the usage of a branch, including its inherited turns.

        Example: ``usage = session.usage.total(prices={"gpt-5": Price(1.25, 10)})``

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
        return run(self._async.total(branch=branch, turn=turn, author=author, prices=prices))

    def by(
        self,
        *keys: str,
        branch: str | None = None,
        author: str | None = None,
        prices: Mapping[str, Price] | None = None,
    ) -> list[UsageRow]:
        """Sum up the session's usage in rows, ordered by the keys' values; unknown values come first.

        Example: ``rows = session.usage.by("model", "turn")``

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
        return run(self._async.by(*keys, branch=branch, author=author, prices=prices))

    def tools(self, branch: str | None = None) -> list[ToolUse]:
        """Count the tool calls on a branch, in the order of turns, then names.

        Example: ``failures = [tool for tool in session.usage.tools() if tool.failures]``

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
        return run(self._async.tools(branch))
