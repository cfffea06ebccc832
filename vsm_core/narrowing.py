"""What is handed down is a part of what was received, at every depth; a wider wish is refused by its field.

A child contract names what a task may touch, use, spend and do, and until when. Each field must lie inside the
parent's; what a child leaves open is filled from the parent.
"""

from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from vsm_core.capability import NOTHING, Capabilities, covers
from vsm_core.errors import WideningError
from vsm_core.task import Budget
from vsm_core.value import Instant, Money, Value

NumberT = TypeVar("NumberT", int, float)
EVERYTHING = "*"  # as a tool: any


class Contract(Value):
    """What one task may touch, use, spend and do, and until when; None leaves a limit to the parent."""

    paths: tuple[str, ...] = (".",)
    tools: tuple[str, ...] = (EVERYTHING,)
    capabilities: Capabilities = NOTHING
    budget: Budget = Budget()
    deadline: Instant | None = None


def narrow(parent: Contract, child: Contract) -> Contract:
    """Return the child's contract with its open limits filled in; raise WideningError naming the field that widens."""
    _check_paths(parent.paths, child.paths)
    _check_tools(parent.tools, child.tools)
    if extra := sorted(child.capabilities - parent.capabilities):
        raise WideningError("capabilities", f"{extra[0]} is not among the parent's")
    budget = narrow_budget(parent.budget, child.budget)
    _check_budget(parent.budget, child.budget)
    if parent.deadline and child.deadline and child.deadline > parent.deadline:
        raise WideningError("deadline", f"{child.deadline} is after {parent.deadline}")
    return child.model_copy(
        update={
            "budget": budget,
            "deadline": narrow_deadline(parent.deadline, child.deadline),
        }
    )


def narrow_budget(parent: Budget, child: Budget) -> Budget:
    """Return the smaller limit of each field; raise WideningError where money is in two currencies."""
    return Budget(
        tokens=_least(parent.tokens, child.tokens),
        money=_least_money(parent.money, child.money),
        worker_seconds=_least(parent.worker_seconds, child.worker_seconds),
        attempts=_least(parent.attempts, child.attempts),
        tasks=_least(parent.tasks, child.tasks),
    )


def narrow_deadline(parent: datetime | None, child: datetime | None) -> datetime | None:
    """Return the earlier deadline; None where neither has one."""
    if parent is None or child is None:
        return parent or child
    return min(parent, child)


def _least(parent: NumberT | None, child: NumberT | None) -> NumberT | None:
    if parent is None or child is None:
        return child if parent is None else parent
    return min(parent, child)


def _least_money(parent: Money | None, child: Money | None) -> Money | None:
    if parent is None or child is None:
        return parent or child
    if parent.currency != child.currency:
        raise WideningError("budget.money", f"{child.currency} can't be taken out of {parent.currency}")
    return min(parent, child, key=lambda money: money.amount)


def _check_paths(parent: tuple[str, ...], child: tuple[str, ...]) -> None:
    for path in child:
        if not any(covers(tree, path) for tree in parent):
            raise WideningError("paths", f"{path} lies outside {', '.join(parent) or 'no path at all'}")


def _check_tools(parent: tuple[str, ...], child: tuple[str, ...]) -> None:
    for tool in child:
        if EVERYTHING not in parent and tool not in parent:
            raise WideningError("tools", f"{tool} is not among {', '.join(parent) or 'no tools at all'}")


def _check_budget(parent: Budget, child: Budget) -> None:
    granted, asked = _amounts(parent), _amounts(child)
    for field, most in granted.items():
        wanted = asked[field]
        if most is not None and wanted is not None and wanted > most:
            raise WideningError(f"budget.{field}", f"{wanted} is more than {most}")


def _amounts(budget: Budget) -> dict[str, int | float | Decimal | None]:
    return {
        "tokens": budget.tokens,
        "money": budget.money.amount if budget.money else None,
        "worker_seconds": budget.worker_seconds,
        "attempts": budget.attempts,
        "tasks": budget.tasks,
    }
