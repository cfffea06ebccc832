"""How a task ends: the terminal fact and the trace that attribution reads, made in one place."""

from dataclasses import dataclass
from datetime import datetime

from vsm_controller.state.controller import ControllerState, tasks_in
from vsm_controller.state.task import TaskState, TaskStatus
from vsm_core.facts import AnyFact, AttemptLost, DependencyReleased, TaskConcluded, TaskTraced
from vsm_core.genome import ancestors
from vsm_core.task import DiffSize, FailureClass, Outcome, TaskTrace, Usage

NO_DIFF, NO_USAGE = DiffSize(), Usage()
GOOD_ENDS = frozenset({Outcome.COMPLETED, Outcome.NO_CHANGE})


@dataclass(frozen=True, slots=True)
class End:
    """How a task ends, and why."""

    outcome: Outcome
    failure_class: FailureClass | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Loss:
    """Why an attempt came to nothing, and whether it counts against its task."""

    reason: str
    failure_class: FailureClass | None
    counted: bool = True


def conclude(
    state: ControllerState,
    task: TaskState,
    now: datetime,
    end: End,
) -> tuple[AnyFact, ...]:
    """Return the facts that end a task."""
    over = TaskConcluded(
        task_id=task.id,
        directive_id=task.packet.directive_id,
        outcome=end.outcome,
        failure_class=end.failure_class,
        reason=end.reason,
    )
    trace = (trace_of(state, task, now, end.outcome, end.failure_class),) if task.child else ()
    return (over, *trace, *_released(state, task, end.outcome))


def _released(state: ControllerState, task: TaskState, outcome: Outcome) -> tuple[AnyFact, ...]:
    if outcome not in GOOD_ENDS and not task.integrated:
        return ()
    return tuple(
        DependencyReleased(task_id=each.id, directive_id=each.packet.directive_id, dependency=task.id)
        for each in tasks_in(state, TaskStatus.WAITING)
        if task.id in each.packet.dependencies
    )


def lose_attempt(
    state: ControllerState,
    task: TaskState,
    now: datetime,
    loss: Loss,
) -> tuple[AnyFact, ...]:
    """Return the facts that put a task back into the plan; an attempt that counts leaves a trace."""
    outcome = task.result.outcome if task.result else Outcome.LOST
    lost = AttemptLost(
        task_id=task.id,
        directive_id=task.packet.directive_id,
        node=task.child or state.node_id,
        attempt=task.attempt,
        fencing_token=task.fencing_token,
        counted=loss.counted,
        reason=loss.reason or f"ended as {outcome}",
    )
    return (trace_of(state, task, now, outcome, loss.failure_class), lost) if loss.counted else (lost,)


def trace_of(
    state: ControllerState,
    task: TaskState,
    now: datetime,
    outcome: Outcome,
    failure_class: FailureClass | None = None,
) -> TaskTraced:
    """Return the trace of a task's newest attempt; the task must have a child."""
    child = task.child or state.node_id
    trace = TaskTrace(
        task_id=task.id,
        directive_id=task.packet.directive_id,
        attempt=task.attempt,
        execution_id=task.execution_id,
        node=child,
        ancestors=ancestors(state.genome, child),
        genome_id=state.genome.id,
        role=task.packet.role,
        task_class=task.packet.task_class,
        outcome=outcome,
        failure_class=failure_class,
        usage=task.result.usage if task.result else NO_USAGE,
        diff=task.result.diff if task.result else NO_DIFF,
        latency_seconds=_elapsed(task, now),
        tests_passed=_tests_passed(task, outcome),
        merged=task.merge_commit is not None and outcome is Outcome.COMPLETED,
    )
    return TaskTraced(task_id=task.id, directive_id=task.packet.directive_id, trace=trace)


def _elapsed(task: TaskState, now: datetime) -> float:
    return max(0.0, (now - task.assigned_at).total_seconds()) if task.assigned_at else 0.0


def _tests_passed(task: TaskState, outcome: Outcome) -> bool | None:
    if not task.evidence:
        return None
    return outcome is Outcome.COMPLETED
