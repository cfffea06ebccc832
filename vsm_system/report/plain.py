"""A run as plain lines, one for each event that matters, for pipes and terminals that can only print."""

from collections.abc import Callable, Mapping
from datetime import datetime

from vsm_core import facts as f
from vsm_core.payloads.work import TaskResult
from vsm_core.task import Evidence, TestCounts
from vsm_system.report.wording import counted, duration, one_line

WIDTH = 14  # characters kept for a node's name
REASON_LIMIT = 300  # characters of a reason on one line


class PlainReport:
    """Turns facts into lines; ``write`` gets each without a line end."""

    def __init__(self, write: Callable[[str], None], started: datetime) -> None:
        self._write = write
        self._started = started
        self._titles: dict[str, str] = {}

    def add(self, stream: str, recorded: f.RecordedFact) -> None:
        """Take in one fact, and write a line where it means something to a user."""
        fact = recorded.fact
        self.learn(recorded)
        say = LINES.get(fact.kind)
        said = say(self, stream, fact) if say else None
        if said is not None:
            node, text = said
            elapsed = max(0.0, (recorded.occurred_at - self._started).total_seconds())
            self._write(f"{duration(elapsed):>7}  {node:<{WIDTH}}  {one_line(text)}")

    def learn(self, recorded: f.RecordedFact) -> None:
        """Note what a task is called, and write nothing."""
        if isinstance(recorded.fact, f.TaskPlanned):
            self._titles[recorded.fact.task_id] = recorded.fact.packet.title

    def title(self, task_id: str) -> str:
        """Return what a task is called, in quotes."""
        return f'"{one_line(self._titles.get(task_id, task_id))}"'


Said = tuple[str, str] | None


def _accepted(_report: PlainReport, stream: str, fact: f.DirectiveAccepted) -> Said:
    return stream, f'takes on "{one_line(fact.directive.title)}"'


def _surveyed(_report: PlainReport, stream: str, fact: f.RepositorySurveyed) -> Said:
    inventory = fact.inventory
    tests = counted(len(inventory.test_files), "test file")
    verified = ", ".join(" ".join(each.verifier) for each in fact.acceptance) or "nothing found"
    return stream, f"sees {counted(inventory.python_files, 'Python file')}, {tests}; verification: {verified}"


def _assigned(report: PlainReport, stream: str, fact: f.TaskAssigned) -> Said:
    again = f" (attempt {fact.attempt})" if fact.attempt > 1 else ""
    return stream, f"hands {report.title(fact.task_id)} to {fact.child}{again}"


def _finished(report: PlainReport, stream: str, fact: f.TaskFinished) -> Said:
    result = fact.result
    if result.produced_by == stream:
        return None
    return result.produced_by, f"{result.outcome}: {report.title(fact.task_id)}{_about(result)}"


def _about(result: TaskResult) -> str:
    parts = []
    if result.diff.files_changed:
        size = result.diff
        parts.append(f"{counted(size.files_changed, 'file')}, +{size.lines_added} -{size.lines_deleted}")
    tests = [tests_of(each) for each in result.evidence if each.tests]
    parts.extend(tests[-1:])
    if result.reason:
        parts.append(result.reason[:REASON_LIMIT])
    return f" ({'; '.join(parts)})" if parts else ""


def tests_of(evidence: Evidence) -> str:
    """Return what a test run counted, or its exit code where it counted nothing."""
    if evidence.tests is not None:
        return counts_of(evidence.tests)
    if evidence.exit_code is not None:
        return f"exit {evidence.exit_code}"
    return (
        "no end" if evidence.output_digest else "could not be run"
    )  # what ran has an output, if an empty one


def counts_of(tests: TestCounts) -> str:
    """Return test counts such as ``12 passed, 1 failed``."""
    named = {"passed": tests.passed, "failed": tests.failed, "errors": tests.errors, "skipped": tests.skipped}
    found = [f"{count} {name}" for name, count in named.items() if count]
    return ", ".join(found) or "no tests"


def _lost(report: PlainReport, _stream: str, fact: f.AttemptLost) -> Said:
    return (
        fact.node,
        f"attempt {fact.attempt} of {report.title(fact.task_id)} ended: {fact.reason[:REASON_LIMIT]}",
    )


def _deferred(report: PlainReport, stream: str, fact: f.TaskDeferred) -> Said:
    return stream, f"waits with {report.title(fact.task_id)}: {fact.reason[:REASON_LIMIT]}"


def _conflicted(report: PlainReport, stream: str, fact: f.MergeConflicted) -> Said:
    return stream, f"{report.title(fact.task_id)} conflicts in {', '.join(fact.paths[:5])}"


def _integrated(report: PlainReport, stream: str, fact: f.TaskIntegrated) -> Said:
    return stream, f"integrates {report.title(fact.task_id)} as {fact.tip[:12]}"


def _rejected(report: PlainReport, stream: str, fact: f.TaskRejected) -> Said:
    return stream, f"rejects {report.title(fact.task_id)}: {fact.reason[:REASON_LIMIT]}"


def _unverified(report: PlainReport, stream: str, fact: f.TaskUnverified) -> Said:
    return stream, f"can't verify {report.title(fact.task_id)}: {fact.reason[:REASON_LIMIT]}"


LINES: Mapping[str, Callable[..., Said]] = {
    "DirectiveAccepted": _accepted,
    "RepositorySurveyed": _surveyed,
    "TaskAssigned": _assigned,
    "TaskDeferred": _deferred,
    "TaskFinished": _finished,
    "AttemptLost": _lost,
    "MergeConflicted": _conflicted,
    "TaskIntegrated": _integrated,
    "TaskRejected": _rejected,
    "TaskUnverified": _unverified,
}
