"""Values to JSON and back, strictly typed by their dataclasses; the canonical bytes that digests cover."""

import json
import math
import types
import typing
from collections.abc import Callable, Hashable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, cast, overload

from andon.errors import BugError, InvalidInput

T = TypeVar("T")
Encode = Callable[[Any], Any]
Decode = Callable[[Any], Any]

TAG = "kind"
"""Key that tells the members of a union of dataclasses apart; its value is the class name in lower case."""

_SCALARS: Mapping[type, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
}


class _MismatchError(Exception):
    """What is wrong, and the way to it, innermost step first."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.steps: list[str] = []

    def at(self, step: str) -> "_MismatchError":
        self.steps.append(step)
        return self


def to_json(value: object, declared: Any = None) -> Any:
    """``value`` as dicts, lists, text, numbers, bool and None.

    Args:
        value: frozen dataclasses, enums, tuples, lists, mappings with text or enum keys, scalars, nested.
        declared: the type to read it back as, where that is a union of dataclasses: adds the ``kind`` tag.

    Raises:
        InvalidInput: a number is NaN or infinite; JSON has no word for it.
    """
    try:
        return (_encoder(declared) if declared is not None else _encode_any)(value)
    except _MismatchError as mismatch:
        raise _invalid(type(value), mismatch) from mismatch


@overload
def from_json(kind: type[T], data: object) -> T: ...
@overload
def from_json(kind: types.UnionType, data: object) -> Any: ...
def from_json(kind: Any, data: object) -> Any:
    """The value of type ``kind`` that ``data`` (as ``json.loads`` gives it) describes.

    Fields with a default may be missing; no other field may, and none may be there that the type lacks.

    Raises:
        InvalidInput: a field is missing, unknown or of another type; the message names its path.
        UserError: a value breaks a rule of the type itself (raised by the type).
    """
    try:
        return _decoder(kind)(data)
    except _MismatchError as mismatch:
        raise _invalid(kind, mismatch) from mismatch


def canonical(value: object) -> bytes:
    """The one spelling of ``value`` as JSON: keys sorted, no spaces, UTF-8, every field written.

    Raises:
        InvalidInput: a number is NaN or infinite, or a text is not Unicode.
    """
    text = json.dumps(to_json(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        return text.encode()
    except UnicodeEncodeError as cause:
        raise InvalidInput(
            f"a text holds characters that are not Unicode: {cause.object[:60]!r}"
        ) from cause


def _invalid(kind: Any, mismatch: _MismatchError) -> InvalidInput:
    path = "".join(reversed(mismatch.steps)).removeprefix(".")
    name = getattr(kind, "__name__", str(kind))
    return InvalidInput(
        f"{name}, field {path}: {mismatch.reason}" if path else f"{name}: {mismatch.reason}"
    )


def _encode_any(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        return _finite(value)
    return _encode_composite(value)


def _encode_composite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_key_text(key): _stepped(_encode_any, item, f".{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return _encode_items(_encode_any)(value)
    if is_dataclass(value):
        return _encoder(cast("Hashable", type(value)))(value)
    raise BugError(f"a {type(value).__name__} cannot be written as JSON")


def _key_text(key: Any) -> str:
    return str(key.value) if isinstance(key, Enum) else str(key)


def _stepped(convert: Callable[[Any], Any], value: Any, step: str) -> Any:
    try:
        return convert(value)
    except _MismatchError as mismatch:
        raise mismatch.at(step) from mismatch


@cache
def _encoder(kind: Any) -> Encode:
    """Encoding is by value, except that a union of dataclasses needs its tag."""
    members = _dataclasses_of(kind)
    if len(members) > 1:
        return lambda value: _encode_any(value) if value is None else _tagged(value)
    if not is_dataclass(kind):
        item = _item_type(kind)
        return _encode_any if item is None else _encode_items(_encoder(item))
    hints = typing.get_type_hints(kind)
    plan = [(field.name, _encoder(hints[field.name])) for field in fields(kind)]
    return lambda value: {name: _stepped(encode, getattr(value, name), f".{name}") for name, encode in plan}


def _encode_items(encode: Encode) -> Encode:
    return lambda value: [_stepped(encode, item, f"[{index}]") for index, item in enumerate(value)]


def _item_type(kind: Any) -> Any:
    """X of ``tuple[X, ...]``, else None."""
    arguments = typing.get_args(kind)
    is_sequence = typing.get_origin(kind) is tuple and len(arguments) == 2 and arguments[1] is ...
    return arguments[0] if is_sequence else None


def _tagged(value: Any) -> dict[str, Any]:
    return {TAG: type(value).__name__.lower(), **_encoder(cast("Hashable", type(value)))(value)}


def _dataclasses_of(kind: Any) -> list[type]:
    if typing.get_origin(kind) not in {types.UnionType, typing.Union}:
        return []
    return [member for member in typing.get_args(kind) if is_dataclass(member) and isinstance(member, type)]


@cache
def _decoder(kind: Any) -> Decode:
    if hasattr(kind, "__supertype__"):
        return _decoder(kind.__supertype__)
    if isinstance(kind, type) and typing.get_origin(kind) is None:
        return _class_decoder(kind)
    origin = typing.get_origin(kind)
    if origin in {types.UnionType, typing.Union}:
        return _union_decoder(kind)
    if origin is tuple:
        return _tuple_decoder(typing.get_args(kind))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping_decoder(*typing.get_args(kind))
    raise BugError(f"{kind} cannot be read from JSON")


def _class_decoder(kind: type) -> Decode:
    if kind in _SCALARS:
        return lambda data: _scalar(kind, data)
    if issubclass(kind, Enum):
        return lambda data: _member(kind, data)
    if is_dataclass(kind):
        return _dataclass_decoder(kind)
    raise BugError(f"{kind.__name__} cannot be read from JSON")


def _scalar(kind: type, data: Any) -> Any:
    if kind is float and type(data) in {int, float} and not _overflows(data):
        return _finite(float(data))
    if type(data) is kind and kind is not float:
        return data
    raise _MismatchError(f"expected {_SCALARS[kind]}, got {_shown(data)}")


def _overflows(number: float) -> bool:
    return isinstance(number, int) and abs(number) >= 1 << 1000


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise _MismatchError(f"{number} is not a finite number")
    return number


def _shown(data: object) -> str:
    return repr(data) if len(repr(data)) <= 40 else f"{repr(data)[:40]}..."


def _member(kind: type[Enum], data: Any) -> Enum:
    try:
        return kind(data)
    except ValueError as cause:
        known = ", ".join(str(member.value) for member in kind)
        raise _MismatchError(f"{_shown(data)} is none of {known}") from cause


def _object(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise _MismatchError(f"expected an object, got {_shown(data)}")
    return data


def _dataclass_decoder(kind: type) -> Decode:
    hints = typing.get_type_hints(kind)
    declared = fields(kind)
    plan = {field.name: _decoder(hints[field.name]) for field in declared}
    needed = [f.name for f in declared if f.default is MISSING and f.default_factory is MISSING]

    def decode(data: Any) -> Any:
        for name in _object(data):
            if name not in plan:
                raise _MismatchError("this field is not known here").at(f".{name}")
        for name in needed:
            if name not in data:
                raise _MismatchError("this field is missing").at(f".{name}")
        values = {name: _stepped(plan[name], item, f".{name}") for name, item in data.items()}
        try:
            return kind(**values)
        except InvalidInput as cause:
            raise _MismatchError(cause.message) from cause

    return decode


def _union_decoder(kind: Any) -> Decode:
    arguments = typing.get_args(kind)
    tagged = _dataclasses_of(kind)
    if len(tagged) > 1:
        choose = _tag_decoder({member.__name__.lower(): _dataclass_decoder(member) for member in tagged})
    else:
        (single,) = (member for member in arguments if member is not types.NoneType)
        choose = _decoder(single)
    if types.NoneType not in arguments:
        return choose
    return lambda data: None if data is None else choose(data)


def _tag_decoder(members: Mapping[str, Decode]) -> Decode:
    def decode(data: Any) -> Any:
        tag = _object(data).get(TAG)
        if not isinstance(tag, str) or tag not in members:
            raise _MismatchError(f"{_shown(tag)} is none of {', '.join(members)}").at(f".{TAG}")
        return members[tag]({name: item for name, item in data.items() if name != TAG})

    return decode


def _tuple_decoder(arguments: tuple[Any, ...]) -> Decode:
    repeated = len(arguments) == 2 and arguments[1] is ...
    items = [_decoder(argument) for argument in arguments if argument is not ...]

    def decode(data: Any) -> Any:
        if not isinstance(data, list | tuple):
            raise _MismatchError(f"expected a list, got {_shown(data)}")
        if not repeated and len(data) != len(items):
            raise _MismatchError(f"expected {len(items)} values, got {len(data)}")
        chosen = items * len(data) if repeated else items
        return tuple(
            _stepped(convert, item, f"[{index}]")
            for index, (convert, item) in enumerate(zip(chosen, data, strict=True))
        )

    return decode


def _mapping_decoder(key: Any, value: Any) -> Decode:
    decode_key, decode_value = _decoder(key), _decoder(value)

    def decode(data: Any) -> Any:
        return {
            _stepped(decode_key, name, f".{name}"): _stepped(decode_value, item, f".{name}")
            for name, item in _object(data).items()
        }

    return decode
