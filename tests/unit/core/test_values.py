"""Values: frozen, closed, and their derivations never outlive their fields."""

from copy import copy
from datetime import UTC, datetime, timedelta, timezone
from functools import cached_property

import pytest
from pydantic import ValidationError

from vsm_core.node import ApprovalRule, LeafOperation, RoutingRules, ToolSpec, ViableNode
from vsm_core.task import Adjustment, Budget, Risk
from vsm_core.value import TEXT_LIMIT, FreeText, Instant, Money, Text, Value


class Note(Value):
    """A text and a moment."""

    text: Text = ""
    at: Instant = datetime(2026, 1, 1, tzinfo=UTC)

    @cached_property
    def loud(self) -> str:
        """The text, louder."""
        return self.text.upper()


def test_a_value_is_frozen_and_closed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Note().text = "b"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs"):
        Note.model_validate({"mood": "good"})


def test_a_copy_drops_what_was_derived() -> None:
    note = Note(text="a")
    assert note.loud == "A"
    assert note.model_copy(update={"text": "b"}).loud == "B"
    for copied in (note.model_copy(), copy(note), note.model_copy(deep=True)):
        assert copied == note
        assert "loud" not in copied.__dict__
        assert copied.model_fields_set == {"text"}


def test_an_instant_is_aware_and_in_utc() -> None:
    in_tokyo = datetime(2026, 1, 1, 9, tzinfo=timezone(timedelta(hours=9)))
    assert Note(at=in_tokyo).at.tzinfo is UTC
    assert Note(at=in_tokyo) == Note()
    with pytest.raises(ValidationError, match="timezone"):
        Note(at=datetime(2026, 1, 1))  # noqa: DTZ001 - it is what is refused


def test_a_text_is_bounded_and_marked_as_free() -> None:
    assert len(Note(text="x" * TEXT_LIMIT).text) == TEXT_LIMIT
    with pytest.raises(ValidationError):
        Note(text="x" * (TEXT_LIMIT + 1))
    assert any(isinstance(mark, FreeText) for mark in Note.model_fields["text"].metadata)


REFUSED: tuple[tuple[type[Value], dict[str, object]], ...] = (
    (Money, {"currency": "usd"}),
    (Money, {"amount": "NaN"}),
    (Budget, {"tokens": -1}),
    (Budget, {"worker_seconds": float("nan")}),
    (Adjustment, {"author": "ada", "reason": "r", "delta": float("inf")}),
    (ViableNode, {"id": "Root"}),
    (ViableNode, {"id": "a", "name": "line\nbreak"}),
    (ViableNode, {"id": "a", "name": "x" * 121}),
    (LeafOperation, {"kind": "Coding"}),
    (ToolSpec, {"name": "ruff", "timeout_seconds": 0}),
    (RoutingRules, {"weight": 0}),
    (ApprovalRule, {"at_risk": "low", "effect": "dance"}),
)


@pytest.mark.parametrize(("cls", "fields"), REFUSED)
def test_what_a_field_refuses(cls: type[Value], fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        cls.model_validate(fields)


def test_a_node_is_named_after_its_id_unless_it_has_a_name() -> None:
    assert ViableNode(id="coder").name == "coder"
    assert ViableNode(id="coder", name="Ada 😀").name == "Ada 😀"
    assert ApprovalRule(at_risk=Risk.HIGH).effect == "assign"
