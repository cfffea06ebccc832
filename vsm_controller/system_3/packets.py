"""System 3, taking on: a parent's packet becomes this metasystem's mandate, with a plan for its own children.

It brings the survey's predicates with it. A repeat of the same assignment is ignored; the same task assigned anew under
a higher token takes the older one's place; a packet older than a cancel of this subtree is refused.
"""

from vsm_controller.state.controller import ControllerState
from vsm_controller.state.fold import fold
from vsm_controller.system_3.cancellation import stop_tasks
from vsm_controller.system_3.decomposition import plan
from vsm_core.actor import NOTHING, Context, Send, Step
from vsm_core.channel import Channel
from vsm_core.envelope import Envelope
from vsm_core.facts import (
    TaskAdmitted,
    TaskFinished,
    TaskRefused,
)
from vsm_core.ids import derive_id
from vsm_core.payloads.work import TaskPacket, TaskProgress, TaskResult
from vsm_core.task import FailureClass, Outcome


def take_on(state: ControllerState, envelope: Envelope, context: Context) -> Step:
    """Take a parent's packet on: admit it, say so, and plan it for the own children.

    The same task assigned anew under a higher token takes the place of the older one, whose subtree is given up.
    """
    packet = envelope.payload
    if not isinstance(packet, TaskPacket) or packet.assignment is None:
        return NOTHING
    if packet.assignment.node.id != state.node_id:
        return NOTHING
    if packet.assignment.fencing_token <= state.taken.get(packet.id, 0):
        return NOTHING
    if packet.cancel_epoch < state.cancel_epoch:
        return _refused(state, envelope, packet, context)
    given_up = _give_up(state, packet, context)
    state = fold(state, given_up.facts)
    execution = _execution(state, envelope, context)
    admitted = TaskAdmitted(
        task_id=packet.id,
        directive_id=packet.directive_id,
        attempt=packet.assignment.attempt,
        fencing_token=packet.assignment.fencing_token,
        execution_id=execution,
        node=state.node_id,
        process=context.process,
        packet=packet,
    )
    known = fold(state, (admitted,))
    planned = plan(known, known.mandates[packet.id], packet)
    said = _progress(state, envelope, packet, execution, context)
    return given_up + Step(facts=(admitted, *planned), sends=(said,))


def _execution(state: ControllerState, envelope: Envelope, context: Context) -> str:
    return derive_id("execution", state.node_id, f"{context.process}/{envelope.id}", context.delivery_attempt)


def _give_up(state: ControllerState, packet: TaskPacket, context: Context) -> Step:
    older = state.mandates.get(packet.id)
    if older is None or older.packet is None or older.packet.assignment is None:
        return NOTHING
    stopped = stop_tasks(state, older, Outcome.CANCELLED, "it was assigned anew", context)
    over = TaskResult(
        task_id=packet.id,
        attempt=older.packet.assignment.attempt,
        fencing_token=older.packet.assignment.fencing_token,
        execution_id=older.execution_id or packet.id,
        produced_by=state.node_id,
        outcome=Outcome.CANCELLED,
        reason="it was assigned anew",
    )
    return stopped + Step(
        facts=(TaskFinished(task_id=packet.id, directive_id=packet.directive_id, result=over),)
    )


def _refused(state: ControllerState, envelope: Envelope, packet: TaskPacket, context: Context) -> Step:
    assert packet.assignment is not None
    reason = f"cancel epoch {packet.cancel_epoch} is older than this subtree's {state.cancel_epoch}"
    refused = TaskRefused(
        task_id=packet.id,
        directive_id=packet.directive_id,
        node=state.node_id,
        attempt=packet.assignment.attempt,
        failure_class=FailureClass.POLICY_DENIED,
        reason=reason,
    )
    result = TaskResult(
        task_id=packet.id,
        attempt=packet.assignment.attempt,
        fencing_token=packet.assignment.fencing_token,
        execution_id=_execution(state, envelope, context),
        produced_by=state.node_id,
        outcome=Outcome.REFUSED,
        failure_class=FailureClass.POLICY_DENIED,
        reason=reason,
    )
    send = Send(target=envelope.source, channel=Channel.MANAGEMENT_TO_OPERATION, payload=result)
    return Step(facts=(refused,), sends=(send,))


def _progress(
    state: ControllerState, envelope: Envelope, packet: TaskPacket, execution: str, context: Context
) -> Send:
    assert packet.assignment is not None
    payload = TaskProgress(
        task_id=packet.id,
        attempt=packet.assignment.attempt,
        fencing_token=packet.assignment.fencing_token,
        execution_id=execution,
        produced_by=state.node_id,
        process=context.process,
        doing=packet.title,
    )
    return Send(target=envelope.source, channel=Channel.MANAGEMENT_TO_OPERATION, payload=payload)
