"""The leaf as an actor: takes packets on or refuses them, keeps its controller informed, reports results until heard.

Theory of operation. A packet that passes admission becomes a TaskAdmitted fact, a first TaskProgress, a job and a
heartbeat. The job's end becomes a TaskFinished fact and a TaskResult, sent again until its TaskResultAck. A task has
at most one live execution here: a newer claim on it replaces the older. What was sent for an execution that is no
longer known here is ignored: the controller's lease is the authority, never this leaf's memory. State is a fold of
facts and bounded: open executions by the controller's work in progress, remembered claims and cancels by constants.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar

from pydantic import BaseModel

from vsm_core.actor import Context, Decision, Send, Step, Timer, seal
from vsm_core.channel import Channel
from vsm_core.envelope import Envelope
from vsm_core.facts import (
    AnyFact,
    CancelRequested,
    EnvelopeRefused,
    ExecutionRevoked,
    ResultAcknowledged,
    TaskAdmitted,
    TaskFinished,
    TaskRefused,
)
from vsm_core.ids import derive_id
from vsm_core.payloads.control import Cancel, CancelScope, JobFinished, LeaseRevoked, TimerFired, TimerPurpose
from vsm_core.payloads.jobs import ExecuteTask, Job
from vsm_core.payloads.work import Assignment, TaskPacket, TaskResult, TaskResultAck
from vsm_core.task import FailureClass, Outcome
from vsm_worker.admission import Candidate, is_duplicate, refusal_of, sender_refusal
from vsm_worker.report import bare_result, progress_of, result_of
from vsm_worker.state import Execution, LeafState, evolve

PayloadT = TypeVar("PayloadT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Cause:
    """What a handler works from: the leaf's identity, the envelope and the context."""

    node: str
    parent: str
    envelope: Envelope
    context: Context


class LeafActor:
    """System 1's leaf; the host owns its state and performs its effects."""

    def __init__(self, node_id: str, parent_id: str, organization: str) -> None:
        self.node_id = node_id
        self.parent_id = parent_id
        self.organization = organization

    def initial(self) -> LeafState:
        """Return the state of a leaf that has seen nothing."""
        return LeafState()

    def decide(self, state: LeafState, envelope: Envelope, context: Context) -> Decision:
        """Return what follows from an envelope; a sender without the authority is refused and recorded."""
        handler = HANDLERS.get(envelope.payload_type)
        if handler is None:
            return Decision()
        cause = Cause(self.node_id, self.parent_id, envelope, context)
        refusal = self._refusal(envelope)
        if refusal is not None:
            return replace(self._sealed(state, _refused(envelope, refusal), cause), refusal=refusal)
        return self._sealed(state, handler(state, cause), cause)

    def evolve(self, state: LeafState, fact: AnyFact) -> LeafState:
        """Return the state after a fact."""
        return evolve(state, fact)

    def _refusal(self, envelope: Envelope) -> str | None:
        if envelope.organization != self.organization:
            return f"it belongs to organization {envelope.organization}"
        return sender_refusal(envelope, self.node_id, self.parent_id)

    def _sealed(self, state: LeafState, step: Step, cause: Cause) -> Decision:
        return seal(step, self.node_id, _genome_of(state, cause.envelope), cause.envelope, cause.context)


Handler = Callable[[LeafState, Cause], Step]


def _genome_of(state: LeafState, envelope: Envelope) -> str:
    """Return the organization a decision is made under: that of the task, where it concerns one."""
    payload = envelope.payload
    if isinstance(payload, TimerFired | JobFinished):
        running = state.executions.get(payload.subject)
        if running is not None:
            return running.assignment.genome_id
    return envelope.genome_id


def _refused(envelope: Envelope, reason: str) -> Step:
    fact = EnvelopeRefused(
        envelope_id=envelope.id,
        source=envelope.source,
        channel=envelope.channel.value,
        payload_type=envelope.payload_type,
        reason=reason,
    )
    return Step(facts=(fact,))


# ---------------------------------------------------------------------------------------------------- task packets


def on_task_packet(state: LeafState, cause: Cause) -> Step:
    """Admit a packet and start its execution, or refuse it; the same claim again changes nothing."""
    packet = _payload(cause, TaskPacket)
    assignment = packet.assignment
    if assignment is None:
        return _refusal_step(packet, cause, FailureClass.SCHEMA_INVALID, "the packet has no assignment")
    newest = state.newest.get(packet.id)
    if is_duplicate(newest, assignment):
        return Step()
    candidate = Candidate(
        packet=packet,
        assignment=assignment,
        node=cause.node,
        now=cause.context.now,
        newest=newest,
        cancelled=frozenset(state.cancelled),
        cancel_epoch=state.cancel_epoch,
    )
    refusal = refusal_of(candidate)
    if refusal is not None:
        return _refusal_step(packet, cause, refusal.failure_class, refusal.reason)
    older = state.executions.get(packet.id)
    replaced = _stop(cause, older, "a newer claim on its task came") if older else Step()
    return replaced + _admission_step(packet, assignment, cause)


def execution_id_of(cause: Cause) -> str:
    """Return the id of the execution that this delivery in this process starts."""
    context = cause.context
    return derive_id(
        "execution", cause.node, f"{context.process}/{cause.envelope.id}", context.delivery_attempt
    )


def _admission_step(packet: TaskPacket, assignment: Assignment, cause: Cause) -> Step:
    fact = TaskAdmitted(
        task_id=packet.id,
        directive_id=packet.directive_id,
        attempt=assignment.attempt,
        fencing_token=assignment.fencing_token,
        execution_id=execution_id_of(cause),
        node=cause.node,
        process=cause.context.process,
        packet=packet,
    )
    begun = Execution.of(fact, packet)
    job = Job(
        id=begun.job_id,
        node=cause.node,
        subject=packet.id,
        request=ExecuteTask(packet=packet, execution_id=begun.execution_id),
        deadline_seconds=_deadline_seconds(packet, cause),
        started_at=cause.context.now,
        cause_id=cause.envelope.id,
        correlation_id=packet.directive_id,
    )
    return Step(
        facts=(fact,), sends=(_progress(begun, cause),), jobs=(job,), timers=(_heartbeat(begun, cause),)
    )


def _deadline_seconds(packet: TaskPacket, cause: Cause) -> int:
    limits = [float(min(cause.context.limits.job_seconds, cause.context.limits.task_seconds))]
    if packet.deadline is not None:
        limits.append((packet.deadline - cause.context.now).total_seconds())
    if packet.budget.worker_seconds is not None:
        limits.append(packet.budget.worker_seconds)
    return max(1, int(min(limits)))


def _refusal_step(packet: TaskPacket, cause: Cause, failure: FailureClass, reason: str) -> Step:
    result = bare_result(packet, cause.node, execution_id_of(cause), (Outcome.REFUSED, failure, reason))
    fact = TaskRefused(
        task_id=packet.id,
        directive_id=packet.directive_id,
        node=cause.node,
        attempt=result.attempt,
        failure_class=failure,
        reason=result.reason,
    )
    return Step(facts=(fact,), sends=(_report(packet, result, cause),))


# ------------------------------------------------------------------------------------------------------- the work


def on_job_finished(state: LeafState, cause: Cause) -> Step:
    """Report how an execution ended; the end of one that is no longer wanted is nobody's business."""
    finished = _payload(cause, JobFinished)
    running = state.executions.get(finished.subject)
    if running is None or running.result is not None or running.job_id != finished.job_id:
        return Step()
    result = result_of(running.packet, cause.node, running.execution_id, finished)
    fact = TaskFinished(task_id=running.packet.id, directive_id=running.packet.directive_id, result=result)
    return Step(
        facts=(fact,),
        sends=(_report(running.packet, result, cause),),
        timers=(_resend(running, cause),),
        timers_cancelled=(running.heartbeat_id,),
    )


def on_timer_fired(state: LeafState, cause: Cause) -> Step:
    """Give a sign of life, or say the result once more."""
    fired = _payload(cause, TimerFired)
    running = state.executions.get(fired.subject)
    if running is None or running.assignment.fencing_token != fired.token:
        return Step()
    if fired.purpose is TimerPurpose.HEARTBEAT and running.result is None:
        return Step(sends=(_progress(running, cause),), timers=(_heartbeat(running, cause),))
    if fired.purpose is TimerPurpose.RESEND_RESULT and running.result is not None:
        again = _report(running.packet, running.result, cause)
        return Step(sends=(again,), timers=(_resend(running, cause),))
    return Step()


def on_task_result_ack(state: LeafState, cause: Cause) -> Step:
    """Forget an execution whose result the controller has recorded."""
    ack = _payload(cause, TaskResultAck)
    running = state.executions.get(ack.task_id)
    if running is None or running.execution_id != ack.execution_id or running.result is None:
        return Step()
    fact = ResultAcknowledged(
        task_id=ack.task_id, directive_id=running.packet.directive_id, execution_id=ack.execution_id
    )
    return Step(facts=(fact,), timers_cancelled=(running.resend_id,))


# -------------------------------------------------------------------------------------------------------- stopping


def on_cancel(state: LeafState, cause: Cause) -> Step:
    """Stop what a cancel names, and remember it for packets that come after it."""
    cancel = _payload(cause, Cancel)
    fact = CancelRequested(
        scope=cancel.scope, subject=cancel.subject, cancel_epoch=cancel.cancel_epoch, reason=cancel.reason
    )
    reason = cancel.reason or "cancelled"
    stopped = Step(facts=(fact,))
    for running in state.executions.values():
        if _is_meant(cancel, running):
            stopped += _stop(cause, running, reason)
    return stopped


def _is_meant(cancel: Cancel, running: Execution) -> bool:
    if cancel.scope is CancelScope.TASK:
        return running.packet.id == cancel.subject
    if cancel.scope is CancelScope.DIRECTIVE:
        return running.packet.directive_id == cancel.subject
    return running.packet.cancel_epoch < cancel.cancel_epoch


def on_lease_revoked(state: LeafState, cause: Cause) -> Step:
    """Stop an execution whose lease no longer holds, if it is this one."""
    revoked = _payload(cause, LeaseRevoked)
    running = state.executions.get(revoked.task_id)
    if running is None or revoked.execution_id not in {None, running.execution_id}:
        return Step()
    newer_claim = 0 < revoked.fencing_token < running.assignment.fencing_token
    if revoked.execution_id is None and newer_claim:
        return Step()
    return _stop(cause, running, revoked.reason or "its lease was revoked")


def _stop(cause: Cause, running: Execution, reason: str) -> Step:
    fact = ExecutionRevoked(
        task_id=running.packet.id,
        directive_id=running.packet.directive_id,
        execution_id=running.execution_id,
        reason=reason,
    )
    jobs = () if running.result is not None else (running.job_id,)
    timer = running.heartbeat_id if running.result is None else running.resend_id
    return Step(facts=(fact,), jobs_cancelled=jobs, timers_cancelled=(timer,))


# ------------------------------------------------------------------------------------------------- what is sent


def _progress(running: Execution, cause: Cause) -> Send:
    made_by = (running.execution_id, running.process)
    return Send(
        target=cause.parent,
        channel=Channel.MANAGEMENT_TO_OPERATION,
        payload=progress_of(running.packet, running.assignment, cause.node, made_by),
        correlation_id=running.packet.directive_id,
        cancel_epoch=running.packet.cancel_epoch,
    )


def _report(packet: TaskPacket, result: TaskResult, cause: Cause) -> Send:
    return Send(
        target=cause.parent,
        channel=Channel.MANAGEMENT_TO_OPERATION,
        payload=result,
        correlation_id=packet.directive_id,
        cancel_epoch=packet.cancel_epoch,
    )


def _heartbeat(running: Execution, cause: Cause) -> Timer:
    seconds = cause.context.limits.heartbeat_seconds
    return _timer(running, cause, TimerPurpose.HEARTBEAT, seconds)


def _resend(running: Execution, cause: Cause) -> Timer:
    seconds = cause.context.limits.result_resend_seconds
    return _timer(running, cause, TimerPurpose.RESEND_RESULT, seconds)


def _timer(running: Execution, cause: Cause, purpose: TimerPurpose, seconds: int) -> Timer:
    return Timer(
        id=running.heartbeat_id if purpose is TimerPurpose.HEARTBEAT else running.resend_id,
        node=cause.node,
        due_at=cause.context.now + timedelta(seconds=seconds),
        purpose=purpose,
        subject=running.packet.id,
        token=running.assignment.fencing_token,
    )


def _payload(cause: Cause, kind: type[PayloadT]) -> PayloadT:
    payload = cause.envelope.payload
    assert isinstance(payload, kind)  # the table below pairs types with handlers
    return payload


HANDLERS: Mapping[str, Handler] = {
    "task_packet": on_task_packet,
    "job_finished": on_job_finished,
    "timer_fired": on_timer_fired,
    "task_result_ack": on_task_result_ack,
    "cancel": on_cancel,
    "lease_revoked": on_lease_revoked,
}
# What is no leaf's business, or concerns only what this leaf learns otherwise: a job's end, a newer packet, a lease.
IGNORED = frozenset(
    {
        "adopt_genome",
        "algedonic_ack",
        "algedonic_signal",
        "audit_report",
        "audit_request",
        "audit_sample",
        "command",
        "coordination_signal",
        "directive",
        "directive_query",
        "directive_report",
        "environment_signal",
        "gene_suggestion",
        "handoff",
        "homeostat_signal",
        "host_started",
        "host_stopping",
        "lease_granted",
        "management_directive",
        "resource_allocation",
        "resource_bargain",
        "task_progress",
        "task_result",
        "unroutable",
    }
)
