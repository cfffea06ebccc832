"""System 3, cancellation: a directive or task that must stop, or whose time is up, ends with all below it."""

from vsm_controller.state.conclusion import conclude
from vsm_controller.state.controller import ControllerState, tasks_of
from vsm_controller.state.mandate import MandateState, Phase
from vsm_controller.state.task import WITH_CHILD, TaskState
from vsm_controller.system_3.reports import report_to
from vsm_core.actor import Context, Send, Step
from vsm_core.channel import Channel
from vsm_core.envelope import Envelope
from vsm_core.facts import CancelRequested, DirectiveFinished
from vsm_core.payloads.control import Cancel, CancelScope, TimerFired, TimerPurpose
from vsm_core.payloads.signals import DirectiveState
from vsm_core.task import FailureClass, Outcome


def cancel(state: ControllerState, envelope: Envelope, context: Context) -> Step:
    """Stop the mandate that a cancel names, or all of them for a whole subtree."""
    asked = envelope.payload
    if not isinstance(asked, Cancel):
        return Step()
    requested = CancelRequested(
        scope=asked.scope, subject=asked.subject, cancel_epoch=asked.cancel_epoch, reason=asked.reason
    )
    reason = asked.reason or "cancelled"
    if asked.scope is CancelScope.SUBTREE:
        found = tuple(state.mandates.values())
    else:
        found = tuple(m for m in state.mandates.values() if m.id == asked.subject)
    step = Step(facts=(requested,))
    for mandate in found:
        step += stop(state, mandate, Outcome.CANCELLED, reason, context)
    return step


def timed_out(state: ControllerState, envelope: Envelope, context: Context) -> Step:
    """Stop a directive whose deadline has passed."""
    timer = envelope.payload
    if not isinstance(timer, TimerFired) or timer.purpose is not TimerPurpose.DIRECTIVE_DEADLINE:
        return Step()
    mandate = state.mandates.get(timer.subject)
    if mandate is None:
        return Step()
    return stop(state, mandate, Outcome.TIMED_OUT, "its deadline passed (--timeout)", context)


def stop(
    state: ControllerState, mandate: MandateState, outcome: Outcome, reason: str, context: Context
) -> Step:
    """End every open task of a mandate; its closing follows from that."""
    if mandate.phase is Phase.SURVEYING:
        return _stop_survey(mandate, outcome, reason)
    step = Step()
    for task in tasks_of(state, mandate):
        if task.open:
            step += Step(
                facts=conclude(
                    state, task, context.now, outcome, failure_class=_CLASSES[outcome], reason=reason
                ),
                sends=_told(task, reason),
                timers_cancelled=tuple(
                    f"{purpose}.{task.id}" for purpose in (TimerPurpose.ADMIT_BY, TimerPurpose.TASK_LEASE)
                ),
            )
    return step


_CLASSES = {Outcome.CANCELLED: FailureClass.LEASE_LOST, Outcome.TIMED_OUT: FailureClass.TIMEOUT}


def _stop_survey(mandate: MandateState, outcome: Outcome, reason: str) -> Step:
    over = DirectiveFinished(directive_id=mandate.id, outcome=outcome, reason=reason, base=mandate.base)
    told = mandate.model_copy(update={"outcome": outcome, "reason": reason})
    return Step(facts=(over,), sends=report_to(told, DirectiveState.FINISHED))


def _told(task: TaskState, reason: str) -> tuple[Send, ...]:
    if task.status not in WITH_CHILD or task.child is None:
        return ()
    payload = Cancel(scope=CancelScope.TASK, subject=task.id, reason=reason)
    return (Send(target=task.child, channel=Channel.COMMAND, payload=payload),)
