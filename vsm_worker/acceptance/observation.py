"""What was observed of one command on one commit: facts for the judge, with no opinion in them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from vsm_core.payloads.jobs import GateViolation
from vsm_core.task import Evidence, TestCounts


class TestState(StrEnum):
    """How one test ended."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Uncollectable:
    """A test file that could not be read in, and the module whose import failed, where that was it."""

    file: str
    missing_module: str | None
    message: str

    @property
    def shown(self) -> str:
        """The file and its trouble in one line."""
        why = f"there is no module {self.missing_module!r}" if self.missing_module else self.message
        return f"{self.file}: {why}"


@dataclass(frozen=True, slots=True)
class TestRun:
    """A run of pytest, test by test."""

    tests: Mapping[str, TestState] = field(default_factory=dict)
    uncollectable: tuple[Uncollectable, ...] = ()

    def of(self, state: TestState) -> frozenset[str]:
        """Return the tests that ended so."""
        return frozenset(test for test, ended in self.tests.items() if ended is state)

    @property
    def counts(self) -> TestCounts:
        """Return how many tests ended how; a file that can't be collected counts as an error."""
        return TestCounts(
            passed=len(self.of(TestState.PASSED)),
            failed=len(self.of(TestState.FAILED)),
            errors=len(self.of(TestState.ERROR)) + len(self.uncollectable),
            skipped=len(self.of(TestState.SKIPPED)),
        )

    @property
    def shown(self) -> str:
        """The counts in one line."""
        counts = self.counts
        parts = (f"{counts.passed} passed", f"{counts.failed} failed", f"{counts.errors} errors")
        return ", ".join((*parts, f"{counts.skipped} skipped"))


@dataclass(frozen=True, slots=True)
class Observation:
    """How a command ended on a commit.

    ``unrunnable`` says why there is nothing to judge, with the mend; ``tests`` is None for what is not pytest.
    """

    evidence: Evidence
    exit_code: int | None
    timed_out: bool = False
    unrunnable: str | None = None
    tests: TestRun | None = None
    touched: tuple[GateViolation, ...] = ()  # of the repository's own git directory

    @property
    def passed(self) -> bool:
        """Say whether the command ended well."""
        return self.exit_code == 0
