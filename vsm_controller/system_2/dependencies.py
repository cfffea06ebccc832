"""System 2, dependencies: who may start because another is done, and who never will."""

from vsm_controller.state.conclusion import End, conclude
from vsm_controller.state.controller import ControllerState, tasks_in
from vsm_controller.state.fold import fold
from vsm_controller.state.task import TaskStatus
from vsm_core.actor import NOTHING, Context, Step
from vsm_core.facts import AnyFact
from vsm_core.task import FailureClass, Outcome


def settle(state: ControllerState, context: Context) -> Step:
    """End the tasks whose dependency ended badly, and those that depend on them in turn: they will never be ready."""
    facts: list[AnyFact] = []
    while ended := _never_ready(state, context):
        state = fold(state, ended)
        facts.extend(ended)
    return Step(facts=tuple(facts)) if facts else NOTHING


def _never_ready(state: ControllerState, context: Context) -> tuple[AnyFact, ...]:
    facts: list[AnyFact] = []
    for task in tasks_in(state, TaskStatus.WAITING):
        blocker = next((each for each in task.packet.dependencies if _failed(state, each)), None)
        if blocker is not None:
            failed = state.tasks[blocker]
            reason = f"it depends on {failed.packet.title!r}, which ended as {failed.outcome}"
            facts.extend(
                conclude(
                    state,
                    task,
                    context.now,
                    End(Outcome.CANCELLED, failure_class=FailureClass.CONFLICT, reason=reason),
                )
            )
    return tuple(facts)


def _failed(state: ControllerState, task_id: str) -> bool:
    task = state.tasks[task_id]
    return not task.open and not task.done
