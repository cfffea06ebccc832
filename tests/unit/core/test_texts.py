"""The free texts of a value are found wherever they stand, and nothing else is."""

import gc
from collections.abc import Mapping
from typing import Annotated, Union

from pydantic import Field

from vsm_core.envelope import Envelope
from vsm_core.facts import FACT_CLASSES
from vsm_core.payloads.jobs import Job
from vsm_core.texts import changed_texts, field_walks, texts_in, walk_of
from vsm_core.value import Text, Value


class Bare(Value):
    count: int = 0
    inner: tuple[int, ...] = ()
    by_name: Mapping[str, int] = {}
    again: "Bare | None" = None


class Leaf(Value):
    text: Text = ""
    name: str = ""


class Tree(Value):
    leaf: Leaf = Leaf()
    maybe: Text | None = None
    either: Annotated[Union[Leaf, Bare], Field()] = Bare()  # noqa: UP007 - as older annotations are
    leaf_or_none: Leaf | None = None
    many: tuple[Text, ...] = ()
    pair: tuple[str, Text] = ("", "")
    by_name: Mapping[str, Leaf] = {}
    children: tuple["Tree", ...] = ()
    names: frozenset[str] = frozenset()


FULL = Tree(
    leaf=Leaf(text="1", name="n"),
    maybe="2",
    either=Leaf(text="3"),
    leaf_or_none=Leaf(text="4"),
    many=("5", "", "6"),
    pair=("p", "7"),
    by_name={"a": Leaf(text="8"), "b": Leaf()},
    children=(Tree(maybe="9"),),
    names=frozenset({"n"}),
)


def test_all_texts_are_found_in_the_order_of_the_fields() -> None:
    assert texts_in(FULL) == list("123456789")


def test_texts_are_changed_and_nothing_else_is() -> None:
    changed = changed_texts(FULL, lambda text: f"<{text}>")
    assert texts_in(changed) == [f"<{digit}>" for digit in "123456789"]
    assert changed.leaf.name == "n"
    assert changed.pair == ("p", "<7>")
    assert changed.many == ("<5>", "", "<6>")
    assert changed_texts(changed, lambda text: text[1:-1]) == FULL


def test_what_does_not_change_is_the_same_value() -> None:
    for value in (FULL, Tree(), Tree(either=Bare(count=1)), Bare(), Bare(again=Bare(inner=(1,)))):
        assert changed_texts(value, lambda text: text) is value


def test_a_class_without_texts_has_nothing_to_walk() -> None:
    assert walk_of(Bare) is None or texts_in(Bare(again=Bare())) == []
    assert walk_of(FACT_CLASSES["DependencyReleased"]) is None


def values() -> list[type[Value]]:
    gc.collect()
    known, waiting = set(), [Value]
    while waiting:
        new = set(waiting.pop().__subclasses__()) - known
        known |= new
        waiting += new
    return sorted((each for each in known if each.__module__.startswith("vsm_core.")), key=str)


def test_no_field_that_is_marked_as_free_text_is_missed() -> None:
    assert {Envelope, Job} < set(values())
    missed = [
        f"{cls.__name__}.{name}"
        for cls in values()
        for name, walk in field_walks(cls)
        if walk is None and "FreeText" in repr(cls.model_fields[name])
    ]
    assert missed == []


def test_the_walk_goes_through_the_values_inside() -> None:
    inside = {"DirectiveAccepted": "directive", "TaskPlanned": "packet", "TaskFinished": "result"}
    for kind, field in inside.items():
        assert dict(field_walks(FACT_CLASSES[kind]))[field] is not None
    assert dict(field_walks(Envelope))["payload"] is not None
    assert dict(field_walks(FACT_CLASSES["TaskAssigned"]))["rejected_children"] is not None
