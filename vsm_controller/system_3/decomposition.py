"""System 3, decomposition: a mandate becomes a graph of tasks for this node's own children.

The rule-based planner walks the classes of work asked for, in order. Consecutive classes that one child metasystem can
supply travel to it as one task, for it to decompose again; a leaf gets one task per class. Tasks that edit overlapping
paths follow one another; tasks that only report do not wait.
"""

from dataclasses import dataclass

from vsm_controller.state.controller import ControllerState
from vsm_controller.state.mandate import MandateState
from vsm_controller.state.supply import supplies
from vsm_controller.state.task_classes import CODE, EDIT_CLASSES, needed_for
from vsm_core.capability import Capability
from vsm_core.facts import AnyFact, TaskPlanned
from vsm_core.genome import is_metasystem, working_children
from vsm_core.ids import derive_id
from vsm_core.payloads.work import TaskPacket
from vsm_core.task import Role, StaticPredicates

TITLES = {
    "lint": "Fix what the linter can fix safely",
    "imports": "Put the imports in order",
    "modernise": "Modernise the syntax",
    "format": "Format the code",
    "spelling": "Report spelling mistakes",
    "dead_code": "Report dead code",
    "security": "Report security findings",
}


@dataclass(frozen=True, slots=True)
class Portion:
    """One task to be: the classes it covers, and the direct child that could supply them; None if nobody can."""

    classes: tuple[str, ...]
    child: str | None


def plan(state: ControllerState, mandate: MandateState, brief: TaskPacket) -> tuple[AnyFact, ...]:
    """Return the planned tasks of a mandate; ``brief`` is what it asks, as a packet."""
    facts: list[TaskPlanned] = []
    editing: str | None = None
    for ordinal, portion in enumerate(portions(state, brief)):
        task_id = derive_id("task", state.node_id, mandate.execution_id or mandate.id, ordinal)
        packet = _packet(brief, mandate, portion, _waits_for(editing, portion)).model_copy(
            update={"id": task_id}
        )
        if _edits(portion):
            editing = task_id
        facts.append(
            TaskPlanned(
                task_id=task_id,
                directive_id=mandate.directive_id,
                mandate_id=mandate.id,
                packet=packet,
            )
        )
    return tuple(facts)


def portions(state: ControllerState, brief: TaskPacket) -> tuple[Portion, ...]:
    """Return how the classes of a brief are shared out; a brief without classes is one general portion."""
    classes = brief.predicates.task_classes
    if not classes:
        return (Portion((), _supplier(state, None, brief.required_capabilities)),)
    found: list[Portion] = []
    for name in classes:
        child = _supplier(state, name, needed_for(name))
        last = found[-1] if found else None
        if last and child and last.child == child and is_metasystem(state.genome, child):
            found[-1] = Portion((*last.classes, name), child)
        else:
            found.append(Portion((name,), child))
    return tuple(found)


def _supplier(state: ControllerState, task_class: str | None, needed: frozenset[Capability]) -> str | None:
    children = working_children(state.genome, state.node_id)
    return next(
        (child.id for child in children if supplies(state.genome, child.id, task_class, needed)), None
    )


def _waits_for(editing: str | None, portion: Portion) -> tuple[str, ...]:
    """Tasks that edit stand on one another: their paths overlap, and each sees what the one before it did."""
    return (editing,) if editing and _edits(portion) else ()


def _edits(portion: Portion) -> bool:
    return not portion.classes or any(name in EDIT_CLASSES for name in portion.classes)


def _packet(
    brief: TaskPacket, mandate: MandateState, portion: Portion, dependencies: tuple[str, ...]
) -> TaskPacket:
    first = portion.classes[0] if portion.classes else brief.task_class
    needed = frozenset[Capability]().union(*(needed_for(name) for name in portion.classes))
    return brief.model_copy(
        update={
            "parent_task_id": mandate.packet.id if mandate.packet else None,
            "role": _role(brief, portion),
            "task_class": first,
            "title": _title(brief, portion),
            "dependencies": dependencies,
            "predicates": _narrowed(brief.predicates, portion.classes),
            "required_capabilities": needed or brief.required_capabilities,
            "assignment": None,
        }
    )


def _role(brief: TaskPacket, portion: Portion) -> Role:
    if not portion.classes:
        return brief.role
    return Role.IMPLEMENT if _edits(portion) else Role.REPORT


def _title(brief: TaskPacket, portion: Portion) -> str:
    titles = [TITLES[name] for name in portion.classes if name in TITLES]
    if not titles or CODE in portion.classes:
        return brief.title
    first, rest = titles[0], [title[0].lower() + title[1:] for title in titles[1:]]
    return "; ".join((first, *rest))


def _narrowed(predicates: StaticPredicates, classes: tuple[str, ...]) -> StaticPredicates:
    return predicates.model_copy(update={"task_classes": classes})
