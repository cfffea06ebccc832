"""What a client is told of the cost: amounts of one currency add up, amounts of several are never mixed."""

from decimal import Decimal

import pytest

from tests.unit.controller.cast import task
from vsm_controller.state.task import TaskState
from vsm_controller.system_3.reports import total_usage
from vsm_core.payloads.work import TaskResult
from vsm_core.task import Outcome, Usage
from vsm_core.value import Money


def spent(*amounts: tuple[str, str]) -> tuple[TaskState, ...]:
    """Return tasks whose newest attempts cost so much."""
    return tuple(_costing(Money(amount=Decimal(amount), currency=currency)) for amount, currency in amounts)


def _costing(money: Money) -> TaskState:
    result = TaskResult(
        task_id="t",
        attempt=1,
        fencing_token=1,
        execution_id="e",
        produced_by="linter",
        outcome=Outcome.COMPLETED,
        usage=Usage(money=money),
    )
    return TaskState(packet=task("t"), mandate_id="m", ordinal=0, result=result)


@pytest.mark.parametrize(
    ("amounts", "total"),
    [
        ((("1.10", "USD"), ("2.20", "USD")), Money(amount=Decimal("3.30"))),
        ((("1.10", "USD"), ("2.20", "EUR")), None),
        ((), None),
    ],
)
def test_money_is_added_up_within_a_currency(
    amounts: tuple[tuple[str, str], ...], total: Money | None
) -> None:
    assert total_usage(spent(*amounts)).money == total
