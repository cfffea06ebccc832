"""Canonical bytes, rule by rule: these vectors are the format, and a change of one is a new format."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from hashlib import sha256
from random import Random
from types import MappingProxyType
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsm_core.codec import canonical_bytes, digest, wire_bytes
from vsm_core.errors import CanonicalError
from vsm_core.value import Money, Sorted, Value


class Colour(StrEnum):
    RED = "red"


class Rank(IntEnum):
    FIRST = 1


class Weight(Enum):
    HEAVY = 2.5


class Sample(Value):
    """A value with one field of each kind that matters here."""

    zulu: int = 1
    alpha: str | None = None
    parts: tuple[int | None, ...] = ()
    names: Annotated[frozenset[str], Sorted] = frozenset()
    counts: Mapping[str, int | None] = {}


IN_TOKYO = datetime(2026, 1, 1, 9, 0, 0, 5, tzinfo=timezone(timedelta(hours=9)))

GOLDEN: tuple[tuple[object, str], ...] = (
    # scalars
    (None, "null"),
    (True, "true"),
    (False, "false"),
    ("plain", '"plain"'),
    ("ä€😀", '"ä€😀"'),  # no escapes above ASCII
    ('"\\\n\t\x00', r'"\"\\\n\t\u0000"'),
    # integers: strings from beyond 2**53 on
    (0, "0"),
    (-1, "-1"),
    (2**53 - 1, "9007199254740991"),
    (2**53, "9007199254740992"),
    (-(2**53), "-9007199254740992"),
    (2**53 + 1, '"9007199254740993"'),
    (-(2**53) - 1, '"-9007199254740993"'),
    (10**30, f'"{10**30}"'),
    # floats as orjson writes them
    (1.0, "1.0"),
    (-0.0, "-0.0"),
    (0.1, "0.1"),
    (1e100, "1e+100"),
    (1e-7, "1e-7"),
    # decimals as they are, trailing zeros and all
    (Decimal("1.10"), '"1.10"'),
    (Decimal(0), '"0"'),
    (Decimal("-1E+5"), '"-1E+5"'),
    # times: UTC, microseconds, Z
    (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), '"2026-01-02T03:04:05.000000Z"'),
    (datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC), '"2026-01-02T03:04:05.000678Z"'),
    (IN_TOKYO, '"2026-01-01T00:00:00.000005Z"'),
    # enums by value
    (Colour.RED, '"red"'),
    (Rank.FIRST, "1"),
    (Weight.HEAVY, "2.5"),
    # objects: sorted by code point, None omitted, no spaces
    ({}, "{}"),
    ({"b": 1, "a": 2, "B": 3}, '{"B":3,"a":2,"b":1}'),
    ({"a": None, "b": {"c": None}}, '{"b":{}}'),
    ({"\U00010000": 1, "\uffff": 2, "z": 3}, '{"z":3,"\uffff":2,"\U00010000":1}'),
    ({Colour.RED: 1}, '{"red":1}'),
    (MappingProxyType({"a": 1}), '{"a":1}'),
    # arrays keep their order and their nulls
    ([], "[]"),
    ((1, None, "a"), '[1,null,"a"]'),
    ([[1], (2,)], "[[1],[2]]"),
    # sets are sorted by their elements' canonical bytes
    (set(), "[]"),
    ({"b", "a"}, '["a","b"]'),
    (frozenset({10, 9, 1}), "[1,10,9]"),
    ({"10", 9, None}, '["10",9,null]'),
    (frozenset({(2, 1), (1, 2)}), "[[1,2],[2,1]]"),
    ({Colour.RED, "blue"}, '["blue","red"]'),
    # models are objects of their fields
    (Money(amount=Decimal("2.50")), '{"amount":"2.50","currency":"USD"}'),
    (
        Sample(parts=(1, None), names=frozenset("ba"), counts={"z": 1, "a": None}),
        '{"counts":{"z":1},"names":["a","b"],"parts":[1,null],"zulu":1}',
    ),
)


@pytest.mark.parametrize(("value", "text"), GOLDEN, ids=[ascii(text) for _, text in GOLDEN])
def test_canonical_bytes(value: object, text: str) -> None:
    assert canonical_bytes(value) == text.encode()


REFUSED: tuple[tuple[object, str], ...] = (
    (float("nan"), "nan"),
    (float("inf"), "inf"),
    ([-float("inf")], "inf"),
    (Decimal("NaN"), "NaN"),
    (Decimal("Infinity"), "Infinity"),
    (datetime(2026, 1, 1), "without a zone"),  # noqa: DTZ001 - it is what is refused
    (date(2026, 1, 1), "date has no canonical form"),
    (b"bytes", "bytes has no canonical form"),
    (object(), "object has no canonical form"),
    ({1: 2}, "a key must be text, not int"),
    ({"a": {"b": {3.5}, "c": float("nan")}}, "nan"),
    ("\ud800", "surrogates"),
    ({"\ud800": 1}, "surrogates"),
)


@pytest.mark.parametrize(("value", "reason"), REFUSED, ids=[reason for _, reason in REFUSED])
def test_what_has_no_canonical_form(value: object, reason: str) -> None:
    with pytest.raises(CanonicalError, match=reason):
        canonical_bytes(value)


def test_subclasses_are_written_as_what_they_are() -> None:
    class Word(str):
        __slots__ = ()

    class Size(float):
        __slots__ = ()

    assert canonical_bytes([Word("a"), Size(1.5)]) == b'["a",1.5]'


def test_digest_is_the_sha256_of_the_canonical_bytes() -> None:
    assert digest({"a": 1}) == sha256(b'{"a":1}').hexdigest()
    assert digest({"a": 1}) == "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"


def test_wire_bytes_leave_none_out_and_sort_sets() -> None:
    names = frozenset("hgfedcba")
    assert wire_bytes(Sample(names=names)) == (
        b'{"zulu":1,"parts":[],"names":["a","b","c","d","e","f","g","h"],"counts":{}}'
    )


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
WORDS = st.text(st.characters(codec="utf-8"))
LEAVES = SCALARS | WORDS
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner),
    max_leaves=20,
)


def shuffled(value: object) -> object:
    """The same value with every object's keys the other way round."""
    if isinstance(value, dict):
        return {key: shuffled(value[key]) for key in reversed(value)}
    return [shuffled(each) for each in value] if isinstance(value, list) else value


@given(JSON)
def test_canonical_bytes_do_not_depend_on_the_order_of_keys(value: object) -> None:
    assert canonical_bytes(value) == canonical_bytes(shuffled(value))


@given(st.lists(WORDS | st.tuples(st.integers(), WORDS), unique=True), st.randoms())
def test_canonical_bytes_do_not_depend_on_how_a_set_grew(items: list[object], random: Random) -> None:
    grown = dict.fromkeys(items)
    random.shuffle(items)
    assert canonical_bytes(set(items)) == canonical_bytes(grown.keys())


@given(JSON, JSON)
def test_two_values_share_their_bytes_only_if_they_are_alike(one: object, other: object) -> None:
    if canonical_bytes(one) == canonical_bytes(other):
        assert canonical_bytes([one, 1]) == canonical_bytes([other, 1])
    assert (digest(one) == digest(other)) == (canonical_bytes(one) == canonical_bytes(other))
