"""The one door for tasks: nothing else in the organization makes a TaskPacket.

CHECKS is an ordered list; the first refusal decides, and is recorded when it changes. What passes all of them becomes a
TaskAssigned fact and the packet that follows from it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from vsm_controller.state.conclusion import End, conclude
from vsm_controller.state.controller import ControllerState, node, tasks_in, tasks_with_children
from vsm_controller.state.fold import fold
from vsm_controller.state.task import TaskState, TaskStatus
from vsm_controller.system_1.routing import Route, route
from vsm_controller.system_2.path_leases import conflict, paths_to_lease
from vsm_core.actor import NOTHING, Context, Send, Step, Timer
from vsm_core.channel import Channel
from vsm_core.codec import digest, wire_bytes
from vsm_core.facts import TaskAssigned, TaskDeferred
from vsm_core.genome import OrganizationalGenome, authority_chain, kept, node_hash
from vsm_core.ids import CommitId, NodeId, Sha256
from vsm_core.node import ViableNode
from vsm_core.payloads.control import TimerPurpose
from vsm_core.payloads.work import Assignment
from vsm_core.task import FailureClass, Outcome


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a task can't leave now; a final one ends the task."""

    check: str
    reason: str
    outcome: Outcome | None = None


Check = Callable[[ControllerState, TaskState, Context], str | None]


def _stopping(state: ControllerState, _task: TaskState, _context: Context) -> str | None:
    return "this process is stopping" if state.stopping else None


def _lease(state: ControllerState, task: TaskState, _context: Context) -> str | None:
    return conflict(state, task)


def _work_in_progress(state: ControllerState, _task: TaskState, context: Context) -> str | None:
    count = sum(len(state.by_status.get(status, {})) for status in (TaskStatus.ASSIGNED, TaskStatus.ADMITTED))
    limit = context.limits.work_in_progress
    return f"{limit} tasks are in progress" if count >= limit else None


def _span(state: ControllerState, task: TaskState, _context: Context) -> str | None:
    busy = _full_span(state)
    if busy is None or route(state, task, busy).child is not None or route(state, task).child is None:
        return None
    return f"{len(busy)} children are working, which is the span of control"


def _full_span(state: ControllerState) -> frozenset[str] | None:
    """Return the children that are working if they use the span of control up, else None."""
    seat = node(state)
    span = seat.system_3.span_of_control
    if len(seat.children) <= span:
        return None
    busy = frozenset(each.child for each in tasks_with_children(state) if each.child)
    return busy if len(busy) >= span else None


def _deadline(_state: ControllerState, task: TaskState, context: Context) -> str | None:
    deadline = task.packet.deadline
    return "its deadline has passed" if deadline and deadline <= context.now else None


def _attempts(_state: ControllerState, task: TaskState, context: Context) -> str | None:
    bound = task.packet.budget.attempts
    limit = (
        context.limits.attempts_per_task if bound is None else min(bound, context.limits.attempts_per_task)
    )
    return f"its {limit} attempts are used up" if task.counted_attempts >= limit else None


CHECKS: tuple[tuple[str, Check, Outcome | None], ...] = (
    ("pause", _stopping, None),
    ("work_in_progress", _work_in_progress, None),
    ("deadline", _deadline, Outcome.TIMED_OUT),
    ("attempts", _attempts, Outcome.FAILED),
    ("path_lease", _lease, None),
    ("span_of_control", _span, None),
)
GLOBAL = frozenset({"pause", "work_in_progress"})  # what holds one task back holds all back


def assign_ready(state: ControllerState, context: Context) -> Step:
    """Let every task leave that may; record why each other one may not."""
    step = NOTHING
    for task in tuple(tasks_in(state, TaskStatus.PLANNED)):
        refusal = refusal_of(state, task, context)
        if refusal is not None and refusal.check in GLOBAL:
            break
        made = _refused(state, task, refusal, context) if refusal else _routed(state, task, context)
        state = fold(state, made.facts)
        step += made
    return step


def refusal_of(state: ControllerState, task: TaskState, context: Context) -> Refusal | None:
    """Return the first check that holds a task back, or None."""
    for name, check, outcome in CHECKS:
        reason = check(state, task, context)
        if reason:
            return Refusal(name, reason, outcome)
    return None


def _refused(state: ControllerState, task: TaskState, refusal: Refusal, context: Context) -> Step:
    if refusal.outcome is not None:
        return Step(facts=conclude(state, task, context.now, End(refusal.outcome, reason=refusal.reason)))
    if task.deferred == f"{refusal.check}: {refusal.reason}":
        return NOTHING
    deferred = TaskDeferred(
        task_id=task.id,
        directive_id=task.packet.directive_id,
        check=refusal.check,
        reason=refusal.reason,
    )
    return Step(facts=(deferred,))


def _routed(state: ControllerState, task: TaskState, context: Context) -> Step:
    chosen = route(state, task, _full_span(state))
    if chosen.child is None:
        chosen = route(state, task)
    if chosen.child is None:
        human = FailureClass.USER_ACTION_REQUIRED
        ended = conclude(
            state, task, context.now, End(Outcome.NEEDS_HUMAN, failure_class=human, reason=chosen.reason)
        )
        return Step(facts=ended)
    assigned = _assignment_fact(state, task, chosen, context)
    return Step(
        facts=(assigned,),
        sends=(_packet(state, task, assigned, context),),
        timers=(_admit_timer(state, task, assigned),),
    )


def _assignment_fact(
    state: ControllerState, task: TaskState, chosen: Route, context: Context
) -> TaskAssigned:
    assert chosen.child is not None
    return TaskAssigned(
        task_id=task.id,
        directive_id=task.packet.directive_id,
        child=chosen.child.id,
        attempt=task.attempt,
        fencing_token=state.next_token,
        genome_id=state.genome.id,
        prompt_hash=_prompt_hash(task, chosen.child),
        policy_hash=_policy_hash(state.genome, chosen.child.id),
        base_commit=_base(state, task),
        assigned_at=context.now,
        admit_by=_admit_by(context.now, context),
        leased_paths=paths_to_lease(task),
        reason=chosen.reason,
        rejected_children=chosen.rejected,
    )


def _prompt_hash(task: TaskState, child: ViableNode) -> Sha256:
    """Return what tells two prompts apart: the task as it was planned, and the node with its genes and tools."""
    return sha256(wire_bytes(task.packet) + node_hash(child).encode()).hexdigest()


def _policy_hash(genome: OrganizationalGenome, node_id: NodeId) -> Sha256:
    """Return the hash of a node's authority."""
    return kept(genome, "policy_hash", node_id, lambda: digest(authority_chain(genome, node_id)))


def _admit_by(now: datetime, context: Context) -> datetime:
    return now + timedelta(seconds=context.limits.admit_seconds)


def _base(state: ControllerState, task: TaskState) -> CommitId | None:
    """A dependent task, or one that met a conflict, stands on the tip; a verification keeps its own base."""
    if task.verifies is not None:
        return task.packet.base_commit
    mandate = state.mandates[task.mandate_id]
    return mandate.ground if task.packet.dependencies or task.on_tip else mandate.base


def _packet(state: ControllerState, task: TaskState, fact: TaskAssigned, context: Context) -> Send:
    assignment = Assignment(
        node=state.genome.nodes[fact.child],
        authority=authority_chain(state.genome, fact.child),
        genome_id=fact.genome_id,
        attempt=fact.attempt,
        fencing_token=fact.fencing_token,
        admit_by=fact.admit_by,
        lease_seconds=context.limits.lease_seconds,
        arm=fact.arm,
        propensity=fact.propensity,
        routed_by=state.node_id,
        reason=fact.reason,
    )
    packet = task.packet.model_copy(
        update={
            "assignment": assignment,
            "base_commit": fact.base_commit,
            "cancel_epoch": state.cancel_epoch,
        }
    )
    channel = Channel.COMMAND if packet.non_negotiable else Channel.RESOURCE_BARGAINING
    return Send(
        target=fact.child,
        channel=channel,
        payload=packet,
        correlation_id=packet.directive_id,
        expires_at=fact.admit_by,
        cancel_epoch=state.cancel_epoch,
    )


def _admit_timer(state: ControllerState, task: TaskState, fact: TaskAssigned) -> Timer:
    return Timer(
        id=f"{TimerPurpose.ADMIT_BY}.{task.id}",
        node=state.node_id,
        due_at=fact.admit_by,
        purpose=TimerPurpose.ADMIT_BY,
        subject=task.id,
        token=fact.fencing_token,
    )
