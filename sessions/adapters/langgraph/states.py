"""LangGraph's checkpoints and writes as values of bytes, and back, by a serializer."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from langgraph.checkpoint.base import (
    EXCLUDED_METADATA_KEYS,
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.serde.types import _DeltaSnapshot

from sessions.checkpoints.parts import decode, encode, single, typed_of
from sessions.checkpoints.values import NewCheckpoint, NewWrite
from sessions.errors import UndecodableStateError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.serde.base import SerializerProtocol

    from sessions.adapters.langgraph.configs import Config
    from sessions.checkpoints import values as stored

_COUNTERS: Final = "counters_since_delta_snapshot"
"""Metadata of checkpoints whose graph has delta channels (langgraph-checkpoint 4.3, ``CheckpointMetadata``)."""

_OF_CALL: Final = ":"
"""A namespace with this in it is of one call of a graph within, whose task's id follows."""


class States:
    """Encodes and decodes with a serializer.

    Args:
        serde: The serializer. Of `EncryptedSerializer`, this uses the one inside: its cipher covers whole rows.
    """

    def __init__(self, serde: SerializerProtocol) -> None:
        inner = serde.serde if isinstance(serde, EncryptedSerializer) else serde
        self._dumps = inner.dumps_typed
        self._loads = inner.loads_typed
        # Only of these it is known that equal values have equal bytes, so that differences are found.
        cut = isinstance(inner, JsonPlusSerializer)
        self._cut = cut

    def checkpoint(
        self,
        config: RunnableConfig,
        parsed: Config,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
        *,
        one_writer: bool,
        before: Mapping[str, stored.Value],
    ) -> NewCheckpoint:
        """Return a checkpoint to be stored. The values are encoded now, as the graph goes on to change them.

        Those that begin with the ones `before` are so in less time.
        """
        head: dict[str, Any] = dict(checkpoint)
        versions: ChannelVersions = head.pop("channel_versions")
        values: dict[str, Any] = head.pop("channel_values")
        checkpoint_id = head.pop("id")
        described = _described(metadata, config)
        changed = {name: self._value(value, before.get(name)) for name, value in values.items() if name in new_versions}
        snapshots = (name for name, value in values.items() if isinstance(value, _DeltaSnapshot))
        calls = _OF_CALL in parsed.place.ns
        return NewCheckpoint(
            checkpoint_id=checkpoint_id,
            parent_id=parsed.checkpoint_id,
            head=self._bytes(head),
            metadata=self._bytes(described),
            versions=versions,
            changed=changed,
            unchanged={name: partial(self._value, value) for name, value in values.items() if name not in changed},
            run_id=_text(described.get("run_id")),
            replayed=sorted({*(described.get(_COUNTERS) or ()), *snapshots}),
            follows_last=one_writer and described.get("source") == "loop",
            root_id=_text((described.get("parents") or {}).get("")) if calls else None,
        )

    def _value(self, value: Any, before: stored.Value | None = None) -> stored.Value:
        return encode(value, self._dumps, before) if self._cut else single(value, self._dumps)

    def writes(self, writes: Sequence[tuple[str, Any]]) -> list[NewWrite]:
        """Return a task's writes to be stored."""
        return [
            self.write(WRITES_IDX_MAP.get(channel, index), channel, value)
            for index, (channel, value) in enumerate(writes)
        ]

    def write(self, index: int, channel: str, value: Any) -> NewWrite:
        """Return a write to be stored."""
        return NewWrite(index, channel, self._value(value))

    def tuple_of(self, found: stored.Checkpoint, config: Config) -> CheckpointTuple:
        """Return a stored checkpoint as LangGraph has it.

        Raises:
            UndecodableStateError: The serializer refuses it. The error names thread, checkpoint and channel.
        """
        where = f"{config.subject}, checkpoint {found.checkpoint_id!r}"
        checkpoint = {
            **self._object(found.head, f"{where}, its head"),
            "id": found.checkpoint_id,
            "channel_versions": dict(found.versions),
            "channel_values": {
                channel: self._decoded(value, f"{where}, channel {channel!r}")
                for channel, value in found.values.items()
            },
        }
        return CheckpointTuple(
            config=config.of(found.checkpoint_id),
            checkpoint=cast("Checkpoint", checkpoint),
            metadata=self.metadata_of(found.metadata, where),
            parent_config=None if found.parent_id is None else config.of(found.parent_id),
            pending_writes=[self._write(write, where) for write in found.writes],
        )

    def metadata_of(self, metadata: bytes, where: str) -> CheckpointMetadata:
        """Return a checkpoint's metadata."""
        return cast("CheckpointMetadata", self._object(metadata, f"{where}, its metadata"))

    def histories(
        self, found: Mapping[str, stored.History], channels: Sequence[str], where: str
    ) -> dict[str, DeltaChannelHistory]:
        """Return the writes that channels are rebuilt from."""
        return {channel: self._history(found.get(channel), channel, where) for channel in channels}

    def _history(self, found: stored.History | None, channel: str, where: str) -> DeltaChannelHistory:
        if found is None:
            return {"writes": []}
        history: DeltaChannelHistory = {"writes": [self._write(write, where) for write in found.writes]}
        if found.seed is not None:
            history["seed"] = self._decoded(found.seed, f"{where}, channel {channel!r}")
        return history

    def _write(self, write: stored.Write, where: str) -> tuple[str, str, Any]:
        value = self._decoded(write.value, f"{where}, a write to channel {write.channel!r}")
        return write.task_id, write.channel, value

    def _bytes(self, value: Any) -> bytes:
        return single(value, self._dumps).parts[0]

    def _object(self, part: bytes, where: str) -> dict[str, Any]:
        try:
            found = self._loads(typed_of(part))
        except UndecodableStateError as error:
            raise error.about(where) from None
        except (ValueError, TypeError, LookupError) as error:
            raise _undecodable(where) from error
        if not isinstance(found, dict):
            raise _undecodable(where)
        return found

    def _decoded(self, value: stored.Value, where: str) -> Any:
        try:
            return decode(value, self._loads)
        except UndecodableStateError as error:
            raise error.about(where) from None
        except (ValueError, TypeError, LookupError) as error:
            raise _undecodable(where) from error


def _undecodable(where: str) -> UndecodableStateError:
    return UndecodableStateError(
        f"{where}: it is not what a saver writes, so the database was altered, or another serializer wrote it. Nothing "
        "was changed. Pass that serializer as serde=…, or restore the database from a backup."
    )


def _described(metadata: CheckpointMetadata, config: RunnableConfig) -> dict[str, Any]:
    """Return metadata with the scalars of a config, as all savers of LangGraph add them.

    Theirs remove NUL characters, which JSON in Postgres cannot have; here they stay.
    """
    described: dict[str, Any] = dict(metadata)
    for entries in (config.get("metadata"), config.get("configurable")):
        for key, value in (entries or {}).items():
            is_ours = key in EXCLUDED_METADATA_KEYS or key.startswith("__")
            if key not in described and not is_ours and isinstance(value, str | int | float):
                described[key] = value
    return described


def _text(value: object) -> str | None:
    return None if value is None else str(value)
