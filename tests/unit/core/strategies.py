"""Hypothesis strategies made from the models themselves: any value that a model's fields admit.

Only the shapes that the domain uses are known here; a field of another shape fails loudly.
"""

import types
import typing
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from functools import cache

from annotated_types import Ge, Gt, Le, MaxLen, MinLen
from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel, StringConstraints
from pydantic.fields import FieldInfo

from vsm_core.patch import AddChild, Batch, PromoteLeafToMetasystem, RemoveSubtree, SetNodeStatus

MOST = 2  # items of any collection
SIMPLE_PATCHES = (AddChild, PromoteLeafToMetasystem, RemoveSubtree, SetNodeStatus)
LETTERS = st.characters(codec="utf-8")

Strategy = st.SearchStrategy[object]


@cache
def values_of(model: type[BaseModel]) -> Strategy:
    """Any instance of a model."""
    if model is Batch:
        flat = st.lists(st.one_of(*map(values_of, SIMPLE_PATCHES)), min_size=1, max_size=MOST)
        return flat.map(lambda patches: Batch(patches=(Batch(patches=tuple(patches)), *patches)))
    fields = {name: of_field(field) for name, field in model.model_fields.items()}
    return st.builds(model, **fields)


def of_field(field: FieldInfo) -> Strategy:
    return of_type(field.annotation, field.metadata)


def of_type(kind: object, rules: Iterable[object] = ()) -> Strategy:
    """Any value of an annotation under the rules given with it."""
    if kind is AwareDatetime:
        return st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return of_type(arguments[0], [*flat_rules(arguments[1:]), *rules])
    if origin in {typing.Union, types.UnionType}:
        return st.one_of(*map(of_type, arguments))
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin is not None:
        return of_collection(origin, arguments, limits(rules))
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return st.deferred(lambda: values_of(kind))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    return of_scalar(kind, limits(rules))


def of_collection(origin: object, arguments: tuple[object, ...], limit: dict[str, typing.Any]) -> Strategy:
    least = limit.get("min_length", 0)
    if origin is tuple and arguments[-1] is ...:
        return st.lists(of_type(arguments[0]), min_size=least, max_size=MOST).map(tuple)
    if origin is tuple:
        return st.tuples(*map(of_type, arguments))
    if origin is frozenset:
        return st.frozensets(of_type(arguments[0]), max_size=MOST)
    if origin is Mapping:
        return st.dictionaries(of_type(arguments[0]), of_type(arguments[1]), max_size=MOST)
    raise TypeError(f"no strategy for {origin}")


def of_scalar(kind: object, limit: dict[str, typing.Any]) -> Strategy:
    low, high = limit.get("ge", limit.get("gt")), limit.get("le")
    if kind is type(None):
        return st.none()
    if kind is bool:
        return st.booleans()
    if kind is int:
        return st.integers(limit["gt"] + 1 if "gt" in limit else low, 2**63 if high is None else high)
    if kind is float:
        return st.floats(low, high, exclude_min="gt" in limit, allow_nan=False, allow_infinity=False)
    if kind is Decimal:
        return st.decimals(allow_nan=False, allow_infinity=False)
    if kind is str:
        return of_text(limit)
    raise TypeError(f"no strategy for {kind}")


def of_text(limit: dict[str, typing.Any]) -> Strategy:
    least, most = limit.get("min_length") or 0, min(limit.get("max_length") or 20, 20)
    if pattern := limit.get("pattern"):
        whole = st.from_regex(pattern.replace("$", r"\Z"), fullmatch=True)
        longest = limit.get("max_length") or 1_000
        return whole.filter(lambda text: least <= len(text) <= longest)
    return st.text(LETTERS, min_size=least, max_size=max(least, most))


def flat_rules(rules: Iterable[object]) -> list[object]:
    """Rules as pydantic keeps them: those of a Field come out of its list."""
    return [each for rule in rules for each in (rule.metadata if isinstance(rule, FieldInfo) else [rule])]


def limits(rules: Iterable[object]) -> dict[str, typing.Any]:
    """What the rules demand, by name."""
    found: dict[str, typing.Any] = {}
    for rule in flat_rules(rules):
        match rule:
            case Ge(ge=bound):
                found["ge"] = bound
            case Gt(gt=bound):
                found["gt"] = bound
            case Le(le=bound):
                found["le"] = bound
            case MinLen(min_length=bound):
                found["min_length"] = bound
            case MaxLen(max_length=bound):
                found["max_length"] = bound
            case StringConstraints():
                found["pattern"] = rule.pattern
            case _ if getattr(rule, "pattern", None):
                found["pattern"] = rule.pattern  # type: ignore[attr-defined]
    return found
