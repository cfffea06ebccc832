"""Admission: whether a leaf takes a packet on. An ordered list of checks is the policy; the first objection decides.

Pure: the packet, what this leaf has seen so far, and the time of the decision are all it knows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from vsm_core.capability import capabilities_of_chain, path_refusal, tool_refusal
from vsm_core.channel import AUTHORITY, SenderRelation
from vsm_core.envelope import CLOCK_SKEW, Envelope
from vsm_core.payloads.work import Assignment, TaskPacket
from vsm_core.task import FailureClass
from vsm_worker.tools import applicable

WITHOUT_TOKENS = frozenset({"command", "echo", "scripted", "auto"})  # providers that spend no tokens


@dataclass(frozen=True, slots=True)
class Claim:
    """What a leaf remembers of a task: the newest claim on it that it has seen."""

    attempt: int
    fencing_token: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A packet at the door, and what its leaf knows of it."""

    packet: TaskPacket
    assignment: Assignment
    node: str
    now: datetime
    newest: Claim | None
    cancelled: frozenset[str]  # tasks and directives
    cancel_epoch: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a packet is not taken on."""

    failure_class: FailureClass
    reason: str


Check = Callable[[Candidate], Refusal | None]


def sender_refusal(envelope: Envelope, node: str, parent: str) -> str | None:
    """Return why an envelope's sender may not send it to this leaf, or None."""
    relation = AUTHORITY.get((envelope.channel, envelope.payload_type))
    expected = {SenderRelation.PARENT: parent, SenderRelation.SELF: node}.get(relation) if relation else None
    if expected is None:
        return f"{envelope.payload_type} on {envelope.channel} is not for a leaf"
    if envelope.source != expected:
        return (
            f"{envelope.payload_type} on {envelope.channel} comes from {expected}, not from {envelope.source}"
        )
    return None


def is_duplicate(newest: Claim | None, assignment: Assignment) -> bool:
    """Say whether this very claim was seen before: the packet was delivered twice."""
    return newest is not None and newest.fencing_token == assignment.fencing_token


def refusal_of(candidate: Candidate) -> Refusal | None:
    """Return the first objection of the list, or None: the packet is admitted."""
    return next((refusal for check in CHECKS if (refusal := check(candidate))), None)


def names_this_node(candidate: Candidate) -> Refusal | None:
    """The assignment is for this node."""
    named = candidate.assignment.node.id
    if named == candidate.node:
        return None
    return _denied(f"the assignment names {named}, not {candidate.node}")


def authority_ends_here(candidate: Candidate) -> Refusal | None:
    """The authority chain is this node's own, and shows a leaf."""
    chain = candidate.assignment.authority
    if not chain or chain[-1].id != candidate.node:
        return _denied("the authority chain does not end at this node")
    return _denied(f"{candidate.node} has children: only leaves execute") if chain[-1].has_children else None


def has_capabilities(candidate: Candidate) -> Refusal | None:
    """The node's place in the organization grants what the task requires."""
    held = capabilities_of_chain(candidate.assignment.authority)
    missing = sorted(candidate.packet.required_capabilities - held)
    return _denied(f"{candidate.node} lacks {', '.join(missing)}") if missing else None


def is_newest_claim(candidate: Candidate) -> Refusal | None:
    """No newer claim on the task was seen."""
    newest, assignment = candidate.newest, candidate.assignment
    if newest is None:
        return None
    if assignment.fencing_token > newest.fencing_token and assignment.attempt >= newest.attempt:
        return None
    reason = f"fencing token {assignment.fencing_token} of attempt {assignment.attempt} is older than one seen before"
    return Refusal(FailureClass.LEASE_LOST, reason)


def is_in_time(candidate: Candidate) -> Refusal | None:
    """Neither the time to admit it nor its deadline has passed."""
    if candidate.assignment.admit_by + CLOCK_SKEW < candidate.now:
        return Refusal(
            FailureClass.TIMEOUT, f"it was to be admitted by {candidate.assignment.admit_by.isoformat()}"
        )
    deadline = candidate.packet.deadline
    if deadline is not None and deadline <= candidate.now:
        return Refusal(FailureClass.TIMEOUT, f"its deadline was {deadline.isoformat()}")
    return None


def is_not_cancelled(candidate: Candidate) -> Refusal | None:
    """Neither the task, nor its directive, nor this subtree's epoch was cancelled."""
    packet = candidate.packet
    for subject in (packet.id, packet.directive_id):
        if subject in candidate.cancelled:
            return _denied(f"{subject} was cancelled")
    if packet.cancel_epoch < candidate.cancel_epoch:
        return _denied(f"its cancel epoch {packet.cancel_epoch} is over: it is {candidate.cancel_epoch} now")
    return None


def scope_is_permitted(candidate: Candidate) -> Refusal | None:
    """Every path tree of the task lies inside what each level permits."""
    refusals = (path_refusal(candidate.assignment.authority, tree) for tree in candidate.packet.scope)
    return next((_denied(refusal) for refusal in refusals if refusal), None)


def tools_are_permitted(candidate: Candidate) -> Refusal | None:
    """Every tool the task would run is allowed at each level."""
    tools = applicable(candidate.packet)
    refusals = (tool_refusal(candidate.assignment.authority, tool.name) for tool in tools)
    return next((_denied(refusal) for refusal in refusals if refusal), None)


def budget_leaves_room(candidate: Candidate) -> Refusal | None:
    """There is something left to spend of everything the work spends."""
    budget = candidate.packet.budget
    amounts: dict[str, float | int | None] = {
        "attempts": budget.attempts,
        "worker_seconds": budget.worker_seconds,
    }
    if candidate.assignment.node.model.provider not in WITHOUT_TOKENS:
        amounts["tokens"] = budget.tokens
        amounts["money"] = None if budget.money is None else float(budget.money.amount)
    spent = [name for name, left in amounts.items() if left is not None and left <= 0]
    return Refusal(FailureClass.BUDGET_EXHAUSTED, f"no {', '.join(spent)} left") if spent else None


CHECKS: tuple[Check, ...] = (
    names_this_node,
    authority_ends_here,
    has_capabilities,
    is_newest_claim,
    is_in_time,
    is_not_cancelled,
    scope_is_permitted,
    tools_are_permitted,
    budget_leaves_room,
)


def _denied(reason: str) -> Refusal:
    return Refusal(FailureClass.POLICY_DENIED, reason)
