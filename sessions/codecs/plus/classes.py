"""Tags of classes that users list: enumerations, dataclasses, named tuples, pydantic models, exceptions.

An object is made by calling its class, so that the class's own checks also apply to stored values.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
from enum import Enum, Flag
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from sessions.codecs.plus.exceptions import tag_of_error
from sessions.codecs.plus.tags import RefusedError, Tag
from sessions.codecs.plus.values import expect

if TYPE_CHECKING:
    from collections.abc import Collection

    from pydantic import BaseModel

_HOLDING: Final = (str, int, float, complex, dict, list, set, frozenset, bytes, bytearray)


def tag_of_class(kind: type, name: str) -> Tag:
    """Return the tag of a class.

    Raises:
        TypeError: Its kind cannot be stored.
    """
    if issubclass(kind, Flag):
        return Tag(name, kind, _write_flag, partial(_read_flag, kind), is_proven=False)
    if issubclass(kind, Enum):
        return Tag(name, kind, lambda member: member._name_, partial(_read_member, kind), is_proven=False)
    if issubclass(kind, BaseException):
        return tag_of_error(kind, name)
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return Tag(name, kind, partial(_write_fields, kind._fields), partial(_read_named, kind), is_proven=False)
    if issubclass(kind, (*_HOLDING, tuple)):
        raise TypeError(
            f"{kind.__name__} is a subclass of {kind.__mro__[-2].__name__}, whose contents would be lost. No "
            "codec was made. List a dataclass or a pydantic model instead."
        )
    if _is_model(kind):
        return _tag_of_model(cast("type[BaseModel]", kind), name)
    if dataclasses.is_dataclass(kind):
        return _tag_of_dataclass(kind, name)
    raise TypeError(
        f"{kind.__name__} is not an enumeration, dataclass, named tuple, pydantic model or exception, and "
        "PlusCodec keeps no other classes. No codec was made. Convert its objects before adding them."
    )


# Enumerations, by the names of their members


def _read_member(kind: type[Enum], form: Any) -> Enum:
    return kind.__members__[expect(str, form)]


def _write_flag(value: Flag) -> list[str | None]:
    form = [member._name_ for member in value]
    if _read_flag(type(value), form) != value:
        raise RefusedError(f"has bits without a name in {type(value).__name__}. Use named members only.")
    return form


def _read_flag(kind: type[Flag], form: Any) -> Flag:
    value = kind(0)
    for name in expect(list, form):
        value |= kind.__members__[expect(str, name)]
    return value


# Dataclasses and named tuples, by the names of their fields


def _write_fields(names: Collection[str], value: Any) -> dict[str, Any]:
    """Return the fields that are set; one with ``init=False`` need not be."""
    return {name: getattr(value, name) for name in names if hasattr(value, name)}


def _read_named(kind: type, form: Any) -> Any:
    return kind(**expect(dict, form))


def _tag_of_dataclass(kind: type, name: str) -> Tag:
    fields = dataclasses.fields(kind)
    early = [field.name for field in fields if field.init]
    late = [field.name for field in fields if not field.init]
    try:
        inspect.signature(kind).bind(**dict.fromkeys(early))
    except TypeError:
        raise TypeError(
            f"{kind.__name__} is a dataclass that cannot be made from its fields alone. No codec was made. "
            "Give its __init__ the fields as parameters."
        ) from None
    names = [field.name for field in fields]
    return Tag(name, kind, partial(_write_fields, names), partial(_read_dataclass, kind, late), is_proven=False)


def _read_dataclass(kind: type, late: Collection[str], form: Any) -> Any:
    fields = expect(dict, form)
    rest = {name: fields.pop(name) for name in late if name in fields}
    value = kind(**fields)
    for name, field in rest.items():
        object.__setattr__(value, name, field)  # The class may be frozen.
    return value


# pydantic's models


def _is_model(kind: type) -> bool:
    """Tell without importing pydantic, which is slow and may not be there: for a model, it has been imported."""
    pydantic = sys.modules.get("pydantic.main")
    return pydantic is not None and issubclass(kind, pydantic.BaseModel)


def _tag_of_model(kind: type[BaseModel], name: str) -> Tag:
    if "by_name" not in inspect.signature(kind.model_validate).parameters:
        raise TypeError(
            f"{kind.__name__} is a model of a pydantic older than 2.11, which cannot be read by field names. "
            "No codec was made. Upgrade pydantic."
        )
    return Tag(name, kind, _write_model, partial(_read_model, kind), is_proven=False)


def _write_model(value: BaseModel) -> Any:
    """Return the fields; if some were not set but have their defaults, a list of the fields and those fields' names.

    Not `model_dump`, which loses the classes of inner objects and applies serializers to fields.
    """
    names = type(value).model_fields
    fields = {name: value.__dict__[name] for name in names if name in value.__dict__}
    fields.update(value.model_extra or {})
    unset = [name for name in fields if name not in value.model_fields_set]
    return [fields, unset] if unset else fields


def _read_model(kind: type[BaseModel], form: Any) -> BaseModel:
    fields, unset = expect(list, form) if type(form) is list else (form, [])
    given = expect(dict, fields)
    if kind.__pydantic_root_model__:  # Its validation would take an object of the class itself for the result.
        if given.keys() != {"root"}:
            raise ValueError
        return kind(root=given["root"])
    value = kind.model_validate(given, by_alias=False, by_name=True)
    for name in expect(list, unset):
        value.model_fields_set.remove(name)
    return value
