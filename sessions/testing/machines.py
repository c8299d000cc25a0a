"""Running a state machine of Hypothesis as a part of a contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.stateful import RuleBasedStateMachine


def run_machine(make: Callable[[], RuleBasedStateMachine], examples: int, *, steps: int) -> None:
    """Run a machine that uses the fixtures of its test, on databases that take their time.

    Args:
        make: Makes one, as a machine with arguments is no class that Hypothesis could make by itself.
        examples: How often it runs.
        steps: The most steps of each run.

    Raises:
        AssertionError: A rule or an invariant does not hold.
    """
    run_state_machine_as_test(
        make,  # type: ignore[arg-type]
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        ),
    )
