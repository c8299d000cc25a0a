"""`SafeSerializer`: LangGraph's format, read back without trust in the database.

The written bytes are those of LangGraph's `JsonPlusSerializer` (langgraph-checkpoint 4.3,
``langgraph/checkpoint/serde/jsonplus.py``): MessagePack, with an extension for each object that names its class.
"""

from __future__ import annotations

import copy
import functools
import json
import sys
from typing import TYPE_CHECKING, Any, Final, Self

import ormsgpack
from langchain_core.load.load import Reviver
from langgraph.checkpoint.serde.jsonplus import (
    EXT_CONSTRUCTOR_KW_ARGS,
    EXT_CONSTRUCTOR_POS_ARGS,
    EXT_CONSTRUCTOR_SINGLE_ARG,
    EXT_DELTA_SNAPSHOT,
    EXT_METHOD_SINGLE_ARG,
    EXT_NUMPY_ARRAY,
    EXT_PYDANTIC_V1,
    EXT_PYDANTIC_V2,
    JsonPlusSerializer,
    _send_from_args,
)
from langgraph.checkpoint.serde.types import _DeltaSnapshot

from sessions.adapters.langgraph.safe_types import classes_of, loaded_class, safe_class, safe_name
from sessions.errors import UndecodableStateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sessions.adapters.langgraph.safe_types import Name

_OBJECTS: Final = frozenset(
    {
        EXT_CONSTRUCTOR_SINGLE_ARG,
        EXT_CONSTRUCTOR_POS_ARGS,
        EXT_CONSTRUCTOR_KW_ARGS,
        EXT_METHOD_SINGLE_ARG,
        EXT_PYDANTIC_V1,
        EXT_PYDANTIC_V2,
    }
)
_WITH_METHOD: Final = ("datetime", "datetime", "fromisoformat")
"""The only method that LangGraph's format calls."""

_OPTIONS: Final = ormsgpack.OPT_NON_STR_KEYS
_SHOWN: Final = 100
"""Letters of a name in an error: it comes from the database."""


class SafeSerializer(JsonPlusSerializer):
    """Serializes state as LangGraph does, and revives only classes that the program named.

    Example: ``saver = SqliteSaver.from_conn_string("state.db", serde=SafeSerializer(types=[Preferences]))``

    It revives LangGraph's safe list (times, UUIDs, paths, sets, LangChain's messages, `Send` and the like), the classes
    that LangGraph derives from a graph's schema, and `types`. For anything else it raises `UndecodableStateError`. It
    imports nothing that the database names, calls no method and no function, and constructs no other class.

    LangGraph's format itself loses something: tuples come back as lists, subclasses of ``dict`` as dictionaries,
    exceptions as text, lone surrogates as "?"; integers have 64 bits.

    Args:
        types: Further classes that may be revived: dataclasses, pydantic models, enums, named tuples, or a schema, such
            as a ``TypedDict``, whose fields have them. Classes of fields are included. A pair of a module and a name
            stands for the class that is loaded under it.
        renamed: Classes that were stored under another name: ``{"old_module.Preferences": Preferences}``.

    Raises:
        TypeError: `types` or `renamed` contains something else.
    """

    def __init__(self, *, types: Iterable[Any] = (), renamed: Mapping[str, type] | None = None) -> None:
        super().__init__(allowed_msgpack_modules=None)
        self._classes = classes_of(types) | _renamed(renamed or {})

    def with_msgpack_allowlist(self, extra_allowlist: Iterable[tuple[str, ...] | type]) -> Self:
        """Return a serializer that revives further classes, too, as LangGraph asks for those of a graph's schema."""
        new = {name: cls for name, cls in classes_of(extra_allowlist).items() if name not in self._classes}
        if not any(not safe_name(name) for name in new):
            return self
        clone = copy.copy(self)
        clone._classes = self._classes | new  # noqa: SLF001 - it is a copy of this object
        return clone

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Return a value.

        Raises:
            UndecodableStateError: A class may not be revived or cannot be, or the bytes are damaged.
        """
        kind, payload = data
        failures: list[UndecodableStateError] = []
        try:
            if kind == "msgpack":
                return self._unpacked(payload, failures)
            if kind == "json":
                return json.loads(payload, object_hook=self._of_json)
            if kind in ("null", "bytes", "bytearray"):
                return super().loads_typed(data)
        except UndecodableStateError:
            raise
        except Exception:  # noqa: BLE001 - damaged bytes cause any error; the text of the error may have contents
            if not failures:
                failures.append(_damaged())
        if failures:
            raise failures[0]
        raise UndecodableStateError(
            f"the stored state is in the format {_shown(kind)}, which could run code, or is unknown. Nothing was read. "
            "If another serializer wrote it, pass that one: serde=…"
        )

    def _unpacked(self, payload: bytes, failures: list[UndecodableStateError]) -> Any:
        return ormsgpack.unpackb(payload, ext_hook=functools.partial(self._of_extension, failures), option=_OPTIONS)

    def _of_extension(self, failures: list[UndecodableStateError], code: int, payload: bytes) -> Any:
        """Return the object of an extension; ormsgpack drops the errors of this function, so they are kept aside."""
        try:
            content = self._unpacked(payload, failures)
            if code in _OBJECTS:
                return self._object(code, *content)
            if code == EXT_DELTA_SNAPSHOT:
                return _DeltaSnapshot(content)
            if code == EXT_NUMPY_ARRAY:
                return _array(*content)
        except UndecodableStateError as error:
            failures.append(error)
            raise
        except Exception:
            failures.append(_damaged())
            raise
        failures.append(_damaged())
        raise failures[0]

    def _object(self, code: int, module: str, name: str, given: Any, *method: str) -> Any:
        if code == EXT_METHOD_SINGLE_ARG:
            if (module, name, *method) != _WITH_METHOD:
                raise _refused(f"{module}.{name}", f"the method {_shown('.'.join(method))} of")
            make = safe_class((module, name))
            return make.fromisoformat(given)  # type: ignore[union-attr]  # it is datetime.datetime
        if (module, name) == ("langgraph.types", "Send") and code == EXT_CONSTRUCTOR_POS_ARGS:
            make, code = _send_from_args, EXT_CONSTRUCTOR_SINGLE_ARG
        else:
            make = self._class((module, name))
        try:
            if code == EXT_CONSTRUCTOR_POS_ARGS:
                return make(*given)
            if code == EXT_CONSTRUCTOR_SINGLE_ARG:
                return make(given)
            return make(**given)
        except UndecodableStateError:
            raise
        except Exception as error:  # noqa: BLE001 - a constructor's own: its text may have contents
            raise UndecodableStateError(
                f"the constructor of {_shown(f'{module}.{name}')} refused the stored values ({type(error).__name__}). "
                "Nothing was read. The class may have changed since: make it accept its former fields, or read the "
                "thread with the version of the class that wrote it.",
                f"{module}.{name}",
            ) from None

    def _class(self, name: Name) -> Callable[..., Any]:
        known = self._classes.get(name)
        if known is not None:
            return known
        if safe_name(name):
            if (found := safe_class(name)) is not None:
                return found
        elif name in self._classes and (cls := loaded_class(name)) is not None:
            return cls
        raise _refused(".".join(name), "a value of", needs_import=name in self._classes or safe_name(name))

    def _of_json(self, value: dict[str, Any]) -> Any:
        """Return the object of LangGraph's former format, or of LangChain's: messages and the safe list."""
        if value.get("lc") not in (1, 2) or "type" not in value:
            return value
        if value.get("type") != "constructor" or not isinstance(value.get("id"), list):
            raise _damaged()
        *module, name = map(str, value["id"])
        if value["lc"] == 2:  # noqa: PLR2004 - LangGraph's own; LangChain's is 1
            make = self._class((".".join(module), name))
            return make(*(value.get("args") or ()), **(value.get("kwargs") or {}))
        try:
            return _messages()(value)
        except Exception:  # noqa: BLE001 - it refuses with several classes, and shows contents
            raise _refused(".".join([*module, name]), "a value of") from None


@functools.cache
def _messages() -> Reviver:
    return Reviver(allowed_objects="messages")


def _array(dtype: str, shape: list[int], order: Any, content: bytes) -> Any:
    import numpy as np  # noqa: PLC0415 - an extra, and only needed where arrays are stored

    # A copy, because `frombuffer` returns an array that cannot be changed.
    return np.frombuffer(content, dtype=np.dtype(dtype)).reshape(shape, order=order).copy(order=order)


def _renamed(given: Mapping[str, type]) -> dict[Name, type | None]:
    found: dict[Name, type | None] = {}
    for former, cls in given.items():
        module, dot, name = former.rpartition(".")
        if not dot or not isinstance(cls, type):
            raise TypeError(
                "renamed must map former names to classes. Nothing was opened. Write for example "
                'renamed={"old_module.Preferences": Preferences}.'
            )
        found[module, name] = cls
    return found


def _refused(name: str, what: str, *, needs_import: bool = False) -> UndecodableStateError:
    shown = _shown(name)
    module, _, bare = name.rpartition(".")
    if needs_import and module in sys.modules:
        cure = (
            f"Its module has no such class, perhaps as that is inside a function. Pass the class itself: "
            f"types=[{_shown(bare)}]."
        )
    elif needs_import:
        cure = f"Import the module {_shown(module)} before the state is read, or install its package."
    elif bare.isidentifier() and all(part.isidentifier() for part in module.split(".")) and len(name) <= _SHOWN:
        cure = (
            f"If it is yours, import it and add: types=[{bare}], as in SqliteSaver.from_conn_string(…, types=[{bare}])."
        )
    else:
        cure = "No class has such a name, so the database was altered: restore it from a backup."
    return UndecodableStateError(
        f"the stored state has {what} {shown}, and a database may name any class, so only listed ones are revived. "
        f"Nothing was read. {cure}",
        name if len(name) <= _SHOWN else "",
    )


def _damaged() -> UndecodableStateError:
    return UndecodableStateError(
        "the stored state cannot be decoded: its bytes are damaged, or another serializer wrote them. Nothing was "
        "read. Pass the serializer that wrote it as serde=…, or restore the database from a backup."
    )


def _shown(text: object) -> str:
    """Return a name as an error may show it: short, and without control characters."""
    shown = str(text)
    return ascii(shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…")[1:-1]
