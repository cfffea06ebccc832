"""What an execution's end means: from what the harness measured to the result the controller is told.

The author's words never count. A success without the change that was asked for is a phantom; a change that ran into a
gate is rejected; a verification says what its judgements say. Whatever a leaf tells its controller is put together
here, and leaves without the secrets in it: also those in a command line, a file name or an error of git's.
"""

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

from vsm_core.ids import NodeId
from vsm_core.payloads.control import JobFinished
from vsm_core.payloads.jobs import ExecutionReport, JobOutcome, ProviderExit, Verdict
from vsm_core.payloads.work import Assignment, TaskPacket, TaskProgress, TaskResult
from vsm_core.task import FILES_LIMIT, Evidence, FailureClass, Outcome, Role
from vsm_core.value import Value
from vsm_worker.secret_rules import redacted
from vsm_worker.tools import asks_for_change, may_find_nothing

REASON_LIMIT = 4_000  # characters
NARRATION_LIMIT = 8_000  # characters
NAMES_LIMIT = 60_000  # characters of all file names in one result
ITEMS_LIMIT = 100  # violations, judgements, special changes and artifacts of one report, each
ARGUMENT_LIMIT = 1_000  # characters of one argument that evidence shows
ARGUMENTS_LIMIT = 2_000  # characters of one command line
LATER_ARGUMENTS_LIMIT = 200  # characters of the command lines of later pieces of evidence
EVIDENCE_LIMIT = 16  # pieces whose output tail is kept; later ones keep their digest
VIOLATIONS_SHOWN = 5
ADDRESSED_BY = frozenset(
    {"task_id", "execution_id", "produced_by", "process"}
)  # made by us, and needed as they are

ValueT = TypeVar("ValueT", bound=Value)
Ending = tuple[Outcome, FailureClass | None]

OF_EXIT: Mapping[ProviderExit, Ending] = {
    ProviderExit.OK: (Outcome.COMPLETED, None),
    ProviderExit.FAILED: (Outcome.FAILED, FailureClass.MODEL_ERROR),
    ProviderExit.THROTTLED: (Outcome.THROTTLED, FailureClass.RATE_LIMIT),
    ProviderExit.AUTH: (Outcome.NEEDS_HUMAN, FailureClass.AUTH),
    ProviderExit.CANCELLED: (Outcome.CANCELLED, None),
    ProviderExit.CRASHED: (Outcome.FAILED, FailureClass.CRASH),
    ProviderExit.TIMED_OUT: (Outcome.TIMED_OUT, FailureClass.TIMEOUT),
    ProviderExit.TOOL_MISSING: (Outcome.NEEDS_HUMAN, FailureClass.TOOL_MISSING),
    ProviderExit.NEEDS_HUMAN: (Outcome.NEEDS_HUMAN, FailureClass.USER_ACTION_REQUIRED),
}
OF_JOB: Mapping[JobOutcome, Ending] = {
    JobOutcome.DONE: (Outcome.FAILED, FailureClass.INTERNAL),  # done without a report: a defect of ours
    JobOutcome.FAILED: (Outcome.FAILED, FailureClass.INTERNAL),
    JobOutcome.CANCELLED: (
        Outcome.LOST,
        FailureClass.LEASE_LOST,
    ),  # nobody asked this leaf to stop: its host did
    JobOutcome.TIMED_OUT: (Outcome.TIMED_OUT, FailureClass.TIMEOUT),
}
OF_VERDICT: Mapping[Verdict, Ending] = {
    Verdict.REJECTS: (Outcome.REJECTED, FailureClass.TESTS_FAILED),
    Verdict.NEEDS_HUMAN: (Outcome.NEEDS_HUMAN, FailureClass.USER_ACTION_REQUIRED),
    Verdict.HOLDS: (Outcome.COMPLETED, None),
}
WORST_FIRST = (Verdict.REJECTS, Verdict.NEEDS_HUMAN, Verdict.HOLDS)


def result_of(packet: TaskPacket, node: NodeId, execution_id: str, finished: JobFinished) -> TaskResult:
    """Return the result of an execution whose job has ended."""
    report = finished.report
    if finished.outcome is not JobOutcome.DONE or not isinstance(report, ExecutionReport):
        outcome, failure = OF_JOB[finished.outcome]
        failure = finished.failure_class or failure
        reason = finished.reason or f"the execution's job ended as {finished.outcome.value} without a report"
        return bare_result(packet, node, execution_id, (outcome, failure, reason))
    report = bounded(report)
    outcome, failure, reason = ending_of(packet, report)
    kept = report.commit if outcome is not Outcome.REJECTED or not report.violations else None
    return bare_result(packet, node, execution_id, (outcome, failure, reason)).model_copy(
        update={
            "summary": _summary(packet, report),
            "commit": kept,
            "files_touched": report.files_touched,
            "diff": report.diff,
            "evidence": report.evidence,
            "usage": report.usage,
            "artifacts": report.artifacts,
            "isolation": report.isolation,
            "narration": report.narration,
        }
    )


def bare_result(
    packet: TaskPacket, node: NodeId, execution_id: str, ending: tuple[Outcome, FailureClass | None, str]
) -> TaskResult:
    """Return a result that says how it ended and nothing else."""
    assignment = packet.assignment
    outcome, failure, reason = ending
    return TaskResult(
        task_id=packet.id,
        attempt=assignment.attempt if assignment else 1,
        fencing_token=assignment.fencing_token if assignment else 1,
        execution_id=execution_id,
        produced_by=node,
        outcome=outcome,
        failure_class=failure,
        reason=redacted(reason)[:REASON_LIMIT],
    )


def progress_of(
    packet: TaskPacket, assignment: Assignment, node: NodeId, made_by: tuple[str, str]
) -> TaskProgress:
    """Return a sign of life of an execution; ``made_by`` are its own id and its process."""
    execution_id, process = made_by
    progress = TaskProgress(
        task_id=packet.id,
        attempt=assignment.attempt,
        fencing_token=assignment.fencing_token,
        execution_id=execution_id,
        produced_by=node,
        process=process,
        doing=packet.title,
    )
    return without_secrets(progress)


def ending_of(packet: TaskPacket, report: ExecutionReport) -> tuple[Outcome, FailureClass | None, str]:
    """Return how a reported execution ended, why, and a line for a human."""
    if report.violations:
        return (Outcome.REJECTED, FailureClass.POLICY_DENIED, _violations(report))
    if report.exit is not ProviderExit.OK:
        return (*OF_EXIT[report.exit], report.reason)
    if packet.role is Role.TEST and packet.repository is not None:
        return _judged(report)
    if report.commit is None and asks_for_change(packet):
        return _without_change(packet, report)
    return (Outcome.COMPLETED, None, report.reason)


def _violations(report: ExecutionReport) -> str:
    shown = [
        f"{each.path}: {each.kind.value} ({each.detail})" for each in report.violations[:VIOLATIONS_SHOWN]
    ]
    more = len(report.violations) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "")


def _judged(report: ExecutionReport) -> tuple[Outcome, FailureClass | None, str]:
    verdicts = {each.verdict for each in report.judgements}
    worst = next((each for each in WORST_FIRST if each in verdicts), Verdict.NEEDS_HUMAN)
    reasons = [
        f"{each.criterion}: {each.reason}"
        for each in report.judgements
        if each.verdict is worst and each.reason
    ]
    return (*OF_VERDICT[worst], "; ".join(reasons) or report.reason)


def _without_change(packet: TaskPacket, report: ExecutionReport) -> tuple[Outcome, FailureClass | None, str]:
    if may_find_nothing(packet):
        return (Outcome.NO_CHANGE, None, report.reason or "every tool ran and found nothing to change")
    reason = "success was claimed, but no file has changed"
    return (Outcome.FAILED, FailureClass.PHANTOM_COMPLETION, reason)


def _summary(packet: TaskPacket, report: ExecutionReport) -> str:
    parts = []
    if report.diff.files_changed:
        parts.append(
            f"{report.diff.files_changed} files changed, {report.diff.lines_added} lines added, "
            f"{report.diff.lines_deleted} deleted"
        )
    parts += [each.summary for each in report.evidence if each.summary]
    parts += list(report.special_changes)
    if report.rescue_ref:
        parts.append(f"unfinished work is kept at {report.rescue_ref}")
    return "\n".join(parts)[:REASON_LIMIT]


def bounded(report: ExecutionReport) -> ExecutionReport:
    """Return a report that fits into one envelope: secrets and what is too long cut, counts and digests kept."""
    report = without_secrets(report)
    return report.model_copy(
        update={
            "reason": report.reason[:REASON_LIMIT],
            "narration": report.narration[-NARRATION_LIMIT:],
            "files_touched": _within(report.files_touched[:FILES_LIMIT], NAMES_LIMIT),
            "special_changes": _within(report.special_changes[:ITEMS_LIMIT], NAMES_LIMIT // 4),
            "violations": report.violations[:ITEMS_LIMIT],
            "judgements": report.judgements[:ITEMS_LIMIT],
            "artifacts": report.artifacts[:ITEMS_LIMIT],
            "evidence": tuple(
                _trimmed(order, each) for order, each in enumerate(report.evidence[:ITEMS_LIMIT])
            ),
        }
    )


def without_secrets(told: ValueT) -> ValueT:
    """Return a value with no secret in any text of it, however deep; only ids that route it stay as they are."""
    clean = {
        name: _clean(getattr(told, name), _limit(field.metadata))
        for name, field in type(told).model_fields.items()
        if name not in ADDRESSED_BY
    }
    return told.model_copy(update=clean)


def _limit(constraints: list[object]) -> int | None:
    found = (getattr(each, "max_length", None) for each in constraints)
    return next((each for each in found if isinstance(each, int)), None)


def _clean(part: object, limit: int | None = None) -> object:
    if isinstance(part, Value):
        return without_secrets(part)
    if isinstance(part, tuple):
        return tuple(_clean(each) for each in part)
    if isinstance(part, Mapping):
        return {_clean(name): _clean(each) for name, each in part.items()}
    return redacted(part)[:limit] if isinstance(part, str) and not isinstance(part, Enum) else part


def _trimmed(order: int, evidence: Evidence) -> Evidence:
    early = order < EVIDENCE_LIMIT
    cut = tuple(part[:ARGUMENT_LIMIT] for part in evidence.argv)
    argv = _within(cut, ARGUMENTS_LIMIT if early else LATER_ARGUMENTS_LIMIT)
    return evidence.model_copy(update={"argv": argv, "output_tail": evidence.output_tail if early else ""})


def _within(names: tuple[str, ...], limit: int) -> tuple[str, ...]:
    kept: list[str] = []
    for name in names:
        limit -= len(name.encode()) + 3
        if limit < 0:
            break
        kept.append(name)
    return tuple(kept)
