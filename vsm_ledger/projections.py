"""Projections: which rows of the read models each fact changes.

One literal table says it all: fact kind -> projection. A projection is a pure function from a fact and its origin to
changes, so the tables can be dropped and made again from the facts, with the same rows.

Levels share one ledger: a task that a metasystem takes on was planned on its parent's stream, and is worked on in its
own. The planner's stream is the one that counts: a change of a task carries the stream it came from, and finds no row
when that stream is not the planner. ``parent_task_id`` is what links the levels.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from vsm_core.codec import canonical_bytes
from vsm_core.facts import (
    AnyFact,
    AttemptLost,
    BranchMoved,
    DirectiveAccepted,
    DirectiveFinished,
    EnvelopeRefused,
    GenomeAdopted,
    MergeConflicted,
    MergePrepared,
    MergeStarted,
    ResultLate,
    TaskAdmitted,
    TaskAssigned,
    TaskConcluded,
    TaskDeferred,
    TaskFinished,
    TaskIntegrated,
    TaskPlanned,
    TaskRefused,
    TaskRejected,
    TaskTraced,
    TaskUnverified,
    TaskVerified,
)
from vsm_core.task import Usage

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where and when a fact was recorded."""

    stream: str
    fact_id: str
    occurred_at: str
    genome_id: str


@dataclass(frozen=True, slots=True)
class Change:
    """One row of one table, found by ``key``: written whole if ``whole``, else only the cells named, if it exists."""

    table: str
    key: Mapping[str, Cell]
    cells: Mapping[str, Cell] = field(default_factory=dict)
    whole: bool = False


Changes = Iterable[Change]


def changes_of(fact: AnyFact, origin: Origin) -> Changes:
    """Return what a fact changes in the read models; nothing for what is history only."""
    project = PROJECTIONS.get(fact.kind)
    return project(fact, origin) if project else ()


# ---------------------------------------------------------------------------------------------------- directives


def _directive_accepted(fact: DirectiveAccepted, origin: Origin) -> Changes:
    asked = fact.directive
    cells: dict[str, Cell] = {
        "stream": origin.stream,
        "title": asked.title,
        "origin": asked.origin,
        "risk": asked.risk.value,
        "repository": asked.repository.identity if asked.repository else None,
        "state": "accepted",
        "outcome": None,
        "reason": "",
        "branch": None,
        "commit": None,
        "base": asked.repository.base_commit if asked.repository else None,
        "accepted_at": origin.occurred_at,
        "finished_at": None,
    }
    return (Change("directives", {"directive_id": fact.directive_id}, cells, whole=True),)


def _directive(directive_id: str, origin: Origin, **cells: Cell) -> Change:
    return Change("directives", {"directive_id": directive_id, "stream": origin.stream}, cells)


def _branch_moved(fact: BranchMoved, origin: Origin) -> Changes:
    return (_directive(fact.directive_id, origin, branch=fact.ref, commit=fact.commit),)


def _directive_finished(fact: DirectiveFinished, origin: Origin) -> Changes:
    cells: dict[str, Cell] = {"state": "finished", "outcome": fact.outcome.value, "reason": fact.reason}
    found = {"branch": fact.branch, "commit": fact.commit, "base": fact.base}
    cells.update({name: value for name, value in found.items() if value is not None})
    return (_directive(fact.directive_id, origin, finished_at=origin.occurred_at, **cells),)


# --------------------------------------------------------------------------------------------------------- tasks


def _task_planned(fact: TaskPlanned, origin: Origin) -> Changes:
    packet = fact.packet
    cells: dict[str, Cell] = {
        "directive_id": fact.directive_id,
        "mandate_id": fact.mandate_id,
        "parent_task_id": packet.parent_task_id,
        "role": packet.role.value,
        "task_class": packet.task_class,
        "title": packet.title,
        "dependencies": canonical_bytes(packet.dependencies).decode(),
        "verifies": fact.verifies,
        "state": "planned",
        "node": None,
        "attempts": 0,
        "outcome": None,
        "failure_class": None,
        "reason": "",
        "commit": None,
        "tip": None,
        "files_touched": "[]",
        "planned_at": origin.occurred_at,
        "concluded_at": None,
        "planner": origin.stream,
    }
    return (
        Change("tasks", {"task_id": fact.task_id}, cells, whole=True),
        _directive(fact.directive_id, origin, state="working"),
    )


def _task(task_id: str, origin: Origin, **cells: Cell) -> Changes:
    return (Change("tasks", {"task_id": task_id, "planner": origin.stream}, cells),)


def _task_assigned(fact: TaskAssigned, origin: Origin) -> Changes:
    return _task(fact.task_id, origin, state="assigned", node=fact.child, attempts=fact.attempt)


def _task_deferred(fact: TaskDeferred, origin: Origin) -> Changes:
    return _task(fact.task_id, origin, reason=fact.reason)


def _task_admitted(fact: TaskAdmitted, origin: Origin) -> Changes:
    return _task(fact.task_id, origin, state="working", node=fact.node)


def _task_refused(fact: TaskRefused, origin: Origin) -> Changes:
    return _task(
        fact.task_id, origin, state="refused", failure_class=fact.failure_class.value, reason=fact.reason
    )


def _attempt_lost(fact: AttemptLost, origin: Origin) -> Changes:
    return _task(fact.task_id, origin, state="lost", reason=fact.reason)


def _task_finished(fact: TaskFinished, origin: Origin) -> Changes:
    result = fact.result
    if result.produced_by == origin.stream:  # a metasystem reports upward; its parent's record counts
        return ()
    execution = _execution(fact.task_id, result.execution_id, result.usage, late=0)
    execution.update(
        stream=origin.stream,
        directive_id=fact.directive_id,
        node=result.produced_by,
        attempt=result.attempt,
        outcome=result.outcome.value,
        failure_class=result.failure_class.value if result.failure_class else None,
        ended_at=origin.occurred_at,
    )
    task = _task(
        fact.task_id,
        origin,
        state="reported",
        failure_class=result.failure_class.value if result.failure_class else None,
        reason=result.reason,
        commit=result.commit,
        files_touched=canonical_bytes(result.files_touched).decode(),
    )
    return (*task, _execution_row(execution))


def _result_late(fact: ResultLate, origin: Origin) -> Changes:
    execution = _execution(fact.task_id, fact.execution_id, fact.usage, late=1)
    execution.update(
        stream=origin.stream,
        directive_id=fact.directive_id,
        node=fact.node,
        attempt=0,
        outcome=fact.outcome.value,
        failure_class=None,
        ended_at=origin.occurred_at,
    )
    return (_execution_row(execution),)


def _execution(task_id: str, execution_id: str, usage: Usage, *, late: int) -> dict[str, Cell]:
    return {
        "task_id": task_id,
        "execution_id": execution_id,
        "late": late,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "tool_calls": usage.tool_calls,
        "money": str(usage.money.amount) if usage.money else None,
        "currency": usage.money.currency if usage.money else None,
        "worker_seconds": usage.worker_seconds,
        "model_served": usage.model_served,
    }


def _execution_row(cells: dict[str, Cell]) -> Change:
    key = {name: cells.pop(name) for name in ("task_id", "execution_id")}
    return Change("executions", key, cells, whole=True)


def _task_verified(fact: TaskVerified, origin: Origin) -> Changes:
    return _task(fact.task_id, origin, state="verified")


def _task_rejected(fact: TaskRejected, origin: Origin) -> Changes:
    return _task(fact.task_id, origin, state="rejected", reason=fact.reason)


def _task_unverified(fact: TaskUnverified, origin: Origin) -> Changes:
    return _task(fact.task_id, origin, state="unverified", reason=fact.reason)


def _merging(fact: MergeStarted | MergePrepared, origin: Origin) -> Changes:
    return _task(fact.task_id, origin, state="merging")


def _merge_conflicted(fact: MergeConflicted, origin: Origin) -> Changes:
    return _task(fact.task_id, origin, state="conflicted")


def _task_integrated(fact: TaskIntegrated, origin: Origin) -> Changes:
    return _task(fact.task_id, origin, state="integrated", tip=fact.tip)


def _task_concluded(fact: TaskConcluded, origin: Origin) -> Changes:
    cells: dict[str, Cell] = {"failure_class": fact.failure_class.value if fact.failure_class else None}
    if fact.reason:
        cells["reason"] = fact.reason
    return _task(
        fact.task_id,
        origin,
        state="done",
        outcome=fact.outcome.value,
        concluded_at=origin.occurred_at,
        **cells,
    )


# ------------------------------------------------------------------------------------------------- and the rest


def _task_traced(fact: TaskTraced, origin: Origin) -> Changes:
    trace = fact.trace
    usage = trace.usage
    cells: dict[str, Cell] = {
        "task_id": fact.task_id,
        "directive_id": fact.directive_id,
        "node": trace.node,
        "attempt": trace.attempt,
        "genome_id": trace.genome_id,
        "trial_id": trace.trial_id,
        "arm": trace.arm.value,
        "role": trace.role.value,
        "task_class": trace.task_class,
        "outcome": trace.outcome.value,
        "failure_class": trace.failure_class.value if trace.failure_class else None,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "money": str(usage.money.amount) if usage.money else None,
        "currency": usage.money.currency if usage.money else None,
        "worker_seconds": usage.worker_seconds,
        "latency_seconds": trace.latency_seconds,
        "lines_changed": trace.diff.lines_added + trace.diff.lines_deleted,
        "traced_at": origin.occurred_at,
    }
    depths = {node: depth for depth, node in reversed(list(enumerate((trace.node, *trace.ancestors))))}
    return (
        Change("traces", {"fact_id": origin.fact_id}, cells, whole=True),
        *(
            Change("trace_credit", {"fact_id": origin.fact_id, "node": node}, {"depth": depth}, whole=True)
            for node, depth in depths.items()
        ),
    )


def _genome_adopted(fact: GenomeAdopted, origin: Origin) -> Changes:
    cells: dict[str, Cell] = {"adopted_at": origin.occurred_at, "replaces": fact.replaces}
    return (Change("genomes", {"genome_id": fact.genome_id, "stream": origin.stream}, cells, whole=True),)


def _envelope_refused(fact: EnvelopeRefused, origin: Origin) -> Changes:
    cells: dict[str, Cell] = {
        "source": fact.source,
        "channel": fact.channel,
        "payload_type": fact.payload_type,
        "reason": fact.reason,
        "refused_at": origin.occurred_at,
    }
    key = {"stream": origin.stream, "envelope_id": fact.envelope_id}
    return (Change("dead_letters", key, cells, whole=True),)


PROJECTIONS: Mapping[str, Callable[..., Changes]] = {
    "DirectiveAccepted": _directive_accepted,
    "TaskPlanned": _task_planned,
    "TaskAssigned": _task_assigned,
    "TaskDeferred": _task_deferred,
    "TaskAdmitted": _task_admitted,
    "TaskRefused": _task_refused,
    "TaskFinished": _task_finished,
    "AttemptLost": _attempt_lost,
    "ResultLate": _result_late,
    "TaskVerified": _task_verified,
    "TaskRejected": _task_rejected,
    "TaskUnverified": _task_unverified,
    "MergeStarted": _merging,
    "MergePrepared": _merging,
    "MergeConflicted": _merge_conflicted,
    "TaskIntegrated": _task_integrated,
    "TaskConcluded": _task_concluded,
    "BranchMoved": _branch_moved,
    "DirectiveFinished": _directive_finished,
    "TaskTraced": _task_traced,
    "GenomeAdopted": _genome_adopted,
    "EnvelopeRefused": _envelope_refused,
}
HISTORY_ONLY = frozenset(
    {
        "RepositorySurveyed",
        "DependencyReleased",
        "ClosingStarted",
        "WorkerFactRecorded",
        "ResultAcknowledged",
        "ExecutionRevoked",
        "CancelRequested",
        "ProcessStarted",
        "ProcessStopping",
    }
)
