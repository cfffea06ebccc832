"""History: what the ledger tells people; the read side, for the command line and for reports.

Rows come as frozen values. Reading never waits for a writer and never writes. What is written in facts alone (the
evidence, the words) is decoded from them; what projections hold is read from there.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

import orjson
from sqlalchemy import Connection, Row, Select, exists, func, select

from vsm_core.actor import Owner
from vsm_core.facts import AnyFact, RecordedFact, TaskFinished, TaskRejected, TaskUnverified, TaskVerified
from vsm_core.task import Evidence
from vsm_ledger import schema
from vsm_ledger.checkpoints import Checkpoint, read_copy
from vsm_ledger.claims import owner_of
from vsm_ledger.database import Connections, Place
from vsm_ledger.joining import joined
from vsm_ledger.opening import check
from vsm_ledger.rows import recorded_of
from vsm_ledger.views.why import Reason, reasons

AnswerT = TypeVar("AnswerT")
DIRECTIVES_LISTED = 100
FACTS_LISTED = 1_000
_WITH_EVIDENCE = ("TaskFinished", "TaskVerified", "TaskRejected", "TaskUnverified")


@dataclass(frozen=True, slots=True)
class DirectiveRow:
    """A directive and where it stands; times are RFC 3339 in UTC."""

    directive_id: str
    stream: str
    title: str
    origin: str
    risk: str
    repository: str | None
    state: str  # accepted, working, finished
    outcome: str | None
    reason: str
    branch: str | None
    commit: str | None
    base: str | None
    accepted_at: str
    finished_at: str | None


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task as its planner sees it; ``parent_task_id`` links it to the level above."""

    task_id: str
    planner: str
    directive_id: str
    mandate_id: str
    parent_task_id: str | None
    role: str
    task_class: str | None
    title: str
    dependencies: tuple[str, ...]
    verifies: str | None
    state: str
    node: str | None
    attempts: int
    outcome: str | None
    failure_class: str | None
    reason: str
    commit: str | None
    tip: str | None
    files_touched: tuple[str, ...]
    planned_at: str
    concluded_at: str | None


@dataclass(frozen=True, slots=True)
class FactRow:
    """A fact with its place: ``sequence`` orders the ledger, ``version`` its stream."""

    sequence: int
    stream: str
    version: int
    recorded: RecordedFact

    @property
    def fact(self) -> AnyFact:
        """The fact itself."""
        return self.recorded.fact


@dataclass(frozen=True, slots=True)
class FactFilter:
    """Which facts are asked for; None takes any. The oldest come first, at most ``limit`` after ``after``."""

    stream: str | None = None
    kind: str | None = None
    task_id: str | None = None
    directive_id: str | None = None
    causation_id: str | None = None
    after: int = 0  # a sequence
    limit: int = FACTS_LISTED


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """One command somebody ran for a task, and which fact says so."""

    task_id: str
    stream: str
    fact_id: str
    kind: str
    observed_by: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class UsageTotals:
    """What executions spent: those of leaves, since a metasystem's are the sum of what lies below it."""

    executions: int
    input_tokens: int
    output_tokens: int
    tool_calls: int
    worker_seconds: float
    money: tuple[tuple[str, Decimal], ...]  # currency, amount


@dataclass(frozen=True, slots=True)
class StreamRow:
    """A node's stream, and who runs the node now."""

    stream: str
    version: int
    epoch: int
    owner: Owner | None
    claimed_until: str | None


class History:
    """The read side of one ledger; made by ``open_history``."""

    def __init__(self, reader: Connections, organization: str) -> None:
        self.organization = organization
        self._reader = reader

    async def directives(self, limit: int = DIRECTIVES_LISTED) -> tuple[DirectiveRow, ...]:
        """Return the newest directives, newest first."""
        columns = schema.directives.c
        newest = select(schema.directives).order_by(columns.accepted_at.desc(), columns.directive_id.desc())
        return await self._reader.transact(partial(_directives, wanted=newest.limit(limit)))

    async def directive(self, directive_id: str) -> DirectiveRow | None:
        """Return one directive, or None."""
        wanted = select(schema.directives).where(schema.directives.c.directive_id == directive_id)
        found = await self._reader.transact(partial(_directives, wanted=wanted))
        return found[0] if found else None

    async def tasks(self, directive_id: str) -> tuple[TaskRow, ...]:
        """Return the tasks of a directive at all levels, in the order they were planned."""
        wanted = select(schema.tasks).where(schema.tasks.c.directive_id == directive_id)
        return await self._reader.transact(partial(_tasks, wanted=wanted))

    async def task(self, task_id: str) -> TaskRow | None:
        """Return one task, or None."""
        wanted = select(schema.tasks).where(schema.tasks.c.task_id == task_id)
        found = await self._reader.transact(partial(_tasks, wanted=wanted))
        return found[0] if found else None

    async def facts(self, asked: FactFilter | None = None) -> tuple[FactRow, ...]:
        """Return facts, oldest first; raise FactUnreadable where one can't be read."""
        return await self._reader.transact(partial(_facts, asked=asked or FactFilter()))

    async def evidence(self, directive_id: str) -> tuple[EvidenceRow, ...]:
        """Return what was observed for a directive, oldest first: by authors' harnesses and by verifiers."""
        return await self._reader.transact(partial(_evidence, directive_id=directive_id))

    async def usage(self, directive_id: str | None = None) -> UsageTotals:
        """Return what was spent on a directive, or on all of them."""
        return await self._reader.transact(partial(_usage, directive_id=directive_id))

    async def streams(self) -> tuple[StreamRow, ...]:
        """Return all streams by name, with the claims on their nodes."""
        return await self._reader.transact(_streams)

    async def why(self, task_id: str) -> tuple[Reason, ...]:
        """Return the causal chain of a task, from its directive to its result; nothing for an unknown task."""
        return await self._reader.transact(partial(reasons, task_id=task_id))

    async def ask(self, view: Callable[[Connection], AnswerT]) -> AnswerT:
        """Return what one of the views says, read in a transaction that sees one moment."""
        return await self._reader.transact(view)

    async def checkpoints(self) -> tuple[Checkpoint, ...]:
        """Return the ledger's own checkpoints by number, without those that can't be read; they are not verified."""
        return await self._reader.transact(_checkpoints)

    async def close(self) -> None:
        """Close the ledger."""
        await self._reader.close()


async def open_sql_history(place: Place) -> History:
    """Open a ledger for reading."""
    place.require()
    reader = place.reading()
    try:
        organization = await reader.transact(partial(check, place=str(place), organization=None))
    except BaseException:
        await reader.close()
        raise
    return History(reader, organization)


# ------------------------------------------------------------------------------------------------------- reading


def _directives(connection: Connection, wanted: Select[*tuple[object, ...]]) -> tuple[DirectiveRow, ...]:
    return tuple(DirectiveRow(**row._asdict()) for row in connection.execute(wanted))


def _tasks(connection: Connection, wanted: Select[*tuple[object, ...]]) -> tuple[TaskRow, ...]:
    """Tasks of one decision share their time, so it is the facts that say which was planned first."""
    planned = schema.facts.c
    order = (
        select(func.min(planned.sequence))
        .where(planned.task_id == schema.tasks.c.task_id, planned.kind == "TaskPlanned")
        .scalar_subquery()
    )
    return tuple(_task_row(row) for row in connection.execute(wanted.order_by(order)))


def _task_row(row: Row[*tuple[object, ...]]) -> TaskRow:
    cells = row._asdict()
    lists = {name: tuple(orjson.loads(cells[name])) for name in ("dependencies", "files_touched")}
    return TaskRow(**{**cells, **lists})


def _facts(connection: Connection, asked: FactFilter) -> tuple[FactRow, ...]:
    columns = schema.facts.c
    wanted = select(schema.facts).where(columns.sequence > asked.after)
    for name in ("stream", "kind", "task_id", "directive_id", "causation_id"):
        value = getattr(asked, name)
        if value is not None:
            wanted = wanted.where(columns[name] == value)
    rows = connection.execute(wanted.order_by(columns.sequence).limit(asked.limit))
    return tuple(_fact_row(cells) for cells in joined(connection, rows))


def _fact_row(cells: Mapping[str, Any]) -> FactRow:
    return FactRow(cells["sequence"], cells["stream"], cells["version"], recorded_of(cells))


def _evidence(connection: Connection, directive_id: str) -> tuple[EvidenceRow, ...]:
    columns = schema.facts.c
    wanted = select(schema.facts).where(
        columns.directive_id == directive_id, columns.kind.in_(_WITH_EVIDENCE)
    )
    rows = connection.execute(wanted.order_by(columns.sequence))
    return tuple(found for cells in joined(connection, rows) for found in _evidence_in(_fact_row(cells)))


def _evidence_in(row: FactRow) -> Iterator[EvidenceRow]:
    fact = row.fact
    match fact:
        case TaskFinished():
            if fact.result.produced_by == row.stream:
                return  # what it reports upward is recorded by its parent
            observed_by, evidence = fact.result.produced_by, fact.result.evidence
        case TaskVerified() | TaskRejected():
            observed_by, evidence = fact.verifier_node, fact.evidence
        case TaskUnverified():
            observed_by, evidence = row.stream, fact.evidence
        case _:
            return
    for each in evidence:
        yield EvidenceRow(fact.task_id, row.stream, row.recorded.id, fact.kind, observed_by, each)


def _usage(connection: Connection, directive_id: str | None) -> UsageTotals:
    spent, below = schema.executions.c, schema.tasks.alias("below")
    wanted = select(
        spent.input_tokens,
        spent.output_tokens,
        spent.tool_calls,
        spent.worker_seconds,
        spent.currency,
        spent.money,
    ).where(~exists().where(below.c.parent_task_id == spent.task_id))
    if directive_id is not None:
        wanted = wanted.where(spent.directive_id == directive_id)
    rows = connection.execute(wanted.order_by(spent.ended_at, spent.execution_id)).all()
    money: dict[str, Decimal] = {}
    for row in rows:
        if row.currency is not None:
            money[row.currency] = money.get(row.currency, Decimal(0)) + Decimal(row.money)
    return UsageTotals(
        executions=len(rows),
        input_tokens=sum(row.input_tokens for row in rows),
        output_tokens=sum(row.output_tokens for row in rows),
        tool_calls=sum(row.tool_calls for row in rows),
        worker_seconds=sum(row.worker_seconds for row in rows),
        money=tuple(sorted(money.items())),
    )


def _streams(connection: Connection) -> tuple[StreamRow, ...]:
    columns = schema.streams.c
    wanted = select(columns.stream, columns.version, columns.epoch, columns.owner, columns.claimed_until)
    return tuple(
        StreamRow(
            row.stream, row.version, row.epoch, owner_of(row.owner) if row.owner else None, row.claimed_until
        )
        for row in connection.execute(wanted.order_by(columns.stream))
    )


def _checkpoints(connection: Connection) -> tuple[Checkpoint, ...]:
    columns = schema.checkpoints.c
    bodies = connection.execute(select(columns.body).order_by(columns.number)).scalars()
    return tuple(found for body in bodies if (found := read_copy(body)) is not None)
