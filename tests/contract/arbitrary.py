"""Arbitrary values of the domain: a hypothesis strategy for any of its models, made from the model's own fields."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from types import UnionType
from typing import Annotated, Literal, TypeVar, Union, get_args, get_origin

from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel, ValidationError

ModelT = TypeVar("ModelT", bound=BaseModel)
ITEMS = 2  # of any collection
WHOLE_LIMIT = 2**62
SCALARS = {
    bool: st.booleans(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False, places=4),
    datetime: st.datetimes(timezones=st.just(UTC)),
    AwareDatetime: st.datetimes(timezones=st.just(UTC)),
    type(None): st.none(),
    bytes: st.binary(max_size=16),
    object: st.none(),
}


@cache
def models(model: type[ModelT]) -> st.SearchStrategy[ModelT]:
    """Instances of a model with every field drawn; what a model's own rules refuse is drawn again."""
    fields = {
        name: drawn(field.annotation, tuple(field.metadata)) for name, field in model.model_fields.items()
    }

    @st.composite
    def build(draw: st.DrawFn) -> ModelT:
        values = {name: draw(strategy) for name, strategy in fields.items()}
        try:
            return model(**values)
        except ValidationError:
            return draw(st.nothing())

    return build()


def drawn(annotation: object, marks: tuple[object, ...] = ()) -> st.SearchStrategy[object]:
    """A strategy for one annotation under the constraints of its marks."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return drawn(arguments[0], (*arguments[1:], *marks))
    if origin in {Union, UnionType}:
        return st.one_of(*(drawn(each, marks) for each in arguments))
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(st.deferred(lambda: drawn(arguments[0])), max_size=ITEMS).map(tuple)
    if origin is tuple:
        return st.tuples(*(drawn(each) for each in arguments))
    if origin is frozenset:
        return st.frozensets(drawn(arguments[0]), max_size=ITEMS)
    if origin is not None and issubclass(origin, Mapping):
        return st.dictionaries(drawn(arguments[0]), drawn(arguments[1]), max_size=ITEMS)
    return plain(annotation, marks)


def plain(annotation: object, marks: tuple[object, ...]) -> st.SearchStrategy[object]:
    """A strategy for a class: a scalar, an enumeration or a model."""
    assert isinstance(annotation, type), annotation
    if annotation is str:
        return texts(marks)
    if annotation in {int, float}:
        return numbers(annotation, marks)
    if issubclass(annotation, Enum):
        return st.sampled_from(annotation)
    if issubclass(annotation, BaseModel):
        return st.deferred(lambda: models(annotation))
    return SCALARS[annotation]


def bound(marks: tuple[object, ...], name: str) -> object:
    """The last value of a constraint, wherever pydantic keeps it."""
    found = None
    for mark in marks:
        for holder in (mark, *getattr(mark, "metadata", ())):
            value = getattr(holder, name, None)
            found = value if value is not None else found
    return found


def texts(marks: tuple[object, ...]) -> st.SearchStrategy[str]:
    pattern = bound(marks, "pattern")
    if pattern is not None:
        return st.from_regex(str(getattr(pattern, "pattern", pattern)).replace("$", r"\Z"))
    shortest = bound(marks, "min_length") or 0
    return st.text(st.characters(exclude_categories=["Cs"]), min_size=int(str(shortest)), max_size=12)


def numbers(kind: type, marks: tuple[object, ...]) -> st.SearchStrategy[int] | st.SearchStrategy[float]:
    least, above, most = (bound(marks, name) for name in ("ge", "gt", "le"))
    if kind is int:
        low = (
            -WHOLE_LIMIT
            if least is above is None
            else int(str(least))
            if least is not None
            else int(str(above)) + 1
        )
        return st.integers(low, WHOLE_LIMIT if most is None else int(str(most)))
    low = None if least is above is None else float(str(least if least is not None else above))
    high = None if most is None else float(str(most))
    return st.floats(low, high, allow_nan=False, allow_infinity=False, exclude_min=above is not None)
