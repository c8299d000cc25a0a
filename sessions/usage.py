"""What a session cost: `session.usage`."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import TYPE_CHECKING, Any, Final

from sessions.arguments import MAX_KEY_BYTES, check_branch_name, check_count, check_text
from sessions.clock import now
from sessions.log.tools import read_tools
from sessions.log.usage import CALLERS_KEY, Amounts, Call, read_all, read_session, record
from sessions.model import ToolUse, Usage, UsageRow
from sessions.prices import Money, Price, as_money, check_prices
from sessions.result_keys import key_for, new_key
from sessions.results import Said, as_name, check_amount, read_result

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sessions.handle import Handle
    from sessions.log.usage import Run, Sums
    from sessions.stores import Backend

_BILLIONTHS: Final = 1_000_000_000
_MAX_COST: Final = 1_000_000
_FIRST_DAY: Final = date(1970, 1, 1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EVER: Final = 1 << 62
_KEYS: Final = ("turn", "model", "agent", "day", "branch")
_STORE_KEYS: Final = ("session", "turn", "model", "agent", "day")


class SessionUsage:
    """What the model calls of a session took. Got from `session.usage`.

    A record belongs to the session, whatever is undone, popped, cleared or deleted later, until the session itself is
    deleted. It also belongs to a place, the last item that the branch had then: a branch's usage is that of all places
    it sees. So what is inherited counts, what was undone does not, and the branches' usage does not add up to the
    session's.
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
        """Record what model calls took: all or nothing, added to what there is, and on disk when this returns.

        A call without requests, tokens or a cost leaves no record: its provider did not say what it took.

        The same result counts once, however often it is recorded and whether by a hook or by hand. A response is known
        by its id; where there is none, the object is, as long as it lives. So after an error, try again with the same
        object. Of a run of the OpenAI Agents SDK, each model call is recorded, and what else its usage holds, such as
        that of agents used as tools; if part of it was recorded before, the rest is.

        Args:
            result: A result or `ModelResponse` of the OpenAI Agents SDK, its usage, a response of the Responses API,
                the Chat Completions API or Anthropic's, its usage, or one of these as a dictionary.
            input_tokens: Without a result: all input, cached included.
            output_tokens: Without a result: all output, reasoning included.
            cached_tokens: Without a result: input that came from a cache.
            cache_write_tokens: Without a result: input that was written to a cache.
            reasoning_tokens: Without a result: output that was reasoning.
            requests: Without a result: the number of calls.
            model: The model's name, if the result does not say it, or should not.
            agent: The agent's name, if the result does not say it, or should not.
            cost: What it cost, for one call: up to a million, rounded to billionths. It goes before any price.
            turn: The turn it belongs to; the branch's end unless given.
            key: Text of 1 to 255 bytes without control characters: what is recorded with the same key counts once,
                from wherever it comes.

        Raises:
            IdempotencyKeyReusedError: The key was used before for other amounts.
            TurnNotFoundError: The branch has no such turn.
            UnknownBranchError: The branch is not there any more.
            TypeError: An argument, or a number in the result, has the wrong type.
            ValueError: A number is out of range, the result says nothing of usage, or both it and numbers are given.
            StoreError: The database refused.
        """
        said = Said(_name(model, "model"), _name(agent, "agent"), _billionths(cost), _key(key))
        if turn is not None:
            check_count(turn, "turn", least=0)
        amounts = _checked(
            Amounts(requests, input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens)
        )
        run: Run | None = None
        if result is not None:
            if amounts != Amounts(requests=1):
                raise ValueError("give a result or numbers, not both")
            calls, run = read_result(result, said)
            calls = [call for call in calls if any(call.amounts) or call.cost is not None]
            if not calls and run is None:
                return
        elif amounts == Amounts(requests=1) and cost is None:
            raise ValueError("record needs a result, numbers of tokens or a cost; it was given none")
        else:
            calls = [Call((said.key or new_key(),), amounts, said.model, said.agent, said.cost)]
        handle, made_at = self._handle, now()
        await handle.write(
            lambda tx: record(tx, handle.conversation, made_at, calls, run, branch=handle.target, turn=turn)
        )

    async def total(
        self, *, branch: str | None = None, turn: int | None = None, prices: Mapping[str, Price] | None = None
    ) -> Usage:
        """Return what the session took, each record once; or what a branch took, its inherited turns included.

        Args:
            branch: Only what this branch sees.
            turn: Only records of the turn of this number; of every branch's, if none is given.
            prices: By model, for records without a cost of their own.

        Raises:
            UnknownBranchError: There is no such branch.
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range.
            StoreError: The database refused.
        """
        table = check_prices(prices)
        if turn is not None:
            check_count(turn, "turn", least=0)
        rows = await self._read(() if turn is None else ("turn",), branch)
        return sum((_usage(row, table) for row in rows if turn is None or row.values["turn"] == turn), Usage())

    async def by(
        self, *keys: str, branch: str | None = None, prices: Mapping[str, Price] | None = None
    ) -> list[UsageRow]:
        """Return what the session took, in rows, in the order of the keys' values; what is not known comes first.

        Args:
            keys: Among "turn", "model", "agent", "day" (in UTC) and "branch". By branch alone there is a row for each
                one that there is now, and each includes its inherited turns: they do not add up to the total.
            branch: Only what this branch sees.
            prices: By model, for records without a cost of their own.

        Raises:
            UnknownBranchError: There is no such branch.
            TypeError: An argument has the wrong type.
            ValueError: A key is not known.
            StoreError: The database refused.
        """
        table = check_prices(prices)
        return as_rows(await self._read(_columns(keys, _KEYS), branch), keys, table)

    async def tools(self, branch: str | None = None) -> list[ToolUse]:
        """Return how often tools were called on a branch, in the order of turns, then names.

        A call failed if it or its output has the status "failed" or "incomplete", an ``error`` that is not null, or a
        true ``is_error``; or if a command of a shell ended with another exit code than 0, or ran out of time. What a
        tool says in words is not looked into. Outputs without a call on the branch do not count.

        Args:
            branch: The one that this session object is on unless named.

        Raises:
            UnknownBranchError: There is no such branch.
            UndecodableItemError: A stored item cannot be read and the session is strict.
            TypeError: `branch` is not text.
            StoreError: The database refused.
        """
        if branch is not None:
            check_branch_name(branch, "branch")
        handle = self._handle
        wanted = handle.pinned if branch is None else branch
        tools, undecodable, _ = await handle.read(lambda tx: read_tools(tx, handle.conversation, wanted))
        handle.report(undecodable)
        return tools

    async def _read(self, columns: tuple[str, ...], branch: str | None) -> list[Sums]:
        if branch is not None:
            check_branch_name(branch, "branch")
        handle = self._handle
        return await handle.read(lambda tx: read_session(tx, handle.conversation, columns, branch))


async def usage_of_store(
    backend: Backend,
    keys: tuple[str, ...],
    prices: Mapping[str, Price] | None,
    since: date | None,
    until: date | None,
) -> list[UsageRow]:
    """Return what all sessions took; see `Store.usage`."""
    table, columns = check_prices(prices), _columns(keys, _STORE_KEYS)
    low, high = _time(since, "since", 0), _time(until, "until", _EVER)
    sums = await backend.read(lambda tx: read_all(tx, columns, low, high), "the usage of all sessions")
    return as_rows(sums, keys, table)


def as_rows(sums: Iterable[Sums], keys: tuple[str, ...], prices: Mapping[str, Price]) -> list[UsageRow]:
    """Return sums by keys, in the order of their values; one row for everything without any key."""
    found: dict[tuple[Any, ...], Usage] = {} if keys else {(): Usage()}
    for row in sums:
        values = tuple(row.model if key == "model" else row.values[key] for key in keys)
        found[values] = found.get(values, Usage()) + _usage(row, prices)
    ordered = sorted(found, key=lambda values: [(value is not None, 0 if value is None else value) for value in values])
    rows = []
    for values in ordered:
        named = dict(zip(keys, values, strict=True))
        if "day" in named:
            named["day"] = _FIRST_DAY + timedelta(days=named["day"])
        rows.append(UsageRow(found[values], **named))
    return rows


def _usage(row: Sums, prices: Mapping[str, Price]) -> Usage:
    """Return sums with their cost: their own, else by their model's price."""
    amounts = row.amounts
    if row.cost is not None:
        with localcontext(prec=40):
            return Usage(*amounts, cost=Decimal(row.cost) / _BILLIONTHS)
    price = prices.get(row.model) if row.model is not None else None
    if price is None:
        return Usage(*amounts, unpriced_tokens=amounts.input_tokens + amounts.output_tokens)
    cost = price.of(amounts.input_tokens, amounts.cached_tokens, amounts.cache_write_tokens, amounts.output_tokens)
    return Usage(*amounts, cost=cost)


def _columns(keys: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    for key in keys:
        if key not in known:
            raise ValueError(f"{key!r} is no key for usage; there are {', '.join(known)}")
    if len(set(keys)) < len(keys):
        raise ValueError("each key for usage can be given once")
    return keys


def _checked(given: Amounts) -> Amounts:
    for name, value in given._asdict().items():
        check_amount(value, name)
    if given.cached_tokens + given.cache_write_tokens > given.input_tokens:
        raise ValueError("input_tokens counts all input, so cached and cache-write tokens cannot be more")
    if given.reasoning_tokens > given.output_tokens:
        raise ValueError("output_tokens counts all output, so reasoning tokens cannot be more")
    return given


def _billionths(cost: Money | None) -> int | None:
    if cost is None:
        return None
    money = as_money(cost, "cost")
    if money > _MAX_COST:
        raise ValueError(f"cost must be at most {_MAX_COST}, got {money}")
    with localcontext(prec=60):
        return int((money * _BILLIONTHS).to_integral_value(ROUND_HALF_EVEN))


def _name(text: str | None, name: str) -> str | None:
    return None if text is None else as_name(check_text(text, name, MAX_KEY_BYTES))


def _key(key: str | None) -> str | None:
    if key is None:
        return None
    if not check_text(key, "key", MAX_KEY_BYTES).isprintable():
        raise ValueError("key must not contain a control character")
    return key_for(CALLERS_KEY, key)


def _time(moment: date | None, name: str, otherwise: int) -> int:
    """Return a moment, or the beginning of a day in UTC, in microseconds since 1970."""
    if moment is None:
        return otherwise
    if not isinstance(moment, date):
        raise TypeError(f"{name} must be a date or a datetime, not {type(moment).__name__}")
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    if moment.tzinfo is None:
        raise ValueError(f"{name} must have a time zone, or be a date, which is one in UTC")
    return (moment - _EPOCH) // timedelta(microseconds=1)
