"""Work: directives, tasks, their results and their evidence.

A result's ``narration`` is what the author claims; its ``evidence`` is what somebody observed. No code that decides
reads the narration.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from vsm_core.ids import CommitId, Id, NodeId, Sha256
from vsm_core.value import Instant, Money, Text, Value

WORKER_FACTS_LIMIT = 65_536  # bytes of the facts one result may carry
TAIL_LIMIT = 4_096  # characters of output kept in evidence
FILES_LIMIT = 2_000  # file names one result lists; ``files_changed`` counts them all


class Risk(StrEnum):
    """How much harm a wrong result could do."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Role(StrEnum):
    """What a task is for."""

    IMPLEMENT = "implement"
    TEST = "test"
    REVIEW = "review"
    INTEGRATE = "integrate"
    RESEARCH = "research"
    REPORT = "report"


class Outcome(StrEnum):
    """How an attempt, a task or a directive ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    REJECTED = "rejected"
    REFUSED = "refused"
    NEEDS_HUMAN = "needs_human"
    NO_CHANGE = "no_change"
    THROTTLED = "throttled"
    BUDGET_EXHAUSTED = "budget_exhausted"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    LOST = "lost"


class FailureClass(StrEnum):
    """Why an attempt did not complete: a closed list, so that retry rules can be a table."""

    AUTH = "auth"
    QUOTA = "quota"
    RATE_LIMIT = "rate_limit"
    NETWORK = "network"
    TIMEOUT = "timeout"
    CRASH = "crash"
    UNRESPONSIVE = "unresponsive"
    LEASE_LOST = "lease_lost"
    CONFLICT = "conflict"
    TOOL_MISSING = "tool_missing"
    POLICY_DENIED = "policy_denied"
    BUDGET_EXHAUSTED = "budget_exhausted"
    EMPTY_COMPLETION = "empty_completion"
    PHANTOM_COMPLETION = "phantom_completion"
    MODEL_ERROR = "model_error"
    SCHEMA_INVALID = "schema_invalid"
    TESTS_FAILED = "tests_failed"
    USER_ACTION_REQUIRED = "user_action_required"
    INTERNAL = "internal"
    UNKNOWN = "unknown"


class Isolation(StrEnum):
    """What the sandbox enforced while an attempt ran."""

    FULL = "full"
    FILESYSTEM = "filesystem"
    NONE = "none"


class GuardMode(StrEnum):
    """How an acceptance criterion judges: must not get worse, or must newly hold."""

    GUARD = "guard"
    PROOF = "proof"


class Arm(StrEnum):
    """Which organization a task was assigned under."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"
    SHADOW = "shadow"


class Budget(Value):
    """What may be spent; None means whatever the parent has left."""

    tokens: NonNegativeInt | None = None
    money: Money | None = None
    worker_seconds: NonNegativeFloat | None = None
    attempts: NonNegativeInt | None = None
    tasks: NonNegativeInt | None = None


class Usage(Value):
    """What an attempt spent."""

    input_tokens: NonNegativeInt = 0
    output_tokens: NonNegativeInt = 0
    tool_calls: NonNegativeInt = 0
    money: Money | None = None
    worker_seconds: NonNegativeFloat = 0.0
    model_served: str | None = None


class RepositoryRef(Value):
    """A repository: an identity that every machine agrees on, and where to reach it from here."""

    identity: Id
    location: Text  # a path or a URL
    base_commit: CommitId
    branch: str | None = None  # the branch the user stood on; None for a detached HEAD


class AcceptanceCriterion(Value):
    """What must hold: a command run without a shell, or an obligation to review."""

    name: Annotated[str, Field(min_length=1, max_length=120)]
    description: Text = ""
    mode: GuardMode = GuardMode.GUARD
    verifier: tuple[str, ...] = ()
    review_obligation: Text | None = None
    timeout_seconds: PositiveInt = 1_800


class Needs(Value):
    """Which steps a directive asks for. ``tests=False`` skips verification only where there is no diff to verify."""

    tests: bool = True
    review: bool = True
    integration: bool = True


class StaticPredicates(Value):
    """What can be known of a task without a model: from the directive's text and the repository's inventory."""

    languages: tuple[str, ...] = ()
    likely_files: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    test_targets: tuple[str, ...] = ()
    public_api: bool = False
    database: bool = False
    auth: bool = False
    config: bool = False
    migration: bool = False
    security_sensitive: bool = False
    estimated_blast_radius: NonNegativeInt = 0  # files that the work may touch
    task_classes: tuple[str, ...] = ()  # the maintenance classes asked for, in the order they should be done
    tags: tuple[str, ...] = ()
    domain_markers: tuple[str, ...] = ()


class ExecutionOptions(Value):
    """What the user chose for this run and every leaf must honour."""

    python: str | None = None  # the interpreter of the repository's own tests
    rules: tuple[str, ...] = ()  # lint rules that replace the crew's default ones
    home: Text | None = None  # the checkout whose virtual environment may serve the tests


class TestCounts(Value):
    """How many tests ended how in one run."""

    passed: NonNegativeInt = 0
    failed: NonNegativeInt = 0
    errors: NonNegativeInt = 0
    skipped: NonNegativeInt = 0


class Place(StrEnum):
    """Which commit a piece of evidence was observed on."""

    BASE = "base"
    RESULT = "result"
    RESULT_WITH_BASE_TESTS = "result_with_base_tests"


class Evidence(Value):
    """One command that somebody other than the author ran, and what was observed."""

    criterion: str = ""
    argv: tuple[str, ...]
    where: Place = Place.RESULT
    commit: CommitId | None = None
    exit_code: int | None = None  # None: it did not end by itself
    duration_seconds: NonNegativeFloat = 0.0
    tests: TestCounts | None = None
    summary: Text = ""
    output_digest: Sha256 | None = None
    output_tail: Text = ""
    interpreter: str | None = None
    isolation: Isolation = Isolation.NONE


class Artifact(Value):
    """Something a task left behind, addressed by content; small text may come inline."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    digest: Sha256
    size_bytes: NonNegativeInt
    inline: Text | None = None


class WorkerFact(Value):
    """What a worker observed of itself; the controller records it with the execution id."""

    kind: Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,59}$")]
    detail: Text = ""
    occurred_at: Instant


class DiffSize(Value):
    """How much an attempt changed, as measured on the diff."""

    files_changed: NonNegativeInt = 0
    lines_added: NonNegativeInt = 0
    lines_deleted: NonNegativeInt = 0


class ChannelCounts(Value):
    """How much coordination an attempt cost, per channel."""

    resource_bargaining: NonNegativeInt = 0
    command: NonNegativeInt = 0
    coordination: NonNegativeInt = 0
    audit: NonNegativeInt = 0
    management_to_operation: NonNegativeInt = 0
    operation_to_operation: NonNegativeInt = 0
    algedonic: NonNegativeInt = 0


class OutcomeChange(StrEnum):
    """What later history did to the work of an attempt."""

    REVERTED = "reverted"
    REINSTATED = "reinstated"  # the revert was itself reverted
    REGRESSED = "regressed"  # a later commit says that it fixes what this one broke
    OVERRIDDEN = "overridden"  # somebody amended it by a fix-up


class Adjustment(Value):
    """A later correction of a trace's score: who made it, why, by how much."""

    author: Id
    reason: Text
    delta: float


class TaskTrace(Value):
    """What one attempt did and how it turned out; outcome fields may arrive later."""

    task_id: Id
    directive_id: Id
    attempt: PositiveInt
    execution_id: Id | None = None
    node: NodeId
    ancestors: tuple[NodeId, ...] = ()  # from the immediate parent outward
    genome_id: Sha256
    trial_id: Id | None = None
    arm: Arm = Arm.CHAMPION
    role: Role
    task_class: str | None = None
    outcome: Outcome
    failure_class: FailureClass | None = None
    channels: ChannelCounts = ChannelCounts()
    usage: Usage = Usage()
    diff: DiffSize = DiffSize()
    latency_seconds: NonNegativeFloat = 0.0
    tests_passed: bool | None = None
    review_passed: bool | None = None
    merged: bool | None = None
    reverted: bool | None = None
    post_merge_regression: bool | None = None
    human_override: bool | None = None
    adjustments: tuple[Adjustment, ...] = ()
