"""Prices, given by users; this package has none built in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

Money: TypeAlias = Decimal | int | str | float
"""An amount of money. A float means its printed value: 0.1 is a tenth."""


@dataclass(frozen=True, init=False)
class Price:
    """The price of a million tokens of a model.

    Example: ``prices = {"gpt-5": Price(input="1.25", output=10, cached_input="0.125")}``

    Args:
        input: Input that is neither read from a cache nor written to one.
        output: Output, including reasoning.
        cached_input: Input read from a cache; as `input` by default.
        cache_write: Input written to a cache; as `input` by default.

    Raises:
        TypeError: A price is not a number.
        ValueError: A price is negative or not finite.
    """

    input: Decimal
    output: Decimal
    cached_input: Decimal
    cache_write: Decimal

    def __init__(
        self,
        input: Money,  # noqa: A002 - what it is called everywhere
        output: Money,
        cached_input: Money | None = None,
        cache_write: Money | None = None,
    ) -> None:
        given = {
            "input": input,
            "output": output,
            "cached_input": input if cached_input is None else cached_input,
            "cache_write": input if cache_write is None else cache_write,
        }
        for name, value in given.items():
            object.__setattr__(self, name, as_money(value, name))

    def of(self, input_tokens: int, cached_tokens: int, cache_write_tokens: int, output_tokens: int) -> Decimal:
        """Return the price of these tokens; `input_tokens` includes cached and cache-write tokens.

        Example: ``cost = Price(1.25, 10).of(1000, 200, 0, 50)``
        """
        plain = max(0, input_tokens - cached_tokens - cache_write_tokens)
        cost = plain * self.input + cached_tokens * self.cached_input
        cost += cache_write_tokens * self.cache_write + output_tokens * self.output
        return cost / 1_000_000


def as_money(value: object, name: str) -> Decimal:
    """Return an amount of money as a decimal.

    Raises:
        TypeError: It is not a number.
        ValueError: It is negative or not finite.
    """
    if isinstance(value, bool) or not isinstance(value, (Decimal, int, str, float)):
        raise TypeError(
            f"{name} must be a Decimal, an integer, a string or a float, not {type(value).__name__}. Nothing "
            "was done. Pass an amount such as '1.25'."
        )
    try:
        money = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(
            f"{name} must be a number, got {value!r}. Nothing was done. Pass an amount such as '1.25'."
        ) from None
    if not money.is_finite() or money < 0:
        raise ValueError(
            f"{name} must be a number that is not negative, got {value!r}. Nothing was done. Pass an amount "
            "such as '1.25'."
        )
    return money


def check_prices(prices: object) -> Mapping[str, Price]:
    """Return a table of prices.

    Raises:
        TypeError: It is not a mapping of models' names to `Price`.
    """
    if prices is None:
        return {}
    if not isinstance(prices, Mapping):
        raise TypeError(
            f"prices must map models' names to Price, not be of type {type(prices).__name__}. Nothing was read. "
            f"Write prices={{'gpt-5': Price(1.25, 10)}}."
        )
    for price in prices.values():
        if not isinstance(price, Price):
            raise TypeError(
                f"prices must map models' names to Price, not to {type(price).__name__}. Nothing was read. Write "
                f"prices={{'gpt-5': Price(1.25, 10)}}."
            )
    return prices
