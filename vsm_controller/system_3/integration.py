"""System 3, integration: a serial merge queue per mandate; no work tree, and no code of the repository runs.

A verified result is merged onto the tip. A fast-forward is what was verified; any other merge is a combination nobody
has seen yet, and is verified before the tip takes it. Work that nobody could verify is merged too, by a commit that
says so, and the directive ends as needs_human. Only the root moves a branch, by compare-and-swap; below it the tip is a
chain of commits that travels up as a result.
"""

from vsm_controller.state.conclusion import End, Loss, conclude, lose_attempt
from vsm_controller.state.controller import ControllerState, tasks_in
from vsm_controller.state.fold import fold
from vsm_controller.state.mandate import MandateState
from vsm_controller.state.supply import has_verifier
from vsm_controller.state.task import TaskState, TaskStatus
from vsm_controller.system_3.reports import branch_of
from vsm_controller.system_3.verification import verification_task
from vsm_core.actor import NOTHING, Context, Step
from vsm_core.envelope import Envelope
from vsm_core.facts import (
    AnyFact,
    BranchMoved,
    MergeConflicted,
    MergePrepared,
    MergeStarted,
    PublishingStarted,
    TaskIntegrated,
)
from vsm_core.ids import CommitId, derive_id
from vsm_core.payloads.control import JobFinished
from vsm_core.payloads.jobs import Job, JobRequest, MergeCommits, MergeMode, MergeReport, MoveRef, MoveReport
from vsm_core.task import FailureClass, Outcome, RepositoryRef

MERGE_SECONDS = 300


def start(state: ControllerState, context: Context) -> Step:
    """Take the next judged result of each idle queue up."""
    step = NOTHING
    for task in tuple(tasks_in(state, TaskStatus.QUEUED)):
        mandate = state.mandates[task.mandate_id]
        if not task.packet.needs.integration:
            step += Step(facts=_ended(state, task, context))
        elif not merge_under_way(mandate):
            begun = _begin(state, mandate, task, context)
            state = fold(state, begun.facts)
            step += begun
    return step


def merge_under_way(mandate: MandateState) -> bool:
    """Say whether the serial queue of a mandate is taken."""
    return mandate.merging is not None


def _begin(state: ControllerState, mandate: MandateState, task: TaskState, context: Context) -> Step:
    repository, onto, commit = task.packet.repository, mandate.ground, task.result and task.result.commit
    if repository is None or onto is None or not commit:
        return Step(facts=_ended(state, task, context))
    request = merge_request(mandate, task, commit, context, unverified=task.unverified is not None)
    job = job_for(state, task.id, f"{task.id}/merge/{commit}/{onto}", request, context)
    started = MergeStarted(task_id=task.id, directive_id=mandate.directive_id, job_id=job.id, onto=onto)
    return Step(facts=(started,), jobs=(job,))


def merge_request(
    mandate: MandateState, task: TaskState, commit: CommitId, context: Context, *, unverified: bool = False
) -> MergeCommits:
    """Return the merge of a task's result onto its mandate's ground."""
    repository, onto = task.packet.repository, mandate.ground
    if repository is None or onto is None:
        raise ValueError(f"task {task.id} has no repository to merge in")
    trailers = [("VSM-Directive", mandate.directive_id), ("VSM-Task", task.id)]
    if task.child:
        trailers.append(("VSM-Node", task.child))
    return MergeCommits(
        repository=repository,
        onto=onto,
        commit=commit,
        mode=MergeMode.UNVERIFIED if unverified else MergeMode.FAST_FORWARD,
        subject=f"Keep unverified: {task.packet.title}" if unverified else f"Integrate: {task.packet.title}",
        trailers=tuple(trailers),
        moment=context.now,
    )


def job_for(state: ControllerState, subject: str, cause: str, request: JobRequest, context: Context) -> Job:
    """Return a short git job; what asks for it is part of its name, so that one asked for again is another job.

    Its end comes back under an id derived from the job's: the inbox would drop a second end of the same name.
    """
    task = state.tasks.get(subject)
    mandate = state.mandates.get(task.mandate_id if task else subject)
    return Job(
        id=derive_id("job", state.node_id, f"{context.cause_id}/{cause}"),
        node=state.node_id,
        subject=subject,
        request=request,
        deadline_seconds=MERGE_SECONDS,
        started_at=context.now,
        cause_id=context.cause_id,
        correlation_id=mandate.directive_id if mandate else subject,
    )


def merged(state: ControllerState, envelope: Envelope, context: Context) -> Step:
    """Go on after a merge: verify a combination, or send a conflict back to its author."""
    ended = envelope.payload
    task = state.tasks.get(ended.subject) if isinstance(ended, JobFinished) else None
    if not isinstance(ended, JobFinished) or task is None or task.status is not TaskStatus.MERGING:
        return NOTHING
    report = ended.report
    if not isinstance(report, MergeReport):
        return Step(facts=_failed(state, task, context, f"the merge could not be made: {ended.reason}"))
    if report.tip is None:
        return Step(facts=_conflicted(state, task, report, context))
    return Step(facts=_prepared(state, task, report.tip, fast_forward=report.fast_forward))


def _prepared(
    state: ControllerState, task: TaskState, commit: CommitId, *, fast_forward: bool
) -> tuple[AnyFact, ...]:
    mandate = state.mandates[task.mandate_id]
    judged = fast_forward or task.unverified is not None
    seen = judged or not has_verifier(state.genome, state.node_id, task.child)
    prepared = MergePrepared(
        task_id=task.id, directive_id=mandate.directive_id, commit=commit, fast_forward=seen
    )
    if seen:
        return (prepared,)
    return (prepared, verification_task(state, mandate, task, commit))


def _conflicted(
    state: ControllerState, task: TaskState, report: MergeReport, context: Context
) -> tuple[AnyFact, ...]:
    directive_id = task.packet.directive_id
    conflicted = MergeConflicted(task_id=task.id, directive_id=directive_id, paths=report.conflicts)
    reason = f"conflicts with work already integrated: {', '.join(report.conflicts[:5])}"
    if task.attempt >= min(context.limits.attempts_per_task, context.limits.merge_attempts):
        return (conflicted, *_failed(state, task, context, reason))
    return (
        conflicted,
        *lose_attempt(state, task, context.now, Loss(reason, failure_class=FailureClass.CONFLICT)),
    )


def _failed(state: ControllerState, task: TaskState, context: Context, reason: str) -> tuple[AnyFact, ...]:
    return conclude(
        state, task, context.now, End(Outcome.FAILED, failure_class=FailureClass.CONFLICT, reason=reason)
    )


def publish(state: ControllerState, context: Context) -> Step:
    """Let the tip take what is prepared: the root moves its branch first."""
    step = NOTHING
    for task in tasks_in(state, TaskStatus.PREPARED):
        mandate, commit = state.mandates[task.mandate_id], task.merge_commit
        if commit is None or task.packet.repository is None:
            continue
        if mandate.is_root:
            step += _move_branch(state, mandate, task, commit, context)
        else:
            step += Step(facts=_integrated(state, task, commit, context))
    return step


def _move_branch(
    state: ControllerState, mandate: MandateState, task: TaskState, commit: CommitId, context: Context
) -> Step:
    assert task.packet.repository is not None
    request = branch_request(mandate, task.packet.repository, commit)
    job = job_for(state, task.id, f"{task.id}/publish/{commit}", request, context)
    started = PublishingStarted(
        task_id=task.id, directive_id=mandate.directive_id, job_id=job.id, commit=commit
    )
    return Step(facts=(started,), jobs=(job,))


def branch_request(mandate: MandateState, repository: RepositoryRef, commit: CommitId) -> MoveRef:
    """Return the move of a directive's branch from where it points to a commit."""
    ref = f"refs/heads/{branch_of(mandate)}"
    return MoveRef(repository=repository, ref=ref, commit=commit, expected=mandate.published)


def published(state: ControllerState, envelope: Envelope, context: Context) -> Step:
    """Go on after the branch was moved, or was found to be somebody else's."""
    ended = envelope.payload
    task = state.tasks.get(ended.subject) if isinstance(ended, JobFinished) else None
    if not isinstance(ended, JobFinished) or task is None or task.status is not TaskStatus.PUBLISHING:
        return NOTHING
    mandate, commit = state.mandates[task.mandate_id], task.merge_commit
    if not isinstance(ended.report, MoveReport) or not ended.report.moved or commit is None:
        return Step(facts=_failed(state, task, context, branch_taken(mandate, ended)))
    moved = BranchMoved(
        directive_id=mandate.directive_id,
        ref=f"refs/heads/{branch_of(mandate)}",
        commit=commit,
        previous=mandate.published,
    )
    return Step(facts=(moved, *_integrated(state, task, commit, context)))


def branch_taken(mandate: MandateState, ended: JobFinished) -> str:
    """Return why a branch could not be moved, and what would mend it."""
    branch = branch_of(mandate)
    if isinstance(ended.report, MoveReport) and ended.report.found:
        found = ended.report.found[:12]
        return f"branch {branch} points at {found}, which is not ours; rename or delete it and run --again"
    return f"branch {branch} could not be moved: {ended.reason or 'it is gone'}"


def _integrated(
    state: ControllerState, task: TaskState, commit: CommitId, context: Context
) -> tuple[AnyFact, ...]:
    directive_id = task.packet.directive_id
    verified = bool(task.evidence) and task.unverified is None
    integrated = TaskIntegrated(task_id=task.id, directive_id=directive_id, tip=commit, verified=verified)
    after = fold(state, (integrated,))
    return (integrated, *_ended(after, after.tasks[task.id], context))


def _ended(state: ControllerState, task: TaskState, context: Context) -> tuple[AnyFact, ...]:
    if task.unverified is None:
        return conclude(state, task, context.now, End(Outcome.COMPLETED))
    human = FailureClass.USER_ACTION_REQUIRED
    return conclude(
        state, task, context.now, End(Outcome.NEEDS_HUMAN, failure_class=human, reason=task.unverified)
    )
