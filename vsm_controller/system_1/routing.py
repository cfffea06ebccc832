"""System 1, routing: which direct child does a task.

A child is eligible if its structure can supply what the task needs: a leaf by its own capabilities, a metasystem by a
leaf somewhere below it. The choice and each rejected child with its reason are recorded with the assignment.
"""

from dataclasses import dataclass

from vsm_controller.state.controller import ControllerState, tasks_with_children
from vsm_controller.state.supply import supplies, verifier_refusal
from vsm_controller.state.task import TaskState
from vsm_controller.state.task_classes import needed_for
from vsm_core.capability import Capability
from vsm_core.genome import OrganizationalGenome, working_children
from vsm_core.node import Status, ViableNode
from vsm_core.payloads.work import TaskPacket
from vsm_core.task import Role

Rejection = tuple[str, str]  # child, reason


@dataclass(frozen=True, slots=True)
class Route:
    """The chosen child, or None, and why each other one was not."""

    child: ViableNode | None
    reason: str
    rejected: tuple[Rejection, ...] = ()


def route(state: ControllerState, task: TaskState, among: frozenset[str] | None = None) -> Route:
    """Return the child that a task goes to: the preferred, then the least busy of the eligible ones.

    With the span of control used up, only those ``among`` are asked: the children that are working already.
    """
    eligible, rejected = [], []
    for child in working_children(state.genome, state.node_id):
        refusal = refusal_of(state.genome, child, task)
        if among is not None and child.id not in among:
            refusal = refusal or "the span of control is used up by others"
        if refusal:
            rejected.append((child.id, refusal))
        else:
            eligible.append(child)
    if not eligible:
        return Route(None, _nobody(task, rejected), tuple(rejected))
    load = _load(state) if len(eligible) > 1 else {}
    best = min(eligible, key=lambda child: (-child.routing.weight, load.get(child.id, 0)))
    others = tuple(
        (child.id, f"{best.id} is preferred or less busy") for child in eligible if child is not best
    )
    return Route(best, f"eligible for {task.packet.task_class or task.packet.role}", (*rejected, *others))


def refusal_of(genome: OrganizationalGenome, child: ViableNode, task: TaskState) -> str | None:
    """Return why a child can't take a task, or None."""
    if child.status is not Status.ACTIVE:
        return f"it is {child.status}"
    packet = task.packet
    if packet.role is Role.TEST:
        return verifier_refusal(genome, child, packet.author_node)
    for name, needed in _wanted(packet):
        if not supplies(genome, child.id, name, needed):
            return f"nothing in it is meant for {name or 'general work'} with the capabilities it needs"
    return None


def _wanted(packet: TaskPacket) -> tuple[tuple[str | None, frozenset[Capability]], ...]:
    classes = packet.predicates.task_classes
    if not classes:
        return ((packet.task_class, packet.required_capabilities),)
    return tuple((name, needed_for(name)) for name in classes)


def _load(state: ControllerState) -> dict[str, int]:
    load: dict[str, int] = {}
    for task in tasks_with_children(state):
        if task.child:
            load[task.child] = load.get(task.child, 0) + 1
    return load


def _nobody(task: TaskState, rejected: list[Rejection]) -> str:
    why = "; ".join(f"{child}: {reason}" for child, reason in rejected) or "this node has no working children"
    return f"no child can take {task.packet.title!r} ({why})"
