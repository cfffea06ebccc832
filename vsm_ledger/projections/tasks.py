"""Tasks as rows: who planned them, who has them, where they stand; the states are those of the planner.

Levels share one ledger: a task that a metasystem takes on was planned on its parent's stream, and is worked on in its
own. The planner's stream is the one that counts: a change of a task carries the stream it came from, and finds no row
when that stream is not the planner. ``parent_task_id`` is what links the levels.
"""

from vsm_core.codec import canonical_bytes
from vsm_core.facts import (
    AttemptLost,
    MergePrepared,
    MergeStarted,
    PublishingStarted,
    TaskAdmitted,
    TaskAssigned,
    TaskConcluded,
    TaskDeferred,
    TaskFinished,
    TaskIntegrated,
    TaskPlanned,
    TaskRefused,
    TaskRejected,
    TaskUnverified,
    TaskVerified,
    WorkKept,
)
from vsm_ledger.projections.change import Cell, Cells, Change, Changes, Origin
from vsm_ledger.projections.directives import of_directive


def planned(fact: TaskPlanned, origin: Origin) -> Changes:
    """Begin a row; a task that judges another one moves that one along."""
    packet = fact.packet
    cells: Cells = {
        "planner": origin.stream,
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
    }
    yield Change("tasks", {"task_id": fact.task_id}, cells, whole=True)
    yield of_directive(fact.directive_id, origin, state="working")
    if fact.verifies:
        yield _task(fact.verifies, origin, state="combining" if fact.combination else "verifying")


def assigned(fact: TaskAssigned, origin: Origin) -> Changes:
    """A child has it."""
    yield _task(fact.task_id, origin, state="assigned", node=fact.child, attempts=fact.attempt, reason="")


def deferred(fact: TaskDeferred, origin: Origin) -> Changes:
    """Nobody could have it yet."""
    yield _task(fact.task_id, origin, reason=f"{fact.check}: {fact.reason}")


def admitted(fact: TaskAdmitted, origin: Origin) -> Changes:
    """Its child works on it."""
    yield _task(fact.task_id, origin, state="admitted")


def refused(fact: TaskRefused, origin: Origin) -> Changes:
    """Its child would not have it."""
    yield _task(fact.task_id, origin, failure_class=fact.failure_class.value, reason=fact.reason)


def lost(fact: AttemptLost, origin: Origin) -> Changes:
    """An attempt ended without a result that counts: it is back in the plan."""
    yield _task(fact.task_id, origin, state="planned", reason=fact.reason)


def finished(fact: TaskFinished, origin: Origin) -> Changes:
    """A result is here; a metasystem's own record of what it reports upward does not count."""
    result = fact.result
    if result.produced_by == origin.stream:
        return
    yield _task(
        fact.task_id,
        origin,
        state="finished",
        failure_class=result.failure_class.value if result.failure_class else None,
        reason=result.reason,
        commit=result.commit,
        files_touched=canonical_bytes(result.files_touched).decode(),
    )


def verified(fact: TaskVerified, origin: Origin) -> Changes:
    """The result holds."""
    yield _task(fact.task_id, origin, state="verified")


def judged(fact: TaskRejected | TaskUnverified, origin: Origin) -> Changes:
    """The result does not hold, or nobody can say."""
    yield _task(fact.task_id, origin, reason=fact.reason)


def merging(fact: MergeStarted, origin: Origin) -> Changes:
    """The merge queue has it."""
    yield _task(fact.task_id, origin, state="merging")


def merged(fact: MergePrepared, origin: Origin) -> Changes:
    """A merge commit exists; where it is a new combination, it is verified next."""
    yield _task(fact.task_id, origin, state="prepared" if fact.fast_forward else "merging")


def publishing(fact: PublishingStarted, origin: Origin) -> Changes:
    """The branch is being moved."""
    yield _task(fact.task_id, origin, state="publishing")


def integrated(fact: TaskIntegrated, origin: Origin) -> Changes:
    """It is part of the integrator's tip."""
    yield _task(fact.task_id, origin, tip=fact.tip)


def kept(fact: WorkKept, origin: Origin) -> Changes:
    """Its unverified work is part of what is left for a human, unless it does not merge."""
    if fact.tip is not None:
        yield _task(fact.task_id, origin, tip=fact.tip)


def concluded(fact: TaskConcluded, origin: Origin) -> Changes:
    """Its one terminal state."""
    yield _task(
        fact.task_id,
        origin,
        state="concluded",
        outcome=fact.outcome.value,
        failure_class=fact.failure_class.value if fact.failure_class else None,
        reason=fact.reason,
        concluded_at=origin.occurred_at,
    )


def _task(task_id: str, origin: Origin, **cells: Cell) -> Change:
    return Change("tasks", {"task_id": task_id, "planner": origin.stream}, cells)
