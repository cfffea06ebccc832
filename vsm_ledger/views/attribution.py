"""Attribution: who caused which outcomes, for a node itself and for all below it.

Theory of operation. A trace names its node and everybody above it. Traces of one line and one kind are added up by the
database, from the rollups or, where a window does not fall on full hours, from the traces themselves; both hold the
same whole numbers, so both ways answer the same. What is left, a row for each line, is spread over the line here: the
node gets all of it, its parent the initial weight, each one above a decayed share. Counts are never weighted.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from operator import add
from typing import NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Connection, Table, and_, cast, func, or_, select

from vsm_core.fitness import BLAMED, MILLISECONDS, SUCCEEDED, Decay, Interval, Weights, wilson
from vsm_ledger.projections.measures import BETWEEN, MICROS
from vsm_ledger.projections.rollups import DAY, HOUR
from vsm_ledger.schema import MEASURES, node_rollups, traces

NAMES_PER_QUERY = 5_000
Row = tuple[object, ...]
_FULL_HOUR = ":00:00.000000Z"
_MIDNIGHT, _DAYS_END = "T00", "T24"
_BEGINNING, _END = "", "9999-12-31T24"  # before and after any hour there is
_MICROS_PER_MILLISECOND = MICROS / MILLISECONDS


class GroupBy(StrEnum):
    """What a row of the answer stands for."""

    NODE = "node"
    GENOME = "genome"
    TRIAL = "trial"
    ARM = "arm"
    ROLE = "role"
    TASK_CLASS = "class"
    OUTCOME = "outcome"
    HOUR = "hour"
    DAY = "day"


_COLUMNS = {
    GroupBy.GENOME: "genome_id",
    GroupBy.TRIAL: "trial_id",
    GroupBy.ARM: "arm",
    GroupBy.ROLE: "role",
    GroupBy.TASK_CLASS: "task_class",
    GroupBy.OUTCOME: "outcome",
}


class Source(StrEnum):
    """From which rows an answer is made."""

    ROLLUPS = "rollups"
    TRACES = "traces"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked; None takes anything. A window holds what was traced from ``since`` on and before ``until``."""

    node: str | None = None
    subtree: str | None = None
    genome: str | None = None  # or the beginning of its id
    trial: str | None = None
    arm: str | None = None
    role: str | None = None
    task_class: str | None = None
    since: str | None = None  # canonical times
    until: str | None = None
    group_by: GroupBy = GroupBy.NODE
    source: Source | None = None  # None: rollups, where they can answer
    weights: Weights = field(default_factory=Weights)
    decay: Decay = field(default_factory=Decay)


@dataclass(frozen=True, slots=True)
class Figures:
    """What a set of attempts comes to; a success is one that counts, and whose work was not reverted."""

    attempts: int
    judged: int  # those that tell anything about who made them
    succeeded: int
    success: Interval  # where the rate lies, by Wilson's interval
    score: float
    outcomes: tuple[tuple[str, int], ...]
    reverted: int
    input_tokens: int
    output_tokens: int
    money: tuple[tuple[str, Decimal], ...]  # currency, amount
    worker_seconds: float
    latency_seconds: float  # of one attempt, on average
    lines_changed: int

    @property
    def rate(self) -> float | None:
        """The share of the judged attempts that succeeded; None where none was judged."""
        return self.succeeded / self.judged if self.judged else None


@dataclass(frozen=True, slots=True)
class Attributed:
    """One row: a node with its own attempts and those of all at or below it; both are the same for other groups."""

    name: str
    own: Figures
    whole: Figures


def attribution(connection: Connection, asked: Asked) -> tuple[Attributed, ...]:
    """Return a row for every node, or other group, by name; raise ValueError where rollups can't answer."""
    by_node = asked.group_by is GroupBy.NODE
    lines = sorted(_lines(connection, asked))  # sums of one order are the same sums
    tallies: dict[str, tuple[_Tally, _Tally]] = {}
    for line in lines:
        for depth, name in enumerate(_credited(line, asked.subtree) if by_node else (line.group,)):
            own, whole = tallies.setdefault(name, (_Tally(), _Tally()))
            score = _score(line, asked.weights)
            if depth == 0:
                own.add(line, score)
            whole.add(line, score * _share(depth, asked.decay))
    return tuple(
        Attributed(name, own.figures(), whole.figures())
        for name, (own, whole) in sorted(tallies.items())
        if not by_node or asked.node in {None, name}
    )


def source_of(asked: Asked) -> Source:
    """Return what answers: rollups count by the hour; raise ValueError where they were asked for and can't."""
    whole_hours = all(each is None or each[HOUR:] == _FULL_HOUR for each in (asked.since, asked.until))
    if asked.source is Source.ROLLUPS and not whole_hours:
        raise ValueError("rollups count by the hour: name full hours, or ask the traces")
    return asked.source or (Source.ROLLUPS if whole_hours else Source.TRACES)


# ------------------------------------------------------------------------------------------------------- reading


class _Line(NamedTuple):
    """Sums of the attempts of one group, or one node and line of ancestors, that ended alike."""

    group: str  # or the node
    ancestors: str
    outcome: str
    scored: int
    currency: str
    attempts: int
    merged: int
    reverted: int
    regressed: int
    overridden: int
    input_tokens: int
    output_tokens: int
    money_micros: int
    worker_micros: int
    latency_micros: int
    lines_changed: int
    coordination_units: int
    adjustment_micros: int


def _lines(connection: Connection, asked: Asked) -> Iterator[_Line]:
    rolled = source_of(asked) is Source.ROLLUPS
    rows = _rolled_up(connection, asked) if rolled else _traced(connection, asked)
    for row in rows:
        yield _Line._make(row if asked.group_by is GroupBy.NODE else (row[0], "", *row[1:]))


def _rolled_up(connection: Connection, asked: Asked) -> Iterator[Row]:
    keys = _keys(node_rollups, asked)
    sums = [_sum(node_rollups.c[name]) for name in ("attempts", *MEASURES)]
    wanted = select(*keys, *sums).where(*_conditions(node_rollups, asked)).group_by(*keys)
    return (tuple(row) for row in connection.execute(wanted))


def _traced(connection: Connection, asked: Asked) -> Iterator[Row]:
    """Add traces up by the number of their line, and what the line stands for is read from one trace of each."""
    in_time = asked.group_by in {GroupBy.HOUR, GroupBy.DAY}
    keys = [traces.c.line, *([_group(traces, asked)] if in_time else [])]
    sums = [func.count(), *(_sum(traces.c[name]) for name in MEASURES)]
    wanted = select(func.min(traces.c.fact_id), *sums).where(*_conditions(traces, asked)).group_by(*keys)
    found = {str(fact_id): tuple(map(int, counts)) for fact_id, *counts in connection.execute(wanted)}
    added: dict[Row, tuple[int, ...]] = {}
    for part in _parts(list(found)):
        named = select(traces.c.fact_id, *_keys(traces, asked)).where(traces.c.fact_id.in_(part))
        for fact_id, *key in connection.execute(named):
            counts, known = found[str(fact_id)], added.get(tuple(key))
            added[tuple(key)] = tuple(map(add, known, counts)) if known else counts
    return ((*key, *counts) for key, counts in added.items())


def _keys(table: Table, asked: Asked) -> list[ColumnElement[object]]:
    columns = table.c
    named = [columns.node, columns.ancestors] if asked.group_by is GroupBy.NODE else [_group(table, asked)]
    return [*named, columns.outcome, columns.scored, func.coalesce(columns.currency, "")]


def _parts(names: list[str]) -> Iterator[list[str]]:
    return (names[at : at + NAMES_PER_QUERY] for at in range(0, len(names), NAMES_PER_QUERY))


def _sum(column: ColumnElement[int]) -> ColumnElement[int]:
    return cast(func.sum(column), BigInteger)  # sums of big integers are decimal numbers on some databases


def _group(table: Table, asked: Asked) -> ColumnElement[str]:
    columns = table.c
    match asked.group_by:
        case GroupBy.HOUR:
            return _hour(table)
        case GroupBy.DAY:
            return func.substr(_hour(table), 1, DAY)
        case _:
            return func.coalesce(columns[_COLUMNS[asked.group_by]], "")


def _hour(table: Table) -> ColumnElement[str]:
    return table.c.period if table is node_rollups else func.substr(table.c.traced_at, 1, HOUR)


def _conditions(table: Table, asked: Asked) -> Iterator[ColumnElement[bool]]:
    columns = table.c
    for name, wanted in (("trial_id", asked.trial), ("arm", asked.arm), ("role", asked.role)):
        if wanted is not None:
            yield columns[name] == wanted
    if asked.task_class is not None:
        yield func.coalesce(columns.task_class, "") == asked.task_class
    if asked.genome is not None:
        yield columns.genome_id.startswith(asked.genome, autoescape=True)
    if asked.node is not None:
        yield _below(table, asked.node) if asked.group_by is GroupBy.NODE else columns.node == asked.node
    if asked.subtree is not None:
        yield _below(table, asked.subtree)
    if table is node_rollups:
        yield _periods(asked)
        return
    if asked.since is not None:
        yield columns.traced_at >= asked.since
    if asked.until is not None:
        yield columns.traced_at < asked.until


def _periods(asked: Asked) -> ColumnElement[bool]:
    """Take whole days where they are whole, and hours at both ends of a window."""
    span, period = node_rollups.c.span, node_rollups.c.period
    since, until = (asked.since or _BEGINNING)[:HOUR], (asked.until or _END)[:HOUR]
    if asked.group_by is GroupBy.HOUR:
        return and_(span == "hour", period >= since, period < until)
    whole = not since or since.endswith(_MIDNIGHT)
    first, last = since[:DAY] + ("" if whole else _DAYS_END), until[:DAY]
    if first >= last:
        return and_(span == "hour", period >= since, period < until)
    days = and_(span == "day", period >= first, period < last)
    before = and_(span == "hour", period >= since, period < first)
    after = and_(span == "hour", period >= last, period < until)
    return or_(days, before, after)


def _below(table: Table, node: str) -> ColumnElement[bool]:
    """Whether a trace was made at a node or below it."""
    line = BETWEEN + table.c.ancestors + BETWEEN
    return or_(table.c.node == node, line.contains(f"{BETWEEN}{node}{BETWEEN}", autoescape=True))


# ------------------------------------------------------------------------------------------------------ counting


@dataclass(slots=True)
class _Tally:
    """Sums while they are being made."""

    judged: int = 0
    succeeded: int = 0
    score: float = 0.0
    reverted: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    worker_micros: int = 0
    latency_micros: int = 0
    lines_changed: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    money: Counter[str] = field(default_factory=Counter)

    def add(self, line: _Line, score: float) -> None:
        self.outcomes[line.outcome] += line.attempts
        self.reverted += line.reverted
        if line.scored:
            self.judged += line.attempts
            self.score += score
            self.succeeded += max(0, line.attempts - line.reverted) if line.outcome in SUCCEEDED else 0
        self.input_tokens += line.input_tokens
        self.output_tokens += line.output_tokens
        self.worker_micros += line.worker_micros
        self.latency_micros += line.latency_micros
        self.lines_changed += line.lines_changed
        if line.currency:
            self.money[line.currency] += line.money_micros

    def figures(self) -> Figures:
        attempts = self.outcomes.total()
        return Figures(
            attempts=attempts,
            judged=self.judged,
            succeeded=self.succeeded,
            success=wilson(self.succeeded, self.judged),
            score=self.score,
            outcomes=tuple(sorted(self.outcomes.items())),
            reverted=self.reverted,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            money=tuple((name, Decimal(sum_) / MICROS) for name, sum_ in sorted(self.money.items())),
            worker_seconds=self.worker_micros / MICROS,
            latency_seconds=self.latency_micros / MICROS / attempts if attempts else 0.0,
            lines_changed=self.lines_changed,
        )


def _credited(line: _Line, subtree: str | None) -> Iterable[str]:
    """Return the node of a line and those above it, not beyond the top of what is asked for."""
    names = (line.group, *filter(None, line.ancestors.split(BETWEEN)))
    return names[: names.index(subtree) + 1] if subtree in names else names


def _share(depth: int, decay: Decay) -> float:
    return 1.0 if depth == 0 else decay.ancestor_initial_weight * decay.ancestor_decay ** (depth - 1)


def _score(line: _Line, weights: Weights) -> float:
    """Return what vsm_core.fitness.score_trace says of the line's traces together."""
    return (
        weights.merge * line.merged
        + weights.failed * (line.attempts if line.outcome in BLAMED else 0)
        + weights.reverted * line.reverted
        + weights.regression * line.regressed
        + weights.human_override * line.overridden
        - weights.token * (line.input_tokens + line.output_tokens)
        - weights.latency_millisecond * line.latency_micros / _MICROS_PER_MILLISECOND
        - weights.changed_line * line.lines_changed
        - weights.coordination_unit * line.coordination_units
        + line.adjustment_micros / MICROS
    )
