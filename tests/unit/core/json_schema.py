"""Just enough of JSON Schema to hold our own output against our own schemas; an unknown keyword fails loudly."""

import re
from collections.abc import Callable, Iterator

Json = object
Schema = dict[str, object]

TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
    "array": (list,),
    "object": (dict,),
}
COMMENTS = frozenset(
    {"$defs", "$ref", "default", "description", "discriminator", "examples", "format", "title", "uniqueItems"}
)


def problems(value: Json, schema: Schema) -> list[str]:
    """What is wrong with a value, each with its place."""
    return list(_check(value, schema, schema.get("$defs", {}), "$"))  # type: ignore[arg-type]


def _check(value: Json, schema: Schema, defs: dict[str, Schema], place: str) -> Iterator[str]:
    if isinstance(reference := schema.get("$ref"), str):
        yield from _check(value, defs[reference.rpartition("/")[2]], defs, place)
    for keyword, wanted in schema.items():
        if keyword in {"anyOf", "oneOf"}:
            found = [list(_check(value, each, defs, place)) for each in wanted]  # type: ignore[attr-defined]
            if all(found):
                yield f"{place}: none of {keyword} fits: {min(found, key=len)}"
        elif keyword in {"properties", "items", "prefixItems", "additionalProperties", "propertyNames"}:
            yield from _inside(value, schema, defs, place) if keyword == "properties" else ()
            yield from _each(value, keyword, wanted, defs, place)
        elif keyword not in COMMENTS and not RULES[keyword](value, wanted):
            yield f"{place}: {value!r} breaks {keyword} {wanted!r}"


def _inside(value: Json, schema: Schema, defs: dict[str, Schema], place: str) -> Iterator[str]:
    known: dict[str, Schema] = schema["properties"]  # type: ignore[assignment]
    if not isinstance(value, dict):
        return
    for name, item in value.items():
        if name in known:
            yield from _check(item, known[name], defs, f"{place}.{name}")
        elif schema.get("additionalProperties") is False:
            yield f"{place}: unknown property {name}"


def _each(value: Json, keyword: str, wanted: object, defs: dict[str, Schema], place: str) -> Iterator[str]:
    if not isinstance(wanted, dict | list):
        return
    if keyword == "items" and isinstance(value, list):
        pairs = [(item, wanted) for item in value]
    elif keyword == "prefixItems" and isinstance(value, list):
        pairs = list(zip(value, wanted, strict=True))
    elif keyword == "additionalProperties" and isinstance(value, dict):
        pairs = [(item, wanted) for item in value.values()]
    elif keyword == "propertyNames" and isinstance(value, dict):
        pairs = [(item, wanted) for item in value]
    else:
        return
    for number, (item, each) in enumerate(pairs):
        yield from _check(item, each, defs, f"{place}[{number}]")


def _is_type(value: Json, name: str) -> bool:
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float)


RULES: dict[str, Callable[..., bool]] = {
    "type": _is_type,
    "const": lambda value, wanted: value == wanted,
    "enum": lambda value, wanted: value in wanted,
    "required": lambda value, wanted: not isinstance(value, dict) or set(wanted) <= set(value),
    "pattern": lambda value, wanted: not isinstance(value, str) or bool(re.search(wanted, value)),
    "minLength": lambda value, wanted: not isinstance(value, str) or len(value) >= wanted,
    "maxLength": lambda value, wanted: not isinstance(value, str) or len(value) <= wanted,
    "minItems": lambda value, wanted: not isinstance(value, list) or len(value) >= wanted,
    "maxItems": lambda value, wanted: not isinstance(value, list) or len(value) <= wanted,
    "minimum": lambda value, wanted: not _is_number(value) or value >= wanted,
    "maximum": lambda value, wanted: not _is_number(value) or value <= wanted,
    "exclusiveMinimum": lambda value, wanted: not _is_number(value) or value > wanted,
}
