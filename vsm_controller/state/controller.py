"""The state of one metasystem: its place in the organization, its mandates and their tasks.

Indexes by status keep every question of a decision proportional to what is waiting, not to what has ever been planned.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from pydantic import Field, NonNegativeInt

from vsm_controller.state.mandate import MandateState, Phase
from vsm_controller.state.task import WITH_CHILD, TaskState, TaskStatus
from vsm_core.genome import OrganizationalGenome, node_of
from vsm_core.ids import CommitId, Id, NodeId
from vsm_core.node import ViableNode
from vsm_core.task import Outcome
from vsm_core.value import Text, Value

ItemT = TypeVar("ItemT")
FINISHED_KEPT = 10_000  # finished directives whose ids are remembered


class Seat(NamedTuple):
    """Which node an actor plays, in which organization."""

    node_id: str
    organization: str
    genome: OrganizationalGenome


class Ending(Value):
    """How a finished mandate ended: what its client is told when it asks again."""

    outcome: Outcome
    reason: Text = ""
    branch: str | None = None
    commit: CommitId | None = None
    base: CommitId | None = None


class ControllerState(Value):
    """All that a metasystem knows."""

    node_id: NodeId
    genome: OrganizationalGenome
    mandates: Mapping[Id, MandateState] = Field(default_factory=dict)
    tasks: Mapping[Id, TaskState] = Field(default_factory=dict)
    by_status: Mapping[TaskStatus, Mapping[Id, None]] = Field(default_factory=dict)
    idle: Mapping[Id, None] = Field(default_factory=dict)  # mandates with nothing left to do but to close
    finished: Mapping[Id, Ending] = Field(default_factory=dict)
    taken: Mapping[Id, NonNegativeInt] = Field(default_factory=dict)  # packet -> the newest token taken on
    next_token: NonNegativeInt = 1
    cancel_epoch: NonNegativeInt = 0
    stopping: bool = False


def initial_state(seat: Seat) -> ControllerState:
    """Return the state before the first fact."""
    return ControllerState(node_id=seat.node_id, genome=seat.genome)


def node(state: ControllerState) -> ViableNode:
    """Return the node this actor plays."""
    return node_of(state.genome, state.node_id)


def tasks_in(state: ControllerState, status: TaskStatus) -> Iterator[TaskState]:
    """Yield the tasks of one status, in the order they came to it."""
    for task_id in state.by_status.get(status, {}):
        yield state.tasks[task_id]


def tasks_of(state: ControllerState, mandate: MandateState) -> tuple[TaskState, ...]:
    """Return a mandate's tasks in the order of its plan."""
    return tuple(state.tasks[task_id] for task_id in mandate.task_ids)


def tasks_with_children(state: ControllerState) -> Iterator[TaskState]:
    """Yield the tasks that a child holds."""
    for status in WITH_CHILD:
        yield from tasks_in(state, status)


def idle_mandates(state: ControllerState) -> tuple[MandateState, ...]:
    """Return the mandates whose tasks are all concluded and that are not closing yet."""
    return tuple(state.mandates[mandate_id] for mandate_id in state.idle)


def with_task(state: ControllerState, task: TaskState) -> ControllerState:
    """Return the state with one task replaced or added, its indexes kept true."""
    before = state.tasks.get(task.id)
    update: dict[str, object] = {"tasks": {**state.tasks, task.id: task}}
    if before is None or before.status is not task.status:
        update["by_status"] = _reindexed(state.by_status, before, task)
    changed = state.model_copy(update=update)
    if before is None or not before.open or task.open:
        return changed
    mandate = state.mandates[task.mandate_id]
    return with_mandate(changed, mandate.model_copy(update={"open_tasks": mandate.open_tasks - 1}))


def _reindexed(
    index: Mapping[TaskStatus, Mapping[Id, None]], before: TaskState | None, task: TaskState
) -> dict[TaskStatus, Mapping[Id, None]]:
    changed = {**index, task.status: {**index.get(task.status, {}), task.id: None}}
    if before is not None:
        changed[before.status] = _less(index.get(before.status, {}), (task.id,))
    return changed


def _less(items: Mapping[Id, ItemT], gone: Iterable[Id]) -> dict[Id, ItemT]:
    left = {**items}
    for key in gone:
        left.pop(key, None)
    return left


def bounded(known: dict[Id, ItemT]) -> dict[Id, ItemT]:
    """Return what is remembered without its oldest entry where there are too many."""
    if len(known) > FINISHED_KEPT:
        del known[next(iter(known))]
    return known


def with_mandate(state: ControllerState, mandate: MandateState) -> ControllerState:
    """Return the state with one mandate replaced or added."""
    update: dict[str, object] = {"mandates": {**state.mandates, mandate.id: mandate}}
    idle = mandate.phase is Phase.WORKING and mandate.open_tasks == 0
    if idle != (mandate.id in state.idle):
        update["idle"] = {**state.idle, mandate.id: None} if idle else _less(state.idle, (mandate.id,))
    return state.model_copy(update=update)


def without_mandate(state: ControllerState, mandate: MandateState, ending: Ending) -> ControllerState:
    """Return the state after a mandate is over: its tasks are history, its id and its ending stay known."""
    finished = bounded({**state.finished, mandate.id: ending})
    return state.model_copy(
        update={
            "mandates": _less(state.mandates, (mandate.id,)),
            "idle": _less(state.idle, (mandate.id,)),
            "tasks": _less(state.tasks, mandate.task_ids),
            "by_status": {status: _less(ids, mandate.task_ids) for status, ids in state.by_status.items()},
            "finished": finished,
        }
    )
