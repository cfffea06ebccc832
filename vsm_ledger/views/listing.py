"""Listing: rows of tasks, traces and facts as they are asked for, or how many there are of each sort.

One literal table says what each list may be filtered, sorted and grouped by. Filters by subtree and genome go through
the traces, and the closure of who is above whom.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, Table, func, or_, select

from vsm_ledger import schema
from vsm_ledger.joining import joined

ROWS_LISTED = 1_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows are asked for; None takes any. ``sort`` and ``group_by`` name columns of the list."""

    node: str | None = None
    subtree: str | None = None
    genome: str | None = None  # or the beginning of its id
    directive: str | None = None
    task: str | None = None
    kind: str | None = None
    since: str | None = None  # canonical times; the window does not hold its end
    until: str | None = None
    sort: str | None = None
    descending: bool = False
    group_by: str | None = None
    limit: int = ROWS_LISTED


class Listed(NamedTuple):
    """One list: its table, the columns that filters look at, and those that it may be sorted or grouped by."""

    table: Table
    node: str
    time: str
    order: str  # where nothing else is asked
    sorts: tuple[str, ...]
    groups: tuple[str, ...]


LISTS: Mapping[str, Listed] = {
    "tasks": Listed(
        schema.tasks,
        node="node",
        time="planned_at",
        order="planned_at",
        sorts=("planned_at", "concluded_at", "node", "role", "state", "outcome", "attempts", "task_id"),
        groups=("node", "role", "task_class", "state", "outcome", "failure_class", "planner", "directive_id"),
    ),
    "traces": Listed(
        schema.traces,
        node="node",
        time="traced_at",
        order="traced_at",
        sorts=(
            "traced_at",
            "node",
            "role",
            "outcome",
            "attempt",
            "input_tokens",
            "output_tokens",
            "latency_micros",
            "worker_micros",
            "lines_changed",
        ),
        groups=("node", "genome_id", "trial_id", "arm", "role", "task_class", "outcome", "failure_class"),
    ),
    "facts": Listed(
        schema.facts,
        node="stream",
        time="occurred_at",
        order="sequence",
        sorts=("sequence", "occurred_at", "stream", "kind"),
        groups=("stream", "kind", "directive_id", "task_id", "genome_id"),
    ),
}


def listing(connection: Connection, name: str, wanted: Wanted) -> tuple[Mapping[str, object], ...]:
    """Return the rows of a list, or ``{column, count}`` of each group, the largest first."""
    listed = LISTS[name]
    asked = _groups(listed, wanted) if wanted.group_by else _rows(listed, wanted)
    found = connection.execute(asked.limit(wanted.limit))
    if listed.table is schema.facts and not wanted.group_by:
        return tuple(joined(connection, found))
    names = [*map(str, found.keys())]  # they are text with marks of their own
    return tuple(dict(zip(names, row, strict=True)) for row in found)


def _rows(listed: Listed, wanted: Wanted) -> Select[*tuple[object, ...]]:
    first = listed.table.c[wanted.sort] if wanted.sort else _usual(listed)
    keys = [*listed.table.primary_key]
    order = [first.desc(), *(key.desc() for key in keys)] if wanted.descending else [first, *keys]
    return select(listed.table).where(*_conditions(listed, wanted)).order_by(*order)


def _usual(listed: Listed) -> ColumnElement[object]:
    """Tasks of one decision share their time, so it is the facts that say which was planned first."""
    planned = schema.facts.c
    if listed.table is not schema.tasks:
        return listed.table.c[listed.order]
    return (
        select(func.min(planned.sequence))
        .where(planned.task_id == schema.tasks.c.task_id, planned.kind == "TaskPlanned")
        .scalar_subquery()
    )


def _groups(listed: Listed, wanted: Wanted) -> Select[*tuple[object, ...]]:
    column = listed.table.c[str(wanted.group_by)]
    count = func.count().label("count")
    return (
        select(column, count)
        .where(*_conditions(listed, wanted))
        .group_by(column)
        .order_by(count.desc(), column)
    )


def _conditions(listed: Listed, wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    columns = listed.table.c
    equal = ((listed.node, wanted.node), ("directive_id", wanted.directive), ("task_id", wanted.task))
    for name, value in (*equal, ("kind", wanted.kind)):
        if value is not None:
            yield columns[name] == value
    if wanted.subtree is not None:
        yield _below(listed, wanted.subtree)
    if wanted.genome is not None:
        yield _under(listed, wanted.genome)
    if wanted.since is not None:
        yield columns[listed.time] >= wanted.since
    if wanted.until is not None:
        yield columns[listed.time] < wanted.until


def _below(listed: Listed, node: str) -> ColumnElement[bool]:
    """Whether a row is about a node, or about work that somebody at or below it did."""
    credit, traces = schema.trace_credit.c, schema.traces.c
    credited = select(credit.fact_id).where(credit.node == node)
    columns = listed.table.c
    if listed.table is schema.traces:
        return columns.fact_id.in_(credited)
    worked_on = columns.task_id.in_(select(traces.task_id).where(traces.fact_id.in_(credited)))
    return or_(columns[listed.node] == node, worked_on)


def _under(listed: Listed, genome: str) -> ColumnElement[bool]:
    columns, traces = listed.table.c, schema.traces.c
    if "genome_id" in columns:
        return columns.genome_id.startswith(genome, autoescape=True)
    traced = select(traces.task_id).where(traces.genome_id.startswith(genome, autoescape=True))
    return columns.task_id.in_(traced)
