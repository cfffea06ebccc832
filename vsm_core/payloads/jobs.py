"""Jobs: long work outside the actor, as typed requests and reports.

An actor starts a job by a value and learns its end by an envelope; what a job did is in its report, never in a shared
object. A job that computes is a pure function of its request.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from vsm_core.ids import CommitId, Id, NodeId
from vsm_core.payloads.work import TaskPacket
from vsm_core.task import AcceptanceCriterion, Artifact, DiffSize, Evidence, Isolation, RepositoryRef, Usage
from vsm_core.value import Instant, Text, Value

INVENTORY_FILES = 2_000  # file names kept of an inventory; its counts are of all files


class JobOutcome(StrEnum):
    """How a job ended, whatever it found."""

    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


class TreeCount(Value):
    """How many Python files lie below one top-level folder."""

    tree: str
    python_files: NonNegativeInt


class RepositoryInventory(Value):
    """What a survey saw at the base commit, without running anything of the repository."""

    total_files: NonNegativeInt = 0
    languages: tuple[str, ...] = ()  # most files first
    python_files: NonNegativeInt = 0
    trees: tuple[TreeCount, ...] = ()
    files: tuple[str, ...] = ()  # at most INVENTORY_FILES
    test_files: tuple[str, ...] = ()
    configured: tuple[
        str, ...
    ] = ()  # tools the repository configures itself, such as "ruff" or "ruff.format"
    dependencies: tuple[str, ...] = ()
    requires_python: str | None = None
    uncommitted_files: NonNegativeInt = 0


class SurveyRepository(Value):
    """Look at the repository's file inventory and find its acceptance."""

    kind: Literal["survey"] = "survey"
    repository: RepositoryRef


class SurveyReport(Value):
    """The inventory, and the acceptance the repository itself suggests."""

    kind: Literal["survey"] = "survey"
    inventory: RepositoryInventory
    acceptance: tuple[AcceptanceCriterion, ...] = ()


class MergeMode(StrEnum):
    """Whether a merge may fast-forward, or must leave a commit that says it is unverified."""

    FAST_FORWARD = "fast_forward"
    UNVERIFIED = "unverified"


class MergeCommits(Value):
    """Merge a result onto a tip without a work tree; the same request always makes the same commit."""

    kind: Literal["merge"] = "merge"
    repository: RepositoryRef
    onto: CommitId
    commit: CommitId
    mode: MergeMode = MergeMode.FAST_FORWARD
    subject: Text
    trailers: tuple[tuple[str, str], ...] = ()
    moment: Instant  # the commit's own time: part of its identity


class MergeReport(Value):
    """The commit that holds both sides, or the paths that conflict."""

    kind: Literal["merge"] = "merge"
    tip: CommitId | None = None
    fast_forward: bool = False
    conflicts: tuple[str, ...] = ()


class MoveRef(Value):
    """Point a ref at a commit if it still points where we think; None means it must not exist yet."""

    kind: Literal["move_ref"] = "move_ref"
    repository: RepositoryRef
    ref: Annotated[str, Field(pattern="^refs/[^ ~^:?*\\[\\\\]+$", max_length=400)]
    commit: CommitId
    expected: CommitId | None = None


class MoveReport(Value):
    """Whether the ref points at the commit now, and where it pointed instead."""

    kind: Literal["move_ref"] = "move_ref"
    moved: bool
    found: CommitId | None = None


class ExecuteTask(Value):
    """Run one execution of a task in its own workspace."""

    kind: Literal["execute"] = "execute"
    packet: TaskPacket
    execution_id: Id


class ProviderExit(StrEnum):
    """How a provider ended, normalised over all of them."""

    OK = "ok"
    FAILED = "failed"
    THROTTLED = "throttled"
    AUTH = "auth"
    CANCELLED = "cancelled"
    CRASHED = "crashed"
    TIMED_OUT = "timed_out"
    TOOL_MISSING = "tool_missing"
    NEEDS_HUMAN = "needs_human"


class GateKind(StrEnum):
    """Which hard gate a diff ran into."""

    OUTSIDE_SCOPE = "outside_scope"
    DENIED_PATH = "denied_path"
    PROTECTED_PATH = "protected_path"
    NO_WRITE_CAPABILITY = "no_write_capability"
    ESCAPING_SYMLINK = "escaping_symlink"
    SECRET = "secret"
    BASE_MOVED = "base_moved"
    TOUCHED_REPOSITORY = "touched_repository"


class GateViolation(Value):
    """One path that a gate refused, and why."""

    kind: GateKind
    path: str
    detail: Text = ""


class Verdict(StrEnum):
    """What a verification says of a result."""

    HOLDS = "holds"
    REJECTS = "rejects"
    NEEDS_HUMAN = "needs_human"


class Judgement(Value):
    """One acceptance criterion, judged on what was observed."""

    criterion: str
    verdict: Verdict
    reason: Text = ""
    changed_tests: tuple[str, ...] = ()  # tests that passed on base and fail or are gone now


class ExecutionReport(Value):
    """What one execution did, as the harness measured it."""

    kind: Literal["execution"] = "execution"
    exit: ProviderExit
    reason: Text = ""
    commit: CommitId | None = None
    files_touched: tuple[str, ...] = ()
    special_changes: tuple[Text, ...] = ()  # symlinks, submodules, modes, binaries
    diff: DiffSize = DiffSize()
    violations: tuple[GateViolation, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    usage: Usage = Usage()
    artifacts: tuple[Artifact, ...] = ()
    isolation: Isolation = Isolation.NONE
    rescue_ref: str | None = None
    narration: Text = ""


JobRequest = SurveyRepository | MergeCommits | MoveRef | ExecuteTask
JobReport = SurveyReport | MergeReport | MoveReport | ExecutionReport


class Job(Value):
    """A job as an actor starts it; its id is derived from its cause."""

    id: Id
    node: NodeId
    subject: Id  # what it is for: a task, a mandate
    request: Annotated[JobRequest, Field(discriminator="kind")]
    deadline_seconds: PositiveInt
    started_at: Instant
    cause_id: Id  # the envelope that asked for it
    correlation_id: Id  # the story it belongs to
