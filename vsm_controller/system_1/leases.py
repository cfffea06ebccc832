"""System 1, task leases: two clocks, both the controller's.

``admit_by`` runs from assignment to admission; its expiry re-routes and counts no attempt. The lease runs from
admission, is renewed by each sign of life, and its expiry counts. A metasystem child has no lease, only a deadline.
"""

from datetime import timedelta

from vsm_controller.state.conclusion import End, Loss, conclude, lose_attempt
from vsm_controller.state.controller import ControllerState, tasks_with_children
from vsm_controller.state.holding import holds, worker_facts
from vsm_controller.state.task import TaskState, TaskStatus
from vsm_core.actor import NOTHING, Context, Send, Step, Timer
from vsm_core.channel import Channel
from vsm_core.envelope import Envelope
from vsm_core.facts import (
    AnyFact,
    ProcessStarted,
    ProcessStopping,
    TaskAdmitted,
)
from vsm_core.genome import is_metasystem
from vsm_core.payloads.control import (
    HostStarted,
    HostStopping,
    LeaseOf,
    LeaseRevoked,
    TimerFired,
    TimerPurpose,
)
from vsm_core.payloads.work import TaskProgress
from vsm_core.task import FailureClass, Outcome


def heard(state: ControllerState, envelope: Envelope, context: Context) -> Step:
    """Bind an attempt to the first execution heard of, renew its lease, and stop any other execution."""
    progress = envelope.payload
    if not isinstance(progress, TaskProgress):
        return NOTHING
    task = state.tasks.get(progress.task_id)
    if task is None or not holds(task, envelope.source, progress):
        return Step(sends=(_revoked(envelope.source, progress),))
    admitted = task.status is TaskStatus.ASSIGNED
    facts: tuple[AnyFact, ...] = (_admission(task, progress),) if admitted else ()
    return Step(
        facts=facts + worker_facts(task, progress),
        timers=() if is_metasystem(state.genome, envelope.source) else (_lease(state, task, context),),
        timers_cancelled=(f"{TimerPurpose.ADMIT_BY}.{task.id}",) if admitted else (),
    )


def _revoked(target: str, progress: TaskProgress) -> Send:
    payload = LeaseRevoked(
        of=LeaseOf.TASK,
        task_id=progress.task_id,
        execution_id=progress.execution_id,
        fencing_token=progress.fencing_token,
        reason="another execution holds the task, or it is over",
    )
    return Send(target=target, channel=Channel.COORDINATION, payload=payload)


def _admission(task: TaskState, progress: TaskProgress) -> TaskAdmitted:
    return TaskAdmitted(
        task_id=task.id,
        directive_id=task.packet.directive_id,
        attempt=task.attempt,
        fencing_token=progress.fencing_token,
        execution_id=progress.execution_id,
        node=progress.produced_by,
        process=progress.process,
    )


def _lease(state: ControllerState, task: TaskState, context: Context) -> Timer:
    return Timer(
        id=f"{TimerPurpose.TASK_LEASE}.{task.id}",
        node=state.node_id,
        due_at=context.now + timedelta(seconds=context.limits.lease_seconds),
        purpose=TimerPurpose.TASK_LEASE,
        subject=task.id,
        token=task.fencing_token,
    )


def expired(state: ControllerState, envelope: Envelope, context: Context) -> Step:
    """Take a task back whose child let a clock run out."""
    timer = envelope.payload
    if not isinstance(timer, TimerFired) or timer.purpose not in _WAITED_FOR:
        return NOTHING
    task = state.tasks.get(timer.subject)
    if task is None or task.fencing_token != timer.token or task.status is not _WAITED_FOR[timer.purpose]:
        return NOTHING
    counted = timer.purpose is TimerPurpose.TASK_LEASE
    reason = "no sign of life within its lease" if counted else "not admitted in time"
    return Step(facts=lose(state, task, context, reason, counted=counted))


_WAITED_FOR = {TimerPurpose.ADMIT_BY: TaskStatus.ASSIGNED, TimerPurpose.TASK_LEASE: TaskStatus.ADMITTED}


def lose(
    state: ControllerState, task: TaskState, context: Context, reason: str, *, counted: bool
) -> tuple[AnyFact, ...]:
    """Return the facts of an assignment that ended without a result; at the bound the task ends as lost."""
    if counted and task.attempt >= context.limits.attempts_per_task:
        return conclude(
            state, task, context.now, End(Outcome.LOST, failure_class=FailureClass.LEASE_LOST, reason=reason)
        )
    return lose_attempt(
        state, task, context.now, Loss(reason, failure_class=FailureClass.LEASE_LOST, counted=counted)
    )


def host_started(state: ControllerState, envelope: Envelope, context: Context) -> Step:
    """Take back at once what an earlier process of these nodes was doing: it is dead.

    Its death is no failure of the task, so no attempt is counted; but a task that outlives too many processes may be
    what kills them, and ends as lost.
    """
    started = envelope.payload
    if not isinstance(started, HostStarted):
        return NOTHING
    facts: list[AnyFact] = []
    for task in tasks_with_children(state):
        gone = task.status is TaskStatus.ADMITTED and task.process != started.process
        if gone and _is_local_leaf(state, task, started.nodes):
            facts.extend(_orphaned(state, task, context))
    facts.append(ProcessStarted(process=started.process, nodes=_leaves(state, started.nodes)))
    return Step(facts=tuple(facts)) if facts else NOTHING


def _orphaned(state: ControllerState, task: TaskState, context: Context) -> tuple[AnyFact, ...]:
    reason = "the process that ran it ended"
    if task.assignments < context.limits.crashes_per_task:
        return lose(state, task, context, reason, counted=False)
    often = f"{reason}, {task.assignments} times; --again tries anew"
    return conclude(
        state,
        task,
        context.now,
        End(Outcome.LOST, failure_class=FailureClass.CRASH, reason=often),
    )


def host_stopping(state: ControllerState, envelope: Envelope, context: Context) -> Step:
    """Take back what this process is doing without counting it: it was interrupted on request."""
    stopping = envelope.payload
    if not isinstance(stopping, HostStopping):
        return NOTHING
    facts: list[AnyFact] = [ProcessStopping(process=stopping.process, nodes=_leaves(state, stopping.nodes))]
    for task in tasks_with_children(state):
        if _is_local_leaf(state, task, stopping.nodes):
            facts.extend(lose(state, task, context, "interrupted on request", counted=False))
    return Step(facts=tuple(facts)) if facts else NOTHING


def _is_local_leaf(state: ControllerState, task: TaskState, nodes: tuple[str, ...]) -> bool:
    return task.child is not None and task.child in nodes and not is_metasystem(state.genome, task.child)


def _leaves(state: ControllerState, nodes: tuple[str, ...]) -> tuple[str, ...]:
    children = state.genome.nodes[state.node_id].children
    return tuple(each for each in nodes if each in children and not is_metasystem(state.genome, each))
