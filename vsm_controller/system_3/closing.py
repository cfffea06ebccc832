"""System 3, closing: when every task of a mandate is terminal, what it leaves behind is gathered and reported.

Work that did not make it - rejected, or a child's half of it - is kept on top of what was integrated, and marked as
unverified. Then
the root moves its branch, a metasystem below it writes its attempt ref, and the mandate is over.
"""

from vsm_controller.state.controller import ControllerState, idle_mandates, tasks_of
from vsm_controller.state.fold import fold
from vsm_controller.state.mandate import MandateState, Phase
from vsm_controller.state.task import TaskState
from vsm_controller.system_3.integration import branch_request, branch_taken, job_for, merge_request
from vsm_controller.system_3.reports import branch_of, report_to, total_usage
from vsm_core.actor import NOTHING, Context, Send, Step
from vsm_core.channel import Channel
from vsm_core.envelope import Envelope
from vsm_core.facts import BranchMoved, ClosingStarted, DirectiveFinished, TaskFinished, WorkKept
from vsm_core.payloads.control import JobFinished, TimerPurpose
from vsm_core.payloads.jobs import JobRequest, MergeReport, MoveRef, MoveReport
from vsm_core.payloads.signals import DirectiveState
from vsm_core.payloads.work import TaskResult
from vsm_core.task import FILES_LIMIT, DiffSize, Evidence, FailureClass, Outcome, RepositoryRef, Role

# The worst end of a plan is the plan's end; what is not listed is no end of a task.
PRECEDENCE = (
    Outcome.REJECTED,
    Outcome.FAILED,
    Outcome.TIMED_OUT,
    Outcome.LOST,
    Outcome.REFUSED,
    Outcome.NEEDS_HUMAN,
    Outcome.BUDGET_EXHAUSTED,
    Outcome.THROTTLED,
    Outcome.CANCELLED,
    Outcome.COMPLETED,
    Outcome.NO_CHANGE,
)
NOT_KEPT = frozenset({Outcome.COMPLETED, Outcome.NO_CHANGE, Outcome.CANCELLED})
NEVER_MERGED = frozenset({FailureClass.POLICY_DENIED, FailureClass.CONFLICT})
EVIDENCE_KEPT = 20


def close(state: ControllerState, context: Context) -> Step:
    """Begin to close the mandates whose plan has come to its end."""
    step = NOTHING
    for mandate in idle_mandates(state):
        outcome, reason = verdict(state, mandate)
        begun = ClosingStarted(
            mandate_id=mandate.id, directive_id=mandate.directive_id, outcome=outcome, reason=reason
        )
        after = fold(state, (begun,))
        step += Step(facts=(begun,)) + _go_on(after, after.mandates[mandate.id], context)
    return step


def verdict(state: ControllerState, mandate: MandateState) -> tuple[Outcome, str]:
    """Return how a mandate ended, and why: the worst of its tasks that are no verification."""
    if mandate.stopped is not None:
        return mandate.stopped, mandate.reason
    tasks = [task for task in tasks_of(state, mandate) if task.verifies is None]
    if not tasks:
        return Outcome.NEEDS_HUMAN, "nothing could be planned"
    ends = {task.outcome for task in tasks}
    outcome = next(each for each in PRECEDENCE if each in ends)
    reasons = dict.fromkeys(task.reason for task in tasks if task.outcome is outcome and task.reason)
    return outcome, "; ".join(reasons)


def continued(state: ControllerState, envelope: Envelope, context: Context) -> Step:
    """Go on closing after one of its jobs ended."""
    ended = envelope.payload
    mandate = state.mandates.get(ended.subject) if isinstance(ended, JobFinished) else None
    if not isinstance(ended, JobFinished) or mandate is None or mandate.phase is not Phase.CLOSING:
        return NOTHING
    waiting = _unkept(state, mandate)
    if waiting is not None:
        tip = ended.report.tip if isinstance(ended.report, MergeReport) else None
        kept = WorkKept(task_id=waiting.id, directive_id=mandate.directive_id, tip=tip)
        after = fold(state, (kept,))
        return Step(facts=(kept,)) + _go_on(after, after.mandates[mandate.id], context)
    return _after_publishing(state, mandate, ended)


def _go_on(state: ControllerState, mandate: MandateState, context: Context) -> Step:
    waiting = _unkept(state, mandate)
    if waiting is not None and waiting.result is not None and waiting.result.commit is not None:
        request = merge_request(mandate, waiting, waiting.result.commit, context, unverified=True)
        return _job(state, mandate, f"{waiting.id}/keep", request, context)
    move = _publication(mandate)
    if move is None:
        return _finish(state, mandate)
    return _job(state, mandate, f"{mandate.id}/publish", move, context)


def _unkept(state: ControllerState, mandate: MandateState) -> TaskState | None:
    return next((task for task in tasks_of(state, mandate) if _to_keep(task)), None)


def _to_keep(task: TaskState) -> bool:
    return (
        task.verifies is None
        and task.outcome not in NOT_KEPT
        and not (task.kept or task.integrated)
        and task.result is not None
        and task.result.commit is not None
        and task.packet.repository is not None
        and task.failure_class not in NEVER_MERGED
    )


def _job(
    state: ControllerState, mandate: MandateState, cause: str, request: JobRequest, context: Context
) -> Step:
    return Step(jobs=(job_for(state, mandate.id, cause, request, context),))


def _publication(mandate: MandateState) -> MoveRef | None:
    repository = _repository(mandate)
    if repository is None or mandate.tip is None or mandate.tip == mandate.published:
        return None
    if mandate.is_root:
        return branch_request(mandate, repository, mandate.tip)
    return MoveRef(repository=repository, ref=_attempt_ref(mandate), commit=mandate.tip)


def _repository(mandate: MandateState) -> RepositoryRef | None:
    if mandate.directive is not None:
        return mandate.directive.repository
    return mandate.packet.repository if mandate.packet else None


def _attempt_ref(mandate: MandateState) -> str:
    assert mandate.packet is not None
    assert mandate.packet.assignment is not None
    attempt = mandate.packet.assignment.attempt
    return f"refs/vsm/attempts/{mandate.directive_id}/{mandate.id}/{attempt}-{mandate.execution_id}"


def _after_publishing(state: ControllerState, mandate: MandateState, ended: JobFinished) -> Step:
    moved = isinstance(ended.report, MoveReport) and ended.report.moved
    if not moved:
        told = mandate.model_copy(update={"outcome": Outcome.FAILED, "reason": branch_taken(mandate, ended)})
        return _finish(state, told)
    if not mandate.is_root or mandate.tip is None:
        return _finish(state, mandate)
    fact = BranchMoved(
        directive_id=mandate.directive_id,
        ref=f"refs/heads/{branch_of(mandate)}",
        commit=mandate.tip,
        previous=mandate.published,
    )
    after = fold(state, (fact,))
    return Step(facts=(fact,)) + _finish(after, after.mandates[mandate.id])


def _finish(state: ControllerState, mandate: MandateState) -> Step:
    if mandate.is_root:
        return _finish_directive(state, mandate)
    return _finish_task(state, mandate)


def _finish_directive(state: ControllerState, mandate: MandateState) -> Step:
    over = DirectiveFinished(
        directive_id=mandate.id,
        outcome=mandate.outcome or Outcome.FAILED,
        reason=mandate.reason,
        branch=branch_of(mandate) if mandate.published else None,
        commit=mandate.published,
        base=mandate.base,
    )
    return Step(
        facts=(over,),
        sends=report_to(mandate, DirectiveState.FINISHED, tasks=tasks_of(state, mandate)),
        timers_cancelled=(f"{TimerPurpose.DIRECTIVE_DEADLINE}.{mandate.id}",),
    )


def _finish_task(state: ControllerState, mandate: MandateState) -> Step:
    packet, execution = mandate.packet, mandate.execution_id
    parent = state.genome.nodes[state.node_id].parent_id
    if packet is None or packet.assignment is None or execution is None or parent is None:
        return NOTHING
    tasks = tasks_of(state, mandate)
    result = TaskResult(
        task_id=packet.id,
        attempt=packet.assignment.attempt,
        fencing_token=packet.assignment.fencing_token,
        execution_id=execution,
        produced_by=state.node_id,
        outcome=mandate.outcome or Outcome.FAILED,
        failure_class=_failure(tasks, mandate.outcome),
        reason=mandate.reason,
        summary=f"{sum(task.verifies is None for task in tasks)} tasks",
        commit=mandate.tip,
        verified=bool(tasks) and all(task.evidence for task in tasks if task.merge_commit),
        files_touched=_files(tasks),
        diff=_diff(tasks),
        evidence=_evidence(tasks),
        usage=total_usage(tasks),
    )
    finished = TaskFinished(task_id=packet.id, directive_id=mandate.directive_id, result=result)
    send = Send(target=parent, channel=Channel.MANAGEMENT_TO_OPERATION, payload=result)
    return Step(facts=(finished,), sends=(send,))


def _failure(tasks: tuple[TaskState, ...], outcome: Outcome | None) -> FailureClass | None:
    return next((t.failure_class for t in tasks if t.outcome is outcome and t.verifies is None), None)


def _files(tasks: tuple[TaskState, ...]) -> tuple[str, ...]:
    touched = {path for task in tasks if task.result for path in task.result.files_touched}
    return tuple(sorted(touched)[:FILES_LIMIT])


def _diff(tasks: tuple[TaskState, ...]) -> DiffSize:
    sizes = [task.result.diff for task in tasks if task.result and task.packet.role is Role.IMPLEMENT]
    return DiffSize(
        files_changed=len({path for task in tasks if task.result for path in task.result.files_touched}),
        lines_added=sum(each.lines_added for each in sizes),
        lines_deleted=sum(each.lines_deleted for each in sizes),
    )


def _evidence(tasks: tuple[TaskState, ...]) -> tuple[Evidence, ...]:
    found = [each for task in tasks if task.verifies is None for each in task.evidence]
    return tuple(found[-EVIDENCE_KEPT:])
