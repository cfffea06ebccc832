"""System 2, path leases: tree locks that keep two operations off the same files.

``src`` conflicts with ``src/a.py``. Reading is shared, writing exclusive. A lease is taken with the assignment and ends
with the task, all its paths at once: a task never holds one path while it waits for another, so leases can't deadlock.
The leases a child metasystem grants lie inside the lease that its own task holds one level up.
"""

from collections.abc import Iterable

from vsm_controller.state.controller import ControllerState
from vsm_controller.state.task import TaskState, TaskStatus
from vsm_core.capability import trees_overlap
from vsm_core.task import Role

READERS = frozenset({Role.TEST, Role.REVIEW, Role.RESEARCH, Role.REPORT})
WITHOUT_LEASE = frozenset({TaskStatus.WAITING, TaskStatus.PLANNED, TaskStatus.CONCLUDED})
HOLDING = tuple(status for status in TaskStatus if status not in WITHOUT_LEASE)


def paths_to_lease(task: TaskState) -> tuple[str, ...]:
    """Return the trees a task writes; a task that only reads a commit needs none."""
    if task.packet.role in READERS or task.packet.repository is None:
        return ()
    return task.packet.scope


def conflict(state: ControllerState, task: TaskState) -> str | None:
    """Return who holds a path this task would write, or None."""
    wanted = paths_to_lease(task)
    if not wanted:
        return None
    for holder in _holders(state):
        clash = _overlap(wanted, holder.leased_paths) if _same_repository(task, holder) else None
        if clash:
            return f"{clash} is leased to {holder.id}"
    return None


def _holders(state: ControllerState) -> Iterable[TaskState]:
    for status in HOLDING:
        for task_id in state.by_status.get(status, {}):
            holder = state.tasks[task_id]
            if holder.leased_paths:
                yield holder


def _same_repository(one: TaskState, other: TaskState) -> bool:
    mine, theirs = one.packet.repository, other.packet.repository
    return mine is not None and theirs is not None and mine.identity == theirs.identity


def _overlap(wanted: tuple[str, ...], held: tuple[str, ...]) -> str | None:
    return next((path for path in wanted for other in held if trees_overlap(path, other)), None)
