"""System 3, verification: a result counts only when somebody other than its author saw it hold.

A completed result with a diff gets a ``test`` task for a testing leaf that is not its author. A metasystem without such
a leaf hands its work up unverified, and its parent verifies it; at the root, work nobody can verify needs a human.
"""

from vsm_controller.state.conclusion import End, conclude
from vsm_controller.state.controller import ControllerState, tasks_in
from vsm_controller.state.fold import fold
from vsm_controller.state.mandate import MandateState
from vsm_controller.state.supply import has_verifier
from vsm_controller.state.task import TaskState, TaskStatus
from vsm_core.actor import NOTHING, Context, Step
from vsm_core.capability import Capability
from vsm_core.facts import AnyFact, TaskPlanned, TaskRejected, TaskUnverified, TaskVerified
from vsm_core.ids import CommitId, derive_id
from vsm_core.payloads.work import TaskPacket
from vsm_core.task import FailureClass, Outcome, Role

NO_ACCEPTANCE = (
    "nothing says how the result is verified: no tests were found; name a command with --acceptance, "
    'or set acceptance = ["..."] under [tool.vsm] in pyproject.toml'
)
NO_EVIDENCE = "its verification completed without any evidence"
NO_VERIFIER = "no testing leaf other than the author can verify it: add one under this node (vsm genome show)"


def request(state: ControllerState, context: Context) -> Step:
    """Judge what needs no test, and plan a test task for every other result that waits."""
    facts: list[AnyFact] = []
    for task in tasks_in(state, TaskStatus.FINISHED):
        facts.extend(_requested(state, task, context))
    return Step(facts=tuple(facts)) if facts else NOTHING


def _requested(state: ControllerState, task: TaskState, context: Context) -> tuple[AnyFact, ...]:
    mandate, result = state.mandates[task.mandate_id], task.result
    if task.verifies is not None or result is None:
        return ()  # a verification itself: judged below
    if result.commit is None:
        return conclude(state, task, context.now, End(result.outcome, reason=result.summary))
    if result.outcome is Outcome.NEEDS_HUMAN:
        return (_unverified(task, result.reason),)
    if not has_verifier(state.genome, state.node_id, task.child) and not mandate.is_root:
        return (_passed_up(task),)
    obstacle = _obstacle(state, mandate, task)
    if obstacle:
        return (_unverified(task, obstacle),)
    return (verification_task(state, mandate, task, result.commit),)


def _obstacle(state: ControllerState, mandate: MandateState, task: TaskState) -> str | None:
    if not mandate.acceptance:
        return NO_ACCEPTANCE
    return None if has_verifier(state.genome, state.node_id, task.child) else NO_VERIFIER


def _passed_up(task: TaskState) -> TaskVerified:
    """No evidence: the work goes up marked as unverified, and the parent verifies it."""
    return TaskVerified(
        task_id=task.id,
        directive_id=task.packet.directive_id,
        verifier_task_id=task.id,
        verifier_node=task.child or task.id,
    )


def verification_task(
    state: ControllerState, mandate: MandateState, task: TaskState, subject: CommitId
) -> TaskPlanned:
    """Return the planned verification of a commit; a commit other than the result's is a combination."""
    combination = task.status is TaskStatus.MERGING
    cause = f"{task.id}/{task.fencing_token}/{subject}"
    task_id = derive_id("task", state.node_id, cause)
    base = (mandate.ground if combination else task.guard_base) or mandate.base
    packet = TaskPacket(
        id=task_id,
        directive_id=mandate.directive_id,
        parent_task_id=mandate.packet.id if mandate.packet else None,
        role=Role.TEST,
        title=f"Verify: {task.packet.title}",
        repository=task.packet.repository,
        base_commit=base,
        subject_commit=subject,
        author_node=task.child,
        acceptance=mandate.acceptance,
        options=task.packet.options,
        risk=task.packet.risk,
        required_capabilities=frozenset({Capability.RUN_TESTS}),
        deadline=task.packet.deadline,
        needs=task.packet.needs,
    )
    return TaskPlanned(
        task_id=task_id,
        directive_id=mandate.directive_id,
        mandate_id=mandate.id,
        packet=packet,
        verifies=task.id,
        combination=combination,
    )


def judge(state: ControllerState, context: Context) -> Step:
    """Turn the end of each verification into a verdict on its subject."""
    facts: list[AnyFact] = []
    for task in (*tasks_in(state, TaskStatus.VERIFYING), *tasks_in(state, TaskStatus.COMBINING)):
        verification = _verification_of(state, task)
        if verification is not None and verification.status is TaskStatus.FINISHED:
            facts.extend(_held(state, task, verification, context))
        elif verification is not None and not verification.open:
            facts.extend(_not_held(state, task, verification, context))
    return Step(facts=tuple(facts)) if facts else NOTHING


def _verification_of(state: ControllerState, subject: TaskState) -> TaskState | None:
    wanted = subject.merge_commit if subject.status is TaskStatus.COMBINING else None
    commit = wanted or (subject.result.commit if subject.result else None)
    for task_id in reversed(state.mandates[subject.mandate_id].task_ids):
        task = state.tasks[task_id]
        if task.verifies == subject.id and task.packet.subject_commit == commit:
            return task
    return None


def _held(
    state: ControllerState, subject: TaskState, verification: TaskState, context: Context
) -> tuple[AnyFact, ...]:
    evidence = verification.result.evidence if verification.result else ()
    verified = TaskVerified(
        task_id=subject.id,
        directive_id=subject.packet.directive_id,
        verifier_task_id=verification.id,
        verifier_node=verification.child or state.node_id,
        evidence=evidence,
    )
    over = conclude(state, verification, context.now, End(Outcome.COMPLETED))
    return (verified, *over) if evidence else (_unverified(subject, NO_EVIDENCE), *over)


def _not_held(
    state: ControllerState, subject: TaskState, verification: TaskState, context: Context
) -> tuple[AnyFact, ...]:
    if verification.outcome is not Outcome.REJECTED:
        return (_unverified(subject, verification.reason, verification),)
    evidence = verification.result.evidence if verification.result else ()
    rejected = TaskRejected(
        task_id=subject.id,
        directive_id=subject.packet.directive_id,
        verifier_task_id=verification.id,
        verifier_node=verification.child or state.node_id,
        reason=verification.reason,
        evidence=evidence,
    )
    after = fold(state, (rejected,))
    return (
        rejected,
        *conclude(
            after,
            after.tasks[subject.id],
            context.now,
            End(Outcome.REJECTED, failure_class=FailureClass.TESTS_FAILED, reason=verification.reason),
        ),
    )


def _unverified(subject: TaskState, reason: str, verification: TaskState | None = None) -> TaskUnverified:
    evidence = verification.result.evidence if verification and verification.result else ()
    return TaskUnverified(
        task_id=subject.id, directive_id=subject.packet.directive_id, reason=reason, evidence=evidence
    )
