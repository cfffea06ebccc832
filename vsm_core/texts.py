"""The free texts of any value: found by its class's annotations, wherever they stand in it.

Each class is read once; what can't hold a text is not looked at again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import is_not
from types import UnionType
from typing import Annotated, TypeVar, Union, cast, get_args, get_origin

from pydantic import BaseModel

from vsm_core.value import FreeText, Value

Change = Callable[[str], str]
Walk = Callable[[object, Change], object]  # the same value, if no text in it changed
ValueT = TypeVar("ValueT", bound=BaseModel)


def changed_texts(value: ValueT, change: Change) -> ValueT:
    """Return a value with each of its free texts, but empty ones, as ``change`` returns it."""
    walk = walk_of(type(value))
    return value if walk is None else cast(ValueT, walk(value, change))


def texts_in(value: BaseModel) -> list[str]:
    """Return the free texts of a value that are not empty."""
    found: list[str] = []

    def note(text: str) -> str:
        found.append(text)
        return text

    changed_texts(value, note)
    return found


_WALKS: dict[type, Walk | None] = {}


def walk_of(cls: type[BaseModel]) -> Walk | None:
    """Return what walks the texts of a class, made once from its annotations; None where it can't hold any."""
    if cls not in _WALKS:
        _WALKS[cls] = _walk_value  # a class may hold itself
        _WALKS[cls] = _walk_fields(cls)
    return _WALKS[cls]


def _walk_value(value: object, change: Change) -> object:
    return changed_texts(cast(BaseModel, value), change)


def _walk_fields(cls: type[BaseModel]) -> Walk | None:
    walks = tuple((name, walk) for name, walk in field_walks(cls) if walk is not None)
    if not walks:
        return None

    def walk_model(value: object, change: Change) -> object:
        cells = value.__dict__
        changes: dict[str, object] = {}
        for name, walk in walks:
            known = cells[name]
            if known:
                changed = walk(known, change)
                if changed is not known:
                    changes[name] = changed
        return cast(Value, value).model_copy(update=changes) if changes else value

    return walk_model


def field_walks(cls: type[BaseModel]) -> Iterator[tuple[str, Walk | None]]:
    """Yield for each field of a class what walks its texts; None where it can't hold any."""
    for name, field in cls.__pydantic_fields__.items():
        yield name, _walk_marked(field.annotation, field.metadata)


def _walk_marked(annotation: object, marks: Iterable[object]) -> Walk | None:
    return _walk_text if any(isinstance(mark, FreeText) for mark in marks) else _walk_annotated(annotation)


def _walk_annotated(annotation: object) -> Walk | None:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _walk_marked(inner[0], inner[1:])
    if origin in {Union, UnionType}:
        return _walk_union(inner)
    if origin is tuple:
        return _walk_tuple(inner)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _walk_mapping(_walk_annotated(inner[1]))
    return walk_of(annotation) if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _walk_text(value: object, change: Change) -> object:
    return change(cast(str, value)) if value else value


def _walk_union(members: tuple[object, ...]) -> Walk | None:
    """Models are told by their class; all else that can hold a text is one thing, beside None."""
    walks = [walk for each in members if (walk := _walk_annotated(each)) is not None]
    other = next((walk for each in members if not _is_model(each) and (walk := _walk_annotated(each))), None)

    def walk_member(value: object, change: Change) -> object:
        if isinstance(value, BaseModel):
            return changed_texts(value, change)
        return value if other is None else other(value, change)

    return walk_member if walks else None


def _is_model(annotation: object) -> bool:
    plain = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    return isinstance(plain, type) and issubclass(plain, BaseModel)


def _walk_tuple(members: tuple[object, ...]) -> Walk | None:
    walks = [_walk_annotated(each) for each in members if each is not Ellipsis]
    if not any(walks):
        return None

    def walk_items(value: object, change: Change) -> object:
        items = cast(tuple[object, ...], value)
        each = walks * len(items) if members[-1] is Ellipsis else walks
        changed = [walk(item, change) if walk else item for walk, item in zip(each, items, strict=True)]
        return tuple(changed) if any(map(is_not, changed, items)) else value

    return walk_items


def _walk_mapping(walk: Walk | None) -> Walk | None:
    if walk is None:
        return None

    def walk_values(value: object, change: Change) -> object:
        items = cast(Mapping[object, object], value)
        changed = {key: walk(item, change) for key, item in items.items()}
        return changed if any(map(is_not, changed.values(), items.values())) else value

    return walk_values
