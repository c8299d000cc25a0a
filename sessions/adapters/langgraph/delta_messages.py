"""The messages of a ``DeltaChannel``, whose checkpoints have no value: they are replayed from what tasks wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from langgraph.checkpoint.serde.types import _DeltaSnapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Reducer: TypeAlias = Callable[[Any, Sequence[Any]], Any]


def without_snapshot(value: Any) -> Any:
    """Return the value of a channel, also where it is stored as the snapshot of a ``DeltaChannel``."""
    return value.value if isinstance(value, _DeltaSnapshot) else value


def replayed(reducer: Reducer | None, base: Sequence[Any], writes: Sequence[Any]) -> list[Any]:
    """Return the messages behind a checkpoint, as LangGraph rebuilds them.

    Args:
        reducer: That of the channel; LangGraph's own for messages, if ``None``.
        base: The messages of the checkpoint.
        writes: What its tasks wrote to the channel, in order.

    Raises:
        ModuleNotFoundError: LangGraph itself is not installed, which has the channel.
    """
    # Only such threads need LangGraph itself, and not only its interface of savers.
    try:
        from langgraph.channels.delta import DeltaChannel  # noqa: PLC0415
        from langgraph.graph.message import _messages_delta_reducer  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "the messages of this thread are in a DeltaChannel, which LangGraph replays, and the package langgraph is "
            "missing. Nothing was read. Install it: pip install langgraph.",
            name=error.name,
        ) from error
    used: Any = reducer or _messages_delta_reducer
    channel = DeltaChannel(used, list).from_checkpoint(list(base))
    channel.replay_writes([("", "", one) for one in writes])
    return list(channel.get())
