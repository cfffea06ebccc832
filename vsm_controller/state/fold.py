"""Evolve: one small function per fact kind that changes a metasystem's state; the table is complete by test."""

from collections.abc import Callable, Iterable, Mapping

from vsm_controller.state.controller import (
    ControllerState,
    Ending,
    bounded,
    tasks_with_children,
    with_mandate,
    with_task,
    without_mandate,
)
from vsm_controller.state.mandate import MandateState, Phase
from vsm_controller.state.task import TaskState, TaskStatus
from vsm_core import facts as f
from vsm_core.payloads.control import CancelScope

_ANEW: dict[str, object] = {
    "child": None,
    "execution_id": None,
    "process": None,
    "leased_paths": (),
    "result": None,
    "evidence": (),
    "unverified": None,
    "merge_commit": None,
    "guard_base": None,
}


def evolve(state: ControllerState, fact: f.AnyFact) -> ControllerState:
    """Return the state after one fact; a fact of history leaves it as it is."""
    change = EVOLVERS.get(fact.kind)
    return change(state, fact) if change else state


def fold(state: ControllerState, facts: Iterable[f.AnyFact]) -> ControllerState:
    """Return the state after several facts."""
    for fact in facts:
        state = evolve(state, fact)
    return state


def _changed(state: ControllerState, task_id: str, **changes: object) -> ControllerState:
    task = state.tasks.get(task_id)
    return with_task(state, task.model_copy(update=changes)) if task else state


def _mandate_changed(state: ControllerState, mandate_id: str, **changes: object) -> ControllerState:
    mandate = state.mandates.get(mandate_id)
    return with_mandate(state, mandate.model_copy(update=changes)) if mandate else state


def _directive_accepted(state: ControllerState, fact: f.DirectiveAccepted) -> ControllerState:
    directive = fact.directive
    mandate = MandateState(
        id=fact.directive_id,
        directive_id=fact.directive_id,
        directive=directive,
        phase=Phase.SURVEYING if directive.repository else Phase.WORKING,
        acceptance=directive.acceptance,
        base=directive.repository.base_commit if directive.repository else None,
    )
    return with_mandate(state, mandate)


def _surveyed(state: ControllerState, fact: f.RepositorySurveyed) -> ControllerState:
    return _mandate_changed(
        state, fact.directive_id, phase=Phase.WORKING, inventory=fact.inventory, acceptance=fact.acceptance
    )


def _planned(state: ControllerState, fact: f.TaskPlanned) -> ControllerState:
    mandate = state.mandates[fact.mandate_id]
    grown = mandate.model_copy(
        update={"task_ids": (*mandate.task_ids, fact.task_id), "open_tasks": mandate.open_tasks + 1}
    )
    task = TaskState(
        packet=fact.packet,
        mandate_id=fact.mandate_id,
        ordinal=len(mandate.task_ids),
        verifies=fact.verifies,
        combination=fact.combination,
        status=TaskStatus.WAITING if fact.packet.dependencies else TaskStatus.PLANNED,
    )
    state = with_task(with_mandate(state, grown), task)
    if fact.verifies:
        status = TaskStatus.COMBINING if fact.combination else TaskStatus.VERIFYING
        state = _changed(state, fact.verifies, status=status)
    return state


def _assigned(state: ControllerState, fact: f.TaskAssigned) -> ControllerState:
    task = state.tasks[fact.task_id]
    state = with_task(
        state,
        task.model_copy(
            update={
                "status": TaskStatus.ASSIGNED,
                "child": fact.child,
                "base": fact.base_commit,
                "guard_base": _guard_base(state.mandates[task.mandate_id], fact.base_commit),
                "assignments": task.assignments + 1,
                "fencing_token": fact.fencing_token,
                "leased_paths": fact.leased_paths,
                "assigned_at": fact.assigned_at,
                "execution_id": None,
                "process": None,
                "deferred": "",
            }
        ),
    )
    return state.model_copy(update={"next_token": fact.fencing_token + 1})


def _guard_base(mandate: MandateState, base: str | None) -> str | None:
    stands_on_tip = base is not None and base == mandate.tip
    return (mandate.verified_tip or mandate.base) if stands_on_tip else base


def _deferred(state: ControllerState, fact: f.TaskDeferred) -> ControllerState:
    return _changed(state, fact.task_id, deferred=f"{fact.check}: {fact.reason}")


def _admitted(state: ControllerState, fact: f.TaskAdmitted) -> ControllerState:
    if fact.packet is None:
        return _changed(
            state,
            fact.task_id,
            status=TaskStatus.ADMITTED,
            execution_id=fact.execution_id,
            process=fact.process,
        )
    packet = fact.packet
    mandate = MandateState(
        id=packet.id,
        directive_id=packet.directive_id,
        packet=packet,
        execution_id=fact.execution_id,
        phase=Phase.WORKING,
        acceptance=packet.acceptance,
        base=packet.base_commit,
    )
    taken = bounded({**state.taken, packet.id: fact.fencing_token})
    return with_mandate(state.model_copy(update={"taken": taken}), mandate)


def _finished(state: ControllerState, fact: f.TaskFinished) -> ControllerState:
    own = state.mandates.get(fact.task_id)
    if own is not None and fact.result.produced_by == state.node_id:
        ending = Ending(outcome=fact.result.outcome, reason=fact.result.reason, commit=fact.result.commit)
        return without_mandate(state, own, ending)
    task = state.tasks[fact.task_id]
    ended: dict[str, object] = {"status": TaskStatus.FINISHED, "result": fact.result}
    ended |= {"execution_id": fact.result.execution_id, "settled": (*task.settled, fact.result.execution_id)}
    return with_task(state, task.model_copy(update=ended))


def _late(state: ControllerState, fact: f.ResultLate) -> ControllerState:
    task = state.tasks.get(fact.task_id)
    return _changed(state, fact.task_id, settled=(*task.settled, fact.execution_id)) if task else state


def _lost(state: ControllerState, fact: f.AttemptLost) -> ControllerState:
    task = state.tasks[fact.task_id]
    counted = task.counted_attempts + fact.counted
    again = {**_ANEW, "status": TaskStatus.PLANNED, "counted_attempts": counted}
    return _queue_released(with_task(state, task.model_copy(update=again)), task.id)


def _queue_released(state: ControllerState, task_id: str) -> ControllerState:
    mandate = state.mandates[state.tasks[task_id].mandate_id]
    return _mandate_changed(state, mandate.id, merging=None) if mandate.merging == task_id else state


def _verified(state: ControllerState, fact: f.TaskVerified) -> ControllerState:
    task = state.tasks[fact.task_id]
    status = TaskStatus.PREPARED if task.status is TaskStatus.COMBINING else TaskStatus.QUEUED
    return _changed(state, fact.task_id, status=status, evidence=fact.evidence)


def _rejected(state: ControllerState, fact: f.TaskRejected) -> ControllerState:
    return _changed(state, fact.task_id, evidence=fact.evidence)


def _unverified(state: ControllerState, fact: f.TaskUnverified) -> ControllerState:
    """It joins the queue, again if its combination was what nobody could judge: it is merged with a mark then."""
    reason = fact.reason or "whoever judged it gave no reason"
    state = _changed(
        state,
        fact.task_id,
        status=TaskStatus.QUEUED,
        evidence=fact.evidence,
        unverified=reason,
        merge_commit=None,
    )
    return _queue_released(state, fact.task_id)


def _merge_started(state: ControllerState, fact: f.MergeStarted) -> ControllerState:
    state = _changed(state, fact.task_id, status=TaskStatus.MERGING)
    return _mandate_changed(state, state.tasks[fact.task_id].mandate_id, merging=fact.task_id)


def _merge_prepared(state: ControllerState, fact: f.MergePrepared) -> ControllerState:
    status = TaskStatus.PREPARED if fact.fast_forward else TaskStatus.MERGING
    return _changed(state, fact.task_id, status=status, merge_commit=fact.commit)


def _conflicted(state: ControllerState, fact: f.MergeConflicted) -> ControllerState:
    return _changed(state, fact.task_id, on_tip=True)


def _publishing(state: ControllerState, fact: f.PublishingStarted) -> ControllerState:
    return _changed(state, fact.task_id, status=TaskStatus.PUBLISHING)


def _integrated(state: ControllerState, fact: f.TaskIntegrated) -> ControllerState:
    state = _changed(state, fact.task_id, integrated=True)
    mandate_id = state.tasks[fact.task_id].mandate_id
    if fact.verified:
        return _mandate_changed(state, mandate_id, tip=fact.tip, verified_tip=fact.tip)
    return _mandate_changed(state, mandate_id, tip=fact.tip)


def _branch_moved(state: ControllerState, fact: f.BranchMoved) -> ControllerState:
    return _mandate_changed(state, fact.directive_id, published=fact.commit)


def _released(state: ControllerState, fact: f.DependencyReleased) -> ControllerState:
    task = state.tasks[fact.task_id]
    if task.status is not TaskStatus.WAITING or not all(
        state.tasks[each].done for each in task.packet.dependencies
    ):
        return state
    return _changed(state, fact.task_id, status=TaskStatus.PLANNED)


def _concluded(state: ControllerState, fact: f.TaskConcluded) -> ControllerState:
    task = state.tasks[fact.task_id]
    done = {"outcome": fact.outcome, "failure_class": fact.failure_class, "reason": fact.reason}
    over = {**done, "status": TaskStatus.CONCLUDED, "leased_paths": ()}
    return _queue_released(with_task(state, task.model_copy(update=over)), task.id)


def _closing(state: ControllerState, fact: f.ClosingStarted) -> ControllerState:
    return _mandate_changed(
        state,
        fact.mandate_id,
        phase=Phase.CLOSING,
        outcome=fact.outcome,
        reason=fact.reason,
    )


def _kept(state: ControllerState, fact: f.WorkKept) -> ControllerState:
    state = _changed(state, fact.task_id, kept=True)
    if fact.tip is None:
        return state
    return _mandate_changed(state, state.tasks[fact.task_id].mandate_id, tip=fact.tip)


def _directive_finished(state: ControllerState, fact: f.DirectiveFinished) -> ControllerState:
    mandate = state.mandates.get(fact.directive_id)
    if mandate is None:
        return state
    ending = Ending(
        outcome=fact.outcome, reason=fact.reason, branch=fact.branch, commit=fact.commit, base=fact.base
    )
    return without_mandate(state, mandate, ending)


def _cancel_requested(state: ControllerState, fact: f.CancelRequested) -> ControllerState:
    whole = fact.scope is CancelScope.SUBTREE
    for mandate_id in tuple(state.mandates) if whole else (fact.subject,):
        state = _mandate_changed(state, mandate_id, stopped=fact.outcome, reason=fact.reason)
    if not whole:
        return state
    return state.model_copy(update={"cancel_epoch": max(state.cancel_epoch, fact.cancel_epoch)})


def _process_started(state: ControllerState, fact: f.ProcessStarted) -> ControllerState:
    """A packet that nobody admitted died with the old process: it is assigned again under a higher token."""
    for task in tuple(tasks_with_children(state)):
        if task.status is TaskStatus.ASSIGNED and task.child in fact.nodes:
            state = with_task(state, task.model_copy(update={**_ANEW, "status": TaskStatus.PLANNED}))
    return state.model_copy(update={"stopping": False})


def _process_stopping(state: ControllerState, _fact: f.ProcessStopping) -> ControllerState:
    return state.model_copy(update={"stopping": True})


EVOLVERS: Mapping[str, Callable[..., ControllerState]] = {
    "DirectiveAccepted": _directive_accepted,
    "RepositorySurveyed": _surveyed,
    "TaskPlanned": _planned,
    "TaskAssigned": _assigned,
    "TaskDeferred": _deferred,
    "TaskAdmitted": _admitted,
    "TaskFinished": _finished,
    "ResultLate": _late,
    "AttemptLost": _lost,
    "TaskVerified": _verified,
    "TaskRejected": _rejected,
    "TaskUnverified": _unverified,
    "MergeStarted": _merge_started,
    "MergePrepared": _merge_prepared,
    "MergeConflicted": _conflicted,
    "PublishingStarted": _publishing,
    "TaskIntegrated": _integrated,
    "WorkKept": _kept,
    "BranchMoved": _branch_moved,
    "DependencyReleased": _released,
    "TaskConcluded": _concluded,
    "ClosingStarted": _closing,
    "DirectiveFinished": _directive_finished,
    "CancelRequested": _cancel_requested,
    "ProcessStarted": _process_started,
    "ProcessStopping": _process_stopping,
}
HISTORY_ONLY = frozenset(
    {
        "TaskRefused",
        "TaskTraced",
        "WorkerFactRecorded",
        "ResultAcknowledged",
        "ExecutionRevoked",
        "EnvelopeRefused",
        "AlgedonicReceived",
        "GenomeAdopted",
        "OutcomeAdjusted",
        "TextRedacted",
    }
)
