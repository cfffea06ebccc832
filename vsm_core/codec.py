"""Bytes: the one canonical form that is hashed, and the wire form that is sent.

Canonical bytes are UTF-8 JSON with keys sorted by code point and no spaces; None is omitted in objects and ``null`` in
arrays; sets are sorted by their elements' canonical bytes; floats are written as orjson writes them; times are RFC 3339
in UTC with microseconds and ``Z``; decimals and integers beyond 2**53 are strings. They are the hardest thing here to
change: golden vectors in the tests pin them.
"""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from hashlib import sha256
from math import isfinite

import orjson
from pydantic import BaseModel

from vsm_core.errors import CanonicalError

SAFE_INTEGER = 2**53
_SHORT_WAY = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_STRICT_INTEGER
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_DATACLASS
)


def canonical_bytes(value: object) -> bytes:
    """Return the one byte string that stands for ``value``; raise CanonicalError where there is none."""
    if isinstance(value, BaseModel):
        short = _by_orjson(value)
        if short is not None:
            return short
    try:
        return orjson.dumps(_plain(value), option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONEncodeError, UnicodeEncodeError) as error:
        raise CanonicalError(str(error)) from error


def _by_orjson(value: BaseModel) -> bytes | None:
    """Return a model's canonical bytes by the encoder's own walk, several times faster; None where it can't tell.

    It refuses integers it must not write as numbers; it writes a NaN, and a None in an object, as ``null``. So whatever
    holds ``null`` goes the long way, which knows the difference.
    """
    try:
        encoded = orjson.dumps(value, default=_stand_in, option=_SHORT_WAY)
    except orjson.JSONEncodeError:
        return None
    return None if b"null" in encoded else encoded


def _stand_in(value: object) -> object:
    if isinstance(value, BaseModel):
        fields = type(value).__pydantic_fields__
        return {name: item for name in fields if (item := value.__dict__[name]) is not None}
    return _plain(value)


def digest(value: object) -> str:
    """Return the sha256 of the canonical bytes, in lower-case hexadecimal."""
    return sha256(canonical_bytes(value)).hexdigest()


def _plain(value: object) -> object:
    reduce = _REDUCERS.get(type(value))
    if reduce is None:
        reduce = _reducer_for(value)
        _REDUCERS[type(value)] = reduce
    return reduce(value)


def _reducer_for(value: object) -> Callable[[object], object]:
    for kind, reduce in _BY_BASE:
        if isinstance(value, kind):
            return reduce
    raise CanonicalError(f"{type(value).__name__} has no canonical form")


def _same(value: object) -> object:
    return value


def _integer(value: int) -> object:
    return value if -SAFE_INTEGER <= value <= SAFE_INTEGER else str(value)


def _number(value: float) -> float:
    if not isfinite(value):
        raise CanonicalError(f"{value} has no canonical form")
    return float(value)


def _decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise CanonicalError(f"{value} has no canonical form")
    return str(value)


def _moment(value: datetime) -> str:
    if value.tzinfo is None:
        raise CanonicalError("a time without a zone has no canonical form")
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _model(value: BaseModel) -> object:
    fields = type(value).model_fields
    return {name: _plain(item) for name in fields if (item := getattr(value, name)) is not None}


def _mapping(value: Mapping[object, object]) -> object:
    plain: dict[str, object] = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise CanonicalError(f"a key must be text, not {type(key).__name__}")
        if item is not None:
            plain[str(key.value) if isinstance(key, Enum) else key] = _plain(item)
    return plain


def _sequence(value: tuple[object, ...] | list[object]) -> object:
    return [_plain(item) for item in value]


def _set(value: AbstractSet[object]) -> object:
    return sorted((_plain(item) for item in value), key=canonical_bytes)


def _enum(value: Enum) -> object:
    return _plain(value.value)


# The order matters: an enum of strings is an enum first, a bool is no number.
_BY_BASE: tuple[tuple[type, Callable[..., object]], ...] = (
    (Enum, _enum),
    (bool, _same),
    (type(None), _same),
    (str, str),
    (int, _integer),
    (float, _number),
    (Decimal, _decimal),
    (datetime, _moment),
    (BaseModel, _model),
    (Mapping, _mapping),
    (AbstractSet, _set),
    (tuple, _sequence),
    (list, _sequence),
)
_REDUCERS: dict[type, Callable[..., object]] = {str: _same, bool: _same, type(None): _same, int: _integer}


def wire_bytes(value: BaseModel) -> bytes:
    """Return the JSON that is sent and stored: made once, in one pass, None left out."""
    return value.__pydantic_serializer__.to_json(value, exclude_none=True)
