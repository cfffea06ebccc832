"""Who holds a task: the one rule by which a child's word about it counts, and what it observed of itself."""

from vsm_controller.state.task import WITH_CHILD, TaskState
from vsm_core.facts import AnyFact, WorkerFactRecorded
from vsm_core.payloads.work import TaskProgress, TaskResult


def holds(task: TaskState, source: str, said: TaskProgress | TaskResult) -> bool:
    """Say whether a child speaks for a task: it has the newest assignment, by the first execution heard of."""
    return (
        task.status in WITH_CHILD
        and task.child == source == said.produced_by
        and task.fencing_token == said.fencing_token
        and task.execution_id in (None, said.execution_id)
    )


def worker_facts(task: TaskState, said: TaskProgress | TaskResult) -> tuple[AnyFact, ...]:
    """Return what a worker observed of itself, as facts with their execution."""
    return tuple(
        WorkerFactRecorded(
            task_id=task.id,
            directive_id=task.packet.directive_id,
            execution_id=said.execution_id,
            node=said.produced_by,
            worker_fact=each,
        )
        for each in said.worker_facts
    )
