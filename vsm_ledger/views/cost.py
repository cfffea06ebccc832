"""Cost: what was spent, by node, genome, task or model; money in each currency for itself.

Counted are executions, those whose result came too late included: what is spent is spent. A metasystem's own result
repeats what lies below it, so only leaves' executions count. An attempt that was lost without ever a word is counted
as silent: nobody knows what it cost.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    cast,
    exists,
    func,
    literal,
    select,
)

from vsm_ledger.schema import executions, tasks, traces

COUNTS = 6  # executions, late, input and output tokens, calls, seconds
UNKNOWN = ""  # a model that nobody named
_LOST = "lost"
_SPENT_AS = {"node": "node", "genome": "genome_id", "task": "task_id", "model": "model_served"}
_TRACED_AS = {"node": "node", "genome": "genome_id", "task": "task_id"}


class CostBy(StrEnum):
    """What a row of the answer stands for."""

    NODE = "node"
    GENOME = "genome"
    TASK = "task"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class CostAsked:
    """What is asked: a directive or all of them, and when executions ended; times are canonical."""

    by: CostBy = CostBy.NODE
    directive: str | None = None
    since: str | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True)
class CostRow:
    """What one node, genome, task or model cost."""

    name: str
    attempts: int  # executions that ended, and silent ones
    late: int  # whose result came too late to count
    silent: int  # lost without a word: their cost is unknown
    input_tokens: int
    output_tokens: int
    tool_calls: int
    worker_seconds: float
    money: tuple[tuple[str, Decimal], ...]  # currency, amount


def cost(connection: Connection, asked: CostAsked) -> tuple[CostRow, ...]:
    """Return a row for each node, genome, task or model, by name."""
    found: dict[str, _Sum] = {}
    for name, *counts in connection.execute(_spent(asked)):
        found.setdefault(str(name), _Sum()).counts = [str(count) for count in counts]
    for name, currency, money in connection.execute(_paid(asked)):
        found[str(name)].pay(str(currency), Decimal(str(money)))
    for name, silent in connection.execute(_silent(asked)):
        found.setdefault(str(name), _Sum()).silent = int(str(silent))
    return tuple(each.row(name) for name, each in sorted(found.items()))


@dataclass(slots=True)
class _Sum:
    counts: list[str] = field(default_factory=lambda: ["0"] * COUNTS)  # as digits, since they may be wide
    money: dict[str, Decimal] = field(default_factory=dict)
    silent: int = 0

    def pay(self, currency: str, amount: Decimal) -> None:
        self.money[currency] = self.money.get(currency, Decimal(0)) + amount

    def row(self, name: str) -> CostRow:
        ended, late, read, written, calls = map(int, self.counts[:-1])
        money = tuple(sorted(self.money.items()))
        return CostRow(
            name, ended + self.silent, late, self.silent, read, written, calls, float(self.counts[-1]), money
        )


def _spent(asked: CostAsked) -> Select[*tuple[object, ...]]:
    columns = executions.c
    counted = [columns.late, columns.input_tokens, columns.output_tokens, columns.tool_calls]
    sums = [cast(func.sum(each), BigInteger) for each in counted]
    name = _name(asked.by)
    wanted = select(name, func.count(), *sums, func.sum(columns.worker_seconds))
    return wanted.where(*_conditions(asked)).group_by(name)


def _paid(asked: CostAsked) -> Select[*tuple[object, ...]]:
    """Amounts are exact decimal numbers as text, which no database adds up: they are added here."""
    columns = executions.c
    paid = select(_name(asked.by), columns.currency, columns.money)
    return paid.where(columns.currency.is_not(None), *_conditions(asked))


def _silent(asked: CostAsked) -> Select[*tuple[object, ...]]:
    """Count attempts of leaves that were traced as lost, and whose execution never reported its end."""
    lost, ended = traces.c, executions.c
    heard_of = exists().where(ended.task_id == lost.task_id, ended.execution_id == lost.execution_id)
    silent = (lost.outcome == _LOST, ~heard_of, ~_has_parts(lost.task_id))
    within = _in_window(asked, lost.directive_id, lost.traced_at)
    if asked.by is CostBy.MODEL:  # what says nothing names no model
        return select(literal(UNKNOWN), func.count()).where(*silent, *within).having(func.count() > 0)
    name = lost[_TRACED_AS[asked.by]]
    return select(name, func.count()).where(*silent, *within).group_by(name)


def _name(by: CostBy) -> ColumnElement[str]:
    return func.coalesce(executions.c[_SPENT_AS[by]], UNKNOWN)


def _conditions(asked: CostAsked) -> Iterator[ColumnElement[bool]]:
    yield ~_has_parts(executions.c.task_id)
    yield from _in_window(asked, executions.c.directive_id, executions.c.ended_at)


def _has_parts(task_id: ColumnElement[str]) -> ColumnElement[bool]:
    below = tasks.alias("below")
    return exists().where(below.c.parent_task_id == task_id)


def _in_window(
    asked: CostAsked, directive: ColumnElement[str], moment: ColumnElement[str]
) -> Iterator[ColumnElement[bool]]:
    if asked.directive is not None:
        yield directive == asked.directive
    if asked.since is not None:
        yield moment >= asked.since
    if asked.until is not None:
        yield moment < asked.until
