"""System 3, cancellation: what must stop, or whose time is up, ends with all below it."""

from vsm_controller.state.conclusion import End, conclude
from vsm_controller.state.controller import ControllerState, tasks_of
from vsm_controller.state.fold import fold
from vsm_controller.state.mandate import MandateState, Phase
from vsm_controller.state.task import WITH_CHILD, TaskState, TaskStatus
from vsm_controller.system_3.reports import report_to
from vsm_core.actor import NOTHING, Context, Send, Step
from vsm_core.channel import Channel
from vsm_core.envelope import Envelope
from vsm_core.facts import CancelRequested, DirectiveFinished
from vsm_core.payloads.control import Cancel, CancelScope, LeaseOf, LeaseRevoked, TimerFired, TimerPurpose
from vsm_core.payloads.signals import DirectiveState
from vsm_core.task import FailureClass, Outcome

# No class is tried again here: what was stopped must not start anew by itself.
CLASSES = {Outcome.CANCELLED: None, Outcome.TIMED_OUT: FailureClass.TIMEOUT}


def cancel(state: ControllerState, envelope: Envelope, context: Context) -> Step:
    """Stop the mandate or the single task that a cancel names, or all of them for a whole subtree."""
    asked = envelope.payload
    if not isinstance(asked, Cancel):
        return NOTHING
    task = state.tasks.get(asked.subject)
    if task is not None and task.open and asked.scope is CancelScope.TASK:
        return _end(state, task, Outcome.CANCELLED, asked.reason or "cancelled", context)
    requested = CancelRequested(
        scope=asked.scope,
        subject=asked.subject,
        cancel_epoch=asked.cancel_epoch,
        reason=asked.reason or "cancelled",
    )
    return _stop(state, requested, context)


def revoked(state: ControllerState, envelope: Envelope, context: Context) -> Step:
    """Stop a mandate that the parent no longer wants: its cancel came before the packet, or its lease is another's."""
    lost = envelope.payload
    if not isinstance(lost, LeaseRevoked) or lost.of is not LeaseOf.TASK:
        return NOTHING
    mandate = state.mandates.get(lost.task_id)
    if mandate is None or mandate.execution_id != lost.execution_id:
        return NOTHING
    requested = CancelRequested(
        scope=CancelScope.TASK, subject=mandate.id, cancel_epoch=state.cancel_epoch, reason=lost.reason
    )
    return _stop(state, requested, context)


def timed_out(state: ControllerState, envelope: Envelope, context: Context) -> Step:
    """Stop a directive whose deadline has passed."""
    timer = envelope.payload
    if not isinstance(timer, TimerFired) or timer.purpose is not TimerPurpose.DIRECTIVE_DEADLINE:
        return NOTHING
    if timer.subject not in state.mandates:
        return NOTHING
    requested = CancelRequested(
        scope=CancelScope.DIRECTIVE,
        subject=timer.subject,
        cancel_epoch=state.cancel_epoch,
        outcome=Outcome.TIMED_OUT,
        reason="its deadline passed (--timeout)",
    )
    return _stop(state, requested, context)


def _stop(state: ControllerState, requested: CancelRequested, context: Context) -> Step:
    step = Step(facts=(requested,))
    state = fold(state, step.facts)
    for mandate in tuple(state.mandates.values()):
        if mandate.stopped is None or mandate.phase is Phase.CLOSING:
            continue
        if mandate.phase is Phase.SURVEYING:
            step += _end_survey(mandate)
        else:
            step += stop_tasks(state, mandate, requested.outcome, requested.reason, context)
    return step


def stop_tasks(
    state: ControllerState, mandate: MandateState, outcome: Outcome, reason: str, context: Context
) -> Step:
    """End every open task of a mandate; its closing follows from that.

    A task whose branch is being moved at this moment is left to end by itself: the move can't be taken back.
    """
    step = NOTHING
    for task in tasks_of(state, mandate):
        if task.open and task.status is not TaskStatus.PUBLISHING:
            step += _end(state, task, outcome, reason, context)
    return step


def _end(state: ControllerState, task: TaskState, outcome: Outcome, reason: str, context: Context) -> Step:
    clocks = (TimerPurpose.ADMIT_BY, TimerPurpose.TASK_LEASE)
    return Step(
        facts=conclude(state, task, context.now, End(outcome, failure_class=CLASSES[outcome], reason=reason)),
        sends=_told(task, reason),
        timers_cancelled=tuple(f"{purpose}.{task.id}" for purpose in clocks),
    )


def _end_survey(mandate: MandateState) -> Step:
    outcome = mandate.stopped or Outcome.CANCELLED
    over = DirectiveFinished(
        directive_id=mandate.id, outcome=outcome, reason=mandate.reason, base=mandate.base
    )
    told = mandate.model_copy(update={"outcome": outcome})
    return Step(facts=(over,), sends=report_to(told, DirectiveState.FINISHED))


def _told(task: TaskState, reason: str) -> tuple[Send, ...]:
    if task.status not in WITH_CHILD or task.child is None:
        return ()
    payload = Cancel(scope=CancelScope.TASK, subject=task.id, reason=reason)
    return (Send(target=task.child, channel=Channel.COMMAND, payload=payload),)
