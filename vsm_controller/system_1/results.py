"""System 1, results: what a child reports, who may report it, and what is tried again.

An attempt belongs to the first execution its controller heard of. A result of any other execution has no effect; it is
recorded as late, so that its cost is settled.
"""

from vsm_controller.state.conclusion import End, Loss, conclude, lose_attempt
from vsm_controller.state.controller import ControllerState
from vsm_controller.state.holding import holds, worker_facts
from vsm_controller.state.task import TaskState
from vsm_core.actor import NOTHING, Context, Send, Step
from vsm_core.channel import Channel
from vsm_core.envelope import Envelope
from vsm_core.facts import AnyFact, ResultLate, TaskFinished
from vsm_core.genome import is_metasystem
from vsm_core.payloads.control import TimerPurpose
from vsm_core.payloads.work import TaskResult, TaskResultAck
from vsm_core.task import FailureClass, Outcome

# How often a failure may be tried again, within the task's own bound on attempts.
RETRIES: dict[FailureClass | None, int] = {
    FailureClass.CRASH: 2,
    FailureClass.LEASE_LOST: 2,
    FailureClass.NETWORK: 2,
    FailureClass.UNRESPONSIVE: 1,
    FailureClass.TIMEOUT: 1,
    FailureClass.INTERNAL: 1,
}


def record(state: ControllerState, envelope: Envelope, context: Context) -> Step:
    """Record a child's result, acknowledge it, and decide whether the attempt is the task's last."""
    result = envelope.payload
    if not isinstance(result, TaskResult):
        return NOTHING
    ack = Step(sends=_ack(state, envelope.source, result))
    task = state.tasks.get(result.task_id)
    if task is None or not holds(task, envelope.source, result):
        return ack + Step(facts=_late(state, task, envelope, result))
    finished = TaskFinished(task_id=task.id, directive_id=task.packet.directive_id, result=result)
    facts: tuple[AnyFact, ...] = (*worker_facts(task, result), finished)
    ended = task.model_copy(update={"result": result, "execution_id": result.execution_id})
    return ack + Step(
        facts=facts + _next(state, ended, result, context),
        timers_cancelled=tuple(
            f"{purpose}.{task.id}" for purpose in (TimerPurpose.ADMIT_BY, TimerPurpose.TASK_LEASE)
        ),
    )


def _ack(state: ControllerState, target: str, result: TaskResult) -> tuple[Send, ...]:
    """A leaf repeats its result until it hears this; a metasystem's result lies in its outbox and is not repeated."""
    if is_metasystem(state.genome, target):
        return ()
    payload = TaskResultAck(task_id=result.task_id, execution_id=result.execution_id)
    return (Send(target=target, channel=Channel.MANAGEMENT_TO_OPERATION, payload=payload),)


def _late(
    state: ControllerState, task: TaskState | None, envelope: Envelope, result: TaskResult
) -> tuple[AnyFact, ...]:
    if task is not None and result.execution_id in task.settled:
        return ()  # the same result again: its acknowledgement was lost
    if task is None and result.task_id in state.finished:
        return ()
    return (
        ResultLate(
            task_id=result.task_id,
            directive_id=task.packet.directive_id if task else envelope.correlation_id,
            execution_id=result.execution_id,
            node=envelope.source,
            outcome=result.outcome,
            usage=result.usage,
        ),
    )


def _next(
    state: ControllerState, task: TaskState, result: TaskResult, context: Context
) -> tuple[AnyFact, ...]:
    """Completed work waits to be judged; a failure is tried again or ends the task."""
    if result.outcome is Outcome.COMPLETED or _left_work(task, result):
        return ()
    reason = result.reason or result.summary
    if may_retry(task, result.failure_class, context):
        return lose_attempt(state, task, context.now, Loss(reason, failure_class=result.failure_class))
    return conclude(
        state, task, context.now, End(result.outcome, failure_class=result.failure_class, reason=reason)
    )


def _left_work(task: TaskState, result: TaskResult) -> bool:
    return result.outcome is Outcome.NEEDS_HUMAN and result.commit is not None and task.verifies is None


def may_retry(task: TaskState, failure: FailureClass | None, context: Context) -> bool:
    """Say whether a failure of this class may be tried once more."""
    return task.attempt < context.limits.attempts_per_task and task.counted_attempts < RETRIES.get(failure, 0)
