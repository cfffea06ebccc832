"""Facts: named in the past tense, versioned, and the same after a journey through JSON."""

from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tests.unit.core.strategies import values_of
from vsm_core.codec import canonical_bytes, wire_bytes
from vsm_core.facts import FACT_CLASSES, AnyFact, Fact

CLASSES = [pytest.param(cls, id=name) for name, cls in sorted(FACT_CLASSES.items())]
BROAD = settings(
    max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None
)


@pytest.mark.parametrize("cls", CLASSES)
def test_its_kind_is_its_name_and_it_has_a_version(cls: type) -> None:
    assert cls.model_fields["kind"].default == cls.__name__  # type: ignore[attr-defined]
    assert cls.schema_version >= 1  # type: ignore[attr-defined]
    assert cls.__doc__


@pytest.mark.parametrize("cls", CLASSES)
@BROAD
@given(st.data())
def test_it_comes_back_from_json_as_it_was(cls: type, data: st.DataObject) -> None:
    fact = data.draw(values_of(cls))
    read = TypeAdapter(Fact).validate_json(wire_bytes(fact))
    assert read == fact
    assert canonical_bytes(read) == canonical_bytes(fact)


def test_the_table_has_every_fact() -> None:
    assert set(FACT_CLASSES.values()) == set(get_args(AnyFact))


def test_an_unknown_fact_is_refused() -> None:
    with pytest.raises(ValidationError, match="kind"):
        TypeAdapter(Fact).validate_python({"kind": "SunRose"})
