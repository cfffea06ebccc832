"""Contracts narrow: a child's is a part of its parent's, or is refused by the name of the field that widens."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsm_core.capability import Capability, covers
from vsm_core.errors import WideningError
from vsm_core.narrowing import Contract, narrow, narrow_budget, narrow_deadline
from vsm_core.task import Budget
from vsm_core.value import Money

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PARENT = Contract(
    paths=("src", "docs"),
    tools=("ruff", "pytest"),
    capabilities=frozenset({Capability.WRITE_CODE, Capability.RUN_TESTS}),
    budget=Budget(tokens=100, money=Money(amount=Decimal(5)), worker_seconds=60.0, attempts=3, tasks=10),
    deadline=NOON,
)


def child(**fields: object) -> Contract:
    return Contract.model_validate({"paths": ("src",), "tools": ("ruff",), **fields})


def test_what_a_child_leaves_open_comes_from_its_parent() -> None:
    given_down = narrow(PARENT, child())
    assert given_down.budget == PARENT.budget
    assert given_down.deadline == NOON
    assert (given_down.paths, given_down.tools, given_down.capabilities) == (("src",), ("ruff",), frozenset())


def test_a_part_of_everything_is_granted_as_asked() -> None:
    asked = child(
        paths=("src/a", "docs"),
        capabilities={Capability.WRITE_CODE},
        budget=Budget(
            tokens=100, money=Money(amount=Decimal("4.99")), worker_seconds=1.5, attempts=1, tasks=0
        ),
        deadline=NOON - HOUR,
    )
    assert narrow(PARENT, asked) == asked


WIDER = (
    ("paths", {"paths": ("src", "tests")}),
    ("paths", {"paths": (".",)}),
    ("paths", {"paths": ("src/../tests",)}),
    ("paths", {"paths": ("/src",)}),
    ("tools", {"tools": ("ruff", "rm")}),
    ("tools", {"tools": ("*",)}),
    ("capabilities", {"capabilities": {Capability.REVIEW}}),
    ("budget.tokens", {"budget": {"tokens": 101}}),
    ("budget.money", {"budget": {"money": {"amount": "5.01"}}}),
    ("budget.money", {"budget": {"money": {"amount": "1", "currency": "EUR"}}}),
    ("budget.worker_seconds", {"budget": {"worker_seconds": 60.5}}),
    ("budget.attempts", {"budget": {"attempts": 4}}),
    ("budget.tasks", {"budget": {"tasks": 11}}),
    ("deadline", {"deadline": NOON + HOUR}),
)


@pytest.mark.parametrize(("field", "wish"), WIDER)
def test_a_wider_wish_is_refused_by_the_name_of_its_field(field: str, wish: dict[str, object]) -> None:
    with pytest.raises(WideningError, match="widens the parent's limit") as raised:
        narrow(PARENT, child(**wish))
    assert raised.value.field == field


@pytest.mark.parametrize(("field", "wish"), WIDER)
def test_an_open_parent_limits_only_paths_tools_and_capabilities(field: str, wish: dict[str, object]) -> None:
    opened = PARENT.model_copy(update={"budget": Budget(), "deadline": None})
    if field in {"paths", "tools", "capabilities"}:
        with pytest.raises(WideningError):
            narrow(opened, child(**wish))
    else:
        assert narrow(opened, child(**wish)) == child(**wish)


def test_a_parent_without_paths_or_tools_hands_none_down() -> None:
    for field in ("paths", "tools"):
        bare = PARENT.model_copy(update={field: ()})
        with pytest.raises(WideningError, match="at all"):
            narrow(bare, child())
    assert narrow(PARENT, child(paths=(), tools=())).paths == ()


def test_any_tool_covers_every_tool() -> None:
    opened = PARENT.model_copy(update={"tools": ("*",)})
    assert narrow(opened, child(tools=("anything", "*"))).tools == ("anything", "*")


AMOUNTS = st.none() | st.integers(0, 20)
BUDGETS = st.builds(
    Budget,
    tokens=AMOUNTS,
    money=st.none() | st.integers(0, 20).map(lambda amount: Money(amount=Decimal(amount))),
    worker_seconds=st.none() | st.floats(0, 20),
    attempts=AMOUNTS,
    tasks=AMOUNTS,
)
DEADLINES = st.none() | st.integers(0, 20).map(lambda hours: NOON + hours * HOUR)
CONTRACTS = st.builds(
    Contract,
    paths=st.lists(st.sampled_from((".", "src", "src/a", "docs", "src/a/b")), max_size=3).map(tuple),
    tools=st.lists(st.sampled_from(("*", "ruff", "pytest")), max_size=3).map(tuple),
    capabilities=st.frozensets(st.sampled_from(sorted(Capability)[:4])),
    budget=BUDGETS,
    deadline=DEADLINES,
)


@given(st.lists(CONTRACTS, min_size=2, max_size=6))
def test_narrowing_holds_at_every_depth(contracts: list[Contract]) -> None:
    line = [contracts[0]]
    for wish in contracts[1:]:
        try:
            line.append(narrow(line[-1], wish))
        except WideningError:
            continue
    for depth, lower in enumerate(line):
        for upper in line[:depth]:
            assert_within(upper, lower)


def assert_within(upper: Contract, lower: Contract) -> None:
    assert all(any(covers(tree, path) for tree in upper.paths) for path in lower.paths)
    assert "*" in upper.tools or set(lower.tools) <= set(upper.tools)
    assert lower.capabilities <= upper.capabilities
    assert narrow_budget(upper.budget, lower.budget) == lower.budget
    assert narrow_deadline(upper.deadline, lower.deadline) == lower.deadline


@given(BUDGETS, BUDGETS)
def test_a_narrowed_budget_is_the_smaller_of_each_field(parent: Budget, asked: Budget) -> None:
    narrowed = narrow_budget(parent, asked)
    for name in ("tokens", "worker_seconds", "attempts", "tasks"):
        both = [getattr(parent, name), getattr(asked, name)]
        present = [amount for amount in both if amount is not None]
        assert getattr(narrowed, name) == (min(present) if present else None)
    money = [each.amount for each in (parent.money, asked.money) if each]
    assert (narrowed.money.amount if narrowed.money else None) == (min(money) if money else None)
    assert narrow_budget(asked, parent) == narrowed
    assert narrow_budget(narrowed, narrowed) == narrowed


@given(DEADLINES, DEADLINES)
def test_a_narrowed_deadline_is_the_earlier(one: datetime | None, other: datetime | None) -> None:
    present = [each for each in (one, other) if each]
    assert narrow_deadline(one, other) == (min(present) if present else None)
