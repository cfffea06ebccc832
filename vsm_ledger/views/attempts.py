"""Attempts as receipts: for each assignment what was asked, who took it, what came of it, and by which facts we know.

Facts of a task on its planner's stream follow one another; what comes after an assignment is about that attempt, until
the next one. An attempt of which nothing more was heard gets its receipt all the same, with the cause of the silence.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from vsm_core.codec import digest
from vsm_core.facts import (
    AnyFact,
    AttemptLost,
    RecordedFact,
    ResultLate,
    TaskAdmitted,
    TaskAssigned,
    TaskConcluded,
    TaskFinished,
    TaskIntegrated,
    TaskPlanned,
    TaskRefused,
    TaskRejected,
    TaskUnverified,
    TaskVerified,
)
from vsm_core.payloads.work import TaskPacket
from vsm_core.task import Evidence, Usage
from vsm_ledger import schema
from vsm_ledger.joining import joined
from vsm_ledger.rows import instant_text, recorded_of

ASSIGNMENTS_PER_STEP = 500
_LOST = "lost"
Cells = dict[str, object]


@dataclass(slots=True)
class Attempt:
    """One assignment, and what was recorded of it until the next one."""

    planned: TaskPacket | None
    assigned: TaskAssigned
    facts: list[tuple[RecordedFact, str]] = field(default_factory=list)  # with their hashes

    def first(self, *kinds: type) -> AnyFact | None:
        """Return the first fact of some kinds."""
        return next((each.fact for each, _ in self.facts if isinstance(each.fact, kinds)), None)

    def every(self, *kinds: type) -> list[AnyFact]:
        """Return all facts of some kinds."""
        return [each.fact for each, _ in self.facts if isinstance(each.fact, kinds)]


def receipts_after(
    connection: Connection, after: int, directive: str | None, now: str
) -> tuple[list[Cells], int | None]:
    """Return receipts for the next assignments after a sequence, and that of the last; None where none is left."""
    columns = schema.facts.c
    assigned = select(columns.stream, columns.task_id, columns.sequence).where(
        columns.kind == "TaskAssigned", columns.sequence > after
    )
    if directive is not None:
        assigned = assigned.where(columns.directive_id == directive)
    rows = connection.execute(assigned.order_by(columns.sequence).limit(ASSIGNMENTS_PER_STEP)).all()
    if not rows:
        return [], None
    last = int(rows[-1].sequence)
    streams = set(map(str, connection.execute(select(schema.streams.c.stream)).scalars()))
    found = [
        (place, receipt)
        for task in dict.fromkeys((str(row.stream), str(row.task_id)) for row in rows)
        for place, receipt in _receipts(connection, task, streams, now)
        if after < place <= last
    ]
    return [receipt for _, receipt in sorted(found, key=lambda each: each[0])], last


def _receipts(
    connection: Connection, task: tuple[str, str], streams: set[str], now: str
) -> Iterator[tuple[int, Cells]]:
    stream, task_id = task
    columns = schema.facts.c
    wanted = select(schema.facts).where(columns.task_id == task_id, columns.stream == stream)
    rows = connection.execute(wanted.order_by(columns.version)).all()
    planned: TaskPacket | None = None
    attempts: list[tuple[int, Attempt]] = []
    for cells in joined(connection, rows):
        recorded = recorded_of(cells)
        fact = recorded.fact
        if isinstance(fact, TaskPlanned):
            planned = fact.packet
        if isinstance(fact, TaskAssigned):
            attempts.append((int(str(cells["sequence"])), Attempt(planned, fact)))
        if attempts:
            _belongs(fact, [each for _, each in attempts]).facts.append((recorded, str(cells["hash"])))
    for place, attempt in attempts:
        yield place, receipt_of(attempt, stream, metasystem=attempt.assigned.child in streams, now=now)


def _belongs(fact: AnyFact, attempts: Sequence[Attempt]) -> Attempt:
    """A late result belongs to the attempt that its execution was admitted for; all else to the newest."""
    if isinstance(fact, ResultLate):
        for attempt in attempts:
            admitted = attempt.first(TaskAdmitted)
            if isinstance(admitted, TaskAdmitted) and admitted.execution_id == fact.execution_id:
                return attempt
    return attempts[-1]


def receipt_of(attempt: Attempt, stream: str, *, metasystem: bool, now: str) -> Cells:
    """Return one receipt, without its place in a file."""
    assigned, planned = attempt.assigned, attempt.planned
    admitted = attempt.first(TaskAdmitted)
    return {
        "task_id": assigned.task_id,
        "directive_id": assigned.directive_id,
        "parent_task_id": planned.parent_task_id if planned else None,
        "role": planned.role if planned else None,
        "task_class": planned.task_class if planned else None,
        "attempt": assigned.attempt,
        "fencing_token": assigned.fencing_token,
        "planner": stream,
        "node": assigned.child,
        "metasystem": metasystem,
        "genome_id": assigned.genome_id,
        "trial_id": assigned.trial_id,
        "arm": assigned.arm,
        "prompt_hash": assigned.prompt_hash,
        "policy_hash": assigned.policy_hash,
        "base_commit": assigned.base_commit,
        "assigned_at": assigned.assigned_at,
        "execution_id": admitted.execution_id if isinstance(admitted, TaskAdmitted) else None,
        **_ending(attempt, now),
        "judgements": [
            _judgement(each) for each in attempt.every(TaskVerified, TaskRejected, TaskUnverified)
        ],
        "facts": [{"id": each.id, "kind": each.fact.kind, "hash": hash_} for each, hash_ in attempt.facts],
    }


def _ending(attempt: Attempt, now: str) -> Cells:
    """Return how an attempt ended; one that fell silent says why we think so."""
    ended = attempt.first(TaskFinished, TaskRefused, AttemptLost, TaskConcluded)
    late = attempt.first(ResultLate)
    usage = late.usage if isinstance(late, ResultLate) else Usage()
    silent: Cells = {"cost": _cost(usage), "model_served": usage.model_served, "late": late is not None}
    match ended:
        case TaskFinished(result=result):
            return {
                "outcome": result.outcome,
                "failure_class": result.failure_class,
                "commit": result.commit,
                "diff": result.diff,
                "evidence": [_evidence(each) for each in result.evidence],
                "cost": _cost(result.usage),
                "model_served": result.usage.model_served,
                "integrated": attempt.first(TaskIntegrated) is not None,
                "ended_at": _moment(attempt, ended),
                "late": False,
            }
        case TaskRefused():
            failure = ended.failure_class
            return {
                **silent,
                "outcome": "refused",
                "failure_class": failure,
                "ended_at": _moment(attempt, ended),
            }
        case AttemptLost() | TaskConcluded():
            outcome = _LOST if isinstance(ended, AttemptLost) else ended.outcome
            return {
                **silent,
                "outcome": outcome,
                "ended_at": _moment(attempt, ended),
                "silent": ended.reason or f"ended as {outcome} without a result",
            }
        case _:
            return {**silent, "silent": _silence(attempt, now)}


def _silence(attempt: Attempt, now: str) -> str:
    admitted = attempt.first(TaskAdmitted)
    if isinstance(admitted, TaskAdmitted):
        return f"execution {admitted.execution_id} began, and had not ended when this was written"
    until = instant_text(attempt.assigned.admit_by)
    return (
        f"nobody took it up by {until}"
        if until < now
        else f"nobody had taken it up yet; the offer stands until {until}"
    )


def _moment(attempt: Attempt, fact: AnyFact) -> str | None:
    return next((instant_text(each.occurred_at) for each, _ in attempt.facts if each.fact is fact), None)


def _cost(usage: Usage) -> Cells:
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "tool_calls": usage.tool_calls,
        "worker_seconds": usage.worker_seconds,
        "money": {"amount": usage.money.amount, "currency": usage.money.currency} if usage.money else None,
    }


def _evidence(evidence: Evidence) -> Cells:
    """A piece of evidence without its words: its digest covers them."""
    return {
        "digest": digest(evidence),
        "criterion": evidence.criterion,
        "where": evidence.where,
        "commit": evidence.commit,
        "exit_code": evidence.exit_code,
        "output_digest": evidence.output_digest,
    }


def _judgement(fact: AnyFact) -> Mapping[str, object]:
    assert isinstance(fact, TaskVerified | TaskRejected | TaskUnverified)
    judged: Cells = {"verdict": fact.kind, "evidence": [_evidence(each) for each in fact.evidence]}
    if not isinstance(fact, TaskUnverified):
        judged |= {"verifier_node": fact.verifier_node, "verifier_task_id": fact.verifier_task_id}
    return judged
